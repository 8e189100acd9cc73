"""Why songs came to nothing, by kind: a few words, whatever the sentences in the table of exclusions say.

A kind is what a person does next: look for a disk (unread, missing), for a better copy (truncated, damaged), or
nothing.
"""

from collections import Counter
from collections.abc import Sequence

import polars as pl

from simsong_pipeline.audio.copies import COPY, SAME_FILE
from simsong_pipeline.errors import UNREAD

# How the sentences of each kind begin; the first that fits counts.
KINDS: Sequence[tuple[str, str]] = (
    (COPY, "copy"),
    (SAME_FILE, "copy"),
    ("duplicate of", "copy"),
    ("file is missing", "missing"),
    ("(no recording)", "missing"),
    (UNREAD, "unread"),
    ("too short", "too_short"),
    ("silent", "silent"),
    ("truncated", "truncated"),
    ("damaged", "damaged"),
    ("samples are not finite", "damaged"),
    ("not decodable", "undecodable"),
    ("no samples", "undecodable"),
    ("file is empty", "undecodable"),
    ("the file has no audio", "undecodable"),
    ("the sound is in a codec", "undecodable"),
    ("song and track id do not match", "mismatch"),
    ("no ", "incomplete"),
)
OTHER = "other"
# What is none that failed, and needs nobody.
HARMLESS = frozenset({"copy", "missing"})
# A track that only lost a field or its lyrics is kept.
_KEPT = "track kept"


def kind_of(reason: str) -> str:
    """The kind of a reason in words."""
    return next((kind for begin, kind in KINDS if reason.startswith(begin)), OTHER)


def failures_by_kind(exclusions: pl.DataFrame) -> dict[tuple[str, str], int]:
    """How many tracks left the catalogue, by the stage in which they did and the kind of the reason."""
    gone = exclusions.filter(~pl.col("reason").str.ends_with(_KEPT))
    found = Counter((stage, kind_of(reason)) for stage, reason in gone.select("stage", "reason").iter_rows())
    return dict(sorted(found.items()))
