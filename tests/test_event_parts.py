"""Parts of a song of events: spans differ in length, so each says where it begins and ends."""

import numpy as np
import pytest
from planted_events import event_song

from simsong_pipeline.audio.event_layout import DURATION, event_starts
from simsong_pipeline.audio.segments import part_ends, part_inputs, part_length_s, part_seconds, segmentation
from simsong_pipeline.config import EncoderConfig, EventConfig, PipelineConfig, SegmentConfig

EVENTS = PipelineConfig(encoder=EncoderConfig(kind="events"), events=EventConfig(span=20, spans=3))


def test_spans_begin_and_end_where_their_events_do() -> None:
    rng = np.random.default_rng(0)
    rows = event_song(rng, rng.integers(4, size=70))
    begins, ends = part_seconds(rows, 99.0, EVENTS), part_ends(rows, 99.0, EVENTS)
    for first, begin, end in zip((0, 25, 50), begins, ends, strict=True):
        lengths = rows[:, DURATION].astype(np.float64)
        assert begin == pytest.approx(lengths[:first].sum())
        assert end == pytest.approx(lengths[: first + 20].sum())
    assert len(set(np.round(ends - begins, 3))) == 3


def test_a_song_shorter_than_a_span_is_one_part_from_its_begin_to_its_end() -> None:
    rows = event_song(np.random.default_rng(1), np.zeros(7, np.int64))
    assert part_inputs(rows, EVENTS).shape[:2] == (1, 20)
    assert part_seconds(rows, 99.0, EVENTS).tolist() == [0.0]
    assert part_ends(rows, 99.0, EVENTS)[0] == pytest.approx(event_starts(rows)[-1] + float(rows[-1, DURATION]))


def test_parts_of_other_kinds_are_all_of_one_length() -> None:
    config = PipelineConfig(encoder=EncoderConfig(kind="convolution"))
    rows = np.zeros((900, 64), np.float16)
    begins, ends = part_seconds(rows, 18.0, config), part_ends(rows, 18.0, config)
    np.testing.assert_allclose(ends - begins, part_length_s(config))


def test_vectors_depend_on_the_spans_of_events_and_else_on_segments() -> None:
    assert segmentation(EVENTS) == {"span": 20, "spans": 3}
    other = EVENTS.model_copy(update={"segments": SegmentConfig(seconds=2)})
    assert segmentation(other) == segmentation(EVENTS)
    assert segmentation(PipelineConfig(events=EVENTS.events)) == SegmentConfig().model_dump()
