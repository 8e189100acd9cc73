"""The cache of pretrained models: whole or not at all, filled by several processes at once, checked when opened."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from conftest import QUIET

from simsong_pipeline.errors import ModelError, ModelUnavailableError
from simsong_pipeline.home import model_cache
from simsong_pipeline.home.model_cache import MUSICNN, MusicnnFiles, ensure_musicnn, fetch_musicnn, find_musicnn
from simsong_pipeline.model_places import cache_folder

NO_PIP = "raise SystemExit('No module named pip')"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and a pip that reaches nothing."""
    folder = tmp_path / "models"
    monkeypatch.setenv("SIMSONG_MODELS", str(folder))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    return folder


@pytest.fixture
def copied(cache: Path, musicnn_files: MusicnnFiles) -> MusicnnFiles:
    """The fetched files in a cache that a test may damage."""
    shutil.copytree(musicnn_files.folder, cache / musicnn_files.folder.name)
    found = find_musicnn()
    assert found is not None
    return found


def test_cache_folder_is_named_or_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SIMSONG_MODELS", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "simsong" / "models"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "simsong" / "models"
    monkeypatch.setenv("SIMSONG_MODELS", str(tmp_path / "own"))
    assert cache_folder() == tmp_path / "own"


def test_manifest_says_what_the_files_are(musicnn_files: MusicnnFiles) -> None:
    manifest = json.loads((musicnn_files.folder / "manifest.json").read_text(encoding="utf-8"))
    assert (manifest["licence"], manifest["source"]["package"]) == ("ISC", "musicnn==0.1.0")
    assert "Permission to use, copy, modify" in manifest["licence_text"]
    assert set(manifest["files"]) == {f.name for f in musicnn_files.folder.iterdir()} - {"manifest.json"}
    musicnn_files.check()


@pytest.mark.parametrize(
    "name", ["musicnn-msd.onnx", "musicnn-mtt.onnx", "musicnn-msd.safetensors", "musicnn-mtt.safetensors"]
)
def test_a_damaged_file_is_named_when_it_is_opened(copied: MusicnnFiles, name: str) -> None:
    path = copied.folder / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    body, kind = path.stem.removeprefix("musicnn-"), path.suffix
    opened = copied.onnx if kind == ".onnx" else copied.weights
    with pytest.raises(ModelError, match=rf"{path} is missing or damaged: run `simsong models fetch musicnn`"):
        opened(body)
    path.unlink()
    with pytest.raises(ModelError, match=rf"{path} is missing or damaged"):
        opened(body)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"files": 3}'])
def test_a_damaged_manifest_is_named_and_no_reason_to_do_without(copied: MusicnnFiles, content: str) -> None:
    (copied.folder / "manifest.json").write_text(content, encoding="utf-8")
    with pytest.raises(ModelError, match=r"manifest.json is damaged: run") as caught:
        ensure_musicnn(QUIET)
    assert not isinstance(caught.value, ModelUnavailableError)


def test_what_is_there_is_not_fetched_again(copied: MusicnnFiles) -> None:
    times = {f.name: f.stat().st_mtime_ns for f in copied.folder.iterdir()}
    assert ensure_musicnn(QUIET) == fetch_musicnn(QUIET) == copied
    assert times == {f.name: f.stat().st_mtime_ns for f in copied.folder.iterdir()}


def test_without_a_network_one_line_says_what_to_do(cache: Path) -> None:
    with pytest.raises(ModelUnavailableError, match=r"cannot be fetched by pip .*--from musicnn-0.1.0") as caught:
        ensure_musicnn(QUIET)
    assert "\n" not in str(caught.value)
    assert find_musicnn() is None


def test_without_pip_one_line_says_so(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = tmp_path / "python"
    python.write_text(f"#!{sys.executable}\n{NO_PIP}\n", encoding="utf-8")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    with pytest.raises(ModelUnavailableError, match=r"cannot be fetched by pip \(No module named pip\)"):
        ensure_musicnn(QUIET)


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("SIMSONG_MODELS", str(tmp_path / "file" / "models"))
    with pytest.raises(ModelUnavailableError, match=r"file/models cannot be written .*: set SIMSONG_MODELS"):
        ensure_musicnn(QUIET)


def test_another_file_than_the_wheel_is_refused(cache: Path, tmp_path: Path) -> None:
    wheel = tmp_path / MUSICNN.file
    with pytest.raises(ModelError, match=f"no file {wheel}"):
        fetch_musicnn(QUIET, wheel)
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("musicnn/MSD_musicnn/.index", b"")
    with pytest.raises(ModelError, match=f"{wheel} is damaged or another file"):
        fetch_musicnn(QUIET, wheel)
    assert find_musicnn() is None


def test_an_unfinished_fetch_does_not_count(copied: MusicnnFiles) -> None:
    (copied.folder / "manifest.json").unlink()  # it is written last
    assert find_musicnn() is None


def test_opening_a_body_does_without_torch(musicnn_files: MusicnnFiles) -> None:
    code = """
import sys
from simsong_pipeline.body_inference import OnnxBody
from simsong_pipeline.config import InferenceConfig
from simsong_pipeline.home.model_cache import find_musicnn
OnnxBody(find_musicnn().onnx("msd"), InferenceConfig(provider="cpu"))
sys.exit("torch" in sys.modules)
"""
    environment = os.environ | {"SIMSONG_MODELS": str(musicnn_files.folder.parent)}
    assert subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, by pip as it is configured here."""
    try:
        return MUSICNN.download(tmp_path_factory.mktemp("wheel"))
    except ModelUnavailableError as error:
        pytest.skip(str(error))


@pytest.mark.slow
def test_two_processes_fetch_at_once_and_a_damaged_file_is_mended(cache: Path, wheel: Path) -> None:
    command = [sys.executable, "-m", "simsong_pipeline.cli.main", "models", "fetch", "musicnn", "--from", str(wheel)]
    both = [subprocess.Popen([*command, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
    answers = [process.communicate(timeout=300) for process in both]
    assert [process.returncode for process in both] == [0, 0], answers
    assert answers[0][0] == answers[1][0]
    assert sum(b"fetching MusiCNN\n" in err for _, err in answers) == 1
    files = find_musicnn()
    assert files is not None
    files.check()
    files.onnx("mtt").write_bytes(b"damaged")
    mended = fetch_musicnn(QUIET, wheel)
    mended.check()
    assert not list(files.folder.glob("*.part"))


@pytest.mark.slow
def test_a_fetch_that_is_killed_leaves_nothing_that_counts(cache: Path, wheel: Path) -> None:
    command = [sys.executable, "-m", "simsong_pipeline.cli.main", "models", "fetch", "musicnn", "--from", str(wheel)]
    process = subprocess.Popen(command)
    weights = cache / model_cache._FOLDER / "musicnn-msd.safetensors"
    while not weights.is_file() and process.poll() is None:
        pass
    process.kill()
    process.wait()
    assert find_musicnn() is None
    fetch_musicnn(QUIET, wheel).check()
