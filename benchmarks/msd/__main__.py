"""How well similar songs are found by features alone: `python -m benchmarks.msd --raw /data/msd --out msd-benchmark`.

The protocol is docs/msd-benchmark.md. The ordinary pipeline runs over the folder first, in `--home`; then galleries of
test songs are ranked exactly by every method, and a table with chance, oracle and intervals is written to `--out`.
`--vectors` puts another system's vectors beside them.
"""

import argparse
import json
import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.msd.homes import RunCost, is_finished, run_pipeline
from benchmarks.msd.measuring import Measured, measured, together
from benchmarks.msd.methods import METHODS, HomeMethods
from benchmarks.msd.protocol import drawn, galleries_of, gallery_of, related
from benchmarks.msd.submitted import read_vectors
from benchmarks.msd.tables import differences, in_markdown, summary
from simsong_pipeline.errors import SimSongError
from simsong_pipeline.files import write_atomically, write_bytes
from simsong_pipeline.home.workspace import Workspace

# Counts up when figures cannot be compared with earlier ones any more.
PROTOCOL = 1


def main(arguments: Sequence[str] | None = None) -> None:
    """Run, measure and write.

    Raises:
        SystemExit: an error that a person can act on, said in a line.
    """
    options = _parser().parse_args(arguments)
    try:
        _benchmark(options)
    except SimSongError as error:
        raise SystemExit(f"error: {error}") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--raw", type=Path, nargs="+", required=True, help="folders as in docs/data-set.md; most often one"
    )
    parser.add_argument("--out", type=Path, default=Path("msd-benchmark"), help="where the table goes")
    parser.add_argument("--home", type=Path, nargs="+", help="a home for each folder; below --out where not given")
    parser.add_argument("--config", type=Path, help="settings of the runs, as for `simsong run`")
    parser.add_argument("--as-is", action="store_true", help="measure the homes as they are, without a run")
    parser.add_argument("--gallery", default="10000,100000,all", help="sizes, with commas between")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5], help="galleries to draw of each size")
    parser.add_argument("--score", type=float, default=0.1, help="Last.fm's, from which on a song is relevant")
    parser.add_argument("--queries", type=int, default=10_000, help="at most, of a gallery")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--vectors", type=Path, nargs="*", default=[], help="parquet: track_id, vector")
    parser.add_argument("--bootstrap", type=int, default=2_000)
    return parser


def _benchmark(options: argparse.Namespace) -> None:
    homes = options.home or [options.out / "homes" / f"{n}-{raw.name}" for n, raw in enumerate(options.raw, 1)]
    if len(homes) != len(options.raw):
        raise SystemExit(f"error: {len(options.raw)} folders and {len(homes)} homes: name a home for each folder")
    sizes = _sizes(options.gallery)
    submitted = {path.stem: read_vectors(path) for path in options.vectors}
    if len(submitted) < len(options.vectors) or submitted.keys() & set(METHODS):
        raise SystemExit("error: the files of --vectors need names of their own, which their rows are called by")
    parts, runs = [], {}
    for n, (raw, home) in enumerate(zip(options.raw, homes, strict=True), 1):
        name = f"{n}-{raw.name}"
        if not (options.as_is and is_finished(Workspace(home))):
            print(f"running the pipeline over {raw}", flush=True)
            runs[name] = run_pipeline(raw, home, options.config)
        parts += _of_home(name, home, sizes, submitted, options)
    _write(options, together(parts), runs)


def _sizes(text: str) -> list[str]:
    sizes = [size.strip() for size in text.split(",")]
    if not all(size == "all" or (size.isdigit() and int(size) > 1) for size in sizes):
        raise SystemExit(f"error: --gallery takes numbers from 2 and `all`, not {text!r}")
    return sizes


def _of_home(name: str, home: Path, sizes: list[str], submitted: dict, options: argparse.Namespace) -> list[Measured]:
    workspace = Workspace(home)
    pairs, tracks, config = workspace.read("lastfm_similarity"), workspace.read("tracks"), workspace.load_config()
    methods = HomeMethods(workspace, config, pairs, submitted, options.out, _progress)
    songs, relevant = methods.test_songs(), related(pairs, options.score)
    parts = []
    for size_name, size, seed in galleries_of(sizes, len(songs), options.seeds):
        gallery = gallery_of(size_name, drawn(songs, size, seed), relevant, tracks, options.queries, seed)
        asked = next(iter(gallery.tasks.values())).queries.sum()
        print(f"{name}, gallery {size_name}, seed {seed}: {len(gallery.track_ids)} songs, {asked} queries", flush=True)
        parts.append(measured(name, gallery, methods.of(gallery, tuple(options.methods)), _tell, _progress))
    return parts


def _tell(line: str) -> None:
    print(f"\r  {line}", flush=True)


_told = time.monotonic()


def _progress(done: int, total: int) -> None:
    """At most a line a minute, on the terminal alone."""
    global _told  # noqa: PLW0603 - one terminal
    if time.monotonic() - _told > 60:
        _told = time.monotonic()
        print(f"    {done} of {total}", file=sys.stderr, flush=True)


def _write(options: argparse.Namespace, found: Measured, runs: dict[str, RunCost]) -> None:
    out: Path = options.out
    table = summary(found, options.bootstrap, options.seeds[0])
    pairs = differences(found, options.bootstrap, options.seeds[0])
    out.mkdir(parents=True, exist_ok=True)
    write_atomically(out / "values.parquet", found.values.write_parquet)
    write_bytes(out / "table.md", in_markdown(table, pairs).encode())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 if sys.platform == "linux" else 1024) / (1 << 20)
    content = {
        "protocol": PROTOCOL,
        "score": options.score,
        "seeds": options.seeds,
        "table": table.to_dicts(),
        "differences": pairs.to_dicts(),
        "seconds": found.costs.to_dicts(),
        "runs": {name: asdict(cost) for name, cost in runs.items()},
        "peak_gib": peak,
    }
    write_bytes(out / "table.json", json.dumps(content, indent=1, ensure_ascii=False).encode())
    print(f"{(out / 'table.md').read_text(encoding='utf-8')}\nin {out}; largest memory {peak:.2f} GiB")


if __name__ == "__main__":
    main()
