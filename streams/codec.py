"""Model to bytes and back: the documents of the streams, the hashes of cases, the argument of the record script.

Numbers that must come back exactly (degrees, milliseconds) go to Redis as the text Python writes; the script passes
that text on and never formats a float of its own. Everything is text: the msgpack of Redis' Lua knows no bytes.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any, Literal

import msgspec

from streams.keys import FIX_BUCKET_S, SEEN_DAYS
from streams.model import (
    Alert,
    Case,
    Clock,
    Entry,
    Event,
    Flag,
    Movement,
    Reading,
    Reply,
    Report,
    Status,
)
from streams.triage import Intent

Who = Literal["patrol", "device", "other"]
pack = msgspec.msgpack.Encoder().encode
to_json = msgspec.json.Encoder().encode
read_event = msgspec.json.Decoder(Event).decode
read_entry = msgspec.json.Decoder(Entry).decode
_NUMBERS = {"version", "priority", "received", "events", "updated", "ended", "dispatched", "closed", "acted", "level",
            "until", "score"}  # fmt: skip
_PLACES = {"lon", "lat"}
_JSON = {"grids", "clocks", "tasks", "request", "split"}
_MAYBE = {"ended", "dispatched", "closed", "lon", "lat", "grid", "cell", "image", "until", "score", "tasks", "request",
          "split"}
read_case = msgspec.json.Decoder(Case).decode
_CASE_FIELDS = frozenset(Case.__struct_fields__)


def millis(at: datetime) -> int:
    """Epoch milliseconds of an aware datetime."""
    return int(at.timestamp() * 1000)


def moment(ms: int | float) -> datetime:
    """The aware UTC datetime of epoch milliseconds."""
    return datetime.fromtimestamp(ms / 1000, UTC)


def local_day(at: datetime, tz: tzinfo) -> str:
    """The local day an instant belongs to, `YYYY-MM-DD`."""
    return at.astimezone(tz).strftime("%Y-%m-%d")


def days_between(first: date, last: date) -> list[str]:
    """The days from the first to the last, both included, as `local_day` names them."""
    return [(first + timedelta(days=n)).isoformat() for n in range((last - first).days + 1)]


def case_from_hash(row: Mapping[bytes, bytes]) -> Case:
    """A case as its hash in Redis says."""
    fields: dict[str, Any] = {}
    for raw, value in row.items():
        name = raw.decode()
        if name not in _CASE_FIELDS or (name in _MAYBE and value == b""):
            continue
        if name in _NUMBERS:
            fields[name] = int(value)
        elif name in _PLACES:
            fields[name] = float(value)
        elif name == "auto":
            fields[name] = value == b"1"
        elif name in _JSON:
            fields[name] = msgspec.json.decode(value)
        else:
            fields[name] = value.decode()
    return msgspec.convert(fields, Case)


def seen_member(event: Event) -> str:
    """The 16 characters under which `source` + `id` are remembered."""
    return b64encode(hashlib.blake2b(f"{event.source}\x00{event.id}".encode(), digest_size=12).digest()).decode()


class RecordEncoder:
    """Events and intents as the record script wants them. Keeps the local day between calls, since working it
    out for each event would cost more than the rest of the encoding."""

    def __init__(self, tz: tzinfo) -> None:
        self._tz = tz
        self._minute = -1
        self._days: tuple[str, ...] = ()

    def days(self, received: datetime) -> tuple[str, ...]:
        """The local days whose ids an event of `received` is looked for in, newest first: from the day after (two
        workers may receive one message on two sides of midnight) back to the last that is remembered."""
        minute = int(received.timestamp()) // 60
        if minute != self._minute:
            local = received.astimezone(self._tz)
            self._days = tuple((local - timedelta(days=n)).strftime("%Y-%m-%d") for n in range(-1, SEEN_DAYS))
            self._minute = minute
        return self._days

    def encode(
        self, event: Event, intent: Intent, network: str | None, who: Who, department: str | None = None
    ) -> dict[str, Any]:
        """One element of `arg.events`. `network`: the data source of the register that the event came by; `who`
        speaks: a patrol, a registered fixed device, or somebody else (of whom nothing but the event is kept);
        `department`: whose patrol it is."""
        body = event.body
        if type(body) is Movement:
            return self._fix(event, body, network, department)
        at, received = millis(event.at), millis(event.received)
        days = self.days(event.received)
        doc = to_json(event).decode()
        watched = Flag.WATCHED in event.flags
        out: dict[str, Any] = {
            "kind": event.kind.value, "seen": seen_member(event), "doc": doc, "device": event.device,
            "at": at, "received": received, "day": days[1], "days": days, "network": network,
            "grid": event.grid, "listed": intent.listed, "watched": watched, "moving": who == "patrol",
            "fixed": who == "device" and not watched,
        }  # fmt: skip
        position = event.position
        if position is not None:
            out["lon"], out["lat"] = position.lon, position.lat
            out["lon_text"], out["lat_text"] = repr(position.lon), repr(position.lat)
        match body:
            case Alert():
                out |= _placed(event)
                out["alert"] = intent.phase and {  # a late one is history: recorded, not raised
                    "key": f"{event.device}/{body.alert}", "phase": body.phase, "category": body.category,
                    "severity": body.severity, "image": body.image, "open": _opening(intent, event, body.text or ""),
                }  # fmt: skip
            case Reading():
                out |= _placed(event)
                out |= {"quantity": body.quantity, "value": body.value, "value_text": repr(body.value),
                        "unit": body.unit, "rule": _rule(intent, event)}  # fmt: skip
            case Report():
                out |= _placed(event)
                out["open"] = _opening(intent, event, body.text)
            case Status():
                duty = body.state in ("on_duty", "off_duty")
                out |= {"registered": Flag.UNREGISTERED not in event.flags, "field": "duty" if duty else "state",
                        "state": body.state,
                        "battery_text": None if body.battery is None else repr(body.battery)}  # fmt: skip
            case Reply():
                pass  # the act follows the record; see ingest.reply
        return out

    def _fix(self, event: Event, body: Movement, network: str | None, department: str | None) -> dict[str, Any]:
        """A position, which 19 of 20 events are: only what the script asks of it, in one go."""
        place = event.position
        assert place is not None, "a movement without a place was refused by its dialect"
        at, received = millis(event.at), millis(event.received)
        bucket = received // (FIX_BUCKET_S * 1000)
        lon, lat = repr(place.lon), repr(place.lat)
        course, speed, accuracy = _number(body.course), _number(body.speed), _number(body.accuracy)
        shown = (
            f'{{"id":{to_json(event.device).decode()},"at":{at},"lon":{lon},"lat":{lat},'
            f'"grid":{to_json(event.grid).decode()},"course":{course or "null"},"speed":{speed or "null"},'
            f'"accuracy":{accuracy or "null"}'
        )
        return {
            "kind": "position", "seen": seen_member(event), "doc": to_json(event).decode(), "device": event.device,
            "at": at, "received": received, "day": self.days(event.received)[1], "network": network,
            "bucket": bucket, "buckets": (bucket + 1, bucket, bucket - 1, bucket - 2), "grid": event.grid,
            "lon": place.lon, "lat": place.lat, "lon_text": lon, "lat_text": lat, "course_text": course,
            "speed_text": speed, "accuracy_text": accuracy, "accuracy": body.accuracy or 0.0, "json": shown,
            "moving": True, "registered": Flag.UNREGISTERED not in event.flags, "department": department,
        }  # fmt: skip


def _number(value: float | None) -> str:
    return "" if value is None else repr(value)


def _placed(event: Event) -> dict[str, Any]:
    return {"grids_json": to_json(event.grids).decode(), "cell": event.cell}


def _opening(intent: Intent, event: Event, text: str) -> dict[str, Any] | None:
    if intent.open is None:
        return None
    body = event.body
    return {
        "matter": intent.open, "priority": intent.priority, "radius": intent.radius, "minutes": intent.minutes,
        "accept": intent.accept, "clocks": [_clock(clock) for clock in intent.clocks], "category": intent.category,
        "origin": intent.origin, "post": intent.post, "owner": intent.owner, "text": text,
        "announce": intent.announce and msgspec.to_builtins(intent.announce), "first": intent.first,
        "contact": body.contact if isinstance(body, Report) else "",
        "image": (body.image if isinstance(body, Alert | Report) else None) or "",
        "alert": f"{event.device}/{body.alert}" if isinstance(body, Alert) else "",
    }  # fmt: skip


def _rule(intent: Intent, event: Event) -> dict[str, Any] | None:
    rule = intent.rule
    if rule is None:
        return None
    return {
        "raise": rule.raise_at, "clear": rule.clear_at, "direction": rule.direction, "hold": rule.hold,
        "category": rule.category, "severity": rule.severity, "open": _opening(rule.intent, event, ""),
    }  # fmt: skip


def _clock(clock: Clock) -> dict[str, Any]:
    return {
        "name": clock.name, "start": clock.start, "due": clock.due, "provisional": clock.provisional,
        "limit": clock.limit, "of": clock.of,
    }  # fmt: skip


def clock_args(clocks: Iterable[tuple[Clock, tuple[int, ...]]]) -> list[dict[str, Any]]:
    """Clocks as the act script wants them, each with its marks: epoch ms and percent, one after the other."""
    return [{**_clock(clock), "marks": marks} for clock, marks in clocks]


def event_fields(event: Event, intent: Intent, tz: tzinfo) -> dict[str, Any]:
    """One event as the act script wants it that makes a case of it (split)."""
    return RecordEncoder(tz).encode(event, intent, None, "other")
