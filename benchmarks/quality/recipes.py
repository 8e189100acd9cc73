"""Ways to train: both variants by default, and from scratch with one change each."""

from dataclasses import dataclass, field
from typing import Any, Literal

from benchmarks.quality import sample_cnn
from simsong_pipeline.config import PipelineConfig, Variant
from simsong_pipeline.home.settings import read_config

# Whether what training makes is taken: as in the product where cross-validation shows it to be better than the start.
Head = Literal["gated", "never", "always"]
_SCRATCH = {"encoder.kind": "convolution"}


@dataclass(frozen=True)
class Recipe:
    """A variant and what is set otherwise than by default ("train.steps": 10); on waveforms in place of log-mels."""

    variant: Variant
    changes: dict[str, Any] = field(default_factory=dict)
    waveform: bool = False
    head: Head = "gated"

    def applied(self, base: PipelineConfig) -> PipelineConfig:
        """The configuration to train by."""
        return read_config(None, base, self.changes)


def _scratch(variant: Variant, changes: dict[str, Any] | None = None) -> Recipe:
    """An encoder of log-mels trained from scratch."""
    return Recipe(variant, _SCRATCH | (changes or {}))


# Spans and steps that suffice for the sample's songs of 25 seconds, on a CPU.
_EVENTS: dict[str, Any] = {"encoder.kind": "events", "events.span": 96, "events.spans": 2, "events.width": 64}
_EVENTS |= {"events.layers": 2, "events.steps": 120}
_EVENTS_ON_GPU = {"events.width": 128, "events.layers": 4, "events.steps": 1_500, "train.batch_size": 256}


def _events(variant: Variant, head: Head = "gated", **changes: Any) -> Recipe:
    """An encoder of the Million Song Dataset's features."""
    return Recipe(variant, _EVENTS | {f"events.{name}": value for name, value in changes.items()}, head=head)


_NO_AUGMENT = {f"train.augment.{name}": 0.0 for name in ("equaliser_db", "noise_db", "time_mask", "mel_mask")}
RECIPES: dict[str, Recipe] = {
    "ns": Recipe("ns"),
    "wns": Recipe("wns"),
    "sample_cnn": Recipe("ns", sample_cnn.CHANGES, waveform=True),
    # The frozen bodies' head
    "start": Recipe("ns", head="never"),
    "head": Recipe("ns", head="always"),
    "wns_head": Recipe("wns", head="always"),
    # The data set's features alone, of a catalogue that has them
    "events": _events("ns"),
    "wns_events": _events("wns"),
    "events_start": _events("ns", "never"),
    "events_convolution": _events("ns", "always"),
    "wns_events_convolution": _events("wns", "always"),
    "events_transformer": _events("ns", "always", body="transformer"),
    "wns_events_transformer": _events("wns", "always", body="transformer"),
    "events_convolution_large": Recipe("ns", _EVENTS | _EVENTS_ON_GPU, head="always"),
    "events_transformer_large": Recipe("ns", _EVENTS | _EVENTS_ON_GPU | {"events.body": "transformer"}, head="always"),
    # Trained from scratch, which all that follow are
    "convolution": _scratch("ns"),
    "wns_convolution": _scratch("wns"),
    "patches": _scratch("ns", {"encoder.kind": "patches"}),
    "mean_pooling": _scratch("ns", {"encoder.pooling": "mean"}),
    "attention_pooling": _scratch("ns", {"encoder.pooling": "attention"}),
    "half_width": _scratch("ns", {"encoder.widths": (48, 64)}),
    "dropout_0.3": _scratch("ns", {"encoder.dropout": 0.3}),
    "weight_decay_0.2": _scratch("ns", {"train.weight_decay": 0.2}),
    "one_segment": _scratch("ns", {"segments.inference_segments": 1}),
    "segments_2.5s": _scratch("ns", {"segments.seconds": 2.5, "segments.inference_segments": 16}),
    "segments_10s": _scratch("ns", {"segments.seconds": 10.0, "segments.inference_segments": 4}),
    # Augmentation
    "no_augmentation": _scratch("ns", _NO_AUGMENT),
    "no_equaliser": _scratch("ns", {"train.augment.equaliser_db": 0.0}),
    "no_noise": _scratch("ns", {"train.augment.noise_db": 0.0}),
    "no_masks": _scratch("ns", {"train.augment.time_mask": 0.0, "train.augment.mel_mask": 0.0}),
    "long_masks": _scratch("ns", {"train.augment.time_mask": 0.4, "train.augment.mel_mask": 0.3}),
    "loud_noise": _scratch("ns", {"train.augment.noise_db": 4.0}),
    "background": _scratch("ns", {"train.augment.background_db": 6.0}),
    "pitch_shift": _scratch("ns", {"train.augment.pitch_bins": 2}),
    # Loss and pairs
    "graph_targets": _scratch("ns", {"train.loss.graph_share": 1.0}),
    "fused_loss": _scratch("ns", {"train.loss.fused_share": 0.5}),
    "alignment": _scratch("ns", {"train.loss.alignment": 0.2}),
    "temperature_0.05": _scratch("ns", {"train.loss.temperature": 0.05}),
    "temperature_0.2": _scratch("ns", {"train.loss.temperature": 0.2}),
    "learned_temperature": _scratch("ns", {"train.loss.learn_temperature": True}),
    "queue": _scratch("ns", {"train.queue": 128}),
    "own_pairs": _scratch("ns", {"train.neighbour_share": 0.0}),
    "ns_unmasked": _scratch("ns", {"train.mask_known": False}),
    "wns_unmasked": _scratch("wns", {"train.mask_known": False}),
    "graph_targets_dropout": _scratch("ns", {"train.loss.graph_share": 1.0, "encoder.dropout": 0.3}),
}
