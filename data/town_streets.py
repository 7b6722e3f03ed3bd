"""Wanghai's roads: the drawn ones, the streets of the core, and lanes to and in every hamlet."""

from __future__ import annotations

import math
from random import Random

import town_wanghai as w
from shapely import LineString, Polygon
from town_roads import Road, nearest_on, noded
from town_shapes import XY, smooth


def turned(x: float, y: float, middle: XY = w.CORE, turn: float = w.TURN) -> XY:
    """`x`, `y` (km) from `middle` on axes turned by `turn` radians."""
    c, s = math.cos(turn), math.sin(turn)
    return middle[0] + x * c - y * s, middle[1] + x * s + y * c


def hamlets() -> list[tuple[str, str, XY, float]]:
    """Where houses stand outside the core: village, English, middle (km), half width (km)."""
    out = []
    for name, english, _, a, b in w.VILLAGES:
        for number, middle, half in ((1, a, 0.3), (2, (b[0] + 0.12, b[1] - 0.1), 0.21)):
            at = w.HAMLETS.get((name, number), middle)
            if at is not None and name not in w.CORE_VILLAGES:
                out.append((name, english, at, half if at == middle else min(half, 0.24)))
    return out


def drawn() -> list[Road]:
    """The roads with a number, as smooth curves."""
    return [Road(kind, ref, name, english, tuple(smooth(points, 6))) for kind, ref, name, english, points in w.ROADS]


def core_streets(rng: Random) -> list[Road]:
    """The streets of the core; each ends at a crossing street."""
    west_east = sorted(x for x, _, _ in w.STREETS_NS)
    north_south = sorted(y for y, _, _ in w.STREETS_EW)
    out = []
    for y, name, english in w.STREETS_EW:
        a = rng.choice(west_east[:2] if abs(y) < 1 else west_east[1:3])
        b = rng.choice(west_east[-2:] if y > -0.6 else west_east[-3:-1])
        out.append(
            Road(
                "street",
                "",
                name,
                english,
                (turned(a, y), turned((a + b) / 2, y + rng.uniform(-0.012, 0.012)), turned(b, y)),
            )
        )
    for x, name, english in w.STREETS_NS:
        low = rng.choice(north_south[:2] if abs(x) < 1 else north_south[1:3])
        high = rng.choice(north_south[-2:] if abs(x) < 1.3 else north_south[-3:-1])
        out.append(
            Road(
                "street",
                "",
                name,
                english,
                (turned(x, low), turned(x + rng.uniform(-0.012, 0.012), (low + high) / 2), turned(x, high)),
            )
        )
    return out


def hamlet_lanes(rng: Random, at: XY, half: float, turn: float) -> list[tuple[XY, ...]]:
    """A few lanes across each other around `at` (km)."""
    rows = [-0.55 * half, 0.0, 0.55 * half]
    lanes = [
        tuple(turned(x, y + rng.uniform(-0.008, 0.008), at, turn) for x in (-half, 0.0, half * rng.uniform(0.7, 1)))
        for y in rows
    ]
    for x in (-0.62 * half, 0.1 * half, 0.6 * half):
        lanes.append(
            (
                turned(x, -0.62 * half, at, turn),
                turned(x + rng.uniform(-0.01, 0.01), 0, at, turn),
                turned(x, 0.62 * half, at, turn),
            )
        )
    return lanes


def wanghai_roads(seed: int, land: Polygon) -> list[Road]:
    """All roads of Wanghai and around in degrees, noded and connected."""
    rng = Random(f"{seed}:roads")
    roads = [*drawn(), *core_streets(rng)]
    river = LineString(smooth(w.RIVER, 6))
    for name, english, at, half in hamlets():
        turn = rng.uniform(-0.12, 0.12)
        lanes = [
            lane
            for lane in hamlet_lanes(rng, at, half, turn)
            if land.contains(LineString(lane)) and not river.dwithin(LineString(lane), 0.14)
        ]
        roads += [Road("street", "", f"{name}巷", f"{english} Lane", lane) for lane in lanes]
        for side in (-half, half):
            start = turned(side, 0.0, at, turn)
            way = nearest_on(roads[: len(w.ROADS)], start, river)
            if way is None:
                raise ValueError(f"{english} at {at} reaches no road; move it")
            mid = (
                (start[0] + way[1][0]) / 2 + rng.uniform(-0.03, 0.03),
                (start[1] + way[1][1]) / 2 + rng.uniform(-0.03, 0.03),
            )
            line = smooth([turned(0, 0, at, turn), start, mid, way[1]], 3)
            roads.append(Road("street", "", f"{name}路", f"{english} Road", tuple(line)))
    return noded(roads, w.PLANE)
