"""What is told from music, by signals that are made here, and what a song is said to sound like."""

from pathlib import Path

import numpy as np
import pytest

from simsong_pipeline.asking.reasons import heard_alike
from simsong_pipeline.audio.decoding import decode
from simsong_pipeline.audio.description import describe
from simsong_pipeline.audio.feature_format import feature_format
from simsong_pipeline.audio.heard_tags import heard_tags, tag_names
from simsong_pipeline.audio.outliers import REASONS, SILENT, UNLIKE_MUSIC, outlier_reason
from simsong_pipeline.audio.preparation import features_of
from simsong_pipeline.body_inference import OnnxBody
from simsong_pipeline.config import PipelineConfig
from simsong_pipeline.home.model_cache import MusicnnFiles
from simsong_pipeline.listening import BodyListener
from simsong_pipeline.points import Point

RATE = 16_000
SECONDS = np.arange(20 * RATE) / RATE


def _level(samples: np.ndarray, decibels: float) -> np.ndarray:
    scaled = samples / np.sqrt(np.mean(samples**2)) * 10 ** (decibels / 20)
    return np.clip(scaled, -1, 1).astype(np.float32)


def _noise(exponent: float) -> np.ndarray:
    rng, frequencies = np.random.default_rng(3), np.fft.rfftfreq(len(SECONDS), 1 / RATE)
    frequencies[0] = frequencies[1]
    spectrum = rng.normal(size=len(frequencies)) + 1j * rng.normal(size=len(frequencies))
    return np.fft.irfft(spectrum * frequencies**-exponent, len(SECONDS))


NO_MUSIC = {
    "white noise": (_level(_noise(0.0), -20), UNLIKE_MUSIC),
    "pink noise": (_level(_noise(0.5), -25), UNLIKE_MUSIC),
    "brown noise": (_level(_noise(1.0), -15), UNLIKE_MUSIC),
    "hum": (_level(sum(np.sin(2 * np.pi * 50 * k * SECONDS + k) / k for k in range(1, 10)), -25), UNLIKE_MUSIC),
    "sine": (_level(np.sin(2 * np.pi * 700 * SECONDS), -12), UNLIKE_MUSIC),
    "faint noise": (_level(_noise(0.5), -56), SILENT),
}


@pytest.fixture(scope="module")
def listener(musicnn_files: MusicnnFiles) -> BodyListener:
    config = PipelineConfig()

    def bodies() -> list[OnnxBody]:
        return [OnnxBody(musicnn_files.onnx(name), config.inference) for name in ("msd", "mtt")]

    return BodyListener(bodies, config.body.patches, feature_format(config))


def _reason(listener: BodyListener, samples: np.ndarray) -> str | None:
    described = describe(samples)
    return outlier_reason(
        described.loudness_db, described.tempo_bpm, listener.strangeness(features_of(samples, listener))
    )


@pytest.mark.parametrize("name", NO_MUSIC)
def test_what_is_no_music_is_told(listener: BodyListener, name: str) -> None:
    samples, reason = NO_MUSIC[name]
    assert _reason(listener, samples) == reason


def test_music_is_none_of_it(listener: BodyListener, shared: Path) -> None:
    songs = sorted((shared / "open_music" / "audio").glob("*.ogg"))[::6]
    assert len(songs) >= 5
    assert [_reason(listener, decode(path, RATE, 30).samples) for path in songs] == [None] * len(songs)


def test_strangeness_is_the_geometric_mean_of_the_bodies_distances() -> None:
    rows = np.zeros((3, 2 * 1756), np.float16)
    rows[:, 200:1706], rows[:, 1756 + 200 : 1756 + 1706] = 2.0, -0.5
    rows[:, :200] = rows[:, 1706:1756] = 9  # neither layer is standardised
    found = BodyListener(lambda: [], 3, feature_format(PipelineConfig())).strangeness(rows)
    assert found == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("loudness", "tempo", "strangeness", "reason"),
    [
        (-20.0, 120.0, 0.6, None),
        (-20.0, 120.0, 1.0, None),
        (-20.0, None, 1.0, UNLIKE_MUSIC),
        (-20.0, None, 0.6, None),
        (-20.0, 120.0, 1.5, UNLIKE_MUSIC),
        (-55.0, 120.0, 0.6, SILENT),
        (-55.0, None, None, SILENT),
        (-20.0, None, None, None),
    ],
)
def test_reasons_by_hand(loudness: float, tempo: float | None, strangeness: float | None, reason: str | None) -> None:
    assert outlier_reason(loudness, tempo, strangeness) == reason
    assert reason is None or reason in REASONS


def test_heard_tags_are_the_likeliest_in_lower_case_and_once() -> None:
    names = tag_names("musicnn-msd")
    chances = dict.fromkeys(range(50), 0.01)
    assert heard_tags(list(chances.values()), names) == []
    given = {"hip-hop": 0.5, "female vocalists": 0.3, "rock": 0.2, "jazz": 0.16}
    chances |= {names.index(name): chance for name, chance in given.items()}
    last = len(names) - 1 - names[::-1].index("female vocalists")  # the body's second tag of the same meaning
    assert last != names.index("female vocalists")
    chances[last] = 0.4
    assert heard_tags([chances[n] for n in range(50)], names) == ["hip-hop", "female vocalists", "rock"]
    assert heard_tags([], names) == []


def test_what_both_songs_sound_like_is_named() -> None:
    one = Point("1", {}, {"title": "One", "tags": ["Rock"], "heard_tags": ["jazz", "soul"], "tempo_bpm": 119.6})
    two = Point("2", {}, {"title": "Two", "tags": [], "heard_tags": ["soul"], "loudness_db": -9.0, "outlier": SILENT})
    assert heard_alike(one, two) == [
        ("tags of both", "soul"),
        ("tempo", "120 and not clear beats a minute"),
        ("loudness", "not clear and -9 dB"),
        ("no music", "Two: nearly silent"),
    ]
    assert heard_alike(Point("1", {}, {"title": "a"}), Point("2", {}, {"title": "b"})) == []
