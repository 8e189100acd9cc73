"""Rankings without content: by how much an artist is named, and by what listeners call the songs."""

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_array

from simsong_pipeline.evaluation.fusion import Rows


def popularity_rows(track_ids: list[str], tracks: pl.DataFrame, similarity: pl.DataFrame, judged: pl.DataFrame) -> Rows:
    """The same scores for every query: how often lists of songs that are not judged name the song's artist.

    Equal artists go by how many songs they have in the data set.

    Args:
        tracks: of the whole catalogue: track_id, artist_id.
        similarity: all pairs.
        judged: track_id of the test songs.
    """
    artist = tracks.select("track_id", "artist_id")
    lists = similarity.join(judged, on="track_id", how="anti").select(pl.col("neighbour_id").alias("track_id"))
    named = lists.group_by("track_id").len().join(artist, on="track_id")
    by_artist = (
        artist.group_by("artist_id")
        .agg(pl.len().alias("songs"))
        .join(named.group_by("artist_id").agg(pl.col("len").sum().alias("named")), on="artist_id", how="left")
        .with_columns(pl.struct(pl.col("named").fill_null(0), "songs").rank("dense").cast(pl.Float32).alias("place"))
    )
    places = pl.DataFrame({"track_id": track_ids}).join(artist, on="track_id", how="left", maintain_order="left")
    row = places.join(by_artist, on="artist_id", how="left", maintain_order="left")["place"].to_numpy()
    return lambda rows: np.tile(row.astype(np.float32), (len(rows), 1))


def tag_rows(track_ids: list[str], tags: pl.DataFrame) -> Rows:
    """Cosines of the songs' tags, each weight times ln(tagged songs / songs with the tag)."""
    vectors = tag_vectors(track_ids, tags)
    turned = vectors.T.tocsr()

    def rows_of(rows: NDArray[np.int64]) -> NDArray[np.float32]:
        return np.asarray((vectors[rows] @ turned).toarray(), np.float32)

    return rows_of


def tag_vectors(track_ids: list[str], tags: pl.DataFrame) -> csr_array:
    """[songs, tags] rows of unit length; a song without tags has none.

    Args:
        tags: track_id, tag, weight of the whole catalogue.
    """
    tagged = tags.filter(pl.col("weight") > 0)
    songs = tagged["track_id"].n_unique()
    rarity = tagged.group_by("tag").agg((songs / pl.col("track_id").n_unique()).log().alias("rarity"))
    places = pl.DataFrame({"track_id": track_ids}).with_row_index("row")
    own = tagged.join(places, on="track_id").join(rarity.sort("tag").with_row_index("column"), on="tag")
    own = own.with_columns((pl.col("weight") * pl.col("rarity")).alias("value")).filter(pl.col("value") > 0)
    length = pl.col("value").pow(2).sum().sqrt().over("row")
    own = own.with_columns((pl.col("value") / length).cast(pl.Float32))
    coordinates = (own["row"].to_numpy(), own["column"].to_numpy())
    return csr_array((own["value"].to_numpy(), coordinates), shape=(len(track_ids), rarity.height))
