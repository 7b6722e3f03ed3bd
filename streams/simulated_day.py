"""The rhythm of a simulated day: when things happen, and how a person or device says them.

Simulated time is seconds since the town was started; an actor is woken at its own time and says what it has to say, now
or after some seconds. Nothing here asks a clock: the day begins where it is told to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import NamedTuple, Protocol, TypeVar

HOURS = (2, 1, 1, 1, 1, 3, 9, 20, 34, 37, 33, 23, 11, 14, 28, 30, 26, 22, 17, 13, 9, 5, 3, 2)
"""How many cases come in in each hour of an ordinary day: a peak at 9, a lunch break, a second peak at 15."""

DAY_S = 86_400.0
T = TypeVar("T")


class Said(NamedTuple):
    """A message, `after` seconds from when its actor was woken. `body` lacks only its id and time."""

    after: float
    kind: str
    name: str
    body: Mapping[str, object]


class Woken(NamedTuple):
    """What an actor says, in how many seconds it wants to be woken again (None: never), and who else lives from now."""

    said: Sequence[Said]
    again: float | None
    joined: Sequence[Actor] = ()


class Actor(Protocol):
    """A person or device of the town; `wake` is given the simulated time in seconds."""

    def wake(self, now: float) -> Woken: ...


@dataclass(frozen=True)
class Day:
    """The local time of day. `start`: the aware local moment of simulated time 0."""

    start: datetime

    def hour(self, now: float) -> float:
        """Hours since local midnight, 0 <= hour < 24."""
        moment = self.start + timedelta(seconds=now)
        return moment.hour + moment.minute / 60 + moment.second / 3600

    def busy(self, now: float, night: float = 0.0) -> float:
        """How busy this hour is against the mean of the day; `night`: the share spread evenly over the day."""
        return night + (1 - night) * HOURS[int(self.hour(now))] * len(HOURS) / sum(HOURS)

    def wait(self, rng: Random, now: float, per_day: float, night: float = 0.0) -> float:
        """Seconds to the next of `per_day` happenings that follow the rhythm (a Poisson process, thinned)."""
        peak = max(HOURS) * len(HOURS) / sum(HOURS)
        moment = now
        while True:
            moment += rng.expovariate(per_day * peak / DAY_S)
            if rng.random() * peak < self.busy(moment, night):
                return moment - now


def weighted(rng: Random, choices: Mapping[T, float]) -> T:
    """One of `choices`, as likely as its weight."""
    return rng.choices(list(choices), list(choices.values()))[0]
