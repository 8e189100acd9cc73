"""From a lyrics page to the words that are sung.

A page that is no lyrics (a captcha, an error page) is told apart here too: it must never become a vector.
"""

import re

# What lyricsgenius and others save around the words, by version with and without blanks or line breaks:
_HEADER = re.compile(r"^\s*\d+\s*Contributors?.{0,2000}?Lyrics", re.DOTALL)
_TITLE = re.compile(r"^\s*\S[^\n]{0,150}?\sLyrics(?=\s*\[|\s*\n|\s*$|[A-ZÀ-ÞА-Я\"“'(¿¡])")
_ABOUT = re.compile(r"^[^\[]{0,2000}?…?\s*Read More\s+")
_EMBED = re.compile(r"(?:\d[\d.,]*[KM]?)?\s*Embed(?:Share URLCopyEmbedCopy)?\s*$")
_SECTION = re.compile(r"^\s*\[[^\]\n]{1,80}\]\s*$", re.MULTILINE)
_NAMED_SECTION = re.compile(
    r"\[\s*(?:(?:Pre|Post)[- ]?)?(?:Verse|Chorus|Bridge|Intro|Outro|Hook|Refrain|Interlude|Instrumental|Break|Part|Drop"
    r"|Skit|Spoken|Couplet|Strophe|Verso|Coro|Puente|Estribillo|Refrão|Ponte|Strofa|Ritornello|Куплет|Припев)\b[^\]]{0,200}\]",
    re.IGNORECASE,
)
# Without a blank before it the next verse follows, unless it makes "likely" and the like of it.
_NEXT = r"(?=\s*(?:\[|\n|$|[\d.,]*[KM]?\s*Embed)|[\"“'(¿¡]|(?!(?:ly|n|s|d|wise|ness)\b)[^\W\d_])"
_PROMOTION = re.compile(
    rf"See [^\n]{{1,80}}? Live\s*Get tickets as low as [^\d\s]?\d[\d.,]*|^See .+ Live\s*$"
    rf"|^Get tickets as low as \$\d+\s*$|You might also like{_NEXT}",
    re.MULTILINE,
)
_TIMESTAMP = re.compile(r"\[\d{1,2}:\d{2}(?:[.:]\d{1,3})?\]")
_MARKUP = re.compile(r"<!doctype html|<html\b|<body\b|<script\b|challenge-form", re.IGNORECASE)
_BLANK = re.compile(r"\n\s*\n+")
_INSTRUMENTAL = re.compile(
    r"^\W*(?:(?:this song is an )?instrumental|纯音乐\W*(?:请欣赏)?|純音樂\W*(?:請欣賞)?)\W*$", re.IGNORECASE
)

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
    body = _PROMOTION.sub("\n", _EMBED.sub("", _without_header(body)))
    body = _TIMESTAMP.sub("", body)
    for pattern in (_NAMED_SECTION, _SECTION):
        body = pattern.sub("\n\n", body)
    return "\n\n".join(_distinct(_stanzas(body)))


def _without_header(body: str) -> str:
    """From the first word that is sung on; what a page says about the song stands between."""
    for header in (_HEADER, _TITLE):
        if header.match(body):
            return _ABOUT.sub("", header.sub("", body, count=1), count=1)
    return body


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
