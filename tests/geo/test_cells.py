"""H3 cells: one key per place, its neighbours, heat and outline."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import Point, Polygon

from geo import cells
from geo.places import Position, metres

lons, lats = st.floats(73.5, 135.0), st.floats(3.0, 53.5)


@given(lons, lats)
def test_a_place_lies_in_the_outline_of_its_cell(lon: float, lat: float) -> None:
    """The outline is a closed ring of lon, lat pairs around the place, about 130 m across."""
    ring = cells.boundary(cells.cell(lon, lat))
    assert ring[0] == ring[-1]
    assert Polygon(ring).buffer(1e-7).contains(Point(lon, lat))
    assert all(metres(Position(*corner), Position(lon, lat)) < 220 for corner in ring)


def test_neighbours_are_rings_around_the_cell() -> None:
    """k steps around a cell lie 1 + 3k(k + 1) cells, itself among them, in a fixed order."""
    here = cells.cell(119.2, 34.8)
    assert cells.neighbours(here, 0) == (here,)
    for k in (1, 2, 5):
        around = cells.neighbours(here, k)
        assert here in around
        assert len(set(around)) == 1 + 3 * k * (k + 1)
        assert list(around) == sorted(around)


@given(st.lists(st.tuples(st.floats(119.1, 119.3), st.floats(34.7, 34.9)), max_size=50))
def test_heat_counts_every_event_once(places: list[tuple[float, float]]) -> None:
    """Each event counts once in the coarser cell above its own, listed one by one or counted before."""
    fine = [cells.cell(lon, lat) for lon, lat in places]
    hot = cells.heat(fine)
    assert sum(hot.values()) == len(fine)
    assert all(cell[1] == "9" for cell in hot)
    assert cells.heat({cell: fine.count(cell) for cell in fine}) == hot
