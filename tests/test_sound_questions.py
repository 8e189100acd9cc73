"""Text to music, end to end: songs heard by a tiny CLAP model, indexed, and asked by what they sound like."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from browsing import browsing, opened, until_listed
from clap_tiny import WIDTH, write_clap
from conftest import SMALL_CONFIG, run_of
from serving import served
from typer.testing import CliRunner

from simsong_pipeline.asking.queries import Songs
from simsong_pipeline.asking.recommend import Choice
from simsong_pipeline.asking.sound_vectors import nearest_to_both, text_side
from simsong_pipeline.cli.main import app
from simsong_pipeline.config import InferenceConfig, PipelineConfig
from simsong_pipeline.errors import ModelError, UnknownSongError
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.learning.encoder.clap import text_vector
from simsong_pipeline.points import Restriction
from simsong_pipeline.runs.night import refresh
from simsong_pipeline.runs.run import run
from simsong_pipeline.sources.source import SourceConfig
from simsong_pipeline.stores.payloads import point_id

SONGS = 6


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Workspace, PipelineConfig]]:
    """A finished run over a folder of songs without tags, and its configuration."""
    folder = tmp_path_factory.mktemp("clap")
    write_clap(folder / "model")
    (folder / "music").mkdir()
    for seed in range(SONGS):
        _song(folder / "music", seed)
    config = PipelineConfig.model_validate(
        {
            "encoder": {"kind": "clap", "pretrained": str(folder / "model"), "embedding_dim": 8},
            "evaluation": {"relevance": "artist"},
            "inference": InferenceConfig(provider="cpu"),
        }
    )
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("SIMSONG_MODELS", str(folder / "cache"))
        workspace = Workspace(folder / "home")
        run(run_of(workspace, SourceConfig(library=folder / "music"), config))
        yield workspace, config


def _song(folder: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    time = np.arange(22_050 * 12) / 22_050
    tones = sum(np.sin(2 * np.pi * pitch * time) for pitch in rng.uniform(60, 4_000, 3))
    noise = rng.normal(size=time.size) * rng.uniform(0, 1)
    soundfile.write(folder / f"{seed}.flac", 0.1 * tones + 0.1 * noise, 22_050)
    if seed % 2:
        (folder / f"{seed}.txt").write_text(f"the sea and the road number {seed}")


@pytest.fixture
def songs(home: tuple[Workspace, PipelineConfig]) -> Iterator[Songs]:
    workspace, config = home
    with workspace.store(config.store) as store:
        yield Songs(workspace, store, config)


def _sounds(home: tuple[Workspace, PipelineConfig]) -> dict[str, np.ndarray]:
    """Unit means of what is kept of the songs' patches, by track id."""
    workspace, config = home
    features = workspace.features(config).reader(workspace.read("segment_features"))
    means = {t: features[t].astype(np.float64).mean(axis=0) for t in features}
    return {t: mean / np.linalg.norm(mean) for t, mean in means.items()}


def test_text_finds_the_songs_whose_sound_is_nearest(home: tuple[Workspace, PipelineConfig], songs: Songs) -> None:
    words = text_vector(text_side(home[1]), "calm piano at night")
    expected = {t: float(sound @ words) for t, sound in _sounds(home).items()}
    found = songs.sounding("calm piano at night", Choice(SONGS)).neighbours
    assert [n.track_id for n in found] == sorted(expected, key=lambda t: -expected[t])
    np.testing.assert_allclose([n.score for n in found], sorted(expected.values(), reverse=True), atol=1e-5)
    other = songs.sounding("loud guitar", Choice(SONGS)).neighbours
    assert [n.score for n in other] != [n.score for n in found]
    with pytest.raises(UnknownSongError, match="without words"):
        songs.sounding(" ", Choice(3))


def test_songs_are_similar_by_the_start_and_carry_their_sound(
    home: tuple[Workspace, PipelineConfig], songs: Songs
) -> None:
    first, *_ = sounds = _sounds(home)
    assert len(songs.similar([first], Choice(3)).neighbours) == 3
    with_vectors = songs._store.fetch("simsong", [point_id(first)], with_vectors=True)[0].vectors
    assert {"audio", "sound", "song"} <= set(with_vectors)
    assert len(with_vectors["sound"]) == WIDTH
    np.testing.assert_allclose(with_vectors["sound"], sounds[first], atol=1e-5)


@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
def test_sound_and_lyrics_are_weighed(songs: Songs, weight: float) -> None:
    rng = np.random.default_rng(0)
    store = songs._store
    stored = store.fetch("simsong", [point_id(t) for t in songs._tracks["track_id"]], with_vectors=True)
    lyric_dim = next(len(p.vectors["lyrics"]) for p in stored if "lyrics" in p.vectors)
    asked = {"sound": (rng.normal(size=WIDTH), weight), "lyrics": (rng.normal(size=lyric_dim), 1 - weight)}
    asked = {name: ((v / np.linalg.norm(v)).astype(np.float32), share) for name, (v, share) in asked.items()}
    expected = {
        str(p.payload["track_id"]): sum(s * float(v @ p.vectors[n]) for n, (v, s) in asked.items() if n in p.vectors)
        for p in stored
    }
    found = nearest_to_both(store, "simsong", asked, Choice(SONGS))
    np.testing.assert_allclose([n.score for n in found], sorted(expected.values(), reverse=True), atol=1e-5)
    assert {n.track_id: n.score for n in found} == pytest.approx(expected, abs=1e-5)
    left_out = found[0].track_id
    fewer = nearest_to_both(store, "simsong", asked, Choice(2, Restriction().without("track_id", [left_out])))
    assert [n.track_id for n in fewer] == [n.track_id for n in found[1:3]]


def test_a_new_song_of_the_next_night_has_its_sound(home: tuple[Workspace, PipelineConfig]) -> None:
    workspace, config = home
    music = workspace.home.parent / "music"
    _song(music, 77)
    refresh(run_of(workspace, SourceConfig(library=music), config))
    with workspace.store(config.store) as store:
        assert len(Songs(workspace, store, config).sounding("slow drums", Choice(20)).neighbours) == SONGS + 1


def test_command_asks_by_sound_by_lyrics_and_by_both(home: tuple[Workspace, PipelineConfig]) -> None:
    at = ["--home", str(home[0].home), "--json", "-k", "3"]
    runner = CliRunner()
    for words in (["--sound", "calm piano"], ["the sea"], ["the sea", "--sound", "calm piano"]):
        done = runner.invoke(app, ["about", *words, *at])
        assert (done.exit_code, len(done.stdout.splitlines())) == (0, 3), done.output
    assert runner.invoke(app, ["about", *at]).exit_code == 2


def test_encoder_that_knows_no_words_says_what_to_set() -> None:
    with pytest.raises(ModelError, match=r"\(convolution\) knows no words: set encoder\.kind to clap"):
        text_side(SMALL_CONFIG)


@pytest.mark.slow
def test_the_page_and_the_api_find_songs_by_what_they_sound_like(
    home: tuple[Workspace, PipelineConfig],
) -> None:
    (workspace, config), text = home, "calm piano at night"
    with workspace.store(config.store) as store:
        songs = Songs(workspace, store, config)
        expected = [near.track_id for near in songs.sounding(text, Choice(SONGS)).neighbours]
        both = [near.track_id for near in songs.sounding(text, Choice(SONGS), "the sea", 0.3).neighbours]
    with served(home[0], wait_s=0) as running, running.client() as client:
        assert client.get("/api/v1/library").json()["knows_sounds"]
        answer = client.get("/api/v1/about", params={"sound": text, "k": SONGS})
        assert [song["id"] for song in answer.json()["songs"]] == expected
        with browsing() as browser, opened(browser, running.url) as seen:
            seen.go("#/words")
            seen.page.get_by_role("textbox", name="What the music sounds like").fill(text)
            until_listed(seen.page, expected)
            seen.page.get_by_role("textbox", name="What the lyrics are about").fill("the sea")
            slider = seen.page.get_by_role("slider", name="Sound beside lyrics")
            for _ in range(4):
                slider.press("ArrowLeft")
            until_listed(seen.page, both)
