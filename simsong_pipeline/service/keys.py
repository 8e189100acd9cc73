"""Who is let in: the key of `SIMSONG_API_KEY`, by a header, by a session of the page, or by Subsonic's token of it."""

import hashlib
import hmac
from collections.abc import Mapping

from simsong_pipeline.credentials import read_key
from simsong_pipeline.errors import SimSongError
from simsong_pipeline.remote.address import is_loopback
from simsong_pipeline.service.sessions import Sessions

VARIABLE = "SIMSONG_API_KEY"
COOKIE = "simsong_session"
_SHORTEST = 8


class Keys:
    """The service's one key, or none where it listens to this machine alone.

    Args:
        sessions: of the page, which cannot put a header to what a player or a picture asks for; null where there are
            none.
    """

    def __init__(self, key: str | None, sessions: Sessions | None = None) -> None:
        self._key, self._sessions = key, sessions

    def with_sessions(self, sessions: Sessions) -> "Keys":
        """The same key, which sessions stand for."""
        return Keys(self._key, sessions)

    @property
    def is_needed(self) -> bool:
        """Whether there is a key."""
        return self._key is not None

    def fits(self, given: str | None) -> bool:
        """Whether a text is the key; compared in a time that says nothing of it."""
        if self._key is None or given is None:
            return False
        return hmac.compare_digest(self._key.encode(), given.encode("utf-8", "replace"))

    def fits_token(self, token: str | None, salt: str | None) -> bool:
        """Whether Subsonic's token is the MD5 of the key and the salt."""
        if self._key is None or token is None or salt is None:
            return False
        wanted = hashlib.md5(f"{self._key}{salt}".encode("utf-8", "replace"), usedforsecurity=False).hexdigest()
        return hmac.compare_digest(wanted.encode(), token.lower().encode("utf-8", "replace"))

    def fits_headers(self, headers: Mapping[str, str]) -> bool:
        """Whether `Authorization: Bearer` or `X-API-Key` holds the key. Names are in lower case."""
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        given = bearer.strip() if scheme.lower() == "bearer" else headers.get("x-api-key")
        return self.fits(given)

    def begin_session(self) -> str:
        """A secret that lets the page's own requests in until the service ends."""
        assert self._sessions is not None, "with_sessions() comes first"
        return self._sessions.begin()

    def has_session(self, given: str | None) -> bool:
        """Whether a session was begun, and not ended."""
        return given is not None and self._sessions is not None and self._sessions.has(given)

    def end_session(self, given: str | None) -> None:
        """Let it in no more."""
        if given is not None and self._sessions is not None:
            self._sessions.end(given)


def keys_for(host: str) -> Keys:
    """The key for a service that listens at an address.

    Raises:
        SimSongError: others could reach it, and there is no key; or the key is too short to keep anybody out.
    """
    key = read_key(VARIABLE)
    if key is None and not is_loopback(host):
        raise SimSongError(
            f"--host {host} lets other machines in: set {VARIABLE} to a key of your own, or leave --host out"
        )
    if key is not None and len(key) < _SHORTEST:
        raise SimSongError(f"{VARIABLE} is shorter than {_SHORTEST} letters: set a longer one")
    return Keys(key)
