"""Opens the engine that is configured."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from simsong_pipeline.config import PipelineConfig
from simsong_pipeline.engines.engine import Engine
from simsong_pipeline.engines.local import LocalEngine


@contextmanager
def opened_engine(config: PipelineConfig, note: Callable[[str], None]) -> Iterator[Engine]:
    """The engine; its workers end with the block.

    Args:
        note: gets what workers tell, and that one was lost.

    Raises:
        EngineError: Ray is configured and not installed, or its cluster does not answer.
    """
    if config.engine.kind == "local":
        yield LocalEngine(config.audio.workers, note)
        return
    # Imported here because it loads Ray, which is an extra.
    from simsong_pipeline.engines.ray_engine import RayEngine

    yield RayEngine(config.engine, config.audio.workers, note)
