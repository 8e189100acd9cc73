"""Compare methods on real recordings: `python -m benchmarks.real_music --manifest music/manifest.csv --out real`.

The manifest is a CSV with the columns path and artist, and perhaps genre and source. Each recording is decoded and
heard once; what was heard, other libraries' answers and trained encoders are kept in the output folder. Asked are
artist, genre, and genre with the query's artist left out, each among all recordings and within one source. Results:
values.parquet (query by query), summary.csv and differences.csv (paired, against `--against`). `--heads` also trains
heads on half of the artists and asks about the other half, for each seed (heads-*.csv); `--scratch` adds an encoder
that is trained from scratch on the sample catalogue.
"""

import argparse
from pathlib import Path

import polars as pl

from benchmarks.real_music.collection import Collection, read_collection
from benchmarks.real_music.heads import RATES, START, STEPS, measure_heads
from benchmarks.real_music.hearing import Heard, hear_all
from benchmarks.real_music.material import Material
from benchmarks.real_music.measuring import METRICS, measure
from benchmarks.real_music.methods import SERVED, methods
from benchmarks.real_music.peers import PACKAGES, is_installed, peer_scores
from benchmarks.real_music.scratch import scratch_scores
from benchmarks.real_music.tables import AVERAGES, differences, overview, summary
from simsong_pipeline.config import PipelineConfig
from simsong_pipeline.files import write_atomically
from simsong_pipeline.home.events import Events
from simsong_pipeline.home.settings import read_config

EVENTS = Events(stage=lambda name: print(name, flush=True), progress=lambda *_: None, note=print)


def main() -> None:
    """Hear, ask every method, and write the tables."""
    arguments = _parser().parse_args()
    config = read_config(arguments.config, PipelineConfig(), {"encoder.kind": "musicnn"})
    collection = read_collection(arguments.manifest)
    print(f"{len(collection)} recordings; asked: {'; '.join(collection.tasks())}", flush=True)
    heard = hear_all(collection.paths, arguments.out / "heard", config, EVENTS)
    values = _measured(arguments, collection, heard, config)
    write_atomically(arguments.out / "values.parquet", values.write_parquet)
    _write(values, arguments.against, arguments, "")
    if arguments.heads:
        learned = measure_heads(collection, heard, config, arguments.seeds, arguments.learning_rates, arguments.steps)
        write_atomically(arguments.out / "heads-values.parquet", learned.write_parquet)
        _write(learned, [START], arguments, "heads-")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--methods", nargs="+", help="only these, by name; without it all")
    parser.add_argument("--against", nargs="+", default=["musly", "bliss", SERVED], help="to compare each method with")
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3, 4, 5], help="of heads; the first of all else")
    parser.add_argument("--heads", action="store_true")
    parser.add_argument("--learning-rates", nargs="+", type=float, default=list(RATES), help="of heads")
    parser.add_argument("--steps", nargs="+", type=int, default=list(STEPS), help="of heads")
    parser.add_argument("--scratch", metavar="SAMPLE", help="sample catalogue to train an encoder on, such as `sample`")
    parser.add_argument("--scratch-seed", type=int, default=0)
    parser.add_argument("--bootstrap", type=int, default=2_000)
    parser.add_argument("--config", type=Path, help="TOML file, as for `simsong run`")
    return parser


def _measured(
    arguments: argparse.Namespace, collection: Collection, heard: list[Heard], config: PipelineConfig
) -> pl.DataFrame:
    peers = {}
    for name, package in PACKAGES.items():
        if is_installed(name):
            EVENTS.stage(f"asking {name}")
            peers[name] = peer_scores(name, collection.paths, arguments.out)
        else:
            EVENTS.note(f"{name} is left out: its package {package} is not installed (`pip install -e '.[dev]'`)")
    if arguments.scratch:
        options = (arguments.out, arguments.scratch, config, arguments.scratch_seed, EVENTS)
        peers["scratch"] = scratch_scores(heard, *options)
    known = methods(Material(heard, peers, config, arguments.seeds[0]))
    unknown = [name for name in arguments.methods or () if name not in known]
    if unknown:
        raise SystemExit(f"no method {unknown[0]!r}: use any of {', '.join(known)}")
    tasks, parts = collection.tasks(), []
    for name in arguments.methods or known:
        values = measure(known[name](), tasks, collection.artist)
        parts.append(values.with_columns(pl.lit(name).alias("method")))
    return pl.concat(parts)


def _write(values: pl.DataFrame, against: list[str], arguments: argparse.Namespace, prefix: str) -> None:
    table = summary(values, arguments.bootstrap)
    pairs = differences(values, against, arguments.bootstrap)
    write_atomically(arguments.out / f"{prefix}summary.csv", table.write_csv)
    write_atomically(arguments.out / f"{prefix}differences.csv", pairs.write_csv)
    with pl.Config(tbl_rows=-1, tbl_cols=-1, tbl_width_chars=200, fmt_str_lengths=60):
        for average in AVERAGES:
            for metric in METRICS:
                print(f"{metric} at 10, averaged by {average}", overview(table, metric, average), sep="\n")


if __name__ == "__main__":
    main()
