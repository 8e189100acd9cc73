"""The sample catalogue: reproducible, faulty where it should be, and neither music nor words tell all."""

from collections import Counter
from pathlib import Path

import h5py
import numpy as np
import polars as pl
import pytest
import soundfile

from simsong_pipeline.config import SampleConfig
from simsong_pipeline.errors import RawDataError
from simsong_pipeline.evaluation.ranking import top_k
from simsong_pipeline.evaluation.retrieval import per_query
from simsong_pipeline.evaluation.task import build_task
from simsong_pipeline.sources.sample import instruments, rendering
from simsong_pipeline.sources.sample.drawing import draw_catalogue
from simsong_pipeline.sources.sample.generate import read_description, write_sample
from simsong_pipeline.sources.sample.latents import draw_latents
from simsong_pipeline.sources.sample.similarity import pair_scores, ranked_lists

TINY = SampleConfig(songs=10, artists=5, styles=2, neighbours=4, min_seconds=5, max_seconds=5.5)


def _decoded(folder: Path) -> dict[str, np.ndarray]:
    return {p.name: soundfile.read(p)[0] for p in sorted((folder / "audio").rglob("TR*"))}


def test_same_seed_gives_the_same_files_and_sound(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_sample(tmp_path / name, TINY)
    text = ("lastfm/json", "lyrics", "msd/AdditionalFiles/unique_tracks.txt", "sample.json")
    for part in text:
        files = [sorted((tmp_path / n / part).rglob("*.json")) or [tmp_path / n / part] for n in ("a", "b")]
        assert [f.read_bytes() for f in files[0]] == [f.read_bytes() for f in files[1]]
    first, second = _decoded(tmp_path / "a"), _decoded(tmp_path / "b")
    assert first.keys() == second.keys()
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_other_seed_gives_other_songs() -> None:
    titles = [{t.title for t in draw_catalogue(TINY.model_copy(update={"seed": s})).tracks} for s in (0, 1)]
    assert titles[0] != titles[1]


def test_folder_that_is_not_empty_is_refused(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("mine")
    with pytest.raises(RawDataError, match="not empty"):
        write_sample(tmp_path, TINY)
    assert [p.name for p in tmp_path.iterdir()] == ["kept"]


def test_all_audio_formats_are_there(sample_raw: Path) -> None:
    suffixes = Counter(p.suffix for p in (sample_raw / "audio").rglob("TR*"))
    assert set(suffixes) == {".flac", ".ogg", ".mp3"}


def test_recordings_are_stereo_at_44_kilohertz(sample_raw: Path) -> None:
    info = soundfile.info(next(iter(sorted((sample_raw / "audio").rglob("*.flac")))))
    assert (info.channels, info.samplerate) == (2, 44_100)


def test_recordings_lie_in_the_letter_layout(sample_raw: Path) -> None:
    for path in (sample_raw / "msd" / "data").rglob("*.h5"):
        assert path.parent.parts[-3:] == tuple(path.stem[2:5])


def test_planted_faults_are_where_the_description_says(sample_raw: Path) -> None:
    faults: dict[str, str] = read_description(sample_raw)["faults"]  # type: ignore[assignment]
    audio = {p.stem: p for p in (sample_raw / "audio").rglob("TR*")}
    assert faults["missing_audio"] not in audio
    assert audio[faults["truncated"]].suffix == ".mp3"
    assert faults["mismatched"] in (sample_raw / "msd/AdditionalFiles/sid_mismatches.txt").read_text()
    letters = "/".join(faults["nan_fields"][2:5])
    with h5py.File(sample_raw / "msd/data" / letters / f"{faults['nan_fields']}.h5") as file:
        assert np.isnan(file["analysis/songs"]["duration"][0])


def test_sections_of_a_song_differ() -> None:
    score = draw_catalogue(TINY.model_copy(update={"max_seconds": 40.0, "min_seconds": 40.0})).scores[0]
    voices = [Counter(n.voice for n in score.notes if n.start // 64 == section) for section in range(4)]
    assert voices[0]["lead"] == 0 < voices[1]["lead"]
    assert len({tuple(sorted(v.items())) for v in voices}) > 2


@pytest.mark.parametrize("frequency", [110.0, 440.0])
def test_pitched_instruments_sound_their_pitch(frequency: float) -> None:
    sources = (
        instruments.additive(frequency, 44_100, 1.2, 0.01),
        instruments.plucked(frequency, 44_100, 0.6),
        instruments.frequency_modulation(frequency, 44_100, 1.0, 1.0, 0.01),
    )
    for wave in sources:
        spectrum = np.abs(np.fft.rfft(wave * np.hanning(wave.size)))
        harmonic = spectrum[: int(frequency * 4)].argmax() / frequency
        assert harmonic == pytest.approx(round(harmonic), abs=0.03)


def test_mastering_changes_loudness_not_content() -> None:
    stereo = np.sin(np.arange(44_100)[:, None] / 20).astype(np.float32).repeat(2, axis=1)
    mastered = rendering.master(np.random.default_rng(0), stereo)
    assert np.abs(mastered).max() < 1
    assert np.corrcoef(mastered[:, 0], stereo[:, 0])[0, 1] > 0.98


def _recall(scores: np.ndarray, relevant: np.ndarray) -> float:
    task = build_task(relevant)
    return float(per_query(top_k(scores.astype(np.float32), task, 40), task, 40)["recall"].mean())


def test_neither_music_nor_words_alone_reach_what_both_reach() -> None:
    config = SampleConfig()
    latents = draw_latents(config)
    order, _ = ranked_lists(pair_scores(latents, config), config.neighbours)
    relevant = np.zeros((len(latents), len(latents)), bool)
    np.put_along_axis(relevant, order, True, axis=1)
    by = {
        share: config.model_copy(update={"similarity_noise": 0.0, "lyric_share": share}) for share in (0.0, 0.45, 1.0)
    }
    recall = {share: _recall(pair_scores(latents, c), relevant) for share, c in by.items()}
    assert recall[0.45] > 1.25 * max(recall[0.0], recall[1.0])


def test_similarity_is_noisy_and_not_symmetric() -> None:
    scores = pair_scores(draw_latents(TINY), TINY)
    off = ~np.eye(10, dtype=bool)
    assert not np.allclose(scores[off], scores.T[off])


def test_scores_fall_off_from_one() -> None:
    _, scores = ranked_lists(pair_scores(draw_latents(TINY), TINY), 4)
    assert (scores[:, 0] == 1).all()
    assert (np.diff(scores, axis=1) <= 0).all()


def test_themes_follow_style_in_part() -> None:
    latents = draw_latents(SampleConfig())
    similar = np.corrcoef(latents.themes)
    same_style = latents.style[:, None] == latents.style[None]
    other_artist = latents.artist[:, None] != latents.artist[None]
    within, across = similar[same_style & other_artist].mean(), similar[~same_style].mean()
    assert across + 0.03 < within < 0.6


def test_some_songs_are_instrumental_and_languages_mix(sample_raw: Path) -> None:
    latents = draw_latents(SampleConfig())
    assert 0.05 < latents.instrumental.mean() < 0.2
    assert len(np.unique(latents.language)) >= 3


def test_tags_name_the_style(sample_raw: Path) -> None:
    from simsong_pipeline.sources.lastfm_tags import read_tags

    tags = read_tags(sample_raw / "lastfm/lastfm_tags.db").filter(pl.col("weight") == 100)
    styles = {t: s["style"] for t, s in read_description(sample_raw)["songs"].items()}  # type: ignore[attr-defined]
    assert dict(tags.select("track_id", "tag").rows()) == {t: f"style {s + 1}" for t, s in styles.items()}
