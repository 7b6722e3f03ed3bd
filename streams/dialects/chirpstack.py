"""ChirpStack v4, the LoRaWAN server: `application/<id>/device/<devEui>/event/<event>`.

`up` carries what the device profile's codec made of the bytes (`object`): every number in it is a reading,
named by its path (`air.temperature`, `relays.0`); true and false count as 1 and 0, since a leak or an open
door is said so. Without numbers the uplink is a sign of life, as `join` and `status` are. `location` is
ignored: sensors stand where the register says. `ack`, `txack`, `log` and `integration` are about the radio
network, not the town.

`deduplicationId` and the event kind name the message (and the quantity, where one message gives several
events).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any

import msgspec

from streams.dialects import edge
from streams.errors import Refused
from streams.model import Body, Device, Event, Flag, Ignored, Reading, Status
from streams.register import Register

TIMES = (("time",),)
"""Where a payload has its times, for those who replay it at another."""

UNNEEDED = ("location", "ack", "txack", "log", "integration")
MOST_READINGS = 100


class _Told(msgspec.Struct, frozen=True, kw_only=True):
    """What `up`, `status` and `join` share; ChirpStack writes times with nanoseconds."""

    deduplicationId: str  # the maker's spelling
    time: Annotated[datetime, msgspec.Meta(tz=True)]
    batteryLevel: float | None = None
    batteryLevelUnavailable: bool = False
    object: Any = None


_TOLD = msgspec.json.Decoder(_Told)


def decode(topic: str, payload: bytes, received: datetime, register: Register) -> list[Event] | Ignored:
    """The readings or the status of one ChirpStack event; raises Refused."""
    parts = topic.split("/")
    if len(parts) != 6 or parts[2] != "device" or parts[4] != "event" or not parts[3]:
        raise Refused("unknown_topic", f"{topic[:200]!r}: send to application/+/device/+/event/+")
    kind, eui = parts[5], parts[3]
    if kind in UNNEEDED:
        return Ignored(f"chirpstack:{kind}")
    if kind not in ("up", "status", "join"):
        raise Refused("unknown_kind", f"event {kind[:80]!r}: send up, status, join or {', '.join(UNNEEDED)}")
    told = edge.read(_TOLD, payload)
    if not told.deduplicationId:
        raise Refused("missing", "deduplicationId is empty: ChirpStack always gives one")
    at, late = edge.time_of(told.time, received)
    device = register.device(eui) or register.device(eui.lower()) or register.device(eui.upper())
    return [
        Event(
            "/".join(parts[:4]),
            f"{told.deduplicationId}:{kind}{name}",
            eui if device is None else device.id,
            at,
            received,
            body,
            None if device is None else device.position,
            flags=edge.flags_of(late, Flag.UNPLACED if device is None else None),
        )
        for name, body in _bodies(kind, told, device)
    ]


def _bodies(kind: str, told: _Told, device: Device | None) -> list[tuple[str, Body]]:
    """What the message says, each with the end of its id: one reading per number, else a sign of life."""
    if kind == "status":
        battery = None if told.batteryLevelUnavailable else told.batteryLevel
        return [("", Status("online", battery))]
    found = list(_numbers(told.object, "")) if kind == "up" else []
    if len(found) > MOST_READINGS:
        raise Refused("too_large", f"object has {len(found)} numbers: send at most {MOST_READINGS}")
    readings: list[tuple[str, Body]] = [
        (f":{name}", Reading(name, value, device.unit if device and name == device.quantity else ""))
        for name, value in found
    ]
    return readings or [("", Status("online"))]


def _numbers(value: object, name: str, depth: int = 0) -> Iterator[tuple[str, float]]:
    """Every number below a parsed value with its dotted path; raises Refused for towers and endless numbers."""
    if depth > edge.MOST_NESTED:
        raise Refused("wrong_type", f"object is nested deeper than {edge.MOST_NESTED}: send it flatter")
    if isinstance(value, dict):
        for key, below in value.items():
            yield from _numbers(below, f"{name}.{key}" if name else str(key), depth + 1)
    elif isinstance(value, list):
        for count, below in enumerate(value):
            yield from _numbers(below, f"{name}.{count}" if name else str(count), depth + 1)
    elif isinstance(value, bool | int | float):
        try:
            yield name or "value", float(value)
        except OverflowError:
            raise Refused("not_a_number", f"object.{name} is beyond all bounds: send a finite number") from None
