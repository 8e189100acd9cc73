"""Keys and tokens, read from the environment and nowhere else, checked before any library sees them."""

import os
from collections.abc import Mapping

from simsong_pipeline.errors import SimSongError


class CredentialError(SimSongError):
    """A key or token that cannot be one; the message never holds it."""


def read_key(variable: str, environment: Mapping[str, str] | None = None) -> str | None:
    """The key in a variable, without the blanks and newlines that copying leaves around it; null where it is unset.

    Raises:
        CredentialError: it holds characters that no key has, a newline say.
    """
    key = (os.environ if environment is None else environment).get(variable, "").strip()
    if not key:
        return None
    if not (key.isascii() and key.isprintable() and " " not in key):
        raise CredentialError(
            f"{variable} holds characters that no key has (a blank, a newline, a letter beyond ASCII): set it again"
        )
    return key
