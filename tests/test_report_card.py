"""Playlists, and the report card that is made of them."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from conftest import QUIET, SMALL_CONFIG

from simsong_pipeline.errors import EvaluationError, RawDataError
from simsong_pipeline.evaluation.card import album_labels, asked_of, in_one_playlist, same_group
from simsong_pipeline.home.model_files import ModelFiles
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.sources.playlists import Playlist, read_playlist, read_playlists
from simsong_pipeline.stages.card_stage import verdict, write_card


def _playlist(folder: Path, content: bytes, name: str = "evening.m3u8") -> list[Path]:
    path = folder / name
    path.write_bytes(content)
    return read_playlist(path).paths


def test_entries_are_relative_to_the_playlist_and_comments_are_none(tmp_path: Path) -> None:
    found = _playlist(tmp_path, "#EXTM3U\n#EXTINF:10,Ä - B\nÄ/one.mp3\n\n../two.ogg\n".encode())
    assert found == [tmp_path / "Ä/one.mp3", tmp_path.parent / "two.ogg"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"\xef\xbb\xbfone.mp3\r\n", "one.mp3"),
        ("Ärger.mp3".encode("latin-1"), "Ärger.mp3"),
        (b"a\\b.mp3", "a/b.mp3"),
    ],
)
def test_forms_that_players_write(tmp_path: Path, content: bytes, expected: str) -> None:
    assert _playlist(tmp_path, content) == [tmp_path / expected]


def test_file_address_is_a_path_and_a_stream_is_none(tmp_path: Path) -> None:
    found = _playlist(tmp_path, b"file:///music/a%20b.mp3\nhttp://radio.example/live\n")
    assert found == [Path("/music/a b.mp3")]


def test_names_that_look_like_parts_of_an_address_stay_whole(tmp_path: Path) -> None:
    found = _playlist(
        tmp_path, "file:///m/C#1.mp3\nfile:///m/what?.mp3\nfile://[\nnul\x00.mp3\nok.mp3\n".encode("utf-16")
    )
    assert {Path("/m/C#1.mp3"), Path("/m/what?.mp3"), tmp_path / "ok.mp3"} <= set(found)


def test_folder_of_playlists_is_read_with_its_subfolders(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "a.m3u").write_text("x.mp3\n")
    (tmp_path / "more/b.M3U8").write_text("y.mp3\n")
    assert [p.name for p in read_playlists(tmp_path, print)] == ["a", "b"]


def test_no_playlist_is_an_error_that_names_the_folder(tmp_path: Path) -> None:
    with pytest.raises(RawDataError, match=str(tmp_path)):
        read_playlists(tmp_path, print)


def test_songs_without_a_label_belong_to_no_group() -> None:
    same = same_group(["a", None, "a", None])
    assert same.toarray().astype(int).tolist() == [[1, 0, 1, 0], [0, 0, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0]]


def test_albums_of_one_name_by_two_artists_are_two() -> None:
    tracks = pl.DataFrame({"artist_id": ["x", "y", "x"], "release": ["Hits", "Hits", None]})
    first, second, none = album_labels(tracks)
    assert first != second
    assert none is None


def test_playlist_of_nearly_everything_is_passed_over() -> None:
    ids = [str(n) for n in range(10)]
    together = in_one_playlist([["0", "1", "unknown"], ids[2:9]], ids)
    assert together[0, 1]
    assert not together[2, 3]


def test_only_the_songs_asked_about_are_queries() -> None:
    task = asked_of(np.ones((4, 4), dtype=bool), np.array([True, False, True, False]))
    assert task is not None
    assert task.queries.tolist() == [True, False, True, False]


def test_card_of_a_library_asks_only_songs_that_are_new_to_the_model(run_copy: Workspace) -> None:
    audio = run_copy.read("audio").filter(pl.col("status") == "ok")["path"].to_list()
    lists = [Playlist("some", [Path(p) for p in audio[:15]] + [Path("/gone.mp3")])]
    card = write_card(run_copy, SMALL_CONFIG, lists, 3_000, QUIET)
    known = set(ModelFiles(run_copy.model("wns")).training().tracks)
    new = set(run_copy.read("wns/track_vectors")["track_id"]) - known
    assert {"playlists", "artist", "Last.fm similar"} <= set(card.verdicts)
    assert card.metrics["queries"].max() <= len(new)
    page = card.path.read_text()
    assert "/gone.mp3" in page
    assert f"{len(new)} of your 44 songs" in page


@pytest.mark.parametrize(
    ("low", "high", "over_timbre", "queries", "answer"),
    [
        (0.2, 0.4, 0.1, 9, "yes"),
        (0.2, 0.4, -0.01, 9, "too few songs to tell"),  # above chance, but timbre alone may be as good
        (0.05, 0.4, 0.1, 9, "too few songs to tell"),
        (0.05, 0.4, 0.1, 90, "no"),  # so many songs would have shown it
        (0.0, 0.05, 0.1, 90, "no"),
        (0.0, 0.05, 0.1, 9, "too few songs to tell"),
    ],
)
def test_answer_goes_by_chance_and_timbre(
    low: float, high: float, over_timbre: float, queries: int, answer: str
) -> None:
    row = {"protocol": "album", "metric": "recall_at_10", "value": (low + high) / 2, "ci_low": low, "ci_high": high}
    row |= {"variant": "fused", "chance": 0.1, "oracle": 1.0, "queries": queries, "over_start": None}
    row |= {"over_timbre": over_timbre, "over_timbre_low": over_timbre, "over_timbre_high": over_timbre + 0.1}
    assert verdict(pl.DataFrame([row]), "album", 10).startswith(f"{answer}: ")


def test_library_that_was_all_trained_on_is_refused(run_copy: Workspace) -> None:
    path = run_copy.model("wns") / "training.json"
    everything = "[" + ", ".join(f'"{t}"' for t in run_copy.read("tracks")["track_id"]) + "]"
    text = path.read_text()
    start = text.index('"tracks":')
    end = text.index("]", start) + 1
    path.write_text(text[:start] + '"tracks": ' + everything + text[end:])
    with pytest.raises(EvaluationError, match="trained on every song"):
        write_card(run_copy, SMALL_CONFIG, [], 3_000, QUIET)


def test_song_of_an_artist_that_was_trained_on_is_not_asked_about(run_copy: Workspace) -> None:
    record = ModelFiles(run_copy.model("wns")).training()
    assert record is not None
    path = run_copy.model("wns") / "training.json"
    content = json.loads(path.read_text())
    dropped = content["tracks"].pop()
    path.write_text(json.dumps(content))
    before = write_card(run_copy, SMALL_CONFIG, [], 3_000, QUIET).metrics
    new = set(run_copy.read("wns/track_vectors")["track_id"]) - set(record.tracks)
    assert dropped not in new
    assert before["queries"].max() <= len(new)


def test_vectors_of_another_model_are_not_judged(run_copy: Workspace) -> None:
    frame = run_copy.read("wns/track_vectors").with_columns(pl.lit("another").alias("model_version"))
    run_copy.write("wns/track_vectors", frame)
    with pytest.raises(EvaluationError, match="changed since its songs were embedded"):
        write_card(run_copy, SMALL_CONFIG, [], 3_000, QUIET)
