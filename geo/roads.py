"""The roads of a town as a graph: the shortest way to a place, and how far it is to one place from thousands.

Read from a basemap, whose lines are noded: where roads meet they share a coordinate, and where one only crosses the
other (a bridge) they do not. Only the largest connected part is kept, so that there is a way between any two corners.
Inside, a flat plane in metres around the middle of the town: the same arithmetic for every leg, and cheap enough for
a simulated officer's steps of a few metres.

A place is seldom on a road. It is joined to the nearest point of one (not to the nearest corner: out of town those are
kilometres apart), and the leg to it is straight. So is the whole way between two places that are nearer to each other
than to the road: nobody leaves a yard to cross it.

Two searches, because they are asked different things: `route` wants the corners of one way and looks towards its goal
(A*); `metres` wants lengths only, so it goes from the goal outwards once (Dijkstra, in C), however many places ask.
SciPy is imported where it is used: it takes a second, and most processes that read roads never ask for lengths.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import hypot
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.errors import BadRoads
from geo.planes import XY, Plane

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
"""Metres east and north of the middle of the town."""

USED = ("trunk", "road", "street")
"""Classes of road that officers use: nobody patrols a motorway."""
SAMPLE_M = 50.0
NEAR = 4
"""The nearest road is looked for among those of the nearest points on roads, so many of them, so far apart at most: a
tree of points is ten times as fast as one of lines, and where it is wrong the road taken is less than 25 m farther."""
GOALS_AT_ONCE = 64
"""So many searches share an array of goals × corners: some 16 MB for a county."""


class _Joints(NamedTuple):
    """Where places join the roads: the two ends of the piece, metres along it to either, metres away from it."""

    piece: Ints
    first: Ints
    last: Ints
    to_first: Floats
    to_last: Floats
    away: Floats


@dataclass(frozen=True)
class Roads:
    """Corners by number, and for each the corners next to it with their distance in metres."""

    plane: Plane
    corners: Sequence[XY]
    ways: Sequence[Sequence[tuple[int, float]]]

    def nearest(self, x: float, y: float) -> int:
        """The corner nearest to a place of the plane, as the crow flies."""
        return int(self._tree.nearest(shapely.Point(x, y)))

    def within(self, area: shapely.Geometry) -> tuple[int, ...]:
        """The corners inside an area of the plane."""
        return tuple(sorted(int(number) for number in self._tree.query(area, predicate="intersects")))

    def route(self, start: int, goal: int) -> list[int] | None:
        """The corners of the shortest way, both ends included; None when there is none (A*)."""
        came: dict[int, int] = {}
        cost = {start: 0.0}
        gx, gy = self.corners[goal]
        front = [(0.0, start)]
        done: set[int] = set()
        while front:
            _, here = heapq.heappop(front)
            if here == goal:
                way = [goal]
                while way[-1] != start:
                    way.append(came[way[-1]])
                return way[::-1]
            if here in done:
                continue
            done.add(here)
            for there, length in self.ways[here]:
                total = cost[here] + length
                if total < cost.get(there, float("inf")):
                    cost[there], came[there] = total, here
                    x, y = self.corners[there]
                    heapq.heappush(front, (total + hypot(gx - x, gy - y), there))
        return None

    def metres(self, goals: Floats, places: Floats) -> Floats:
        """How far it is along the roads to each goal (rows) from each place (columns), in metres.

        `goals` and `places`: rows of lon, lat in WGS 84 degrees, all finite. Roads lead both ways, so it is searched
        from whichever are fewer.
        """
        goals, places = (np.asarray(each, dtype=np.float64).reshape(-1, 2) for each in (goals, places))
        if not len(goals) or not len(places):
            return np.empty((len(goals), len(places)))
        if len(places) < len(goals):
            return self.metres(places, goals).T
        goals, places = self.plane.metres_many(goals), self.plane.metres_many(places)
        froms = self._join(places)
        parts = [
            self._metres(goals[n : n + GOALS_AT_ONCE], places, froms) for n in range(0, len(goals), GOALS_AT_ONCE)
        ]
        return np.concatenate(parts)

    def _metres(self, goals: Floats, places: Floats, froms: _Joints) -> Floats:
        from scipy.sparse.csgraph import dijkstra

        tos = self._join(goals)
        ends, back = np.unique(np.concatenate([tos.first, tos.last]), return_inverse=True)
        reach = dijkstra(self._graph, directed=False, indices=ends)
        one, other = back[: len(goals)], back[len(goals) :]
        corners = np.minimum(reach[one] + tos.to_first[:, None], reach[other] + tos.to_last[:, None])
        along = np.minimum(corners[:, froms.first] + froms.to_first, corners[:, froms.last] + froms.to_last)
        same = tos.piece[:, None] == froms.piece
        along = np.where(same, np.abs(tos.to_first[:, None] - froms.to_first), along)
        legs = tos.away[:, None] + froms.away
        straight = np.hypot(goals[:, None, 0] - places[:, 0], goals[:, None, 1] - places[:, 1])
        found: Floats = np.where(straight <= legs, straight, along + legs)
        return found

    def _join(self, flat: Floats) -> _Joints:
        """Each place of the plane joined to the nearest point of the roads that are found near it."""
        first, last, length = self._pieces
        tree, owners = self._samples
        near = owners[tree.query(flat, k=NEAR)[1]]
        start = self._flat[first[near]]
        step = self._flat[last[near]] - start
        off = flat[:, None, :] - start
        share = np.clip((off * step).sum(axis=2) / length[near] ** 2, 0.0, 1.0)
        away = np.hypot(*np.moveaxis(off - share[:, :, None] * step, 2, 0))
        rows, best = np.arange(len(flat)), away.argmin(axis=1)
        piece, share = near[rows, best], share[rows, best]
        along = share * length[piece]
        return _Joints(piece, first[piece], last[piece], along, length[piece] - along, away[rows, best])

    @cached_property
    def _flat(self) -> Floats:
        return np.array(self.corners, dtype=np.float64).reshape(-1, 2)

    @cached_property
    def _pieces(self) -> tuple[Ints, Ints, Floats]:
        """Every piece of road between two corners once: its ends, the smaller number first, and its length."""
        rows = [(here, there, length) for here, ways in enumerate(self.ways) for there, length in ways if here < there]
        first, last, length = (np.array(column) for column in zip(*rows, strict=True))
        return first, last, length

    @cached_property
    def _graph(self) -> Any:
        from scipy.sparse import csr_array

        first, last, length = self._pieces
        return csr_array((length, (first, last)), shape=(len(self.corners), len(self.corners)))

    @cached_property
    def _samples(self) -> tuple[Any, Ints]:
        """A tree of points on the roads, both ends of each piece among them, and of which piece each is."""
        from scipy.spatial import cKDTree

        first, last, length = self._pieces
        counts = np.maximum(NEAR, np.ceil(length / SAMPLE_M).astype(np.int64) + 1)
        owners = np.repeat(np.arange(len(length)), counts)
        nth = np.arange(len(owners)) - np.repeat(np.cumsum(counts) - counts, counts)
        share = nth / (counts[owners] - 1)
        start, end = self._flat[first[owners]], self._flat[last[owners]]
        return cKDTree(start + share[:, None] * (end - start)), owners

    @cached_property
    def _tree(self) -> shapely.STRtree:
        return shapely.STRtree([shapely.Point(x, y) for x, y in self.corners])


def load_roads(basemap: Path) -> Roads | None:
    """The largest connected part of the roads of a basemap (GeoJSON); None when it has no roads, or is not there.

    Raises BadRoads when the file cannot be read.
    """
    lines = _lines(basemap) if basemap.exists() else []
    if not lines:
        return None
    middle = np.concatenate([np.array(line) for line in lines]).mean(axis=0)
    plane = Plane(float(middle[0]), float(middle[1]))
    numbers: dict[tuple[float, float], int] = {}
    ways: list[dict[int, float]] = []
    for line in lines:
        for place in line:
            if numbers.setdefault(place, len(numbers)) == len(ways):
                ways.append({})
        for one, other in pairwise(line):
            a, b = numbers[one], numbers[other]
            (ax, ay), (bx, by) = plane.metres(*one), plane.metres(*other)
            if a != b:
                ways[a][b] = ways[b][a] = hypot(bx - ax, by - ay)
    kept = _largest(ways)
    if len(kept) < 2:
        return None
    places = list(numbers)
    new = {old: number for number, old in enumerate(kept)}
    return Roads(
        plane,
        [plane.metres(*places[old]) for old in kept],
        [tuple((new[there], length) for there, length in ways[old].items()) for old in kept],
    )


def _lines(basemap: Path) -> list[list[tuple[float, float]]]:
    try:
        features: list[Mapping[str, Any]] = json.loads(basemap.read_bytes())["features"]
        return [
            [(float(place[0]), float(place[1])) for place in feature["geometry"]["coordinates"]]
            for feature in features
            if feature["properties"].get("layer") == "road"
            and feature["properties"].get("class") in USED
            and feature["geometry"]["type"] == "LineString"
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise BadRoads(f"{basemap} cannot be read as GeoJSON ({error}): name the town's basemap") from error


def _largest(ways: Sequence[Mapping[int, float]]) -> list[int]:
    seen: set[int] = set()
    best: list[int] = []
    for first in range(len(ways)):
        if first in seen:
            continue
        part, front = [first], [first]
        seen.add(first)
        while front:
            for there in ways[front.pop()]:
                if there not in seen:
                    seen.add(there)
                    part.append(there)
                    front.append(there)
        best = max(best, part, key=len)
    return sorted(best)
