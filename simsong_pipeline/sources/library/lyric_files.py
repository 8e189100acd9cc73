"""Lyrics beside a recording: `song.lrc` or `song.txt`, in whatever encoding they were saved."""

import re
from pathlib import Path

LYRIC_SUFFIXES = (".lrc", ".txt")
# [00:12.34], also several in a row; <00:12.34> within a line is the word-by-word form.
_TIMES = re.compile(r"\[\d{1,3}:\d{2}(?:[.:]\d{1,3})?\]|<\d{1,3}:\d{2}(?:[.:]\d{1,3})?>")
_HEADER = re.compile(r"^\s*\[(?:ar|ti|al|au|by|re|ve|la|id|offset|length|tool|#)\s*:.*\]\s*$", re.IGNORECASE)


def find_lyric_file(recording: Path) -> Path | None:
    """The side-car file, `.lrc` before `.txt`, whatever the case of its suffix."""
    for suffix in LYRIC_SUFFIXES:
        for spelled in (suffix, suffix.upper()):
            path = recording.with_suffix(spelled)
            if path.is_file():
                return path
    return None


def read_lyric_file(path: Path) -> str:
    """Its words, without time stamps and headers.

    Raises:
        OSError: it cannot be read.
    """
    return without_times(decoded(path.read_bytes()))


def decoded(content: bytes) -> str:
    """UTF-8, UTF-16 with a byte order mark, else Latin-1, which every byte string is."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", errors="replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def without_times(text: str) -> str:
    """Lyrics in LRC form as plain lines; plain text stays as it is."""
    lines = [_TIMES.sub("", line).strip() for line in text.splitlines() if not _HEADER.match(line)]
    return "\n".join(lines).strip()
