"""Who should go: the ranking is explained by parts that add up, and nobody vanishes from the list."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.places import Position
from streams.model import Case, State
from streams.recommend import POINTS, Standing, candidates

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
    """About 91 m at 1.4 m/s with a detour of 1.3 is 1.41 minutes."""
    (found,) = candidates(CASE, [patrol()], NOW)
    assert found.metres == pytest.approx(91.0, abs=0.5)
    assert found.minutes == pytest.approx(91.0 * 1.3 / 1.4 / 60, abs=0.01)


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
        ({}, {"grid": "B"}, "in_grid"),
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
    ],
)
def test_who_cannot_be_sent_is_told_why_and_stands_last(more: dict[str, Any], reason: str) -> None:
    """However near, an excluded patrol comes after everyone who can be sent, with the reason."""
    found = candidates(CASE, [patrol("out", **more), patrol("in", position=FAR, grid="B", load=5)], NOW)
    assert [(one.patrol, one.excluded) for one in found] == [("in", ""), ("out", reason)]


def test_a_case_without_a_place_still_has_candidates() -> None:
    """Nobody knows how far it is, and the list says so instead of guessing."""
    nowhere = Case("2", State.ACCEPTED, 3, "other", 3, "resident", 0)
    (found,) = candidates(nowhere, [patrol()], NOW)
    assert (found.metres, found.minutes, found.parts["arrival"], found.parts["in_grid"]) == (None, None, 0.0, 0.0)
    assert found.excluded == ""


def test_equal_patrols_are_ordered_by_name() -> None:
    """The same input gives the same list, whatever its order."""
    both = [patrol("P-02"), patrol("P-01")]
    assert candidates(CASE, both, NOW) == candidates(CASE, both[::-1], NOW)


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
)


@given(st.lists(standings), st.sampled_from([(), ("fire",), ("fire", "boat")]))
def test_the_parts_add_up(patrols: list[Standing], skills: tuple[str, ...]) -> None:
    """Everyone is listed; the parts are the ones named, within their limits, and their sum is the points shown."""
    found = candidates(CASE, patrols, NOW, skills)
    assert sorted(one.patrol for one in found) == sorted(one.id for one in patrols)
    for one in found:
        assert list(one.parts) == list(POINTS)
        assert all(0 <= points <= POINTS[part] for part, points in one.parts.items())
        assert one.points == pytest.approx(sum(one.parts.values()), abs=1e-9)
    able = [one.points for one in found if not one.excluded]
    assert able == sorted(able, reverse=True)
    assert [one.excluded == "" for one in found] == sorted((one.excluded == "" for one in found), reverse=True)
