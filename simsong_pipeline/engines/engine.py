"""One seam for work that is done bucket by bucket: `map_buckets(function, jobs)`, whatever carries it."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from threading import Lock
from typing import Protocol, TypeVar

T = TypeVar("T")
U = TypeVar("U")
V = TypeVar("V")
Progress = Callable[[int, int], None]


class Job(Protocol):
    """A bucket's inputs; it can be pickled."""

    @property
    def bucket(self) -> int:
        """Its number."""
        ...

    @property
    def songs(self) -> int:
        """How many of its songs there is something to do for."""
        ...


JobT = TypeVar("JobT", bound=Job)
JobT_contra = TypeVar("JobT_contra", bound=Job, contravariant=True)
Result = TypeVar("Result")
ResultT_co = TypeVar("ResultT_co", covariant=True)


class Worker(Protocol):
    """What a function has where it runs."""

    def map_songs(
        self,
        first: Callable[[T], U],
        then: Callable[[U], V],
        lost: Callable[[T, str], V],
        items: Iterable[T],
    ) -> Iterator[V]:
        """`then(first(item))` of each, in order and a few at a time; songs of several buckets share the cores.

        Args:
            first: can be pickled, and may run on another machine.
            then: runs where the function does, in any thread.
            lost: in place of both, where what `first` runs in ended without an answer; the text says how.
        """
        ...

    def count(self, songs: int = 1) -> None:
        """Say that songs are done, which `map_songs` does by itself."""
        ...

    def note(self, text: str) -> None:
        """Tell a person something."""
        ...


class BucketFunction(Protocol[JobT_contra, ResultT_co]):
    """What is mapped. It can be pickled, and imports neither Dagster nor what trains."""

    def open(self, worker: Worker) -> Callable[[JobT_contra], ResultT_co]:
        """Load what all jobs share, models say, once for each worker: the function from a bucket's inputs to outputs.

        It may be called from several threads at once.
        """
        ...


class Engine(Protocol):
    """Carries jobs to workers."""

    @property
    def shares_memory(self) -> bool:
        """Whether functions run in this process, and may use what it has open."""
        ...

    def map_buckets(
        self, function: BucketFunction[JobT, Result], jobs: Sequence[JobT], progress: Progress
    ) -> Generator[Result]:
        """The result of each job, in the order in which they are done; the largest are begun first.

        What a worker leaves undone that is lost is done again by another. Closing the iterator ends the workers.

        Args:
            progress: called with the songs done and all songs, in the thread that iterates.

        Raises:
            EngineError: a job's worker was lost again and again, or the engine cannot be had.
            SimSongError: what a job raised.
        """
        ...


class SongCount:
    """How many songs are done, counted from several threads."""

    def __init__(self) -> None:
        self._counting = Lock()
        self.done = 0

    def count(self, songs: int = 1) -> None:
        """See `Worker`."""
        with self._counting:
            self.done += songs


def a_few_at_a_time(begin: Callable[[T], U], end: Callable[[U], V], items: Iterable[T], few: int) -> Iterator[V]:
    """`end(begin(item))` of each, in order; so many are begun before the first is waited for."""
    running: deque[U] = deque()
    for item in items:
        running.append(begin(item))
        if len(running) >= few:
            yield end(running.popleft())
    while running:
        yield end(running.popleft())


def largest_first(jobs: Sequence[JobT]) -> list[JobT]:
    """Jobs in the order in which they are begun: a large one that is begun last would be waited for alone."""
    return sorted(jobs, key=lambda job: (-job.songs, job.bucket))
