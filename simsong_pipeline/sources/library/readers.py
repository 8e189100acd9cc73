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
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from queue import SimpleQueue
from types import TracebackType
from typing import Self

from simsong_pipeline.errors import RawDataError
from simsong_pipeline.sources.library.recording import CRASHED, FileState, Row, unusable

_CHUNK = 25
COMMAND = (sys.executable, "-m", "simsong_pipeline.sources.library.recording")


def rows_on_all_cores(
    states: Sequence[FileState], processes: int | None = None, command: Sequence[str] = COMMAND
) -> Iterator[Row]:
    """A row for each state, in their order.

    Args:
        processes: where null as many as there are cores and chunks of files for them.
        command: starts a process that answers as `recording` does.
    """
    count = processes or min(os.cpu_count() or 1, 1 + len(states) // _CHUNK)
    idle: SimpleQueue[Reader] = SimpleQueue()

    def read(chunk: Sequence[FileState]) -> list[Row]:
        reader = idle.get()
        try:
            return [reader.row(state) for state in chunk]
        finally:
            idle.put(reader)

    with ExitStack() as stack:
        for _ in range(count):
            idle.put(stack.enter_context(Reader(command)))
        pool = stack.enter_context(ThreadPoolExecutor(count))
        chunks = (states[i : i + _CHUNK] for i in range(0, len(states), _CHUNK))
        for rows in pool.map(read, chunks):
            yield from rows


class Reader:
    """A process that opens one file after the other. It ends with this one, be it killed: its input does."""

    def __init__(self, command: Sequence[str] = COMMAND) -> None:
        self._command = command
        self._process = self._start()

    def row(self, state: FileState) -> Row:
        """The row of a file. One that brings down the process is unusable, and another process is started.

        Raises:
            RawDataError: the process ends by itself, as when Python cannot run it.
        """
        if self._process.poll() is not None:
            self._start_again()
        line = self._ask(json.dumps(state))
        if line.endswith("\n"):
            return tuple(json.loads(line))
        code = self._start_again()
        if code >= 0:
            raise RawDataError(
                f"the process that opens music files ended by itself at {state[0]} (exit status {code}); what it said "
                "is above"
            )
        return unusable(state, f"{CRASHED} ({signal.Signals(-code).name}); is the file damaged?")

    def _ask(self, question: str) -> str:
        asked, answered = self._process.stdin, self._process.stdout
        assert asked is not None
        assert answered is not None
        try:
            asked.write(f"{question}\n")
            asked.flush()
        except BrokenPipeError:
            return ""
        return answered.readline()

    def _start_again(self) -> int:
        code = self._close()
        self._process = self._start()
        return code

    def _start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def _close(self) -> int:
        with suppress(BrokenPipeError), self._process:  # closes both pipes and waits
            pass
        return self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()
