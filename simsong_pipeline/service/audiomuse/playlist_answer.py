"""A playlist that a plugin makes: kept here, and put onto the linked server where somebody said how to get in."""

from simsong_pipeline.credentials import CredentialError
from simsong_pipeline.home.links import links_of
from simsong_pipeline.linking.credentials import read_credentials
from simsong_pipeline.linking.pushing import push
from simsong_pipeline.linking.subsonic import SubsonicServer
from simsong_pipeline.locks import log_line
from simsong_pipeline.service.audiomuse.named import NamedSongs, Row
from simsong_pipeline.service.audiomuse.parameters import Asked, BadAskError, identities, needed
from simsong_pipeline.service.playlists import MOST_NAME, KeptPlaylist, now_in_words
from simsong_pipeline.service.service import Service
from simsong_pipeline.service.snapshot import Snapshot

_RETRY_S, _TIMEOUT_S = 5.0, 10.0


def create_playlist(service: Service, snapshot: Snapshot, asked: Asked) -> Row:
    """The songs that are known, under a name; one of that name that was kept so before is replaced.

    Raises:
        BadAskError: no name, or no song that is known.
        ProblemError: the service only reads.
        ServerError: the linked server does not take it; then nothing is kept here either.
    """
    service.refuse_writing()
    named = NamedSongs.of(service.workspace, snapshot)
    name, ids = needed(asked, "playlist_name"), identities(asked, "track_ids")
    own = [named.linked.songs.get(i, i) if named.linked is not None else i for i in ids]
    songs = [song.id for song in snapshot.library.there(own)]
    if not songs:
        raise BadAskError("track_ids names no song that is known here")
    pushed = _pushed(service, name, songs)
    kept = _kept(service, name, songs)
    return {
        "message": f"{len(songs)} songs in the playlist {name!r}",
        "playlist_id": pushed or kept,
        "mapped": len(songs),
        "skipped": len(ids) - len(songs),
    }


def _kept(service: Service, name: str, songs: list[str]) -> str:
    name = name[:MOST_NAME]
    same = [one.id for one in service.playlists.all() if one.kept.name == name and one.kept.recipe is None]
    if same:
        return service.playlists.change(same[0], songs=songs).id
    now = now_in_words()
    return service.playlists.add(KeptPlaylist(name=name, created=now, changed=now, songs=songs)).id


def _pushed(service: Service, name: str, songs: list[str]) -> str | None:
    """Its id on the linked server; null where none is linked, or nobody said how to get in."""
    link = links_of(service.workspace).link
    if link is None or not link.is_subsonic:
        return None
    try:
        credentials = read_credentials()
    except CredentialError:
        return None
    with SubsonicServer(link.address, credentials, log_line, _RETRY_S, _TIMEOUT_S) as server:
        return push(service.workspace, link, server, name, songs).playlist_id
