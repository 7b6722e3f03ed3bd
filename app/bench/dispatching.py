"""Who to send: the best assignment of all waiting cases, against the plain way: the nearest free, first come.

A simulated day of the demo town (`town_day`) is played once for each way to dispatch, with the same cases, shifts and
chances, on several seeds. The plain way takes the oldest waiting case and sends whoever is nearest as the crow flies
among those who can be sent; it is what a person does who looks at a map. More ways say where a difference comes from:
`random`, the floor; `list`, which takes cases as they come too, and for each the first of the list of candidates; and
`pair by pair`, which has the costs of the assignment but takes the best pair first, then the best of the rest.

On an ordinary day somebody near is almost always free, so cases are sent one by one and there is little to gain. A plan
over all of them matters when cases wait for patrols to get free: so there is a day with twice as many cases.

And how long a person waits for the list: a case and 5,000 patrols of the county.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from random import Random
from statistics import fmean, median

import numpy as np

from app.bench import Report, Row, at_most
from app.bench.county import county
from app.bench.town_day import MIDNIGHT, Run, Served, Town, demands
from app.config import ROOT, TOWN
from geo.places import Position
from geo.roads import Roads
from streams.assignment import costs, without
from streams.model import Case, State
from streams.recommend import Roster, Standing, Wanted, candidates
from streams.simulator import Place
from streams.what_if.policies import Choose, first_of_list, fitting, nearest, overall

MATTERS = ROOT / "data" / "matters.toml"
LOADS = ((1.0, "ordinary day"), (2.0, "double day"))
URGENT = 2
LIST_MS = 50.0


@dataclass(frozen=True)
class Sizes:
    """How many seeded days of each load, how many single ways and how many lists are timed."""

    days: int = 10
    ways: int = 40
    lists: int = 15


QUICK = Sizes(days=2, ways=10, lists=5)


def anybody(seed: int) -> Choose:
    """The floor: the oldest case first, anybody who can be sent."""
    rng = Random(f"{seed}:anybody")

    def choose(cases: Sequence[Wanted], free: Sequence[Standing], _: datetime) -> Iterator[tuple[str, str]]:
        left = list(free)
        for one in cases:
            able = [each for each in left if fitting(one, each)]
            if able:
                chosen = rng.choice(able)
                left.remove(chosen)
                yield one.case.no, chosen.id

    return choose


def pair_by_pair(roads: Roads) -> Choose:
    """The pair that spares most, then the next of those that are left: the same costs, one at a time."""

    def choose(cases: Sequence[Wanted], free: Sequence[Standing], now: datetime) -> Iterator[tuple[str, str]]:
        roster = Roster(free, now)
        spared = np.array([[without(one.case, now)] for one in cases]) - costs(
            cases, roster, roster.ways(cases, roads), now
        )
        for _ in range(min(spared.shape)):
            row, column = divmod(int(spared.argmax()), spared.shape[1])
            if spared[row, column] == -np.inf:
                return
            yield cases[row].case.no, roster.ids[column]
            spared[row, :] = spared[:, column] = -np.inf

    return choose


@dataclass(frozen=True)
class Figures:
    """What a way to dispatch made of some days. Minutes from the report to somebody on scene."""

    mean: float
    p90: float
    urgent: float
    broken: float
    km: float
    skill: float

    @classmethod
    def of(cls, served: Sequence[Served], days: int) -> Figures:
        """Those of all days together; clocks and kilometres a day."""
        minutes = [one.minutes for one in served]
        return cls(
            fmean(minutes), float(np.percentile(minutes, 90)),
            fmean(one.minutes for one in served if one.priority <= URGENT),
            sum(one.broken for one in served) / days, sum(one.metres for one in served) / 1000 / days,
            fmean(one.skill for one in served),
        )  # fmt: skip

    def __str__(self) -> str:
        return (
            f"mean {self.mean:.1f} min, p90 {self.p90:.1f}, P1 and P2 {self.urgent:.1f}; "
            f"{self.broken:.1f} clocks broken and {self.km:,.0f} km a day; {self.skill:.0%} of the skills asked"
        )


def run(state: Path, sizes: Sizes = Sizes(), seed: int = 20261118) -> Report:
    """Play the days, then time the list. `state`: where the county is kept."""
    town = Town.load(TOWN, MATTERS)
    rows: list[Row] = []
    notes: list[str] = []
    broken: list[str] = []
    for load, name in LOADS:
        found, wrong = days(town, load, sizes.days, seed)
        broken += [f"{name}: {sentence}" for sentence in wrong]
        rows += _rows(name, found["overall"], found["nearest"])
        notes += [f"{name}, {way}: {figures}" for way, figures in found.items()]
    rows.append(timed(state, sizes, seed))
    return Report(
        "dispatch", f"best assignment overall, {sizes.days} seeded days; plain: the nearest free, first come",
        tuple(rows), tuple(notes), tuple(broken),
    )  # fmt: skip


def days(town: Town, load: float, count: int, seed: int) -> tuple[dict[str, Figures], list[str]]:
    """Each way's figures over the same days, and what does not hold."""
    served: dict[str, list[Served]] = {}
    wrong: list[str] = []
    for number in range(seed, seed + count):
        day = demands(town, number, load)
        ways: dict[str, Choose] = {
            "overall": overall(town.roads), "overall by arrival alone": overall(town.roads, 0.0),
            "pair by pair": pair_by_pair(town.roads), "list": first_of_list(town.roads), "nearest": nearest,
            "random": anybody(number),
        }  # fmt: skip
        for way, choose in ways.items():
            played = Run(town, day, number, choose)
            found = played.served_all()
            served.setdefault(way, []).extend(found)
            wrong += [f"day {number}, {way}: {sentence}" for sentence in faults(found, len(day), played.left)]
            if number == seed and way == "overall" and Run(town, day, number, choose).served_all() != found:
                wrong.append(f"day {number}, {way}: played twice, it went differently")
    return {way: Figures.of(each, count) for way, each in served.items()}, wrong


def faults(served: Sequence[Served], asked: int, left: Sequence[str]) -> Iterator[str]:
    """What must not happen: a case served twice or lost, a patrol on two cases at once."""
    if len({one.case for one in served}) != len(served) or len(served) + len(left) != asked:
        yield f"{asked} cases, {len(served)} served, {len(left)} left"
    if left:
        yield f"nobody ever went to {len(left)} cases, the first {left[0]}"
    until: dict[str, float] = {}
    for one in sorted(served, key=lambda each: each.sent):
        if one.sent < until.get(one.patrol, 0.0):
            yield f"{one.patrol} was sent to {one.case} while on another case"
        until[one.patrol] = one.free


def _rows(name: str, ours: Figures, plain: Figures) -> list[Row]:
    compared = (
        ("mean to arrival", ours.mean, plain.mean, "min"), ("p90 to arrival", ours.p90, plain.p90, "min"),
        ("mean of P1 and P2", ours.urgent, plain.urgent, "min"), ("clocks broken a day", ours.broken, plain.broken, ""),
        ("driven a day", ours.km, plain.km, "km"),
    )  # fmt: skip
    return [
        Row(f"{name}, {what}", f"{mine:,.1f} {unit}".rstrip(), f"{theirs:,.1f} {unit}".rstrip(),
            theirs / mine if mine else None)
        for what, mine, theirs, unit in compared
    ]  # fmt: skip


def timed(state: Path, sizes: Sizes, seed: int) -> Row:
    """One list of everybody in the county, against a way searched for each."""
    folder = county(state)
    place = Place.load(folder)
    roads = place.roads
    rng = Random(seed)
    patrols = [
        Standing(one.id, "free", Position(*roads.plane.degrees(*rng.choice(roads.corners))), MIDNIGHT, None, one.kind,
                 one.skills, rng.randrange(5), True, one.district, one.squad)
        for one in place.register.patrols.values()
    ]  # fmt: skip
    goal = rng.randrange(len(roads.corners))
    lon, lat = roads.plane.degrees(*roads.corners[goal])
    case = Case("1", State.ACCEPTED, 3, "fire", 1, "device", 0, lon=lon, lat=lat)
    lists = [_seconds(lambda: candidates(case, patrols, MIDNIGHT, ("fire",), "", roads)) for _ in range(sizes.lists)]
    starts = [rng.randrange(len(roads.corners)) for _ in range(sizes.ways)]
    single = _seconds(lambda: [roads.route(start, goal) for start in starts]) / sizes.ways * len(patrols)
    ours = median(lists)
    goal_said, met = at_most(ours * 1000, LIST_MS, "ms")
    return Row(f"list of {len(patrols):,} patrols", f"{ours * 1000:,.0f} ms", f"{single * 1000:,.0f} ms", single / ours,
               goal_said, met)  # fmt: skip


def _seconds(what: Callable[[], object]) -> float:
    begin = time.perf_counter()
    what()
    return time.perf_counter() - begin
