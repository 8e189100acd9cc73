"""SimSong's lineage as Dagster assets. The only package that knows Dagster; what assets compute lives below."""
