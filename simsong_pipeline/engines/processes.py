"""The engine of one machine for work that threads cannot share: whole buckets go to processes.

HDF5 lets one thread of a process read at a time. Each bucket is one process's work from its first file to its last, so
nothing but its rows is handed over; what it writes is whole or absent, as everywhere.
"""

import multiprocessing
import os
import signal
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.sharedctypes import Synchronized
from typing import Any

from simsong_pipeline.engines.engine import BucketFunction, JobT, Progress, Result, T, U, V, largest_first
from simsong_pipeline.engines.local import LocalEngine
from simsong_pipeline.errors import EngineError
from simsong_pipeline.pool_processes import end_with_parent

# Of fewer songs a process's start, with the libraries that it loads, takes longer than all of them.
WORTH_A_PROCESS = 2_000
_TICK_S = 0.5
_COUNT_EVERY = 50


class ProcessEngine:
    """See `engine.Engine`.

    Args:
        processes: buckets that are worked on at once; as many as cores where null.
        note: gets what workers tell.
        worth: of fewer songs threads of this process are enough.
    """

    shares_memory = False

    def __init__(
        self,
        processes: int | None = None,
        note: Callable[[str], None] = lambda _: None,
        worth: int = WORTH_A_PROCESS,
    ) -> None:
        self._processes, self._note, self._worth = processes or os.cpu_count() or 1, note, worth

    def map_buckets(
        self, function: BucketFunction[JobT, Result], jobs: Sequence[JobT], progress: Progress
    ) -> Generator[Result]:
        """See `engine.Engine`; a few songs are done in threads of this process."""
        total = sum(job.songs for job in jobs)
        if total < self._worth or self._processes == 1:
            yield from LocalEngine(self._processes, self._note).map_buckets(function, jobs, progress)
            return
        spawn = multiprocessing.get_context("spawn")  # a forked child of a process with threads can deadlock
        done: Synchronized[int] = spawn.Value("q", 0)
        others = set(multiprocessing.active_children())
        pool = ProcessPoolExecutor(self._processes, spawn, _begin, (function, done))
        try:
            running = {pool.submit(_work, job) for job in largest_first(jobs)}
            while running:
                ended, running = wait(running, _TICK_S, FIRST_COMPLETED)
                for future in ended:
                    result, notes = future.result()
                    for text in notes:
                        self._note(text)
                    yield result
                progress(done.value, total)
        except BrokenProcessPool as error:
            raise EngineError(
                "a process that read songs ended without an answer, for want of memory perhaps: buckets that were "
                "written are kept, and the same command goes on"
            ) from error
        except BaseException:  # stopped, it does not wait for what nobody takes any more
            for child in set(multiprocessing.active_children()) - others:
                child.terminate()
            raise
        finally:
            pool.shutdown(cancel_futures=True)


class _Worker:
    """See `engine.Worker`: one song after the other."""

    def __init__(self, done: "Synchronized[int]") -> None:
        self._done, self._uncounted = done, 0
        self.notes: list[str] = []

    def map_songs(
        self, first: Callable[[T], U], then: Callable[[U], V], lost: Callable[[T, str], V], items: Iterable[T]
    ) -> Iterator[V]:
        """See `engine.Worker`; a process that ends without an answer ends the run, which is gone on with."""
        for item in items:
            yield then(first(item))
            self.count()
        self._tell()

    def count(self, songs: int = 1) -> None:
        """See `engine.Worker`."""
        self._uncounted += songs
        if self._uncounted >= _COUNT_EVERY:
            self._tell()

    def _tell(self) -> None:
        with self._done.get_lock():
            self._done.value += self._uncounted
        self._uncounted = 0

    def note(self, text: str) -> None:
        """See `engine.Worker`; it is told with the bucket's rows."""
        self.notes.append(text)


class _Process:
    """What a process has open: the function, with its first bucket."""

    worker: _Worker
    function: BucketFunction[Any, Any]
    work: Callable[[Any], Any] | None = None


def _begin(function: BucketFunction[Any, Any], done: "Synchronized[int]") -> None:
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # which the run's own process hears, and ends the others
    _Process.worker, _Process.function = _Worker(done), function


def _work(job: Any) -> tuple[Any, list[str]]:
    _Process.work = _Process.work or _Process.function.open(_Process.worker)
    result = _Process.work(job)
    notes, _Process.worker.notes = _Process.worker.notes, []
    return result, notes
