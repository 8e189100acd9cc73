"""The page: files that are sent as they are, beside the API that they ask."""

import os
from collections.abc import Sequence
from pathlib import Path

from starlette.responses import Response
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from simsong_pipeline.service.service import Service

FOLDER = Path(__file__).parent / "page"


class _PageFiles(StaticFiles):
    """Asks again whether a file is another one: after an update no browser mixes parts of two versions."""

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        answer = super().file_response(full_path, stat_result, scope, status_code)
        answer.headers["cache-control"] = "no-cache"
        return answer


def routes(_service: Service) -> Sequence[BaseRoute]:
    """Everything that no other face has taken."""
    return [Mount("/", _PageFiles(directory=FOLDER, html=True), name="page")]
