"""What is written to the index is known from files, and is what a comparison with the index itself would write."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from conftest import QUIET, SMALL_CONFIG, run_of

from simsong_pipeline.config import VARIANTS, PipelineConfig
from simsong_pipeline.errors import StoreError
from simsong_pipeline.home.bucketed_frame import BucketedFrame
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.points import Point
from simsong_pipeline.stages.index_stage import IndexFrames, publish_variant
from simsong_pipeline.stages.stored_vectors import in_memory, stored_vectors
from simsong_pipeline.stores.updating import StoreChange

NAMES = ("tracks", "audio", "descriptions", "lyrics", "lastfm_tags")


def _frames(workspace: Workspace) -> IndexFrames:
    return IndexFrames(*(workspace.read(name) for name in NAMES))


def _publish(workspace: Workspace, frames: IndexFrames, vectors: pl.DataFrame | None = None) -> StoreChange:
    kept = in_memory(workspace.read("wns/track_vectors") if vectors is None else vectors)
    return publish_variant(run_of(workspace, publish_anyway=True, accept_shrink=True), "wns", kept, frames)


def _points(workspace: Workspace) -> dict[str, Point]:
    with workspace.store(SMALL_CONFIG.store) as store:
        ids = sorted(store.hashes("simsong"))
        return {p.point_id: p for p in store.fetch("simsong", ids, with_vectors=True)}


def _forget(workspace: Workspace) -> None:
    for path in workspace.home.glob("published/*/published.json"):
        path.unlink()


def _without_asking(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine cannot be asked for all of its songs any more."""

    def refused(*_: object) -> object:
        raise AssertionError("the index was asked for every song")

    with workspace.store(SMALL_CONFIG.store) as store:
        monkeypatch.setattr(type(store), "hashes", refused)


def _other_title(frames: IndexFrames) -> IndexFrames:
    first = pl.col("track_id") == frames.tracks["track_id"][0]
    title = pl.when(first).then(pl.lit("Another Title")).otherwise("title").alias("title")
    return replace(frames, tracks=frames.tracks.with_columns(title))


def _other_tags(frames: IndexFrames) -> IndexFrames:
    song = frames.audio.filter(status="ok")["track_id"][0]
    more = pl.DataFrame({"track_id": [song], "tag": ["a tag of mine"], "weight": [50.0]})
    return replace(frames, tags=pl.concat([frames.tags, more]))


def _other_words(frames: IndexFrames) -> IndexFrames:
    song = frames.lyrics.filter(status="ok")["track_id"][0]
    first = pl.col("track_id") == song
    words = [pl.when(first).then(pl.lit(f"other {n}")).otherwise(n).alias(n) for n in ("text", "text_sha256")]
    return replace(frames, lyrics=frames.lyrics.with_columns(words))


def _louder(frames: IndexFrames) -> IndexFrames:
    first = pl.col("track_id") == frames.descriptions["track_id"][0]
    louder = pl.when(first).then(-1.5).otherwise("loudness_db").alias("loudness_db")
    return replace(frames, descriptions=frames.descriptions.with_columns(louder))


@pytest.mark.parametrize("change", [_other_title, _other_tags, _other_words, _louder])
def test_one_song_that_changed_is_written_without_asking_the_index(
    run_copy: Workspace, monkeypatch: pytest.MonkeyPatch, change: Callable[[IndexFrames], IndexFrames]
) -> None:
    frames = _frames(run_copy)
    _publish(run_copy, frames)
    _without_asking(run_copy, monkeypatch)
    assert _publish(run_copy, frames).upserted == 0
    assert _publish(run_copy, change(frames)).upserted == 1


def test_songs_that_left_and_came_are_known_without_asking_the_index(
    run_copy: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames, vectors = _frames(run_copy), run_copy.read("wns/track_vectors")
    _publish(run_copy, frames, vectors.head(30))
    _without_asking(run_copy, monkeypatch)
    change = _publish(run_copy, frames, vectors.slice(5))
    assert (change.upserted, change.deleted, change.total) == (vectors.height - 30, 5, vectors.height - 5)


def test_many_changes_one_after_the_other_end_as_a_comparison_with_the_index(run_copy: Workspace) -> None:
    frames, vectors, rng = _frames(run_copy), run_copy.read("wns/track_vectors"), np.random.default_rng(3)
    changes = [_other_title, _other_tags, _other_words, _louder]
    for _ in range(8):
        some = changes[rng.integers(len(changes))](frames)
        _publish(run_copy, some, vectors.sample(int(rng.integers(20, 45)), seed=int(rng.integers(99))).sort("track_id"))
    _publish(run_copy, frames, vectors)
    by_files = _points(run_copy)
    _forget(run_copy)
    assert _publish(run_copy, frames, vectors).upserted == 0
    assert {i: p.payload for i, p in _points(run_copy).items()} == {i: p.payload for i, p in by_files.items()}
    for point_id, point in _points(run_copy).items():
        for name, vector in point.vectors.items():
            np.testing.assert_allclose(vector, by_files[point_id].vectors[name], atol=1e-6)


def test_a_record_that_was_kept_up_is_the_one_that_is_made_anew(run_copy: Workspace) -> None:
    frames, vectors = _frames(run_copy), run_copy.read("wns/track_vectors")
    for part in (vectors.head(20), vectors.slice(7), vectors.head(30), vectors):
        _publish(run_copy, _other_title(frames), part)
    _publish(run_copy, frames, vectors)
    kept_up = _record(run_copy)
    _forget(run_copy)
    _publish(run_copy, frames, vectors)
    assert kept_up.height == vectors.height
    assert kept_up.equals(_record(run_copy))


def _record(workspace: Workspace) -> pl.DataFrame:
    (folder,) = workspace.home.glob("published/*wns*/marks")
    return BucketedFrame(folder, "").read()


def test_the_record_of_a_collection_goes_with_it(run_copy: Workspace) -> None:
    frames, vectors = _frames(run_copy), run_copy.read("wns/track_vectors")
    others = _recorded(run_copy, "ns")
    for version in ("second", "third", "fourth"):
        _publish(run_copy, frames, vectors.with_columns(pl.lit(version).alias("model_version")))
    with run_copy.store(SMALL_CONFIG.store) as store:
        there = {name for name in store.collections() if name.startswith("simsong_wns_")}
    assert len(there) == 2  # the one that is served, and the one before it
    assert _recorded(run_copy, "wns") == there
    assert _recorded(run_copy, "ns") == others


def _recorded(workspace: Workspace, variant: str) -> set[str]:
    return {path.name for path in workspace.home.glob(f"published/simsong_{variant}_*")}


def test_other_settings_do_not_trust_the_record(run_copy: Workspace) -> None:
    frames, kept = _frames(run_copy), in_memory(run_copy.read("wns/track_vectors"))
    store = SMALL_CONFIG.store.model_copy(update={"lyrics_text": not SMALL_CONFIG.store.lyrics_text})
    config: PipelineConfig = SMALL_CONFIG.model_copy(update={"store": store})
    change = publish_variant(run_of(run_copy, config=config, publish_anyway=True), "wns", kept, frames)
    assert change.upserted == kept.states.height


def test_a_write_that_fails_leaves_no_record_that_vouches_for_it(
    run_copy: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = _frames(run_copy)
    _publish(run_copy, frames)
    with run_copy.store(SMALL_CONFIG.store) as store:
        kind, upsert = type(store), type(store).upsert

    def written_and_failed(self: object, name: str, points: list[Point]) -> None:
        upsert(self, name, points)  # type: ignore[arg-type]
        raise StoreError("the power went")

    with monkeypatch.context() as patch:
        patch.setattr(kind, "upsert", written_and_failed)
        with pytest.raises(StoreError, match="the power went"):
            _publish(run_copy, _other_title(frames))
    assert not list(run_copy.home.glob("published/*wns*/published.json"))
    assert _publish(run_copy, frames).upserted == 1


def test_vectors_are_read_bucket_by_bucket(run_copy: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = stored_vectors(run_copy, "wns")
    assert stored is not None
    whole = run_copy.read("wns/track_vectors")
    some = whole["track_id"].to_list()[:3]
    opened: list[Path] = []
    read_bytes = Path.read_bytes

    def counted(path: Path) -> bytes:
        opened.append(path)
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", counted)
    assert stored.rows(some).equals(whole.head(3))
    assert len(opened) <= 3


def test_settings_that_the_index_has_no_use_for_are_named_once(run_copy: Workspace) -> None:
    frames, notes = _frames(run_copy), list[str]()
    store = SMALL_CONFIG.store.model_copy(update={"shard_number": 6, "vectors_on_disk": True})
    config: PipelineConfig = SMALL_CONFIG.model_copy(update={"store": store})
    run = run_of(run_copy, config=config, events=replace(QUIET, note=notes.append), publish_anyway=True)
    for variant in VARIANTS:
        publish_variant(run, variant, in_memory(run_copy.read(f"{variant}/track_vectors")), frames)
    (note,) = notes
    assert note.startswith("[store] shard_number, vectors_on_disk: of no use to the index (embedded in ")
