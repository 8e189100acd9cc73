"""What SimSong is for: songs that sound alike, and paths from one song to another."""

from collections.abc import Mapping, Sequence
from typing import Any

from simsong_pipeline.asking.recommend import Choice
from simsong_pipeline.points import Neighbour
from simsong_pipeline.service.library import Artist
from simsong_pipeline.service.naming import known_artist, known_song
from simsong_pipeline.service.subsonic.call import Call, Method
from simsong_pipeline.service.subsonic.entries import Entry
from simsong_pipeline.service.subsonic.meaning import songs_meant

_MOST = 500
# Each step of a path is a question of its own.
_LONGEST = 102
# The standard's word for a likeness that nobody knows.
_UNKNOWN = -1.0


def _nearest(call: Call, liked: Sequence[str], choice: Choice) -> list[Neighbour]:
    if not choice.k or not liked:
        return []
    return call.snapshot.songs.ranking_by().similar(liked, choice).neighbours


def _similar_songs(call: Call) -> list[Entry]:
    liked = songs_meant(call, call.parameters.needed("id"))
    found = _nearest(call, liked, Choice(call.parameters.number("count", 50, _MOST)))
    return call.entries.songs(call.library.songs_by_id([near.track_id for near in found]))


def _similar(call: Call) -> dict[str, Any]:
    return {"similarSongs": {"song": _similar_songs(call)}}


def _similar2(call: Call) -> dict[str, Any]:
    return {"similarSongs2": {"song": _similar_songs(call)}}


def _tracks(call: Call) -> dict[str, Any]:
    song = known_song(call.library, call.parameters.needed("id"))
    found = _nearest(call, [song.id], Choice(call.parameters.number("count", 10, _MOST)))
    return {"sonicMatch": _matches(call, [n.track_id for n in found], {n.track_id: n.score for n in found})}


def _path(call: Call) -> dict[str, Any]:
    """Both ends belong to the path, however short it is to be; a song's way to itself is the song."""
    start, end = (known_song(call.library, call.parameters.needed(n)).id for n in ("startSongId", "endSongId"))
    between = max(call.parameters.number("count", 25, _LONGEST) - 2, 0)
    songs = call.snapshot.songs.ranking_by()
    if start == end:
        return {"sonicMatch": _matches(call, [start], {start: 1.0})}
    steps = songs.path(start, end, Choice(between)).neighbours if between else []
    ids = [start, *(near.track_id for near in steps), end]
    return {"sonicMatch": _matches(call, ids, {start: 1.0, **songs.scores(start, ids[1:])})}


def _matches(call: Call, ids: list[str], scores: Mapping[str, float]) -> list[Entry]:
    """Songs with their likeness: a cosine, 0 for what is as unlike as anything."""
    there = call.library.there(ids)
    return [{"entry": call.entries.song(song), "similarity": _bounded(scores.get(song.id))} for song in there]


def _bounded(score: float | None) -> float:
    return _UNKNOWN if score is None else round(min(max(float(score), 0.0), 1.0), 6)


def _similar_artists(call: Call, artist: Artist, count: int) -> list[Artist]:
    """Artists by whom the songs nearest to an artist's are, each once."""
    own = [song.id for song in call.library.songs_of_artist(artist.id)]
    found = _nearest(call, own, Choice(count, per_artist=1))
    songs = call.library.there([near.track_id for near in found])
    ids = dict.fromkeys(song.artist_id for song in songs if song.artist_id != artist.id)
    return [known_artist(call.library, artist_id) for artist_id in ids]


def _artist_of(call: Call) -> Artist:
    """The artist of an id, which may be a song's or an album's."""
    identity, library = call.parameters.needed("id"), call.library
    by = library.song(identity) or library.album(identity)
    return known_artist(library, identity if by is None else by.artist_id)


def _artist_info(call: Call) -> dict[str, Any]:
    near = _similar_artists(call, _artist_of(call), call.parameters.number("count", 20, _MOST))
    return {"artistInfo": {"similarArtist": [{"id": artist.id, "name": artist.name} for artist in near]}}


def _artist_info2(call: Call) -> dict[str, Any]:
    near = _similar_artists(call, _artist_of(call), call.parameters.number("count", 20, _MOST))
    return {"artistInfo2": {"similarArtist": [call.entries.artist(artist) for artist in near]}}


SONIC = {
    "getSimilarSongs": Method(_similar),
    "getSimilarSongs2": Method(_similar2),
    "getSonicSimilarTracks": Method(_tracks),
    "findSonicPath": Method(_path),
    "getArtistInfo": Method(_artist_info),
    "getArtistInfo2": Method(_artist_info2),
}
