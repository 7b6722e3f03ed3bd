"""Triage: what each event asks for. Pure: it knows the catalogue and the calendar, not the open cases.

Whether an alert joins an open case, and whether a reading raises or clears, depends on state that only the
record script sees in one step with changing it. So triage says what *would* be opened, with everything the
script needs, and the script decides. What a kind of event may do:

- alert `new`, `update`: opens the matter of its category, already verified and accepted by rule, so that the
  clocks to respond and to handle both run; no matter has the category: the alert is kept, no case. `end`:
  ends the alert only
- report: opens the matter of its category, else the fallback; a person must verify it, so only `respond`
  runs. Without a place it opens all the same, since somebody must look; the six fixes will not let it be
  dispatched without a grid
- reading: carries the rule of its quantity, and in it what to open when the rule raises
- late (older than 24 h): opens nothing; a late `end` still ends its alert, or the alert would stand for ever
- an unplaced alert, reading or status comes from an unknown fixed device: kept and listed, opens nothing; but
  a registered patrol's call for help opens, wherever it is
- of a matter that announces first, near a loudspeaker: the same, with what the loudspeaker shall say; the case
  opens only when a second look finds it still there. What is critical (severity 4) never waits: the loudspeaker
  speaks and the case opens at once, and so it does when an alert that waits becomes critical
- all else (19 of 20 events are positions): one shared intent, so that it costs next to nothing
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from geo.places import metres
from streams.calendar import Calendar
from streams.clocks import running
from streams.matters import Matter, Matters, Silence
from streams.model import Alert, Clock, ClockName, Device, Event, Flag, Movement, Phase, Reading, Report
from streams.organisation import NO_ORGANISATION, Organisation

Origin = Literal["device", "resident", "village"]

REPORT_PRIORITY = 3
"""P3: a report says nothing about its severity."""
BY_RULE: tuple[ClockName, ...] = ("respond", "handle")
BY_PERSON: tuple[ClockName, ...] = ("respond",)
HEARD = 200.0
"""So far, in metres, a loudspeaker reaches."""
CRITICAL = 4
"""An alert of this severity waits for no announcement."""
PERIODS = 3.0
"""A device is offline after so many missed signs of life, but not before its rule's `after`."""


class Announce(msgspec.Struct, frozen=True):
    """What the loudspeaker of `camera` says first; `recheck`: seconds until somebody looks again, 0: at once."""

    camera: str
    text: str
    recheck: float


class Intent(msgspec.Struct, frozen=True):
    """What one event asks for.

    `open`: key of the matter to open or to join (None: no case), with `priority`, merge `radius` (m) and
    `minutes`, `clocks` that run from `received`, `post`, and who owns it. `accept`: verified and accepted by rule.
    `announce`: a loudspeaker speaks before any case opens; `first`: the matter is one for that.
    `category` and `severity` (0: not said) of what happened. `alert` and `phase`: the alert to keep; with the
    event's source they name it. `rule`: for a reading; what it opens is inside. `listed`: put it on the list
    of those to register.
    """

    open: str | None = None
    priority: int = 4
    radius: float = 0.0
    minutes: float = 0.0
    accept: bool = False
    clocks: tuple[Clock, ...] = ()
    category: str = ""
    severity: int = 0
    origin: Origin = "device"
    post: str = ""
    owner: str = ""
    announce: Announce | None = None
    first: bool = False
    alert: str = ""
    phase: Phase | None = None
    rule: ThresholdRule | None = None
    listed: bool = False


class ThresholdRule(msgspec.Struct, frozen=True):
    """The rule of a reading's quantity: raise at `raise_at`, clear at `clear_at`, each held for `hold`
    seconds; `intent` is what to open when it raises, with clocks from this reading's `received`."""

    quantity: str
    raise_at: float
    clear_at: float
    direction: Literal["above", "below"]
    hold: float
    category: str
    severity: int
    intent: Intent


class Silent(msgspec.Struct, frozen=True):
    """A device or a patrol that has fallen silent: its last sign of life, and the rule that says so."""

    id: str
    last: datetime
    rule: Silence


RECORD_ONLY = Intent()
LIST_ONLY = Intent(listed=True)


class _Site(msgspec.Struct, frozen=True):
    """What the rules ask of the site."""

    matters: Matters
    calendar: Calendar
    patrols: Container[str]
    organisation: Organisation
    speakers: Sequence[Device]


def apply(
    matters: Matters,
    events: Iterable[Event],
    calendar: Calendar,
    patrols: Container[str] = (),
    organisation: Organisation = NO_ORGANISATION,
    speakers: Sequence[Device] = (),
) -> list[Intent]:
    """One intent for each event, in order. `patrols`: ids of the registered ones, whose alerts open without a place;
    `organisation`: says who owns a case; `speakers`: cameras that can speak."""
    site = _Site(matters, calendar, patrols, organisation, speakers)
    return [RECORD_ONLY if type(event.body) is Movement else _intent(site, event) for event in events]


def _intent(site: _Site, event: Event) -> Intent:
    body, late = event.body, Flag.LATE in event.flags
    unknown = Flag.UNPLACED in event.flags and event.device not in site.patrols
    if isinstance(body, Alert):
        return _alert(site, event, body, unknown, late)
    if isinstance(body, Report) and not late:
        return _report(site, event, body)
    if unknown and not isinstance(body, Report):
        return LIST_ONLY
    return _reading(site, event, body) if isinstance(body, Reading) and not late else RECORD_ONLY


def _alert(site: _Site, event: Event, alert: Alert, unknown: bool, late: bool) -> Intent:
    if late and alert.phase != "end":
        return LIST_ONLY if unknown else RECORD_ONLY
    kept = Intent(
        category=alert.category, severity=alert.severity, alert=alert.alert, phase=alert.phase, listed=unknown
    )
    matter = site.matters.by_category.get(alert.category)
    if matter is None or unknown or alert.phase == "end":
        return kept
    said = announce(site.speakers, matter, event, alert.severity)
    return msgspec.structs.replace(_opening(site, kept, matter, event), announce=said, first=matter.announce)


def announce(speakers: Iterable[Device], matter: Matter, event: Event, severity: int) -> Announce | None:
    """What the nearest loudspeaker within `HEARD` metres says first; None when the matter is not one for that, or
    nobody there would hear it. For what is critical nobody waits."""
    place = event.position
    if not matter.announce or place is None:
        return None
    near = min(((metres(each.position, place), each.id) for each in speakers), default=None)
    if near is None or near[0] > HEARD:
        return None
    return Announce(near[1], matter.announce_text, 0.0 if severity >= CRITICAL else matter.recheck)


def _report(site: _Site, event: Event, report: Report) -> Intent:
    matter = site.matters.by_category.get(report.category, site.matters.fallback)
    said = Intent(category=report.category, origin=origin(event), listed=Flag.UNPLACED in event.flags)
    return _opening(site, said, matter, event)


def _reading(site: _Site, event: Event, reading: Reading) -> Intent:
    rule = site.matters.thresholds.get(reading.quantity)
    if rule is None:
        return RECORD_ONLY
    raised = Intent(category=rule.category, severity=rule.severity, phase="new")
    opened = _opening(site, raised, site.matters.by_category[rule.category], event)
    return Intent(
        rule=ThresholdRule(
            rule.quantity,
            rule.raise_at,
            rule.clear_at,
            rule.direction,
            rule.hold,
            rule.category,
            rule.severity,
            opened,
        )
    )


def _opening(site: _Site, said: Intent, matter: Matter, event: Event) -> Intent:
    """The intent with the case to open. Devices' cases are accepted by rule, people's are verified by
    people."""
    accept = said.origin == "device"
    clocks = running(matter.clocks, BY_RULE if accept else BY_PERSON, event.received, site.calendar)
    urgency = priority(matter, said.severity)
    return Intent(
        open=matter.key,
        priority=urgency,
        radius=matter.merge_radius,
        minutes=matter.merge_minutes,
        accept=accept,
        clocks=clocks,
        category=said.category,
        severity=said.severity,
        origin=said.origin,
        post=matter.post,
        owner=site.organisation.owner(matter, urgency, event.grids) if accept else "",
        alert=said.alert,
        phase=said.phase,
        listed=said.listed,
    )


def priority(matter: Matter, severity: int = 0) -> int:
    """P1 (highest) to P4: the matter's own, else 5 - severity; P3 when nobody said how severe it is (0)."""
    if matter.priority is not None:
        return matter.priority
    return min(4, max(1, 5 - severity)) if severity else REPORT_PRIORITY


def origin(event: Event) -> Origin:
    """Who brought it in, one of the three inflows. A report is a village's when its attributes say
    `"origin": "village"` or its reporter's name starts with `village` or `V-`; else a resident's."""
    if not isinstance(event.body, Report):
        return "device"
    if event.device.startswith(("village", "V-")):
        return "village"
    raw = bytes(event.attributes)
    if b"village" not in raw:  # nearly always: spares the decoding
        return "resident"
    said = msgspec.json.decode(raw)
    return "village" if isinstance(said, dict) and said.get("origin") == "village" else "resident"


def silent(
    matters: Matters,
    devices: Iterable[Device],
    last_seen: Mapping[str, datetime],
    now: datetime,
    since: datetime,
    on_duty: Iterable[str] = (),
) -> list[Silent]:
    """Who should have been heard and was not, for longer than the rule of its kind says.

    A camera or sensor must also have missed three of its periods; with period 0 it speaks only when something
    happens, so it is never silent. Of the patrols only those `on_duty` are looked at. `last_seen`: by id;
    `since`: when the centre began to listen, so that its own absence is nobody's silence.
    """
    asked: list[tuple[str, str, float]] = [
        (one.id, one.kind, PERIODS * one.period) for one in devices if one.period > 0
    ]
    asked += [(patrol, "patrol", 0.0) for patrol in on_duty]
    found = []
    for name, kind, patience in asked:
        rule, last = matters.silences.get(kind), max(last_seen.get(name, since), since)
        if rule is not None and now - last > timedelta(seconds=max(patience, rule.after)):
            found.append(Silent(name, last, rule))
    return found
