"""The log of a draw: one canonical JSON document with everything that is needed to repeat it, and nothing else.

Canonical: keys sorted, no spaces, UTF-8 not escaped, one line. So a digest is taken over the very bytes that stand
in the file: `inputs_sha256` over what follows `"inputs":`, `sha256` over the document without that key. A person
who changes the log and both digests as well is found by whoever kept `sha256`: the site's stream `draws`, and
everybody who was told it when the targets were drawn.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256
from typing import Any

import msgspec

from streams.draws import ALGORITHM, VERSION, Drawn, DrawRefused, Inputs, draw
from streams.keys import Keys

STREAM = "draws"
PAGE = 100


class Algorithm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The rule that drew."""

    name: str = ALGORITHM
    version: int = VERSION


class DrawLog(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One draw. `seed_from`: `given`, or `random` for 128 random bits; `at`: RFC 3339, UTC; `sha256`: of the rest."""

    algorithm: Algorithm
    at: str
    by: str
    inputs: Inputs
    inputs_sha256: str
    result: tuple[Drawn, ...]
    seed: str
    seed_from: str
    sha256: str = ""


def make_log(inputs: Inputs, seed: str, *, seed_from: str, by: str, now: datetime) -> DrawLog:
    """Draw, and say so. `now` is aware. Raises DrawRefused."""
    at = now.isoformat(timespec="seconds").replace("+00:00", "Z")
    result = draw(inputs, seed)
    open_log = DrawLog(Algorithm(), at, by, inputs, digest(inputs), result, seed, seed_from)
    return msgspec.structs.replace(open_log, sha256=_seal(open_log))


def canonical(thing: DrawLog | Inputs | dict[str, Any]) -> bytes:
    """The one way to write it."""
    plain = msgspec.to_builtins(thing)
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def digest(thing: Inputs | dict[str, Any]) -> str:
    """The SHA-256 of the canonical bytes, in hexadecimal."""
    return sha256(canonical(thing)).hexdigest()


def difference(document: bytes) -> str:
    """Repeat the draw of a log: empty when everything is the same, else the first difference as a sentence."""
    try:
        log = msgspec.json.decode(document, type=DrawLog)
        return _difference(log) or _not_canonical(document, log)
    except (msgspec.DecodeError, UnicodeError) as error:
        return f"this is not the log of a draw ({error})"


def read_log(document: bytes) -> DrawLog:
    """A log in which `difference` found none."""
    return msgspec.json.decode(document, type=DrawLog)


def append(redis: Any, keys: Keys, log: DrawLog) -> str:
    """Write the log to the site's stream of draws, which is never trimmed; returns the entry's id."""
    entry = redis.xadd(keys(STREAM), {"sha256": log.sha256, "log": canonical(log)})
    return str(entry)


def recorded(redis: Any, keys: Keys, log: DrawLog) -> str:
    """The id of the stream's entry that holds exactly this log; empty when none does. `redis` decodes responses."""
    written = canonical(log).decode()
    return next((entry for entry, fields in _entries(redis, keys) if fields.get("log") == written), "")


def _entries(redis: Any, keys: Keys) -> Iterator[tuple[str, dict[str, str]]]:
    """All entries, newest first, some at a time."""
    last = "+"
    while page := redis.xrevrange(keys(STREAM), max=last, count=PAGE):
        yield from page
        last = f"({page[-1][0]}"


def _difference(log: DrawLog) -> str:
    if log.algorithm != Algorithm():
        return (
            f"the algorithm is {log.algorithm.name!r} version {log.algorithm.version}, "
            f"but this program repeats {ALGORITHM!r} version {VERSION}"
        )
    if digest(log.inputs) != log.inputs_sha256:
        found = digest(log.inputs)
        return f"inputs_sha256 is {log.inputs_sha256!r}, but the inputs have {found!r}: one of them was changed"
    try:
        again = draw(log.inputs, log.seed)
    except DrawRefused as error:
        return f"its inputs cannot be drawn from: {str(error).rstrip('.')}"
    for number, (said, drawn) in enumerate(zip(log.result, again, strict=False), 1):
        if said != drawn:
            return f"place {number} of the result is {_shown(said)}, but the draw gives {_shown(drawn)}"
    if len(log.result) != len(again):
        return f"the result has {len(log.result)} targets, but the draw gives {len(again)}"
    if _seal(log) != log.sha256:
        return f"sha256 is {log.sha256!r}, but the document has {_seal(log)!r}: who, when or a digest was changed"
    return ""


def _not_canonical(document: bytes, log: DrawLog) -> str:
    """A key that stands twice, or a number written otherwise, is read by others as something else."""
    expected = canonical(log)
    if document.rstrip(b"\r\n") == expected:
        return ""
    at = next((n for n, (one, other) in enumerate(zip(document, expected, strict=False)) if one != other), None)
    place = min(len(document), len(expected)) if at is None else at
    return f"the document is not written canonically at byte {place}"


def _seal(log: DrawLog) -> str:
    rest: dict[str, Any] = msgspec.to_builtins(log)
    del rest["sha256"]
    return digest(rest)


def _shown(drawn: Drawn) -> str:
    return f"{drawn.target!r} with {', '.join(drawn.inspectors)}"
