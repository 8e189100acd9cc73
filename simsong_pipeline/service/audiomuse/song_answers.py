"""Answers that are songs: like one, like several and unlike others, between two, by words."""

from collections.abc import Sequence

from simsong_pipeline.asking.queries import Songs
from simsong_pipeline.asking.recommend import Choice
from simsong_pipeline.errors import UnknownSongError
from simsong_pipeline.home.links import STARRED, links_of, lists_of_songs
from simsong_pipeline.points import Neighbour
from simsong_pipeline.service.audiomuse.named import NamedSongs, Row, distance, filled
from simsong_pipeline.service.audiomuse.parameters import Asked, BadAskError, count, flag, identities, needed, text
from simsong_pipeline.service.library import Song
from simsong_pipeline.service.service import Service
from simsong_pipeline.service.snapshot import Snapshot

# What "no duplicates" means there: so many songs of one artist.
_PER_ARTIST = 3
_MOST_STEPS = 100
# Of what somebody likes, the last ones.
_TASTE = 50
_MOST_SEEDS = 500


def similar_tracks(service: Service, snapshot: Snapshot, asked: Asked) -> list[Row]:
    """The songs most like one."""
    named = NamedSongs.of(service.workspace, snapshot)
    song = named.asked_song(asked)
    n = _n(service, asked, 10)
    per_artist = _PER_ARTIST if flag(asked, "eliminate_duplicates") else None
    return _like(service, snapshot.songs, named, [song], [], n, per_artist)


def alchemy(service: Service, snapshot: Snapshot, asked: Asked) -> Row:
    """Songs like some and unlike others; the plugins write their lists in two ways."""
    named = NamedSongs.of(service.workspace, snapshot)
    liked, disliked = (_seeds(named, asked, op, name) for op, name in (("ADD", "add"), ("SUBTRACT", "sub")))
    if not liked:
        raise BadAskError("nothing to add: name one song at least")
    rows = _like(service, snapshot.songs, named, liked, disliked, _n(service, asked, 25), None)
    return {"results": rows, "filtered_out": []}


def _seeds(named: NamedSongs, asked: Asked, op: str, name: str) -> list[Song]:
    found = [named.song(identity) for identity in identities(asked, name)]
    items = asked.get("items") or []
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise BadAskError("items is no list of objects")
    for item in items:
        if str(item.get("op", "")).upper() == op:
            found += _of_item(named, item)
    if len(found) > _MOST_SEEDS:
        raise BadAskError(f"more than {_MOST_SEEDS} songs to {op.lower()}")
    return found


def _of_item(named: NamedSongs, item: Asked) -> list[Song]:
    kind, identity = text(item, "type") or "song", needed(item, "id")
    if kind == "song":
        return [named.song(identity)]
    if kind == "artist":
        return evenly(named.library.songs_of_artist(named.artist(identity).id))
    raise BadAskError(f"SimSong adds and subtracts songs and artists, not what is of the type {kind[:50]!r}")


def evenly(songs: list[Song], most: int = 100) -> list[Song]:
    """So many of them at most, from the first to the last."""
    if len(songs) <= most:
        return songs
    return [songs[n * len(songs) // most] for n in range(most)]


def sonic_fingerprint(service: Service, snapshot: Snapshot, asked: Asked) -> list[Row]:
    """Songs like what is liked here, and starred on the linked server."""
    named = NamedSongs.of(service.workspace, snapshot)
    link = links_of(service.workspace).link
    starred = [] if link is None else [i for ids in lists_of_songs(service.workspace, link, STARRED) for i in ids]
    liked = [*starred, *service.likes.read().liked][-_TASTE:]
    songs = snapshot.library.there(list(dict.fromkeys(liked)))
    if not songs:
        raise UnknownSongError("no song is liked here or starred on the linked server, so there is no taste to go by")
    return _like(service, snapshot.songs, named, songs, [], _n(service, asked, 25), _PER_ARTIST)


def lyrics_like(service: Service, snapshot: Snapshot, asked: Asked) -> Row:
    """Songs whose lyrics are most like a song's, that song first."""
    named = NamedSongs.of(service.workspace, snapshot)
    song = named.song(needed(asked, "item_id"))
    n = count(asked, "limit", 10, 1, service.settings.max_k)
    rows = _like(service, snapshot.songs.ranking_by(audio_weight=0.0), named, [song], [], n, None)
    seed = {**named.row(song), "similarity": 1.0, "is_seed": True}
    return {"results": [seed, *({**row, "similarity": 1 - row["distance"], "is_seed": False} for row in rows)][:n]}


def sounding(service: Service, snapshot: Snapshot, asked: Asked) -> Row:
    """Songs that sound as a text says; raises ModelError where the model knows no words."""
    named = NamedSongs.of(service.workspace, snapshot)
    words, most = needed(asked, "query"), service.settings.max_k
    n = count(asked, "limit" if "limit" in asked else "n", 25, 1, most)
    near = filled(n, most, lambda k: snapshot.songs.sounding(words, Choice(k)).neighbours, named)
    rows = [{**row, "similarity": 1 - row["distance"]} for row in named.rows(near)]
    return {"query": words, "results": rows, "count": len(rows)}


def find_path(service: Service, snapshot: Snapshot, asked: Asked) -> Row:
    """Songs that lead from one to another, both among them, at the ends."""
    named, songs = NamedSongs.of(service.workspace, snapshot), snapshot.songs
    first, last = (named.song(needed(asked, name)) for name in ("start_song_id", "end_song_id"))
    if first == last:
        raise BadAskError("the path begins and ends with one song: name two")
    steps = count(asked, "max_steps", 25, 2, _MOST_STEPS)
    between = songs.path(first.id, last.id, Choice(steps - 2)).neighbours if steps > 2 else []
    ends = {**named.row(first), "distance": 0.0}, {**named.row(last), "distance": 0.0}
    return {"path": [ends[0], *named.rows(named.playable(between)), ends[1]]}


def max_distance(service: Service, snapshot: Snapshot, asked: Asked) -> Row:
    """How far from a song the song is that is least like it."""
    named = NamedSongs.of(service.workspace, snapshot)
    song = named.song(needed(asked, "item_id"))
    found = snapshot.songs.least_similar(song.id, Choice(50)).neighbours
    kept = named.playable(found)[:1]
    if not kept:
        raise UnknownSongError("there is no other song")
    return {"max_distance": distance(kept[0].score), "farthest_item_id": named.identity(kept[0].track_id)}


def _like(
    service: Service,
    songs: Songs,
    named: NamedSongs,
    liked: Sequence[Song],
    disliked: Sequence[Song],
    n: int,
    per_artist: int | None,
) -> list[Row]:
    """The nearest songs; raises UnknownSongError where there is none."""
    near, far = [song.id for song in liked], [song.id for song in disliked]

    def ask(k: int) -> list[Neighbour]:
        return songs.similar(near, Choice(k, per_artist=per_artist), far).neighbours

    found = filled(n, service.settings.max_k, ask, named)
    if not found:
        raise UnknownSongError("no other song fits")
    return named.rows(found)


def _n(service: Service, asked: Asked, otherwise: int) -> int:
    return count(asked, "n", otherwise, 1, service.settings.max_k)
