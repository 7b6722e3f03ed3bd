"""Who goes where when several cases wait: the assignment that is best for all of them together.

Taken one by one, the first case gets the nearest patrol, even when that one is the only one near the second. Here the
sum of costs is the smallest there is (`scipy.optimize.linear_sum_assignment`, a shortest augmenting path). The cost of
sending a patrol is the minutes until it arrives (and some more when it lacks the skills), times the urgency of the
case. A case may also go without: that costs more than any way, so a case is left without only when there are not enough
who can be sent. Which one is weighed as if it waited another hour: the less urgent, or of two like cases the farther.

Pure and exact: the same cases and patrols, in any order, give the same plan. It binds nobody; each sending is an act of
its own, which may still be refused because the world has moved on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from geo.roads import Roads
from streams.model import Case
from streams.recommend import Roster, Standing, Wanted, Ways

LeftReason = Literal["unplaced", "outside", "nobody", "taken"]
Floats = NDArray[np.float64]

URGENCY = {1: 8.0, 2: 4.0, 3: 2.0, 4: 1.0}
"""What a minute of a case of each priority weighs."""
HALF_PRESSURE_MINUTES = 30.0
"""A case whose next clock runs out in so many minutes weighs half as much again, one that is due now twice as much."""
MOST_PRESSURE = 3.0
"""However long past its limit, a case weighs at most four times what it did: an ordinary one never overtakes all."""
UNSKILLED_MINUTES = 5.0
"""A patrol without any of the skills that a matter asks counts as if it arrived so much later."""
NOBODY = 1e7
"""What it costs that nobody goes, for every case the same: it never pays to leave one out to save others a way."""
WAITING_MINUTES = 60.0
"""What going without costs besides, as minutes that weigh. Much more, and the one patrol that gets free would always
cross the town to the most urgent case, past all others; chosen by playing some days of the demo town."""


class Sending(msgspec.Struct, frozen=True):
    """A patrol for a case. `metres` of its way, `minutes` to arrive; `by_road`: along the roads, else straight."""

    case: str
    patrol: str
    metres: float
    minutes: float
    by_road: bool


class LeftOut(msgspec.Struct, frozen=True):
    """A case that nobody is sent to. `unplaced`: its place is unknown; `outside`: it lies in no grid, so it cannot be
    dispatched; `nobody`: no patrol can be sent to it; `taken`: those who could are needed more elsewhere."""

    case: str
    reason: LeftReason


class Plan(msgspec.Struct, frozen=True):
    """Who goes where, by case number, and who is left without. `cost`: weighted minutes of those that go."""

    sendings: tuple[Sending, ...]
    left: tuple[LeftOut, ...]
    cost: float


def assign(
    cases: Iterable[Wanted],
    patrols: Iterable[Standing],
    now: datetime,
    roads: Roads | None = None,
    unskilled: float = UNSKILLED_MINUTES,
) -> Plan:
    """The best assignment of all waiting cases: each gets one patrol at most, each patrol one case at most.

    `unskilled`: minutes that a patrol without any of the skills counts as later; 0 asks for nothing but the arrival.
    """
    every = sorted(cases, key=lambda one: one.case.no)
    able = [one for one in every if one.placed and one.case.grid]
    roster = Roster(sorted(patrols, key=lambda one: one.id), now)
    ways = roster.ways(able, roads)
    cost = costs(able, roster, ways, now, unskilled)
    numbers, chosen = _cheapest(cost, np.array([without(one.case, now) for one in able]))
    sendings = tuple(
        Sending(able[row].case.no, roster.ids[column], float(ways.metres[row, column]),
                float(ways.minutes[row, column]), bool(ways.by_road[row, column]))
        for row, column in zip(numbers, chosen, strict=True)
    )  # fmt: skip
    sent = {one.case for one in sendings}
    reachable = {one.case.no for one, row in zip(able, np.isfinite(cost), strict=True) if row.any()}
    left = tuple(LeftOut(one.case.no, _why(one, reachable)) for one in every if one.case.no not in sent)
    return Plan(sendings, left, float(cost[numbers, chosen].sum()))


def costs(
    cases: Sequence[Wanted], roster: Roster, ways: Ways, now: datetime, unskilled: float = UNSKILLED_MINUTES
) -> Floats:
    """What it costs to send each patrol (columns) to each case (rows), weighted minutes; infinite when it cannot be."""
    rows = [
        np.where([reason == "" for reason in roster.excluded(one)],
                 urgency(one.case, now) * (row + unskilled * (1 - roster.skill(one))), np.inf)
        for one, row in zip(cases, ways.minutes, strict=True)
    ]  # fmt: skip
    return np.array(rows, dtype=np.float64).reshape(len(cases), len(roster.ids))


def without(case: Case, now: datetime) -> float:
    """What it costs to send nobody to the case, weighted minutes."""
    return NOBODY + urgency(case, now) * WAITING_MINUTES


def urgency(case: Case, now: datetime) -> float:
    """What a minute of this case weighs: by its priority, and more the nearer its next clock is to its limit."""
    due = min((clock.due for clock in case.clocks if clock.done is None), default=None)
    weight = URGENCY.get(case.priority, URGENCY[4])
    if due is None:
        return weight
    left = (due / 1000 - now.timestamp()) / 60
    pressure = HALF_PRESSURE_MINUTES / (HALF_PRESSURE_MINUTES + left) if left > 0 else 1 - left / 60
    return weight * (1 + min(pressure, MOST_PRESSURE))


def _cheapest(cost: Floats, nobody: Floats) -> tuple[Any, Any]:
    """Rows and columns of the cheapest assignment; each row may take its own `nobody`, which is left out here."""
    from scipy.optimize import linear_sum_assignment  # a second to import, which no process shall wait for at its start

    count, width = cost.shape
    alone = np.full((count, count), np.inf)
    np.fill_diagonal(alone, nobody)
    rows, columns = linear_sum_assignment(np.hstack([cost, alone]))
    real = columns < width
    return rows[real], columns[real]


def _why(wanted: Wanted, reachable: set[str]) -> LeftReason:
    if not wanted.placed:
        return "unplaced"
    if not wanted.case.grid:
        return "outside"
    return "taken" if wanted.case.no in reachable else "nobody"
