"""How long things take, drawn from what the same matters really took on the archived day.

What is drawn hangs on the seed and on the event that opened the case, never on who was sent or on the settings: with
other settings the same happening meets the same luck, and two models differ by their settings alone. Durations are
seconds, paces metres a second.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

from streams.recommend import SPEEDS

Step = Literal["verify", "desk", "answer", "scene", "check", "decline"]
STEPS: tuple[Step, ...] = ("verify", "desk", "answer", "scene", "check", "decline")
ASSUMED: Mapping[Step, float] = {
    "verify": 75.0, "desk": 60.0, "answer": 30.0, "scene": 1500.0, "check": 300.0, "decline": 30.0,
}  # fmt: skip
"""What a step takes where the day has no case that shows it, seconds."""
ENOUGH = 3
"""A matter of which the day has fewer such steps borrows from those of all matters."""
ENOUGH_TRIPS = 5


@dataclass(frozen=True)
class Chances:
    """What the day showed. `took`: step -> matter -> sorted seconds, under "" those of all matters; `paces`: kind of
    patrol -> sorted metres a second along the roads; `declined`: the share of sendings that were declined."""

    took: Mapping[Step, Mapping[str, Sequence[float]]]
    paces: Mapping[str, Sequence[float]]
    declined: float

    @classmethod
    def of(
        cls, took: Iterable[tuple[Step, str, float]], paces: Iterable[tuple[str, float]], sent: int, declined: int
    ) -> Chances:
        """From the observed steps (step, matter, seconds) and trips (kind, m/s) of a day."""
        steps: dict[Step, dict[str, list[float]]] = {step: {"": []} for step in STEPS}
        for step, matter, seconds in took:
            steps[step][""].append(seconds)
            steps[step].setdefault(matter, []).append(seconds)
        speeds: dict[str, list[float]] = {}
        for kind, speed in paces:
            speeds.setdefault(kind, []).append(speed)
        return cls(
            {step: {matter: sorted(each) for matter, each in by.items()} for step, by in steps.items()},
            {kind: sorted(each) for kind, each in speeds.items()},
            declined / sent if sent else 0.0,
        )  # fmt: skip

    def seconds(self, step: Step, matter: str, share: float) -> float:
        """What takes `share` (0 to 1) of the cases no longer than this."""
        seen = self.took[step].get(matter, ())
        if len(seen) < ENOUGH:
            seen = self.took[step][""]
        return seen[int(share * len(seen))] if seen else ASSUMED[step]

    def pace(self, kind: str, share: float) -> float:
        """Metres a second along the roads."""
        seen = self.paces.get(kind, ())
        return seen[int(share * len(seen))] if len(seen) >= ENOUGH_TRIPS else SPEEDS.get(kind, SPEEDS["person"])

    @property
    def assumed(self) -> tuple[str, ...]:
        """The steps that the day does not show, so that a fixed value stands for them."""
        return tuple(step for step in STEPS[:-1] if not self.took[step][""])


@dataclass(frozen=True)
class Luck:
    """The shares that one happening draws, in the order of the steps."""

    verify: float
    desk: float
    answer: float
    scene: float
    check: float
    pace: float
    name: str

    @classmethod
    def of(cls, seed: int, event: str) -> Luck:
        """The luck of the event that opened a case."""
        rng = Random(f"{seed}:{event}")
        verify, desk, answer, scene, check, pace = (rng.random() for _ in range(6))
        return cls(verify, desk, answer, scene, check, pace, f"{seed}:{event}")

    def declines(self, attempt: int) -> tuple[float, float]:
        """For the nth sending: a share to compare with the day's, and one for how long the answer takes."""
        rng = Random(f"{self.name}:decline:{attempt}")
        return rng.random(), rng.random()
