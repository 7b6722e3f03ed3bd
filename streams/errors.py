"""What can go wrong, as one tree. A message says what was wrong, with which value, and what to do.

GridpostError
├── BadSetting            a file or setting refused at start                 (name, value, accepted form)
│   └── BadWish           a what-if that cannot be played: the value, and what can be, in both languages
├── Refused               a message that cannot be used: to the dead letters (reason, text)
├── Unreachable           Redis or the broker does not answer: kept and tried again
└── ActRefused            an act that the rules do not allow; nothing changed
    ├── NoSuchCase        no case has this number
    ├── CaseTaken         somebody was faster: says who, what and when
    ├── JumpRefused       the state does not allow the act: says which acts it allows
    ├── NeedsMissing      the act needs something that was not given: names it
    ├── PatrolBusy        the patrol is on another case: says which
    ├── PatrolUnknown     the patrol is not registered, so it cannot be sent
    ├── WrongPatrol       a reply came from somebody who is not on the case
    ├── SixFixesMissing   a dispatch without its six fixes: names the missing
    ├── RoleRefused       the role may not do this: says who may
    ├── TasksOpen         departments that were called are not done: names them
    ├── DepartmentRefused a department was called already, or was not
    ├── TargetOver        the other case of a merging is not open
    ├── RequestOpen       something was asked for already, or nothing was
    ├── NotJoined         the event did not join this case by itself
    ├── NoSuchAid         no mutual aid has this id
    └── AidRefused        the mutual aid is not in a state that allows the step
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


class GridpostError(Exception):
    """The root: everything this project raises on purpose."""


class BadSetting(GridpostError):
    """A setting or a file that is refused at start, in one sentence."""


class BadWish(BadSetting):
    """A what-if that cannot be played; the sentence in English, `zh` in Chinese."""

    def __init__(self, en: str, zh: str) -> None:
        super().__init__(en)
        self.zh = zh


class Refused(GridpostError):
    """A message that cannot be used. `reason` is a short key that is counted; `text` says which value."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(f"{reason}: {text}")
        self.reason = reason
        self.text = text


class Unreachable(GridpostError):
    """Redis or the broker does not answer; the work is kept and tried again."""


class ActRefused(GridpostError):
    """An act that the rules do not allow. Nothing changed."""

    code = "act_refused"


@dataclass(eq=False)
class NoSuchCase(ActRefused):
    """No case has this number."""

    no: str
    code = "no_such_case"

    def __str__(self) -> str:
        return f"There is no case {self.no!r}; check the number."


@dataclass(eq=False)
class CaseTaken(ActRefused):
    """Somebody was faster: the case is no longer at the version that was seen."""

    no: str
    by: str
    act: str
    at: datetime
    patrol: str
    seen: int
    version: int
    code = "case_taken"

    def __str__(self) -> str:
        sent = f" to {self.patrol}" if self.act == "dispatch" and self.patrol else ""
        return (
            f"{self.by} was faster on case {self.no}: {self.act}{sent} at {self.at:%H:%M:%S} UTC. "
            f"You saw version {self.seen}, it is now {self.version}; nothing was changed. Look at the latest state."
        )


@dataclass(eq=False)
class JumpRefused(ActRefused):
    """The state does not allow the act."""

    no: str
    act: str
    state: str
    allowed: tuple[str, ...]
    code = "jump_refused"

    def __str__(self) -> str:
        allowed = ", ".join(self.allowed) or "nothing more"
        return f"Case {self.no} is {self.state}: {self.act} is not possible now; possible is {allowed}."


@dataclass(eq=False)
class NeedsMissing(ActRefused):
    """The act needs something that was not given."""

    no: str
    act: str
    names: tuple[str, ...]
    code = "needs_missing"

    def __str__(self) -> str:
        return f"{self.act} of case {self.no} needs {', '.join(self.names)}; give it."


@dataclass(eq=False)
class PatrolBusy(ActRefused):
    """The patrol is on another case."""

    patrol: str
    case: str
    code = "patrol_busy"

    def __str__(self) -> str:
        return f"Patrol {self.patrol} is on case {self.case}; choose another or withdraw it there first."


@dataclass(eq=False)
class PatrolUnknown(ActRefused):
    """The patrol is not registered."""

    patrol: str
    code = "patrol_unknown"

    def __str__(self) -> str:
        return f"{self.patrol!r} is not a registered patrol, so it cannot be sent; register it first."


@dataclass(eq=False)
class WrongPatrol(ActRefused):
    """The reply does not belong to the dispatch that is running."""

    no: str
    patrol: str
    dispatch: str
    code = "wrong_patrol"

    def __str__(self) -> str:
        return f"Patrol {self.patrol} is not on case {self.no} (dispatch {self.dispatch!r} is not running)."


@dataclass(eq=False)
class SixFixesMissing(ActRefused):
    """A dispatch needs grid, person, post, time limit, standard and responsibility."""

    no: str
    names: tuple[str, ...]
    code = "six_fixes_missing"

    def __str__(self) -> str:
        return f"Case {self.no} cannot be dispatched: {', '.join(self.names)} missing of the six fixes."


@dataclass(eq=False)
class RoleRefused(ActRefused):
    """The role may not do this act."""

    no: str
    act: str
    role: str
    roles: tuple[str, ...]
    side: bool
    code = "role_refused"

    def __str__(self) -> str:
        ask = "; ask for it instead" if self.side else ""
        return f"{self.act} of case {self.no} is for {', '.join(self.roles)}, not for {self.role}{ask}."


@dataclass(eq=False)
class TasksOpen(ActRefused):
    """Departments that were called have not finished their parts."""

    no: str
    departments: tuple[str, ...]
    code = "tasks_open"

    def __str__(self) -> str:
        return (
            f"Case {self.no} cannot be fed back: {', '.join(self.departments)} not finished; "
            "wait for them or release them."
        )


@dataclass(eq=False)
class DepartmentRefused(ActRefused):
    """A department was called already (`called`), or was not."""

    no: str
    department: str
    called: bool
    code = "department_refused"

    def __str__(self) -> str:
        if self.called:
            return f"{self.department} was called to case {self.no} already; nothing was changed."
        return f"{self.department} was not called to case {self.no}; call it first."


@dataclass(eq=False)
class TargetOver(ActRefused):
    """The other case of a merging is over, or is the same one."""

    no: str
    target: str
    state: str
    code = "target_over"

    def __str__(self) -> str:
        return f"Case {self.no} cannot be merged with {self.target}, which is {self.state}; choose an open case."


@dataclass(eq=False)
class RequestOpen(ActRefused):
    """Something was asked for already (`act`, by `by`), or nothing was ("")."""

    no: str
    act: str
    by: str
    code = "request_open"

    def __str__(self) -> str:
        if not self.act:
            return f"Nothing is asked for on case {self.no}, so there is nothing to refuse."
        return f"{self.by} has asked for {self.act} of case {self.no} already; decide that first."


@dataclass(eq=False)
class NotJoined(ActRefused):
    """The event did not join this case by itself, or was split off already."""

    no: str
    event: str
    code = "not_joined"

    def __str__(self) -> str:
        return f"Event {self.event!r} did not join case {self.no}, or was split off already; look at its log."


@dataclass(eq=False)
class NoSuchAid(ActRefused):
    """No mutual aid of this site has this id."""

    aid: str
    code = "no_such_aid"

    def __str__(self) -> str:
        return f"There is no mutual aid {self.aid!r} of this site; look at the list."


@dataclass(eq=False)
class AidRefused(ActRefused):
    """The mutual aid is not in a state that allows the step."""

    aid: str
    act: str
    state: str
    code = "aid_refused"

    def __str__(self) -> str:
        return f"The mutual aid {self.aid} is {self.state}: {self.act} is not possible now; nothing was changed."
