"""What a person sees of the report and the report card: names, a map, recordings to hear, and what was not measured."""

import html
import re
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import polars as pl
import pytest
from conftest import QUIET, SMALL_CONFIG
from typer.testing import CliRunner

from simsong_pipeline.cli.main import app
from simsong_pipeline.evaluation import plots, report
from simsong_pipeline.evaluation.fusion import SongVectors
from simsong_pipeline.evaluation.quality import UNMEASURED
from simsong_pipeline.evaluation.task import build_task
from simsong_pipeline.home.events import Events
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.runs.run import evaluate_again
from simsong_pipeline.stages import report_parts
from simsong_pipeline.stages.card_stage import write_card

_PAGES = ["index.html", "card.html"]


def _written(home: Workspace) -> dict[str, str]:
    """Both pages by name."""
    evaluate_again(home, SMALL_CONFIG, QUIET)
    write_card(home, SMALL_CONFIG, [], 3_000, QUIET)
    return {name: (home.report.parent / name).read_text(encoding="utf-8") for name in _PAGES}


def _players(page: str) -> list[tuple[str, str]]:
    """Name and address of each recording that can be played."""
    found = re.findall(r"<audio [^>]*aria-label='([^']*)' src='([^']*)'", page)
    return [(html.unescape(name), html.unescape(address)) for name, address in found]


@pytest.mark.parametrize("name", _PAGES)
def test_queries_and_answers_can_be_heard(run_copy: Workspace, name: str) -> None:
    played = _players(_written(run_copy)[name])
    tracks = run_copy.read("tracks")
    names = dict(tracks.select("track_id", pl.format("{} – {}", "artist_name", "title")).rows())
    assert len(played) > 10
    for label, address in played:
        file = run_copy.report.parent / unquote(address)
        assert file.is_file()
        assert names[file.stem] == label


@pytest.mark.parametrize("name", _PAGES)
def test_songs_of_one_name_play_their_own_recordings(run_copy: Workspace, name: str) -> None:
    same = run_copy.read("tracks").with_columns(artist_name=pl.lit("A"), title=pl.lit("B"))
    run_copy.write("tracks", same)
    played = _players(_written(run_copy)[name])
    assert {label for label, _ in played} == {"A – B"}
    assert len({address for _, address in played}) > 5


@pytest.mark.parametrize("name", _PAGES)
def test_recordings_that_are_gone_have_no_player(run_copy: Workspace, name: str) -> None:
    audio = run_copy.read("audio")
    run_copy.write("audio", audio.with_columns(path=pl.lit(str(run_copy.home / "gone/")) + pl.col("track_id")))
    assert "<audio" not in _written(run_copy)[name]


def test_maps_name_their_songs(run_copy: Workspace) -> None:
    marked = pl.col("title") + " <&> 'x'"
    run_copy.write("tracks", run_copy.read("tracks").with_columns(marked.alias("title")))
    pages = _written(run_copy)
    indexed = run_copy.read("tracks").join(run_copy.read("wns/track_vectors"), on="track_id", how="semi")
    tested = indexed.join(run_copy.read("splits").filter(split="test"), on="track_id", how="semi")
    for page, songs in zip(pages.values(), (tested, indexed), strict=True):
        shown = [
            html.unescape(t) for t in re.findall(r"<circle tabindex='-1'[^>]*><title>(.*?) \([^()]*\)</title>", page)
        ]
        assert sorted(shown) == sorted(f"{a} – {t}" for a, t in songs.select("artist_name", "title").rows())
        assert "<&>" not in page


def test_map_of_very_many_songs_shows_some_of_all_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two groups, the second of which comes last: a map of the first songs alone would not have it."""
    monkeypatch.setattr(report_parts, "_MAPPED_SONGS", 30)
    count, rng = 200, np.random.default_rng(0)
    audio = np.where(np.arange(count)[:, None] < count // 2, 1.0, -1.0) + 0.01 * rng.normal(size=(count, 4))
    ids = [f"T{n:03d}" for n in range(count)]
    tracks = pl.DataFrame({"track_id": ids, "artist_name": ["A"] * count, "title": ids, "genre": ["g"] * count})
    tags = pl.DataFrame(schema={"track_id": pl.String, "tag": pl.String, "weight": pl.Float64})
    vectors = SongVectors(audio.astype(np.float32), np.zeros((count, 0), np.float32))
    page = report_parts.song_map(vectors, ids, tracks, tags, seed=1)
    shown = re.findall(r"cx='([\d.]+)' cy='([\d.]+)'[^>]*><title>A – T(\d+)", page)
    assert "30 of 200 songs" in page
    assert len({number for *_, number in shown}) == 30
    places = {int(number): (float(x), float(y)) for x, y, number in shown}
    first, second = ([at for n, at in places.items() if (n < count // 2) == is_first] for is_first in (True, False))
    assert min(len(first), len(second)) >= 8
    # Each dot is the song that it is called by: the groups lie apart.
    apart = np.linalg.norm(np.mean(first, axis=0) - np.mean(second, axis=0))
    assert apart > 2 * max(np.linalg.norm(np.std(group, axis=0)) for group in (first, second))


def test_map_goes_from_left_to_right_for_the_keys() -> None:
    points = np.random.default_rng(0).normal(size=(40, 2))
    svg = plots.song_map(points, ["x"] * 40, [str(n) for n in range(40)], "map")
    at = [float(x) for x in re.findall(r"tabindex='-1' cx='([\d.]+)'", svg)]
    assert at == sorted(at)
    assert re.findall(r"<title>(\d+) ", svg) == [str(n) for n in np.argsort(points[:, 0])]


def test_every_metric_is_explained(run_copy: Workspace) -> None:
    metrics = evaluate_again(run_copy, SMALL_CONFIG, QUIET)
    for of_a_card in (False, True):
        explained = set(re.findall("<dt>(.*?)</dt>", report.glossary(SMALL_CONFIG.evaluation.k, of_a_card)))
        assert {report.metric_name(name) for name in metrics["metric"]} <= explained


def test_exclusions_are_a_table_for_other_programs(run_copy: Workspace) -> None:
    page = _written(run_copy)["index.html"]
    (address,) = re.findall(r"<a href='([^']*)'>All \d+", page)
    table = pl.read_csv(run_copy.report.parent / address)
    assert table["track_id"].to_list() == run_copy.read("exclusions")["track_id"].to_list()
    assert run_copy.exclusions_csv.parent == run_copy.frame_path("exclusions").parent


@pytest.fixture
def unmeasured(run_copy: Workspace) -> Workspace:
    """A home in which no song is known to be like another."""
    run_copy.write("lastfm_similarity", run_copy.read("lastfm_similarity").clear())
    return run_copy


def test_evaluate_says_that_nothing_could_be_measured(unmeasured: Workspace) -> None:
    done = CliRunner().invoke(app, ["evaluate", "--home", str(unmeasured.home)], env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output
    assert UNMEASURED in done.stderr
    assert "chance" not in done.output.lower()
    page = unmeasured.report.read_text(encoding="utf-8")
    assert UNMEASURED.capitalize() in page
    assert "clearly above chance" not in page


def test_evaluate_prints_no_object_where_nothing_could_be_measured(unmeasured: Workspace) -> None:
    done = CliRunner().invoke(app, ["evaluate", "--json", "--home", str(unmeasured.home)])
    assert (done.exit_code, done.stdout) == (0, "")
    assert UNMEASURED in done.stderr


def _counting() -> tuple[Events, dict[str, list[tuple[int, int]]]]:
    """What is told, by stage."""
    told: dict[str, list[tuple[int, int]]] = {}
    return Events(
        stage=lambda name: told.update({name: []}),
        progress=lambda done, total: told[next(reversed(told))].append((done, total)),
        note=lambda _: None,
    ), told


@pytest.mark.slow
def test_evaluation_and_report_count_to_the_end(run_copy: Workspace) -> None:
    events, told = _counting()
    evaluate_again(run_copy, SMALL_CONFIG, events)
    assert list(told) == ["evaluating", "writing the report"]
    for steps in told.values():
        assert len(steps) > 5
        assert steps == sorted(set(steps))
        assert steps[-1][0] == steps[-1][1]


def test_report_says_how_many_of_the_songs_were_asked(run_copy: Workspace) -> None:
    evaluation = SMALL_CONFIG.evaluation.model_copy(update={"max_queries": 10})
    evaluate_again(run_copy, SMALL_CONFIG.model_copy(update={"evaluation": evaluation}), _counting()[0])
    assert run_copy.read("metrics").filter(protocol="unfiltered")["queries"].unique().to_list() == [10]
    assert "of which 10 that have a related one were the queries" in run_copy.report.read_text(encoding="utf-8")
    evaluate_again(run_copy, SMALL_CONFIG, _counting()[0])
    assert "were the queries" not in run_copy.report.read_text(encoding="utf-8")


def test_card_counts_to_the_end(run_copy: Workspace) -> None:
    events, told = _counting()
    write_card(run_copy, SMALL_CONFIG, [], 3_000, events)
    steps = told["asking your songs"]
    assert steps == sorted(set(steps))
    assert steps[-1][0] == steps[-1][1]


def test_card_takes_no_list_as_evidence_that_simsong_wrote(run_copy: Workspace, tmp_path: Path) -> None:
    indexed = run_copy.read("wns/track_vectors")["track_id"].to_list()
    lists = tmp_path / "lists"
    lists.mkdir()
    home = ["--home", str(run_copy.home)]
    CliRunner().invoke(app, ["similar", indexed[0], "--out", str(lists / "ours.m3u8"), *home])
    paths = run_copy.read("audio").filter(pl.col("track_id").is_in(indexed[:4]))["path"].to_list()
    (lists / "theirs.m3u8").write_text("\n".join(paths), encoding="utf-8")
    assert len(list(lists.iterdir())) == 2
    done = CliRunner().invoke(app, ["report-card", "--playlists", str(lists), *home])
    assert done.exit_code == 0, done.output
    page = (run_copy.report.parent / "card.html").read_text(encoding="utf-8")
    assert "1 playlists with 4 entries" in page


@pytest.mark.parametrize("related", [1, 2, 6], ids=["few", "some", "all"])
def test_scores_that_are_all_the_same_are_drawn(related: int) -> None:
    """As those of a few songs may be, all of which belong together."""
    relevant = np.zeros((3, 3), dtype=bool)
    relevant.flat[[1, 3, 2, 6, 5, 7][:related]] = True
    scores = np.full((3, 3), 0.5, np.float32)
    assert plots.score_histograms({"a": scores, "b": scores}, build_task(relevant)).startswith(b"\x89PNG")


def test_a_few_scores_far_below_do_not_squeeze_the_others() -> None:
    scores = np.concatenate([np.linspace(-3, 0, 95), np.full(5, -6e5)]).astype(np.float32)
    low, high = plots._drawn_range(scores)
    assert -10 < low < -2.5
    assert high == 0
