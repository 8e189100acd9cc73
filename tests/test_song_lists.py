"""Lists of songs that owners of other servers save, and a home that is linked by one."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import soundfile
from mutagen.flac import FLAC
from typer.testing import CliRunner

from simsong_pipeline.cli.main import app
from simsong_pipeline.errors import RawDataError
from simsong_pipeline.home.links import links_of
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.linking.song_lists import read_songs
from simsong_pipeline.schemas import AUDIO, TRACKS, conform, polars_schema

JELLYFIN_ID = "{:032x}"


def _read(folder: Path, content: bytes | str | object) -> pl.DataFrame:
    path = folder / "songs"
    held = content if isinstance(content, bytes | str) else json.dumps(content)
    path.write_bytes(held.encode() if isinstance(held, str) else held)
    return read_songs(path)


def test_jellyfins_items(tmp_path: Path) -> None:
    item = {
        "Id": JELLYFIN_ID.format(7),
        "Name": "Jóga",
        "Album": "Homogenic",
        "AlbumArtist": "Various Artists",
        "ArtistItems": [{"Name": "Björk", "Id": "a7"}, {"Name": "Other", "Id": "b"}],
        "RunTimeTicks": 3_050_000_000,
        "Path": "/media/Björk/Jóga.flac",
        "ProviderIds": {"MusicBrainzTrack": "6F3D1AD3-6d33-4e0c-9c3b-000000000001"},
    }
    found = _read(tmp_path, {"Items": [item, {"Id": "bare"}, "text"], "TotalRecordCount": 2})
    first, bare = found.iter_rows(named=True)
    assert first["external_id"] == JELLYFIN_ID.format(7)
    assert (first["artist"], first["artist_id"], first["title"]) == ("Björk", "a7", "Jóga")
    assert (first["duration_s"], first["path"]) == (305.0, "/media/Björk/Jóga.flac")
    assert first["musicbrainz_id"].startswith("6F3D")
    assert bare["title"] is None


def test_lyrions_titles(tmp_path: Path) -> None:
    title = {
        "id": 42,
        "title": "T",
        "artist": "A",
        "album": "L",
        "duration": "61.5",
        "url": "file:///m/%C3%84%20b/c%231.mp3",
    }
    found = _read(tmp_path, {"result": {"titles_loop": [title, {"id": 43, "url": "http://radio.example/x"}]}})
    assert found["external_id"].to_list() == ["42", "43"]
    assert found["path"].to_list() == ["/m/Ä b/c#1.mp3", None]
    assert found["duration_s"].to_list() == [61.5, None]


def test_a_table(tmp_path: Path) -> None:
    found = _read(tmp_path, 'id,path,title,duration\n1,/m/a.mp3,"x, y",60\n2,,z,\n1,/m/b.mp3,again,5\n')
    assert found["external_id"].to_list() == ["1", "2"]
    assert found.row(0, named=True) | {"title": "x, y", "duration_s": 60.0} == found.row(0, named=True)
    assert found.row(1, named=True)["path"] is None


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[" * 100_000, b"{}", b"[1]", b"path,title\na,b\n", b"\xff\xfe\x00", b'{"Items": 5}']
)
def test_what_is_no_list_of_songs_is_said(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(RawDataError, match="songs"):
        _read(tmp_path, content)


def test_a_home_is_linked_by_a_list_and_its_songs_are_known_by_those_ids(run_copy: Workspace, tmp_path: Path) -> None:
    heard = run_copy.read("audio").filter(pl.col("status") == "ok").select("track_id", "path").rows()
    items = [
        {"Id": JELLYFIN_ID.format(n), "Name": "x", "Path": f"/media/{'/'.join(Path(path).parts[-4:])}"}
        for n, (_, path) in enumerate(heard)
    ]
    (tmp_path / "items.json").write_text(json.dumps({"Items": items}))
    words = [
        "link",
        "http://jellyfin.example:8096",
        "--songs",
        str(tmp_path / "items.json"),
        "--home",
        str(run_copy.home),
    ]
    done = CliRunner().invoke(app, [*words, "--json"], env={"SIMSONG_SUBSONIC_USER": None})
    assert done.exit_code == 0, done.output
    link = links_of(run_copy).link
    assert link is not None
    ids = dict(run_copy.read(link.frame("external_ids")).select("track_id", "external_id").rows())
    assert ids == {track_id: JELLYFIN_ID.format(n) for n, (track_id, _) in enumerate(heard)}
    (tmp_path / "x.m3u8").write_text("x.mp3\n")
    pushed = CliRunner().invoke(app, ["playlist", "push", str(tmp_path / "x.m3u8"), "--home", str(run_copy.home)])
    assert "cannot be asked" in str(pushed.exception)


def test_recordings_are_known_by_the_ids_in_their_tags(tmp_path: Path) -> None:
    """Where neither place nor name says which song it is."""
    ids = [f"6f3d1ad3-6d33-4e0c-9c3b-{n:012d}" for n in range(3)]
    files = [tmp_path / f"{n}.flac" for n in range(3)]
    for file, recording in zip(files, ids, strict=True):
        soundfile.write(file, np.zeros(16_000, np.float32), 16_000)
        tags = FLAC(file)
        tags["musicbrainz_trackid"] = recording
        tags.save()
    workspace = Workspace(tmp_path / "home")
    names = {"song_id": None, "artist_id": "a", "artist_ids": ["a"], "artist_name": "A", "title": "T", "source": "x"}
    rows = [
        {**names, "track_id": f"t{n}"} | dict.fromkeys(("release", "year", "duration_s", "genre")) for n in range(3)
    ]
    workspace.write("tracks", conform(pl.DataFrame(rows, schema=polars_schema(TRACKS, 1)), TRACKS))
    audio = [
        {
            "track_id": f"t{n}",
            "path": str(file),
            "size_bytes": 1,
            "modified_ns": n + 1,
            "duration_s": 1.0,
            "status": "ok",
        }
        for n, file in enumerate(files)
    ]
    full = [dict.fromkeys(AUDIO.columns) | row for row in audio]
    workspace.write("audio", conform(pl.DataFrame(full, schema=polars_schema(AUDIO, 1)), AUDIO))
    items = [
        {"Id": f"s{n}", "ProviderIds": {"MusicBrainzRecording": recording.upper()}} for n, recording in enumerate(ids)
    ]
    (tmp_path / "items.json").write_text(json.dumps({"Items": [*items, {"Id": "other", "ProviderIds": {}}]}))
    words = ["link", "http://j.example", "--songs", str(tmp_path / "items.json"), "--home", str(workspace.home)]
    done = CliRunner().invoke(app, [*words, "--json"])
    assert done.exit_code == 0, done.output
    link = links_of(workspace).link
    assert link is not None
    found = workspace.read(link.frame("external_ids"))
    assert set(found["how"]) == {"musicbrainz"}
    assert dict(found.select("external_id", "track_id").rows()) == {f"s{n}": f"t{n}" for n in range(3)}
