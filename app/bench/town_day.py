"""A seeded day of the demo town as numbers: which cases come when, who is on shift, how long everything takes.

The cases are those of the simulated town (its alerts and reports, with its rhythm of the day), each alert a case of
its own: no loudspeaker settles any and none are merged, so it is a harder day than the town's. What chance decides (how
long a case takes, how fast the way to it is, where an idle patrol walks) is drawn by case or by patrol and time, never
by who was sent: every way to dispatch meets the same day.

A patrol that has nothing to do is at a corner of its district, another one each ten minutes; after a case it stays
where it is for as long. It goes along the roads, somewhat faster than the centre believes, as simulated officers do.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import numpy as np
import shapely

from geo.gridset import GridSet
from geo.places import Position
from geo.roads import Roads
from geo.tagging import GridIndex
from streams.calendar import Calendar
from streams.clocks import due, running
from streams.matters import Matter, Matters, load_matters
from streams.model import Case, State
from streams.recommend import Wanted
from streams.simulated_alerts import Alerts
from streams.simulated_day import DAY_S, Actor, Day, Said, weighted
from streams.simulated_devices import Outages
from streams.simulated_patrols import SHIFTS
from streams.simulated_reports import RESIDENTS, VILLAGES, Reports
from streams.simulator import ALERTS, RESIDENT_REPORTS, VILLAGE_REPORTS, Place
from streams.what_if.crews import Crew, Crews, Whereabouts
from streams.what_if.policies import Choose

MIDNIGHT = datetime(2026, 11, 18, tzinfo=ZoneInfo("Asia/Shanghai"))
SPEEDS = {"person": 5.0, "vehicle": 10.0, "vessel": 6.0}
"""How fast they really go, m/s: as the simulated officers do on their way to a task."""
VERIFYING_S, ANSWERING_S, HANDLING_S, PACE = (30.0, 120.0), (8.0, 60.0), (600.0, 2400.0), (0.8, 1.3)
"""From the report to the accepted case, from the dispatch to the departure, on scene; and how fast the way is."""
STROLL_S = 600.0



@dataclass(frozen=True)
class Demand:
    """A case of the day. Seconds since midnight; `pace`: how much faster the way to it is than usual."""

    received: float
    ready: float
    wanted: Wanted
    matter: Matter
    answering: float
    handling: float
    pace: float


@dataclass(frozen=True)
class Served:
    """What became of a case. Seconds since midnight; `broken`: how many of its clocks (respond, arrive) ran out."""

    case: str
    patrol: str
    priority: int
    received: float
    sent: float
    arrived: float
    free: float
    metres: float
    skill: float
    broken: int

    @property
    def minutes(self) -> float:
        """From the report to somebody on scene."""
        return (self.arrived - self.received) / 60


@dataclass(frozen=True)
class Town:
    """The demo town: its files, and the grid of a place."""

    place: Place
    matters: Matters
    index: GridIndex
    calendar: Calendar = field(default_factory=Calendar)

    @classmethod
    def load(cls, folder: Path, matters: Path) -> Town:
        """Read a town's folder and a catalogue; raises BadSetting or a GeoError."""
        place = Place.load(folder)
        return cls(place, load_matters(matters), GridIndex(place.gridset))

    @property
    def roads(self) -> Roads:
        """The roads everybody goes along."""
        return self.place.roads


def at(seconds: float) -> datetime:
    """The moment of seconds since midnight."""
    return MIDNIGHT + timedelta(seconds=seconds)


def demands(town: Town, seed: int, load: float = 1.0) -> list[Demand]:
    """The cases of one day, in the order they come; `load` times as many as the town has."""
    register = town.place.register
    rng = Random(f"{seed}:demands")
    found: list[Demand] = []
    for when, said in _happenings(town, seed, load):
        body = said.body
        device = register.devices.get(said.name)
        lon, lat = (device.position.lon, device.position.lat) if device else (body.get("lon"), body.get("lat"))
        if body.get("phase", "new") != "new" or not isinstance(lon, float) or not isinstance(lat, float):
            continue
        grid = town.index.tag(lon, lat).grid
        if grid is None:
            continue
        matter = town.matters.by_category.get(str(body["category"]), town.matters.fallback)
        severity = body.get("severity", 2)
        priority = matter.priority or 5 - (severity if isinstance(severity, int) else 2)
        clocks = running(matter.clocks, ("respond",), at(when), town.calendar)
        case = Case(
            f"{len(found):05}", State.ACCEPTED, 3, matter.key, priority, "device", int(at(when).timestamp() * 1000),
            lon=lon, lat=lat, grid=grid, clocks=clocks,
        )  # fmt: skip
        wanted = Wanted(case, matter.skills, town.place.gridset.by_code[grid].district)
        verifying, *chances = (rng.uniform(*span) for span in (VERIFYING_S, ANSWERING_S, HANDLING_S, PACE))
        found.append(Demand(when, when + verifying, wanted, matter, *chances))
    return found


def _happenings(town: Town, seed: int, load: float) -> list[tuple[float, Said]]:
    """What the town's cameras and people say on the day, in order."""
    cameras = [device for device in town.place.register.devices.values() if device.kind == "camera"]
    day, roads = Day(MIDNIGHT), town.roads

    def somewhere(rng: Random) -> tuple[float, float]:
        return roads.plane.degrees(*(along + rng.gauss(0, 25) for along in rng.choice(roads.corners)))

    actors: list[Actor] = [
        Alerts(cameras, Random(f"{seed}:alerts"), day, Outages(), ALERTS * load, str(seed), ()),
        Reports(RESIDENTS, somewhere, Random(f"{seed}:residents"), day, RESIDENT_REPORTS * load, (), village=False),
        Reports(VILLAGES, somewhere, Random(f"{seed}:villages"), day, VILLAGE_REPORTS * load, (), village=True),
    ]
    found: list[tuple[float, Said]] = []
    for actor in actors:
        now: float | None = 0.0
        while now is not None and now < DAY_S:
            woken = actor.wake(now)
            found += [(now + each.after, each) for each in woken.said]
            now = None if woken.again is None else now + woken.again
    return sorted(found, key=lambda each: each[0])


class Run:
    """One day under one way to dispatch."""

    def __init__(self, town: Town, day: Sequence[Demand], seed: int, choose: Choose) -> None:
        self._town, self._seed, self._choose = town, seed, choose
        self._demands = {each.wanted.case.no: each for each in day}
        self._officers = Crews(officers(town, seed), town.roads, at)
        self._waiting: dict[str, Demand] = {}
        self._going: dict[str, str] = {}
        self._events: list[tuple[float, str, str]] = [(each.ready, "case", each.wanted.case.no) for each in day]
        self._events += [(hour * 3600.0, "shift", "") for hour in range(48)]
        self.served: list[Served] = []

    def served_all(self) -> list[Served]:
        """Play the day, and as much of the next as is needed to get to every case."""
        heapq.heapify(self._events)
        while self._events:
            now, what, name = heapq.heappop(self._events)
            if what == "case":
                self._waiting[name] = self._demands[name]
            elif what == "free":
                self._officers.release(name, now, self._demands[self._going[name]].wanted.case)
            free = self._officers.free(now) if self._waiting else []
            if free:
                cases = [each.wanted for each in self._waiting.values()]
                for case, patrol in self._choose(cases, free, at(now)):
                    self._send(now, case, patrol)
        return self.served

    @property
    def left(self) -> list[str]:
        """The cases nobody got to."""
        return list(self._waiting)

    def _send(self, now: float, case: str, name: str) -> None:
        demand = self._waiting.pop(case)
        way = self._officers.send(name, now, demand.wanted)
        departed = now + demand.answering
        arrived = departed + way.metres / (SPEEDS[self._officers[name].patrol.kind] * demand.pace)
        free = arrived + demand.handling
        self._going[name] = case
        heapq.heappush(self._events, (free, "free", name))
        self.served.append(
            Served(case, name, demand.wanted.case.priority, demand.received, now, arrived, free, way.metres, way.skill,
                   self._broken(demand, now, departed, arrived))
        )  # fmt: skip

    def _broken(self, demand: Demand, sent: float, answered: float, arrived: float) -> int:
        limit = demand.matter.clocks.get("arrive")
        late = limit is not None and at(arrived) > due(at(sent), limit, self._town.calendar).at
        silent = any(at(answered).timestamp() * 1000 > clock.due for clock in demand.wanted.case.clocks)
        return late + silent


def officers(town: Town, seed: int) -> Mapping[str, Crew]:
    """Everybody, with the shift that the simulated town gives them, and where they walk."""
    beats: dict[str, list[Position]] = {}
    found = {}
    for patrol in town.place.register.patrols.values():
        key = "sea" if patrol.kind == "vessel" else patrol.district
        if key not in beats:
            beats[key] = _at_sea(town.place.gridset) if key == "sea" else _beat(town, key)
        shift = weighted(Random(f"{seed}:{patrol.id}"), SHIFTS)
        found[patrol.id] = Crew(patrol, partial(_on_shift, shift), _strolling(f"{seed}:{patrol.id}", beats[key]))
    return found


def _strolling(name: str, beat: Sequence[Position]) -> Whereabouts:
    def where(now: float, last: Position | None, freed: float) -> Position:
        if last is not None and now - freed < STROLL_S:
            return last
        return Random(f"{name}:{int(now / STROLL_S)}").choice(beat)

    return where


def _beat(town: Town, district: str) -> list[Position]:
    roads, area = town.roads, town.place.gridset.by_code[district].geometry
    flat = shapely.transform(area, lambda xy: roads.plane.metres_many(np.asarray(xy)))
    return [Position(*roads.plane.degrees(*roads.corners[corner])) for corner in roads.within(flat)]


def _at_sea(grids: GridSet) -> list[Position]:
    """Ten places off the eastern shore."""
    _, south, east, north = grids.bounds
    return [Position(east + 0.008, south + (north - south) * (n + 0.5) / 10) for n in range(10)]


def _on_shift(shift: tuple[int, int], now: float) -> bool:
    begin, end = shift
    hour = now / 3600 % 24
    return begin <= hour < end if begin < end else hour >= begin or hour < end
