"""Which of the encodings from before Unicode is it? For texts as short as a verse.

charset-normalizer says which are possible and how messy the text would be. A verse is possible in several of them:
among those the language that is found, and whether the characters are the frequent ones of that encoding, decide.
"""

import re

from simsong_pipeline.sources.alphabets import FREQUENT

# The languages that each is used for, by ISO code; null: all others. Of equals the first counts.
_CYRILLIC = frozenset({"ru", "uk", "bg", "be", "sr", "mk", "kk", "ky", "mn"})
_CENTRAL = frozenset({"pl", "cs", "sk", "hu", "hr", "sl", "ro", "bs", "sq"})
_LANGUAGES: dict[str, frozenset[str] | None] = {
    "cp1252": None,
    "mac_roman": None,
    "cp850": None,
    "cp949": frozenset({"ko"}),
    "cp932": frozenset({"ja"}),
    "euc_jp": frozenset({"ja"}),
    "gb18030": frozenset({"zh"}),
    "big5hkscs": frozenset({"zh"}),
    "cp1255": frozenset({"he"}),
    "cp1256": frozenset({"ar", "fa", "ur", "ug", "ps"}),
    "cp874": frozenset({"th"}),
    "cp1251": _CYRILLIC,
    "koi8_u": frozenset({"ru", "uk"}),
    "mac_cyrillic": _CYRILLIC,
    "iso8859_5": _CYRILLIC,
    "cp866": frozenset({"ru", "uk", "be", "bg"}),
    "cp1250": _CENTRAL,
    "iso8859_2": _CENTRAL,
    "cp1253": frozenset({"el"}),
    "cp1254": frozenset({"tr", "az", "tk", "tt", "ku"}),
}
ENCODINGS = tuple(_LANGUAGES)
_ELSEWHERE = frozenset().union(*(languages for languages in _LANGUAGES.values() if languages))
# Stamps of synchronised lyrics and other brackets tell nothing of the encoding.
_BRACKETS = re.compile(rb"[\[<][\d:.,]*[\]>]")
_SAMPLE = 20_000
_LEAST = 0.6


def most_likely(content: bytes) -> str | None:
    """The text in the likeliest encoding; null where none is likely."""
    from charset_normalizer import from_bytes

    sample = _sample(content)
    possible: dict[str, float] = {}
    for match in from_bytes(sample, cp_isolation=list(_LANGUAGES), threshold=0.4):
        for encoding in (match.encoding, *match.could_be_from_charset):
            possible.setdefault(encoding, match.chaos)
    scored = [
        (_score(text, encoding) - 2 * possible[encoding], -order, encoding)
        for order, encoding in enumerate(_LANGUAGES)
        if encoding in possible and (text := strictly(sample, encoding)) is not None
    ]
    for score, _, encoding in sorted(scored, reverse=True):
        text = strictly(content, encoding)
        if score >= _LEAST and text is not None:
            return text
    return None


def _sample(content: bytes) -> bytes:
    """The lines that are not plain ASCII, without stamps."""
    lines = re.split(rb"[\r\n]+", _BRACKETS.sub(b"", content))
    kept, size = [], 0
    for line in lines:
        if not line.isascii() and size < _SAMPLE:
            kept.append(line)
            size += len(line)
    return b"\n".join(kept)


def strictly(content: bytes, encoding: str) -> str | None:
    """The text where every byte of it is one of the encoding's, else null."""
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        return None


def _score(text: str, encoding: str) -> float:
    """From 0 to 1.5: the share of frequent characters, and a half where the language is one of the encoding's."""
    # Imported here because its model takes a while, and most files are UTF-8.
    from simsong_pipeline.lyrics.frame import language_of

    languages, found = _LANGUAGES[encoding], language_of(text)
    fits = found not in _ELSEWHERE if languages is None else found in languages
    frequent = FREQUENT.get(encoding)
    return (1.0 if frequent is None else frequent(text)) + 0.5 * fits
