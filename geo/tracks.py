"""Tracks: where something was and when; made lighter, measured, and searched for stays.

A track is a sequence of fixes in the order of their times. A lighter track keeps some of its fixes as they
are, true times included, and never invents one: whoever replays it sees each vehicle where it really was at
that moment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from math import inf

import geo.places
from geo.places import Position


@dataclass(frozen=True, slots=True)
class Fix:
    """One position at one time (aware)."""

    at: datetime
    position: Position


@dataclass(frozen=True, slots=True)
class Stay:
    """A time spent in one place: the mean position, from when to when, and how many fixes say so."""

    position: Position
    start: datetime
    end: datetime
    fixes: int

    @property
    def seconds(self) -> float:
        """How long it lasted."""
        return (self.end - self.start).total_seconds()


def speed(a: Fix, b: Fix) -> float:
    """Mean speed between two fixes in m/s, whichever came first; infinite for two places at one time."""
    gone, took = geo.places.metres(a.position, b.position), abs((b.at - a.at).total_seconds())
    if took == 0.0:
        return inf if gone > 0.0 else 0.0
    return gone / took


def length(fixes: Sequence[Fix]) -> float:
    """The way from fix to fix in metres."""
    return sum(geo.places.metres(a.position, b.position) for a, b in pairwise(fixes))


def thin(fixes: Sequence[Fix], metres: float, seconds: float) -> list[Fix]:
    """The fixes needed to know every dropped one within `metres`, and never silent for longer than `seconds`.

    Who moves from one kept fix to the next at constant speed is at the time of each dropped fix at most
    `metres` away from it (Douglas-Peucker in space and time, so a stop is kept although it lies on the line).
    Kept fixes are at most `seconds` apart wherever the track had fixes to keep. First and last are kept;
    times ascend in and out.
    """
    kept = _corners(fixes, metres)
    thinned: list[Fix] = []
    for n, fix in enumerate(fixes):
        late = thinned and n + 1 < len(fixes) and (fixes[n + 1].at - thinned[-1].at).total_seconds() > seconds
        if n in kept or late:
            thinned.append(fix)
    return thinned


def dwell(fixes: Sequence[Fix], radius: float, seconds: float) -> list[Stay]:
    """The stays: all fixes of one lie within `radius` metres of its first, and it lasts at least
    `seconds`."""
    stays: list[Stay] = []
    first = 0
    while first < len(fixes):
        after = first + 1
        while after < len(fixes) and geo.places.metres(fixes[first].position, fixes[after].position) <= radius:
            after += 1
        if (fixes[after - 1].at - fixes[first].at).total_seconds() >= seconds and after - first > 1:
            stays.append(_stay(fixes[first:after]))
            first = after
        else:
            first += 1
    return stays


def _stay(fixes: Sequence[Fix]) -> Stay:
    lon = sum(fix.position.lon for fix in fixes) / len(fixes)
    lat = sum(fix.position.lat for fix in fixes) / len(fixes)
    return Stay(Position(lon, lat), fixes[0].at, fixes[-1].at, len(fixes))


def _corners(fixes: Sequence[Fix], metres: float) -> set[int]:
    """Which fixes Douglas-Peucker keeps; a stack of ranges instead of recursion, since a day has thousands of
    fixes."""
    kept = {0, len(fixes) - 1}
    ranges = [(0, len(fixes) - 1)]
    while ranges:
        first, last = ranges.pop()
        astray = [(_astray(fixes[first], fixes[n], fixes[last]), n) for n in range(first + 1, last)]
        far, corner = max(astray, default=(0.0, first))
        if far > metres:
            kept.add(corner)
            ranges += [(first, corner), (corner, last)]
    return kept


def _astray(a: Fix, fix: Fix, b: Fix) -> float:
    """How many metres `fix` is from where constant speed from a to b would be at its time."""
    whole = (b.at - a.at).total_seconds()
    share = (fix.at - a.at).total_seconds() / whole if whole else 0.0
    lon = a.position.lon + share * (b.position.lon - a.position.lon)
    lat = a.position.lat + share * (b.position.lat - a.position.lat)
    return geo.places.metres(fix.position, Position(lon, lat))
