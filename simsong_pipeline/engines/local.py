"""The engine of one machine: threads, which suffice where the work is done outside of the interpreter's lock."""

import os
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from itertools import islice

from simsong_pipeline.engines.engine import (
    BucketFunction,
    JobT,
    Progress,
    Result,
    SongCount,
    T,
    U,
    V,
    a_few_at_a_time,
    largest_first,
)
from simsong_pipeline.logs import in_its_bucket

# Songs of a bucket that are decoded before they are asked for: work for the cores while a file is written.
_AHEAD = 12
_TICK_S = 0.2


class ThreadWorker(SongCount):
    """See `engine.Worker`: one pool of threads, shared by all buckets that are worked on."""

    def __init__(self, threads: int, note: Callable[[str], None]) -> None:
        super().__init__()
        self._pool = ThreadPoolExecutor(threads)
        self._note = note

    def map_songs(
        self, first: Callable[[T], U], then: Callable[[U], V], lost: Callable[[T, str], V], items: Iterable[T]
    ) -> Iterator[V]:
        """See `engine.Worker`; a thread that ends without an answer takes this process with it."""

        def begun(item: T) -> Future[V]:
            # Its lines name the bucket that it is of.
            return self._pool.submit(copy_context().run, lambda: then(first(item)))

        return a_few_at_a_time(begun, self._counted, items, _AHEAD)

    def _counted(self, future: Future[V]) -> V:
        result = future.result()
        self.count()
        return result

    def note(self, text: str) -> None:
        """See `engine.Worker`."""
        self._note(text)

    def stop(self) -> None:
        """Begin no song any more."""
        self._pool.shutdown(cancel_futures=True)


class LocalEngine:
    """See `engine.Engine`.

    Args:
        threads: songs that are worked on at once; as many as cores where null.
        note: gets what workers tell.
    """

    shares_memory = True

    def __init__(self, threads: int | None = None, note: Callable[[str], None] = lambda _: None) -> None:
        self._threads, self._note = threads or os.cpu_count() or 1, note

    def map_buckets(
        self, function: BucketFunction[JobT, Result], jobs: Sequence[JobT], progress: Progress
    ) -> Generator[Result]:
        """See `engine.Engine`. One bucket more than there are cores is open: a core waits for none to be written."""
        if not jobs:
            return
        worker, total = ThreadWorker(self._threads, self._note), sum(job.songs for job in jobs)
        work, waiting = in_its_bucket(function.open(worker)), iter(largest_first(jobs))
        buckets = ThreadPoolExecutor(self._threads + 1)
        try:
            running = {buckets.submit(work, job) for job in islice(waiting, self._threads + 1)}
            while running:
                done, running = wait(running, _TICK_S, FIRST_COMPLETED)
                for future in done:
                    running |= {buckets.submit(work, job) for job in islice(waiting, 1)}
                    yield future.result()
                progress(worker.done, total)
        finally:  # stopped, it does not wait for what nobody takes any more
            worker.stop()
            buckets.shutdown(cancel_futures=True)
