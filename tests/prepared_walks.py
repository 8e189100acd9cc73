"""What a reader of each document has before its first command; of one that is not named here a finished home."""

import io
import json
import os
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path

import fsspec
import numpy as np
import polars as pl
import pytest
import soundfile
from clap_tiny import write_clap
from conftest import SMALL_SAMPLE, run_of
from documents import ROOT, called
from fake_music_servers import MusicServers
from loopback import serve
from qdrant_client import QdrantClient, models
from s3_bucket import bucket
from subsonic_server import PASSWORD, USER, supysonic
from walk_inputs import Listener, with_data_set, with_home, with_music, with_qdrant, with_settings
from walks import KEY, Walk

from simsong_pipeline.config import InferenceConfig, PipelineConfig
from simsong_pipeline.home.model_cache import MusicnnFiles
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.model_places import cache_folder
from simsong_pipeline.runs.run import run
from simsong_pipeline.service.playlists import KeptPlaylist, Playlists
from simsong_pipeline.sources.sample.generate import write_sample
from simsong_pipeline.sources.source import SourceConfig

Fixture = Callable[[str], object]


def prepared(walk: Walk, document: Path, fixture: Fixture) -> None:
    """All of it.

    Args:
        fixture: a fixture of the tests by its name.
    """
    with_settings(walk)
    _BEFORE.get(called(document), _finished)(walk, fixture)


def _raw(fixture: Fixture) -> Path:
    raw = fixture("sample_raw")
    assert isinstance(raw, Path)
    return raw


def _home(fixture: Fixture) -> Workspace:
    return fixture("finished_run")[0]  # type: ignore[index, no-any-return]


def _finished(walk: Walk, fixture: Fixture) -> None:
    with_home(walk, _home(fixture), "simsong-data", "my-music", "my-home")
    (walk.root / "backups").mkdir()


def _listener(walk: Walk, fixture: Fixture, *homes: str) -> None:
    """Somebody with music, and homes of it that were run before."""
    listener: Listener = fixture("listener")  # type: ignore[assignment]
    with_music(walk, listener.folder)
    for name in homes:
        shutil.copytree(listener.home, walk.folder / name)


def _readme(walk: Walk, fixture: Fixture) -> None:
    """Nothing was run before; the sample catalogue of `make demo` is a small one."""
    fixture("musicnn_files")
    _listener(walk, fixture)
    with_data_set(walk, fixture("features_raw"))  # type: ignore[arg-type]
    with_qdrant(walk)
    write_sample(walk.folder / "demo" / "raw", SMALL_SAMPLE.model_copy(update={"songs": 24, "artists": 8}))
    walk.more["make demo"] = [f"DEMO_HOME={walk.folder / 'demo'}"]
    (walk.folder / "msd-benchmark" / "homes").mkdir(parents=True)
    (walk.folder / "msd-benchmark" / "homes" / "1-msd").symlink_to(walk.folder / "msd")


def _your_music(walk: Walk, fixture: Fixture) -> None:
    _listener(walk, fixture, "my-music")


def _nights(walk: Walk, fixture: Fixture) -> None:
    _listener(walk, fixture, "my-home")


def _data_set(walk: Walk, fixture: Fixture) -> None:
    """A home of it was run before, and another is begun."""
    with_data_set(walk, fixture("features_raw"))  # type: ignore[arg-type]
    home: Workspace = fixture("features_run")[0]  # type: ignore[index]
    shutil.copytree(home.home, walk.folder / "msd")
    walk.more["run --raw --share"] = ["--publish-anyway"]  # by the settings that it had


def _machines_home(walk: Walk, fixture: Fixture) -> None:
    """None of whose songs is heard."""
    shutil.copytree(_home(fixture).home, walk.folder / "my-home")
    shutil.rmtree(walk.folder / "my-home" / "features")


def _benchmark(walk: Walk, fixture: Fixture) -> None:
    """Another system has vectors of the songs."""
    _data_set(walk, fixture)
    (walk.folder / "msd-benchmark" / "homes").mkdir(parents=True)
    (walk.folder / "msd-benchmark" / "homes" / "1-msd").symlink_to(walk.folder / "msd")
    ids = sorted(path.stem for path in (walk.root / "data" / "msd" / "msd" / "data").rglob("*.h5"))
    vectors = np.random.default_rng(0).standard_normal((len(ids), 4)).tolist()
    pl.DataFrame({"track_id": ids, "vector": vectors}).write_parquet(walk.folder / "mine.parquet")
    walk.more["sample"] = ["--songs", "16", "--artists", "8", "--styles", "2"]


def _clap(walk: Walk, fixture: Fixture) -> None:
    """Songs heard by a tiny CLAP, some with lyrics."""
    write_clap(walk.folder / "model")
    walk.patch.setenv("SIMSONG_MODELS", str(walk.folder / "models"))
    (walk.folder / "Music").mkdir()
    rng = np.random.default_rng(0)
    for number in range(6):
        soundfile.write(walk.folder / "Music" / f"{number}.flac", 0.1 * rng.normal(size=22_050 * 11), 22_050)
        if number % 2:
            (walk.folder / "Music" / f"{number}.txt").write_text(f"the sea and the road number {number}")
    encoder = {"kind": "clap", "pretrained": str(walk.folder / "model"), "embedding_dim": 8}
    told = {"encoder": encoder, "evaluation": {"relevance": "artist"}, "inference": InferenceConfig(provider="cpu")}
    source = SourceConfig(library=walk.folder / "Music")
    run(run_of(Workspace(walk.folder / "simsong-data"), source, PipelineConfig.model_validate(told)))


def _players(walk: Walk, fixture: Fixture) -> None:
    """Three music servers over the home's songs, and a playlist that is kept."""
    _finished(walk, fixture)
    home, music = Workspace(walk.folder / "my-music"), walk.folder / "server" / "music"
    shutil.copytree(_raw(fixture) / "audio", music)
    running = walk.opened.enter_context(supysonic(music.parent / "supysonic", music))
    heard = home.read("audio").filter(pl.col("status") == "ok").join(home.read("tracks"), on="track_id")
    others = walk.opened.enter_context(serve(MusicServers(dict(heard.select("path", "title").rows()))))
    walk.parts |= {"http://navidrome:4533": running.url, "_PASSWORD=secret": f"_PASSWORD={PASSWORD}"}
    walk.parts |= {
        "http://jellyfin:8096": others.address,
        "http://lyrion:9000": others.address,
        "_USER=me": f"_USER={USER}",
    }
    songs = heard["track_id"].to_list()[:3]
    Playlists(home).add(KeptPlaylist(name="A kept playlist", created="2026-01-01", changed="2026-01-01", songs=songs))


def _qdrant(walk: Walk, fixture: Fixture) -> None:
    """A server that wants a key, and the snapshot of a collection that it had."""
    server = with_qdrant(walk, KEY)
    walk.patch.setenv("QDRANT_URL", server.address)
    walk.patch.setenv("QDRANT_API_KEY", KEY)
    with warnings.catch_warnings(action="ignore"):  # on loopback a key needs no TLS
        client = QdrantClient(url=server.address, api_key=KEY, check_compatibility=False)
    client.create_collection("was", {"song": models.VectorParams(size=2, distance=models.Distance.COSINE)})
    client.upsert("was", [models.PointStruct(id=1, vector={"song": [0.6, 0.8]})])
    server.snapshots["was"] = {}
    made = client.create_snapshot("was")
    assert made is not None
    kept = walk.folder / "my-home" / "snapshots" / "simsong_wns_0123456789ab_v3.snapshot"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(server.snapshots["was"][made.name])
    client.close()


def _runbook(walk: Walk, fixture: Fixture) -> None:
    models_kept: MusicnnFiles = fixture("musicnn_files")  # type: ignore[assignment]
    assert models_kept
    _listener(walk, fixture, "my-music")
    with_qdrant(walk)
    for name in ("backups", "opt", "srv"):
        (walk.root / name).mkdir()
    shutil.copytree(cache_folder(), walk.root / "srv" / "models")
    # `run` is there for a home that has lost its index.
    walk.before["run"] = lambda _: shutil.rmtree(walk.folder / "my-music" / "qdrant")


def _machines(walk: Walk, fixture: Fixture) -> None:
    """A Ray cluster, a home whose songs were never heard, and a bucket with a table and its recordings."""
    ray = pytest.importorskip("ray", reason="the extra simsong[ray] is not installed")
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False})
    walk.opened.callback(cluster.shutdown)
    walk.opened.callback(ray.shutdown)
    _machines_home(walk, fixture)
    address = walk.opened.enter_context(bucket(str(fixture("s3_server")), walk.patch))
    walk.parts |= {"head:6379": cluster.address, "s3://bucket": address}
    _fill(address, _raw(fixture))


def _fill(address: str, raw: Path) -> None:
    files, root = fsspec.url_to_fs(address, skip_instance_cache=True)
    rows = []
    for number, file in enumerate(sorted(p for p in (raw / "audio").rglob("*") if p.is_file())):
        files.pipe_file(f"{root}/audio-{file.name}", file.read_bytes())
        rows.append((f"{address}/audio-{file.name}", f"Artist {number % 12}", f"Song {number}" if number else "Song A"))
    table = io.BytesIO()
    pl.DataFrame(rows, schema=["path", "artist", "title"], orient="row").write_csv(table)
    files.pipe_file(f"{root}/songs.csv", table.getvalue())


def _workspace(walk: Walk, at: str, named: str) -> None:
    """A file of Dagster's that has our main code location, under the name that it has there."""
    walk.patch.setenv("DAGSTER_HOME", str(walk.folder / "dagster"))
    walk.patch.setenv("DAGSTER_DISABLE_TELEMETRY", "true")
    walk.patch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    (walk.folder / "dagster").mkdir()
    location = {"module_name": "dagster_project.definitions", "location_name": named}
    (walk.root / at).parent.mkdir(parents=True, exist_ok=True)
    (walk.root / at).write_text(json.dumps({"load_from": [{"python_module": location}]}))


def _deployment(walk: Walk, fixture: Fixture) -> None:
    shutil.copytree(ROOT / "deploy", walk.folder / "deploy")
    _listener(walk, fixture, "home")
    walk.patch.setenv("SIMSONG_HOME", str(walk.folder / "home"))
    _workspace(walk, "opt/dagster/workspace.yaml", "dagster_project.definitions")


def _kubernetes(walk: Walk, fixture: Fixture) -> None:
    for name in ("SIMSONG_API_KEY", "QDRANT_API_KEY", "POSTGRES_PASSWORD", "SIMSONG_WEBHOOK_URL"):
        walk.patch.setenv(name, KEY)
    _workspace(walk, "dagster-workspace/workspace.yaml", "code")


def _dagster(walk: Walk, fixture: Fixture) -> None:
    _finished(walk, fixture)
    _workspace(walk, "workspace.yaml", "dagster_project.definitions")
    walk.patch.setenv("SIMSONG_CONFIG", str(walk.folder / "small.toml"))


_BEFORE: dict[str, Callable[[Walk, Fixture], None]] = {
    "README.md": _readme,
    "deploy/README.md": _deployment,
    "deploy/kubernetes/README.md": _kubernetes,
    "docs/dagster.md": _dagster,
    "docs/data-set.md": _data_set,
    "docs/models.md": _clap,
    "docs/msd-benchmark.md": _benchmark,
    "docs/nights.md": _nights,
    "docs/players.md": _players,
    "docs/qdrant.md": _qdrant,
    "docs/runbook.md": _runbook,
    "docs/several-machines.md": _machines,
    "docs/your-music.md": _your_music,
}
