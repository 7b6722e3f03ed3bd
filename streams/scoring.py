"""The day's figures: three cohorts that are never mixed, and what stands open now.

*Came in* are the cases received on the day: each is counted once, by its state at the cut-off, so that inflow
= ever dispatched + waiting + rejected + merged. A case that was withdrawn and lies with nobody waits again.
*Fell due* are the cases whose limit to handle ends on the day, whenever they came in: only they have a
closing rate. *Closed* are those closed on the day, whenever they came in or fell due. A rate of nothing is
None, never 100 %.

Everything is counted from the cases as they are; nothing is added up on the way, so that no counter can
drift.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

import msgspec

from streams.model import Case, Clock, State
from streams.workflow import ON_CASE, OPEN, WAITING

ORIGINS = ("resident", "village", "device")
EVER_DISPATCHED = ON_CASE | {State.HANDLED, State.CLOSED, State.RATED}
AWAITED = WAITING | {State.SUSPENDED}
"""Nobody is on it: to verify, to accept, to dispatch, or suspended, which leads back to dispatching."""
REJECTED = frozenset({State.REJECTED})
"""States of cases that were declared void."""
MERGED = frozenset({State.MERGED})
"""States of cases that were merged into another after they had a number."""
NEAR = 0.1
"""A case is supervised when so much of a limit, or less, is left."""


class CameIn(msgspec.Struct, frozen=True):
    """Cases received on the day. `by_hour`: origin -> 24 counts, by local hour."""

    inflow: int
    by_origin: dict[str, int]
    dispatched: int
    waiting: int
    rejected: int
    merged: int
    by_hour: dict[str, list[int]]

    @property
    def reconciles(self) -> bool:
        """Whether every case is counted exactly once, both ways."""
        placed = self.dispatched + self.waiting + self.rejected + self.merged
        return self.inflow == placed == sum(self.by_origin.values())


class FellDue(msgspec.Struct, frozen=True):
    """Cases whose limit to handle ends on the day.

    `ahead`: of those, still open and with time left at the cut-off; they count in `due`, so a rate of a
    running day can still rise. `on_time`: closed before the limit; `handled_on_time`: fed back before it.
    Rates are 0 to 1.
    """

    due: int
    ahead: int
    closed: int
    on_time: int
    handled_on_time: int
    closing_rate: float | None
    on_time_rate: float | None


class ClosedOnDay(msgspec.Struct, frozen=True):
    """Cases closed on the day; `mean_handling`: mean seconds from acceptance to feedback, None when there
    is none."""

    closed: int
    mean_handling: float | None


class OpenNow(msgspec.Struct, frozen=True):
    """Cases open at the cut-off, whenever they came in. `supervised`: a reminder has gone up to a
    named person, or a running clock is past its limit or has 10 % or less of it left; `overdue`: past it."""

    open: int
    supervised: int
    overdue: int
    by_state: dict[str, int]


class Share(msgspec.Struct, frozen=True):
    """One grid's or one department's part: each number of the cohort its name says."""

    inflow: int
    open: int
    due: int
    due_closed: int
    due_on_time: int
    closed: int
    closing_rate: float | None
    on_time_rate: float | None


class Figures(msgspec.Struct, frozen=True):
    """The figures of one day at one cut-off. `day` is the local date, `at` the cut-off in epoch ms.
    `by_grid` is keyed by the code that counts, `by_department` by the lead; "" is: in no grid, of no known
    matter."""

    day: str
    at: int
    came_in: CameIn
    fell_due: FellDue
    closed: ClosedOnDay
    now: OpenNow
    by_grid: dict[str, Share]
    by_department: dict[str, Share]
    announced: Announced


class Announced(msgspec.Struct, frozen=True):
    """Alerts of matters that announce first, received on the day: beside the inflow, not in it. `settled`: gone when
    somebody looked again, so that no case opened; the share is of all of them."""

    alerts: int
    announced: int
    settled: int
    share: float | None


class _Day(msgspec.Struct, frozen=True):
    """The day and the cut-off, in epoch ms; `start` is aware, in local time."""

    start: datetime
    begin: int
    end: int
    at: int

    def holds(self, at: int | None) -> bool:
        return at is not None and self.begin <= at < self.end

    def hour(self, at: int) -> int:
        return datetime.fromtimestamp(at / 1000, self.start.tzinfo).hour


def figures(
    cases: Iterable[Case],
    day_start: datetime,
    now: datetime,
    leads: Mapping[str, str] | None = None,
    counts: Mapping[str, int] | None = None,
) -> Figures:
    """The figures of the day that starts at `day_start` (local midnight, aware, in the local zone), cut off
    at `now`.

    `cases`: those that came in, fell due or were closed on the day, and all open ones; a case given twice
    counts once, and others do no harm. `leads`: matter key -> lead department. `counts`: what the record script
    counted on the day.
    """
    end = day_start + timedelta(
        days=1
    )  # wall-clock arithmetic: the next local midnight, also where clocks change
    day = _Day(day_start, _ms(day_start), _ms(end), _ms(now))
    known = list({case.no: case for case in cases if case.received <= day.at}.values())
    lead = leads or {}
    return Figures(
        day=day_start.date().isoformat(),
        at=day.at,
        came_in=_came_in([case for case in known if day.holds(case.received)], day),
        fell_due=_fell_due(_due(known, day), day),
        closed=_closed([case for case in known if day.holds(case.closed)]),
        now=_open([case for case in known if case.state in OPEN], day.at),
        by_grid=_shares(known, day, lambda case: case.grid or ""),
        by_department=_shares(known, day, lambda case: lead.get(case.matter, "")),
        announced=_announced(counts or {}),
    )


def rate(part: int, whole: int) -> float | None:
    """part / whole; None when there is no whole, since a rate of nothing is not 100 %."""
    return part / whole if whole else None


def handling(case: Case) -> Clock | None:
    """The clock that limits the handling: the last one, when work was sent back; None before acceptance."""
    return next((clock for clock in reversed(case.clocks) if clock.name == "handle"), None)


def runs(clock: Clock) -> bool:
    """Whether a clock neither has stopped nor stands still."""
    return clock.done is None and clock.paused is None


def supervised(case: Case, at: int) -> bool:
    """Whether an open case lies before a named person: a reminder has gone up to one, or a running clock is past its
    limit or has a tenth of it or less left (epoch ms). As the desk's tab counts (`dispatch-queue.js`)."""
    return case.state in OPEN and (
        case.level > 0
        or any(runs(clock) and clock.due - at <= NEAR * (clock.due - clock.start) for clock in case.clocks)
    )


def overdue(case: Case, at: int) -> bool:
    """Whether a running clock of an open case is past its limit (epoch ms)."""
    return case.state in OPEN and any(runs(clock) and clock.due <= at for clock in case.clocks)


def _came_in(cases: list[Case], day: _Day) -> CameIn:
    by_hour = {origin: [0] * 24 for origin in ORIGINS}
    for case in cases:
        by_hour[case.origin][day.hour(case.received)] += 1
    return CameIn(
        inflow=len(cases),
        by_origin={origin: sum(hours) for origin, hours in by_hour.items()},
        dispatched=_in(cases, EVER_DISPATCHED),
        waiting=_in(cases, AWAITED),
        rejected=_in(cases, REJECTED),
        merged=_in(cases, MERGED),
        by_hour=by_hour,
    )


def _announced(counts: Mapping[str, int]) -> Announced:
    alerts, settled = counts.get("alerts:first", 0), counts.get("settled", 0)
    return Announced(alerts, counts.get("announced", 0), settled, rate(settled, alerts))


def _in(cases: list[Case], states: frozenset[State]) -> int:
    return sum(case.state in states for case in cases)


def _due(cases: Iterable[Case], day: _Day) -> list[tuple[Case, Clock]]:
    """The cases that fall due on the day, each with the clock that says so."""
    timed = ((case, handling(case)) for case in cases if case.state not in MERGED)
    return [
        (case, clock) for case, clock in timed
        if clock is not None and clock.paused is None and day.holds(clock.due)
    ]  # fmt: skip


def _fell_due(due: list[tuple[Case, Clock]], day: _Day) -> FellDue:
    closed = sum(case.closed is not None for case, _ in due)
    on_time = sum(case.closed is not None and case.closed <= clock.due for case, clock in due)
    return FellDue(
        due=len(due),
        ahead=sum(case.state in OPEN and clock.due > day.at for case, clock in due),
        closed=closed,
        on_time=on_time,
        handled_on_time=sum(clock.done is not None and clock.done <= clock.due for _, clock in due),
        closing_rate=rate(closed, len(due)),
        on_time_rate=rate(on_time, len(due)),
    )


def _closed(cases: list[Case]) -> ClosedOnDay:
    taken = [
        (clock.done - clock.start) / 1000
        for clock in map(handling, cases)
        if clock is not None and clock.done is not None
    ]
    return ClosedOnDay(len(cases), sum(taken) / len(taken) if taken else None)


def _open(cases: list[Case], at: int) -> OpenNow:
    by_state = {state.value: 0 for state in State if state in OPEN}
    for case in cases:
        by_state[case.state.value] += 1
    return OpenNow(
        open=len(cases),
        supervised=sum(supervised(case, at) for case in cases),
        overdue=sum(overdue(case, at) for case in cases),
        by_state=by_state,
    )


def _shares(cases: list[Case], day: _Day, named: Callable[[Case], str]) -> dict[str, Share]:
    """Every group's part, by name."""
    groups: dict[str, list[Case]] = {}
    for case in cases:
        groups.setdefault(named(case), []).append(case)
    return {name: _share(groups[name], day) for name in sorted(groups)}


def _share(cases: list[Case], day: _Day) -> Share:
    fell_due = _fell_due(_due(cases, day), day)
    return Share(
        inflow=sum(day.holds(case.received) for case in cases),
        open=_in(cases, OPEN),
        due=fell_due.due,
        due_closed=fell_due.closed,
        due_on_time=fell_due.on_time,
        closed=sum(day.holds(case.closed) for case in cases),
        closing_rate=fell_due.closing_rate,
        on_time_rate=fell_due.on_time_rate,
    )


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)
