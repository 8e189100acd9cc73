"""What the operations give: the shapes of answers."""

from typing import Generic, TypeVar

from pydantic import BaseModel

T = TypeVar("T")


class SongShape(BaseModel):
    """A song; null is what is not known."""

    id: str
    title: str
    artist: str
    artist_id: str
    album: str | None
    album_id: str | None
    year: int | None
    genres: list[str]
    duration_s: float | None


class ScoredSong(SongShape):
    """A song of an answer. Scores order one answer, and are not to be compared with another's."""

    score: float
    language: str | None
    tempo_bpm: float | None
    loudness_db: float | None
    tags: list[str]


class MeantSong(BaseModel):
    """A song that the question named."""

    id: str
    name: str


class SongsAnswer(BaseModel):
    """Songs for a question.

    Attributes:
        nothing: which restrictions left no song, where none was found.
        notes: what was understood otherwise than it was asked.
        audio_weight: share of the audio that was counted; null where the question has none.
        snapshot: the state that answered.
    """

    meant: list[MeantSong]
    songs: list[ScoredSong]
    nothing: str
    notes: list[str]
    audio_weight: float | None
    snapshot: str
    model: str


class SegmentPair(BaseModel):
    """Seconds at which two segments begin and end, and the cosine of their vectors."""

    first_s: float
    second_s: float
    first_end_s: float
    second_end_s: float
    cosine: float


class WhyAnswer(BaseModel):
    """What makes two songs alike to the model: cosines, what both sound like, and the segments that match.

    Attributes:
        segment_s: how long segments usually are; each says itself where it ends.
    """

    first: MeantSong
    second: MeantSong
    score: float
    audio: float
    lyrics: float | None
    lyrics_counted: float
    audio_weight: float
    hubness_taken_off: float
    segments: list[SegmentPair]
    segment_s: float
    heard: list[tuple[str, str]]
    model: str


class Page(BaseModel, Generic[T]):
    """A part of a list; `next` is the address of the next part, null at the end."""

    items: list[T]
    total: int
    limit: int
    offset: int
    next: str | None


class ArtistShape(BaseModel):
    """An artist, and how much of it there is."""

    id: str
    name: str
    songs: int
    albums: int


class AlbumShape(BaseModel):
    """A release of one artist, or of various ones."""

    id: str
    name: str
    artist: str
    artist_id: str
    year: int | None
    genres: list[str]
    songs: int
    duration_s: float


class GenreShape(BaseModel):
    """A genre, and how much is of it."""

    name: str
    songs: int
    albums: int


class Counted(BaseModel):
    """A tag or a language, and how many songs have it."""

    name: str
    songs: int


class SearchAnswer(BaseModel):
    """What fits the words, by kind."""

    songs: Page[SongShape]
    artists: Page[ArtistShape]
    albums: Page[AlbumShape]


class FileShape(BaseModel):
    """What the recording says of itself; rates in kbit/s and Hz."""

    suffix: str
    media_type: str
    size_bytes: int
    track: int | None
    disc: int | None
    bit_rate: int | None
    sample_rate: int | None
    channels: int | None
    musicbrainz_id: str | None
    isrc: str | None


class SongDetails(SongShape):
    """Everything that is known of a song. `file` is null where it cannot be listened to, and `why_not` says why."""

    language: str | None
    lyrics_excerpt: str | None
    tags: list[str]
    heard_tags: list[str]
    tempo_bpm: float | None
    loudness_db: float | None
    outlier: str | None
    file: FileShape | None
    why_not: str | None


class ArtistDetails(ArtistShape):
    """An artist with albums and songs; songs are at most 500."""

    album_list: list[AlbumShape]
    song_list: list[SongShape]


class AlbumDetails(AlbumShape):
    """An album with its songs, by disc and number."""

    song_list: list[SongShape]


class Genres(BaseModel):
    """All genres, the commonest first."""

    items: list[GenreShape]


class Counts(BaseModel):
    """What a filter takes, the commonest first; `heard` are tags that are heard where no song is said to have them."""

    items: list[Counted]
    heard: list[str] = []


class Health(BaseModel):
    """Says nothing of what is served: anybody may ask."""

    status: str
    version: str
    needs_key: bool
    read_only: bool


class LibraryShape(BaseModel):
    """What is served, and by which model."""

    songs: int
    artists: int
    albums: int
    genres: int
    variant: str
    model: str
    audio_weight: float
    hubness: float
    knows_sounds: bool
    source: str
    snapshot: str
    trouble: str
