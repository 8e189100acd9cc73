"""What a Genius page says: lyrics, an instrumental, a captcha, or something else."""

import re
from dataclasses import dataclass
from typing import Literal

from bs4 import BeautifulSoup
from bs4.element import NavigableString, Tag

PageKind = Literal["lyrics", "instrumental", "unreleased", "captcha", "other"]
_CAPTCHA = re.compile(
    r"cf-challenge|cf-chl|hcaptcha|just a moment|verify you are (?:a )?human|"
    r"make sure you.?re a human|unusual traffic|attention required",
    re.I,
)
_INSTRUMENTAL = re.compile(r"^\W*(?:this song is an instrumental|instrumental)\W*$", re.I)
_UNRELEASED = re.compile(r"lyrics for this song have yet to be (?:released|transcribed)", re.I)


@dataclass(frozen=True)
class LyricsPage:
    """The kind of page and, where it has lyrics, their text."""

    kind: PageKind
    text: str | None


def read_page(html: str) -> LyricsPage:
    """Judge a page by its content: a captcha comes with status 200 as well.

    The lyrics stand in elements with the attribute data-lyrics-container; what is marked data-exclude-from-selection in
    them (credits, adverts) is left out.
    """
    soup = BeautifulSoup(html, "html.parser")
    containers = soup.select("[data-lyrics-container=true]")
    if containers:
        text = "\n".join(_text(container) for container in containers).strip()
        if _INSTRUMENTAL.match(text):
            return LyricsPage("instrumental", None)
        if text:
            return LyricsPage("lyrics", text)
    visible = soup.get_text(" ", strip=True)
    if "this song is an instrumental" in visible.casefold():
        return LyricsPage("instrumental", None)
    if _UNRELEASED.search(visible):
        return LyricsPage("unreleased", None)
    if _CAPTCHA.search(html):
        return LyricsPage("captcha", None)
    return LyricsPage("other", None)


def _text(container: Tag) -> str:
    for aside in container.select("[data-exclude-from-selection=true], script, style"):
        aside.decompose()
    for line_break in container.find_all("br"):
        line_break.replace_with(NavigableString("\n"))
    lines = [" ".join(line.split()) for line in container.get_text().splitlines()]
    return "\n".join(lines).strip()
