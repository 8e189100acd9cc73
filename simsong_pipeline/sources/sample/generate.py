"""Writes a drawn sample catalogue to disk in the raw formats."""

import json
import os
import shutil
import uuid
from pathlib import Path

import numpy as np

from simsong_pipeline.config import SampleConfig
from simsong_pipeline.errors import RawDataError
from simsong_pipeline.files import write_json
from simsong_pipeline.sources.sample import lyric_writing, similarity
from simsong_pipeline.sources.sample.drawing import Catalogue, draw_catalogue
from simsong_pipeline.sources.sample.hdf5_files import write_summary_file
from simsong_pipeline.sources.sample.lastfm_files import (
    LastfmTrack,
    write_json_tree,
    write_similars_db,
    write_tags_db,
)
from simsong_pipeline.sources.sample.latents import LANGUAGES, THEMES
from simsong_pipeline.sources.sample.msd_files import letter_folder, write_text_files, write_track_metadata_db
from simsong_pipeline.sources.sample.sounding import Progress, write_sound


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
        write_sound(temporary, catalogue, progress or (lambda done, total: None))
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
