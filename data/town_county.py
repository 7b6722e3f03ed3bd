"""云澜县 Yunlan, a county for measuring: 17 towns, 271 second-level grids (269 villages and two farms), 1,558 grids on
988 km², 5,000 patrols, 117 departments.

Made from the ground up: grids grow inside villages, villages join the nearest town, so every level tiles the one
above. Its picture is plain (land, roads, built patches, names); what counts is its size.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from random import Random

import shapely
from shapely import LineString, MultiPoint, Point, Polygon, STRtree
from shapely.geometry.base import BaseGeometry
from town_county_org import county_org
from town_devices import SENSORS, bearing
from town_grids import Grid
from town_names import Named, counted, people, villages
from town_org import POSTS, SOURCES, seconded
from town_roads import Road, noded
from town_shapes import XY, Plane, groups_in_one_piece, one_polygon, relax, rough, smooth, tile, wiggle

PLANE = Plane(120.35, 33.45)
DIVISION = 329902  # a county that is not in the register of divisions
NAME = ("云澜县", "Yunlan County")
TOWNS, VILLAGES, GRIDS, PATROLS, CAMERAS, SENSORS_ALL, KM2 = 17, 271, 1558, 5000, 1200, 400, 988.0
FARMS: dict[int, Named] = {  # state farms, which are no villages, by their place among the second-level grids
    90: ("农场", "State Farm"),
    180: ("林场", "Forest Farm"),
}
Row = dict[str, object]
Feature = tuple[dict[str, object], BaseGeometry]
# A rough shape in units that `outline` scales to the right area; the sea is in the east.
BORDER: list[XY] = [
    (16, 12), (17.2, 8), (16.4, 4), (17.8, 0), (17, -4), (18.2, -8), (16.6, -12), (10, -13.2), (4, -12), (-3, -13.6),
    (-10, -12.2), (-16, -11), (-18.5, -5), (-17, 1), (-18, 6), (-15, 11.4), (-8, 12.6), (-2, 11.2), (5, 13.4), (10, 12),
]  # fmt: skip


def county(
    seed: int,
) -> tuple[list[Grid], list[Feature], list[Row], list[Row], list[dict[str, object]], str]:
    """Grids, basemap, devices, patrols, sources and org.toml of the county, as `make_town.write_town` wants them."""
    area = outline()
    middles, owner, towns = seeds(Random(f"{seed}:county"), area)
    grids, centres = tiling(seed, area, middles, owner, towns)
    roads = roads_of(seed, centres, middles, owner, area)
    patrols = patrols_of(seed, grids)
    farms = tuple(name for name, _ in FARMS.values())
    villages = [g for g in grids if g.level == 2 and not g.name.endswith(farms)]
    org = county_org(seed, PLANE, (str(DIVISION), *NAME), grids, villages, squads(grids), patrols)
    devices = devices_of(Random(f"{seed}:county devices"), grids, roads)
    return grids, list(basemap(area, centres, grids, roads)), devices, patrols, SOURCES, org


def outline() -> Polygon:
    """The county in km, scaled to its area."""
    line = rough(smooth([*BORDER, BORDER[0]], 4), 5, 0.16, 0.25)
    scale = math.sqrt(KM2 / Polygon(line).area)
    return Polygon([(x * scale, y * scale) for x, y in line])


def seeds(rng: Random, area: Polygon) -> tuple[list[XY], list[int], list[XY]]:
    """Middles of the grids, the village of each, and the middles of the towns (km)."""
    towns = relax(_scatter(rng, area, TOWNS, 3.0, []), area, 3)
    middles_of_villages = relax(_scatter(rng, area, VILLAGES, 0.9, towns), area, 2)
    cells = shapely.voronoi_polygons(MultiPoint(middles_of_villages), extend_to=area.buffer(2), ordered=True)
    share = [GRIDS // VILLAGES] * VILLAGES
    near = sorted(range(VILLAGES), key=lambda i: (min(math.dist(middles_of_villages[i], t) for t in towns), i))
    for k in range(GRIDS - sum(share)):
        share[near[k % VILLAGES]] += 1
    middles: list[XY] = []
    owner: list[int] = []
    for i, cell in enumerate(cells.geoms):
        room = shapely.intersection(cell, area).buffer(-0.06)
        middles += _scatter(rng, room, share[i], 0.45, [])
        owner += [i] * share[i]
    return relax(middles, area, 2), owner, towns


def _scatter(rng: Random, area: BaseGeometry, count: int, apart: float, dense_at: Sequence[XY]) -> list[XY]:
    """`count` places in `area`, about `apart` km from each other, closer together near `dense_at`."""
    x0, y0, x1, y1 = area.bounds
    shapely.prepare(area)
    out: list[XY] = []
    relief = 1.0
    while len(out) < count:
        p = rng.uniform(x0, x1), rng.uniform(y0, y1)
        relief *= 0.9995
        away = min((math.dist(p, t) for t in dense_at), default=3.0)
        gap = apart * relief * (0.6 + 0.13 * min(away, 6.0))
        if area.contains(Point(p)) and all(math.dist(p, q) > gap for q in out):
            out.append(p)
            relief = min(1.0, relief * 1.2)
    return out


def tiling(
    seed: int, area: Polygon, middles: Sequence[XY], owner: Sequence[int], towns: Sequence[XY]
) -> tuple[list[Grid], list[tuple[Named, XY, int]]]:
    """The grids of three levels, and of each village its name, middle (km) and town."""
    rng = Random(f"{seed}:county names")
    tiles = tile(middles, area, PLANE, seed, amount=0.12, shortest=0.25)
    village = groups_in_one_piece(tiles, list(owner))
    shapes = [one_polygon([t for t, v in zip(tiles, village, strict=True) if v == n]) for n in range(VILLAGES)]
    points = [PLANE.km((s.representative_point().x, s.representative_point().y)) for s in shapes]
    town = groups_in_one_piece(shapes, [min(range(TOWNS), key=lambda t: (math.dist(p, towns[t]), t)) for p in points])
    names, chiefs = villages(VILLAGES + TOWNS, rng), iter(people(GRIDS + VILLAGES + TOWNS, rng))
    top, middle, finest = [], [], []
    sequence = 0
    for t in range(TOWNS):
        code, (name, english) = f"{DIVISION}{101 + t}", names[VILLAGES + t]
        mine = [v for v in range(VILLAGES) if town[v] == t]
        whole = one_polygon([shapes[v] for v in mine])
        top.append(Grid(code, f"{name}镇", english, 1, None, "general", code, next(chiefs)[0], whole))
        for k, v in enumerate(mine):
            village_code, (name, english) = f"{code}{201 + k}", names[v]
            kind = FARMS.get(v, ("村", "Village"))
            middle.append(Grid(village_code, name + kind[0], f"{english} {kind[1]}", 2, code, "general", code,
                               next(chiefs)[0], shapes[v]))  # fmt: skip
            for number, i in enumerate((i for i, x in enumerate(village) if x == v), 1):
                sequence = number if k == 0 and number == 1 else sequence + 1
                finest.append(Grid(f"{village_code}{sequence:03}", f"{name}{counted(number)}网格",
                                   f"{english} Grid {number}", 3, village_code, "general", code,
                                   next(chiefs)[0], tiles[i]))  # fmt: skip
    return [*top, *middle, *finest], [(names[v], points[v], town[v]) for v in range(VILLAGES)]


def roads_of(
    seed: int, centres: Sequence[tuple[Named, XY, int]], middles: Sequence[XY], owner: Sequence[int], area: Polygon
) -> list[Road]:
    """Trunk roads between towns, roads between villages, a lane to each grid; in degrees and noded."""
    roads = []
    heads: dict[int, int] = {}
    for v, (_, _, t) in enumerate(centres):
        heads.setdefault(t, v)
    for kind, members in (("trunk", sorted(heads.values())), ("road", list(range(len(centres))))):
        for n, (a, b) in enumerate(_pairs([centres[m][1] for m in members], area)):
            (name, english), start, _ = centres[members[a]]
            ref = f"S{301 + n}" if kind == "trunk" else f"Y{401 + n}"
            line = wiggle(start, centres[members[b]][1], seed, 0.09, 0.7)
            roads.append(Road(kind, ref, f"{name}线", f"{english} Road", tuple(line)))
    for middle, v in zip(middles, owner, strict=True):
        (name, english), centre, _ = centres[v]
        if math.dist(centre, middle) > 0.05:
            line = wiggle(centre, middle, seed, 0.12, 0.4)
            roads.append(Road("street", "", f"{name}路", f"{english} Lane", tuple(line)))
    return noded(roads, PLANE)


def _pairs(points: Sequence[XY], area: Polygon) -> list[tuple[int, int]]:
    """Neighbours among `points` that no third point stands between (a Gabriel graph), within `area`."""
    index = {p: i for i, p in enumerate(points)}
    found = []
    for edge in shapely.get_parts(shapely.delaunay_triangles(MultiPoint(points), only_edges=True)):
        a, b = sorted(index[(x, y)] for x, y in edge.coords)
        m, r = edge.centroid, edge.length / 2
        blocked = any(math.dist((m.x, m.y), p) < r for i, p in enumerate(points) if i not in (a, b))
        if not blocked and area.contains(edge):
            found.append((a, b))
    return sorted(found)


def squads(grids: Sequence[Grid]) -> list[tuple[str, str, str, list[str]]]:
    """One squad a town."""
    return [
        (f"Q{n}", f"{g.name}中队", f"{g.name_en} Squad", [g.code])
        for n, g in enumerate((g for g in grids if g.level == 1), 1)
    ]


def patrols_of(seed: int, grids: Sequence[Grid]) -> list[Row]:
    """5,000 patrols over the towns, by the number of their grids."""
    rng = Random(f"{seed}:county patrols")
    home = [str(g.district) for g in grids if g.level == 3]
    squad = {code: name for name, _, _, codes in squads(grids) for code in codes}
    posts = [p for p in POSTS for _ in range(p[3])]
    rows: list[Row] = []
    for n, (name, english) in enumerate(people(PATROLS, rng), 1):
        district = home[n * len(home) // PATROLS - 1]
        post, _, kind, _, skills = posts[n % len(posts)]
        if kind == "vehicle":
            name, english = f"巡防{n:04}车", f"Patrol Car {n:04}"
        rows.append(
            {"id": f"P-{n:04}", "name": name, "name_en": english, "kind": kind, "squad": squad[district],
             "district": district, "post": post, "skills": rng.choice(skills),
             "phone": f"199-0000-{rng.randrange(1000, 9999)}", "source": "patrols",
             "external": f"owntracks/yunlan/p{n:04}" if n % 50 == 5 else ""}
        )  # fmt: skip
    return [row for _, of_town in groupby(rows, key=itemgetter("district")) for row in seconded(list(of_town))]


def devices_of(rng: Random, grids: Sequence[Grid], roads: Sequence[Road]) -> list[Row]:
    """1,200 cameras on roads and 400 sensors, spread over the grids."""
    finest = [g for g in grids if g.level == 3]
    tree = STRtree([g.shape for g in finest])
    places: dict[int, list[tuple[XY, XY]]] = defaultdict(list)
    ends = [(a, b) for r in roads for a, b in zip(r.line[1:-1], r.line[2:], strict=True)]
    hits = tree.query([Point(a) for a, _ in ends], predicate="within")
    for at, i in sorted(zip(hits[0].tolist(), hits[1].tolist(), strict=True)):
        places[i].append(ends[at])
    rows: list[Row] = []
    order = sorted(places)
    for n in range(CAMERAS):
        i = order[n * len(order) // CAMERAS]
        here = finest[i]
        a, b = rng.choice(places[i])
        rows.append(_device(f"D-{n + 1:04}", "camera", f"{here.name}探头{n + 1}", f"{here.name_en} camera {n + 1}",
                            "cameras-town", a, bearing(PLANE, a, b), int(n % 2 == 0), "", "", 300))  # fmt: skip
    kinds = [s for s in SENSORS for _ in range(s[2])]
    for n in range(SENSORS_ALL):
        i = order[n * len(order) // SENSORS_ALL]
        here = finest[i]
        quantity, unit, _, source, period, name, english = kinds[n % len(kinds)]
        a = rng.choice(places[i])[0]
        rows.append(_device(f"S-{n + 1:04}", "sensor", f"{here.name}{name}{n + 1}", f"{here.name_en} {english} {n + 1}",
                            source, a, "", 0, quantity, unit, period))  # fmt: skip
    return rows


def _device(ident: str, kind: str, name: str, english: str, source: str, at: XY, turn: object, loud: int,
            quantity: str, unit: str, period: int) -> Row:  # fmt: skip
    return {"id": ident, "kind": kind, "name": name, "name_en": english, "source": source, "external": "",
            "lon": at[0], "lat": at[1], "bearing": turn, "loudspeaker": loud, "quantity": quantity, "unit": unit,
            "period": period}  # fmt: skip


def basemap(
    area: Polygon, centres: Sequence[tuple[Named, XY, int]], grids: Sequence[Grid], roads: Sequence[Road]
) -> Iterator[Feature]:
    """Land (the county's and its neighbours'), a built patch a village, roads, names."""
    corners = [(x, y) for x, y in area.exterior.coords]
    north, south = max(corners, key=lambda p: p[0] + p[1]), max(corners, key=lambda p: p[0] - p[1])
    shore = rough(smooth([(north[0] + 3, 60), (north[0] - 0.6, 30), north], 6), 3, 0.16, 0.3)
    shore += [(0.0, 0.0), *rough(smooth([south, (south[0] - 1.5, -30), (south[0] + 1, -60)], 6), 4, 0.16, 0.3)]
    beyond = Polygon([(-60, -60), (-60, 60), *shore])
    ground = max(shapely.get_parts(shapely.union(area, beyond)), key=lambda p: float(p.area))
    yield {"layer": "land"}, PLANE.to_degrees(Polygon(ground.exterior))
    yield {"layer": "bank", "class": "shore"}, PLANE.to_degrees(LineString(ground.exterior.coords))
    for n, (_, (x, y), _) in enumerate(centres):
        ring = [(x + 0.42 * math.cos(t), y + 0.34 * math.sin(t)) for t in (k * math.tau / 9 for k in range(9))]
        yield {"layer": "built"}, PLANE.to_degrees(Polygon(rough([*ring, ring[0]], n, 0.12, 0.12)))
    for road in roads:
        said: dict[str, object] = {"layer": "road", "class": road.kind, "name": road.name, "name_en": road.name_en}
        if road.ref:
            said["ref"] = road.ref
        yield said, LineString(road.line)
    for g in grids:
        if g.level == 1:
            at = g.shape.representative_point()
            place = Point(round(at.x, 6), round(at.y, 6))
            yield {"layer": "place", "class": "town", "name": g.name, "name_en": g.name_en}, place
