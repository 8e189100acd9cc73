"""Who is told of a failure, over real HTTP and SMTP on loopback."""

import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler

import dagster as dg
import pytest
from loopback import reply, serve

from dagster_project.schedules import NIGHTLY_CRON, NIGHTLY_TIME_ZONE
from dagster_project.sensors import failure_notice
from simsong_pipeline.errors import RawDataError
from simsong_pipeline.runs import notices
from simsong_pipeline.runs.notices import NoticeError, send


class Receiver:
    """Keeps what is posted; answers with each status in turn, and then with the last."""

    def __init__(self, *statuses: int) -> None:
        self.statuses, self.address = list(statuses or [200]), ""
        self.got: list[dict[str, str]] = []

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        self.got.append(json.loads(handler.rfile.read(int(handler.headers["Content-Length"]))))
        reply("", self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0])(handler)


class _Smtp(socketserver.StreamRequestHandler):
    """As much of a mail server as a client needs to hand over a message."""

    got: list[str] = []  # noqa: RUF012 (shared on purpose)

    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        lines, in_data = [], False
        for raw in self.rfile:
            line = raw.decode().rstrip("\r\n")
            if in_data:
                if line == ".":
                    self.got.append("\n".join(lines))
                    in_data = False
                    self.wfile.write(b"250 kept\r\n")
                else:
                    lines.append(line)
            elif line.upper() == "DATA":
                in_data = True
                self.wfile.write(b"354 go on\r\n")
            elif line.upper() == "QUIT":
                self.wfile.write(b"221 bye\r\n")
                return
            else:
                self.wfile.write(b"250 fine\r\n")


@pytest.fixture
def mail_server() -> Iterator[str]:
    _Smtp.got.clear()
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Smtp) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"smtp://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_webhook_and_mail_are_both_told(mail_server: str) -> None:
    with serve(Receiver()) as hook:
        environment = {
            "SIMSONG_WEBHOOK_URL": hook.address,
            "SIMSONG_MAIL_TO": "me@example.org",
            "SIMSONG_SMTP_URL": mail_server,
        }
        assert send("SimSong: nightly failed", "why it did", environment) == ["webhook", "mail"]
    assert "why it did" in hook.got[0]["text"]
    assert "To: me@example.org" in _Smtp.got[0]
    assert "Subject: SimSong: nightly failed" in _Smtp.got[0]


def test_one_that_fails_does_not_keep_the_other_and_shows_no_address(mail_server: str) -> None:
    environment = {"SIMSONG_WEBHOOK_URL": "http://127.0.0.1:9/s3cret", "SIMSONG_MAIL_TO": "me@example.org"}
    with pytest.raises(NoticeError) as caught:
        send("a", "b", environment | {"SIMSONG_SMTP_URL": mail_server}, waits=())
    assert len(_Smtp.got) == 1
    assert "s3cret" not in str(caught.value)


def test_refused_webhook_is_an_error() -> None:
    with serve(Receiver(403)) as hook, pytest.raises(NoticeError, match="HTTPStatusError 403"):
        send("a", "b", {"SIMSONG_WEBHOOK_URL": hook.address}, waits=())


def test_webhook_that_is_away_for_a_moment_is_told() -> None:
    with serve(Receiver(503, 503, 200)) as hook:
        assert send("a", "b", {"SIMSONG_WEBHOOK_URL": hook.address}, waits=(0, 0)) == ["webhook"]


def test_who_was_told_is_not_told_again() -> None:
    with serve(Receiver()) as hook:
        environment = {"SIMSONG_WEBHOOK_URL": hook.address, "SIMSONG_MAIL_TO": "me@example.org"}
        with pytest.raises(NoticeError):
            send("a", "b", environment | {"SIMSONG_SMTP_URL": "smtp://127.0.0.1:9"}, waits=(0, 0))
    assert len(hook.got) == 1


class _Clock:
    """In place of the module `time`: passes only when it is told to."""

    def __init__(self) -> None:
        self.now, self.slept = 0.0, list[float]()

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept.append(seconds)


def test_tries_are_further_and_further_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = _Clock()
    monkeypatch.setattr(notices, "time", clock)
    with serve(Receiver(503)) as hook, pytest.raises(NoticeError):
        send("a", "b", {"SIMSONG_WEBHOOK_URL": hook.address})
    assert (len(hook.got), clock.slept) == (3, [2, 6])


def test_hanging_servers_are_given_up_within_the_minute_of_a_sensor(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = _Clock()

    def hang(*_: object) -> None:
        clock.now += 10
        raise TimeoutError

    monkeypatch.setattr(notices, "time", clock)
    monkeypatch.setattr(notices, "_WAYS", {"webhook": ("W", hang), "mail": ("M", hang)})
    with pytest.raises(NoticeError):
        send("a", "b", {"W": "x", "M": "x"})
    assert clock.now <= 45


def _broken_night() -> dg.JobDefinition:
    @dg.op
    def broken() -> None:
        try:
            raise OSError("errno 5")
        except OSError as error:
            raise RawDataError("30 of the 44 songs are missing") from error

    @dg.job
    def night() -> None:
        broken()

    return night


def _unproven_night() -> dg.JobDefinition:
    @dg.asset(check_specs=[dg.AssetCheckSpec("better_than_chance", asset="metrics", blocking=True)])
    def metrics() -> dg.MaterializeResult:
        check = dg.AssetCheckResult(check_name="better_than_chance", passed=False)
        return dg.MaterializeResult(check_results=[check])

    return dg.Definitions([metrics], jobs=[dg.define_asset_job("night")]).resolve_job_def("night")


def _skipped(night: dg.JobDefinition) -> tuple[str, int]:
    """The run's id, and how often the sensor said that it tells nobody."""
    with dg.DagsterInstance.ephemeral() as instance:
        result = night.execute_in_process(instance=instance, raise_on_error=False)
        context = dg.build_run_status_sensor_context(
            "failure_notice", result.get_run_failure_event(), instance, result.dagster_run
        ).for_run_failure()
        return result.run_id, len(list(failure_notice(context)))  # type: ignore[call-overload]


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """The one who is to be told."""
    monkeypatch.delenv("SIMSONG_MAIL_TO", raising=False)
    with serve(Receiver()) as receiver:
        monkeypatch.setenv("SIMSONG_WEBHOOK_URL", receiver.address)
        yield receiver


def test_failed_run_is_told_of(hook: Receiver) -> None:
    run_id, _ = _skipped(_broken_night())
    assert [("night failed" in g["text"], run_id in g["text"]) for g in hook.got] == [(True, True)]


def test_nobody_is_told_where_nobody_is_named(hook: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMSONG_WEBHOOK_URL", "")
    _, skipped = _skipped(_broken_night())
    assert (hook.got, skipped) == ([], 1)


@pytest.mark.parametrize(
    ("night", "reason"),
    [
        (_broken_night, "broken: simsong_pipeline.errors.RawDataError: 30 of the 44 songs are missing\n"),
        (_unproven_night, "metrics: better_than_chance\n"),
    ],
)
def test_notice_says_why_each_step_failed(hook: Receiver, night: Callable[[], dg.JobDefinition], reason: str) -> None:
    _skipped(night())
    assert reason in hook.got[0]["text"]


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        # The night in which the clock jumps from two to three, and the one in which it goes back.
        ("2027-03-27T12:00", ["2027-03-28T01:00", "2027-03-29T01:00", "2027-03-30T01:00"]),
        ("2027-10-30T12:00", ["2027-10-31T02:00", "2027-11-01T02:00", "2027-11-02T02:00"]),
    ],
)
def test_nights_when_the_clock_changes_have_one_run_each(start: str, expected: list[str]) -> None:
    from datetime import UTC, datetime
    from itertools import islice

    from dagster._utils.schedules import schedule_execution_time_iterator

    begin = datetime.fromisoformat(start).replace(tzinfo=UTC).timestamp()
    ticks = islice(schedule_execution_time_iterator(begin, NIGHTLY_CRON, NIGHTLY_TIME_ZONE), 3)
    assert [t.astimezone(UTC).strftime("%Y-%m-%dT%H:%M") for t in ticks] == expected
