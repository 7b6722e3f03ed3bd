"""The people of a simulated town as its files have them: where each officer walks, whose cars the departments have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
import shapely

from geo import grids
from geo.gridset import GridSet
from geo.planes import XY
from geo.roads import Roads, load_roads
from streams.errors import BadSetting
from streams.organisation import load_organisation
from streams.register import Register, load_register
from streams.simulated_day import Day
from streams.simulated_departments import Department
from streams.simulated_patrols import Officer


@dataclass(frozen=True)
class Place:
    """What the files of a town say: who is registered, where the roads and the grids are, which departments it has."""

    register: Register
    roads: Roads
    gridset: GridSet
    departments: tuple[str, ...] = ()

    @classmethod
    def load(cls, folder: Path) -> Place:
        """Read `data/towns/<name>`; raises BadSetting or a GeoError that names the file."""
        register = load_register(folder / "devices.csv", folder / "patrols.csv", folder / "sources.csv")
        basemap = folder / "basemap.geojson"
        roads = load_roads(basemap)
        if roads is None:
            raise BadSetting(f"{basemap} has no roads (LineStrings with layer 'road'): simulated officers need some")
        org = folder / "org.toml"
        departments = tuple(load_organisation(org).departments) if org.exists() else ()
        return cls(register, roads, grids.load(folder / "grids.geojson"), departments)


def officers_of(place: Place, seed: int, day: Day, speed: float, every: float) -> dict[str, Officer]:
    """Everybody of the register, each with a generator of their own. `speed`: of the town's time; `every`: seconds
    between two fixes."""
    beats: dict[str, tuple[int, ...]] = {}
    roads = place.roads
    everywhere = tuple(range(len(roads.corners)))
    sea = _sea(place)
    officers: dict[str, Officer] = {}
    for patrol in place.register.patrols.values():
        if patrol.district not in beats:
            grid = place.gridset.by_code.get(patrol.district)
            beats[patrol.district] = (roads.within(_flat(roads, grid.geometry)) if grid else ()) or everywhere
        sail = sea if patrol.kind == "vessel" else None
        rng = Random(f"{seed}:{patrol.id}")
        officers[patrol.id] = Officer(
            patrol, roads, beats[patrol.district], rng, day, pace=speed, every=every, sail=sail
        )
    return officers


def departments_of(place: Place, seed: int, officers: Mapping[str, Officer]) -> dict[str, Department]:
    """The departments, with those of their patrols that go by road."""
    cars: dict[str, list[Officer]] = {code: [] for code in place.departments}
    for officer in officers.values():
        if officer.patrol.department in cars and officer.patrol.kind != "vessel":
            cars[officer.patrol.department].append(officer)
    return {code: Department(code, its, Random(f"{seed}:{code}")) for code, its in cars.items()}


def _flat(roads: Roads, geometry: shapely.Geometry) -> shapely.Geometry:
    return shapely.transform(geometry, lambda xy: np.array([roads.plane.metres(*place) for place in xy]))


def _sea(place: Place) -> Callable[[Random, XY], XY]:
    """Where a vessel sails next: a lane of 6 km along the eastern edge of the grids, 300 to 1,500 m outside."""
    west, south, east, north = place.gridset.bounds
    (_, bottom), (right, top) = place.roads.plane.metres(west, south), place.roads.plane.metres(east, north)
    middle = (bottom + top) / 2

    def sail(rng: Random, _: XY) -> XY:
        return right + rng.uniform(300, 1500), middle + rng.uniform(-3000, 3000)

    return sail
