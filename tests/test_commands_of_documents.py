"""Every command of every document is run, one after the other as they stand, or is on the one list with its reason."""

import re
from pathlib import Path

import pytest
from documents import DOCUMENTS, ROOT, Written, blocks_of, called, written_in
from not_run import ELSEWHERE, NOT_RUN, beginning, inside, is_run
from prepared_walks import prepared
from walk_inputs import Listener, listener_in
from walks import PROGRAMS, walking

ALL = [written for document in DOCUMENTS for written in written_in(document)]
# What a block may be that has no commands.
_OTHER_BLOCKS = {"toml", "json", "python", "text"}


def test_there_are_commands() -> None:
    assert len(ALL) > 100


@pytest.mark.parametrize("written", ALL, ids=str)
def test_a_command_is_run_or_has_a_reason(written: Written) -> None:
    within = written if is_run(written) else inside(written)
    assert within is None or within.words[0] in PROGRAMS, (
        f"no test runs {written}: teach tests/walks.py its program, or say in tests/not_run.py what it lacks"
    )


def test_blocks_say_what_they_are() -> None:
    """Or commands would hide from the tests."""
    kinds = {(called(document), kind) for document in DOCUMENTS for kind, _ in blocks_of(document)}
    assert {(document, kind) for document, kind in kinds if kind not in {"sh", *_OTHER_BLOCKS}} == set()
    for document in DOCUMENTS:
        fences = re.findall(r"^\s*(?:```|~~~)", document.read_text(), re.MULTILINE)
        assert len(fences) == 2 * len(blocks_of(document)), f"{called(document)} has blocks of another form"


@pytest.mark.parametrize("entry", [*NOT_RUN, *ELSEWHERE])
def test_nothing_is_on_the_list_that_no_document_has(entry: str) -> None:
    assert any(beginning(written, {entry: ""}) for written in ALL)
    looked_at = NOT_RUN[entry].instead if entry in NOT_RUN else (ELSEWHERE[entry],)
    assert [file for file in looked_at if not (ROOT / file).is_file()] == []


@pytest.mark.parametrize(("entry", "file"), ELSEWHERE.items())
def test_what_runs_elsewhere_is_started_there(entry: str, file: str) -> None:
    words = ", ".join(f'"{word}"' for word in entry.split())
    assert words in (ROOT / file).read_text()


@pytest.fixture(scope="module")
def listener(sample_raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Listener:
    """Somebody with music; do not change it."""
    return listener_in(tmp_path_factory.mktemp("listener"), sample_raw)


@pytest.mark.slow(minutes=0.8)
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("document", [d for d in DOCUMENTS if written_in(d)], ids=called)
def test_commands_come_to_their_end(document: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    commands = written_in(document)
    if called(document) == "docs/players.md":  # one server's at a time, and what ends a link after what needs it
        commands.sort(key=lambda written: ("--songs" in written.words, "--forget" in written.words))
    with walking(tmp_path) as walk:
        prepared(walk, document, request.getfixturevalue)
        for written in commands:
            walk.type(written)
    assert len(walk.typed) >= sum(map(is_run, commands))
