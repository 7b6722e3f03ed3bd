"""The people at the desk of a simulated centre: they verify, merge, accept, send, whistle, check, close and rate.

They come in by the same door as people (`Door`): over HTTP with a token of their own against a running centre, by
`acts.do` in a day that is played in one process. Nothing they do is allowed to them that a person may not do.

What is done next with a case is decided by rules that see only the case as it is shown (`Deskwork.wish`) and by chance
drawn from the seed and the number of the case, so that it does not matter who takes it up, or when. Everybody does one
thing at a time and takes some seconds for it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any, NamedTuple, Protocol

from geo.places import Position, metres
from streams import acts
from streams.acts import Asked
from streams.codec import local_day, millis
from streams.desk import Desk
from streams.errors import ActRefused, Refused
from streams.matters import OTHER, Matters
from streams.model import Case, State
from streams.sending import ranked
from streams.simulated_picture import ADDRESS
from streams.workflow import SENT, UNSENT

NONSENSE, SUSPENDED, EXTENDED, REWORKED, REOPENED, APPROVED = 0.05, 0.03, 0.03, 0.05, 0.01, 0.8
WHISTLED = 0.3
"""So many of the ordinary matters with helpers need them; urgent ones always do."""
DOUBLE_M, DOUBLE_MS = 150.0, 2 * 3600_000
MINUTE = 60_000
TAKES = (12.0, 45.0)
"""Seconds for one act."""
CLEARER = ("street_furniture", "service_complaint", "road_dirty", "dispute")
"""What a report that named no known category turns out to be."""

log = logging.getLogger(__name__)


class Wish(NamedTuple):
    """An act on a case, with what it needs (fields of `acts.Asked`)."""

    case: Case
    name: str
    given: Mapping[str, Any]


class Door(Protocol):
    """How the crew reaches the centre."""

    def cases(self) -> list[Case]:
        """The open cases, and those that wait for their rating."""

    def best(self, case: Case) -> str:
        """The patrol that should go; "" when nobody can."""

    def act(self, by: str, role: str, wish: Wish, request: str) -> str:
        """Do it; "" when it is done, else why not."""


@dataclass(frozen=True)
class DeskDoor:
    """In one process with the centre."""

    desk: Desk

    def cases(self) -> list[Case]:
        """See `Door`."""
        queue, tz = self.desk.queue, self.desk.calendar.tz
        closed = queue.closed_on(local_day(self.desk.now(), tz))
        return queue.open_cases() + [case for case in closed if case.state is State.CLOSED]

    def best(self, case: Case) -> str:
        """See `Door`."""
        return best(self.desk, case)

    def act(self, by: str, role: str, wish: Wish, request: str) -> str:
        """See `Door`."""
        asked = Asked(
            no=wish.case.no, name=wish.name, by=by, role=role, seen=wish.case.version, request=request, **wish.given
        )
        try:
            acts.do(self.desk, asked, self.desk.now())
        except (ActRefused, Refused) as refused:
            return str(refused)
        return ""


def best(desk: Desk, case: Case) -> str:
    """The first of the list of candidates; "" when nobody can go."""
    return next((one.patrol for one in ranked(desk, case, desk.now()) if not one.excluded), "")


@dataclass(frozen=True)
class Deskwork:
    """What there is to do with a case. `somewhere`: lon, lat of a place of the town, for a report that named none."""

    matters: Matters
    seed: int
    somewhere: Callable[[Random], tuple[float, float]]
    best: Callable[[Case], str]

    def wish(self, case: Case, role: str, others: Sequence[Case], now: datetime) -> Wish | None:
        """What somebody in this role does next with the case; None: nothing yet."""
        at = millis(now)
        if role != "operator":
            return self._decides(case, role, at, now)
        if case.request is not None:
            return None
        if case.state in (State.REPORTED, State.VERIFIED):
            return self._triages(case, others)
        if case.state is State.ACCEPTED:
            return self._sends(case, at)
        if case.state in SENT:
            return self._follows(case, at)
        return self._checks(case) if case.state is State.HANDLED else None

    def _chance(self, case: Case, what: str, by: object = "") -> Random:
        return Random(f"{self.seed}:{case.no}:{what}:{by}")

    def _asks(self, case: Case, wanted: str, share: float, text: str, **given: Any) -> Wish | None:
        """Ask for a side exit, unless it was refused just now."""
        if case.act == "refuse" or self._chance(case, wanted).random() >= share:
            return None
        return Wish(case, "ask", {"wanted": wanted, "text": text, **given})

    def _triages(self, case: Case, others: Sequence[Case]) -> Wish:
        twin = double(case, others)
        if twin is not None:
            return Wish(case, "merge", {"into": twin.no})
        if case.state is State.VERIFIED and case.grid:
            return Wish(case, "accept", {})
        if case.state is State.REPORTED and case.origin == "resident":
            void = self._asks(case, "reject", NONSENSE, "查无此事，电话核实为误报")
            if void is not None:
                return void
        if not case.grid:
            return Wish(case, "place", {"place": self.somewhere(self._chance(case, "place", case.updated))})
        chance = self._chance(case, "classify")
        if case.matter == OTHER and case.act != "classify" and chance.random() < 0.5:
            return Wish(case, "classify", {"matter": chance.choice(CLEARER)})
        return Wish(case, "verify", {})

    def _sends(self, case: Case, at: int) -> Wish | None:
        if not case.dispatched and case.priority > 2 and case.act != "resume":
            later = self._asks(case, "suspend", SUSPENDED, "当事人外出，约定时间再办")
            if later is not None:
                return later
        matter = self.matters.matters.get(case.matter)
        helpers = matter.helpers if matter and not case.tasks else ()
        needed = case.priority <= 2 or self._chance(case, "whistle").random() < WHISTLED
        if helpers and needed and case.act != "dismiss":
            return Wish(case, "whistle", {"departments": helpers, "text": "请到场协同处置"})
        patrol = self.best(case)
        if patrol:
            return Wish(case, "dispatch", {"patrol": patrol})
        if matter and at - case.acted > 10 * MINUTE:
            return Wish(case, "dispatch", {"department": matter.lead, "text": "暂无可派人员，请牵头部门直接办理"})
        return None

    def _follows(self, case: Case, at: int) -> Wish | None:
        idle = (at - case.acted) / MINUTE
        if case.state is not State.ON_SCENE:
            if idle > (8 if case.state is State.DISPATCHED else 90) * (1 if case.patrol else 5):
                return Wish(case, "withdraw", {"text": "长时间没有进展，改派"})
            return None
        longer = self._asks(case, "extend", EXTENDED, "需等待配件，申请延期", limit="1d work_day")
        if longer is not None and case.act != "extend":
            return longer
        late = [task for task in case.tasks if task.state != "done" and at - task.at > 100 * MINUTE]
        if late:
            return Wish(case, "dismiss", {"department": late[0].department, "text": "现场已不需要协同"})
        if idle > 25 and all(task.state == "done" for task in case.tasks):
            return Wish(case, "handle", {"text": "电话核实，现场已处置完毕", "image": ADDRESS})
        return None

    def _checks(self, case: Case) -> Wish:
        if self._chance(case, "rework", case.version).random() < REWORKED:
            return Wish(case, "rework", {"text": "照片中仍有遗留，请再处置"})
        return Wish(case, "close", {})

    def _decides(self, case: Case, role: str, at: int, now: datetime) -> Wish | None:
        """A supervisor decides requests, ends suspensions without an end and rates; a leader rates."""
        chance = self._chance(case, "decides", case.version)
        if case.state is State.CLOSED:
            leads = self._chance(case, "rates").random() < 0.5
            if at - case.acted < 10 * MINUTE or leads != (role == "leader"):
                return None
            if role == "supervisor" and chance.random() < REOPENED:
                return Wish(case, "reopen", {"text": "回访不满意，重新办理"})
            return Wish(case, "rate", {"score": chance.choice((3, 4, 4, 5, 5))})
        if role != "supervisor":
            return None
        if case.request is not None:
            return self._answers(case, chance, now)
        if case.state is State.SUSPENDED and case.until is None and at - case.acted > 60 * MINUTE:
            return Wish(case, "resume", {})
        return None

    def _answers(self, case: Case, chance: Random, now: datetime) -> Wish:
        assert case.request is not None, "there is something to answer"
        if chance.random() >= APPROVED:
            return Wish(case, "refuse", {"text": "理由不充分，请按期办理"})
        given: dict[str, Any] = {"text": "同意"}
        if case.request.act == "extend":
            given["limit"] = case.request.limit
        if case.request.act == "suspend":
            given["until"] = now + timedelta(minutes=chance.randrange(60, 240))
        return Wish(case, case.request.act, given)


def double(case: Case, others: Iterable[Case]) -> Case | None:
    """The open case that is about the same: the same matter, near, and not long before."""
    if case.lon is None or case.lat is None or case.matter == OTHER:
        return None
    here = Position(case.lon, case.lat)
    for other in others:
        if other.matter == case.matter and other.no < case.no and other.lon is not None and other.lat is not None \
                and other.state in (*UNSENT, *SENT) and case.received - other.received < DOUBLE_MS \
                and metres(here, Position(other.lon, other.lat)) < DOUBLE_M:  # fmt: skip
            return other
    return None


@dataclass
class _Person:
    name: str
    role: str
    rng: Random
    free: datetime | None = None


@dataclass
class Crew:
    """The people on duty: `operators` of them, a supervisor and a leader. `prefix` names them apart from real ones."""

    door: Door
    deskwork: Deskwork
    operators: int
    prefix: str = "sim-"
    refused: list[str] = field(default_factory=list)
    done: int = 0

    def __post_init__(self) -> None:
        """Everybody with a generator of their own."""
        self._people = [
            _Person(name, role, Random(f"{self.deskwork.seed}:{name}"))
            for name, role in crew(self.operators, self.prefix)
        ]

    def work(self, now: datetime) -> None:
        """Everybody who is free takes up the most urgent thing that nobody else has taken up."""
        free = [person for person in self._people if person.free is None or person.free <= now]
        if not free:
            return
        cases = sorted(self.door.cases(), key=lambda case: (case.priority, case.received, case.no))
        taken: set[str] = set()
        for person in free:
            wish = self._next(person, cases, taken, now)
            if wish is None:
                continue
            taken.add(wish.case.no)
            person.free = now + timedelta(seconds=person.rng.uniform(*TAKES))
            request = f"{wish.case.no}/{wish.case.version}/{wish.name}"
            refusal = self.door.act(person.name, person.role, wish, request)
            if refusal:
                log.info("%s was refused %s: %s", person.name, request, refusal)
                self.refused.append(refusal)
            else:
                self.done += 1

    def _next(self, person: _Person, cases: Sequence[Case], taken: set[str], now: datetime) -> Wish | None:
        for case in cases:
            wish = self.deskwork.wish(case, person.role, cases, now) if case.no not in taken else None
            if wish is not None:
                return wish
        return None


def crew(operators: int, prefix: str = "sim-") -> list[tuple[str, str]]:
    """Names and roles of a crew."""
    people = [(f"{prefix}operator-{n}", "operator") for n in range(1, operators + 1)]
    return [*people, (f"{prefix}supervisor", "supervisor"), (f"{prefix}leader", "leader")]
