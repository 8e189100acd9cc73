"""Is a recording usable? Each check gives the reason why not, in words for the table of exclusions."""

import numpy as np

from simsong_pipeline.audio.decoding import Recording
from simsong_pipeline.config import AudioConfig
from simsong_pipeline.errors import AudioError


def check_recording(recording: Recording, expected_s: float | None, config: AudioConfig) -> None:
    """Finite, long enough, not silent, not cut short, and not damaged beyond the same tolerance.

    Truncated files decode without an error, so the decoded duration is compared with what the container
    declares and, where the container was cut as well, with what the catalogue expects.

    Args:
        expected_s: the catalogue's duration; null where it has none or the recording need not match it.

    Raises:
        AudioError: with the reason.
    """
    samples = recording.samples
    if not np.isfinite(samples).all():
        raise AudioError("samples are not finite")
    for name, wanted in (("container", recording.declared_s), ("catalogue", expected_s)):
        if wanted is not None:
            _check_length(recording.duration_s, name, wanted, config)
    whole = recording.duration_s + recording.lost_s
    if _falls_short(recording.duration_s, whole, config):
        raise AudioError(f"damaged: {recording.lost_s:.1f} s of {whole:.1f} s could not be decoded")
    if recording.duration_s < config.min_seconds:
        raise AudioError(f"too short: {recording.duration_s:.1f} s of at least {config.min_seconds:g} s")
    level = 10 * np.log10(float(np.dot(samples, samples)) / len(samples) + 1e-12)
    if level < config.silence_dbfs:
        raise AudioError(f"silent: {level:.0f} dBFS, below {config.silence_dbfs:g}")


def damage_note(recording: Recording) -> str | None:
    """How much a recording that passed has lost, for its row; null where it is whole."""
    if recording.lost_s < 0.005:
        return None
    lost = f"{recording.lost_s:.1f}" if recording.lost_s >= 0.1 else "less than 0.1"
    return f"{lost} s could not be decoded"


def _falls_short(decoded_s: float, wanted_s: float, config: AudioConfig) -> bool:
    return decoded_s < wanted_s * (1 - config.duration_tolerance) - 0.5


def _check_length(decoded_s: float, name: str, wanted_s: float, config: AudioConfig) -> None:
    wanted_s = min(wanted_s, config.max_seconds)
    if _falls_short(decoded_s, wanted_s, config):
        raise AudioError(f"truncated: {decoded_s:.1f} s decoded, the {name} says {wanted_s:.1f} s")
