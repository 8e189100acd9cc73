"""Reads musiXmatch's bag-of-words lyrics: word counts over the 5,000 most frequent stems.

Word order is lost, so the text made of a bag is the stems repeated by their counts, most frequent first.
It is a second source for songs that have no lyrics page.
"""

from collections.abc import Iterable, Iterator
from typing import TextIO

import polars as pl

from simsong_pipeline.errors import RawDataError
from simsong_pipeline.schemas import LYRIC_PAGES, conform
from simsong_pipeline.sources.msd_text import SEPARATOR

_TEXTS = {"track_id": pl.String, "text": pl.String}


def parse_bags(handle: Iterable[str], malformed: dict[str, str] | None = None) -> pl.DataFrame:
    """track_id, mxm_id, word, count: one row for each word of each track.

    Args:
        malformed: gets what is wrong with a line, by what stands in place of its track id; such lines are left out.

    Raises:
        RawDataError: no `%` line before the first track, or a malformed line where nobody takes it.
    """
    frames = [pl.DataFrame(schema={"track_id": pl.String, "mxm_id": pl.String, "word": pl.String, "count": pl.Int64})]
    frames += [pl.DataFrame(rows, schema=frames[0].schema, orient="row") for rows in _tracks(handle, malformed)]
    return pl.concat(frames)


def _tracks(handle: Iterable[str], malformed: dict[str, str] | None) -> Iterator[list[tuple[str, str, str, int]]]:
    words: list[str] = []
    for number, line in enumerate(handle, start=1):
        text = line.removeprefix("\ufeff").strip()
        if not text or text.startswith("#"):
            continue
        if text.startswith("%"):
            words = text[1:].split(",")
            continue
        if not words:
            raise RawDataError(f"{_name(handle)}, line {number}: a track before the '%' line of words")
        try:
            counts = _counts(text, words, f"{_name(handle)}, line {number}")
        except RawDataError as error:
            if malformed is None:
                raise
            malformed[text.partition(",")[0].strip()] = str(error)
        else:
            yield counts


def _counts(line: str, words: list[str], where: str) -> list[tuple[str, str, str, int]]:
    try:
        track_id, mxm_id, *pairs = line.split(",")
        indexed = [(int(i), int(c)) for i, c in (pair.split(":") for pair in pairs)]
        return [(track_id, mxm_id, words[index - 1], count) for index, count in indexed]
    except (ValueError, IndexError) as error:
        raise RawDataError(f"{where}: not a bag of words ({error}): {line[:60]!r}") from error


def parse_matches(handle: TextIO) -> pl.DataFrame:
    """`mxm_779k_matches.txt`: track_id, artist_name, title, mxm_id, mxm_artist, mxm_title."""
    columns = ["track_id", "artist_name", "title", "mxm_id", "mxm_artist", "mxm_title"]
    rows = []
    for number, line in enumerate(handle, start=1):
        text = line.rstrip("\r\n")
        if not text or text.startswith("#"):
            continue
        fields = text.split(SEPARATOR)
        if len(fields) != len(columns):
            raise RawDataError(f"{_name(handle)}, line {number}: {len(fields)} fields in place of 6: {text[:60]!r}")
        rows.append(fields)
    return pl.DataFrame(rows, schema={name: pl.String for name in columns}, orient="row")


def lyric_pages(handle: Iterable[str], malformed: dict[str, str] | None = None) -> pl.DataFrame:
    """Bags as lyric pages: the words of a track, each as often as it counts, most frequent first.

    One line at a time: the counts of the whole data set would be gigabytes as a frame.

    Args:
        malformed: as in `parse_bags`.

    Raises:
        RawDataError: as there.
    """
    texts = {rows[0][0]: _text(rows) for rows in _tracks(handle, malformed) if rows}
    pages = pl.DataFrame({"track_id": list(texts), "text": list(texts.values())}, schema_overrides=_TEXTS)
    stated = (pl.lit("musixmatch").alias("provider"), pl.lit("FOUND").alias("status"))
    return conform(pages.sort("track_id").with_columns(*stated), LYRIC_PAGES)


def _text(rows: list[tuple[str, str, str, int]]) -> str:
    ordered = sorted((-count, word) for _, _, word, count in rows)
    return " ".join(word for less, word in ordered for _ in range(-less))


def _name(handle: Iterable[str]) -> str:
    return str(getattr(handle, "name", "text file"))
