"""What readers of documents have before the first command: music, data, homes, a Qdrant server."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote_plus

import polars as pl
from conftest import SMALL_CONFIG, SMALL_TOML, run_of
from fake_youtube import FakeYouTube, Video, sound, tone
from loopback import serve
from qdrant_server import QdrantServer
from walks import Walk, free_port

from simsong_pipeline.config import PipelineConfig
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.providers.fetching import wanted_tracks
from simsong_pipeline.providers.raw_source import source_of_tracks
from simsong_pipeline.runs.run import run
from simsong_pipeline.sources.source import SourceConfig

# Of the data set's features.
BRIEF_TOML = """
[encoder]
kind = "events"
embedding_dim = 16
[events]
steps = 2
width = 8
layers = 1
[train]
steps = 6
head_steps = 6
batch_size = 8
warmup_steps = 1
validate_every = 3
"""
# Songs that documents name, of the whole sample catalogue and of nobody's.
_SONGS = ("The Long White Line", "The Cannon", "A Tired Miner", "Hanna Gallo - The Old Front Door", "Song A", "Song B")


def with_settings(walk: Walk) -> None:
    """Small networks, and what they come to is published whatever it proves; small numbers."""
    small, brief = walk.folder / "small.toml", walk.folder / "brief.toml"
    small.write_text(SMALL_TOML)
    brief.write_text(BRIEF_TOML)
    walk.more |= {name: ["--config", str(small), "--publish-anyway"] for name in ("run", "library")}
    walk.more["refresh"] = ["--publish-anyway"]
    walk.sizes |= {"2000": "20", "0.01": "1", "120000": "150", "9464": str(free_port())}


def with_home(walk: Walk, finished: Workspace, *names: str) -> None:
    """Homes that a run was finished in; documents' songs are some of the first one's."""
    for name in names:
        shutil.copytree(finished.home, walk.folder / name)
    walk.parts |= {
        "HOME": names[0],
        "http://127.0.0.1:8080": "http://SERVICE",
        "http://my-machine:8080": "http://SERVICE",
    }
    kept = finished.read("tracks").join(finished.read("exclusions"), on="track_id", how="anti")
    songs = kept.unique("title", keep="none").sort("track_id").filter(pl.col("title").str.len_chars() > 3)
    for name, track_id in zip(_SONGS, songs["track_id"].head(len(_SONGS)), strict=True):
        walk.parts |= {name: track_id, quote_plus(name): track_id}
    walk.parts["Hanna Gallo"] = songs["artist_name"][0]


@dataclass(frozen=True)
class Listener:
    """A person's folder, with `Music`, a table of it, a playlist, and a home of the music that has had two models."""

    folder: Path
    home: Path


def listener_in(folder: Path, raw: Path) -> Listener:
    """The sample's recordings as music by artists, and two runs over them."""
    files = sorted(p for p in (raw / "audio").rglob("*") if p.is_file() and p.stat().st_size > 2_000)
    assert len(files) > 40
    rows = []
    for number, file in enumerate(files):
        artist, title = f"Artist {number % 12}", "Song A" if number == 0 else f"Song {number}"
        target = folder / "Music" / artist / f"{artist} - {title}{file.suffix}"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
        rows.append((str(target), artist, title, "folk"))
    table = pl.DataFrame(rows, schema=["path", "artist", "title", "genre"], orient="row")
    table.write_csv(folder / "songs.csv")
    (folder / "Playlists").mkdir()
    chosen = "\n".join(path for path, *_ in rows[:12])
    (folder / "Playlists" / "mine.m3u8").write_text(f"#EXTM3U\n{chosen}\n")
    config = SMALL_CONFIG.model_copy(
        update={"evaluation": SMALL_CONFIG.evaluation.model_copy(update={"relevance": "artist"})}
    )
    wider = config.model_copy(update={"encoder": config.encoder.model_copy(update={"embedding_dim": 24})})
    for each in (wider, config):
        source = SourceConfig(library=folder / "Music")
        run(run_of(Workspace(folder / "home"), source, each, publish_anyway=True, promote_anyway=True))
    return Listener(folder, folder / "home")


def with_music(walk: Walk, folder: Path) -> None:
    """Of a listener, whose own folder it is that `~` stands for."""
    walk.patch.setenv("HOME", str(folder))
    shutil.copyfile(folder / "songs.csv", walk.folder / "songs.csv")
    walk.parts[str(walk.root / "music")] = str(folder / "Music")


def with_data_set(walk: Walk, raw: Path) -> None:
    """The data set as it is, without recordings, and a YouTube that has some of them."""
    data = walk.root / "data" / "msd"
    shutil.copytree(raw, data)
    scratch = Workspace(walk.folder / "scratch")
    script, media = FakeYouTube(), [sound(tone(20.0))]
    for number, track in enumerate(wanted_tracks(scratch, source_of_tracks(scratch, data), PipelineConfig())):
        name = track.name
        if number % 4 == 0:
            seconds = track.duration_s or 20
            script.song(f"{name.artist} {name.title}", Video(name.title, f"{name.artist} - Topic", seconds, media))
    youtube = walk.opened.enter_context(serve(script))
    config = walk.folder / "youtube.toml"
    config.write_text(f'[youtube]\nsite = "{youtube.address}"\ninterval_s = 0.0\n')
    walk.more["fetch audio"] = ["--config", str(config)]
    walk.more["run --raw"] = ["--config", str(walk.folder / "brief.toml"), "--publish-anyway"]
    few = ["--methods", "timbre", "ns_audio", "--bootstrap", "50"]
    walk.more["-m benchmarks.msd"] = ["--score", "0.02", *few]


def with_qdrant(walk: Walk, key: str = "") -> QdrantServer:
    """A Qdrant server where documents have one."""
    server = walk.opened.enter_context(serve(QdrantServer(key)))
    walk.parts["http://localhost:6333"] = server.address
    return server
