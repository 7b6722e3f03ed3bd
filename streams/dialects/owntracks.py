"""OwnTracks, the phone app of patrols: `owntracks/<user>/<device>` and the topics below it.

A `location` is a position. A `transition` (a region entered or left) is one too, since it comes with a fix;
what was entered stays in the attributes. `lwt` is the broker's word that the phone went away: its `tst` is
when the phone *connected*, so the time of receipt is taken. Everything else the app says (waypoints, cards,
commands, …) is understood and not needed; so are encrypted messages, which only their owner can read.

The app numbers nothing: a message's id is the hash of its topic and payload.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from streams.dialects import edge
from streams.errors import Refused
from streams.model import EMPTY, Event, Flag, Ignored, Movement, Status
from streams.register import Register

TIMES = (("tst",), ("created_at",))
"""Where a payload has its times, for those who replay it at another."""

KMH = 3.6
UNNEEDED_TOPICS = ("waypoint", "waypoints", "cmd", "info", "step", "dump", "status", "beacon", "request")
UNNEEDED_TYPES = (
    "waypoint", "waypoints", "card", "cmd", "configuration", "steps", "status", "encrypted", "dump", "beacon",
    "request",
)  # fmt: skip


class _Head(msgspec.Struct, frozen=True):
    type: str = msgspec.field(name="_type")


class _Fix(msgspec.Struct, frozen=True, kw_only=True):
    """What `location` and `transition` share. `vel` in km/h, `acc` in metres; -1: not known."""

    type: Literal["location", "transition"] = msgspec.field(name="_type")
    lat: float
    lon: float
    tst: float
    acc: float | None = None
    vel: float | None = None
    cog: float | None = None
    batt: float | None = None
    tid: str | None = None
    t: str | None = None
    event: str | None = None
    desc: str | None = None
    poi: str | None = None


_HEAD = msgspec.json.Decoder(_Head)
_FIX = msgspec.json.Decoder(_Fix)
KEPT = ("tid", "t", "event", "desc", "poi")
"""What stays in the attributes, as the app names it."""


def decode(topic: str, payload: bytes, received: datetime, register: Register) -> list[Event] | Ignored:
    """The position or status of one OwnTracks message; raises Refused."""
    parts = topic.split("/")
    if len(parts) < 3 or not parts[1] or not parts[2]:
        raise Refused("unknown_topic", f"{topic[:200]!r}: OwnTracks publishes to owntracks/<user>/<device>")
    if len(parts) > 3 and parts[3] in UNNEEDED_TOPICS:
        return Ignored(f"owntracks:{parts[3]}")
    if not payload:
        return Ignored("owntracks:cleared")  # how a retained message is removed
    kind = edge.read(_HEAD, payload).type
    if kind in UNNEEDED_TYPES:
        return Ignored(f"owntracks:{kind}")
    if kind not in ("location", "transition", "lwt"):
        raise Refused("unknown_kind", f"_type is {kind[:80]!r}: see the OwnTracks documentation")
    name = f"{parts[1]}/{parts[2]}"
    patrol = register.patrol(f"owntracks/{name}")
    device = name if patrol is None else patrol.id
    flag = Flag.UNREGISTERED if patrol is None else None
    source, message_id = f"owntracks/{name}", edge.hash_of(topic, payload)
    if kind == "lwt":
        return [
            Event(
                source,
                message_id,
                device,
                received,
                received,
                Status("offline"),
                flags=edge.flags_of(False, flag),
            )
        ]
    fix = edge.read(_FIX, payload)
    at, late = edge.time_of(fix.tst, received)
    speed = _known(fix.vel)
    body = Movement(_known(fix.acc), None if speed is None else speed / KMH, _known(fix.cog), _known(fix.batt))
    position = edge.place_of(fix.lon, fix.lat, None)
    flags = edge.flags_of(late, flag)
    return [Event(source, message_id, device, at, received, body, position, flags=flags, attributes=_attributes(fix))]


def _attributes(fix: _Fix) -> msgspec.Raw:
    kept = {name: value for name in KEPT if (value := getattr(fix, name)) is not None}
    return msgspec.Raw(msgspec.json.encode(kept)) if kept else EMPTY


def _known(value: float | None) -> float | None:
    """Phones say -1 for what they do not know."""
    return None if value is None or value < 0 else value
