"""The commands that README and `docs/` write."""

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "deploy").rglob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def _blocks(document: Path, kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", document.read_text(), re.DOTALL | re.MULTILINE)


def commands_of(document: Path) -> list[list[str]]:
    """Words of each command in the shell blocks, without settings of the environment before it."""
    found = []
    for block in _blocks(document, "sh"):
        for line in block.replace("\\\n", " ").splitlines():
            for part in re.split(r"\s;\s|&&", line):
                words = shlex.split(part, comments=True)
                while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
                    words = words[1:]
                if words:
                    found.append(words)
    return found
