"""Who asks: by the service's key as `apiKey`, or as the password of a user of any name.

A service without a key listens to this machine alone, and lets everything in that is not at odds with itself.
"""

from collections.abc import Mapping

from simsong_pipeline.service.keys import Keys
from simsong_pipeline.service.subsonic.parameters import Parameters
from simsong_pipeline.service.subsonic.refusals import (
    MissingParameterError,
    OldClientError,
    OldServerError,
    RefusedError,
    TwoLoginsError,
    WrongKeyError,
    WrongPasswordError,
)

# Of one who names none: there is one user, whose playlists and likes everybody sees.
USER = "simsong"
_ENCODED = "enc:"
_PROTOCOL = 1


def user_of(keys: Keys, headers: Mapping[str, str], parameters: Parameters) -> str:
    """The name of the user who asks.

    Raises:
        TwoLoginsError, MissingParameterError, WrongKeyError, WrongPasswordError: who asks is not let in.
        OldClientError, OldServerError: the client speaks another protocol.
    """
    _refuse_other_protocol(parameters.text("v"))
    api_key, user = parameters.text("apiKey"), parameters.text("u")
    if api_key is not None and any(parameters.text(name) is not None for name in "upts"):
        raise TwoLoginsError("apiKey comes without u, p, t and s")
    if parameters.text("p") is not None and parameters.text("t") is not None:
        raise TwoLoginsError("give a password (p), or a token of it (t and s)")
    if not keys.is_needed or keys.fits_headers(headers):
        return user or USER
    if api_key is None:
        _refuse_wrong_password(keys, parameters)
    elif not keys.fits(api_key):
        raise WrongKeyError("this is not the key of the service")
    return user or USER


def _refuse_wrong_password(keys: Keys, parameters: Parameters) -> None:
    if parameters.text("u") is None:
        raise MissingParameterError("apiKey, or u,")
    password, token = parameters.text("p"), parameters.text("t")
    if password is not None:
        fits = keys.fits(_clear(password))
    elif token is not None:
        fits = keys.fits_token(token, parameters.needed("s"))
    else:
        raise MissingParameterError("t or p")
    if not fits:
        raise WrongPasswordError("wrong user name or password: the password is the key of the service")


def _clear(password: str) -> str | None:
    """A password that may be written in hexadecimal digits; null where they are none."""
    if not password.startswith(_ENCODED):
        return password
    try:
        return bytes.fromhex(password.removeprefix(_ENCODED)).decode("utf-8", "replace")
    except ValueError:
        return None


def _refuse_other_protocol(version: str | None) -> None:
    if version is None:
        return
    major = version.partition(".")[0].strip()
    if not (major.isascii() and major.isdigit() and len(major) < 5):
        raise RefusedError(f"v is a version such as 1.16.1, not {version[:20]!r}")
    if int(major) < _PROTOCOL:
        raise OldClientError("this service speaks version 1 of the protocol: upgrade the client")
    if int(major) > _PROTOCOL:
        raise OldServerError("this service speaks version 1 of the protocol: the client is ahead of it")
