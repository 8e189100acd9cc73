"""Decoding, checks, log-mel and segments against signals whose answer is known."""

from pathlib import Path

import av
import av.error
import numpy as np
import pytest
import soundfile
import torch
import torchaudio
from hypothesis import given, settings
from hypothesis import strategies as st

from simsong_pipeline.audio import decoding
from simsong_pipeline.audio.checks import check_recording
from simsong_pipeline.audio.decoding import Recording, decode
from simsong_pipeline.audio.log_mel import front_end_version, log_mel
from simsong_pipeline.audio.segments import cut, even_starts
from simsong_pipeline.config import AudioConfig, LogMelConfig
from simsong_pipeline.errors import UNREAD, AudioError

TONE = 1_000.0


def _tone(rate: int, seconds: float = 4.0, channels: int = 2) -> np.ndarray:
    wave = 0.5 * np.sin(2 * np.pi * TONE * np.arange(int(rate * seconds)) / rate)
    return np.repeat(wave[:, None], channels, axis=1).astype(np.float32)


def _write_av(path: Path, rate: int) -> None:
    codec = {".m4a": "aac", ".webm": "libopus"}[path.suffix]
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, layout="stereo")
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(_tone(rate).T), format="fltp", layout="stereo")
        frame.sample_rate = rate
        resampler = av.AudioResampler(
            format=stream.format, layout="stereo", rate=rate, frame_size=stream.frame_size or 960
        )
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))


def _frequency(recording: Recording) -> float:
    middle = recording.samples[8_000:40_000]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(middle.size)))
    return float(spectrum.argmax() * recording.sample_rate / middle.size)


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 48_000, 96_000])
def test_every_rate_becomes_16_kilohertz(tmp_path: Path, rate: int) -> None:
    path = tmp_path / "tone.wav"
    soundfile.write(path, _tone(rate), rate)
    recording = decode(path, 16_000, 60)
    assert recording.duration_s == pytest.approx(4, abs=0.01)
    assert _frequency(recording) == pytest.approx(TONE, abs=1)


@pytest.mark.parametrize("suffix", ["flac", "ogg", "mp3", "aiff"])
def test_every_soundfile_format_keeps_the_tone(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"tone.{suffix}"
    soundfile.write(path, _tone(44_100), 44_100)
    recording = decode(path, 16_000, 60)
    assert _frequency(recording) == pytest.approx(TONE, abs=1)
    assert recording.samples.std() == pytest.approx(0.5 / np.sqrt(2), rel=0.05)


@pytest.mark.parametrize("suffix", [".m4a", ".webm"])
def test_other_formats_go_through_pyav(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"tone{suffix}"
    _write_av(path, 48_000)
    recording = decode(path, 16_000, 60)
    assert _frequency(recording) == pytest.approx(TONE, abs=1)
    assert recording.duration_s == pytest.approx(4, abs=0.1)


def test_channels_are_averaged(tmp_path: Path) -> None:
    stereo = _tone(16_000)
    stereo[:, 1] = 0
    soundfile.write(tmp_path / "half.wav", stereo, 16_000)
    assert decode(tmp_path / "half.wav", 16_000, 60).samples.std() == pytest.approx(0.25 / np.sqrt(2), rel=0.01)


def test_only_the_beginning_of_a_long_file_is_decoded(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "long.wav", _tone(16_000, 10), 16_000)
    assert decode(tmp_path / "long.wav", 16_000, 2).duration_s == pytest.approx(2)


@pytest.mark.parametrize(("content", "reason"), [(b"", "empty"), (b"<html>", "not decodable")])
def test_files_that_are_no_audio_say_so(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "x.mp3").write_bytes(content)
    with pytest.raises(AudioError, match=reason):
        decode(tmp_path / "x.mp3", 16_000, 60)


def test_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="missing"):
        decode(tmp_path / "none.mp3", 16_000, 60)


@pytest.fixture
def silent_drive() -> Path:
    """Opens, and answers each read at its beginning with an error of input and output."""
    path = Path("/proc/self/mem")
    if not path.exists():
        pytest.skip(f"no {path} here to fail at reading")
    return path


def test_drive_that_does_not_answer_says_so(silent_drive: Path) -> None:
    with pytest.raises(AudioError, match=rf"^{UNREAD} \(Input/output error\)"):
        decode(silent_drive, 16_000, 60)


def test_what_looks_damaged_because_the_drive_keeps_it_back_is_not_called_damaged(
    silent_drive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise av.error.InvalidDataError(0, "Invalid data found when processing input")

    monkeypatch.setattr(decoding, "_require_content", lambda _: None)
    monkeypatch.setattr(av, "open", fail)
    with pytest.raises(AudioError, match=rf"^{UNREAD} \(Input/output error\)"):
        decode(silent_drive, 16_000, 60)


@pytest.mark.parametrize(
    "error",
    [
        soundfile.LibsndfileError(2),
        MemoryError(),
        av.error.TimeoutError(110, "timed out"),
        av.error.MemoryError(12, ""),
    ],
)
def test_what_may_pass_is_told_from_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    (tmp_path / "a.webm").write_bytes(b"no sound" if isinstance(error, av.FFmpegError) else b"RIFF")
    library, opener = (av, "open") if isinstance(error, av.FFmpegError) else (soundfile, "SoundFile")
    monkeypatch.setattr(library, opener, fail)
    with pytest.raises(AudioError, match=rf"^{UNREAD} "):
        decode(tmp_path / "a.webm", 16_000, 60)


@pytest.mark.parametrize("suffix", ["ogg", "mp3", "wav", "flac"])
def test_truncated_file_never_passes(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"cut.{suffix}"
    noise = np.random.default_rng(0).normal(0, 0.1, (44_100 * 20, 2)).astype(np.float32)
    soundfile.write(path, noise, 44_100)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(AudioError, match=r"truncated|not decodable|no samples"):
        check_recording(decode(path, 16_000, 60), 20.0, AudioConfig())


def _recording(samples: np.ndarray) -> Recording:
    return Recording(samples.astype(np.float32), 16_000, 16_000, None)


@pytest.mark.parametrize(
    ("samples", "reason"),
    [
        (np.zeros(80_000), "silent"),
        (np.full(80_000, np.nan), "not finite"),
        (np.ones(16_000), "too short"),
    ],
)
def test_unusable_recordings_have_a_reason(samples: np.ndarray, reason: str) -> None:
    with pytest.raises(AudioError, match=reason):
        check_recording(_recording(samples), None, AudioConfig())


def test_full_scale_sine_is_near_zero_decibels() -> None:
    config = LogMelConfig(n_mels=128)
    wave = np.sin(2 * np.pi * TONE * np.arange(32_000) / 16_000).astype(np.float32)
    features = log_mel(wave, config)
    assert features.shape == (101, 128)
    assert features[50].max() == pytest.approx(0, abs=1.5)


def test_log_mel_equals_a_slow_transform() -> None:
    config = LogMelConfig(n_mels=20)
    wave = np.random.default_rng(0).normal(0, 0.1, 8_000).astype(np.float32)
    padded = np.pad(wave, config.n_fft // 2, mode="reflect")
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(config.n_fft) / config.n_fft)
    frame = padded[3 * config.hop_length : 3 * config.hop_length + config.n_fft] * window
    power = np.abs(np.fft.rfft(frame)) ** 2
    edges_mel = np.linspace(*(2595 * np.log10(1 + np.array([config.f_min, config.f_max]) / 700)), config.n_mels + 2)
    edges = 700 * (10 ** (edges_mel / 2595) - 1)
    bins = np.arange(power.size) * config.sample_rate / config.n_fft
    rising = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    expected = np.clip(np.minimum(rising, falling), 0, None) @ power
    decibels = 10 * np.log10(expected / (config.n_fft / 4) ** 2 + 1e-12)
    np.testing.assert_allclose(log_mel(wave, config)[3].astype(np.float64), decibels, atol=0.1)


@pytest.mark.parametrize("frames", [3, 127, 128, 129, 1_501])
@pytest.mark.parametrize("more", [0, 1, 319])
def test_log_mel_in_blocks_is_torchaudios_of_the_whole(frames: int, more: int) -> None:
    config = LogMelConfig()
    length = (frames - 1) * config.hop_length + more
    wave = np.random.default_rng(frames).normal(0, 0.1, length).astype(np.float32)
    whole = torchaudio.transforms.MelSpectrogram(
        config.sample_rate, config.n_fft, None, config.hop_length, config.f_min, config.f_max, n_mels=config.n_mels
    )
    power = whole(torch.from_numpy(wave)).T.numpy()
    decibels = np.maximum(10 * np.log10(power / (config.n_fft / 4) ** 2 + 1e-12), config.floor_db)
    # Half a step of f16 below 64 dB, which rounding gives, and a little for another order of sums.
    np.testing.assert_allclose(log_mel(wave, config).astype(np.float32), decibels, atol=0.0157)


def test_three_channels_are_averaged(tmp_path: Path) -> None:
    path = tmp_path / "three.wav"
    channels = np.random.default_rng(0).uniform(-0.5, 0.5, (32_000, 3))
    soundfile.write(path, channels, 16_000, subtype="FLOAT")
    np.testing.assert_allclose(decode(path, 16_000, 60).samples, channels.mean(axis=1), atol=1e-6)


def test_silence_lies_on_the_floor() -> None:
    assert (log_mel(np.zeros(16_000, np.float32), LogMelConfig()) == -80).all()


def test_every_parameter_is_part_of_the_version() -> None:
    base = LogMelConfig()
    changed = [base.model_copy(update={name: 2 * getattr(base, name)}) for name in LogMelConfig.model_fields]
    assert len({front_end_version(c) for c in [base, *changed]}) == 1 + len(LogMelConfig.model_fields)


def test_the_version_stays_as_long_as_the_values_do() -> None:
    """Another one embeds every library again."""
    assert front_end_version(LogMelConfig()) == "fdc50e6007a8366d"


@settings(deadline=None, derandomize=True)
@given(frames=st.integers(1, 3_000), length=st.integers(1, 500), count=st.integers(1, 12))
def test_even_starts_stay_inside_and_cover_both_ends(frames: int, length: int, count: int) -> None:
    starts = even_starts(frames, length, count)
    assert 1 <= len(starts) <= count
    assert starts[0] == 0
    assert starts.max() <= max(0, frames - length)
    assert len(starts) == 1 or starts[-1] == frames - length
    assert len(np.unique(starts)) == len(starts)


def test_short_song_is_repeated_to_fill_a_segment() -> None:
    features = np.arange(3, dtype=np.float16)[:, None]
    assert cut(features, 0, 7)[:, 0].tolist() == [0, 1, 2, 0, 1, 2, 0]


def test_genuine_recordings_decode(shared: Path) -> None:
    for path in sorted((shared / "open_music/audio").glob("*.ogg"))[:6]:
        check_recording(decode(path, 16_000, 60), None, AudioConfig())
