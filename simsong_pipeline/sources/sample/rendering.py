"""From a score to stereo sound, with a mastering that differs from song to song and means nothing."""

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from simsong_pipeline.sources.sample import instruments
from simsong_pipeline.sources.sample.composition import ArtistHabits, Note, Score
from simsong_pipeline.sources.sample.instruments import SAMPLE_RATE, Signal

PAN = {"chord": -0.35, "lead": 0.3, "bass": 0.0, "kick": 0.0, "snare": 0.1, "hat": -0.2}


class Voices:
    """The instruments of one song. A note of the same pitch and length is synthesised once."""

    def __init__(self, latent: NDArray[np.float64], artist: ArtistHabits) -> None:
        self._latent = latent
        self._artist = artist
        self._cache: dict[tuple[str, int, int], Signal] = {}

    def sound(self, note: Note, samples: int) -> Signal:
        """The mono waveform of `note`, `samples` long (percussion has its own length)."""
        key = (note.voice, note.pitch, samples)
        if key not in self._cache:
            self._cache[key] = self._synthesise(note, samples)
        return self._cache[key]

    def _synthesise(self, note: Note, samples: int) -> Signal:
        tune = self._artist.drum_tune
        match note.voice:
            case "kick":
                return instruments.kick(48 * tune)
            case "snare":
                return instruments.snare(190 * tune)
            case "hat":
                return instruments.hat(55 * tune)
        frequency = 440.0 * 2 ** ((note.pitch - 69) / 12)
        axis = {"chord": 3, "lead": 4, "bass": 3}[note.voice]
        return self._mixed(frequency, samples, float(self._latent[axis]))

    def _mixed(self, frequency: float, samples: int, voice: float) -> Signal:
        """Blend of the three pitched families: string, additive and FM, as `voice` goes from -1.2 to 1.2."""
        place = float(np.clip(voice, -1.2, 1.2)) / 1.2
        brightness = float(self._latent[2])
        attack = float(np.clip(0.02 * 2 ** (1.2 * self._latent[7]), 0.003, 0.2))
        mixed = np.zeros(samples, np.float32)
        if place < 0:
            pluck = float(np.clip(0.5 + 0.2 * brightness, 0.15, 0.95))
            mixed += np.float32(-place) * instruments.plucked(frequency, samples, pluck)
        if place > 0:
            ratio, index = (2.0 if voice > 0.8 else 1.0), 2.2 * 2 ** (0.6 * brightness)
            mixed += np.float32(place) * instruments.frequency_modulation(frequency, samples, ratio, index, attack)
        if abs(place) < 0.99:
            wave = instruments.additive(frequency, samples, 1.7 - 0.45 * brightness, attack)
            mixed += np.float32(1 - abs(place)) * wave
        return mixed


def render(score: Score, voices: Voices, seconds: float) -> NDArray[np.float32]:
    """Mix all notes into [samples, 2], faded out over the last half second."""
    step_s = 60 / score.tempo / 4
    total = int(seconds * SAMPLE_RATE)
    mono = {name: np.zeros(total, np.float32) for name in PAN}
    for note in score.notes:
        swing = score.swing if int(note.start) % 2 else 0.0
        begin = int((note.start + swing) * step_s * SAMPLE_RATE)
        wave = voices.sound(note, max(int(note.length * step_s * SAMPLE_RATE), 512))
        end = min(begin + wave.size, total)
        if begin < total:
            mono[note.voice][begin:end] += np.float32(note.gain) * wave[: end - begin]
    left = sum((1 - pan) * mono[name] for name, pan in PAN.items())
    right = sum((1 + pan) * mono[name] for name, pan in PAN.items())
    stereo = np.stack([left, right], axis=1).astype(np.float32)
    fade = SAMPLE_RATE // 2
    stereo[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)[:, None]
    return stereo


def master(rng: np.random.Generator, stereo: NDArray[np.float32]) -> NDArray[np.float32]:
    """Tilt, noise floor and loudness of a particular release: nuisances that carry no similarity."""
    split = butter(1, 1_000, "lowpass", fs=SAMPLE_RATE, output="sos").astype(np.float32)
    low = sosfilt(split, stereo, axis=0)
    tilt = np.float32(10 ** (rng.uniform(-5, 5) / 20))
    mixed = low + (stereo - low) * tilt
    noise_level = np.float32(10 ** (rng.uniform(-78, -52) / 20))
    mixed += noise_level * rng.standard_normal(mixed.shape, dtype=np.float32)
    peak = 10 ** (rng.uniform(-9, -1) / 20)
    mastered: NDArray[np.float32] = mixed * np.float32(peak / (np.abs(mixed).max() + 1e-9))
    return mastered
