"""The night in which something changed."""

import time

import polars as pl

from simsong_pipeline.config import VARIANTS
from simsong_pipeline.home.run import Run
from simsong_pipeline.home.served import load_encoder
from simsong_pipeline.runs import ledger
from simsong_pipeline.runs.ahead import Ahead
from simsong_pipeline.runs.lineage import ask_servers, embed, index, prepare, summary_of, versions_of
from simsong_pipeline.runs.summary import RunSummary
from simsong_pipeline.stages.letting_go import let_go


def refresh_changed(run: Run, listing: pl.DataFrame) -> RunSummary:
    """See `night.refresh`; call under the home's lock.

    Args:
        listing: what the raw data consisted of when the night began.
    """
    started, workspace = time.monotonic(), run.workspace
    # A model that is missing or of other features stops the night before any work.
    ahead = Ahead(workspace, run.config, {v: load_encoder(workspace, v, run.config) for v in VARIANTS})
    ask_servers(run)
    workspace.claim_when_writing(run.run_id)
    workspace.clear_unfinished(run.now)
    frames = prepare(run, ahead)
    refreshed = embed(run, frames, ahead)
    indexed = index(run, frames, refreshed)
    summary = summary_of(frames, refreshed, indexed.upserted, started)
    let_go(run)
    ledger.settle(run, listing, versions_of(refreshed), indexed.served, summary)
    return summary
