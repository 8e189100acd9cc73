"""Names are parsed once, however many songs have them: the result is that of parsing them song by song."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from simsong_pipeline.artist_ids import all_artist_ids, main_artist_ids, may_name_a_guest
from simsong_pipeline.catalogue import related_by
from simsong_pipeline.credits import credit_of, guests_by_title, is_nobody, parts_of
from simsong_pipeline.genres import genre_key, genres_of
from simsong_pipeline.schemas import LIBRARY_FILES, polars_schema
from simsong_pipeline.sources.library.path_names import with_path_names
from simsong_pipeline.sources.stated import StatedSource, stated_similarity

_ARTISTS = [
    "Anna",
    "ANNA",
    "Bo",
    "Anna & Bo",
    "Bo, Cy",
    "Anna feat. Dee",
    "Various Artists",
    "Cy",
    "Anna; Bo",
    "<unknown>",
]
_WORDS = [
    "Sea",
    "feat.",
    "ft",
    "Featuring",
    "(with",
    "w/",
    "f／",
    "（ft.",
    "[part",
    "Bo)",
    "Cy",
    "me)",
    "Aft",
    "-",
    "duet WITH",
    ")",
]
_GENRES = ["Rock", "rock; Pop", "ROCK", "(17)", "Hip-Hop, hip hop", "Folk, World, & Country", "", "12"]


def _songs(rng: np.random.Generator, count: int) -> pl.DataFrame:
    """Random songs of few artists and genres, with titles that may name guests."""
    titles = [" ".join(rng.choice(_WORDS, rng.integers(1, 6))) for _ in range(count)]
    frame = pl.DataFrame(
        {
            "track_id": [f"T{n:04d}" for n in range(count)],
            "artist_name": [None if rng.random() < 0.05 else str(rng.choice(_ARTISTS)) for _ in range(count)],
            "title": titles,
            "genre": [None if rng.random() < 0.2 else str(rng.choice(_GENRES)) for _ in range(count)],
        }
    )
    return frame.with_columns(main_artist_ids(frame["artist_name"], frame["track_id"]))


@pytest.mark.parametrize("seed", range(5))
def test_artists_are_those_of_each_song_parsed_alone(seed: int) -> None:
    songs = _songs(np.random.default_rng(seed), 300)
    rows = songs.select("artist_id", "artist_name", "title").rows()
    credits = [credit_of(name, title) for _, name, title in rows]
    mains = {credit.main for credit in credits}
    expected = []
    for (artist_id, _, _), credit in zip(rows, credits, strict=True):
        parts = parts_of(credit.main or "")
        duet = parts if parts and all(part in mains for part in parts) else ()
        expected.append(list(dict.fromkeys([artist_id, *credit.names, *duet])))
    assert all_artist_ids(songs).to_list() == expected
    assert max(len(names) for names in expected) >= 4  # guests and duets are among them


def _passed_over(titles: list[str]) -> list[str]:
    frame = pl.DataFrame({"title": titles})
    return frame.filter(~may_name_a_guest(pl.col("title")))["title"].to_list()


@pytest.mark.parametrize(
    "around",
    [
        "Sea (feat Bo)",
        "Sea feat Bo",
        "Sea ft Bo",
        "[ft: Bo",
        "(part. Bo",
        "{with Bo",
        "Sea w/Bo",
        "Sea f/ Bo",
    ],
)
def test_no_letter_that_a_pattern_takes_for_another_hides_a_guest(around: str) -> None:
    """Each character of the marker is replaced by every character of Unicode."""
    assert guests_by_title(around)
    marker = re.search(r"feat|ft|part|with|w/|f/", around)
    assert marker is not None
    characters = [chr(c) for c in range(sys.maxunicode + 1) if not 0xD800 <= c < 0xE000]
    for at in range(*marker.span()):
        alike = re.compile(re.escape(around[at]), re.IGNORECASE)
        wide = {"/": "／"}.get(around[at], around[at])
        spelt = [around[:at] + c + around[at + 1 :] for c in characters if alike.match(c) or c == wide]
        assert [title for title in _passed_over(spelt) if guests_by_title(title)] == []
        assert around in spelt


@pytest.mark.parametrize("seed", range(5))
def test_titles_that_are_passed_over_name_nobody(seed: int) -> None:
    rng = np.random.default_rng(seed)
    pieces = [
        *_WORDS,
        *"([{（［｛/／&＆,;",
        "\n",
        "\u3000",
        "fea",
        "wi",
        "th",
        "W",
        "FT:",
        "Wıth",
        "(wİth",
        "a",
        "part.",
    ]
    titles = ["".join(rng.choice([*pieces, " "], rng.integers(1, 9))) for _ in range(4000)]
    passed_over = _passed_over(titles)
    assert [title for title in passed_over if guests_by_title(title)] == []
    assert len(passed_over) > 100
    assert sum(bool(guests_by_title(title)) for title in titles) > 100


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("relevance", ["artist", "genre"])
def test_songs_share_what_each_states_alone(seed: int, relevance: str) -> None:
    songs = _songs(np.random.default_rng(seed), 120)
    rows = songs.select("artist_id", "artist_name", "genre").rows()
    values = {
        "artist": [[a] if a and n is not None and not is_nobody(n) else [] for a, n, _ in rows],
        "genre": [[genre_key(genre) for genre in genres_of([text])] for *_, text in rows],
    }[relevance]
    alone = songs.select("track_id", pl.Series("shared", values, pl.List(pl.String)))
    found = stated_similarity(songs, relevance)  # type: ignore[arg-type]
    assert found.rows() == related_by(alone, "shared").rows()
    assert found.height > 100


def test_tags_are_the_genres_of_each_song() -> None:
    songs = _songs(np.random.default_rng(3), 200)
    each = [(track_id, genres_of([text])) for track_id, text in songs.select("track_id", "genre").rows()]
    all_genres = [genre for _, genres in each for genre in genres]
    spelling = {
        key: min((g for g in all_genres if genre_key(g) == key), key=lambda g: (-all_genres.count(g), g))
        for key in {genre_key(genre) for genre in all_genres}
    }
    expected = [(track_id, spelling[genre_key(g)], 100.0) for track_id, genres in each for g in genres]
    assert StatedSource().listening(songs, "genre").tags.rows() == expected


def _unnamed(paths: list[str]) -> pl.DataFrame:
    """A scan's rows of files without tags; every tenth cannot be used."""
    kinds = polars_schema(LIBRARY_FILES, 1)
    rows = [{"path": path, "status": "invalid" if n % 10 == 9 else "ok"} for n, path in enumerate(paths)]
    return pl.DataFrame(rows, schema=kinds)


@pytest.mark.parametrize("seed", range(3))
def test_a_new_file_is_named_as_if_all_were_opened(seed: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    names = ["1 Sea", "2 Sky", "3 Sun", "7 Years", "50 Cent - In", "A1 Sand", "B2 Salt", "Sea", "101 Rain", "03 Wind"]
    folders = [tmp_path / f"Artist {a}" / f"Album {b}" for a in range(4) for b in range(4)]
    paths = sorted({str(rng.choice(folders) / f"{rng.choice(names)}.mp3") for _ in range(90)})  # type: ignore[call-overload]
    whole = with_path_names(_unnamed(paths), tmp_path, paths)
    assert whole["artist"].n_unique() > 2
    for at in range(0, len(paths), 7):
        one = with_path_names(_unnamed(paths)[at : at + 1], tmp_path, paths)
        assert one.rows() == whole[at : at + 1].rows()


def test_what_opens_a_music_file_starts_without_frames_and_arrays() -> None:
    """It is started in every night in which a file is new."""
    loaded = "import sys, simsong_pipeline.sources.library.recording; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-P", "-c", loaded], capture_output=True, text=True, check=True).stdout
    assert "mutagen" in modules.split()
    assert not {"numpy", "polars", "soundfile"}.intersection(modules.split())
