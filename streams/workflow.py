"""The eight steps as one table: which act leads from which states to which, who may, what it needs, what it does to
clocks and patrols.

The script that enforces it (`scripts/life.lua` gets it as `ACTS`), the API, the buttons of the pages and
`docs/workflow.md` all read this table; there is no second copy. `verify` and `accept` may be given by the centre's rule
for alerts of registered devices.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

import msgspec

from streams.errors import JumpRefused
from streams.model import Case, ClockName, State

BindsPatrol = Literal["bind", "keep", "free"]
Need = Literal[
    "who", "text", "matter", "place", "departments", "department", "limit", "into", "event", "score", "wanted",
    "proof",
]


class Goes(StrEnum):
    """Where an act leads that has no state of its own: nowhere, or back to where the case was."""

    SAME = "same"
    PREVIOUS = "previous"


class Act(msgspec.Struct, frozen=True):
    """One row. `roles`: who may; `side`: a side exit, which needs an approver, so others than `roles` may only ask for
    it. `needs`: the arguments that must be given (`who` is a patrol or a department; `proof` a picture, for matters
    that want one). `starts`, `stops`, `cancels` name clocks; `pauses` and `resumes` are about all that run. `patrol`:
    what happens to whoever is on the case. `passed`: states in which the act comes too late to change anything, but
    is noted when the one on the case reports it. `undo`: the act that takes it back."""

    name: str
    zh: str
    en: str
    step: int
    before: tuple[State, ...]
    after: State | Goes
    roles: tuple[str, ...]
    needs: tuple[Need, ...] = ()
    starts: tuple[ClockName, ...] = ()
    stops: tuple[ClockName, ...] = ()
    cancels: tuple[ClockName, ...] = ()
    pauses: bool = False
    resumes: bool = False
    patrol: BindsPatrol = "keep"
    passed: tuple[State, ...] = ()
    side: bool = False
    undo: str = ""

    @property
    def by_patrol(self) -> bool:
        """Whether the one on the case may do it by a reply."""
        return "field" in self.roles


S = State
SENT = (S.DISPATCHED, S.ACKNOWLEDGED, S.ON_THE_WAY, S.ON_SCENE)
UNSENT = (S.REPORTED, S.VERIFIED, S.ACCEPTED)
WORKED = (*UNSENT, *SENT, S.HANDLED)
OVER = (S.CLOSED, S.RATED, S.REJECTED, S.MERGED)
ASKABLE = (*UNSENT, *SENT, S.CLOSED, S.RATED)
"""The states that some side exit leaves."""

APPROVERS = ("supervisor", "administrator")
STAFF = ("operator", *APPROVERS)
RULE = (*STAFF, "rule")
CREW = (*STAFF, "field", "department")
BODIES = (*STAFF, "department")

ALL: tuple[ClockName, ...] = ("respond", "arrive", "handle", "check_in")

ACTS: tuple[Act, ...] = (
    Act("verify", "核实", "Verify", 2, (S.REPORTED,), S.VERIFIED, RULE),
    Act("classify", "改事项", "Set the matter", 2, (S.REPORTED, S.VERIFIED), Goes.SAME, STAFF, ("matter",),
        starts=("respond",), cancels=("respond",)),
    Act("place", "定位", "Set the place", 2, UNSENT, Goes.SAME, STAFF, ("place",)),
    Act("accept", "受理", "Accept", 3, (S.VERIFIED,), S.ACCEPTED, RULE, starts=("handle",)),
    Act("dispatch", "派遣", "Dispatch", 4, (S.ACCEPTED,), S.DISPATCHED, RULE, ("who",), starts=("arrive",),
        patrol="bind", undo="withdraw"),
    Act("withdraw", "撤回", "Withdraw", 4, SENT[:3], S.ACCEPTED, RULE, cancels=("arrive",), patrol="free"),
    Act("acknowledge", "接收", "Acknowledge", 5, (S.DISPATCHED,), S.ACKNOWLEDGED, CREW, stops=("respond",),
        passed=(*SENT[1:], S.HANDLED)),
    Act("depart", "出发", "Depart", 5, SENT[:2], S.ON_THE_WAY, CREW, stops=("respond",),
        passed=(*SENT[2:], S.HANDLED)),
    Act("arrive", "到场", "Arrive", 5, SENT[:3], S.ON_SCENE, (*CREW, "rule"), stops=("respond", "arrive"),
        passed=(S.ON_SCENE, S.HANDLED)),
    Act("decline", "拒绝", "Decline", 4, SENT[:3], S.ACCEPTED, CREW, ("text",), cancels=("arrive",), patrol="free"),
    Act("whistle", "吹哨", "Call departments", 5, (S.ACCEPTED, *SENT), Goes.SAME, STAFF, ("departments",),
        starts=("check_in",)),
    Act("check_in", "报到", "Check in", 5, (S.ACCEPTED, *SENT), Goes.SAME, (*BODIES, "rule"), ("department",),
        stops=("check_in",)),
    Act("finish", "协办完成", "Finish a part", 6, (S.ACCEPTED, *SENT), Goes.SAME, BODIES, ("department", "text"),
        stops=("check_in",)),
    Act("dismiss", "取消协办", "Release a department", 5, (S.ACCEPTED, *SENT), Goes.SAME, STAFF, ("department", "text"),
        cancels=("check_in",)),
    Act("handle", "反馈", "Feed back", 6, SENT, S.HANDLED, CREW, ("text", "proof"), stops=ALL, patrol="free",
        passed=(S.HANDLED,)),
    Act("rework", "返工", "Send back", 7, (S.HANDLED,), S.ACCEPTED, STAFF, ("text",), starts=("handle",),
        patrol="free"),
    Act("close", "结案", "Close", 7, (S.HANDLED,), S.CLOSED, STAFF, stops=ALL),
    Act("rate", "评价", "Rate", 8, (S.CLOSED,), S.RATED, (*APPROVERS, "leader"), ("score",)),
    Act("return", "回退", "Return", 4, SENT, S.ACCEPTED, APPROVERS, ("text",), cancels=("arrive",), patrol="free",
        side=True),
    Act("reject", "作废", "Reject", 2, UNSENT, S.REJECTED, APPROVERS, ("text",), cancels=ALL, side=True,
        undo="restore"),
    Act("restore", "恢复", "Restore", 2, (S.REJECTED,), S.REPORTED, APPROVERS, ("text",), starts=("respond",)),
    Act("suspend", "缓办", "Suspend", 5, (S.ACCEPTED, *SENT), S.SUSPENDED, APPROVERS, ("text",), cancels=("arrive",),
        pauses=True, patrol="free", side=True, undo="resume"),
    Act("resume", "恢复办理", "Resume", 5, (S.SUSPENDED,), S.ACCEPTED, RULE, resumes=True),
    Act("extend", "延期", "Extend", 5, (S.ACCEPTED, *SENT), Goes.SAME, APPROVERS, ("text", "limit"),
        starts=("handle",), side=True),
    Act("reopen", "重开", "Reopen", 7, (S.CLOSED, S.RATED), S.ACCEPTED, APPROVERS, ("text",), starts=("handle",),
        patrol="free", side=True),
    Act("ask", "申请", "Ask for", 5, ASKABLE, Goes.SAME, CREW, ("wanted", "text")),
    Act("refuse", "驳回申请", "Refuse the request", 5, ASKABLE, Goes.SAME, APPROVERS, ("text",)),
    Act("merge", "并案", "Merge", 2, UNSENT, S.MERGED, STAFF, ("into",), undo="unmerge"),
    Act("unmerge", "撤销并案", "Undo the merging", 2, (S.MERGED,), Goes.PREVIOUS, STAFF),
    Act("split", "拆分", "Split off", 2, WORKED, Goes.SAME, STAFF, ("event",)),
)  # fmt: skip
BY_NAME = {act.name: act for act in ACTS}
SIDE_EXITS = tuple(act.name for act in ACTS if act.side)
OPEN = frozenset(State) - set(OVER)
WAITING = frozenset(UNSENT)
ON_CASE = frozenset(SENT)

STATE_NAMES: dict[State, tuple[str, str]] = {
    S.REPORTED: ("待核实", "To verify"),
    S.VERIFIED: ("待受理", "To accept"),
    S.ACCEPTED: ("待派", "To dispatch"),
    S.DISPATCHED: ("已派", "Dispatched"),
    S.ACKNOWLEDGED: ("已接", "Acknowledged"),
    S.ON_THE_WAY: ("途中", "On the way"),
    S.ON_SCENE: ("现场", "On scene"),
    S.HANDLED: ("待核查", "To check"),
    S.CLOSED: ("已结案", "Closed"),
    S.RATED: ("已评价", "Rated"),
    S.SUSPENDED: ("缓办", "Suspended"),
    S.REJECTED: ("已作废", "Rejected"),
    S.MERGED: ("已并案", "Merged"),
}
CLOCK_NAMES: dict[str, tuple[str, str]] = {
    "respond": ("响应", "response"),
    "arrive": ("到场", "arrival"),
    "handle": ("处置", "handling"),
    "check_in": ("报到", "check-in"),
}
LEVEL_NAMES: tuple[tuple[str, str], ...] = (
    ("承办人", "whoever is on it"), ("网格长", "the grid chief"), ("主管", "the supervisor"),
    ("值班领导", "the duty leader"),
)  # fmt: skip
"""To whom a reminder goes: at 50 % to whoever is on the case, then one level higher at 80 %, 100 % and 200 %."""


def allowed(state: State, role: str | None = None) -> tuple[str, ...]:
    """The acts that `state` allows (and `role` may do), in the order of the steps."""
    return tuple(act.name for act in ACTS if state in act.before and (role is None or role in act.roles))


def possible(case: Case, role: str) -> tuple[str, ...]:
    """What `role` can do with the case as it is: what its state allows, without acts that would find nothing to do."""
    idle = {
        "check_in": not case.tasks, "finish": not case.tasks, "dismiss": not case.tasks, "refuse": case.request is None,
        "split": case.events < 2, "ask": case.request is not None or role in APPROVERS,
    }  # fmt: skip
    return tuple(name for name in allowed(case.state, role) if not idle.get(name, False))


def check(case: Case, name: str) -> Act:
    """The row of the act, or `JumpRefused` with the acts that the case's state allows. Redis checks again."""
    act = BY_NAME.get(name)
    if act is None or case.state not in act.before:
        raise JumpRefused(case.no, name, case.state.value, allowed(case.state))
    return act


def lua() -> str:
    """The table as Lua, put in front of every script that moves cases. A row is made when it is asked for: a script
    runs from its first line at each call, and all rows are a tenth of what an act costs."""
    rows = "".join(f"if n=={_literal(act.name)} then return {_literal(_enforced(act))} end\n" for act in ACTS)
    names = {"CLOCK_NAMES": CLOCK_NAMES, "LEVEL_NAMES": list(LEVEL_NAMES), "OVER": list(OVER), "SENT": list(SENT)}
    return f"local function row_of(n)\n{rows}end\nlocal ACTS = setmetatable({{}}, {{__index = function(t, n)\n" + (
        "local row = row_of(n) rawset(t, n, row) return row end})\n"
    ) + "".join(f"local {name} = {_literal(msgspec.to_builtins(value))}\n" for name, value in names.items())


def _enforced(act: Act) -> dict[str, object]:
    """What the script reads of a row."""
    return {name: value for name, value in msgspec.to_builtins(act).items() if name not in ("zh", "en", "step", "undo")}


def _literal(value: object) -> str:
    """A Lua literal of plain data."""
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case str():
            return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        case list() | tuple():
            return "{" + ",".join(_literal(each) for each in value) + "}"
        case dict():
            return "{" + ",".join(f"[{_literal(key)}]={_literal(each)}" for key, each in value.items()) + "}"
    raise TypeError(f"{value!r} has no Lua literal here")
