"""The nouns of the command centre, frozen. A step that changes one returns a new value (`msgspec.structs.replace`).

msgspec Structs, because the same types are what the wire codec reads and writes, checked, at several hundred
thousand a second. Inside there are only WGS 84 degrees and aware UTC datetimes; whatever came otherwise was
converted once, in `dialects`.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal

import msgspec

from geo.places import Position

Phase = Literal["new", "update", "end"]
ReplyAct = Literal["acknowledge", "depart", "arrive", "handle", "decline", "check_in", "finish"]
ClockName = Literal["respond", "arrive", "handle", "check_in"]
EMPTY = msgspec.Raw(b"{}")


class Kind(StrEnum):
    """What an event is about; the `<kind>` of a native topic. `reply` is a patrol's answer to its task."""

    POSITION = "position"
    ALERT = "alert"
    READING = "reading"
    REPORT = "report"
    STATUS = "status"
    REPLY = "reply"


class State(StrEnum):
    """Where a case stands in the eight steps (step 5 has three sub-states), or beside them."""

    REPORTED = "reported"
    VERIFIED = "verified"
    ACCEPTED = "accepted"
    DISPATCHED = "dispatched"
    ACKNOWLEDGED = "acknowledged"
    ON_THE_WAY = "on_the_way"
    ON_SCENE = "on_scene"
    HANDLED = "handled"
    CLOSED = "closed"
    RATED = "rated"
    SUSPENDED = "suspended"
    REJECTED = "rejected"
    MERGED = "merged"


class Flag(StrEnum):
    """What the centre found out about an event while tagging it."""

    OUTSIDE = "outside"            # placed, but in no grid
    UNPLACED = "unplaced"          # no place known: an unknown fixed device, a report without a place
    UNREGISTERED = "unregistered"  # an unknown moving source: shown, cannot be dispatched
    LATE = "late"                  # older than 24 h when received: opens nothing
    SUSPECT = "suspect"            # a fix that implies more than 60 m/s; set by the record script
    WATCHED = "watched"            # said by the centre about a device: no sign of life
    BEHIND = "behind"              # older than the last fix of its patrol; set by the record script


class Movement(msgspec.Struct, frozen=True, tag=Kind.POSITION.value):
    """Body of a position: accuracy in metres, speed in m/s, course in degrees from north."""

    accuracy: float | None = None
    speed: float | None = None
    course: float | None = None
    battery: float | None = None


class Alert(msgspec.Struct, frozen=True, tag=Kind.ALERT.value):
    """Body of an alert: one message of the series `new` … `end` that shares the name `alert`."""

    category: str
    severity: int
    alert: str
    phase: Phase
    image: str | None = None
    text: str | None = None


class Reading(msgspec.Struct, frozen=True, tag=Kind.READING.value):
    """Body of a reading. A message with several quantities becomes several events."""

    quantity: str
    value: float
    unit: str = ""


class Report(msgspec.Struct, frozen=True, tag=Kind.REPORT.value):
    """Body of a resident's or grid member's report. `contact` is personal data: it never enters the feed."""

    category: str
    text: str = ""
    contact: str = ""
    image: str | None = None


class Status(msgspec.Struct, frozen=True, tag=Kind.STATUS.value):
    """Body of a status message, also of a last will; battery in percent."""

    state: Literal["online", "offline", "on_duty", "off_duty"]
    battery: float | None = None


class Reply(msgspec.Struct, frozen=True, tag=Kind.REPLY.value):
    """Body of a patrol's answer to a task."""

    dispatch: str
    case: str
    act: ReplyAct
    text: str = ""
    image: str | None = None


Body = Movement | Alert | Reading | Report | Status | Reply


class Event(msgspec.Struct, frozen=True):
    """One message from a device or a person; never changed after it was recorded.

    `source` + `id` name it (CloudEvents): the same pair twice is the same event. `device` is the id in the
    register (a patrol, camera, sensor) or, for a report, who reported. `at` is the device's time, `received`
    the centre's. `grid` is the code that counts, `grids` the codes from the top level down, `cell` H3 r10.
    `attributes` is kept as it came.
    """

    source: str
    id: str
    device: str
    at: datetime
    received: datetime
    body: Body
    position: Position | None = None
    grid: str | None = None
    grids: tuple[str, ...] = ()
    cell: str | None = None
    flags: tuple[Flag, ...] = ()
    attributes: msgspec.Raw = EMPTY

    @property
    def kind(self) -> Kind:
        """The kind, as its body says."""
        return Kind(self.body.__struct_config__.tag)  # type: ignore[arg-type]  # every Body has a str tag


class Ignored(msgspec.Struct, frozen=True):
    """A message that a dialect understands but nobody here needs: counted by `what`, never refused."""

    what: str


class Device(msgspec.Struct, frozen=True):
    """A fixed camera or sensor of the register. `bearing` in degrees from north; `period`: seconds between
    signs of life, 0 = speaks only when something happens; `external`: the maker's name for it."""

    id: str
    kind: Literal["camera", "sensor"]
    name: str
    name_en: str
    source: str
    position: Position
    bearing: float | None = None
    loudspeaker: bool = False
    quantity: str = ""
    unit: str = ""
    period: float = 0.0
    external: str = ""


class Patrol(msgspec.Struct, frozen=True):
    """One person, vehicle or vessel that moves and can be sent. `department`: whose it is, when it comes for one;
    near a case to which that department was called, it checks in by its position."""

    id: str
    name: str
    name_en: str
    kind: Literal["person", "vehicle", "vessel"]
    squad: str
    district: str
    post: str
    skills: tuple[str, ...] = ()
    phone: str = ""
    source: str = ""
    external: str = ""
    department: str = ""


class Clock(msgspec.Struct, frozen=True):
    """One time limit of a case, in epoch milliseconds (the browser counts down from `due`). `done`: when it
    stopped; `paused`: since when it stands still. `provisional`: the calendar does not know the year, Monday to
    Friday was assumed. `limit`: how long and how counted, as in "4h work_hour". `of`: the department whose clock to
    check in this is."""

    name: ClockName
    start: int
    due: int
    done: int | None = None
    provisional: bool = False
    limit: str = ""
    paused: int | None = None
    of: str = ""


class Task(msgspec.Struct, frozen=True):
    """The part of one department in a case with several (一件事). `at`: its last step, epoch milliseconds."""

    department: str
    state: Literal["called", "on_scene", "done"]
    at: int


class Request(msgspec.Struct, frozen=True):
    """A side exit that somebody asked for and nobody has decided yet: who, when, for extensions how long, for
    suspensions until when (epoch milliseconds). Why is in the log, since it is free text."""

    act: str
    by: str
    at: int
    limit: str = ""
    until: int | None = None


class Case(msgspec.Struct, frozen=True):
    """Something somebody must do, as Redis keeps it and the feed shows it (without `contact` and `text`).

    Times are epoch milliseconds here, because scripts compare them and browsers count with them.
    `origin`: who brought it in, one of the three inflows. `by`, `act`, `acted`: the last act on it. `owner`: who
    answers for it, a person's name or `centre`. `level`: how far its broken clocks went up: 1 grid chief,
    2 supervisor, 3 duty leader. `into`: the case it was merged into. `auto`: the centre sends somebody by itself.
    `aid`: the mutual aid by which a partner's patrol, `<site>/<id>`, was sent. `split`: the joined events, by their
    stream ids, that were split off again.
    """

    no: str
    state: State
    version: int
    matter: str
    priority: int
    origin: Literal["device", "resident", "village"]
    received: int
    category: str = ""
    device: str = ""
    lon: float | None = None
    lat: float | None = None
    grid: str | None = None
    grids: tuple[str, ...] = ()
    cell: str | None = None
    clocks: tuple[Clock, ...] = ()
    events: int = 1
    updated: int = 0
    alert: str = ""
    ended: int | None = None
    image: str | None = None
    patrol: str = ""
    department: str = ""
    person: str = ""
    post: str = ""
    dispatch: str = ""
    dispatched: int | None = None
    closed: int | None = None
    by: str = ""
    act: str = ""
    acted: int = 0
    owner: str = ""
    level: int = 0
    tasks: tuple[Task, ...] = ()
    request: Request | None = None
    into: str = ""
    until: int | None = None
    score: int | None = None
    auto: bool = False
    aid: str = ""
    split: tuple[str, ...] = ()
    text: str = ""
    contact: str = ""


class Entry(msgspec.Struct, frozen=True):
    """One line of a case's log: who did what, when, from which state to which, with what text. `approver`: who stands
    for a side exit; `detail`: what else the act named (the other case, the limit, the department, the event)."""

    at: int
    by: str
    role: str
    act: str
    before: str
    after: str
    version: int
    text: str = ""
    patrol: str = ""
    dispatch: str = ""
    approver: str = ""
    detail: str = ""
