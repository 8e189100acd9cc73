"""What README and `docs/` name is there: links, commands, benchmarks that tests start."""

import re
import shlex
import shutil
import tomllib
from pathlib import Path

import polars as pl
import pytest
from command_line import taken
from documents import DOCUMENTS, ROOT, commands_of
from typer.testing import CliRunner

from simsong_pipeline.cli.main import app
from simsong_pipeline.home.workspace import Workspace

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
# What else a document may start, and what is looked at there.
OTHERS = {"make", "pip", "source", "export", "dagster", "python", "curl", "cp", "docker", "kubectl", "helm"}


def _all(first: str) -> list[list[str]]:
    return [words for document in DOCUMENTS for words in commands_of(document) if words[0] == first]


def _called(document: Path) -> str:
    return str(document.relative_to(ROOT))


@pytest.mark.parametrize("document", DOCUMENTS, ids=_called)
def test_links_lead_to_files_and_headings(document: Path) -> None:
    text = re.sub(r"```.*?```", "", document.read_text(), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, heading = target.partition("#")
        file = (document.parent / path).resolve() if path else document
        assert file.exists(), f"{_called(document)}: {target}"
        if heading:
            assert heading in _headings(file), f"{_called(document)}: {target}"


def _headings(document: Path) -> set[str]:
    """Of a document, as links name them."""
    titles = re.findall(r"^#+ (.*)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def test_documents_start_what_is_known() -> None:
    started = {words[0] for document in DOCUMENTS for words in commands_of(document)}
    assert started - OTHERS == {"simsong"}


@pytest.mark.parametrize("words", _all("simsong"), ids=shlex.join)
def test_the_command_takes_what_documents_write(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("Music", "Playlists"):
        (tmp_path / name).mkdir()
    (tmp_path / "songs.csv").touch()
    words = [str(Path(word).expanduser()) if word.startswith("~") else word for word in words]
    assert taken(words)


def test_make_has_the_targets() -> None:
    rules = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert {words[1] for words in _all("make")} <= set(rules)


def test_extras_are_there() -> None:
    named = {name for document in DOCUMENTS for name in re.findall(r"simsong\[(\w+)\]", document.read_text())}
    assert named <= set(PROJECT["project"]["optional-dependencies"])


def test_each_benchmark_that_is_named_is_started_by_a_test() -> None:
    named = {name for document in DOCUMENTS for name in re.findall(r"-m (benchmarks\.[\w.]+)", document.read_text())}
    tests = "".join(path.read_text() for path in (ROOT / "tests").glob("test_*.py") if path != Path(__file__))
    files = [ROOT / name.replace(".", "/") for name in named]
    assert [file for file in files if not (file.with_suffix(".py").is_file() or (file / "__main__.py").is_file())] == []
    assert [name for name in sorted(named) if f'"{name}"' not in tests] == []


@pytest.mark.slow
def test_questions_of_the_document_are_answered(
    run_copy: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each command of docs/asking.md in its order, over another sample: its songs for those that are named."""
    monkeypatch.chdir(tmp_path)
    shutil.move(run_copy.home, tmp_path / "simsong-data")
    places = _places(Workspace(tmp_path / "simsong-data"))
    asked = commands_of(ROOT / "docs" / "asking.md")
    assert len(asked) > 10
    for words in asked:
        done = CliRunner().invoke(app, [places.get(word, word) for word in words[1:]])
        assert done.exit_code == 0, (words, done.output)
    assert (tmp_path / "journey.m3u8").read_text().startswith("#EXTM3U")


def _places(workspace: Workspace) -> dict[str, str]:
    """Songs of the home for those that the document names."""
    kept = workspace.read("tracks").join(workspace.read("exclusions"), on="track_id", how="anti")
    songs = kept.unique("title", keep="none").sort("track_id").filter(pl.col("title").str.len_chars() > 3)
    named = ["The Long White Line", "The Cannon", "A Tired Miner", "Hanna Gallo - The Old Front Door"]
    ids = dict(zip(named, songs["track_id"].head(len(named)), strict=True))
    return ids | {"Hanna Gallo": songs["artist_name"][0]}
