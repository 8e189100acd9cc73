"""A process of its own that writes a home in an object store, for tests that kill it or let several race.

remote_writer.py URL rewrite FILES    all files say one number, one more each time, without end
remote_writer.py URL add NAME TIMES   one file more each time
remote_writer.py URL hang NAME TEXT   writes a file into its copy, says so, and does nothing more
"""

import sys
import time
from pathlib import Path

from simsong_pipeline.remote.opened import Telling, opened

DEAD_S = 2.0
QUIET = Telling(lambda _: None, lambda *_: None, lambda _: None)


def _rewrite(url: str, files: int) -> None:
    while True:
        with opened(url, "writing", 60.0, QUIET, DEAD_S) as copy:
            # One that was killed has left files of two numbers in its copy.
            number = max(numbers_in(copy.home), default=0) + 1
            for file in range(files):
                path = copy.home / f"part-{file % 3}" / f"{file}.bin"
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(f"{number}\n".encode() * (1 + 500 * file))
        _say(str(number))


def numbers_in(home: Path) -> set[int]:
    """What the files of the home say."""
    return {int(line) for path in home.rglob("*.bin") for line in path.read_text().split()}


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _add(url: str, name: str, times: int) -> None:
    for number in range(times):
        with opened(url, "writing", 60.0, QUIET, DEAD_S) as copy:
            (copy.home / f"{name}-{number}.txt").write_text(f"{name} {number}")


def _hang(url: str, name: str, text: str) -> None:
    with opened(url, "writing", 60.0, QUIET, DEAD_S) as copy:
        (copy.home / name).write_text(text)
        _say("ready")
        time.sleep(600)


if __name__ == "__main__":
    if sys.argv[2] == "rewrite":
        _rewrite(sys.argv[1], int(sys.argv[3]))
    elif sys.argv[2] == "hang":
        _hang(*sys.argv[1:2], *sys.argv[3:5])
    else:
        _add(sys.argv[1], sys.argv[3], int(sys.argv[4]))
