"""Ways to dispatch, side by side: given who waits and who is free, who goes where.

The product recommends and plans (`recommend.py`, `assignment.py`); the plain way, the nearest who is free, is here to
be compared with. The benchmark of dispatching and `what_if.py` play whole days by these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Literal, get_args

from geo.places import Position, metres
from geo.roads import Roads
from streams.assignment import UNSKILLED_MINUTES, assign
from streams.recommend import Standing, Wanted, candidates

Sends = Iterable[tuple[str, str]]
Choose = Callable[[Sequence[Wanted], Sequence[Standing], datetime], Sends]
"""A way to dispatch: the waiting cases, oldest first, and the free patrols -> (case, patrol) as often as it wants."""
Policy = Literal["ranked", "best", "nearest"]
POLICIES: tuple[Policy, ...] = get_args(Policy)


def way(policy: Policy, roads: Roads | None) -> Choose:
    """`ranked`: the most urgent case first, the first of the list of candidates, as a desk does that follows the
    centre; `best`: the plan of all cases together; `nearest`: the oldest case first, whoever is nearest."""
    if policy == "best":
        return overall(roads)
    return ranked(roads) if policy == "ranked" else nearest


def fitting(one: Wanted, patrol: Standing) -> bool:
    """Whether a free patrol can be sent to the case: by water or by land."""
    return one.at_sea == (patrol.kind == "vessel")


def nearest(cases: Sequence[Wanted], free: Sequence[Standing], _: datetime) -> Iterator[tuple[str, str]]:
    """The plain way: the oldest case first, whoever is nearest as the crow flies."""
    left = list(free)
    for one in cases:
        there = Position(one.case.lon or 0.0, one.case.lat or 0.0)
        able = [(metres(each.position, there), each.id, each) for each in left if each.position and fitting(one, each)]
        if able:
            chosen = min(able, key=lambda each: each[:2])[2]
            left.remove(chosen)
            yield one.case.no, chosen.id


def first_of_list(roads: Roads | None) -> Choose:
    """The cases in their order, and for each the first of the candidates."""

    def choose(cases: Sequence[Wanted], free: Sequence[Standing], now: datetime) -> Iterator[tuple[str, str]]:
        left = list(free)
        for one in cases:
            if not any(fitting(one, each) for each in left):
                continue
            best = candidates(one.case, left, now, one.skills, one.district, roads)[0]
            if best.excluded:
                continue
            left = [each for each in left if each.id != best.patrol]
            yield one.case.no, best.patrol

    return choose


def ranked(roads: Roads | None) -> Choose:
    """The most urgent case first, then the oldest, and for each the first of the candidates."""
    choose = first_of_list(roads)

    def urgent_first(cases: Sequence[Wanted], free: Sequence[Standing], now: datetime) -> Sends:
        order = sorted(cases, key=lambda one: (one.case.priority, one.case.received, one.case.no))
        return choose(order, free, now)

    return urgent_first


def overall(roads: Roads | None, unskilled: float = UNSKILLED_MINUTES) -> Choose:
    """Gridpost's plan of all waiting cases; `unskilled` 0: by the arrival alone."""

    def choose(cases: Sequence[Wanted], free: Sequence[Standing], now: datetime) -> Iterator[tuple[str, str]]:
        for sending in assign(cases, free, now, roads, unskilled).sendings:
            yield sending.case, sending.patrol

    return choose
