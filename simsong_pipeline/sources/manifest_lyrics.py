"""Lyrics of a CSV catalogue: what its rows say, else what lies beside each recording or in its tags."""

from pathlib import Path

import polars as pl

from simsong_pipeline.errors import AudioError
from simsong_pipeline.lyrics.frame import UNREADABLE
from simsong_pipeline.remote.address import is_url
from simsong_pipeline.remote.objects_read import on_disk
from simsong_pipeline.schemas import LYRIC_PAGES, conform
from simsong_pipeline.sources.counting import Progress
from simsong_pipeline.sources.encodings import UndecodableError, mended
from simsong_pipeline.sources.library.lrc import without_times
from simsong_pipeline.sources.library.lyric_files import LyricsError, read_lyric_file
from simsong_pipeline.sources.library.scan import open_files, state_of
from simsong_pipeline.sources.manifest import Manifest
from simsong_pipeline.sources.places import Places
from simsong_pipeline.sources.source import Kept

# What was found in the recordings and beside them, so that one that did not change is not opened again.
FRAME = "manifest_files"
_PROVIDER = "manifest"
_Page = tuple[str, str | None, str, str]


def manifest_lyrics(kept: Kept, manifest: Manifest, progress: Progress) -> pl.DataFrame:
    """Lyric pages: one a track at most.

    A row's own words count first, then the file that it names, then those of the recording.
    """
    stated = {row[0]: page for row in manifest.lyrics.rows() if (page := _stated(row, manifest.places)) is not None}
    others = manifest.lyrics.filter(~pl.col("track_id").is_in([t for t, p in stated.items() if p[1] is not None]))
    found = _beside(kept, others, progress)
    pages = {**stated, **{track_id: page for track_id, page in found.items() if page[1] or track_id not in stated}}
    schema = dict.fromkeys(LYRIC_PAGES.columns, pl.String)
    return conform(pl.DataFrame(list(pages.values()), schema=schema, orient="row"), LYRIC_PAGES)


def _stated(row: tuple[str, str, str | None, str | None], places: Places) -> _Page | None:
    """What the manifest says; null where it says nothing."""
    track_id, _, words, written = row
    if words:
        try:
            return track_id, without_times(mended(words)), _PROVIDER, "OK"
        except UndecodableError as error:
            return track_id, None, _PROVIDER, f"{UNREADABLE}: its column lyrics is left out ({error})"
    if not written:
        return None
    file = places.find(written)
    if file is None:
        return track_id, None, _PROVIDER, f"{UNREADABLE}: its lyrics file {written} is missing"
    try:
        with on_disk(file) as path:
            return track_id, read_lyric_file(path), _PROVIDER, "OK"
    except (LyricsError, AudioError) as error:
        return track_id, None, _PROVIDER, f"{UNREADABLE}: {error}"


def _beside(kept: Kept, rows: pl.DataFrame, progress: Progress) -> dict[str, _Page]:
    """From side-car files and tags, by track; recordings at addresses are not fetched for that."""
    here = [(track_id, path) for track_id, path in rows.select("track_id", "path").rows() if not is_url(path)]
    paths = {str(Path(path)): track_id for track_id, path in here}
    previous = kept.read_if_there(FRAME)
    scan = open_files([state_of(Path(p)) for p in paths], previous, progress, only_lyrics=True)
    kept.write(FRAME, scan.frame)
    spoken = scan.frame.filter((pl.col("status") == "ok") & pl.col("lyrics_provider").is_not_null())
    pages = {}
    for path, text, provider, reason in spoken.select("path", "lyrics", "lyrics_provider", "reason").rows():
        pages[paths[path]] = (paths[path], text, provider, "OK" if text is not None else f"{UNREADABLE}: {reason}")
    return pages
