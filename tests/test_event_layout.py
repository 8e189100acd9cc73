"""Rows of events: columns, durations, what float16 keeps."""

import numpy as np

from simsong_pipeline.audio.event_layout import CHANNELS, DURATION, PITCHES, TIMBRE, event_rows, event_starts


def _arrays(starts: list[float]) -> dict[str, np.ndarray]:
    n, rng = len(starts), np.random.default_rng(0)
    return {
        "segments_timbre": rng.normal(0, 50, (n, 12)),
        "segments_pitches": rng.random((n, 12)),
        "segments_loudness_start": rng.uniform(-60, 0, n),
        "segments_loudness_max": rng.uniform(-60, 0, n),
        "segments_loudness_max_time": rng.uniform(0, 0.1, n),
        "segments_start": np.array(starts),
    }


def test_an_event_lasts_until_the_next_and_the_last_until_the_end():
    rows = event_rows(_arrays([0.0, 0.25, 1.0]), duration_s=3.0)
    assert rows.shape == (3, CHANNELS)
    assert rows.dtype == np.float16
    np.testing.assert_allclose(rows[:, DURATION], [0.25, 0.75, 2.0], rtol=1e-3)
    np.testing.assert_allclose(event_starts(rows), [0.0, 0.25, 1.0], rtol=1e-3)


def test_no_event_lasts_nothing_for_that_marks_what_is_none():
    rows = event_rows(_arrays([0.0, 0.5, 0.5, 2.0]), duration_s=1.5)
    assert np.all(rows[:, DURATION] > 0)


def test_values_are_kept_to_three_digits():
    arrays = _arrays([0.0, 1.0])
    rows = event_rows(arrays, 2.0)
    np.testing.assert_allclose(rows[:, TIMBRE], arrays["segments_timbre"], rtol=1e-3)
    np.testing.assert_allclose(rows[:, PITCHES], arrays["segments_pitches"], rtol=1e-3, atol=1e-6)
