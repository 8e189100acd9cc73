"""The page's sessions: secrets that let in until the service ends, which all of its processes know."""

import hashlib
import secrets
from pathlib import Path

_MOST = 1_000


class Sessions:
    """An empty file for each, named by the secret's hash value: a secret is looked up, not compared letter by letter.

    Args:
        folder: made when the first session begins.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def begin(self) -> str:
        """A new secret; beyond a thousand the oldest ends."""
        session = secrets.token_urlsafe(32)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._file(session).touch()
        held = sorted(self._folder.iterdir(), key=lambda file: file.stat().st_mtime_ns)
        for file in held[: max(0, len(held) - _MOST)]:
            file.unlink(missing_ok=True)
        return session

    def has(self, given: str) -> bool:
        """Whether it was begun, and not ended."""
        return self._file(given).is_file()

    def end(self, given: str) -> None:
        """Let it in no more."""
        self._file(given).unlink(missing_ok=True)

    def _file(self, session: str) -> Path:
        return self._folder / hashlib.sha256(session.encode("utf-8", "replace")).hexdigest()
