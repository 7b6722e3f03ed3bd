"""The officers of a simulated town: on shift they walk their beat along the roads, and answer the tasks they are sent.

Those who come for a department also visit the cases to which it was called; that they check in by standing there is
the centre's to notice, and when the work is done the department says so.

An officer is woken every 5 s, unless told otherwise, and says where it is. Its beat is a walk from corner to corner
inside its district without turning back; a task takes it along the shortest way to the place. Vessels have no roads:
they sail from point to point.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import atan2, degrees, hypot
from random import Random

from geo.planes import XY, Plane
from geo.roads import Roads
from streams.model import Patrol
from streams.simulated_day import Day, Said, Woken, weighted
from streams.simulated_picture import ADDRESS

EVERY_S = 5.0
NOISE_M = 2.5
TOP_SPEED = 40.0
"""Metres a second that a fast simulation may show: above 60 the centre takes a fix for an error."""

SHIFTS: Mapping[tuple[int, int], float] = {
    (8, 18): 47, (7, 20): 12, (6, 14): 8, (14, 22): 8, (20, 8): 17, (0, 24): 8,
}  # fmt: skip
"""From which local hour to which, and how many of 100 officers: about 75 by day, 25 by night."""

DECLINED = ("正在处理另一起事件，走不开", "车辆故障，无法前往", "距离太远，请改派")
HANDLED = (
    "已到场处置完毕，现场恢复正常", "已劝离并清理现场，拍照留存", "已联系当事人当场整改",
    "已移交责任单位，现场设置警示", "核实无异常，已告知周边住户", "已组织保洁清运，路面恢复通行",
)  # fmt: skip


VISITS = (300.0, 900.0)
AGAIN_S = (60.0, 180.0)


@dataclass
class _Task:
    """`visit`: it is there for its department, whose part this is."""

    dispatch: str
    case: str
    place: XY | None
    stage: str = "acknowledge"
    due: float = 0.0
    visit: bool = False


class Officer:
    """One patrol. `beat`: the corners it may walk; `sail`: the next point of a vessel, instead of roads; `every`: how
    often it says where it is, in seconds."""

    def __init__(
        self,
        patrol: Patrol,
        roads: Roads,
        beat: Sequence[int],
        rng: Random,
        day: Day,
        *,
        pace: float = 1.0,
        every: float = EVERY_S,
        sail: Callable[[Random, XY], XY] | None = None,
    ) -> None:
        self.patrol = patrol
        self._every = every
        self._roads, self._beat, self._rng, self._day, self._sail = roads, frozenset(beat), rng, day, sail
        self._shift = weighted(rng, SHIFTS)
        self._offset = rng.random() * 1.8
        riding = rng.random() < 0.6
        self._speed = {"vehicle": 10.0, "vessel": 6.0}.get(patrol.kind, 5.0 if riding else 1.3)
        self._fast = max(self._speed, 5.0)  # nobody walks to a task: there is an e-bike at the station
        self._pace = min(1.0, TOP_SPEED / (self._fast * pace))
        self._corner = rng.choice(sorted(beat))
        self._before = -1
        self._at: XY = roads.corners[self._corner] if sail is None else sail(rng, (0.0, 0.0))
        self._way: deque[XY] = deque()
        self._course = rng.random() * 360
        self._moved = 0.0
        self._rest = 0.0
        self._battery = rng.uniform(60, 100)
        self._task: _Task | None = None
        self._last: _Task | None = None
        self._waiting: deque[_Task] = deque()
        self._known: set[str] = set()
        self._on_duty: bool | None = None
        self._by_hand = False

    @property
    def working(self) -> bool:
        """Whether it is on duty."""
        return bool(self._on_duty)

    @property
    def idle(self) -> bool:
        """Whether it is on duty and has nothing to do."""
        return self.working and self._task is None

    def play_by_hand(self) -> None:
        """Walk around the clock, off duty until the person who plays this one says otherwise."""
        self._shift, self._by_hand = (0, 24), True

    def wake(self, now: float) -> Woken:
        """Move on and say where it is; off duty, sleep until the shift begins."""
        said: list[Said] = []
        working = self._in_shift(now) or self._task is not None
        if working != self._on_duty:
            self._on_duty = working
            on = working and not self._by_hand
            state = {"state": "on_duty" if on else "off_duty", "battery": round(self._battery)}
            said.append(Said(self._offset if now == 0 else 0.0, "status", self.patrol.id, state))
        if not working:
            return Woken(said, 60.0 - now % 60.0 + self._offset)
        if now == 0:  # the first fix of each comes within 2 s, then they stay spread over their 5 s
            return Woken(said, self._offset)
        said += self._work(now)
        self._move()
        said.append(Said(0.0, "position", self.patrol.id, self._fix()))
        return Woken(said, self._every)

    def assign(
        self, now: float, dispatch: str, case: str, place: XY | None, *, again: bool = False
    ) -> list[Said]:
        """A task came: it is answered in order, later; one known already is not answered twice. `again`: it had been
        taken on before a restart."""
        if dispatch in self._known:
            return []
        self._known.add(dispatch)
        away = self._task is not None and self._task.visit
        unwilling = self._rng.random() < 0.05 and not self._stands_at(place)
        if not again and (not self._on_duty or away or unwilling):
            text = self._rng.choice(DECLINED) if self._on_duty else "已下班，请改派"
            return [self._answer(dispatch, case, "decline", text, self._rng.uniform(5, 30))]
        task = _Task(dispatch, case, place)
        if self._task is None:
            self._begin(task, now)
        else:
            self._waiting.append(task)
        return []

    def _stands_at(self, place: XY | None) -> bool:
        """Whether it is there already: the centre notices that, so it cannot well decline."""
        return place is not None and hypot(place[0] - self._at[0], place[1] - self._at[1]) < 100

    def withdraw(self, now: float, dispatch: str) -> None:
        """Drop the task, wherever it stands, and go back to the beat."""
        self._known.add(dispatch)
        self._waiting = deque(task for task in self._waiting if task.dispatch != dispatch)
        if self._task and self._task.dispatch == dispatch:
            self._end(now)

    def refused(self, now: float, dispatch: str, error: str) -> None:
        """Its result was not taken, since departments were called that are not done: it waits at the case, and says it
        again. Whatever else is refused is over for it."""
        task = self._last
        if error == "tasks_open" and task is not None and task.dispatch == dispatch and self._task is None:
            task.due = now + self._rng.uniform(*AGAIN_S)
            self._way.clear()
            self._task = task

    def visit(self, now: float, case: str, place: XY) -> None:
        """Go to a case to which its department was called, if nothing else is to do."""
        if self.idle:
            self._begin(_Task("", case, place, "depart", visit=True), now)

    def visits(self, case: str) -> bool:
        """Whether it is there, or on the way, for its department."""
        return self._task is not None and self._task.visit and self._task.case == case

    def leave(self, now: float) -> None:
        """Its department is needed no longer."""
        if self._task is not None and self._task.visit:
            self._end(now)

    def _in_shift(self, now: float) -> bool:
        begin, end = self._shift
        hour = self._day.hour(now)
        return begin <= hour < end if begin < end else hour >= begin or hour < end

    def _begin(self, task: _Task, now: float) -> None:
        task.due = now + self._rng.uniform(5, 40)
        self._task = task

    def _end(self, now: float) -> None:
        self._task = None
        self._way.clear()
        if self._sail is None:
            self._home()
        if self._waiting:
            self._begin(self._waiting.popleft(), now)

    def _home(self) -> None:
        """Back to the road, and along it to the nearest corner of the beat."""
        x, y = self._at
        corners = self._roads.corners
        here = self._roads.nearest(x, y)
        near = sorted(self._beat, key=lambda corner: hypot(corners[corner][0] - x, corners[corner][1] - y))
        goal = here if here in self._beat else near[0]
        self._way.extend(corners[corner] for corner in self._roads.route(here, goal) or [goal])
        self._corner, self._before = goal, -1

    def _work(self, now: float) -> list[Said]:
        """The next step of the task when it is due: acknowledge, depart, (go), arrive, handle."""
        task = self._task
        if task is None or now < task.due or (task.stage == "arrive" and self._way):
            return []
        stage, text = task.stage, ""
        if stage == "acknowledge":
            task.stage, task.due = "depart", now + self._rng.uniform(3, 20)
        elif stage == "depart":
            task.stage = "arrive"
            self._go(task.place)
        elif stage == "arrive":
            task.stage, task.due = "handle", now + self._rng.uniform(*(VISITS if task.visit else (120, 480)))
        else:
            text = self._rng.choice(HANDLED)
            self._last = task
            self._end(now)
        if task.visit:
            return [self._finished(task, text)] if stage == "handle" else []
        return [self._answer(task.dispatch, task.case, stage, text)]

    def _answer(self, dispatch: str, case: str, act: str, text: str = "", after: float = 0.0) -> Said:
        body = {"dispatch": dispatch, "case": case, "act": act, "text": text}
        if act == "handle":
            body["image"] = ADDRESS
        return Said(after, "reply", self.patrol.id, body)

    def _finished(self, task: _Task, text: str) -> Said:
        """The department speaks for its part, not its car."""
        body = {"dispatch": "", "case": task.case, "act": "finish", "text": text}
        return Said(0.0, "reply", self.patrol.department, body)

    def _go(self, place: XY | None) -> None:
        self._way.clear()
        if place is None:
            return
        if self._sail is None:
            goal = self._roads.nearest(*place)
            way = self._roads.route(self._roads.nearest(*self._at), goal) or []
            self._way.extend(self._roads.corners[corner] for corner in way)
        self._way.append(place)

    def _move(self) -> None:
        left = (self._fast if self._task else self._speed) * self._every * self._pace
        standing = self._task is not None and self._task.stage != "arrive"
        self._rest -= self._every
        start = self._at
        while left > 0 and not standing and self._rest <= 0:
            if not self._way:
                if self._task:
                    break
                self._stroll()
            (x, y), (tx, ty) = self._at, self._way[0]
            length = hypot(tx - x, ty - y)
            if length > 0:
                self._course = degrees(atan2(tx - x, ty - y)) % 360
            if length > left:
                self._at = (x + (tx - x) * left / length, y + (ty - y) * left / length)
                break
            left -= length
            self._at = self._way.popleft()
        self._moved = hypot(self._at[0] - start[0], self._at[1] - start[1])
        self._battery = max(5.0, self._battery - 0.0008)

    def _stroll(self) -> None:
        """The next corner of the beat, not the one it came from if there is another; sometimes stand a while."""
        if self._sail is not None:
            self._way.append(self._sail(self._rng, self._at))
            return
        near = [corner for corner, _ in self._roads.ways[self._corner]]
        mine = [corner for corner in near if corner in self._beat and corner != self._before]
        onward = mine or [self._before if self._before in near else near[0]]
        self._before, self._corner = self._corner, self._rng.choice(onward)
        self._way.append(self._roads.corners[self._corner])
        if self._rng.random() < 0.04:
            self._rest = self._rng.uniform(30, 120)

    def _fix(self) -> dict[str, object]:
        plane: Plane = self._roads.plane
        x, y = self._at
        gauss = self._rng.gauss
        lon, lat = plane.degrees(x + gauss(0, NOISE_M), y + gauss(0, NOISE_M))
        still = self._moved < 1
        return {
            "lon": round(lon, 6),
            "lat": round(lat, 6),
            "accuracy": round(3 + abs(gauss(0, 3)), 1),
            "speed": 0.0 if still else round(self._moved / self._every / self._pace * (1 + gauss(0, 0.05)), 1),
            "course": round((self._course + (0 if still else gauss(0, 4))) % 360, 1),
            "battery": round(self._battery),
        }
