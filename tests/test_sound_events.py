"""What the sample states of its songs' sound: events where notes begin, their pitches, loudness and timbre."""

import numpy as np
import pytest
from numpy.typing import NDArray

from simsong_pipeline.sources.sample.instruments import SAMPLE_RATE, additive
from simsong_pipeline.sources.sample.sound_events import loudness, sound_events


def _melody(notes: list[tuple[float, int, float]], seconds: float) -> NDArray[np.float32]:
    """[samples, 2] of notes, each by its start in seconds, MIDI pitch and gain, that last until the next."""
    mono = np.zeros(round(seconds * SAMPLE_RATE), np.float32)
    ends = [start for start, _, _ in notes[1:]] + [seconds]
    for (start, pitch, gain), end in zip(notes, ends, strict=True):
        begin, stop = round(start * SAMPLE_RATE), round(end * SAMPLE_RATE)
        mono[begin:stop] = gain * additive(440 * 2 ** ((pitch - 69) / 12), stop - begin, 1.2, 0.01)
    return np.stack([mono, mono], axis=1)


NOTES = [(0.0, 60, 0.2), (0.5, 64, 0.4), (1.1, 67, 0.1), (1.6, 71, 0.6), (2.5, 62, 0.3)]


def test_events_begin_where_notes_begin() -> None:
    arrays = sound_events(_melody(NOTES, 3.0))
    np.testing.assert_allclose(arrays["segments_start"], [start for start, _, _ in NOTES], atol=0.03)


@pytest.mark.parametrize("shift", [0, 5, -2])
def test_the_strongest_pitch_is_the_notes_and_transposing_rotates_it(shift: int) -> None:
    arrays = sound_events(_melody([(start, pitch + shift, gain) for start, pitch, gain in NOTES], 3.0))
    assert arrays["segments_pitches"].argmax(axis=1).tolist() == [(pitch + shift) % 12 for _, pitch, _ in NOTES]
    assert (arrays["segments_pitches"].max(axis=1) == 1).all()


def test_ten_decibels_less_are_ten_less_in_every_loudness_and_in_the_first_of_timbre() -> None:
    loud, soft = (sound_events(_melody(NOTES, 3.0) * np.float32(g)) for g in (1.0, 10**-0.5))
    for name in ("segments_loudness_start", "segments_loudness_max"):
        np.testing.assert_allclose(loud[name] - soft[name], 10, atol=0.01)
    # But for the last note, which ends at the floor.
    np.testing.assert_allclose(loud["segments_timbre"][:-1, 0] - soft["segments_timbre"][:-1, 0], 10, atol=0.01)


def test_the_loudest_moment_lies_within_its_event() -> None:
    arrays = sound_events(_melody(NOTES, 3.0))
    lengths = np.diff(arrays["segments_start"], append=3.0)
    assert (arrays["segments_loudness_max"] >= arrays["segments_loudness_start"]).all()
    assert (arrays["segments_loudness_max_time"] < lengths).all()


def test_silence_is_one_event_at_the_floor_in_which_no_pitch_stands_out() -> None:
    arrays = sound_events(np.zeros((2 * SAMPLE_RATE, 2), np.float32))
    assert arrays["segments_start"].tolist() == [0.0]
    assert arrays["segments_loudness_max"].tolist() == [-60.0]
    assert arrays["segments_timbre"][0, 0] == 0
    assert (arrays["segments_pitches"] == 1).all()


def test_a_full_square_wave_has_no_decibel_less() -> None:
    assert loudness(np.ones((100, 2), np.float32)) == 0
