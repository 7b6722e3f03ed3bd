"""Time limits: how long, counted how, and when that is over.

Time is counted in four ways. `urgent_hour` runs around the clock. `work_hour` runs only in the working hours
of working days. `work_day` and `natural_day` do not count the day they start on; n working days end with the
working hours of the n-th, n natural days with the midnight that ends the n-th.

Working days are the State Council's (make-up Saturdays count, holidays do not), as `chinesecalendar` has
them. It knows only the years that were announced; another year is counted Monday to Friday and every limit
that touched it is *provisional*, until an administrator loads a calendar file that says what holds. The zone
lives in the `Calendar`, since a working day without its zone means nothing. A suspended case's clocks will be
a matter of shifting `start`: not here.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Literal, cast
from zoneinfo import ZoneInfo

import chinese_calendar

from streams.errors import BadSetting
from streams.model import Clock

Unit = Literal["m", "h", "d"]
Counted = Literal["urgent_hour", "work_hour", "work_day", "natural_day"]
ClockName = Literal["respond", "arrive", "handle"]
Session = tuple[time, time]

ACCEPTED = '"30m urgent_hour", "4h work_hour", "5d work_day" or "2d natural_day"'
WORK_HOURS: tuple[Session, ...] = ((time(8, 30), time(12, 0)), (time(13, 30), time(17, 30)))
"""The default working hours, local time: 08:30-12:00 and 13:30-17:30."""
DAY = timedelta(days=1)
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


@lru_cache(maxsize=4096)
def _official(day: date) -> tuple[bool, bool]:
    """(is a working day, is announced) by the State Council; Monday to Friday for a year it has not
    announced."""
    try:
        return bool(chinese_calendar.is_workday(day)), True
    except NotImplementedError:
        return day.weekday() < 5, False


@dataclass(frozen=True)
class Calendar:
    """Which days and hours are worked, in one zone.

    `holidays` and `workdays` overrule the official calendar day by day; `years` are those that the two state
    completely, so that the rest of such a year is Monday to Friday for certain. `hours`: the sessions of a
    day.
    """

    tz: tzinfo = field(default_factory=lambda: ZoneInfo("Asia/Shanghai"))
    hours: tuple[Session, ...] = WORK_HOURS
    holidays: frozenset[date] = frozenset()
    workdays: frozenset[date] = frozenset()
    years: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        edges = [edge for session in self.hours for edge in session]
        if not edges or any(a >= b for a, b in pairwise(edges)):
            said = ", ".join(f"{a:%H:%M}-{b:%H:%M}" for a, b in self.hours) or "none"
            raise BadSetting(
                f"working hours {said}: give sessions in order that do not overlap, "
                f"such as 08:30-12:00, 13:30-17:30"
            )

    def works(self, day: date) -> tuple[bool, bool]:
        """(is a working day, is known): not known is a guess by the day of the week."""
        if day in self.workdays:
            return True, True
        if day in self.holidays:
            return False, True
        if day.year in self.years:
            return day.weekday() < 5, True
        return _official(day)

    def utc(self, day: date, at: time) -> datetime:
        """The instant of a local time of a local day."""
        return datetime.combine(day, at, self.tz).astimezone(UTC)


def load_calendar(path: Path, tz: tzinfo | None = None, hours: tuple[Session, ...] = WORK_HOURS) -> Calendar:
    """The official calendar with a file's `holidays`, `workdays` (lists of dates) and `years` (completely
    stated).

    Raises BadSetting naming the file, the key, the value and the accepted form.
    """
    try:
        doc = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise BadSetting(
            f"{path}: cannot be read ({error.strerror}); give a calendar file, or none"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSetting(f"{path}: is not TOML ({error}); write holidays = [2027-01-01]") from error
    if unknown := set(doc) - {"holidays", "workdays", "years"}:
        raise BadSetting(f"{path}: unknown key {min(unknown)!r}; known are holidays, workdays, years")
    holidays, workdays = _dates(path, doc, "holidays"), _dates(path, doc, "workdays")
    if both := holidays & workdays:
        raise BadSetting(f"{path}: {min(both)} is in holidays and in workdays; keep it in one")
    years = doc.get("years", [])
    if not isinstance(years, list) or any(type(year) is not int for year in years):
        raise BadSetting(f"{path}: years = {years!r}; write a list of years, such as [2027]")
    zone = tz or ZoneInfo("Asia/Shanghai")
    return Calendar(zone, hours, holidays, workdays, frozenset(years))


def _dates(path: Path, doc: dict[str, object], key: str) -> frozenset[date]:
    """A list of dates of a calendar file; TOML dates, or texts in the same form."""
    listed = doc.get(key, [])
    if not isinstance(listed, list):
        raise BadSetting(f"{path}: {key} = {listed!r}; write a list of dates, such as [2027-01-01]")
    days = set()
    for value in listed:
        if isinstance(value, datetime) or not isinstance(value, date | str):
            raise BadSetting(f"{path}: {key} holds {value!r}; write a date, such as 2027-01-01")
        try:
            days.add(value if isinstance(value, date) else date.fromisoformat(value))
        except ValueError as error:
            raise BadSetting(f"{path}: {key} holds {value!r}; write a date, such as 2027-01-01") from error
    return frozenset(days)


def due(start: datetime, limit: Limit, calendar: Calendar) -> Due:
    """When a limit that starts at `start` (aware) is over."""
    match limit.kind:
        case "urgent_hour":
            return Due(start.astimezone(UTC) + limit.length, False)
        case "work_hour":
            return _after_work_hours(start, limit.length, calendar)
        case "work_day":
            return _after_work_days(start, limit.amount, calendar)
        case "natural_day":
            first = start.astimezone(calendar.tz).date()
            return Due(calendar.utc(first + (limit.amount + 1) * DAY, time()), False)


def _after_work_hours(start: datetime, left: timedelta, calendar: Calendar) -> Due:
    """Spend `left` in session after session, from `start` on."""
    day, provisional = start.astimezone(calendar.tz).date(), False
    while True:
        works, known = calendar.works(day)
        provisional |= not known
        for opens, closes in calendar.hours if works else ():
            begin, end = max(start, calendar.utc(day, opens)), calendar.utc(day, closes)
            if begin + left <= end:
                return Due((begin + left).astimezone(UTC), provisional)
            left -= max(end - begin, timedelta())
        day += DAY


def _after_work_days(start: datetime, days: int, calendar: Calendar) -> Due:
    """The end of the working hours of the `days`-th working day after the start day."""
    day, provisional = start.astimezone(calendar.tz).date(), False
    while days:
        day += DAY
        works, known = calendar.works(day)
        provisional |= not known
        days -= works
    return Due(calendar.utc(day, calendar.hours[-1][1]), provisional)


def clock(name: ClockName, start: datetime, limit: Limit, calendar: Calendar) -> Clock:
    """The running clock of a case, in epoch milliseconds."""
    over = due(start, limit, calendar)
    return Clock(name, _ms(start), _ms(over.at), provisional=over.provisional)


def running(
    limits: Mapping[str, Limit], names: Iterable[ClockName], start: datetime, calendar: Calendar
) -> tuple[Clock, ...]:
    """The clocks of these names that a matter has limits for, all starting at `start`."""
    return tuple(clock(name, start, limits[name], calendar) for name in names if name in limits)


def _ms(at: datetime) -> int:
    """Epoch milliseconds; whole numbers throughout, since a float of seconds may lose one."""
    since = at - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1000 + since.microseconds // 1000
