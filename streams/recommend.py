"""Who should go: the patrols ranked for one case by points that add up, each part named and shown.

A person decides; the list must therefore be checkable at a glance. Every part is rounded before it is added, so that
the parts on the screen add up to the total on the screen. Whoever cannot be sent stays on the list, below, with the
reason and with points: a supervisor may want to withdraw the busy patrol round the corner. The weights were chosen, not
learned.

Skills rank and do not exclude: a catalogue names what helps with a matter (`city;cleaning`), few patrols have all of
it, and a fire must not wait for the one officer who has. The exception is the sea. A case lies at sea when its matter
asks for the skill `marine`, whatever its place says (the camera that saw the boat stands on the quay): then only
vessels can be sent, and to any other case no vessel.

A patrol on land goes along the roads, where the town has some; a vessel, and everybody where it has none, goes straight
times a detour. A county has 5,000 patrols and a list must not be waited for, so they are handled as columns (`Roster`),
which the assignment of several cases uses too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from math import inf
from typing import Literal, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from geo.places import Position, metres_many
from geo.roads import Roads
from streams.codec import moment
from streams.model import Case, Patrol

Reason = Literal["", "unregistered", "off_duty", "busy", "lost", "no_vessel", "vessel"]
Part = Literal["arrival", "grid", "free", "skill", "load", "rest", "position_age"]
Floats = NDArray[np.float64]
Truths = NDArray[np.bool_]

POINTS: dict[Part, float] = {
    "arrival": 45.0, "grid": 15.0, "free": 10.0, "skill": 15.0, "load": 5.0, "rest": 5.0, "position_age": 5.0,
}  # fmt: skip
"""The most that each part gives: 100 in all."""
PARTS = tuple(POINTS)
IN_GRID, IN_DISTRICT, IN_SQUAD = 1.0, 0.6, 0.3
"""Shares of the points for the grid: it stands in it, belongs to its district, its squad serves that district."""
DETOUR = 1.3
"""Roads are longer than the straight line; 1.3 is the usual factor for street networks."""
HALF_ARRIVAL_MINUTES = 10.0
"""An arrival in so many minutes gets half of its points."""
LOST_SECONDS = 180.0
"""Without a fix for so long a patrol is lost: nobody knows where it is."""
RESTED_SECONDS = 900.0
"""So long after its last case a patrol gets all points for its rest."""
SPEEDS = {"person": 4.0, "vehicle": 8.0, "vessel": 5.0}
"""What a patrol is believed to do on average, in m/s: an e-bike from the station, a town's traffic, harbour speed."""
FULL_LOAD = 5
"""With so many cases today a patrol gets no points for its load."""
AT_SEA = "marine"
"""The skill of a matter whose cases lie at sea."""


class Standing(msgspec.Struct, frozen=True):
    """A patrol as it stands now. `at`: time of its last fix; `grid`: where it stands; `load`: cases it was sent to
    today; `rested`: seconds since its last case, None when it had none; `state`: free, on the way, on scene or off
    duty, as the feed says it."""

    id: str
    state: Literal["free", "way", "scene", "off"]
    position: Position | None = None
    at: datetime | None = None
    grid: str | None = None
    kind: Literal["person", "vehicle", "vessel"] = "person"
    skills: tuple[str, ...] = ()
    load: int = 0
    registered: bool = True
    district: str = ""
    squad: str = ""
    rested: float | None = None


class Candidate(msgspec.Struct, frozen=True):
    """One patrol for one case. `parts` add up to `points` (0 to 100). `metres` of its way and `minutes` to arrive: None
    when a place is not known; `by_road`: along the roads, else straight times the detour. `excluded`: why it cannot be
    sent; "" when it can."""

    patrol: str
    points: float
    parts: dict[Part, float]
    metres: float | None
    minutes: float | None
    excluded: Reason = ""
    by_road: bool = False


class Wanted(msgspec.Struct, frozen=True):
    """A case that wants somebody, the `skills` its matter asks for, and the `district` of its grid."""

    case: Case
    skills: tuple[str, ...] = ()
    district: str = ""

    @property
    def at_sea(self) -> bool:
        """Whether only a vessel gets there."""
        return AT_SEA in self.skills

    @property
    def placed(self) -> bool:
        """Whether its place is known."""
        return self.case.lon is not None and self.case.lat is not None


class Ways(NamedTuple):
    """From each patrol (columns) to each case (rows): metres, NaN where a place is unknown; minutes; along roads."""

    metres: Floats
    minutes: Floats
    by_road: Truths


def stranger(name: str) -> Patrol:
    """The row of a moving source that nobody registered: all that is known is its id."""
    return Patrol(name, name, name, "person", "", "", "")


def standing(name: str, row: Mapping[str, str], patrol: Patrol | None, load: int, now: datetime) -> Standing:
    """How a patrol stands by its hash in Redis. `patrol`: its row of the register, None when it has none; `load`: cases
    it was sent to today."""
    on_case: Literal["scene", "way"] = "scene" if row.get("sub") == "scene" else "way"
    known = patrol or stranger(name)
    return Standing(
        id=name,
        state=on_case if row.get("case") else "off" if row.get("duty") == "off_duty" else "free",
        position=Position(float(row["lon"]), float(row["lat"])) if row.get("lon") else None,
        at=moment(int(row["at"])) if row.get("at") else None,
        grid=row.get("grid") or None,
        kind=known.kind,
        skills=known.skills,
        load=load,
        registered=patrol is not None,
        district=known.district,
        squad=known.squad,
        rested=now.timestamp() - int(row["freed"]) / 1000 if row.get("freed") else None,
    )


def candidates(
    case: Case,
    patrols: Iterable[Standing],
    now: datetime,
    skills: Collection[str] = (),
    district: str = "",
    roads: Roads | None = None,
) -> list[Candidate]:
    """The patrols for a case, best first: those that can be sent, then the excluded. `skills`: what its matter asks;
    `district`: that of its grid; `roads`: of the town, None where it has none.

    Equal points are ordered by the time to arrive, then by id, so that the same input gives the same list.
    """
    roster, wanted = Roster(patrols, now), Wanted(case, tuple(skills), district)
    ways = roster.ways([wanted], roads)
    minutes = ways.minutes[0]
    shares: dict[Part, Floats] = {
        "arrival": np.nan_to_num(HALF_ARRIVAL_MINUTES / (HALF_ARRIVAL_MINUTES + minutes)),
        "grid": roster.nearness(wanted),
        "free": roster.free.astype(np.float64),
        "skill": roster.skill(wanted),
        "load": np.maximum(0.0, 1 - roster.load / FULL_LOAD),
        "rest": np.where(roster.free, np.minimum(1.0, roster.rested / RESTED_SECONDS), 0.0),
        "position_age": np.maximum(0.0, 1 - roster.age / LOST_SECONDS),
    }
    parts = np.stack([np.round(POINTS[part] * shares[part], 1) for part in POINTS], axis=1)
    points = np.round(parts.sum(axis=1), 1)
    excluded = roster.excluded(wanted)
    order = _order(excluded, points, minutes, roster.ids)
    totals, by_road = points.tolist(), ways.by_road[0].tolist()
    named = [dict(zip(PARTS, row, strict=True)) for row in parts.tolist()]
    far, eta = _known(ways.metres[0]), _known(minutes)
    return [Candidate(roster.ids[n], totals[n], named[n], far[n], eta[n], excluded[n], by_road[n]) for n in order]


def _order(excluded: Sequence[Reason], points: Floats, minutes: Floats, ids: Sequence[str]) -> list[int]:
    """The numbers of the patrols, best first."""
    by_id = np.empty(len(ids), dtype=np.int64)
    by_id[sorted(range(len(ids)), key=ids.__getitem__)] = np.arange(len(ids))
    found: list[int] = np.lexsort((by_id, minutes, -points, np.array([reason != "" for reason in excluded]))).tolist()
    return found


def _known(column: Floats) -> list[float | None]:
    return [None if value != value else value for value in column.tolist()]  # NaN differs from itself


class Roster:
    """The patrols as columns, in the order they came. `age`: seconds since the last fix, infinite without one."""

    def __init__(self, patrols: Iterable[Standing], now: datetime) -> None:
        self._patrols = all_ = tuple(patrols)
        moment = now.timestamp()
        self.ids = [one.id for one in all_]
        self.free = np.array([one.state == "free" for one in all_], dtype=np.bool_)
        self.load = np.array([one.load for one in all_], dtype=np.float64)
        self.rested = np.array([inf if one.rested is None else max(0.0, one.rested) for one in all_], dtype=np.float64)
        self.age = np.array(
            [inf if one.at is None else max(0.0, moment - one.at.timestamp()) for one in all_], dtype=np.float64
        )
        self.vessel = np.array([one.kind == "vessel" for one in all_], dtype=np.bool_)
        self.speed = np.array([SPEEDS[one.kind] for one in all_], dtype=np.float64)
        self.placed = np.array([one.position is not None for one in all_], dtype=np.bool_)
        self._places = np.array(
            [(one.position.lon, one.position.lat) if one.position else (0.0, 0.0) for one in all_], dtype=np.float64
        ).reshape(-1, 2)

    def ways(self, wanted: Sequence[Wanted], roads: Roads | None) -> Ways:
        """How far and how long from everybody to every case."""
        there = np.array([one.placed for one in wanted], dtype=np.bool_)
        goals = np.array([(one.case.lon, one.case.lat) for one in wanted if one.placed], dtype=np.float64)
        metres = np.full((len(wanted), len(self.ids)), np.nan)
        by_road = np.zeros(metres.shape, dtype=np.bool_)
        on_land = self.placed & ~self.vessel if roads else np.zeros(len(self.ids), dtype=np.bool_)
        straight = self.placed & ~on_land
        goals = goals.reshape(-1, 2)
        metres[np.ix_(there, straight)] = DETOUR * metres_many(goals, self._places[straight])
        if roads:
            metres[np.ix_(there, on_land)] = roads.metres(goals, self._places[on_land])
            by_road[np.ix_(there, on_land)] = True
        return Ways(metres, metres / self.speed / 60, by_road)

    def nearness(self, wanted: Wanted) -> Floats:
        """How much each belongs where the case is: in its grid, of its district, of a squad that serves the district
        (has patrols there), 0 to 1."""
        district, grid = wanted.district, wanted.case.grid
        serving = {one.squad for one in self._patrols if district and one.district == district and one.squad}
        return np.array(
            [
                IN_GRID if grid and one.grid == grid
                else IN_DISTRICT if district and one.district == district
                else IN_SQUAD if one.squad in serving
                else 0.0
                for one in self._patrols
            ],
            dtype=np.float64,
        )  # fmt: skip

    def skill(self, wanted: Wanted) -> Floats:
        """Which share of the skills that the case asks for each has; 1 when it asks for none."""
        asked = wanted.skills
        if not asked:
            return np.ones(len(self.ids))
        kinds = {one.skills for one in self._patrols}
        known = {has: sum(skill in has for skill in asked) / len(asked) for has in kinds}
        return np.array([known[one.skills] for one in self._patrols], dtype=np.float64)

    def excluded(self, wanted: Wanted) -> list[Reason]:
        """Why each cannot be sent to the case: of several reasons the one that is hardest to mend; "" when it can."""
        lost = (~self.placed | (self.age > LOST_SECONDS)).tolist()
        return [_excluded(one, wanted.at_sea, gone) for one, gone in zip(self._patrols, lost, strict=True)]


def _excluded(patrol: Standing, at_sea: bool, lost: bool) -> Reason:
    if not patrol.registered:
        return "unregistered"
    if at_sea != (patrol.kind == "vessel"):
        return "no_vessel" if at_sea else "vessel"
    if patrol.state == "off":
        return "off_duty"
    if patrol.state != "free":
        return "busy"
    return "lost" if lost else ""
