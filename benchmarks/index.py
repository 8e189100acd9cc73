"""The embedded engines beside each other: `python -m benchmarks.index --songs 2000 20000 200000`.

Random unit vectors in clusters, as songs of styles are. For each size and engine, in one run: time to write and to
build the index, peak memory of the process, size on disk, latency of a query (median and 99th percentile), and
recall@10 against exact scores; then a night in which `--changed` songs have other vectors, written as a difference that
is known from files, with queries and recall after it. qdrant-client's own mode is left out above `--local-up-to` songs.
"""

import argparse
import multiprocessing
import resource
import shutil
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from simsong_pipeline.config import QuantizationConfig, StoreConfig
from simsong_pipeline.points import OWN_DIMS, SONG_VECTOR, Point, Restriction, Search, fusion_query, song_vector
from simsong_pipeline.stores.opening import open_store
from simsong_pipeline.stores.payloads import point_id
from simsong_pipeline.stores.updating import Difference

AUDIO, LYRICS = 128, 64
_SELF = resource.RUSAGE_SELF


def main() -> None:
    """Measure each size and engine in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--songs", type=int, nargs="+", default=[2_000, 20_000])
    parser.add_argument("--local-up-to", type=int, default=20_000)
    parser.add_argument("--changed", type=int, default=0, help="songs of which a night has other vectors")
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--audio-weight", type=float, default=0.6)
    parser.add_argument(
        "--search-ef", type=int, nargs="+", default=[StoreConfig().search_ef], help="each is asked with"
    )
    parser.add_argument("--int8", action="store_true", help="small vectors in memory, the true ones on disk")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rows = []
    for songs in arguments.songs:
        for engine in ("local", "edge"):
            if engine == "local" and songs > arguments.local_up_to:
                continue
            # A process each, so that the peak of one is not the other's.
            with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
                rows.append(pool.submit(measure, engine, songs, vars(arguments)).result())
            print(rows[-1], flush=True)
    with pl.Config(tbl_rows=-1, tbl_cols=-1, tbl_width_chars=200, float_precision=3):
        print(pl.DataFrame(rows))


def drawn(songs: int, seed: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Unit vectors [n, AUDIO] around 200 centres and [n, LYRICS] around 50, a tenth of the latter zero."""
    rng = np.random.default_rng(seed)
    parts = []
    for width, centres in ((AUDIO, 200), (LYRICS, 50)):
        centre = rng.normal(size=(centres, width))[rng.integers(0, centres, songs)]
        part = centre + 0.8 * rng.normal(size=(songs, width))
        parts.append((part / np.linalg.norm(part, axis=1, keepdims=True)).astype(np.float32))
    parts[1][rng.random(songs) < 0.1] = 0
    return parts[0], parts[1]


def measure(engine: str, songs: int, options: dict[str, object]) -> dict[str, object]:
    """One row of the table."""
    audio, lyrics = drawn(songs, int(str(options["seed"])))
    folder = Path(tempfile.mkdtemp())
    widths: list[int] = options["search_ef"]  # type: ignore[assignment]
    small = QuantizationConfig(kind="int8" if options["int8"] else "none")
    config = StoreConfig(
        engine=engine,  # type: ignore[arg-type]
        search_ef=widths[0],
        quantization=small,
        vectors_on_disk=bool(options["int8"]),
    )
    try:
        with open_store(config, folder) as store:
            store.ensure_collection("songs", AUDIO, LYRICS)
            started = time.perf_counter()
            ids = [point_id(f"T{n}") for n in range(songs)]  # known, so that the points are not held together
            store.update("songs", (point(n, audio[n], lyrics[n]) for n in range(songs)), point_ids=ids)
            written = time.perf_counter() - started
            latencies, recall = _ask(store, audio, lyrics, options)
        more = {}
        for width in widths[1:]:
            with open_store(config.model_copy(update={"search_ef": width}), folder) as store:
                others, found = _ask(store, audio, lyrics, options)
            more |= {f"p50_ms_{width}": round(float(np.median(others)) * 1e3, 2), f"recall_{width}": round(found, 4)}
        night = _night(config, folder, audio, lyrics, options)
        started = time.perf_counter()
        with open_store(config, folder) as store:
            store.count("songs")
            opened = time.perf_counter() - started
        size = sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())
    finally:
        shutil.rmtree(folder)
    own = resource.getrusage(_SELF).ru_maxrss
    child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return {
        "engine": engine,
        "songs": songs,
        "build_s": round(written, 1),
        "open_s": round(opened, 2),
        "peak_mib": own // 1024,
        "index_peak_mib": child // 1024,
        "disk_mb": size // 1_000_000,
        "p50_ms": round(float(np.percentile(latencies, 50)) * 1e3, 2),
        "p99_ms": round(float(np.percentile(latencies, 99)) * 1e3, 2),
        "recall_at_10": round(recall, 4),
        **more,
        **night,
    }


def _night(
    config: StoreConfig,
    folder: Path,
    audio: NDArray[np.float32],
    lyrics: NDArray[np.float32],
    options: dict[str, object],
) -> dict[str, float]:
    """Some songs get new vectors, in a session of its own; `audio` and `lyrics` are changed with them."""
    count = min(int(str(options["changed"])), len(audio))
    if not count:
        return {}
    numbers = np.random.default_rng(2).choice(len(audio), count, replace=False)
    audio[numbers], lyrics[numbers] = drawn(count, int(str(options["seed"])) + 1)
    points = [point(n, audio[n], lyrics[n], "after") for n in numbers.tolist()]
    started, used = time.perf_counter(), _processor_time()
    with open_store(config, folder) as store:
        store.apply("songs", Difference(points, [], len(audio), len(audio)))
        written, spent = time.perf_counter() - started, _processor_time() - used
        latencies, recall = _ask(store, audio, lyrics, options)
    return {
        "night_s": round(written, 1),
        "night_cpu_s": round(spent, 1),
        "night_p50_ms": round(float(np.percentile(latencies, 50)) * 1e3, 2),
        "night_p99_ms": round(float(np.percentile(latencies, 99)) * 1e3, 2),
        "night_recall_at_10": round(recall, 4),
    }


def _processor_time() -> float:
    """Seconds of this process and of those that it waited for."""
    return sum(r.ru_utime + r.ru_stime for r in map(resource.getrusage, (_SELF, resource.RUSAGE_CHILDREN)))


def point(number: int, audio: NDArray[np.float32], lyrics: NDArray[np.float32], state: str = "c") -> Point:
    """A song as the index holds it."""
    named = {"audio": audio} | ({"lyrics": lyrics} if lyrics.any() else {})
    named[SONG_VECTOR] = song_vector(audio, named.get("lyrics"), LYRICS)
    payload = {"track_id": f"T{number}", "artist_id": f"A{number // 10}", "title": f"Song {number}", "release": "x"}
    payload |= {"content_hash": f"{state}{number}", "payload_hash": f"p{number}", "model_version": "v"}
    return Point(point_id(f"T{number}"), named, payload | {"year": 1960 + number % 60})


def _ask(
    store: object, audio: NDArray[np.float32], lyrics: NDArray[np.float32], options: dict[str, object]
) -> tuple[list[float], float]:
    rng = np.random.default_rng(1)
    stored = np.hstack([audio, lyrics, np.zeros((len(audio), OWN_DIMS), np.float32)])
    weight, latencies, hits = float(str(options["audio_weight"])), [], 0
    chosen = rng.choice(len(audio), int(str(options["queries"])), replace=False)
    for number in chosen:
        query = fusion_query(stored[number], AUDIO, weight)
        none = Restriction(none_of={"track_id": [f"T{number}"]})
        started = time.perf_counter()
        found = store.query("songs", Search(query, SONG_VECTOR, 10, none))  # type: ignore[attr-defined]
        latencies.append(time.perf_counter() - started)
        scores = stored @ query
        scores[number] = -np.inf
        exact = set(np.argpartition(-scores, 10)[:10].tolist())
        hits += len(exact & {int(n.track_id[1:]) for n in found})
    return latencies, hits / (10 * len(chosen))


if __name__ == "__main__":
    main()
