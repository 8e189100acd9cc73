"""OpenSubsonic against bad questions and names: a code of the standard or a clear 4xx, and nothing from elsewhere."""

import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import httpx
import polars as pl
import pytest
from serving import Served, served

from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.service.library import Library
from simsong_pipeline.service.subsonic.routes import METHODS

# Each song is called by one of these, and so are artists and albums.
BAD_NAMES = [
    "<script>alert(1)</script>",
    "a & b < c > d \" e ' f",
    "]]><!-- --> <?xml?> &amp; &#0;",
    "bell\x07 escape\x1b[31m zero-width\u200b",
    "\x01\x02\x0b\x0c\x1f\x7f\x85",
    "line\nbreak\ttab\rreturn",
    "noncharacter\ufffe\uffff",
    "🎵 \U0010ffff עברית \u202e right to left",
    "\u2028 \u2029 ends of lines in scripts",
]
BAD_IDS = [
    "../../../../etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "/etc/passwd",
    "file:///etc/passwd",
    "\x00",
    "a\x00b",
    "☃",
    "' OR 1=1 --",
    "ar-",
    "al-../x",
    "-1",
    "a" * 5_000,
    " ",
    "null",
]


@pytest.fixture(scope="module")
def badly_named(finished_run: tuple[Workspace, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    workspace = Workspace(tmp_path_factory.mktemp("badly") / "home")
    shutil.copytree(finished_run[0].home, workspace.home)
    tracks = workspace.read("tracks")
    names = pl.Series([f"{BAD_NAMES[n % len(BAD_NAMES)]}{n}" for n in range(tracks.height)])
    columns = ("title", "artist_name", "release", "genre")
    workspace.write("tracks", tracks.with_columns(*[names.alias(name) for name in columns]))
    with served(workspace) as running:
        yield running


def _failed(answer: httpx.Response) -> int:
    """The code of a refusal in JSON, which a client reads by HTTP status 200."""
    assert answer.status_code == 200, answer.text[:300]
    inside = answer.json()["subsonic-response"]
    assert inside["status"] == "failed", inside
    code: int = inside["error"]["code"]
    return code


def _as_xml_has_it(name: str) -> str:
    """With the mark for what it cannot say; one end of a line is as good as another in it."""
    said = (c if c in "\t\n\r" or " " <= c < "\ufffe" or c > "\uffff" else "\ufffd" for c in name)
    return "".join(said).replace("\r", "\n")


@pytest.mark.parametrize(
    ("method", "query"),
    [
        ("search3", {"query": "", "songCount": 500, "albumCount": 500, "artistCount": 500}),
        ("getArtists", {}),
        ("getIndexes", {}),
        ("getGenres", {}),
        ("getAlbumList2", {"type": "alphabeticalByName", "size": 500}),
        ("getRandomSongs", {"size": 500, "seed": 1}),
        ("getPlaylists", {}),
        ("getStarred2", {}),
    ],
)
def test_xml_can_be_read_whatever_songs_are_called(badly_named: Served, method: str, query: dict[str, object]) -> None:
    library = badly_named.service.snapshots.present.library
    ids = library.songs["id"].to_list()
    badly_named.service.likes.set(ids[0], True)
    with badly_named.client() as client:
        client.post("/rest/createPlaylist", data={"name": BAD_NAMES[4], "songId": ids[:20]})
        answer = client.get(f"/rest/{method}", params=query)  # type: ignore[arg-type]
        told = client.get(f"/rest/{method}", params={**query, "f": "json"}).json()  # type: ignore[arg-type]
    root = ElementTree.fromstring(answer.content)
    assert root.attrib["status"] == "ok"
    shown = [*(v for e in root.iter() for v in e.attrib.values()), *(e.text for e in root.iter() if e.text)]
    texts = [text for text in _texts(told) if len(text) > 20]
    assert texts
    assert {_as_xml_has_it(text) for text in texts} <= {text.replace("\r", "\n") for text in shown}


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _texts(one)


def test_songs_that_are_badly_called_can_be_found_and_heard(badly_named: Served) -> None:
    library = badly_named.service.snapshots.present.library
    with badly_named.client() as client:
        for song in library.songs_at(list(range(len(BAD_NAMES)))):
            told = client.get("/rest/getSong", params={"id": song.id, "f": "json"}).json()["subsonic-response"]["song"]
            assert told["title"] == song.title
            drawn = client.get("/rest/getCoverArt", params={"id": told["coverArt"]})
            assert drawn.headers["content-type"] == "image/png"
            assert client.get("/rest/stream", params={"id": song.id}).status_code == 200


TAKING_IDS = {
    "getSong": "id",
    "getAlbum": "id",
    "getArtist": "id",
    "getMusicDirectory": "id",
    "getSimilarSongs": "id",
    "getSimilarSongs2": "id",
    "getSonicSimilarTracks": "id",
    "getArtistInfo2": "id",
    "getAlbumInfo2": "id",
    "getPlaylist": "id",
    "stream": "id",
    "download": "id",
    "getCoverArt": "id",
    "scrobble": "id",
    "findSonicPath": "startSongId",
}


@pytest.mark.parametrize("method", TAKING_IDS)
def test_an_id_that_nothing_has_finds_nothing(client: httpx.Client, library: Library, method: str) -> None:
    song = library.songs_at([0])[0]
    assert song.path is not None
    for identity in [*BAD_IDS, song.path, Path(song.path).name, song.id.lower(), f"{song.id} "]:
        query = {"endSongId": song.id, TAKING_IDS[method]: identity, "f": "json"}
        assert _failed(client.post(f"/rest/{method}", data=query)) == 70, identity
        if len(identity) < 3_000:
            assert _failed(client.get(f"/rest/{method}", params=query)) == 70, identity


@pytest.mark.parametrize("count", [10**6, 10**12, 10**40])
def test_no_count_is_too_large_to_be_answered(client: httpx.Client, library: Library, count: int) -> None:
    song, height = library.songs_at([0])[0], library.songs.height
    sizes = {"count": count, "size": count, "songCount": count, "albumCount": count, "artistCount": count}
    wanted = {
        "getSonicSimilarTracks": ("sonicMatch", height - 1),
        "getSimilarSongs": ("similarSongs", height - 1),
        "search3": ("searchResult3", height),
        "getRandomSongs": ("randomSongs", height),
        "findSonicPath": ("sonicMatch", height),
    }
    for method, (member, most) in wanted.items():
        query = {"id": song.id, "query": "", "startSongId": song.id, "endSongId": library.songs["id"][-1], **sizes}
        found = client.get(f"/rest/{method}", params={**query, "f": "json"}).json()["subsonic-response"][member]  # type: ignore[arg-type]
        listed = found if isinstance(found, list) else found["song"]
        assert 0 < len(listed) <= most
    beyond = {"query": "", "songOffset": count, "f": "json"}
    assert client.get("/rest/search3", params=beyond).json()["subsonic-response"]["searchResult3"]["song"] == []  # type: ignore[arg-type]


def test_what_the_standard_needs_is_missed(client: httpx.Client, shared: Path, library: Library) -> None:
    """By the standard's own files: each parameter that a method needs, left out by itself."""
    folder = shared / "opensubsonic" / "openapi" / "endpoints"
    if not folder.is_dir():
        pytest.skip(f"no description of OpenSubsonic at {folder}")
    song, seen = library.songs["id"][0], 0
    for name, method in METHODS.items():
        file = folder / f"{name}.json"
        told = json.loads(file.read_bytes())["get"]["parameters"]
        needed = [p["name"] for p in told if p.get("required")]
        if method.writes or name in ("createUser", "updateUser", "deleteUser", "changePassword"):
            continue  # refused before it is looked at: this service reads alone
        for left_out in needed:
            given = {n: "byYear" if n == "type" else song for n in needed if n != left_out}
            assert _failed(client.get(f"/rest/{name}", params={**given, "f": "json"})) == 10, (name, left_out)
            seen += 1
    assert seen > 15


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"type": "byYear", "fromYear": "1990"}, 10),
        ({"type": "byGenre"}, 10),
        ({"type": "best"}, 0),
        ({"type": "random", "size": "many"}, 0),
        ({"type": "random", "musicFolderId": "2"}, 70),
        ({"type": "byYear", "fromYear": "x", "toYear": "1"}, 0),
        ({"type": ""}, 10),
    ],
)
def test_lists_refuse_what_they_cannot_list(client: httpx.Client, query: dict[str, str], code: int) -> None:
    assert _failed(client.get("/rest/getAlbumList2", params={**query, "f": "json"})) == code


@pytest.mark.parametrize("name", ["getPodcasts", "Ping", "ping.view.view", "", "%2e%2e", "<b>", "a" * 500, "☃"])
def test_a_method_that_is_not_offered_is_not_found(client: httpx.Client, name: str) -> None:
    answer = client.get(f"/rest/{name}", params={"f": "json"})
    assert answer.status_code == 404
    assert "passwd" not in answer.text
    if "subsonic-response" in answer.text:
        assert answer.json()["subsonic-response"]["error"]["code"] == 0


def test_other_ways_to_ask_are_refused(client: httpx.Client) -> None:
    assert client.put("/rest/ping").status_code == 405
    assert client.delete("/rest/ping").status_code == 405
    assert client.head("/rest/ping").status_code == 200


@pytest.mark.parametrize(
    "body", [b"\xff\xfe\x00id=1", b"=&=&&&==", b"id=%zz%ff%00", b"&" * 10_000, b"f=json&f=xml&" * 100]
)
def test_a_body_that_is_no_form_is_read_as_well_as_it_can_be(client: httpx.Client, body: bytes) -> None:
    kind = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
    assert client.post("/rest/ping", content=body, headers=kind).status_code == 200


def test_many_clients_at_once_get_what_one_gets(client: httpx.Client, library: Library) -> None:
    ids = library.songs["id"].to_list()
    asked = [
        *(("getSonicSimilarTracks", {"id": i, "count": 8}) for i in ids),
        *(("search3", {"query": name[:3], "songCount": 40}) for name in library.artists["name"]),
        *(("findSonicPath", {"startSongId": i, "endSongId": ids[-1], "count": 4}) for i in ids[:20]),
        *(("getSong", {"id": "none"}) for _ in range(20)),
    ]
    alone = [client.get(f"/rest/{method}", params=query).content for method, query in asked]  # type: ignore[arg-type]

    def ask(one: tuple[str, dict[str, object]]) -> bytes:
        return client.post(f"/rest/{one[0]}.view", data=one[1]).content

    with ThreadPoolExecutor(60) as pool:
        assert list(pool.map(ask, asked)) == alone


def test_too_many_fields_and_too_much_are_refused(client: httpx.Client) -> None:
    kind = {"content-type": "application/x-www-form-urlencoded"}
    many = client.post("/rest/ping?f=json", content=b"a=1&" * 30_000, headers=kind)
    assert ElementTree.fromstring(many.content)[0].attrib["code"] == "0"
    much = client.post("/rest/ping", content=b"a=" + b"x" * 2_000_000, headers=kind)
    assert 200 <= much.status_code < 500
    assert b"failed" in much.content or much.status_code == 413


def test_a_callback_that_is_a_script_is_refused_in_json(client: httpx.Client) -> None:
    answer = client.get("/rest/ping", params={"f": "jsonp", "callback": "alert(1)//"})
    assert _failed(answer) == 10
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
