"""Frigate, the camera detector: `frigate/events`, `frigate/reviews`, `frigate/available`, and the rest of
`frigate/#`.

An event follows one object, a review one scene; both are alerts with phases `new`, `update`, `end`. Frigate
grades only reviews (`alert` or `detection`); an event's severity is the middle one, and the matter's own
priority decides. An event is named by `after.id`, `type` and `frame_time`; a review carries no frame, so its
hash names it.

`available` has no time and no id, and says the same two words for ever: the time of receipt stands in for
both. The last will comes hours after it was written, so this is also the right time.

Pictures are not in these messages and are not fetched from Frigate: `has_snapshot` stays in the attributes.
"""

from __future__ import annotations

import re
from datetime import datetime

import msgspec

from streams.dialects import edge
from streams.errors import Refused
from streams.model import Alert, Event, Flag, Ignored, Phase, Status
from streams.register import Register

TIMES = tuple((part, name) for part in ("after", "before") for name in ("frame_time", "start_time", "end_time"))
"""Where a payload has its times, for those who replay it at another."""

EVENT_SEVERITY = 2
REVIEW_SEVERITY = {"alert": 3, "detection": 2}
AVAILABLE = {b"online": "online", b"offline": "offline", b"stopped": "offline"}
PHASES: tuple[Phase, ...] = ("new", "update", "end")
OTHER_TOPICS = ("stats", "tracked_object_update", "triggers", "notifications", "restart", "camera_activity")
NOT_A_NAME = re.compile(r"[^\w]+")


class _Object(msgspec.Struct, frozen=True, kw_only=True):
    """`after` of an event; times in epoch seconds."""

    id: str
    camera: str
    label: str
    frame_time: float
    end_time: float | None = None
    false_positive: bool = False
    score: float | None = None
    top_score: float | None = None
    sub_label: msgspec.Raw = msgspec.Raw(b"null")  # a name, or a name and its score
    current_zones: list[str] = []
    entered_zones: list[str] = []
    has_snapshot: bool = False
    has_clip: bool = False


class _Scene(msgspec.Struct, frozen=True, kw_only=True):
    """`data` of a review."""

    objects: list[str] = []
    sub_labels: list[str] = []
    zones: list[str] = []
    audio: list[str] = []


class _Reviewed(msgspec.Struct, frozen=True, kw_only=True):
    """`after` of a review."""

    id: str
    camera: str
    start_time: float
    end_time: float | None = None
    severity: str
    data: _Scene


class _Typed(msgspec.Struct, frozen=True):
    type: str


class _Event(msgspec.Struct, frozen=True):
    type: Phase
    after: _Object


class _Review(msgspec.Struct, frozen=True):
    type: Phase
    after: _Reviewed


_TYPED = msgspec.json.Decoder(_Typed)
_EVENT = msgspec.json.Decoder(_Event)
_REVIEW = msgspec.json.Decoder(_Review)


def decode(topic: str, payload: bytes, received: datetime, register: Register) -> list[Event] | Ignored:
    """The alert or status of one Frigate message; raises Refused."""
    name = topic.partition("/")[2]
    if name == "available":
        return [_available(topic, payload, received, register)]
    if name not in ("events", "reviews"):
        what = "camera" if "/" in name else name if name in OTHER_TOPICS else "other"
        return Ignored(f"frigate:{what}")
    if edge.read(_TYPED, payload).type not in PHASES:
        return Ignored(f"frigate:{name}_other")  # such as the text that its language model adds later
    return _event(payload, received, register) if name == "events" else _review(topic, payload, received, register)


def _event(payload: bytes, received: datetime, register: Register) -> list[Event] | Ignored:
    message = edge.read(_EVENT, payload)
    seen = message.after
    if seen.false_positive:
        return Ignored("frigate:false_positive")
    ended = message.type == "end" and seen.end_time is not None
    alert = Alert(_category(seen.label), EVENT_SEVERITY, seen.id, message.type)
    attributes = {
        "label": seen.label, "sub_label": seen.sub_label, "score": seen.score, "top_score": seen.top_score,
        "current_zones": seen.current_zones, "entered_zones": seen.entered_zones,
        "has_snapshot": seen.has_snapshot, "has_clip": seen.has_clip,
    }  # fmt: skip
    at = seen.end_time if ended and seen.end_time is not None else seen.frame_time
    message_id = f"{seen.id}-{message.type}-{seen.frame_time}"
    return [_alert(message_id, seen.camera, at, received, alert, attributes, register)]


def _review(topic: str, payload: bytes, received: datetime, register: Register) -> list[Event]:
    message = edge.read(_REVIEW, payload)
    scene = message.after
    severity = REVIEW_SEVERITY.get(scene.severity)
    if severity is None:
        raise Refused("wrong_type", f"after.severity is {scene.severity[:80]!r}: use alert or detection")
    heard = scene.data.objects or scene.data.audio
    alert = Alert(_category(heard[0]) if heard else "review", severity, scene.id, message.type)
    attributes = {
        "objects": scene.data.objects, "sub_labels": scene.data.sub_labels, "zones": scene.data.zones,
        "audio": scene.data.audio, "severity": scene.severity,
    }  # fmt: skip
    at = scene.start_time if scene.end_time is None else scene.end_time
    return [_alert(edge.hash_of(topic, payload), scene.camera, at, received, alert, attributes, register)]


def _alert(
    message_id: str,
    camera: str,
    at: float,
    received: datetime,
    alert: Alert,
    attributes: object,
    register: Register,
) -> Event:
    if not alert.alert or not camera:
        raise Refused("missing", f"after.id is {alert.alert!r}, after.camera {camera!r}: fill in both")
    device = register.device(f"frigate/{camera}") or register.device(camera)
    when, late = edge.time_of(at, received)
    return Event(
        "frigate",
        message_id,
        camera if device is None else device.id,
        when,
        received,
        alert,
        None if device is None else device.position,
        flags=edge.flags_of(late, Flag.UNPLACED if device is None else None),
        attributes=edge.attributes_of(msgspec.Raw(msgspec.json.encode(attributes))),
    )


def _available(topic: str, payload: bytes, received: datetime, register: Register) -> Event:
    """The detector's own sign of life. It is a source, not a device: nobody has to place it."""
    state = AVAILABLE.get(payload.strip())
    if state is None:
        raise Refused("wrong_type", f"available is {payload[:80]!r}: Frigate says online, offline or stopped")
    device = register.device("frigate")
    return Event(
        "frigate",
        edge.hash_of(topic, payload + received.isoformat().encode()),
        "frigate" if device is None else device.id,
        received,
        received,
        Status("online" if state == "online" else "offline"),
        None if device is None else device.position,
    )


def _category(label: str) -> str:
    """A label as a category: lower case, words joined by `_`."""
    return NOT_A_NAME.sub("_", label.strip().lower()).strip("_") or "object"
