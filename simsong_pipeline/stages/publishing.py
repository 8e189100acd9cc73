"""Which model may be served: one that was measured, and is clearly above chance."""

from simsong_pipeline.config import Variant
from simsong_pipeline.errors import EvaluationError, UnprovenError
from simsong_pipeline.home.model_files import ModelFiles
from simsong_pipeline.home.workspace import Workspace


def refuse_unproven(workspace: Workspace, variant: Variant, version: str) -> None:
    """Stop before the index is opened, where the model was not measured, or was and is not clearly above chance.

    Raises:
        EvaluationError: it was not measured since it changed.
        UnprovenError: it was.
    """
    record = ModelFiles(workspace.model(variant)).quality()
    if record is None or record.model_version != version:
        raise EvaluationError(f"{variant} was not evaluated since its model changed: run `simsong run`")
    if not record.passed:
        raise UnprovenError(
            f"{record.text}. The index was left as it was. Look at {workspace.report}; --publish-anyway indexes"
        )
