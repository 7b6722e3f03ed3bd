"""The working calendar: official days, a file of one's own, working hours, and working time as a measure."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.calendar import WORK_HOURS, Calendar, epoch_ms, instant, load_calendar, parse_hours
from streams.clocks import Limit, due
from streams.errors import BadSetting

SHANGHAI = ZoneInfo("Asia/Shanghai")
CALENDAR = Calendar()
MINUTE_MS = 60_000


def local(text: str) -> datetime:
    """A local time of Shanghai, `YYYY-MM-DD HH:MM`."""
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def ms(text: str) -> int:
    """Epoch milliseconds of a local time of Shanghai."""
    return epoch_ms(local(text))


def test_every_make_up_day_of_2026_counts() -> None:
    """The weekend days that the State Council made working days of 2026 are worked; other weekends are not."""
    made_up = ["2026-01-04", "2026-02-14", "2026-02-28", "2026-05-09", "2026-09-20", "2026-10-10"]
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(365)]
    assert [str(day) for day in days if day.weekday() > 4 and CALENDAR.works(day)[0]] == made_up
    assert CALENDAR.working_day(date(2026, 5, 8), 1) == date(2026, 5, 9)


def test_a_loaded_file_changes_2027_and_takes_the_guess_away(tmp_path: Path) -> None:
    """2027 is a guess until a file states it: the due moves with its holiday and is provisional no more."""
    start, limit = local("2026-12-31 10:00"), Limit.parse("1d work_day")
    guess = due(start, limit, CALENDAR)
    assert (guess.at, guess.provisional) == (local("2027-01-01 17:30"), True)
    path = tmp_path / "2027.toml"
    path.write_text("holidays = [2027-01-01]\nworkdays = [2027-01-02]\nyears = [2027]\n")
    known = due(start, limit, load_calendar(path))
    assert (known.at, known.provisional) == (local("2027-01-02 17:30"), False)


def test_a_calendar_file_overrules_the_official_one(tmp_path: Path) -> None:
    """Days of a file hold against the official calendar, and a year it states completely is no guess any more."""
    path = tmp_path / "2035.toml"
    path.write_text('holidays = [2035-01-05, "2026-09-30"]\nworkdays = [2035-01-06]\nyears = [2035]\n')
    calendar = load_calendar(path, SHANGHAI)
    found = due(local("2035-01-04 10:00"), Limit.parse("2d work_day"), calendar)
    assert (found.at, found.provisional) == (local("2035-01-08 17:30"), False)
    assert due(local("2026-09-29 10:00"), Limit.parse("1d work_day"), calendar).at == local("2026-10-08 17:30")


def test_a_single_day_of_a_file_leaves_the_year_provisional(tmp_path: Path) -> None:
    """One local holiday does not make the rest of an unannounced year known."""
    path = tmp_path / "local.toml"
    path.write_text("holidays = [2035-01-05]\n")
    found = due(local("2035-01-04 10:00"), Limit.parse("1d work_day"), load_calendar(path))
    assert (found.at, found.provisional) == (local("2035-01-08 17:30"), True)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("holidays = 3", r"holidays = 3; write a list of dates"),
        ('holidays = ["soon"]', r"holidays holds 'soon'; write a date"),
        ("holidays = [2027-01-01T10:00:00]", r"holidays holds .*write a date"),
        ("workdays = [7]", r"workdays holds 7"),
        ("holidays = [2027-01-01]\nworkdays = [2027-01-01]", r"2027-01-01 is in holidays and in workdays"),
        ('years = ["2027"]', r"years = \['2027'\]; write a list of years"),
        ("holiday = []", r"unknown key 'holiday'; known are holidays, workdays, years"),
        ("holidays = [", r"is not TOML"),
    ],
)
def test_a_broken_calendar_file_is_refused(tmp_path: Path, text: str, says: str) -> None:
    """Each mistake is refused with the file, the key, the value and what is accepted."""
    path = tmp_path / "calendar.toml"
    path.write_text(text)
    with pytest.raises(BadSetting, match=says) as refused:
        load_calendar(path)
    assert str(path) in str(refused.value)


def test_a_missing_calendar_file_is_refused(tmp_path: Path) -> None:
    """A calendar file that is not there is refused with its name."""
    with pytest.raises(BadSetting, match=r"none\.toml: cannot be read"):
        load_calendar(tmp_path / "none.toml")


@pytest.mark.parametrize("hours", [(), ((time(9), time(9)),), ((time(9), time(12)), (time(11), time(17)))])
def test_impossible_working_hours_are_refused(hours: tuple[tuple[time, time], ...]) -> None:
    """No sessions, empty ones and overlapping ones would count for ever or twice."""
    with pytest.raises(BadSetting, match=r"working hours .* give sessions in order"):
        Calendar(hours=hours)


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("08:30-12:00,13:30-17:30", WORK_HOURS),
        (" 8:30 - 12:00 , 13:30 - 17:30 ", WORK_HOURS),
        ("00:00-23:59", ((time(0), time(23, 59)),)),
    ],
)
def test_working_hours_are_read(text: str, hours: tuple[tuple[time, time], ...]) -> None:
    """Sessions are read with or without blanks."""
    assert parse_hours(text) == hours


@pytest.mark.parametrize(
    "text", ["", "9", "09:00", "09:00-09:00", "12:00-08:30", "09:00-12:00,11:00-17:00", "09:00-24:00", "9:00-12:00,"]
)
def test_working_hours_that_are_none_are_refused(text: str) -> None:
    """The refusal has the value and the accepted form."""
    with pytest.raises(BadSetting, match=r"give sessions in order .* such as 08:30-12:00,13:30-17:30") as refused:
        parse_hours(text)
    assert repr(text) in str(refused.value)


def test_other_hours_give_other_dues() -> None:
    """With working hours from 9 to 5 without a break a limit ends by these."""
    calendar = Calendar(hours=parse_hours("09:00-17:00"))
    assert due(local("2026-09-29 16:00"), Limit.parse("2h work_hour"), calendar).at == local("2026-09-30 10:00")
    assert due(local("2026-09-29 16:00"), Limit.parse("1d work_day"), calendar).at == local("2026-09-30 17:00")


def test_guessed_days_are_found_in_every_year_between() -> None:
    """A stretch that only touches a guessed day at its end, or runs through a year of them, is guessed."""
    assert not CALENDAR.guessed(date(2026, 1, 1), date(2026, 12, 31))
    assert CALENDAR.guessed(date(2026, 1, 1), date(2027, 1, 1))
    known_2028 = Calendar(years=frozenset({2028}))
    assert known_2028.guessed(date(2026, 12, 31), date(2028, 1, 1))
    assert not known_2028.guessed(date(2028, 1, 1), date(2028, 12, 31))


def plainly_worked(begin: int, end: int) -> int:
    """The working time between two instants in minutes, counted one by one: slow and plain."""
    at, minutes = instant(begin).astimezone(SHANGHAI), 0
    while epoch_ms(at) < end:
        opens = any(first <= at.time() < last for first, last in CALENDAR.hours)
        minutes += opens and CALENDAR.works(at.date())[0]
        at += timedelta(minutes=1)
    return minutes


@given(begin=st.integers(0, 20 * 1440), length=st.integers(0, 5 * 1440))
def test_working_time_agrees_with_counting_minute_by_minute(begin: int, length: int) -> None:
    """Over a turn of the year with its holidays, make-up day and guessed days, at any minute."""
    start = ms("2025-12-22 00:00") + begin * MINUTE_MS
    end = start + length * MINUTE_MS
    assert CALENDAR.worked(start, end) == plainly_worked(start, end) * MINUTE_MS


@given(begin=st.integers(0, 400 * 1440), length=st.integers(0, 2000 * 60))
def test_work_is_the_way_back_of_worked(begin: int, length: int) -> None:
    """After `work` so much working time has passed, and a millisecond earlier it had not, over years too."""
    start = ms("2025-12-01 00:00") + begin * MINUTE_MS
    end = CALENDAR.work(start, length * MINUTE_MS)
    assert CALENDAR.worked(start, end) == length * MINUTE_MS
    assert not length or CALENDAR.worked(start, end - 1) == length * MINUTE_MS - 1


@given(day=st.dates(date(2025, 6, 1), date(2028, 6, 1)), count=st.integers(0, 600))
def test_the_nth_working_day_has_n_working_days_up_to_it(day: date, count: int) -> None:
    """Counting forward and counting back agree, over the turns of years, and plainly too."""
    last = CALENDAR.working_day(day, count)
    assert CALENDAR.working_days(day, last) == count
    days = [day + timedelta(days=n) for n in range(1, (last - day).days + 1)]
    assert sum(CALENDAR.works(one)[0] for one in days) == count
