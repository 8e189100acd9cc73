"""Songs are given out by their id, from where the scan found them and nowhere else; their pictures and tags."""

import base64
import os
import struct
import wave
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from mutagen.flac import FLAC, Picture
from mutagen.id3 import APIC, TIT2, TPOS, TRCK, UFID
from mutagen.oggvorbis import OggVorbis
from mutagen.wave import WAVE

from simsong_pipeline.service.covers import MOST_BYTES, cover_of
from simsong_pipeline.service.drawn_covers import drawn_cover, initials
from simsong_pipeline.service.file_tags import NO_TAGS, file_tags
from simsong_pipeline.service.library import Song
from simsong_pipeline.service.recordings import NoRecordingError, Recordings

MBID = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"


def _wav(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8_000)
        file.writeframes(bytes(1_600))
    return path


def _song(path: Path | str | None, scanned: Path | None = None) -> Song:
    """A song whose scan saw the state of a file."""
    stat = scanned.stat() if scanned else None
    state = (stat.st_size, stat.st_mtime_ns) if stat else (-1, -1)
    where = None if path is None else str(path)
    return Song("T1", "Sea", "Anna", "ar-1", None, None, None, None, None, [], 1.0, where, *state)


@pytest.fixture
def music(tmp_path: Path) -> Path:
    return _wav(tmp_path / "music/a.wav").parent


def test_recordings_below_the_folder_are_given_out_whatever_their_tags_became(music: Path) -> None:
    found = Recordings([music]).of(_song(music / "a.wav"))
    assert (found.path, found.media_type) == ((music / "a.wav").resolve(), "audio/wav")


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../secret.txt", "notes.txt", "sub", "gone.wav", "\x00.wav", "loop.wav"]
)
def test_what_is_no_recording_is_not(music: Path, name: str) -> None:
    (music.parent / "secret.txt").write_text("secret")
    (music / "notes.txt").write_text("notes")
    (music / "sub").mkdir()
    (music / "loop.wav").symlink_to(music / "loop.wav")
    os.mkfifo(music / "pipe.wav")
    for path in (f"{music}/{name}", name, f"{music}/pipe.wav"):
        with pytest.raises(NoRecordingError) as refused:
            Recordings([music]).of(_song(path))
        assert "secret" not in str(refused.value)


@pytest.mark.parametrize("target", ["other.wav", "hidden.txt"])
def test_links_that_came_to_lead_out_since_the_scan_are_refused(music: Path, target: str) -> None:
    secret = _wav(music.parent / "outside" / target)
    link = music / "b.wav"
    link.symlink_to(music / "a.wav")
    scanned = _song(link, link)
    link.unlink()
    link.symlink_to(secret)
    os.utime(secret, ns=(1, 1))
    with pytest.raises(NoRecordingError):
        Recordings([music]).of(scanned)
    folder = music / "album"
    folder.symlink_to(secret.parent)
    with pytest.raises(NoRecordingError):
        Recordings([music]).of(_song(folder / target))


def test_links_that_the_scan_followed_are_given_out_as_long_as_they_are_that_file(music: Path) -> None:
    linked = _wav(music.parent / "drive/c.wav")
    (music / "c.wav").symlink_to(linked)
    song = _song(music / "c.wav", linked)
    assert Recordings([music]).of(song).path == linked.resolve()
    assert Recordings([]).of(song).path == linked.resolve()
    with pytest.raises(NoRecordingError, match="leads out"):
        Recordings([music]).of(replace(song, size_bytes=1))


def test_songs_without_a_recording_here_say_so() -> None:
    for path in (None, "s3://bucket/a.wav", "https://example.org/a.mp3"):
        with pytest.raises(NoRecordingError, match="T1"):
            Recordings([]).of(_song(path))


def _png(width: int = 1) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, 1, 8, 0, 0, 0, 0)
    rows = zlib.compress(b"\x00" * (width + 1))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def _picture(data: bytes, kind: int = 3) -> Picture:
    made = Picture()
    made.data, made.type, made.mime = data, kind, "text/html"
    return made


def _sound(path: Path) -> Path:
    soundfile.write(path, np.zeros(8_000), 8_000)
    return path


def _with_flac_picture(folder: Path) -> Path:
    file = FLAC(_sound(folder / "a.flac"))
    file.add_picture(_picture(_png(2), kind=4))
    file.add_picture(_picture(_png()))
    file.save()
    return folder / "a.flac"


def _with_ogg_picture(folder: Path) -> Path:
    file = OggVorbis(_sound(folder / "a.ogg"))
    file["metadata_block_picture"] = ["no base64", base64.b64encode(_picture(_png()).write()).decode()]
    file.save()
    return folder / "a.ogg"


def _with_id3_picture(folder: Path) -> Path:
    file = WAVE(_wav(folder / "a.wav"))
    file.add_tags()
    file.tags.add(APIC(encoding=3, mime="image/png", type=3, desc="", data=_png()))
    file.save()
    return folder / "a.wav"


def _with_picture_beside(folder: Path) -> Path:
    (folder / "other.png").write_bytes(_png(3))
    (folder / "Folder.PNG").write_bytes(_png())
    return _wav(folder / "a.wav")


@pytest.mark.parametrize("made", [_with_flac_picture, _with_ogg_picture, _with_id3_picture, _with_picture_beside])
def test_pictures_are_found_and_called_what_their_bytes_are(tmp_path: Path, made: object) -> None:
    recording: Path = made(tmp_path)  # type: ignore[operator]
    found = cover_of(recording, 1)
    assert found is not None
    assert (found.data, found.media_type) == (_png(), "image/png")


@pytest.mark.parametrize(
    "data", [b"<html><script>", b"<svg onload=alert(1)>", b"", b"\x89PNG\r\n\x1a\n" + bytes(MOST_BYTES)]
)
def test_what_is_no_picture_or_too_large_is_none(tmp_path: Path, data: bytes) -> None:
    file = FLAC(_sound(tmp_path / "a.flac"))
    if len(data) < 1_000:
        file.add_picture(_picture(data))
        file.save()
    (tmp_path / "cover.png").write_bytes(data)
    assert cover_of(tmp_path / "a.flac", 2) is None


def test_pictures_beside_that_are_links_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "elsewhere.png").write_bytes(_png())
    recording = _wav(tmp_path / "album/a.wav")
    (recording.parent / "cover.png").symlink_to(tmp_path / "elsewhere.png")
    assert cover_of(recording, 3) is None


def test_drawn_covers_are_the_same_for_the_same_id_and_hold_no_markup() -> None:
    assert drawn_cover("T1", "<b> &") == drawn_cover("T1", "<b> &")
    assert drawn_cover("T1", "Sea") != drawn_cover("T2", "Sea")
    assert b"<b" not in drawn_cover("T1", "<b>old <i>")
    assert [initials(n) for n in ("the sea", "Ärger", "", "!!", "さだ まさし", "a b c")] == [
        "TS",
        "Ä",
        "♪",
        "♪",
        "さま",
        "AB",
    ]


def test_numbers_and_ids_are_read_from_tags(tmp_path: Path) -> None:
    file = WAVE(_wav(tmp_path / "a.wav"))
    file.add_tags()
    for frame in (
        TRCK(text="3/12"),
        TPOS(text="2"),
        TIT2(text="x"),
        UFID(owner="http://musicbrainz.org", data=MBID.encode()),
    ):
        file.tags.add(frame)
    file.save()
    read = file_tags(tmp_path / "a.wav", 1)
    assert (read.track, read.disc, read.musicbrainz_id, read.channels, read.sample_rate) == (3, 2, MBID, 1, 8_000)
    assert read.bit_rate == 128
    comments = FLAC(_sound(tmp_path / "b.flac"))
    comments.update({"TRACKNUMBER": "07", "discnumber": "0", "MUSICBRAINZ_TRACKID": MBID.upper(), "isrc": "XX1"})
    comments.save()
    read = file_tags(tmp_path / "b.flac", 1)
    assert (read.track, read.disc, read.musicbrainz_id, read.isrc) == (7, None, MBID, "XX1")


@pytest.mark.parametrize("data", [b"", b"fLaC", b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f", b"RIFF\x00\x00", os.urandom(200)])
def test_damaged_files_say_nothing(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.flac"
    path.write_bytes(data)
    assert file_tags(path, len(data)) == NO_TAGS
    assert cover_of(path, len(data)) is None
