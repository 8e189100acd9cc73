"""Which song or tag is meant by words."""

from collections.abc import Sequence

import polars as pl
from rapidfuzz import fuzz, process, utils

from simsong_pipeline.errors import AmbiguousSongError, UnknownSongError, UnknownTagError


def find_song(tracks: pl.DataFrame, words: str) -> str:
    """The track id that `words` name: an id, a title, an artist and title, or an artist of one song.

    Raises:
        AmbiguousSongError: several songs fit; the message lists them.
        UnknownSongError: none does; the message suggests the nearest.
    """
    if words in set(tracks["track_id"].to_list()):
        return words
    wanted = _plain(words)
    rows = tracks.select("track_id", "artist_name", "title").rows()
    labels = [(tid, f"{artist} - {title}", title, artist) for tid, artist, title in rows]
    exact = [row for row in labels if wanted in {_plain(part) for part in row[1:]}]
    partial = [row for row in labels if wanted and wanted in _plain(row[1])]
    fitting = exact or partial
    if len(fitting) == 1:
        return str(fitting[0][0])
    if fitting:
        raise AmbiguousSongError(
            *_listing(f"{words!r} fits {len(fitting)} songs; name one of them or its id:", fitting)
        )
    nearest = process.extract(wanted, {t: _plain(n) for t, n, *_ in labels}, scorer=fuzz.WRatio, limit=5)
    by_id = {row[0]: row for row in labels}
    raise UnknownSongError(*_listing(f"no song is called {words!r}; the nearest are:", [by_id[t] for *_, t in nearest]))


def find_tags(known: Sequence[str], words: str) -> list[str]:
    """Those of the known tags that `words` spell, whatever the case.

    Raises:
        UnknownTagError: none of them; the message suggests the nearest.
    """
    fitting = [tag for tag in known if tag.casefold() == words.strip().casefold()]
    if fitting:
        return fitting
    close = process.extract(_plain(words), {tag: _plain(tag) for tag in known}, scorer=fuzz.WRatio, limit=5)
    nearest = ", ".join(repr(tag) for *_, tag in close)
    raise UnknownTagError(f"no song has the tag {words!r}" + (f"; the nearest are {nearest}" if nearest else ""))


def _plain(text: str) -> str:
    """Letters and digits in lower case, single blanks between words."""
    return " ".join(utils.default_process(text).split())


def _listing(head: str, rows: Sequence[tuple[str, str, str, str]], limit: int = 12) -> list[str]:
    lines = [f"  {name}  ({tid})" for tid, name, *_ in rows[:limit]]
    more = [f"  … and {len(rows) - limit} more"] if len(rows) > limit else []
    return [head, *lines, *more]
