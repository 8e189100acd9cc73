"""From a lyrics page to the words that are sung.

A page that is no lyrics (a captcha, an error page) is told apart here too: it must never become a vector.
"""

import re

_HEADER = re.compile(r"^\s*\d+\s+Contributors?.*?Lyrics", re.DOTALL)
_EMBED = re.compile(r"\d*\s*Embed\s*$")
_SECTION = re.compile(r"^\s*\[[^\]\n]{1,80}\]\s*$", re.MULTILINE)
_PROMOTION = re.compile(r"^(You might also like|See .+ Live|Get tickets as low as \$\d+)\s*$", re.MULTILINE)
_TIMESTAMP = re.compile(r"\[\d{1,2}:\d{2}(?:[.:]\d{1,3})?\]")
_MARKUP = re.compile(r"<!doctype html|<html\b|<body\b|<script\b|challenge-form", re.IGNORECASE)
_BLANK = re.compile(r"\n\s*\n+")
_INSTRUMENTAL = re.compile(r"^\W*(this song is an )?instrumental\W*$", re.IGNORECASE)

HTML_REASON = "an HTML page in place of lyrics"


def is_markup(text: str) -> bool:
    """True for a web page: lyrics never hold a document's tags."""
    return _MARKUP.search(text[:4_000]) is not None


def is_instrumental(text: str) -> bool:
    """True when all the page says is that there are no words."""
    return _INSTRUMENTAL.match(clean_lyrics(text)) is not None


def clean_lyrics(text: str) -> str:
    """Remove page header, section marks, promotion, time stamps and embed tail; keep a chorus once.

    Returns:
        Stanzas divided by one blank line; an empty string when nothing is left.
    """
    body = text.replace("\r\n", "\n").replace("\u200b", "")
    body = _EMBED.sub("", _HEADER.sub("", body, count=1))
    for pattern in (_TIMESTAMP, _PROMOTION):
        body = pattern.sub("", body)
    body = _SECTION.sub("\n", body)
    return "\n\n".join(_distinct(_stanzas(body)))


def _stanzas(body: str) -> list[str]:
    blocks = _BLANK.split(body.strip())
    lines = ([" ".join(line.split()) for line in block.split("\n")] for block in blocks)
    return [stanza for block in lines if (stanza := "\n".join(line for line in block if line))]


def _distinct(stanzas: list[str]) -> list[str]:
    """The first of equal stanzas, letter case and punctuation aside."""
    seen: dict[str, str] = {}
    for stanza in stanzas:
        seen.setdefault(re.sub(r"\W+", " ", stanza.casefold()).strip(), stanza)
    return list(seen.values())


def excerpt(text: str, characters: int = 160) -> str:
    """The beginning of the lyrics on one line, cut at a word."""
    line = " / ".join(text.split("\n")).replace(" /  / ", " / ")
    if len(line) <= characters:
        return line
    return line[:characters].rsplit(" ", 1)[0] + " …"
