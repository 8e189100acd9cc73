"""One frozen configuration for each stage. Defaults run the sample catalogue on two CPU cores.

Secrets do not belong here: they come from the environment (see `stores.qdrant_connection`).
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from simsong_pipeline.buckets import Buckets

Variant = Literal["ns", "wns"]
VARIANTS: tuple[Variant, ...] = ("ns", "wns")
Relevance = Literal["lastfm", "artist", "genre"]
EncoderKind = Literal["musicnn", "clap", "convolution", "patches", "pretrained", "events"]
BodyName = Literal["musicnn-msd", "musicnn-mtt"]


class StageConfig(BaseModel):
    """Base of the stage configurations: immutable, and a misspelt field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class SampleConfig(StageConfig):
    """The procedural sample catalogue."""

    songs: int = Field(320, ge=8, description="songs to write, planted faults included")
    artists: int = Field(64, ge=4)
    styles: int = Field(8, ge=2)
    neighbours: int = Field(40, ge=3, description="length of each similarity list")
    min_seconds: float = Field(20.0, ge=5)
    max_seconds: float = Field(28.0, ge=5)
    instrumental_share: float = Field(0.1, ge=0, le=1)
    similarity_noise: float = Field(0.25, ge=0, description="standard deviation, in units of the signal's")
    lyric_share: float = Field(0.45, ge=0, le=1, description="share of the themes in the similarity")
    faults: bool = True
    recordings: bool = Field(True, description="without, songs are known by the features of their HDF5 files alone")
    seed: int = 0


class CatalogueConfig(StageConfig):
    """Joining the raw tracks."""

    max_tracks: int | None = Field(None, ge=1, description="keep only the first n track ids, for a trial")
    share: float = Field(1.0, gt=0, le=1, description="of the artists, drawn by their ids; all songs of each stay")


class HomeConfig(StageConfig):
    """How a home is kept, which changes nothing of what is computed."""

    buckets: int | None = Field(
        None, description="a new home's: a power of two up to 4,096; 64 when null, and a home's own where there is one"
    )

    @field_validator("buckets")
    @classmethod
    def _can_be_split(cls, count: int | None) -> int | None:
        return None if count is None else Buckets(count).count


class LogMelConfig(StageConfig):
    """The one front end. Every field is part of the model version."""

    sample_rate: int = 16_000
    n_fft: int = Field(1024, gt=0, multiple_of=2)
    hop_length: int = 320
    n_mels: int = 64
    f_min: float = 30.0
    f_max: float = 8_000.0
    floor_db: float = Field(-80.0, description="values are clipped this far below full scale")


class AudioConfig(StageConfig):
    """Decoding and checking."""

    max_seconds: float = Field(180.0, gt=0, description="decode at most this much of a track, from its start")
    min_seconds: float = Field(3.0, gt=0)
    silence_dbfs: float = Field(-60.0, description="a track whose RMS stays below is silent")
    duration_tolerance: float = Field(
        0.1, gt=0, description="share by which the decoded duration may fall short of the container's"
    )
    workers: int | None = Field(None, ge=1, description="threads; all cores when null")


class SegmentConfig(StageConfig):
    """How a song is cut for the encoder."""

    seconds: float = Field(5.0, gt=0)
    inference_segments: int = Field(8, ge=1, description="evenly spaced segments averaged into a song's vector")


class EventAugmentConfig(StageConfig):
    """Changes to a span of events that leave its music alone."""

    transpose: bool = Field(True, description="rotate the twelve pitch classes by any number of semitones")
    tempo: float = Field(0.15, ge=0, lt=1, description="play faster or slower by up to this share")
    gain_db: float = Field(6.0, ge=0, description="play louder or softer by up to this much")
    dropped: float = Field(0.15, ge=0, lt=1, description="largest share of events that are left out")
    shortest: float = Field(0.5, gt=0, le=1, description="smallest share of a span that is kept, in one run")
    noise: float = Field(0.1, ge=0, description="noise of each timbre coefficient, in deviations of its own")


class EventConfig(StageConfig):
    """How events of the Million Song Dataset's features are heard (`encoder.kind` "events")."""

    body: Literal["convolution", "transformer"] = Field("convolution", description="what training puts upon the start")
    span: int = Field(192, ge=8, description="events that the encoder takes at once, about 50 seconds")
    spans: int = Field(4, ge=1, description="evenly spaced spans averaged into a song's vector")
    width: int = Field(96, ge=8, multiple_of=8, description="channels of the body")
    layers: int = Field(3, ge=1, description="residual blocks (convolution) or layers (transformer)")
    steps: int = Field(200, ge=1, description="of training")
    augment: EventAugmentConfig = EventAugmentConfig()


class BodyConfig(StageConfig):
    """The pretrained networks that hear each recording once; what they give is kept, so nothing is decoded again."""

    models: tuple[BodyName, ...] = Field(("musicnn-msd", "musicnn-mtt"), min_length=1)
    patches: int = Field(6, ge=1, description="patches, evenly spaced, of three seconds (clap: ten)")


class LyricsConfig(StageConfig):
    """Cleaning and embedding lyrics."""

    model: str | None = Field(None, description="folder or hub name; the packaged MiniLM when null")
    window_tokens: int = Field(192, ge=16)
    stride_tokens: int = Field(128, ge=8)
    max_windows: int = Field(8, ge=1)
    batch_size: int = Field(32, ge=1)
    whitened_dim: int = Field(64, ge=2, description="dimension of the lyric vectors after whitening")

    @model_validator(mode="after")
    def _windows_overlap(self) -> "LyricsConfig":
        if self.stride_tokens > self.window_tokens - 2:
            raise ValueError("stride_tokens must be at most window_tokens - 2, or words between windows are lost")
        return self


class BagsConfig(StageConfig):
    """Lyrics as bags of words in place of texts: musiXmatch's counts of stems, or the words of a page."""

    embed: bool = Field(False, description="lyric vectors by words' counts, without a language model")
    words: int = Field(5_000, ge=10, description="words that count: those that most songs have")
    dim: int = Field(256, ge=2, description="what the counts are reduced to, before the whitening")


class SplitConfig(StageConfig):
    """Artist-disjoint parts."""

    validation: float = Field(0.15, gt=0, lt=1)
    test: float = Field(0.35, gt=0, lt=1)
    seed: int = 0


class EncoderConfig(StageConfig):
    """The audio encoder; widen and deepen it for a GPU."""

    kind: EncoderKind = Field(
        "musicnn",
        description="a head on frozen networks (musicnn, clap), an encoder of log-mels, or one of the Million Song "
        "Dataset's features (events)",
    )
    pretrained: str | None = Field(None, description="folder or hub name: AST or Whisper (pretrained), CLAP (clap)")
    freeze: bool = Field(True, description="train what is upon the pretrained network alone (musicnn, pretrained)")
    pooling: Literal["statistics", "mean", "attention"] = "statistics"
    stem_channels: int = Field(8, ge=1)
    widths: tuple[int, ...] = (96, 128)
    depths: tuple[int, ...] = (2, 2)
    kernel_size: int = 5
    embedding_dim: int = Field(128, ge=2)
    dropout: float = Field(0.1, ge=0, lt=1)
    patch_frames: int = Field(10, ge=1, description="frames of a patch (patches)")
    patch_mels: int = Field(16, ge=1, description="mel bands of a patch (patches)")
    layers: int = Field(4, ge=1, description="transformer layers (patches)")
    heads: int = Field(4, ge=1, description="attention heads (patches)")
    masked_share: float = Field(0.75, ge=0, lt=1, description="share of patches left out in training (patches)")

    @model_validator(mode="after")
    def _can_be_unfrozen(self) -> "EncoderConfig":
        if self.kind == "clap" and not self.freeze:
            raise ValueError("a CLAP model stays frozen: set freeze to true, or kind to musicnn or pretrained")
        return self


class LossConfig(StageConfig):
    """InfoNCE and its lyric-weighted form."""

    temperature: float = Field(0.1, gt=0)
    learn_temperature: bool = False
    graph_share: float = Field(0.0, ge=0, description="weight of a training neighbour of score 1 as a further positive")
    fused_share: float = Field(0.0, ge=0, le=1, description="share of the loss of audio and lyrics together")
    alignment: float = Field(0.0, ge=0, description="weight of telling a song's lyrics from others' by its audio")
    alpha_share: float = Field(0.5, ge=0, lt=1, description="alpha as a share of beta times the number of negatives")
    beta: float = Field(1.0, gt=0)
    weight_spread: float = Field(
        0.3, gt=0, description="standard deviation of the weights that the lyric temperature is solved for"
    )


class AugmentConfig(StageConfig):
    """Changes to a log-mel segment that leave its music alone."""

    equaliser_db: float = Field(6.0, ge=0)
    noise_db: float = Field(1.0, ge=0, description="standard deviation of noise added to the log-mel")
    time_mask: float = Field(0.15, ge=0, lt=1, description="longest masked share of the time axis")
    mel_mask: float = Field(0.15, ge=0, lt=1, description="longest masked share of the mel axis")
    background_db: float | None = Field(None, description="mix another segment this far below, or up to 10 dB more")
    pitch_bins: int = Field(0, ge=0, description="shift by up to this many mel bands")


class TrainConfig(StageConfig):
    """The training loop."""

    steps: int = Field(400, ge=1, description="of an encoder of log-mels")
    head_steps: int = Field(200, ge=1, description="of a head on a body, which more steps only fit to its songs")
    batch_size: int = Field(32, ge=2, description="songs in a batch and process; each gives two views")
    accumulate: int = Field(1, ge=1, description="batches whose gradients are summed before a step")
    learning_rate: float = Field(2e-3, gt=0)
    body_rate: float = Field(0.01, gt=0, le=1, description="rate of an unfrozen MusiCNN, as a share of its head's")
    weight_decay: float = Field(1e-2, ge=0)
    warmup_steps: int = Field(40, ge=0)
    neighbour_share: float = Field(
        0.8, ge=0, le=1, description="share of pairs whose second view is a training neighbour's"
    )
    queue: int = Field(0, ge=0, description="earlier views kept as further negatives")
    modality_dropout: float = Field(0.2, ge=0, lt=1, description="share of songs trained without their lyrics")
    mask_known: bool = Field(True, description="no known neighbour and no song of the same artist as a negative")
    validate_every: int = Field(40, ge=1)
    precision: Literal["auto", "fp32", "bf16"] = Field("auto", description="bf16 where the processor multiplies it")
    device: Literal["auto", "cpu", "cuda"] = "auto"
    compile: bool | None = Field(None, description="torch.compile; on a GPU only when null")
    seed: int = 0
    loss: LossConfig = LossConfig()
    augment: AugmentConfig = AugmentConfig()


class InferenceConfig(StageConfig):
    """ONNX Runtime."""

    provider: Literal["auto", "cpu", "cuda"] = "auto"
    batch_size: int = Field(64, ge=1, description="segments in a call; on a CPU a song is a call of its own")
    threads: int | None = Field(None, ge=1, description="songs embedded at once on a CPU; as many as cores where null")


class QuantizationConfig(StageConfig):
    """Vectors once more in a quarter of their room, which a search looks at first; the true ones decide at its end."""

    kind: Literal["none", "int8"] = "none"
    quantile: float = Field(0.99, ge=0.5, le=1, description="share of the numbers that the 256 steps span")
    always_ram: bool = Field(True, description="the small vectors stay in memory, wherever the true ones lie")
    rescore: bool = Field(True, description="the best by the small vectors are ordered by the true ones")
    oversampling: float = Field(2.0, ge=1, le=100, description="so many times as many are looked at by the true ones")


class HnswConfig(StageConfig):
    """The graph that a search goes along; null is what the engine does by itself."""

    m: int | None = Field(None, ge=4, le=256, description="edges of a song; 16")
    ef_construct: int | None = Field(None, ge=4, le=10_000, description="candidates looked at for them; 100, edge 128")
    on_disk: bool = False


class StoreConfig(StageConfig):
    """Qdrant: the embedded folder under the home unless a URL is given."""

    url: str | None = None
    grpc: bool = False
    collection: str = "simsong"
    lyrics_text: bool = Field(True, description="keep the whole lyrics in the payload, not only an excerpt")
    engine: Literal["local", "edge"] = Field(
        "local", description="embedded: qdrant-client's own mode, or Qdrant's engine for more than 20,000 songs"
    )
    search_ef: int = Field(
        192, ge=16, description="candidates that a search looks at; more of more than 200,000 songs, by their root"
    )
    batch_bytes: int = Field(4_000_000, ge=10_000)
    timeout_s: int = Field(30, ge=1)
    retry_s: float = Field(60.0, ge=0, description="how long a server is asked again: 429, 503, time-outs, resets")
    wait_s: float = Field(
        600.0, ge=0, description="how long an embedded index is waited for that another process holds"
    )
    shard_number: int | None = Field(None, ge=1, le=10_000, description="of a server's collections; its own when null")
    replication_factor: int | None = Field(None, ge=1, le=100, description="copies of a shard, on as many nodes")
    write_consistency_factor: int | None = Field(None, ge=1, le=100, description="copies that confirm a write")
    vectors_on_disk: bool = Field(False, description="vectors are read from disk, by way of its cache")
    payload_on_disk: bool | None = Field(None, description="names, lyrics, tags; the server's own when null")
    quantization: QuantizationConfig = QuantizationConfig()
    hnsw: HnswConfig = HnswConfig()
    ready_s: float = Field(
        3_600.0, gt=0, description="how long a server may take to build an index, or to write or read a snapshot"
    )
    keep_snapshots: int = Field(
        1, ge=0, description="snapshots of a server's dropped collections that are kept below the home"
    )

    @model_validator(mode="after")
    def _copies_can_confirm(self) -> "StoreConfig":
        copies = self.replication_factor or 1
        if (self.write_consistency_factor or 1) > copies:
            raise ValueError(
                f"write_consistency_factor is {self.write_consistency_factor} and there are {copies} copies of a shard "
                "(replication_factor): so many can never confirm a write"
            )
        return self


class EngineConfig(StageConfig):
    """What carries the work of buckets: decoding, hearing, embedding. It decides nothing of what is computed."""

    kind: Literal["local", "ray"] = "local"
    address: str | None = Field(None, description="of a Ray cluster, host:port or auto; one of this machine where null")
    tries: int = Field(3, ge=1, description="how often a bucket is begun whose worker is lost")
    object_store_bytes: int = Field(
        500_000_000, ge=100_000_000, description="memory of a cluster of this machine for songs in flight"
    )


class GeniusConfig(StageConfig):
    """Fetching lyrics. The token comes from GENIUS_ACCESS_TOKEN."""

    api: str = "https://api.genius.com"
    site: str = "https://genius.com"
    interval_s: float = Field(1.0, ge=0, description="least time between two requests")
    retries: int = Field(3, ge=0)
    stop_after: int = Field(3, ge=1, description="refusals in a row after which the provider is left alone")
    longest_wait_s: float = Field(120.0, ge=0, description="a Retry-After beyond this stops the command")
    timeout_s: float = Field(15.0, gt=0)
    deadline_s: float = Field(60.0, gt=0, description="for one answer as a whole")
    max_bytes: int = Field(4_000_000, ge=1_000)


class YoutubeConfig(StageConfig):
    """Fetching recordings, for whoever has accepted the terms."""

    site: str = "https://www.youtube.com"
    results: int = Field(10, ge=1, le=50, description="of a search, looked at")
    candidates: int = Field(3, ge=1, description="sure ones tried where a video cannot be had")
    interval_s: float = Field(2.0, ge=0, description="least time between two requests")
    retries: int = Field(3, ge=0)
    stop_after: int = Field(3, ge=1, description="bot checks, 429s or refusals in a row that stop the command")
    longest_wait_s: float = Field(120.0, ge=0, description="a Retry-After beyond this stops the command")
    rest_s: float = Field(6 * 3_600.0, ge=0, description="how long a provider that said stop is left alone")
    timeout_s: float = Field(20.0, gt=0)
    deadline_s: float = Field(300.0, gt=0, description="for one answer as a whole")
    max_bytes: int = Field(60_000_000, ge=1_000)


class EvaluationConfig(StageConfig):
    """Retrieval metrics."""

    k: int = Field(10, ge=1)
    bootstrap: int = Field(2_000, ge=100)
    seed: int = 0
    relevance: Relevance = "lastfm"
    max_songs: int = Field(1_000_000, ge=10, description="largest gallery; a larger test part is sampled")
    max_queries: int = Field(20_000, ge=10, description="of more songs so many that have a related one are asked")


class PipelineConfig(StageConfig):
    """Everything that decides what a run computes, and `NOT_REMEMBERED`."""

    home: HomeConfig = HomeConfig()
    catalogue: CatalogueConfig = CatalogueConfig()
    log_mel: LogMelConfig = LogMelConfig()
    audio: AudioConfig = AudioConfig()
    body: BodyConfig = BodyConfig()
    segments: SegmentConfig = SegmentConfig()
    events: EventConfig = EventConfig()
    lyrics: LyricsConfig = LyricsConfig()
    bags: BagsConfig = BagsConfig()
    splits: SplitConfig = SplitConfig()
    encoder: EncoderConfig = EncoderConfig()
    train: TrainConfig = TrainConfig()
    inference: InferenceConfig = InferenceConfig()
    engine: EngineConfig = EngineConfig()
    store: StoreConfig = StoreConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    genius: GeniusConfig = GeniusConfig()
    youtube: YoutubeConfig = YoutubeConfig()
    serve: Variant = Field("wns", description="the variant behind the default alias")


# A server's address may hold a password, and a home says itself how many buckets it has.
NOT_REMEMBERED: dict[str, Any] = {"store": {"url"}, "home": True}
