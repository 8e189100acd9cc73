"""What a run did, in numbers."""

from dataclasses import dataclass


@dataclass(frozen=True)
class RunSummary:
    """What a run did. A song counts once, whatever the number of variants.

    Attributes:
        tracks: raw tracks, usable or not.
        excluded: tracks that were left out, copies apart.
        copies: files and recordings that others are copies of.
        embedded: songs with a vector computed in this run.
        unchanged: songs whose vectors were all taken over.
        upserted: songs written to the index.
        unreadable: raw files that could not be read.
    """

    tracks: int
    excluded: int
    copies: int
    embedded: int
    unchanged: int
    upserted: int
    seconds: float
    unreadable: list[str]
