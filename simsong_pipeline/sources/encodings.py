"""Text of files that do not say in which encoding they were saved: lyrics, playlists, lists.

A mark at the beginning, then UTF-8, then UTF-16 by where its zeros are; what is left is for `legacy_encodings`. Text
that can be read but makes no sense is refused: it would become a vector like any other.
"""

import codecs
import re
from pathlib import Path
from typing import TextIO

from simsong_pipeline.sources.legacy_encodings import ENCODINGS, most_likely, strictly

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# What begins a stretch of other characters.
_ESCAPES = (
    (re.compile(rb"\x1b\$\)C"), "iso2022_kr"),
    (re.compile(rb"\x1b\$"), "iso2022_jp_2"),
    (re.compile(rb"~\{(?:[!-w][!-~])+~\}"), "hz"),
)
# No text holds these: control characters but for white space, what stands for an unreadable byte, and no characters.
_IMPOSSIBLE = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ufffd\ufffe\uffff\ud800-\udfff]")
# How UTF-8 looks that was taken for cp1252 and saved so.
_TWICE = re.compile("[ÂÃÄÅÎÏÐÑ×âãäåæçèéëìí][\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]")
_FOREIGN = re.compile(rb"[\x80-\xff]+")
_MULTIBYTE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
# Of the detector's measure: text of any language is below 0.4, text in the wrong encoding mostly above 1.
_MOST_MESS = 0.6
_SAMPLE = 20_000
_UNKNOWN = "no text in an encoding that is known: save it as UTF-8"
_NEWLINE = re.compile("\r\n|\r|\n")


class UndecodableError(ValueError):
    """Bytes that are no text in any encoding that is known."""


def decoded(content: bytes) -> str:
    """The text of a file, without its mark.

    Raises:
        UndecodableError: it is no text, or only makes sense in an encoding that is not known.
    """
    unicode = _as_unicode(content) if (escaped := _as_escaped(content)) is None else escaped
    text = unicode if unicode is not None else _as_patched_utf8(content) or most_likely(content)
    if text is None:
        raise UndecodableError(_UNKNOWN)
    return mended(text)


def mended(text: str) -> str:
    """Text as it was before it was decoded wrongly, as old tags and careless editors leave it; sound text as it is.

    Raises:
        UndecodableError: it makes no sense.
    """
    if _TWICE.search(text) is None and is_sensible(text):
        return text
    before = _before(text)
    if before is None or not is_sensible(before):
        if is_sensible(text):
            return text
        raise UndecodableError(_UNKNOWN)
    return before


def readings(content: bytes) -> list[str]:
    """What a list of file names may say, the likeliest first: which of them is meant, the files themselves decide."""
    unicode = _as_unicode(content)
    if unicode is not None:
        return [unicode]
    possible = [_as_patched_utf8(content), most_likely(content), *(strictly(content, e) for e in ENCODINGS)]
    return list(dict.fromkeys([*(text for text in possible if text), content.decode("latin-1")]))


def open_text(path: Path) -> TextIO:
    """A data set's text file, in UTF-8 unless its mark says otherwise; a byte that is none of it becomes U+FFFD."""
    with path.open("rb") as handle:
        begin = handle.read(4)
    encoding = next((encoding for mark, encoding in _MARKS if begin.startswith(mark)), "utf-8")
    return path.open(encoding=encoding, errors="replace")


def lines_of(text: str) -> list[str]:
    """Lines as editors break them; `splitlines` also breaks at characters that a name or a verse may hold."""
    return _NEWLINE.split(text)


def is_sensible(text: str) -> bool:
    """False for text that was read in the wrong encoding."""
    if _IMPOSSIBLE.search(text):
        return False
    foreign = "\n".join(line for line in lines_of(text) if not line.isascii())
    if not foreign:
        return True
    # Here and in `legacy_encodings` not before: each process that opens music files would wait for it.
    from charset_normalizer.md import mess_ratio

    return mess_ratio(foreign[:_SAMPLE], 1.0) <= _MOST_MESS


def _as_unicode(content: bytes) -> str | None:
    """Null where it is none of Unicode's forms."""
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return content[len(mark) :].decode(encoding, errors="replace").rstrip("\ufffd")
    zeros = content[0::2].count(0), content[1::2].count(0)
    if max(zeros) * 100 >= len(content) > 0 and max(zeros) > 3 * min(zeros):
        # UTF-16 without its mark: line breaks, blanks and digits have a zero on one side, always the same.
        whole = content[: len(content) // 2 * 2]
        return whole.decode("utf-16-be" if zeros[0] > zeros[1] else "utf-16-le", errors="replace")
    return _as_utf8(content)


def _as_escaped(content: bytes) -> str | None:
    """Japanese, Korean and Chinese in seven bits, as in mail; null for other text."""
    for mark, encoding in _ESCAPES:
        if content.isascii() and mark.search(content):
            text = strictly(content, encoding)
            if text is not None and not text.isascii():
                return text
    return None


def _as_utf8(content: bytes) -> str | None:
    """A character that was cut at the end of the file is left out."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.reason != "unexpected end of data" or content[: error.start].isascii():
            return None
        return content[: error.start].decode("utf-8")


def _as_patched_utf8(content: bytes) -> str | None:
    """UTF-8 into which a few lines of another file were copied; null where it is mostly something else."""
    foreign = sum(len(run) for run in _FOREIGN.findall(content))
    if 4 * sum(len(character) for character in _MULTIBYTE.findall(content)) < 3 * foreign:
        return None
    parts = _MULTIBYTE.split(content)
    between = [part.decode("cp1252", errors="replace") for part in parts]
    characters = [character.decode("utf-8", errors="replace") for character in _MULTIBYTE.findall(content)]
    return "".join(text for pair in zip(between, [*characters, ""], strict=True) for text in pair)


def _before(text: str) -> str | None:
    """What the bytes were that were taken for cp1252; null where they cannot have been."""
    try:
        content = b"".join(_byte_of(character) for character in text)
    except UnicodeEncodeError:
        return None
    mistaken = strictly(content, "utf-8")
    return most_likely(content) if mistaken is None and not is_sensible(text) else mistaken


def _byte_of(character: str) -> bytes:
    """cp1252, and Latin-1 where that has no character."""
    try:
        return character.encode("cp1252")
    except UnicodeEncodeError:
        return character.encode("latin-1")
