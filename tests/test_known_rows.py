"""What buckets say of their songs is read from one file while theirs are as they were, and from theirs otherwise."""

import os
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from simsong_pipeline.audio import known_rows
from simsong_pipeline.audio.known_rows import KnownRows

SCHEMA = {"track_id": pl.String, "tags": pl.List(pl.Float32), "tempo_bpm": pl.Float64}


class Folder:
    """Four buckets, the last of them without a file and the first without songs; `read` notes what is read."""

    def __init__(self, path: Path) -> None:
        self.path, self.files = path, {n: path / f"bucket-{n:02d}.parquet" for n in range(4)}
        self.asked: list[int] = []
        path.mkdir()
        for bucket, songs in ((0, 0), (1, 3), (2, 2)):
            self.write(bucket, songs)

    def write(self, bucket: int, songs: int, tempo: float | None = 120.0) -> None:
        rows = [(f"T{bucket}{n}", [0.5, n / 3], tempo) for n in range(songs)]
        pl.DataFrame(rows, schema=SCHEMA, orient="row").write_parquet(self.files[bucket], compression="uncompressed")

    def read(self, bucket: int) -> pl.DataFrame:
        self.asked.append(bucket)
        there = self.files[bucket].is_file()
        return pl.read_parquet(self.files[bucket]) if there else pl.DataFrame(schema=SCHEMA)

    def rows(self, buckets: tuple[int, ...] = (0, 1, 2, 3)) -> dict[int, pl.DataFrame]:
        """What is known; `asked` says what was read for it."""
        self.asked = []
        files = {n: self.files[n] for n in buckets}
        return KnownRows(self.path, SCHEMA).of(files, self.read, keep=len(buckets) == len(self.files))

    def is_right(self, buckets: tuple[int, ...] = (0, 1, 2, 3)) -> bool:
        """Whether what is known is what the files say."""
        known = self.rows(buckets)
        asked = list(self.asked)
        right = {n: self.read(n) for n in buckets}
        self.asked = asked
        return known.keys() == right.keys() and all(known[n].equals(right[n]) for n in buckets)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    made = Folder(tmp_path / "features")
    assert made.is_right()
    assert made.asked == [0, 1, 2, 3]
    return made


def test_files_that_are_as_they_were_are_not_read(folder: Folder) -> None:
    for _ in range(2):
        assert folder.is_right()
        assert folder.asked == [3]  # which is not there
        assert folder.is_right((1, 2))
        assert folder.asked == []


@pytest.mark.parametrize("change", ["rows", "a value", "gone"])
def test_a_file_that_changed_is_read_and_no_other(folder: Folder, change: str) -> None:
    if change == "gone":
        folder.files[2].unlink()
    else:
        folder.write(2, 5 if change == "rows" else 2, None)
    assert folder.is_right()
    assert folder.asked == [2, 3]
    assert folder.is_right()
    assert folder.asked == ([2, 3] if change == "gone" else [3])


def test_another_file_of_the_same_size_and_time_is_another_file(folder: Folder) -> None:
    stat, aside = folder.files[1].stat(), folder.path / "aside"
    folder.files[1].rename(aside)
    folder.write(1, 3, 99.0)
    os.utime(folder.files[1], ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert folder.files[1].stat().st_size == stat.st_size  # one number in place of another
    assert folder.is_right()
    assert folder.asked == [1, 3]


def test_a_file_that_is_replaced_while_it_is_read_is_read_again(folder: Folder) -> None:
    folder.write(1, 4)
    read = folder.read

    def replaced_meanwhile(bucket: int) -> pl.DataFrame:
        rows = read(bucket)
        if bucket == 1:
            folder.write(1, 6)
        return rows

    folder.read = replaced_meanwhile  # type: ignore[method-assign]
    assert folder.rows()[1].height == 4
    folder.read = read  # type: ignore[method-assign]
    assert folder.is_right()
    assert folder.asked == [1, 3]


def test_who_looks_at_some_buckets_leaves_the_others_known(folder: Folder) -> None:
    folder.write(1, 7)
    assert folder.is_right((1,))
    assert folder.asked == [1]
    assert folder.is_right()
    assert folder.asked == [1, 3]


@pytest.mark.parametrize(
    "harm",
    [
        lambda p: (p / "known_rows.bin").unlink(),
        lambda p: (p / "known_rows.json").unlink(),
        lambda p: (p / "known_rows.bin").write_bytes(b"half"),
        lambda p: (p / "known_rows.json").write_text('{"rows": "x"'),
        lambda p: (p / "known_rows.json").write_text("{}"),
        lambda p: pl.DataFrame({"track_id": ["T10"]}).write_parquet(p / "known_rows.bin"),
    ],
)
def test_without_a_whole_record_the_files_are_read(folder: Folder, harm: Callable[[Path], object]) -> None:
    harm(folder.path)
    assert folder.is_right()
    assert folder.asked == [0, 1, 2, 3]
    assert folder.is_right()
    assert folder.asked == [3]


def test_a_run_that_is_killed_between_the_two_files_vouches_for_nothing_false(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.write(1, 8)
    (folder.path / ".known_rows.bin.0123.part").write_bytes(b"half")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(known_rows, "write_json", killed)
        with pytest.raises(KeyboardInterrupt):
            folder.rows()
    assert folder.is_right()
    assert folder.is_right()
    assert folder.asked == [3]
    assert not list(folder.path.glob(".*.part"))
