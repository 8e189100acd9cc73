"""The data contracts: the only place that says which columns a frame has.

IO, checks and tests read them. Vector columns have a width that the model decides, so a contract names
`VECTOR` and any fixed width fits.
"""

from dataclasses import dataclass, field, replace

import polars as pl

from simsong_pipeline.errors import SchemaError


class VectorColumn:
    """Marks a column of f32 vectors, all of one width."""


VECTOR = VectorColumn()
ColumnType = pl.DataType | type[pl.DataType] | VectorColumn


@dataclass(frozen=True)
class Contract:
    """Columns in order, the key whose values are unique, and the columns that may be null."""

    name: str
    columns: dict[str, ColumnType]
    key: tuple[str, ...]
    nullable: frozenset[str] = field(default_factory=frozenset)


STATUS = pl.Enum(["ok", "missing", "invalid", "instrumental"])
SPLIT = pl.Enum(["train", "validation", "test"])

TRACKS = Contract(
    "tracks",
    {
        "track_id": pl.String,
        "song_id": pl.String,
        "artist_id": pl.String,
        # All whom the song names, artist_id first, guests among them: `credits.all_artist_ids`.
        "artist_ids": pl.List(pl.String),
        "artist_name": pl.String,
        "title": pl.String,
        "release": pl.String,
        "year": pl.Int32,
        "duration_s": pl.Float64,
        "genre": pl.String,
        "source": pl.String,
    },
    key=("track_id",),
    nullable=frozenset({"song_id", "artist_ids", "release", "year", "duration_s", "genre"}),
)
SIMILARITY = Contract(
    "lastfm_similarity",
    {"track_id": pl.String, "neighbour_id": pl.String, "score": pl.Float64, "rank": pl.UInt32},
    key=("track_id", "neighbour_id"),
)
TAGS = Contract("lastfm_tags", {"track_id": pl.String, "tag": pl.String, "weight": pl.Float64}, key=("track_id", "tag"))
AUDIO_FILES = Contract(
    "youtube_audio",
    {"track_id": pl.String, "path": pl.String, "size_bytes": pl.Int64, "modified_ns": pl.Int64},
    key=("track_id",),
)
LIBRARY_FILES = Contract(
    "library_files",
    {
        "path": pl.String,
        "size_bytes": pl.Int64,
        "modified_ns": pl.Int64,
        "lyrics_ns": pl.Int64,
        "track_id": pl.String,
        "artist": pl.String,
        "title": pl.String,
        "release": pl.String,
        "genre": pl.String,
        "year": pl.Int32,
        "duration_s": pl.Float64,
        "lyrics": pl.String,
        "lyrics_provider": pl.String,
        "cover": pl.Boolean,
        "status": STATUS,
        "reason": pl.String,
        # By which way of reading files: `scan.READING`.
        "reading": pl.Int32,
    },
    key=("path",),
    nullable=frozenset(
        {
            "track_id",
            "artist",
            "title",
            "release",
            "genre",
            "year",
            "duration_s",
            "lyrics",
            "lyrics_provider",
            "cover",
            "reason",
            "reading",
        }
    ),
)
LYRIC_PAGES = Contract(
    "genius_lyrics",
    {"track_id": pl.String, "text": pl.String, "provider": pl.String, "status": pl.String},
    key=("track_id", "provider"),
    nullable=frozenset({"text"}),
)
EXCLUSIONS = Contract(
    "exclusions",
    {"track_id": pl.String, "stage": pl.String, "file": pl.String, "reason": pl.String},
    key=("track_id", "stage"),
    nullable=frozenset({"file"}),
)
TRACK_EXCLUSIONS = replace(EXCLUSIONS, name="track_exclusions")
LASTFM_EXCLUSIONS = replace(EXCLUSIONS, name="lastfm_exclusions")
LYRICS = Contract(
    "lyrics",
    {
        "track_id": pl.String,
        "language": pl.String,
        "text": pl.String,
        "text_sha256": pl.String,
        "provider": pl.String,
        "status": STATUS,
        "reason": pl.String,
    },
    key=("track_id",),
    nullable=frozenset({"language", "text", "text_sha256", "provider", "reason"}),
)
AUDIO = Contract(
    "audio",
    {
        "track_id": pl.String,
        "path": pl.String,
        "size_bytes": pl.Int64,
        "modified_ns": pl.Int64,
        "sample_rate": pl.Int32,
        "duration_s": pl.Float64,
        "audio_sha256": pl.String,
        "status": STATUS,
        "reason": pl.String,
    },
    key=("track_id",),
    nullable=frozenset({"path", "size_bytes", "modified_ns", "sample_rate", "duration_s", "audio_sha256", "reason"}),
)
SEGMENT_FEATURES = Contract(
    "segment_features",
    {
        "track_id": pl.String,
        "audio_sha256": pl.String,
        "front_end": pl.String,
        # Null where the song's rows were let go of: whoever needs them hears the song again.
        "file": pl.String,
        "offset": pl.Int64,
        "frames": pl.Int64,
        # CRC-32 of the song's rows; null where they were written before there was one.
        "checksum": pl.UInt32,
    },
    key=("track_id",),
    nullable=frozenset({"file", "checksum"}),
)
DESCRIPTIONS = Contract(
    "descriptions",
    {
        "track_id": pl.String,
        "audio_sha256": pl.String,
        "loudness_db": pl.Float64,
        "tempo_bpm": pl.Float64,
        "tags": pl.List(pl.Float32),
        # How far a body's features lie from the music that it was trained on: `listening.BodyListener.strangeness`.
        "strangeness": pl.Float64,
    },
    key=("track_id",),
    nullable=frozenset({"tempo_bpm", "strangeness"}),
)
SPLITS = Contract("splits", {"track_id": pl.String, "split": SPLIT}, key=("track_id",))
LYRIC_EMBEDDINGS = Contract(
    "lyric_embeddings",
    {"track_id": pl.String, "text_sha256": pl.String, "vector": VECTOR, "model": pl.String},
    key=("track_id",),
)
TRACK_VECTORS = Contract(
    "track_vectors",
    {
        "track_id": pl.String,
        "audio": VECTOR,
        "lyrics": VECTOR,
        "content_hash": pl.String,
        "model_version": pl.String,
    },
    key=("track_id",),
    nullable=frozenset({"lyrics"}),
)
METRICS = Contract(
    "metrics",
    {
        "variant": pl.String,
        "protocol": pl.String,
        "metric": pl.String,
        "value": pl.Float64,
        "ci_low": pl.Float64,
        "ci_high": pl.Float64,
        "chance": pl.Float64,
        "oracle": pl.Float64,
        "queries": pl.Int64,
        "over_timbre": pl.Float64,
        "over_timbre_low": pl.Float64,
        "over_timbre_high": pl.Float64,
        "over_start": pl.Float64,
        "over_start_low": pl.Float64,
        "over_start_high": pl.Float64,
    },
    key=("variant", "protocol", "metric"),
    nullable=frozenset(
        {
            "ci_low",
            "ci_high",
            "chance",
            "oracle",
            "over_timbre",
            "over_timbre_low",
            "over_timbre_high",
            "over_start",
            "over_start_low",
            "over_start_high",
        }
    ),
)
# Of a music server, below `linked/<its name>/`: which of its songs are which, which are none, and its lists.
EXTERNAL_IDS = Contract(
    "external_ids",
    {
        "external_id": pl.String,
        "track_id": pl.String,
        "how": pl.String,
        # One of each track is: the id that answers carry.
        "is_main": pl.Boolean,
        "artist_id": pl.String,
    },
    key=("external_id",),
    nullable=frozenset({"artist_id"}),
)
UNLINKED = Contract(
    "unlinked",
    {
        "side": pl.String,
        "id": pl.String,
        "artist": pl.String,
        "title": pl.String,
        "album": pl.String,
        "path": pl.String,
        "reason": pl.String,
    },
    key=("side", "id"),
    nullable=frozenset({"artist", "title", "album", "path"}),
)
SERVER_LISTS = Contract(
    "server_lists",
    {"list_id": pl.String, "name": pl.String, "kind": pl.String, "position": pl.UInt32, "external_id": pl.String},
    key=("list_id", "position"),
)
CONTRACTS: dict[str, Contract] = {
    c.name: c
    for c in (
        TRACKS,
        SIMILARITY,
        TAGS,
        AUDIO_FILES,
        LIBRARY_FILES,
        LYRIC_PAGES,
        EXCLUSIONS,
        TRACK_EXCLUSIONS,
        LASTFM_EXCLUSIONS,
        LYRICS,
        AUDIO,
        SEGMENT_FEATURES,
        DESCRIPTIONS,
        SPLITS,
        LYRIC_EMBEDDINGS,
        TRACK_VECTORS,
        METRICS,
        EXTERNAL_IDS,
        UNLINKED,
        SERVER_LISTS,
    )
}


def empty(contract: Contract, vector_width: int = 1) -> pl.DataFrame:
    """A frame of no rows that keeps the contract."""
    return pl.DataFrame(schema=polars_schema(contract, vector_width))


def polars_schema(contract: Contract, vector_width: int) -> dict[str, pl.DataType | type[pl.DataType]]:
    """The contract's columns as Polars types, vectors being `vector_width` wide."""
    vector = pl.Array(pl.Float32, vector_width)
    return {n: vector if isinstance(t, VectorColumn) else t for n, t in contract.columns.items()}


def completed(frame: pl.DataFrame, contract: Contract) -> pl.DataFrame:
    """A frame of an earlier version with the columns that came since, null where the contract lets them be."""
    kinds = polars_schema(contract, 1)
    since = [name for name in contract.columns if name in contract.nullable and name not in frame.columns]
    return frame.with_columns(pl.lit(None, kinds[name]).alias(name) for name in since).select(
        *[name for name in contract.columns if name in frame.columns or name in since],
        *[name for name in frame.columns if name not in contract.columns],
    )


def conform(frame: pl.DataFrame, contract: Contract, vector_width: int | None = None) -> pl.DataFrame:
    """Select the contract's columns in order, cast them and check them.

    Raises:
        SchemaError: a column is missing, does not cast, holds nulls it may not, or the key repeats.
    """
    missing = [name for name in contract.columns if name not in frame.columns]
    if missing:
        raise SchemaError(f"frame {contract.name!r} lacks the columns {missing}; it has {frame.columns}")
    try:
        casts = [
            pl.col(name) if isinstance(kind, VectorColumn) and vector_width is None else pl.col(name).cast(kind_of)
            for (name, kind), kind_of in zip(
                contract.columns.items(), polars_schema(contract, vector_width or 1).values(), strict=True
            )
        ]
        result = frame.select(casts)
    except pl.exceptions.PolarsError as error:
        raise SchemaError(f"frame {contract.name!r} does not fit its contract: {error}") from error
    check(result, contract)
    return result


def check(frame: pl.DataFrame, contract: Contract) -> None:
    """Raise `SchemaError` unless `frame` keeps `contract`: types, nulls, unique key, finite vectors."""
    for name, kind in contract.columns.items():
        _check_column(frame, contract, name, kind)
    repeated = _repeated(frame.select(contract.key))
    if repeated.height:
        first = repeated.select(contract.key).sort(contract.key).row(0)
        raise SchemaError(f"frame {contract.name!r} has {repeated.height} repeated keys, the first is {first}")


def _repeated(keys: pl.DataFrame) -> pl.DataFrame:
    """The keys that are there more than once. Grouped are only those whose hashes are alike, for texts are large."""
    hashes = keys.hash_rows()
    if hashes.n_unique() == keys.height:
        return keys.clear()
    alike = keys.filter(hashes.is_duplicated())
    return alike.group_by(alike.columns).len().filter(pl.col("len") > 1)


def _check_column(frame: pl.DataFrame, contract: Contract, name: str, kind: ColumnType) -> None:
    actual = frame.schema.get(name)
    if actual is None:
        raise SchemaError(f"frame {contract.name!r} lacks the column {name!r}")
    if isinstance(kind, VectorColumn):
        if not (isinstance(actual, pl.Array) and actual.inner == pl.Float32):
            raise SchemaError(f"column {contract.name}.{name} is {actual}, not an array of f32")
        if not frame[name].explode().drop_nulls().is_finite().all():
            raise SchemaError(f"column {contract.name}.{name} holds values that are not finite")
    elif actual != kind:
        raise SchemaError(f"column {contract.name}.{name} is {actual}, not {kind}")
    if name not in contract.nullable and frame[name].null_count():
        raise SchemaError(f"column {contract.name}.{name} has {frame[name].null_count()} nulls")
