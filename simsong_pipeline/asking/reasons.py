"""Why two songs are near to the model that is served."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simsong_pipeline.asking.recommend import Ranking
from simsong_pipeline.audio.segments import part_ends, part_inputs, part_seconds
from simsong_pipeline.config import PipelineConfig
from simsong_pipeline.errors import AudioError
from simsong_pipeline.home.served import load_encoder
from simsong_pipeline.home.song_features import SongFeatures
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.points import OWN_DIMS, SONG_VECTOR, Point


@dataclass(frozen=True)
class Reasons:
    """Cosines, and the segments that are most alike.

    Attributes:
        audio, lyrics: cosines in [-1, 1]; lyrics null where a song has none.
        lyrics_counted: what the lyrics count as in the score, be they missing.
        score: as a query for the first song ranks the second by.
        heard: what both sound like, as (what, in words): tags, tempo, loudness, and what is no music.
        segments: (seconds into the first song, seconds into the second, cosine), the most alike first; none where
            `unheard` says why a song cannot be heard.
        segment_ends: seconds at which they end, in the first song and in the second.
    """

    audio: float
    lyrics: float | None
    lyrics_counted: float
    score: float
    audio_weight: float
    hubness_taken_off: float
    segments: list[tuple[float, float, float]]
    model_version: str
    heard: list[tuple[str, str]]
    unheard: str = ""
    segment_ends: Sequence[tuple[float, float]] = ()


def reasons(
    workspace: Workspace, config: PipelineConfig, pair: tuple[Point, Point], ranking: Ranking, best: int
) -> Reasons:
    """What makes two songs of the index alike."""
    one, two = pair
    both = "lyrics" in one.vectors and "lyrics" in two.vectors
    audio = float(one.vectors["audio"] @ two.vectors["audio"])
    lyrics = float(one.vectors["lyrics"] @ two.vectors["lyrics"]) if both else None
    weight = ranking.audio_weight if "lyrics" in one.vectors else 1.0
    by_audio, by_lyrics, stand_in = two.vectors[SONG_VECTOR][-OWN_DIMS:].tolist()
    counted = stand_in if lyrics is None else lyrics
    taken = ranking.hubness * (weight * by_audio + (1 - weight) * by_lyrics) / 2
    segments, ends, unheard = _segments_alike(workspace, config, pair, best)
    score = weight * audio + (1 - weight) * counted - taken
    version = str(one.payload["model_version"])
    heard = heard_alike(one, two)
    return Reasons(audio, lyrics, counted, score, weight, taken, segments, version, heard, unheard, ends)


def heard_alike(one: Point, two: Point) -> list[tuple[str, str]]:
    """What is known of both songs' sound by their payloads, in words."""
    songs = [p.payload for p in (one, two)]
    found: list[tuple[str, str]] = []
    tags = [[*(song.get("tags") or ()), *(song.get("heard_tags") or ())] for song in songs]
    if shared := [tag for tag in dict.fromkeys(tags[0]) if tag in tags[1]]:
        found.append(("tags of both", ", ".join(shared)))
    for what, field, unit in (("tempo", "tempo_bpm", "beats a minute"), ("loudness", "loudness_db", "dB")):
        values = [song.get(field) for song in songs]
        if any(value is not None for value in values):
            said = ["not clear" if value is None else f"{value:.0f}" for value in values]
            found.append((what, f"{said[0]} and {said[1]} {unit}"))
    found += [("no music", f"{song['title']}: {song['outlier']}") for song in songs if song.get("outlier")]
    return found


def _segments_alike(
    workspace: Workspace, config: PipelineConfig, pair: tuple[Point, Point], best: int
) -> tuple[list[tuple[float, float, float]], list[tuple[float, float]], str]:
    """The segments that are most alike with their cosines, and where they end.

    Also why there are none, where a song has to be heard again and cannot be.
    """
    try:
        starts, ends, likeness = _segment_likeness(workspace, config, [str(p.payload["track_id"]) for p in pair])
    except AudioError as error:
        return [], [], str(error)
    order = np.argsort(-likeness, axis=None)[:best]
    places = [np.unravel_index(int(i), likeness.shape) for i in order]
    alike = [(float(starts[0][i]), float(starts[1][j]), float(likeness[i, j])) for i, j in places]
    return alike, [(float(ends[0][i]), float(ends[1][j])) for i, j in places], ""


def _segment_likeness(
    workspace: Workspace, config: PipelineConfig, track_ids: Sequence[str]
) -> tuple[list[NDArray[np.float64]], list[NDArray[np.float64]], NDArray[np.float32]]:
    """Seconds at which each song's segments begin and end, and the cosines [segments of one, of the other]."""
    encoder = load_encoder(workspace, config.serve, config)
    features = SongFeatures(workspace, config)
    durations = dict(workspace.read("audio").select("track_id", "duration_s").rows())
    songs = [features[t] for t in track_ids]
    vectors = [encoder.embed(part_inputs(song, config)) for song in songs]
    unit = [v / np.maximum(np.linalg.norm(v, axis=1, keepdims=True), 1e-12) for v in vectors]
    starts, ends = (
        [of(song, durations[t], config) for song, t in zip(songs, track_ids, strict=True)]
        for of in (part_seconds, part_ends)
    )
    return starts, ends, unit[0] @ unit[1].T
