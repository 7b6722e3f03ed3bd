"""Who should go: the patrols ranked for one case by points that add up, each part named and shown.

A person decides; the list must therefore be checkable at a glance. Every part is rounded before it is added,
so that the parts on the screen add up to the total on the screen. Whoever cannot be sent stays on the list,
below, with the reason and with points: a supervisor may want to withdraw the busy patrol round the corner.

The first version: straight distance times a detour factor instead of roads, and weights that were chosen, not
learned.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Literal

import msgspec

from geo.places import Position, metres
from streams.model import Case

Reason = Literal["", "unregistered", "off_duty", "busy", "lost"]
Part = Literal["arrival", "in_grid", "free", "skill", "load", "position_age"]

POINTS: dict[Part, float] = {
    "arrival": 50.0, "in_grid": 15.0, "free": 10.0, "skill": 15.0, "load": 5.0, "position_age": 5.0,
}  # fmt: skip
"""The most that each part gives: 100 in all."""
DETOUR = 1.3
"""Roads are longer than the straight line; 1.3 is the usual factor for street networks."""
HALF_ARRIVAL_MINUTES = 10.0
"""An arrival in so many minutes gets half of its points."""
LOST_SECONDS = 180.0
"""Without a fix for so long a patrol is lost: nobody knows where it is."""
SPEEDS = {"person": 1.4, "vehicle": 8.0, "vessel": 5.0}
"""What a patrol is believed to do on average, in m/s: walking, a town's traffic, harbour speed."""
FULL_LOAD = 5
"""With so many cases today a patrol gets no points for its load."""


class Standing(msgspec.Struct, frozen=True):
    """A patrol as it stands now. `at`: time of its last fix; `load`: cases it was sent to today; `state`:
    free, on the way, on scene or off duty, as the feed says it."""

    id: str
    state: Literal["free", "way", "scene", "off"]
    position: Position | None = None
    at: datetime | None = None
    grid: str | None = None
    kind: Literal["person", "vehicle", "vessel"] = "person"
    skills: tuple[str, ...] = ()
    load: int = 0
    registered: bool = True


class Candidate(msgspec.Struct, frozen=True):
    """One patrol for one case. `parts` add up to `points` (0 to 100). `metres` straight, `minutes` to
    arrive: None when a place is not known. `excluded`: why it cannot be sent; "" when it can."""

    patrol: str
    points: float
    parts: dict[Part, float]
    metres: float | None
    minutes: float | None
    excluded: Reason = ""


def candidates(
    case: Case, patrols: Iterable[Standing], now: datetime, skills: Collection[str] = ()
) -> list[Candidate]:
    """The patrols for a case, best first: those that can be sent, then the excluded. `skills`: what its
    matter asks.

    Equal points are ordered by the time to arrive, then by id, so that the same input gives the same list.
    """
    place = None if case.lon is None or case.lat is None else Position(case.lon, case.lat)
    ranked = [_candidate(case, place, patrol, now, skills) for patrol in patrols]
    return sorted(ranked, key=_order)


def _order(one: Candidate) -> tuple[bool, float, float, str]:
    return one.excluded != "", -one.points, float("inf") if one.minutes is None else one.minutes, one.patrol


def _candidate(
    case: Case, place: Position | None, patrol: Standing, now: datetime, skills: Collection[str]
) -> Candidate:
    away = metres(patrol.position, place) if patrol.position is not None and place is not None else None
    minutes = None if away is None else away * DETOUR / SPEEDS[patrol.kind] / 60
    age = None if patrol.at is None else max(0.0, (now - patrol.at).total_seconds())
    shares: dict[Part, float] = {
        "arrival": 0.0 if minutes is None else HALF_ARRIVAL_MINUTES / (HALF_ARRIVAL_MINUTES + minutes),
        "in_grid": float(case.grid is not None and patrol.grid == case.grid),
        "free": float(patrol.state == "free"),
        "skill": sum(skill in patrol.skills for skill in skills) / len(skills) if skills else 1.0,
        "load": max(0.0, 1 - patrol.load / FULL_LOAD),
        "position_age": 0.0 if age is None else max(0.0, 1 - age / LOST_SECONDS),
    }
    parts = {part: round(POINTS[part] * share, 1) for part, share in shares.items()}
    return Candidate(patrol.id, round(sum(parts.values()), 1), parts, away, minutes, _excluded(patrol, age))


def _excluded(patrol: Standing, age: float | None) -> Reason:
    """Why a patrol cannot be sent: the reason that is hardest to mend comes first."""
    if not patrol.registered:
        return "unregistered"
    if patrol.state == "off":
        return "off_duty"
    if patrol.state != "free":
        return "busy"
    return "lost" if patrol.position is None or age is None or age > LOST_SECONDS else ""
