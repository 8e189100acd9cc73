"""Playlists. One that answers a question is SimSong's own, and read alone: a player may edit lists of chosen songs."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from simsong_pipeline.service.library import Song
from simsong_pipeline.service.naming import known_ids
from simsong_pipeline.service.playlists import MOST_NAME, MOST_SONGS, KeptPlaylist, Listed, now_in_words
from simsong_pipeline.service.subsonic.call import Call, Method
from simsong_pipeline.service.subsonic.entries import Entry, utc
from simsong_pipeline.service.subsonic.refusals import (
    MissingParameterError,
    NotAllowedError,
    RefusedError,
)

# For so long after it was asked an answer is said to hold: until the next night, most likely.
_HOLDS = timedelta(days=1)


def _all(call: Call) -> dict[str, Any]:
    listed = [_entry(call, one, call.library.there(one.kept.songs)) for one in call.service.playlists.all()]
    return {"playlists": {"playlist": listed}}


def _one(call: Call) -> dict[str, Any]:
    return {"playlist": _with_songs(call, call.service.playlists.get(call.parameters.needed("id")))}


def _create(call: Call) -> dict[str, Any]:
    """A new list; of one that is there the songs are replaced."""
    identity, name, songs = (
        call.parameters.text("playlistId"),
        _name(call),
        known_ids(call.library, call.parameters.every("songId")),
    )
    if identity is not None:
        renamed = {} if name is None else {"name": name}
        kept = call.service.playlists.edit(identity, lambda before: {**_editable(before), "songs": songs, **renamed})
        return {"playlist": _with_songs(call, kept)}
    if name is None:
        raise MissingParameterError("name, or playlistId,")
    now = now_in_words()
    made = KeptPlaylist(name=name, created=now, changed=now, songs=_bounded(songs))
    return {"playlist": _with_songs(call, call.service.playlists.add(made))}


def _update(call: Call) -> dict[str, Any]:
    """Songs are taken out by their place before the change, and others are put at the end."""
    parameters, name, added = (
        call.parameters,
        _name(call),
        known_ids(call.library, call.parameters.every("songIdToAdd")),
    )
    places = {_place(text) for text in parameters.every("songIndexToRemove")}

    def changes(before: KeptPlaylist) -> dict[str, Any]:
        _editable(before)
        renamed = {} if name is None else {"name": name}
        remark = parameters.text("comment")
        remarked = {} if remark is None else {"comment": remark[:MOST_NAME]}
        return {**renamed, **remarked, "songs": _bounded([*_without(call, before, places), *added])}

    call.service.playlists.edit(parameters.needed("playlistId"), changes)
    return {}


def _delete(call: Call) -> dict[str, Any]:
    identity = call.parameters.needed("id")
    _editable(call.service.playlists.get(identity).kept)
    call.service.playlists.delete(identity)
    return {}


def _name(call: Call) -> str | None:
    name = call.parameters.text("name")
    if name is not None and len(name) > MOST_NAME:
        raise RefusedError(f"a name of at most {MOST_NAME} letters")
    return name


def _bounded(songs: list[str]) -> list[str]:
    if len(songs) > MOST_SONGS:
        raise RefusedError(f"a playlist has at most {MOST_SONGS} songs")
    return songs


def _editable(kept: KeptPlaylist) -> dict[str, Any]:
    """No change yet; raises `NotAllowedError` for a list that answers a question."""
    if kept.recipe is not None:
        raise NotAllowedError(f"{kept.name[:100]} answers a question: it is changed on SimSong's page")
    return {}


def _place(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise RefusedError(f"songIndexToRemove is a whole number, not {text[:50]!r}")
    return int(text)


def _without(call: Call, kept: KeptPlaylist, places: set[int]) -> list[str]:
    """Songs but for those at some places, as the player counts them: it never saw one that left the library."""
    there = call.library.song_rows.rows(kept.songs)
    seen = [n for n, row in enumerate(there) if row is not None]
    if places and max(places) >= len(seen):
        raise RefusedError(f"{kept.name[:100]} has {len(seen)} songs: there is none at {max(places)}")
    gone = {seen[place] for place in places}
    return [song for n, song in enumerate(kept.songs) if n not in gone]


def _with_songs(call: Call, one: Listed) -> Entry:
    songs = call.library.there(one.kept.songs)
    return {**_entry(call, one, songs), "entry": call.entries.songs(songs)}


def _entry(call: Call, one: Listed, songs: Sequence[Song]) -> Entry:
    kept = one.kept
    is_own = kept.recipe is not None
    return {
        "id": one.id,
        "name": kept.name,
        "comment": kept.comment,
        "owner": call.user,
        "public": False,
        "songCount": len(songs),
        "duration": round(sum(song.duration_s or 0.0 for song in songs)),
        "created": utc(datetime.fromisoformat(kept.created)),
        "changed": utc(datetime.fromisoformat(kept.changed)),
        "coverArt": songs[0].album_id or songs[0].id if songs else None,
        "readonly": is_own or call.service.settings.read_only,
        "validUntil": utc(datetime.fromisoformat(kept.changed) + _HOLDS) if is_own else None,
    }


PLAYLISTS = {
    "getPlaylists": Method(_all),
    "getPlaylist": Method(_one),
    "createPlaylist": Method(_create, writes=True),
    "updatePlaylist": Method(_update, writes=True),
    "deletePlaylist": Method(_delete, writes=True),
}
