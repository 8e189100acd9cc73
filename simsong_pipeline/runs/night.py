"""A night: what is new, changed or gone is brought to the index by the present models, and nothing else is done."""

from simsong_pipeline.home.run import Run
from simsong_pipeline.runs import ledger
from simsong_pipeline.runs.summary import RunSummary


def refresh(run: Run) -> RunSummary:
    """A night's work and no more: embed and index what is new or changed, by the present models.

    Nothing is trained, evaluated or reported; the quality that the last evaluation found still decides.

    Raises:
        SimSongError: as `run`; also where there is no model yet.
    """
    with run.workspace.lock():
        run.events.stage("looking for what changed")
        listing = ledger.listed(run)
        nothing = ledger.unchanged(run, listing)
        if nothing is not None:
            run.events.note("nothing changed since the last run")
            return nothing
        # Imported here because most of what it loads is for songs that changed.
        from simsong_pipeline.runs.changed_night import refresh_changed

        return refresh_changed(run, listing)
