"""From latents to a score: key, sections, chords, bass, lead and drums as timed notes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Seven modes from dark to bright, as semitones above the tonic.
MODES = (
    (0, 1, 3, 5, 7, 8, 10),
    (0, 2, 3, 5, 7, 8, 10),
    (0, 2, 3, 5, 7, 8, 11),
    (0, 2, 3, 5, 7, 9, 10),
    (0, 2, 4, 5, 7, 9, 10),
    (0, 2, 4, 5, 7, 9, 11),
    (0, 2, 4, 6, 7, 9, 11),
)
STEPS = 16  # sixteenth notes in a bar


@dataclass(frozen=True)
class Note:
    """`start` and `length` in sixteenth steps; `pitch` as a MIDI number; `voice` names the instrument."""

    voice: str
    start: float
    length: float
    pitch: int
    gain: float


@dataclass(frozen=True)
class StyleHabits:
    """What all songs of a style share beyond the latents: rhythm pattern [3, 16] and progressions."""

    drums: NDArray[np.float64]
    progressions: tuple[tuple[int, ...], tuple[int, ...]]


@dataclass(frozen=True)
class ArtistHabits:
    """What an artist does in every song: bass figure [16], a way to break chords, drum tuning, a register."""

    bass: NDArray[np.bool_]
    arpeggio: tuple[int, ...]
    drum_tune: float
    register: int


@dataclass(frozen=True)
class Score:
    """Notes of a song with its tempo (beats a minute), key (0 = C), mode and swing (share of a step)."""

    notes: tuple[Note, ...]
    tempo: float
    key: int
    mode: int
    swing: float
    bars: int


def style_habits(rng: np.random.Generator) -> StyleHabits:
    """Draw a rhythm pattern (hit probabilities for kick, snare, hat) and two chord progressions."""
    kick = np.where(np.arange(STEPS) % 4 == 0, rng.choice([0.2, 1.0], STEPS), 0.0)
    kick[0] = 1.0
    kick[rng.choice(STEPS, 2, replace=False)] = 0.8
    snare = np.zeros(STEPS)
    snare[rng.choice([[4, 12], [8, 14], [6, 12], [4, 10]])] = 1.0
    hat = np.where(np.arange(STEPS) % rng.choice([1, 2, 4]) == rng.choice([0, 0, 2]) % 4, 0.9, 0.05)
    progressions = tuple(tuple(int(d) for d in (0, *rng.choice([1, 2, 3, 4, 5, 6], 3))) for _ in range(2))
    return StyleHabits(np.stack([kick, snare, hat]), (progressions[0], progressions[1]))


def artist_habits(rng: np.random.Generator) -> ArtistHabits:
    """Draw what an artist keeps doing."""
    bass = rng.random(STEPS) < 0.25
    bass[0] = True
    return ArtistHabits(
        bass=bass,
        arpeggio=tuple(int(i) for i in rng.permutation([0, 1, 2, 1])),
        drum_tune=float(rng.uniform(0.8, 1.25)),
        register=int(rng.choice([-12, 0, 0, 12])),
    )


def compose(
    rng: np.random.Generator,
    latent: NDArray[np.float64],
    style: StyleHabits,
    artist: ArtistHabits,
    seconds: float,
) -> Score:
    """Write a song of at least `seconds` in sections of four bars that differ in layers and chords.

    Args:
        rng: the song's own random stream.
        latent: [8], see `latents.AUDIO_AXES`.
    """
    tempo = float(np.clip(112 * 2 ** (0.4 * latent[0]), 62, 190))
    mode = int(np.clip(round(3 + 1.6 * latent[1]), 0, len(MODES) - 1))
    key = int(rng.integers(12))
    bars = int(np.ceil(seconds * tempo / 240))
    notes: list[Note] = []
    pitch = 0
    for bar in range(bars):
        section = bar // 4 % 4  # A, B, A with a lead, breakdown
        degree = style.progressions[section == 1][bar % 4]
        chord = [_pitch(key, mode, degree + third) for third in (0, 2, 4)]
        start = float(bar * STEPS)
        notes += _chords(chord, artist, latent, start, quiet=section == 3)
        notes += [Note("bass", start + s, 2.0, chord[0] - 24, 0.9) for s in np.flatnonzero(artist.bass)]
        if section != 0:
            lead, pitch = _lead(rng, latent, (key, mode), artist.register, start, pitch)
            notes += lead
        if section != 3:
            notes += _drums(rng, style, latent, start)
    return Score(tuple(notes), tempo, key, mode, float(np.clip(0.12 * latent[7], 0, 0.3)), bars)


def _pitch(key: int, mode: int, degree: int) -> int:
    """MIDI number of a scale degree, the tonic lying between C4 and B4."""
    octave, step = divmod(degree, 7)
    return 60 + key + 12 * octave + MODES[mode][step]


def _chords(
    chord: list[int], artist: ArtistHabits, latent: NDArray[np.float64], start: float, quiet: bool
) -> list[Note]:
    """Held chords when the music is sparse, broken ones when it is dense."""
    gain = 0.3 if quiet else 0.45
    length = float(np.clip(8 * 2 ** (0.6 * latent[7]), 2, 16))
    if latent[6] < 0:
        return [Note("chord", start + s, length, p, gain) for s in (0, 8) for p in chord]
    every = 2 if latent[6] > 0.8 else 4
    return [
        Note("chord", start + s, min(length, 6), chord[artist.arpeggio[s // every % 4]], gain + 0.15)
        for s in range(0, STEPS, every)
    ]


def _lead(
    rng: np.random.Generator,
    latent: NDArray[np.float64],
    scale: tuple[int, int],
    register: int,
    start: float,
    position: int,
) -> tuple[list[Note], int]:
    """A walk on the scale; more density means more and shorter notes."""
    share = float(np.clip(0.25 * 2 ** (0.7 * latent[6]), 0.08, 0.7))
    notes = []
    for step in np.flatnonzero(rng.random(STEPS) < share):
        position = int(np.clip(position + rng.choice([-2, -1, -1, 0, 1, 1, 2]), -4, 9))
        length = float(np.clip(3 * 2 ** (0.6 * latent[7]), 1, 8))
        notes.append(Note("lead", start + step, length, _pitch(*scale, position) + register, 0.6))
    return notes, position


def _drums(rng: np.random.Generator, style: StyleHabits, latent: NDArray[np.float64], start: float) -> list[Note]:
    """Hits drawn from the style's pattern; the latent sets their level."""
    level = float(1 / (1 + np.exp(-1.5 * latent[5])))
    hits = rng.random(style.drums.shape) < style.drums
    return [
        Note(name, start + step, 1.0, 0, level * gain)
        for row, (name, gain) in enumerate((("kick", 1.0), ("snare", 0.8), ("hat", 0.45)))
        for step in np.flatnonzero(hits[row])
    ]
