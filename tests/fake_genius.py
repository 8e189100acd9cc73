"""A Genius of our own on loopback: real HTTP, answers written by hand in the shapes that the real one has."""

import gzip
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

_PACKED = gzip.compress(b"0" * 50_000_000, compresslevel=1)
Reply = Callable[[BaseHTTPRequestHandler], None]
CAPTCHA = (
    "<html><head><title>Just a moment...</title></head><body><form id='challenge-form' class='cf-challenge'>"
    "<p>Verify you are human by completing the action below.</p></form></body></html>"
)


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


def reply(body: str | bytes, status: int = 200, kind: str = "text/html", **headers: str) -> Reply:
    """A whole, honest answer."""

    def send(handler: BaseHTTPRequestHandler) -> None:
        content = body.encode() if isinstance(body, str) else body
        handler.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(content)), **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(content)

    return send


def hits(*found: dict[str, object]) -> Reply:
    """A search's answer."""
    return reply(json.dumps({"meta": {"status": 200}, "response": {"hits": list(found)}}), kind="application/json")


def reset(handler: BaseHTTPRequestHandler) -> None:
    """The connection breaks in mid-body."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b"<html>half")
    handler.wfile.flush()
    handler.connection.close()


def slow(handler: BaseHTTPRequestHandler) -> None:
    """A body that trickles on and on."""
    handler.send_response(200)
    handler.end_headers()
    for _ in range(200):
        handler.wfile.write(b"<p>x</p>")
        handler.wfile.flush()
        time.sleep(0.02)


def bomb(handler: BaseHTTPRequestHandler) -> None:
    """A few kilobytes that unpack to fifty megabytes."""
    reply(_PACKED, Content_Encoding="gzip")(handler)


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


@contextmanager
def serve(fake: FakeGenius) -> Iterator[FakeGenius]:
    """Run the server while the block lasts."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            try:
                fake.answer(self)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True  # the client had enough

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    fake.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
