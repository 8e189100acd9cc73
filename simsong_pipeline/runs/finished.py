"""The end of a run that went stage by stage, as Dagster's do: what `run` leaves behind when all is done."""

import polars as pl

from simsong_pipeline.config import VARIANTS
from simsong_pipeline.errors import RawDataError
from simsong_pipeline.home.run import Run
from simsong_pipeline.runs import ledger
from simsong_pipeline.runs.summary import RunSummary
from simsong_pipeline.stages.letting_go import let_go
from simsong_pipeline.stages.stored_vectors import stored_vectors


def settle_finished(run: Run, listing: pl.DataFrame, summary: RunSummary) -> bool:
    """What a run leaves at its end; whether the next night may have nothing to do.

    Configuration and raw data are remembered, frames that nobody needs again are let go of, the ledger is settled.

    Call it when every stage has run on what `listing`, taken before the first of them, lists.
    """
    with run.workspace.lock():
        run.workspace.save_config(run.config)
        run.workspace.save_source(run.source.config)
        with run.workspace.store(run.config.store) as store:
            served = ledger.served_songs(run, store)
        let_go(run)
        return ledger.settle(run, listing, _versions(run), served, summary)


def _versions(run: Run) -> dict[str, str]:
    """The model that each variant's songs are embedded by."""
    versions: dict[str, str] = {}
    for variant in VARIANTS:
        vectors = stored_vectors(run.workspace, variant)
        if vectors is None:
            raise RawDataError(f"{variant} has no vectors under {run.workspace.home}: run `simsong run` first")
        versions[variant] = vectors.model_version
    return versions
