"""What a question to the index found, in the shape of this API or as the JSON of it.

A song is in many answers and the same in each but for its score, so its JSON is kept for as long as a snapshot lasts.
"""

from dataclasses import dataclass

from pydantic_core import to_json

from simsong_pipeline.asking.restricted import Answer
from simsong_pipeline.points import Neighbour
from simsong_pipeline.service.json_api.rows import fields_of_payload, song_fields
from simsong_pipeline.service.json_api.shapes import MeantSong, ScoredSong, SongsAnswer
from simsong_pipeline.service.library import Song
from simsong_pipeline.service.snapshot import Snapshot

_KEPT = 20_000
# In JSON of a shape: within a text each quotation mark has a stroke before it, so that both are found once.
_SCORE, _SONGS = b'"score":0.0', b'"songs":[]'


@dataclass(frozen=True)
class FoundSongs:
    """An answer of the index.

    Attributes:
        notes: what was understood otherwise than it was asked.
        audio_weight: share of the audio that was counted; null where the question has none.
    """

    snapshot: Snapshot
    answer: Answer
    notes: list[str]
    audio_weight: float | None

    def shape(self) -> SongsAnswer:
        """The answer with its songs."""
        near = self.answer.neighbours
        known = self.snapshot.library.songs_by_id([n.track_id for n in near])
        return self._with([_scored(n, song, n.score) for n, song in zip(near, known, strict=True)])

    def as_json(self) -> bytes:
        """`shape` as JSON."""
        before, _, after = _json(self._with([])).partition(_SONGS)
        return b"".join((before, b'"songs":[', b",".join(self._rows()), b"]", after))

    def _with(self, songs: list[ScoredSong]) -> SongsAnswer:
        return SongsAnswer(
            meant=[MeantSong(id=named.track_id, name=named.name) for named in self.answer.meant],
            songs=songs,
            nothing=self.answer.nothing,
            notes=self.notes,
            audio_weight=self.audio_weight,
            snapshot=self.snapshot.version,
            model=self.snapshot.collection,
        )

    def _rows(self) -> list[bytes]:
        rows = []
        for near in self.answer.neighbours:
            before, after = _halves(self.snapshot, near)
            rows.append(b'%b"score":%b%b' % (before, to_json(near.score, inf_nan_mode="null"), after))
        return rows


def _halves(snapshot: Snapshot, near: Neighbour) -> tuple[bytes, bytes]:
    """The JSON of a song before and after its score. A server's songs may change, so they are not kept."""
    kept = snapshot.rows
    if (known := kept.get(near.track_id)) is not None:
        return known
    before, _, after = _json(_scored(near, snapshot.library.song(near.track_id), 0.0)).partition(_SCORE)
    if snapshot.store.embedded:
        if len(kept) >= _KEPT:
            kept.clear()
        kept[near.track_id] = (before, after)
    return before, after


def _scored(near: Neighbour, song: Song | None, score: float) -> ScoredSong:
    """A song of the index; one that left the catalogue meanwhile by what the index says of it."""
    held = near.payload
    more = {name: held.get(name) for name in ("language", "tempo_bpm", "loudness_db")}
    fields = fields_of_payload(held) if song is None else song_fields(song)
    return ScoredSong(**fields, **more, tags=held.get("tags") or [], score=score)


def _json(shape: ScoredSong | SongsAnswer) -> bytes:
    return shape.model_dump_json().encode("utf-8", "replace")
