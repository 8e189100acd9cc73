"""Latent factors of the sample catalogue: what each style, artist and song is like.

An audio latent is a point in an eight-dimensional space whose axes steer the synthesis; a style sets the
centre, an artist a deviation, a song a smaller one. A theme mixture says what a song's words are about;
it is drawn from style and artist preferences, so themes correlate with the music but do not follow from it.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from simsong_pipeline.config import SampleConfig

AUDIO_AXES = ("tempo", "mode", "brightness", "chord_voice", "lead_voice", "drums", "density", "sustain")
THEMES = ("sea", "road", "night", "love", "home", "work", "war", "faith", "dance", "winter")
LANGUAGES = ("en", "es", "de", "fr")
LANGUAGE_SHARES = (0.82, 0.08, 0.05, 0.05)

ARTIST_SPREAD = 0.5
SONG_SPREAD = 0.25


@dataclass(frozen=True)
class Latents:
    """One row per song; `artist_style` has one entry per artist.

    Shapes: style, artist, language [n]; audio [n, 8]; themes [n, 10], rows sum to 1; instrumental [n].
    """

    style: NDArray[np.int64]
    artist: NDArray[np.int64]
    audio: NDArray[np.float64]
    themes: NDArray[np.float64]
    language: NDArray[np.int64]
    instrumental: NDArray[np.bool_]
    artist_style: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.style)

    def with_copy(self, source: int, target: int) -> "Latents":
        """The same latents, the song at `target` being like the one at `source` in everything."""
        rows = np.arange(len(self))
        rows[target] = source
        per_song = ("style", "artist", "audio", "themes", "language", "instrumental")
        return replace(self, **{name: getattr(self, name)[rows] for name in per_song})


def draw_latents(config: SampleConfig) -> Latents:
    """Draw all latent factors; the same config gives the same factors."""
    rng = np.random.default_rng(np.random.SeedSequence([config.seed, 1]))
    artist_style = np.arange(config.artists) % config.styles
    artist = rng.permutation(np.arange(config.songs) % config.artists)
    style_audio = _spread_out(rng, config.styles, len(AUDIO_AXES))
    artist_audio = style_audio[artist_style] + ARTIST_SPREAD * rng.normal(size=(config.artists, len(AUDIO_AXES)))
    audio = artist_audio[artist] + SONG_SPREAD * rng.normal(size=(config.songs, len(AUDIO_AXES)))
    artist_language = rng.choice(len(LANGUAGES), size=config.artists, p=LANGUAGE_SHARES)
    return Latents(
        style=artist_style[artist],
        artist=artist,
        audio=audio,
        themes=_themes(rng, config, artist_style, artist),
        language=artist_language[artist],
        instrumental=rng.random(config.songs) < config.instrumental_share,
        artist_style=artist_style,
    )


def _spread_out(rng: np.random.Generator, count: int, axes: int) -> NDArray[np.float64]:
    """Centres whose values on each axis are evenly spaced over [-1.5, 1.5], in an order of their own."""
    levels = np.linspace(-1.5, 1.5, count)
    return np.stack([rng.permutation(levels) for _ in range(axes)], axis=1)


def _themes(
    rng: np.random.Generator,
    config: SampleConfig,
    artist_style: NDArray[np.int64],
    artist: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Theme mixtures [n, 10]: softmax over the sum of style, artist and song preferences."""
    style_taste = rng.normal(size=(config.styles, len(THEMES)))
    artist_taste = style_taste[artist_style] + rng.normal(size=(config.artists, len(THEMES)))
    logits = 1.5 * (artist_taste[artist] + 0.7 * rng.normal(size=(config.songs, len(THEMES))))
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    mixture: NDArray[np.float64] = weights / weights.sum(axis=1, keepdims=True)
    return mixture
