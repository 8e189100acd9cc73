"""The training loop of one variant: NS or WNS, everything else being equal."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from simsong_pipeline.batches import TrainingSongs, draw_batch
from simsong_pipeline.config import EncoderConfig, TrainConfig, Variant
from simsong_pipeline.encoder import AudioEncoder
from simsong_pipeline.files import sha256_of
from simsong_pipeline.losses import info_nce, soft_weights, solve_temperature, weight_spread
from simsong_pipeline.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from simsong_pipeline.training.processes import Processes, joined_processes

Validate = Callable[[AudioEncoder], float]
Progress = Callable[[int, int, dict[str, float]], None]
SMOOTHED = 3  # validations


@dataclass(frozen=True)
class TrainedEncoder:
    """The weights of the best validation step, by the mean of the last three recalls, and how training went.

    Attributes:
        history: one record per validation: step, loss, weight_spread, learning_rate, recall.
        lyric_temperature: solved for WNS; null for NS.
    """

    weights: dict[str, Tensor]
    best_step: int
    best_recall: float | None
    history: list[dict[str, float]]
    lyric_temperature: float | None


def pick_device(wanted: str) -> torch.device:
    """`auto` is CUDA where there is one."""
    if wanted == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(wanted)


def train(
    songs: TrainingSongs,
    segment_length: int,
    variant: Variant,
    encoder_config: EncoderConfig,
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
        run = _Run(songs, segment_length, variant, encoder_config, config, processes, device)
        return run.train(validate, progress, checkpoint)


class _Run:
    def __init__(
        self,
        songs: TrainingSongs,
        segment_length: int,
        variant: Variant,
        encoder_config: EncoderConfig,
        config: TrainConfig,
        processes: Processes,
        device: torch.device,
    ) -> None:
        self._songs, self._length, self._config = songs, segment_length, config
        self._processes, self._device = processes, device
        torch.manual_seed(config.seed)
        n_mels = songs.features[0].shape[1]
        self._encoder = AudioEncoder(encoder_config, n_mels).to(device)
        self._optimizer = torch.optim.AdamW(
            self._encoder.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )
        data = [songs.artist.tolist(), songs.neighbours.indices.tolist(), float(songs.lyrics.sum())]
        frames = [len(f) for f in songs.features]
        self._hash = sha256_of(variant, encoder_config.model_dump(), config.model_dump(), segment_length, data, frames)
        self._lyric_temperature = self._solve_temperature() if variant == "wns" else None

    def _solve_temperature(self) -> float | None:
        """Solve on one batch's songs: the weights depend on how many negatives a batch has.

        Null where no two of them have lyrics to compare; then WNS is NS.
        """
        rng = np.random.default_rng([self._config.seed, 0, 0])
        count = 2 * self._config.batch_size * self._processes.world
        drawn = rng.permutation(len(self._songs))[:count]
        similarity, comparable = self._lyric_pairs(drawn)
        if not comparable.any():
            return None
        loss = self._config.loss
        return solve_temperature(similarity, comparable, loss.alpha_share, loss.beta, loss.weight_spread)

    def _lyric_pairs(self, songs: np.ndarray) -> tuple[Tensor, Tensor]:
        """Lyric cosines [n, n] and where they count: both have lyrics, and the songs are two."""
        vectors = torch.from_numpy(self._songs.lyrics[songs])
        present = vectors.square().sum(dim=1) > 0
        different = torch.from_numpy(songs[:, None] != songs[None])
        return vectors @ vectors.T, present[:, None] & present[None] & different & ~self._left_out(songs)

    def _left_out(self, songs: np.ndarray) -> Tensor:
        """Pairs that are no negatives: the same song and, where configured, known relations."""
        same = torch.from_numpy(songs[:, None] == songs[None])
        return same | torch.from_numpy(self._songs.known_pairs(songs)) if self._config.mask_known else same

    def train(self, validate: Validate | None, progress: Progress, checkpoint: Path | None) -> TrainedEncoder:
        state = Checkpoint(0, 0, None, self._hash, [])
        best = self._weights_now()
        if checkpoint is not None:
            restored = load_checkpoint(checkpoint, self._hash, self._encoder, self._optimizer)
            state, best = restored if restored is not None else (state, best)
        since: list[dict[str, float]] = []
        for step in range(state.step + 1, self._config.steps + 1):
            figures = self._step(step)
            since.append(figures)
            if step % self._config.validate_every == 0 or step == self._config.steps:
                state, best = self._validated(step, _means(since), state, best, validate)
                if checkpoint is not None and self._processes.is_first:
                    save_checkpoint(checkpoint, state, self._encoder, self._optimizer, best)
                figures, since = state.history[-1], []
            progress(step, self._config.steps, figures)
        return TrainedEncoder(best, state.best_step, state.best_recall, state.history, self._lyric_temperature)

    def _weights_now(self) -> dict[str, Tensor]:
        return {name: t.detach().cpu().clone() for name, t in self._encoder.state_dict().items()}

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
        self._encoder.eval()
        with torch.inference_mode():
            recall = validate(self._encoder)
        self._encoder.train()
        history = [*state.history, {"step": float(step), **figures, "recall": recall}]
        # A trailing mean: a small validation part makes single recalls jump, and a lucky one is not the best.
        smooth = float(np.mean([record["recall"] for record in history[-SMOOTHED:]]))
        if state.best_recall is None or smooth > state.best_recall:
            return Checkpoint(step, step, smooth, self._hash, history), self._weights_now()
        return Checkpoint(step, state.best_step, state.best_recall, self._hash, history), best

    def _step(self, step: int) -> dict[str, float]:
        rate = self._learning_rate(step)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self._optimizer.zero_grad(set_to_none=True)
        losses, spreads = [], []
        for part in range(self._config.accumulate):
            number = (step - 1) * self._config.accumulate + part + 1
            loss, spread = self._loss(number)
            (loss / self._config.accumulate).backward()  # type: ignore[no-untyped-call]
            losses.append(float(loss.detach()))
            spreads.append(spread)
        self._processes.average_gradients(self._encoder)
        torch.nn.utils.clip_grad_norm_(self._encoder.parameters(), 1.0)
        self._optimizer.step()
        return {
            "loss": float(np.mean(losses)),
            "weight_spread": float(np.mean(spreads)),
            "learning_rate": rate,
        }

    def _loss(self, number: int) -> tuple[Tensor, float]:
        config = self._config
        batch = draw_batch(self._songs, self._length, config, number, self._processes.rank)
        torch.manual_seed(
            np.random.SeedSequence([config.seed, number, self._processes.rank]).generate_state(1)[0].item()
        )
        autocast = torch.autocast(self._device.type, torch.bfloat16, enabled=config.precision == "bf16")
        with autocast:
            embeddings = self._encoder(batch.log_mel.to(self._device, non_blocking=True))
        gathered = self._processes.gather(embeddings.float())
        songs = self._processes.gather_songs(batch.songs)
        weights, spread = self._weights(songs)
        positive = _positives(len(batch.songs), self._processes.world).to(self._device)
        similarity = gathered @ gathered.T
        return info_nce(similarity, positive, config.loss.temperature, weights.to(self._device)), spread

    def _weights(self, songs: np.ndarray) -> tuple[Tensor, float]:
        """Weights [n, n] of the negatives and their spread; 0 leaves a pair out."""
        left_out = self._left_out(songs)
        if self._lyric_temperature is None:
            return (~left_out).float(), 0.0
        loss = self._config.loss
        similarity, comparable = self._lyric_pairs(songs)
        weights = soft_weights(similarity, comparable, loss.alpha_share, loss.beta, self._lyric_temperature)
        return weights * ~left_out, weight_spread(weights, comparable)

    def _learning_rate(self, step: int) -> float:
        """Linear warm-up, then a half cosine down to a hundredth."""
        config = self._config
        if step <= config.warmup_steps:
            return config.learning_rate * step / config.warmup_steps
        done = (step - config.warmup_steps) / max(1, config.steps - config.warmup_steps)
        return config.learning_rate * (0.01 + 0.99 * (1 + math.cos(math.pi * done)) / 2)


def _means(records: list[dict[str, float]]) -> dict[str, float]:
    """Mean of each figure over the steps since the last validation: single batches jump."""
    return {name: float(np.mean([record[name] for record in records])) for name in records[0]}


def _positives(rows: int, world: int) -> Tensor:
    """Column of each row's pair: within a process's 2b rows, i and i + b belong together."""
    own = torch.arange(rows).roll(rows // 2)
    return torch.cat([own + process * rows for process in range(world)])
