"""What a pretrained body's tags are called to people, and which of them a song is said to have."""

from collections.abc import Sequence

from simsong_pipeline.audio.body_layout import MUSICNN_TAGS
from simsong_pipeline.config import BodyName

# A body never gives all fifty much: of real music the likeliest tag has 0.3 (docs/experiments.md).
_LEAST = 0.15
_MOST_TAGS = 3
_SAME = {"female vocalist": "female vocalists"}


def tag_names(body: BodyName) -> list[str]:
    """[50] names in the order of a body's outputs, in lower case; of two tags that say the same, one name."""
    tags = [tag.lower() for tag in MUSICNN_TAGS[body.removeprefix("musicnn-")]]
    return [_SAME.get(tag, tag) for tag in tags]


def heard_tags(probabilities: Sequence[float], names: Sequence[str]) -> list[str]:
    """The likeliest tags, at most three, of a probability of 0.15 or more, the likeliest first.

    Args:
        probabilities: as the names are ordered; empty of what was heard by no body that knows tags.
    """
    if not probabilities:
        return []
    ranked = sorted(zip(probabilities, names, strict=True), key=lambda pair: -pair[0])
    likely = dict.fromkeys(name for probability, name in ranked if probability >= _LEAST)
    return list(likely)[:_MOST_TAGS]
