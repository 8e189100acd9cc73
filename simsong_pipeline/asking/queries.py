"""Every kind of question to the index, asked by words. No torch, but for what a text says of sound."""

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import replace
from functools import cache, lru_cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from simsong_pipeline.asking.finding import find_artist, find_group, find_language, find_song, find_tags, is_called
from simsong_pipeline.asking.known_songs import KnownSongs
from simsong_pipeline.asking.never_list import never_suggested
from simsong_pipeline.asking.recommend import (
    Choice,
    Question,
    Ranking,
    least_similar,
    nearest,
    similar_songs,
    song_path,
    songs_about,
)
from simsong_pipeline.asking.restricted import Answer, Asked, Named, parts_of
from simsong_pipeline.asking.sound_vectors import nearest_to_both, text_side
from simsong_pipeline.audio.event_place import playable
from simsong_pipeline.audio.feature_format import hears_by_body
from simsong_pipeline.audio.heard_tags import tag_names
from simsong_pipeline.audio.outliers import REASONS
from simsong_pipeline.config import LyricsConfig, PipelineConfig
from simsong_pipeline.credits import credit_of
from simsong_pipeline.errors import ModelError, RawDataError, UnknownSongError, UnknownTagError
from simsong_pipeline.home.bag_files import BagFiles
from simsong_pipeline.home.index_names import collection_name, is_of_this_layout
from simsong_pipeline.home.model_files import ModelFiles, TrainingRecord
from simsong_pipeline.home.song_paths import songs_by_path
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.points import SOUND_VECTOR, Neighbour, Point, Restriction
from simsong_pipeline.sources.audio_tree import SUFFIXES
from simsong_pipeline.stores.opening import ReadStore
from simsong_pipeline.stores.payloads import point_id

# A tokenizer is one thread's at a time.
_encoding = Lock()
_EVERYTHING = Restriction()
_MUSIC = _EVERYTHING.without("outlier", REASONS)

if TYPE_CHECKING:
    from simsong_pipeline.asking.reasons import Reasons
    from simsong_pipeline.lyrics.embedding import LyricEncoder


# The nearest neighbours of a point by its id, with a ranking, how many, and which may come; null where it is not known.
NearestOf: TypeAlias = Callable[[str, Ranking, int, Restriction], list[Neighbour] | None]


class Songs:
    """Questions to one home's index.

    Args:
        audio_weight: share of the audio in a score, from 0 to 1; null takes the model's own, which was chosen on
            validation songs.
        hubness: how much of the candidates' hubness to take off; null takes the model's own as well.
        with_outliers: answer with what is no music as well, as far as it can be told (`audio.outliers`).
        nearest_of: has what is nearest to single songs at hand.

    Attributes:
        notes: what was understood otherwise than it was asked, a line each.
        ranking: what counts in a score.
        own_ranking: what counts by the model's own choice.

    Raises:
        RawDataError: there is no model or no index yet.
        SimSongError: a rollback was interrupted.
    """

    def __init__(
        self,
        workspace: Workspace,
        store: ReadStore,
        config: PipelineConfig,
        audio_weight: float | None = None,
        hubness: float | None = None,
        with_outliers: bool = False,
        nearest_of: NearestOf | None = None,
    ) -> None:
        self._workspace, self._store, self._config, self._nearest_of = workspace, store, config, nearest_of
        workspace.refuse_half_rolled_back()
        self._collection = config.store.collection
        self._known = KnownSongs(workspace)
        self._tracks = self._known.tracks
        _refuse_other_index(store, self._collection)
        record = _record(workspace, config)
        self.own_ranking = Ranking(record.audio_weight, record.hubness)
        self._settle(audio_weight, hubness, with_outliers)

    def _settle(self, audio_weight: float | None, hubness: float | None, with_outliers: bool) -> None:
        own = self.own_ranking
        self.notes: list[str] = []
        self._with_outliers = with_outliers
        self.ranking = Ranking(
            own.audio_weight if audio_weight is None else audio_weight, own.hubness if hubness is None else hubness
        )

    def ranking_by(
        self, audio_weight: float | None = None, hubness: float | None = None, with_outliers: bool = False
    ) -> "Songs":
        """Questions to the same index by other weights, with notes of their own; nothing is read again."""
        other = copy(self)
        other._settle(audio_weight, hubness, with_outliers)
        return other

    def find(self, words: str) -> Named:
        """The song that words name.

        Raises:
            UnknownSongError, AmbiguousSongError: with candidates in the message.
        """
        track_id = words if words in self._known.row_of else self._at_path(words) or self._called(words)
        name = self._known.name(track_id)
        if track_id in self._known.left_out:
            raise UnknownSongError(f"{name} ({track_id}) is not in the index: {self._known.left_out[track_id]}")
        return Named(track_id, name)

    def _called(self, words: str) -> str:
        try:
            return find_song(self._tracks, words)
        except UnknownSongError as error:
            if Path(words).suffix.lower() in SUFFIXES and not is_file(words):
                raise UnknownSongError(f"there is no file {words}, and {error.lines[0]}", *error.lines[1:]) from error
            raise

    def by(self, artist: str) -> list[str]:
        """Track ids of the indexed songs of an artist, or with it as a guest.

        Raises:
            UnknownSongError: there is no such artist, or no song of it is in the index.
        """
        return self._indexed(find_artist(self._tracks, artist), artist, "artist")

    def on(self, album: str) -> list[str]:
        """Track ids of the indexed songs of the album, or albums, of that name; raises as `by`."""
        return self._indexed(find_group(self._tracks["release"].to_list(), album, "album"), album, "album")

    def _indexed(self, rows: Sequence[int], words: str, what: str) -> list[str]:
        found = self._tracks[list(rows)]["track_id"].to_list()
        songs = [track_id for track_id in found if track_id not in self._known.left_out]
        if not songs:
            raise UnknownSongError(f"no song of the {what} {words!r} is in the index")
        return songs

    def _at_path(self, words: str) -> str | None:
        """The song whose recording, or a copy of it, lies at the path that words are; null where they are none."""
        if not is_file(words):
            return None
        return songs_by_path(self._workspace).get(str(Path(words).resolve()))

    def _heard(self, words: str) -> Point | None:
        """A recording that is not in the catalogue, heard and embedded by the served model; null for other words.

        Raises:
            UnknownSongError: the file is no recording that can be used.
        """
        if words in self._known.row_of or not is_file(words) or self._at_path(words) is not None:
            return None
        # Imported here because they load the decoders and ONNX Runtime.
        from simsong_pipeline.asking.foreign_songs import foreign_song

        self._of_the_present_model()
        return foreign_song(self._workspace, self._config, Path(words))

    def similar(
        self, liked: Sequence[str], choice: Choice, disliked: Sequence[str] = (), exclude_artist: bool = False
    ) -> Answer:
        """The songs most like those that `liked` name and unlike `disliked`.

        A path of a recording that is not in the index names that recording, which is heard for the purpose.

        Args:
            exclude_artist: no song that names an artist of the liked ones.
        """
        foreign = {words: point for words in [*liked, *disliked] if (point := self._heard(words)) is not None}
        meant, other = ([self.find(w) for w in words if w not in foreign] for words in (liked, disliked))
        asked = self._lawful(choice, self._naming([n.track_id for n in meant]) if exclude_artist else [])
        names = [*meant, *(Named(str(foreign[w].payload["track_id"]), w) for w in liked if w in foreign)]

        @cache
        def ends() -> tuple[list[Point], list[Point]]:
            points = self._points([*meant, *other])
            near = [*points[: len(meant)], *(foreign[w] for w in liked if w in foreign)]
            return near, [*points[len(meant) :], *(foreign[w] for w in disliked if w in foreign)]

        def near(choice: Choice) -> list[Neighbour]:
            is_of_one = len(meant) == len(liked) == 1 and not disliked
            at_hand = self._at_hand(meant[0], choice) if is_of_one else None
            if at_hand is not None:
                return at_hand
            return similar_songs(self._store, self._collection, ends()[0], self.ranking, choice, ends()[1])

        return asked.of(names, near)

    def _at_hand(self, song: Named, choice: Choice) -> list[Neighbour] | None:
        """What `similar_songs` finds for one song, where somebody has it at hand."""
        if self._nearest_of is None or choice.diversity or choice.per_artist or choice.per_album:
            return None
        but = choice.restriction.without("track_id", [song.track_id])
        return self._nearest_of(point_id(song.track_id), self.ranking, choice.k, but)

    def _naming(self, track_ids: Sequence[str]) -> list[str]:
        """Ids of the artists whom some songs name."""
        named = self._known.named.filter(pl.col("track_id").is_in(list(track_ids)))
        return named["artist_id"].unique(maintain_order=True).to_list()

    def tags(self) -> pl.DataFrame:
        """tag, songs: how many of the catalogue's songs have each tag, the commonest first."""
        return self._known.tags

    def heard_tags(self) -> list[str]:
        """What the encoder can hear, whether a song sounds so or not; none where it knows no tags."""
        return list(dict.fromkeys(tag_names(self._config.body.models[0]))) if hears_by_body(self._config) else []

    def languages(self) -> pl.DataFrame:
        """language, songs: of the lyrics, the commonest first."""
        return self._known.languages

    def path(self, start: str, end: str, choice: Choice) -> Answer:
        """Songs that lead from one to the other; both ends are part of the answer's `meant` alone."""
        ends = [self.find(start), self.find(end)]
        first, last = self._points(ends)
        return self._lawful(choice).of(
            ends, lambda choice: song_path(self._store, self._collection, (first, last), self.ranking, choice)
        )

    def least_similar(self, song: str, choice: Choice) -> Answer:
        """The songs least like one, the least first."""
        meant = [self.find(song)]
        (point,) = self._points(meant)
        return self._lawful(choice).of(
            meant, lambda choice: least_similar(self._store, self._collection, point, self.ranking, choice)
        )

    def about(self, text: str, choice: Choice) -> Answer:
        """Songs whose lyrics are nearest to what a text says."""
        words = _said(text)
        self._of_the_present_model()
        asked, vector = self._lawful(choice), self._lyric_vector(words)
        return asked.of(
            [], lambda choice: songs_about(self._store, self._collection, vector, choice), "no song in it has lyrics"
        )

    def sounding(self, text: str, choice: Choice, about: str | None = None, sound_weight: float = 0.5) -> Answer:
        """Songs whose music is nearest to what a text says that it sounds like.

        Args:
            about: what the lyrics are to say as well; null where they do not count.
            sound_weight: share of the sound in the score then.

        Raises:
            ModelError: the home's encoder knows no words.
        """
        name = text_side(self._config)
        # Imported here because it needs torch.
        from simsong_pipeline.learning.encoder.clap import text_vector

        sound, words = _said(text), None if about is None else _said(about)
        self._of_the_present_model()
        asked = self._lawful(choice)
        by_sound = text_vector(name, sound)
        if words is None:
            question = Question(by_sound, SOUND_VECTOR, {SOUND_VECTOR: 1.0})
            return asked.of([], lambda choice: nearest(self._store, self._collection, question, choice))
        both = {SOUND_VECTOR: (by_sound, sound_weight), "lyrics": (self._lyric_vector(words), 1 - sound_weight)}
        return asked.of([], lambda choice: nearest_to_both(self._store, self._collection, both, choice))

    def _lyric_vector(self, text: str) -> NDArray[np.float32]:
        with _encoding:
            if self._config.bags.embed:
                encoded = BagFiles(self._workspace.bag_models, self._config.bags).question(text)
            else:
                encoded = _lyric_encoder(self._config.lyrics).encode_question(text)
        whitened: NDArray[np.float32] = (
            ModelFiles(self._workspace.model(self._config.serve)).whitening().apply(encoded[None])[0]
        )
        return whitened

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
        # Imported here because it needs ONNX Runtime.
        from simsong_pipeline.asking.reasons import reasons

        self._of_the_present_model()
        one, other = self.find(first), self.find(second)
        if one == other:
            raise UnknownSongError(f"both are {one.name}: name two songs")
        points = self._points([one, other])
        return one, other, reasons(self._workspace, self._config, (points[0], points[1]), self.ranking, best)

    def artists(self, words: str) -> list[tuple[str, str]]:
        """Ids and names of the artist that words name, else of the artist of the song that they name.

        Raises:
            UnknownSongError, AmbiguousSongError: they name neither.
        """
        try:
            rows = self._tracks[find_artist(self._tracks, words)]
        except UnknownSongError:
            rows = self._tracks.filter(track_id=self.find(words).track_id)
            return rows.select("artist_id", "artist_name").unique("artist_id").rows()
        own = rows.filter([is_called(name, words) for name in rows["artist_name"]])
        ids = own["artist_id"].unique(maintain_order=True).to_list() or [credit_of(words).main or words]
        return [(artist_id, words) for artist_id in ids]

    def scores(self, song: str, others: Sequence[str]) -> dict[str, float]:
        """How a question for one song ranks others, by track id; without those that the index does not hold."""
        if not others:
            return {}
        only = Choice(len(others), Restriction(any_of={"track_id": list(others)}))
        found = similar_songs(self._store, self._collection, self._points([self.find(song)]), self.ranking, only)
        return {near.track_id: near.score for near in found}

    def ends(self, named: Sequence[Named]) -> list[Neighbour]:
        """The named songs as the index holds them, with a score of 1, for a playlist that contains them."""
        return [Neighbour.of(point, 1.0) for point in self._points(named)]

    def _points(self, named: Sequence[Named]) -> list[Point]:
        """The songs as the index holds them, with their vectors."""
        ids = [point_id(n.track_id) for n in named]
        points = self._store.fetch(self._collection, ids, with_vectors=True)
        held = {point.point_id for point in points}
        missing = [f"{n.name} ({n.track_id})" for n, i in zip(named, ids, strict=True) if i not in held]
        if missing:
            raise UnknownSongError(f"the index does not hold {', '.join(missing)}: `simsong run` indexes what it lacks")
        return points

    def _lawful(self, choice: Choice, left_out: Sequence[str] = ()) -> Asked:
        """Without what is never to be suggested or no music, and with filters as the index spells them.

        Args:
            left_out: ids of artists.
        """
        unasked = {"never.txt": self._known.but(never_suggested(self._workspace))}
        if not self._with_outliers:
            unasked["that only music is suggested (--with-outliers)"] = _MUSIC
        spelled = choice.restriction
        if spelled.any_of:
            spelled = replace(spelled, any_of=self._spelled(spelled.any_of))
        wanted = parts_of(spelled) | ({"--exclude-artist": self._known.not_by(left_out)} if left_out else {})
        return Asked(choice, wanted, {name: part for name, part in unasked.items() if part != _EVERYTHING})

    def _spelled(self, asked: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
        """Languages and tags as the index has them: a filter that is spelt otherwise lets nothing through."""
        any_of = dict(asked)
        if languages := any_of.get("language"):
            there = self.languages()["language"].to_list()
            any_of["language"] = [find_language(there, words) for words in languages]
        if tags := any_of.pop("tags", None):
            field, spelled = self._spelled_tags(tags)
            any_of[field] = spelled
        return any_of

    def _spelled_tags(self, asked: Sequence[str]) -> tuple[str, list[str]]:
        """The payload field that knows the tags, and how: stated ones or, where one is not, what the music sounds like.

        Raises:
            UnknownTagError: no song is said to have one of them, nor could it be heard.
        """
        stated = self.tags()["tag"].sort().to_list()
        try:
            return "tags", [spelled for words in asked for spelled in find_tags(stated, words)]
        except UnknownTagError:
            heard = self.heard_tags()
            if not heard or not all(_is_one_of(heard, words) for words in asked):
                raise
        spelled = [tag for words in asked for tag in find_tags(heard, words)]
        self.notes.append(f"not all of these are tags of a song: chosen by what is heard ({', '.join(spelled)})")
        return "heard_tags", spelled


@lru_cache(maxsize=1)
def _lyric_encoder(config: LyricsConfig) -> "LyricEncoder":
    """Kept, and imported here, because it takes a second to open."""
    from simsong_pipeline.lyrics.embedding import LyricEncoder

    return LyricEncoder(config)


def is_file(words: str) -> bool:
    """Whether words are a path where a file lies."""
    try:
        return Path(words).is_file()
    except (OSError, ValueError):  # too long for a path, or with a zero in it
        return False


def _refuse_other_index(store: ReadStore, alias: str) -> None:
    """Raise `RawDataError` where nothing is indexed yet, or by a version of SimSong with other song vectors."""
    served = store.aliases().get(alias)
    if served is None:
        raise RawDataError(f"nothing is indexed yet in Qdrant {store.address}: run `simsong run` first")
    if not is_of_this_layout(served):
        raise RawDataError(
            f"the index ({served}) was written by an earlier version: `simsong refresh` writes it anew from the "
            "vectors that are there; nothing is embedded again"
        )


def _said(text: str) -> str:
    if not text.strip():
        raise UnknownSongError("a text without words is about nothing")
    return text


def _is_one_of(tags: Sequence[str], words: str) -> bool:
    try:
        return bool(find_tags(tags, words))
    except UnknownTagError:
        return False


def _record(workspace: Workspace, config: PipelineConfig) -> TrainingRecord:
    record = ModelFiles(workspace.model(config.serve)).training()
    if record is None:
        raise RawDataError(f"no model in {workspace.home} yet: run `simsong run` first")
    return record


def paths_of(workspace: Workspace, track_ids: Sequence[str]) -> list[str | None]:
    """Where each song's recording lies; null where it has none."""
    known = dict(workspace.read("youtube_audio").select("track_id", playable()).iter_rows())
    return [known.get(t) for t in track_ids]


def example_songs(workspace: Workspace, count: int) -> list[str]:
    """Track ids of test songs by different artists, for a demonstration; the first by id."""
    tracks, splits = workspace.read("tracks"), workspace.read("splits")
    test = splits.filter(split="test").join(tracks, on="track_id").sort("track_id")
    return test.unique("artist_id", keep="first", maintain_order=True).head(count)["track_id"].to_list()
