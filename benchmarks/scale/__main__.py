"""What data of full size cost: `python -m benchmarks.scale`, about 4.5 GB of disk and half an hour on two cores.

Data in the forms of the Million Song Dataset and Last.fm are generated from a seed (kept where `--data` says, and used
again), with communities of songs that name each other. Each stage then runs in a process of its own, of which wall
time, processor time and the largest resident memory are printed; where there is a plain way as well, it stands beside
with its ratios, at sizes that it can do.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.scale.stages import AS_TEXTS, BESIDE, STAGES, Data
from benchmarks.scale.writing import write_data

# Songs whose pairs fit 8 GB as texts.
_MOST_AS_TEXTS = 400_000


@dataclass(frozen=True)
class Cost:
    """Of a stage in a process of its own, Python and its libraries included."""

    wall_s: float
    processor_s: float
    peak_gib: float
    found: dict[str, float]


def main(arguments: Sequence[str] | None = None) -> None:
    """Generate, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--songs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data", type=Path, help="folder of the data; a temporary one otherwise")
    parser.add_argument("--size", type=int, default=2_000, help="songs to select")
    parser.add_argument("--queries", type=int, default=20_000, help="of the evaluation of all songs")
    parser.add_argument("--stages", nargs="+", choices=list(STAGES), default=list(STAGES))
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        data = Data(options.data or Path(folder), options.songs, options.seed, options.size, options.queries)
        if not data.similars.is_file():
            started = time.monotonic()
            write_data(data.folder, data.songs, data.seed)
            print(f"generated {data.songs} songs, seed {data.seed}: {time.monotonic() - started:.0f} s", flush=True)
        _measure(data, [stage for stage in options.stages if stage != AS_TEXTS or data.songs <= _MOST_AS_TEXTS])


def _measure(data: Data, stages: list[str]) -> None:
    print("| stage | wall, s | processor, s | peak, GiB | found |\n|---|---|---|---|---|")
    costs: dict[str, Cost] = {}
    for stage in stages:
        costs[stage] = cost = cost_of(stage, data)
        found = ", ".join(f"{name} {value:.6g}" for name, value in cost.found.items())
        print(f"| {stage} | {cost.wall_s:.1f} | {cost.processor_s:.1f} | {cost.peak_gib:.2f} | {found} |", flush=True)
    for plain, taken in BESIDE.items():
        if plain in costs and taken in costs:
            print(f"{plain} / {taken}: {_ratios(costs[plain], costs[taken])}")


def _ratios(plain: Cost, taken: Cost) -> str:
    return ", ".join(
        f"{name} {getattr(plain, field) / getattr(taken, field):.1f} x"
        for name, field in (("wall", "wall_s"), ("processor", "processor_s"), ("memory", "peak_gib"))
    )


def cost_of(stage: str, data: Data) -> Cost:
    """Run a stage and wait for it.

    Raises:
        SystemExit: it failed, and has said why.
    """
    numbers = (data.songs, data.seed, data.size, data.queries)
    command = [sys.executable, "-m", "benchmarks.scale.stages", stage, str(data.folder), *map(str, numbers)]
    started = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"the stage '{stage}' ended with exit status {process.returncode}")
    in_kib = 1 if sys.platform == "linux" else 1024
    peak = used.ru_maxrss / in_kib / (1 << 20)
    return Cost(time.monotonic() - started, used.ru_utime + used.ru_stime, peak, json.loads(said))


if __name__ == "__main__":
    main()
