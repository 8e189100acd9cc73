"""The map of a library: a place for each song, and what it may be coloured by, as columns."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import BaseModel
from safetensors import SafetensorError
from safetensors.numpy import load, save

from simsong_pipeline.files import write_bytes
from simsong_pipeline.service.map_layout import Landmarks, apart, landmarks_of, placed
from simsong_pipeline.service.snapshot import Snapshot

_SCALE = 65_535
# Of how many songs landmarks are made.
_SAMPLE = 20_000


class MapShape(BaseModel):
    """Columns of equal length, a song each, in the order of the library.

    Attributes:
        x, y: from 0 to 65,535.
        artist, genre: numbers of names in the lists; -1 for a song without a genre.
        cluster: numbers of names in `clusters`, which say the genre that is commonest there above all others.
    """

    snapshot: str
    count: int
    ids: list[str]
    titles: list[str]
    x: list[int]
    y: list[int]
    artist: list[int]
    artists: list[str]
    genre: list[int]
    genres: list[str]
    year: list[int | None]
    cluster: list[int]
    clusters: list[str]


def song_map(snapshot: Snapshot, kept: Path | None) -> MapShape:
    """The map of a snapshot.

    Args:
        kept: where landmarks lie, so that songs stay where they were from one night to the next; null where nothing
            may be written.
    """
    marks = _landmarks(snapshot, kept)
    rows = _places(snapshot, marks)
    songs = snapshot.library.songs.select("id", "title", "artist", "year", pl.col("genres").list.first().alias("genre"))
    known = songs.join(rows, on="id", how="inner", maintain_order="left")
    artist, artists = _numbered(known["artist"])
    genre, genres = _numbered(known["genre"])
    return MapShape(
        snapshot=snapshot.version,
        count=known.height,
        ids=known["id"].to_list(),
        titles=known["title"].to_list(),
        x=known["x"].to_list(),
        y=known["y"].to_list(),
        artist=artist,
        artists=artists,
        genre=genre,
        genres=genres,
        year=known["year"].to_list(),
        cluster=known["cluster"].to_list(),
        clusters=_cluster_names(known, len(set(marks.clusters.tolist()))),
    )


def _numbered(column: pl.Series) -> tuple[list[int], list[str]]:
    names = column.drop_nulls().unique(maintain_order=True)
    numbers = column.replace_strict(names, pl.int_range(len(names), eager=True), default=-1, return_dtype=pl.Int32)
    return numbers.fill_null(-1).to_list(), names.to_list()


def _cluster_names(known: pl.DataFrame, clusters: int) -> list[str]:
    """The genre whose share is larger there than elsewhere, a number where no song has a genre."""
    with_genre = known.drop_nulls("genre")
    overall = dict(with_genre["genre"].value_counts(normalize=True).iter_rows())
    names = []
    for number in range(clusters):
        here = with_genre.filter(cluster=number)["genre"].value_counts(normalize=True).rows()
        best = max(here, key=lambda row: (row[1] - overall[row[0]], row[0]), default=None)
        names.append(f"{number + 1}" if best is None else f"{number + 1}: {best[0]}")
    return names


def _landmarks(snapshot: Snapshot, kept: Path | None) -> Landmarks:
    """Those of the model that serves, made once."""
    path = None if kept is None else kept / f"{snapshot.collection}.safetensors"
    width = _width(snapshot)
    if path is not None and (known := _read(path)) is not None and known.vectors.shape[1] == width:
        return known
    made = landmarks_of(np.concatenate([v for _, v in _vectors(snapshot, _SAMPLE)]))
    if path is not None:
        write_bytes(path, save({"vectors": made.vectors, "places": made.places, "clusters": made.clusters}))
    return made


def _read(path: Path) -> Landmarks | None:
    """Null as well where the file is damaged: it is made anew."""
    try:
        held = load(path.read_bytes())
        return Landmarks(held["vectors"], held["places"], held["clusters"])
    except (OSError, SafetensorError, KeyError):
        return None


def _width(snapshot: Snapshot) -> int:
    """How long a song's vector is."""
    return int(next(vectors.shape[1] for _, vectors in _vectors(snapshot, 1)))


def _places(snapshot: Snapshot, marks: Landmarks) -> pl.DataFrame:
    """id, x, y, cluster."""
    parts = []
    for ids, vectors in _vectors(snapshot, None):
        places, clusters = placed(vectors, marks)
        moved = apart(places, ids.hash(seed=1).to_numpy(), len(marks.vectors))
        scaled = np.clip((moved / 2.4 + 0.5) * _SCALE, 0, _SCALE).astype(np.int32)
        parts.append(pl.DataFrame({"id": ids, "x": scaled[:, 0], "y": scaled[:, 1], "cluster": clusters}))
    return pl.concat(parts)


def _vectors(snapshot: Snapshot, most: int | None) -> Iterator[tuple[pl.Series, NDArray[np.float32]]]:
    """Ids and unit vectors [n, d] of songs, a few buckets at a time; of about `most` songs where it is given."""
    frame = snapshot.home.bucketed(f"{snapshot.config.serve}/track_vectors")
    weight, buckets = snapshot.songs.own_ranking.audio_weight, snapshot.home.buckets
    each = None if most is None else -(-most // buckets.count)
    for numbers in np.array_split(np.array(list(buckets.numbers)), max(1, frame.height // 20_000)):
        rows = frame.read(["track_id", "audio", "lyrics"], [int(n) for n in numbers])
        rows = rows if each is None else rows.head(each * len(numbers))
        if rows.height:
            yield rows["track_id"], _fused(rows, weight)


def _fused(rows: pl.DataFrame, weight: float) -> NDArray[np.float32]:
    """[n, d] Vectors whose cosines are the weighted cosines of audio and lyrics; a song without lyrics has zeros."""
    audio = rows["audio"].to_numpy().astype(np.float32)
    width = rows.schema["lyrics"].shape[0]  # type: ignore[attr-defined]
    lyrics = np.zeros((rows.height, width), np.float32)
    there = rows["lyrics"].is_not_null().to_numpy()
    if there.any():
        lyrics[there] = rows.filter(pl.col("lyrics").is_not_null())["lyrics"].to_numpy()
    both = np.hstack([np.sqrt(np.float32(weight)) * audio, np.sqrt(np.float32(1 - weight)) * lyrics])
    unit: NDArray[np.float32] = both / np.maximum(np.linalg.norm(both, axis=1, keepdims=True), 1e-12)
    return unit
