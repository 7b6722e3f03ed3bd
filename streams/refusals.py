"""What the act script is asked, and what it refuses, as the exception that says it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec

from streams import workflow
from streams.codec import moment
from streams.errors import (
    ActRefused,
    CaseTaken,
    DepartmentRefused,
    JumpRefused,
    NeedsMissing,
    NoSuchCase,
    NotJoined,
    PatrolBusy,
    PatrolUnknown,
    RequestOpen,
    RoleRefused,
    SixFixesMissing,
    TargetOver,
    TasksOpen,
    WrongPatrol,
)
from streams.matters import Matter
from streams.model import Clock, State

NOTHING: Mapping[str, Any] = MappingProxyType({})


class Act(NamedTuple):
    """One act as the script is asked to do it; `acts.py` makes it. `seen`: the version they saw (None: a reply or a
    rule, judged by the state); `base`: the version that clocks and fields were worked out from. `request` names the
    call: the same name again gives the same answer and does nothing more. `clocks`: those that the act starts or moves,
    with their deadlines; what of their reminders was due by `noted` (epoch ms; None: now) is noted or need not be.
    `place`, `made`: fields of the script. `aid`: the mutual aid by which a partner's patrol goes. `asked`: what it was
    made from, as JSON; it goes into the journal as it is."""

    no: str
    name: str
    by: str
    role: str
    request: str
    seen: int | None = None
    patrol: str = ""
    post: str = ""
    dispatch: str | None = None
    text: str = ""
    image: str = ""
    clocks: tuple[Clock, ...] = ()
    matter: Matter | None = None
    department: str = ""
    departments: tuple[str, ...] = ()
    person: str = ""
    owner: str = ""
    new_matter: str = ""
    priority: int | None = None
    place: Mapping[str, Any] = NOTHING
    limit: str = ""
    until: datetime | None = None
    into: str = ""
    event: str = ""
    made: Mapping[str, Any] | None = None
    score: int | None = None
    wanted: str = ""
    settle: Clock | None = None
    aid: str = ""
    base: int | None = None
    noted: int | None = None
    asked: str = ""


class Wanting(NamedTuple):
    """A clock for which a call brought more marks: the case, the clock's name, its deadline (epoch ms) and the highest
    percent of which the mark was known (0: of none)."""

    no: str
    key: str
    due: int
    last: int


class Beside(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an act had beside what was asked: for which clocks it brought marks, and, when a partner's patrol was sent,
    the aid and whom the lender named."""

    marks: tuple[Wanting, ...] = ()
    aid: str = ""
    person: str = ""
    post: str = ""


def journalled(act: Act, marks: tuple[Wanting, ...]) -> str:
    """What the journal keeps of an act, as one JSON object: what was asked, and `Beside`."""
    if not act.asked or not (act.aid or marks):
        return act.asked
    beside = Beside(marks, act.aid, act.person, act.post) if act.aid else Beside(marks)
    return msgspec.json.encode({**msgspec.json.decode(act.asked), **msgspec.to_builtins(beside)}).decode()


def refusal(act: Act, answer: dict[str, Any]) -> ActRefused:
    """What the script refused, as the exception that says it."""
    match answer["error"]:
        case "case_taken":
            return CaseTaken(
                act.no, answer["by"], answer["act"], moment(answer["at"]), answer["patrol"], act.seen or 0,
                answer["version"],
            )  # fmt: skip
        case "jump_refused":
            state = State(answer["state"])
            return JumpRefused(act.no, answer.get("act", act.name), state.value, workflow.allowed(state, act.role))
        case "role_refused":
            return RoleRefused(act.no, act.name, act.role, tuple(answer["roles"]), answer["side"])
        case "patrol_busy":
            return PatrolBusy(act.patrol, answer["case"])
        case "patrol_unknown":
            return PatrolUnknown(act.patrol)
        case "wrong_patrol":
            return WrongPatrol(act.no, act.by, act.dispatch or "")
        case "needs_missing":
            return NeedsMissing(act.no, act.name, tuple(answer["missing"]))
        case "six_fixes_missing":
            return SixFixesMissing(act.no, tuple(answer["missing"]))
        case "tasks_open":
            return TasksOpen(act.no, tuple(answer["departments"]))
        case "department_called" | "not_called":
            return DepartmentRefused(act.no, answer["department"], answer["error"] == "department_called")
        case "target_over":
            return TargetOver(act.no, answer["target"], answer["state"])
        case "request_open":
            return RequestOpen(act.no, answer["act"], answer["by"])
        case "no_request":
            return RequestOpen(act.no, "", "")
        case "not_joined":
            return NotJoined(act.no, answer["event"])
        case _:
            return NoSuchCase(answer.get("no", act.no))
