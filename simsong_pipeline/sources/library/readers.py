"""Opens files of a music folder on all cores, each core a process.

Not threads, because PyAV takes the interpreter's lock for each packet: two threads pass it to and fro a thousand times
a second and take longer than one. And not a pool of `concurrent.futures`, which is broken once a file has brought down
one of its processes: here that file is listed, and the others go on.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Generator, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from queue import SimpleQueue
from types import TracebackType
from typing import Self

from simsong_pipeline.errors import RawDataError
from simsong_pipeline.sources.library.file_states import CRASHED, UNOPENED, FileState, Row, unusable
from simsong_pipeline.sources.limits import SECONDS_A_FILE

_CHUNK = 25
# -P, because a json.py in the folder that a person works in is not Python's.
COMMAND = (sys.executable, "-P", "-m", "simsong_pipeline.sources.library.recording")
# An empty file of no name, which nothing opens.
_HARMLESS: FileState = ("", 0, 0, 0)


def rows_on_all_cores(
    states: Sequence[FileState], processes: int | None = None, command: Sequence[str] = COMMAND
) -> Generator[Row]:
    """A row for each state, in their order. Where the caller stops early, by a Ctrl-C say, no file is waited for.

    Args:
        processes: where null as many as there are cores and chunks of files for them.
        command: starts a process that answers as `recording` does.
    """
    chunks = [states[i : i + _CHUNK] for i in range(0, len(states), _CHUNK)]
    count = processes or max(1, min(os.cpu_count() or 1, len(chunks)))
    idle: SimpleQueue[Reader] = SimpleQueue()

    def read(chunk: Sequence[FileState]) -> list[Row]:
        reader = idle.get()
        try:
            return [reader.row(state) for state in chunk]
        finally:
            idle.put(reader)

    with ExitStack() as stack:
        readers = [stack.enter_context(Reader(command)) for _ in range(count)]
        pool = stack.enter_context(ThreadPoolExecutor(count))
        stack.callback(_stop, pool, readers)
        for reader in readers:
            idle.put(reader)
        for rows in pool.map(read, chunks):
            yield from rows


def _stop(pool: ThreadPoolExecutor, readers: Sequence["Reader"]) -> None:
    """A thread ends with the question it waits for, and that with its process."""
    pool.shutdown(wait=False, cancel_futures=True)
    for reader in readers:
        reader.end()


class Reader:
    """A process that opens one file after the other. It ends with this one, be it killed: its input does."""

    def __init__(self, command: Sequence[str] = COMMAND, seconds: float = SECONDS_A_FILE) -> None:
        self._command, self._seconds = command, seconds
        self._process: subprocess.Popen[str] | None = None
        self._ended = False

    def row(self, state: FileState) -> Row:
        """The row of a file. One that brings down the process is unusable; the next file is opened by another process.

        Raises:
            RawDataError: the process cannot run, or ends by itself.
            CancelledError: after `end`.
        """
        process = self._running()
        late = threading.Event()

        def end_late() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(self._seconds, end_late)
        timer.start()
        try:
            line = _asked(process, state)
        finally:
            timer.cancel()
        if line.endswith("\n"):
            return tuple(json.loads(line))
        code = self._close()
        if late.is_set():
            return unusable(state, f"opening it takes more than {self._seconds:g} s; is the file damaged?")
        if code >= 0:
            raise RawDataError(
                f"the process that opens music files ended by itself at {state[0]} (exit status {code}); what it said "
                "is above"
            )
        return unusable(state, f"{CRASHED} ({_cause(code)}); is the file damaged?")

    def end(self) -> None:
        """Kill the process, whatever file it is at. Another thread may call this; one that waits for a row goes on."""
        self._ended = True
        process = self._process
        if process is not None:
            process.kill()

    def _running(self) -> subprocess.Popen[str]:
        if self._ended:
            raise CancelledError
        if self._process is not None and self._process.poll() is None:
            return self._process
        self._close()
        return self._started()

    def _started(self) -> subprocess.Popen[str]:
        """A process that has answered; where none can run, no file is to blame."""
        process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._process = process
        if self._ended:  # meanwhile, by a thread that did not see this process
            process.kill()
        if _asked(process, _HARMLESS) != f"{json.dumps(unusable(_HARMLESS, UNOPENED[0]))}\n":
            raise RawDataError(
                f"the process that opens music files does not run ({_cause(self._close())}); what it said is above"
            )
        return process

    def _close(self) -> int:
        """The exit status of the process; 0 where there is none."""
        process, self._process = self._process, None
        if process is None:
            return 0
        with suppress(BrokenPipeError), process:  # closes both pipes and waits
            pass
        return process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()
        self._close()


def _asked(process: subprocess.Popen[str], state: FileState) -> str:
    """The line of the answer; without its end, or empty, where the process ended."""
    asked, answered = process.stdin, process.stdout
    assert asked is not None
    assert answered is not None
    try:
        asked.write(f"{json.dumps(state)}\n")
        asked.flush()
    except BrokenPipeError:
        return ""
    return answered.readline()


def _cause(code: int) -> str:
    """Why a process ended, for a person: not every signal has a name."""
    return f"exit status {code}" if code >= 0 else signal.strsignal(-code) or f"signal {-code}"
