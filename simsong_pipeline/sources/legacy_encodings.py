"""Which of the encodings from before Unicode is it? For texts as short as a verse.

charset-normalizer says which are possible and how messy the text would be. A verse is possible in several of them:
among those the language that is found, and whether the characters are the frequent ones of that encoding, decide.
"""

import re
from collections.abc import Callable

from charset_normalizer import from_bytes

# The languages that each is used for, by ISO code; null: all others. Of equals the first counts.
_CYRILLIC = frozenset({"ru", "uk", "bg", "be", "sr", "mk", "kk", "ky", "mn"})
_LANGUAGES: dict[str, frozenset[str] | None] = {
    "cp1252": None,
    "cp949": frozenset({"ko"}),
    "cp932": frozenset({"ja"}),
    "euc_jp": frozenset({"ja"}),
    "gb18030": frozenset({"zh"}),
    "big5hkscs": frozenset({"zh"}),
    "cp1255": frozenset({"he"}),
    "cp1251": _CYRILLIC,
    "koi8_r": frozenset({"ru", "uk"}),
    "cp1250": frozenset({"pl", "cs", "sk", "hu", "hr", "sl", "ro", "bs", "sq"}),
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
    frequent = _FREQUENT.get(encoding)
    return (1.0 if frequent is None else frequent(text)) + 0.5 * fits


def _share(text: str, encoding: str, frequent: Callable[[int, int], bool]) -> float:
    """Of the characters outside of ASCII, those of two bytes that are frequent."""
    foreign = [character.encode(encoding) for character in text if not character.isascii()]
    return sum(len(c) == 2 and frequent(c[0], c[1]) for c in foreign) / max(1, len(foreign))


def _korean(text: str) -> float:
    """Whole syllables of KS X 1001, and its punctuation."""
    return _share(text, "cp949", lambda a, b: b >= 0xA1 and (0xB0 <= a <= 0xC8 or 0xA1 <= a <= 0xA3))


def _simplified(text: str) -> float:
    """The 3,755 frequent characters of GB 2312, and its punctuation."""
    return _share(text, "gb18030", lambda a, b: b >= 0xA1 and (0xB0 <= a <= 0xD7 or a in (0xA1, 0xA3)))


def _traditional(text: str) -> float:
    """The 5,401 frequent characters of Big5, a third of which end in a byte that EUC has not."""
    pairs = [pair for c in text if not c.isascii() and len(pair := c.encode("big5hkscs")) == 2]
    ends_low = any(pair[1] < 0x80 for pair in pairs)
    return _share(text, "big5hkscs", lambda a, _: 0xA1 <= a <= 0xC6) * (1 if ends_low or len(pairs) < 6 else 0.5)


def _japanese(text: str, share: float) -> float:
    """There is no verse without kana."""
    foreign = sum(not c.isascii() for c in text)
    kana = sum("\u3040" <= c <= "\u30ff" for c in text)
    return share if kana >= 0.1 * foreign else share / 2


def _euc_jp(text: str) -> float:
    return _japanese(text, _share(text, "euc_jp", lambda a, _: a in (0xA1, 0xA3, 0xA4, 0xA5) or 0xB0 <= a <= 0xCF))


def _shift_jis(text: str) -> float:
    return _japanese(text, _share(text, "cp932", lambda a, _: 0x81 <= a <= 0x83 or 0x88 <= a <= 0x97))


def _lower_case(text: str) -> float:
    """Small letters: another Cyrillic or Greek encoding turns them into capitals, and capitals into them."""
    letters = [c for c in text if c.isalpha() and not c.isascii()]
    return sum(c.islower() for c in letters) / max(1, len(letters))


def _hebrew(text: str) -> float:
    foreign = [c for c in text if not c.isascii()]
    return sum("א" <= c <= "ת" for c in foreign) / max(1, len(foreign))


_FREQUENT: dict[str, Callable[[str], float]] = {
    "cp949": _korean,
    "cp932": _shift_jis,
    "euc_jp": _euc_jp,
    "gb18030": _simplified,
    "big5hkscs": _traditional,
    "cp1255": _hebrew,
    "cp1251": _lower_case,
    "koi8_r": _lower_case,
    # Less than one, because a Russian line of small letters can be read as Greek, but not the other way round.
    "cp1253": lambda text: 0.95 * _lower_case(text),
}
