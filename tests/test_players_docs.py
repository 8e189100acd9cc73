"""docs/players.md: its table of what plugins ask has every route."""

import re
from pathlib import Path

from simsong_pipeline.service.audiomuse.routes import _BY_NIGHTS, _FIXED, _GET, _POST

PAGE = (Path(__file__).parents[1] / "docs" / "players.md").read_text()


def test_the_table_of_routes_is_whole() -> None:
    table = "\n".join(line for line in PAGE.splitlines() if line.startswith("| `"))
    named = {path.partition("<")[0].rstrip("/") for path in re.findall(r"/api/[a-z_/<>]+", table)}
    assert named == {*_GET, *_POST, *_FIXED, "/api/status"}
    assert not set(_BY_NIGHTS) & named
