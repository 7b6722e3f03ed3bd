"""The edge: what every dialect asks of a message before anything inside sees it.

Each check is written for the message that is fine, since nearly all are: a typed msgspec decoder reads and
checks the JSON in one go, and a time or place costs one comparison. Only when that fails is the payload read
a second time, slowly, to say in one sentence which field is wrong, with which value, and what to do about it.

The reasons of a refusal are keys that are counted; they never change their meaning:
`not_json` `wrong_type` `missing` `not_a_number` `impossible_place` `future` `unknown_topic` `unknown_kind`
`too_large` `unknown_datum`.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from math import isfinite
from typing import Annotated, NoReturn, TypeVar

import msgspec

from geo.datums import to_wgs84
from geo.errors import BadPlace, UnknownDatum
from geo.places import Position
from streams.errors import Refused
from streams.model import EMPTY, Flag

MOST_BYTES = 64 * 1024
MOST_NESTED = 32
AHEAD = timedelta(minutes=5)
LATE = timedelta(hours=24)
DECIMALS = 7
"""A place is known to 1e-7 degrees, about a centimetre: finer than any receiver, and what the archive keeps exactly."""

Id = str | int
Time = Annotated[datetime, msgspec.Meta(tz=True)] | float
"""RFC 3339 with an offset, or epoch seconds."""

Read = TypeVar("Read")
_FIELD = re.compile(r" - at `\$\.?(.*)`$")
_MISSING = re.compile(r"missing required field `(.*?)`(?: - at `\$\.?(.*)`)?$")
_SHOWN = 80


def read(decoder: msgspec.json.Decoder[Read], payload: bytes) -> Read:
    """The payload as the decoder's type; raises Refused naming the field, its value and the remedy."""
    if len(payload) > MOST_BYTES:
        raise Refused("too_large", f"{len(payload)} bytes: a message has at most {MOST_BYTES}")
    try:
        return decoder.decode(payload)
    except (ValueError, RecursionError) as error:  # all that msgspec raises
        explain(payload, error)


def time_of(at: datetime | float, received: datetime) -> tuple[datetime, bool]:
    """The device's time as aware UTC, and whether it is late; raises Refused when it lies in the future."""
    try:
        when = at if isinstance(at, datetime) else datetime.fromtimestamp(at, UTC)
        if when.tzinfo is not UTC:
            when = when.astimezone(UTC)
    except (OverflowError, ValueError, OSError):
        reason = "future" if isinstance(at, float) and at > 0 else "wrong_type"
        raise Refused(reason, f"at is {at}: send RFC 3339 with an offset, or epoch seconds") from None
    age = received - when
    if age < -AHEAD:
        raise Refused("future", f"at is {when.isoformat()}, {-age} ahead: set the device's clock (seconds)")
    return when, age > LATE


def place_of(lon: float, lat: float, datum: str | None) -> Position:
    """The place in WGS 84, to a centimetre; raises Refused when the pair is no place or the datum is not known."""
    try:
        if datum is not None and datum != "wgs84":
            position = Position.checked(lon, lat)
            lon, lat = to_wgs84(position.lon, position.lat, datum)
        return Position.checked(round(lon, DECIMALS), round(lat, DECIMALS))
    except BadPlace as error:
        raise Refused("impossible_place", str(error)) from None
    except UnknownDatum as error:
        raise Refused("unknown_datum", str(error)) from None


def optional_place(lon: float | None, lat: float | None, datum: str | None) -> Position | None:
    """The place when both numbers are there, None when neither is; raises Refused for half a place."""
    if lon is None and lat is None:
        return None
    if lon is None or lat is None:
        raise Refused("missing", f"lon is {lon}, lat is {lat}: send both, or neither")
    return place_of(lon, lat, datum)


def id_of(given: str | int) -> str:
    """The message's id as text; whole numbers are taken too, since many systems count."""
    if isinstance(given, int):
        if not -(2**63) <= given < 2**63:
            raise Refused("wrong_type", "id is a number of more than 64 bits: send it as a text")
        return str(given)
    if not given:
        raise Refused("missing", "id is empty: name every message within its source")
    return given


def hash_of(topic: str, payload: bytes) -> str:
    """A message id for makers that give none: the same message again has the same id. 24 hex digits."""
    return blake2b(topic.encode() + b"\0" + payload, digest_size=12).hexdigest()


def flags_of(late: bool, *others: Flag | None) -> tuple[Flag, ...]:
    """The flags that apply, in the order of the enum."""
    flags = tuple(flag for flag in others if flag is not None)
    return (*flags, Flag.LATE) if late else flags


def attributes_of(raw: msgspec.Raw) -> msgspec.Raw:
    """The attributes as they came, once they proved to be an object that every reader inside can read.

    The decoder passes over them unread, so bytes that are no UTF-8 or thousands of brackets would get by.
    """
    if raw is EMPTY:
        return raw
    text = bytes(raw)
    if text == b"null":
        return EMPTY
    if not text.startswith(b"{"):
        raise Refused("wrong_type", f"attributes is {_shown(text)}: send an object, or leave it out")
    try:
        parsed = msgspec.json.decode(text)
    except (ValueError, RecursionError) as error:
        explain(text, error)
    if text.count(b"{") + text.count(b"[") > MOST_NESTED and _depth(parsed) > MOST_NESTED:
        raise Refused("wrong_type", f"attributes is nested deeper than {MOST_NESTED}: send it flatter")
    return msgspec.Raw(text)


def explain(payload: bytes, error: Exception) -> NoReturn:
    """Say why a payload could not be read: the slow path, raises Refused always."""
    try:
        parsed = json.loads(payload.decode("utf-8"))
    except RecursionError:
        raise Refused("not_json", "the payload is nested too deeply: send it flatter") from None
    except ValueError as cause:
        raise Refused("not_json", f"{_shown(payload)} is not JSON in UTF-8 ({cause})") from None
    if not isinstance(parsed, dict):
        raise Refused("wrong_type", f"the payload is {_shown(payload)}: send one JSON object") from None
    for name, value in _leaves(parsed):
        if isinstance(value, float) and not isfinite(value):
            raise Refused("not_a_number", f"{name} is {value}: send a number or leave it out") from None
    problem = str(error)
    if missing := _MISSING.search(problem):
        name = ".".join(part for part in (missing[2], missing[1]) if part)
        raise Refused("missing", f"{name} is missing: send it with every such message") from None
    if field := _FIELD.search(problem):
        value = next((value for name, value in _leaves(parsed, inner=True) if name == field[1]), None)
        accepted = problem[: field.start()].replace("`", "")
        if field[1] == "at":
            accepted = "send RFC 3339 with an offset, or epoch seconds"
        said = _shown(json.dumps(value, ensure_ascii=False).encode())
        raise Refused("wrong_type", f"{field[1]} is {said}: {accepted}") from None
    raise Refused("not_json", f"{_shown(payload)} cannot be read ({problem})") from None


def _leaves(value: object, name: str = "", *, inner: bool = False) -> list[tuple[str, object]]:
    """Every value below a parsed object with its path as msgspec writes it; with `inner`, objects and arrays too."""
    found: list[tuple[str, object]] = []
    waiting: list[tuple[str, object]] = [(name, value)]
    while waiting:
        path, each = waiting.pop()
        if isinstance(each, dict):
            waiting += [(f"{path}.{key}" if path else key, below) for key, below in reversed(each.items())]
        elif isinstance(each, list):
            waiting += [(f"{path}[...]", below) for below in reversed(each)]
        if inner or not isinstance(each, dict | list):
            found.append((path, each))
    return found


def _depth(value: object) -> int:
    depth, level = 0, [value]
    while level:
        depth += 1
        below: list[object] = []
        for each in level:
            if isinstance(each, dict):
                below.extend(each.values())
            elif isinstance(each, list):
                below.extend(each)
        level = below
    return depth


def _shown(text: bytes) -> str:
    """The beginning of a payload, fit for one line."""
    shown = text[:_SHOWN].decode("utf-8", "backslashreplace")
    return f"{shown!r}…" if len(text) > _SHOWN else repr(shown)
