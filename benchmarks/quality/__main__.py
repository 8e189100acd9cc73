"""Compare methods: `python -m benchmarks.quality --out quality --datasets sample --seeds 1 2 3 4 5`.

Each data set and seed is a cell; a cell that was measured before is not run again, so a stopped comparison goes
on where it stopped. Results: summary.csv, differences.csv and recall-<data set>.png in the output folder.
"""

import argparse
from pathlib import Path

import polars as pl

from benchmarks.quality.cells import measure_cell
from benchmarks.quality.datasets import named
from benchmarks.quality.tables import differences, summary
from simsong_pipeline.config import PipelineConfig
from simsong_pipeline.evaluation.plots import metric_bars
from simsong_pipeline.files import write_atomically, write_bytes
from simsong_pipeline.pipeline.events import Events
from simsong_pipeline.pipeline.settings import read_config


def main() -> None:
    """Run all cells and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--datasets", nargs="+", default=["sample"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3, 4, 5])
    parser.add_argument("--config", type=Path, help="TOML file, as for `simsong run`")
    arguments = parser.parse_args()
    config = read_config(arguments.config, PipelineConfig(), {})
    events = Events(stage=lambda name: print(name, flush=True), progress=lambda *_: None, note=lambda t: print(" ", t))
    cells = []
    for name in arguments.datasets:
        for seed in arguments.seeds:
            print(f"{name}, seed {seed}", flush=True)
            cells.append(measure_cell(arguments.out, named(name), seed, config, events))
    values = pl.concat(cells)
    table, pairs = summary(values), differences(values)
    write_atomically(arguments.out / "summary.csv", table.write_csv)
    write_atomically(arguments.out / "differences.csv", pairs.write_csv)
    _plot(arguments.out, table)
    with pl.Config(tbl_rows=-1, tbl_cols=-1, tbl_width_chars=180, float_precision=4):
        shown = pl.col("metric") == "recall"
        print(table.filter(shown), pairs.filter(shown), sep="\n")


def _plot(folder: Path, table: pl.DataFrame) -> None:
    for dataset in table["dataset"].unique(maintain_order=True).to_list():
        part = table.filter(dataset=dataset).rename({"method": "variant"})
        protocols = part["protocol"].unique(maintain_order=True).to_list()
        write_bytes(folder / f"recall-{dataset}.png", metric_bars(part, "recall", protocols))


if __name__ == "__main__":
    main()
