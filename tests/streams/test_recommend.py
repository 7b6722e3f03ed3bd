"""Who should go: the ranking is explained by parts that add up, and nobody vanishes from the list."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import hypot
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.places import Position
from geo.planes import Plane
from geo.roads import Roads
from streams.model import Case, Patrol, State
from streams.recommend import POINTS, Standing, candidates, standing

NOW = datetime(2026, 9, 29, 2, 0, tzinfo=UTC)
CASE = Case("1", State.ACCEPTED, 3, "fire", 1, "device", 0, lon=119.2, lat=35.1, grid="A")
NEAR = Position(119.201, 35.1)
FAR = Position(119.25, 35.1)


def patrol(name: str = "P-01", **more: Any) -> Standing:
    """A free patrol on foot, near, in the grid of the case, heard just now."""
    known: dict[str, Any] = {"state": "free", "position": NEAR, "at": NOW, "grid": "A", **more}
    return Standing(name, **known)


def test_the_nearest_comes_first() -> None:
    """With all else the same, who arrives sooner stands higher."""
    found = candidates(CASE, [patrol("far", position=FAR), patrol("near")], NOW)
    assert [one.patrol for one in found] == ["near", "far"]


def test_the_arrival_is_the_straight_way_times_the_detour() -> None:
    """Without roads: about 91 m with a detour of 1.3 at 4 m/s is half a minute."""
    (found,) = candidates(CASE, [patrol()], NOW)
    assert found.metres == pytest.approx(91.0 * 1.3, abs=0.5)
    assert found.minutes == pytest.approx(91.0 * 1.3 / 4 / 60, abs=0.01)
    assert not found.by_road


@pytest.fixture(scope="module")
def river() -> Roads:
    """A road on each bank of a river, 222 m apart, joined by a bridge in the east, 2.7 km away."""
    south, north = ([(119.2 + n / 100, lat) for n in range(4)] for lat in (35.1, 35.102))
    plane = Plane(119.2, 35.1)
    corners = [plane.metres(*place) for place in (*south, *north)]
    ways: list[list[tuple[int, float]]] = [[] for _ in corners]
    for one, other in ((0, 1), (1, 2), (2, 3), (4, 5), (5, 6), (6, 7), (3, 7)):
        length = hypot(corners[one][0] - corners[other][0], corners[one][1] - corners[other][1])
        ways[one].append((other, length))
        ways[other].append((one, length))
    return Roads(plane, corners, ways)


def test_who_is_over_the_river_is_farther_than_it_looks(river: Roads) -> None:
    """The patrol on the other bank is nearer as the crow flies and first without roads; by road it comes last."""
    both = [patrol("across", position=Position(119.2, 35.102)), patrol("along", position=Position(119.205, 35.1))]
    assert [one.patrol for one in candidates(CASE, both, NOW)] == ["across", "along"]
    first, second = candidates(CASE, both, NOW, roads=river)
    assert (first.patrol, first.by_road) == ("along", True)
    assert first.metres == pytest.approx(455, abs=3)
    assert second.metres == pytest.approx(2 * 2732 + 222, abs=20)


def test_a_vessel_goes_straight(river: Roads) -> None:
    """Roads are nothing to it: its way is the straight one times the detour."""
    boat = patrol(kind="vessel", position=Position(119.2, 35.102))
    (found,) = candidates(CASE, [boat], NOW, skills=("marine",), roads=river)
    assert (found.metres, found.by_road, found.excluded) == (pytest.approx(222.4 * 1.3, abs=1), False, "")


def test_a_vehicle_from_farther_may_be_sooner() -> None:
    """Time counts, not distance."""
    found = candidates(
        CASE,
        [
            patrol("walks", position=Position(119.205, 35.1)),
            patrol("drives", position=Position(119.21, 35.1), kind="vehicle"),
        ],
        NOW,
    )
    assert [one.patrol for one in found] == ["drives", "walks"]


@pytest.mark.parametrize(
    ("better", "worse", "part"),
    [
        ({}, {"grid": "B"}, "grid"),
        ({"rested": None}, {"rested": 60.0}, "rest"),
        ({"rested": 900.0}, {"rested": 450.0}, "rest"),
        ({"skills": ("fire",)}, {}, "skill"),
        ({}, {"load": 3}, "load"),
        ({}, {"at": NOW - timedelta(seconds=90)}, "position_age"),
    ],
)
def test_each_part_counts(better: dict[str, Any], worse: dict[str, Any], part: str) -> None:
    """The better one leads by exactly the difference of the part that differs."""
    first, second = candidates(CASE, [patrol("worse", **worse), patrol("better", **better)], NOW, skills=("fire",))
    assert first.patrol == "better"
    assert [name for name in first.parts if first.parts[name] != second.parts[name]] == [part]


def test_belonging_to_the_place_is_graded() -> None:
    """In its grid beats of its district, beats of a squad that serves the district, beats none of these."""
    people = [
        patrol("grid", district="D9", squad="Q9"), patrol("district", grid="B", district="D1", squad="Q1"),
        patrol("squad", grid="B", district="D2", squad="Q1"), patrol("other", grid="B", district="D9", squad="Q9"),
    ]  # fmt: skip
    found = {one.patrol: one.parts["grid"] for one in candidates(CASE, people, NOW, district="D1")}
    assert found == {"grid": 15.0, "district": 9.0, "squad": 4.5, "other": 0.0}


def test_a_case_of_no_district_is_nobodys_but_its_grids() -> None:
    """Patrols without a district or squad get no points for having none in common."""
    found = {one.patrol: one.parts["grid"] for one in candidates(CASE, [patrol("in"), patrol("out", grid="B")], NOW)}
    assert found == {"in": 15.0, "out": 0.0}


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"state": "way"}, "busy"),
        ({"state": "scene"}, "busy"),
        ({"state": "off"}, "off_duty"),
        ({"registered": False}, "unregistered"),
        ({"at": NOW - timedelta(seconds=181)}, "lost"),
        ({"position": None}, "lost"),
        ({"at": None}, "lost"),
        ({"kind": "vessel"}, "vessel"),
        ({"kind": "vessel", "registered": False, "state": "off"}, "unregistered"),
        ({"state": "off", "at": None}, "off_duty"),
    ],
)
def test_who_cannot_be_sent_is_told_why_and_stands_last(more: dict[str, Any], reason: str) -> None:
    """However near, an excluded patrol comes after everyone who can be sent, with the reason."""
    found = candidates(CASE, [patrol("out", **more), patrol("in", position=FAR, grid="B", load=5)], NOW)
    assert [(one.patrol, one.excluded) for one in found] == [("in", ""), ("out", reason)]


def test_to_sea_goes_a_vessel_and_nobody_else() -> None:
    """A matter that asks for the skill `marine` lies at sea, wherever its camera stands: officers on land stay."""
    people = [patrol("boat", kind="vessel", position=FAR), patrol("walks"), patrol("drives", kind="vehicle")]
    found = {one.patrol: one.excluded for one in candidates(CASE, people, NOW, skills=("marine", "first_aid"))}
    assert found == {"boat": "", "walks": "no_vessel", "drives": "no_vessel"}


def test_a_lacking_skill_ranks_lower_and_excludes_nobody() -> None:
    """Half of the skills gives half of the points, none gives none, and all three can be sent."""
    people = [patrol("all", skills=("fire", "water")), patrol("half", skills=("fire",)), patrol("none")]
    found = candidates(CASE, people, NOW, skills=("water", "fire"))
    assert [(one.patrol, one.parts["skill"], one.excluded) for one in found] == [
        ("all", 15.0, ""), ("half", 7.5, ""), ("none", 0.0, ""),
    ]  # fmt: skip


def test_the_busy_have_no_rest() -> None:
    """Who is on a case does not rest, however long ago the case before ended."""
    (found,) = candidates(CASE, [patrol(state="scene", rested=9_000.0)], NOW)
    assert found.parts["rest"] == 0.0


def test_a_case_without_a_place_still_has_candidates() -> None:
    """Nobody knows how far it is, and the list says so instead of guessing."""
    nowhere = Case("2", State.ACCEPTED, 3, "other", 3, "resident", 0)
    (found,) = candidates(nowhere, [patrol()], NOW)
    assert (found.metres, found.minutes, found.parts["arrival"], found.parts["grid"]) == (None, None, 0.0, 0.0)
    assert found.excluded == ""


def test_equal_patrols_are_ordered_by_name() -> None:
    """The same input gives the same list, whatever its order."""
    both = [patrol("P-02"), patrol("P-01")]
    assert candidates(CASE, both, NOW) == candidates(CASE, both[::-1], NOW)


def test_a_standing_is_read_from_the_hash_of_its_patrol() -> None:
    """On its case, off duty or free; where, since when it rests; a source nobody registered says so."""
    ms = int(NOW.timestamp() * 1000)
    row = {"lon": "119.2", "lat": "35.1", "at": str(ms - 5000), "grid": "A", "freed": str(ms - 60_000), "case": ""}
    known = Patrol("P", "董", "Dong", "vehicle", "Q1", "D1", "post", ("fire",))
    assert standing("P", row, known, 2, NOW) == Standing(
        "P", "free", Position(119.2, 35.1), NOW - timedelta(seconds=5), "A", "vehicle", ("fire",), 2,
        district="D1", squad="Q1", rested=60.0,
    )  # fmt: skip
    assert standing("P", {**row, "case": "1", "sub": "scene"}, known, 0, NOW).state == "scene"
    assert standing("P", {**row, "case": "1"}, known, 0, NOW).state == "way"
    stranger = standing("X", {"duty": "off_duty"}, None, 0, NOW)
    assert (stranger.registered, stranger.state, stranger.position, stranger.at, stranger.rested) == (
        False, "off", None, None, None,
    )  # fmt: skip


standings = st.builds(
    Standing,
    id=st.text("PQ-0123456789", min_size=1, max_size=5),
    state=st.sampled_from(["free", "way", "scene", "off"]),
    position=st.one_of(st.none(), st.builds(Position, st.floats(119, 120), st.floats(35, 36))),
    at=st.one_of(st.none(), st.integers(-60, 1000).map(lambda s: NOW - timedelta(seconds=s))),
    grid=st.sampled_from([None, "A", "B"]),
    kind=st.sampled_from(["person", "vehicle", "vessel"]),
    skills=st.sampled_from([(), ("fire",), ("boat", "fire")]),
    load=st.integers(0, 12),
    registered=st.booleans(),
    district=st.sampled_from(["", "D1", "D2"]),
    squad=st.sampled_from(["", "Q1", "Q2"]),
    rested=st.one_of(st.none(), st.floats(-5, 5000)),
)


@given(st.lists(standings), st.sampled_from([(), ("fire",), ("fire", "boat"), ("marine",)]), st.booleans())
def test_the_parts_add_up(river: Roads, patrols: list[Standing], skills: tuple[str, ...], by_road: bool) -> None:
    """Everyone is listed; the parts are the ones named, within their limits, and their sum is the points shown."""
    found = candidates(CASE, patrols, NOW, skills, "D1", river if by_road else None)
    assert sorted(one.patrol for one in found) == sorted(one.id for one in patrols)
    for one in found:
        assert list(one.parts) == list(POINTS)
        assert all(0 <= points <= POINTS[part] for part, points in one.parts.items())
        assert one.points == pytest.approx(sum(one.parts.values()), abs=1e-9)
    able = [one.points for one in found if not one.excluded]
    assert able == sorted(able, reverse=True)
    assert [one.excluded == "" for one in found] == sorted((one.excluded == "" for one in found), reverse=True)
