"""Tracks: what thinning keeps, speed, length and stays."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import inf
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.places import Position, metres
from geo.tracks import Fix, dwell, length, speed, thin

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
STEP = 1 / 111_195.08  # degrees of latitude in a metre
BUSES = Path(__file__).parents[2] / "../shared/data/tracks/liverpool_bus_route14.csv"


def fix(seconds: float, north: float, east: float = 0.0) -> Fix:
    """A fix so many seconds after the start, so many metres north and (nearly) east of the corner."""
    return Fix(START + timedelta(seconds=seconds), Position(119.2 + east * STEP, 34.8 + north * STEP))


tracks = st.lists(st.tuples(st.integers(0, 60), st.floats(-80, 80), st.floats(-80, 80)), min_size=1, max_size=60).map(
    lambda steps: [fix(sum(s[0] for s in steps[: n + 1]), s[1], s[2]) for n, s in enumerate(steps)]
)


def at_time(thinned: list[Fix], wanted: datetime) -> list[Position]:
    """Where the thinned track may be at a time: constant speed between the fixes around it."""
    places = [each.position for each in thinned if each.at == wanted]
    for a, b in pairwise(thinned):
        if a.at < wanted < b.at:
            share = (wanted - a.at) / (b.at - a.at)
            lon = a.position.lon + share * (b.position.lon - a.position.lon)
            places.append(Position(lon, a.position.lat + share * (b.position.lat - a.position.lat)))
    return places


@given(tracks, st.floats(1, 100))
def test_thinning_keeps_every_moment_within_the_tolerance(track: list[Fix], tolerance: float) -> None:
    """Fixes are kept untouched and in order, ends included, and no dropped one is farther off than
    allowed."""
    thinned = thin(track, tolerance, inf)
    assert (thinned[0], thinned[-1]) == (track[0], track[-1])
    left = iter(track)
    assert all(kept in left for kept in thinned)
    if len({each.at for each in track}) == len(track):  # at one time in two places there is no truth to keep
        for each in track:
            assert min(metres(each.position, place) for place in at_time(thinned, each.at)) <= tolerance + 1e-6


@given(tracks, st.integers(1, 300))
def test_thinning_is_never_silent_for_too_long(track: list[Fix], seconds: int) -> None:
    """Kept fixes are farther apart in time than asked only where the track itself had nothing between."""
    thinned = thin(track, 1e9, seconds)
    for a, b in pairwise(thinned):
        between = [each for each in track if a.at < each.at < b.at]
        assert (b.at - a.at).total_seconds() <= seconds or not between


def test_a_steady_walk_needs_two_fixes_and_a_stop_needs_more() -> None:
    """On a straight line at constant speed the ends are enough; a pause on that line is kept with its
    times."""
    steady = [fix(n, n * 1.5) for n in range(100)]
    assert thin(steady, 5, inf) == [steady[0], steady[-1]]
    paused = [
        *steady[:50],
        *(fix(n, 49 * 1.5) for n in range(50, 650)),
        *(fix(600 + n, n * 1.5) for n in range(50, 100)),
    ]
    times = [int((each.at - START).total_seconds()) for each in thin(paused, 5, inf)]
    assert len(times) == 4
    assert times[1] == pytest.approx(49, abs=4)
    assert times[2] == pytest.approx(649, abs=4)


def test_an_empty_track_stays_empty() -> None:
    """Nothing in, nothing out; and one fix is kept."""
    assert thin([], 5, 60) == []
    assert thin([fix(0, 0)], 5, 60) == [fix(0, 0)]
    assert dwell([], 5, 60) == []
    assert length([]) == 0


def test_speed() -> None:
    """Metres by seconds, the same backwards; two places at once are infinitely fast."""
    assert speed(fix(0, 0), fix(10, 150)) == pytest.approx(15, rel=1e-6)
    assert speed(fix(10, 150), fix(0, 0)) == pytest.approx(15, rel=1e-6)
    assert speed(fix(0, 0), fix(0, 1)) == inf
    assert speed(fix(0, 0), fix(0, 0)) == 0


def test_length_follows_the_way() -> None:
    """There and back counts twice."""
    assert length([fix(0, 0), fix(10, 100), fix(20, 0)]) == pytest.approx(200, rel=1e-6)


def test_stays_are_found_with_their_times() -> None:
    """Ten minutes at a corner are a stay; the walk before and after is not."""
    walk = [fix(n * 10, n * 15) for n in range(20)]
    corner = [fix(200 + n * 30, 300 + n % 3, n % 2) for n in range(21)]
    onward = [fix(840 + n * 10, 330 + n * 15) for n in range(20)]
    stays = dwell([*walk, *corner, *onward], radius=10, seconds=300)
    assert [(stay.start, stay.end, stay.fixes) for stay in stays] == [(corner[0].at, corner[-1].at, 21)]
    assert stays[0].seconds == 600
    assert metres(stays[0].position, corner[0].position) < 3


def test_a_short_halt_is_no_stay() -> None:
    """A red light is shorter than a stay."""
    assert dwell([fix(0, 0), fix(30, 1), fix(60, 0), fix(90, 500)], radius=10, seconds=300) == []


def test_real_buses_are_thinned_to_a_fraction() -> None:
    """An afternoon of real buses keeps its ends and true times, and loses most of its fixes within 30 m."""
    if not BUSES.exists():
        pytest.skip(f"the recorded buses are not here: {BUSES}")
    routes: dict[str, list[Fix]] = {}
    with BUSES.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            position = Position.checked(float(row["longitude"]), float(row["latitude"]))
            at = datetime.fromisoformat(row["timestamp"]).replace(tzinfo=UTC)
            routes.setdefault(row["vehicle_id"], []).append(Fix(at, position))
    assert len(routes) == 8
    for fixes in routes.values():
        fixes.sort(key=lambda each: each.at)
        thinned = thin(fixes, 30, 300)
        assert set(thinned) <= set(fixes)
        assert length(thinned) > 0.8 * length(fixes)
    assert sum(len(thin(fixes, 30, 300)) for fixes in routes.values()) < 0.8 * sum(map(len, routes.values()))
