"""Working time: which days and hours are worked, and how much of it lies between two instants.

Working days are the State Council's (make-up Saturdays count, holidays do not), as `chinesecalendar` has
them. It knows only the years that were announced; another year is counted Monday to Friday and is *guessed*,
until an administrator loads a calendar file that says what holds. The zone lives in the `Calendar`, since a
working day without its zone means nothing.

Every year is laid out once as a line of working sessions with the working time up to each, so that a question
is a search in that line and not a walk over its days: reminders ask a dozen such questions for each case that
opens. Instants are epoch milliseconds, lengths are milliseconds.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import chinese_calendar

from streams.errors import BadSetting

Session = tuple[time, time]

WORK_HOURS: tuple[Session, ...] = ((time(8, 30), time(12, 0)), (time(13, 30), time(17, 30)))
"""The default working hours, local time: 08:30-12:00 and 13:30-17:30."""
HOURS_FORM = "sessions in order that do not overlap, such as 08:30-12:00,13:30-17:30"
_HOURS = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)\s*-\s*([01]?\d|2[0-3]):([0-5]\d)")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def epoch_ms(at: datetime) -> int:
    """Epoch milliseconds of an aware time; whole numbers throughout, since a float of seconds may lose one."""
    since = at - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1000 + since.microseconds // 1000


def instant(at: int) -> datetime:
    """The aware UTC time of epoch milliseconds."""
    return _EPOCH + timedelta(milliseconds=at)


def parse_hours(text: str) -> tuple[Session, ...]:
    """The working hours that a text like "08:30-12:00,13:30-17:30" states; raises BadSetting with that form."""
    found = [_HOURS.fullmatch(part.strip()) for part in text.split(",")]
    hours = tuple((time(int(one[1]), int(one[2])), time(int(one[3]), int(one[4]))) for one in found if one is not None)
    if len(hours) < len(found) or not _in_order(hours):
        raise BadSetting(f"working hours {text!r}: give {HOURS_FORM}")
    return hours


def _in_order(hours: tuple[Session, ...]) -> bool:
    edges = [edge for session in hours for edge in session]
    return bool(edges) and all(a < b for a, b in pairwise(edges))


@lru_cache(maxsize=4096)
def _official(day: date) -> tuple[bool, bool]:
    """(is a working day, is announced) by the State Council; Monday to Friday for a year it has not
    announced."""
    try:
        return bool(chinese_calendar.is_workday(day)), True
    except NotImplementedError:
        return day.weekday() < 5, False


@dataclass(frozen=True, slots=True)
class _Year:
    """One local year laid out: ordinals of its working and of its guessed days, its sessions (epoch ms), and the
    working time of the year up to the end of each session (ms)."""

    days: list[int]
    guessed: list[int]
    opens: list[int]
    closes: list[int]
    upto: list[int]

    @property
    def total(self) -> int:
        """The working time of the year, ms."""
        return self.upto[-1] if self.upto else 0

    def before(self, at: int) -> int:
        """The working time of the year before an instant, ms."""
        begun = bisect_right(self.opens, at)
        return self.upto[begun - 1] - max(self.closes[begun - 1] - at, 0) if begun else 0


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
    _laid_out: dict[int, _Year] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not _in_order(self.hours):
            said = ",".join(f"{a:%H:%M}-{b:%H:%M}" for a, b in self.hours) or "none"
            raise BadSetting(f"working hours {said}: give {HOURS_FORM}")

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

    def day(self, at: int) -> date:
        """The local day of an instant."""
        return datetime.fromtimestamp(at // 1000, self.tz).date()

    def closing(self, day: date) -> int:
        """When the working hours of a local day end."""
        return epoch_ms(self.utc(day, self.hours[-1][1]))

    def guessed(self, first: date, last: date) -> bool:
        """Whether a day from `first` to `last`, both counted, is not known to be worked or not."""
        start, end = first.toordinal(), last.toordinal()
        lines = (self._year(year).guessed for year in range(first.year, last.year + 1))
        return any(bisect_left(days, start) < bisect_right(days, end) for days in lines)

    def working_day(self, after: date, count: int) -> date:
        """The `count`-th working day after a day; the day itself for 0."""
        year, left = after.year, count
        while left > 0:
            days = self._year(year).days
            at = bisect_right(days, after.toordinal()) + left - 1
            if at < len(days):
                return date.fromordinal(days[at])
            left, year = at - len(days) + 1, year + 1
        return after

    def working_days(self, after: date, last: date) -> int:
        """How many working days there are after a day, up to and with `last`."""
        start, end = after.toordinal(), last.toordinal()
        lines = (self._year(year).days for year in range(after.year, last.year + 1))
        return sum(bisect_right(days, end) - bisect_right(days, start) for days in lines)

    def worked(self, begin: int, end: int) -> int:
        """The working time from an instant to a later one, ms."""
        first, last = self.day(begin).year, self.day(end).year
        whole = sum(self._year(year).total for year in range(first, last))
        return whole + self._year(last).before(end) - self._year(first).before(begin)

    def work(self, begin: int, length: int) -> int:
        """The first instant by which `length` ms of working time have passed since `begin`; `begin` itself for 0."""
        year, left = self.day(begin).year, length
        while left > 0:
            line = self._year(year)
            sought = line.before(begin) + left
            if sought <= line.total:
                at = bisect_left(line.upto, sought)
                return line.closes[at] - (line.upto[at] - sought)
            left, year = sought - line.total, year + 1
        return begin

    def _year(self, year: int) -> _Year:
        """The year as a line, made when it is first asked for; two threads that both make it make the same."""
        if (line := self._laid_out.get(year)) is None:
            line = self._laid_out[year] = self._lay_out(year)
        return line

    def _lay_out(self, year: int) -> _Year:
        line = _Year([], [], [], [], [])
        worked = 0
        for ordinal in range(date(year, 1, 1).toordinal(), date(year, 12, 31).toordinal() + 1):
            day = date.fromordinal(ordinal)
            works, known = self.works(day)
            if not known:
                line.guessed.append(ordinal)
            if not works:
                continue
            line.days.append(ordinal)
            for opens, closes in self.hours:
                begin, end = epoch_ms(self.utc(day, opens)), epoch_ms(self.utc(day, closes))
                worked += max(end - begin, 0)  # a clock that is put forward may swallow a short session
                line.opens.append(begin)
                line.closes.append(end)
                line.upto.append(worked)
        return line


def load_calendar(path: Path, tz: tzinfo | None = None, hours: tuple[Session, ...] = WORK_HOURS) -> Calendar:
    """The official calendar with a file's `holidays`, `workdays` (lists of dates) and `years` (completely
    stated).

    Raises BadSetting naming the file, the key, the value and the accepted form.
    """
    try:
        doc = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise BadSetting(f"{path}: cannot be read ({error.strerror}); give a calendar file, or none") from error
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
