"""The map, the figures of the report, and what a night is doing, as the service tells them."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import httpx
import numpy as np
import pytest
from conftest import QUIET
from serving import Served

from simsong_pipeline.home.events import Events
from simsong_pipeline.home.night_note import night_note, noted
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.service.map_layout import apart, landmarks_of, placed
from simsong_pipeline.service.song_map import song_map

API = "/api/v1"


def _get(running: Served, address: str) -> httpx.Response:
    with running.client() as client:
        return client.get(API + address)


def _planted(groups: int, each: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors around some centres, and whose each is."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(groups, 24))
    whose = np.repeat(np.arange(groups), each)
    vectors = centres[whose] + 0.25 * rng.normal(size=(groups * each, 24))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), whose


def test_songs_of_one_kind_lie_together() -> None:
    vectors, whose = _planted(6, 60)
    places, clusters = placed(vectors, landmarks_of(vectors, 60))
    places = apart(places, np.random.default_rng(1).integers(0, 2**63, len(places)).astype(np.uint64), 60)
    apart_from = np.linalg.norm(places[:, None] - places[None], axis=2)
    np.fill_diagonal(apart_from, np.inf)
    nearest = whose[apart_from.argmin(axis=1)]
    assert (nearest == whose).mean() > 0.95
    assert all(len(set(whose[clusters == c])) == 1 for c in set(clusters.tolist()))


def test_the_map_is_the_same_for_the_same_songs_and_new_ones_move_nothing() -> None:
    vectors, _ = _planted(4, 30)
    known = landmarks_of(vectors[:100], 40)
    again = landmarks_of(vectors[:100], 40)
    assert np.array_equal(known.places, again.places)
    # But for the last digits: a matrix product of another size adds up in another order.
    np.testing.assert_allclose(placed(vectors, known)[0][:100], placed(vectors[:100], known)[0], atol=1e-5)


@pytest.mark.parametrize("songs", [1, 2, 3, 4, 5, 9, 30])
def test_few_songs_have_places_too(songs: int) -> None:
    vectors, _ = _planted(songs, 1)
    places, clusters = placed(vectors, landmarks_of(vectors))
    assert places.shape == (songs, 2)
    assert np.isfinite(places).all()
    assert clusters.min() >= 0


def test_map_has_every_song_once_in_columns_of_one_length(served_sample: Served) -> None:
    found = _get(served_sample, "/map").json()
    songs = served_sample.service.snapshots.present.library.songs
    assert found["ids"] == songs["id"].to_list()
    columns = ("titles", "x", "y", "artist", "genre", "year", "cluster")
    assert {len(found[name]) for name in columns} == {found["count"]} == {songs.height}
    assert all(0 <= value <= 65_535 for name in ("x", "y") for value in found[name])
    assert [found["artists"][n] for n in found["artist"]] == songs["artist"].to_list()
    assert max(found["cluster"]) < len(found["clusters"])
    assert len(set(zip(found["x"], found["y"], strict=True))) > songs.height // 2
    with served_sample.client() as client:
        first = client.get(f"{API}/map")
        assert client.get(f"{API}/map", headers={"if-none-match": first.headers["etag"]}).status_code == 304


def test_landmarks_are_kept_where_that_is_allowed(served_sample: Served, tmp_path: Path) -> None:
    snapshot = served_sample.service.snapshots.present
    first = song_map(snapshot, tmp_path)
    file = next(tmp_path.iterdir())
    written = file.stat().st_mtime_ns
    assert song_map(snapshot, tmp_path) == first
    assert file.stat().st_mtime_ns == written
    file.write_bytes(b"damaged")
    assert song_map(snapshot, tmp_path) == first


def test_report_has_the_figures_of_the_evaluation(served_sample: Served) -> None:
    workspace = served_sample.service.workspace
    found = _get(served_sample, "/report").json()
    metrics = workspace.read("metrics")
    assert [row["value"] for row in found["metrics"]] == metrics["value"].to_list()
    assert found["verdict"]["text"]
    assert (found["has_report"], found["has_card"], found["card"]) == (True, False, None)
    page = _get(served_sample, "/report/index.html")
    assert page.text == workspace.report.read_text()
    assert "sandbox" in page.headers["content-security-policy"]
    assert _get(served_sample, "/report/card.html").status_code == 404
    assert _get(served_sample, "/report/..%2F..%2Fconfig.json").status_code == 404


def test_the_card_is_told_once_it_is_there(served_sample: Served) -> None:
    report = served_sample.service.workspace.home / "report"
    card = {"verdicts": {"artist": "yes"}, "metrics": [{"metric": "precision_at_10", "value": 0.5}]}
    (report / "card.json").write_text(json.dumps(card))
    found = _get(served_sample, "/report").json()
    assert (found["card"], found["card_verdicts"]) == (card["metrics"], card["verdicts"])
    (report / "card.json").write_text("{")
    assert _get(served_sample, "/report").status_code == 409
    (report / "card.json").unlink()


def test_a_night_tells_where_it_is_and_how_it_ended(tmp_path: Path) -> None:
    workspace, heard = Workspace(tmp_path / "home"), list[str]()
    assert night_note(workspace) is None
    told = Events(heard.append, lambda *_: None, heard.append)
    with noted(workspace, "simsong refresh", told) as noting:
        noting.events.stage("decoding")
        noting.events.note("3 files")
        time.sleep(1.1)
        noting.events.progress(4, 9)
        now = night_note(workspace)
        assert now is not None
        assert (now.state, now.stage, now.done, now.total, now.notes) == ("running", "decoding", 4, 9, ["3 files"])
        noting.outcome = "9 tracks"
    ended = night_note(workspace)
    assert ended is not None
    assert (ended.state, ended.outcome, heard) == ("done", "9 tracks", ["decoding", "3 files"])
    assert ended.ended is not None


@pytest.mark.parametrize(("error", "state"), [(OSError("no disk"), "failed"), (KeyboardInterrupt(), "stopped")])
def test_nights_that_do_not_end_well_say_so(tmp_path: Path, error: BaseException, state: str) -> None:
    workspace = Workspace(tmp_path)
    with pytest.raises(type(error)), noted(workspace, "simsong run", QUIET):
        raise error
    note = night_note(workspace)
    assert note is not None
    assert note.state == state
    assert note.outcome


def test_a_night_that_was_killed_was_stopped(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path\n"
        "from simsong_pipeline.home.night_note import noted\n"
        "from simsong_pipeline.home.events import Events\n"
        "from simsong_pipeline.home.workspace import Workspace\n"
        "with noted(Workspace(Path(sys.argv[1])), 'simsong refresh', Events(print, print, print)): os._exit(9)\n"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False, env=os.environ).returncode == 9
    note = night_note(Workspace(tmp_path))
    assert note is not None
    assert note.state == "stopped"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"state": "other"}', b"\xff\xfe"])
def test_notes_that_cannot_be_read_are_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / ".night.holder").write_bytes(content)
    assert night_note(Workspace(tmp_path)) is None


def test_the_service_tells_of_the_night(served_sample: Served) -> None:
    workspace = served_sample.service.workspace
    assert _get(served_sample, "/night").json()["state"] == "none"
    with workspace.lock():
        held = _get(served_sample, "/night").json()
    assert (held["state"], bool(held["since"])) == ("running", True)
    with noted(workspace, "simsong refresh", QUIET) as noting:
        noting.events.stage("decoding")
        assert _get(served_sample, "/night").json()["stage"] == "decoding"
    assert _get(served_sample, "/night").json()["state"] == "done"
    (workspace.home / ".night.holder").unlink()
