"""Frames as parquet below the home: the files that the command line reads and writes, checked and atomic."""

import dagster as dg
import polars as pl

from dagster_project.failing import telling
from dagster_project.resources import SimSong


class FrameIOManager(dg.ConfigurableIOManager):
    """An asset's key is the frame's name; the contract of that name is checked on writing."""

    simsong: dg.ResourceDependency[SimSong]

    @telling
    def handle_output(self, context: dg.OutputContext, obj: pl.DataFrame) -> None:
        """Check and write."""
        name = "/".join(context.asset_key.path)
        workspace = self.simsong.workspace()
        with workspace.lock():  # refused to a step that outlives its killed run
            workspace.write(name, obj)
        context.add_output_metadata({"dagster/row_count": obj.height, "path": str(workspace.frame_path(name))})

    @telling
    def load_input(self, context: dg.InputContext) -> pl.DataFrame:
        """Read. A run that begins by reading takes its number here, lest it write what was true before a later run."""
        workspace = self.simsong.workspace()
        workspace.begin()
        return workspace.read("/".join(context.asset_key.path))
