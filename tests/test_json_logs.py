"""Log lines for programs: each parses, says where in which run it was said, and holds no secret."""

import json
import logging
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from watched_night import WatchedNight, logging_as_json

from simsong_pipeline.cli import console, main
from simsong_pipeline.errors import AmbiguousSongError
from simsong_pipeline.locks import command_name
from simsong_pipeline.logs import JsonLines, Place, at, begin, in_bucket, place


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Iterator["Lines"]:
    """Standard error as objects, in a process that logs as JSON."""
    with logging_as_json():
        begin()
        yield Lines(capsys)
    begin()


class Lines:
    """What was said since it was asked last."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._capsys.readouterr().err.splitlines()]


def test_each_line_of_a_night_is_an_object(night: WatchedNight) -> None:
    said = [json.loads(line) for line in night.log]
    assert len(said) > 10
    for line in said:
        assert {"ts", "level", "message"} <= set(line)
        assert line["ts"].endswith("+00:00")


def test_lines_name_the_run_its_stages_buckets_and_tracks(night: WatchedNight) -> None:
    said = [json.loads(line) for line in night.log]
    fence = night.workspace.fence
    number = fence.number_of(fence.present())
    first = next(i for i, line in enumerate(said) if "run" in line)
    assert {line["run"] for line in said[first:]} == {number}
    assert [line["stage"] for line in said if line["message"] == "stage begins"] == night.stages
    done = [line for line in said if line["message"] == "bucket done"]
    heard = [line["bucket"] for line in done if line["stage"] == "decoding audio"]
    assert sorted(heard) == sorted(set(heard))
    (lost,) = [line for line in said if line.get("track_id") == night.damaged]
    assert lost["bucket"] == night.workspace.buckets.of(night.damaged)
    assert "not decodable" in lost["message"]
    assert said[-1]["message"] == "run done"
    assert said[-1]["figures"]["embedded"] == night.summary.embedded


def test_what_a_line_says_is_json_whatever_it_is(lines: Lines) -> None:
    odd = 'a "quoted" \n\x1b[31m name\u202e'
    log = logging.getLogger("simsong_pipeline.odd")
    with in_bucket(3):
        log.warning("%s", odd, extra={"track_id": "TR1", "more": [odd], "seconds": Path("x")})
    try:
        raise ValueError(odd)
    except ValueError:
        log.exception("it failed")
    log.debug("nobody hears this")
    first, second = lines()
    assert (first["message"], first["more"], first["bucket"], first["track_id"]) == (odd, [odd], 3, "TR1")
    assert (first["level"], second["level"]) == ("warning", "error")
    assert second["traceback"].startswith("Traceback")
    assert "bucket" not in second


def test_half_a_character_is_said_as_it_is() -> None:
    record = logging.makeLogRecord({"msg": "music/\ud800.mp3", "track_id": "TR\udcff"})
    said = json.loads(JsonLines().format(record))
    assert (said["message"], said["track_id"]) == ("music/\ud800.mp3", "TR\udcff")


def test_what_people_read_is_a_line_as_well(lines: Lines) -> None:
    console.err.print("  two", "words  ", style="bold")
    console.print_left_out("audio", "TR1", "silent")
    console.print_error(AmbiguousSongError("which one?", "  a", "  b"))
    with console.events() as told:
        told.stage("decoding audio")
        told.progress(1, 2)  # too soon after the stage's own line
        told.note("44 of 48")
    console.print_json({"stays": "on standard output"})
    said = lines()
    assert [line["message"] for line in said] == [
        "two words",
        "left out: silent",
        "which one?",
        "stage begins",
        "44 of 48",
    ]
    assert said[1]["track_id"] == "TR1"
    assert (said[2]["level"], said[2]["more"]) == ("error", ["a", "b"])
    assert said[4]["stage"] == "decoding audio"


def test_an_error_that_nobody_caught_is_an_object(tmp_path: Path) -> None:
    code = (
        "from simsong_pipeline.logs import log_as_json, at\n"
        "log_as_json(); at(run=7, stage='embedding'); raise KeyError('c4nary-secret-key')"
    )
    environment = {"PATH": "/usr/bin", "PYTHONPATH": ":".join(sys.path), "QDRANT_API_KEY": "c4nary-secret-key"}
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    (line,) = [json.loads(line) for line in ended.stderr.splitlines()]
    assert ended.returncode == 1
    assert (line["level"], line["run"], line["stage"]) == ("critical", 7, "embedding")
    assert "KeyError" in line["traceback"]
    assert "c4nary" not in ended.stderr


@pytest.mark.parametrize("words", [["--log-format", "json"], []])
def test_the_command_takes_the_format_and_is_still_called_by_its_name(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "argv", ["simsong", *words, "refresh", "--home", str(tmp_path / "home")])
    assert command_name() == "simsong refresh"
    with logging_as_json():
        if not words:
            del os.environ["SIMSONG_LOG_FORMAT"]
        with pytest.raises(SystemExit):
            main.main()
    said = capfd.readouterr().err
    if words:
        errors = [line for line in map(json.loads, said.splitlines()) if line["level"] == "error"]
        assert len(errors) == 1
    else:
        assert "error: " in said
        assert '"level"' not in said


def test_a_place_travels_to_other_processes() -> None:
    begin()
    at(run=5, stage="decoding audio")
    assert pickle.loads(pickle.dumps(place())) == Place(5, "decoding audio")
    begin()
    assert place() == Place()


@pytest.mark.slow
def test_a_worker_of_ray_logs_as_its_run_does(tmp_path: Path, lines: Lines) -> None:
    engine = pytest.importorskip("simsong_pipeline.engines.ray_engine", reason="simsong[ray] is not installed")
    from test_ray_engine import Part, Squares

    actor = engine._Actor(Squares(), 1, 1, Place(9, "decoding audio"), True)
    actor.work(Part(4, ()))
    (line,) = lines()
    assert [line[name] for name in ("run", "stage", "bucket", "songs")] == [9, "decoding audio", 4, 0]
