"""Tagging: never different from the exact test, precedence, borders, and places outside."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import MultiPolygon, Point, Polygon, box
from shapely.geometry.base import BaseGeometry

from geo import cells
from geo.grids import Grid, GridSet, Kind
from geo.lattice import Lattice, outline_cells, polygon_array, segments
from geo.tagging import GridIndex, Tag

WEST, SOUTH, SIDE = 119.0, 35.0, 0.02
CORNER = np.array([WEST, SOUTH])
KINDS: tuple[Kind, Kind] = ("general", "dedicated")


def grid(code: str, geometry: BaseGeometry, level: int = 1, parent: str | None = None, kind: Kind = "general") -> Grid:
    """A grid without names."""
    return Grid(code, code, code, level, parent, kind, "", "", geometry)


def town(seed: int, count: int = 40, dedicated: int = 3) -> GridSet:
    """Irregular grids that tile a square with a lake and an island in it, and round dedicated ones that
    overlap."""
    rng = np.random.default_rng(seed)
    sites = rng.uniform(0, SIDE, (count, 2)) + CORNER
    middle = Point(WEST + SIDE / 2, SOUTH + SIDE / 2)
    land = box(WEST, SOUTH, WEST + SIDE, SOUTH + SIDE).difference(middle.buffer(0.004)).union(middle.buffer(0.001))
    tiles = [tile.intersection(land) for tile in shapely.voronoi_polygons(shapely.MultiPoint(sites)).geoms]
    grids = [
        grid(f"G{n:02d}", tile, 2, "TOWN")
        for n, tile in enumerate(tiles)
        if isinstance(tile, Polygon | MultiPolygon) and not tile.is_empty
    ]
    ports = rng.uniform(0, SIDE, (dedicated, 2)) + CORNER
    over = [grid(f"D{n}", Point(port).buffer(0.003), 2, "TOWN", "dedicated") for n, port in enumerate(ports)]
    return GridSet((grid("TOWN", land), *over, *reversed(grids)))


def exact(grids: GridSet, lon: float, lat: float) -> str | None:
    """The plain answer: the smallest code that covers the place, dedicated grids first."""
    place = Point(lon, lat)
    for asked in (grids.dedicated, grids.finest):
        covering = sorted(each.code for each in asked if each.geometry.covers(place))
        if covering:
            return covering[0]
    return None


TOWNS = {seed: (town(seed), GridIndex(town(seed))) for seed in (1, 2, 3)}
near = st.floats(-0.003, SIDE + 0.003)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(TOWNS)), near, near)
def test_a_tag_is_what_the_polygons_say(seed: int, east: float, north: float) -> None:
    """Wherever the place, its tag is the exact answer, one by one and in a batch."""
    grids, index = TOWNS[seed]
    lon, lat = WEST + east, SOUTH + north
    assert index.tag(lon, lat).grid == exact(grids, lon, lat)
    assert index.tag_many([lon], [lat]) == [index.tag(lon, lat)]


@pytest.mark.parametrize("cell_metres", [3.0, 50.0, 700.0, 1e6])
def test_every_vertex_and_many_places_agree(cell_metres: float) -> None:
    """On every corner of every grid, and anywhere else, the cell size changes nothing about the answer."""
    grids = town(7)
    index = GridIndex(grids, cell_metres=cell_metres)
    corners = shapely.get_coordinates([each.geometry for each in grids.grids])
    spread = np.random.default_rng(1).uniform(-0.001, SIDE + 0.001, (1500, 2)) + CORNER
    lons, lats = np.vstack([corners, spread]).T
    wanted = [exact(grids, lon, lat) for lon, lat in zip(lons, lats, strict=True)]
    tags = index.tag_many(lons, lats)
    assert [tag.grid for tag in tags] == wanted
    assert tags == [index.tag(lon, lat) for lon, lat in zip(lons.tolist(), lats.tolist(), strict=True)]
    codes = [None if n < 0 else grids.grids[n].code for n in index.codes_many(lons, lats).tolist()]
    assert codes == wanted


def test_a_shared_border_belongs_to_the_smaller_code() -> None:
    """A place on an edge between two grids, or on the corner of four, is given to the smallest code."""
    places = [("b", 0, 0), ("a", 1, 0), ("d", 0, 1), ("c", 1, 1)]
    tiles = [grid(code, box(x, y, x + 1, y + 1)) for code, x, y in places]
    index = GridIndex(GridSet(tuple(tiles)), cell_metres=5000)
    assert index.tag(1.0, 0.5).grid == "a"
    assert index.tag(0.5, 1.0).grid == "b"
    assert index.tag(1.0, 1.0).grid == "a"
    assert index.tag(2.0, 2.0).grid == "c"
    assert index.tag(2.0000001, 2.0).grid is None


def test_a_dedicated_grid_takes_precedence_and_keeps_the_chain() -> None:
    """Inside a port the port counts, and the general grids below are still named, from the top level down."""
    grids = GridSet(
        (
            grid("T", box(0, 0, 0.2, 0.1)),
            grid("T1", box(0, 0, 0.1, 0.1), 2, "T"),
            grid("T2", box(0.1, 0, 0.2, 0.1), 2, "T"),
            grid("PORT", box(0.15, 0.05, 0.25, 0.08), 2, "T", "dedicated"),
        )
    )
    index = GridIndex(grids)
    assert index.tag(0.05, 0.05)[:2] == ("T1", ("T", "T1"))
    assert index.tag(0.17, 0.06)[:2] == ("PORT", ("T", "T2", "PORT"))
    assert index.tag(0.22, 0.06)[:2] == ("PORT", ("PORT",))  # in the sea, where no general grid lies
    assert index.tag(0.22, 0.04)[:2] == (None, ())


@pytest.mark.parametrize("cell_metres", [3.0, 50.0, 1e6])
def test_nothing_strange_is_inside(cell_metres: float) -> None:
    """Places far away on any side, not finite or at the antipodes are outside, and none of them fails."""
    index = GridIndex(GridSet((grid("A", box(WEST, SOUTH, WEST + SIDE, SOUTH + SIDE)),)), cell_metres=cell_metres)
    odd = [np.nan, np.inf, -np.inf, 0.0, 180.0, -180.0, 1e300, -1e300]
    edges = [0.0, SIDE / 2, SIDE]
    assert index.tag_many([WEST + edge for edge in edges], [SOUTH + SIDE / 2] * 3) == [
        Tag("A", ("A",), WEST + edge, SOUTH + SIDE / 2) for edge in edges
    ]
    lons, lats = [*odd, *(WEST + edge for edge in edges)], [*odd, *(SOUTH + edge for edge in edges)]
    places = [(lon, lat) for lon in lons for lat in lats if lon in odd or lat in odd]
    assert [index.tag(lon, lat).grid for lon, lat in places] == [None] * len(places)
    assert [tag.grid for tag in index.tag_many(*zip(*places, strict=True))] == [None] * len(places)
    assert index.codes_many(*zip(*places, strict=True)).tolist() == [-1] * len(places)
    assert index.tag_many([], []) == []
    assert index.codes_many([], []).tolist() == []


@pytest.mark.parametrize("cell_metres", [3.0, 50.0, 1e6])
def test_nothing_touches_the_rim_of_the_lattice(cell_metres: float) -> None:
    """The outermost cells are free, so that a place beyond them may be looked up there."""
    lattice = Lattice.over((WEST, SOUTH, WEST + SIDE, SOUTH + SIDE), cell_metres, 16_000_000)
    square = polygon_array([box(WEST, SOUTH, WEST + SIDE, SOUTH + SIDE)])
    touched, _ = outline_cells(lattice, segments(lattice, square))
    row, column = np.divmod(touched, lattice.columns)
    assert (row.min() > 0, row.max() < lattice.rows - 1) == (True, True)
    assert (column.min() > 0, column.max() < lattice.columns - 1) == (True, True)


def test_grids_that_overlap_are_settled_alike_one_by_one_and_in_batches() -> None:
    """Where many general and dedicated grids cover one place near a border, the smallest code of each counts."""
    stacks = [(f"{kind[0]}{n}", box(0, 0, 0.001 * (9 - n), 0.001 * (9 - n)), kind) for n in range(9) for kind in KINDS]
    grids = GridSet(tuple(grid(code, shape, kind=kind) for code, shape, kind in stacks))
    index = GridIndex(grids, cell_metres=1000)
    lons, lats = np.random.default_rng(1).uniform(-0.001, 0.01, (2, 2000))
    inside = (lons >= 0) & (lats >= 0) & (lons <= 0.009) & (lats <= 0.009)
    tags = index.tag_many(lons, lats)
    assert [tag[:2] for tag in tags] == [("d0", ("g0", "d0")) if covered else (None, ()) for covered in inside]
    assert tags == [index.tag(lon, lat) for lon, lat in zip(lons.tolist(), lats.tolist(), strict=True)]


def test_the_cell_is_that_of_the_place() -> None:
    """A tag carries the H3 cell of resolution 10, inside a grid or not."""
    _, index = TOWNS[1]
    for lon, lat in [(119.2, 34.9), (119.0112, 35.0061)]:
        tag = index.tag(lon, lat)
        assert tag.cell[1] == "a"  # the resolution's digit
        assert Polygon(cells.boundary(tag.cell)).contains(Point(lon, lat))


def test_a_huge_extent_gets_larger_cells() -> None:
    """Two grids a continent apart stay within the memory allowed, by larger cells, and are still exact."""
    grids = GridSet((grid("E", box(121, 31, 121.01, 31.01)), grid("W", box(75, 39, 75.01, 39.01))))
    index = GridIndex(grids, most_cells=100_000)
    assert index.cell_metres > 1000
    assert GridIndex(town(1)).cell_metres == 50
    assert index.tag(121.005, 31.005).grid == "E"
    assert index.tag(75.01, 39.01).grid == "W"
    assert index.tag(75.011, 39).grid is None


def test_only_borders_need_the_exact_test() -> None:
    """Over a grid much larger than a cell nearly all of the lattice answers by itself."""
    index = GridIndex(GridSet((grid("A", box(119, 35, 119.2, 35.2)),)))
    assert index.border_share < 0.02
