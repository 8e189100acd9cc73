"""How well a text reads by the letters of an encoding: in the wrong one it has rare letters, signs, odd capitals."""

from collections.abc import Callable

_TYPESET = frozenset("‘’“”„‟«»‹›–—…¡¿°´№♪♫\xa0\u200b\u200c\u200e\u200f،؟؛")
_APOSTROPHES = frozenset("’´")
# The letters that make up nine tenths of a text.
_CYRILLIC_LETTERS = frozenset("оаеинтсрвлкмдпуяьыізбг")
_GREEK = frozenset("αοιετσνηυρπκμλςωάέίόήύώδγθ")
_ARABIC = frozenset("اليمنرتوهبدكعسفقحةشجأىذخصی کگ")
_POLISH, _SOUTHERN = frozenset("ąęłśźż"), frozenset("áäâăčďěéíľňőřšťúůűýžșțşţ")
_HEBREW = frozenset("אבגדהוזחטיכלמנסעפצקרשתםןךףץ")
_THAI_TONES = frozenset("่้๊๋์็")
_THAI_ABOVE = frozenset("ัิีึืฺุู") | _THAI_TONES


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


def _in_words(text: str, common: frozenset[str]) -> float:
    """Of an alphabet with two cases: half of it for capitals where they stand, half for the letters that are common.

    Another encoding of the same alphabet has other letters, capitals within words, and signs.
    """
    places = [at for at, c in enumerate(text) if not c.isascii() and c not in _TYPESET]
    cased = sum(_case_fits(text, at) for at in places) / max(1, len(places))
    shared = sum(text[at].lower() in common for at in places) / max(1, len(places))
    return 0.5 * cased + 0.5 * min(1.0, shared / 0.8)


def _case_fits(text: str, at: int) -> float:
    """Small letters, and capitals at the beginning of a word; half for words in capitals."""
    before = text[at - 1 : at]
    if text[at].islower():
        return 1.0
    return 0.0 if not text[at].isupper() or before.islower() else 0.5 if before.isupper() else 1.0


def _well_set(text: str) -> float:
    """Letters but for capitals within a word, and marks where words begin or end: another Latin encoding has both."""
    places = [at for at, c in enumerate(text) if not c.isascii()]
    return sum(_stands_well(text, at) for at in places) / max(1, len(places))


def _stands_well(text: str, at: int) -> bool:
    before, after = text[at - 1 : at] or " ", text[at + 1 : at + 2] or " "
    if text[at].isalpha():
        return text[at].islower() or not before.islower()
    return text[at] in _TYPESET and (text[at] in _APOSTROPHES or not (before.isalpha() and after.isalpha()))


def _central(text: str) -> float:
    """As `_well_set`; no language has the letters of Polish and those of its southern neighbours."""
    letters = {c for c in text.lower() if not c.isascii()}
    return _well_set(text) * (0.8 if letters & _POLISH and letters & _SOUTHERN else 1.0)


def _caseless(text: str, common: frozenset[str]) -> float:
    """The share of an alphabet's common letters."""
    foreign = [c for c in text if not c.isascii() and c not in _TYPESET]
    return min(1.0, sum(c in common for c in foreign) / max(1, len(foreign)) / 0.85)


def _thai(text: str) -> float:
    """Vowel signs and tones stand above consonants, and some vowels before them; digits and signs are rare."""
    foreign = [at for at, c in enumerate(text) if not c.isascii() and c not in _TYPESET]
    return sum(_is_thai(text[at - 1 : at], text[at], text[at + 1 : at + 2]) for at in foreign) / max(1, len(foreign))


def _is_thai(before: str, c: str, after: str) -> bool:
    if c in _THAI_ABOVE:
        return "ก" <= before <= "ฮ" or (before in _THAI_ABOVE and c in _THAI_TONES)
    if c in "เแโใไ":
        return "ก" <= after <= "ฮ"
    return "ก" <= c <= "ๆ"


# By encoding, from 0 to 1.
FREQUENT: dict[str, Callable[[str], float]] = {
    "cp949": _korean,
    "cp932": _shift_jis,
    "euc_jp": _euc_jp,
    "gb18030": _simplified,
    "big5hkscs": _traditional,
    "cp1255": lambda text: _caseless(text, _HEBREW),
    "cp1256": lambda text: _caseless(text, _ARABIC),
    "cp874": lambda text: 0.85 * _thai(text),
    "cp1251": lambda text: _in_words(text, _CYRILLIC_LETTERS),
    "koi8_u": lambda text: _in_words(text, _CYRILLIC_LETTERS),
    "mac_cyrillic": lambda text: _in_words(text, _CYRILLIC_LETTERS),
    "iso8859_5": lambda text: 0.98 * _in_words(text, _CYRILLIC_LETTERS),
    "cp866": lambda text: 0.98 * _in_words(text, _CYRILLIC_LETTERS),
    "cp1253": lambda text: _in_words(text, _GREEK),
    "cp1252": _well_set,
    # Rarer ones have to be clearly better.
    "mac_roman": lambda text: 0.9 * _well_set(text),
    "cp850": lambda text: 0.85 * _well_set(text),
    "cp1250": _central,
    "iso8859_2": lambda text: 0.95 * _central(text),
    "cp1254": _well_set,
}
