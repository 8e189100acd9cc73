"""How old the index and its metrics may be before Dagster shows it: a missed night warns, two fail.

Dagster counts from an asset's last materialization. A night in which nothing changed makes nothing, and what it proved
to be as it was left is as fresh as if it had: its first asset vouches for it.
"""

from collections.abc import Iterator
from datetime import timedelta

import dagster as dg

from simsong_pipeline.config import VARIANTS
from simsong_pipeline.home.workspace import Workspace

# From the end of one night to that of the next is a day, and what one of them takes longer.
POLICY = dg.FreshnessPolicy.time_window(warn_window=timedelta(hours=32), fail_window=timedelta(hours=56))
INDEX = frozenset({"ledger", *(f"{variant}/qdrant_collection" for variant in VARIANTS)})
METRICS = "metrics"


def policy_of(key: dg.AssetKey) -> dg.FreshnessPolicy | None:
    """The policy of what people ask, none for what it is made of."""
    return POLICY if key.to_user_string() in INDEX | {METRICS} else None


def vouched(workspace: Workspace) -> Iterator[dg.AssetMaterialization]:
    """What a night of nothing found as the last run left it: the index, and metrics that are of its vectors."""
    for name in sorted(INDEX) + ([METRICS] if _measured(workspace) else []):
        text = "nothing changed since it was made"
        yield dg.AssetMaterialization(dg.AssetKey(name.split("/")), description=text, metadata={"changed": False})


def _measured(workspace: Workspace) -> bool:
    """Whether the metrics came after the vectors: `simsong refresh` embeds, and measures nothing."""
    try:
        measured = workspace.frame_path(METRICS).stat().st_mtime_ns
        vectors = [workspace.frame_path(f"{v}/track_vectors") / "manifest.json" for v in VARIANTS]
        return all(path.stat().st_mtime_ns <= measured for path in vectors)
    except FileNotFoundError:
        return False
