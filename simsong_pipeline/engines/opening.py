"""Opens the engine that is configured."""

import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from simsong_pipeline.audio.feature_format import hears_events
from simsong_pipeline.config import EngineConfig, PipelineConfig
from simsong_pipeline.engines.engine import Engine
from simsong_pipeline.engines.local import LocalEngine
from simsong_pipeline.engines.processes import ProcessEngine
from simsong_pipeline.errors import EngineError, MissingExtraError, first_line

# Ray itself asks for minutes, and prints each time.
_ANSWER_S = 10.0


@contextmanager
def opened_engine(config: PipelineConfig, note: Callable[[str], None]) -> Iterator[Engine]:
    """The engine; its workers end with the block.

    Args:
        note: gets what workers tell, and that one was lost.

    Raises:
        EngineError: as `ask_engine`.
    """
    if config.engine.kind == "local":
        yield LocalEngine(config.audio.workers, note)
        return
    ask_engine(config.engine)
    # Imported here because it loads Ray, which is an extra.
    from simsong_pipeline.engines.ray_engine import RayEngine

    yield RayEngine(config.engine, config.audio.workers, note)


@contextmanager
def opened_hearing(config: PipelineConfig, note: Callable[[str], None]) -> Iterator[Engine]:
    """The engine for hearing songs: of this machine's, processes where songs are read from HDF5.

    Raises:
        EngineError: as `ask_engine`.
    """
    if config.engine.kind == "local" and hears_events(config):
        yield ProcessEngine(config.audio.workers, note)
        return
    with opened_engine(config, note) as engine:
        yield engine


def ask_engine(config: EngineConfig) -> None:
    """An engine that cannot be had should say so before hours of work.

    Raises:
        MissingExtraError: Ray is configured and not installed.
        EngineError: nothing answers at its address.
    """
    if config.kind == "local":
        return
    if find_spec("ray") is None:
        raise MissingExtraError("Ray is not installed, and engine.kind is not local", "ray")
    place = re.fullmatch(r"\[?([\w.:-]+?)\]?:(\d{1,5})", config.address or "")
    if place is None:
        return
    try:
        socket.create_connection((place[1], int(place[2])), _ANSWER_S).close()
    except (OSError, OverflowError) as error:
        raise unreachable(config.address, first_line(error)) from error


def unreachable(address: str | None, reason: str) -> EngineError:
    """Where there is no cluster; the reason is another program's."""
    return EngineError(
        f"no Ray cluster answers at {address or 'this machine'} ({reason[:200]}): start one with `ray start --head`, "
        "name its address (--engine-address), or use --engine local"
    )
