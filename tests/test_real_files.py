"""Recordings as they come: guessed lengths, damage, chains, wrong suffixes and headers, channels that cancel."""

import random
import struct
from pathlib import Path

import av
import mutagen.flac
import mutagen.id3
import mutagen.mp3
import numpy as np
import polars as pl
import pytest
import soundfile

from simsong_pipeline.audio.checks import check_recording, damage_note
from simsong_pipeline.audio.decoding import Recording, decode
from simsong_pipeline.audio.feature_format import feature_format
from simsong_pipeline.audio.mono import mixed
from simsong_pipeline.audio.preparation import AudioTask, prepare
from simsong_pipeline.config import AudioConfig, EncoderConfig, LogMelConfig, PipelineConfig
from simsong_pipeline.errors import AudioError
from simsong_pipeline.listening import FrontEndListener, LogMelFrontEnd
from simsong_pipeline.sources.library.recording import row_of
from simsong_pipeline.sources.library.scan import scan_library
from simsong_pipeline.stages.copies_stage import whole_lengths

_ROWS = feature_format(PipelineConfig(encoder=EncoderConfig(kind="convolution")))
LISTENER = FrontEndListener(LogMelFrontEnd(LogMelConfig()), _ROWS)
RATE = 44_100
SECONDS = 10.0
ID3 = b"ID3\x03\0\0\0\0\x01\0" + bytes(128)
_CODECS = {"mp3": "libmp3lame", "m4a": "aac", "opus": "libopus", "webm": "libopus", "aac": "aac", "alac.m4a": "alac"}


def _music(seconds: float = SECONDS, rate: int = RATE) -> np.ndarray:
    """[n, 2]: two tones that wander, and noise; loud first, then quiet, so that its bit rate varies."""
    t = np.arange(int(rate * seconds)) / rate
    noise = np.random.default_rng(0).normal(0, 0.05, (t.size, 2))
    tones = np.stack([np.sin(2 * np.pi * f * t * (1 + 0.01 * np.sin(t))) for f in (220, 330)], 1)
    return ((0.3 * tones + noise) * np.where(t < seconds / 2, 1, 0.05)[:, None]).astype(np.float32)


def _write(path: Path, seconds: float = SECONDS, rate: int = RATE, **options: str) -> bytes:
    """Encode by what FFmpeg has, or by libsndfile; the bytes."""
    codec = next((c for suffix, c in _CODECS.items() if path.name.endswith(suffix)), None)
    codec = "alac" if path.name.startswith("alac") else codec
    if codec is None:
        soundfile.write(path, _music(seconds, rate), rate)
        return path.read_bytes()
    rate = 48_000 if codec == "libopus" else rate
    with av.open(str(path), "w", options={k: v for k, v in options.items() if k == "write_xing"}) as container:
        stream = container.add_stream(codec, rate=rate, options={k: v for k, v in options.items() if k == "q"})
        stream.layout = "stereo"
        if "q" in options:
            stream.codec_context.qscale, stream.codec_context.global_quality = True, int(options["q"]) * 118
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(_music(seconds, rate).T), "fltp", "stereo")
        frame.sample_rate = rate
        stream.codec_context.open()
        fit = av.AudioResampler(stream.codec_context.format, "stereo", rate, frame_size=stream.frame_size or 960)
        for piece in [*fit.resample(frame), *fit.resample(None)]:
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return path.read_bytes()


def _heard(path: Path, content: bytes) -> Recording:
    path.write_bytes(content)
    return decode(path, 16_000, 180)


def _info_at(mp3: bytes) -> int:
    found = [mp3.find(name) for name in (b"Xing", b"Info")]
    return max(found)


# Lengths of MP3s


@pytest.mark.parametrize(
    "front", [b"", bytes(65_536), b"\xff\xe0" * 3_000, ID3[:6] + b"\0\x06\x0d\x20" + bytes(100_000)]
)
@pytest.mark.parametrize("quality", ["0", "4"])
def test_mp3_without_a_length_is_heard_whole(tmp_path: Path, front: bytes, quality: str) -> None:
    mp3 = _write(tmp_path / "plain.mp3", write_xing="0", q=quality)
    assert _info_at(mp3) < 0
    recording = _heard(tmp_path / "x.mp3", front + mp3)
    assert recording.duration_s == pytest.approx(SECONDS, abs=0.1)
    check_recording(recording, None, AudioConfig())


@pytest.mark.parametrize("count", [0, 0xFFFFFFFF, 10])
def test_mp3_whose_header_counts_wrong_is_heard_whole(tmp_path: Path, count: int) -> None:
    mp3 = bytearray(_write(tmp_path / "plain.mp3", q="2"))
    at = _info_at(mp3) + 8
    mp3[at : at + 4] = struct.pack(">I", count)
    recording = _heard(tmp_path / "x.mp3", bytes(mp3))
    assert recording.duration_s == pytest.approx(SECONDS, abs=0.1)
    check_recording(recording, None, AudioConfig())


@pytest.mark.parametrize("header", ["Info", "VBRI"])
def test_mp3_that_was_cut_is_truncated_by_its_header(tmp_path: Path, header: str) -> None:
    mp3 = bytearray(_write(tmp_path / "plain.mp3"))
    if header == "VBRI":
        at = _info_at(mp3)
        frames = round(SECONDS * RATE / 1152)
        mp3[at : at + 160] = (b"VBRI" + struct.pack(">HHHII", 1, 0, 75, len(mp3), frames)).ljust(160, b"\0")
    check_recording(_heard(tmp_path / "whole.mp3", bytes(mp3)), None, AudioConfig())
    with pytest.raises(AudioError, match=r"truncated: [45]\.\d s decoded, the container says 10\.0 s"):
        check_recording(_heard(tmp_path / "cut.mp3", bytes(mp3[: len(mp3) // 2])), None, AudioConfig())


@pytest.mark.parametrize("rate", [RATE, 22_050])
def test_mp3s_one_after_the_other_are_heard_to_the_last(tmp_path: Path, rate: int) -> None:
    first = _write(tmp_path / "first.mp3", 4, rate)
    recording = _heard(tmp_path / "x.mp3", first + _write(tmp_path / "plain.mp3"))
    assert recording.duration_s == pytest.approx(4 + SECONDS, abs=0.2)
    check_recording(recording, None, AudioConfig())


@pytest.mark.parametrize(
    "tail", [bytes(100_000), b"TAG" + b"x" * 125, b"LYRICSBEGIN" + b"la " * 999 + b"002997LYRICS200"]
)
def test_what_follows_an_mp3_is_neither_heard_nor_lost(tmp_path: Path, tail: bytes) -> None:
    recording = _heard(tmp_path / "x.mp3", _write(tmp_path / "plain.mp3") + tail)
    assert recording.duration_s == pytest.approx(SECONDS, abs=0.1)
    assert damage_note(recording) is None


# Damage


def _damaged(content: bytes, share: float) -> bytes:
    at, size = len(content) // 2, max(300, int(len(content) * share))
    return content[:at] + random.Random(0).randbytes(size) + content[at + size :]


@pytest.mark.parametrize("name", ["a.mp3", "a.flac", "a.ogg", "a.m4a", "a.aac", "alac.m4a"])
def test_a_damaged_place_costs_itself_and_the_row_says_how_much(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(_damaged(_write(tmp_path / name, 20), 0.02))
    task = AudioTask("A", str(tmp_path / name), 1, 1, None)
    row = prepare(task, AudioConfig(), LISTENER)
    assert row.status == "ok", row.reason
    assert row.duration_s is not None
    assert 18 < row.duration_s < 20.1
    assert row.reason is not None
    assert row.reason.endswith("s could not be decoded")


@pytest.mark.parametrize("name", ["a.mp3", "a.flac", "a.ogg", "a.m4a"])
def test_damage_beyond_the_tolerance_leaves_a_recording_out(tmp_path: Path, name: str) -> None:
    content = _damaged(_write(tmp_path / name, 20), 0.3)
    row = prepare(_task(tmp_path / name, content), AudioConfig(), LISTENER)
    assert row.status == "invalid"
    assert row.reason is not None
    assert row.reason.startswith(("truncated", "damaged"))


def _task(path: Path, content: bytes) -> AudioTask:
    path.write_bytes(content)
    return AudioTask("A", str(path), len(content), 1, None)


def test_a_flac_without_its_last_bytes_is_kept(tmp_path: Path) -> None:
    recording = _heard(tmp_path / "x.flac", _write(tmp_path / "x.flac")[:-300])
    check_recording(recording, None, AudioConfig())
    assert damage_note(recording) == "less than 0.1 s could not be decoded"


def test_junk_between_frames_is_no_loss(tmp_path: Path) -> None:
    mp3 = _write(tmp_path / "x.mp3")
    middle = len(mp3) // 2
    recording = _heard(tmp_path / "x.mp3", mp3[:middle] + random.Random(1).randbytes(20_000) + mp3[middle:])
    check_recording(recording, None, AudioConfig())
    assert recording.duration_s == pytest.approx(SECONDS, abs=0.1)


@pytest.mark.parametrize("seed", range(4))
def test_decoders_write_nothing_to_the_terminal(tmp_path: Path, capfd: pytest.CaptureFixture[str], seed: int) -> None:
    mp3 = bytearray(_write(tmp_path / "x.mp3"))
    rng = random.Random(seed)
    for at in (rng.randrange(3_000, len(mp3)) for _ in range(40)):
        mp3[at] ^= 1 << rng.randrange(8)
    _heard(tmp_path / "x.mp3", bytes(mp3[: len(mp3) * 9 // 10]))
    row_of((str(tmp_path / "x.mp3"), len(mp3), 0, 0))
    assert capfd.readouterr() == ("", "")


# Chained Ogg


@pytest.mark.parametrize(
    ("names", "rates"),
    [("ogg ogg", (RATE, RATE)), ("ogg ogg", (RATE, 22_050)), ("opus opus", (0, 0)), ("ogg opus", (RATE, 0))],
)
def test_every_link_of_a_chained_ogg_is_heard(tmp_path: Path, names: str, rates: tuple[int, int]) -> None:
    links = [
        _write(tmp_path / f"{i}.{name}", seconds, rate or RATE)
        for i, (name, seconds, rate) in enumerate(zip(names.split(), (2, 5), rates, strict=True))
    ]
    recording = _heard(tmp_path / "x.ogg", b"".join(links))
    assert recording.duration_s == pytest.approx(7, abs=0.05)
    assert recording.source_rate == (rates[0] or 48_000)


def test_songs_behind_one_jingle_are_songs_of_their_own(tmp_path: Path) -> None:
    jingle = _write(tmp_path / "jingle.ogg", 2)
    rows = []
    for rate in (22_050, 32_000):
        path = tmp_path / f"{rate}.ogg"
        path.write_bytes(jingle + _write(path, 4, rate))
        rows.append(row_of((str(path), 1, 0, 0)))
    assert rows[0][4] != rows[1][4]
    assert rows[0][10] == pytest.approx(6, abs=0.1)


# Channels


def test_channels_in_opposite_phase_are_heard(tmp_path: Path) -> None:
    left = _music()[:, 0]
    soundfile.write(tmp_path / "x.wav", np.stack([left, -0.97 * left], 1), 16_000)
    recording = decode(tmp_path / "x.wav", 16_000, 60)
    np.testing.assert_allclose(recording.samples, left[: recording.samples.size], atol=1e-4)


@pytest.mark.parametrize("correlation", [1.0, 0.0, -0.5, -0.8])
def test_wide_music_is_its_mean(correlation: float) -> None:
    a, b = np.random.default_rng(3).normal(0, 0.1, (2, 50_000)).astype(np.float32)
    planes = np.stack([a, np.float32(correlation) * a + np.float32(np.sqrt(1 - correlation**2)) * b])
    np.testing.assert_array_equal(mixed(planes), (planes[0] + planes[1]) / np.float32(2))


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_one_channel_among_silent_ones_is_the_mean(channels: int) -> None:
    planes = np.zeros((channels, 50_000), np.float32)
    planes[-1] = np.random.default_rng(3).normal(0, 0.1, 50_000)
    np.testing.assert_allclose(mixed(planes), planes[-1] / channels, rtol=1e-6)


@pytest.mark.parametrize("name", ["a.mp3", "a.ogg", "a.m4a", "a.webm", "alac.m4a"])
def test_every_format_is_as_loud(tmp_path: Path, name: str) -> None:
    level = _heard(tmp_path / name, _write(tmp_path / name)).samples.std()
    assert level == pytest.approx(_heard(tmp_path / "x.wav", _write(tmp_path / "x.wav")).samples.std(), rel=0.1)


# Kinds of files and their tags


def _tagged(path: Path) -> bytes:
    _write(path)
    file = mutagen.File(path)
    if isinstance(file, mutagen.mp3.MP3):
        file.tags = mutagen.id3.ID3()
        file.tags.add(mutagen.id3.TPE1(text="Anna"))
        file.tags.add(mutagen.id3.TIT2(text="Sea"))
    else:
        artist, title = ("\xa9ART", "\xa9nam") if path.suffix == ".m4a" else ("artist", "title")
        file[artist], file[title] = "Anna", "Sea"
    file.save()
    return path.read_bytes()


@pytest.mark.parametrize("kind", ["mp3", "flac", "ogg", "opus", "m4a"])
@pytest.mark.parametrize("suffix", ["mp3", "flac", "ogg", "wav", "m4a"])
def test_the_kind_of_a_file_is_told_by_its_content(tmp_path: Path, kind: str, suffix: str) -> None:
    path = tmp_path / f"01 other.{suffix}"
    path.write_bytes(_tagged(tmp_path / f"x.{kind}"))
    row = row_of((str(path), 1, 0, 0))
    assert row[5:7] == ("Anna", "Sea")
    assert row[-2:] == ("ok", None)
    assert decode(path, 16_000, 60).duration_s == pytest.approx(SECONDS, abs=0.1)


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("kind", ["flac", "m4a", "ogg"])
def test_id3_tags_in_front_of_another_format_are_passed_over(tmp_path: Path, kind: str, count: int) -> None:
    path = tmp_path / f"y.{kind}"
    path.write_bytes(count * ID3 + _tagged(tmp_path / f"x.{kind}"))
    row = row_of((str(path), 1, 0, 0))
    assert row[5:7] == ("Anna", "Sea")
    assert decode(path, 16_000, 60).duration_s == pytest.approx(SECONDS, abs=0.1)


def _headerless(wav: bytes, size: bytes) -> bytes:
    data = wav.index(b"data") + 4
    return wav[:4] + size + wav[8:data] + size + wav[data + 4 :]


@pytest.mark.parametrize("size", [bytes(4), b"\xff\xff\xff\xff"])
def test_wav_whose_sizes_were_never_written_is_used(tmp_path: Path, size: bytes) -> None:
    path = tmp_path / "song.wav"
    path.write_bytes(_headerless(_write(path), size))
    row = row_of((str(path), 1, 0, 0))
    assert row[-2] == "ok"
    assert row[10] == pytest.approx(SECONDS, abs=0.01)
    assert decode(path, 16_000, 60).duration_s == pytest.approx(SECONDS, abs=0.01)


@pytest.mark.parametrize("format", ["RF64", "W64", "CAF", "WAVEX"])
def test_other_forms_of_wav_are_heard_whole(tmp_path: Path, format: str) -> None:
    soundfile.write(tmp_path / "x.wav", _music(), RATE, format=format)
    assert row_of((str(tmp_path / "x.wav"), 1, 0, 0))[-2:] == ("ok", None)
    assert decode(tmp_path / "x.wav", 16_000, 60).duration_s == pytest.approx(SECONDS, abs=0.01)


def test_tags_that_cannot_be_read_leave_nothing_out(tmp_path: Path) -> None:
    path = tmp_path / "Anna - Sea.mp3"
    path.write_bytes(b"ID3\x03\0\0\0\0\xff\xff" + bytes(65_535) + _write(path))
    row = scan_library(tmp_path, None, lambda *_: None).frame.row(0, named=True)
    assert (row["artist"], row["title"], row["status"]) == ("Anna", "Sea", "ok")
    assert row["reason"] == "its tags cannot be read (Header size not synchsafe)"
    assert decode(path, 16_000, 60).duration_s == pytest.approx(SECONDS, abs=0.1)


@pytest.mark.parametrize("suffix", ["mp3", "flac", "wav", "ogg", "m4a"])
@pytest.mark.parametrize(
    "content", [b"only words, no music\n" * 500, random.Random(5).randbytes(100_000), b"\0" * 9_999]
)
def test_what_is_no_music_is_listed(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"x.{suffix}"
    path.write_bytes(content)
    row = row_of((str(path), 1, 0, 0))
    assert row[-2] == "invalid"
    assert row[-1]


def test_a_playlist_in_a_recordings_clothes_fetches_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x.mp3"
    path.write_bytes(b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n")
    assert row_of((str(path), 1, 0, 0))[-2] == "invalid"


# Copies


@pytest.mark.parametrize(
    ("decoded", "stated", "whole"),
    [(12.0, 24_347.9, 12.0), (12.0, 0.012, 12.0), (180.0, 400.0, 400.0), (180.0, 0.01, 180.0)],
)
def test_copies_are_compared_by_decoded_lengths(decoded: float, stated: float, whole: float) -> None:
    usable, files = [pl.DataFrame({"track_id": ["A"], "duration_s": [seconds]}) for seconds in (decoded, stated)]
    assert whole_lengths(usable, files, 180.0) == {"A": whole}


@pytest.mark.parametrize(("format", "subtype"), [("WAV", "PCM_16"), ("WAV", "MS_ADPCM"), ("WAVEX", "PCM_24")])
def test_the_length_of_a_file_is_that_of_its_packets(tmp_path: Path, format: str, subtype: str) -> None:
    path = tmp_path / "x.wav"
    soundfile.write(path, _music(), RATE, format=format, subtype=subtype)
    path.write_bytes(_headerless(path.read_bytes(), b"\xff\xff\xff\xff"))
    assert row_of((str(path), 1, 0, 0))[10] == pytest.approx(SECONDS, abs=0.05)
