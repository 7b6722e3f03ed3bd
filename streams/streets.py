"""The roads of a simulated town as a graph: where the next corner is, and the shortest way to a place.

Read from the basemap, whose lines are noded: where roads meet they share a coordinate. Inside a flat plane in metres
around the middle of the town, since officers take steps of a few metres, thousands of them a second.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import cos, hypot, radians
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from geo.places import EARTH_RADIUS
from streams.errors import BadSetting

XY = tuple[float, float]
"""Metres east and north of the middle of the town."""

WALKED = ("trunk", "road", "street")
"""Classes of road that officers use: nobody patrols a motorway."""


@dataclass(frozen=True)
class Plane:
    """Degrees and metres around one place: good to a millimetre a metre over a county."""

    lon: float
    lat: float

    @cached_property
    def _scale(self) -> XY:
        north = radians(1) * EARTH_RADIUS
        return north * cos(radians(self.lat)), north

    def metres(self, lon: float, lat: float) -> XY:
        east, north = self._scale
        return (lon - self.lon) * east, (lat - self.lat) * north

    def degrees(self, x: float, y: float) -> tuple[float, float]:
        """lon, lat of a place of the plane."""
        east, north = self._scale
        return self.lon + x / east, self.lat + y / north


@dataclass(frozen=True)
class Streets:
    """Corners by number, and for each the corners next to it with their distance in metres."""

    plane: Plane
    corners: Sequence[XY]
    ways: Sequence[Sequence[tuple[int, float]]]

    def nearest(self, x: float, y: float) -> int:
        """The corner nearest to a place, as the crow flies."""
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

    @cached_property
    def _tree(self) -> shapely.STRtree:
        return shapely.STRtree([shapely.Point(x, y) for x, y in self.corners])


def load_streets(basemap: Path) -> Streets:
    """The largest connected part of the roads of a basemap; raises BadSetting when it has none."""
    lines = _lines(basemap)
    if not lines:
        raise BadSetting(f"{basemap} has no roads (LineStrings with layer 'road'): the simulated officers need some")
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
    places = list(numbers)
    new = {old: number for number, old in enumerate(kept)}
    return Streets(
        plane,
        [plane.metres(*places[old]) for old in kept],
        [tuple((new[there], length) for there, length in ways[old].items()) for old in kept],
    )


def _lines(basemap: Path) -> list[list[tuple[float, float]]]:
    try:
        features: list[Mapping[str, Any]] = json.loads(basemap.read_bytes())["features"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadSetting(f"{basemap} cannot be read as GeoJSON ({error}): name the town's basemap") from error
    return [
        [(float(place[0]), float(place[1])) for place in feature["geometry"]["coordinates"]]
        for feature in features
        if feature["properties"].get("layer") == "road"
        and feature["properties"].get("class") in WALKED
        and feature["geometry"]["type"] == "LineString"
    ]


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
