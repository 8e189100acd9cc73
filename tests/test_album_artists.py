"""Which songs are one album, and whose: planted folders of albums, compilations, discs and single files."""

from pathlib import Path

import polars as pl
import pytest

from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.schemas import AUDIO, TAGS, TRACKS, conform, empty
from simsong_pipeline.service.catalogue import artist_id_of
from simsong_pipeline.service.library import Library

MUSIC = "/music/"
# Path below the music, artist, album.
SONGS = [
    ("Anna/Sea/1.mp3", "Anna", "Sea"),
    ("Anna/Sea/2.mp3", "Anna", "Sea"),
    ("Sets/Summer/1.mp3", "Anna", "Summer"),
    ("Sets/Summer/2.mp3", "Ben", "Summer"),
    ("Sets/Summer/3.mp3", "Cleo", "summer"),
    ("Sets/Two Discs/CD1/1.mp3", "Anna", "Two Discs"),
    ("Sets/Two Discs/CD 2/1.mp3", "Ben", "Two Discs"),
    ("Other/Summer/1.mp3", "Ben", "Summer"),
    ("Other/Summer/2.mp3", "Dora", "Summer"),
    ("Ben/Guests/1.mp3", "Ben", "Guests"),
    ("Ben/Guests/2.mp3", "Ben", "Guests"),
    ("Ben/Guests/3.mp3", "Dora", "Guests"),
    ("loose/1.mp3", "Anna", "Hits"),
    ("loose/2.mp3", "Ben", "Hits"),
    ("loose/3.mp3", "Ben", "Else"),
    ("none/1.mp3", "Anna", None),
    ("none/2.mp3", "Ben", None),
    (None, "Anna", "Nowhere"),
    (None, "Ben", "Nowhere"),
]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    return library_of(Workspace(tmp_path_factory.mktemp("albums")), SONGS, MUSIC)


def library_of(home: Workspace, songs: list[tuple[str | None, str, str | None]], music: str) -> Library:
    ids = [f"T{n:02d}" for n in range(len(songs))]
    tracks = pl.DataFrame({"track_id": ids, "artist_name": [s[1] for s in songs], "release": [s[2] for s in songs]})
    fixed = {"song_id": None, "year": 2000, "duration_s": 200.0, "genre": "Pop", "source": "planted"}
    more = [pl.lit(value).alias(name) for name, value in fixed.items()]
    named = [pl.col("artist_name").str.to_lowercase().alias("artist_id"), pl.col("track_id").alias("title")]
    rows = tracks.with_columns(*more, *named).with_columns(pl.concat_list("artist_id").alias("artist_ids"))
    home.write("tracks", conform(rows, TRACKS))
    paths = pl.DataFrame(
        {"track_id": ids, "path": [s[0] and music + s[0] for s in songs]}, schema_overrides={"path": pl.String}
    )
    known = ("track_id", "path", "status")
    nothing = [pl.lit(None).alias(name) for name in AUDIO.columns if name not in known]
    home.write("audio", conform(paths.with_columns(pl.lit("ok").alias("status"), *nothing), AUDIO))
    home.write("lastfm_tags", empty(TAGS))
    return Library.of(home, pl.Series(ids))


def test_a_compilation_is_one_album_of_various_artists(library: Library) -> None:
    listed = sorted((album.artist, album.name.lower(), album.songs) for album in library.find_albums("", 0, 100).rows)
    assert listed == [
        ("Anna", "hits", 1),
        ("Anna", "nowhere", 1),
        ("Anna", "sea", 2),
        ("Ben", "else", 1),
        ("Ben", "guests", 3),  # most of it is his
        ("Ben", "hits", 1),
        ("Ben", "nowhere", 1),
        ("Various Artists", "summer", 2),
        ("Various Artists", "summer", 3),
        ("Various Artists", "two discs", 2),
    ]


def test_various_artists_are_an_artist_with_their_albums_and_songs(library: Library) -> None:
    various = library.artist(artist_id_of("Various Artists"))
    assert various is not None
    assert (various.name, various.songs, various.albums) == ("Various Artists", 7, 3)
    assert {album.artist_id for album in library.albums_of_artist(various.id)} == {various.id}
    assert len(library.songs_of_artist(various.id)) == various.songs
    assert library.find_artists("various", 0, 5).rows == [various]


def test_artists_keep_their_songs_and_are_found_on_albums_of_others(library: Library) -> None:
    for artist in library.find_artists("", 0, 100).rows:
        songs, albums = library.songs_of_artist(artist.id), library.albums_of_artist(artist.id)
        assert (len(songs), len(albums)) == (artist.songs, artist.albums)
        assert {s.album_id for s in songs} - {None} == {a.id for a in albums}
    dora = library.artist(artist_id_of("dora"))
    assert dora is not None
    assert (dora.songs, dora.albums) == (2, 2)


def test_every_album_lists_its_songs_and_has_a_picture_of_one(library: Library) -> None:
    for album in library.find_albums("", 0, 100).rows:
        songs = library.songs_of_album(album.id)
        assert len(songs) == album.songs
        assert album.cover_song in [song.id for song in songs]


def test_ids_stay_where_the_music_is_moved(library: Library, tmp_path: Path) -> None:
    moved = library_of(Workspace(tmp_path), SONGS, "/mnt/other/place/")
    assert moved.albums["id"].to_list() == library.albums["id"].to_list()


def test_a_library_without_compilations_has_no_various_artists(tmp_path: Path) -> None:
    plain = [song for song in SONGS if song[0] is None or song[0].startswith(("Anna", "loose"))]
    assert library_of(Workspace(tmp_path), plain, MUSIC).artist(artist_id_of("Various Artists")) is None
