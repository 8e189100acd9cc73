"""Playlists by OpenSubsonic: a player edits lists of chosen songs; one that answers a question is read alone."""

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from serving import Served, served

from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.service.playlists import MOST_SONGS

Ask = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def running(finished_run: tuple[Workspace, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("kept") / "home"
    shutil.copytree(finished_run[0].home, home)
    with served(Workspace(home)) as running:
        yield running


@pytest.fixture(scope="module")
def client(running: Served) -> Iterator[httpx.Client]:
    with running.client() as client:
        yield client


@pytest.fixture(scope="module")
def ids(running: Served) -> list[str]:
    return running.service.snapshots.present.library.songs["id"].to_list()


@pytest.fixture(scope="module")
def ask(client: httpx.Client) -> Ask:
    def asked(method: str, **form: object) -> dict[str, Any]:
        answer = client.post(f"/rest/{method}", data={**form, "f": "json"})
        assert answer.status_code == 200
        inside: dict[str, Any] = answer.json()["subsonic-response"]
        return inside

    return asked


def _made(ask: Ask, songs: list[str], name: str = "Mine") -> str:
    made: str = ask("createPlaylist", name=name, songId=songs)["playlist"]["id"]
    return made


def _songs(ask: Ask, identity: str) -> list[str]:
    return [song["id"] for song in ask("getPlaylist", id=identity)["playlist"]["entry"]]


def _code(answer: dict[str, Any]) -> int | None:
    return answer["error"]["code"] if answer["status"] == "failed" else None


def test_a_new_playlist_is_told_with_its_songs_in_their_order(ask: Ask, ids: list[str]) -> None:
    chosen = [ids[5], ids[1], ids[5]]
    told = ask("createPlaylist", name="Rain & <Sun>", songId=chosen, u="mia")["playlist"]
    assert [song["id"] for song in told["entry"]] == chosen
    assert (told["name"], told["owner"], told["songCount"], told["readonly"]) == ("Rain & <Sun>", "mia", 3, False)
    assert "validUntil" not in told
    assert told["duration"] >= sum(song["duration"] for song in told["entry"]) - 3
    listed = ask("getPlaylists", u="mia")["playlists"]["playlist"]
    assert {k: v for k, v in told.items() if k != "entry"} in listed


def test_songs_are_replaced_and_the_name_too_where_one_is_given(ask: Ask, ids: list[str]) -> None:
    made = _made(ask, ids[:2])
    assert [s["id"] for s in ask("createPlaylist", playlistId=made, songId=[ids[7]])["playlist"]["entry"]] == [ids[7]]
    assert ask("createPlaylist", playlistId=made, name="New")["playlist"]["name"] == "New"
    assert _songs(ask, made) == []


def test_places_count_before_the_change_and_new_songs_come_last(ask: Ask, ids: list[str]) -> None:
    made = _made(ask, ids[:4])
    changed = ask(
        "updatePlaylist", playlistId=made, songIndexToRemove=[0, 2], songIdToAdd=[ids[9], ids[0]], comment="c"
    )
    assert _code(changed) is None
    assert _songs(ask, made) == [ids[1], ids[3], ids[9], ids[0]]
    told = ask("getPlaylist", id=made)["playlist"]
    assert (told["name"], told["comment"]) == ("Mine", "c")


def test_a_player_counts_places_without_songs_that_left_the_library(ask: Ask, running: Served, ids: list[str]) -> None:
    made = _made(ask, ids[:3])
    running.service.playlists.change(made, songs=["gone", ids[0], "gone too", ids[1], ids[2]])
    assert _songs(ask, made) == ids[:3]
    ask("updatePlaylist", playlistId=made, songIndexToRemove=1)
    assert running.service.playlists.get(made).kept.songs == ["gone", ids[0], "gone too", ids[2]]


def test_a_deleted_playlist_is_no_more(ask: Ask, ids: list[str]) -> None:
    made = _made(ask, ids[:1])
    assert _code(ask("deletePlaylist", id=made)) is None
    assert _code(ask("getPlaylist", id=made)) == 70
    assert _code(ask("deletePlaylist", id=made)) == 70


def test_similar_songs_of_a_playlist_are_none_of_its_own(ask: Ask, ids: list[str]) -> None:
    made = _made(ask, ids[:3])
    found = [song["id"] for song in ask("getSimilarSongs", id=made, count=5)["similarSongs"]["song"]]
    assert len(found) == 5
    assert not set(found) & set(ids[:3])


@pytest.mark.parametrize(
    ("method", "form", "code"),
    [
        ("createPlaylist", {}, 10),
        ("createPlaylist", {"name": ""}, 10),
        ("createPlaylist", {"name": "x", "songId": "none"}, 70),
        ("createPlaylist", {"name": "x" * 501}, 0),
        ("createPlaylist", {"playlistId": "../likes"}, 70),
        ("updatePlaylist", {}, 10),
        ("updatePlaylist", {"playlistId": "none"}, 70),
        ("deletePlaylist", {}, 10),
        ("deletePlaylist", {"id": "../../config"}, 70),
        ("getPlaylist", {}, 10),
        ("getPlaylist", {"id": "%2e%2e/likes"}, 70),
        ("star", {}, 10),
        ("star", {"id": "none"}, 70),
    ],
)
def test_what_cannot_be_is_refused_by_its_code(ask: Ask, method: str, form: dict[str, str], code: int) -> None:
    before = ask("getPlaylists")
    assert _code(ask(method, **form)) == code
    assert ask("getPlaylists") == before


@pytest.mark.parametrize("place", ["3", "-1", "x", "9" * 30, "²"])
def test_a_place_that_is_none_changes_nothing(ask: Ask, ids: list[str], place: str) -> None:
    made = _made(ask, ids[:3])
    assert _code(ask("updatePlaylist", playlistId=made, songIndexToRemove=["0", place], name="other")) == 0
    assert _songs(ask, made) == ids[:3]
    assert ask("getPlaylist", id=made)["playlist"]["name"] == "Mine"


def test_a_playlist_has_a_most(ask: Ask, running: Served, ids: list[str]) -> None:
    made = _made(ask, [])
    full = running.service.playlists.change(made, songs=ids[:1] * MOST_SONGS)
    assert _code(ask("updatePlaylist", playlistId=made, songIdToAdd=ids[0])) == 0
    assert running.service.playlists.get(made) == full
    ask("deletePlaylist", id=made)


def test_a_player_that_asks_by_addresses_keeps_a_long_playlist(client: httpx.Client, ids: list[str]) -> None:
    query = {"name": "Long", "songId": (ids * 12)[:500], "f": "json"}
    made = client.get("/rest/createPlaylist", params=query).json()["subsonic-response"]["playlist"]
    assert made["songCount"] == 500


def test_changes_at_once_are_all_kept(ask: Ask, ids: list[str]) -> None:
    made = _made(ask, [])
    with ThreadPoolExecutor(8) as pool:
        done = pool.map(lambda song: ask("updatePlaylist", playlistId=made, songIdToAdd=song), ids[:24])
        assert {one["status"] for one in done} == {"ok"}
    assert sorted(_songs(ask, made)) == sorted(ids[:24])


def test_a_playlist_that_answers_a_question_is_read_alone(ask: Ask, client: httpx.Client, ids: list[str]) -> None:
    recipe = {"kind": "similar", "question": {"like": [ids[0]], "k": 4}}
    made = client.post("/api/v1/playlists", json={"name": "Like it", "recipe": recipe}).json()
    told = ask("getPlaylist", id=made["id"])["playlist"]
    assert [song["id"] for song in told["entry"]] == [song["id"] for song in made["songs"]]
    assert told["readonly"] is True
    until = datetime.fromisoformat(told["validUntil"])
    assert timedelta(0) < until - datetime.now(UTC) <= timedelta(days=1)
    for method, form in (
        ("updatePlaylist", {"playlistId": made["id"], "songIdToAdd": ids[0]}),
        ("createPlaylist", {"playlistId": made["id"], "songId": ids[0]}),
        ("deletePlaylist", {"id": made["id"]}),
    ):
        assert _code(ask(method, **form)) == 50
    assert ask("getPlaylist", id=made["id"])["playlist"] == told


def test_a_star_is_a_like_of_every_face(ask: Ask, client: httpx.Client, running: Served, ids: list[str]) -> None:
    album = running.service.snapshots.present.library.albums["id"][0]
    client.put("/api/v1/likes", json={"id": ids[2], "likes": False})
    assert _code(ask("star", id=[ids[1], ids[2]], albumId=album)) is None
    assert client.get("/api/v1/likes").json() == {"liked": [ids[1], ids[2]], "disliked": []}
    starred = ask("getStarred2")["starred2"]["song"]
    assert [song["id"] for song in starred] == [ids[1], ids[2]]
    assert all(datetime.fromisoformat(song["starred"]) <= datetime.now(UTC) for song in starred)
    assert "starred" not in ask("getSong", id=ids[3])["song"]
    client.put("/api/v1/likes", json={"id": ids[3], "likes": False})
    ask("unstar", id=[ids[1], ids[3]])
    assert client.get("/api/v1/likes").json() == {"liked": [ids[2]], "disliked": [ids[3]]}


def test_nothing_is_changed_where_the_service_reads_alone(served_sample: Served) -> None:
    song = served_sample.service.snapshots.present.library.songs["id"][0]
    with served_sample.client() as client:
        for method, form in (
            ("createPlaylist", {"name": "x", "songId": song}),
            ("updatePlaylist", {"playlistId": "x"}),
            ("deletePlaylist", {"id": "x"}),
            ("star", {"id": song}),
            ("unstar", {"id": song}),
        ):
            answer = client.post(f"/rest/{method}", data={**form, "f": "json"}).json()["subsonic-response"]
            assert _code(answer) == 50
    assert not (served_sample.service.workspace.home / "kept").exists()
