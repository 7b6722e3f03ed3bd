"""The eight steps as one table: which act leads from which states to which, what it needs and what it does to clocks.

The script that enforces it (`scripts/act.lua`), the API and the buttons of the pages all read this table; there is no
second copy. `verify` and `accept` may be given by the centre's rule for alerts of registered devices: then `record`
writes their entries with `by = "rule"`.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from streams.errors import JumpRefused
from streams.model import Case, State

BindsPatrol = Literal["bind", "keep", "free"]


class Act(msgspec.Struct, frozen=True):
    """One row: `starts` / `stops` / `cancels` name clocks; `patrol` says what happens to the patrol on the case;
    `by_patrol`: the patrol itself may do it by a reply; `needs` are the arguments that must be given."""

    name: str
    zh: str
    en: str
    step: int
    before: tuple[State, ...]
    after: State
    needs: tuple[str, ...] = ()
    starts: tuple[str, ...] = ()
    stops: tuple[str, ...] = ()
    cancels: tuple[str, ...] = ()
    patrol: BindsPatrol = "keep"
    by_patrol: bool = False


S = State
SENT = (S.DISPATCHED, S.ACKNOWLEDGED, S.ON_THE_WAY, S.ON_SCENE)

ACTS: tuple[Act, ...] = (
    Act("verify", "核实", "Verify", 2, (S.REPORTED,), S.VERIFIED),
    Act("accept", "受理", "Accept", 3, (S.VERIFIED,), S.ACCEPTED, starts=("handle",)),
    Act("dispatch", "派遣", "Dispatch", 4, (S.ACCEPTED,), S.DISPATCHED, needs=("patrol",),
        starts=("arrive",), patrol="bind"),
    Act("withdraw", "撤回", "Withdraw", 4, SENT[:3], S.ACCEPTED, cancels=("arrive",), patrol="free"),
    Act("acknowledge", "接收", "Acknowledge", 5, (S.DISPATCHED,), S.ACKNOWLEDGED,
        stops=("respond",), by_patrol=True),
    Act("depart", "出发", "Depart", 5, SENT[:2], S.ON_THE_WAY, stops=("respond",), by_patrol=True),
    Act("arrive", "到场", "Arrive", 5, SENT[:3], S.ON_SCENE, stops=("respond", "arrive"), by_patrol=True),
    Act("handle", "反馈", "Feed back", 6, SENT, S.HANDLED, stops=("respond", "arrive", "handle"),
        patrol="free", by_patrol=True),
    Act("decline", "拒绝", "Decline", 4, SENT[:3], S.ACCEPTED, needs=("text",), cancels=("arrive",),
        patrol="free", by_patrol=True),
    Act("close", "结案", "Close", 7, (S.HANDLED,), S.CLOSED, stops=("respond", "arrive", "handle")),
)
BY_NAME = {act.name: act for act in ACTS}
OPEN = frozenset(State) - {State.CLOSED}
WAITING = frozenset({State.REPORTED, State.VERIFIED, State.ACCEPTED})
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
}


def allowed(state: State) -> tuple[str, ...]:
    """The acts that `state` allows, in the order of the steps."""
    return tuple(act.name for act in ACTS if state in act.before)


def check(case: Case, name: str) -> Act:
    """The row of the act, or `JumpRefused` with the acts that the case's state allows. Redis checks again."""
    act = BY_NAME.get(name)
    if act is None or case.state not in act.before:
        raise JumpRefused(case.no, name, case.state.value, allowed(case.state))
    return act
