"""A command that needs an extra of the package says so before it begins to work."""

from simsong_pipeline.errors import MissingExtraError
from simsong_pipeline.extras import lacking


def needs(extra: str) -> None:
    """Raise MissingExtraError where a module of an extra is not installed."""
    if missing := lacking(extra):
        names = " and ".join([", ".join(missing[:-1]), missing[-1]] if missing[:-1] else missing)
        raise MissingExtraError(f"{names} {'is' if len(missing) == 1 else 'are'} not installed", extra)
