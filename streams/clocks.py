"""Time limits: how long, counted how, when that is over, when to remind, and what standing still does to it.

Time is counted in four ways. `urgent_hour` runs around the clock. `work_hour` runs only in the working hours
of working days. `work_day` and `natural_day` do not count the day they start on; n working days end with the
working hours of the n-th, n natural days with the midnight that ends the n-th. A limit that touched a year
nobody announced yet is *provisional* (see `Calendar`).

Reminders come at 50 % and 80 % of the way from start to due, at the due, and then with each further full
limit. The way is measured in time (`urgent_hour`, `natural_day`) or in working time (`work_hour`,
`work_day`), so that a reminder of working time falls into working hours.

A suspended clock stands still. When it goes on, its due moves by what passed, in its own kind of time, and its
start moves too, by the time or working time that passed: what lies between the two is then always what
was given, and shares, reminders and the time taken (done minus start) need not know of the pause.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import lru_cache
from typing import Literal, cast

from msgspec.structs import replace

from streams.calendar import Calendar, epoch_ms, instant
from streams.errors import BadSetting
from streams.model import Clock, ClockName

Unit = Literal["m", "h", "d"]
Counted = Literal["urgent_hour", "work_hour", "work_day", "natural_day"]

ACCEPTED = '"30m urgent_hour", "4h work_hour", "5d work_day" or "2d natural_day"'
REMINDERS = 12
"""How many reminders are worked out when a clock starts: 50 % to 1000 %."""
AT_DUE = 2
"""The number of the reminder that falls on the due."""
OF_WORK, OF_DAYS = ("work_hour", "work_day"), ("work_day", "natural_day")
MINUTE_MS, DAY = 60_000, timedelta(days=1)
_FORM = re.compile(r"([1-9]\d{0,3})\s*([mhd]?)\s+(urgent_hour|work_hour|work_day|natural_day)")


@dataclass(frozen=True, slots=True)
class Limit:
    """How long: an amount of minutes, hours or days, and how it is counted."""

    amount: int
    unit: Unit
    kind: Counted

    @classmethod
    def parse(cls, text: str) -> Limit:
        """The limit that a text like "4h work_hour" states; raises BadSetting with the accepted forms."""
        found = _FORM.fullmatch(text.strip())
        if found is None:
            raise BadSetting(f"{text!r} is no time limit: write {ACCEPTED}")
        counted = cast(Counted, found[3])
        days = counted.endswith("day")
        unit = cast(Unit, found[2] or ("d" if days else "h"))
        if days != (unit == "d"):
            raise BadSetting(
                f"{text!r} is no time limit: {counted} is counted in "
                f"{'days' if days else 'minutes or hours'}, as in {ACCEPTED}"
            )
        return cls(int(found[1]), unit, counted)

    def __str__(self) -> str:
        return f"{self.amount}{self.unit} {self.kind}"

    @property
    def length(self) -> timedelta:
        """Minutes, hours or days as a length, whatever they are counted of."""
        if self.unit == "m":
            return timedelta(minutes=self.amount)
        return timedelta(hours=self.amount) if self.unit == "h" else timedelta(days=self.amount)


@dataclass(frozen=True, slots=True)
class Due:
    """When a limit is over (aware, UTC), and whether a year nobody has announced yet was counted."""

    at: datetime
    provisional: bool


def due(start: datetime, limit: Limit, calendar: Calendar) -> Due:
    """When a limit that starts at `start` (aware) is over."""
    at, guessed = _over(epoch_ms(start), *_measure(limit), calendar)
    return Due(instant(at), guessed)


def clock(name: ClockName, start: datetime, limit: Limit, calendar: Calendar, of: str = "") -> Clock:
    """The running clock of a case, in epoch milliseconds; `of`: the department that it is about."""
    begin = epoch_ms(start)
    at, guessed = _over(begin, *_measure(limit), calendar)
    return Clock(name, begin, at, provisional=guessed, limit=str(limit), of=of)


def running(
    limits: Mapping[str, Limit], names: Iterable[ClockName], start: datetime, calendar: Calendar
) -> tuple[Clock, ...]:
    """The clocks of these names that a matter has limits for, all starting at `start`."""
    return tuple(clock(name, start, limits[name], calendar) for name in names if name in limits)


def percent(index: int) -> int:
    """What reminder number `index` says is used up: 50, 80, 100, 200, 300 … per cent."""
    return (50, 80)[index] if index < AT_DUE else (index - 1) * 100


def marks(clock: Clock, calendar: Calendar, skip: int = 0, count: int = REMINDERS) -> tuple[int, ...]:
    """When the reminders number `skip` and on are due, `count` of them, epoch ms, each later than the one before.

    Number 2 is the due itself. Later ones go on from the due by one more limit each, in working days from
    closing to closing. A clock without a limit (from before clocks had one) goes on by its own length.
    """
    kind, step = _given(clock)
    early = _early(clock, kind, calendar) if skip < AT_DUE else ()
    late = [
        _on(clock.due, kind, step * (index - AT_DUE), calendar) if index > AT_DUE else clock.due
        for index in range(max(skip, AT_DUE), skip + count)
    ]
    return (*early[skip : skip + count], *late)


def _early(clock: Clock, kind: Counted, calendar: Calendar) -> tuple[int, int]:
    """When 50 % and 80 % of the way to the due are used up; the bounds hold for ways that are (nearly) no time."""
    whole = _passed(clock.start, clock.due, kind, calendar)
    half, most = (_later(clock.start, whole * percent(index) // 100, kind, calendar) for index in range(AT_DUE))
    return min(half, clock.due - 2), min(max(most, half + 1), clock.due - 1)


def resumed(clock: Clock, now: datetime, calendar: Calendar) -> Clock:
    """A clock that stood still goes on at `now`; one that does not stand still is returned as it is.

    What is left of it is left of it again: of hours the time, of working hours the working time, of days the days
    after today; days that were on their last one get what was left of that one when today's end is past, so that
    no clock is broken by its pause. One that was broken before stays broken by as much. Never due earlier.
    """
    if clock.paused is None or clock.done is not None:
        return clock
    kind, _ = _given(clock)
    paused, at = clock.paused, max(epoch_ms(now), clock.paused)
    stood = _passed(paused, at, kind, calendar)
    if clock.due <= paused:
        moved = _later(clock.due, stood, kind, calendar)
    elif (moved := _moved(clock.due, kind, paused, at, calendar)) <= at:
        moved = _later(at, _passed(paused, clock.due, kind, calendar), kind, calendar)
    start = _later(clock.start, stood, kind, calendar)
    touched = (calendar.day(min(paused, clock.due)), calendar.day(max(moved, at)))
    guessed = moved != clock.due and kind in OF_WORK and calendar.guessed(*touched)
    return replace(clock, start=start, due=moved, paused=None, provisional=clock.provisional or guessed)


def extended(clock: Clock, limit: Limit, now: datetime, calendar: Calendar) -> Clock:
    """A clock with more time: due moves on by `limit`, which may be of another kind; a stopped one stays as it is.

    Counted on from the due, so that nobody loses what he had left by asking in time; from `now` when the due is
    past already (from the pause, while it stands still), since more time that is over too would be none.
    Its own limit stays: reminders after the new due follow in the steps of the matter.
    """
    if clock.done is not None:
        return clock
    present = clock.paused if clock.paused is not None else epoch_ms(now)
    kind, amount = _measure(limit)
    # a due is the end of what it counted: midnight still belongs to the day before
    base = clock.due - (kind in OF_DAYS) if clock.due >= present else present
    at, guessed = _over(base, kind, amount, calendar)
    return replace(clock, due=at, provisional=clock.provisional or guessed)


@lru_cache(maxsize=1024)
def _measure(limit: Limit) -> tuple[Counted, int]:
    """How it is counted, and how many milliseconds or days of it."""
    return limit.kind, limit.amount if limit.unit == "d" else limit.length // timedelta(milliseconds=1)


@lru_cache(maxsize=1024)
def _said(text: str) -> tuple[Counted, int] | None:
    """The measure that the text of a clock's limit states; None for a text that is none."""
    try:
        return _measure(Limit.parse(text))
    except BadSetting:  # a stored clock may be older than this form: its reminders must come all the same
        return None


def _given(clock: Clock) -> tuple[Counted, int]:
    """How a clock is counted and how much of it was given; one that does not say counts around the clock."""
    return _said(clock.limit) or ("urgent_hour", max(clock.due - clock.start, MINUTE_MS))


def _over(start: int, kind: Counted, amount: int, calendar: Calendar) -> tuple[int, bool]:
    """When so many milliseconds or days from `start` on are over, and whether a guessed day was counted."""
    if kind == "urgent_hour":
        return start + amount, False
    first = calendar.day(start)
    if kind == "natural_day":
        return epoch_ms(calendar.utc(first + (amount + 1) * DAY, time())), False
    if kind == "work_hour":
        at = calendar.work(start, amount)
        return at, calendar.guessed(first, calendar.day(at))
    last = calendar.working_day(first, amount)
    return calendar.closing(last), calendar.guessed(first + DAY, last)


def _on(end: int, kind: Counted, amount: int, calendar: Calendar) -> int:
    """When so many milliseconds or days more are over, after a limit that was over at `end`."""
    return _over(end - (kind in OF_DAYS), kind, amount, calendar)[0]


def _passed(begin: int, end: int, kind: Counted, calendar: Calendar) -> int:
    """The time, for work the working time, from an instant to a later one, ms."""
    return calendar.worked(begin, end) if kind in OF_WORK else end - begin


def _later(at: int, length: int, kind: Counted, calendar: Calendar) -> int:
    """The instant by which so much time, for work working time, has passed, ms."""
    return calendar.work(at, length) if kind in OF_WORK else at + length


def _moved(end: int, kind: Counted, paused: int, now: int, calendar: Calendar) -> int:
    """A due, moved on by what passed while the clock stood still: time, working time, or days at the same hour."""
    if kind == "urgent_hour" or kind == "work_hour":
        return _later(end, _passed(paused, now, kind, calendar), kind, calendar)
    before, today, last = calendar.day(paused), calendar.day(now), calendar.day(end - 1)
    if kind == "natural_day":
        by = today - before
    else:
        by = calendar.working_day(last, calendar.working_days(before, today)) - last
    local = instant(end).astimezone(calendar.tz)
    return epoch_ms(calendar.utc(local.date() + by, local.time())) if by else end
