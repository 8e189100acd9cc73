"""A Jellyfin and a Lyrion that say what songs they have, in the shapes of theirs, as docs/players.md asks them."""

import json
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

from loopback import reply

# What the two are asked for, of which the answers are made.
_JELLYFIN = {"Recursive": ["true"], "IncludeItemTypes": ["Audio"], "Fields": ["Path,ProviderIds"]}
_LYRION = {"id": 1, "method": "slim.request", "params": ["", ["titles", 0, 999_999, "tags:aldsu"]]}


class MusicServers:
    """Both at one address: songs by their recordings' paths."""

    def __init__(self, songs: Mapping[str, str]) -> None:
        self.address = ""
        self._items = [{"Id": f"{n:032x}", "Name": name, "Path": path} for n, (path, name) in enumerate(songs.items())]
        titles = [{"id": n, "title": name, "url": f"file://{path}"} for n, (path, name) in enumerate(songs.items())]
        self._titles = {"result": {"titles_loop": titles}}

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """The list of songs, to who asks for it in the right words."""
        asked, size = urlsplit(handler.path), int(handler.headers.get("Content-Length") or 0)
        if asked.path == "/Items" and parse_qs(asked.query) == _JELLYFIN and handler.headers["X-Emby-Token"]:
            reply(json.dumps({"Items": self._items}), kind="application/json")(handler)
        elif asked.path == "/jsonrpc.js" and json.loads(handler.rfile.read(size)) == _LYRION:
            reply(json.dumps(self._titles), kind="application/json")(handler)
        else:
            reply("asked for something else", 400)(handler)
