"""A Qdrant server on loopback: its REST interface, as far as the store speaks it, over the client's own local engine.

It wants a key, fails as it is told to (`Fault`), and looks at each alias that moves and each question by an alias: what
it leads to must not be partial.
"""

import hashlib
import json
import re
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from loopback import reply
from pydantic import TypeAdapter
from pydantic_core import to_jsonable_python
from qdrant_client import models
from qdrant_client.local.qdrant_local import QdrantLocal

# What the one that tests share wants.
KEY = "a-key+of/the=server-37"
Kind = Literal["slow", "torn", "lost"] | int
UPSERT = r"PUT /collections/[^/]+/points"
_VECTORS = TypeAdapter(dict[str, models.VectorParams])
_NAMED = re.compile(r"/collections/(?P<name>[^/]+)(?P<rest>/.*)?")


@dataclass
class Fault:
    """What goes wrong with the next requests that match.

    Attributes:
        kind: a status; slow: answered too late, after it was done; torn: the connection is reset in the midst of the
            request's body; lost: it is reset after the request was done.
        at: of method and path.
        times: how many requests.
        after: how many that match go well before.
    """

    kind: Kind
    at: str = UPSERT
    times: int = 1
    after: int = 0
    headers: dict[str, str] = field(default_factory=dict)

    def strikes(self, asked: str) -> bool:
        """Whether this request goes wrong; counts it."""
        if not self.times or not re.fullmatch(self.at, asked):
            return False
        if self.after:
            self.after -= 1
            return False
        self.times -= 1
        return True


@dataclass(frozen=True)
class Moved:
    """An alias that was pointed at a collection, which had that status and so many songs."""

    alias: str
    collection: str
    status: str
    songs: int


class QdrantServer:
    """The server; serve it by `loopback.serve`.

    Attributes:
        plan: what goes wrong, looked through in its order.
        floor: an alias that leads to fewer songs leads to a partial collection.
        looks: how often a collection that was written to is yellow before it is green.
        most_bytes: larger bodies are refused with 413.
        late_s: how long a slow answer takes.
        settings: what each collection was made with and brought to.
        moved, partial: aliases that moved, and those that led to too little.
        asked: method and path of every request, and those that went wrong; `params` of every search.
    """

    def __init__(self, key: str = "") -> None:
        self.key, self.address = key, ""
        self.plan: list[Fault] = []
        self.floor, self.looks, self.most_bytes, self.late_s, self.peers = 0, 0, 32_000_000, 1.4, 0
        self.local = QdrantLocal(":memory:", force_disable_check_same_thread=True)
        self.settings: dict[str, dict[str, Any]] = {}
        self.moved: list[Moved] = []
        self.partial: list[str] = []
        self.asked: list[str] = []
        self.failed: list[str] = []
        self.params: list[dict[str, Any] | None] = []
        self.snapshots: dict[str, dict[str, bytes]] = {}
        self._left: dict[str, int] = {}
        self._lock = threading.Lock()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Do what is asked, or what the plan says in its place."""
        place = unquote(urlsplit(handler.path).path)
        asked = f"{handler.command} {place}"
        size = int(handler.headers.get("Content-Length") or 0)
        with self._lock:
            self.asked.append(asked)
            fault = next((one for one in self.plan if one.strikes(asked)), None)
            if fault is not None:
                self.failed.append(asked)
        if fault is not None and fault.kind == "torn":
            handler.rfile.read(size // 2)
            _reset(handler)
            return
        body = handler.rfile.read(size)
        if self.key and handler.headers.get("api-key") != self.key:
            _say({"error": "Must provide an API key"}, 401)(handler)
        elif size > self.most_bytes:
            _say({"error": f"JSON payload ({size} bytes) is larger than allowed"}, 413)(handler)
        elif fault is not None and isinstance(fault.kind, int):
            # As proxies do, which say in their answers what they were asked with.
            said = {"error": "for the test", "headers": dict(handler.headers)}
            _say(said, fault.kind, **fault.headers)(handler)
        else:
            status, result = self._done(handler, place, body)
            if fault is not None and fault.kind == "slow":
                time.sleep(self.late_s)
            if fault is not None and fault.kind == "lost":
                _reset(handler)
            elif isinstance(result, bytes):
                reply(result, kind="application/octet-stream")(handler)
            else:
                _say(result, status)(handler)

    def points(self, name: str) -> dict[str, models.Record]:
        """All of a collection, or behind an alias."""
        found = self.local.scroll(name, limit=1_000_000, with_payload=True, with_vectors=True)[0]
        return {str(record.id): record for record in found}

    @property
    def aliases(self) -> dict[str, str]:
        """Collection behind each alias."""
        return dict(self.local.aliases)

    def _done(self, handler: BaseHTTPRequestHandler, place: str, body: bytes) -> tuple[int, Any]:
        with self._lock:
            try:
                return 200, self._result(handler, place, body)
            except KeyError as error:
                return 404, {"error": f"there is no {error}"}
            except ValueError as error:
                return (404 if "not found" in str(error) else 400), {"error": str(error)}

    def _result(self, handler: BaseHTTPRequestHandler, place: str, body: bytes) -> Any:
        method = handler.command
        if place == "/collections":
            return {"collections": [{"name": name} for name in self.local.collections]}
        if place == "/aliases":
            return {"aliases": [{"alias_name": a, "collection_name": c} for a, c in self.local.aliases.items()]}
        if place == "/cluster":
            nodes = {str(n): {"uri": f"http://node-{n}:6335/"} for n in range(self.peers)}
            return {"status": "enabled", "peers": nodes} if nodes else {"status": "disabled"}
        if place == "/collections/aliases":
            return self._move_aliases(models.ChangeAliasesOperation.model_validate_json(body))
        named = _NAMED.fullmatch(place)
        if named is None:
            raise KeyError(place)
        name, rest = named["name"], named["rest"] or ""
        if "/snapshots" in rest:
            return self._snapshot(handler, name, rest.removeprefix("/snapshots").strip("/"), body)
        if rest == "/points/query" or method in ("GET", "POST"):
            self._look_at(name)
        routes: dict[str, Callable[[str, bytes], Any]] = {
            "GET /exists": lambda n, _: {"exists": n in self.local.collections or n in self.local.aliases},
            "PUT ": self._create,
            "PATCH ": self._change,
            "DELETE ": self._drop,
            "GET ": self._info,
            "PUT /index": lambda *_: {"operation_id": 0, "status": "completed"},
            "PUT /points": self._upsert,
            "POST /points/delete": self._delete,
            "POST /points/count": self._count,
            "POST /points/scroll": self._scroll,
            "POST /points/query": self._query,
            "POST /points": self._retrieve,
        }
        return routes[f"{method} {rest}"](name, body)

    def _move_aliases(self, wanted: models.ChangeAliasesOperation) -> bool:
        self.local.update_collection_aliases(wanted.actions)
        for action in wanted.actions:
            if isinstance(action, models.CreateAliasOperation):
                made = action.create_alias
                songs = self.local.count(made.collection_name).count
                status = "yellow" if self._left.get(made.collection_name) else "green"
                self.moved.append(Moved(made.alias_name, made.collection_name, status, songs))
                self._look_at(made.alias_name)
        return True

    def _look_at(self, name: str) -> None:
        """Whether what an alias leads to is whole."""
        if name in self.local.aliases and self.local.count(name).count < self.floor:
            self.partial.append(f"{name} leads to {self.local.count(name).count} songs of {self.floor}")

    def _create(self, name: str, body: bytes) -> bool:
        if name in self.local.collections:
            raise ValueError(f"Collection `{name}` already exists!")
        asked = json.loads(body)
        self.settings[name] = asked
        self.local.create_collection(name, _VECTORS.validate_python(asked["vectors"]))
        return True

    def _change(self, name: str, body: bytes) -> bool:
        asked = json.loads(body)
        for vector, change in (asked.pop("vectors", None) or {}).items():
            self.settings[name]["vectors"][vector] |= change
        self.settings[name] |= asked.pop("params", None) or {}
        if asked.get("quantization_config") == "Disabled":
            self.settings[name].pop("quantization_config", None)
            asked.pop("quantization_config")
        self.settings[name] |= {n: v for n, v in asked.items() if v is not None}
        return True

    def _drop(self, name: str, _: bytes) -> bool:
        del self.settings[name]
        self._left.pop(name, None)
        return self.local.delete_collection(name)  # its snapshots stay, and nobody can ask for them

    def _info(self, name: str, _: bytes) -> dict[str, Any]:
        name = self.local.aliases.get(name, name)
        made = self.settings[name]
        left = self._left.get(name, 0)
        self._left[name] = max(0, left - 1)
        params = {
            k: made[k] for k in ("replication_factor", "write_consistency_factor", "on_disk_payload") if k in made
        }
        params |= {"vectors": made["vectors"], "shard_number": made.get("shard_number") or 1}
        graph = {"m": 16, "ef_construct": 100, "full_scan_threshold": 10_000} | (made.get("hnsw_config") or {})
        optimizer = {"deleted_threshold": 0.2, "vacuum_min_vector_number": 1_000, "default_segment_number": 0}
        config = {"params": params, "hnsw_config": graph, "optimizer_config": {**optimizer, "flush_interval_sec": 5}}
        config["quantization_config"] = made.get("quantization_config")
        state = {"status": "yellow" if left else "green", "optimizer_status": "ok", "segments_count": 1}
        return {**state, "points_count": self.local.count(name).count, "config": config, "payload_schema": {}}

    def _upsert(self, name: str, body: bytes) -> dict[str, object]:
        self.local.upsert(name, models.PointsList.model_validate_json(body).points)
        self._left[self.local.aliases.get(name, name)] = self.looks
        return {"operation_id": 1, "status": "completed"}

    def _delete(self, name: str, body: bytes) -> dict[str, object]:
        self.local.delete(name, models.PointIdsList.model_validate_json(body))
        return {"operation_id": 1, "status": "completed"}

    def _count(self, name: str, body: bytes) -> Any:
        asked = models.CountRequest.model_validate_json(body)
        return self.local.count(name, asked.filter)

    def _scroll(self, name: str, body: bytes) -> Any:
        asked = models.ScrollRequest.model_validate_json(body)
        found, offset = self.local.scroll(
            name,
            asked.filter,
            limit=asked.limit or 10,
            offset=asked.offset,
            with_payload=True if asked.with_payload is None else asked.with_payload,
            with_vectors=asked.with_vector or False,
        )
        return {"points": found, "next_page_offset": offset}

    def _retrieve(self, name: str, body: bytes) -> Any:
        asked = models.PointRequest.model_validate_json(body)
        return self.local.retrieve(name, asked.ids, with_vectors=asked.with_vector or False)

    def _query(self, name: str, body: bytes) -> Any:
        asked = json.loads(body)
        self.params.append(asked.get("params"))
        where = asked.get("filter")
        return self.local.query_points(
            name,
            asked["query"]["nearest"] if isinstance(asked["query"], dict) else asked["query"],
            using=asked.get("using"),
            query_filter=None if where is None else models.Filter.model_validate(where),
            limit=asked.get("limit") or 10,
            with_payload=asked.get("with_payload", True),
            with_vectors=asked.get("with_vector") or False,
        )

    def _snapshot(self, handler: BaseHTTPRequestHandler, name: str, which: str, body: bytes) -> Any:
        if which == "upload":
            return self._recover(name, *_file_of(handler, body))
        if name not in self.local.collections:
            raise KeyError(name)
        kept = self.snapshots.setdefault(name, {})
        if handler.command == "POST":
            which = f"{name}-{len(kept)}-{time.monotonic_ns()}.snapshot"
            kept[which] = self._packed(name)
            return self._described(which, kept[which])
        if handler.command == "DELETE":
            del kept[which]
            return True
        return kept[which] if which else [self._described(each, data) for each, data in kept.items()]

    def _described(self, which: str, data: bytes) -> dict[str, object]:
        return {"name": which, "size": len(data), "checksum": hashlib.sha256(data).hexdigest()}

    def _packed(self, name: str) -> bytes:
        points = [{"id": p.id, "vector": p.vector, "payload": p.payload} for p in self.points(name).values()]
        content = {"settings": self.settings[name], "points": points}
        return json.dumps(to_jsonable_python(content)).encode()

    def _recover(self, name: str, which: str, data: bytes) -> bool:
        content = json.loads(data)
        if name in self.local.collections:
            self.local.delete_collection(name)
        self._create(name, json.dumps(content["settings"]).encode())
        if content["points"]:
            self._upsert(name, json.dumps({"points": content["points"]}).encode())
        self.snapshots.setdefault(name, {})[which] = data
        return True


def _file_of(handler: BaseHTTPRequestHandler, body: bytes) -> tuple[str, bytes]:
    """Name and content of the one file of a form, whose hash is asked to be looked at."""
    boundary = re.search(r"boundary=([^;]+)", handler.headers["Content-Type"])
    assert boundary is not None
    part = body.split(b"--" + boundary[1].encode())[1]
    data = part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n")
    name = re.search(rb'filename="([^"]+)"', part)
    assert name is not None
    wanted = re.search(r"checksum=([0-9a-f]+)", handler.path)
    if wanted is not None and hashlib.sha256(data).hexdigest() != wanted[1]:
        raise ValueError("Snapshot checksum mismatch")
    return name[1].decode(), data


def _say(result: Any, status: int = 200, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    told = {"result": to_jsonable_python(result), "status": "ok", "time": 0.0}
    text = json.dumps(told if status == 200 else {"status": result, "time": 0.0})
    return reply(text, status, "application/json", **headers)


def _reset(handler: BaseHTTPRequestHandler) -> None:
    """The connection is torn down without a byte of an answer."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.close_connection = True
    handler.connection.close()
