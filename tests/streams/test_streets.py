"""The road graph: shortest ways, connected, in metres."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

from geo.places import Position, metres
from streams.errors import BadSetting
from streams.streets import Streets, load_streets

TOWN = Path(__file__).parents[2] / "data" / "towns" / "wanghai" / "basemap.geojson"


def basemap(folder: Path, *roads: tuple[str, list[list[float]]]) -> Path:
    features = [
        {"type": "Feature", "properties": {"layer": "road", "class": kind},
         "geometry": {"type": "LineString", "coordinates": line}}
        for kind, line in roads
    ]  # fmt: skip
    path = folder / "basemap.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


@pytest.fixture(scope="module")
def town() -> Streets:
    return load_streets(TOWN)


def length(streets: Streets, way: list[int]) -> float:
    return sum(dict(streets.ways[here])[there] for here, there in pairwise(way))


def test_the_shorter_of_two_ways_is_taken(tmp_path: Path) -> None:
    """A detour is not taken, even when it has fewer corners; a motorway never."""
    a, b, c, far = [119.0, 35.0], [119.001, 35.0], [119.002, 35.0], [119.001, 35.05]
    streets = load_streets(
        basemap(tmp_path, ("street", [a, b, c]), ("road", [a, far, c]), ("motorway", [a, c]))
    )
    ends = [streets.nearest(*streets.plane.metres(*place)) for place in (a, c)]
    way = streets.route(*ends)
    assert way
    assert len(way) == 3
    assert length(streets, way) == pytest.approx(182.2, abs=0.5)


def test_roads_apart_from_the_rest_are_left_out(tmp_path: Path) -> None:
    """Nobody starts on a road from which no way leads on: only the largest connected part is kept."""
    main = [[119.0 + n / 1000, 35.0] for n in range(5)]
    streets = load_streets(basemap(tmp_path, ("street", main), ("street", [[119.5, 35.5], [119.6, 35.6]])))
    assert len(streets.corners) == 5


@pytest.mark.parametrize("content", ["", "{}", '{"features":[]}'])
def test_a_basemap_without_roads_is_refused(content: str, tmp_path: Path) -> None:
    """The refusal names the file."""
    path = tmp_path / "basemap.geojson"
    path.write_text(content)
    with pytest.raises(BadSetting, match=str(path)):
        load_streets(path)


def test_every_corner_of_the_town_is_reached(town: Streets) -> None:
    """Between any two corners there is a way along roads, no shorter than the straight line."""
    rng = Random(1)
    for _ in range(50):
        start, goal = rng.sample(range(len(town.corners)), 2)
        way = town.route(start, goal)
        assert way
        assert (way[0], way[-1]) == (start, goal)
        one, other = (Position(*town.plane.degrees(*town.corners[corner])) for corner in (start, goal))
        assert length(town, way) >= metres(one, other) * 0.995


def test_the_plane_agrees_with_the_earth(town: Streets) -> None:
    """Metres of the plane are metres on the ground to 0.2 % over the town, and degrees come back."""
    one, other = town.corners[0], town.corners[-1]
    flat = ((one[0] - other[0]) ** 2 + (one[1] - other[1]) ** 2) ** 0.5
    places = [Position(*town.plane.degrees(*place)) for place in (one, other)]
    assert flat == pytest.approx(metres(*places), rel=2e-3)
    assert town.plane.metres(places[0].lon, places[0].lat) == pytest.approx(one)
