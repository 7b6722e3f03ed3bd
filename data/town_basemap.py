"""The picture below the data: land, water, roads, houses, fields at sea, and the names on it.

A feature's `layer` says how it is drawn (and `class` refines it); the sea is the background. Land goes on
beyond the town's border, so that the town does not float.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from random import Random

import town_wanghai as w
from town_grids import coast_line, land
from town_roads import Road
from town_shapes import XY, rough, smooth
from town_streets import hamlets, turned

import shapely
from shapely import LineString, MultiLineString, Point, Polygon
from shapely.geometry.base import BaseGeometry

Feature = tuple[dict[str, object], BaseGeometry]


def wanghai(seed: int, roads: Sequence[Road]) -> Iterator[Feature]:
    """All features of Wanghai's basemap in drawing order, in degrees."""
    for properties, shape in _drawn(Random(f"{seed}:basemap"), roads):
        yield properties, w.PLANE.to_degrees(shape)
    for road in roads:
        properties: dict[str, object] = {"layer": "road", "class": road.kind, "name": road.name, "name_en": road.name_en}
        if road.ref:
            properties["ref"] = road.ref
        yield properties, LineString(road.line)
    for kind, name, english, at in w.PLACES:
        yield {"layer": "place", "class": kind, "name": name, "name_en": english}, Point(w.PLANE.degrees(at))
    for name, english, _, a, b in w.VILLAGES:
        at = a if name == "望海" else ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2)
        yield ({"layer": "place", "class": "village", "name": name, "name_en": english}, Point(w.PLANE.degrees(at)))


def _drawn(rng: Random, roads: Sequence[Road]) -> Iterator[Feature]:
    """Everything that is drawn in km."""
    ground = land()
    water = _water()
    wet = shapely.unary_union([shape for _, shape in water])
    streets = shapely.unary_union([LineString([w.PLANE.km(p) for p in r.line]) for r in roads])
    yield {"layer": "land"}, ground
    yield {"layer": "bank", "class": "shore"}, LineString(coast_line())
    for shape in _built(rng, ground):
        yield {"layer": "built"}, shape
    yield from water
    for properties, shape in water:
        yield {"layer": "bank", "class": str(properties["layer"])}, _banks(shape, ground)
    for shape in _ponds():
        yield {"layer": "pond"}, shape
    for shape in _nori(rng, ground):
        yield {"layer": "nori"}, shape
    for line in w.PIERS:
        yield {"layer": "pier"}, LineString(line)
    for kind, shape in _buildings(rng):
        if ground.contains(shape) and not wet.intersects(shape) and streets.distance(shape) > 0.007:
            yield {"layer": "building", "class": kind}, shape


def _water() -> list[Feature]:
    """River, canal, brooks (bands) and lakes."""
    course = smooth(w.RIVER, 6)
    half = [0.05 + 0.09 * min(1, max(0, (x + 7) / 9)) + (0.13 * (x - 1.6) if x > 1.6 else 0) for x, _ in course]
    out: list[Feature] = [({"layer": "river", "name": "盐河", "name_en": "Yan River"}, band(course, half))]
    canal = smooth(w.CANAL, 6)
    out.append(({"layer": "river", "name": "运河", "name_en": "Canal"}, band(canal, [0.022] * len(canal))))
    for name, english, line in w.BROOKS:
        brook = rough(smooth(line, 4), 5, 0.12, 0.15)
        out.append(({"layer": "river", "name": name, "name_en": english}, band(brook, [0.014] * len(brook))))
    for name, english, (x, y), a, b in w.LAKES:
        ring = [(x + a * math.cos(t) * (1 + 0.16 * math.sin(3 * t + x)), y + b * math.sin(t) * (1 + 0.13 * math.cos(2 * t + y)))
                for t in (k * math.tau / 28 for k in range(28))]
        out.append(({"layer": "water", "name": name, "name_en": english}, Polygon(rough([*ring, ring[0]], 3, 0.12, 0.08))))
    return out


def band(line: Sequence[XY], half: Sequence[float]) -> Polygon:
    """A line with a width that changes: `half` km to each side. Built of hulls, so that a sharp bend stays valid."""
    discs = [Point(p).buffer(h, quad_segs=4) for p, h in zip(line, half)]
    whole = shapely.unary_union([shapely.union(a, b).convex_hull for a, b in zip(discs, discs[1:])])
    slim = shapely.normalize(shapely.simplify(whole, 0.003))
    if not isinstance(slim, Polygon):
        raise ValueError(f"the band from {line[0]} is a {slim.geom_type}")
    return slim


def _banks(shape: BaseGeometry, ground: Polygon) -> BaseGeometry:
    """The banks of a water: its edge on land."""
    return shapely.intersection(shape.boundary, ground.buffer(-0.01))


def _built(rng: Random, ground: Polygon) -> Iterator[Polygon]:
    """Built-up land: the core, hamlets, and the three works at the coast."""
    ring = [turned(x, y) for x, y in ((-1.75, -0.2), (-1.7, 1.2), (-1.0, 1.62), (0.9, 1.6), (1.7, 1.2), (1.78, -0.3),
                                      (1.3, -1.05), (-1.1, -1.05))]
    yield Polygon(rough([*ring, ring[0]], 11, 0.1, 0.15))
    for _, _, at, half in hamlets():
        ring = [(at[0] + half * 1.15 * math.cos(t) * rng.uniform(.9, 1.15), at[1] + half * .85 * math.sin(t) * rng.uniform(.9, 1.15))
                for t in (k * math.tau / 9 for k in range(9))]
        patch = Polygon(rough([*ring, ring[0]], 12, 0.1, 0.08))
        if ground.contains(patch):
            yield patch
    for n in (0, 1, 2):
        works = shapely.intersection(Polygon(w.DEDICATED[n][2]), ground)
        yield max((p for p in shapely.get_parts(works) if isinstance(p, Polygon)), key=lambda p: p.area)


def rectangle(middle: XY, wide: float, high: float, turn: float) -> Polygon:
    """A turned rectangle in km."""
    return Polygon([turned(x, y, middle, turn) for x, y in
                    ((-wide / 2, -high / 2), (wide / 2, -high / 2), (wide / 2, high / 2), (-wide / 2, high / 2))])


def _ponds() -> Iterator[Polygon]:
    for corner, rows, columns, wide, high, turn in w.PONDS:
        for r in range(rows):
            for c in range(columns):
                yield rectangle(turned((c + .5) * (wide + .03), -(r + .5) * (high + .03), corner, turn), wide, high, turn)


def _nori(rng: Random, ground: Polygon) -> Iterator[MultiLineString]:
    """Nori nets: blocks of parallel lines at sea, some blocks missing."""
    for corner, rows, columns in w.NORI:
        for r in range(rows):
            for c in range(columns):
                x, y = corner[0] + c * 0.5 + r * 0.04, corner[1] - r * 0.34
                block = MultiLineString([[(x, y - k * 0.055), (x + 0.4, y - k * 0.055)] for k in range(4)])
                if rng.random() > 0.18 and ground.distance(block) > 0.3:
                    yield block


def _buildings(rng: Random) -> Iterator[tuple[str, Polygon]]:
    """Houses as candidates: blocks between streets, rows in hamlets, halls and tanks in the works."""
    yield from _blocks(rng)
    for _, _, at, half in hamlets():
        turn = rng.uniform(-0.08, 0.08)
        for row in range(-3, 4):
            for column in range(-2, 3):
                x, y = column * half * .42 + rng.uniform(-.01, .01), row * half * .24
                if rng.random() < 0.62 and math.hypot(x / half, y / (half * .8)) < 1:
                    yield "house", rectangle(turned(x, y, at, turn), rng.uniform(.05, .085), .014, turn)
    for kind, corner, end, step in (("port", (4.75, 0.5), (6.1, -0.7), (.23, .26)), ("store", (2.4, 1.0), (3.45, 0.25), (.2, .17)),
                                    ("works", (2.2, -1.05), (3.5, -2.2), (.21, .2))):
        yield from _works(rng, kind, corner, end, step)


def _blocks(rng: Random) -> Iterator[tuple[str, Polygon]]:
    """Slabs and courts between the streets of the core, denser in its middle."""
    xs = sorted([x for x, _, _ in w.STREETS_NS] + [0.555])
    ys = sorted([y for y, _, _ in w.STREETS_EW] + [0.0])
    for x0, x1 in zip(xs, xs[1:]):
        for y0, y1 in zip(ys, ys[1:]):
            dense = 0.95 - 0.4 * math.hypot((x0 + x1) / 2 / 1.6, (y0 + y1 - .5) / 2 / 1.2)
            columns, rows = max(1, round((x1 - x0) / .14)), max(1, round((y1 - y0) / .085))
            for c in range(columns):
                for r in range(rows):
                    if rng.random() > dense:
                        continue
                    wide, high = (x1 - x0 - .05) / columns, (y1 - y0 - .05) / rows
                    middle = turned(x0 + .025 + (c + .5) * wide, y0 + .025 + (r + .5) * high)
                    yield "block", rectangle(middle, wide * rng.uniform(.62, .86), high * rng.uniform(.3, .6), w.TURN)


def _works(rng: Random, kind: str, corner: XY, end: XY, step: XY) -> Iterator[tuple[str, Polygon]]:
    """Halls in rows, and round tanks among those of the chemical park."""
    x = corner[0]
    while x < end[0]:
        y = corner[1]
        while y > end[1]:
            if rng.random() < 0.72:
                if kind == "works" and rng.random() < 0.5:
                    for dx, dy in ((-.04, 0), (.04, 0), (0, .06)):
                        yield "tank", Point(x + dx, y + dy).buffer(0.026, quad_segs=3)
                else:
                    yield kind, rectangle((x, y), step[0] * rng.uniform(.5, .75), step[1] * rng.uniform(.35, .6), -.02)
            y -= step[1]
        x += step[0]
