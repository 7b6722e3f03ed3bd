"""The one picture that simulated officers take: some matters want one with the feedback.

A grey road under a blue sky, drawn here, so that no file of unknown rights comes along. Whoever runs the town keeps it
among the pictures of the centre under `ADDRESS`.
"""

from __future__ import annotations

import hashlib
import struct
import zlib

WIDTH, HEIGHT = 320, 200
SKY, ROAD, LINE = (158, 190, 214), (112, 114, 118), (226, 222, 204)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _pixel(x: int, y: int) -> tuple[int, int, int]:
    deep = y - HEIGHT * 2 // 5
    if deep < 0:
        return SKY
    return LINE if abs(x - WIDTH // 2) < 1 + deep // 24 and deep // 18 % 2 else ROAD


def _drawn() -> bytes:
    rows = b"".join(b"\0" + bytes(part for x in range(WIDTH) for part in _pixel(x, y)) for y in range(HEIGHT))
    head = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
    parts = _chunk(b"IHDR", head) + _chunk(b"IDAT", zlib.compress(rows, 9)) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


PICTURE = _drawn()
"""PNG."""
ADDRESS = f"/media/{hashlib.sha256(PICTURE).hexdigest()}"
"""Where browsers find it."""
