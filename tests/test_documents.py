"""What README and `docs/` name is there: links, commands, benchmarks that tests start."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest
from command_line import taken
from documents import DOCUMENTS, ROOT, called, commands_of

from simsong_pipeline.config import SampleConfig
from simsong_pipeline.sources.sample.drawing import draw_catalogue

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def _all(first: str) -> list[list[str]]:
    return [words for document in DOCUMENTS for words in commands_of(document) if words[0] == first]


@pytest.mark.parametrize("document", DOCUMENTS, ids=called)
def test_links_lead_to_files_and_headings(document: Path) -> None:
    text = re.sub(r"```.*?```", "", document.read_text(), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, heading = target.partition("#")
        file = (document.parent / path).resolve() if path else document
        assert file.exists(), f"{called(document)}: {target}"
        if heading:
            assert heading in _headings(file), f"{called(document)}: {target}"


def _headings(document: Path) -> set[str]:
    """Of a document, as links name them."""
    titles = re.findall(r"^#+ (.*)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


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


def test_songs_that_documents_name_are_in_the_sample_catalogue() -> None:
    """Once each, so that a title is enough; tests ask for others, of a smaller one."""
    tracks = draw_catalogue(SampleConfig()).tracks
    titles = [track.title for track in tracks]
    assert [titles.count(name) for name in ("The Long White Line", "The Cannon", "A Tired Miner")] == [1, 1, 1]
    assert ("Hanna Gallo", "The Old Front Door") in {(track.artist_name, track.title) for track in tracks}
