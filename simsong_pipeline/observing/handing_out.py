"""Where a night's metrics go besides the home: a file for node_exporter, a Pushgateway, or neither.

SIMSONG_METRICS_FILE: a `.prom` file in the folder of node_exporter's textfile collector.
SIMSONG_PUSHGATEWAY_URL: of a Pushgateway, with user and password where it asks for them.
"""

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import httpx

from simsong_pipeline.errors import SimSongError
from simsong_pipeline.files import write_bytes
from simsong_pipeline.home.workspace import Workspace

FILE, GATEWAY = "SIMSONG_METRICS_FILE", "SIMSONG_PUSHGATEWAY_URL"
_TIMEOUT_S = 5.0
_READABLE = 0o644  # by node_exporter, which is another user
_log = logging.getLogger(__name__)


def is_wanted(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether anybody gets them."""
    return any(environment.get(name, "").strip() for name in (FILE, GATEWAY))


def hand_out(workspace: Workspace, environment: Mapping[str, str] = os.environ) -> None:
    """Write and push what the home's nights say now. A night does not fail of it: what went wrong is a warning."""
    if not is_wanted(environment):
        return
    # Imported here because most nights do without.
    from simsong_pipeline.observing.night_metrics import exposition, home_label

    said, file, gateway = exposition(workspace), environment.get(FILE, "").strip(), environment.get(GATEWAY, "").strip()
    if file:
        try:
            write_bytes(Path(file), said)
            Path(file).chmod(_READABLE)
        except (OSError, SimSongError) as error:
            _log.warning("%s: the metrics could not be written: %s", FILE, error)
    if gateway:
        try:
            _push(gateway, home_label(workspace), said)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            # Not the error's own text, which may hold the address.
            status = error.response.status_code if isinstance(error, httpx.HTTPStatusError) else ""
            _log.warning("%s: the metrics could not be pushed (%s %s)", GATEWAY, type(error).__name__, status)


def _push(gateway: str, home: str, said: bytes) -> None:
    """In place of what this home pushed before."""
    place = f"{gateway.rstrip('/')}/metrics/job/simsong/home/{quote(home, safe='')}"
    headers = {"content-type": "text/plain; version=0.0.4; charset=utf-8"}
    httpx.put(place, content=said, headers=headers, timeout=_TIMEOUT_S).raise_for_status()
