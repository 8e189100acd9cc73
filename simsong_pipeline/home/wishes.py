"""What a person asked a run for beyond the configuration."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Wishes:
    """What holds for one run alone.

    Attributes:
        retrain: train where there is a model of this recipe as well.
        publish_anyway: index vectors that were measured and are not clearly above chance.
        promote_anyway: let a new model replace a better one.
        accept_shrink: it is meant that more than half of something is gone.
        encoder_named: the encoder's kind was said, so none takes its place.
    """

    retrain: bool = False
    publish_anyway: bool = False
    promote_anyway: bool = False
    accept_shrink: bool = False
    encoder_named: bool = False


NO_WISHES = Wishes()
