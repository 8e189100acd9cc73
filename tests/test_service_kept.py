"""What a person keeps through the service: likes, never, playlists as recipes; and that reading alone is held to."""

import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from conftest import run_of
from serving import Served, served

from simsong_pipeline.asking.never_list import never_suggested
from simsong_pipeline.errors import RawDataError
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.runs.night import refresh
from simsong_pipeline.service.likes import LikesFile
from simsong_pipeline.service.playlists import KeptPlaylist, Playlists
from simsong_pipeline.sources.playlists import read_playlist, read_playlists

API = "/api/v1"


@pytest.fixture(scope="module")
def home(finished_run: tuple[Workspace, object], tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A copy that the tests of this file share; each leaves it as it was, but for lists of its own."""
    folder = tmp_path_factory.mktemp("kept") / "home"
    shutil.copytree(finished_run[0].home, folder)
    return Workspace(folder)


@pytest.fixture(scope="module")
def running(home: Workspace) -> Iterator[Served]:
    with served(home) as running:
        yield running


@pytest.fixture(scope="module")
def client(running: Served) -> Iterator[httpx.Client]:
    with running.client() as client:
        yield client


@pytest.fixture(scope="module")
def ids(client: httpx.Client) -> list[str]:
    return [song["id"] for song in client.get(f"{API}/songs", params={"limit": 500}).json()["items"]]


def test_what_is_never_to_be_suggested_is_not_from_the_next_question_on(
    client: httpx.Client, home: Workspace, ids: list[str]
) -> None:
    asked = {"like": ids[0], "k": 30}
    answer = client.get(f"{API}/similar", params=asked)
    first = answer.json()["songs"][0]
    listed = client.put(f"{API}/never", json={"what": "song", "id": first["id"]}).json()["items"]
    assert listed == [{"what": "song", "id": first["id"], "name": f"{first['artist']} - {first['title']}"}]
    after = client.get(f"{API}/similar", params=asked, headers={"if-none-match": answer.headers["etag"]})
    assert after.status_code == 200
    assert first["id"] not in [song["id"] for song in after.json()["songs"]]
    client.put(f"{API}/never", json={"what": "artist", "id": first["artist_id"]})
    by = {song["artist_id"] for song in client.get(f"{API}/similar", params=asked).json()["songs"]}
    assert first["artist_id"] not in by
    assert len(never_suggested(home).artists) == 1
    for entry in client.get(f"{API}/never").json()["items"]:
        client.delete(f"{API}/never", params={"what": entry["what"], "id": entry["id"]})
    assert client.get(f"{API}/never").json() == {"items": []}
    assert client.get(f"{API}/similar", params=asked).json()["songs"][0]["id"] == first["id"]


@pytest.mark.parametrize(
    "body", [{"id": "none"}, {"what": "artist", "id": "ar-none"}, {"what": "album", "id": "x"}, {}]
)
def test_only_what_is_there_is_put_on_the_list(client: httpx.Client, body: dict[str, str]) -> None:
    assert client.put(f"{API}/never", json=body).status_code in (404, 422)


def test_likes_are_on_one_side_or_on_none(client: httpx.Client, ids: list[str]) -> None:
    assert client.get(f"{API}/likes").json() == {"liked": [], "disliked": []}
    client.put(f"{API}/likes", json={"id": ids[0], "likes": True})
    client.put(f"{API}/likes", json={"id": ids[1], "likes": True})
    client.put(f"{API}/likes", json={"id": ids[0], "likes": False})
    assert client.get(f"{API}/likes").json() == {"liked": [ids[1]], "disliked": [ids[0]]}
    for song in ids[:2]:
        client.put(f"{API}/likes", json={"id": song})
    assert client.get(f"{API}/likes").json() == {"liked": [], "disliked": []}
    assert client.put(f"{API}/likes", json={"id": "none", "likes": True}).status_code == 404


def test_lists_of_songs_are_kept_reordered_exported_and_deleted(
    client: httpx.Client, ids: list[str], tmp_path: Path
) -> None:
    made = client.post(f"{API}/playlists", json={"name": "Mine / <b>", "songs": ids[:3]})
    assert made.status_code == 201
    address = f"{API}/playlists/{made.json()['id']}"
    client.put(address, json={"songs": [ids[2], ids[0]], "name": "Other"})
    found = client.get(address).json()
    assert ([s["id"] for s in found["songs"]], found["name"], found["count"]) == ([ids[2], ids[0]], "Other", 2)
    assert found["is_current"]
    assert client.post(f"{address}/run").status_code == 409
    export = client.get(f"{address}/export.m3u8")
    (tmp_path / "list.m3u8").write_bytes(export.content)
    assert [p.stem for p in read_playlist(tmp_path / "list.m3u8").paths] == [ids[2], ids[0]]
    assert len(read_playlists(tmp_path, lambda _: None)) == 1  # a person chose it, so it says what belongs together
    assert "Other.m3u8" in export.headers["content-disposition"]
    assert client.delete(address).status_code == 204
    assert client.get(address).status_code == 404


@pytest.mark.parametrize("kind", ["similar", "path", pytest.param("about", marks=pytest.mark.slow)])
def test_recipes_are_asked_at_once_and_again(client: httpx.Client, ids: list[str], kind: str) -> None:
    question = {
        "similar": {"like": [ids[0]], "dislike": [ids[1]], "k": 5},
        "path": {"start": ids[0], "end": ids[1], "k": 3},
        "about": {"text": "the sea", "k": 4},
    }[kind]
    wanted = client.post(f"{API}/{kind}", json=question).json()["songs"]
    recipe = {"kind": kind, "question": question}
    made = client.post(f"{API}/playlists", json={"name": kind, "recipe": recipe}).json()
    assert [s["id"] for s in made["songs"]] == [s["id"] for s in wanted]
    assert made["recipe"] == recipe
    address = f"{API}/playlists/{made['id']}"
    client.put(address, json={"songs": [s["id"] for s in reversed(wanted)]})
    assert client.get(address).json()["recipe"] == recipe
    again = client.post(f"{address}/run").json()
    assert [s["id"] for s in again["songs"]] == [s["id"] for s in wanted]
    assert client.delete(address).status_code == 204


@pytest.mark.parametrize(
    "body",
    [
        {"name": ""},
        {"name": "x" * 501},
        {"name": "x", "songs": ["none"]},
        {"name": "x", "recipe": {"kind": "similar", "question": {}}},
        {"name": "x", "recipe": {"kind": "similar", "question": {"like": ["none"]}}},
        {"name": "x", "recipe": {"kind": "other", "question": {}}},
        {"name": "x", "recipe": {"kind": "path", "question": {"start": "a"}}, "songs": []},
    ],
)
def test_what_is_no_playlist_is_not_kept(client: httpx.Client, home: Workspace, body: dict[str, object]) -> None:
    before = client.get(f"{API}/playlists").json()
    assert client.post(f"{API}/playlists", json=body).status_code in (404, 422)
    assert client.get(f"{API}/playlists").json() == before


@pytest.mark.parametrize("identity", ["none", "..%2F..%2Fconfig", "%2e%2e", "0" * 32, "likes"])
def test_ids_that_no_playlist_has_lead_nowhere(client: httpx.Client, home: Workspace, identity: str) -> None:
    for method, more in (("GET", ""), ("DELETE", ""), ("POST", "/run"), ("GET", "/export.m3u8")):
        answer = client.request(method, f"{API}/playlists/{identity}{more}")
        assert answer.status_code in (404, 405)  # 405 where the path has left the API and is one of the page's
    assert (home.home / "config.json").is_file()


def test_a_recipe_run_again_after_a_night_has_the_nights_songs(run_copy: Workspace, tmp_path: Path) -> None:
    with served(run_copy) as running, running.client() as client:
        one = client.get(f"{API}/songs", params={"limit": 1}).json()["items"][0]["id"]
        recipe = {"kind": "similar", "question": {"like": [one], "k": 8}}
        made = client.post(f"{API}/playlists", json={"name": "x", "recipe": recipe}).json()
        gone = made["songs"][0]["id"]
        recording = next(p for p in run_copy.raw.rglob(f"{gone}.*") if p.suffix != ".txt" and "audio" in p.parts)
        shutil.move(recording, tmp_path / recording.name)
        refresh(run_of(run_copy, publish_anyway=True))
        address = f"{API}/playlists/{made['id']}"
        old = client.get(address).json()
        assert (old["is_current"], old["missing"], old["count"]) == (False, [gone], 7)
        new = client.post(f"{address}/run").json()
        assert (new["is_current"], new["missing"], new["count"]) == (True, [], 8)
        assert gone not in [song["id"] for song in new["songs"]]


def test_a_service_that_only_reads_changes_nothing(served_sample: Served) -> None:
    home = served_sample.service.workspace.home
    before = sorted((path, path.stat().st_mtime_ns) for path in home.glob("*") if path.is_file())
    with served_sample.client() as client:
        one = client.get(f"{API}/songs", params={"limit": 1}).json()["items"][0]["id"]
        asked = [
            client.put(f"{API}/never", json={"id": one}),
            client.put(f"{API}/likes", json={"id": one, "likes": True}),
            client.post(f"{API}/playlists", json={"name": "x", "songs": [one]}),
            client.delete(f"{API}/never", params={"id": one}),
        ]
    assert {answer.status_code for answer in asked} == {403}
    assert not (home / "kept").exists()
    assert sorted((path, path.stat().st_mtime_ns) for path in home.glob("*") if path.is_file()) == before


def test_likes_that_come_at_once_are_all_kept(tmp_path: Path) -> None:
    likes = LikesFile(Workspace(tmp_path))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: likes.set(f"T{n}", n % 2 == 0), range(60)))
    held = LikesFile(Workspace(tmp_path)).read()
    assert (len(held.liked), len(held.disliked)) == (30, 30)


def test_damaged_files_are_named_and_left(tmp_path: Path) -> None:
    lists = Playlists(Workspace(tmp_path))
    made = lists.add(KeptPlaylist(name="x", created="", changed=""))
    path = tmp_path / "kept/playlists" / f"{made.id}.json"
    for content in (b"", b"{", json.dumps({"name": 1}).encode(), b"\xff"):
        path.write_bytes(content)
        with pytest.raises(RawDataError, match=made.id):
            lists.get(made.id)
        with pytest.raises(RawDataError, match=made.id):
            lists.change(made.id, name="y")
        assert path.read_bytes() == content
