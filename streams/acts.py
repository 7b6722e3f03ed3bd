"""The path of an act, read top to bottom: what somebody asks for becomes one call of the script that does it.

`do` is what the pages, the API, replies from the field and the centre's own rules call. It works out what a script
cannot (deadlines by the calendar, the grid of a place, who owns a case, whose liaison goes) from the case as it is, and
lets the script check all of it against the case as it then is: whoever names the version they saw is refused when
somebody was faster. Without a version (a reply, a rule) the state decides; what was worked out for a case that has
moved since it was read is worked out again.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from geo.errors import GeoError
from geo.places import Position
from streams import clocks, triage, workflow
from streams.calendar import instant
from streams.clocks import Limit
from streams.codec import event_fields, millis, to_json
from streams.desk import Desk
from streams.dispatch_queue import Answered
from streams.errors import BadSetting, JumpRefused, NoSuchCase, NotJoined, Refused
from streams.matters import Matter
from streams.model import Case, Clock
from streams.refusals import Act

CHECK_IN = Limit.parse("1h urgent_hour")
"""A department that was called is on scene within an hour, unless the matter has another time to check in."""


OF_TOPIC = re.compile(r"[^\s/+#,:\x00-\x1f]{1,100}")
"""What may name a department where no organisation names them: its tasks go out on a topic of that name."""
FARTHEST = timedelta(days=366)
"""How far an extension or a suspension reaches: what is later is a slip of the pen, or beyond every calendar."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody asks for. `request` names the call: the same again does nothing more. `seen`: the version of the
    case they saw. `dispatch`: the running dispatch that a reply answers. The rest is what acts need (`workflow.Need`):
    `until` (aware) ends a suspension, `score` is 1 to 5, `wanted` the side exit that is asked for, `event` the stream
    id of an event."""

    no: str
    name: str
    by: str
    role: str
    request: str
    seen: int | None = None
    patrol: str = ""
    department: str = ""
    departments: tuple[str, ...] = ()
    dispatch: str | None = None
    text: str = ""
    image: str = ""
    matter: str = ""
    place: tuple[float, float] | None = None
    limit: str = ""
    until: datetime | None = None
    into: str = ""
    event: str = ""
    score: int | None = None
    wanted: str = ""


def do(desk: Desk, asked: Asked, now: datetime) -> Answered:
    """Do one act. Raises one of the ActRefused tree or Refused (nothing changed), or Unreachable (ask again, with the
    same `request`)."""
    case = desk.queue.case(asked.no)
    if case is None:
        raise NoSuchCase(asked.no)
    row = workflow.BY_NAME.get(asked.name)
    if row is None:
        raise JumpRefused(asked.no, asked.name, case.state.value, workflow.allowed(case.state, asked.role))
    while (answered := desk.queue.attempt(prepared(desk, row, asked, case, now), now)) is None:
        case = desk.queue.case(asked.no) or case
    return answered


def prepared(desk: Desk, row: workflow.Act, asked: Asked, case: Case, now: datetime) -> Act:
    """The call of the script: the act with what the calendar, the map and the organisation say."""
    chosen = asked.matter if asked.name == "classify" else ""
    matter = desk.matters.matters.get(chosen or case.matter)
    if chosen and matter is None:
        raise Refused("unknown_matter", f"matter {asked.matter!r} is not in the catalogue: use one of its keys")
    act = Act(
        asked.no, asked.name, by=asked.by, role=asked.role, request=asked.request, seen=asked.seen, base=case.version,
        patrol=asked.patrol,
        department=asked.department, departments=asked.departments, dispatch=asked.dispatch, text=asked.text,
        image=asked.image, matter=matter, into=asked.into, score=_score(asked.score), wanted=asked.wanted,
        limit=str(_limit(asked.limit)) if asked.limit else "", until=_until(asked.until, now),
        clocks=(started := _clocks(desk, row, asked, case, matter, now)), noted=_noted(asked, case, started, now),
        settle=_settle(desk, asked, matter, now), asked=to_json(asked).decode(),
    )  # fmt: skip
    more = OWN.get(asked.name)
    return more(desk, asked, case, act) if more else act


def _dispatch(desk: Desk, asked: Asked, case: Case, act: Act) -> Act:
    """Person and post of the six fixes: the patrol's, or those of the department's liaison."""
    if asked.patrol and asked.department:
        raise Refused("two_receivers", f"patrol {asked.patrol!r} and department {asked.department!r}: send one of them")
    patrol = desk.register.patrol(asked.patrol) if asked.patrol else None
    if patrol is not None:
        return act._replace(patrol=patrol.id, post=patrol.post, person=patrol.name)
    _refuse_unknown(desk, (asked.department,) if asked.department else ())
    liaison = desk.organisation.liaison(asked.department)
    if liaison is None:
        return act
    return act._replace(person=liaison.name, post=desk.organisation.roles[liaison.role].name)


def _whistle(desk: Desk, asked: Asked, case: Case, act: Act) -> Act:
    _refuse_unknown(desk, asked.departments)
    return act


def _accept(desk: Desk, asked: Asked, case: Case, act: Act) -> Act:
    return act._replace(owner=desk.organisation.owner(act.matter, case.priority, case.grids))


def _classify(desk: Desk, asked: Asked, case: Case, act: Act) -> Act:
    matter = act.matter
    if matter is None or not asked.matter:  # the script says what is missing
        return act
    urgency = triage.priority(matter)
    return act._replace(
        new_matter=matter.key, priority=urgency, post=matter.post,
        owner=desk.organisation.owner(matter, urgency, case.grids),
    )  # fmt: skip


def _place(desk: Desk, asked: Asked, case: Case, act: Act) -> Act:
    """The grid follows the place."""
    if asked.place is None:
        return act
    try:
        position = Position.checked(*asked.place)
    except GeoError as error:
        raise Refused("impossible_place", str(error)) from error
    tag = desk.index.tag(position.lon, position.lat)
    if not tag.grid:
        raise Refused("outside", f"{position.lon}, {position.lat} lies in no grid: choose a place inside the grids")
    place = {
        "lon": repr(position.lon), "lat": repr(position.lat), "grid": tag.grid,
        "grids_json": to_json(tag.grids).decode(), "cell": tag.cell,
    }  # fmt: skip
    return act._replace(place=place, owner=desk.organisation.owner(act.matter, case.priority, tag.grids))


def _split(desk: Desk, asked: Asked, case: Case, act: Act) -> Act:
    """The event as triage would have it today; it is kept for a day."""
    if not asked.event:
        return act
    event = desk.queue.event(asked.event)
    if event is None:
        raise NotJoined(asked.no, asked.event)
    [intent] = triage.apply(desk.matters, [event], desk.calendar, desk.register.patrols, desk.organisation)
    made = event_fields(event, intent, desk.calendar.tz)
    opens = next((one["open"] for one in (made, made.get("alert"), made.get("rule")) if one and one.get("open")), None)
    if opens is None:
        raise NotJoined(asked.no, asked.event)  # the catalogue has changed: it would open nothing today
    return act._replace(event=asked.event, made={**made, "open": opens})


OWN: dict[str, Callable[[Desk, Asked, Case, Act], Act]] = {
    "dispatch": _dispatch, "whistle": _whistle, "accept": _accept, "classify": _classify, "place": _place,
    "split": _split,
}  # fmt: skip
"""What single acts need beyond what all need."""


def _clocks(
    desk: Desk, row: workflow.Act, asked: Asked, case: Case, matter: Matter | None, now: datetime
) -> tuple[Clock, ...]:
    """The clocks that the act starts or moves, as they will be."""
    calendar, limits = desk.calendar, matter.clocks if matter else {}
    if row.resumes:
        return tuple(clocks.resumed(clock, now, calendar) for clock in case.clocks if clock.paused is not None)
    handle = next((clock for clock in case.clocks if clock.name == "handle"), None)
    match asked.name:
        case "whistle":
            limit = limits.get("check_in", CHECK_IN)
            return tuple(clocks.clock("check_in", now, limit, calendar, of=each) for each in asked.departments)
        case "extend" if asked.limit:
            limit = _limit(asked.limit)
            if handle is None:
                return (clocks.clock("handle", now, limit, calendar),)
            return (clocks.extended(handle, limit, now, calendar),)
        case "rework" if handle is not None:  # sent back: the same time to handle runs on
            return (msgspec.structs.replace(handle, done=None),)
        case "classify":  # the report has waited since it came, or since it was restored
            start = next((clock.start for clock in case.clocks if clock.name == "respond"), case.received)
            return clocks.running(limits, ("respond",), instant(start), calendar)
        case "extend" | "rework":
            return ()
    return clocks.running(limits, row.starts, now, calendar)


def _noted(asked: Asked, case: Case, started: tuple[Clock, ...], now: datetime) -> int | None:
    """Until when the reminders of a clock that goes on are noted, if not until now: one that was stopped says what it
    missed, and one that is over from its start, by the limit of another matter, says so."""
    was = {clock.name: clock for clock in case.clocks}
    if asked.name == "rework" and "handle" in was:
        return was["handle"].done
    if asked.name == "classify" and started:
        return min(millis(now), started[0].due - 1)
    return None


def _settle(desk: Desk, asked: Asked, matter: Matter | None, now: datetime) -> Clock | None:
    """The time to settle that replaces the one to handle if this department is the last to come (the joint visit), for
    matters that have one; the script knows whether it is."""
    if asked.name not in ("check_in", "finish") or matter is None or "settle" not in matter.clocks:
        return None
    return clocks.clock("handle", now, matter.clocks["settle"], desk.calendar)


def _limit(text: str) -> Limit:
    try:
        limit = Limit.parse(text)
    except BadSetting as error:
        raise Refused("bad_limit", str(error)) from error
    if limit.length > FARTHEST:
        raise Refused("bad_limit", f"limit = {text!r}: a time limit is extended by a year at most")
    return limit


def _score(score: int | None) -> int | None:
    if score is not None and not 1 <= score <= 5:
        raise Refused("bad_score", f"score = {score}: give 1 (poor) to 5 (excellent)")
    return score


def _until(until: datetime | None, now: datetime) -> datetime | None:
    if until is not None and (until.tzinfo is None or not now < until <= now + FARTHEST):
        raise Refused("bad_until", f"until = {until.isoformat()}: give a time to come, with its offset, within a year")
    return until


def _refuse_unknown(desk: Desk, departments: tuple[str, ...]) -> None:
    known = desk.organisation.departments
    for department in departments:
        if not known and not OF_TOPIC.fullmatch(department):  # its tasks go out under it
            raise Refused("unknown_department", f"department {department!r} names no topic: leave out / + # , :")
        if known and department not in known:
            raise Refused("unknown_department", f"department {department!r} is unknown: use one of {', '.join(known)}")
