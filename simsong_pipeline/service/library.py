"""What can be listed and looked for: songs, artists, albums and genres of one snapshot, in memory, as columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from simsong_pipeline.asking.finding import folded
from simsong_pipeline.asking.id_rows import IdRows
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.service.album_artists import VARIOUS
from simsong_pipeline.service.catalogue import albums_frame, artists_frame, genres_frame, songs_frame
from simsong_pipeline.service.word_index import WordIndex

T = TypeVar("T")
_FEW, _KEPT = 32, 20_000


@dataclass(frozen=True)
class Song:
    """A song of the index; null is what is not known. Times of change are in ns, lengths in seconds."""

    id: str
    title: str
    artist: str
    artist_id: str
    album: str | None
    album_id: str | None
    album_artist: str | None
    album_artist_id: str | None
    year: int | None
    genres: list[str]
    duration_s: float | None
    path: str | None
    size_bytes: int | None
    modified_ns: int | None

    @property
    def label(self) -> str:
        """Artist and title, for people."""
        return f"{self.artist} - {self.title}"


@dataclass(frozen=True)
class Artist:
    """An artist by whom songs are."""

    id: str
    name: str
    songs: int
    albums: int


@dataclass(frozen=True)
class Album:
    """A release of one artist, or of various ones; `modified_ns` is when the newest of its files changed."""

    id: str
    name: str
    artist: str
    artist_id: str
    year: int | None
    genres: list[str]
    songs: int
    duration_s: float
    modified_ns: int | None
    cover_song: str


@dataclass(frozen=True)
class Genre:
    """A genre, and how many songs and albums are of it."""

    name: str
    songs: int
    albums: int


@dataclass(frozen=True)
class Part(Generic[T]):
    """Some rows of a list, and how many the whole list has."""

    rows: list[T]
    total: int


@dataclass(frozen=True, eq=False)
class Library:
    """The frames of `catalogue`."""

    songs: pl.DataFrame
    artists: pl.DataFrame
    albums: pl.DataFrame
    genres: pl.DataFrame

    @classmethod
    def of(cls, home: Workspace, ids: pl.Series) -> "Library":
        """Of the songs with these track ids."""
        songs = songs_frame(home, ids)
        return cls(songs, artists_frame(songs), albums_frame(songs), genres_frame(songs))

    def song(self, song_id: str) -> Song | None:
        """The song with an id; null where there is none."""
        row = self.song_rows.get(song_id)
        return None if row is None else self.songs_at([row])[0]

    def songs_by_id(self, song_ids: list[str]) -> list[Song | None]:
        """The song with each id; null where there is none."""
        return [self._seen.get(song_id) or self._looked_up(song_id) for song_id in song_ids]

    def there(self, song_ids: list[str]) -> list[Song]:
        """Those songs with these ids that there are."""
        return [song for song in self.songs_by_id(song_ids) if song is not None]

    def _looked_up(self, song_id: str) -> Song | None:
        song = self.song(song_id)
        if song is not None:
            if len(self._seen) >= _KEPT:
                self._seen.clear()
            self._seen[song_id] = song
        return song

    @cached_property
    def _seen(self) -> dict[str, Song]:
        """Songs that were in an answer, which are in others as well."""
        return {}

    def songs_at(self, rows: Sequence[int] | NDArray[np.intp]) -> list[Song]:
        """The songs in some rows."""
        if len(rows) <= _FEW:  # a frame's machinery costs more than the values
            return [Song(*(_value(column[int(row)]) for column in self._song_columns)) for row in rows]
        return [Song(*row) for row in self._songs[rows].iter_rows()]

    def artist(self, artist_id: str) -> Artist | None:
        """The artist with an id; null where there is none."""
        row = self.artist_rows.get(artist_id)
        return None if row is None else self._artists_at([row])[0]

    def album(self, album_id: str) -> Album | None:
        """The album with an id; null where there is none."""
        row = self.album_rows.get(album_id)
        return None if row is None else self.albums_at([row])[0]

    def artist_key(self, artist_id: str) -> str | None:
        """What the catalogue calls an artist; null where there is none with the id."""
        keys = self.songs.filter(pl.col("artist_id") == artist_id)["artist_key"]
        return None if keys.is_empty() else str(keys[0])

    def songs_of_artist(self, artist_id: str) -> list[Song]:
        """All songs that are by an artist, by album; for various artists those of their albums."""
        is_shared = (pl.col("album_artist") == VARIOUS) & (pl.col("album_artist_id") == artist_id)
        is_its = (pl.col("artist_id") == artist_id) | is_shared.fill_null(value=False)
        return self.songs_at(self.songs.select(is_its.alias("is"))["is"].arg_true().to_numpy())

    def songs_of_album(self, album_id: str) -> list[Song]:
        """All songs of an album, by the names of their files."""
        return self.songs_at((self.songs["album_id"] == album_id).arg_true().to_numpy())

    def albums_of_artist(self, artist_id: str) -> list[Album]:
        """Those that are an artist's, and those that it has songs on; by year."""
        on = self.songs.filter(pl.col("artist_id") == artist_id)["album_id"].unique()
        is_its = (pl.col("artist_id") == artist_id) | pl.col("id").is_in(on.implode())
        rows = self.albums.select(is_its.alias("is"))["is"].arg_true().to_numpy()
        return sorted(self.albums_at(rows), key=lambda album: (album.year or 0, album.name))

    def songs_of_genre(self, genre: str, offset: int, limit: int) -> Part[Song]:
        """Songs of a genre, whatever its letter case."""
        rows = rows_of_genre(self.songs, genre).to_numpy()
        return Part(self.songs_at(rows[offset : offset + limit]), len(rows))

    def all_genres(self) -> list[Genre]:
        """The commonest first."""
        return [Genre(*row) for row in self.genres.iter_rows()]

    def find_songs(self, query: str, offset: int, limit: int) -> Part[Song]:
        """Songs by words of title, artist and album, each of which may be only begun; all songs for no words.

        Those whose title begins so come first, then those whose artist does.
        """
        wanted = folded(query)
        rows = _ranked(self.songs, self._song_words.rows(wanted), wanted, ("title_form", "artist_form"))
        return Part(self.songs_at(rows[offset : offset + limit]), len(rows))

    def find_artists(self, query: str, offset: int, limit: int) -> Part[Artist]:
        """As `find_songs`, by name."""
        wanted = folded(query)
        rows = _ranked(self.artists, self._artist_words.rows(wanted), wanted, ("form",))
        return Part(self._artists_at(rows[offset : offset + limit]), len(rows))

    def find_albums(self, query: str, offset: int, limit: int) -> Part[Album]:
        """As `find_songs`, by name and artist."""
        wanted = folded(query)
        rows = _ranked(self.albums, self._album_words.rows(wanted), wanted, ("form", "artist_form"))
        return Part(self.albums_at(rows[offset : offset + limit]), len(rows))

    @cached_property
    def song_rows(self) -> IdRows:
        """Rows of `songs` by id."""
        return IdRows(self.songs["id"])

    @cached_property
    def artist_rows(self) -> IdRows:
        """Rows of `artists` by id."""
        return IdRows(self.artists["id"])

    @cached_property
    def album_rows(self) -> IdRows:
        """Rows of `albums` by id."""
        return IdRows(self.albums["id"])

    @cached_property
    def _song_columns(self) -> list[pl.Series]:
        return self._songs.get_columns()

    @cached_property
    def _songs(self) -> pl.DataFrame:
        return self.songs.select(list(Song.__annotations__))

    def _artists_at(self, rows: list[int] | NDArray[np.intp]) -> list[Artist]:
        named = self.artists.select(list(Artist.__annotations__))[rows]
        return [Artist(**row) for row in named.iter_rows(named=True)]

    def albums_at(self, rows: list[int] | NDArray[np.intp]) -> list[Album]:
        """The albums in some rows."""
        named = self.albums.select(list(Album.__annotations__))[rows]
        return [Album(**row) for row in named.iter_rows(named=True)]

    @cached_property
    def _song_words(self) -> WordIndex:
        return WordIndex.of([self.songs[name] for name in ("title_form", "artist_form", "album_form")])

    @cached_property
    def _artist_words(self) -> WordIndex:
        return WordIndex.of([self.artists["form"]])

    @cached_property
    def _album_words(self) -> WordIndex:
        return WordIndex.of([self.albums["form"], self.albums["artist_form"]])

    def warm(self) -> None:
        """Make what a first search would wait for."""
        for made in (self.song_rows, self.artist_rows, self.album_rows):
            assert made is not None
        for words in (self._song_words, self._artist_words, self._album_words):
            assert words is not None


def rows_of_genre(frame: pl.DataFrame, genre: str) -> pl.Series:
    """Numbers of the rows of songs, or albums, of a genre, whatever its letter case."""
    wanted = pl.col("genres").list.eval(pl.element().str.to_lowercase()).list.contains(genre.lower())
    return frame.select(wanted.alias("is"))["is"].arg_true()


def _value(held: Any) -> Any:
    """A list of a column as a list."""
    return held.to_list() if isinstance(held, pl.Series) else held


def _ranked(frame: pl.DataFrame, rows: NDArray[np.intp], wanted: str, forms: tuple[str, ...]) -> NDArray[np.intp]:
    """Rows that are called so first, then those that begin so, by one form after the other."""
    if not wanted:
        return rows
    rank = pl.lit(2 * len(forms))
    for place, form in reversed(list(enumerate(forms))):
        begins = pl.col(form).str.starts_with(wanted)
        rank = pl.when(pl.col(form) == wanted).then(2 * place).when(begins).then(2 * place + 1).otherwise(rank)
    ranks = frame.select(forms)[rows].select(rank.alias("rank"))["rank"].to_numpy()
    return rows[np.argsort(ranks, kind="stable")]
