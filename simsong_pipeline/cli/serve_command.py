"""`simsong serve`: the home for programs, browsers and players, until it is stopped."""

from contextlib import ExitStack
from functools import partial
from typing import Annotated

import typer

from simsong_pipeline.cli.console import out
from simsong_pipeline.cli.needed import needs
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
    workers: Annotated[
        int, typer.Option(help="Processes that answer, each with a copy of the index of its own.", min=1, max=64)
    ] = 1,
    qdrant_url: QdrantUrl = None,
) -> None:
    """Serve the home: a page to listen, a JSON API (/docs), and what players speak. Ctrl-C ends it.

    Nights go on beside it; what they publish is seen at the next request.
    """
    needs("serve")
    from simsong_pipeline.service.running import address_of, listening_socket, listening_sockets, run, server_of
    from simsong_pipeline.service.service import opened_service
    from simsong_pipeline.service.settings import ServiceSettings
    from simsong_pipeline.service.workers import workers as more_workers

    if workers > 1 and metrics_port is not None:
        raise SimSongError("--metrics-port tells of one process: leave it out, or --workers")
    settings = ServiceSettings(
        host=host, port=port, read_only=read_only, metrics_host=metrics_host, metrics_port=metrics_port
    )
    with ExitStack() as opening:
        first, *others = (opening.enter_context(each) for each in listening_sockets(host, port, workers))
        sockets, ports = [first], list[int]()
        if metrics_port is not None:
            sockets.append(opening.enter_context(listening_socket(metrics_host, metrics_port)))
            ports = [sockets[1].getsockname()[1]]
        service = opening.enter_context(opened_service(Workspace(home), settings, qdrant_url))
        server = server_of(service, *ports)
        stop = partial(setattr, server, "should_exit", True)
        opening.enter_context(more_workers(service, others, qdrant_url, lost=stop))
        own = address_of(host, first.getsockname()[1])
        out.print(f"{service.snapshots.present.library.songs.height} songs of {home} at {own}")
        for other in ports:
            out.print(f"Metrics at {address_of(metrics_host, other)}metrics")
        out.print("Ctrl-C ends it. The API is described at /docs.")
        run(server, sockets)
