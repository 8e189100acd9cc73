"""The engine of several machines: Ray tasks decode, and actors hold the ONNX sessions, on GPUs where there are.

The home and the raw data lie where all nodes see them under the same paths, and the same environment is installed on
each. An actor works on a few buckets at a time; it hands their songs out as tasks, a bounded number of them, and writes
a bucket's files itself. Nothing of a bucket is visible before its last file is renamed, so one whose worker was lost is
done again from what there was before.
"""

import logging
import os
import signal
import threading
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Any, Generic

import ray
from ray import exceptions as lost_by_ray

from simsong_pipeline.config import EngineConfig
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
from simsong_pipeline.engines.opening import unreachable
from simsong_pipeline.errors import EngineError, first_line
from simsong_pipeline.logs import Place, begin_worker, in_its_bucket, is_json, place

# Buckets that an actor works on at once: its session does not wait for the last song of one.
_BUCKETS = 3
_CORES_AN_ACTOR = 4
_TICK_S = 0.5
_LOST = (
    lost_by_ray.RayActorError,
    lost_by_ray.WorkerCrashedError,
    lost_by_ray.ObjectLostError,
    lost_by_ray.NodeDiedError,
)


def _first(function: Callable[[T], U], item: T) -> U:
    return function(item)


class RayWorker(SongCount):
    """See `engine.Worker`, within an actor."""

    def __init__(self, ahead: int, tries: int) -> None:
        super().__init__()
        self._ahead = ahead
        self._task: Any = ray.remote(_first).options(num_cpus=1, max_retries=tries)
        self._notes: list[str] = []

    def map_songs(
        self, first: Callable[[T], U], then: Callable[[U], V], lost: Callable[[T, str], V], items: Iterable[T]
    ) -> Iterator[V]:
        """See `engine.Worker`; a song whose task is lost is begun again a few times."""
        function = ray.put(first)

        def begun(item: T) -> tuple[T, Any]:
            return item, self._task.remote(function, item)

        def ended(task: tuple[T, Any]) -> V:
            item, reference = task
            try:
                result = then(ray.get(reference))
            except (lost_by_ray.WorkerCrashedError, lost_by_ray.OutOfMemoryError) as error:
                result = lost(item, f"the process that read it ended each time ({first_line(error)[:80]})")
            self.count()
            return result

        return a_few_at_a_time(begun, ended, items, self._ahead)

    def note(self, text: str) -> None:
        """See `engine.Worker`; it is told with the next count."""
        with self._counting:
            self._notes.append(text)

    def told(self) -> tuple[int, list[str]]:
        """Songs done in all, and what was noted since it was asked last."""
        with self._counting:
            notes, self._notes = self._notes, []
            return self.done, notes


class _Actor:
    """A function, open from its first bucket on: what opening raises is a bucket's error, and no lost actor."""

    def __init__(self, function: BucketFunction[Any, Any], ahead: int, tries: int, there: Place, as_json: bool) -> None:
        begin_worker(there, as_json)
        # Ray's word for an actor without cores of its own; with it torch would use one, and give other last digits.
        os.environ.pop("OMP_NUM_THREADS", None)
        self._worker, self._function = RayWorker(ahead, tries), function
        self._opening = Lock()
        self._work: Callable[[Any], Any] | None = None

    def work(self, job: Any) -> Any:
        """A bucket's outputs."""
        with self._opening:
            work = self._work = self._work or in_its_bucket(self._function.open(self._worker))
        return work(job)

    def told(self) -> tuple[int, list[str]]:
        """See `RayWorker.told`; answered while it works."""
        return self._worker.told()


@dataclass(frozen=True)
class _Place:
    """What the cluster has for an actor."""

    actors: int
    gpus: int
    cores: int

    @property
    def ahead(self) -> int:
        """Songs of a bucket that are in flight: enough for an actor's share of the cores, whatever one is writing."""
        return max(2, -(-self.cores // self.actors) + 1)


class RayEngine:
    """See `engine.Engine`.

    Args:
        cores: of this machine, where the cluster is made here; all of them where null.
        note: gets what workers tell, and that one was lost.

    Raises:
        EngineError: the cluster does not answer.
    """

    shares_memory = False

    def __init__(
        self, config: EngineConfig, cores: int | None = None, note: Callable[[str], None] = lambda _: None
    ) -> None:
        self._config, self._note = config, note
        if connect(config, cores):
            there = ray.cluster_resources()  # type: ignore[no-untyped-call]
            gpus = f", {there['GPU']:g} GPUs" if there.get("GPU") else ""
            nodes = len(ray.nodes())  # type: ignore[no-untyped-call]
            note(f"Ray: {nodes} nodes, {there.get('CPU', 0):g} cores{gpus}")

    def map_buckets(
        self, function: BucketFunction[JobT, Result], jobs: Sequence[JobT], progress: Progress
    ) -> Generator[Result]:
        """See `engine.Engine`."""
        if not jobs:
            return
        crew: _Crew[JobT, Result] = _Crew(function, jobs, self._config.tries, self._note)
        try:
            while crew.is_busy:
                yield from crew.finished()
                progress(crew.done, sum(job.songs for job in jobs))
        finally:
            crew.dismiss()


class _Crew(Generic[JobT, Result]):
    """The actors of one mapping, and what each works on."""

    def __init__(
        self, function: BucketFunction[JobT, Result], jobs: Sequence[JobT], tries: int, note: Callable[[str], None]
    ) -> None:
        self._place, self._tries, self._note = _place(len(jobs)), tries, note
        self._function = ray.put(function)
        self._waiting: deque[JobT] = deque(largest_first(jobs))
        self._running: dict[Any, tuple[Any, JobT]] = {}
        self._losses: Counter[int] = Counter()
        self._before = 0  # songs of actors that were lost count no more
        self._counts: dict[Any, int] = {}
        self._asked: dict[Any, Any] = {}
        self._actors = [self._hired() for _ in range(self._place.actors)]
        self._assign()

    @property
    def is_busy(self) -> bool:
        return bool(self._running or self._waiting)

    @property
    def done(self) -> int:
        """Songs, of buckets that are finished or not."""
        return self._before + sum(self._counts.values())

    def finished(self) -> Iterator[Result]:
        """Results that came within a moment."""
        ready, _ = ray.wait(list(self._running), num_returns=len(self._running), timeout=_TICK_S / 10)
        if not ready:
            ready, _ = ray.wait(list(self._running), num_returns=1, timeout=_TICK_S)
        for reference in ready:
            if reference not in self._running:  # of an actor that was lost with another bucket
                continue
            actor, job = self._running.pop(reference)
            try:
                result = ray.get(reference)
            except _LOST as error:
                self._replace(actor, job, first_line(error))
                continue
            except lost_by_ray.RayTaskError as error:
                raise _cause(error) from None
            self._assign()
            yield result
        self._count()

    def dismiss(self) -> None:
        """End all actors, and with them their tasks."""
        for actor in self._actors:
            ray.kill(actor)

    def _hired(self) -> Any:
        gpus = 1 if self._place.gpus else 0
        options = {"num_cpus": 0, "num_gpus": gpus, "max_concurrency": _BUCKETS + 1, "scheduling_strategy": "SPREAD"}
        telling = (place(), is_json())
        return ray.remote(_Actor).options(**options).remote(self._function, self._place.ahead, self._tries, *telling)

    def _assign(self) -> None:
        """Give each actor as many buckets as it works on at once."""
        load = Counter(actor for actor, _ in self._running.values())
        for actor in sorted(self._actors, key=lambda a: load[a]):
            while self._waiting and load[actor] < _BUCKETS:
                job = self._waiting.popleft()
                self._running[actor.work.remote(job)] = (actor, job)
                load[actor] += 1

    def _replace(self, lost: Any, job: JobT, reason: str) -> None:
        """Another actor in its place; what it had is done again, first of all."""
        others = {r: (a, j) for r, (a, j) in self._running.items() if a is lost}
        again = [job, *(j for _, j in others.values())]
        self._losses[job.bucket] += 1
        if self._losses[job.bucket] >= self._tries:
            raise EngineError(
                f"the worker of bucket {job.bucket} was lost {self._tries} times ({reason}): look at the cluster's "
                "memory and nodes (`ray status`); buckets that were written are kept, and the same command goes on"
            )
        self._note(f"a worker was lost ({reason}): {len(again)} buckets are done again")
        self._running = {r: told for r, told in self._running.items() if r not in others}
        self._counts.pop(lost, None)
        self._asked.pop(lost, None)
        self._actors = [self._hired() if actor is lost else actor for actor in self._actors]
        self._waiting.extendleft(reversed(again))
        self._assign()

    def _count(self) -> None:
        """Ask each actor how far it is; an answer that is not there yet is taken the next time."""
        for actor in self._actors:
            reference = self._asked.get(actor)
            if reference is None:
                self._asked[actor] = actor.told.remote()
                continue
            if not ray.wait([reference], timeout=0)[0]:
                continue
            del self._asked[actor]
            try:
                self._counts[actor], notes = ray.get(reference)
            except _LOST:
                continue  # its buckets say so
            for note in notes:
                self._note(note)


def connect(config: EngineConfig, cores: int | None) -> bool:
    """Join the cluster at the address, or make one of this machine that ends with this process; false where it is done.

    Raises:
        EngineError: it does not answer.
    """
    if ray.is_initialized():
        return False
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # It warns of what a later version of it will do with GPUs that it was not asked for.
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    logging.getLogger("ray").setLevel(logging.ERROR)  # it warns of settings that are right
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR, "configure_logging": False}
    if config.address is None:
        options |= {"num_cpus": cores or os.cpu_count(), "include_dashboard": False}
        options["object_store_memory"] = config.object_store_bytes
    try:
        with _own_signals():
            ray.init(address=config.address or "local", **options)
    except (ConnectionError, RuntimeError, ValueError, OSError, lost_by_ray.RayError) as error:
        raise unreachable(config.address, first_line(error)) from error
    return True


@contextmanager
def _own_signals() -> Iterator[None]:
    """Ray takes SIGTERM for itself; it stays this program's, which says what is kept."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _place(jobs: int) -> _Place:
    resources = ray.cluster_resources()  # type: ignore[no-untyped-call]
    cores, gpus = int(resources.get("CPU", 0)), int(resources.get("GPU", 0))
    if cores < 1:
        raise EngineError("the Ray cluster has no cores to give: `ray status` says what its nodes have")
    actors = gpus or -(-cores // _CORES_AN_ACTOR)
    return _Place(min(actors, -(-jobs // _BUCKETS)), gpus, cores)


def _cause(error: BaseException) -> BaseException:
    """What a job raised, below the shells that each process put around it."""
    while isinstance(error, lost_by_ray.RayTaskError) and error.cause is not None:
        error = error.cause
    return error
