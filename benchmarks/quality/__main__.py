"""Compare methods: `python -m benchmarks.quality --out quality --datasets sample --seeds 1 2 3 4 5`.

Each data set and seed is a cell. A catalogue that was prepared, and a model that was trained, before is not made again,
and training goes on from its checkpoint: a stopped comparison goes on where it stopped. Results: values.parquet (query
by query), summary.csv, differences.csv and recall-<data set>.png in the output folder. Several processes may share the
folder when they are given different seeds.
"""

import argparse
from pathlib import Path

import polars as pl

from benchmarks.quality.cells import measure_cell
from benchmarks.quality.datasets import named
from benchmarks.quality.recipes import RECIPES
from benchmarks.quality.tables import differences, summary
from simsong_pipeline.config import PipelineConfig
from simsong_pipeline.evaluation.plots import metric_bars
from simsong_pipeline.files import write_atomically, write_bytes
from simsong_pipeline.home.events import Events
from simsong_pipeline.home.settings import read_config


def main() -> None:
    """Run all cells and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--datasets", nargs="+", default=["sample"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3, 4, 5])
    recipes = f"any of {', '.join(RECIPES)}; 'all' is all of them"
    parser.add_argument("--recipes", nargs="+", default=["ns", "wns"], help=recipes)
    parser.add_argument("--config", type=Path, help="TOML file, as for `simsong run`")
    arguments = parser.parse_args()
    chosen = list(RECIPES) if arguments.recipes == ["all"] else arguments.recipes
    unknown = [name for name in chosen if name not in RECIPES]
    if unknown:
        parser.error(f"no recipe {unknown[0]!r}: {recipes}")
    values = _measure(arguments, chosen, read_config(arguments.config, PipelineConfig(), {}))
    table, pairs = summary(values), differences(values)
    write_atomically(arguments.out / "values.parquet", values.write_parquet)
    write_atomically(arguments.out / "summary.csv", table.write_csv)
    write_atomically(arguments.out / "differences.csv", pairs.write_csv)
    _plot(arguments.out, table)
    shown = ("dataset", "protocol", "method", "value", "ci_low", "ci_high", "chance", "oracle", "of_oracle", "hub_skew")
    with pl.Config(tbl_rows=-1, tbl_cols=-1, tbl_width_chars=180, float_precision=4, fmt_str_lengths=60):
        recall = pl.col("metric") == "recall"
        print(table.filter(recall).select(shown), pairs.filter(recall).drop("metric"), sep="\n")


def _measure(arguments: argparse.Namespace, recipes: list[str], config: PipelineConfig) -> pl.DataFrame:
    events = Events(stage=lambda name: print(name, flush=True), progress=lambda *_: None, note=lambda t: print(" ", t))
    cells = []
    for name in arguments.datasets:
        dataset = named(name)
        for seed in arguments.seeds:
            print(f"{name}, seed {seed}", flush=True)
            prepared = dataset.prepare(arguments.out / "homes", seed, config, events)
            cell = measure_cell(prepared, recipes, events)
            cells.append(cell.with_columns(pl.lit(dataset.name).alias("dataset"), pl.lit(seed).alias("seed")))
    return pl.concat(cells)


def _plot(folder: Path, table: pl.DataFrame) -> None:
    for dataset in table["dataset"].unique(maintain_order=True).to_list():
        part = table.filter(dataset=dataset).rename({"method": "variant"})
        protocols = part["protocol"].unique(maintain_order=True).to_list()
        write_bytes(folder / f"recall-{dataset}.png", metric_bars(part, "recall", protocols))


if __name__ == "__main__":
    main()
