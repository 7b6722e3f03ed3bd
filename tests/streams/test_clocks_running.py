"""What happens to a running clock: its reminders, standing still, going on, and getting more time."""

from __future__ import annotations

import timeit
from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from streams.calendar import Calendar, epoch_ms, instant
from streams.clocks import REMINDERS, Counted, Limit, clock, extended, marks, percent, resumed
from streams.model import Clock

SHANGHAI = ZoneInfo("Asia/Shanghai")
CALENDAR = Calendar()
MINUTE_MS = 60_000
KINDS: tuple[Counted, ...] = ("urgent_hour", "work_hour", "work_day", "natural_day")


def local(text: str) -> datetime:
    """A local time of Shanghai, `YYYY-MM-DD HH:MM`."""
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def shown(at: int) -> str:
    """Epoch milliseconds as a local time of Shanghai."""
    return f"{instant(at).astimezone(SHANGHAI):%Y-%m-%d %H:%M}"


def handle(start: str, limit: str) -> Clock:
    """A handling clock."""
    return clock("handle", local(start), Limit.parse(limit), CALENDAR)


def stood(made: Clock, paused: str, until: str) -> Clock:
    """A clock that stood still from one local time until another."""
    return resumed(replace(made, paused=epoch_ms(local(paused))), local(until), CALENDAR)


@pytest.mark.parametrize(
    ("start", "limit", "first_six"),
    [
        (
            "2026-09-29 10:00", "30m urgent_hour",
            ["2026-09-29 10:15", "2026-09-29 10:24", "2026-09-29 10:30", "2026-09-29 11:00", "2026-09-29 11:30",
             "2026-09-29 12:00"],
        ),
        (  # half of four hours from 11:00 is two hours of work, over the break; each overrun four more
            "2026-09-29 11:00", "4h work_hour",
            ["2026-09-29 14:30", "2026-09-29 15:42", "2026-09-29 16:30", "2026-09-30 11:30", "2026-09-30 17:00",
             "2026-10-08 12:00"],
        ),
        (  # 5 days from Tuesday 10:00 over the holidays: 6 + 5 * 7.5 hours of work
            "2026-09-29 10:00", "5d work_day",
            ["2026-10-09 09:15", "2026-10-10 16:18", "2026-10-12 17:30", "2026-10-19 17:30", "2026-10-26 17:30",
             "2026-11-02 17:30"],
        ),
        (
            "2026-09-29 12:00", "2d natural_day",
            ["2026-09-30 18:00", "2026-10-01 12:00", "2026-10-02 00:00", "2026-10-04 00:00", "2026-10-06 00:00",
             "2026-10-08 00:00"],
        ),
    ],
)  # fmt: skip
def test_reminders_come_at_shares_of_the_clocks_own_time(start: str, limit: str, first_six: list[str]) -> None:
    """50 %, 80 %, 100 %, then 200, 300 and 400 %, each counted as the limit is."""
    found = marks(handle(start, limit), CALENDAR, count=6)
    assert [shown(at) for at in found] == first_six


def test_percentages_go_on_for_ever() -> None:
    """50, 80, 100, then each further limit."""
    assert [percent(index) for index in range(6)] == [50, 80, 100, 200, 300, 400]
    assert percent(REMINDERS - 1) == 1000


def test_a_clock_without_a_limit_is_reminded_by_its_own_length() -> None:
    """A clock from before clocks said their limit, or one whose limit cannot be read, counts around the clock."""
    start = epoch_ms(local("2026-10-01 08:00"))
    for limit in ("", "a while"):
        old = Clock("respond", start, start + 60 * MINUTE_MS, limit=limit)
        assert [(at - start) // MINUTE_MS for at in marks(old, CALENDAR, count=5)] == [30, 48, 60, 120, 180]


def test_reminders_of_long_limits_are_worked_out_fast() -> None:
    """Twelve reminders of any kind, many working years ahead, cost well under a millisecond (about 30 µs alone)."""
    for limit in ("30m urgent_hour", "4h work_hour", "5d work_day", "20d work_day", "2d natural_day"):
        made = handle("2026-09-29 10:00", limit)
        marks(made, CALENDAR)
        best = min(timeit.repeat(lambda made=made: marks(made, CALENDAR), number=100, repeat=5)) / 100
        assert best < 500e-6, (limit, best)


@pytest.mark.parametrize(
    ("start", "limit", "paused", "until", "over"),
    [
        # urgent hours: the due moves by the pause
        ("2026-09-29 10:00", "1h urgent_hour", "2026-09-29 10:20", "2026-09-30 03:20", "2026-09-30 04:00"),
        # work hours: three hours were left at noon; they are left after the pause, in working time
        ("2026-09-29 11:00", "4h work_hour", "2026-09-29 12:00", "2026-09-30 10:00", "2026-09-30 14:30"),
        # over the holidays the clock would have stood still anyway
        ("2026-09-30 17:00", "4h work_hour", "2026-09-30 18:00", "2026-10-08 08:00", "2026-10-08 12:00"),
        # working days: three were left after Wednesday; three after the day it goes on, a make-up Saturday
        ("2026-09-29 10:00", "4d work_day", "2026-09-30 10:00", "2026-10-10 09:00", "2026-10-14 17:30"),
        # paused and resumed over a weekend: the days are the same days
        ("2026-11-05 10:00", "2d work_day", "2026-11-06 18:00", "2026-11-08 18:00", "2026-11-09 17:30"),
        # natural days: two midnights were left, two are left
        ("2026-09-29 10:00", "2d natural_day", "2026-09-30 10:00", "2026-10-05 23:00", "2026-10-07 00:00"),
        # the last day: 2.5 hours of work were left of it, and today is over
        ("2026-11-03 10:00", "1d work_day", "2026-11-04 15:00", "2026-11-05 18:00", "2026-11-06 11:00"),
        # broken by half an hour, by an hour of work: still so
        ("2026-09-29 10:00", "1h urgent_hour", "2026-09-29 11:30", "2026-09-29 20:00", "2026-09-29 19:30"),
        ("2026-09-29 10:00", "1h work_hour", "2026-09-29 13:30", "2026-09-29 15:30", "2026-09-29 14:30"),
        ("2026-11-03 10:00", "1d work_day", "2026-11-05 09:30", "2026-11-05 11:30", "2026-11-05 10:30"),
    ],
)
def test_a_clock_goes_on_with_what_was_left(start: str, limit: str, paused: str, until: str, over: str) -> None:
    """What was left at the pause, in the clock's own kind of time, is left when it goes on."""
    went_on = stood(handle(start, limit), paused, until)
    assert shown(went_on.due) == over
    assert went_on.paused is None


def test_shares_do_not_count_the_time_stood_still() -> None:
    """A clock paused at 25 % is reminded of 50 % after another quarter of its time, not in the pause."""
    went_on = stood(handle("2026-09-29 08:00", "4h urgent_hour"), "2026-09-29 09:00", "2026-09-29 17:00")
    assert [shown(at)[11:] for at in marks(went_on, CALENDAR, count=4)] == ["18:00", "19:12", "20:00", "00:00"]
    assert shown(went_on.start) == "2026-09-29 16:00"


def test_a_clock_that_goes_on_into_an_unannounced_year_is_provisional() -> None:
    """Standing still may carry a known limit into a guessed year; around the clock nothing is guessed."""
    made = handle("2026-12-29 10:00", "1d work_day")
    assert not made.provisional
    assert stood(made, "2026-12-29 11:00", "2027-01-04 10:00").provisional
    urgent = handle("2026-12-29 10:00", "4h urgent_hour")
    assert not stood(urgent, "2026-12-29 11:00", "2027-01-04 10:00").provisional


def test_a_clock_that_does_not_stand_still_is_not_changed() -> None:
    """Nor is one that was stopped."""
    made = handle("2026-09-29 10:00", "1h urgent_hour")
    assert resumed(made, local("2026-09-29 10:30"), CALENDAR) is made
    stopped = replace(made, paused=made.start, done=made.start + 1)
    assert resumed(stopped, local("2026-09-29 10:30"), CALENDAR) is stopped
    assert extended(stopped, Limit.parse("1h urgent_hour"), local("2026-09-29 10:30"), CALENDAR) is stopped


def test_a_clock_resumed_before_its_pause_goes_on_at_its_pause() -> None:
    """Two machines whose times differ a little do not take time away."""
    made = handle("2026-09-29 10:00", "1h urgent_hour")
    assert stood(made, "2026-09-29 10:20", "2026-09-29 10:19") == made


def test_a_clock_of_no_length_still_has_its_reminders_in_order() -> None:
    """Three reminders of a clock that is over when it starts are a millisecond apart, the third at the due."""
    made = replace(handle("2026-09-29 10:00", "1h work_hour"), due=epoch_ms(local("2026-09-29 10:00")))
    assert [at - made.due for at in marks(made, CALENDAR, count=3)] == [-2, -1, 0]


@pytest.mark.parametrize(
    ("limit", "more", "now", "over"),
    [
        # in time: on from the due
        ("4h work_hour", "2h work_hour", "2026-09-29 14:00", "2026-09-30 09:30"),
        ("5d work_day", "1d work_day", "2026-10-09 10:00", "2026-10-13 17:30"),
        ("2d natural_day", "1d natural_day", "2026-09-30 10:00", "2026-10-03 00:00"),
        ("2d natural_day", "1d work_day", "2026-09-30 10:00", "2026-10-08 17:30"),
        # broken: on from now
        ("1h urgent_hour", "1h urgent_hour", "2026-09-29 20:00", "2026-09-29 21:00"),
        ("4h work_hour", "1d work_day", "2026-09-30 20:00", "2026-10-08 17:30"),
    ],
)
def test_more_time_counts_from_the_due_or_from_now_when_that_is_past(
    limit: str, more: str, now: str, over: str
) -> None:
    """An extension adds to what is left, and is never over before it is given. The clock's own limit stays."""
    found = extended(handle("2026-09-29 11:00", limit), Limit.parse(more), local(now), CALENDAR)
    assert (shown(found.due), found.limit, found.provisional) == (over, limit, False)


def test_more_time_for_a_clock_that_stands_still_counts_from_its_pause() -> None:
    """Broken at the pause and extended while it stands still, it has the whole extension when it goes on."""
    paused = replace(handle("2026-09-29 10:00", "1h urgent_hour"), paused=epoch_ms(local("2026-09-29 12:00")))
    found = extended(paused, Limit.parse("2h urgent_hour"), local("2026-09-29 18:00"), CALENDAR)
    assert shown(resumed(found, local("2026-09-29 20:00"), CALENDAR).due) == "2026-09-29 22:00"


def test_more_time_in_an_unannounced_year_is_provisional_and_stays_so() -> None:
    """A guess in the first limit or in the extension makes the due a guess."""
    known, guess = handle("2026-12-29 10:00", "1d work_day"), handle("2026-12-31 10:00", "1d work_day")
    assert extended(known, Limit.parse("3d work_day"), local("2026-12-29 11:00"), CALENDAR).provisional
    assert extended(guess, Limit.parse("1h urgent_hour"), local("2026-12-31 11:00"), CALENDAR).provisional


@st.composite
def clocks(draw: st.DrawFn) -> Clock:
    """A clock of any kind, starting at any second of a stretch with holidays, a turn of the year and guessed days."""
    kind = draw(st.sampled_from(KINDS))
    days = kind.endswith("day")
    limit = Limit(draw(st.integers(1, 20 if days else 2000)), "d" if days else "m", kind)
    start = local("2026-09-15 00:00") + timedelta(seconds=draw(st.integers(0, 110 * 86_400)))
    return clock("handle", start, limit, CALENDAR)


minutes = st.integers(0, 30 * 1440)


@given(made=clocks(), pauses=st.lists(st.tuples(minutes, minutes), max_size=3), more=st.booleans())
def test_reminders_increase_and_the_third_is_the_due(made: Clock, pauses: list[tuple[int, int]], more: bool) -> None:
    """Whatever was suspended and extended: strictly later each, 100 % at the due, and skipping gives the rest."""
    at = made.start
    for running_for, still_for in pauses:
        at += running_for * MINUTE_MS
        still = replace(made, paused=at)
        at += still_for * MINUTE_MS
        made = resumed(still, instant(at), CALENDAR)
        assert made.start <= at
    if more:
        made = extended(made, Limit.parse("90m work_hour"), instant(at), CALENDAR)
    found = marks(made, CALENDAR)
    assert len(found) == REMINDERS
    assert all(a < b for a, b in pairwise(found))
    assert found[2] == made.due
    assert all(marks(made, CALENDAR, skip, 4) == found[skip : skip + 4] for skip in range(REMINDERS - 4))


@given(made=clocks(), after=minutes)
def test_standing_still_for_no_time_changes_nothing(made: Clock, after: int) -> None:
    """Suspended and resumed in the same instant, broken or not, a clock is what it was."""
    at = made.start + after * MINUTE_MS
    assert resumed(replace(made, paused=at), instant(at), CALENDAR) == made


@given(made=clocks(), after=minutes, still=minutes)
def test_standing_still_never_costs_time(made: Clock, after: int, still: int) -> None:
    """The due is never earlier, a clock in time is in time when it goes on, and a broken one is still broken."""
    paused = made.start + after * MINUTE_MS
    at = paused + still * MINUTE_MS
    went_on = resumed(replace(made, paused=paused), instant(at), CALENDAR)
    assert went_on.due >= made.due
    assert (went_on.due > at) == (made.due > paused)


@given(made=clocks(), after=minutes, still=minutes)
def test_what_is_left_of_a_clock_is_left_after_it_stood_still(made: Clock, after: int, still: int) -> None:
    """Of hours the time or working time to the due; of days the days to it, unless the last day was over."""
    paused = made.start + after * MINUTE_MS
    at = paused + still * MINUTE_MS
    went_on = resumed(replace(made, paused=paused), instant(at), CALENDAR)
    if made.due <= paused:
        return
    if made.limit.endswith("urgent_hour"):
        assert went_on.due - at == made.due - paused
    elif made.limit.endswith("work_hour"):
        assert CALENDAR.worked(at, went_on.due) == CALENDAR.worked(paused, made.due)
    elif made.limit.endswith("natural_day"):
        assert CALENDAR.day(went_on.due) - CALENDAR.day(at) == CALENDAR.day(made.due) - CALENDAR.day(paused)
    elif left := CALENDAR.working_days(CALENDAR.day(paused), CALENDAR.day(made.due)):
        assert CALENDAR.working_days(CALENDAR.day(at), CALENDAR.day(went_on.due)) == left


@given(made=clocks(), night=st.integers(0, 400), begin=st.integers(0, 899), length=st.integers(0, 899))
def test_a_pause_outside_working_hours_leaves_a_work_clock_alone(
    made: Clock, night: int, begin: int, length: int
) -> None:
    """Between a closing and the next opening nothing of a work_hour clock passes, so nothing moves."""
    if not made.limit.endswith("work_hour"):
        return
    closing = CALENDAR.closing(CALENDAR.working_day(CALENDAR.day(made.start), 1 + night % 30))
    paused = closing + begin * MINUTE_MS
    at = min(paused + length * MINUTE_MS, closing + 15 * 60 * MINUTE_MS)  # 17:30 to 08:30
    assert resumed(replace(made, paused=paused), instant(at), CALENDAR) == made
