"""The road graph: shortest ways, connected, in metres; and how far it is from many places at once."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from random import Random

import numpy as np
import pytest

from geo.errors import BadRoads
from geo.places import Position, metres
from geo.roads import Roads, load_roads

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


def roads_of(path: Path) -> Roads:
    found = load_roads(path)
    assert found
    return found


@pytest.fixture(scope="module")
def town() -> Roads:
    return roads_of(TOWN)


def length(roads: Roads, way: list[int]) -> float:
    return sum(dict(roads.ways[here])[there] for here, there in pairwise(way))


def test_the_shorter_of_two_ways_is_taken(tmp_path: Path) -> None:
    """A detour is not taken, even when it has fewer corners; a motorway never."""
    a, b, c, far = [119.0, 35.0], [119.001, 35.0], [119.002, 35.0], [119.001, 35.05]
    roads = roads_of(basemap(tmp_path, ("street", [a, b, c]), ("road", [a, far, c]), ("motorway", [a, c])))
    ends = [roads.nearest(*roads.plane.metres(*place)) for place in (a, c)]
    way = roads.route(*ends)
    assert way
    assert len(way) == 3
    assert length(roads, way) == pytest.approx(182.2, abs=0.5)


def test_roads_apart_from_the_rest_are_left_out(tmp_path: Path) -> None:
    """Nobody starts on a road from which no way leads on: only the largest connected part is kept."""
    main = [[119.0 + n / 1000, 35.0] for n in range(5)]
    roads = roads_of(basemap(tmp_path, ("street", main), ("street", [[119.5, 35.5], [119.6, 35.6]])))
    assert len(roads.corners) == 5


@pytest.mark.parametrize("content", ["", "{}", '{"features":[{}]}', "[]"])
def test_a_basemap_that_cannot_be_read_is_refused(content: str, tmp_path: Path) -> None:
    """The refusal names the file."""
    path = tmp_path / "basemap.geojson"
    path.write_text(content)
    with pytest.raises(BadRoads, match=str(path)):
        load_roads(path)


def test_a_town_without_roads_has_none(tmp_path: Path) -> None:
    """No basemap, or one without roads that officers use, is no fault: distances are straight then."""
    assert load_roads(tmp_path / "absent.geojson") is None
    assert load_roads(basemap(tmp_path, ("motorway", [[119.0, 35.0], [119.1, 35.0]]))) is None


def test_every_corner_of_the_town_is_reached(town: Roads) -> None:
    """Between any two corners there is a way along roads, no shorter than the straight line."""
    rng = Random(1)
    for _ in range(50):
        start, goal = rng.sample(range(len(town.corners)), 2)
        way = town.route(start, goal)
        assert way
        assert (way[0], way[-1]) == (start, goal)
        one, other = (Position(*town.plane.degrees(*town.corners[corner])) for corner in (start, goal))
        assert length(town, way) >= metres(one, other) * 0.995


def test_the_plane_agrees_with_the_earth(town: Roads) -> None:
    """Metres of the plane are metres on the ground to 0.2 % over the town, and degrees come back."""
    one, other = town.corners[0], town.corners[-1]
    flat = ((one[0] - other[0]) ** 2 + (one[1] - other[1]) ** 2) ** 0.5
    places = [Position(*town.plane.degrees(*place)) for place in (one, other)]
    assert flat == pytest.approx(metres(*places), rel=2e-3)
    assert town.plane.metres(places[0].lon, places[0].lat) == pytest.approx(one)


BANKS = [[119.0 + n / 100, 35.0] for n in range(4)], [[119.0 + n / 100, 35.002] for n in range(4)]
"""Two roads along a river, 222 m apart and 2.7 km long."""
BRIDGE = [BANKS[0][3], BANKS[1][3]]


def test_the_way_over_the_bridge_is_counted(tmp_path: Path) -> None:
    """From one bank to the other, 222 m as the crow flies, it is to the bridge and back: 3 x 911 m twice, and 222 m."""
    roads = roads_of(basemap(tmp_path, *(("road", line) for line in (*BANKS, BRIDGE))))
    (found,) = roads.metres(np.array([BANKS[0][0]]), np.array([BANKS[1][0], BANKS[0][1], BANKS[0][0]])).tolist()
    assert found == pytest.approx([2 * 3 * 911.0 + 222.4, 911.0, 0.0], abs=10)


def test_places_between_corners_are_joined_where_they_are(tmp_path: Path) -> None:
    """Half-way between two corners a place is half-way, on the same piece of road too; the leg to the road counts."""
    roads = roads_of(basemap(tmp_path, *(("road", line) for line in (*BANKS, BRIDGE))))
    goal = [119.005, 35.0]
    places = [[119.007, 35.0], [119.015, 35.0], [119.015, 34.999]]
    (found,) = roads.metres(np.array([goal]), np.array(places)).tolist()
    assert found == pytest.approx([182.2, 911.0, 911.0 + 111.2], abs=3)


def test_who_is_nearer_to_the_place_than_to_the_road_goes_straight(tmp_path: Path) -> None:
    """Two places 91 m apart in a yard 555 m from the road: nobody goes to the road and back."""
    roads = roads_of(basemap(tmp_path, ("road", BANKS[0])))
    assert roads.metres(np.array([[119.005, 35.005]]), np.array([[119.006, 35.005]])) == pytest.approx(91.1, abs=1)


def test_many_distances_are_those_of_the_single_ways(town: Roads) -> None:
    """From corner to corner the table agrees with the length of the way that A* finds."""
    rng = Random(2)
    some = rng.sample(range(len(town.corners)), 12)
    places = np.array([town.plane.degrees(*town.corners[corner]) for corner in some])
    table = town.metres(places[:5], places)
    assert table.shape == (5, 12)
    for row, goal in enumerate(some[:5]):
        for column, start in enumerate(some):
            way = town.route(start, goal)
            assert way
            assert table[row, column] == pytest.approx(length(town, way), abs=0.01)


def test_more_goals_than_are_searched_at_once_give_the_same_distances(town: Roads) -> None:
    """A hundred goals in one call and each alone: the same rows; nothing asked, nothing answered."""
    rng = np.random.default_rng(3)
    places = np.array([town.plane.degrees(*town.corners[n]) for n in rng.integers(len(town.corners), size=100)])
    places += rng.normal(0, 0.001, places.shape)
    table = town.metres(places, places)
    assert all(np.allclose(town.metres(places[n : n + 1], places)[0], table[n]) for n in (0, 63, 64, 99))
    assert np.allclose(town.metres(places, places[:7]), table[:, :7])  # more goals than places: searched from these
    assert town.metres(places[:0], places).shape == (0, 100)
    assert (table >= 0).all()
