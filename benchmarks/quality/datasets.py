"""The catalogues that methods are compared on: the sample at three difficulties, or any manifest."""

from dataclasses import dataclass
from pathlib import Path

from simsong_pipeline.config import Relevance, SampleConfig
from simsong_pipeline.pipeline.workspace import SourceConfig, Workspace
from simsong_pipeline.sources.sample.generate import write_sample

# More noise in the similarity lowers what any method can reach; the music itself stays as it is.
DIFFICULTIES = {"sample-easy": 0.1, "sample": 0.25, "sample-hard": 0.6}


@dataclass(frozen=True)
class Dataset:
    """A catalogue with its ground truth. `manifest` is null for a sample, which is drawn anew for each seed."""

    name: str
    relevance: Relevance
    manifest: Path | None = None

    def prepare(self, workspace: Workspace, seed: int) -> SourceConfig:
        """Write the sample of `seed` where it is not there yet; where the raw data lie."""
        if self.manifest is not None:
            return SourceConfig(manifest=self.manifest)
        if not workspace.raw.is_dir():
            write_sample(workspace.raw, SampleConfig(seed=seed, similarity_noise=DIFFICULTIES[self.name]))
        return SourceConfig()


def named(name: str) -> Dataset:
    """`sample-easy`, `sample`, `sample-hard`, or `artist:FILE.csv` and `genre:FILE.csv`.

    Raises:
        ValueError: none of these.
    """
    if name in DIFFICULTIES:
        return Dataset(name, "lastfm")
    relevance, _, path = name.partition(":")
    if relevance == "artist":
        return Dataset(Path(path).parent.name or "manifest", "artist", Path(path))
    if relevance == "genre":
        return Dataset(Path(path).parent.name or "manifest", "genre", Path(path))
    raise ValueError(f"no data set {name!r}: use {', '.join(DIFFICULTIES)}, artist:FILE.csv or genre:FILE.csv")
