"""What Prometheus gets: figures of a real night and of a service that was really asked, under bounded labels."""

import base64
import os
import re
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import httpx
import pytest
from conftest import QUIET
from loopback import reply, serve
from serving import Served, served
from test_secrets import Always
from watched_night import PRIVATE, Scrape, WatchedNight

from simsong_pipeline.errors import SimSongError
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.observing.failures import OTHER, kind_of
from simsong_pipeline.observing.figures import figures_of
from simsong_pipeline.observing.handing_out import FILE, GATEWAY
from simsong_pipeline.observing.observed import observed
from simsong_pipeline.observing.watch import Watch, of_songs, stage_label
from simsong_pipeline.service.keys import VARIABLE
from simsong_pipeline.stages.catalogue_stages import left_out


def test_figures_of_a_night_are_those_that_it_said(night: WatchedNight, asked: tuple[Served, Scrape]) -> None:
    songs, said = asked[1].by("simsong_night_songs", "what"), " ".join(night.notes)
    assert songs["embedded"] == night.summary.embedded == 1
    assert songs["upserted"] == night.summary.upserted
    assert f"{songs['decoded']:g} recordings decoded" in said
    assert f"{songs['deleted']:g} deleted" in said
    assert songs["deleted"] == 1
    assert f"{songs['lyrics_embedded']:g} lyrics embedded" in said
    assert asked[1].of("simsong_night_tracks") == night.summary.tracks
    assert asked[1].by("simsong_songs_total", "what") == songs  # of a home that no other night was watched in


def test_what_failed_is_what_the_table_of_exclusions_says(night: WatchedNight, asked: tuple[Served, Scrape]) -> None:
    exclusions = night.workspace.read("exclusions")
    failed = asked[1].all("simsong_songs_failed")
    assert sum(failed.values()) == len(left_out(exclusions))
    assert OTHER not in {dict(labels)["reason"] for labels in failed}
    assert asked[1].of("simsong_songs_failed", stage="audio", reason="undecodable") == 1


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("silent: -80 dBFS, below -60", "silent"),
        ("too short: 1.0 s of at least 5 s", "too_short"),
        ("cannot be read (Input/output error)", "unread"),
        ("cannot be read: the process that read it ended each time: /x", "unread"),
        ("the same recording as a.mp3 (0% of the fingerprint differs)", "copy"),
        ("not decodable: Format not recognised.", "undecodable"),
        ("no artist, title", "incomplete"),
        ("a sentence that nobody has written yet", OTHER),
    ],
)
def test_a_reason_in_words_has_one_of_a_few_kinds(reason: str, kind: str) -> None:
    assert kind_of(reason) == kind


def test_each_stage_has_its_seconds(night: WatchedNight, asked: tuple[Served, Scrape]) -> None:
    seconds = asked[1].by("simsong_night_stage_seconds", "stage")
    assert set(seconds) == set(night.stages)
    assert sum(seconds.values()) <= asked[1].of("simsong_night_duration_seconds")
    assert asked[1].by("simsong_night_state", "state") == {"running": 0, "done": 1, "failed": 0, "stopped": 0}
    assert asked[1].of("simsong_night_run_number") == night.workspace.fence.number_of(night.workspace.fence.present())


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("splitting 64 buckets", "splitting N buckets"),
        ("writing to s3://bucket/home 12", "writing to (address) N"),
        ("asking http://a:4533 for its songs", "asking (address) for its songs"),
    ],
)
def test_a_stage_is_one_of_a_few(name: str, label: str) -> None:
    assert stage_label(name) == label


def test_stages_are_timed_by_the_clock_and_add_up() -> None:
    now = [0.0]
    watch = Watch(lambda: now[0])
    told = watch.events(QUIET)
    for second, stage in ((0.0, "a"), (2.0, "b"), (5.0, "a")):
        now[0] = second
        told.stage(stage)
    now[0] = 6.5
    watch.ended()
    assert watch.stage_seconds == {"a": 3.5, "b": 3.0}
    for name, figure in (("embedded/ns", 3), ("embedded/wns", 5), ("decoded", 2), ("decoded", 4)):
        told.count(name, figure)
    assert of_songs(watch.counts) == {"embedded": 5, "decoded": 6}


def test_the_textfile_says_what_the_service_says(night: WatchedNight, asked: tuple[Served, Scrape]) -> None:
    written = {key: value for key, value in Scrape(night.textfile).samples.items() if "_disk_" not in key[0]}
    assert len(written) > 20
    assert {key: asked[1].samples[key] for key in written} == written


def test_requests_are_counted_by_template_and_status(asked: tuple[Served, Scrape]) -> None:
    counted = {
        tuple(dict(of)[n] for n in ("method", "route", "status")): value
        for of, value in asked[1].all("simsong_http_requests_total").items()
    }
    assert counted["GET", "/api/v1/similar", "200"] == 3
    assert counted["GET", "/api/v1/similar", "404"] == 1
    assert counted["GET", "/api/v1/search", "200"] == 1
    assert counted["POST", "/api/v1/similar", "400"] == 1
    assert counted["GET", "none", "421"] == 1
    assert sum(value for (method, *_), value in counted.items() if method == "other") == 1
    for route in {route for _, route, _ in counted}:
        requests = sum(value for (_, of, _), value in counted.items() if of == route)
        assert asked[1].of("simsong_http_request_seconds_count", route=route) == requests
    assert asked[1].of("simsong_http_requests_in_flight") == 1  # the scrape itself
    assert asked[1].of("simsong_index_seconds_count", operation="query") >= 3


def test_no_label_holds_what_somebody_asked(asked: tuple[Served, Scrape]) -> None:
    assert not [labels for _, labels in asked[1].samples if PRIVATE in str(labels)]


def test_what_is_served_is_what_the_index_holds(night: WatchedNight, asked: tuple[Served, Scrape]) -> None:
    with night.workspace.store(night.workspace.load_config().store) as store:
        collection = store.aliases()["simsong"]
        assert asked[1].of("simsong_index_songs") == store.count(collection)
    assert asked[1].of("simsong_index_info", collection=collection) == 1
    published = asked[1].of("simsong_index_published_timestamp_seconds")
    ended = asked[1].of("simsong_night_last_success_timestamp_seconds")
    assert ended - night.summary.seconds - 60 < published <= ended
    assert asked[1].of("simsong_snapshot_in_trouble") == 0


def test_metrics_ask_for_the_key_as_the_rest_does(
    night: WatchedNight, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(VARIABLE, "correct-horse-battery")
    with served(night.workspace, read_only=True) as running, running.client() as client:
        assert client.get("/metrics").status_code == 401
        with_key = {"authorization": "Bearer correct-horse-battery"}
        assert "simsong_index_songs" in client.get("/metrics", headers=with_key).text
        refused = Scrape(client.get("/metrics", headers=with_key).text).of(
            "simsong_http_requests_total", status="401", route="none"
        )
        assert refused == 1


def test_a_port_of_its_own_says_metrics_alone_and_asks_for_no_key(
    night: WatchedNight, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "correct-horse-battery")
    with served(night.workspace, read_only=True, metrics_port=0) as running:
        own = f"http://127.0.0.1:{running.metrics_port}"
        with httpx.Client(trust_env=False) as client:
            assert "simsong_index_songs" in client.get(f"{own}/metrics").text
            assert client.get(f"{own}/metrics", headers={"host": "evil.example"}).status_code == 421
            assert client.get(f"{own}/api/v1/library").status_code == 404
            assert client.get(f"{running.url}/metrics").status_code == 401


def _ends_by(error: BaseException, workspace: Workspace) -> None:
    with observed(workspace, "refresh", QUIET) as noting:
        noting.events.count("decoded", 1)
        raise error


def test_a_night_that_fails_is_told_and_what_went_well_before_stays(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "home")
    with observed(workspace, "refresh", QUIET) as noting:
        noting.events.count("decoded", 3)
    well = figures_of(workspace)
    for error in (SimSongError("no"), KeyboardInterrupt()):
        with pytest.raises(type(error)):
            _ends_by(error, workspace)
    last = figures_of(workspace)
    assert well is not None
    assert last is not None
    assert last.last_success == well.last_success == well.ended
    assert last.nights == {"done": 1, "failed": 1, "stopped": 1}
    assert (last.songs["decoded"], last.totals["decoded"]) == (1, 5)


def test_a_metrics_file_that_cannot_be_written_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv(FILE, str(tmp_path / "file" / "simsong.prom"))
    with observed(Workspace(tmp_path / "home"), "refresh", QUIET):
        pass
    assert FILE in caplog.text
    assert figures_of(Workspace(tmp_path / "home")).nights == {"done": 1}  # type: ignore[union-attr]


def test_a_metrics_file_appears_whole_and_others_may_read_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "textfiles" / "simsong.prom"
    monkeypatch.setenv(FILE, str(file))
    with observed(Workspace(tmp_path / "home"), "refresh", QUIET):
        assert Scrape(file.read_text()).of("simsong_night_state", state="running") == 1
    assert Scrape(file.read_text()).of("simsong_night_state", state="done") == 1
    assert [path.name for path in file.parent.iterdir()] == ["simsong.prom"]
    assert os.stat(file).st_mode & 0o777 == 0o644


def test_a_gateway_gets_them_by_its_password_which_nobody_else_sees(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    got: list[tuple[str, str, str]] = []

    def take(handler: BaseHTTPRequestHandler) -> None:
        got.append((handler.command, handler.path, handler.headers["authorization"]))
        reply("", 200 if len(got) == 1 else 403)(handler)

    with serve(Always(take)) as server:
        monkeypatch.setenv(GATEWAY, server.address.replace("http://", "http://user:c4nary-pw@"))
        with observed(Workspace(tmp_path / "my home"), "refresh", QUIET):
            pass
    by = f"Basic {base64.b64encode(b'user:c4nary-pw').decode()}"
    assert got == [("PUT", "/metrics/job/simsong/home/my%20home", by)] * 2
    assert re.search(f"{GATEWAY}.*HTTPStatusError 403", caplog.text)
    assert "c4nary" not in caplog.text
