"""Lists and what is in them: search as one types, songs, artists, albums, genres, tags and languages."""

from simsong_pipeline.service.album_order import in_order
from simsong_pipeline.service.file_tags import file_tags
from simsong_pipeline.service.json_api.asked import ListAsked, OneAsked, SearchAsked, SongsAsked
from simsong_pipeline.service.json_api.operation import Nothing
from simsong_pipeline.service.json_api.rows import album_shape, artist_shape, page, song_fields, song_shape
from simsong_pipeline.service.json_api.shapes import (
    AlbumDetails,
    AlbumShape,
    ArtistDetails,
    ArtistShape,
    Counted,
    Counts,
    FileShape,
    Genres,
    GenreShape,
    Page,
    SearchAnswer,
    SongDetails,
    SongShape,
)
from simsong_pipeline.service.library import Song
from simsong_pipeline.service.naming import known_album, known_artist, known_song
from simsong_pipeline.service.recordings import NoRecordingError
from simsong_pipeline.service.service import Service
from simsong_pipeline.service.snapshot import Snapshot
from simsong_pipeline.stores.payloads import point_id

_MOST_SONGS = 500


def search(_service: Service, snapshot: Snapshot, asked: SearchAsked) -> SearchAnswer:
    """Songs, artists and albums by words that may be only begun."""
    library, bounds = snapshot.library, (asked.q, asked.offset, asked.limit)
    return SearchAnswer(
        songs=page(library.find_songs(*bounds), song_shape, asked, "/songs", q=asked.q),
        artists=page(library.find_artists(*bounds), artist_shape, asked, "/artists", q=asked.q),
        albums=page(library.find_albums(*bounds), album_shape, asked, "/albums", q=asked.q),
    )


def songs(_service: Service, snapshot: Snapshot, asked: SongsAsked) -> Page[SongShape]:
    """Songs by words, or of a genre; all by artist and album."""
    library = snapshot.library
    if asked.genre:
        found = library.songs_of_genre(asked.genre, asked.offset, asked.limit)
    else:
        found = library.find_songs(asked.q, asked.offset, asked.limit)
    return page(found, song_shape, asked, "/songs", q=asked.q, genre=asked.genre or "")


def artists(_service: Service, snapshot: Snapshot, asked: ListAsked) -> Page[ArtistShape]:
    """Artists by words; all by name."""
    found = snapshot.library.find_artists(asked.q, asked.offset, asked.limit)
    return page(found, artist_shape, asked, "/artists", q=asked.q)


def albums(_service: Service, snapshot: Snapshot, asked: ListAsked) -> Page[AlbumShape]:
    """Albums by words; all by artist and name."""
    found = snapshot.library.find_albums(asked.q, asked.offset, asked.limit)
    return page(found, album_shape, asked, "/albums", q=asked.q)


def genres(_service: Service, snapshot: Snapshot, _asked: Nothing) -> Genres:
    """All genres, the commonest first."""
    found = snapshot.library.all_genres()
    return Genres(items=[GenreShape(name=g.name, songs=g.songs, albums=g.albums) for g in found])


def tags(_service: Service, snapshot: Snapshot, _asked: Nothing) -> Counts:
    """What the filter `tag` takes."""
    rows = snapshot.songs.tags().head(5_000).rows()
    return Counts(items=[Counted(name=n, songs=c) for n, c in rows], heard=snapshot.songs.heard_tags())


def languages(_service: Service, snapshot: Snapshot, _asked: Nothing) -> Counts:
    """What the filter `language` takes."""
    return Counts(items=[Counted(name=n, songs=c) for n, c in snapshot.songs.languages().rows()])


def song(service: Service, snapshot: Snapshot, asked: OneAsked) -> SongDetails:
    """Everything that is known of a song."""
    found = known_song(snapshot.library, asked.id)
    points = snapshot.store.fetch(snapshot.config.store.collection, [point_id(found.id)], with_vectors=False)
    held = points[0].payload if points else {}
    names = ("language", "lyrics_excerpt", "tempo_bpm", "loudness_db", "outlier")
    file, why_not = _file(service, found)
    return SongDetails(
        **song_fields(found),
        **{name: held.get(name) for name in names},
        tags=held.get("tags") or [],
        heard_tags=held.get("heard_tags") or [],
        file=file,
        why_not=why_not,
    )


def _file(service: Service, found: Song) -> tuple[FileShape | None, str | None]:
    try:
        recording = service.recordings.of(found)
    except NoRecordingError as error:
        return None, str(error)
    read = file_tags(recording.path, recording.stat.st_mtime_ns)
    shape = FileShape(
        suffix=recording.path.suffix.lower(),
        media_type=recording.media_type,
        size_bytes=recording.stat.st_size,
        track=read.track,
        disc=read.disc,
        bit_rate=read.bit_rate,
        sample_rate=read.sample_rate,
        channels=read.channels,
        musicbrainz_id=read.musicbrainz_id,
        isrc=read.isrc,
    )
    return shape, None


def artist(_service: Service, snapshot: Snapshot, asked: OneAsked) -> ArtistDetails:
    """An artist with albums, and the first 500 songs."""
    library = snapshot.library
    found = known_artist(library, asked.id)
    return ArtistDetails(
        **artist_shape(found).model_dump(),
        album_list=[album_shape(album) for album in library.albums_of_artist(asked.id)],
        song_list=[song_shape(song) for song in library.songs_of_artist(asked.id)[:_MOST_SONGS]],
    )


def album(service: Service, snapshot: Snapshot, asked: OneAsked) -> AlbumDetails:
    """An album with its songs, by disc and number where the files have them, else by the files' names."""
    found = known_album(snapshot.library, asked.id)
    listed = in_order(service.recordings, snapshot.library.songs_of_album(asked.id))
    return AlbumDetails(**album_shape(found).model_dump(), song_list=[song_shape(song) for song, _ in listed])
