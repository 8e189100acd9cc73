"""The catalogue of a source's raw tracks."""

import polars as pl

from simsong_pipeline.catalogue import Catalogue, build_catalogue
from simsong_pipeline.config import CatalogueConfig
from simsong_pipeline.sources.raw_tracks import UnreadableFile
from simsong_pipeline.sources.source import Source


def catalogued(source: Source, raw_tracks: pl.DataFrame, config: CatalogueConfig) -> Catalogue:
    """Tracks without mismatches and duplicates, and the reasons for those that left."""
    lost: list[UnreadableFile] = []
    mismatches, duplicates = source.mismatches(lost), source.duplicates(lost)
    catalogue = build_catalogue(raw_tracks, source.name, mismatches, duplicates, config)
    rows = [(u.track_id, "tracks", str(u.path), u.reason) for u in lost]
    lines = pl.DataFrame(rows, schema=catalogue.exclusions.schema, orient="row")
    return Catalogue(catalogue.tracks, pl.concat([catalogue.exclusions, lines]))
