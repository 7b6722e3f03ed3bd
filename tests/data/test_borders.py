"""The border at sea that ships with Wanghai: the whole town lies inside, and its boats may sail along the shore."""

from __future__ import annotations

import numpy as np
import shapely

from geo.fences import load_borders
from tests.data.conftest import WANGHAI, Town

LANE, HALF = 0.0165, 0.027
"""Where boats on patrol sail, in degrees: 1,500 m beyond the easternmost grid, 3 km north and south of the middle."""


def test_the_town_and_its_boats_lie_well_inside_the_border(wanghai: Town) -> None:
    """No corner of a grid is on the outer side, and of the lane of the boats every place is 400 m or more within."""
    (border,) = load_borders(WANGHAI / "borders.geojson")
    points = np.vstack([shapely.get_coordinates(shape) for shape in wanghai.shapes.values()])
    assert np.nanmin(border.sides(points[:, 0], points[:, 1])) > 1500
    (_, south), (east, north) = points.min(axis=0), points.max(axis=0)
    lats = np.linspace((south + north) / 2 - HALF, (south + north) / 2 + HALF, 50)
    lane = border.sides(np.full(50, east + LANE), lats)
    assert np.isfinite(lane).all()
    assert lane.min() > 400
