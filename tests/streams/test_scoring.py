"""The day's figures: published ones are met, the identity holds, the cohorts stay apart."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.model import Case, Clock, State
from streams.scoring import Figures, figures, rate
from streams.workflow import OPEN

SHANGHAI = ZoneInfo("Asia/Shanghai")
START = datetime(2026, 9, 29, tzinfo=SHANGHAI)
NOW = START + timedelta(hours=18)
HOUR = 3_600_000
ZERO = int(START.timestamp() * 1000)


def case(no: object = 1, state: State = State.REPORTED, **more: Any) -> Case:
    """A case received at 10:00 of the day, unless said otherwise."""
    known: dict[str, Any] = {"origin": "resident", "received": ZERO + 10 * HOUR, "matter": "rubbish", **more}
    return Case(no=str(no), state=state, version=1, priority=3, **known)


def handle(due: float, start: float = 10, done: float | None = None) -> tuple[Clock, ...]:
    """A clock to handle, in hours of the day."""
    over = None if done is None else ZERO + int(done * HOUR)
    return (Clock("handle", ZERO + int(start * HOUR), ZERO + int(due * HOUR), over),)


def closed(no: object, at: float, due: float, **more: Any) -> Case:
    """A case fed back and closed at an hour of the day."""
    return case(no, State.CLOSED, closed=ZERO + int(at * HOUR), clocks=handle(due, done=at), **more)


def test_published_rates_are_met() -> None:
    """972 due, 911 of them closed, 737 in time: 93.72 % and 75.82 %, as published."""
    cases = [closed(n, 12, 17) for n in range(737)]
    cases += [closed(n, 17.5, 17) for n in range(737, 911)]
    cases += [case(n, State.ON_SCENE, clocks=handle(17)) for n in range(911, 972)]
    due = figures(cases, START, NOW).fell_due
    assert (due.due, due.closed, due.on_time, due.ahead) == (972, 911, 737, 0)
    assert due.closing_rate is not None
    assert due.on_time_rate is not None
    assert f"{due.closing_rate:.2%} {due.on_time_rate:.2%}" == "93.72% 75.82%"


def test_published_inflow_reconciles() -> None:
    """8,975 from residents and 4,352 from villages are 13,327 dispatched, 13,273 closed and 54 open, as published."""
    origins = ["resident"] * 8_975 + ["village"] * 4_352
    cases = [
        closed(n, 12, 17, origin=origin) if n < 13_273 else case(n, State.ON_THE_WAY, origin=origin)
        for n, origin in enumerate(origins)
    ]
    found = figures(cases, START, NOW)
    assert found.came_in.by_origin == {"resident": 8_975, "village": 4_352, "device": 0}
    assert (found.came_in.inflow, found.came_in.dispatched, found.came_in.waiting) == (13_327, 13_327, 0)
    assert (found.closed.closed, found.now.open) == (13_273, 54)
    assert found.came_in.reconciles


moments = st.one_of(st.none(), st.integers(ZERO - 30 * HOUR, ZERO + 30 * HOUR))


@st.composite
def any_case(draw: st.DrawFn) -> Case:
    """A case of any state, received, due and closed at any time about the day."""
    state = draw(st.sampled_from(State))
    start = draw(st.integers(ZERO - 30 * HOUR, ZERO + 18 * HOUR))
    due = draw(st.integers(start, start + 40 * HOUR))
    return case(
        draw(st.integers(0, 10_000)),
        state,
        origin=draw(st.sampled_from(["resident", "village", "device"])),
        received=start,
        grid=draw(st.sampled_from([None, "A", "B"])),
        matter=draw(st.sampled_from(["rubbish", "fire"])),
        clocks=draw(st.sampled_from([(), (Clock("handle", start, due, draw(moments)),)])),
        closed=draw(st.integers(start, ZERO + 18 * HOUR)) if state is State.CLOSED else None,
    )


@given(st.lists(any_case(), unique_by=lambda one: one.no))
def test_every_case_is_counted_once(cases: list[Case]) -> None:
    """Inflow = dispatched + waiting + rejected + merged, and grids, departments, hours and states add up to it."""
    found = figures(cases, START, NOW, {"rubbish": "sanitation"})
    came = found.came_in
    assert came.reconciles
    assert came.inflow == sum(datetime.fromtimestamp(one.received / 1000, SHANGHAI) >= START for one in cases)
    assert came.inflow == sum(sum(hours) for hours in came.by_hour.values())
    assert found.now.open == sum(found.now.by_state.values()) == sum(one.state in OPEN for one in cases)
    for shares in (found.by_grid, found.by_department):
        assert sum(one.inflow for one in shares.values()) == came.inflow
        assert sum(one.open for one in shares.values()) == found.now.open
        assert sum(one.due for one in shares.values()) == found.fell_due.due
        assert sum(one.closed for one in shares.values()) == found.closed.closed
    due = found.fell_due
    assert due.on_time <= due.closed <= due.due
    assert due.ahead <= due.due - due.closed
    assert found.now.overdue <= found.now.supervised <= found.now.open


@given(st.lists(any_case(), unique_by=lambda one: one.no))
def test_a_case_given_twice_counts_once(cases: list[Case]) -> None:
    """The caller may join what came in, what is open and what was closed without sorting out the doubles."""
    assert figures(cases + cases, START, NOW) == figures(cases, START, NOW)


def test_nothing_due_has_no_rate() -> None:
    """A rate of nothing is None, not 100 %; so is the mean of no handling."""
    found = figures([case()], START, NOW)
    assert (found.fell_due.due, found.fell_due.closing_rate, found.fell_due.on_time_rate) == (0, None, None)
    assert found.closed.mean_handling is None
    assert rate(0, 5) == 0.0


def test_the_three_cohorts_are_apart() -> None:
    """A case that came in yesterday, fell due yesterday and was closed today counts only as closed today."""
    old = closed("old", 9, -3, received=ZERO - 20 * HOUR)
    found = figures([old, case("new", clocks=handle(41))], START, NOW)
    assert (found.came_in.inflow, found.fell_due.due, found.closed.closed) == (1, 0, 1)


def test_days_are_half_open() -> None:
    """Midnight belongs to the day that begins with it."""
    cases = [case(1, received=ZERO - 1), case(2, received=ZERO), case(3, received=ZERO + 24 * HOUR)]
    assert figures(cases, START, START + timedelta(hours=30)).came_in.inflow == 1


def test_handled_in_time_but_closed_late_is_not_closed_on_time() -> None:
    """The limit is for closing; what the officer fed back in time is counted on its own."""
    late = case(1, State.CLOSED, closed=ZERO + 18 * HOUR, clocks=handle(17, done=12))
    due = figures([late], START, NOW).fell_due
    assert (due.closed, due.on_time, due.handled_on_time) == (1, 0, 1)


def test_a_case_due_later_today_is_ahead() -> None:
    """It counts as due on the day, and the figures say that it has still time."""
    due = figures([case(1, State.ON_SCENE, clocks=handle(20))], START, NOW).fell_due
    assert (due.due, due.ahead, due.closing_rate) == (1, 1, 0.0)


def test_a_withdrawn_case_waits_again() -> None:
    """A case is counted by its state at the cut-off: withdrawn, it lies with nobody."""
    came = figures([case(1, State.ACCEPTED, dispatched=ZERO + 11 * HOUR)], START, NOW).came_in
    assert (came.dispatched, came.waiting) == (0, 1)


@pytest.mark.parametrize(
    ("due", "done", "supervised", "overdue"),
    [
        (19.0, None, 0, 0),  # of 9 h, 1 h is left
        (18.8, None, 1, 0),  # of 8.8 h, 0.8 h is left: less than a tenth
        (18.0, None, 1, 1),
        (12.0, None, 1, 1),
        (12.0, 11.0, 0, 0),  # stopped
    ],
)
def test_supervised_is_near_or_past_a_running_limit(
    due: float, done: float | None, supervised: int, overdue: int
) -> None:
    """A tenth of the limit or less is left, or it is past; a clock that was stopped does not count."""
    now = figures([case(1, State.ON_SCENE, clocks=handle(due, done=done))], START, NOW).now
    assert (now.supervised, now.overdue) == (supervised, overdue)


def test_what_has_gone_up_stays_supervised_until_it_is_over() -> None:
    """A case that a reminder put before a named person is supervised, also after that clock has stopped."""
    clocks = handle(20.0)
    for state, level, supervised in ((State.ON_SCENE, 1, 1), (State.ON_SCENE, 0, 0), (State.CLOSED, 1, 0)):
        assert figures([case(1, state, clocks=clocks, level=level)], START, NOW).now.supervised == supervised


def test_by_hour_and_origin_in_local_time() -> None:
    """A case of 10:20 local time is in hour 10 of its origin."""
    hours = figures([case(1, origin="device", received=ZERO + 10 * HOUR + 1_200_000)], START, NOW).came_in.by_hour
    assert (hours["device"][10], sum(hours["device"]), sum(hours["resident"])) == (1, 1, 0)


def test_by_grid_and_by_lead_department() -> None:
    """Each grid and each lead has its part; "" is what has neither."""
    cases = [case(1, grid="A"), closed(2, 12, 17, grid="A"), case(3, matter="unheard of")]
    found = figures(cases, START, NOW, {"rubbish": "sanitation"})
    assert [(name, one.inflow, one.open) for name, one in found.by_grid.items()] == [("", 1, 1), ("A", 2, 1)]
    lead = found.by_department["sanitation"]
    assert (lead.inflow, lead.open, lead.due, lead.due_on_time, lead.on_time_rate) == (2, 1, 1, 1, 1.0)


def test_mean_handling_time_is_from_acceptance_to_feedback() -> None:
    """Two cases of 1 h and 3 h: 2 h, in seconds."""
    found = figures([closed(1, 11, 17), closed(2, 13, 17)], START, NOW)
    assert found.closed.mean_handling == 7_200.0


def test_figures_are_json() -> None:
    """The figures travel as JSON and come back the same."""
    found = figures([closed(1, 11, 17, grid="A"), case(2)], START, NOW)
    assert msgspec.json.decode(msgspec.json.encode(found), type=Figures) == found
