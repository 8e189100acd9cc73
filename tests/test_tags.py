"""Tags of every form of file: the same song said in each."""

import struct
from collections.abc import Callable
from pathlib import Path

import av
import mutagen
import mutagen.apev2
import mutagen.flac
import mutagen.id3
import mutagen.mp4
import numpy as np
import pytest
import soundfile

from simsong_pipeline.sources.library.tags import Tags, read_tags

RATE = 22_050
NOISE = (0.1 * np.random.default_rng(0).normal(size=RATE)).astype(np.float32)
SONG = ("Anna", "Ljós", "Haf", "Folk", 2003)


def _recording(path: Path, metadata: dict[str, str] | None = None) -> Path:
    if path.suffix in (".wav", ".flac", ".mp3", ".aiff", ".ogg"):
        soundfile.write(path, NOISE, RATE)
        return path
    codec, rate = ("libopus", 48_000) if path.suffix == ".webm" else ("aac", RATE)
    with av.open(str(path), "w") as container:
        container.metadata.update(metadata or {})
        stream = container.add_stream(codec, rate=rate)
        resampler = av.AudioResampler(stream.format, stream.layout, rate, stream.codec_context.frame_size or 1024)
        frame = av.AudioFrame.from_ndarray(NOISE[None], "flt", "mono")
        frame.sample_rate = RATE
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return path


def _said(tags: Tags) -> tuple[str | None, str | None, str | None, str | None, int | None]:
    return (tags.artist, tags.title, tags.release, tags.genre, tags.year)


def _ape(path: Path) -> mutagen.apev2.APEv2:
    tags = mutagen.apev2.APEv2()
    tags.update({"Artist": "Anna", "Title": "Ljós", "Album": "Haf", "Genre": "Folk", "Year": "2003-05-01"})
    tags.save(path)
    return tags


def test_apev2_alone(tmp_path: Path) -> None:
    path = _recording(tmp_path / "a.mp3")
    _ape(path)
    assert _said(read_tags(path)) == SONG


def test_apev2_fills_what_id3_leaves_open(tmp_path: Path) -> None:
    path = _recording(tmp_path / "a.mp3")
    _ape(path)
    tags = mutagen.id3.ID3()
    tags.add(mutagen.id3.TIT2(encoding=3, text="Sea"))
    tags.add(mutagen.id3.TPE1(encoding=3, text="Bo"))
    tags.save(path)
    assert _said(read_tags(path)) == ("Bo", "Sea", "Haf", "Folk", 2003)


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
@pytest.mark.parametrize("at_the_end", [True, False])
def test_riff_info(tmp_path: Path, encoding: str, at_the_end: bool) -> None:
    path = _recording(tmp_path / "a.wav")
    texts = {"IART": "Anna", "INAM": "Ljós", "IPRD": "Haf", "IGNR": "Folk", "ICRD": "2003-05-01"}
    info = b"INFO" + b"".join(_chunk(name.encode(), text.encode(encoding) + b"\0") for name, text in texts.items())
    head, rest = path.read_bytes()[:12], path.read_bytes()[12:]
    body = rest + _chunk(b"LIST", info) if at_the_end else _chunk(b"LIST", info) + rest
    path.write_bytes(head[:4] + struct.pack("<I", len(body) + 4) + head[8:] + body)
    assert _said(read_tags(path)) == SONG


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def test_matroska(tmp_path: Path) -> None:
    metadata = {
        "artist": "Anna",
        "title": "Ljós",
        "album": "Haf",
        "genre": "Folk",
        "date": "20030501",
        "lyrics": "la la",
    }
    found = read_tags(_recording(tmp_path / "a.webm", {**metadata, "lyrics": "la la"}))
    assert _said(found) == SONG
    assert found.lyrics == "la la"


@pytest.mark.parametrize("name", ["LYRICS", "Lyrics", "UNSYNCEDLYRICS", "SYNCEDLYRICS"])
def test_lyrics_in_texts_of_a_persons_own(tmp_path: Path, name: str) -> None:
    lyrics = "[00:01.00]the sea\n[00:02.00]the sky"
    mp3, flac, m4a, ogg = (_recording(tmp_path / f"a{suffix}") for suffix in (".mp3", ".flac", ".m4a", ".ogg"))
    tags = mutagen.id3.ID3()
    tags.add(mutagen.id3.TXXX(encoding=3, desc=name, text=lyrics))
    tags.save(mp3)
    for path in (flac, ogg):
        file = mutagen.File(path)
        file[name] = lyrics
        file.save()
    atoms = mutagen.mp4.MP4(m4a)
    atoms[f"----:com.apple.iTunes:{name}"] = [lyrics.encode()]
    atoms.save()
    assert [read_tags(path).lyrics for path in (mp3, flac, m4a, ogg)] == ["the sea\nthe sky"] * 4


@pytest.mark.parametrize(
    ("blocks", "lyrics"),
    [
        (["\nStran", "gers", " in", " the", " night", "\nEx", "chan", "ging"], "Strangers in the night\nExchanging"),
        (["Hel", "lo ", "world\n", "a", "gain"], "Hello world\nagain"),
        (["one two", "three four"], "one two\nthree four"),
        (["one two\n", "three four\n"], "one two\nthree four"),
        (["Stran", "gers", " in", " the", " night"], "Strangers in the night"),
        (["one two ", "three four ", "five"], "one two\nthree four\nfive"),
        (["sea\r\n", "sky"], "sea\nsky"),
    ],
)
def test_synchronised_blocks_are_joined_where_no_line_ends(tmp_path: Path, blocks: list[str], lyrics: str) -> None:
    path = _recording(tmp_path / "a.mp3")
    assert _with_sylt(path, [(text, 100 * n) for n, text in enumerate(blocks)]).lyrics == lyrics


def test_a_long_pause_ends_a_line_of_syllables(tmp_path: Path) -> None:
    blocks = [("the", 0), (" sea", 300), ("the", 4_000), (" sky", 4_300)]
    assert _with_sylt(_recording(tmp_path / "a.mp3"), blocks).lyrics == "the sea\nthe sky"


def test_chords_are_no_lyrics(tmp_path: Path) -> None:
    assert _with_sylt(_recording(tmp_path / "a.mp3"), [("Am", 0), ("G7", 100)], kind=6).lyrics is None


def _with_sylt(path: Path, blocks: list[tuple[str, int]], kind: int = 1) -> Tags:
    tags = mutagen.id3.ID3()
    tags.add(mutagen.id3.SYLT(encoding=3, lang="eng", format=2, type=kind, text=blocks))
    tags.save(path)
    return read_tags(path)


def _id3_date(path: Path, name: str, text: str) -> None:
    """A date as other programs write it: mutagen would make numbers of it."""
    tags = mutagen.id3.ID3()
    frame = type(name, (mutagen.id3.TextFrame,), {})
    tags.add(frame(encoding=3, text=text))
    tags.save(path)


@pytest.mark.parametrize(
    ("text", "year"), [("20030501", 2003), ("2003-05-01", 2003), ("c. 1971", 1971), ("(C) 1998", 1998), ("98", None)]
)
def test_years_of_id3_and_vorbis_comments(tmp_path: Path, text: str, year: int | None) -> None:
    mp3, flac = _recording(tmp_path / "a.mp3"), _recording(tmp_path / "a.flac")
    _id3_date(mp3, "TDRC", text)
    file = mutagen.flac.FLAC(flac)
    file["date"] = text
    file.save()
    assert (read_tags(mp3).year, read_tags(flac).year) == (year, year)


@pytest.mark.parametrize("blank", ["0000", "", "0"])
def test_a_blank_date_does_not_hide_the_original_one(tmp_path: Path, blank: str) -> None:
    flac, mp3 = _recording(tmp_path / "a.flac"), _recording(tmp_path / "a.mp3")
    file = mutagen.flac.FLAC(flac)
    file["date"], file["originaldate"] = blank, "1971-03-01"
    file.save()
    tags = mutagen.id3.ID3()
    tags.add(mutagen.id3.TDRC(encoding=3, text=blank))
    tags.add(mutagen.id3.TDOR(encoding=3, text="1971"))
    tags.save(mp3)
    assert (read_tags(flac).year, read_tags(mp3).year) == (1971, 1971)


def _flac(path: Path, **fields: str | list[str]) -> Tags:
    file = mutagen.flac.FLAC(_recording(path))
    for name, value in fields.items():
        file[name] = value
    file.save()
    return read_tags(path)


def _mp4(path: Path, **fields: object) -> Tags:
    file = mutagen.mp4.MP4(_recording(path))
    file.update(fields)
    file.save()
    return read_tags(path)


def test_several_artists_and_genres_of_one_recording(tmp_path: Path) -> None:
    found = _flac(tmp_path / "a.flac", title="Sea", artist=["Anna", "Bo"], genre=["Rock", "folk; Pop", "rock"])
    assert (found.artist, found.genre) == ("Anna; Bo", "Rock; folk; Pop")


def test_the_list_of_artists_goes_before_the_credit(tmp_path: Path) -> None:
    found = _flac(tmp_path / "a.flac", title="Sea", artist="Anna & Bo", artists=["Anna", "Bo"])
    assert found.artist == "Anna; Bo"


def test_artist_of_the_album_stands_in_but_not_for_a_compilation(tmp_path: Path) -> None:
    album: Callable[..., Tags] = lambda name, **more: _flac(tmp_path / name, title="Sea", albumartist="Anna", **more)  # noqa: E731
    assert album("a.flac").artist == "Anna"
    assert album("b.flac", compilation="1").artist is None
    assert album("c.flac", artist="Bo", compilation="1").artist == "Bo"
    assert album("d.flac", artist="Various Artists").artist == "Anna"


def test_compilation_of_mp4(tmp_path: Path) -> None:
    title = {"\xa9nam": "Sea"}
    assert _mp4(tmp_path / "a.m4a", **title, aART="Anna", cpil=True).artist is None
    assert _mp4(tmp_path / "b.m4a", **title, aART="Anna", cpil=False).artist == "Anna"
