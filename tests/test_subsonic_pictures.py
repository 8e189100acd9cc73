"""Covers in the size that a player asks for: what is made smaller, and what is left as it is."""

import struct
import zlib
from io import BytesIO
from pathlib import Path

import polars as pl
import pytest
from PIL import Image
from serving import served

from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.runs.summary import RunSummary
from simsong_pipeline.service.subsonic.pictures import drawn, fitted


def _picture(size: tuple[int, int], kind: str = "JPEG", mode: str = "RGB", color: object = (200, 40, 10)) -> bytes:
    file = BytesIO()
    Image.new(mode, size, color).save(file, kind)  # type: ignore[arg-type]
    return file.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP"])
@pytest.mark.parametrize(("size", "small"), [((800, 400), (100, 50)), ((90, 360), (25, 100)), ((101, 101), (100, 100))])
def test_a_picture_is_made_smaller_and_keeps_its_form(kind: str, size: tuple[int, int], small: tuple[int, int]) -> None:
    found = fitted(_picture(size, kind), 100)
    assert found is not None
    with Image.open(BytesIO(found[1])) as picture:
        assert picture.size == small
        assert found[0] == f"image/{str(picture.format).lower()}"
        red, green, blue = picture.convert("RGB").getpixel((small[0] // 2, small[1] // 2))  # type: ignore[misc]
    assert red > 150
    assert max(green, blue) < 80


def test_what_shows_through_goes_on_to() -> None:
    found = fitted(_picture((300, 300), "PNG", "RGBA", (9, 9, 9, 0)), 100)
    assert found is not None
    with Image.open(BytesIO(found[1])) as picture:
        assert picture.convert("RGBA").getpixel((50, 50))[3] == 0  # type: ignore[index]


@pytest.mark.parametrize("mode", ["L", "1", "CMYK"])
def test_other_colours_are_read_too(mode: str) -> None:
    kind = "PNG" if mode == "1" else "JPEG"
    assert fitted(_picture((300, 300), kind, mode, 0), 100) is not None


def test_a_small_picture_stays_as_it_is() -> None:
    assert fitted(_picture((100, 80)), 100) is None


@pytest.mark.parametrize(
    "data",
    [b"", b"<svg/>", b"\xff\xd8\xff" + bytes(50), _picture((800, 800))[:2_000], _picture((800, 800), "PNG")[:60]],
)
def test_what_cannot_be_read_stays_as_it_is(data: bytes) -> None:
    assert fitted(data, 100) is None


@pytest.mark.parametrize("size", [(9_000, 6_000), (12_000, 12_000), (60_000, 60_000)])
def test_a_small_file_with_too_many_points_is_not_opened(size: tuple[int, int]) -> None:
    small = _picture((300, 300), "PNG", "L", 0)
    head = b"IHDR" + struct.pack(">II", *size) + small[24:29]
    claimed = small[:12] + head + struct.pack(">I", zlib.crc32(head)) + small[33:]
    assert fitted(small, 100) is not None
    assert fitted(claimed, 100) is None


@pytest.mark.parametrize("name", ["Sea Song", "", "Ж", "海", "<b>", "\x00"])
def test_a_drawn_one_is_the_same_for_the_same_id(name: str) -> None:
    one = drawn("T1", name, 60)
    assert one == drawn("T1", name, 60)
    assert one != drawn("T2", name, 60)
    for asked, made in ((0, 16), (60, 60), (9_999, 1_200)):
        with Image.open(BytesIO(drawn("T1", name, asked))) as picture:
            assert picture.size == (made, made)


def test_a_cover_beside_a_recording_comes_whole_or_smaller(
    finished_run: tuple[Workspace, RunSummary], run_copy: Workspace
) -> None:
    audio = run_copy.read("audio")
    moved = pl.col("path").str.replace(str(finished_run[0].home), str(run_copy.home), literal=True)
    run_copy.write("audio", audio.with_columns(moved))
    with served(run_copy, read_only=True) as running, running.client() as client:
        song = running.service.snapshots.present.library.songs_at([0])[0]
        assert song.path is not None
        picture = _picture((900, 600))
        Path(song.path).with_name("cover.jpg").write_bytes(picture)
        assert client.get("/rest/getCoverArt", params={"id": song.id}).content == picture
        assert client.get("/rest/getCoverArt", params={"id": song.id, "size": 900}).content == picture
        small = client.post("/rest/getCoverArt.view", data={"id": song.album_id, "size": 90})
    assert small.headers["content-type"] == "image/jpeg"
    with Image.open(BytesIO(small.content)) as read:
        assert read.size == (90, 60)
