"""A first night by two versions of the program: `python -m benchmarks.first_night --other ../earlier`.

Writes a music folder of whole songs and clips, synthetic, then lets each version run `simsong library` over it from an
empty home, in turns, each as a person would start it: seconds of wall and of processor time, and the ratios of this
version to the other. The other is a checkout; both run in this environment.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.nights import BRIEF, write_song

_HERE = Path(__file__).resolve().parents[1]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--other", type=Path, required=True, help="checkout of another version")
    parser.add_argument("--whole", type=int, default=150, help="songs of three minutes")
    parser.add_argument("--clips", type=int, default=600, help="songs of 30 s")
    parser.add_argument("--suffix", default=".ogg", help="encoding of the songs")
    parser.add_argument("--rounds", type=int, default=2, help="first nights of each version")
    parser.add_argument("--config", type=Path, help="TOML file in place of the defaults, trained for six steps")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        _measure(Path(folder), arguments)


def _measure(folder: Path, options: argparse.Namespace) -> None:
    config = folder / "config.toml"
    config.write_text(options.config.read_text() if options.config else BRIEF)
    rng, rows = np.random.default_rng(options.seed), []
    for kind, count, seconds in (("whole songs", options.whole, 180.0), ("clips", options.clips, 30.0)):
        if not count:
            continue
        music = folder / kind.split()[-1]
        for number in range(count):
            name = f"Artist {number % max(1, count // 10)} - Song {number}{options.suffix}"
            write_song(music / name, rng, seconds)
        nights = {"this": list[tuple[float, float]](), "other": list[tuple[float, float]]()}
        for turn in range(2 * options.rounds):
            which = ("this", "other")[(turn + turn // 2) % 2]  # this, other, other, this
            nights[which].append(_night(_HERE if which == "this" else options.other, music, folder / "home", config))
        rows.append(_row(f"{count} {kind}", nights))
        print(rows[-1], flush=True)
    with pl.Config(tbl_rows=-1, tbl_cols=-1, tbl_width_chars=160, float_precision=2):
        print(pl.DataFrame(rows))


def _row(name: str, nights: dict[str, list[tuple[float, float]]]) -> dict[str, object]:
    wall, used = (
        {which: float(np.median([night[part] for night in found])) for which, found in nights.items()}
        for part in (0, 1)
    )
    return {
        "night": name,
        "this_s": round(wall["this"], 1),
        "other_s": round(wall["other"], 1),
        "wall_ratio": round(wall["this"] / wall["other"], 3),
        "this_cpu_s": round(used["this"], 1),
        "other_cpu_s": round(used["other"], 1),
        "cpu_ratio": round(used["this"] / used["other"], 3),
    }


def _night(checkout: Path, music: Path, home: Path, config: Path) -> tuple[float, float]:
    """Wall and processor time in seconds."""
    command = [sys.executable, "-m", "simsong_pipeline.cli.main", "library", str(music), "--home", str(home)]
    command += ["--config", str(config), "--publish-anyway", "--json"]
    environment = os.environ | {"PYTHONPATH": str(checkout.resolve())}
    before, started = _used(), time.perf_counter()
    done = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - started
    if done.returncode != 0:
        raise SystemExit(f"{checkout}: {done.stderr}")
    shutil.rmtree(home)
    return seconds, _used() - before


def _used() -> float:
    """Seconds of processor time of the processes that were waited for."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
