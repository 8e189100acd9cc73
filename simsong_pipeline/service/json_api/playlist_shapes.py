"""What operations on playlists, likes and the never list take and give."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, model_validator

from simsong_pipeline.service.json_api.asked import Asked, Words
from simsong_pipeline.service.json_api.shapes import SongShape
from simsong_pipeline.service.playlists import MOST_SONGS, Recipe

_Name = Annotated[str, Field(min_length=1, max_length=500)]
_Ids = Annotated[list[Words], Field(max_length=MOST_SONGS)]


class PlaylistShape(BaseModel):
    """A playlist without its songs.

    Attributes:
        is_current: whether its songs answer its recipe in the present state; true where it has no recipe.
        missing: ids of songs that are no more.
    """

    id: str
    name: str
    created: str
    changed: str
    recipe: Recipe | None
    is_current: bool
    count: int
    duration_s: float
    missing: list[str]


class PlaylistDetails(PlaylistShape):
    """A playlist with its songs."""

    songs: list[SongShape]
    nothing: str = ""
    notes: list[str] = []


class PlaylistsShape(BaseModel):
    """All playlists, by name."""

    items: list[PlaylistShape]


class NewPlaylist(Asked):
    """A name with a recipe, which is asked at once, or with songs."""

    name: _Name
    recipe: Recipe | None = None
    songs: _Ids | None = None

    @model_validator(mode="after")
    def _either(self) -> Self:
        if self.recipe is not None and self.songs is not None:
            raise ValueError("give a recipe or songs, not both")
        return self


class ChangedPlaylist(Asked):
    """What is to be another one; songs in another order leave the recipe as it is."""

    id: Words
    name: _Name | None = None
    songs: _Ids | None = None
    recipe: Recipe | None = None


class LikeAsked(Asked):
    """Whether a song is liked; null for neither."""

    id: Words
    likes: bool | None = None


class NeverAsked(Asked):
    """A song, or an artist by its id or as the list has it."""

    what: Literal["song", "artist"] = "song"
    id: Words


class NeverEntry(BaseModel):
    """A line of the list; `name` is its remark."""

    what: Literal["song", "artist"]
    id: str
    name: str


class NeverShape(BaseModel):
    """What is never suggested."""

    items: list[NeverEntry]
