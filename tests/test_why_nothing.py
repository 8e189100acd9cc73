"""Where no song is left, the answer names what leaves none; artists are found and left out by all their names."""

from collections.abc import Callable
from dataclasses import replace

import polars as pl
import pytest
from conftest import SMALL_CONFIG
from typer.testing import CliRunner

from simsong_pipeline.artist_ids import all_artist_ids
from simsong_pipeline.asking.finding import find_artist
from simsong_pipeline.asking.never_list import change_never, never_suggested
from simsong_pipeline.asking.queries import Songs
from simsong_pipeline.asking.recommend import Choice
from simsong_pipeline.asking.restricted import Answer, Asked
from simsong_pipeline.cli.main import app
from simsong_pipeline.errors import UnknownSongError
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.points import Neighbour, Restriction
from simsong_pipeline.stores.payloads import point_id

Ask = Callable[[Songs, list[str], Choice], Answer]
_QUESTIONS: dict[str, Ask] = {
    "similar": lambda songs, ids, choice: songs.similar(ids[:1], choice),
    "mix": lambda songs, ids, choice: songs.similar(ids[:2], choice, disliked=ids[2:3]),
    "path": lambda songs, ids, choice: songs.path(ids[0], ids[1], choice),
    "about": lambda songs, _, choice: songs.about("the sea at night", choice),
}
_each = pytest.mark.parametrize("question", _QUESTIONS)


def _indexed(home: Workspace) -> list[str]:
    ids: list[str] = home.read("wns/track_vectors")["track_id"].to_list()
    return ids


def _asked(home: Workspace, question: str, restriction: Restriction, **limits: int) -> str:
    with home.store(SMALL_CONFIG.store) as store:
        songs = Songs(home, store, SMALL_CONFIG, with_outliers=True)
        answer = _QUESTIONS[question](songs, _indexed(home), Choice(3, restriction, **limits))
    assert not answer.neighbours
    return answer.nothing


@_each
@pytest.mark.parametrize(
    ("field", "ends", "said"),
    [
        ("year", (2999, None), "--since 2999"),
        ("duration_s", (None, 0.5), "--max-seconds 0.5"),
        ("tempo_bpm", (3_000.0, None), "--min-tempo 3000"),
        ("loudness_db", (None, -200.0), "--max-loudness -200"),
    ],
)
def test_the_bound_that_leaves_none_is_named(
    run_copy: Workspace, question: str, field: str, ends: tuple[float | None, float | None], said: str
) -> None:
    restriction = Restriction(any_of={"language": ["en"]}, between={field: ends})
    assert _asked(run_copy, question, restriction) == f"no song fits: {said} leaves none"


@_each
def test_a_list_of_everybody_is_named(run_copy: Workspace, question: str) -> None:
    for artist in run_copy.read("tracks")["artist_id"].unique():
        change_never(run_copy, artist, "", artist=True, forget=False)
    assert _asked(run_copy, question, Restriction()) == "no song fits: never.txt leaves none"


def _index(*songs: tuple[str, str, int]) -> Callable[[Choice], list[Neighbour]]:
    """Songs as (id, language, year), found by a choice as an index would."""

    def ask(choice: Choice) -> list[Neighbour]:
        r = choice.restriction
        return [
            Neighbour(song, 1.0, {})
            for song, language, year in songs
            if language in r.any_of.get("language", [language])
            and (r.between.get("year", (None, None))[0] or 0) <= year
            and song not in r.none_of.get("track_id", [])
        ]

    return ask


def _reason(unasked: dict[str, Restriction], *songs: tuple[str, str, int]) -> str:
    wanted = {
        "--language de": Restriction(any_of={"language": ["de"]}),
        "--since 2000": Restriction(between={"year": (2000, None)}),
    }
    return Asked(Choice(5), wanted, unasked).of([], _index(*songs)).nothing


@pytest.mark.parametrize("forbidden", [["a"], ["b"]])
def test_what_holds_for_every_question_is_named_where_it_matters(forbidden: list[str]) -> None:
    """Of three songs the second alone is both German and new enough."""
    songs = [("a", "de", 1990), ("b", "de", 2001), ("c", "en", 2001)]
    said = _reason({"never.txt": Restriction().without("track_id", forbidden)}, *songs)
    assert ("never.txt" in said) == (forbidden == ["b"])
    if forbidden == ["b"]:
        assert said == "no song fits: --language de, --since 2000, never.txt leave none together"


def test_two_that_leave_none_each_are_both_named() -> None:
    assert _reason({}, ("a", "en", 1990)) == "no song fits: --language de and --since 2000 leave none"


def test_two_that_leave_none_together_are_named_together() -> None:
    said = _reason({}, ("a", "de", 1990), ("b", "en", 2001))
    assert said == "no song fits: --language de, --since 2000 leave none together"


def test_an_empty_index_is_no_filters_fault() -> None:
    assert _reason({}) == "no song fits: the index holds no other"


def test_limits_that_the_ends_of_a_path_use_up_are_named(run_copy: Workspace) -> None:
    tracks = run_copy.read("tracks")
    same = tracks.with_columns(artist_id=pl.lit("one"), artist_ids=pl.lit(["one"]))
    run_copy.write("tracks", same)
    with run_copy.store(SMALL_CONFIG.store) as store:
        collection = store.aliases()["simsong"]
        points = store.fetch(collection, [point_id(t) for t in _indexed(run_copy)], with_vectors=True)
        store.upsert(collection, [replace(p, payload={**p.payload, "artist_id": "one"}) for p in points])
    assert _asked(run_copy, "path", Restriction(), per_artist=1) == "no song fits: --per-artist 1 leaves none"


@pytest.mark.parametrize("command", ["similar", "path", "about"])
def test_commands_print_the_reason(run_copy: Workspace, command: str) -> None:
    ids = _indexed(run_copy)
    words = {"similar": ids[:1], "path": ids[:2], "about": ["the sea"]}[command]
    arguments = [command, *words, "--since", "2999", "--home", str(run_copy.home)]
    done = CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output
    assert "no song fits: --since 2999 leaves none" in done.stderr


def _tracks(*songs: tuple[str, str]) -> pl.DataFrame:
    rows = [(f"T{n}", f"AR{n}", artist, title) for n, (artist, title) in enumerate(songs)]
    tracks = pl.DataFrame(rows, schema=["track_id", "artist_id", "artist_name", "title"], orient="row")
    return tracks.with_columns(all_artist_ids(tracks))


@pytest.mark.parametrize(
    "credit", ["{} feat. Y", "{} ft. Y & Z", "{}; Y", "Y featuring {}", "{} (with Y)", "{} / Y"], ids=str
)
@pytest.mark.parametrize("asked", ["Zoë & the Owls", "zoe & the owls"])
def test_artist_is_found_with_guests_and_as_one(credit: str, asked: str) -> None:
    tracks = _tracks(("Zoë & the Owls", "One"), (credit.format("Zoë & the Owls"), "Two"), ("Y", "Three"))
    assert find_artist(tracks, asked) == [0, 1]


def test_guest_in_a_title_counts_and_another_name_does_not() -> None:
    tracks = _tracks(("X", "One (feat. Nia)"), ("Nia", "Two"), ("Niall", "Three"))
    assert find_artist(tracks, "nia") == [0, 1]
    with pytest.raises(UnknownSongError, match="the nearest are"):
        find_artist(tracks, "Nib")


@pytest.fixture
def with_guest(run_copy: Workspace) -> tuple[Workspace, str, str]:
    """A home whose artists have ids that are no names, an artist of it, and a song by another with that as a guest."""
    tracks = run_copy.read("tracks")
    ids = _indexed(run_copy)
    host = tracks.filter(track_id=ids[0])["artist_name"][0]
    other = next(t for t in ids if host not in tracks.filter(track_id=t)["artist_name"][0])
    name = pl.when(track_id=other).then(pl.format("{} feat. {}", "artist_name", pl.lit(host))).otherwise("artist_name")
    named = tracks.with_columns(name.alias("artist_name"))
    run_copy.write("tracks", named.with_columns(all_artist_ids(named)))
    return run_copy, host, other


def test_similar_to_an_artist_knows_its_guest_songs(with_guest: tuple[Workspace, str, str]) -> None:
    home, host, song = with_guest
    with home.store(SMALL_CONFIG.store) as store:
        assert song in Songs(home, store, SMALL_CONFIG).by(host)


def test_artist_that_is_never_suggested_is_none_as_a_guest(with_guest: tuple[Workspace, str, str]) -> None:
    """By the artist's name, though several songs are by it; and taken off by the name again."""
    home, host, song = with_guest
    own = home.read("tracks").filter(artist_name=host)
    arguments = ["never", host, "--artist", "--home", str(home.home)]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    assert never_suggested(home).artists == own["artist_id"].unique().to_list()
    asked = next(t for t in _indexed(home) if t not in {song, *own["track_id"]})
    with home.store(SMALL_CONFIG.store) as store:
        answer = Songs(home, store, SMALL_CONFIG, with_outliers=True).similar([asked], Choice(50))
    found = {n.track_id for n in answer.neighbours}
    assert found
    assert not found & {song, *own["track_id"]}
    assert CliRunner().invoke(app, [*arguments, "--forget"]).exit_code == 0
    assert never_suggested(home).artists == []
