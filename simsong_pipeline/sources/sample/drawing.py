"""Draws a sample catalogue: latents, names, scores and planted faults. Nothing is written here."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from simsong_pipeline.config import SampleConfig
from simsong_pipeline.sources.sample import composition, lyric_writing, names
from simsong_pipeline.sources.sample.latents import Latents, draw_latents
from simsong_pipeline.sources.sample.msd_files import MsdTrack

# Flac is large on disk, mp3 slow to encode, ogg in between.
FORMATS = (*(("flac", "ogg") * 9), "ogg", "mp3")


@dataclass(frozen=True)
class Faults:
    """Positions of the planted faults in the catalogue; all different."""

    mismatched: int
    duplicate: int
    original: int
    truncated: int
    html_lyrics: int
    missing_audio: int
    nan_fields: int


@dataclass(frozen=True)
class Catalogue:
    """A drawn catalogue before it is written. Positions in `tracks` and `latents` agree."""

    config: SampleConfig
    latents: Latents
    tracks: tuple[MsdTrack, ...]
    scores: tuple[composition.Score, ...]
    voices: tuple[composition.ArtistHabits, ...]
    seconds: tuple[float, ...]
    faults: Faults | None

    def content(self, position: int) -> int:
        """The position whose music and words a track carries: a duplicate has its original's."""
        if self.faults is not None and position == self.faults.duplicate:
            return self.faults.original
        return position

    def audio_format(self, position: int) -> str:
        """File ending of the track's recording."""
        if self.faults is not None and position == self.faults.truncated:
            return "mp3"
        return FORMATS[position % len(FORMATS)]


def draw_catalogue(config: SampleConfig) -> Catalogue:
    """Draw latents, names and scores; nothing is written."""
    faults = _draw_faults(config) if config.faults else None
    latents = draw_latents(config)
    if faults is not None:
        latents = latents.with_copy(faults.original, faults.duplicate)
    rng = np.random.default_rng(np.random.SeedSequence([config.seed, 3]))
    styles = [composition.style_habits(rng) for _ in range(config.styles)]
    artists = [composition.artist_habits(rng) for _ in range(config.artists)]
    seconds = rng.uniform(config.min_seconds, config.max_seconds, config.songs)
    scores = tuple(
        composition.compose(
            np.random.default_rng(np.random.SeedSequence([config.seed, 4, i])),
            latents.audio[i],
            styles[latents.style[i]],
            artists[latents.artist[i]],
            float(seconds[i]),
        )
        for i in range(config.songs)
    )
    tracks = _draw_tracks(config, latents, scores, seconds.tolist())
    if faults is not None:
        tracks = _with_track_faults(tracks, faults)
    voices = tuple(artists[a] for a in latents.artist)
    return Catalogue(config, latents, tuple(tracks), scores, voices, tuple(seconds.tolist()), faults)


def _draw_faults(config: SampleConfig) -> Faults:
    rng = np.random.default_rng(np.random.SeedSequence([config.seed, 5]))
    picked = [int(p) for p in rng.choice(config.songs, 7, replace=False)]
    return Faults(*picked)


def _draw_tracks(
    config: SampleConfig, latents: Latents, scores: Sequence[composition.Score], seconds: Sequence[float]
) -> list[MsdTrack]:
    rng = np.random.default_rng(np.random.SeedSequence([config.seed, 6]))
    track_ids = names.distinct(names.track_id, config.songs, rng)
    artist_ids = names.distinct(names.artist_id, config.artists, rng)
    artist_names = names.distinct(names.artist_name, config.artists, rng)
    releases = [[names.release_name(rng) for _ in range(2)] for _ in range(config.artists)]
    debut = rng.integers(1965, 2008, config.artists)
    tracks: list[MsdTrack] = []
    taken: set[tuple[int, str]] = set()
    for i, score in enumerate(scores):
        artist = int(latents.artist[i])
        title = lyric_writing.write_title(rng, latents.themes[i], int(latents.language[i]))
        while (artist, title) in taken:
            title += " II"
        taken.add((artist, title))
        tracks.append(
            MsdTrack(
                track_id=track_ids[i],
                song_id=names.song_id(rng),
                artist_id=artist_ids[artist],
                artist_name=artist_names[artist],
                title=title,
                release=releases[artist][int(rng.integers(2))],
                year=0 if rng.random() < 0.1 else int(debut[artist] + rng.integers(0, 4)),
                duration=float(seconds[i]),
                tempo=score.tempo,
                key=score.key,
                mode=int(composition.MODES[score.mode][2] == 4),
                beats=60 / score.tempo,
            )
        )
    return tracks


def _with_track_faults(tracks: list[MsdTrack], faults: Faults) -> list[MsdTrack]:
    """Make the duplicate a second release of its original and blank the fields of the NaN track."""
    original = tracks[faults.original]
    tracks[faults.duplicate] = replace(
        original, track_id=tracks[faults.duplicate].track_id, release="Greatest Hits", year=2009
    )
    tracks[faults.nan_fields] = replace(tracks[faults.nan_fields], duration=float("nan"), year=0)
    return tracks
