"""The songs of a server of another kind, by a file that its owner saved: Jellyfin's or Lyrion's list, or a CSV."""

import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import polars as pl

from simsong_pipeline.errors import RawDataError, first_line
from simsong_pipeline.linking.server_songs import SONGS, text_of
from simsong_pipeline.sources.limits import TooLargeError, bounded_bytes

_MOST_BYTES = 2**30
_TICKS = 10_000_000
# Columns of a CSV, by what they are here.
_COLUMNS = {"external_id": "id", "duration_s": "duration"}


def read_songs(path: Path) -> pl.DataFrame:
    """A row a song (`server_songs.SONGS`).

    Takes what Jellyfin answers to `/Items?Recursive=true&IncludeItemTypes=Audio&Fields=Path,ProviderIds`, what Lyrion
    answers to the query `titles` with the tags `aldsu`, and a CSV with a column `id` and some of `path`, `artist`,
    `title`, `album`, `duration` (seconds), `musicbrainz_id` and `artist_id`.

    Raises:
        RawDataError: the file cannot be read, or is none of these.
    """
    try:
        content = bounded_bytes(path, _MOST_BYTES)
    except (TooLargeError, OSError) as error:
        raise RawDataError(f"the list of songs {path} cannot be read ({first_line(error)})") from error
    begin = content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    rows = list(_of_json(content, path)) if begin in (b"{", b"[") else list(_of_csv(content, path))
    frame = pl.DataFrame(rows, schema=SONGS, orient="row", strict=False)
    return frame.drop_nulls("external_id").unique("external_id", keep="first", maintain_order=True)


def _of_csv(content: bytes, path: Path) -> Iterator[tuple[object, ...]]:
    try:
        table = pl.read_csv(io.BytesIO(content), infer_schema=False)
    except (pl.exceptions.PolarsError, ValueError) as error:
        raise RawDataError(f"the list of songs {path} cannot be read ({first_line(error)})") from error
    if "id" not in table.columns:
        raise RawDataError(f"the list of songs {path} has no column id; it has {', '.join(table.columns[:20])}")
    for row in table.iter_rows(named=True):
        values = {name: row.get(_COLUMNS.get(name, name)) or None for name in SONGS}
        yield _row({**values, "duration_s": _number(values["duration_s"])})


def _of_json(content: bytes, path: Path) -> Iterator[tuple[object, ...]]:
    try:
        held = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise RawDataError(f"the list of songs {path} is no JSON ({first_line(error)})") from error
    items, titles = _list(held, "Items"), _list(_member(held, "result"), "titles_loop")
    if not items and not titles:
        raise RawDataError(f"{path} is no list of songs of Jellyfin (Items) or Lyrion (titles_loop)")
    yield from (_row(_of_jellyfin(item)) for item in items)
    yield from (_row(_of_lyrion(title)) for title in titles)


def _of_jellyfin(item: Mapping[str, Any]) -> dict[str, object]:
    artists, ids = _list(item, "ArtistItems"), item.get("ProviderIds")
    first: Mapping[str, Any] = artists[0] if artists else {}
    known: Mapping[str, Any] = ids if isinstance(ids, dict) else {}
    ticks = _number(item.get("RunTimeTicks"))
    return {
        "external_id": item.get("Id"),
        "artist_id": first.get("Id"),
        "artist": first.get("Name") or item.get("AlbumArtist"),
        "title": item.get("Name"),
        "album": item.get("Album"),
        "duration_s": None if ticks is None else ticks / _TICKS,
        "path": item.get("Path"),
        "musicbrainz_id": known.get("MusicBrainzRecording") or known.get("MusicBrainzTrack"),
    }


def _of_lyrion(title: Mapping[str, Any]) -> dict[str, object]:
    return {
        "external_id": title.get("id"),
        "artist_id": title.get("artist_id"),
        "artist": title.get("artist"),
        "title": title.get("title"),
        "album": title.get("album"),
        "duration_s": _number(title.get("duration")),
        "path": _place(title.get("url")),
        "musicbrainz_id": None,
    }


def _row(values: Mapping[str, object]) -> tuple[object, ...]:
    """Ids may be numbers; what is neither text nor number is not known."""
    return tuple(values[name] if name == "duration_s" else text_of(values[name]) for name in SONGS)


def _number(value: object) -> float | None:
    try:
        number = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else 0.0
    except (ValueError, OverflowError):
        return None
    return number if 0 < number < 1e15 else None


def _place(url: object) -> str | None:
    """The path in a file's address."""
    if not isinstance(url, str) or not url.startswith("file:"):
        return None
    try:
        return unquote(urlsplit(url).path) or None
    except ValueError:
        return None


def _member(held: object, name: str) -> object:
    return held.get(name) if isinstance(held, dict) else None


def _list(held: object, name: str) -> list[Mapping[str, Any]]:
    found = _member(held, name)
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []
