"""A place with fences for tests: two districts side by side, a border line in the east, and one of each kind of patrol.

Places are given in metres east and north of the middle of district D1, a square of about 2 km.
"""

from __future__ import annotations

from math import cos, radians
from random import Random
from typing import Any

import shapely

from geo.fences import Border, Districts, Grounds
from geo.grids import GridSet
from geo.lattice import METRES_PER_DEGREE
from geo.places import Position
from streams.matters import Fence, FenceRule
from streams.model import Patrol
from tests.streams.desk import _grid

LON, LAT, HALF = 119.21, 34.91, 0.01
EDGE = HALF * METRES_PER_DEGREE * cos(radians(LAT))
"""Metres from the middle of D1 to its eastern edge, where D2 begins."""
SEA = 5000.0
"""Metres east of the middle of D1: the border line, 20 km from south to north; the town lies west of it."""

RULES: dict[FenceRule, Fence] = {
    "left_district": Fence("left_district", ("person", "vehicle"), 300, 50, "left_district", 1, grace=1800),
    "standing_still": Fence("standing_still", ("person",), 2700, 50, "standing_still", 2, posts=("交通岗",)),
    "border_crossing": Fence("border_crossing", ("vehicle", "vessel"), 60, 30, "border_crossing", 2, on_duty=False),
}


def place(x: float, y: float) -> Position:
    """Metres east and north as degrees."""
    return Position(LON + x / (METRES_PER_DEGREE * cos(radians(LAT))), LAT + y / METRES_PER_DEGREE)


def two_districts() -> GridSet:
    """Town T with the grids of D1 (two) and D2 (one)."""
    top = _grid("T", 1, None, LON - HALF, LAT - HALF, 4 * HALF)
    grids = [
        _grid("T1", 2, "T", LON - HALF, LAT - HALF, 2 * HALF),
        _grid("T2", 2, "T", LON - HALF, LAT + HALF, 2 * HALF),
        _grid("T3", 2, "T", LON + HALF, LAT - HALF, 2 * HALF),
    ]
    for grid, district in zip(grids, ("D1", "D1", "D2"), strict=True):
        grid["properties"]["district"] = district
    features: list[dict[str, Any]] = [top, *grids]
    return GridSet.from_geojson({"type": "FeatureCollection", "features": features})


def sea(watch: str = "both") -> Border:
    """The border line, going north: the town is on its left."""
    ends = [place(SEA, -10_000), place(SEA, 10_000)]
    line = shapely.LineString([(end.lon, end.lat) for end in ends])
    return Border("sea", "海上边界", "Sea border", line, "left", watch)  # type: ignore[arg-type]  # one of the three


def grounds(watch: str = "both") -> Grounds:
    """The districts and the border."""
    return Grounds(Districts(two_districts()), (sea(watch),))


def walker(kind: str = "person", post: str = "巡查岗", district: str = "D1", name: str = "P-1") -> Patrol:
    """A patrol of D1."""
    return Patrol(name, "王海", "Wang Hai", kind, "Q1", district, post)  # type: ignore[arg-type]  # one of the three


def drift(rng: Random, at: tuple[float, float], wander: tuple[float, float], accuracy: float) -> tuple[float, float]:
    """One step of a GPS that stands still: it wanders by itself, and stays within its accuracy of where it stands."""
    while True:
        x, y = wander[0] + rng.gauss(0, accuracy / 4), wander[1] + rng.gauss(0, accuracy / 4)
        if (x - at[0]) ** 2 + (y - at[1]) ** 2 <= accuracy**2:
            return x, y
