"""Ways to train: the defaults of both variants, and one change against the defaults each."""

from dataclasses import dataclass, field
from typing import Any

from benchmarks.quality import sample_cnn
from simsong_pipeline.config import PipelineConfig, Variant
from simsong_pipeline.pipeline.settings import read_config


@dataclass(frozen=True)
class Recipe:
    """A variant and what is set otherwise than by default ("train.steps": 10); on waveforms in place of log-mels."""

    variant: Variant
    changes: dict[str, Any] = field(default_factory=dict)
    waveform: bool = False

    def applied(self, base: PipelineConfig) -> PipelineConfig:
        """The configuration to train by."""
        return read_config(None, base, self.changes)


_NO_AUGMENT = {f"train.augment.{name}": 0.0 for name in ("equaliser_db", "noise_db", "time_mask", "mel_mask")}
RECIPES: dict[str, Recipe] = {
    "ns": Recipe("ns"),
    "wns": Recipe("wns"),
    "sample_cnn": Recipe("ns", sample_cnn.CHANGES, waveform=True),
    # Encoder
    "patches": Recipe("ns", {"encoder.kind": "patches"}),
    "mean_pooling": Recipe("ns", {"encoder.pooling": "mean"}),
    "attention_pooling": Recipe("ns", {"encoder.pooling": "attention"}),
    "half_width": Recipe("ns", {"encoder.widths": (48, 64)}),
    "dropout_0.3": Recipe("ns", {"encoder.dropout": 0.3}),
    "weight_decay_0.2": Recipe("ns", {"train.weight_decay": 0.2}),
    "one_segment": Recipe("ns", {"segments.inference_segments": 1}),
    "segments_2.5s": Recipe("ns", {"segments.seconds": 2.5, "segments.inference_segments": 16}),
    "segments_10s": Recipe("ns", {"segments.seconds": 10.0, "segments.inference_segments": 4}),
    # Augmentation
    "no_augmentation": Recipe("ns", _NO_AUGMENT),
    "no_equaliser": Recipe("ns", {"train.augment.equaliser_db": 0.0}),
    "no_noise": Recipe("ns", {"train.augment.noise_db": 0.0}),
    "no_masks": Recipe("ns", {"train.augment.time_mask": 0.0, "train.augment.mel_mask": 0.0}),
    "long_masks": Recipe("ns", {"train.augment.time_mask": 0.4, "train.augment.mel_mask": 0.3}),
    "loud_noise": Recipe("ns", {"train.augment.noise_db": 4.0}),
    "background": Recipe("ns", {"train.augment.background_db": 6.0}),
    "pitch_shift": Recipe("ns", {"train.augment.pitch_bins": 2}),
    # Loss and pairs
    "graph_targets": Recipe("ns", {"train.loss.graph_share": 1.0}),
    "fused_loss": Recipe("ns", {"train.loss.fused_share": 0.5}),
    "alignment": Recipe("ns", {"train.loss.alignment": 0.2}),
    "temperature_0.05": Recipe("ns", {"train.loss.temperature": 0.05}),
    "temperature_0.2": Recipe("ns", {"train.loss.temperature": 0.2}),
    "learned_temperature": Recipe("ns", {"train.loss.learn_temperature": True}),
    "queue": Recipe("ns", {"train.queue": 128}),
    "own_pairs": Recipe("ns", {"train.neighbour_share": 0.0}),
    "ns_unmasked": Recipe("ns", {"train.mask_known": False}),
    "wns_unmasked": Recipe("wns", {"train.mask_known": False}),
    "graph_targets_dropout": Recipe("ns", {"train.loss.graph_share": 1.0, "encoder.dropout": 0.3}),
}
