"""The training loop of one variant: NS or WNS, everything else being equal."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from simsong_pipeline.config import TrainConfig, Variant
from simsong_pipeline.files import sha256_of
from simsong_pipeline.learning.batches import Features, TrainingSongs, Views, draw_batch
from simsong_pipeline.learning.losses import graded_targets, info_nce, soft_weights, solve_temperature, weight_spread
from simsong_pipeline.learning.song_model import SongModel
from simsong_pipeline.learning.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from simsong_pipeline.learning.training.processes import Processes, joined_processes
from simsong_pipeline.learning.training.throughput import Meter

Validate = Callable[[SongModel], float]
Progress = Callable[[int, int, dict[str, float]], None]
SMOOTHED = 3  # validations
_Songs = NDArray[np.int64]


@dataclass(frozen=True)
class Trainee:
    """What is trained.

    Attributes:
        build: makes the encoder, inputs [n, frames, channels] → [n, dim] of unit length.
        views: what it hears of the songs whose features these are, on a device.
        dim: of its embeddings.
        identity: everything that decides the three, for a checkpoint to tell whether it fits.
        body: gives the encoder's parameters that were pretrained and are to change at a rate of their own.
    """

    build: Callable[[], nn.Module]
    views: Callable[[Sequence[Features], torch.device], Views]
    dim: int
    identity: object
    body: Callable[[nn.Module], list[nn.Parameter]] = lambda _: []


@dataclass(frozen=True)
class TrainedEncoder:
    """The weights of the best validation step, by the mean of the last three recalls, and how training went.

    Attributes:
        weights: of the audio encoder.
        lyric_matrix: [k, k] the learned projection of whitened lyrics, the identity where none was learned.
        history: one record per validation: step, loss, weight_spread, learning_rate, recall.
        lyric_temperature: solved for WNS; null for NS.
        speed: segments_per_s and utilisation since the last validation but one.
    """

    weights: dict[str, Tensor]
    lyric_matrix: NDArray[np.float32]
    best_step: int
    best_recall: float | None
    history: list[dict[str, float]]
    lyric_temperature: float | None
    speed: dict[str, float]


def pick_device(wanted: str) -> torch.device:
    """`auto` is CUDA where there is one."""
    if wanted == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(wanted)


def uses_bf16(wanted: str, device: torch.device) -> bool:
    """`auto` is bf16 where the processor multiplies it natively: a GPU, or a CPU with AVX512-BF16 or AMX.

    There a step takes about 0.6 of its time in f32 and finds as good an encoder; elsewhere it would be slower.
    """
    if wanted != "auto":
        return wanted == "bf16"
    capabilities = torch.cpu.get_capabilities()
    return device.type == "cuda" or any(capabilities.get(name) for name in ("avx512_bf16", "amx_bf16"))


def train(
    songs: TrainingSongs,
    trainee: Trainee,
    variant: Variant,
    config: TrainConfig,
    validate: Validate | None,
    progress: Progress,
    checkpoint: Path | None = None,
) -> TrainedEncoder:
    """Train, keep the weights of the best validation recall, go on from `checkpoint` where it fits.

    Args:
        validate: embeds the validation songs with the encoder and returns Recall@k; where null, the last
            weights are kept.
        progress: called after each step with (step, steps, figures).
    """
    device = pick_device(config.device)
    with joined_processes(device) as processes:
        if device.type == "cuda":
            device = torch.device("cuda", processes.local_rank)
        run = _Run(songs, trainee, variant, config, processes, device)
        return run.train(validate, progress, checkpoint)


class _Run:
    def __init__(
        self,
        songs: TrainingSongs,
        trainee: Trainee,
        variant: Variant,
        config: TrainConfig,
        processes: Processes,
        device: torch.device,
    ) -> None:
        self._songs, self._config = songs, config
        self._processes, self._device = processes, device
        self._bf16 = uses_bf16(config.precision, device)
        self._views = trainee.views(songs.features, device)
        torch.manual_seed(config.seed)
        lyric_dim = songs.lyrics.shape[1]
        self._model = SongModel(trainee.build(), trainee.dim, lyric_dim, config.loss, config.queue).to(device)
        self._encode = _compiled(self._model.encoder, config, device)
        groups = _groups(self._model, trainee.body(self._model.encoder), config.body_rate)
        self._optimizer = torch.optim.AdamW(groups, lr=config.learning_rate, weight_decay=config.weight_decay)
        data = [songs.artist.tolist(), songs.neighbours.indices.tolist(), float(songs.lyrics.sum())]
        frames = [len(f) for f in songs.features]
        self._hash = sha256_of(variant, trainee.identity, config.model_dump(), data, frames)
        self._lyric_temperature = self._solve_temperature() if variant == "wns" else None

    def _solve_temperature(self) -> float | None:
        """Solve on one batch's songs: the weights depend on how many negatives a batch has.

        Null where no two of them have lyrics to compare; then WNS is NS.
        """
        rng = np.random.default_rng([self._config.seed, 0, 0])
        count = 2 * self._config.batch_size * self._processes.world + self._config.queue
        drawn = rng.permutation(len(self._songs))[:count]
        similarity, comparable = self._lyric_pairs(drawn, drawn)
        if not comparable.any():
            return None
        loss = self._config.loss
        return solve_temperature(similarity, comparable, loss.alpha_share, loss.beta, loss.weight_spread)

    def _lyric_pairs(self, rows: _Songs, columns: _Songs) -> tuple[Tensor, Tensor]:
        """Lyric cosines [rows, columns] and where they count: both have lyrics, and the pair is a negative."""
        first, second = (torch.from_numpy(self._songs.lyrics[songs]) for songs in (rows, columns))
        present = (first.square().sum(dim=1) > 0)[:, None] & (second.square().sum(dim=1) > 0)[None]
        return first @ second.T, present & ~self._left_out(rows, columns)

    def _left_out(self, rows: _Songs, columns: _Songs) -> Tensor:
        """Pairs that are no negatives: the same song and, where configured, known relations."""
        same = torch.from_numpy(rows[:, None] == columns[None])
        return same | torch.from_numpy(self._songs.known_pairs(rows, columns)) if self._config.mask_known else same

    def train(self, validate: Validate | None, progress: Progress, checkpoint: Path | None) -> TrainedEncoder:
        state = Checkpoint(0, 0, None, self._hash, [])
        best = self._weights_now()
        if checkpoint is not None:
            restored = load_checkpoint(checkpoint, self._hash, self._model, self._optimizer)
            state, best = restored if restored is not None else (state, best)
        since: list[dict[str, float]] = []
        meter, speed = Meter(self._device), {}
        views = 2 * self._config.batch_size * self._config.accumulate * self._processes.world
        for step in range(state.step + 1, self._config.steps + 1):
            figures = self._step(step)
            since.append(figures)
            meter.count(views)
            if step % self._config.validate_every == 0 or step == self._config.steps:
                speed = meter.figures()
                state, best = self._validated(step, _means(since), state, best, validate)
                if checkpoint is not None and self._processes.is_first:
                    save_checkpoint(checkpoint, state, self._model, self._optimizer, best)
                figures, since = state.history[-1] | speed, []
                meter.figures()
            progress(step, self._config.steps, figures)
        self._model.load_state_dict(best)
        weights = {name: t.detach().cpu().clone() for name, t in self._model.encoder.state_dict().items()}
        return TrainedEncoder(
            weights,
            self._model.lyric_matrix(),
            state.best_step,
            state.best_recall,
            state.history,
            self._lyric_temperature,
            speed,
        )

    def _weights_now(self) -> dict[str, Tensor]:
        return {name: t.detach().cpu().clone() for name, t in self._model.state_dict().items()}

    def _validated(
        self,
        step: int,
        figures: dict[str, float],
        state: Checkpoint,
        best: dict[str, Tensor],
        validate: Validate | None,
    ) -> tuple[Checkpoint, dict[str, Tensor]]:
        if validate is None:
            history = [*state.history, {"step": float(step), **figures}]
            return Checkpoint(step, step, None, self._hash, history), self._weights_now()
        self._model.eval()
        with torch.inference_mode():
            recall = validate(self._model)
        self._model.train()
        history = [*state.history, {"step": float(step), **figures, "recall": recall}]
        # A trailing mean: a small validation part makes single recalls jump, and a lucky one is not the best.
        smooth = float(np.mean([record["recall"] for record in history[-SMOOTHED:]]))
        if state.best_recall is None or smooth > state.best_recall:
            return Checkpoint(step, step, smooth, self._hash, history), self._weights_now()
        return Checkpoint(step, state.best_step, state.best_recall, self._hash, history), best

    def _step(self, step: int) -> dict[str, float]:
        rate = self._learning_rate(step)
        for group in self._optimizer.param_groups:
            group["lr"] = rate * group["share"]
        self._optimizer.zero_grad(set_to_none=True)
        losses, spreads = [], []
        for part in range(self._config.accumulate):
            number = (step - 1) * self._config.accumulate + part + 1
            loss, spread = self._loss(number)
            (loss / self._config.accumulate).backward()  # type: ignore[no-untyped-call]
            losses.append(float(loss.detach()))
            spreads.append(spread)
        self._processes.average_gradients(self._model)
        torch.nn.utils.clip_grad_norm_(self._model.parameters(), 1.0)
        self._optimizer.step()
        return {
            "loss": float(np.mean(losses)),
            "weight_spread": float(np.mean(spreads)),
            "learning_rate": rate,
        }

    def _loss(self, number: int) -> tuple[Tensor, float]:
        config = self._config
        batch = draw_batch(self._songs, self._views, config, number, self._processes.rank)
        torch.manual_seed(
            np.random.SeedSequence([config.seed, number, self._processes.rank]).generate_state(1)[0].item()
        )
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._bf16):
            embeddings = self._encode(batch.inputs)
        views = self._processes.gather(embeddings.float())
        songs = self._processes.gather_songs(batch.songs)
        earlier, earlier_songs = self._model.queued()
        others = np.concatenate([songs, earlier_songs])
        weights, spread = self._weights(songs, others)
        targets = self._targets(songs, others).to(self._device)
        weights = weights.to(self._device)
        audio = self._model.scale * (views @ torch.cat([views, earlier]).T)
        share = config.loss.fused_share
        loss = (1 - share) * info_nce(audio, targets, weights)
        if share:
            loss = loss + share * info_nce(audio + self._lyric_logits(songs, others, number), targets, weights)
        if config.loss.alignment:
            loss = loss + config.loss.alignment * self._alignment(views, songs)
        self._model.remember(views, songs)
        return loss, spread

    def _lyric_logits(self, rows: _Songs, columns: _Songs, number: int) -> Tensor:
        """[rows, columns] what the lyrics add; a share of the batch's songs goes without, as some songs do."""
        rng = np.random.default_rng([self._config.seed, number, 1])
        silent = rng.random(len(self._songs)) < self._config.modality_dropout
        lyrics = np.where(silent[:, None], np.float32(0), self._songs.lyrics)
        first, second = (self._model.project(torch.from_numpy(lyrics[s]).to(self._device)) for s in (rows, columns))
        return self._model.lyric_scale * (first @ second.T)

    def _alignment(self, views: Tensor, songs: _Songs) -> Tensor:
        """Which lyrics are sung here? InfoNCE from audio to the lyrics of the batch."""
        lyrics = torch.from_numpy(self._songs.lyrics[songs]).to(self._device)
        sung = lyrics.square().sum(dim=1) > 0
        if int(sung.sum()) < 2:
            return views.new_zeros(())
        own = torch.from_numpy(songs[:, None] == songs[None]).to(self._device)[sung][:, sung]
        heard = torch.nn.functional.normalize(self._model.listener(views[sung]), dim=1)
        return info_nce(self._model.scale * (heard @ lyrics[sung].T), own / own.sum(dim=1, keepdim=True))

    def _targets(self, songs: _Songs, others: _Songs) -> Tensor:
        """[views, others] each view's pair and, where configured, the similarity graph."""
        rows = len(songs) // self._processes.world
        partner = torch.zeros(len(songs), len(others), dtype=torch.bool)
        partner[torch.arange(len(songs)), _positives(rows, self._processes.world)] = True
        share = self._config.loss.graph_share
        if not share:
            return partner.float()
        relatedness = torch.from_numpy(self._songs.similarity(songs, others))
        relatedness[torch.from_numpy(songs[:, None] == others[None])] = 0.0
        return graded_targets(partner, relatedness, share)

    def _weights(self, songs: _Songs, others: _Songs) -> tuple[Tensor, float]:
        """Weights [views, others] of the negatives and their spread; 0 leaves a pair out."""
        left_out = self._left_out(songs, others)
        if self._lyric_temperature is None:
            return (~left_out).float(), 0.0
        loss = self._config.loss
        similarity, comparable = self._lyric_pairs(songs, others)
        weights = soft_weights(similarity, comparable, loss.alpha_share, loss.beta, self._lyric_temperature)
        return weights * ~left_out, weight_spread(weights, comparable)

    def _learning_rate(self, step: int) -> float:
        """Linear warm-up, then a half cosine down to a hundredth."""
        config = self._config
        if step <= config.warmup_steps:
            return config.learning_rate * step / config.warmup_steps
        done = (step - config.warmup_steps) / max(1, config.steps - config.warmup_steps)
        return config.learning_rate * (0.01 + 0.99 * (1 + math.cos(math.pi * done)) / 2)


def _groups(model: nn.Module, body: list[nn.Parameter], share: float) -> list[dict[str, Any]]:
    """Parameters with the share of the learning rate that is theirs."""
    pretrained = {id(p) for p in body}
    trained = [p for p in model.parameters() if p.requires_grad]
    rest = {"params": [p for p in trained if id(p) not in pretrained], "share": 1.0}
    slow = {"params": [p for p in trained if id(p) in pretrained], "share": share}
    return [group for group in (rest, slow) if group["params"]]


def _compiled(encoder: nn.Module, config: TrainConfig, device: torch.device) -> Callable[[Tensor], Tensor]:
    """The encoder through torch.compile where configured; by default on a GPU only, where it pays back."""
    wanted = device.type == "cuda" if config.compile is None else config.compile
    encode: Callable[[Tensor], Tensor] = torch.compile(encoder) if wanted else encoder
    return encode


def _means(records: list[dict[str, float]]) -> dict[str, float]:
    """Mean of each figure over the steps since the last validation: single batches jump."""
    return {name: float(np.mean([record[name] for record in records])) for name in records[0]}


def _positives(rows: int, world: int) -> Tensor:
    """Column of each row's pair: within a process's 2b rows, i and i + b belong together."""
    own = torch.arange(rows).roll(rows // 2)
    return torch.cat([own + process * rows for process in range(world)])
