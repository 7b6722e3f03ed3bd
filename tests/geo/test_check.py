"""The check: each kind of mistake is found once, where it is, with its size; a good set has none."""

from __future__ import annotations

import math
from typing import Any

import geopandas
import pytest
from shapely.geometry import Polygon, box
from shapely.geometry.base import BaseGeometry

from geo.check import Finding, FindingKind, check
from geo.places import EARTH_RADIUS, Position, metres
from geo.sources import Columns

LON, LAT = 119.0, 35.0
NORTH = math.degrees(1 / EARTH_RADIUS)  # a metre in degrees of latitude
EAST = NORTH / math.cos(math.radians(LAT))  # and of longitude


def field(west: float, south: float, east: float, north: float) -> Polygon:
    """A rectangle given in metres from the corner of the town."""
    return box(LON + west * EAST, LAT + south * NORTH, LON + east * EAST, LAT + north * NORTH)


def row(
    code: str, geometry: BaseGeometry, level: int = 2, parent: str | None = "T", kind: str = "general"
) -> dict[str, Any]:
    """One feature of a frame with all columns."""
    return {"code": code, "level": level, "parent": parent, "kind": kind, "geometry": geometry}


TOWN = row("T", field(0, 0, 2000, 1000), 1, None)
WEST = row("W", field(0, 0, 1000, 1000))
EASTERN = row("E", field(1000, 0, 2000, 1000))


def found(*rows: dict[str, Any]) -> list[Finding]:
    """What the check says of these features."""
    return check(geopandas.GeoDataFrame(list(rows), crs="EPSG:4326"))


def summary(findings: list[Finding]) -> list[tuple[FindingKind, tuple[str, ...]]]:
    """Kinds and codes only."""
    return [(finding.kind, finding.codes) for finding in findings]


def near(place: Position, east: float, north: float) -> float:
    """Metres from a place to the spot so far from the corner."""
    return metres(place, Position(LON + east * EAST, LAT + north * NORTH))


def test_a_good_set_has_no_findings() -> None:
    """Children that tile their parent, and a dedicated grid over both of them, are right."""
    assert found(TOWN, WEST, EASTERN, row("P", field(900, 400, 1100, 600), kind="dedicated")) == []


def test_a_gap_between_level_borders_is_found() -> None:
    """What children leave out of their parent at its rim is a gap, with its neighbour, place and area."""
    findings = found(TOWN, WEST, row("E", field(1000, 0, 1900, 1000)))
    assert summary(findings) == [("gap", ("E",))]
    assert findings[0].area_m2 == pytest.approx(100 * 1000, rel=0.01)
    assert near(findings[0].place, 1950, 500) < 60


def test_a_hole_on_a_level_is_found() -> None:
    """A hole that no grid of a level covers is a gap, even where no parent is drawn; an island in it is
    land."""
    ring = field(0, 0, 1000, 1000).difference(field(300, 300, 700, 700))
    island = row("I", field(400, 400, 600, 600), 1, None)
    findings = found(row("R", ring, 1, None), island)
    assert summary(findings) == [("gap", ("I", "R"))]
    assert findings[0].area_m2 == pytest.approx(400 * 400 - 200 * 200, rel=0.01)
    assert near(findings[0].place, 500, 500) < 300


def test_an_overlap_is_found() -> None:
    """Two general grids of a level on the same land overlap, there and by so much."""
    findings = found(TOWN, WEST, row("E", field(950, 0, 2000, 1000)))
    assert summary(findings) == [("overlap", ("E", "W"))]
    assert findings[0].area_m2 == pytest.approx(50 * 1000, rel=0.01)
    assert near(findings[0].place, 975, 500) < 30


def test_a_child_beyond_its_parent_is_found() -> None:
    """A child that reaches over its parent's border is an overlap of the child with what lies there."""
    findings = found(TOWN, WEST, row("E", field(1000, 0, 2040, 1000)))
    assert summary(findings) == [("overlap", ("E", "T"))]
    assert findings[0].area_m2 == pytest.approx(40 * 1000, rel=0.01)


def test_slivers_are_told_from_gaps_and_overlaps() -> None:
    """A strip half a metre wide, overlapping or open, is a sliver: two drawings of one border."""
    over = found(TOWN, WEST, row("E", field(999.5, 0, 2000, 1000)))
    assert summary(over) == [("sliver", ("E", "W"))]
    assert over[0].area_m2 == pytest.approx(500, rel=0.01)
    # the strip is open at both ends, so only the parent knows about it
    apart = found(TOWN, WEST, row("E", field(1000.5, 0, 2000, 1000)))
    assert summary(apart) == [("sliver", ("E", "W"))]
    assert near(apart[0].place, 1000, 500) < 510


def test_a_vertex_more_on_one_side_is_no_sliver() -> None:
    """A straight border with a vertex on one side only is one border, however long."""
    west = field(0, 0, 30_000, 10_000)
    coords = list(west.exterior.coords)
    corner = [(LON + 30_000 * EAST, LAT + 10_000 * NORTH), (LON + 30_000 * EAST, LAT)]
    east = [
        corner[0],
        (corner[0][0], LAT + 4000 * NORTH),
        corner[1],
        (LON + 60_000 * EAST, LAT),
        (LON + 60_000 * EAST, corner[0][1]),
    ]
    assert len(coords) == 5
    assert found(row("W", west, 1, None), row("E", Polygon(east), 1, None)) == []


def test_orphans_are_found() -> None:
    """A parent that is not there, none on a lower level, and one that is no higher are all orphans."""
    lost = row("L", field(1000, 0, 2000, 1000), parent="X")
    assert ("orphan", ("L", "X")) in summary(found(TOWN, WEST, lost))
    bare = row("B", field(1000, 0, 2000, 1000), parent=None)
    orphan = next(f for f in found(TOWN, WEST, bare) if f.kind == "orphan")
    assert orphan.codes == ("B",)
    assert orphan.area_m2 == pytest.approx(1e6, rel=0.01)
    assert near(orphan.place, 1500, 500) < 600
    beside = row("S", field(1000, 0, 2000, 1000), parent="W")
    assert ("orphan", ("S", "W")) in summary(found(TOWN, WEST, beside))


def test_several_parents_are_found() -> None:
    """One code under two parents is found once, with both."""
    halves = [row("T1", field(0, 0, 1000, 1000), 1, None), row("T2", field(1000, 0, 2000, 1000), 1, None)]
    twice = [row("G", field(0, 0, 1000, 1000), parent="T1"), row("G", field(1000, 0, 2000, 1000), parent="T2")]
    assert summary(found(*halves, *twice)) == [("multi_parent", ("G", "T1", "T2"))]


def test_several_parents_in_columns_are_found() -> None:
    """Where columns name the upper levels, an area that appears in two districts is found, and so is a
    missing name."""
    rows = [
        {"d": "D1", "a": "A", "g": "1", "geometry": field(0, 0, 1000, 1000)},
        {"d": "D2", "a": "A", "g": "2", "geometry": field(1000, 0, 2000, 1000)},
        {"d": "D2", "a": None, "g": "3", "geometry": field(2000, 0, 3000, 1000)},
    ]
    frame = geopandas.GeoDataFrame(rows, crs="EPSG:4326")
    findings = check(frame, Columns(codes=("d", "a", "g")))
    assert summary(findings) == [("orphan", ("3",)), ("multi_parent", ("A", "D1", "D2"))]
    assert near(findings[1].place, 500, 500) < 600


def test_several_parents_are_found_where_a_level_is_left_out() -> None:
    """With nothing named on the level between, a grid with two parents is still found, on its first
    feature."""
    rows = [
        {"a": "T", "b": "B", "c": "", "d": "1", "geometry": field(0, 0, 1000, 1000)},
        {"a": "U", "b": "B", "c": "", "d": "2", "geometry": field(1000, 0, 2000, 1000)},
    ]
    findings = check(geopandas.GeoDataFrame(rows, crs="EPSG:4326"), Columns(codes=("a", "b", "c", "d")))
    assert summary(findings) == [("orphan", ("1",)), ("orphan", ("2",)), ("multi_parent", ("B", "T", "U"))]
    assert near(findings[2].place, 500, 500) < 600
    assert findings[2].area_m2 == pytest.approx(1e6, rel=0.01)


def test_an_outline_without_area_has_a_place() -> None:
    """A ring that runs back on itself is invalid, and an orphan too, at its first vertex."""
    line = Polygon([(LON, LAT), (LON + EAST, LAT), (LON, LAT), (LON, LAT)])
    findings = found(row("L", line, parent=None))
    assert summary(findings) == [("orphan", ("L",)), ("invalid_ring", ("L",))]
    assert all(near(finding.place, 0, 0) < 2 for finding in findings)
    assert findings[0].area_m2 == 0.0


def test_areas_are_finite_anywhere_on_earth() -> None:
    """A gap has its size at the poles and at the date line too, where a plane about the middle ends."""
    world = row("T", box(-180, -90, 180, 90), 1, None)
    findings = found(world, row("W", box(-180, -90, 0, 90)), row("E", box(0, -90, 179, 90)))
    assert summary(findings) == [("gap", ("E",))]
    assert findings[0].area_m2 == pytest.approx(4 * math.pi * EARTH_RADIUS**2 / 360, rel=0.01)


def test_an_invalid_ring_is_found() -> None:
    """A ring that crosses itself is named at the crossing, and does not hide what else is wrong."""
    points = [(0, 0), (1000, 1000), (1000, 0), (0, 1000)]
    bow = Polygon([(LON + x * EAST, LAT + y * NORTH) for x, y in points])
    findings = found(row("B", bow, 1, None), row("C", field(0, 0, 100, 1000), 1, None))
    assert [f.kind for f in findings] == ["overlap", "invalid_ring"]
    assert findings[1].codes == ("B",)
    assert near(findings[1].place, 500, 500) < 1
    assert findings[1].area_m2 == pytest.approx(500_000, rel=0.01)


def test_a_finding_speaks_both_languages() -> None:
    """The sentence names codes, size and place, in Chinese and in English."""
    finding = Finding("overlap", ("E", "W"), Position(119.0108, 35.0045), 50_123.4)
    assert finding.text("zh-CN") == "E、W 重叠 50,123 m²(119.010800, 35.004500)"
    assert finding.text("en") == finding.message == "E, W overlap by 50,123 m² (119.010800, 35.004500)"
    assert Finding("gap", ("A",), Position(1, 2), 0.5).text("en").startswith("gap of 0.50 m² at A")
