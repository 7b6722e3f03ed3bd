"""Cameras at crossings, quays and on the shore, and sensors where what they measure is."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from random import Random

import shapely
import town_wanghai as w
from shapely import LineString, Point, STRtree
from town_grids import Grid, coast_line
from town_roads import Road
from town_shapes import XY, Plane, smooth

Row = dict[str, object]
CAMERAS, LOUDSPEAKERS = 134, 60
MAIN = {"trunk", "road"}

# quantity, unit, how many, source, period s, name, English
SENSORS: list[tuple[str, str, int, str, int, str, str]] = [
    ("water_level", "m", 16, "water", 600, "水位计", "water gauge"),
    ("water_ph", "pH", 3, "water", 600, "水质仪", "water probe"),
    ("rain", "mm", 8, "weather", 600, "雨量计", "rain gauge"),
    ("wind", "m/s", 4, "weather", 600, "风速仪", "anemometer"),
    ("pm25", "µg/m³", 8, "air", 600, "空气站", "air station"),
    ("noise", "dB", 6, "air", 600, "噪声计", "noise meter"),
    ("odour", "OU", 5, "air", 600, "恶臭仪", "odour meter"),
    ("gas", "%LEL", 12, "gas-park", 300, "可燃气探头", "gas detector"),
    ("smoke", "%", 10, "manholes", 0, "烟感", "smoke detector"),
    ("manhole_tilt", "°", 14, "manholes", 3600, "智能井盖", "smart manhole"),
]


def nodes(roads: Sequence[Road]) -> dict[XY, list[tuple[Road, XY]]]:
    """Each vertex where roads meet, in degrees: the roads there, each with its next vertex."""
    out: dict[XY, list[tuple[Road, XY]]] = defaultdict(list)
    for road in roads:
        for a, b in pairwise(road.line):
            out[a].append((road, b))
            out[b].append((road, a))
    return {p: arms for p, arms in out.items() if len(arms) > 2 and any(r.kind != "motorway" for r, _ in arms)}


def bearing(plane: Plane, a: XY, b: XY) -> int:
    """Degrees from north, clockwise, from `a` to `b` (degrees)."""
    (x, y), (x2, y2) = plane.km(a), plane.km(b)
    return round(math.degrees(math.atan2(x2 - x, y2 - y))) % 360


def wanghai(seed: int, grids: Sequence[Grid], roads: Sequence[Road]) -> list[Row]:
    """The 134 cameras and 86 sensors of Wanghai."""
    rng = Random(f"{seed}:devices")
    return [*_cameras(rng, grids, roads), *_sensors(rng, grids, roads)]


def _finest(grids: Sequence[Grid]) -> list[Grid]:
    return [g for g in grids if g.level == 3 and g.kind == "general"]


def _cameras(rng: Random, grids: Sequence[Grid], roads: Sequence[Road]) -> list[Row]:
    """On the shore and the quays, then at crossings: two a grid (main roads first), more in the core."""
    crossing = nodes(roads)
    by_grid: dict[str, list[XY]] = {}
    points = sorted(crossing, key=lambda p: (-_weight(crossing[p]), p))
    tree = STRtree([Point(p) for p in points])
    for g in _finest(grids):
        by_grid[g.code] = [points[i] for i in sorted(int(i) for i in tree.query(g.shape, predicate="contains"))]
    places = _shore_places(rng, grids, 18)
    for turn in range(9):  # one camera a grid and turn; the core and the port go on longer
        for g in _finest(grids):
            busy = g.name[:2] in w.CORE_VILLAGES or g.name == "望海二网格"
            free = [p for p in by_grid[g.code] if all(_metres(p, q) > (140 if busy else 190) for _, q, _, _ in places)]
            if free and turn < (9 if busy else 2) and len(places) < CAMERAS:
                p = free[0] if turn == 0 else rng.choice(free)
                arm = rng.choice(crossing[p])
                places.append((g, p, bearing(w.PLANE, p, arm[1]), _network(p, crossing[p])))
    if len(places) < CAMERAS:
        raise ValueError(f"only {len(places)} places for cameras; draw more roads")
    return _camera_rows(rng, sorted(places, key=lambda x: (x[0].code[-3:], x[1])), crossing)


def _camera_rows(
    rng: Random, places: list[tuple[Grid, XY, int, str]], crossing: dict[XY, list[tuple[Road, XY]]]
) -> list[Row]:
    speaking = set(rng.sample(range(len(places)), LOUDSPEAKERS))
    rows: list[Row] = []
    seen: dict[str, int] = defaultdict(int)
    for n, (g, p, turn, kind) in enumerate(places):
        village, english = g.name[:2], g.name_en.split()[0]
        road, road_en = _road_name(crossing.get(p, []), kind)
        village, english = ("", "") if road.startswith(village) else (village, f"{english} ")
        key = village + road
        seen[key] += 1
        mark = f"{seen[key]}号" if seen[key] > 1 else ""
        mark_en = f" {seen[key]}" if seen[key] > 1 else ""
        rows.append(
            {
                "id": f"D-{n + 1:03}",
                "kind": "camera",
                "name": f"{village}{road}{mark}",
                "name_en": f"{english}{road_en}{mark_en}",
                "source": f"cameras-{kind}",
                "external": f"{g.name_en.split()[0].lower()}_{n + 1:03}" if rng.random() < 0.6 else "",
                "lon": p[0],
                "lat": p[1],
                "bearing": turn,
                "loudspeaker": int(n in speaking),
                "quantity": "",
                "unit": "",
                "period": 300,
            }
        )
    return rows


def _road_name(arms: list[tuple[Road, XY]], kind: str) -> tuple[str, str]:
    """What people call the place: the road of the highest rank that meets there."""
    if not arms:
        return ("码头", "quay") if kind == "port" else ("海堤", "sea wall")
    rank = {"trunk": 0, "road": 1, "street": 2, "motorway": 3}
    road = min((r for r, _ in arms), key=lambda r: (rank[r.kind], r.ref, r.name))
    if road.kind == "motorway":
        return "高速桥下", "underpass"
    return f"{road.ref or road.name}路口", f"{road.ref or road.name_en} crossing"


def _weight(arms: list[tuple[Road, XY]]) -> int:
    return sum({"trunk": 5, "road": 3}.get(r.kind, 1) for r, _ in arms)


def _metres(p: XY, q: XY) -> float:
    return 1000 * math.dist(w.PLANE.km(p), w.PLANE.km(q))


def _grid_at(grids: Sequence[Grid], p: XY) -> Grid | None:
    here = Point(p)
    return next((g for g in _finest(grids) if g.shape.contains(here)), None)


def _shore_places(rng: Random, grids: Sequence[Grid], count: int) -> list[tuple[Grid, XY, int, str]]:
    """Cameras 40 m inland that look out to sea; those on the quays belong to the port."""
    line = LineString([p for p in coast_line() if -5.2 < p[1] < 5.5])
    out: list[tuple[Grid, XY, int, str]] = []
    for k in range(count):
        at = (k + 0.5) / count * line.length + rng.uniform(-0.1, 0.1)
        for move in range(-6, 7):
            here = line.interpolate(at + move * 0.05)
            before, after = line.interpolate(at + move * 0.05 - 0.06), line.interpolate(at + move * 0.05 + 0.06)
            length = math.dist(before.coords[0], after.coords[0]) or 1.0
            sea = (before.y - after.y) / length, (after.x - before.x) / length  # the left hand, going south
            p = w.PLANE.degrees((here.x - 0.04 * sea[0], here.y - 0.04 * sea[1]))
            g = _grid_at(grids, p)
            if g and all(_metres(p, q) > 250 for _, q, _, _ in out):
                out.append((g, p, round(math.degrees(math.atan2(sea[0], sea[1]))) % 360, _network(p, [])))
                break
    return out


def _network(p: XY, arms: list[tuple[Road, XY]]) -> str:
    """Which of the three camera networks a place belongs to."""
    x, y = w.PLANE.km(p)
    if x > 4.4 and -1 < y < 0.8:
        return "port"
    return "traffic" if any(r.kind in ("trunk", "motorway") for r, _ in arms) else "town"


def _sensors(rng: Random, grids: Sequence[Grid], roads: Sequence[Road]) -> list[Row]:
    """Each sensor in its kind of place, at least 110 m from any other."""
    choose = _Choice(rng, grids, roads)
    rows: list[Row] = []
    taken: list[XY] = []
    for quantity, unit, count, source, period, name, english in SENSORS:
        for k in range(count):
            p, g = choose.place(quantity, k, len(rows), taken)
            taken.append(p)
            lora = quantity in ("manhole_tilt", "water_level")
            rows.append(
                {
                    "id": f"S-{len(rows) + 1:03}",
                    "kind": "sensor",
                    "name": f"{g.name[:2]}{name}{k + 1:02}",
                    "name_en": f"{g.name_en.split()[0]} {english} {k + 1:02}",
                    "source": source,
                    "external": f"70b3d57e{rng.randrange(16**8):08x}" if lora else "",
                    "lon": p[0],
                    "lat": p[1],
                    "bearing": "",
                    "loudspeaker": 0,
                    "quantity": quantity,
                    "unit": unit,
                    "period": period,
                }
            )
    return rows


class _Choice:
    """Where a sensor of a quantity may stand: gauges at the water, manholes in streets, gas in the chemical park."""

    def __init__(self, rng: Random, grids: Sequence[Grid], roads: Sequence[Road]) -> None:
        self.rng, self.grids, self.finest = rng, grids, _finest(grids)
        self.dedicated = {g.name[:2]: g for g in grids if g.kind == "dedicated"}
        core = [g for g in self.finest if g.name[:2] in w.CORE_VILLAGES]
        self.street = [p for p, arms in sorted(nodes(roads).items()) if all(r.kind == "street" for r, _ in arms)]
        self.core = [p for p in self.street if any(g.shape.contains(Point(p)) for g in core)]
        river, others = smooth(w.RIVER, 8), [*smooth(w.CANAL, 8), *smooth(w.BROOKS[0][2], 8)]
        self.wet = [w.PLANE.degrees((x + 0.02, y - 0.09)) for x, y in river]  # the south bank
        self.wet += [w.PLANE.degrees((x + 0.02, y)) for x, y in others]

    def place(self, quantity: str, k: int, n: int, taken: Sequence[XY]) -> tuple[XY, Grid]:
        """A free place and its grid for the `k`-th sensor of `quantity`, the `n`-th of all."""
        for _ in range(400):
            p = self._try(quantity, k, n)
            g = _grid_at(self.grids, p)
            if g and all(_metres(p, q) > 110 for q in taken):
                return p, g
        raise ValueError(f"no place for sensor {n + 1} ({quantity}); the town is full")

    def _try(self, quantity: str, k: int, n: int) -> XY:
        rng = self.rng
        if quantity in ("water_level", "water_ph"):
            return rng.choice(self.wet)
        if quantity == "gas" or (quantity == "odour" and k < 3):
            return _inside(rng, self.dedicated["化工"])
        if quantity == "manhole_tilt":
            return _aside(rng, rng.choice(self.core), 0.012)
        if quantity == "smoke":
            return _aside(rng, rng.choice(self.street), 0.05)
        if quantity == "wind" and k < 2:
            return _inside(rng, self.dedicated["盐场"])
        return _inside(rng, self.finest[(k * 7 + n) % len(self.finest)])


def _aside(rng: Random, p: XY, km: float) -> XY:
    x, y = w.PLANE.km(p)
    return w.PLANE.degrees((x + rng.uniform(-km, km), y + rng.uniform(-km, km)))


def _inside(rng: Random, g: Grid) -> XY:
    """A place in the middle half of a grid."""
    x0, y0, x1, y1 = g.shape.bounds
    for _ in range(500):
        p = round(rng.uniform(x0, x1), 6), round(rng.uniform(y0, y1), 6)
        if g.shape.contains(Point(p)) and shapely.distance(g.shape.exterior, Point(p)) > 0.0006:
            return p
    return round(g.shape.representative_point().x, 6), round(g.shape.representative_point().y, 6)
