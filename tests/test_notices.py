"""Who is told of a failure, over real HTTP and SMTP on loopback."""

import json
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import dagster as dg
import pytest
from loopback import reply, serve

from dagster_project.schedules import NIGHTLY_CRON, NIGHTLY_TIME_ZONE
from dagster_project.sensors import failure_notice
from simsong_pipeline.pipeline.notices import NoticeError, send


class Receiver:
    """Keeps what is posted; answers with a status."""

    def __init__(self, status: int = 200) -> None:
        self.status, self.address = status, ""
        self.got: list[dict[str, str]] = []

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        self.got.append(json.loads(handler.rfile.read(int(handler.headers["Content-Length"]))))
        reply("", self.status)(handler)


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
        send("a", "b", environment | {"SIMSONG_SMTP_URL": mail_server})
    assert len(_Smtp.got) == 1
    assert "s3cret" not in str(caught.value)


def test_refused_webhook_is_an_error() -> None:
    with serve(Receiver(403)) as hook, pytest.raises(NoticeError, match="HTTPStatusError 403"):
        send("a", "b", {"SIMSONG_WEBHOOK_URL": hook.address})


@pytest.mark.parametrize("told", [True, False])
def test_failed_run_is_told_of(monkeypatch: pytest.MonkeyPatch, told: bool) -> None:
    @dg.op
    def broken() -> None:
        raise ValueError("the disk is away")

    @dg.job
    def night() -> None:
        broken()

    monkeypatch.delenv("SIMSONG_MAIL_TO", raising=False)
    with dg.DagsterInstance.ephemeral() as instance, serve(Receiver()) as hook:
        monkeypatch.setenv("SIMSONG_WEBHOOK_URL", hook.address if told else "")
        result = night.execute_in_process(instance=instance, raise_on_error=False)
        context = dg.build_run_status_sensor_context(
            "failure_notice", result.get_run_failure_event(), instance, result.dagster_run
        ).for_run_failure()
        skipped = list(failure_notice(context))  # type: ignore[call-overload]
    assert [("night failed" in g["text"], result.run_id in g["text"]) for g in hook.got] == [(True, True)] * told
    assert len(skipped) == (0 if told else 1)


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
