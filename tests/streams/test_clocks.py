"""Time limits in the four ways of counting, on the official calendar."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.calendar import Calendar
from streams.clocks import Limit, clock, due, running
from streams.errors import BadSetting

SHANGHAI = ZoneInfo("Asia/Shanghai")
CALENDAR = Calendar()


def local(text: str) -> datetime:
    """A local time of Shanghai, `YYYY-MM-DD HH:MM`."""
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("30m urgent_hour", Limit(30, "m", "urgent_hour")),
        ("1h urgent_hour", Limit(1, "h", "urgent_hour")),
        ("4h work_hour", Limit(4, "h", "work_hour")),
        ("4 work_hour", Limit(4, "h", "work_hour")),
        ("5d work_day", Limit(5, "d", "work_day")),
        ("5 work_day", Limit(5, "d", "work_day")),
        (" 2 natural_day ", Limit(2, "d", "natural_day")),
    ],
)
def test_a_limit_is_read(text: str, limit: Limit) -> None:
    """An amount, a unit (or the natural one) and a way of counting make a limit, and its text reads back."""
    assert Limit.parse(text) == limit
    assert Limit.parse(str(limit)) == limit


@pytest.mark.parametrize(
    "text", ["", "4h", "4 hours", "0h work_hour", "-1h work_hour", "4d work_hour", "4h work_day", "1.5h work_hour"]
)
def test_a_bad_limit_is_refused(text: str) -> None:
    """What is no limit is refused with the value and the accepted forms."""
    with pytest.raises(BadSetting, match=r"is no time limit.*30m urgent_hour") as refused:
        Limit.parse(text)
    assert repr(text) in str(refused.value)


@pytest.mark.parametrize(
    ("start", "limit", "over"),
    [
        # around the clock
        ("2026-09-30 23:50", "30m urgent_hour", "2026-10-01 00:20"),
        ("2026-10-03 03:00", "1h urgent_hour", "2026-10-03 04:00"),
        # working hours: within a session, to its very end, over lunch, over night, over a weekend
        ("2026-09-29 09:00", "2h work_hour", "2026-09-29 11:00"),
        ("2026-09-29 08:30", "210m work_hour", "2026-09-29 12:00"),
        ("2026-09-29 11:00", "4h work_hour", "2026-09-29 16:30"),
        ("2026-09-29 12:30", "1h work_hour", "2026-09-29 14:30"),
        ("2026-09-29 17:00", "1h work_hour", "2026-09-30 09:00"),
        ("2026-09-29 22:00", "4h work_hour", "2026-09-30 14:00"),
        ("2026-11-06 17:00", "1h work_hour", "2026-11-09 09:00"),
        # over the National Day holidays to the first day back; on a make-up Saturday as on any working day
        ("2026-09-30 17:00", "4h work_hour", "2026-10-08 12:00"),
        ("2026-10-10 09:00", "2h work_hour", "2026-10-10 11:00"),
        # working days: the start day does not count, holidays do not, the make-up Saturday 10 October does
        ("2026-09-29 10:00", "5d work_day", "2026-10-12 17:30"),
        ("2026-09-29 00:00", "1d work_day", "2026-09-30 17:30"),
        ("2026-10-09 10:00", "1d work_day", "2026-10-10 17:30"),
        ("2026-10-03 10:00", "1d work_day", "2026-10-08 17:30"),
        # natural days: the start day does not count, the n-th ends with its midnight
        ("2026-09-29 10:00", "2d natural_day", "2026-10-02 00:00"),
        ("2026-09-29 00:00", "1d natural_day", "2026-10-01 00:00"),
    ],
)
def test_a_limit_is_over(start: str, limit: str, over: str) -> None:
    """A limit ends when its way of counting says, in UTC, and 2026 is a known year."""
    found = due(local(start), Limit.parse(limit), CALENDAR)
    assert found.at == local(over)
    assert found.at.tzinfo is UTC
    assert not found.provisional


def test_the_start_may_be_in_any_zone() -> None:
    """The zone of the start does not matter: 23:30 UTC on the 28th is already the 29th in Shanghai."""
    start = datetime(2026, 9, 28, 23, 30, tzinfo=UTC)
    assert due(start, Limit.parse("1d work_day"), CALENDAR).at == local("2026-09-30 17:30")


def test_an_unannounced_year_is_provisional() -> None:
    """A limit that reaches into a year nobody announced counts Monday to Friday and says that it is a guess."""
    far = due(local("2035-01-04 10:00"), Limit.parse("2d work_day"), CALENDAR)  # a Thursday
    assert (far.at, far.provisional) == (local("2035-01-08 17:30"), True)
    over = due(local("2035-01-05 17:00"), Limit.parse("1h work_hour"), CALENDAR)
    assert (over.at, over.provisional) == (local("2035-01-08 09:00"), True)


def test_a_limit_that_only_ends_in_an_unannounced_year_is_provisional_too() -> None:
    """2027 is not announced: five working days from 29 December 2026 are provisional, one is not."""
    assert due(local("2026-12-29 10:00"), Limit.parse("5d work_day"), CALENDAR).provisional
    assert not due(local("2026-12-29 10:00"), Limit.parse("1d work_day"), CALENDAR).provisional


def test_around_the_clock_is_never_provisional() -> None:
    """Urgent hours and natural days need no calendar."""
    for limit in ("1h urgent_hour", "3d natural_day"):
        assert not due(local("2035-01-04 10:00"), Limit.parse(limit), CALENDAR).provisional


def test_a_clock_is_in_epoch_milliseconds() -> None:
    """The clock of a case starts and ends in whole milliseconds and is running."""
    made = clock("respond", datetime(2026, 9, 29, 2, 0, 0, 123_000, UTC), Limit.parse("30m urgent_hour"), CALENDAR)
    assert (made.name, made.due - made.start, made.start % 1000, made.done) == ("respond", 1_800_000, 123, None)
    assert clock("handle", local("2035-01-04 10:00"), Limit.parse("1d work_day"), CALENDAR).provisional


def test_a_clock_says_what_was_given_and_to_whom() -> None:
    """A clock carries its limit as text, and the department that it is about."""
    made = clock("check_in", local("2026-09-29 10:00"), Limit.parse("1 urgent_hour"), CALENDAR, of="fire")
    assert (made.limit, made.of, made.paused) == ("1h urgent_hour", "fire", None)


def test_running_clocks_are_those_that_have_a_limit() -> None:
    """A matter without a limit to arrive gets no such clock."""
    limits = {"respond": Limit.parse("30m urgent_hour")}
    made = running(limits, ("respond", "arrive"), local("2026-09-29 10:00"), CALENDAR)
    assert [one.name for one in made] == ["respond"]


def worked(begin: datetime, end: datetime) -> timedelta:
    """The working time between two instants, added up minute by minute: slow and plain."""
    minutes, at = 0, begin.astimezone(SHANGHAI)
    while at < end:
        opens = any(first <= at.time() < last for first, last in CALENDAR.hours)
        minutes += opens and CALENDAR.works(at.date())[0]
        at += timedelta(minutes=1)
    return timedelta(minutes=minutes)


@given(
    minute=st.integers(0, 30 * 24 * 60),
    length=st.integers(1, 1200),
)
def test_work_hours_agree_with_counting_minute_by_minute(minute: int, length: int) -> None:
    """Between the start and the end of a limit lie exactly so many worked minutes, and the last one is worked."""
    start = local("2026-09-15 00:00") + timedelta(minutes=minute)
    end = due(start, Limit(length, "m", "work_hour"), CALENDAR).at
    assert worked(start, end) == timedelta(minutes=length)
    assert worked(end - timedelta(minutes=1), end) == timedelta(minutes=1)


@given(day=st.dates(date(2026, 1, 1), date(2026, 11, 1)), days=st.integers(1, 20))
def test_working_days_end_on_the_day_that_counts_last(day: date, days: int) -> None:
    """Of the days after the start day up to the end exactly n are worked, the last of them included."""
    end = due(datetime.combine(day, time(10), SHANGHAI), Limit(days, "d", "work_day"), CALENDAR).at.astimezone(SHANGHAI)
    between = [day + timedelta(days=n) for n in range(1, (end.date() - day).days + 1)]
    assert sum(CALENDAR.works(one)[0] for one in between) == days
    assert CALENDAR.works(end.date())[0]
