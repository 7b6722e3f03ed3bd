"""Patrols of a played day: who is free, where, and how far it is when one is sent.

Time is seconds, from whatever beginning its caller chose; `moment` makes an instant of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from math import inf

from geo.places import Position
from geo.roads import Roads
from streams.model import Case, Patrol
from streams.recommend import Roster, Standing, Wanted

Whereabouts = Callable[[float, Position | None, float], Position | None]
"""Where an idle patrol is: now, the place of its last case (None: it had none) and since when it is free -> a place."""


@dataclass
class Crew:
    """One patrol. `freed`: since when it is free again; `load`: cases it was sent to; `grid`: unknown to the model."""

    patrol: Patrol
    on_duty: Callable[[float], bool]
    idle: Whereabouts
    busy: bool = False
    freed: float = -inf
    last: Position | None = None
    load: int = 0

    def where(self, now: float) -> Position | None:
        """Where it is while it is free."""
        return self.idle(now, self.last, self.freed)


@dataclass(frozen=True)
class Way:
    """The way of a patrol to its case, metres, and which share of the asked skills it has."""

    metres: float
    skill: float


class Crews:
    """Everybody. `moment`: seconds -> an aware instant."""

    def __init__(self, crews: Mapping[str, Crew], roads: Roads | None, moment: Callable[[float], datetime]) -> None:
        self._crews, self._roads, self._moment = crews, roads, moment

    def __getitem__(self, name: str) -> Crew:
        return self._crews[name]

    def free(self, now: float) -> list[Standing]:
        """Who is on duty, on no case, and somewhere."""
        found = []
        for name, one in self._crews.items():
            if one.busy or not one.on_duty(now) or (place := one.where(now)) is None:
                continue
            who = one.patrol
            rested = now - one.freed if one.load else None
            found.append(
                Standing(name, "free", place, self._moment(now), None, who.kind, who.skills, one.load, True,
                         who.district, who.squad, rested)
            )  # fmt: skip
        return found

    def send(self, name: str, now: float, wanted: Wanted) -> Way:
        """It goes: busy until `release`."""
        one = self._crews[name]
        standing = Standing(name, "free", one.where(now), self._moment(now), kind=one.patrol.kind,
                            skills=one.patrol.skills)  # fmt: skip
        roster = Roster([standing], self._moment(now))
        found = Way(float(roster.ways([wanted], self._roads).metres[0, 0]), float(roster.skill(wanted)[0]))
        one.busy, one.load = True, one.load + 1
        return found

    def release(self, name: str, now: float, case: Case | None = None) -> None:
        """It is free again, at the place of the case it was at; without one it was called back and never went."""
        one = self._crews[name]
        one.busy = False
        if case is None:
            one.load -= 1
        else:
            one.freed, one.last = now, Position(case.lon or 0.0, case.lat or 0.0)
