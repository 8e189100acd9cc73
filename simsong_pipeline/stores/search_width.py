"""How many candidates a search of a graph looks at."""

from math import sqrt

from simsong_pipeline.config import StoreConfig

# As many songs are found as exactly by the configured number; a graph of more needs more for the same recall.
_ENOUGH_FOR = 200_000


def candidates(config: StoreConfig, songs: int) -> int:
    """hnsw_ef for a collection of so many songs."""
    return round(config.search_ef * sqrt(max(1.0, songs / _ENOUGH_FOR)))
