"""What a night costs: `python -m benchmarks.nights --songs 2000`.

Writes a music folder of short synthetic songs, trains a small model once, then measures nights by the command itself,
each as a person would start it: nothing changed, twenty songs changed, one song new. Beside the night with many new
songs, in the same process: decoding and resampling of these songs alone, on as many threads.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import polars as pl
import soundfile

from simsong_pipeline.audio.decoding import decode

RATE = 44_100
SMALL = """
[encoder]
stem_channels = 4
widths = [16, 24]
depths = [1, 1]
embedding_dim = 32
[train]
steps = 6
batch_size = 16
warmup_steps = 1
validate_every = 3
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--songs", type=int, default=2_000)
    parser.add_argument("--seconds", type=float, default=8.0, help="length of a song")
    parser.add_argument("--suffix", default=".ogg", help="encoding of the songs")
    parser.add_argument("--new", type=int, default=200, help="songs that arrive in the last night")
    parser.add_argument("--config", type=Path, help="TOML file in place of a tiny encoder's")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        _measure(Path(folder), arguments)


def _measure(folder: Path, options: argparse.Namespace) -> None:
    music, home = folder / "music", folder / "home"
    rng = np.random.default_rng(options.seed)
    files = [music / f"Artist {n % (options.songs // 10)} - Song {n}{options.suffix}" for n in range(options.songs)]
    for file in files:
        write_song(file, rng, options.seconds)
    config = folder / "config.toml"
    config.write_text(options.config.read_text() if options.config else SMALL)
    rows = [
        _night("first run, with training", ["library", str(music), "--config", str(config), "--publish-anyway"], home)
    ]
    rows.append(_night("nothing changed", ["refresh", "--publish-anyway"], home))
    for file in files[:20]:
        write_song(file, rng, options.seconds)
    rows.append(_night("20 changed", ["refresh", "--publish-anyway"], home))
    write_song(music / f"Newcomer - First Song{options.suffix}", rng, options.seconds)
    rows.append(_night("one new", ["refresh", "--publish-anyway"], home))
    started = time.perf_counter()
    found = _call(["similar", "First Song", "--home", str(home), "-k", "3", "--json"])
    print(f"the new song is found, with {len(found.splitlines())} neighbours, {time.perf_counter() - started:.1f} s")
    many = [music / f"Late Artist - Late {n}{options.suffix}" for n in range(options.new)]
    for file in many:
        write_song(file, rng, options.seconds)
    rows.append(_night(f"{options.new} new", ["refresh", "--publish-anyway"], home))
    alone = _decode_alone(many)
    with pl.Config(tbl_rows=-1, tbl_width_chars=160):
        print(pl.DataFrame(rows))
    idle = float(str(rows[1]["seconds"]))
    cost = (float(str(rows[-1]["seconds"])) - idle) / options.new
    share = f"{cost / alone:.2f} of decoding and resampling alone ({1e3 * alone:.1f} ms)"
    print(f"a new song: {1e3 * cost:.1f} ms beyond an idle night, {share}")


def write_song(path: Path, rng: np.random.Generator, seconds: float) -> None:
    """A few drifting partials and noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    at = np.arange(round(seconds * RATE)) / RATE
    partials = [np.sin(2 * np.pi * f * at * (1 + 0.01 * np.sin(at))) for f in rng.uniform(80, 3_000, 5)]
    wave = np.sum(partials, axis=0) * 0.1 + 0.01 * rng.normal(size=at.size)
    soundfile.write(path, np.stack([wave, wave], axis=1), RATE)


def _night(name: str, arguments: list[str], home: Path) -> dict[str, object]:
    started = time.perf_counter()
    record = json.loads(_call([*arguments, "--home", str(home), "--json"]).splitlines()[-1])
    seconds = round(time.perf_counter() - started, 2)
    return {"night": name, "seconds": seconds} | {k: record[k] for k in ("tracks", "embedded", "unchanged", "upserted")}


def _call(arguments: list[str]) -> str:
    command = [sys.executable, "-m", "simsong_pipeline.cli.main", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(arguments)} failed:\n{done.stderr}")
    return done.stdout


def _decode_alone(files: list[Path]) -> float:
    """Seconds a song, on all cores."""
    started = time.perf_counter()
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda f: decode(f, 16_000, 180.0), files))
    return (time.perf_counter() - started) / len(files)


if __name__ == "__main__":
    main()
