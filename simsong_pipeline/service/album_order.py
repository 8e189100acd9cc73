"""The songs of an album in the order that their files number them in."""

from simsong_pipeline.service.file_tags import NO_TAGS, FileTags, file_tags
from simsong_pipeline.service.library import Song
from simsong_pipeline.service.recordings import NoRecordingError, Recordings

_LAST = 10_000


def in_order(recordings: Recordings, listed: list[Song]) -> list[tuple[Song, FileTags]]:
    """Songs by disc and number where the files have them, else as they come, with what the files say."""
    rows = [(song, tags_of(recordings, song)) for song in listed]
    return sorted(rows, key=lambda row: (row[1].disc or 1, row[1].track or _LAST))


def tags_of(recordings: Recordings, song: Song) -> FileTags:
    """What the recording of a song says of itself; nothing where there is none."""
    try:
        recording = recordings.of(song)
    except NoRecordingError:
        return NO_TAGS
    return file_tags(recording.path, recording.stat.st_mtime_ns)
