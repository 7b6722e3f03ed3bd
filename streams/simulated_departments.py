"""The departments of a simulated town: called by the whistle they come, work, and say when they are done.

A department that has a car on duty sends it, and the car checks in by standing there; one that has none comes by itself
and says so. A case dispatched to a department as a whole is answered like a patrol would. Each has its own generator.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import NamedTuple

from geo.planes import XY
from streams.simulated_day import Said, Woken
from streams.simulated_patrols import HANDLED, Officer
from streams.simulated_picture import ADDRESS

EVERY_S = 15.0
COMES, WORKS, ANSWERS = (600.0, 3000.0), (300.0, 1500.0), (20.0, 180.0)
DONE = ("已配合处置完毕", "已现场核查并出具意见", "已移交台账，现场无异常", "已责令整改并登记")


class _Due(NamedTuple):
    at: float
    case: str
    dispatch: str
    act: str


class Department:
    """One department. `cars`: those of its patrols that go by road."""

    def __init__(self, code: str, cars: Sequence[Officer], rng: Random) -> None:
        self._code, self._cars, self._rng = code, cars, rng
        self._due: list[_Due] = []
        self._known: set[str] = set()

    def wake(self, now: float) -> Woken:
        """Say what is due by now."""
        due = sorted(each for each in self._due if each.at <= now)
        self._due = [each for each in self._due if each.at > now]
        return Woken([self._answer(each) for each in due], EVERY_S)

    def call(self, now: float, case: str, place: XY | None) -> None:
        """The whistle: a car that is free goes, else somebody comes without one. Once for each case at a time."""
        if any(each.case == case for each in self._due) or any(car.visits(case) for car in self._cars):
            return
        car = next((car for car in self._cars if car.idle), None)
        if car is not None and place is not None:
            car.visit(now, case, place)
            return
        there = now + self._rng.uniform(*COMES)
        done = there + self._rng.uniform(*WORKS)
        self._due += [_Due(there, case, "", "check_in"), _Due(done, case, "", "finish")]

    def dismiss(self, now: float, case: str) -> None:
        """It need not come, or is needed no longer."""
        self._due = [each for each in self._due if each.case != case or each.dispatch]
        for car in self._cars:
            if car.visits(case):
                car.leave(now)

    def assign(self, now: float, dispatch: str, case: str) -> None:
        """The whole case is theirs; one known already is not begun twice."""
        if dispatch in self._known:
            return
        self._known.add(dispatch)
        for act, span in (("acknowledge", ANSWERS), ("depart", ANSWERS), ("arrive", COMES), ("handle", WORKS)):
            now += self._rng.uniform(*span)
            self._due.append(_Due(now, case, dispatch, act))

    def withdraw(self, dispatch: str) -> None:
        """Somebody else does it."""
        self._known.add(dispatch)
        self._due = [each for each in self._due if each.dispatch != dispatch]

    def _answer(self, due: _Due) -> Said:
        text = {"finish": DONE, "handle": HANDLED}.get(due.act, ("",))
        body = {"dispatch": due.dispatch, "case": due.case, "act": due.act, "text": self._rng.choice(text)}
        if due.act == "handle":
            body["image"] = ADDRESS
        return Said(0.0, "reply", self._code, body)
