"""What the operations take: the fields of questions, with the bounds of a service that others may reach."""

from typing import Annotated, Self

from pydantic import BaseModel, Field, model_validator

MOST_SONGS = 500
_MOST_NAMED = 500
_Year = Annotated[int | None, Field(ge=-10_000, le=10_000)]
_Positive = Annotated[float | None, Field(ge=0, le=1e6, allow_inf_nan=False)]
_Decibels = Annotated[float | None, Field(ge=-200, le=0, allow_inf_nan=False)]
Words = Annotated[str, Field(min_length=1, max_length=1_000)]
Named = Annotated[list[Words], Field(max_length=_MOST_NAMED)]
_PAIRS = (
    ("since", "until"),
    ("min_seconds", "max_seconds"),
    ("min_tempo", "max_tempo"),
    ("min_loudness", "max_loudness"),
)


class Asked(BaseModel, extra="forbid", frozen=True):
    """Unknown fields are an error: a filter with a slip in its name would let everything through."""


class Filters(Asked):
    """Which songs may come; the same as the options of `simsong similar`."""

    since: _Year = Field(None, description="of this year or later")
    until: _Year = Field(None, description="of this year or earlier")
    language: Named = Field([], description="lyrics in one of these languages: en, de, …")
    tag: Named = Field([], description="with one of these tags, stated or else heard")
    min_seconds: _Positive = None
    max_seconds: _Positive = None
    min_tempo: _Positive = Field(None, description="beats a minute")
    max_tempo: _Positive = None
    min_loudness: _Decibels = Field(None, description="dB below full scale")
    max_loudness: _Decibels = None
    with_outliers: bool = Field(False, description="also what is no music by its sound")
    per_artist: int | None = Field(None, ge=1, le=MOST_SONGS, description="at most so many songs of one artist")
    per_album: int | None = Field(None, ge=1, le=MOST_SONGS)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        for least, most in _PAIRS:
            low, high = getattr(self, least), getattr(self, most)
            if low is not None and high is not None and low > high:
                raise ValueError(f"{least} {low:g} is beyond {most} {high:g}: no song is both")
        return self


class Weights(Asked):
    """What counts in a score; null takes the model's own."""

    audio_weight: float | None = Field(None, ge=0, le=1, description="share of the audio, the rest is the lyrics'")
    hubness: float | None = Field(None, ge=0, le=2, description="taken off for songs that are near to everything")


class SimilarAsked(Filters, Weights):
    """Songs like some songs, artists and albums, and unlike others."""

    like: Named = Field([], description="ids of songs, or their names")
    dislike: Named = []
    artist: Named = Field([], description="ids of artists: like all of their songs")
    album: Named = Field([], description="ids of albums")
    k: int = Field(10, ge=1, le=MOST_SONGS)
    exclude_artist: bool = Field(False, description="no song that names an artist of the liked ones")
    diversity: float = Field(0.0, ge=0, le=0.95, description="0: the nearest; towards 1: the less alike")

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        if not (self.like or self.artist or self.album):
            raise ValueError("name a song (like), an artist or an album")
        return self


class PathAsked(Filters, Weights):
    """Songs that lead from one to another."""

    start: Words
    end: Words
    k: int = Field(8, ge=1, le=100, description="songs between both")


class AboutAsked(Filters):
    """Songs by what the lyrics say, what the music sounds like, or both."""

    text: str | None = Field(None, max_length=2_000, description="what the lyrics say")
    sound: str | None = Field(None, max_length=500, description="what the music sounds like; needs a CLAP encoder")
    sound_weight: float = Field(0.5, ge=0, le=1)
    k: int = Field(10, ge=1, le=MOST_SONGS)
    diversity: float = Field(0.0, ge=0, le=0.95)

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not ((self.text or "").strip() or (self.sound or "").strip()):
            raise ValueError("say what the lyrics are about (text), what the music sounds like (sound), or both")
        return self


class WhyAsked(Weights):
    """Two songs."""

    first: Words
    second: Words
    best: int = Field(5, ge=1, le=50, description="pairs of segments")


class Paged(Asked):
    """A part of a list."""

    limit: int = Field(50, ge=1, le=MOST_SONGS)
    offset: int = Field(0, ge=0, le=100_000_000)


class SearchAsked(Paged):
    """Words, each of which may be only begun; none gives everything."""

    q: str = Field("", max_length=500)
    limit: int = Field(10, ge=1, le=MOST_SONGS, description="of each kind")


class SongsAsked(Paged):
    """Songs by words, or of a genre."""

    q: str = Field("", max_length=500)
    genre: str | None = Field(None, max_length=200)


class ListAsked(Paged):
    """A list by words."""

    q: str = Field("", max_length=500)


class OneAsked(Asked):
    """One song, artist or album."""

    id: Words
