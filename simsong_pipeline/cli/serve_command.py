"""`simsong serve`: the home for programs, browsers and players, until it is stopped."""

import gc
import sys
from contextlib import ExitStack
from importlib.util import find_spec
from typing import Annotated

import typer

from simsong_pipeline.cli.console import out
from simsong_pipeline.cli.options import DEFAULT_HOME, Home, QdrantUrl
from simsong_pipeline.errors import SimSongError
from simsong_pipeline.home.workspace import Workspace


def serve(
    home: Home = DEFAULT_HOME,
    host: Annotated[
        str, typer.Option(help="Address to listen at; another than this machine's own needs SIMSONG_API_KEY.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen at; 0 takes a free one.", min=0, max=65_535)] = 8080,
    read_only: Annotated[bool, typer.Option("--read-only", help="Refuse likes, playlists and never.")] = False,
    metrics_port: Annotated[
        int | None,
        typer.Option(
            envvar="SIMSONG_METRICS_PORT",
            help="A second port for /metrics alone, which asks for no key.",
            min=0,
            max=65_535,
            show_default="none: /metrics lies beside the rest, with its key",
        ),
    ] = None,
    metrics_host: Annotated[
        str, typer.Option(envvar="SIMSONG_METRICS_HOST", help="Address of that port; whoever reaches it may read.")
    ] = "127.0.0.1",
    qdrant_url: QdrantUrl = None,
) -> None:
    """Serve the home: a page to listen, a JSON API (/docs), and what players speak. Ctrl-C ends it.

    Nights go on beside it; what they publish is seen at the next request.
    """
    missing = [name for name in ("starlette", "uvicorn", "httptools") if find_spec(name) is None]
    if missing:
        raise SimSongError(
            f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not installed: "
            "`pip install simsong[serve]`"
        )
    from simsong_pipeline.service.running import address_of, listening_socket, server_of
    from simsong_pipeline.service.service import opened_service
    from simsong_pipeline.service.settings import ServiceSettings

    settings = ServiceSettings(
        host=host, port=port, read_only=read_only, metrics_host=metrics_host, metrics_port=metrics_port
    )
    with ExitStack() as opening:
        sockets = [opening.enter_context(listening_socket(host, port))]
        if metrics_port is not None:
            sockets.append(opening.enter_context(listening_socket(metrics_host, metrics_port)))
        service = opening.enter_context(opened_service(Workspace(home), settings, qdrant_url))
        own, *others = [socket.getsockname()[1] for socket in sockets]
        out.print(f"{service.snapshots.present.library.songs.height} songs of {home} at {address_of(host, own)}")
        for other in others:
            out.print(f"Metrics at {address_of(metrics_host, other)}metrics")
        out.print("Ctrl-C ends it. The API is described at /docs.")
        # A thread that answers lets the one that talks to clients in five times as soon; what is there for good is not
        # gone through again and again for garbage.
        sys.setswitchinterval(0.001)
        gc.collect()
        gc.freeze()
        server_of(service, *others).run(sockets=sockets)
