"""What OpenSubsonic's lists, searches and questions answer: the library's rows, and songs of the asking layer."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

import httpx
import pytest
from conftest import QUIET
from PIL import Image
from serving import Served, served

from simsong_pipeline.asking.recommend import Choice
from simsong_pipeline.home.night_note import noted
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.service.library import Library, Song
from simsong_pipeline.service.snapshot import Snapshot
from simsong_pipeline.service.subsonic.pictures import LARGEST, USUAL

Ask = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def snapshot(served_sample: Served) -> Snapshot:
    return served_sample.service.snapshots.present


@pytest.fixture(scope="module")
def library(snapshot: Snapshot) -> Library:
    return snapshot.library


@pytest.fixture(scope="module")
def songs(library: Library) -> list[Song]:
    return library.songs_at(list(range(library.songs.height)))


@pytest.fixture(scope="module")
def ask(client: httpx.Client) -> Ask:
    def asked(method: str, **query: object) -> dict[str, Any]:
        answer = client.get(f"/rest/{method}", params={**query, "f": "json"})  # type: ignore[arg-type]
        assert answer.status_code == 200
        inside: dict[str, Any] = answer.json()["subsonic-response"]
        return inside

    return asked


def _ids(rows: list[dict[str, Any]]) -> list[str]:
    return [row["id"] for row in rows]


def _albums(ask: Ask, kind: str, **query: object) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ask("getAlbumList2", type=kind, size=500, **query)["albumList2"]["album"]
    return found


def test_a_song_has_what_its_file_and_the_library_say(ask: Ask, songs: list[Song]) -> None:
    for song in songs[:5]:
        told = ask("getSong", id=song.id)["song"]
        assert song.path is not None
        assert told["id"] == song.id
        assert (told["title"], told["artist"], told.get("album")) == (song.title, song.artist, song.album)
        assert (told["albumId"], told["artistId"], told["coverArt"]) == (song.album_id, song.artist_id, song.album_id)
        assert told["size"] == song.size_bytes
        assert told["suffix"] == song.path.rsplit(".", 1)[1]
        assert told["samplingRate"] > 0
        assert told["bitRate"] > 0
        assert [g["name"] for g in told["genres"]] == song.genres
        assert not told["path"].startswith("/")
        assert song.path.endswith(told["path"])
        assert told.get("year") == song.year


def test_everything_is_listed_once_and_in_pages(ask: Ask, library: Library) -> None:
    """As a player copies a library: pages of an empty query, until one is empty."""
    seen: dict[str, list[str]] = {"song": [], "album": [], "artist": []}
    for offset in range(0, 100, 7):
        sizes = {f"{kind}{what}": n for kind in seen for what, n in (("Count", 7), ("Offset", offset))}
        page = ask("search3", query="", **sizes)["searchResult3"]
        for kind in seen:
            seen[kind] += _ids(page[kind])
    assert seen["song"] == library.songs["id"].to_list()
    assert seen["album"] == library.albums["id"].to_list()
    assert seen["artist"] == library.artists["id"].to_list()
    assert not set(seen["song"]) & set(seen["album"]) | set(seen["album"]) & set(seen["artist"])


@pytest.mark.parametrize("query", ["", '""', "  "])
def test_each_way_to_ask_for_everything_does(ask: Ask, library: Library, query: str) -> None:
    assert len(ask("search3", query=query, songCount=500)["searchResult3"]["song"]) == library.songs.height


def test_words_find_what_the_library_finds(ask: Ask, library: Library, songs: list[Song]) -> None:
    words = songs[3].title.upper()[:5]
    assert _ids(ask("search3", query=words, songCount=500)["searchResult3"]["song"]) == [
        song.id for song in library.find_songs(words, 0, 500).rows
    ]


def test_artists_are_indexed_once_each_by_their_letter(ask: Ask, library: Library) -> None:
    index = ask("getArtists")["artists"]["index"]
    listed = [(group["name"], artist) for group in index for artist in group["artist"]]
    assert sorted(artist["id"] for _, artist in listed) == sorted(library.artists["id"].to_list())
    assert all(artist["name"][0].upper() == letter for letter, artist in listed)
    assert [group["name"] for group in index] == sorted({letter for letter, _ in listed})


def test_folders_lead_to_every_song(ask: Ask, library: Library) -> None:
    """As an old player walks: folders below folders, until there are songs."""
    waiting, seen = ["1"], list[str]()
    while waiting:
        for child in ask("getMusicDirectory", id=waiting.pop())["directory"]["child"]:
            (waiting if child["isDir"] else seen).append(child["id"])
    assert sorted(seen) == sorted(library.songs["id"].to_list())


@pytest.mark.parametrize(
    ("kind", "key"),
    [("alphabeticalByName", lambda a: a["name"].lower()), ("newest", lambda a: [-ord(c) for c in a["created"]])],
)
def test_albums_come_in_the_order_that_is_asked_for(
    ask: Ask, library: Library, kind: str, key: Callable[[dict[str, Any]], Any]
) -> None:
    albums = _albums(ask, kind)
    assert [key(a) for a in albums] == sorted(key(a) for a in albums)
    assert sorted(_ids(albums)) == sorted(library.albums["id"].to_list())


def test_albums_by_artist_come_in_the_library_s_order(ask: Ask, library: Library) -> None:
    assert _ids(_albums(ask, "alphabeticalByArtist")) == library.albums["id"].to_list()


@pytest.mark.parametrize(("first", "last"), [(1960, 1990), (1990, 1960)])
def test_albums_between_two_years_come_forward_or_backward(ask: Ask, library: Library, first: int, last: int) -> None:
    years = [album["year"] for album in _albums(ask, "byYear", fromYear=first, toYear=last)]
    wanted = [y for y in library.albums["year"].to_list() if y is not None and 1960 <= y <= 1990]
    assert years == sorted(wanted, reverse=first > last)
    assert years


def test_albums_and_songs_of_a_genre(ask: Ask, library: Library, songs: list[Song]) -> None:
    for genre in library.all_genres():
        wanted = [row["id"] for row in library.albums.iter_rows(named=True) if genre.name in row["genres"]]
        assert _ids(_albums(ask, "byGenre", genre=genre.name.upper())) == wanted
        of_it = [song.id for song in songs if genre.name in song.genres]
        assert _ids(ask("getSongsByGenre", genre=genre.name, count=500)["songsByGenre"]["song"]) == of_it
        chance = ask("getRandomSongs", genre=genre.name, size=500)["randomSongs"]["song"]
        assert sorted(_ids(chance)) == sorted(of_it)


def test_a_random_list_is_paged_by_its_seed_and_is_another_without(ask: Ask, library: Library) -> None:
    pages = [_ids(ask("getAlbumList2", type="random", seed=3, size=5, offset=o)["albumList2"]["album"]) for o in (0, 5)]
    whole = _ids(_albums(ask, "random", seed=3))
    assert pages[0] + pages[1] == whole[:10]
    assert sorted(whole) == sorted(library.albums["id"].to_list())
    assert len({tuple(_ids(_albums(ask, "random"))) for _ in range(4)}) > 1


def test_random_songs_between_years(ask: Ask, songs: list[Song]) -> None:
    found = ask("getRandomSongs", fromYear=1965, toYear=1975, size=500)["randomSongs"]["song"]
    assert sorted(_ids(found)) == sorted(s.id for s in songs if s.year is not None and 1965 <= s.year <= 1975)


def test_lists_of_what_nobody_counts_are_empty(ask: Ask) -> None:
    for kind in ("frequent", "recent", "highest", "starred"):
        assert _albums(ask, kind) == []


def test_similar_tracks_are_the_asking_layer_s(ask: Ask, snapshot: Snapshot, songs: list[Song]) -> None:
    for song in songs[:3]:
        wanted = snapshot.songs.ranking_by().similar([song.id], Choice(6)).neighbours
        found = ask("getSonicSimilarTracks", id=song.id, count=6)["sonicMatch"]
        assert [m["entry"]["id"] for m in found] == [n.track_id for n in wanted]
        assert [m["similarity"] for m in found] == pytest.approx([min(max(n.score, 0), 1) for n in wanted], abs=1e-5)


def test_similar_songs_take_any_kind_of_id(ask: Ask, snapshot: Snapshot, library: Library, songs: list[Song]) -> None:
    genre = library.all_genres()[-1].name
    one = next(s for s in songs if sum(other.album_id == s.album_id for other in songs) > 1)
    meant = {
        one.id: [one.id],
        str(one.album_id): [s.id for s in songs if s.album_id == one.album_id],
        one.artist_id: [s.id for s in songs if s.artist_id == one.artist_id],
        genre: [s.id for s in songs if genre in s.genres],
    }
    for identity, liked in meant.items():
        wanted = [n.track_id for n in snapshot.songs.ranking_by().similar(liked, Choice(9)).neighbours]
        assert _ids(ask("getSimilarSongs", id=identity, count=9)["similarSongs"]["song"]) == wanted
        assert _ids(ask("getSimilarSongs2", id=identity, count=9)["similarSongs2"]["song"]) == wanted


def test_similar_artists_are_others_each_once(ask: Ask, songs: list[Song]) -> None:
    for identity in (songs[0].artist_id, songs[0].id, songs[0].album_id):
        found = _ids(ask("getArtistInfo2", id=identity, count=4)["artistInfo2"]["similarArtist"])
        assert 0 < len(found) <= 4
        assert len(set(found) - {songs[0].artist_id}) == len(found)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7])
def test_a_path_begins_and_ends_with_its_ends(ask: Ask, snapshot: Snapshot, songs: list[Song], count: int) -> None:
    start, end = songs[0].id, songs[-1].id
    path = ask("findSonicPath", startSongId=start, endSongId=end, count=count)["sonicMatch"]
    ids = [m["entry"]["id"] for m in path]
    between = snapshot.songs.ranking_by().path(start, end, Choice(count - 2)).neighbours if count > 2 else []
    assert ids == [start, *(n.track_id for n in between), end]


def test_likeness_along_a_path_is_to_its_start(ask: Ask, songs: list[Song], library: Library) -> None:
    start, end = songs[0].id, songs[-1].id
    near = ask("getSonicSimilarTracks", id=start, count=library.songs.height)["sonicMatch"]
    wanted = {m["entry"]["id"]: m["similarity"] for m in near}
    first, *others = ask("findSonicPath", startSongId=start, endSongId=end, count=8)["sonicMatch"]
    assert first["similarity"] == 1.0
    for match in others:
        assert match["similarity"] == pytest.approx(wanted[match["entry"]["id"]], abs=1e-5)


def test_a_song_s_way_to_itself_is_the_song(ask: Ask, songs: list[Song]) -> None:
    path = ask("findSonicPath", startSongId=songs[0].id, endSongId=songs[0].id)["sonicMatch"]
    assert [m["entry"]["id"] for m in path] == [songs[0].id]


def test_a_running_night_is_a_scan(run_copy: Workspace) -> None:
    with served(run_copy, read_only=True) as running, running.client() as client:

        def scanning() -> bool:
            told = client.get("/rest/getScanStatus", params={"f": "json"}).json()["subsonic-response"]["scanStatus"]
            assert told["count"] == running.service.snapshots.present.library.songs.height
            return bool(told["scanning"])

        assert not scanning()
        with noted(run_copy, "refresh", QUIET):
            assert scanning()
        assert not scanning()


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_song_is_streamed_raw_in_ranges(client: httpx.Client, songs: list[Song], method: str) -> None:
    def stream(range_: str | None = None, **more: str) -> httpx.Response:
        headers = {} if range_ is None else {"range": range_}
        query = {"id": songs[0].id, **more}
        if method == "GET":
            return client.get("/rest/stream.view", params=query, headers=headers)
        return client.post("/rest/stream.view", data=query, headers=headers)

    whole = stream(format="raw", maxBitRate="64", estimateContentLength="true", timeOffset="3")
    assert songs[0].path is not None
    with open(songs[0].path, "rb") as file:
        assert whole.content == file.read()
    assert whole.headers["content-length"] == str(len(whole.content))
    assert whole.headers["content-type"].startswith("audio/")
    part = stream("bytes=100-199")
    assert (part.status_code, part.content) == (206, whole.content[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(whole.content)}"
    assert stream(f"bytes={len(whole.content)}-").status_code == 416


@pytest.mark.parametrize("size", [None, 64, 100_000])
def test_a_cover_is_a_picture_in_points_for_every_kind_of_id(
    client: httpx.Client, songs: list[Song], size: int | None
) -> None:
    for identity in (songs[0].id, songs[0].album_id, songs[0].artist_id):
        query = {"id": identity, **({} if size is None else {"size": size})}
        answer = client.get("/rest/getCoverArt", params=query)  # type: ignore[arg-type]
        assert answer.headers["content-type"] == "image/png"
        with Image.open(BytesIO(answer.content)) as picture:
            assert picture.size == ((min(size or USUAL, LARGEST),) * 2)
        again = client.get("/rest/getCoverArt", params=query, headers={"if-none-match": answer.headers["etag"]})  # type: ignore[arg-type]
        assert again.status_code == 304
