"""Many listeners of a feed in one process: `python -m app.bench.listeners URL TOKEN COUNT`.

Each is a connection of its own that reads all it is sent and notes when. The bytes are the same for every listener, so
each distinct event is decoded once; then a listener costs little enough to have hundreds beside the server.
Says `ready` when every listener has its snapshot, then what was heard as one line of JSON after the last notice.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import msgspec
import numpy as np

from app.bench.worker import READY
from streams.embedded import HOST

END = "bench_end"
BIN_MS, BINS = 5, 12_000
SILENCE_S = 60.0
GRACE_S = 2.5


@dataclass
class Heard:
    """One distinct event: its items' names and writing times (epoch ms), and when each listener had it (epoch ms)."""

    event: str
    names: dict[str, int]
    received: list[float] = field(default_factory=list)


class Crowd:
    """What all listeners have heard together."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.bodies: dict[tuple[int, int], Heard] = {}
        self.snapshots = self.ended = 0
        self.everybody_ready, self.everybody_done = asyncio.Event(), asyncio.Event()
        self.dropped = 0

    def heard(self, body: bytes) -> Heard:
        """The event with these bytes, decoded the first time."""
        key = len(body), hash(body)
        if key not in self.bodies:
            self.bodies[key] = _decoded(body)
        return self.bodies[key]


def _decoded(body: bytes) -> Heard:
    head, _, data = body.partition(b"\n")
    event = head.removeprefix(b"event: ").decode()
    if event not in ("patrols", "case", "alert", "notice"):
        return Heard(event, {})
    items: list[dict[str, Any]] = msgspec.json.decode(data.removeprefix(b"data: "))["items"]
    match event:
        case "patrols":
            names = {item["id"]: item["at"] for item in items}
        case "case":
            names = {f"{item['no']}#{item['version']}": item["updated"] for item in items}
        case "alert":
            names = {item["alert"]: item["received"] for item in items}
        case _:
            names = {item["kind"]: item["at"] for item in items}
    return Heard(event, names)


class Listener(asyncio.Protocol):
    """One connection: HTTP in chunks, in which the server writes an id line and then the event."""

    def __init__(self, request: bytes, crowd: Crowd) -> None:
        self._request, self._crowd = request, crowd
        self._rest = bytearray()
        self._headed = False
        self.items: Counter[str] = Counter()
        self.seen: dict[str, set[str]] = {"case": set(), "alert": set()}
        self.last: dict[str, int] = {}

    def connection_made(self, transport: Any) -> None:
        transport.write(self._request)

    def connection_lost(self, exc: Exception | None) -> None:
        self._crowd.dropped += 1

    def data_received(self, data: bytes) -> None:
        self._rest += data
        if not self._headed:
            end = self._rest.find(b"\r\n\r\n")
            if end < 0:
                return
            if not self._rest.startswith(b"HTTP/1.1 200"):
                raise ConnectionError(f"the feed answers {bytes(self._rest[:80])!r}")
            del self._rest[: end + 4]
            self._headed = True
        while (chunk := self._chunk()) is not None:
            if chunk.startswith(b"event: "):
                self._take(chunk)
            elif (at := chunk.find(b"event: ")) >= 0:  # the opening carries its id line along
                self._take(chunk[at:])

    def _chunk(self) -> bytes | None:
        line = self._rest.find(b"\r\n", 0, 20)
        if line < 0:
            return None
        size = int(self._rest[:line], 16)
        if len(self._rest) < line + 4 + size:
            return None
        chunk = bytes(memoryview(self._rest)[line + 2 : line + 2 + size])
        del self._rest[: line + 4 + size]
        return chunk

    def _take(self, body: bytes) -> None:
        heard = self._crowd.heard(body)
        heard.received.append(time.time() * 1000)
        self.items[heard.event] += len(heard.names)
        match heard.event:
            case "snapshot":
                self._crowd.snapshots += 1
                if self._crowd.snapshots == self._crowd.count:
                    self._crowd.everybody_ready.set()
            case "patrols":
                self.last.update(heard.names)
            case "case" | "alert":
                self.seen[heard.event].update(heard.names)
            case "notice" if END in heard.names:
                self._crowd.ended += 1
                if self._crowd.ended == self._crowd.count:
                    self._crowd.everybody_done.set()


async def listen(url: str, token: str, count: int) -> dict[str, Any]:
    """Listen until everybody has heard the last notice, then say what was heard."""
    where = urlsplit(url)
    host, port = where.hostname or HOST, where.port or 80
    request = (f"GET {where.path} HTTP/1.1\r\nHost: {where.netloc}\r\nAuthorization: Bearer {token}\r\n"
               "Accept: text/event-stream\r\n\r\n").encode()  # fmt: skip
    crowd = Crowd(count)
    loop = asyncio.get_running_loop()
    listeners = []
    for _ in range(count):
        _, listener = await loop.create_connection(lambda: Listener(request, crowd), host, port)
        listeners.append(listener)
    await asyncio.wait_for(crowd.everybody_ready.wait(), SILENCE_S)
    sys.stdout.write(READY + "\n")
    sys.stdout.flush()
    await asyncio.wait_for(crowd.everybody_done.wait(), 10 * SILENCE_S)
    await asyncio.sleep(GRACE_S)  # the last positions leave with the tick after the last change
    return {
        "dropped": crowd.dropped,
        "positions": sum(listener.items["patrols"] for listener in listeners),
        "last": [int(np.fromiter(listener.last.values(), np.int64).min(initial=2**62)) for listener in listeners],
        "moved": [len(listener.last) for listener in listeners],
        "seen": {kind: [len(listener.seen[kind]) for listener in listeners] for kind in ("case", "alert")},
        "late": {kind: _late(crowd, kind) for kind in ("patrols", "case", "alert")},
    }


def _late(crowd: Crowd, event: str) -> dict[str, float]:
    """From written to received, in ms, over every item and every listener: the middle, the 95th and the longest."""
    bins = np.zeros(BINS, np.int64)
    longest = 0.0
    for heard in crowd.bodies.values():
        if heard.event != event or not heard.names:
            continue
        written = np.fromiter(heard.names.values(), np.float64)
        for received in heard.received:
            late = np.clip(received - written, 0, None)
            longest = max(longest, float(late.max()))
            bins += np.bincount(np.minimum(late // BIN_MS, BINS - 1).astype(np.int64), minlength=BINS)
    total = np.cumsum(bins)
    if not total[-1]:
        return {"p50": 0.0, "p95": 0.0, "longest": 0.0}
    at = {f"p{share}": float(np.searchsorted(total, total[-1] * share / 100) + 1) * BIN_MS for share in (50, 95)}
    return {**at, "longest": longest}


if __name__ == "__main__":
    found = asyncio.run(listen(sys.argv[1], sys.argv[2], int(sys.argv[3])))
    sys.stdout.write(json.dumps(found) + "\n")
