"""Places: what is refused, distances and courses."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.errors import BadPlace, GeoError
from geo.places import EARTH_RADIUS, Position, bearing, metres, metres_many

positions = st.builds(Position, st.floats(-180, 180), st.floats(-90, 90))


@pytest.mark.parametrize(
    ("lon", "lat", "says"),
    [
        (math.nan, 34.8, "nan"),
        (119.2, math.inf, "inf"),
        (180.01, 0.5, "180.01"),
        (34.8, 119.2, "119.2"),
        (0.0, 0.0, "0"),
    ],
)
def test_no_place_is_refused_with_its_value(lon: float, lat: float, says: str) -> None:
    """NaN, infinity, out of range, swapped and exactly 0, 0 are refused, and the message names the value."""
    with pytest.raises(BadPlace, match=says):
        Position.checked(lon, lat)
    assert issubclass(BadPlace, GeoError)


def test_a_place_on_one_zero_axis_is_a_place() -> None:
    """Only exactly 0, 0 is impossible: Greenwich and the equator stay."""
    assert Position.checked(0.0, 51.48) == Position(0.0, 51.48)
    assert Position.checked(101.4, 0.0) == Position(101.4, 0.0)


def test_one_degree_of_latitude() -> None:
    """One degree along a meridian is a 360th of the circumference."""
    assert metres(Position(119, 34), Position(119, 35)) == pytest.approx(2 * math.pi * EARTH_RADIUS / 360)


def test_a_known_distance() -> None:
    """Paris to London over a sphere is about 343.5 km."""
    assert metres(Position(2.3522, 48.8566), Position(-0.1278, 51.5074)) == pytest.approx(343_556, rel=1e-3)


@given(positions, positions)
def test_distance_is_symmetric_and_bounded(a: Position, b: Position) -> None:
    """The way back is as long as the way there, and nothing is farther than half the circumference."""
    assert metres(a, b) == pytest.approx(metres(b, a), abs=1e-6)
    assert 0 <= metres(a, b) <= math.pi * EARTH_RADIUS + 1e-6


@pytest.mark.parametrize(("lon", "lat", "course"), [(0, 1, 0), (1, 0, 90), (0, -1, 180), (-1, 0, 270)])
def test_the_four_courses(lon: float, lat: float, course: float) -> None:
    """North is 0 and the course grows clockwise."""
    assert bearing(Position(119, 0), Position(119 + lon, lat)) == pytest.approx(course)


@given(positions, positions)
def test_a_course_is_below_360(a: Position, b: Position) -> None:
    """A course is never 360 and never negative."""
    assert 0 <= bearing(a, b) < 360


@given(st.lists(positions, min_size=1, max_size=3), st.lists(positions, min_size=1, max_size=5))
def test_many_distances_are_the_single_ones(goals: list[Position], places: list[Position]) -> None:
    """A row for each goal, a column for each place, each the distance between the two."""
    table = metres_many(*(np.array([(one.lon, one.lat) for one in each]) for each in (goals, places)))
    assert table.shape == (len(goals), len(places))
    for row, goal in enumerate(goals):
        for column, place in enumerate(places):
            assert table[row, column] == pytest.approx(metres(place, goal), rel=1e-9, abs=1e-3)
