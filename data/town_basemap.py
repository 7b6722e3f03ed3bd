"""The picture below the data: land, water, roads, houses, fields at sea, and the names on it.

A feature's `layer` says how it is drawn (and `class` refines it); the sea is the background. Land goes on
beyond the town's border, so that the town does not float.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from random import Random

import shapely
import town_wanghai as w
from shapely import LineString, MultiLineString, Point, Polygon
from shapely.geometry.base import BaseGeometry
from town_grids import coast_line, land, outline
from town_roads import Road
from town_shapes import XY, rough, smooth
from town_streets import hamlets, turned

Feature = tuple[dict[str, object], BaseGeometry]


def wanghai(seed: int, roads: Sequence[Road]) -> Iterator[Feature]:
    """All features of Wanghai's basemap in drawing order, in degrees."""
    for properties, shape in _drawn(Random(f"{seed}:basemap"), roads):
        yield properties, w.PLANE.to_degrees(shape)
    for road in roads:
        said: dict[str, object] = {"layer": "road", "class": road.kind, "name": road.name, "name_en": road.name_en}
        if road.ref:
            said["ref"] = road.ref
        yield said, LineString(road.line)
    for kind, name, english, at in w.PLACES:
        yield {"layer": "place", "class": kind, "name": name, "name_en": english}, Point(w.PLANE.degrees(at))
    for name, english, _, a, b in w.VILLAGES:
        at = a if name == "望海" else ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2)
        yield (
            {"layer": "place", "class": "village", "name": name, "name_en": english},
            Point(w.PLANE.degrees(at)),
        )


def _drawn(rng: Random, roads: Sequence[Road]) -> Iterator[Feature]:
    """Everything that is drawn in km."""
    ground = land()
    water = [(p, shapely.intersection(shape, ground)) for p, shape in _water()]
    wet = shapely.unary_union([shape for _, shape in water])
    streets = shapely.unary_union([LineString([w.PLANE.km(p) for p in r.line]) for r in roads])
    yield {"layer": "land"}, ground
    yield {"layer": "bank", "class": "shore"}, LineString(coast_line())
    for shape in _built(rng, ground):
        yield {"layer": "built"}, shape
    yield from water
    yield {"layer": "bank", "class": "river"}, shapely.intersection(wet.boundary, ground.buffer(-0.01))
    for shape in _ponds():
        yield {"layer": "pond"}, shape
    for nets in _nori(rng, ground):
        yield {"layer": "nori"}, nets
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
        ring = [
            (
                x + a * math.cos(t) * (1 + 0.16 * math.sin(3 * t + x)),
                y + b * math.sin(t) * (1 + 0.13 * math.cos(2 * t + y)),
            )
            for t in (k * math.tau / 28 for k in range(28))
        ]
        out.append(
            (
                {"layer": "water", "name": name, "name_en": english},
                Polygon(rough([*ring, ring[0]], 3, 0.12, 0.08)),
            )
        )
    return out


def band(line: Sequence[XY], half: Sequence[float]) -> Polygon:
    """A line with a width that changes: `half` km to each side. Built of hulls, so that a sharp bend stays valid."""
    discs = [Point(p).buffer(h, quad_segs=4) for p, h in zip(line, half, strict=True)]
    whole = shapely.unary_union([shapely.union(a, b).convex_hull for a, b in pairwise(discs)])
    slim = shapely.normalize(shapely.simplify(whole, 0.003))
    if not isinstance(slim, Polygon):
        raise ValueError(f"the band from {line[0]} is a {slim.geom_type}")
    return slim


def _built(rng: Random, ground: Polygon) -> Iterator[Polygon]:
    """Built-up land: the core, hamlets, and the three works at the coast."""
    ring = [
        turned(x, y)
        for x, y in (
            (-1.75, -0.2),
            (-1.7, 1.2),
            (-1.0, 1.62),
            (0.9, 1.6),
            (1.7, 1.2),
            (1.78, -0.3),
            (1.3, -1.05),
            (-1.1, -1.05),
        )
    ]
    yield Polygon(rough([*ring, ring[0]], 11, 0.1, 0.15))
    for _, _, at, half in hamlets():
        ring = [
            (
                at[0] + half * 1.15 * math.cos(t) * rng.uniform(0.9, 1.15),
                at[1] + half * 0.85 * math.sin(t) * rng.uniform(0.9, 1.15),
            )
            for t in (k * math.tau / 9 for k in range(9))
        ]
        patch = Polygon(rough([*ring, ring[0]], 12, 0.1, 0.08))
        if ground.contains(patch):
            yield patch
    for at in _beyond(rng):
        ring = [
            (
                at[0] + 0.33 * math.cos(t) * rng.uniform(0.6, 1.2),
                at[1] + 0.25 * math.sin(t) * rng.uniform(0.6, 1.2),
            )
            for t in (k * math.tau / 8 for k in range(8))
        ]
        yield Polygon(rough([*ring, ring[0]], 13, 0.1, 0.12))
    for n in (0, 1, 2):
        works = shapely.intersection(Polygon(w.DEDICATED[n][2]), ground)
        yield max((p for p in shapely.get_parts(works) if isinstance(p, Polygon)), key=lambda p: p.area)


def _beyond(rng: Random) -> Iterator[XY]:
    """Villages of the neighbours: they lie near the roads that leave the town, and have no data."""
    own, ground = outline().buffer(0.5), land().buffer(-0.6)
    for _, _, _, _, points in w.ROADS:
        for x, y in smooth(points, 3):
            at = x + rng.uniform(-0.5, 0.5), y + rng.uniform(-0.5, 0.5)
            if (
                math.hypot(*at) < 17
                and rng.random() < 0.8
                and ground.contains(Point(at))
                and not own.contains(Point(at))
            ):
                yield at


def rectangle(middle: XY, wide: float, high: float, turn: float) -> Polygon:
    """A turned rectangle in km."""
    return Polygon(
        [
            turned(x, y, middle, turn)
            for x, y in (
                (-wide / 2, -high / 2),
                (wide / 2, -high / 2),
                (wide / 2, high / 2),
                (-wide / 2, high / 2),
            )
        ]
    )


def _ponds() -> Iterator[Polygon]:
    for corner, rows, columns, wide, high, turn in w.PONDS:
        for r in range(rows):
            for c in range(columns):
                yield rectangle(
                    turned((c + 0.5) * (wide + 0.03), -(r + 0.5) * (high + 0.03), corner, turn),
                    wide,
                    high,
                    turn,
                )


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
                x, y = column * half * 0.42 + rng.uniform(-0.01, 0.01), row * half * 0.24
                if rng.random() < 0.62 and math.hypot(x / half, y / (half * 0.8)) < 1:
                    yield "house", rectangle(turned(x, y, at, turn), rng.uniform(0.05, 0.085), 0.014, turn)
    for kind, corner, end, step in (
        ("port", (4.75, 0.5), (6.1, -0.7), (0.23, 0.26)),
        ("store", (2.4, 1.0), (3.45, 0.25), (0.2, 0.17)),
        ("works", (2.2, -1.05), (3.5, -2.2), (0.21, 0.2)),
    ):
        yield from _works(rng, kind, corner, end, step)


def _blocks(rng: Random) -> Iterator[tuple[str, Polygon]]:
    """Slabs and courts between the streets of the core, denser in its middle."""
    xs = sorted([x for x, _, _ in w.STREETS_NS] + [0.555])
    ys = sorted([y for y, _, _ in w.STREETS_EW] + [0.0])
    for x0, x1 in pairwise(xs):
        for y0, y1 in pairwise(ys):
            dense = 0.95 - 0.4 * math.hypot((x0 + x1) / 2 / 1.6, (y0 + y1 - 0.5) / 2 / 1.2)
            columns, rows = max(1, round((x1 - x0) / 0.14)), max(1, round((y1 - y0) / 0.085))
            for c in range(columns):
                for r in range(rows):
                    if rng.random() > dense:
                        continue
                    wide, high = (x1 - x0 - 0.05) / columns, (y1 - y0 - 0.05) / rows
                    middle = turned(x0 + 0.025 + (c + 0.5) * wide, y0 + 0.025 + (r + 0.5) * high)
                    yield (
                        "block",
                        rectangle(middle, wide * rng.uniform(0.62, 0.86), high * rng.uniform(0.3, 0.6), w.TURN),
                    )


def _works(rng: Random, kind: str, corner: XY, end: XY, step: XY) -> Iterator[tuple[str, Polygon]]:
    """Halls in rows, and round tanks among those of the chemical park."""
    x = corner[0]
    while x < end[0]:
        y = corner[1]
        while y > end[1]:
            if rng.random() < 0.72:
                if kind == "works" and rng.random() < 0.5:
                    for dx, dy in ((-0.04, 0), (0.04, 0), (0, 0.06)):
                        yield "tank", Point(x + dx, y + dy).buffer(0.026, quad_segs=3)
                else:
                    yield (
                        kind,
                        rectangle((x, y), step[0] * rng.uniform(0.5, 0.75), step[1] * rng.uniform(0.35, 0.6), -0.02),
                    )
            y -= step[1]
        x += step[0]
