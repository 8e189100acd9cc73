"""Where a run's steps are carried out: one after the other in one process, or each in a process of its own."""

import dagster as dg

from dagster_project.resources import SimSong, steps_are_processes
from simsong_pipeline.errors import SimSongError
from simsong_pipeline.remote.address import is_url
from simsong_pipeline.stores.address import server_url


def executor() -> dg.ExecutorDefinition:
    """As SIMSONG_EXECUTOR says; in one process where it says nothing, in which assets share what they load.

    Raises:
        SimSongError: steps are to be processes, and the index is embedded, or the home lies at an address.
    """
    if not steps_are_processes():
        return dg.in_process_executor
    if is_url(SimSong().named_home()):
        raise SimSongError(
            "SIMSONG_EXECUTOR is multiprocess, and the home lies at an address, of which a run works on one copy: name "
            "a folder that all steps see, or leave SIMSONG_EXECUTOR at in_process"
        )
    if server_url(SimSong().config().store) is None:
        raise SimSongError(
            "SIMSONG_EXECUTOR is multiprocess, and the index is embedded, which serves one process at a time: name a "
            "Qdrant server by QDRANT_URL, or leave SIMSONG_EXECUTOR at in_process"
        )
    return dg.multiprocess_executor
