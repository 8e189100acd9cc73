"""Search: words that may be only begun. No words give everything, in pages, which is how players copy a library."""

from collections.abc import Callable
from typing import Any, TypeVar

from simsong_pipeline.service.library import Part
from simsong_pipeline.service.subsonic.call import Call, Method
from simsong_pipeline.service.subsonic.entries import Entry

R = TypeVar("R")
_USUAL, _MOST = 20, 500


def _found(call: Call, kind: str, find: Callable[[str, int, int], Part[R]], entry: Callable[[R], Entry]) -> list[Entry]:
    """The asked page of one kind."""
    parameters = call.parameters
    # Some players ask for everything by a pair of quotation marks.
    words = parameters.given("query").strip().strip('"')[:500]
    bounds = (parameters.number(f"{kind}Offset", 0), parameters.number(f"{kind}Count", _USUAL, _MOST))
    return [entry(row) for row in find(words, *bounds).rows]


def _search3(call: Call) -> dict[str, Any]:
    call.refuse_other_folder()
    library, entries = call.library, call.entries
    return {
        "searchResult3": {
            "artist": _found(call, "artist", library.find_artists, entries.artist),
            "album": _found(call, "album", library.find_albums, entries.album),
            "song": _found(call, "song", library.find_songs, entries.song),
        }
    }


def _search2(call: Call) -> dict[str, Any]:
    call.refuse_other_folder()
    library, entries = call.library, call.entries
    return {
        "searchResult2": {
            "artist": _found(call, "artist", library.find_artists, lambda a: {"id": a.id, "name": a.name}),
            "album": _found(call, "album", library.find_albums, entries.album_as_folder),
            "song": _found(call, "song", library.find_songs, entries.song),
        }
    }


SEARCHING = {"search3": Method(_search3), "search2": Method(_search2)}
