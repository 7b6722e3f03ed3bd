"""The grid set of a made-up place: what `grids.geojson` says, and Wanghai's in particular."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from random import Random

import shapely
import town_wanghai as w
from shapely import Polygon
from town_names import Named, counted, people
from town_shapes import XY, groups_in_one_piece, one_polygon, relax, rough, smooth, tile


@dataclass(frozen=True, slots=True)
class Grid:
    """One grid as it stands in the file; `shape` in degrees of six decimals."""

    code: str
    name: str
    name_en: str
    level: int
    parent: str | None
    kind: str
    district: str | None
    chief: str
    shape: Polygon


def coast_line() -> list[XY]:
    """Wanghai's coast in km, north to south: rough where nature made it."""
    out: list[XY] = []
    for n, (built, points) in enumerate(w.COAST):
        line = points if built else rough(smooth(points, 4), 41 + n, 0.2, 0.05)
        out += line if not out else line[1:]
    return out


def land() -> Polygon:
    """Land to the edge of the map in km: the town's and its neighbours'."""
    return Polygon([*coast_line(), (-w.EDGE, -w.EDGE), (-w.EDGE, w.EDGE)])


def outline() -> Polygon:
    """The town in km: land within its border."""
    border = rough(w.BORDER, 7, 0.17, 0.09)
    parts = shapely.get_parts(shapely.intersection(land(), Polygon(border)))  # islets beyond are nobody's
    return max((p for p in parts if isinstance(p, Polygon)), key=lambda p: p.area)


def wanghai(seed: int) -> list[Grid]:
    """The 1 + 6 + 48 + 6 grids of Wanghai, top level first."""
    rng = Random(f"{seed}:grids")
    area = outline()
    seeds = [
        (x + rng.uniform(-0.17, 0.17), y + rng.uniform(-0.17, 0.17)) for _, _, _, a, b in w.VILLAGES for x, y in (a, b)
    ]
    tiles = tile(relax(seeds, area, 1), area, w.PLANE, seed)
    district = groups_in_one_piece(tiles, [v[2] for v in w.VILLAGES for _ in (0, 1)])
    chiefs = iter(people(80, rng))
    codes = [f"{w.CODE}P{d + 1:02}" for d in range(len(w.DISTRICTS))]
    shapes = [one_polygon([t for t, d in zip(tiles, district, strict=True) if d == n]) for n in range(len(codes))]
    top = Grid(w.CODE, *w.NAME, 1, None, "general", None, next(chiefs)[0], one_polygon(shapes))
    middle = [
        Grid(code, *name, 2, w.CODE, "general", code, next(chiefs)[0], shape)
        for code, name, shape in zip(codes, w.DISTRICTS, shapes, strict=True)
    ]
    general = []
    for at, village in enumerate(village_order()):
        name, english = w.VILLAGES[village][:2]
        for half in (0, 1):
            i = 2 * village + half
            parent = codes[district[i]]
            general.append(
                Grid(
                    f"{village_code(at)}{2 * at + half + 1:03}",
                    f"{name}{counted(half + 1)}网格",
                    f"{english} Grid {half + 1}",
                    3,
                    parent,
                    "general",
                    parent,
                    next(chiefs)[0],
                    tiles[i],
                )
            )
    return [top, *middle, *general, *_dedicated(general, middle, top, chiefs)]


def _dedicated(general: list[Grid], middle: list[Grid], top: Grid, chiefs: Iterator[Named]) -> list[Grid]:
    out = []
    for n, (name, english, points) in enumerate(w.DEDICATED):
        shape = _cut(Polygon(w.PLANE.line(points)), top.shape)
        home = max(general, key=lambda g: float(g.shape.intersection(shape).area))
        parent = max(middle, key=lambda g: float(g.shape.intersection(shape).area)).code
        out.append(
            Grid(
                f"{home.code[:12]}{901 + n}",
                name,
                english,
                3,
                parent,
                "dedicated",
                parent,
                next(chiefs)[0],
                shape,
            )
        )
    return out


def _cut(drawn: Polygon, whole: Polygon) -> Polygon:
    """The part of `drawn` in `whole`, whose corners on the coast are corners of the coast.

    A corner where two lines cross would be rounded to either side of the coast; this way nothing sticks out.
    """
    within = max(shapely.get_parts(shapely.intersection(drawn, whole)), key=lambda p: float(p.area))
    coast = list(whole.exterior.coords)
    fixed = {*coast, *drawn.exterior.coords}
    ring = [p if p in fixed else min(coast, key=lambda q: math.dist(p, q)) for p in within.exterior.coords]
    shape = Polygon([p for p, following in pairwise(ring) if p != following])
    if not (shape.is_valid and whole.covers(shape)):
        raise ValueError(f"a dedicated grid near {shape.centroid.wkt} does not fit the coast; draw it further inland")
    return shapely.normalize(shape)


def village_order() -> list[int]:
    """Indices of `VILLAGES` from north-west to south-east, in bands, as unit grids are numbered."""

    def band(i: int) -> tuple[int, float]:
        (x, y), (x2, y2) = w.VILLAGES[i][3:5]
        return -int((y + y2) / 2 // 1.75), x + x2

    return sorted(range(len(w.VILLAGES)), key=band)


def village_code(at: int) -> str:
    """The 12-digit code of the village at place `at` of the order."""
    return f"{w.CODE}{201 + at}"
