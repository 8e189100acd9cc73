"""Reading a data set's features at full size: `python -m benchmarks.scale.events --songs 100000 --form aggregates`.

Tracks of random events in the official schema are written once below `--data`, as a tree of a file a track or as
aggregates of a thousand. Then the stage of a run that hears songs reads them into the buckets of a new home, in threads
and in processes; of each, tracks a second, processor time and the largest resident memory of any process are printed.
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.scale.drawing import draw_songs
from benchmarks.scale.writing import texts
from simsong_pipeline.config import EncoderConfig, PipelineConfig
from simsong_pipeline.engines.engine import Engine
from simsong_pipeline.engines.local import LocalEngine
from simsong_pipeline.engines.processes import ProcessEngine
from simsong_pipeline.sources.msd_events import find_event_files
from simsong_pipeline.sources.sample.hdf5_files import Analysed, write_aggregate_file, write_track_file
from simsong_pipeline.sources.sample.msd_files import MsdTrack
from simsong_pipeline.stages.catalogue_stages import audio_tasks
from simsong_pipeline.stages.hearing_work import HearBucket, hear_all

_AT_ONCE = 1_000
CONFIG = PipelineConfig(encoder=EncoderConfig(kind="events"))
ENGINES = ("threads", "processes")


def main(arguments: Sequence[str] | None = None) -> None:
    """Write, read and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--songs", type=int, default=10_000)
    parser.add_argument("--events", type=int, default=785, help="of a track on average: 44 kB of features")
    parser.add_argument("--form", choices=("tree", "aggregates"), default="tree")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data", type=Path, help="folder of the data; a temporary one otherwise")
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        msd = (options.data or Path(folder)) / f"{options.form}-{options.songs}" / "msd"
        if not msd.is_dir():
            _write(msd, options.form, options.songs, options.events, options.seed)
        print("| engine | tracks | wall, s | tracks/s | processor, s | peak of a process, GiB | GB kept |")
        print("|---|---|---|---|---|---|---|", flush=True)
        for engine in options.engines:
            command = [sys.executable, "-m", "benchmarks.scale.events_stage", engine, str(msd)]
            found = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout)
            print(f"| {engine} | {' | '.join(f'{value:.4g}' for value in found.values())} |", flush=True)


def _write(msd: Path, form: str, count: int, events: int, seed: int) -> None:
    jobs = [(msd, form, count, events, seed, begin) for begin in range(0, count, _AT_ONCE)]
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        list(pool.map(_write_part, jobs))


def _write_part(job: tuple[Path, str, int, int, int, int]) -> None:
    msd, form, count, events, seed, begin = job
    songs = draw_songs(count, seed)
    ids, rng = texts(songs.ids[begin : begin + _AT_ONCE]), np.random.default_rng([seed, begin])
    drawn = [_drawn(rng, track_id, max(12, int(rng.normal(events, events / 4)))) for track_id in ids]
    if form == "aggregates":
        write_aggregate_file(msd / "aggregates" / f"{begin // _AT_ONCE:04d}.h5", drawn)
        return
    for song in drawn:
        write_track_file(msd / "data", song)


def _drawn(rng: np.random.Generator, track_id: str, events: int) -> Analysed:
    """Values of as many digits as the data set's, which pack as badly."""
    starts = np.cumsum(rng.uniform(0.06, 0.5, events))
    arrays = {
        "segments_start": starts.round(5),
        "segments_confidence": rng.random(events).round(3),
        "segments_timbre": rng.normal(0, 40, (events, 12)).round(3),
        "segments_pitches": rng.random((events, 12)).round(3),
        "segments_loudness_start": rng.uniform(-60, 0, events).round(3),
        "segments_loudness_max": rng.uniform(-60, 0, events).round(3),
        "segments_loudness_max_time": rng.uniform(0, 0.06, events).round(5),
    }
    seconds = float(starts[-1]) + 0.3
    return Analysed(MsdTrack(track_id, "SO", "AR", "A", "T", "R", 0, seconds, 120.0, 0, 1, 0.5), -9.0, arrays)


def read(engine: str, msd: Path) -> dict[str, float]:
    """What reading all tracks into a new home's buckets took."""
    home = Path(tempfile.mkdtemp(dir=msd.parent))
    chosen: Engine = LocalEngine() if engine == "threads" else ProcessEngine()
    try:
        files = find_event_files(msd)
        tracks = files.select("track_id", pl.lit(None, pl.Float64).alias("duration_s"))
        started = time.monotonic()
        frames = hear_all(HearBucket(home, CONFIG, 10.0), chosen, audio_tasks(tracks, files), None, lambda *_: None)
        wall = time.monotonic() - started
        kept = sum(path.stat().st_size for path in home.iterdir())
    finally:
        shutil.rmtree(home)
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return {
        "tracks": frames.segment_features.height,
        "wall": wall,
        "rate": frames.segment_features.height / wall,
        "processor": sum(u.ru_utime + u.ru_stime for u in used),
        "peak": max(u.ru_maxrss for u in used) / (1 << 20),
        "kept": kept / 1e9,
    }


if __name__ == "__main__":
    main()
