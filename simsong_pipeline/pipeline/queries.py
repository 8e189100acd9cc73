"""Every kind of question to the index, asked by words. No torch, but for a text's vector and for `why`."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import polars as pl

from simsong_pipeline.config import PipelineConfig
from simsong_pipeline.errors import ModelError, RawDataError, UnknownSongError
from simsong_pipeline.pipeline.index_names import collection_name
from simsong_pipeline.pipeline.library_stage import COPY
from simsong_pipeline.pipeline.model_files import ModelFiles, TrainingRecord
from simsong_pipeline.pipeline.never_list import never_suggested
from simsong_pipeline.pipeline.workspace import Workspace
from simsong_pipeline.recommend import (
    Choice,
    Neighbour,
    Ranking,
    find_song,
    similar_songs,
    song_path,
    songs_about,
)
from simsong_pipeline.stores.opening import Store
from simsong_pipeline.stores.payloads import point_id

if TYPE_CHECKING:
    from simsong_pipeline.pipeline.reasons import Reasons


@dataclass(frozen=True)
class Named:
    """A song that was meant."""

    track_id: str
    name: str


@dataclass(frozen=True)
class Answer:
    """The songs that were meant, and what was found for them."""

    meant: list[Named]
    neighbours: list[Neighbour]


class Songs:
    """Questions to one home's index.

    Args:
        audio_weight: share of the audio in a score, from 0 to 1; null takes the model's own, which was chosen on
            validation songs.
        hubness: how much of the candidates' hubness to take off; null takes the model's own as well.

    Raises:
        RawDataError: there is no model or no index yet.
    """

    def __init__(
        self,
        workspace: Workspace,
        store: Store,
        config: PipelineConfig,
        audio_weight: float | None = None,
        hubness: float | None = None,
    ) -> None:
        self._workspace, self._store, self._config = workspace, store, config
        self._collection = config.store.collection
        copies = workspace.read("audio").filter(pl.col("reason").str.starts_with(COPY))
        self._tracks = workspace.read("tracks").join(copies, on="track_id", how="anti")
        if self._collection not in store.aliases():
            raise RawDataError(f"nothing is indexed yet in Qdrant {store.address}: run `simsong run` first")
        record = _record(workspace, config)
        self._ranking = Ranking(
            record.audio_weight if audio_weight is None else audio_weight,
            record.hubness if hubness is None else hubness,
        )

    def find(self, words: str) -> Named:
        """The song that words name.

        Raises:
            UnknownSongError, AmbiguousSongError: with candidates in the message.
        """
        track_id = find_song(self._tracks, words)
        artist, title = self._tracks.filter(track_id=track_id).select("artist_name", "title").row(0)
        left_out = self._workspace.read("exclusions").filter(track_id=track_id, stage="audio")
        if left_out.height:
            raise UnknownSongError(f"{artist} - {title} ({track_id}) is not in the index: {left_out['reason'][0]}")
        return Named(track_id, f"{artist} - {title}")

    def similar(
        self, liked: Sequence[str], choice: Choice, disliked: Sequence[str] = (), exclude_artist: bool = False
    ) -> Answer:
        """The songs most like those that `liked` name and unlike `disliked`.

        Args:
            exclude_artist: no song by an artist of the liked ones.
        """
        meant, other = [self.find(w) for w in liked], [self.find(w) for w in disliked]
        choice = self._lawful(choice)
        if exclude_artist:
            by = self._tracks.filter(pl.col("track_id").is_in([n.track_id for n in meant]))["artist_id"].to_list()
            choice = replace(choice, restriction=choice.restriction.without("artist_id", by))
        ids, others = ([point_id(n.track_id) for n in part] for part in (meant, other))
        return Answer(meant, similar_songs(self._store, self._collection, ids, self._ranking, choice, others))

    def path(self, start: str, end: str, choice: Choice) -> Answer:
        """Songs that lead from one to the other; both ends are part of the answer's `meant` alone."""
        ends = (self.find(start), self.find(end))
        ids = (point_id(ends[0].track_id), point_id(ends[1].track_id))
        steps = song_path(self._store, self._collection, ids, self._ranking, self._lawful(choice))
        return Answer(list(ends), steps)

    def about(self, text: str, choice: Choice) -> Answer:
        """Songs whose lyrics are nearest to what a text says."""
        # Imported here because they need torch.
        from simsong_pipeline.lyrics.embedding import LyricEncoder

        if not text.strip():
            raise UnknownSongError("a text without words is about nothing")
        self._of_the_present_model()
        encoded = LyricEncoder(self._config.lyrics).encode([text], lambda *_: None)
        words = ModelFiles(self._workspace.model(self._config.serve)).whitening().apply(encoded)[0]
        return Answer([], songs_about(self._store, self._collection, words, self._lawful(choice)))

    def _of_the_present_model(self) -> None:
        """The index of another model has other directions: asking it with this one's means nothing."""
        version = ModelFiles(self._workspace.model(self._config.serve)).export().model_version
        served = self._store.aliases()[self._collection]
        if served != collection_name(self._config.serve, version, self._config):
            raise ModelError(
                f"the index ({served}) is of another model than the present {self._config.serve.upper()}: run "
                "`simsong run` to index with it, or `simsong rollback`"
            )

    def why(self, first: str, second: str, best: int = 5) -> tuple[Named, Named, "Reasons"]:
        """What makes two songs alike to the model."""
        # Imported here because it needs torch.
        from simsong_pipeline.pipeline.reasons import reasons

        self._of_the_present_model()
        named = self.find(first), self.find(second)
        if named[0] == named[1]:
            raise UnknownSongError(f"both are {named[0].name}: name two songs")
        points = self._store.fetch(self._collection, [point_id(n.track_id) for n in named], with_vectors=True)
        if len(points) < 2:
            raise UnknownSongError("the index does not hold both songs: run `simsong run` to index them")
        found = reasons(self._workspace, self._config, (points[0], points[1]), self._ranking, best)
        return named[0], named[1], found

    def artist_of(self, track_id: str) -> tuple[str, str]:
        """Id and name."""
        row: tuple[str, str] = self._tracks.filter(track_id=track_id).select("artist_id", "artist_name").row(0)
        return row

    def ends(self, named: Sequence[Named]) -> list[Neighbour]:
        """The named songs as the index holds them, with a score of 1, for a playlist that contains them."""
        points = self._store.fetch(self._collection, [point_id(n.track_id) for n in named], with_vectors=False)
        return [Neighbour(str(p.payload["track_id"]), 1.0, p.payload) for p in points]

    def _lawful(self, choice: Choice) -> Choice:
        """Without what is never to be suggested."""
        never = never_suggested(self._workspace)
        restriction = choice.restriction.without("track_id", never.tracks).without("artist_id", never.artists)
        return replace(choice, restriction=restriction)


def _record(workspace: Workspace, config: PipelineConfig) -> TrainingRecord:
    record = ModelFiles(workspace.model(config.serve)).training()
    if record is None:
        raise RawDataError(f"no model in {workspace.home} yet: run `simsong run` first")
    return record


def paths_of(workspace: Workspace, track_ids: Sequence[str]) -> list[str | None]:
    """Where each song's recording lies; null where it has none."""
    known = dict(workspace.read("youtube_audio").select("track_id", "path").iter_rows())
    return [known.get(t) for t in track_ids]


def example_songs(workspace: Workspace, count: int) -> list[str]:
    """Track ids of test songs by different artists, for a demonstration; the first by id."""
    tracks, splits = workspace.read("tracks"), workspace.read("splits")
    test = splits.filter(split="test").join(tracks, on="track_id").sort("track_id")
    return test.unique("artist_id", keep="first", maintain_order=True).head(count)["track_id"].to_list()
