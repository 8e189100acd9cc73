"""Lists of albums in the orders that players offer, and lists of songs at random or of a genre."""

import secrets
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl

from simsong_pipeline.service.library import Album, Song, rows_of_genre
from simsong_pipeline.service.subsonic.call import Call, Method
from simsong_pipeline.service.subsonic.entries import Entry
from simsong_pipeline.service.subsonic.parameters import Parameters
from simsong_pipeline.service.subsonic.refusals import MissingParameterError, RefusedError

MOST = 500
_USUAL = 10
# Rows of the albums' frame, in the order of the list.
_Order = Callable[[pl.DataFrame, Parameters], list[int]]


def _shuffled(count: int, parameters: Parameters) -> list[int]:
    """Another order each time; the same one for the same `seed`, so that a list can be paged through."""
    seed = parameters.number("seed", secrets.randbits(31))
    order: list[int] = np.random.default_rng(seed).permutation(count).tolist()
    return order


def _sorted(albums: pl.DataFrame, *columns: str, descending: bool = False) -> list[int]:
    """Rows by columns; as they come where these are equal."""
    rows = albums.with_row_index("row").sort(columns, descending=descending, nulls_last=True, maintain_order=True)
    return rows["row"].to_list()


def _by_year(albums: pl.DataFrame, parameters: Parameters) -> list[int]:
    first, last = (parameters.year(name) for name in ("fromYear", "toYear"))
    if first is None or last is None:
        raise MissingParameterError("fromYear" if first is None else "toYear")
    within = albums["year"].is_between(min(first, last), max(first, last))
    return [row for row in _sorted(albums, "year", descending=first > last) if within[row]]


def _by_genre(albums: pl.DataFrame, parameters: Parameters) -> list[int]:
    return rows_of_genre(albums, parameters.needed("genre")).to_list()


def _none(_albums: pl.DataFrame, _parameters: Parameters) -> list[int]:
    """Of what nobody counts here: plays and ratings, and albums that have a star."""
    return []


_ORDERS: dict[str, _Order] = {
    "random": lambda albums, parameters: _shuffled(albums.height, parameters),
    "newest": lambda albums, _: _sorted(albums, "modified_ns", descending=True),
    "alphabeticalByName": lambda albums, _: _sorted(albums, "form", "name"),
    "alphabeticalByArtist": lambda albums, _: list(range(albums.height)),
    "byYear": _by_year,
    "byGenre": _by_genre,
    "starred": _none,
    "highest": _none,
    "frequent": _none,
    "recent": _none,
}


def _listed(call: Call) -> list[Album]:
    call.refuse_other_folder()
    kind, parameters, albums = call.parameters.needed("type"), call.parameters, call.library.albums
    order = _ORDERS.get(kind)
    if order is None:
        raise RefusedError(f"type is one of {', '.join(_ORDERS)}, not {kind[:50]!r}")
    begin, size = parameters.number("offset", 0), parameters.number("size", _USUAL, MOST)
    return call.library.albums_at(order(albums, parameters)[begin : begin + size])


def _list(call: Call) -> dict[str, Any]:
    return {"albumList2": {"album": [call.entries.album(album) for album in _listed(call)]}}


def _folder_list(call: Call) -> dict[str, Any]:
    return {"albumList": {"album": [call.entries.album_as_folder(album) for album in _listed(call)]}}


def _random_songs(call: Call) -> dict[str, Any]:
    """Songs at random, of a genre and between years where they are asked for."""
    call.refuse_other_folder()
    parameters, frame = call.parameters, call.library.songs.with_row_index("row")
    if (genre := parameters.text("genre")) is not None:
        frame = frame[rows_of_genre(frame, genre).to_list()]
    if (first := parameters.year("fromYear")) is not None:
        frame = frame.filter(pl.col("year") >= first)
    if (last := parameters.year("toYear")) is not None:
        frame = frame.filter(pl.col("year") <= last)
    chosen = _shuffled(frame.height, parameters)[: parameters.number("size", _USUAL, MOST)]
    songs: list[Song] = call.library.songs_at(frame["row"][chosen].to_list())
    return {"randomSongs": {"song": call.entries.songs(songs)}}


def _songs_of_genre(call: Call) -> dict[str, Any]:
    call.refuse_other_folder()
    parameters = call.parameters
    bounds = (parameters.number("offset", 0), parameters.number("count", _USUAL, MOST))
    found: list[Entry] = call.entries.songs(call.library.songs_of_genre(parameters.needed("genre"), *bounds).rows)
    return {"songsByGenre": {"song": found}}


LISTS = {
    "getAlbumList2": Method(_list),
    "getAlbumList": Method(_folder_list),
    "getRandomSongs": Method(_random_songs),
    "getSongsByGenre": Method(_songs_of_genre),
}
