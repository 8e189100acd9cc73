"""Every form of recording that is read, made by FFmpeg's own encoders."""

from pathlib import Path

import av
import numpy as np
import pytest

from simsong_pipeline.audio.decoding import decode
from simsong_pipeline.sources.audio_tree import OTHER_MUSIC, SUFFIXES
from simsong_pipeline.sources.library.scan import scan_library

SECONDS, TONE = 4.0, 660.0
# Suffix, codec, and the container's name where FFmpeg does not take it from the suffix.
FORMS = [
    (".aac", "aac", "adts"),
    (".ac3", "ac3", None),
    (".aifc", "pcm_s16be", "aiff"),
    (".alac", "alac", "mp4"),
    (".au", "pcm_s16be", None),
    (".caf", "pcm_s16le", None),
    (".caf", "alac", None),
    (".eac3", "eac3", None),
    (".flac", "flac", None),
    (".m4a", "aac", "mp4"),
    (".mka", "libopus", "matroska"),
    (".mp2", "mp2", None),
    (".mp3", "libmp3lame", None),
    (".ogg", "libvorbis", None),
    (".opus", "libopus", None),
    (".snd", "pcm_s16be", "au"),
    (".spx", "libspeex", None),
    (".tta", "tta", None),
    (".w64", "pcm_s16le", None),
    (".wave", "pcm_s16le", "wav"),
    (".webm", "libopus", None),
    (".wma", "wmav2", "asf"),
    (".wv", "wavpack", None),
]
# Where FFmpeg's writer keeps names.
TAGGED = set(
    [".alac", ".au", ".caf", ".flac", ".m4a", ".mka", ".mp3", ".opus", ".snd", ".tta", ".wave", ".webm", ".wma", ".wv"]
)


def _write(path: Path, codec: str, container: str | None) -> None:
    rate = {"libopus": 48_000, "libspeex": 16_000}.get(codec, 44_100)
    t = np.arange(int(SECONDS * rate)) / rate
    frame = av.AudioFrame.from_ndarray((0.3 * np.sin(2 * np.pi * TONE * t))[None].astype(np.float32), "fltp", "mono")
    frame.sample_rate = rate
    with av.open(str(path), "w", format=container) as file:
        file.metadata.update({"artist": "Anna", "title": "Sea"})
        stream = file.add_stream(codec, rate=rate)
        stream.layout = "mono"
        if codec == "wmav2":
            stream.bit_rate = 128_000
        stream.codec_context.open()
        fit = av.AudioResampler(stream.codec_context.format, "mono", rate, frame_size=stream.frame_size or 960)
        for piece in [*fit.resample(frame), *fit.resample(None)]:
            file.mux(stream.encode(piece))
        file.mux(stream.encode(None))


def _pitch(samples: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(samples.size)))
    return float(spectrum.argmax() * 16_000 / samples.size)


@pytest.mark.parametrize(("suffix", "codec", "container"), FORMS)
def test_every_form_is_found_heard_and_named(tmp_path: Path, suffix: str, codec: str, container: str | None) -> None:
    if codec not in av.codecs_available:
        pytest.skip(f"this FFmpeg has no encoder {codec}")
    path = tmp_path / f"song{suffix.upper()}"
    _write(path, codec, container)
    row = scan_library(tmp_path, None, lambda *_: None).frame.row(0, named=True)
    assert (row["status"], row["reason"]) == ("ok", None)
    assert row["duration_s"] == pytest.approx(SECONDS, abs=0.2)
    assert (row["artist"], row["title"]) == ("Anna", "Sea") or suffix not in TAGGED
    heard = decode(path, 16_000, 60)
    assert heard.duration_s == pytest.approx(SECONDS, abs=0.2)
    assert _pitch(heard.samples) == pytest.approx(TONE, abs=2)


def _dsf(bits: np.ndarray, rate: int) -> bytes:
    """One channel of DSD as the format's description has it: blocks of 4,096 bytes, the first bit of a byte lowest."""
    data = np.packbits(bits.astype(np.uint8), bitorder="little").tobytes()
    data += bytes(-len(data) % 4_096)
    numbers = (1, 0, 1, 1, rate, 1)
    fmt = b"fmt " + (52).to_bytes(8, "little") + b"".join(n.to_bytes(4, "little") for n in numbers)
    fmt += bits.size.to_bytes(8, "little") + (4_096).to_bytes(4, "little") + bytes(4)
    body = fmt + b"data" + (12 + len(data)).to_bytes(8, "little") + data
    return b"DSD " + b"".join(n.to_bytes(8, "little") for n in (28, 28 + len(body), 0)) + body


def test_dsd_is_heard(tmp_path: Path) -> None:
    """One bit a sample, noise in place of a modulator's feedback: the tone is what is left below 8 kHz."""
    rate = 2_822_400
    t = np.arange(int(SECONDS * rate)) / rate
    bits = 0.5 * np.sin(2 * np.pi * TONE * t) > np.random.default_rng(0).uniform(-1, 1, t.size)
    (tmp_path / "song.dsf").write_bytes(_dsf(bits, rate))
    row = scan_library(tmp_path, None, lambda *_: None).frame.row(0, named=True)
    assert (row["status"], row["duration_s"]) == ("ok", pytest.approx(SECONDS, abs=0.2))
    heard = decode(tmp_path / "song.dsf", 16_000, 60)
    assert heard.duration_s == pytest.approx(SECONDS, abs=0.2)
    assert _pitch(heard.samples) == pytest.approx(TONE, abs=2)


def test_no_form_is_both_read_and_passed_over() -> None:
    assert not SUFFIXES & OTHER_MUSIC
    assert {suffix for suffix, *_ in FORMS} <= SUFFIXES
