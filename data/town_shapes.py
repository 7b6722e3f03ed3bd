"""Shapes of a made-up town: curves, rough coasts and tilings that share every vertex.

Why linework first: a tiling built polygon by polygon has gaps of a rounding error. Here every border is one
line, wiggled once, in degrees of six decimals; all lines are noded together on that lattice and the faces
are read off. Neighbours therefore share vertices exactly, at every level, and a union adds up to the town.

Plane coordinates are kilometres (x east, y north) around the town's origin; `Plane` turns them into WGS 84
degrees. The plane is flat, which costs some metres over 50 km: of no matter to a town that does not exist.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random

import numpy as np
import shapely
from shapely import LineString, MultiPoint, Point, Polygon, STRtree
from shapely.geometry.base import BaseGeometry

XY = tuple[float, float]
LATTICE = 1e-6  # degrees; what six decimals can say


@dataclass(frozen=True, slots=True)
class Plane:
    """A flat plane of kilometres around (`lon0`, `lat0`) in WGS 84 degrees."""

    lon0: float
    lat0: float

    def km_per_degree(self) -> XY:
        """Kilometres per degree of longitude and of latitude at the origin (series of the WGS 84 ellipsoid)."""
        lat = math.radians(self.lat0)
        east = 111.41284 * math.cos(lat) - 0.0935 * math.cos(3 * lat)
        north = 111.13295 - 0.55982 * math.cos(2 * lat) + 0.001175 * math.cos(4 * lat)
        return east, north

    def degrees(self, p: XY) -> XY:
        """The place of `p` (km) in degrees, six decimals."""
        east, north = self.km_per_degree()
        return round(self.lon0 + p[0] / east, 6), round(self.lat0 + p[1] / north, 6)

    def km(self, p: XY) -> XY:
        """The inverse of `degrees`."""
        east, north = self.km_per_degree()
        return (p[0] - self.lon0) * east, (p[1] - self.lat0) * north

    def line(self, points: Iterable[XY]) -> list[XY]:
        """Points in degrees, without two equal ones in a row."""
        out: list[XY] = []
        for p in points:
            q = self.degrees(p)
            if not out or q != out[-1]:
                out.append(q)
        return out

    def to_degrees(self, shape: BaseGeometry) -> BaseGeometry:
        """Any shape in km as degrees of six decimals."""
        return shapely.transform(shape, lambda a: np.array([self.degrees((x, y)) for x, y in a]))

    def to_km(self, shape: BaseGeometry) -> BaseGeometry:
        """Any shape in degrees as km."""
        return shapely.transform(shape, lambda a: np.array([self.km((x, y)) for x, y in a]))


def smooth(points: Sequence[XY], steps: int = 6) -> list[XY]:
    """A Catmull-Rom curve through `points`, `steps` pieces between two of them."""
    out: list[XY] = []
    last = len(points) - 1
    for i in range(last):
        a, b, c, d = points[max(0, i - 1)], points[i], points[i + 1], points[min(last, i + 2)]
        for k in range(steps):
            t = k / steps
            out.append((_cubic(a[0], b[0], c[0], d[0], t), _cubic(a[1], b[1], c[1], d[1], t)))
    out.append(points[last])
    return out


def _cubic(a: float, b: float, c: float, d: float, t: float) -> float:
    """One coordinate of a Catmull-Rom piece between b and c."""
    return 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t * t + (3 * b - a - 3 * c + d) * t * t * t)


def wiggle(a: XY, b: XY, seed: int, amount: float, shortest: float) -> list[XY]:
    """A rough line from `a` to `b` by moving midpoints aside; the same whichever end comes first.

    `amount` is the largest shift as a share of the length, `shortest` (km) ends the halving.
    """
    flip = a > b
    if flip:
        a, b = b, a
    rng = Random(f"{seed}:{a[0]:.4f},{a[1]:.4f},{b[0]:.4f},{b[1]:.4f}")
    out = [a, *_halve(a, b, rng, amount, shortest)]
    return out[::-1] if flip else out


def _halve(a: XY, b: XY, rng: Random, amount: float, shortest: float) -> list[XY]:
    length = math.dist(a, b)
    if length < shortest:
        return [b]
    h = (rng.random() * 2 - 1) * amount
    m = (a[0] + b[0]) / 2 - (b[1] - a[1]) * h, (a[1] + b[1]) / 2 + (b[0] - a[0]) * h
    return _halve(a, m, rng, amount, shortest) + _halve(m, b, rng, amount, shortest)


def rough(points: Sequence[XY], seed: int, amount: float, shortest: float) -> list[XY]:
    """`points` with every piece wiggled."""
    out = [points[0]]
    for a, b in pairwise(points):
        out += wiggle(a, b, seed, amount, shortest)[1:]
    return out


def relax(seeds: list[XY], outline: Polygon, rounds: int) -> list[XY]:
    """Lloyd's relaxation: each seed moves to the middle of its cell inside `outline` (km)."""
    for _ in range(rounds):
        cells = _cells(seeds, outline)
        moved = []
        for seed, cell in zip(seeds, cells, strict=True):
            middle = shapely.intersection(cell, outline).centroid
            fits = outline.contains(middle) and cell.contains(middle)
            moved.append((middle.x, middle.y) if fits else seed)
        seeds = moved
    return seeds


def _cells(seeds: Sequence[XY], outline: Polygon) -> list[Polygon]:
    """The Voronoi cell of each seed, in the order of the seeds, reaching beyond `outline`."""
    found = shapely.voronoi_polygons(MultiPoint(seeds), extend_to=outline.buffer(2), ordered=True)
    return list(found.geoms)


def tile(
    seeds: Sequence[XY],
    outline: Polygon,
    plane: Plane,
    seed: int,
    amount: float = 0.15,
    shortest: float = 0.12,
) -> list[Polygon]:
    """One polygon (degrees) a seed (km); together they tile `outline` (km) with shared vertices.

    A face that holds no seed (a bit cut off by a bay or by two wiggles that cross) goes to the neighbour
    with the longest common border.
    """
    borders: dict[tuple[XY, XY], list[XY]] = {}
    for cell in _cells(seeds, outline):
        ring = [(round(x, 4), round(y, 4)) for x, y in cell.exterior.coords]
        for a, b in pairwise(ring):
            if a != b:
                borders.setdefault((min(a, b), max(a, b)), wiggle(a, b, seed, amount, shortest))
    lines = [LineString(line) for border in borders.values() if len(line := plane.line(border)) > 1]
    edge = LineString(plane.line((x, y) for x, y in outline.exterior.coords))
    noded = shapely.unary_union([*lines, edge], grid_size=LATTICE)
    area = Polygon(edge)
    faces = [
        f for f in shapely.polygonize(list(shapely.get_parts(noded))).geoms if area.contains(f.representative_point())
    ]
    return _faces_to_seeds(faces, [Point(plane.degrees(s)) for s in seeds])


def _faces_to_seeds(faces: list[BaseGeometry], seeds: Sequence[Point]) -> list[Polygon]:
    tree = STRtree(faces)
    owner: dict[int, int] = {}
    for n, point in enumerate(seeds):
        hit = tree.query(point, predicate="within")
        if len(hit) != 1 or int(hit[0]) in owner:
            raise ValueError(f"seed {n} at {point.wkt} has no face of its own; move it from the border")
        owner[int(hit[0])] = n
    loose = sorted((i for i in range(len(faces)) if i not in owner), key=lambda i: faces[i].wkt)
    while loose:
        waiting = []
        for i in loose:
            best = max(
                (
                    (faces[i].intersection(faces[j]).length, owner[j])
                    for j in map(int, tree.query(faces[i]))
                    if j in owner
                ),
                default=(0.0, -1),
            )
            if best[0] > 0:
                owner[i] = best[1]
            else:
                waiting.append(i)
        if len(waiting) == len(loose):
            raise ValueError(f"{len(loose)} faces touch no grid; the outline is not in one piece")
        loose = waiting
    parts: list[list[BaseGeometry]] = [[] for _ in seeds]
    for i in sorted(owner):
        parts[owner[i]].append(faces[i])
    return [one_polygon(p) for p in parts]


def one_polygon(parts: Sequence[BaseGeometry]) -> Polygon:
    """The union of neighbouring tiles, rotated so that equal shapes are equal bytes."""
    joined = shapely.normalize(shapely.unary_union(list(parts)))
    if not isinstance(joined, Polygon):
        raise ValueError(f"the tiles make {joined.geom_type}, not one polygon, near {joined.centroid.wkt}")
    return joined


def groups_in_one_piece(tiles: Sequence[Polygon], group: list[int]) -> list[int]:
    """`group` of each tile, changed where needed so that the tiles of a group touch along borders."""
    tree = STRtree(list(tiles))
    near: list[list[int]] = []
    for i, t in enumerate(tiles):
        hits = sorted(int(j) for j in tree.query(t) if int(j) != i)
        near.append([j for j in hits if t.intersection(tiles[j]).length > 0])
    moved = True
    while moved:
        moved = False
        for g in sorted(set(group)):
            for piece in _pieces([i for i, x in enumerate(group) if x == g], near)[1:]:
                for i in piece:
                    around = [group[j] for j in near[i] if group[j] != g]
                    if around:
                        group[i] = max(sorted(set(around)), key=around.count)
                        moved = True
    return group


def _pieces(members: list[int], near: list[list[int]]) -> list[list[int]]:
    """Connected pieces of `members`, the largest first."""
    left, pieces = set(members), []
    for start in members:
        if start not in left:
            continue
        left.discard(start)
        piece, queue = [start], [start]
        while queue:
            for j in near[queue.pop()]:
                if j in left:
                    left.discard(j)
                    piece.append(j)
                    queue.append(j)
        pieces.append(piece)
    return sorted(pieces, key=len, reverse=True)
