"""Everything that a site knows at one moment, as bytes: from there its journal can be done again (`verify.py`).

Taken by one script, so that it stands between two changes, never within one: the positions of the streams say between
which. Whatever was changed by an entry up to them is in it, and nothing of what came after. Redis answers nobody
meanwhile: about 0.3 s at 50,000 keys (25,000 cases with their logs, on two busy cores), and so much more for more. It
is taken once a day; where a second is too long, ask a replica, which only has to be read. Pieces that are put together
would hold Redis shorter, but need a record of what changed between two pieces, for every kind of key.

Left out are the streams (the archive has them), leases, who may sign in and who reported a case (neither has a place in
a copy), and what is only there to notice a duplicate: a journal has none.
"""

from __future__ import annotations

import struct
from typing import Any

import msgspec
import pyarrow as pa
from redis import Redis
from redis.exceptions import RedisError

from streams.codec import pack
from streams.errors import BadSetting
from streams.keys import Keys
from streams.script import Script

STREAMS = ("events", "acts", "changes", "journal")
NAMES = (*STREAMS, "dead", "outbox", "seals", "seal", "draws", "archived", "sender", "accounts")
GROUPS = ("session", "token", "account", "seen", "fixes")
MAGIC = b"gridpost checkpoint 1\n"
AT_ONCE = 500
LEVEL = 3


class Content(msgspec.Struct, frozen=True, array_like=True):
    """A checkpoint, unpacked. `at`: the server's time, epoch ms. `keys`: name, ms to live (-1: for ever), and
    the dump, or the fields of a hash, name and value in turn."""

    site: str
    at: int
    positions: dict[str, str]
    keys: list[tuple[str, int, bytes | list[bytes]]]


def take(redis: Redis, keys: Keys) -> bytes:
    """The site as it is now; of a server or of a replica. Holds it for about 6 µs a key."""
    script = Script(redis, "checkpoint")
    ids, at, flat = script(keys.prefix, pack({"streams": STREAMS, "names": NAMES, "groups": GROUPS}))
    # SCAN may say a key twice
    found = {flat[n].decode(): (int(flat[n + 1]), flat[n + 2]) for n in range(0, len(flat), 3)}
    positions = {stream: each.decode() for stream, each in zip(STREAMS, ids, strict=True)}
    content = Content(keys.site, at, positions, [(name, *each) for name, each in sorted(found.items())])
    return packed(content)


def packed(content: Content) -> bytes:
    """The bytes of a checkpoint: what it is, its length, and all of it compressed (zstd)."""
    raw = msgspec.msgpack.encode(content)
    small: bytes = pa.Codec("zstd", LEVEL).compress(raw, asbytes=True)
    return MAGIC + struct.pack("<Q", len(raw)) + small


def unpacked(blob: bytes) -> Content:
    """What is in the bytes. Raises BadSetting when they are no checkpoint, or not a whole one."""
    head = len(MAGIC) + 8
    try:
        if not blob.startswith(MAGIC):
            raise BadSetting("this is no checkpoint of a site: name one of the archive's checkpoint files")
        (length,) = struct.unpack("<Q", blob[len(MAGIC) : head])
        raw = pa.Codec("zstd").decompress(blob[head:], decompressed_size=length, asbytes=True)
        return msgspec.msgpack.decode(raw, type=Content)
    except (struct.error, OSError, msgspec.DecodeError) as error:
        raise BadSetting(f"this checkpoint of a site is not whole ({error}): take it from a copy") from error


def put_back(redis: Redis, keys: Keys, blob: bytes) -> dict[str, str]:
    """Lay a checkpoint into an empty site, also under another name; returns the positions of the streams. What had so
    long to live has so long again. Raises BadSetting when the site is not empty, or the server cannot read it."""
    content = unpacked(blob)
    pattern = keys.prefix.replace("[", r"\[") + "*"
    there = next(iter(redis.scan_iter(pattern, count=1000)), None)
    if there is not None:
        raise BadSetting(f"site {keys.site!r} is not empty (it has {there!r}): put a checkpoint into an empty one")
    try:
        for start in range(0, len(content.keys), AT_ONCE):
            with redis.pipeline(transaction=False) as pipe:
                for name, left, dump in content.keys[start : start + AT_ONCE]:
                    _put(pipe, keys(name), left, dump)
                pipe.execute()
    except RedisError as error:
        if "DUMP payload" not in str(error):
            raise
        raise BadSetting(f"this server cannot read the checkpoint ({error}): use the one it was taken from") from error
    return content.positions


def _put(pipe: Any, key: str, left: int, content: bytes | list[bytes]) -> None:
    if isinstance(content, bytes):
        pipe.restore(key, max(left, 0), content)
        return
    pipe.hset(key, items=content)
    if left >= 0:
        pipe.pexpire(key, left)


def empty(site: str) -> bytes:
    """The checkpoint of a site that has nothing yet, at the beginning of its streams."""
    nothing: dict[str, Any] = dict.fromkeys(STREAMS, "0-0")
    return packed(Content(site, 0, nothing, []))
