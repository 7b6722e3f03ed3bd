"""What the fences see of a patrol, what they remember of it between two looks, and what they say.

The memory is one short text in the patrol's hash: only what is not as usual stands in it.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from geo.fences import Direction
from streams.matters import FenceRule


class Sight(msgspec.Struct, frozen=True, array_like=True):
    """A patrol's last believed fix (`at` epoch milliseconds, WGS 84 degrees, `accuracy` metres or -1 for not said),
    what it is doing (`duty`, `case`, `sub`: `scene` on scene), and what the fences remember, as text."""

    id: str
    at: int
    lon: float
    lat: float
    accuracy: float = -1.0
    duty: str = ""
    case: str = ""
    sub: str = ""
    memory: str = ""


class Said(msgspec.Struct, frozen=True, omit_defaults=True):
    """One sentence about a patrol, to be recorded as an alert: the first (`new`) or last (`end`) of its episode.
    `metres`: how far beyond the fence; `border` and `direction` of a crossing."""

    rule: FenceRule
    name: str
    phase: Literal["new", "end"]
    at: int
    lon: float
    lat: float
    metres: float = 0.0
    border: str = ""
    direction: Direction | None = None


class Outing(msgspec.Struct, frozen=True, omit_defaults=True):
    """Outside its district since a fix (or, with an episode `raised`, back since a fix); 0: neither."""

    since: int = 0
    raised: str = ""


class Rest(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a patrol has been since a fix. `away`: the first fix beyond, which one more confirms."""

    lon: float
    lat: float
    accuracy: float
    since: int
    away: int = 0
    raised: str = ""


class Crossing(msgspec.Struct, frozen=True, omit_defaults=True):
    """The settled side of a border (1 inside, -1 outside, 0 not beside it), the one it may be on since a fix (`to`),
    and the side it came from when its crossing was raised (`home`)."""

    side: int = 0
    to: int = 0
    since: int = 0
    home: int = 0
    raised: str = ""


class Memory(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is remembered of one patrol. `at`: its last fix (to 10 minutes); `sent`: its last fix with a case; `say`:
    what was decided and may not have been recorded yet."""

    at: int = 0
    sent: int = 0
    outing: Outing | None = None
    rest: Rest | None = None
    borders: dict[str, Crossing] = {}
    say: tuple[Said, ...] = ()
