"""Answers about artists, and searches by name.

Artists are alike whose songs are: the index is asked for the songs nearest to the mean of an artist's songs, three of
one artist at most, and artists come in the order of the nearest song of each.
"""

from simsong_pipeline.asking.recommend import Choice
from simsong_pipeline.errors import UnknownSongError
from simsong_pipeline.points import Neighbour
from simsong_pipeline.service.audiomuse.named import UNKNOWN, NamedSongs, Row, distance, widened
from simsong_pipeline.service.audiomuse.parameters import Asked, BadAskError, count, flag, text
from simsong_pipeline.service.audiomuse.song_answers import evenly
from simsong_pipeline.service.library import Artist, Song
from simsong_pipeline.service.service import Service
from simsong_pipeline.service.snapshot import Snapshot

_SONGS_EACH = 3
_MOST_ARTISTS = 100
_MOST_ROWS = 500
_Found = dict[str, list[tuple[Neighbour, Song]]]


def similar_artists(service: Service, snapshot: Snapshot, asked: Asked) -> list[Row]:
    """The artists whose songs are most like those of one."""
    named = NamedSongs.of(service.workspace, snapshot)
    artist = _asked_artist(named, asked)
    own = snapshot.library.songs_of_artist(artist.id)
    n = count(asked, "n", 10, 1, _MOST_ARTISTS)
    found = _nearest_artists(service, snapshot, named, [song.id for song in evenly(own)], n)
    if not found:
        raise UnknownSongError(f"no artist is like {artist.name[:100]!r}: there is no other song that fits")
    wants_songs, rows = flag(asked, "include_component_matches"), []
    for number, (artist_id, songs) in enumerate(found.items()):
        row = _artist_row(named, snapshot.library.artist(artist_id), songs)
        if wants_songs:
            mine = [own[(number * _SONGS_EACH + n) % len(own)] for n in range(min(_SONGS_EACH, len(own)))]
            row["component_matches"] = [_component(named, mine, songs)]
        rows.append(row)
    return rows


def _asked_artist(named: NamedSongs, asked: Asked) -> Artist:
    words = text(asked, "artist") or text(asked, "artist_id")
    if words is None:
        raise BadAskError("give an artist's name or id: artist, or artist_id")
    return named.artist(words)


def _nearest_artists(service: Service, snapshot: Snapshot, named: NamedSongs, seeds: list[str], n: int) -> _Found:
    """The songs of each of the nearest artists that the server has, the nearest first."""

    def ask(k: int) -> list[Neighbour]:
        return snapshot.songs.similar(seeds, Choice(k, per_artist=_SONGS_EACH), exclude_artist=True).neighbours

    most = service.settings.max_k
    found = widened(min(_SONGS_EACH * n, most), n, most, ask, lambda near: _by_artist(snapshot, named, near))
    return dict(list(found.items())[:n])


def _by_artist(snapshot: Snapshot, named: NamedSongs, near: list[Neighbour]) -> _Found:
    found: _Found = {}
    kept = named.playable(near)
    for one, song in zip(kept, snapshot.library.songs_by_id([o.track_id for o in kept]), strict=True):
        if song is not None and named.artist_identity(song.artist_id) is not None:
            found.setdefault(song.artist_id, []).append((one, song))
    return found


def _artist_row(named: NamedSongs, artist: Artist | None, songs: list[tuple[Neighbour, Song]]) -> Row:
    near, song = songs[0]
    return {
        "artist": song.artist if artist is None else artist.name,
        "artist_id": named.artist_identity(song.artist_id),
        "divergence": distance(near.score),
    }


def _component(named: NamedSongs, mine: list[Song], theirs: list[tuple[Neighbour, Song]]) -> Row:
    """Songs of both artists, for a radio of them."""
    first = [{"item_id": named.identity(s.id), "title": s.title} for s in mine if named.identity(s.id) is not None]
    second = [
        {"item_id": named.identity(s.id), "title": s.title, "distance_to_component": distance(near.score)}
        for near, s in theirs
    ]
    return {
        "component1_index": 0,
        "component2_index": 0,
        "distance": distance(theirs[0][0].score),
        "artist1_representative_songs": first,
        "artist2_representative_songs": second,
    }


def search_tracks(service: Service, snapshot: Snapshot, asked: Asked) -> list[Row]:
    """Songs by words of title, artist and album, each of which may be only begun; none for no words."""
    named = NamedSongs.of(service.workspace, snapshot)
    words = text(asked, "search_query") or " ".join(filter(None, (text(asked, "artist"), text(asked, "title"))))
    start, end = _part(asked)
    if not words or end <= start:
        return []
    rows: list[Row] = []
    offset, total = 0, 1
    while len(rows) < end and offset < total:
        page = snapshot.library.find_songs(words, offset, _MOST_ROWS)
        rows += [named.row(song) for song in page.rows if named.identity(song.id) is not None]
        offset, total = offset + _MOST_ROWS, page.total
    return rows[start:end]


def _part(asked: Asked) -> tuple[int, int]:
    start = count(asked, "start", 0, 0, 1_000_000)
    return start, min(count(asked, "end", start + 20, 0, 1_000_000), start + _MOST_ROWS)


def search_artists(service: Service, snapshot: Snapshot, asked: Asked) -> list[Row]:
    """Artists by the beginning of their names."""
    words, (start, end) = text(asked, "query"), _part(asked)
    if words is None or end <= start:
        return []
    found = snapshot.library.find_artists(words, start, end - start).rows
    return [{"artist": artist.name, "track_count": artist.songs} for artist in found]


def artist_tracks(service: Service, snapshot: Snapshot, asked: Asked) -> list[Row]:
    """All songs of an artist."""
    named = NamedSongs.of(service.workspace, snapshot)
    songs = snapshot.library.songs_of_artist(_asked_artist(named, asked).id)
    return [named.row(song) for song in songs if named.identity(song.id) is not None][:_MOST_ROWS]


def track(service: Service, snapshot: Snapshot, asked: Asked) -> Row:
    """What a song is called."""
    named = NamedSongs.of(service.workspace, snapshot)
    song = named.asked_song(asked)
    return {**named.row(song), "album": song.album or UNKNOWN}
