"""Who goes where when several cases wait: the best for all together, and exactly that."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations
from math import inf
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.places import Position
from streams.assignment import LeftOut, Plan, assign, costs, urgency, without
from streams.model import Case, Clock, State
from streams.recommend import Roster, Standing, Wanted, candidates

NOW = datetime(2026, 9, 29, 2, 0, tzinfo=UTC)
MS = int(NOW.timestamp() * 1000)
MINUTE = 60_000


def wanted(no: str, lon: float | None = 119.2, skills: tuple[str, ...] = (), **more: Any) -> Wanted:
    """An accepted case on the parallel of 35.1 degrees."""
    known: dict[str, Any] = {"lon": lon, "lat": None if lon is None else 35.1, "grid": "A", "priority": 3, **more}
    return Wanted(Case(no, State.ACCEPTED, 3, "fire", origin="device", received=0, **known), skills)


def patrol(name: str, lon: float, **more: Any) -> Standing:
    """A free patrol on foot on the same parallel."""
    known: dict[str, Any] = {"state": "free", "at": NOW, "grid": "A", **more}
    return Standing(name, position=Position(lon, 35.1), **known)


def who(plan: Plan) -> dict[str, str]:
    return {one.case: one.patrol for one in plan.sendings}


def one_by_one(cases: list[Wanted], patrols: list[Standing]) -> float:
    """The cost when each case in turn gets whoever arrives first."""
    total, left = 0.0, list(patrols)
    for one in cases:
        found = [each for each in candidates(one.case, left, NOW, one.skills) if not each.excluded]
        best = min(found, key=lambda each: each.minutes or 0.0)
        total += urgency(one.case, NOW) * (best.minutes or 0.0)
        left = [each for each in left if each.id != best.patrol]
    return total


def test_the_best_for_all_beats_the_nearest_for_each() -> None:
    """One patrol lies between two cases, the other far behind the first: the near one is left to the second case."""
    cases = [wanted("1", 119.20), wanted("2", 119.22)]
    patrols = [patrol("between", 119.209), patrol("behind", 119.18)]
    plan = assign(cases, patrols, NOW)
    assert who(plan) == {"1": "behind", "2": "between"}
    assert plan.cost < 0.75 * one_by_one(cases, patrols)


def test_the_way_is_told() -> None:
    """Metres and minutes are those of the candidates' list."""
    (sending,) = assign([wanted("1")], [patrol("P", 119.21)], NOW).sendings
    (listed,) = candidates(wanted("1").case, [patrol("P", 119.21)], NOW)
    assert (sending.metres, sending.minutes, sending.by_road) == (listed.metres, listed.minutes, False)


def test_when_there_are_too_few_the_least_urgent_wait() -> None:
    """Two patrols for three cases: the ordinary one waits, though it is the nearest, and the reason is said."""
    cases = [wanted("1", 119.2, priority=4), wanted("2", 119.21, priority=1), wanted("3", 119.22, priority=2)]
    plan = assign(cases, [patrol("P-1", 119.2), patrol("P-2", 119.201)], NOW)
    assert set(who(plan)) == {"2", "3"}
    assert plan.left == (LeftOut("1", "taken"),)


def test_of_two_like_cases_the_nearer_is_served() -> None:
    """One patrol for two cases of the same priority: the farther one waits, whichever came first."""
    for numbers in ("12", "21"):
        cases = [wanted(numbers[0], 119.23), wanted(numbers[1], 119.21)]
        assert who(assign(cases, [patrol("P", 119.2)], NOW)) == {numbers[1]: "P"}


def test_nobody_stays_idle_while_a_case_waits() -> None:
    """However far and unimportant the case, who can be sent is sent: 250 km here, a day's ride."""
    assert who(assign([wanted("1", 122.0, priority=4)], [patrol("P", 119.2)], NOW)) == {"1": "P"}


def test_every_case_left_out_has_its_reason() -> None:
    """No place, no grid, nobody who can be sent: each is named."""
    cases = [wanted("1", None), wanted("2", grid=None), wanted("3", skills=("marine",)), wanted("4")]
    plan = assign(cases, [patrol("P", 119.2), patrol("off", 119.2, state="off")], NOW)
    assert who(plan) == {"4": "P"}
    assert {one.case: one.reason for one in plan.left} == {"1": "unplaced", "2": "outside", "3": "nobody"}


@pytest.mark.parametrize(
    "more", [{"state": "way"}, {"state": "off"}, {"registered": False}, {"at": None}, {"kind": "vessel"}]
)
def test_nobody_is_sent_who_cannot_be(more: dict[str, Any]) -> None:
    """Who is excluded from the list is excluded here, however near."""
    assert assign([wanted("1")], [patrol("P", 119.2, **more)], NOW).left == (LeftOut("1", "nobody"),)


def test_a_skill_is_worth_some_minutes() -> None:
    """A patrol with the skill goes although it arrives a little later, but not much later; or not at all when asked."""
    near, skilled = patrol("near", 119.2), patrol("skilled", 119.205, skills=("fire",))
    far = patrol("skilled", 119.3, skills=("fire",))
    case = wanted("1", skills=("fire",))
    assert who(assign([case], [near, skilled], NOW)) == {"1": "skilled"}
    assert who(assign([case], [near, far], NOW)) == {"1": "near"}
    assert who(assign([case], [near, skilled], NOW, unskilled=0)) == {"1": "near"}


def test_urgency_grows_towards_the_limit_and_past_it() -> None:
    """Half as much again 30 minutes before, double at the limit, four times at most; a P1 weighs eight P4."""

    def due_in(minutes: int) -> float:
        clock = Clock("respond", MS, MS + minutes * MINUTE)
        done = Clock("handle", MS, MS, done=MS)
        return urgency(wanted("1", priority=4, clocks=(done, clock)).case, NOW)

    assert [due_in(minutes) for minutes in (30, 0, -60, -120, -9999)] == [1.5, 2.0, 3.0, 4.0, 4.0]
    assert urgency(wanted("1", priority=1).case, NOW) == 8.0


def test_nothing_to_assign_is_no_fault() -> None:
    """No cases, no patrols, or neither."""
    assert assign([], [], NOW) == Plan((), (), 0.0)
    assert assign([], [patrol("P", 119.2)], NOW) == Plan((), (), 0.0)
    assert assign([wanted("1")], [], NOW).left == (LeftOut("1", "nobody"),)


lons = st.integers(0, 400).map(lambda n: 119.2 + n / 4000)
some_cases = st.lists(
    st.tuples(lons, st.sampled_from([(), ("fire",), ("marine",)]), st.integers(1, 4)), max_size=4
).map(lambda rows: [wanted(str(n), lon, skills, priority=priority) for n, (lon, skills, priority) in enumerate(rows)])
some_patrols = st.lists(
    st.tuples(lons, st.sampled_from(["person", "vehicle", "vessel"]), st.sampled_from(["free", "free", "off"]),
              st.sampled_from([(), ("fire",)])), max_size=4,
).map(lambda rows: [patrol(f"P{n}", lon, kind=kind, state=state, skills=skills)
                    for n, (lon, kind, state, skills) in enumerate(rows)])  # fmt: skip


def brute(cases: list[Wanted], patrols: list[Standing]) -> float:
    """The cheapest of all assignments, tried one after the other; going without costs what it costs there."""
    roster = Roster(patrols, NOW)
    cost = costs(cases, roster, roster.ways(cases, None), NOW)
    alone = [without(one.case, NOW) for one in cases]
    best = inf
    for chosen in permutations([*range(len(patrols)), *[-1] * len(cases)], len(cases)):
        total = sum(alone[row] if column < 0 else cost[row, column] for row, column in enumerate(chosen))
        best = min(best, total)
    return best


@given(some_cases, some_patrols)
def test_it_is_the_cheapest_of_all(cases: list[Wanted], patrols: list[Standing]) -> None:
    """The cost, with that of the cases left out, is the smallest there is; nobody and nothing is used twice."""
    plan = assign(cases, patrols, NOW)
    nobody = {one.case.no: without(one.case, NOW) for one in cases}
    assert plan.cost + sum(nobody[one.case] for one in plan.left) == pytest.approx(brute(cases, patrols), rel=1e-12)
    assert len({one.patrol for one in plan.sendings}) == len(plan.sendings)
    assert sorted([*who(plan), *(one.case for one in plan.left)]) == sorted(one.case.no for one in cases)


@given(some_cases, some_patrols, st.randoms(use_true_random=False))
def test_the_order_of_the_question_does_not_matter(cases: list[Wanted], patrols: list[Standing], rng: Any) -> None:
    """Cases and patrols shuffled: the same plan."""
    plan = assign(cases, patrols, NOW)
    rng.shuffle(cases)
    rng.shuffle(patrols)
    assert assign(cases, patrols, NOW) == plan


def test_a_county_is_assigned_quickly_enough_to_wait_for() -> None:
    """200 cases and 1,000 patrols in one plan: everybody who is needed goes, to one case each."""
    rng = np.random.default_rng(1)
    cases = [wanted(f"{n:03}", float(lon)) for n, lon in enumerate(rng.uniform(119, 120, 200))]
    patrols = [patrol(f"P{n:04}", float(lon), at=NOW - timedelta(seconds=5)) for n, lon in
               enumerate(rng.uniform(119, 120, 1000))]  # fmt: skip
    plan = assign(cases, patrols, NOW)
    assert len(plan.sendings) == len({one.patrol for one in plan.sendings}) == 200
