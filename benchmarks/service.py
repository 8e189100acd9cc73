"""The service under load: `python -m benchmarks.service --songs 20000 --clients 1 8 32`.

A home of synthetic songs on the embedded engine, `simsong serve` in a process of its own, and clients that ask similar
songs of ever other songs over kept connections, each as soon as it has its answer, or after a pause (`--pause`). Beside
them: the engine's own time for the same question and the library's, one after the other in one thread. All on the same
cores; the clients' own work is part of what is measured, and stands beside the service's as processor time an answer.
A service finds all songs' nearest at once, of many songs when it is asked often: first it is asked so often, and left
alone until it rests (`--warm 0` begins with the first question to a service that has just started).
"""

import argparse
import asyncio
import json
import os
import re
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import polars as pl

from benchmarks.index import AUDIO, LYRICS, drawn
from benchmarks.serving import served_home
from simsong_pipeline.asking.queries import Songs
from simsong_pipeline.asking.recommend import Choice
from simsong_pipeline.config import PipelineConfig, StoreConfig
from simsong_pipeline.evaluation.fusion import SongVectors
from simsong_pipeline.home.model_files import ModelFiles, TrainingRecord
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.lyrics.whitening import Whitening
from simsong_pipeline.points import SONG_VECTOR, Point, Search, fusion_query, song_vector
from simsong_pipeline.schemas import (
    AUDIO as AUDIO_CONTRACT,
)
from simsong_pipeline.schemas import (
    AUDIO_FILES,
    DESCRIPTIONS,
    EXCLUSIONS,
    TAGS,
    TRACKS,
    conform,
    empty,
)
from simsong_pipeline.schemas import (
    LYRICS as LYRICS_CONTRACT,
)
from simsong_pipeline.stores.payloads import point_id

_WORDS = ["sea", "sky", "old", "quiet", "road", "river", "house", "light", "winter", "summer", "song", "night"]
_COLLECTION = "simsong_wns_000000000000_v3"
_WEIGHT = 0.6
# Of processor time in a second, of a service that nobody asks.
_AT_REST_S = 0.05


def main() -> None:
    """Make the home, measure the engine, then the service with each number of clients."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--songs", type=int, default=20_000)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--seconds", type=float, default=10.0, help="for each number of clients")
    parser.add_argument("--pause", type=float, default=0.0, help="seconds between an answer and the next question")
    parser.add_argument("--k", type=int, default=10)
    parser.add_argument("--workers", type=int, default=1, help="processes of the service")
    parser.add_argument("--warm", type=int, default=4_000, help="questions for each process before any is measured")
    parser.add_argument("--engine", choices=["edge", "local"], default="edge")
    parser.add_argument("--json", action="store_true", help="one object a line")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder) / "home")
        make_home(workspace, arguments.songs, arguments.engine)
        rows = [engine_alone(workspace, arguments.k)]
        rows += under_load(
            workspace,
            arguments.clients,
            arguments.seconds,
            arguments.pause,
            arguments.k,
            arguments.workers,
            arguments.warm,
        )
    if arguments.json:
        for row in rows:
            print(json.dumps(row))
        return
    with pl.Config(tbl_rows=-1, tbl_cols=-1, tbl_width_chars=160, float_precision=2):
        print(pl.DataFrame(rows, infer_schema_length=None))


def make_home(workspace: Workspace, songs: int, engine: str) -> None:
    """Frames, a model's records and an index of so many songs, as a run leaves them, without a recording."""
    config = PipelineConfig(store=StoreConfig(engine=engine))  # type: ignore[arg-type]
    workspace.save_config(config)
    tracks = _tracks(songs)
    workspace.write("tracks", tracks)
    for contract in (AUDIO_FILES, EXCLUSIONS, DESCRIPTIONS):
        workspace.write(contract.name, empty(contract))
    workspace.write("audio", _audio(tracks))
    workspace.write("lyrics", _lyrics(tracks))
    workspace.write("lastfm_tags", _tags(tracks))
    _write_model(workspace, config)
    audio, lyrics = drawn(songs, 0)
    with workspace.store(config.store) as store:
        store.ensure_collection(_COLLECTION, AUDIO, LYRICS)
        ids = [point_id(track_id) for track_id in tracks["track_id"]]
        rows = tracks.iter_rows(named=True)
        made = (_point(row, audio[n], lyrics[n]) for n, row in enumerate(rows))
        store.update(_COLLECTION, made, point_ids=ids)
        store.point_aliases({config.store.collection: _COLLECTION})


def _tracks(songs: int) -> pl.DataFrame:
    rng = np.random.default_rng(1)
    artists = rng.integers(0, max(1, songs // 12), songs)
    words = rng.choice(_WORDS, (songs, 3))
    rows = {
        "track_id": [f"TR{n:016d}" for n in range(songs)],
        "song_id": None,
        "artist_id": [f"artist {a}" for a in artists],
        "artist_ids": [[f"artist {a}"] for a in artists],
        "artist_name": [f"Artist {a}" for a in artists],
        "title": [" ".join(row) for row in words],
        "release": [f"Album {a} {n % 2}" for n, a in enumerate(artists)],
        "year": rng.integers(1960, 2024, songs),
        "duration_s": rng.uniform(120, 300, songs),
        "genre": rng.choice(["Rock", "Pop", "Jazz", "Folk"], songs),
        "source": "synthetic",
    }
    return conform(pl.DataFrame(rows), TRACKS)


def _audio(tracks: pl.DataFrame) -> pl.DataFrame:
    """Songs that were heard, whose recordings are not here."""
    names = [name for name in AUDIO_CONTRACT.columns if name not in ("track_id", "duration_s", "status")]
    rows = tracks.select(
        "track_id", "duration_s", pl.lit("ok").alias("status"), *[pl.lit(None).alias(n) for n in names]
    )
    return conform(rows, AUDIO_CONTRACT)


def _lyrics(tracks: pl.DataFrame) -> pl.DataFrame:
    names = [name for name in LYRICS_CONTRACT.columns if name not in ("track_id", "language", "status")]
    rows = tracks.select(
        "track_id",
        pl.lit("en").alias("language"),
        pl.lit("ok").alias("status"),
        *[pl.lit(None).alias(n) for n in names],
    )
    return conform(rows, LYRICS_CONTRACT)


def _tags(tracks: pl.DataFrame) -> pl.DataFrame:
    rows = tracks.select("track_id", pl.col("genre").str.to_lowercase().alias("tag"), pl.lit(1.0).alias("weight"))
    return conform(rows, TAGS)


def _write_model(workspace: Workspace, config: PipelineConfig) -> None:
    """Records without a network: what is asked here is the index."""
    files = ModelFiles(workspace.model(config.serve))
    files.folder.mkdir(parents=True)
    files.encoder.write_bytes(b"none")
    record = TrainingRecord(
        config.serve, "", "", 0, 0, None, None, _WEIGHT, 0.0, {}, [], artists=[], tracks=[], validation=[], songs=0
    )
    unit = np.eye(LYRICS, dtype=np.float32)
    files.write_training(record, Whitening(np.zeros(LYRICS, np.float32), unit), SongVectors(unit[:1], unit[:1]), config)


def _point(row: dict[str, object], audio: np.ndarray, lyrics: np.ndarray) -> Point:
    named = {"audio": audio} | ({"lyrics": lyrics} if lyrics.any() else {})
    named[SONG_VECTOR] = song_vector(audio, named.get("lyrics"), LYRICS)
    text = " ".join(_WORDS * 12)  # as long as a song's words
    payload = {name: row[name] for name in ("track_id", "title", "artist_id", "release", "year", "genre", "duration_s")}
    more = {"artist": row["artist_name"], "language": "en", "tags": [str(row["genre"]).lower()], "heard_tags": []}
    own = {"tempo_bpm": 120.0, "loudness_db": -14.0, "outlier": None, "lyrics": text, "payload_hash": row["track_id"]}
    return Point(point_id(str(row["track_id"])), named, payload | more | own)


def engine_alone(workspace: Workspace, k: int, questions: int = 300) -> dict[str, object]:
    """The engine's own search, and the library's whole answer, one after the other."""
    config = workspace.load_config()
    asked = _asked(workspace, questions)
    with workspace.store(config.store) as store:
        songs = Songs(workspace, store, config)
        points = store.fetch(_COLLECTION, [point_id(t) for t in asked], with_vectors=True)
        queries = [fusion_query(p.vectors[SONG_VECTOR], AUDIO, _WEIGHT) for p in points]
        store.query(_COLLECTION, Search(queries[0], SONG_VECTOR, k))
        songs.similar(asked[:1], Choice(k))
        engine = _timed(lambda n: store.query(_COLLECTION, Search(queries[n], SONG_VECTOR, k)), questions)
        library = _timed(lambda n: songs.similar([asked[n]], Choice(k)), questions)
    return {"what": "engine", **_figures(engine)} | {f"library_{n}": v for n, v in _figures(library).items()}


def _asked(workspace: Workspace, count: int) -> list[str]:
    return workspace.read("tracks")["track_id"].sample(count, seed=3, with_replacement=True).to_list()


def _timed(ask: Callable[[int], object], count: int) -> list[float]:
    seconds = []
    for number in range(count):
        began = time.perf_counter()
        ask(number)
        seconds.append(time.perf_counter() - began)
    return seconds


def _figures(seconds: Sequence[float]) -> dict[str, float]:
    return {f"p{p}_ms": round(float(np.percentile(seconds, p)) * 1e3, 2) for p in (50, 99)}


def under_load(
    workspace: Workspace,
    clients: Sequence[int],
    seconds: float,
    pause: float,
    k: int,
    workers: int = 1,
    warm: int = 0,
) -> list[dict[str, object]]:
    """A row for each number of clients, from `simsong serve` in a process of its own."""
    ids = workspace.read("tracks")["track_id"].to_list()
    with served_home(workspace.home, workers) as (url, pid):
        port = urlsplit(url).port
        assert port is not None
        _warm(pid, port, ids, k, warm * workers)
        return [_row(pid, port, ids, n, seconds, pause, k) for n in clients]


def _warm(pid: int, port: int, ids: Sequence[str], k: int, questions: int) -> None:
    """Ask so many questions, of all processes, and wait until none of them is at work."""
    if not questions:
        return
    asked = 0
    while asked < questions:
        asked += int(str(asyncio.run(_load(port, ids, 16, 1.0, 0.0, k))["answers"]))
    spent = -1.0
    while (now := _service_s(pid)) - spent > _AT_REST_S:
        spent = now
        time.sleep(1.0)


def _row(
    pid: int, port: int, ids: Sequence[str], clients: int, seconds: float, pause: float, k: int
) -> dict[str, object]:
    """What so many clients saw, and the processor time of an answer: the service's, and the clients' own."""
    before, own = _service_s(pid), time.process_time()
    found = asyncio.run(_load(port, ids, clients, seconds, pause, k))
    answers = max(1, int(str(found["answers"])))
    spent, theirs = (_service_s(pid) - before) / answers, (time.process_time() - own) / answers
    figures = {"processor_ms": round(spent * 1e3, 2), "clients_ms": round(theirs * 1e3, 2)}
    return {"what": f"{clients} clients", **found, **figures}


def _service_s(pid: int) -> float:
    """Processor time of all of a service's processes so far."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    more = children.read_text().split() if children.is_file() else []
    return _processor_s(pid) + sum(_processor_s(int(each)) for each in more)


def _processor_s(pid: int) -> float:
    """Of a process so far; 0 where the system does not say it in Linux's way."""
    stat = Path(f"/proc/{pid}/stat")
    if not stat.is_file():
        return 0.0
    fields = stat.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def _load(port: int, ids: Sequence[str], clients: int, seconds: float, pause: float, k: int) -> dict[str, object]:
    """Latencies of clients that ask for so many seconds, and how many answers a second came."""
    ends = time.perf_counter() + seconds
    found = await asyncio.gather(*(_client(port, ids, n, ends, pause, k) for n in range(clients)))
    every = [second for each, _ in found for second in each]
    failed = sum(count for _, count in found)
    return {**_figures(every), "answers": len(every), "a_second": round(len(every) / seconds, 1), "failed": failed}


async def _client(
    port: int, ids: Sequence[str], seed: int, ends: float, pause: float, k: int
) -> tuple[list[float], int]:
    """Seconds that each answer took, and how many were none."""
    rng, taken, failed = np.random.default_rng(seed), list[float](), 0
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await asyncio.sleep(pause * float(rng.random()))
    while (began := time.perf_counter()) < ends:
        song = ids[int(rng.integers(len(ids)))]
        writer.write(f"GET /api/v1/similar?like={song}&k={k} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        body = await reader.readexactly(int(length[1]) if length else 0)
        taken.append(time.perf_counter() - began)
        failed += not (head.startswith(b"HTTP/1.1 200") and b'"score"' in body)
        await asyncio.sleep(pause)
    writer.close()
    await writer.wait_closed()
    return taken, failed


if __name__ == "__main__":
    main()
