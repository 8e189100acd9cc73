"""A person's music folder: tags in every form, lyrics, odd names, links, moves, copies."""

import base64
import os
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import av
import av.error
import mutagen.flac
import mutagen.id3
import mutagen.mp4
import numpy as np
import polars as pl
import pytest
import soundfile
from conftest import SMALL_CONFIG, run_of

from simsong_pipeline.asking.queries import Songs
from simsong_pipeline.audio.fingerprint import Fingerprint, bit_error, fingerprint
from simsong_pipeline.audio.log_mel import log_mel
from simsong_pipeline.config import LogMelConfig, PipelineConfig
from simsong_pipeline.errors import UNREAD, EvaluationError, RawDataError
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.lyrics.frame import build_lyrics
from simsong_pipeline.runs.ahead import Ahead
from simsong_pipeline.runs.lineage import prepare
from simsong_pipeline.runs.run import run
from simsong_pipeline.schemas import LIBRARY_FILES, completed
from simsong_pipeline.sources.encodings import decoded
from simsong_pipeline.sources.library import scan
from simsong_pipeline.sources.library.file_states import FileState, unusable
from simsong_pipeline.sources.library.frames import library_lyrics, library_tracks
from simsong_pipeline.sources.library.identity import encoded_audio
from simsong_pipeline.sources.library.lrc import without_times
from simsong_pipeline.sources.library.path_names import is_numbered, named_by_path
from simsong_pipeline.sources.library.readers import rows_on_all_cores
from simsong_pipeline.sources.library.recording import row_of
from simsong_pipeline.sources.library.scan import Scan, scan_library
from simsong_pipeline.sources.library.source import noteworthy
from simsong_pipeline.sources.library.tags import read_tags
from simsong_pipeline.sources.source import SourceConfig

RATE = 22_050


def _music(seed: int, seconds: float = 4.0) -> np.ndarray:
    """A melody of its own for each seed, with an accompaniment."""
    rng = np.random.default_rng(seed)
    beat = int(RATE * 0.25)
    notes = rng.choice([220, 247, 262, 294, 330, 349, 392, 440, 494, 523], int(seconds * 4))
    t = np.arange(beat) / RATE
    parts = [np.sin(2 * np.pi * f * t) * np.exp(-4 * t) + 0.3 * np.sin(2 * np.pi * f / 2 * t) for f in notes]
    return (0.3 * np.concatenate(parts) + 0.01 * rng.normal(size=beat * len(notes))).astype(np.float32)


def _write(path: Path, seed: int = 0, seconds: float = 4.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = _music(seed, seconds)
    if path.suffix in (".m4a", ".opus"):
        _encode(path, samples)
    else:
        soundfile.write(path, samples, RATE)
    return path


def _encode(path: Path, samples: np.ndarray) -> None:
    rate = 48_000 if path.suffix == ".opus" else RATE
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libopus" if path.suffix == ".opus" else "aac", rate=rate)
        stream.layout = "mono"
        resampler = av.AudioResampler(format=stream.format, layout="mono", rate=rate, frame_size=stream.frame_size)
        frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        frame.sample_rate = RATE
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))


def _scan(root: Path, previous: pl.DataFrame | None = None) -> Scan:
    return scan_library(root, previous, lambda *_: None)


def _row(scan: Scan, name: str) -> dict[str, object]:
    return scan.frame.row(by_predicate=pl.col("path").str.ends_with(name), named=True)


def test_id3_tags_lyrics_and_cover_are_read(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.mp3")
    tags = mutagen.id3.ID3()
    tags.add(mutagen.id3.TPE1(encoding=3, text=["Ólafur", "Guest"]))
    tags.add(mutagen.id3.TIT2(encoding=3, text="Ljós"))
    tags.add(mutagen.id3.TALB(encoding=3, text="Haf"))
    tags.add(mutagen.id3.TDRC(encoding=3, text="1999-05-01"))
    tags.add(mutagen.id3.USLT(encoding=3, lang="isl", text="first line\nsecond line"))
    tags.add(mutagen.id3.APIC(encoding=3, mime="image/png", type=3, data=b"png"))
    tags.save(path)
    found = read_tags(path)
    assert (found.artist, found.title, found.release, found.year) == ("Ólafur; Guest", "Ljós", "Haf", 1999)
    assert found.lyrics == "first line\nsecond line"
    assert found.cover
    assert found.duration_s == pytest.approx(4.0, abs=0.1)


def test_synchronised_lyrics_lose_their_times(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.mp3")
    tags = mutagen.id3.ID3()
    timed = [("one two", 0), ("three four", 2_000)]
    tags.add(mutagen.id3.SYLT(encoding=3, lang="eng", format=2, type=1, text=timed))
    tags.save(path)
    assert read_tags(path).lyrics == "one two\nthree four"


@pytest.mark.parametrize("suffix", [".flac", ".ogg", ".opus"])
def test_vorbis_comments_are_read(tmp_path: Path, suffix: str) -> None:
    path = _write(tmp_path / f"a{suffix}")
    file = mutagen.File(path)
    file["artist"], file["title"], file["genre"], file["date"] = "Anna", "Sea", "Folk", "2004"
    file["lyrics"] = "[00:01.00]waves and waves"
    file.save()
    found = read_tags(path)
    assert (found.artist, found.title, found.genre, found.year) == ("Anna", "Sea", "Folk", 2004)
    assert found.lyrics == "waves and waves"


def test_mp4_atoms_are_read(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.m4a")
    file = mutagen.mp4.MP4(path)
    file["\xa9ART"], file["\xa9nam"], file["\xa9day"], file["\xa9lyr"] = "Anna", "Sea", "2004-01-01", "waves"
    file["covr"] = [mutagen.mp4.MP4Cover(b"png")]
    file.save()
    found = read_tags(path)
    assert (found.artist, found.title, found.year, found.lyrics, found.cover) == ("Anna", "Sea", 2004, "waves", True)


def test_picture_of_a_flac_file_is_a_cover(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.flac")
    file, picture = mutagen.flac.FLAC(path), mutagen.flac.Picture()
    picture.data = base64.b64decode("aGVsbG8=")
    file.add_picture(picture)
    file.save()
    assert read_tags(path).cover


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a", ".aiff"])
def test_every_format_is_scanned(tmp_path: Path, suffix: str) -> None:
    _write(tmp_path / f"song{suffix}")
    row = _row(_scan(tmp_path), suffix)
    assert (row["status"], row["reason"]) == ("ok", None)
    assert row["duration_s"] == pytest.approx(4.0, abs=0.2)


@pytest.mark.parametrize("suffix", [".flac", ".mp3", ".ogg", ".m4a"])
def test_new_tags_leave_the_recording_the_same(tmp_path: Path, suffix: str) -> None:
    path = _write(tmp_path / f"a{suffix}")
    before = _row(_scan(tmp_path), suffix)["track_id"]
    file = mutagen.File(path, easy=True)
    if file.tags is None:
        file.add_tags()
    file["title"] = "Another title, much longer than what was there before"
    file.save()
    after = _row(_scan(tmp_path), suffix)
    assert (after["track_id"], after["title"]) == (before, file["title"][0])


SAWTOOTH = np.arange(-8_000, 8_000, dtype=np.int16)
SILENT_MP3_FRAME = b"\xff\xfb\x90\x00" + bytes(413)


@pytest.mark.parametrize(
    ("suffix", "digest"),
    [
        (".wav", "db996fddb5537e57f1e5ab012699dbb838abc54f3d63946771f3b1f691415f37"),
        (".mp3", "a27b2b01b01931b00cb8075f084c6143ef6ab7f423d170538ad83ba3eda46b35"),
    ],
)
def test_the_hash_of_a_recording_stays_what_it_is_in_libraries(tmp_path: Path, suffix: str, digest: str) -> None:
    path = tmp_path / f"a{suffix}"
    if suffix == ".wav":
        soundfile.write(path, SAWTOOTH, 16_000)
    else:
        path.write_bytes(SILENT_MP3_FRAME * 20)
    assert encoded_audio(path).digest == digest


def test_second_scan_opens_nothing(tmp_path: Path) -> None:
    for seed in range(3):
        _write(tmp_path / f"{seed}.flac", seed)
    first = _scan(tmp_path)
    second = _scan(tmp_path, first.frame)
    assert (first.opened, second.opened) == (3, 0)
    assert second.frame.equals(first.frame)


def test_moved_file_is_recognised(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.flac")
    first = _scan(tmp_path)
    (tmp_path / "new").mkdir()
    path.rename(tmp_path / "new/other name.flac")
    second = _scan(tmp_path, first.frame)
    assert (second.opened, second.moved) == (1, 1)
    assert second.frame["track_id"].to_list() == first.frame["track_id"].to_list()


def test_new_side_car_file_is_noticed_and_preferred_to_the_tags(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.flac")
    file = mutagen.flac.FLAC(path)
    file["lyrics"] = "from the tags"
    file.save()
    first = _scan(tmp_path)
    (tmp_path / "a.lrc").write_text("[ti:Song]\n[00:01.00]<00:01.00>from <00:02.00>the file\n")
    second = _scan(tmp_path, first.frame)
    assert _row(first, "a.flac")["lyrics"] == "from the tags"
    assert (second.opened, _row(second, "a.flac")["lyrics"]) == (1, "from the file")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("größer".encode("latin-1"), "größer"),
        ("größer".encode("utf-16"), "größer"),
        ("größer".encode("utf-8-sig"), "größer"),
    ],
)
def test_lyrics_files_are_read_in_any_encoding(content: bytes, expected: str) -> None:
    assert decoded(content) == expected


def test_brackets_that_are_no_times_stay() -> None:
    assert without_times("[Chorus]\n[00:10.1][01:20.55] la la") == "[Chorus]\nla la"


def test_odd_names_are_read(tmp_path: Path) -> None:
    names = ["日本語 – 歌.flac", "e\u0301.flac", "a'b\"c;d$e.flac", " leading.flac", "percent%20.flac", "UPPER.FLAC"]
    for seed, name in enumerate(names):
        _write(tmp_path / "x.flac", seed).rename(tmp_path / name)
    found = _scan(tmp_path).frame
    assert found["status"].to_list() == ["ok"] * len(names)
    assert {Path(p).name for p in found["path"]} == set(names)


def test_name_that_is_not_utf_8_is_listed_with_what_to_do(tmp_path: Path) -> None:
    path = _write(tmp_path / "x.flac")
    os.rename(path, os.fsencode(tmp_path) + b"/caf\xe9.flac")
    row = _row(_scan(tmp_path), ".flac")
    assert (row["status"], row["reason"]) == ("invalid", "its name is not UTF-8: rename it")


def test_links_are_followed_and_each_file_is_seen_once(tmp_path: Path) -> None:
    root, elsewhere = tmp_path / "music", tmp_path / "elsewhere"
    _write(root / "a.flac", 1)
    _write(elsewhere / "b.flac", 2)
    (root / "linked").symlink_to(elsewhere)
    (root / "again").symlink_to(elsewhere)
    (root / "loop").symlink_to(root)
    (root / "z.flac").symlink_to(root / "a.flac")
    found = _scan(root).frame
    assert sorted(Path(p).name for p in found["path"]) == ["a.flac", "b.flac"]


def test_link_that_leads_nowhere_is_listed(tmp_path: Path) -> None:
    (tmp_path / "gone.mp3").symlink_to(tmp_path / "nothing.mp3")
    assert "leads nowhere" in str(_row(_scan(tmp_path), "gone.mp3")["reason"])


@pytest.mark.parametrize(("content", "reason"), [(b"", "empty"), (b"this is no music" * 100, "not readable as audio")])
def test_file_that_is_no_music_is_listed_and_the_scan_goes_on(tmp_path: Path, content: bytes, reason: str) -> None:
    _write(tmp_path / "good.flac")
    (tmp_path / "bad.mp3").write_bytes(content)
    found = _scan(tmp_path)
    assert reason in str(_row(found, "bad.mp3")["reason"])
    assert _row(found, "good.flac")["status"] == "ok"


def test_badly_encoded_tag_does_not_stop_the_scan(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.flac")
    file = mutagen.flac.FLAC(path)
    file["title"] = "caf_"
    file.save()
    path.write_bytes(path.read_bytes().replace(b"caf_", b"caf\xe9"))
    _write(tmp_path / "b.flac", 1)
    found = _scan(tmp_path).frame
    assert found.height == 2
    assert found.filter(pl.col("path").str.ends_with("b.flac"))["status"][0] == "ok"


def test_container_without_tags_that_are_known_is_scanned(tmp_path: Path) -> None:
    _encode(tmp_path / "a.opus", _music(0))
    with av.open(str(tmp_path / "a.opus")) as given, av.open(str(tmp_path / "a.webm"), "w") as webm:
        stream = webm.add_stream_from_template(given.streams.audio[0])
        for packet in given.demux(given.streams.audio[0]):
            if packet.dts is not None:
                packet.stream = stream
                webm.mux(packet)
    assert _row(_scan(tmp_path), "a.webm")["status"] == "ok"


# Opens, and answers each read at its beginning with an error of input and output.
SILENT_DRIVE = Path("/proc/self/mem")
with_silent_drive = pytest.mark.skipif(not SILENT_DRIVE.exists(), reason=f"no {SILENT_DRIVE} here to fail at reading")


@with_silent_drive
def test_a_drive_that_does_not_answer_is_the_reason() -> None:
    assert row_of((str(SILENT_DRIVE), 1, 0, 0))[-1] == "cannot be read (Input/output error)"


@with_silent_drive
def test_what_looks_damaged_because_the_drive_keeps_it_back_is_not_called_damaged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise av.error.InvalidDataError(0, "Invalid data found when processing input")

    monkeypatch.setattr(av, "open", fail)
    assert row_of((str(SILENT_DRIVE), 1, 0, 0))[-1] == "cannot be read (Input/output error)"


@pytest.mark.parametrize("error", [MemoryError(), av.error.MemoryError(12, "Cannot allocate memory")])
def test_memory_that_ran_out_is_a_reason_that_passes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: MemoryError
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(av, "open", fail)
    assert str(row_of((str(tmp_path / "a.flac"), 1, 0, 0))[-1]).startswith(UNREAD)


@with_silent_drive
def test_a_file_that_could_not_be_read_is_tried_again(tmp_path: Path) -> None:
    _write(tmp_path / "a.flac")
    (tmp_path / "b.mp3").write_bytes(b"this is no music" * 100)
    first = _scan(tmp_path)
    unread = pl.when(pl.col("path").str.ends_with("a.flac")).then(pl.lit(row_of((str(SILENT_DRIVE), 1, 0, 0))[-1]))
    before = first.frame.with_columns(unread.otherwise("reason").alias("reason"))
    second = _scan(tmp_path, before)
    assert second.opened == 1
    assert second.frame.equals(first.frame)


def _states(folder: Path, count: int) -> list[FileState]:
    """Of files of which each fifth is no music."""
    states = []
    for n in range(count):
        path = folder / f"{n:03}.flac"
        if n % 5:
            _write(path, n, 0.5)
        else:
            path.write_bytes(b"this is no music" * 100)
        states.append((str(path), path.stat().st_size, path.stat().st_mtime_ns, 0))
    return states


def test_processes_give_the_same_rows_in_the_same_order(tmp_path: Path) -> None:
    states = _states(tmp_path, 120)
    assert list(rows_on_all_cores(states, processes=3)) == [row_of(state) for state in states]


def _reader_that(does: str, at: str) -> list[str]:
    """A command of a reader that does something else at some files."""
    program = f"""
import os, signal, sys, time
from simsong_pipeline.sources.library.recording import answer
for line in sys.stdin:
    if {at!r} in line:
        {does}
    answer([line], sys.stdout)
"""
    return [sys.executable, "-c", program]


def test_a_file_that_brings_down_its_reader_is_listed_and_the_others_go_on(tmp_path: Path) -> None:
    states = _states(tmp_path, 12)
    rows = list(rows_on_all_cores(states, 1, _reader_that("os.kill(os.getpid(), signal.SIGSEGV)", "007.flac")))
    reason = f"opening it brought down the process that did ({signal.strsignal(signal.SIGSEGV)}); is the file damaged?"
    assert rows.pop(7) == unusable(states[7], reason)
    assert rows == [row_of(state) for n, state in enumerate(states) if n != 7]


def test_a_file_that_brings_down_its_reader_does_not_bring_down_the_next_scan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _states(tmp_path, 2)
    crashing = partial(rows_on_all_cores, command=_reader_that("os.kill(os.getpid(), signal.SIGSEGV)", "001.flac"))
    monkeypatch.setattr(scan, "rows_on_all_cores", crashing)
    first = _scan(tmp_path)
    second = _scan(tmp_path, first.frame)
    assert second.opened == 1
    assert second.frame.equals(first.frame)
    assert "brought down" in str(_row(second, "001.flac")["reason"])


def test_a_signal_without_a_name_is_a_reason_too(tmp_path: Path) -> None:
    states = _states(tmp_path, 1)
    (row,) = rows_on_all_cores(states, 1, _reader_that("os.kill(os.getpid(), signal.SIGRTMIN + 1)", "000.flac"))
    assert str(row[-1]).startswith("opening it brought down the process that did")


def test_a_reader_that_ends_by_itself_stops_the_scan_and_names_the_file(tmp_path: Path) -> None:
    states = _states(tmp_path, 2)
    with pytest.raises(RawDataError, match=r"ended by itself at .*001\.flac \(exit status 9\)"):
        list(rows_on_all_cores(states, 1, _reader_that("sys.exit(9)", "001.flac")))


@pytest.mark.parametrize(
    ("program", "cause"),
    [
        ("raise SystemExit(9)", "exit status 9"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGILL)", signal.strsignal(signal.SIGILL)),
        ("print('a greeting')", "exit status 0"),
    ],
)
def test_a_reader_that_cannot_run_is_the_fault_of_no_file(tmp_path: Path, program: str, cause: str) -> None:
    with pytest.raises(RawDataError, match=rf"does not run \({cause}\)"):
        list(rows_on_all_cores(_states(tmp_path, 2), 1, [sys.executable, "-c", program]))


def test_modules_in_the_folder_of_the_person_are_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('not the json of Python')")
    monkeypatch.chdir(tmp_path)
    states = _states(tmp_path, 2)
    assert list(rows_on_all_cores(states)) == [row_of(state) for state in states]


def test_nobody_waits_for_a_file_that_hangs_once_the_scan_is_over(tmp_path: Path) -> None:
    rows = rows_on_all_cores(_states(tmp_path, 26), 2, _reader_that("time.sleep(20)", "025.flac"))
    next(rows)
    began = time.monotonic()
    rows.close()
    assert time.monotonic() - began < 10


def test_a_reader_ends_with_the_process_that_asked(tmp_path: Path) -> None:
    program = (
        "import os, signal; from simsong_pipeline.sources.library.readers import Reader; reader = Reader();"
        "reader.row(('x', 0, 0, 0)); print(reader._process.pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    asking = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, check=False)
    assert asking.returncode == -signal.SIGKILL
    for _ in range(100):
        if _has_ended(int(asking.stdout)):
            break
        time.sleep(0.1)
    assert _has_ended(int(asking.stdout))


def _has_ended(process: int) -> bool:
    """A zombie has: in a container, nobody may ask for what it ended with."""
    try:
        return "State:\tZ" in Path(f"/proc/{process}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_link_to_itself_is_listed(tmp_path: Path) -> None:
    (tmp_path / "x.mp3").symlink_to(tmp_path / "x.mp3")
    assert _row(_scan(tmp_path), "x.mp3")["status"] == "invalid"


def test_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RawDataError, match="no such music folder"):
        _scan(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("Anna - Sea.mp3", ("Anna", None, "Sea")),
        ("03 - Anna - Sea.mp3", ("Anna", None, "Sea")),
        ("3 - Anna - Sea.mp3", ("Anna", None, "Sea")),
        ("Anna/Waves/03 Sea.mp3", ("Anna", "Waves", "Sea")),
        ("Anna/Waves/3. Sea.mp3", ("Anna", "Waves", "Sea")),
        ("Anna/Waves/3. 1979.mp3", ("Anna", "Waves", "1979")),
        ("Anna/Waves/03b Sea.mp3", ("Anna", "Waves", "Sea")),
        ("Anna/Waves/04–Sea.mp3", ("Anna", "Waves", "Sea")),
        ("B2 Sea.mp3", (None, None, "B2 Sea")),
        ("Anna/Waves/[3] Sea.mp3", ("Anna", "Waves", "Sea")),
        ("Anna/Waves/CD 2/1-03. Sea.mp3", ("Anna", "Waves", "Sea")),
        ("Anna/Waves/2-11 Sea.mp3", ("Anna", "Waves", "Sea")),
        ("downloads/sea.mp3", (None, None, "sea")),
        ("03 Sea.mp3", (None, None, "Sea")),
        ("Waves/03 Sea.mp3", (None, None, "Sea")),
        ("Anna/Waves/99 Problems Of Mine.mp3", (None, None, "99 Problems Of Mine")),
        ("50 Cent - In Da Club.mp3", ("50 Cent", None, "In Da Club")),
        ("311 - Down.mp3", ("311", None, "Down")),
        ("3 Doors Down - Kryptonite.mp3", ("3 Doors Down", None, "Kryptonite")),
        ("10.000 Waves - Sea.mp3", ("10.000 Waves", None, "Sea")),
        ("1.5 Waves.mp3", (None, None, "1.5 Waves")),
        ("1999.mp3", (None, None, "1999")),
        ("7.mp3", (None, None, "7")),
    ],
)
def test_path_names_what_tags_do_not(path: str, expected: tuple[str | None, str | None, str]) -> None:
    found = named_by_path(Path(path))
    assert (found.artist, found.release, found.title) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("7 Sea.mp3", ("Anna", "Waves", "Sea")),
        ("7 Bo - Sea.mp3", ("Bo", None, "Sea")),
        ("107 - Sea.mp3", ("Anna", "Waves", "Sea")),
        ("7-Sea.mp3", ("Anna", "Waves", "Sea")),
        ("7_9 Seas.mp3", ("Anna", "Waves", "9 Seas")),
        ("B2 Sea.mp3", ("Anna", "Waves", "Sea")),
        ("b2 - 7 Seas.mp3", ("Anna", "Waves", "7 Seas")),
    ],
)
def test_any_number_is_a_tracks_where_the_files_beside_are_numbered(name: str, expected: tuple[str, str, str]) -> None:
    found = named_by_path(Path("Anna/Waves") / name, numbered=True)
    assert (found.artist, found.release, found.title) == expected


@pytest.mark.parametrize(
    ("names", "numbered"),
    [
        (["1 Sea.mp3", "2 Sky.mp3", "3 Sun.mp3"], True),
        (["1 Sea.mp3", "2 Sky.mp3", "5 Sun.mp3"], True),
        (["101 Sea.mp3", "102 Sky.mp3", "201 Sun.mp3"], True),
        (["50 Cent - A.mp3", "3 Doors Down - B.mp3", "311 - C.mp3", "4 Non Blondes - D.mp3"], False),
        (["50 Cent - A.mp3", "50 Cent - B.mp3"], False),
        (["7 Years.mp3", "1-03 Song.mp3"], False),
        (["1 Sea.mp3", "Sky.mp3", "Sun.mp3"], False),
        (["1 Sea.mp3"], False),
        (["1979.mp3", "1999.mp3"], False),
        (["A1 Sea.mp3", "A2 Sky.mp3", "B1 Sun.mp3"], True),
        (["B12 - Sea.mp3", "B52 - Sky.mp3"], False),
    ],
)
def test_folder_is_numbered_when_nearly_all_its_files_are_from_one_on(names: list[str], numbered: bool) -> None:
    assert is_numbered(names) is numbered


def test_what_lies_above_the_library_says_nothing_of_a_song(tmp_path: Path) -> None:
    _write(tmp_path / "Anna/Music/1-03 Sea.flac")
    row = _row(_scan(tmp_path / "Anna/Music"), ".flac")
    assert (row["artist"], row["release"], row["title"]) == (None, None, "Sea")


def test_the_files_beside_decide_what_a_number_is(tmp_path: Path) -> None:
    for number, name in enumerate(["Sea", "Sky", "Sun"], 1):
        _write(tmp_path / f"Bo/Waves/{number} {name}.flac", number)
    for seed, name in enumerate(["50 Cent - Club", "4 Winds - Sea", "Anna - Sky"], 4):
        _write(tmp_path / f"mixed/{name}.flac", seed)
    found = _scan(tmp_path).frame.select("artist", "release", "title").rows()
    assert found == [
        ("Bo", "Waves", "Sea"),
        ("Bo", "Waves", "Sky"),
        ("Bo", "Waves", "Sun"),
        ("4 Winds", None, "Sea"),
        ("50 Cent", None, "Club"),
        ("Anna", None, "Sky"),
    ]


def test_a_scan_by_an_earlier_version_is_made_again(tmp_path: Path) -> None:
    _write(tmp_path / "a.flac")
    first = _scan(tmp_path)
    before = completed(first.frame.drop("reading").with_columns(title=pl.lit("as read before")), LIBRARY_FILES)
    assert _scan(tmp_path, before).frame.equals(first.frame)


def test_copies_of_a_file_are_one_track_and_listed(tmp_path: Path) -> None:
    shutil.copy(_write(tmp_path / "a.flac"), tmp_path / "b.flac")
    rows = library_tracks(_scan(tmp_path).frame)
    assert rows.filter(pl.col("unreadable").is_null()).height == 1
    assert "same file content as" in rows["unreadable"].drop_nulls()[0]


def test_songs_without_tags_are_by_artists_of_their_own(tmp_path: Path) -> None:
    for seed in range(2):
        _write(tmp_path / f"song{seed}.flac", seed)
    rows = library_tracks(_scan(tmp_path).frame)
    assert rows["artist_name"].to_list() == ["Unknown artist"] * 2
    assert rows["artist_id"].n_unique() == 2


def _prints(*seeds: int) -> dict[str, Fingerprint]:
    front_end = LogMelConfig()
    return {str(s): fingerprint(log_mel(_resampled(_music(s, 8.0)), front_end)) for s in seeds}


def _resampled(samples: np.ndarray) -> np.ndarray:
    import soxr

    return soxr.resample(samples, RATE, 16_000)


def test_another_encoding_has_nearly_the_same_fingerprint_and_another_song_has_not(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.mp3", _music(1, 8.0), RATE)
    coded, _ = soundfile.read(tmp_path / "a.mp3", dtype="float32")
    prints = _prints(1, 2)
    recoded = fingerprint(log_mel(_resampled(coded), LogMelConfig()))
    assert bit_error(prints["1"].codes, recoded.codes) < 0.2
    assert bit_error(prints["1"].codes, prints["2"].codes) > 0.3


def _library(tmp_path: Path) -> tuple[Path, Workspace, PipelineConfig]:
    """Twelve songs by six artists, one of them twice, in another encoding."""
    root = tmp_path / "music"
    for seed in range(12):
        _write(root / f"Artist {seed // 2} - Song {seed}.flac", seed, 6.0)
    soundfile.write(root / "Artist 0 - Song 0.mp3", _music(0, 6.0), RATE)
    changes = {"evaluation": SMALL_CONFIG.evaluation.model_copy(update={"relevance": "artist"})}
    return root, Workspace(tmp_path / "home"), SMALL_CONFIG.model_copy(update=changes)


@pytest.mark.slow
def test_library_runs_through_the_whole_pipeline_and_knows_its_songs_again(tmp_path: Path) -> None:
    root, workspace, config = _library(tmp_path)
    (root / "Artist 1 - Song 2.txt").write_text("the sea the sea the wide and open sea")
    source = SourceConfig(library=root)
    first = run(run_of(workspace, source, config, publish_anyway=True))
    assert (first.tracks, first.embedded) == (13, 12)
    copies = workspace.read("exclusions").filter(pl.col("reason").str.starts_with("the same recording as"))
    assert copies["file"].to_list() == [str(root / "Artist 0 - Song 0.mp3")]
    assert workspace.read("lyrics").filter(status="ok").height == 1
    with workspace.store(config.store) as store:
        # The copy is no second song of that name.
        assert Songs(workspace, store, config).find("Song 0").name == "Artist 0 - Song 0"
    (root / "sub").mkdir()
    (root / "Artist 2 - Song 4.flac").rename(root / "sub/renamed.flac")
    second = run(run_of(workspace, source, config, publish_anyway=True))
    assert second.embedded == 0


@pytest.mark.slow
def test_library_without_anything_related_is_refused_unless_published_anyway(tmp_path: Path) -> None:
    root, workspace, config = _library(tmp_path)
    for seed, path in enumerate(sorted(root.glob("*.flac"))):
        path.rename(root / f"song{seed}.flac")
    (root / "Artist 0 - Song 0.mp3").unlink()
    source = SourceConfig(library=root)
    with pytest.raises(EvaluationError, match="--publish-anyway"):
        run(run_of(workspace, source, config))
    summary = run(run_of(workspace, source, config, publish_anyway=True))
    assert summary.upserted == 12


@pytest.mark.slow
def test_real_recordings_are_scanned_and_prepared(tmp_path: Path, shared: Path) -> None:
    config = PipelineConfig(evaluation=SMALL_CONFIG.evaluation.model_copy(update={"relevance": "artist"}))
    workspace = Workspace(tmp_path)
    source = SourceConfig(library=shared / "open_music")
    frames = prepare(run_of(workspace, source, config), Ahead(workspace, config, {}))
    assert frames.segment_features.height == 36


def test_bins_and_the_systems_own_folders_are_no_music_and_other_forms_are_counted(tmp_path: Path) -> None:
    _write(tmp_path / "Artist/Recycler/01 Song.flac")
    thrown = (
        "#recycle/x",
        "$Recycle.Bin/S-1-5",
        "@Recycle",
        "@eaDir/a.flac",
        ".Trash-1000/files",
        "lost+found",
        "__MACOSX",
    )
    for seed, folder in enumerate((*thrown, "System Volume Information"), start=1):
        _write(tmp_path / "Artist" / folder / f"{seed}.flac", seed)
    for name in ("a.M4B", "b.m4b", "c.tak", "d.m4p", "e.mid", "#recycle/f.m4b", "._g.shn"):
        (tmp_path / "Artist" / name).write_bytes(b"x")
    found = _scan(tmp_path)
    assert [Path(p).name for p in found.frame["path"]] == ["01 Song.flac"]
    assert found.passed_over == {".m4b": 2, ".m4p": 1, ".mid": 1, ".tak": 1}


def test_lyrics_that_are_no_text_are_left_out_with_their_reason_and_the_song_is_kept(tmp_path: Path) -> None:
    _write(tmp_path / "a.flac")
    (tmp_path / "a.lrc").write_bytes(bytes(range(256)))
    row = _row(_scan(tmp_path), "a.flac")
    assert (row["status"], row["lyrics"]) == ("ok", None)
    assert "a.lrc are left out" in str(row["reason"])
    pages = library_lyrics(_scan(tmp_path).frame)
    lyrics = build_lyrics(pages.select("track_id"), [pages])
    assert (lyrics["status"][0], lyrics["reason"][0]) == ("invalid", row["reason"])


def test_a_lyrics_file_whose_suffix_is_of_any_case_is_noticed_when_it_changes(tmp_path: Path) -> None:
    _write(tmp_path / "a.flac")
    (tmp_path / "a.flac.Lrc").write_text("first words")
    first = _scan(tmp_path)
    (tmp_path / "a.flac.Lrc").write_text("other words")
    os.utime(tmp_path / "a.flac.Lrc", ns=(1, 1))
    second = _scan(tmp_path, first.frame)
    assert (_row(first, "a.flac")["lyrics"], _row(second, "a.flac")["lyrics"]) == ("first words", "other words")


def test_lyrics_in_tags_that_were_saved_in_an_old_encoding_are_mended(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.flac")
    file = mutagen.flac.FLAC(path)
    file["lyrics"] = "夜里听见河水的声音\n我想念远方的你".encode("gb18030").decode("latin-1")
    file.save()
    assert _row(_scan(tmp_path), "a.flac")["lyrics"] == "夜里听见河水的声音\n我想念远方的你"


def test_files_without_names_are_counted(tmp_path: Path) -> None:
    _write(tmp_path / "one.flac", 1)
    _write(tmp_path / "Artist - Song.flac", 2)
    (tmp_path / "broken.flac").write_bytes(b"fLaC")
    found = _scan(tmp_path)
    assert found.unnamed == 1
    assert [line.split(":")[0] for line in noteworthy(found)] == ["1 of 3 files have no artist or no title"]
