"""Options that several commands share."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from simsong_pipeline.remote.address import is_url


def place_of(text: str | Path) -> Path | str:
    """A path; an address stays text. Where it is a home's, a local copy takes its place (`remote_home`)."""
    return text if isinstance(text, str) and is_url(text) else Path(text)


Home = Annotated[
    Path,
    typer.Option(
        envvar="SIMSONG_HOME",
        help="Folder that everything lives under, or its address in an object store.",
        show_default=True,
        metavar="PATH",
        parser=place_of,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print results as JSON objects, one a line.")]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", help="TOML file that sets fields of the pipeline's configuration.")
]
QdrantUrl = Annotated[
    str | None,
    typer.Option(envvar="QDRANT_URL", help="Qdrant server; embedded under the home by default. Key: QDRANT_API_KEY."),
]
PromoteAnyway = Annotated[
    bool, typer.Option("--promote-anyway", help="Use the new model even when it is worse than the present one.")
]
Retrain = Annotated[bool, typer.Option("--retrain", help="Train again although a model of this recipe is there.")]
PublishAnyway = Annotated[bool, typer.Option("--publish-anyway", help="Index even when no better than chance.")]
AcceptShrink = Annotated[
    bool,
    typer.Option(
        "--accept-shrink", envvar="SIMSONG_ACCEPT_SHRINK", help="Go on although more than half of the songs are gone."
    ),
]
EngineKind = Annotated[
    Literal["local", "ray"] | None,
    typer.Option(
        "--engine",
        envvar="SIMSONG_ENGINE",
        help="What decodes, hears and embeds: this machine, or a Ray cluster (simsong[ray]).",
        show_default="what the last run used, or local",
    ),
]
EngineAddress = Annotated[
    str | None,
    typer.Option(
        envvar="SIMSONG_ENGINE_ADDRESS",
        help="Of the Ray cluster, host:port or auto.",
        show_default="one of this machine",
    ),
]
NewBuckets = Annotated[
    int | None,
    typer.Option(
        "--buckets",
        help="Of a new home: how many buckets it is kept in, a power of two up to 4096.",
        show_default="64; a home's own where there is one",
    ),
]
DEFAULT_HOME = Path("simsong-data")
