"""Which songs of a music server are which of the home's: planted libraries, each with what tells its songs apart."""

import time
import unicodedata
from collections.abc import Sequence

import polars as pl
import pytest

from simsong_pipeline.linking.matching import Matches, match
from simsong_pipeline.linking.name_matching import OTHER_ALBUM, OTHER_LENGTH, SEVERAL_HERE, SEVERAL_THERE
from simsong_pipeline.linking.path_matching import SEVERAL
from simsong_pipeline.linking.server_songs import SONGS

MBID = "6f3d1ad3-6d33-4e0c-9c3b-{:012d}"


def _own(rows: Sequence[dict[str, object]]) -> pl.DataFrame:
    full = [
        {"artist": "A", "title": f"T{n}", "album": "L", "duration_s": 100.0, "path": None} | r
        for n, r in enumerate(rows)
    ]
    names = ("track_id", "artist", "title", "album", "duration_s", "path")
    schema = {n: pl.Float64 if n == "duration_s" else pl.String for n in names}
    return pl.DataFrame(full, schema=schema).with_columns(pl.lit(1).alias("modified_ns"))


def _server(rows: Sequence[dict[str, object]]) -> pl.DataFrame:
    return pl.DataFrame([dict.fromkeys(SONGS) | row for row in rows], schema=SONGS)


def _matched(
    server: Sequence[dict[str, object]],
    own: Sequence[dict[str, object]],
    ids: dict[str, str] | None = None,
    copies: Sequence[tuple[str, str]] = (),
) -> Matches:
    songs = _own(own)
    main = songs.drop_nulls("path").select("path", "track_id", pl.lit(True).alias("is_main"))
    others = pl.DataFrame(list(copies), schema={"path": pl.String, "track_id": pl.String}, orient="row")
    places = pl.concat([main, others.with_columns(pl.lit(False).alias("is_main"))])

    def read_ids(asked: pl.DataFrame) -> pl.Series:
        return pl.Series([(ids or {}).get(track_id) for track_id in asked["track_id"]], dtype=pl.String)

    return match(_server(server), songs, places, read_ids)


def _pairs(found: Matches) -> dict[str, str]:
    return dict(found.ids.select("external_id", "track_id").rows())


def _reasons(found: Matches) -> dict[str, str]:
    return dict(found.unlinked.filter(side="server").select("id", "reason").rows())


def _albums(root: str, count: int = 4) -> list[str]:
    return [f"{root}/Artist {n % 3}/Album {n % 3}-{n // 6}/{n % 6:02d} - Song.flac" for n in range(6 * count)]


@pytest.mark.parametrize("server_root", ["", "/music", "/data/share/music", "D:\\Musik"])
def test_libraries_below_other_roots_are_one(server_root: str) -> None:
    below = _albums("", 4)
    own = [{"track_id": f"t{n}", "path": f"/home/me/music{path}"} for n, path in enumerate(below)]
    theirs = [f"{server_root}{path}" if server_root else path[1:] for path in below]
    if "\\" in server_root:
        theirs = [path.replace("/", "\\") for path in theirs]
    found = _matched([{"external_id": f"s{n}", "path": path} for n, path in enumerate(theirs)], own)
    assert _pairs(found) == {f"s{n}": f"t{n}" for n in range(len(own))}
    assert set(found.ids["how"]) == {"path"}
    assert found.ids["is_main"].all()
    assert not found.unlinked.height


@pytest.mark.parametrize(("form", "other"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_names_on_disk_are_one_however_they_are_composed_and_cased(form: str, other: str) -> None:
    names = ["Ärger/Öl/é.mp3", "Björk/Jóga/ä.mp3", "Ålesund/ÿ/ñ.mp3"]
    own = [{"track_id": f"t{n}", "path": f"/m/{unicodedata.normalize(form, p)}"} for n, p in enumerate(names)]
    theirs = [{"external_id": f"s{n}", "path": unicodedata.normalize(other, p).upper()} for n, p in enumerate(names)]
    assert _pairs(_matched(theirs, own)) == {f"s{n}": f"t{n}" for n in range(3)}


def test_files_that_differ_by_letter_case_alone_are_told_apart_by_it() -> None:
    own = [{"track_id": "low", "path": "/m/a/x.mp3"}, {"track_id": "high", "path": "/m/A/X.mp3"}]
    theirs = [{"external_id": "1", "path": "A/X.mp3"}, {"external_id": "2", "path": "a/x.mp3"}]
    assert _pairs(_matched(theirs, own)) == {"1": "high", "2": "low"}


def test_a_path_that_fits_two_songs_is_refused_and_said() -> None:
    own = [{"track_id": "1", "path": "/m/one/L/01.mp3"}, {"track_id": "2", "path": "/m/two/L/01.mp3"}]
    found = _matched([{"external_id": "s", "path": "L/01.mp3", "artist": "?", "title": "?"}], own)
    assert not _pairs(found)
    assert _reasons(found) == {"s": SEVERAL}


def test_a_common_file_name_elsewhere_is_no_match() -> None:
    """Of a library that the server has and the home has not, files are called as they are everywhere."""
    own = [{"track_id": f"t{n}", "path": f"/m/{path}"} for n, path in enumerate(_albums("", 5))]
    shared = [{"external_id": f"s{n}", "path": path[1:]} for n, path in enumerate(_albums("", 5))]
    other = [
        {"external_id": "x", "path": "Someone Else/Album 0-0/00 - Song.flac"},
        {"external_id": "y", "path": "00 - Song.flac"},
    ]
    found = _matched([*shared, *other], own)
    assert not {"x", "y"} & set(_pairs(found))
    assert len(_pairs(found)) == len(own)


def test_a_path_with_another_length_is_another_recording() -> None:
    own = [{"track_id": "t", "path": "/m/A/L/1.mp3", "duration_s": 200.0}]
    assert not _pairs(_matched([{"external_id": "s", "path": "A/L/1.mp3", "duration_s": 320.0}], own))
    assert _pairs(_matched([{"external_id": "s", "path": "A/L/1.mp3", "duration_s": 204.0}], own)) == {"s": "t"}
    assert _pairs(_matched([{"external_id": "s", "path": "A/L/1.mp3"}], own)) == {"s": "t"}


def test_copies_are_the_song_that_stayed_whose_own_id_answers_carry() -> None:
    own = [{"track_id": "t", "path": "/m/A/L/1.mp3"}, {"track_id": "u", "path": "/m/A/L/2.mp3"}]
    theirs = [{"external_id": f"s{n}", "path": p} for n, p in enumerate(["A/Best/9.mp3", "A/L/1.mp3", "A/L/2.mp3"])]
    found = _matched(theirs, own, copies=[("/m/A/Best/9.mp3", "t")])
    assert _pairs(found) == {"s0": "t", "s1": "t", "s2": "u"}
    assert dict(found.ids.filter("is_main").select("track_id", "external_id").rows()) == {"t": "s1", "u": "s2"}


def test_recordings_of_one_musicbrainz_id_are_one_before_names_are_looked_at() -> None:
    own = [{"track_id": "t", "title": "Right"}, {"track_id": "u", "title": "Called"}]
    theirs = [
        {
            "external_id": "s",
            "artist": "A",
            "title": "Called",
            "album": "L",
            "duration_s": 100.0,
            "musicbrainz_id": MBID.format(1).upper(),
        }
    ]
    found = _matched(theirs, own, {"t": MBID.format(1), "u": MBID.format(2)})
    assert _pairs(found) == {"s": "t"}
    assert found.ids["how"].to_list() == ["musicbrainz"]


def test_songs_that_share_a_musicbrainz_id_are_not_told_apart_by_it() -> None:
    own = [{"track_id": "t"}, {"track_id": "u"}]
    theirs = [{"external_id": "s", "musicbrainz_id": MBID.format(1)}]
    assert not _pairs(_matched(theirs, own, {"t": MBID.format(1), "u": MBID.format(1)}))


@pytest.mark.parametrize(
    ("artist", "title", "album"),
    [
        ("BJORK feat. Somebody", "Jóga!", "Homogénic"),
        ("Björk", "joga", "HOMOGENIC"),
        ("Bjo\u0308rk", "Jo\u0301ga", "Homogenic"),
        ("Björk", "Jóga", None),
        ("Björk", "Jóga", "[non-album tracks]"),
    ],
)
@pytest.mark.parametrize("seconds", [98.1, 100.0, 102.0])
def test_names_are_folded_and_lengths_are_near(artist: str, title: str, album: str | None, seconds: float) -> None:
    own = [{"track_id": "t", "artist": "Björk", "title": "Jóga", "album": "Homogenic"}]
    theirs = [{"external_id": "s", "artist": artist, "title": title, "album": album, "duration_s": seconds}]
    found = _matched(theirs, own)
    assert _pairs(found) == {"s": "t"}
    assert found.ids["how"].to_list() == ["names"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"duration_s": 102.6}, OTHER_LENGTH),
        ({"duration_s": None}, OTHER_LENGTH),
        ({"album": "Live"}, OTHER_ALBUM),
    ],
)
def test_what_is_called_so_and_is_another_is_not_taken(change: dict[str, object], reason: str) -> None:
    theirs = {"external_id": "s", "artist": "A", "title": "T0", "album": "L", "duration_s": 100.0} | change
    found = _matched([theirs], [{"track_id": "t"}])
    assert _reasons(found) == {"s": reason}
    assert found.unlinked.filter(side="simsong")["id"].to_list() == ["t"]


def test_the_same_title_twice_is_refused_on_either_side() -> None:
    song = {"artist": "A", "title": "T", "album": "L", "duration_s": 100.0}
    here = _matched([{"external_id": "s"} | song], [{"track_id": "t"} | song, {"track_id": "u"} | song])
    there = _matched([{"external_id": "s"} | song, {"external_id": "r"} | song], [{"track_id": "t"} | song])
    assert _reasons(here) == {"s": SEVERAL_HERE}
    assert _reasons(there) == {"s": SEVERAL_THERE, "r": SEVERAL_THERE}
    assert not _pairs(here)
    assert not _pairs(there)


def test_the_same_title_twice_is_told_apart_by_length_and_album() -> None:
    own = [
        {"track_id": "short", "title": "T", "duration_s": 100.0},
        {"track_id": "long", "title": "T", "duration_s": 240.0},
        {"track_id": "live", "title": "T", "album": "Live", "duration_s": 100.5},
    ]
    theirs = [
        {"external_id": str(n), "artist": "A", "title": "T", "album": album, "duration_s": seconds}
        for n, (album, seconds) in enumerate([("L", 100.0), ("L", 241.0), ("Live", 101.0)])
    ]
    assert _pairs(_matched(theirs, own)) == {"0": "short", "1": "long", "2": "live"}


def test_nobodys_songs_are_not_matched_by_name() -> None:
    song = {"artist": "Various Artists", "title": "Intro", "album": "L", "duration_s": 100.0}
    assert not _pairs(_matched([{"external_id": "s"} | song], [{"track_id": "t"} | song]))


def test_every_song_is_either_matched_or_listed_with_a_reason() -> None:
    own = [{"track_id": f"t{n}", "path": f"/m/{p}"} for n, p in enumerate(_albums("", 3))]
    theirs = [{"external_id": f"s{n}", "path": p[1:]} for n, p in enumerate(_albums("", 3)[:9])]
    theirs += [{"external_id": f"x{n}", "artist": "B", "title": f"{n}", "path": f"{n}/{n}.ogg"} for n in range(5)]
    found = _matched(theirs, own)
    assert set(found.ids["external_id"]) | set(_reasons(found)) == {row["external_id"] for row in theirs}
    assert found.missing("simsong") == len(own) - 9
    assert found.unlinked["reason"].str.len_chars().min() > 10


def test_empty_sides_are_no_trouble() -> None:
    assert _matched([], [{"track_id": "t", "path": "/m/x"}]).missing("simsong") == 1
    assert _matched([{"external_id": "s", "path": "x"}], []).missing("server") == 1


@pytest.mark.slow
@pytest.mark.parametrize("has_paths", [True, False])
def test_sixty_thousand_songs_take_seconds(has_paths: bool) -> None:
    songs = [
        {
            "track_id": f"t{n}",
            "artist": f"Artíst {n // 40}",
            "title": f"Song {n % 997} of {n}",
            "album": f"Album {n // 12}",
            "duration_s": 180.0 + n % 101,
            "path": f"/m/Artíst {n // 40}/Album {n // 12}/{n % 12:02d} - Song {n % 997}.flac",
        }
        for n in range(60_000)
    ]
    names = ("artist", "title", "album", "duration_s")
    server = [
        {name: song[name] for name in names}
        | {"external_id": f"s{n}", "path": str(song["path"])[3:] if has_paths else None}
        for n, song in enumerate(songs)
    ]
    begun = time.process_time()
    found = _matched(server, songs)
    assert time.process_time() - begun < 30
    assert _pairs(found) == {f"s{n}": f"t{n}" for n in range(60_000)}
