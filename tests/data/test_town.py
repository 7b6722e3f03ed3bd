"""Wanghai and the county are what they claim: the counts, a tiling without gaps, names, roads that connect."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import shapely
from shapely.geometry import Point, shape

from geo.check import check
from streams.matters import load_matters
from streams.organisation import check_grids, check_matters, check_register, load_organisation
from streams.register import load_register
from tests.data.conftest import ROOT, WANGHAI, Town

KM2_PER_SQUARE_DEGREE = 110.94 * 91.40  # at 34.9° north


def test_wanghai_has_the_size_of_the_town_it_stands_for(wanghai: Town) -> None:
    """1 town, 6 districts, 48 general and 6 dedicated grids, 24 villages, 3 squads, 70 officers, 134 + 86 devices."""
    assert len(wanghai.level(1)) == 1
    assert len(wanghai.level(2)) == 6
    assert len(wanghai.level(3)) == 48
    assert len(wanghai.level(3, "dedicated")) == 6
    assert len(wanghai.org["village"]) == 24
    assert Counter(p["squad"] for p in wanghai.patrols) == {"Q1": 24, "Q2": 24, "Q3": 22}
    assert Counter(d["kind"] for d in wanghai.devices) == {"camera": 134, "sensor": 86}
    assert sum(d["loudspeaker"] == "1" for d in wanghai.devices) == 60
    assert len(wanghai.sources) == 13
    area = wanghai.shapes["329901101"].area * KM2_PER_SQUARE_DEGREE
    assert 115 < area < 126, f"{area:.1f} km²"


def test_county_has_the_size_to_measure_with(county: Town) -> None:
    """17 / 271 / 1,558 grids on 988 km² with 5,000 patrols, 1,200 cameras and 400 sensors."""
    assert [len(county.level(n)) for n in (1, 2, 3)] == [17, 271, 1558]
    assert len(county.patrols) == 5000
    assert Counter(d["kind"] for d in county.devices) == {"camera": 1200, "sensor": 400}
    lat = math.radians(33.45)
    area = sum(county.shapes[g["code"]].area for g in county.level(1)) * 110.92 * 111.32 * math.cos(lat)
    assert 978 < area < 998, f"{area:.1f} km²"


def test_the_county_has_the_bodies_of_the_county_it_stands_for(county: Town) -> None:
    """117 departments, 32 of the county and 5 a town; 17 towns; 269 villages, which are second-level grids."""
    assert len(county.org["department"]) == 117
    assert Counter(d["town"] for d in county.org["department"] if "town" in d) == {
        t["code"]: 5 for t in county.org["town"]
    }
    assert [t["code"] for t in county.org["town"]] == [g["code"] for g in county.level(1)]
    assert len(county.org["town"]) == 17
    second = {g["code"]: g["name"] for g in county.level(2)}
    villages = {v["code"]: v["name"] for v in county.org["village"]}
    assert len(villages) == 269
    assert villages.items() <= second.items()
    assert all(name.endswith("村") for name in villages.values())


def test_the_program_reads_the_organisation(town: Town) -> None:
    """The program's own reader takes the file and finds its grids, departments and patrols in the other files."""
    organisation = load_organisation(town.folder / "org.toml")
    check_grids(organisation, {g["code"] for g in town.grids})
    check_matters(organisation, load_matters(ROOT / "data" / "matters.toml"))
    check_register(organisation, load_register(*(town.folder / f"{n}.csv" for n in ("devices", "patrols", "sources"))))
    assert organisation.supervisor()
    assert organisation.duty_leader()
    for code in organisation.departments:
        assert organisation.liaison(code), code


def test_every_grid_has_the_chief_it_names(town: Town) -> None:
    """The chief bound to a grid is the one whom the grid file names, general and dedicated grids alike."""
    organisation = load_organisation(town.folder / "org.toml")
    for g in town.grids:
        chief = organisation.chief([g["code"]])
        assert chief, g["code"]
        assert chief.name == g["chief"]


def test_a_chief_and_six_members_are_bound(town: Town) -> None:
    """The seven roles of 一长六员 are there and filled, and who is a patrol too is the patrol of that id."""
    six = {"网格员", "巡查员", "信息员", "联络员", "党建专员", "督查员"}
    names = {r["key"]: r["name"] for r in town.org["role"]}
    filled = {names[p["role"]] for p in town.org["person"]}
    assert six | {"网格长"} <= filled
    patrols = {p["id"]: (p["name"], p["phone"]) for p in town.patrols}
    moving = [p for p in town.org["person"] if names[p["role"]] == "巡查员"]
    assert all(patrols[p["id"]] == (p["name"], p["phone"]) for p in moving)


def test_departments_have_patrols_that_check_them_in(town: Town) -> None:
    """Some patrols come for a department, most for none; those who can be whistled for at a scene among them."""
    bound = Counter(p["department"] for p in town.patrols)
    assert bound.pop("") > 0.8 * len(town.patrols)
    assert {"enforcement", "police", "traffic", "emergency", "ecology", "sanitation"} <= set(bound)


def test_children_tile_their_parent(town: Town) -> None:
    """The general children of a grid cover it exactly: no gap, no overlap, and their vertices are its vertices."""
    children = defaultdict(list)
    for g in town.grids:
        if g["parent"] and g["kind"] == "general":
            children[g["parent"]].append(town.shapes[g["code"]])
    for parent, shapes in children.items():
        whole = town.shapes[parent]
        union = shapely.unary_union(shapes)
        assert union.equals(whole), f"{parent}: {union.symmetric_difference(whole).area} square degrees differ"
        assert abs(sum(s.area for s in shapes) - whole.area) < 1e-15, f"children of {parent} overlap"
        corners = {p for s in shapes for p in s.exterior.coords}
        assert set(whole.exterior.coords) <= corners, f"{parent} has a corner that no child has"


def test_finest_grids_share_every_border_vertex(town: Town) -> None:
    """Two neighbours meet in the same vertices, so that no sliver opens between them at any scale."""
    pieces: Counter[frozenset[tuple[float, ...]]] = Counter()
    for g in town.level(3):
        ring = list(town.shapes[g["code"]].exterior.coords)
        pieces.update(frozenset(pair) for pair in pairwise(ring))
    outer = shapely.unary_union([town.shapes[g["code"]] for g in town.level(1)])
    assert isinstance(outer, shapely.Polygon)
    rim = list(outer.exterior.coords)
    edge = {frozenset(pair) for pair in pairwise(rim)}
    assert not outer.interiors
    assert {p for p, n in pieces.items() if n == 1} == edge
    assert max(pieces.values()) == 2


def test_the_program_finds_nothing_wrong(town: Town) -> None:
    """The program's own check of grid files has nothing to say about either town."""
    assert check(str(town.folder / "grids.geojson")) == []


def test_grids_are_valid_single_polygons_of_six_decimals(town: Town) -> None:
    """Every grid is one valid polygon whose coordinates say no more than six decimals."""
    for code, polygon in town.shapes.items():
        assert polygon.geom_type == "Polygon", code
        assert polygon.is_valid, code
        assert all(x == round(x, 6) and y == round(y, 6) for x, y in polygon.exterior.coords), code


def test_codes_name_one_grid_and_resolve(town: Town) -> None:
    """Codes are unique, parents and districts exist one level up, and a finest code is 12 + 3 digits."""
    levels = {g["code"]: g["level"] for g in town.grids}
    assert len(levels) == len(town.grids)
    districts = {d["code"] for d in town.org["district"]}
    for g in town.grids:
        assert set(g) == {"code", "name", "name_en", "level", "parent", "kind", "district", "chief"}
        assert (g["parent"] is None) == (g["level"] == 1)
        assert g["parent"] is None or levels[g["parent"]] == g["level"] - 1, g["code"]
        assert g["level"] == 1 or g["district"] in districts, g["code"]
        assert g["level"] < 3 or (len(g["code"]) == 15 and g["code"].isdigit()), g["code"]


def test_wanghai_numbers_its_grids_town_wide(wanghai: Town) -> None:
    """General grids are 001…048 and dedicated ones 901…906; each village has two."""
    assert sorted(g["code"][12:] for g in wanghai.level(3)) == [f"{n:03}" for n in range(1, 49)]
    assert sorted(g["code"][12:] for g in wanghai.level(3, "dedicated")) == [f"90{n}" for n in range(1, 7)]
    villages = {v["code"] for v in wanghai.org["village"]}
    assert Counter(g["code"][:12] for g in wanghai.level(3)) == dict.fromkeys(villages, 2)


def test_dedicated_grids_lie_within_the_town(wanghai: Town) -> None:
    """A dedicated grid lies over general ones, inside the town, and apart from the other dedicated ones."""
    shapes = [wanghai.shapes[g["code"]] for g in wanghai.level(3, "dedicated")]
    assert all(wanghai.shapes["329901101"].covers(s) for s in shapes)
    assert abs(shapely.unary_union(shapes).area - sum(s.area for s in shapes)) < 1e-12


def test_every_name_is_there_in_both_languages(town: Town) -> None:
    """Nothing that is shown lacks its Chinese or its English name, and English has no Chinese in it."""
    org = [row for table in town.org.values() if isinstance(table, list) for row in table]
    named = [f["properties"] for f in town.basemap if "name" in f["properties"]]
    for row in (*town.grids, *town.devices, *town.patrols, *town.sources, *org, town.org["site"], *named):
        assert row["name"], row
        assert row["name_en"], row
        assert not any("\u4e00" <= c <= "\u9fff" for c in row["name_en"]), row["name_en"]
        assert any("\u4e00" <= c <= "\u9fff" for c in row["name"]), row["name"]


def test_names_tell_things_apart(wanghai: Town) -> None:
    """No two grids, cameras, sensors, officers or persons of Wanghai have the same name in either language."""
    staff = [p for p in wanghai.org["person"] if p["role"] != "patrol"]
    for rows in (wanghai.grids, wanghai.devices, wanghai.patrols, staff):
        for key in ("name", "name_en"):
            twice = [n for n, count in Counter(r[key] for r in rows).items() if count > 1]
            assert not twice, twice


def test_devices_stand_where_they_can(wanghai: Town) -> None:
    """Every device stands in a finest grid, and every general grid has at least one camera."""
    grids = {g["code"]: wanghai.shapes[g["code"]] for g in wanghai.level(3)}
    cameras: Counter[str] = Counter()
    for d in wanghai.devices:
        at = Point(float(d["lon"]), float(d["lat"]))
        homes = [code for code, s in grids.items() if s.contains(at)]
        assert len(homes) == 1, d["id"]
        if d["kind"] == "camera":
            cameras[homes[0]] += 1
            assert 0 <= float(d["bearing"]) < 360
    assert set(cameras) == set(grids)


def test_the_program_reads_the_register(town: Town) -> None:
    """The program's own reader takes the three files, and every source is used or makes reports."""
    register = load_register(*(town.folder / f"{n}.csv" for n in ("devices", "patrols", "sources")))
    assert len(register.devices) == len(town.devices)
    assert len(register.patrols) == len(town.patrols)


def test_officers_belong_somewhere_and_know_something(town: Town) -> None:
    """District, squad, post and skills of every officer are in org.toml; a matter's posts and skills exist too."""
    known = {table: {str(r.get("code") or r.get("key") or r["name"]) for r in town.org[table]}
             for table in ("district", "squad", "post", "skill", "department")}  # fmt: skip
    for p in town.patrols:
        assert p["district"] in known["district"]
        assert p["squad"] in known["squad"]
        assert p["post"] in known["post"]
        assert set(p["skills"].split(";")) <= known["skill"]
        assert p["phone"].startswith("199-0000-")
    for matter in load_matters(ROOT / "data" / "matters.toml").matters.values():
        assert {matter.lead, *matter.helpers} <= known["department"], matter.key
        assert matter.post in known["post"], matter.key
        assert set(matter.skills) <= known["skill"], matter.key


def test_every_matter_has_somebody_who_can_go(wanghai: Town) -> None:
    """For each matter at least one officer has one of its skills, or it asks for none."""
    able = {skill for p in wanghai.patrols for skill in p["skills"].split(";")}
    for matter in load_matters(ROOT / "data" / "matters.toml").matters.values():
        assert not matter.skills or able & set(matter.skills), matter.key


def test_roads_connect(town: Town) -> None:
    """Linking the vertices of each road but the motorway makes one network."""
    near: dict[tuple[float, ...], set[tuple[float, ...]]] = defaultdict(set)
    for road in town.layer("road"):
        if road["properties"]["class"] != "motorway":
            line = [tuple(p) for p in road["geometry"]["coordinates"]]
            for a, b in pairwise(line):
                near[a].add(b)
                near[b].add(a)
    start = next(iter(near))
    seen, queue = {start}, [start]
    while queue:
        for p in near[queue.pop()] - seen:
            seen.add(p)
            queue.append(p)
    assert len(seen) == len(near)


def test_every_grid_has_a_road(wanghai: Town) -> None:
    """A road that can be walked runs through every finest grid, dedicated ones included."""
    roads = shapely.STRtree(
        [shape(f["geometry"]) for f in wanghai.layer("road") if f["properties"]["class"] != "motorway"]
    )
    for g in wanghai.grids:
        assert len(roads.query(wanghai.shapes[g["code"]], predicate="intersects")), g["name_en"]


def test_the_basemap_draws_a_place(wanghai: Town) -> None:
    """Every layer is there, houses by the hundred, and valid; land covers the town and goes on beyond it."""
    count = Counter(f["properties"]["layer"] for f in wanghai.basemap)
    assert set(count) == {
        "land",
        "built",
        "water",
        "river",
        "bank",
        "road",
        "building",
        "pond",
        "nori",
        "pier",
        "place",
    }
    assert count["building"] > 500
    assert {f["properties"]["class"] for f in wanghai.layer("road")} == {"motorway", "trunk", "road", "street"}
    assert {"G15", "G204", "S242", "X103", "X107"} <= {f["properties"].get("ref") for f in wanghai.layer("road")}
    assert all(shape(f["geometry"]).is_valid for f in wanghai.basemap)
    ground = shape(wanghai.layer("land")[0]["geometry"])
    town = wanghai.shapes["329901101"]
    assert town.difference(ground).area < 1e-8
    assert ground.area > 4 * town.area
    assert all(ground.contains(shape(f["geometry"])) for f in wanghai.layer("building"))
    assert not any(ground.intersects(shape(f["geometry"])) for f in wanghai.layer("nori"))


def test_the_script_makes_the_committed_files(make_town: ModuleType, tmp_path: Path) -> None:
    """The same seed gives the committed files, byte for byte, and no others."""
    make_town.make_wanghai(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(p.name for p in WANGHAI.iterdir())
    for made in tmp_path.iterdir():
        assert made.read_bytes() == (WANGHAI / made.name).read_bytes(), made.name


def test_another_seed_makes_another_town(make_town: ModuleType, tmp_path: Path) -> None:
    """The seed is what decides: another one gives other borders and other people."""
    make_town.make_wanghai(tmp_path, seed=7)
    for name in ("grids.geojson", "patrols.csv", "devices.csv", "org.toml"):
        assert (tmp_path / name).read_bytes() != (WANGHAI / name).read_bytes(), name


def test_the_committed_town_is_small() -> None:
    """The committed files stay below 3 MB in all and the basemap below 2 MB."""
    assert sum(p.stat().st_size for p in WANGHAI.iterdir()) < 3_000_000
    assert (WANGHAI / "basemap.geojson").stat().st_size < 2_000_000
