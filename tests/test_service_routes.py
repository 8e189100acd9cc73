"""The JSON API over the finished sample run, on a real server: lists, questions, streams, and what is refused."""

import json
from collections.abc import Iterator

import httpx
import pytest
from conftest import SMALL_CONFIG
from serving import Served

from simsong_pipeline.asking.queries import Songs
from simsong_pipeline.asking.recommend import Choice
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.service.json_api import questions

API = "/api/v1"


@pytest.fixture(scope="module")
def home(served_sample: Served) -> Workspace:
    return served_sample.service.workspace


def _get(client: httpx.Client, address: str, **query: object) -> dict[str, object]:
    answer = client.get(API + address, params=query)  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    found: dict[str, object] = answer.json()
    return found


@pytest.fixture(scope="module")
def songs(client: httpx.Client) -> list[dict[str, object]]:
    rows = _get(client, "/songs", limit=500)["items"]
    assert isinstance(rows, list)
    return rows


def test_library_is_what_the_index_holds(client: httpx.Client, home: Workspace, songs: list[dict[str, object]]) -> None:
    indexed = set(home.read("wns/track_vectors")["track_id"])
    assert {song["id"] for song in songs} == indexed
    assert _get(client, "/library")["songs"] == len(indexed)


def test_answers_are_those_of_the_command(
    client: httpx.Client, home: Workspace, songs: list[dict[str, object]]
) -> None:
    first, second = songs[0]["id"], songs[9]["id"]
    found = _get(client, "/similar", like=[first], dislike=[second], k=7, audio_weight=0.3, exclude_artist=True)
    with home.store(SMALL_CONFIG.store) as store:
        asked = Songs(home, store, SMALL_CONFIG, audio_weight=0.3)
        wanted = asked.similar([str(first)], Choice(7), [str(second)], exclude_artist=True)
    assert [s["id"] for s in found["songs"]] == [n.track_id for n in wanted.neighbours]  # type: ignore[attr-defined]
    assert [s["score"] for s in found["songs"]] == pytest.approx([n.score for n in wanted.neighbours])  # type: ignore[attr-defined]
    posted = client.post(f"{API}/similar", json={"like": [first], "dislike": [second], "k": 7, "audio_weight": 0.3})
    assert posted.status_code == 200
    assert len(posted.json()["songs"]) == 7


def test_names_mean_songs(client: httpx.Client, songs: list[dict[str, object]]) -> None:
    titles = [str(song["title"]) for song in songs]
    title = next(t for t in titles if titles.count(t) == 1)
    by_name, by_id = (
        _get(client, "/similar", like=w)["meant"] for w in (title.upper(), songs[titles.index(title)]["id"])
    )
    assert by_name == by_id


def test_path_begins_and_ends_with_its_ends(client: httpx.Client, songs: list[dict[str, object]]) -> None:
    found = _get(client, "/path", start=songs[0]["id"], end=songs[-1]["id"], k=4)
    ids = [song["id"] for song in found["songs"]]  # type: ignore[attr-defined]
    assert (ids[0], ids[-1], len(set(ids))) == (songs[0]["id"], songs[-1]["id"], 6)


def test_why_has_seconds_of_both_songs(client: httpx.Client, songs: list[dict[str, object]]) -> None:
    found = _get(client, "/why", first=songs[0]["id"], second=songs[1]["id"], best=3)
    assert 0 < len(found["segments"]) <= 3  # type: ignore[arg-type]
    assert all(0 <= s["first_s"] < 10 and -1 <= s["cosine"] <= 1.001 for s in found["segments"])  # type: ignore[attr-defined]
    assert all(s[f"{side}_end_s"] > s[f"{side}_s"] for s in found["segments"] for side in ("first", "second"))  # type: ignore[attr-defined]
    assert found["segment_s"]


def test_search_finds_what_is_begun_and_counts_all(client: httpx.Client, songs: list[dict[str, object]]) -> None:
    artist = str(songs[0]["artist"])
    found = _get(client, "/search", q=artist[:-1].lower(), limit=2)
    assert songs[0]["artist_id"] in [a["id"] for a in found["artists"]["items"]]  # type: ignore[index,call-overload]
    everything = _get(client, "/search", limit=3)
    assert everything["songs"]["total"] == len(songs)  # type: ignore[index,call-overload]
    assert len(everything["songs"]["items"]) == 3  # type: ignore[index,call-overload]


def test_pages_lead_through_the_whole_list(client: httpx.Client, songs: list[dict[str, object]]) -> None:
    address, seen = f"{API}/songs?limit=7", list[object]()
    while address:
        page = client.get(address).json()
        seen += [song["id"] for song in page["items"]]
        address = page["next"]
    assert seen == [song["id"] for song in songs]


def test_artists_and_albums_have_their_songs(client: httpx.Client, songs: list[dict[str, object]]) -> None:
    for kind in ("artist", "album"):
        one = next(song for song in songs if song[f"{kind}_id"])
        found = _get(client, f"/{kind}s/{one[f'{kind}_id']}")
        wanted = {song["id"] for song in songs if song[f"{kind}_id"] == one[f"{kind}_id"]}
        assert {song["id"] for song in found["song_list"]} == wanted  # type: ignore[attr-defined]
        assert found["songs"] == len(wanted)
    listed = _get(client, "/artists", limit=500)
    assert listed["total"] == len({song["artist_id"] for song in songs})


def test_a_song_is_streamed_whole_and_in_ranges(client: httpx.Client, songs: list[dict[str, object]]) -> None:
    details = _get(client, f"/songs/{songs[0]['id']}")
    file = details["file"]
    assert isinstance(file, dict)
    address = f"{API}/songs/{songs[0]['id']}/stream"
    whole = client.get(address)
    assert (whole.status_code, len(whole.content)) == (200, file["size_bytes"])
    assert whole.headers["content-type"] == file["media_type"]
    assert whole.headers["accept-ranges"] == "bytes"
    part = client.get(address, headers={"range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, whole.content[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(whole.content)}"
    assert client.get(address, headers={"range": "bytes=-10"}).content == whole.content[-10:]
    beyond = client.get(address, headers={"range": f"bytes={len(whole.content)}-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{len(whole.content)}")
    tag = whole.headers["etag"]
    assert client.get(address, headers={"if-none-match": tag}).status_code == 304
    assert client.get(address, headers={"range": "bytes=0-9", "if-range": tag}).status_code == 206
    assert client.get(address, headers={"range": "bytes=0-9", "if-range": '"other"'}).status_code == 200
    head = client.head(address)
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(whole.content)))


def test_pictures_of_all_kinds_are_drawn_where_there_are_none(
    client: httpx.Client, songs: list[dict[str, object]]
) -> None:
    song = next(song for song in songs if song["album_id"])
    for address in (f"/songs/{song['id']}", f"/albums/{song['album_id']}", f"/artists/{song['artist_id']}"):
        answer = client.get(f"{API}{address}/cover")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/svg+xml")
        again = client.get(f"{API}{address}/cover", headers={"if-none-match": answer.headers["etag"]})
        assert again.status_code == 304


def test_answers_that_a_client_has_are_not_sent_again(client: httpx.Client, songs: list[dict[str, object]]) -> None:
    query = {"like": str(songs[0]["id"])}
    first = client.get(f"{API}/similar", params=query)
    again = client.get(f"{API}/similar", params=query, headers={"if-none-match": first.headers["etag"]})
    other = client.get(f"{API}/similar", params={**query, "k": 3}, headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content, other.status_code) == (304, b"", 200)


def test_genres_tags_and_languages_are_what_filters_take(client: httpx.Client, songs: list[dict[str, object]]) -> None:
    for kind, option in (("tags", "tag"), ("languages", "language")):
        rows = _get(client, f"/{kind}")["items"]
        assert isinstance(rows, list)
        found = _get(client, "/similar", like=songs[0]["id"], k=100, **{option: rows[0]["name"]})
        assert 0 < len(found["songs"]) <= rows[0]["songs"]  # type: ignore[arg-type]
    genre = _get(client, "/genres")["items"][0]  # type: ignore[index]
    assert _get(client, "/songs", genre=genre["name"].upper())["total"] == genre["songs"]


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/similar?like=nobody-knows-it", 404),
        ("/similar", 422),
        ("/similar?like=SONG&k=0", 422),
        ("/similar?like=SONG&k=501", 422),
        ("/similar?like=SONG&k=99999999999999999999999999", 422),
        ("/similar?like=SONG&k=ten", 422),
        ("/similar?like=SONG&audio_weight=nan", 422),
        ("/similar?like=SONG&min_tempo=inf", 422),
        ("/similar?like=SONG&diversity=1", 422),
        ("/similar?like=SONG&sinse=1990", 422),
        ("/similar?like=SONG&since=2000&until=1990", 422),
        ("/similar?like=SONG&tag=no-such-tag", 422),
        ("/similar?like=SONG&language=xx%27%20OR%201=1", 422),
        ("/similar?like=SONG&tag=%22%7D%5D%2C%22must%22%3A%5B", 422),
        ("/similar?like=../../../../etc/passwd", 404),
        ("/similar?like=/etc/passwd", 404),
        ("/similar?like=%00", 404),
        ("/similar?like=%FF%FE", 404),
        ("/similar?artist=ar-none", 404),
        ("/similar?album=al-none", 404),
        ("/path?start=SONG", 422),
        ("/path?start=SONG&end=SONG&k=101", 422),
        ("/why?first=SONG&second=SONG", 404),
        ("/about?text=%20", 422),
        ("/about?sound=calm", 409),
        ("/songs/none", 404),
        ("/songs?offset=-1", 422),
        ("/songs?limit=501", 422),
        ("/artists/none", 404),
        ("/albums/..%2F..%2Fetc", 404),
        ("/songs/..%2F..%2F..%2Fetc%2Fpasswd/stream", 404),
        ("/songs/%2e%2e%2f%2e%2e%2fetc%2fpasswd/cover", 404),
        ("/songs/none/stream", 404),
        ("/songs/none/cover", 404),
        ("/none", 404),
        ("/library?x=1", 422),
    ],
)
def test_what_cannot_be_answered_is_a_problem(
    client: httpx.Client, songs: list[dict[str, object]], address: str, status: int
) -> None:
    answer = client.get(API + address.replace("SONG", str(songs[0]["id"])))
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert told["status"] == status
    assert told["detail"]
    assert {"type", "title"} <= told.keys()


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"1",
        b"null",
        b'{"like": 1}',
        b'{"like": ["\\ud800"]}',
        b'{"like": {"a": 1}}',
        b"[" * 100_000,
        b"\xff",
    ],
)
def test_bodies_that_are_no_questions_are_problems(client: httpx.Client, body: bytes) -> None:
    answer = client.post(f"{API}/similar", content=body)
    assert answer.status_code in (400, 404, 422)
    assert answer.headers["content-type"] == "application/problem+json"


def test_methods_that_are_not_there_are_refused(client: httpx.Client) -> None:
    answer = client.delete(f"{API}/similar")
    assert (answer.status_code, answer.headers["content-type"]) == (405, "application/problem+json")


def test_description_names_every_operation_and_its_fields(client: httpx.Client) -> None:
    described = client.get("/openapi.json").json()
    similar = described["paths"][f"{API}/similar"]["get"]
    assert {"like", "dislike", "k", "diversity", "since", "per_artist"} <= {p["name"] for p in similar["parameters"]}
    references = set(_references(described))
    assert references <= set(described["components"]["schemas"])
    page = client.get("/docs").text
    assert all(path.replace("{", "{") in page for path in described["paths"])
    assert "<script" not in page
    assert "http://" not in page.replace("http://www.w3.org", "")


def _references(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"].rpartition("/")[2]
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


def test_answers_are_json_of_their_shapes(client: httpx.Client, songs: list[dict[str, object]]) -> None:
    found = client.get(f"{API}/similar", params={"like": str(songs[0]["id"])})
    assert json.loads(found.content)["songs"][0].keys() >= {"id", "title", "artist", "score", "album_id", "genres"}
    assert "path" not in json.loads(found.content)["songs"][0]


def test_questions_that_name_too_many_songs_are_refused(
    client: httpx.Client, songs: list[dict[str, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(questions, "_MOST_LIKED", 1)
    artists = [str(song["artist_id"]) for song in songs]
    answer = client.get(f"{API}/similar", params={"artist": next(a for a in artists if artists.count(a) > 1)})
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:simsong:too-many")
