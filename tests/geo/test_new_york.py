"""A real city that nobody of this project drew: 2,325 tracts in 262 areas in 71 districts, and a day of
requests."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import shapely
from shapely.geometry import Point

from geo.grids import Columns, GridSet, build, check
from geo.tagging import GridIndex

DATA = Path(__file__).parents[2] / "../shared/data"
TRACTS = DATA / "boundaries/nyc_tracts_2325.geojson.gz"
REQUESTS = DATA / "cases/nyc311_924.csv"
COLUMNS = Columns(codes=("cdta2020", "nta2020", "geoid"), names=("cdta_name", "nta_name", "ct_label"))

pytestmark = pytest.mark.skipif(
    not (TRACTS.exists() and REQUESTS.exists()), reason="the New York tracts and requests are not beside the project"
)


@pytest.fixture(scope="module")
def city() -> GridSet:
    """The grid set built from the tracts."""
    return build(TRACTS, COLUMNS)


def test_three_levels_are_built(city: GridSet) -> None:
    """All tracts, areas and districts are there, and each tract lies under its own area and district."""
    counts = [sum(grid.level == level for grid in city.grids) for level in (1, 2, 3)]
    assert counts == [71, 262, 2325]
    assert city.chain("36005000100") == ("QN01", "QN0151", "36005000100")
    area = sum(grid.geometry.area for grid in city.finest)
    assert sum(grid.geometry.area for grid in city.grids if grid.level == 1) == pytest.approx(area, rel=1e-9)


def test_every_located_request_gets_its_tract(city: GridSet) -> None:
    """All 913 requests with a place get the tract that a plain exact test gives; the other 11 have no
    place."""
    with REQUESTS.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    places = np.array([(float(r["Longitude"]), float(r["Latitude"])) for r in rows if r["Longitude"]])
    assert (len(rows), len(places)) == (924, 913)
    index = GridIndex(city)
    tags = index.tag_many(places[:, 0], places[:, 1])
    assert tags == [index.tag(lon, lat) for lon, lat in places.tolist()]
    for tag, place in zip(tags, map(Point, places), strict=True):
        assert tag.grid == min(grid.code for grid in city.finest if grid.geometry.covers(place))
        assert tag.grids == city.chain(tag.grid)


def test_anywhere_in_the_city_is_exact(city: GridSet) -> None:
    """On 20,000 random places and 5,000 corners of tracts the index says what an exact join says."""
    rng = np.random.default_rng(3)
    west, south, east, north = city.bounds
    spread = np.column_stack([rng.uniform(west, east, 20_000), rng.uniform(south, north, 20_000)])
    outlines = [grid.geometry for grid in sorted(city.finest, key=lambda grid: grid.code)]
    places = np.vstack([spread, rng.choice(shapely.get_coordinates(outlines), 5_000)])
    wanted = np.full(len(places), len(outlines))
    place, outline = shapely.STRtree(outlines).query(shapely.points(places), predicate="intersects")
    np.minimum.at(wanted, place, outline)
    codes = [*sorted(grid.code for grid in city.finest), None]
    found = [tag.grid for tag in GridIndex(city).tag_many(places[:, 0], places[:, 1])]
    assert found == [codes[n] for n in wanted]


def test_the_check_finds_what_is_wrong_with_it() -> None:
    """The tracts tile the city but for one hole at a pier, which is found with its place and size."""
    findings = check(TRACTS, COLUMNS)
    assert [(f.kind, f.codes) for f in findings] == [("gap", ("36061007900",))]
    assert findings[0].area_m2 == pytest.approx(5523, abs=5)
    assert (findings[0].place.lon, findings[0].place.lat) == pytest.approx((-74.0096, 40.7420), abs=1e-3)
