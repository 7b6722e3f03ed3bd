"""Roads of a made-up place, noded: where two cross, both have the same vertex, so equal coordinates are a node.

Roads stay whole lines (few features, small file); a router links each vertex of a line with the next.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import shapely
from shapely import LineString, Point, STRtree
from town_shapes import XY, Plane

NEAR = 0.004  # km: an end this close to a road is meant to meet it


@dataclass(frozen=True, slots=True)
class Road:
    """A road in km; `kind` is motorway, trunk, road or street; `ref` like G15 or empty."""

    kind: str
    ref: str
    name: str
    name_en: str
    line: tuple[XY, ...]


def nearest_on(
    roads: Sequence[Road], at: XY, forbidden: LineString | None = None, limit: float = 9.0
) -> tuple[Road, XY] | None:
    """The nearest place on any road but a motorway to which a straight way does not cross `forbidden`."""
    here = Point(at)
    ranked = sorted(((LineString(r.line).distance(here), n) for n, r in enumerate(roads) if r.kind != "motorway"))
    for distance, n in ranked:
        if distance > limit:
            return None
        line = LineString(roads[n].line)
        p = line.interpolate(line.project(here))
        way = LineString([at, (p.x, p.y)])
        if forbidden is None or not way.intersects(forbidden):
            return roads[n], (p.x, p.y)
    return None


def noded(roads: Sequence[Road], plane: Plane) -> list[Road]:
    """The roads in degrees of six decimals with a shared vertex at every crossing and junction.

    Roads that are not connected with the longest network (streets of a plot without access) are left out.
    """
    lines = [LineString(r.line) for r in roads]
    tree = STRtree(lines)
    extra: dict[int, list[XY]] = defaultdict(list)
    left, right = tree.query(lines, predicate="dwithin", distance=NEAR)
    for i, j in sorted((int(i), int(j)) for i, j in zip(left, right, strict=True) if i < j):
        for p in _meetings(lines[i], lines[j]):
            extra[i].append(p)
            extra[j].append(p)
    out = [replace(r, line=tuple(plane.line(_with(lines[n], extra[n])))) for n, r in enumerate(roads)]
    return _connected([r for r in out if len(r.line) > 1])


def _meetings(a: LineString, b: LineString) -> list[XY]:
    """Places where `a` and `b` cross, and ends of one that lie on the other."""
    found: list[XY] = []
    for one, other in ((a, b), (b, a)):
        for end in (one.coords[0], one.coords[-1]):
            if other.distance(Point(end)) <= NEAR:
                found.append((end[0], end[1]))
    for part in shapely.get_parts(a.intersection(b)):
        p = part.centroid
        if not p.is_empty and all(math.dist((p.x, p.y), q) > 2 * NEAR for q in found):
            found.append((p.x, p.y))
    return found


def _with(line: LineString, points: list[XY]) -> list[XY]:
    """The vertices of `line` and `points` in their order along it; a vertex nearer than `NEAR` gives way."""
    keyed = sorted((line.project(Point(p)), p) for p in set(points))
    taken = [k for k, _ in keyed]
    last = line.length
    for n, p in enumerate(line.coords):
        k = line.project(Point(p)) if 0 < n < len(line.coords) - 1 else (0.0 if n == 0 else last)
        if all(abs(k - t) > NEAR for t in taken):
            keyed.append((k, (p[0], p[1])))
    return [p for _, p in sorted(keyed)]


def _connected(roads: list[Road]) -> list[Road]:
    """Only the roads of the largest connected network; a motorway joins nothing, as nobody walks there."""
    parent: dict[object, object] = {}

    def root(x: object) -> object:
        while parent.setdefault(x, x) != x:
            parent[x] = parent[parent[x]]
            x = parent[x]
        return x

    for n, r in enumerate(roads):
        if r.kind != "motorway":
            for p in r.line:
                parent[root(p)] = root(n)
    count: dict[object, int] = defaultdict(int)
    for n, r in enumerate(roads):
        if r.kind != "motorway":
            count[root(n)] += len(r.line)
    main = max(count, key=lambda k: count[k])
    return [r for n, r in enumerate(roads) if r.kind == "motorway" or root(n) == main]
