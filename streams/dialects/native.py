"""Gridpost's own JSON: `gridpost/<site>/<kind>/<device>`, and `gridpost/<site>/reply/<patrol>`.

An event's source is `gridpost/<site>/<device>`, whatever its kind: a device numbers all its messages in one
row, and the same `id` from the same device is the same event. The device is looked up under its own id and
under the maker's name; the source keeps the name that was used.

Who is placed how:

| kind             | place                                                      | nobody registered it |
|------------------|------------------------------------------------------------|----------------------|
| position         | `lon`, `lat` of the message, required                      | UNREGISTERED         |
| report           | `lon`, `lat` of the message; without them UNPLACED         | (anyone may report)  |
| reply            | `lon`, `lat` of the message, if there                      | UNREGISTERED         |
| alert, reading, status of a fixed device | the register's       | UNPLACED             |
| … of a patrol    | `lon`, `lat` of the message, if there                      |                      |
| … of an unknown with `lon`, `lat`        | as it says: it is a moving source   | UNREGISTERED         |

Positions come by the hundred thousand, so they have a path of their own that does nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Literal

import msgspec

from geo.places import Position
from streams.dialects import edge
from streams.errors import Refused
from streams.model import (
    EMPTY,
    Alert,
    Body,
    Event,
    Flag,
    Ignored,
    Movement,
    Phase,
    Reading,
    Reply,
    ReplyAct,
    Report,
    Status,
)
from streams.register import Register

TIMES = (("at",),)
"""Where a payload has its times, for those who replay it at another."""

OWN = ("task", "announce")
"""What the centre itself sends below the same prefix: heard as an echo, and counted."""


class _Placed(msgspec.Struct, frozen=True, kw_only=True):
    """What a reply has too. Extra fields are left alone: a newer device may know more."""

    at: edge.Time
    lon: float | None = None
    lat: float | None = None
    datum: str | None = None
    attributes: msgspec.Raw = EMPTY


class _Message(_Placed, frozen=True, kw_only=True):
    """What every other native payload has."""

    id: edge.Id


class _Position(msgspec.Struct, frozen=True, kw_only=True):
    id: edge.Id
    at: edge.Time
    lon: float
    lat: float
    datum: str | None = None
    accuracy: float | None = None
    speed: float | None = None
    course: float | None = None
    battery: float | None = None
    attributes: msgspec.Raw = EMPTY


class _Alert(_Message, frozen=True, kw_only=True):
    category: str
    severity: Annotated[int, msgspec.Meta(ge=1, le=4)]
    alert: str
    phase: Phase
    image: str | None = None
    text: str | None = None

    def body(self) -> Alert:
        return Alert(
            _named(self.category, "category"), self.severity, _named(self.alert, "alert"), self.phase, self.image,
            self.text,
        )  # fmt: skip


class _Reading(_Message, frozen=True, kw_only=True):
    quantity: str
    value: float
    unit: str = ""

    def body(self) -> Reading:
        return Reading(_named(self.quantity, "quantity"), self.value, self.unit)


class _Report(_Message, frozen=True, kw_only=True):
    category: str
    text: str | None = None
    contact: str | None = None
    image: str | None = None

    def body(self) -> Report:
        return Report(_named(self.category, "category"), self.text or "", self.contact or "", self.image)


class _Status(_Message, frozen=True, kw_only=True):
    state: Literal["online", "offline", "on_duty", "off_duty"]
    battery: float | None = None

    def body(self) -> Status:
        return Status(self.state, self.battery)


class _Reply(_Placed, frozen=True, kw_only=True):
    id: edge.Id | None = None
    dispatch: str = ""
    case: str
    act: ReplyAct
    text: str | None = None
    image: str | None = None

    def body(self) -> Reply:
        """A department that was called answers no dispatch: its call named none."""
        part = self.act in ("check_in", "finish")
        return Reply(
            self.dispatch if part else _named(self.dispatch, "dispatch"),
            _named(self.case, "case"),
            self.act,
            self.text or "",
            self.image,
        )


_POSITION = msgspec.json.Decoder(_Position)
_REPLY = msgspec.json.Decoder(_Reply)
_FIXED: dict[str, msgspec.json.Decoder[_Alert | _Reading | _Status]] = {
    "alert": msgspec.json.Decoder(_Alert),
    "reading": msgspec.json.Decoder(_Reading),
    "status": msgspec.json.Decoder(_Status),
}
_REPORT = msgspec.json.Decoder(_Report)


def decode(topic: str, payload: bytes, *, received: datetime, site: str, register: Register) -> list[Event] | Ignored:
    """The event of one native message; raises Refused. `received` is aware; `topic` starts with `gridpost/`."""
    parts = topic.split("/")
    if len(parts) != 4 or parts[1] != site or not parts[3]:
        raise Refused("unknown_topic", f"{topic[:200]!r}: send to gridpost/{site}/<kind>/<device>")
    kind, name = parts[2], parts[3]
    if kind == "position":
        return [_position(payload, received, f"gridpost/{site}/{name}", name, register)]
    if kind in OWN:
        return Ignored(f"own:{kind}")
    how = _KINDS.get(kind)
    if how is None:
        raise Refused("unknown_kind", f"{kind[:80]!r} is no kind: use one of position, {', '.join(_KINDS)}")
    return [how(topic, payload, received, register)]


def _position(payload: bytes, received: datetime, source: str, name: str, register: Register) -> Event:
    fix = edge.read(_POSITION, payload)
    at, late = edge.time_of(fix.at, received)
    patrol = register.patrol(name)
    return Event(
        source,
        fix.id if type(fix.id) is str and fix.id else edge.id_of(fix.id),
        name if patrol is None else patrol.id,
        at,
        received,
        Movement(fix.accuracy, fix.speed, fix.course, fix.battery),
        edge.place_of(fix.lon, fix.lat, fix.datum),
        flags=edge.flags_of(late, Flag.UNREGISTERED if patrol is None else None),
        attributes=fix.attributes if fix.attributes is EMPTY else edge.attributes_of(fix.attributes),
    )


def _fixed(topic: str, payload: bytes, received: datetime, register: Register) -> Event:
    """An alert, reading or status: of a fixed device, a patrol, or somebody unknown."""
    _, _, kind, name = topic.split("/")
    message = edge.read(_FIXED[kind], payload)
    said = edge.optional_place(message.lon, message.lat, message.datum)
    body: Body = message.body()
    flag = None
    position: Position | None = said
    if device := register.device(name):
        name, position = device.id, device.position
        if isinstance(body, Reading) and not body.unit and body.quantity == device.quantity:
            body = Reading(body.quantity, body.value, device.unit)
    elif patrol := register.patrol(name):
        name = patrol.id
        flag = Flag.UNPLACED if said is None and kind != "status" else None
    else:
        moving = said is not None or (isinstance(body, Status) and body.state in ("on_duty", "off_duty"))
        flag = Flag.UNREGISTERED if moving else Flag.UNPLACED
    return _event(topic, message, edge.id_of(message.id), name, received, body, position, flag)


def _report(topic: str, payload: bytes, received: datetime, register: Register) -> Event:
    message = edge.read(_REPORT, payload)
    position = edge.optional_place(message.lon, message.lat, message.datum)
    name = topic.rsplit("/", 1)[1]
    patrol = register.patrol(name)
    flag = Flag.UNPLACED if position is None else None
    device = name if patrol is None else patrol.id
    return _event(topic, message, edge.id_of(message.id), device, received, message.body(), position, flag)


def _reply(topic: str, payload: bytes, received: datetime, register: Register) -> Event:
    """A patrol's answer. Its `id` may be absent: then the topic and payload name it."""
    message = edge.read(_REPLY, payload)
    position = edge.optional_place(message.lon, message.lat, message.datum)
    name = topic.rsplit("/", 1)[1]
    patrol = register.patrol(name)
    flag = Flag.UNREGISTERED if patrol is None else None
    message_id = edge.hash_of(topic, payload) if message.id is None else edge.id_of(message.id)
    device = name if patrol is None else patrol.id
    return _event(topic, message, message_id, device, received, message.body(), position, flag)


def _event(
    topic: str,
    message: _Placed,
    message_id: str,
    device: str,
    received: datetime,
    body: Body,
    position: Position | None,
    flag: Flag | None,
) -> Event:
    at, late = edge.time_of(message.at, received)
    prefix, site, _, name = topic.split("/")
    return Event(
        f"{prefix}/{site}/{name}",
        message_id,
        device,
        at,
        received,
        body,
        position,
        flags=edge.flags_of(late, flag),
        attributes=edge.attributes_of(message.attributes),
    )


def _named(value: str, field: str) -> str:
    if not value:
        raise Refused("missing", f"{field} is empty: fill it in")
    return value


_KINDS: dict[str, Callable[[str, bytes, datetime, Register], Event]] = {
    "alert": _fixed,
    "reading": _fixed,
    "report": _report,
    "status": _fixed,
    "reply": _reply,
}
