"""Playlists: kept as recipes where they answer a question, run again after a night, and written out."""

from pathlib import Path
from typing import Any

from simsong_pipeline.service.json_api.asked import OneAsked
from simsong_pipeline.service.json_api.operation import Nothing
from simsong_pipeline.service.json_api.playlist_shapes import (
    ChangedPlaylist,
    NewPlaylist,
    PlaylistDetails,
    PlaylistShape,
    PlaylistsShape,
)
from simsong_pipeline.service.json_api.rows import song_shape
from simsong_pipeline.service.json_api.shapes import SongsAnswer
from simsong_pipeline.service.library import Song
from simsong_pipeline.service.naming import known_ids
from simsong_pipeline.service.playlists import KeptPlaylist, Listed, Recipe, now_in_words
from simsong_pipeline.service.problems import ProblemError
from simsong_pipeline.service.recipes import asked_again
from simsong_pipeline.service.service import Service
from simsong_pipeline.service.snapshot import Snapshot
from simsong_pipeline.sources.m3u import Entry, playlist_text


def playlists(service: Service, snapshot: Snapshot, _asked: Nothing) -> PlaylistsShape:
    """All playlists."""
    listed = service.playlists.all()
    return PlaylistsShape(items=[PlaylistShape(**_fields(snapshot, one)[0]) for one in listed])


def playlist(service: Service, snapshot: Snapshot, asked: OneAsked) -> PlaylistDetails:
    """One with its songs."""
    return _details(snapshot, service.playlists.get(asked.id))


def new_playlist(service: Service, snapshot: Snapshot, asked: NewPlaylist) -> PlaylistDetails:
    """Keep a new one; a recipe is asked at once."""
    now = now_in_words()
    kept = {"name": asked.name, "created": now, "changed": now}
    if asked.recipe is None:
        chosen = known_ids(snapshot.library, asked.songs or [])
        return _details(snapshot, service.playlists.add(KeptPlaylist.model_validate({**kept, "songs": chosen})))
    answer = asked_again(service, snapshot, asked.recipe)
    made = KeptPlaylist.model_validate({**kept, **_of(asked.recipe, answer)})
    return _details(snapshot, service.playlists.add(made), answer)


def changed_playlist(service: Service, snapshot: Snapshot, asked: ChangedPlaylist) -> PlaylistDetails:
    """Another name, order or recipe; a recipe is asked at once."""
    changes: dict[str, Any] = {} if asked.name is None else {"name": asked.name}
    answer = None if asked.recipe is None else asked_again(service, snapshot, asked.recipe)
    if asked.recipe is not None and answer is not None:
        changes |= _of(asked.recipe, answer)
    if asked.songs is not None:
        changes["songs"] = known_ids(snapshot.library, asked.songs)
    return _details(snapshot, service.playlists.change(asked.id, **changes), answer)


def run_playlist(service: Service, snapshot: Snapshot, asked: OneAsked) -> PlaylistDetails:
    """Ask its recipe again.

    Raises:
        ProblemError: it has none.
    """
    recipe = service.playlists.get(asked.id).kept.recipe
    if recipe is None:
        raise ProblemError(409, "no-recipe", "this playlist is a list of songs, no question that could be asked again")
    answer = asked_again(service, snapshot, recipe)
    return _details(snapshot, service.playlists.change(asked.id, **_of(recipe, answer)), answer)


def deleted_playlist(service: Service, _snapshot: Snapshot, asked: OneAsked) -> None:
    """Take it away."""
    service.playlists.delete(asked.id)


def exported(service: Service, snapshot: Snapshot, playlist_id: str) -> tuple[str, str]:
    """Its name, and its recordings as M3U8 with whole paths, for a player of this machine."""
    kept = service.playlists.get(playlist_id).kept
    songs = [song for song in snapshot.library.there(kept.songs) if song.path]
    entries = [Entry(Path(s.path or ""), s.label, s.duration_s) for s in songs]
    return kept.name, playlist_text(entries, None, recommended=kept.recipe is not None)


def _of(recipe: Recipe, answer: SongsAnswer) -> dict[str, Any]:
    """Fields of a playlist that an answer is."""
    songs = list(dict.fromkeys(song.id for song in answer.songs))
    return {"recipe": recipe.model_dump(), "songs": songs, "asked_of": answer.snapshot, "model": answer.model}


def _fields(snapshot: Snapshot, one: Listed) -> tuple[dict[str, Any], list[Song]]:
    kept = one.kept
    found = snapshot.library.songs_by_id(kept.songs)
    there = [song for song in found if song is not None]
    fields = {
        "id": one.id,
        "name": kept.name,
        "created": kept.created,
        "changed": kept.changed,
        "recipe": kept.recipe,
        "is_current": kept.recipe is None or kept.asked_of == snapshot.version,
        "count": len(there),
        "duration_s": sum(song.duration_s or 0.0 for song in there),
        "missing": [i for i, song in zip(kept.songs, found, strict=True) if song is None],
    }
    return fields, there


def _details(snapshot: Snapshot, one: Listed, answer: SongsAnswer | None = None) -> PlaylistDetails:
    fields, songs = _fields(snapshot, one)
    said = {} if answer is None else {"nothing": answer.nothing, "notes": answer.notes}
    return PlaylistDetails(**fields, **said, songs=[song_shape(song) for song in songs])
