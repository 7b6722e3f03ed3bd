"""What a case, its clocks, its patrol, its tasks and requests are, and what each act does or refuses: a pure model.

Written from the words of the domain and from what the rows of the workflow table mean, to hold the script in Redis
against it. Deadlines and reminders are those of `streams.clocks`, which has tests of its own. Times are epoch ms.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any

from msgspec.structs import replace

from streams import clocks, workflow
from streams.acts import Asked
from streams.calendar import Calendar
from streams.codec import millis
from streams.matters import Matter
from streams.model import Clock, State
from streams.workflow import Goes
from tests.streams.life_rules import LATE, OVER, No, Own

RESEND = 60_000
OWN_PART = ("check_in", "finish")
Spot = tuple[float, float]


@dataclass
class ModelCase:
    """One case. `heard`: until when the reminders of a clock are noted; `resend`: when its task goes out again;
    `joined`: events that joined by themselves, each with what it would open."""

    no: str
    matter: str
    spot: Spot
    received: int
    clocks: list[Clock]
    who: tuple[str, str]
    state: State = State.REPORTED
    version: int = 1
    last: int = 0
    heard: dict[str, int] = field(default_factory=dict)
    noted: dict[tuple[str, int], int] = field(default_factory=dict)
    patrol: str = ""
    department: str = ""
    dispatch: str = ""
    level: int = 0
    tasks: dict[str, str] = field(default_factory=dict)
    request: tuple[str, str] | None = None
    into: str = ""
    previous: State = State.REPORTED
    until: int | None = None
    events: int = 1
    score: int | None = None
    joined: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    resend: int | None = None
    closed: str = ""
    log: list[tuple[str, ...]] = field(default_factory=list)

    def note(self, act: str, by: str, role: str, before: str, version: int, holder: str = "", said: str = "") -> None:
        """An entry of the log."""
        self.log.append((act, by, role, str(before), str(self.state), str(version), holder, said))

    def part_of(self, a: Asked) -> str:
        """How far a department's part is; refused when it has none."""
        if a.department not in self.tasks:
            raise No("DepartmentRefused")
        return self.tasks[a.department]


def key(clock: Clock) -> str:
    """What the reminders of a clock are called."""
    return f"{clock.name}:{clock.of}" if clock.of else clock.name


def runs(clock: Clock) -> bool:
    """Neither stopped nor standing still."""
    return clock.done is None and clock.paused is None


def by_holder(a: Asked) -> bool:
    """Said by whoever is on the case."""
    return a.role == "field" or (a.role == "department" and a.name not in OWN_PART)


class Model(Own):
    """All cases of a site."""

    def __init__(self, matters: Mapping[str, Matter], calendar: Calendar) -> None:
        self.matters, self.calendar = matters, calendar
        self.cases: dict[str, ModelCase] = {}
        self.marks: dict[Clock, list[int]] = {}

    def joinable(self, matter: str, spot: Spot, at: datetime) -> list[str]:
        """Cases that a new event of this matter may belong to."""
        far = self.matters[matter].merge_minutes * 60_000
        return [
            c.no for c in self.cases.values()
            if c.state not in OVER and c.state is not State.HANDLED and (c.matter, c.spot) == (matter, spot)
            and abs(millis(at) - c.last) <= far
        ]  # fmt: skip

    def opens(self, no: str, matter: str, spot: Spot, by: tuple[str, str], at: datetime) -> None:
        """An event opens a case; what devices say is verified and accepted by rule."""
        case = ModelCase(no, matter, spot, millis(at), [], (by[0], "report"), last=millis(at))
        case.clocks += self._running(case, ("respond",), at)
        case.note("report", *by, "", 1)
        self.cases[no] = case
        self._by_rule(case, by, at)

    def joins(self, no: str, event: str, opens: tuple[Any, ...]) -> None:
        """An event joins a case by itself; what a device confirms is accepted."""
        (_matter, _spot, by, at), case = opens, self.cases[no]
        case.events, case.last, case.joined[event] = case.events + 1, max(case.last, millis(at)), opens
        case.note("join", *by, case.state, case.version)
        self._by_rule(case, by, at)

    def _by_rule(self, case: ModelCase, by: tuple[str, str], at: datetime) -> None:
        if by[1] != "device" or case.state not in (State.REPORTED, State.VERIFIED):
            return
        for name, to in (("verify", State.VERIFIED), ("accept", State.ACCEPTED)):
            if (before := case.state) is not to:
                case.state, case.version, case.who = to, case.version + 1, ("rule", "accept")
                case.note(name, "rule", "rule", before, case.version)
        case.clocks += self._running(case, ("handle",), at)
        case.heard.pop("handle", None)

    def remind(self, case: ModelCase, now: int) -> list[tuple[str, str, int, int]]:
        """Notes what is due by now and raises the level."""
        found = []
        for clock in filter(runs, case.clocks):
            for share in self._shares(clock, case.heard.get(key(clock), 0), now):
                if share <= case.noted.get((key(clock), clock.due), 0):
                    continue  # the clock has come back to a deadline that it had
                case.noted[key(clock), clock.due] = share
                case.level = max(case.level, 3 if share >= 200 else 2 if share >= 100 else 1 if share >= 80 else 0)
                case.note("remind", "clock", "rule", case.state, case.version, case.patrol, f"{key(clock)} {share}")
                found.append((case.no, key(clock), clock.due, share))
            case.heard[key(clock)] = max(now, case.heard.get(key(clock), 0))
        return found

    def next_mark(self, clock: Clock, after: int) -> int:
        """When the next reminder is due; 0 when nobody has looked at the clock yet."""
        return next(at for n in count() if (at := self._mark(clock, n)) > after) if after else 0

    def _mark(self, clock: Clock, n: int) -> int:
        """When reminder number n is due."""
        known = self.marks.setdefault(clock, [])
        while len(known) <= n:
            known += clocks.marks(clock, self.calendar, len(known))
        return known[n]

    def _shares(self, clock: Clock, after: int, now: int) -> Iterator[int]:
        for n in count():
            if (at := self._mark(clock, n)) > now:
                return
            if at > after:
                yield clocks.percent(n)

    def act(self, a: Asked, at: datetime, opened: str = "") -> None:
        """Does the act, or raises No and changes nothing. `opened`: the number of the case that a split opens."""
        case, row, now = self.cases[a.no], workflow.BY_NAME[a.name], millis(at)
        late = self._late(case, a, row)
        own = getattr(self, f"_{a.name}", None)
        fresh = own(case, a, at) if own and not late else None
        late = late or fresh == LATE
        if fresh is None:
            fresh = [(clock, now) for clock in self._running(case, row.starts, at)]
        self.remind(case, now)
        before, holder = case.state, case.patrol or case.department
        if late:
            return case.note(a.name, a.by, a.role, before, case.version, holder, LATE)
        after = case.previous if row.after is Goes.PREVIOUS else before if row.after is Goes.SAME else row.after
        case.state, case.version, case.who = State(after), case.version + 1, (a.by, a.name)
        holder = a.patrol or a.department if "who" in row.needs else holder
        case.note(a.name, a.by, a.role, before, case.version, holder)
        case.clocks = [*self._turned(case, a, row, now, {key(clock) for clock, _ in fresh}), *(c for c, _ in fresh)]
        case.heard |= {key(clock): heard for clock, heard in fresh}
        self._holder(case, a, row, now)
        if case.request and (case.request[0] == a.name or case.state not in workflow.BY_NAME[case.request[0]].before):
            case.request = None
        if a.name == "split":
            self.opens(opened, *case.joined.pop(a.event))
        if case.state not in (State.CLOSED, State.RATED):
            case.closed = ""
        return None

    def _late(self, c: ModelCase, a: Asked, row: workflow.Act) -> bool:
        """Who may, and when. True for a reply that comes too late to change anything."""
        if a.seen is not None and a.seen != c.version:
            raise No("CaseTaken", *c.who, c.version)
        if a.role not in row.roles:
            raise No("RoleRefused")
        theirs = {
            "field": c.patrol != "" and (a.patrol, a.dispatch) == (c.patrol, c.dispatch),
            "department": a.name in OWN_PART or (a.department, a.dispatch) == (c.department or None, c.dispatch),
        }  # fmt: skip
        if not theirs.get(a.role, True):
            raise No("WrongPatrol")
        late = c.state not in row.before
        if late and not (by_holder(a) and c.state in row.passed):
            raise No("JumpRefused")
        there = {"who": a.patrol or a.department, "proof": a.image or not self.matters[c.matter].proof}
        if missing := tuple(need for need in row.needs if not there.get(need, getattr(a, need, None))):
            raise No("NeedsMissing", missing)
        return late

    def _turned(self, c: ModelCase, a: Asked, row: workflow.Act, now: int, fresh: set[str]) -> Iterator[Clock]:
        """The clocks that there were: cancelled and replaced ones go, stopped ones say when, paused ones since when."""
        mine = a.department if a.name in (*OWN_PART, "dismiss") else None
        for clock in c.clocks:
            on = clock.done is None and mine in (None, clock.of)
            if key(clock) in fresh or (on and clock.name in row.cancels):
                continue
            if on and clock.name in row.stops:
                clock = replace(clock, done=now, paused=None)
            yield replace(clock, paused=now) if on and row.pauses else clock

    def _holder(self, c: ModelCase, a: Asked, row: workflow.Act, now: int) -> None:
        """Who is on the case, and whether they have answered."""
        if row.patrol == "bind":
            c.patrol, c.department, c.dispatch, c.resend = a.patrol, a.department, f"{c.no}/{c.version}", now + RESEND
        elif c.state is not State.DISPATCHED or by_holder(a):
            c.resend = None
        if row.patrol == "free" and c.state is not State.HANDLED:
            c.patrol = c.department = c.dispatch = ""
