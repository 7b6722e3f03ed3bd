"""What single acts have of their own, in the model of a case's life: refusals, then changes.

Each answers the clocks that start, with until when their reminders are noted; None: those of its row, from now on;
LATE: it finds nothing to do.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from streams import clocks, workflow
from streams.acts import CHECK_IN, Asked
from streams.calendar import Calendar, instant
from streams.clocks import Limit
from streams.codec import local_day, millis
from streams.matters import Matter
from streams.model import Clock, State

if TYPE_CHECKING:
    from tests.streams.life_model import ModelCase

OVER = frozenset(State) - workflow.OPEN
PATROLS, LIAISONS = ("P-1", "P-2", "P-3"), ("sanitation", "emergency")
LATE = "late"


class No(Exception):
    """An act that is refused: the name of the error that says so, and what it must say."""


class Own:
    """What `Model` finds by the name of the act."""

    matters: Mapping[str, Matter]
    calendar: Calendar
    cases: dict[str, ModelCase]

    def on(self, patrol: str) -> ModelCase | None:
        """The case that a patrol is on."""
        return next((c for c in self.cases.values() if c.patrol == patrol and c.state in workflow.ON_CASE), None)

    def _running(self, c: ModelCase, names: tuple[Any, ...], at: datetime) -> list[Clock]:
        return list(clocks.running(self.matters[c.matter].clocks, names, at, self.calendar))

    def _classify(self, c: ModelCase, a: Asked, at: datetime) -> Any:
        start = next((clock.start for clock in c.clocks if clock.name == "respond"), c.received)
        c.matter = a.matter
        return [(clock, min(millis(at), clock.due - 1)) for clock in self._running(c, ("respond",), instant(start))]

    def _place(self, c: ModelCase, a: Asked, at: datetime) -> None:
        c.spot = a.place or c.spot

    def _dispatch(self, c: ModelCase, a: Asked, at: datetime) -> None:
        if a.patrol and a.patrol not in PATROLS:
            raise No("PatrolUnknown")
        if not a.patrol and a.department not in LIAISONS:
            raise No("SixFixesMissing", ("person",))
        if a.patrol and (other := self.on(a.patrol)):
            raise No("PatrolBusy", other.no)

    def _whistle(self, c: ModelCase, a: Asked, at: datetime) -> Any:
        if len(set(a.departments)) < len(a.departments) or any(
            c.tasks.get(department, "done") != "done" for department in a.departments
        ):
            raise No("DepartmentRefused")
        c.tasks |= dict.fromkeys(a.departments, "called")
        limit = self.matters[c.matter].clocks.get("check_in", CHECK_IN)
        return [
            (clocks.clock("check_in", at, limit, self.calendar, of=each), millis(at)) for each in a.departments
        ]

    def _check_in(self, c: ModelCase, a: Asked, at: datetime, to: str = "on_scene") -> Any:
        part = c.part_of(a)
        if part == "done" or (to, part) == ("on_scene", "on_scene"):
            return LATE
        c.tasks[a.department] = to
        settle = self.matters[c.matter].clocks.get("settle")
        if part != "called" or "called" in c.tasks.values() or settle is None:
            return []
        return [(clocks.clock("handle", at, settle, self.calendar), millis(at))]  # all have come: the joint visit

    def _finish(self, c: ModelCase, a: Asked, at: datetime) -> Any:
        return self._check_in(c, a, at, "done")

    def _dismiss(self, c: ModelCase, a: Asked, at: datetime) -> Any:
        if c.part_of(a) == "done":
            return LATE
        del c.tasks[a.department]
        return None

    def _handle(self, c: ModelCase, a: Asked, at: datetime) -> None:
        if set(c.tasks.values()) - {"done"}:
            raise No("TasksOpen")

    def _rework(self, c: ModelCase, a: Asked, at: datetime) -> Any:
        return [(replace(clock, done=None), clock.done) for clock in c.clocks if clock.name == "handle"]

    def _close(self, c: ModelCase, a: Asked, at: datetime) -> None:
        c.closed = local_day(at, self.calendar.tz)

    def _rate(self, c: ModelCase, a: Asked, at: datetime) -> None:
        c.score = a.score

    def _reopen(self, c: ModelCase, a: Asked, at: datetime) -> None:
        c.score = None

    def _reject(self, c: ModelCase, a: Asked, at: datetime) -> None:
        c.tasks = {}

    def _suspend(self, c: ModelCase, a: Asked, at: datetime) -> None:
        c.until = millis(a.until) if a.until else None

    def _resume(self, c: ModelCase, a: Asked, at: datetime) -> Any:
        c.until = None
        return [(clocks.resumed(clock, at, self.calendar), millis(at)) for clock in c.clocks if clock.paused]

    def _extend(self, c: ModelCase, a: Asked, at: datetime) -> Any:
        more, handle = Limit.parse(a.limit), [clock for clock in c.clocks if clock.name == "handle"]
        return [(clocks.extended(clock, more, at, self.calendar), millis(at)) for clock in handle]

    def _ask(self, c: ModelCase, a: Asked, at: datetime) -> None:
        if c.request:
            raise No("RequestOpen", c.request)
        if a.wanted not in workflow.SIDE_EXITS or c.state not in workflow.BY_NAME[a.wanted].before:
            raise No("JumpRefused")
        c.request = (a.wanted, a.by)

    def _refuse(self, c: ModelCase, a: Asked, at: datetime) -> None:
        if not c.request:
            raise No("RequestOpen", ("", ""))
        c.request = None

    def _merge(self, c: ModelCase, a: Asked, at: datetime) -> None:
        other = self.cases.get(a.into)
        if other is None:
            raise No("NoSuchCase")
        if other is c or other.state in OVER:
            raise No("TargetOver")
        c.into, c.previous, other.events = a.into, c.state, other.events + c.events
        other.note("absorb", a.by, a.role, other.state, other.version)

    def _unmerge(self, c: ModelCase, a: Asked, at: datetime) -> None:
        other = self.cases[c.into]
        if other.state in OVER:
            raise No("TargetOver")
        other.events, c.into = other.events - c.events, ""
        other.note("release", a.by, a.role, other.state, other.version)

    def _split(self, c: ModelCase, a: Asked, at: datetime) -> None:
        if a.event not in c.joined:
            raise No("NotJoined")
        c.events -= 1
