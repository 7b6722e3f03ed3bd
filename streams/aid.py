"""Mutual aid (互助 1+3, 1+X): what one aid is, the table that carries it from ask to return, and its scripts.

Two sites cannot share one script, so each step is one script in the keys of one site, and what must follow on the other
side is worked out anew from both (`step`) by the clock workers of both, as often as it takes. Why the order of the
steps is safe against a crash after each of them stands in docs/mutual-aid.md; `mutual.py` is who calls what.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Literal

import msgspec

from streams import workflow
from streams.codec import millis, moment, pack, to_json
from streams.dispatch_queue import DispatchQueue
from streams.errors import (
    ActRefused,
    AidRefused,
    CaseTaken,
    GridpostError,
    JumpRefused,
    NoSuchCase,
    PatrolBusy,
    PatrolUnknown,
    Refused,
)
from streams.model import Case, Patrol, State
from streams.organisation import Partner
from streams.script import Script

RESERVED = timedelta(seconds=60)
"""So long a patrol is held for a borrower that has not confirmed."""
MARGIN_MS = 10_000
"""A reservation that ends so soon is not confirmed any more: a slow call must not outlive it."""
PUBLISHED = ("name", "name_en", "kind", "squad", "district", "post")


class AidState(StrEnum):
    """What the lender's record says. The last three are for ever."""

    ASKED = "asked"
    RESERVED = "reserved"
    LENT = "lent"
    RETURNED = "returned"
    REFUSED = "refused"
    LAPSED = "lapsed"


class Stand(StrEnum):
    """What the borrower's case says: it waits for the aid, somebody is on it by the aid, or neither, which is for
    ever."""

    WAITS = "waits"
    BOUND = "bound"
    GONE = "gone"


class Step(StrEnum):
    """What a worker does next. The first four are for either worker, the others for the borrower's."""

    NOTHING = "nothing"
    FIRM = "firm"
    END = "end"
    ARRIVED = "arrived"
    DELIVER = "deliver"
    CONFIRM = "confirm"
    WITHDRAW = "withdraw"
    FORGET = "forget"


BY_LENDER = frozenset({Step.FIRM, Step.END, Step.ARRIVED})


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """What a borrower asks for, as both sides keep it. `version`: of the case when it was asked, the only one that is
    dispatched; `wish`: the patrol they would like, "" for any; `asked` in epoch milliseconds."""

    id: str = ""
    lender: str
    borrower: str
    no: str
    version: int
    asked: int
    by: str
    role: str
    wish: str = ""
    text: str = ""


class Aid(Ask, frozen=True, kw_only=True):
    """The lender's record. `patrol`, `name`, `post`: who is lent; `until`: end of the reservation, `ended`, `arrived`:
    epoch milliseconds; `dispatch`: the borrower's; `why` it ended."""

    state: AidState
    patrol: str = ""
    name: str = ""
    post: str = ""
    approver: str = ""
    until: int = 0
    dispatch: str = ""
    arrived: int = 0
    ended: int = 0
    why: str = ""


def stand(ask: Ask, case: Case | None, stands: bool) -> Stand:
    """How the borrower's case stands to the ask; `stands`: it was neither cancelled nor forgotten."""
    if case is None:
        return Stand.GONE
    if case.aid == ask.id and case.state in workflow.ON_CASE:
        return Stand.BOUND
    waits = stands and case.state is State.ACCEPTED and case.version == ask.version
    return Stand.WAITS if waits else Stand.GONE


def step(aid: Aid | None, case: Case | None, there: Stand, now: datetime) -> Step:
    """The table of docs/mutual-aid.md. `aid` must have been read before the case."""
    state, bound, waits = aid.state if aid else None, there is Stand.BOUND, there is Stand.WAITS
    match state:
        case None if waits:
            return Step.DELIVER
        case AidState.ASKED:
            return Step.NOTHING if waits else Step.END
        case AidState.RESERVED if bound:
            return Step.FIRM
        case AidState.RESERVED:
            assert aid is not None
            left = aid.until - millis(now)
            return Step.END if not waits or left <= 0 else Step.CONFIRM if left > MARGIN_MS else Step.NOTHING
        case AidState.LENT if bound:
            assert aid is not None
            assert case is not None
            return Step.ARRIVED if case.state is State.ON_SCENE and not aid.arrived else Step.NOTHING
        case AidState.LENT:
            return Step.END
    if not bound:
        return Step.FORGET
    return Step.NOTHING if case is not None and case.state is State.ON_SCENE else Step.WITHDRAW  # they say it is there


class AidBook:
    """The aids in the keys of one site: those it lends by and those it asked for. Raises Unreachable."""

    def __init__(self, queue: DispatchQueue) -> None:
        self.queue, self.site = queue, queue.keys.site
        self._redis, self._keys = queue.redis, queue.keys
        self._lend = Script(queue.redis, "common", "aid_lend")
        self._ask = Script(queue.redis, "common", "aid_ask")

    def publish(self, partners: Mapping[str, Partner], patrols: Iterable[Patrol]) -> None:
        """Say whom this site lends to, and what its patrols are called and can do. Telephone numbers stay here."""
        with self.queue.reaching(), self._redis.pipeline(transaction=False) as pipe:
            gone = set(self.agreed()) - set(partners)
            if gone:
                pipe.hdel(self._keys.partners, *gone)
            if partners:
                pipe.hset(self._keys.partners, mapping={name: each.lends for name, each in partners.items()})
            for patrol in patrols if partners else ():
                known: dict[Any, Any] = {name: getattr(patrol, name) for name in PUBLISHED}
                pipe.hset(self._keys.patrol(patrol.id), mapping=known | {"skills": ";".join(patrol.skills)})
            pipe.execute()

    def agreed(self) -> dict[str, int]:
        """Whom this site lends to, and how many at once."""
        with self.queue.reaching():
            rows: Any = self._redis.hgetall(self._keys.partners)
        return {name.decode(): int(most) for name, most in rows.items()}

    def get(self, name: str) -> Aid | None:
        """The aid of this id by which this site lends."""
        with self.queue.reaching():
            row: Any = self._redis.hgetall(self._keys.aid(name))
        return _aid(row) if row else None

    def listed(self, most: int) -> list[Aid]:
        """By which it lends or lent, the last asked first."""
        with self.queue.reaching():
            names: Any = self._redis.zrevrange(self._keys.aids, 0, most - 1)
            with self._redis.pipeline(transaction=False) as pipe:
                for name in names:
                    pipe.hgetall(self._keys.aid(name.decode()))
                rows = pipe.execute()
        return [_aid(row) for row in rows if row]

    def lending(self) -> list[Aid]:
        """By which it lends, or is asked to, now."""
        with self.queue.reaching():
            names: Any = self._redis.smembers(self._keys.lending)
        return [aid for aid in (self.get(name.decode()) for name in sorted(names)) if aid is not None]

    def asks(self) -> list[Ask]:
        """What it asked for and has not seen the end of."""
        with self.queue.reaching():
            texts: Any = self._redis.hvals(self._keys.borrowing)
        return sorted((msgspec.json.decode(text, type=Ask) for text in texts), key=lambda ask: (ask.asked, ask.id))

    def stands(self, ask: Ask) -> bool:
        """Whether what it asked for was neither cancelled nor forgotten."""
        with self.queue.reaching():
            return bool(self._redis.hexists(self._keys.borrowing, ask.id))

    def lend(self, op: str, aid: str, now: datetime, /, **more: Any) -> None:
        """One step of the lender; see `scripts/aid_lend.lua`. Raises ActRefused or Refused; then nothing changed."""
        answer = self._call(self._lend, {"op": op, "id": aid, **more}, now)
        if not answer["ok"]:
            raise self._not_lent(op, aid, more, answer)

    def ask(self, ask: Ask, now: datetime) -> Ask:
        """Ask, or find the same that was asked before; see `scripts/aid_ask.lua`. Raises ActRefused."""
        asked = msgspec.to_builtins(ask)
        answer = self._call(self._ask, {"op": "ask", "no": ask.no, "ask": asked}, now)
        if answer["ok"]:
            return msgspec.convert(answer["ask"], Ask)
        match answer["error"]:
            case "case_taken":
                raise CaseTaken(
                    ask.no, answer["by"], answer["act"], moment(answer["at"]), answer["patrol"], ask.version,
                    answer["version"],
                )  # fmt: skip
            case "jump_refused":
                state = State(answer["state"])
                raise JumpRefused(ask.no, "aid", state.value, workflow.allowed(state, ask.role))
        raise NoSuchCase(ask.no)

    def cancel(self, ask: Ask, by: str, role: str, text: str, now: datetime) -> None:
        """Take an ask back that nobody is sent by yet; raises AidRefused."""
        arg = {"op": "cancel", "id": ask.id, "no": ask.no, "by": by, "role": role, "text": text}
        answer = self._call(self._ask, arg, now)
        if not answer["ok"]:
            raise AidRefused(ask.id, "cancel", answer["state"])

    def forget(self, ask: Ask, text: str, zh: str, en: str, now: datetime) -> bool:
        """Close what was asked, with entry and notice; False while the case is bound by it, or when it was."""
        arg = {"op": "forget", "id": ask.id, "no": ask.no, "text": text, "zh": zh, "en": en}
        return bool(self._call(self._ask, arg, now)["ok"])

    def again(self, kind: Literal["aid_ask", "aid_lend"], asked: bytes, now: datetime) -> None:
        """One step that was, by what the journal says of it, at a place where everything is done again."""
        script = self._ask if kind == "aid_ask" else self._lend
        self._call(script, msgspec.json.decode(asked), now)

    def _call(self, script: Script, arg: dict[str, Any], now: datetime) -> dict[str, Any]:
        whole = {**arg, **self.queue.stamp(now), "a": to_json(arg).decode()}
        with self.queue.reaching():
            answer: dict[str, Any] = msgspec.json.decode(script(self._keys.prefix, pack(whole)))
        return answer

    def _not_lent(self, op: str, aid: str, asked: dict[str, Any], answer: dict[str, Any]) -> GridpostError:
        refused: ActRefused
        match answer["error"]:
            case "not_agreed":
                return Refused(
                    "not_agreed", f"{self.site} does not name this site as a partner: it must add [[partner]] to its "
                    "organisation and start its clock worker again",
                )  # fmt: skip
            case "enough_lent":
                return Refused(
                    "enough_lent", f"{answer['most']} patrols are with this partner already, as many as [[partner]] "
                    "lends allows: wait for one, or refuse",
                )  # fmt: skip
            case "patrol_busy":
                refused = PatrolBusy(asked["patrol"], answer["case"])
            case "patrol_unknown":
                refused = PatrolUnknown(asked["patrol"])
            case _:
                refused = AidRefused(aid, op, answer["state"] or "unknown")
        return refused


def published(name: str, row: Mapping[str, str]) -> Patrol | None:
    """A partner's patrol as its site published it; None when it is not registered there or not published."""
    if row.get("registered") != "1" or "skills" not in row:
        return None
    known = {field: row.get(field, "") for field in PUBLISHED}
    return msgspec.convert({"id": name, **known, "skills": list(filter(None, row["skills"].split(";")))}, Patrol)


def _aid(row: Mapping[bytes, bytes]) -> Aid:
    return msgspec.convert({name.decode(): text.decode() for name, text in row.items()}, Aid, strict=False)
