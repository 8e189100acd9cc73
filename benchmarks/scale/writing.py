"""Writes what was drawn as the data sets' files: `track_metadata.db`, `lastfm_similars.db` and `lastfm_tags.db`."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.scale.drawing import Lists, Songs, draw_lists, draw_songs, draw_tags, score_texts

_AT_ONCE, _DIFFERENT_SCORES, _WORDS = 20_000, 200_000, 4_000
_SONGS_TABLE = (
    "CREATE TABLE songs (track_id text PRIMARY KEY, title text, song_id text, release text, artist_id text, "
    "artist_mbid text, artist_name text, duration real, artist_familiarity real, artist_hotttnesss real, year int, "
    "track_7digitalid int, shs_perf int, shs_work int)"
)


def write_data(folder: Path, count: int, seed: int) -> None:
    """All three files below `folder`, where `simsong select --raw` finds them."""
    songs = draw_songs(count, seed)
    for name in ("msd", "lastfm"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    _write_tracks(folder / "msd" / "track_metadata.db", songs, seed)
    _write_similars(folder / "lastfm" / "lastfm_similars.db", songs, seed)
    _write_tags(folder / "lastfm" / "lastfm_tags.db", songs, seed)


def _write_tables(path: Path, tables: Sequence[str], rows: dict[str, Iterator[Sequence[tuple[object, ...]]]]) -> None:
    """A new file of these tables; `rows` come in parts, by the statement that takes them."""
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        for table in tables:
            connection.execute(table)
        for statement, parts in rows.items():
            for part in parts:
                connection.executemany(statement, part)
        connection.commit()


def _write_tracks(path: Path, songs: Songs, seed: int) -> None:
    _write_tables(path, [_SONGS_TABLE], {f"INSERT INTO songs VALUES ({', '.join('?' * 14)})": _tracks(songs, seed)})


def _tracks(songs: Songs, seed: int) -> Iterator[list[tuple[object, ...]]]:
    rng = np.random.default_rng([seed, 4])
    words = [_word(rng) for _ in range(_WORDS)]
    names = [" ".join(words[n] for n in rng.integers(_WORDS, size=2)).title() for _ in range(songs.artists.max() + 1)]
    order = rng.permutation(len(songs.ids))
    for begin in range(0, len(order), _AT_ONCE):
        numbers = order[begin : begin + _AT_ONCE]
        drawn = rng.integers(_WORDS, size=(len(numbers), 5)).tolist()
        lengths, guests = rng.integers(1, 4, len(numbers)).tolist(), (rng.random(len(numbers)) < 0.03).tolist()
        seconds, years = rng.normal(240, 60, len(numbers)).clip(20).tolist(), rng.integers(1960, 2011, len(numbers))
        dated = np.where(rng.random(len(numbers)) < 0.5, years, 0).tolist()
        rows: list[tuple[object, ...]] = []
        for at, (track_id, artist) in enumerate(zip(texts(songs.ids[numbers]), songs.artists[numbers], strict=True)):
            title = " ".join(words[n] for n in drawn[at][: lengths[at]]).capitalize()
            title += f" (feat. {names[drawn[at][4] % len(names)]})" if guests[at] else ""
            album = " ".join(words[n] for n in drawn[at][3:])
            known = (round(seconds[at], 5), 0.5, 0.4, dated[at], at, -1, 0)
            ids = (f"SO{track_id[2:]}", album, f"AR{artist:07d}1187B9", "", names[artist])
            rows.append((track_id, title, *ids, *known))
        yield rows


def _word(rng: np.random.Generator) -> str:
    parts = [("bdfgklmnprstvz"[c], "aeiou"[v]) for c, v in rng.integers((14, 5), size=(rng.integers(1, 4), 2))]
    return "".join(c + v for c, v in parts)


def texts(ids: NDArray[np.uint8]) -> list[str]:
    """Rows of bytes [n, width] as strings."""
    width = ids.shape[1]
    whole = ids.tobytes().decode("ascii")
    return [whole[at : at + width] for at in range(0, len(whole), width)]


def _write_similars(path: Path, songs: Songs, seed: int) -> None:
    """Both directions: what a song's list names, and which lists name it."""
    scores = _padded(score_texts(_DIFFERENT_SCORES, seed))
    kept: list[tuple[NDArray[np.uint32], ...]] = []
    tables = [f"CREATE TABLE {name} (tid TEXT PRIMARY KEY, target TEXT)" for name in ("similars_src", "similars_dest")]

    def there() -> Iterator[list[tuple[object, ...]]]:
        for lists in draw_lists(songs, seed, _AT_ONCE, _DIFFERENT_SCORES):
            kept.append(tuple(a.astype(np.uint32) for a in (lists.rows, lists.columns, lists.scores)))
            yield _rows(lists, songs, scores)

    _write_tables(
        path,
        tables,
        {
            "INSERT INTO similars_src VALUES (?, ?)": there(),
            "INSERT INTO similars_dest VALUES (?, ?)": (_rows(part, songs, scores) for part in _turned(kept)),
        },
    )


def _turned(kept: list[tuple[NDArray[np.uint32], ...]]) -> Iterator[Lists]:
    """The same pairs from their other ends, some at a time."""
    rows, columns, scores = (np.concatenate(parts) for parts in zip(*kept, strict=True))
    order = np.argsort(columns, kind="stable").astype(np.uint32)
    ends = np.searchsorted(columns[order], np.arange(0, int(columns.max()) + _AT_ONCE + 1, _AT_ONCE))
    for begin, end in pairwise(ends.tolist()):
        part = order[begin:end]
        if len(part):
            yield Lists(*(values[part].astype(np.int64) for values in (columns, rows, scores)))


def _padded(scores: list[str]) -> NDArray[np.uint8]:
    """[count, width] with a comma after each, zeros behind."""
    return np.array([f"{score}," for score in scores], "S").view(np.uint8).reshape(len(scores), -1)


def _rows(lists: Lists, songs: Songs, scores: NDArray[np.uint8]) -> list[tuple[object, ...]]:
    """(tid, "TRa,score,TRb,score") of each list; the lists lie one after the other."""
    cells = np.zeros((len(lists.rows), 19 + scores.shape[1]), np.uint8)
    cells[:, :18], cells[:, 18], cells[:, 19:] = songs.ids[lists.columns], ord(","), scores[lists.scores]
    filled = cells != 0
    text = cells[filled].tobytes().decode("ascii")
    starts = np.flatnonzero(np.diff(lists.rows, prepend=-1))
    ends = np.cumsum(filled.sum(axis=1))[np.append(starts[1:], len(lists.rows)) - 1].tolist()
    begins = [0, *ends[:-1]]
    owners = texts(songs.ids[lists.rows[starts]])
    return [(owner, text[begin : end - 1]) for owner, begin, end in zip(owners, begins, ends, strict=True)]


def _write_tags(path: Path, songs: Songs, seed: int) -> None:
    drawn = draw_tags(len(songs.ids), seed, _AT_ONCE)
    names = ("CREATE TABLE tags (tag TEXT)", "CREATE TABLE tids (tid TEXT)")
    _write_tables(
        path,
        [*names, "CREATE TABLE tid_tag (tid INT, tag INT, val FLOAT)"],
        {
            "INSERT INTO tags VALUES (?)": iter([[(f"tag {n}",) for n in range(drawn.tags)]]),
            "INSERT INTO tids VALUES (?)": iter([[(tid,) for tid in texts(songs.ids[drawn.songs])]]),
            "INSERT INTO tid_tag VALUES (?, ?, ?)": (_numbered(part) for part in drawn.rows),
        },
    )


def _numbered(part: NDArray[np.float64]) -> list[tuple[object, ...]]:
    """Row ids begin at 1."""
    songs, tags = (part[:, :2].astype(np.int64) + 1).T.tolist()
    return list(zip(songs, tags, part[:, 2].tolist(), strict=True))
