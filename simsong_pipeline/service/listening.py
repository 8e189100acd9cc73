"""A song to listen to, and its picture, as answers: ranges, conditions, HEAD, as browsers and players ask for them."""

import hashlib

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from simsong_pipeline.service.covers import cover_of
from simsong_pipeline.service.drawn_covers import drawn_cover
from simsong_pipeline.service.etags import has_it, headers_of, unchanged
from simsong_pipeline.service.library import Library, Song
from simsong_pipeline.service.naming import known_song
from simsong_pipeline.service.recordings import NoRecordingError
from simsong_pipeline.service.service import Service


async def stream(service: Service, request: Request, song_id: str) -> Response:
    """The recording of a song, whole or in ranges.

    Raises:
        UnknownSongError, NoRecordingError: there is none that can be given out.
    """
    async with service.asker.snapshot() as snapshot:
        song = known_song(snapshot.library, song_id)
    recording = await anyio.to_thread.run_sync(service.recordings.of, song)
    headers = {"cache-control": "private, no-cache", "content-disposition": "inline"}
    answer = FileResponse(recording.path, media_type=recording.media_type, stat_result=recording.stat, headers=headers)
    if "range" not in request.headers and has_it(request, answer.headers["etag"]):
        return unchanged(answer.headers["etag"])
    return answer


async def cover(service: Service, request: Request, identity: str) -> Response:
    """The picture of a song, an album or an artist; a drawn one where files have none.

    Raises:
        UnknownSongError: nothing has this id.
    """
    async with service.asker.snapshot() as snapshot:
        song, drawn, name = pictured(snapshot.library, identity)
    found = await anyio.to_thread.run_sync(_picture, service, song)
    media_type, data = found or ("image/svg+xml", drawn_cover(drawn, name))
    etag = f'"{hashlib.sha256(data).hexdigest()[:32]}"'
    if has_it(request, etag):
        return unchanged(etag)
    return Response(data, media_type=media_type, headers=headers_of(etag))


def pictured(library: Library, identity: str) -> tuple[Song, str, str]:
    """The song whose picture stands for a song, an album or an artist, and the id and the name to draw one from.

    Raises:
        UnknownSongError: nothing has this id.
    """
    if (album := library.album(identity)) is not None:
        return known_song(library, album.cover_song), album.id, album.name
    if (artist := library.artist(identity)) is not None:
        return library.songs_of_artist(identity)[0], artist.id, artist.name
    song = known_song(library, identity)
    return song, song.album_id or song.id, song.album or song.title


def _picture(service: Service, song: Song) -> tuple[str, bytes] | None:
    try:
        recording = service.recordings.of(song)
    except NoRecordingError:
        return None
    found = cover_of(recording.path, recording.stat.st_mtime_ns)
    return None if found is None else (found.media_type, found.data)
