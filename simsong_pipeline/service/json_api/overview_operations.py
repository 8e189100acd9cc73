"""The whole at once, as operations: the map, how good it is, and what a night is doing."""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from simsong_pipeline.errors import RawDataError
from simsong_pipeline.files import read_json_object
from simsong_pipeline.home.model_files import ModelFiles
from simsong_pipeline.home.night_note import night_note
from simsong_pipeline.locks import note_of
from simsong_pipeline.service.etags import etag_of, has_it, headers_of, unchanged
from simsong_pipeline.service.json_api.operation import Nothing, Operation
from simsong_pipeline.service.problems import ProblemError
from simsong_pipeline.service.service import Service
from simsong_pipeline.service.snapshot import Snapshot
from simsong_pipeline.service.song_map import MapShape, song_map

_GROUP = "overview"
# Pages that were written with styles of their own, and hold no script; each says so to the browser, whatever is in it.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; sandbox"


class VerdictShape(BaseModel):
    """What the last evaluation found of the model that serves."""

    passed: bool
    outcome: str
    text: str


class ReportShape(BaseModel):
    """The figures of `simsong evaluate`, and of `simsong report-card` where it was run: rows of the metrics frame."""

    verdict: VerdictShape | None
    metrics: list[dict[str, Any]]
    card: list[dict[str, Any]] | None
    card_verdicts: dict[str, str] | None
    has_report: bool
    has_card: bool


class NightShape(BaseModel):
    """The run at work, or how the last one ended.

    Attributes:
        done, total: of the stage; 0 of 0 where it does not count.
    """

    state: Literal["none", "running", "done", "failed", "stopped"]
    command: str = ""
    since: str | None = None
    ended: str | None = None
    stage: str = ""
    done: int = 0
    total: int = 0
    notes: list[str] = []
    outcome: str = ""


async def _map(service: Service, request: Request, _asked: Nothing) -> Response:
    """Made once a snapshot, one at a time; who comes meanwhile waits without holding a thread of questions."""
    async with service.asker.snapshot() as snapshot:
        etag = etag_of(request, snapshot.version)
        if has_it(request, etag):
            return unchanged(etag)
        async with service.asker.alone():
            if "map" not in snapshot.kept:
                snapshot.kept["map"] = await service.asker.on(snapshot, lambda s: _map_of(service, s))
        said = snapshot.kept["map"]
    assert isinstance(said, bytes)
    return Response(said, media_type="application/json", headers=headers_of(etag))


def _map_of(service: Service, snapshot: Snapshot) -> bytes:
    kept = None if service.settings.read_only else service.workspace.home / "kept" / "map"
    return song_map(snapshot, kept).model_dump_json().encode("utf-8", "replace")


def _report(service: Service, snapshot: Snapshot, _asked: Nothing) -> ReportShape:
    metrics = snapshot.home.read_if_there("metrics")
    quality = ModelFiles(service.workspace.model(snapshot.config.serve)).quality()
    folder = service.workspace.home / "report"
    card = _card(folder / "card.json")
    return ReportShape(
        verdict=quality and VerdictShape(passed=quality.passed, outcome=quality.outcome, text=quality.text),
        metrics=[] if metrics is None else list(metrics.iter_rows(named=True)),
        card=card and card["metrics"],
        card_verdicts=card and card["verdicts"],
        has_report=(folder / "index.html").is_file(),
        has_card=(folder / "card.html").is_file(),
    )


def _card(path: Path) -> dict[str, Any] | None:
    try:
        return read_json_object(path)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise RawDataError(f"{path} is damaged: run `simsong report-card`, which writes it anew") from error


def _night(service: Service, _snapshot: Snapshot, _asked: Nothing) -> NightShape:
    """By its own note, else by that of who holds the home, as steps of Dagster do."""
    note, held = night_note(service.workspace), note_of(service.workspace.home / ".lock")
    if note is not None and (note.state == "running" or not held):
        fields = {name: getattr(note, name) for name in NightShape.model_fields}
        return NightShape(**fields)
    if held:
        return NightShape(state="running", command=str(held.get("holder", "")), since=str(held.get("since", "")))
    return NightShape(state="none")


def _page(name: str) -> Operation:
    async def page(service: Service, _request: Request, _asked: Nothing) -> Response:
        path = service.workspace.home / "report" / name
        if not path.is_file():
            raise ProblemError(404, "no-report", f"there is no {name} yet: run `simsong evaluate`, or report-card")
        headers = {"content-security-policy": _POLICY, "cache-control": "private, no-cache"}
        return FileResponse(path, media_type="text/html", headers=headers, stat_result=path.stat())

    return Operation("GET", f"/report/{name}", f"The page {name}", _GROUP, handler=page, media_type="text/html")


OVERVIEW = [
    Operation("GET", "/map", "A place for each song", _GROUP, answer=MapShape, handler=_map),
    Operation("GET", "/report", "How good it is", _GROUP, answer=ReportShape, question=_report, is_live=True),
    _page("index.html"),
    _page("card.html"),
    Operation("GET", "/night", "What a run is doing", _GROUP, answer=NightShape, question=_night, is_live=True),
]
