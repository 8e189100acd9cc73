"""The commands that README, `docs/` and `deploy/` write."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "deploy").rglob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


@dataclass(frozen=True)
class Written:
    """A command as a document has it, and the settings of the environment before it."""

    document: Path
    words: tuple[str, ...]
    settings: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{called(self.document)}: {shlex.join(self.words)}"


def called(document: Path) -> str:
    """The document below the repository's root."""
    return str(document.relative_to(ROOT))


def blocks_of(document: Path) -> list[tuple[str, str]]:
    """Each fenced block, what it says that it is and its text."""
    return re.findall(r"^```(\w*)\n(.*?)^```", document.read_text(), re.DOTALL | re.MULTILINE)


def written_in(document: Path) -> list[Written]:
    """Every command in the shell blocks, in its order."""
    found = []
    for text in (text for kind, text in blocks_of(document) if kind == "sh"):
        for line in text.replace("\\\n", " ").splitlines():
            for part in re.split(r"\s;\s|&&", line):
                words = shlex.split(part, comments=True)
                first = next((n for n, word in enumerate(words) if not re.fullmatch(r"[A-Z_]+=.*", word)), len(words))
                if words[first:]:
                    found.append(Written(document, tuple(words[first:]), tuple(words[:first])))
    return found


def commands_of(document: Path) -> list[list[str]]:
    """Words of each command in the shell blocks, without settings of the environment before it."""
    return [list(written.words) for written in written_in(document)]
