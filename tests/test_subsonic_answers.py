"""Every answer of OpenSubsonic's methods is what the standard's own OpenAPI files say, in JSON and in XML alike."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from open_subsonic import ROOT, Spec, without_empty_lists

from simsong_pipeline.service.library import Library
from simsong_pipeline.service.subsonic.routes import METHODS


@dataclass(frozen=True)
class Example:
    """Ids that answers are asked with."""

    song: str
    other: str
    album: str
    artist: str
    artist_name: str
    genre: str


Query = dict[str, object]
# Of each method that answers with a document: what it is asked.
QUERIES: dict[str, list[Callable[[Example], Query]]] = {
    "ping": [lambda _: {}],
    "getLicense": [lambda _: {}],
    "getOpenSubsonicExtensions": [lambda _: {}],
    "tokenInfo": [lambda _: {"u": "mia"}],
    "getUser": [lambda _: {"username": "mia"}],
    "getScanStatus": [lambda _: {}],
    "getMusicFolders": [lambda _: {}],
    "getGenres": [lambda _: {}],
    "getArtists": [lambda _: {}, lambda _: {"musicFolderId": 1}],
    "getIndexes": [lambda _: {}],
    "getArtist": [lambda e: {"id": e.artist}],
    "getAlbum": [lambda e: {"id": e.album}],
    "getSong": [lambda e: {"id": e.song}],
    "getMusicDirectory": [lambda e: {"id": 1}, lambda e: {"id": e.artist}, lambda e: {"id": e.album}],
    "getAlbumList": [lambda _: {"type": "newest"}],
    "getAlbumList2": [
        lambda _: {"type": "random", "seed": 4},
        lambda _: {"type": "alphabeticalByName", "size": 500},
        lambda e: {"type": "byGenre", "genre": e.genre},
        lambda _: {"type": "byYear", "fromYear": 2100, "toYear": 1900},
        lambda _: {"type": "frequent"},
    ],
    "getRandomSongs": [lambda _: {"seed": 1}, lambda e: {"seed": 1, "genre": e.genre, "fromYear": 1900}],
    "getSongsByGenre": [lambda e: {"genre": e.genre}],
    "search3": [lambda _: {"query": ""}, lambda e: {"query": e.artist_name, "songOffset": 1}, lambda _: {"query": "☃"}],
    "search2": [lambda _: {"query": ""}],
    "getSimilarSongs": [lambda e: {"id": e.song}, lambda e: {"id": e.album}, lambda e: {"id": e.artist, "count": 3}],
    "getSimilarSongs2": [lambda e: {"id": e.artist}, lambda e: {"id": e.genre}],
    "getSonicSimilarTracks": [lambda e: {"id": e.song}, lambda e: {"id": e.song, "count": 0}],
    "findSonicPath": [lambda e: {"startSongId": e.song, "endSongId": e.other}],
    "getArtistInfo": [lambda e: {"id": e.song}],
    "getArtistInfo2": [lambda e: {"id": e.artist}],
    "getAlbumInfo": [lambda e: {"id": e.album}],
    "getAlbumInfo2": [lambda e: {"id": e.album}],
    "getTopSongs": [lambda e: {"artist": e.artist_name}],
    "getNowPlaying": [lambda _: {}],
    "getStarred": [lambda _: {}],
    "getStarred2": [lambda _: {}],
    "getPlaylists": [lambda _: {}],
    "scrobble": [lambda e: {"id": e.song, "submission": "true"}],
}
# Refused here: the service reads alone, or nobody may do it.
REFUSED: dict[str, Callable[[Example], Query]] = {
    "getPlaylist": lambda _: {"id": "none"},
    "createPlaylist": lambda e: {"name": "mine", "songId": e.song},
    "updatePlaylist": lambda _: {"playlistId": "none"},
    "deletePlaylist": lambda _: {"id": "none"},
    "star": lambda e: {"id": e.song},
    "unstar": lambda e: {"id": e.song},
    "startScan": lambda _: {},
    "getUsers": lambda _: {},
    "createUser": lambda _: {"username": "eve"},
    "updateUser": lambda _: {"username": "eve"},
    "deleteUser": lambda _: {"username": "eve"},
    "changePassword": lambda _: {"username": "eve", "password": "x"},
    "stream": lambda _: {"id": "none"},
    "download": lambda _: {"id": "none"},
    "getCoverArt": lambda _: {"id": "none"},
}


@pytest.fixture(scope="module")
def spec(shared: Path) -> Spec:
    folder = shared / "opensubsonic" / "openapi"
    if not folder.is_dir():
        pytest.skip(f"no description of OpenSubsonic at {folder}")
    return Spec(folder)


@pytest.fixture(scope="module")
def example(library: Library) -> Example:
    first, other = library.songs_at([0, library.songs.height - 1])
    assert first.album_id is not None
    genre = library.all_genres()[0].name
    return Example(first.id, other.id, first.album_id, first.artist_id, first.artist, genre)


def _documents(client: httpx.Client, spec: Spec, method: str, query: Query) -> list[Any]:
    """The same answer in six ways: by GET, by POST and by both, in JSON and in XML; the first of each is checked."""
    found = []
    for name, form in ((method, "json"), (f"{method}.view", "xml")):
        got = client.get(f"/rest/{name}", params={**query, "f": form})  # type: ignore[arg-type]
        posted = client.post(f"/rest/{name}", data={**query, "f": form})
        mixed = client.post(f"/rest/{name}", params={"f": form}, data=query)
        assert {answer.status_code for answer in (got, posted, mixed)} == {200}
        read = [a.json() if form == "json" else spec.read_xml(method, a.content) for a in (got, posted, mixed)]
        spec.check(method, read[0])
        found += [without_empty_lists(document) for document in read]
    return found


@pytest.mark.parametrize("method", QUERIES)
def test_an_answer_is_the_standards_in_json_and_xml_by_get_and_post(
    client: httpx.Client, spec: Spec, example: Example, method: str
) -> None:
    for query in QUERIES[method]:
        first, *others = _documents(client, spec, method, query(example))
        assert first[ROOT]["status"] == "ok", first
        assert all(other == first for other in others)


@pytest.mark.parametrize("method", REFUSED)
def test_a_refusal_is_the_standards_in_json_and_xml_by_get_and_post(
    client: httpx.Client, spec: Spec, example: Example, method: str
) -> None:
    # Of these the standard describes the bytes alone.
    method_of_schema = "ping" if method in ("stream", "download", "getCoverArt") else method
    query, found = REFUSED[method](example), []
    for form in ("json", "xml"):
        for answer in (
            client.get(f"/rest/{method}", params={**query, "f": form}),  # type: ignore[arg-type]
            client.post(f"/rest/{method}.view", data={**query, "f": form}),
        ):
            assert answer.status_code == 200
            document = answer.json() if form == "json" else spec.read_xml(method_of_schema, answer.content)
            spec.check(method_of_schema, document)
            found.append(document)
    assert found[0][ROOT]["status"] == "failed"
    assert all(other == found[0] for other in found)


def test_every_method_is_asked() -> None:
    assert set(METHODS) == set(QUERIES) | set(REFUSED)


def test_the_documentation_lists_what_is_answered() -> None:
    text = (Path(__file__).resolve().parents[1] / "docs" / "subsonic.md").read_text(encoding="utf-8")
    table = text.split("## What is answered")[1].split("By GET and by POST")[0]
    assert set(re.findall(r"\b(?:[a-z]+[A-Z]\w*|[a-z]+\d?)\b", table)) >= set(METHODS)
    assert set(re.findall(r"\b(?:get|find|create|update|delete)[A-Z]\w*", table)) <= set(METHODS)


def test_the_address_in_the_documentation_answers(client: httpx.Client) -> None:
    text = (Path(__file__).resolve().parents[1] / "docs" / "subsonic.md").read_text(encoding="utf-8")
    (address,) = re.findall(r"curl 'http://127\.0\.0\.1:8080(/rest/[^']+)'", text)
    assert len(client.get(address).json()[ROOT]["searchResult3"]["song"]) == 3
