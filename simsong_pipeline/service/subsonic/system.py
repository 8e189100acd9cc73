"""What a player asks before it begins: whether somebody is there, what is offered, and who is asking."""

from typing import Any

from simsong_pipeline.home.night_note import night_note
from simsong_pipeline.service.subsonic.call import FOLDER, Call, Method
from simsong_pipeline.service.subsonic.refusals import NotAllowedError

_NOT_HERE = ("startScan", "getUsers", "createUser", "updateUser", "deleteUser", "changePassword")
_EXTENSIONS = ("apiKeyAuthentication", "formPost", "sonicSimilarity")


def _ping(_call: Call) -> dict[str, Any]:
    return {}


def _license(_call: Call) -> dict[str, Any]:
    return {"license": {"valid": True}}


def _extensions(_call: Call) -> dict[str, Any]:
    return {"openSubsonicExtensions": [{"name": name, "versions": [1]} for name in _EXTENSIONS]}


def _token(call: Call) -> dict[str, Any]:
    return {"tokenInfo": {"username": call.user}}


def _user(call: Call) -> dict[str, Any]:
    """Of whoever asks: all names are one user's."""
    may_change = not call.service.settings.read_only
    may = {"downloadRole": True, "playlistRole": may_change, "coverArtRole": False, "streamRole": True}
    may_not = ("adminRole", "settingsRole", "uploadRole", "commentRole", "podcastRole", "jukeboxRole", "shareRole")
    roles = {**may, **dict.fromkeys(may_not, False), "videoConversionRole": False}
    name = call.parameters.needed("username")
    return {"user": {"username": name, "scrobblingEnabled": False, **roles, "folder": [int(FOLDER)]}}


def _scan(call: Call) -> dict[str, Any]:
    night = night_note(call.service.workspace)
    return {
        "scanStatus": {"scanning": night is not None and night.state == "running", "count": call.library.songs.height}
    }


def _not_here(_call: Call) -> dict[str, Any]:
    raise NotAllowedError("this is done where SimSong runs, not by a player")


SYSTEM = {
    "ping": Method(_ping),
    "getLicense": Method(_license),
    "getOpenSubsonicExtensions": Method(_extensions, is_public=True),
    "tokenInfo": Method(_token),
    "getUser": Method(_user),
    "getScanStatus": Method(_scan),
    **dict.fromkeys(_NOT_HERE, Method(_not_here)),
}
