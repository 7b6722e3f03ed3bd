"""The dispatch queue in Redis: every write to it is one script that checks and changes in one step.

Reads are in `ledger.py`; what the keys are is in `keys.py`. A call that Redis did not answer raises `Unreachable` and
may simply be repeated: events are remembered by their ids, acts by their request.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, tzinfo
from typing import Any, NamedTuple

import msgspec
from redis import Redis

from streams import clocks
from streams.calendar import Calendar
from streams.codec import RecordEncoder, Who, clock_args, local_day, millis, moment, pack, read_case, to_json
from streams.keys import FIX_BUCKET_S, Keys
from streams.model import Case, Clock, Event, Movement
from streams.outbox import Outbox
from streams.refusals import Act, Wanting, journalled, refusal
from streams.script import Script
from streams.trace import NOTHING, chain
from streams.triage import Intent

MARKS = 6
"""So many reminders of a clock are kept ahead: each act writes them, so they are few; the clock worker adds more."""
CALL_WEIGHT = 256
"""How much one call of the record script takes on, so that Redis is not held for more than about 10 ms: a position
weighs 1, anything that may touch an alert or a case 4."""


class Tagged(NamedTuple):
    """An event with what triage says of it, the data source it came by, who speaks (a patrol, a registered device, or
    somebody else), and for which department a patrol goes."""

    event: Event
    intent: Intent
    network: str | None = None
    who: Who = "other"
    department: str | None = None


class Recorded(NamedTuple):
    """What became of a batch. `failed`: position in the batch and the script's error, to be dead-lettered."""

    new: int
    duplicate: int
    behind: int
    suspect: int
    merged: int
    opened: tuple[str, ...]
    failed: tuple[tuple[int, str], ...] = ()


class Answered(NamedTuple):
    """An act that was done: the case as it is now (without free text), the id of the running dispatch, if any, and the
    number of the case that it opened (split)."""

    case: Case
    dispatch: str
    opened: str = ""


class Near(NamedTuple):
    """A department's patrol that was seen at a case to which the department was called; `at` in epoch ms."""

    no: str
    department: str
    patrol: str
    at: int
    member: bytes


class Looked(NamedTuple):
    """What time alone brought about. `noted`: reminders, as (case, clock, due in epoch ms, percent); `waking`: cases
    whose suspension is over; `auto`: cases to which the centre sends somebody."""

    noted: tuple[tuple[str, str, int, int], ...]
    opened: tuple[str, ...]
    settled: int
    resent: int
    waking: tuple[str, ...]
    auto: tuple[str, ...]
    near: tuple[Near, ...] = ()


def connect(url: str) -> Redis:
    """A client for `redis://`, `rediss://` or `unix://` with time-outs, so that a dead server is noticed."""
    return Redis.from_url(url, socket_connect_timeout=3, socket_timeout=10, health_check_interval=30)


class DispatchQueue(Outbox):
    """The one way to change what is open and who goes. `calendar` works out when reminders are due."""

    def __init__(
        self, redis: Redis, keys: Keys, tz: tzinfo, calendar: Calendar | None = None, version: str = ""
    ) -> None:
        super().__init__(redis, keys, tz, version)
        life = ("common", "tally", "marks", "cases", "own", "life")
        self._record = Script(redis, *life[:2], "seen", *life[2:], "moves", "alerts", "record")
        self._act = Script(redis, *life, "act")
        self._clock = Script(redis, *life, "clock")
        self._seal = Script(redis, "common", "seal")
        self._encoder = RecordEncoder(tz)
        self._calendar = calendar or Calendar(tz=tz)

    def record(self, batch: Sequence[Tagged], now: datetime, ids: Sequence[str] = ()) -> Recorded:
        """Record one batch of tagged events; see `scripts/record.lua`. Raises Unreachable; then repeat it. `ids`: the
        stream ids they had where they were recorded first, for a place where that is done again."""
        total = Recorded(0, 0, 0, 0, 0, ())
        start = 0
        for part in _calls(batch):
            done = self._record_once(part, now, ids[start : start + len(part)])
            failed = tuple((start + n, text) for n, text in done.failed)
            total = Recorded(
                total.new + done.new, total.duplicate + done.duplicate, total.behind + done.behind,
                total.suspect + done.suspect, total.merged + done.merged, total.opened + done.opened,
                total.failed + failed,
            )  # fmt: skip
            start += len(part)
        return total

    def _record_once(self, batch: Sequence[Tagged], now: datetime, ids: Sequence[str]) -> Recorded:
        arg = pack(
            {
                **self.stamp(now), "events": [self._encoder.encode(*tagged) for tagged in batch], "ids": ids,
                "fixes_ttl": 4 * FIX_BUCKET_S,
            }
        )  # fmt: skip
        with self.reaching():
            new, duplicate, behind, suspect, merged, opened, failed = self._record(self.keys.prefix, arg)
        pairs = tuple((int(failed[n]), failed[n + 1].decode()) for n in range(0, len(failed), 2))
        return Recorded(new, duplicate, behind, suspect, merged, tuple(no.decode() for no in opened), pairs)

    def act(self, act: Act, now: datetime) -> Answered:
        """Do one act on one case; see `scripts/life.lua`. Raises one of the ActRefused tree, then nothing changed."""
        answered = self.attempt(act._replace(base=None), now)
        assert answered is not None, "only an act that names its base can find that the case has moved"
        return answered

    def attempt(self, act: Act, now: datetime) -> Answered | None:
        """As `act`; None, and nothing changed, when the case is not at version `act.base` any more: read it again."""
        asked = self._asked(act, now)
        more = self.brought()
        while True:
            arg = pack({**self.stamp(now), "asked": asked, "more": more, "a": journalled(act, _wanting(more))})
            with self.reaching():
                answered, case = self._act(self.keys.prefix, arg)
            answer = msgspec.json.decode(answered)
            if answer["ok"]:
                return Answered(read_case(case), answer["dispatch"], answer.get("opened") or "")
            if answer["error"] == "moved":
                return None
            if answer["error"] != "marks_missing":
                raise refusal(act, answer)
            more += self._more(answer["low"])  # of a clock that no worker has looked at yet, or not for long

    def look(self, now: datetime) -> Looked:
        """What time alone brings about by `now`; see `scripts/clock.lua`. Harmless to repeat."""
        total = Looked((), (), 0, 0, (), ())
        more: list[dict[str, Any]] = []
        while True:
            found, low = self._look_once(now, more)
            total = Looked(
                total.noted + found.noted, total.opened + found.opened, total.settled + found.settled,
                total.resent + found.resent, found.waking, tuple(dict.fromkeys(total.auto + found.auto)), found.near,
            )  # fmt: skip
            more = self._more(low)
            if not (found.noted or low or found.opened or found.settled or found.resent):
                return total

    def look_again(self, wanted: Iterable[Wanting], now: datetime) -> None:
        """One call of a look that was, by what the journal says of it: which clocks it brought marks for."""
        self._look_once(now, self.more_again(wanted))

    def more_again(self, wanted: Iterable[Wanting]) -> list[dict[str, Any]]:
        """The marks that a call brought, worked out again; none for a clock that has changed since it was read, for
        which the script did not take them."""
        more = []
        for no, key, due, last in wanted:
            case = self.case(no)
            clock = next((c for c in case.clocks if _key(c) == key and c.due == due), None) if case else None
            more += [self._more_of(no, clock, last)] if clock else [_no_more(no, key, due, last)]
        return more

    def brought(self) -> list[dict[str, Any]]:
        """The marks that an act brings without being asked: none, but where it is done again."""
        return []

    def _look_once(self, now: datetime, more: list[dict[str, Any]]) -> tuple[Looked, list[bytes]]:
        """One call of the script, and the clocks that want more marks."""
        arg = {**self.stamp(now), "more": more}
        if more:
            arg["a"] = to_json(_wanting(more)).decode()
        with self.reaching():
            noted, low, opened, settled, resent, waking, auto, near = self._clock(self.keys.prefix, pack(arg))
        looked = Looked(
            tuple(_noted(each) for each in noted), tuple(no.decode() for no in opened), settled, resent,
            tuple(no.decode() for no in waking), tuple(no.decode() for no in auto), tuple(_near(near)),
        )  # fmt: skip
        return looked, low

    def checked(self, near: Near) -> None:
        """This one has been checked in, or cannot be."""
        with self.reaching():
            self.redis.zrem(self.keys("checking"), near.member)

    def seal(self, now: datetime) -> int:
        """Seal what was done since the newest seal; returns how many entries. Two workers seal each entry once."""
        done = 0
        while True:
            with self.reaching():
                newest: Any = self.redis.hmget(self.keys.seal, "id", "hash")
            after, last = newest
            start = after.decode() if after else "0-0"
            acts = self.acts(start)
            if not acts:
                return done
            seals = [
                part for act, sealed in chain(last.decode() if last else NOTHING, acts)
                for part in (act.id, sealed, local_day(moment(int(act.id.split("-")[0])), self.tz))
            ]  # fmt: skip
            with self.reaching():
                done += int(self._seal(self.keys.prefix, pack({**self.stamp(now), "after": start, "seals": seals})))

    def _asked(self, act: Act, now: datetime) -> dict[str, Any]:
        """The act as the script reads it; what was not given is not there."""
        at, matter = millis(now), act.matter
        asked = {
            "no": act.no, "act": act.name, "by": act.by, "role": act.role, "request": act.request, "seen": act.seen,
            "base": act.base, "patrol": act.patrol, "department": act.department, "departments": act.departments,
            "person": act.person, "post": act.post, "dispatch": act.dispatch, "text": act.text, "image": act.image,
            "owner": act.owner, "proof": matter is not None and matter.proof,
            "standard": matter.standard if matter else "", "lead": matter.lead if matter else "",
            "matter": act.new_matter, "priority": act.priority, "limit": act.limit, "into": act.into,
            "until": millis(act.until) if act.until else None, "event": act.event, "e": act.made, "score": act.score,
            "wanted": act.wanted, "from": act.department if act.role == "department" else act.patrol,
            "aid": act.aid or None,
            "clocks": clock_args((clock, self._marks(clock, after=act.noted or at)) for clock in act.clocks),
            **act.place,
            "settle": next(iter(clock_args((c, self._marks(c, after=at)) for c in (act.settle,) if c)), None),
        }  # fmt: skip
        return {name: value for name, value in asked.items() if value is not None}

    def _more(self, low: Iterable[str | bytes]) -> list[dict[str, Any]]:
        """Marks for clocks whose marks are missing (`last` 0: from the first on) or run low."""
        return [
            self._more_of(each["no"], msgspec.convert(each["clock"], Clock), int(each["last"]))
            for each in map(msgspec.json.decode, low)
        ]

    def _more_of(self, no: str, clock: Clock, last: int) -> dict[str, Any]:
        marks = self._marks(clock, skip=_number_of(last) + 1 if last else 0)
        return {**_no_more(no, _key(clock), clock.due, last), "marks": marks}

    def _marks(self, clock: Clock, *, skip: int = 0, after: int = 0) -> tuple[int, ...]:
        """Epoch ms and percent of the next reminders later than `after`, one after the other; at least one."""
        while (at := clocks.marks(clock, self._calendar, skip, MARKS))[-1] <= after:
            skip += len(at)
        pairs = ((ms, clocks.percent(skip + n)) for n, ms in enumerate(at))
        return tuple(value for ms, share in pairs if ms > after for value in (ms, share))


def _calls(batch: Sequence[Tagged]) -> Iterator[Sequence[Tagged]]:
    """The batch in pieces that one call may take on, in order."""
    start = weight = 0
    for n, tagged in enumerate(batch):
        one = 1 if type(tagged.event.body) is Movement else 4
        if weight + one > CALL_WEIGHT:
            yield batch[start:n]
            start, weight = n, 0
        weight += one
    if start < len(batch):
        yield batch[start:]


def _key(clock: Clock) -> str:
    """What the script calls a clock."""
    return f"{clock.name}:{clock.of}" if clock.of else clock.name


def _wanting(more: Iterable[dict[str, Any]]) -> tuple[Wanting, ...]:
    return tuple(Wanting(one["no"], one["key"], one["due"], one["last"]) for one in more)


def _no_more(no: str, key: str, due: int, last: int) -> dict[str, Any]:
    """More marks for a clock, of which none are known."""
    return {"no": no, "key": key, "due": due, "last": last, "marks": ()}


def _number_of(share: int) -> int:
    """The number of the reminder that says so many percent; see `clocks.percent`."""
    return next(n for n in itertools.count() if clocks.percent(n) >= share)


def _near(pairs: Any) -> Iterator[Near]:
    flat = [value for pair in pairs for value in (pair if isinstance(pair, list | tuple) else (pair,))]
    for member, at in zip(flat[::2], flat[1::2], strict=True):
        no, department, patrol = msgspec.json.decode(member)
        yield Near(no, department, patrol, int(float(at)), member)


def _noted(text: bytes) -> tuple[str, str, int, int]:
    no, clock, due, share = msgspec.json.decode(text)
    return no, clock, int(due), int(share)
