"""Who asks a music server: user and password, or a key, from the environment and nowhere else."""

import hashlib
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from simsong_pipeline.credentials import CredentialError, read_key

USER, PASSWORD, KEY = "SIMSONG_SUBSONIC_USER", "SIMSONG_SUBSONIC_PASSWORD", "SIMSONG_SUBSONIC_KEY"
# Of the interface: since 1.13 a token stands for the password, and keys are an extension of 1.16.
_BY_PASSWORD, _BY_TOKEN, _BY_KEY = "1.12.0", "1.13.0", "1.16.1"


@dataclass(frozen=True)
class Credentials:
    """Either a key, or user and password."""

    user: str | None = None
    password: str | None = field(default=None, repr=False)
    key: str | None = field(default=None, repr=False)

    def parameters(self, shows_password: bool) -> dict[str, str]:
        """What every question has.

        Args:
            shows_password: for servers that know no tokens.
        """
        if self.key is not None:
            return {"apiKey": self.key, "v": _BY_KEY}
        user, password = self.user or "", self.password or ""
        if shows_password:
            return {"u": user, "p": f"enc:{password.encode().hex()}", "v": _BY_PASSWORD}
        salt = secrets.token_hex(8)
        token = hashlib.md5(f"{password}{salt}".encode(), usedforsecurity=False).hexdigest()
        return {"u": user, "t": token, "s": salt, "v": _BY_TOKEN}


def read_credentials(environment: Mapping[str, str] | None = None) -> Credentials:
    """Those of the environment.

    Raises:
        CredentialError: there are none, or both kinds.
    """
    values = os.environ if environment is None else environment
    key, user, password = read_key(KEY, values), values.get(USER, "").strip(), values.get(PASSWORD, "")
    if key is not None and (user or password):
        raise CredentialError(
            f"both {KEY} and {USER} or {PASSWORD} are set: a server takes one of the two, unset the other"
        )
    if key is not None:
        return Credentials(key=key)
    if not user or not password:
        raise CredentialError(f"set {USER} and {PASSWORD}, or {KEY}, for the server to let SimSong in")
    return Credentials(user, password)
