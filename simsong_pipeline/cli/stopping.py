"""Ctrl-C and SIGTERM: each command says in one line what is kept, and how to go on."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from functools import wraps
from types import FrameType

# By the command's function; `fetch lyrics` and `fetch audio` are functions of these names.
_RUN = "what was read, decoded, trained and embedded is kept, and the index serves as it did; the same command goes on"
_NOTHING = "nothing was changed; ask again at any time"
KEPT: Mapping[str, str] = {
    "sample": "the songs written so far stay, and make no catalogue; the same command writes all of them anew",
    "run": _RUN,
    "library": _RUN,
    "demo": _RUN,
    "refresh": "what was read, decoded and embedded is kept, and the index serves as it did; the same command goes on",
    "embed": "the buckets that were written are kept; the same command goes on",
    "train": "the state of the last validation is kept, and the present model serves; the same command goes on",
    "select": "nothing was changed; the same command begins anew",
    "evaluate": "the last metrics and the last report are kept; the same command begins anew",
    "report_card": "the last report card is kept; the same command begins anew",
    "rollback": "where it had begun, `simsong rollback` finishes it; otherwise nothing was changed",
    "doctor": "nothing was changed; the same command begins anew",
    "backup": "there is no backup of that name, and the home is as it was; the same command begins anew",
    "restore": "what was served is served still, or the backup is; the same command goes on",
    "split": "where it had begun, `simsong split` finishes it; otherwise nothing was changed",
    "verify": _NOTHING,
    "similar": _NOTHING,
    "path": _NOTHING,
    "about": _NOTHING,
    "why": _NOTHING,
    "tags": _NOTHING,
    "languages": _NOTHING,
    "never": "the list is as it was; the same command begins anew",
    "lyrics": "what was fetched is kept; the same command goes on",
    "fetch": "what was written whole is kept; the same command fetches the rest",
    "list_models": "nothing was changed; the same command begins anew",
    "serve": "what was kept stays, and its copy of the index is deleted; the same command serves again",
    "audio": "what was fetched is kept; the same command goes on",
    "link": "the link is as it was; the same command begins anew",
    "push": "playlists that were pushed whole are there; the same command pushes the rest",
}
_LATER_S = 0.05
_OTHERWISE = "what was finished is kept; the same command goes on"


class TerminatedError(KeyboardInterrupt):
    """SIGTERM, of a service manager or a batch system: what may be cleaned up is, as after Ctrl-C."""


class StoppedError(Exception):
    """A command was stopped; the message is for a person, `status` what the process ends with."""

    def __init__(self, message: str, stop: KeyboardInterrupt) -> None:
        super().__init__(message)
        self.status = status_of(stop)


# Set once SIGTERM came: what was raised for it may reach the command as a plain one that a library put in its place.
_asked_to_end = threading.Event()


def status_of(stop: KeyboardInterrupt) -> int:
    """128 and the signal's number, as shells have it."""
    by_term = isinstance(stop, TerminatedError) or _asked_to_end.is_set()
    return 128 + (signal.SIGTERM if by_term else signal.SIGINT)


def repeat_lost_stops() -> None:
    """Python drops, and prints, a Ctrl-C that comes in a callback of its own: say nothing, and send it once more."""
    otherwise = sys.unraisablehook

    def again(lost: "sys.UnraisableHookArgs") -> None:
        if not isinstance(lost.exc_value, KeyboardInterrupt):
            otherwise(lost)
            return
        number = status_of(lost.exc_value) - 128
        # From another thread and a little later, lest it come in the callback again.
        later = threading.Timer(_LATER_S, os.kill, (os.getpid(), number))
        later.daemon = True
        later.start()

    sys.unraisablehook = again


def heed_sigterm() -> None:
    """Make SIGTERM a `TerminatedError` in this process, not in those that it forks; left alone where it is ignored."""
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _terminated)
        os.register_at_fork(before=_hold_sigterm, after_in_parent=_release_sigterm, after_in_child=_forget_sigterm)


def _terminated(_signal: int, _frame: FrameType | None) -> None:
    _asked_to_end.set()
    raise TerminatedError


# What was blocked when a thread began to fork.
_masks = threading.local()


def _hold_sigterm() -> None:
    """Python forgets signals that come to a child before it is ready: they wait in the kernel until it is."""
    _masks.before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])


def _release_sigterm() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, _masks.before)


def _forget_sigterm() -> None:
    if signal.getsignal(signal.SIGTERM) is _terminated:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _release_sigterm()


def stoppable(command: Callable[..., None]) -> Callable[..., None]:
    """The command, with Ctrl-C and SIGTERM as a `StoppedError` whose message says what is kept."""

    @wraps(command)
    def until_stopped(*arguments: object, **named: object) -> None:
        try:
            command(*arguments, **named)
        except KeyboardInterrupt as stop:
            raise StoppedError(f"stopped: {KEPT.get(command.__name__, _OTHERWISE)}", stop) from stop

    return until_stopped
