"""Writes a drawn sample catalogue to disk in the raw formats, audio on all cores."""

import io
import json
import multiprocessing
import os
import shutil
import signal
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from simsong_pipeline.config import SampleConfig
from simsong_pipeline.errors import RawDataError
from simsong_pipeline.files import write_bytes, write_json
from simsong_pipeline.sources.sample import composition, lyric_writing, rendering, similarity
from simsong_pipeline.sources.sample.drawing import Catalogue, draw_catalogue
from simsong_pipeline.sources.sample.instruments import SAMPLE_RATE
from simsong_pipeline.sources.sample.lastfm_files import (
    LastfmTrack,
    write_json_tree,
    write_similars_db,
    write_tags_db,
)
from simsong_pipeline.sources.sample.latents import LANGUAGES, THEMES
from simsong_pipeline.sources.sample.msd_files import (
    letter_folder,
    write_summary_file,
    write_text_files,
    write_track_file,
    write_track_metadata_db,
)

Progress = Callable[[int, int], None]


def write_sample(folder: Path, config: SampleConfig, progress: Progress | None = None) -> Catalogue:
    """Write the catalogue of `config` as `folder`; the folder appears only when it is complete.

    Raises:
        RawDataError: `folder` exists and is not empty.
    """
    if folder.exists() and any(folder.iterdir()):
        raise RawDataError(f"{folder} is not empty: choose another folder or delete it, then run `simsong sample`")
    catalogue = draw_catalogue(config)
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}.part")
    try:
        _write_metadata(temporary, catalogue)
        _write_lyrics(temporary / "lyrics", catalogue)
        _write_audio(temporary / "audio", catalogue, progress or (lambda done, total: None))
        write_json(temporary / "sample.json", _description(catalogue))
        if folder.exists():
            folder.rmdir()
        os.replace(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return catalogue


def _write_metadata(root: Path, catalogue: Catalogue) -> None:
    tracks, faults = catalogue.tracks, catalogue.faults
    extra = root / "msd" / "AdditionalFiles"
    for track in tracks:
        write_track_file(root / "msd" / "data", track)
    write_summary_file(extra / "msd_summary_file.h5", tracks)
    write_track_metadata_db(extra / "track_metadata.db", tracks)
    mismatched = [tracks[faults.mismatched]] if faults else []
    cliques = [[tracks[faults.original], tracks[faults.duplicate]]] if faults else []
    write_text_files(extra, tracks, mismatched, cliques)
    lastfm = _lastfm_tracks(catalogue)
    write_json_tree(root / "lastfm" / "json", lastfm)
    write_similars_db(root / "lastfm" / "lastfm_similars.db", lastfm)
    write_tags_db(root / "lastfm" / "lastfm_tags.db", lastfm)


def _lastfm_tracks(catalogue: Catalogue) -> list[LastfmTrack]:
    latents, config = catalogue.latents, catalogue.config
    pairs = similarity.pair_scores(latents, config)
    order, scores = similarity.ranked_lists(pairs, min(config.neighbours, len(latents) - 1))
    result = []
    for i, track in enumerate(catalogue.tracks):
        similars = tuple(
            (catalogue.tracks[j].track_id, float(f"{s:.6g}")) for j, s in zip(order[i], scores[i], strict=True)
        )
        tags = ((f"style {latents.style[i] + 1}", 100), *_theme_tags(latents.themes[i]))
        result.append(LastfmTrack(track.track_id, track.artist_name, track.title, similars, tags))
    return result


def _theme_tags(themes: np.ndarray) -> tuple[tuple[str, int], ...]:
    top = np.argsort(-themes)[:2]
    return tuple((THEMES[t], round(100 * float(themes[t]))) for t in top if themes[t] > 0.2)


def _write_lyrics(root: Path, catalogue: Catalogue) -> None:
    """One JSON file a track, as the lyrics step leaves them: provider, status and the page's text."""
    latents, faults = catalogue.latents, catalogue.faults
    for i, track in enumerate(catalogue.tracks):
        source = catalogue.content(i)
        rng = np.random.default_rng(np.random.SeedSequence([catalogue.config.seed, 7, source]))
        page = lyric_writing.write_page(rng, track.title, latents.themes[i], int(latents.language[i]))
        status = "INSTRUMENTAL" if latents.instrumental[i] else "NOT_FOUND" if rng.random() < 0.02 else "FOUND"
        if faults is not None and i == faults.html_lyrics:
            page, status = lyric_writing.CAPTCHA_PAGE, "FOUND"
        record = {
            "track_id": track.track_id,
            "provider": "genius",
            "status": status,
            "title": track.title,
            "artist": track.artist_name,
            "text": page if status == "FOUND" else None,
        }
        write_json(letter_folder(root, track.track_id) / f"{track.track_id}.json", record)


def _write_audio(root: Path, catalogue: Catalogue, progress: Progress) -> None:
    faults, total = catalogue.faults, len(catalogue.tracks)
    jobs = [
        _AudioJob(
            path=letter_folder(root, track.track_id) / f"{track.track_id}.{catalogue.audio_format(i)}",
            score=catalogue.scores[source],
            voices=rendering.Voices(catalogue.latents.audio[source], catalogue.voices[source]),
            seconds=catalogue.seconds[source],
            seed=(catalogue.config.seed, 8, source),
            truncate=faults is not None and i == faults.truncated,
        )
        for i, track in enumerate(catalogue.tracks)
        for source in [catalogue.content(i)]
        if faults is None or i != faults.missing_audio
    ]
    workers = os.cpu_count() or 1
    # Spawned, because a forked child of a process with running threads can deadlock.
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        try:
            with _deaf_to_ctrl_c():  # which this process hears alone, and ends the others
                rendered = pool.map(_render_and_encode, jobs, chunksize=4)
            for done, _ in enumerate(rendered, start=1):
                progress(done, total)
        except BaseException:
            for child in multiprocessing.active_children():  # whatever they are at, nobody takes it any more
                child.terminate()
            raise


@contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """Start processes that do not hear a Ctrl-C; one that comes in the meantime is lost."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@dataclass(frozen=True)
class _AudioJob:
    path: Path
    score: composition.Score
    voices: rendering.Voices
    seconds: float
    seed: tuple[int, ...]
    truncate: bool


def _render_and_encode(job: _AudioJob) -> None:
    rng = np.random.default_rng(np.random.SeedSequence(job.seed))
    stereo = rendering.master(rng, rendering.render(job.score, job.voices, job.seconds))
    buffer = io.BytesIO()
    soundfile.write(buffer, stereo, SAMPLE_RATE, format=job.path.suffix[1:].upper())
    data = buffer.getvalue()
    write_bytes(job.path, data[: len(data) * 2 // 5] if job.truncate else data)


def _description(catalogue: Catalogue) -> dict[str, object]:
    """The configuration, the planted faults by track id, and each song's factors, for tests and plots."""
    tracks, latents, faults = catalogue.tracks, catalogue.latents, catalogue.faults
    return {
        "config": catalogue.config.model_dump(),
        "faults": {name: tracks[p].track_id for name, p in vars(faults).items()} if faults else {},
        "songs": {
            t.track_id: {
                "style": int(latents.style[i]),
                "language": LANGUAGES[latents.language[i]],
                "audio": [round(float(v), 4) for v in latents.audio[i]],
            }
            for i, t in enumerate(tracks)
        },
    }


def read_description(folder: Path) -> dict[str, object]:
    """`sample.json` of a written catalogue."""
    description: dict[str, object] = json.loads((folder / "sample.json").read_text(encoding="utf-8"))
    return description
