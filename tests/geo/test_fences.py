"""Fences: how far outside a district, on which side of a border line, and what a file of borders may say."""

from __future__ import annotations

import json
from math import cos, isnan, radians
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely

from geo.errors import BadBorderFile
from geo.fences import Border, Districts, load_borders
from geo.gridset import GridSet
from geo.places import Position, metres

LAT = 34.9
PER_LAT = 111_195.0
PER_LON = PER_LAT * cos(radians(LAT))


def square(code: str, west: float, south: float, side: float, district: str, kind: str = "general") -> dict[str, Any]:
    """A square grid of the finest level."""
    ring = [[west, south], [west + side, south], [west + side, south + side], [west, south + side], [west, south]]
    names = {"code": code, "name": code, "name_en": code, "level": 1, "parent": None, "kind": kind, "chief": ""}
    return {"type": "Feature", "properties": {**names, "district": district},
            "geometry": {"type": "Polygon", "coordinates": [ring]}}  # fmt: skip


def districts(*grids: dict[str, Any]) -> Districts:
    """The districts of these grids."""
    return Districts(GridSet.from_geojson({"type": "FeatureCollection", "features": list(grids)}))


def beyond(asked: Districts, name: str, lon: float, lat: float) -> float:
    """How far one place lies outside one district."""
    return float(asked.beyond([name], np.array([lon]), np.array([lat]))[0])


def test_a_district_is_the_union_of_its_grids() -> None:
    """On the border between two grids of one district nobody is near any fence; in another's grid one is outside."""
    two = districts(
        square("A", 119.20, LAT, 0.01, "D1"), square("B", 119.21, LAT, 0.01, "D1"),
        square("C", 119.22, LAT, 0.01, "D2"),
    )  # fmt: skip
    assert two.names == ("D1", "D2")
    assert beyond(two, "D1", 119.21, LAT + 0.005) == 0
    outside = beyond(two, "D1", 119.225, LAT + 0.005)
    assert outside == pytest.approx(metres(Position(119.22, LAT + 0.005), Position(119.225, LAT + 0.005)), rel=0.005)
    assert beyond(two, "D2", 119.225, LAT + 0.005) == 0


def test_a_dedicated_grid_belongs_to_the_district_it_names() -> None:
    """A port laid over another district's land is inside for those who serve the port."""
    both = districts(square("A", 119.20, LAT, 0.01, "D1"), square("P", 119.205, LAT, 0.002, "D2", "dedicated"))
    assert beyond(both, "D2", 119.206, LAT + 0.001) == 0
    assert beyond(both, "D1", 119.206, LAT + 0.001) == 0


def test_a_district_without_grids_is_said_to_be_unknown() -> None:
    """NaN compares false with everything, so nobody is outside a district that does not exist."""
    assert isnan(beyond(districts(square("A", 119.20, LAT, 0.01, "")), "D9", 119.2, LAT))


def border(*places: tuple[float, float], inside: str = "left") -> Border:
    """A border through places given in metres east and north of 119.2, 34.9."""
    line = shapely.LineString([(119.2 + x / PER_LON, LAT + y / PER_LAT) for x, y in places])
    return Border("b", "界", "Border", line, inside)  # type: ignore[arg-type]  # left or right, in each test


def sides(line: Border, *places: tuple[float, float]) -> list[float]:
    """The signed distances of places in metres."""
    xs, ys = np.array(places).T
    return list(line.sides(119.2 + xs / PER_LON, LAT + ys / PER_LAT))


def test_the_side_has_its_sign_and_its_metres() -> None:
    """Going north, west is the left hand."""
    north = border((0, 0), (0, 1000))
    assert sides(north, (-30, 500), (70, 500)) == pytest.approx([30, -70], rel=0.002)
    assert sides(border((0, 0), (0, 1000), inside="right"), (-30, 500)) == pytest.approx([-30], rel=0.002)


def test_beside_an_end_there_is_no_side() -> None:
    """Who walks around the end of an open line is on neither side there."""
    north = border((0, 0), (0, 1000))
    assert all(isnan(side) for side in sides(north, (10, 1020), (-10, -20)))


def test_at_a_sharp_corner_the_side_is_that_of_the_whole_line() -> None:
    """Behind the tip of a wedge the nearest point is the tip, and one segment alone would tell the wrong side."""
    wedge = border((-1000, 200), (0, 0), (-1000, -200))
    behind = sides(wedge, (50, 45), (50, -45), (50, 0))
    assert all(side > 0 for side in behind), "in front of the tip is left of the wedge, all around it"
    assert sides(wedge, (-500, 0))[0] < 0, "between the legs is right"


def test_a_ring_knows_inside_and_outside_everywhere() -> None:
    """Of a closed line the distance has the sign of the polygon, at its first corner too; seeded places."""
    corners = [(0, 0), (900, 100), (400, 400), (700, 1000), (-200, 700), (0, 0)]
    ring, area = border(*corners), shapely.Polygon(corners)
    places = np.random.default_rng(7).uniform(-500, 1400, (2000, 2))
    places[:50] = np.random.default_rng(8).uniform(-20, 20, (50, 2))
    found = np.array(sides(ring, *map(tuple, places.tolist())))
    points = shapely.points(places)
    assert np.array_equal(found > 0, shapely.contains(area, points))
    assert np.abs(found) == pytest.approx(shapely.distance(shapely.boundary(area), points), rel=0.003, abs=0.05)


def feature(**changed: Any) -> dict[str, Any]:
    """A border as a file writes it."""
    properties = {"id": "sea", "name": "海界", "name_en": "Sea border", "inside": "left", **changed}
    line = properties.pop("line", {"type": "LineString", "coordinates": [[119.2, 34.9], [119.3, 34.9]]})
    return {"type": "Feature", "properties": properties, "geometry": line}


def written(folder: Path, *features: dict[str, Any]) -> Path:
    path = folder / "borders.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    return path


def test_borders_are_read_with_what_they_watch(tmp_path: Path) -> None:
    """Both directions are watched unless the file says otherwise."""
    one, two = load_borders(written(tmp_path, feature(), feature(id="land", watch="out", inside="right")))
    assert (one.id, one.watch, one.inside) == ("sea", "both", "left")
    assert (two.id, two.watch, two.inside) == ("land", "out", "right")


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"inside": "west"}, r"\(sea\) has inside = 'west': use 'left' or 'right'"),
        ({"watch": "never"}, r"\(sea\) has watch = 'never': use 'in', 'out' or 'both'"),
        ({"name_en": ""}, r"feature 1 has the name_en ''"),
        ({"line": {"type": "Point", "coordinates": [1, 2]}}, r"\(sea\) is no LineString"),
        ({"line": {"type": "LineString", "coordinates": [[119, 34], [119, 34]]}}, r"fewer than two points"),
        ({"line": {"type": "LineString", "coordinates": [[119, 34], ["a", 34]]}}, r"\(sea\): "),
        ({"line": {"type": "LineString", "coordinates": [[34, 119], [34, 118]]}}, r"are they swapped"),
    ],
)
def test_a_wrong_border_is_refused(tmp_path: Path, changed: dict[str, Any], says: str) -> None:
    """Each mistake is refused in one sentence with the file, the feature, the value and the remedy."""
    with pytest.raises(BadBorderFile, match=says) as refused:
        load_borders(written(tmp_path, feature(**changed)))
    assert "borders.geojson" in str(refused.value)


def test_two_borders_of_one_id_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    """An id names one border; a file that is not there is named."""
    with pytest.raises(BadBorderFile, match=r"'sea' is used twice"):
        load_borders(written(tmp_path, feature(), feature()))
    with pytest.raises(BadBorderFile, match=r"nowhere.*BORDERS"):
        load_borders(tmp_path / "nowhere.geojson")
