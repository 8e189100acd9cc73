"""A Genius of our own on loopback: real HTTP, answers written by hand in the shapes that the real one has."""

import json
import time
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

from loopback import Reply, reply


def page(words: str) -> str:
    """A lyrics page: two containers, an aside that is no lyrics, line breaks as elements."""
    lines = "<br/>".join(words.split("\n"))
    aside = "<div data-exclude-from-selection='true'>12 Contributors</div>"
    first = f"<div data-lyrics-container='true'>{aside}[Verse 1]<br/>{lines}</div><div>Advert</div>"
    last = "<div data-lyrics-container='true'>the <i>last</i> line</div>"
    return f"<html><body><h1>Song</h1>{first}{last}</body></html>"


def hit(artist: str, title: str, path: str, **more: object) -> dict[str, object]:
    """One hit of a search."""
    result = {"title": title, "path": path, "url": f"https://genius.com{path}", "primary_artist": {"name": artist}}
    return {"type": "song", "result": result | more}


def hits(*found: dict[str, object]) -> Reply:
    """A search's answer."""
    return reply(json.dumps({"meta": {"status": 200}, "response": {"hits": list(found)}}), kind="application/json")


@dataclass
class FakeGenius:
    """Scripted answers: by song for searches, by path for pages; the last one of a list is repeated."""

    searches: dict[str, list[Reply]] = field(default_factory=dict)
    pages: dict[str, list[Reply]] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    times: list[float] = field(default_factory=list)
    tokens: list[str | None] = field(default_factory=list)
    address: str = ""

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Send what the script says."""
        parts = urlsplit(handler.path)
        is_search = parts.path == "/search"
        key = parse_qs(parts.query)["q"][0] if is_search else parts.path
        script = (self.searches if is_search else self.pages).get(key, [hits() if is_search else reply("gone", 404)])
        number = self.asked[key]
        self.asked[key] += 1
        self.times.append(time.monotonic())
        if is_search:
            self.tokens.append(handler.headers.get("Authorization"))
        script[min(number, len(script) - 1)](handler)

    def song(self, artist: str, title: str, *pages: Reply) -> None:
        """A song that is found, and its page."""
        path = f"/{artist}-{title}-lyrics".replace(" ", "-")
        self.searches[f"{artist} {title}"] = [hits(hit(artist, title, path))]
        self.pages[path] = list(pages) or [reply(page(f"{title} is sung\nby {artist}"))]
