"""Doing a stretch of a site's life again and holding the result against what was kept: the same, or what differs first.

The calls of the journal are made once more, in their order, with their `now` and by their version of the configuration,
on an empty server, through the code that made them first: events are understood and recorded, acts are worked out and
done, the clock script looks. What a journal need not have, since nobody decided it: duplicates, messages that could not
be used, tasks that were published, the look at who fell silent or left a district (what it found was recorded as
events). Every entry of a case's log must come out with the same bytes, and every case in the same state, version and
clocks.

Where this can differ though nobody changed anything: another release of this program; a key that ran out in the middle
of the stretch (here time does not pass: what had an hour to live has it again); a partner's worker with a configuration
of its own, which did an act here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace
from redis import Redis

from streams import acts, checkpoint, corrections, workflow
from streams.acts import Asked
from streams.aid import AidBook
from streams.codec import moment
from streams.desk import Desk
from streams.differences import Difference
from streams.dispatch_queue import DispatchQueue, Tagged
from streams.errors import ActRefused, Refused
from streams.ingest import understand
from streams.journal import Call, Told
from streams.keys import Keys
from streams.ledger import Ledger, Recorded
from streams.model import Clock, Event, Flag
from streams.refusals import Beside, Wanting
from streams.trace import Act, order

EVERY = 64
"""So many calls are made before the entries they wrote are read."""
SAY_EVERY = 1000
FAR = "9999999999999-0"


class Stand(NamedTuple):
    """How a case must stand at the end."""

    no: str
    state: str
    version: int
    clocks: tuple[Clock, ...]


class Stretch(NamedTuple):
    """What was kept of a stretch of time, each in the order of its stream: the checkpoint at its beginning, the calls,
    events and entries after that, how the cases stand at its end. `whole`: the end is the same moment in all of them;
    else each was kept as far as it was, and what one has more than the others is left alone. `older`: an event from
    before the stretch, by its stream id."""

    start: bytes
    calls: Iterable[Call]
    events: Iterable[Recorded]
    acts: Iterable[Act]
    cases: Iterable[Stand] = ()
    whole: bool = True
    older: Callable[[str], Event | None] = lambda name: None


class Same(NamedTuple):
    """No difference: how much was done again. `left`: entries that were kept, but not yet the call that made them."""

    calls: int
    acts: int
    cases: int
    left: int


class Wrong(Exception):
    """Carries a difference out of the call that found it."""

    def __init__(self, difference: Difference) -> None:
        super().__init__(difference)
        self.difference = difference


class Ended(Exception):
    """What was kept ends here, in the middle of a call."""


def verify(
    stretch: Stretch, desk_of: Callable[[str], Desk], redis: Redis, keys: Keys,
    said: Callable[[int], None] = lambda calls: None,
) -> Same | Difference:  # fmt: skip
    """Do the stretch again in `keys` of an empty server. `desk_of` gives the desk of a version of the configuration
    (its queue is not used); `said` hears how many calls were made. Raises BadSetting, Unreachable."""
    checkpoint.put_back(redis, keys, stretch.start)
    any_redis: Any = redis
    any_redis.hset(keys.archived, mapping={"events": FAR, "at": 0})  # the streams are trimmed here, when they were read
    again = Again(stretch, desk_of, redis, keys)
    done = 0
    try:
        for call in stretch.calls:
            again.make(call)
            done += 1
            if done % EVERY == 0:
                again.compare()
            if done % SAY_EVERY == 0:
                said(done)
        again.compare()
        said(done)
        left = again.end()
        return Same(done, again.same, again.stand() if stretch.whole or not left else 0, left)
    except Ended:
        return Same(done, again.same, 0, 0)
    except Wrong as wrong:
        return wrong.difference


class Elsewhere(DispatchQueue):
    """The queue of the empty server, which has no events from before the stretch."""

    older: Callable[[str], Event | None]
    marks: tuple[Wanting, ...] = ()

    def brought(self) -> list[dict[str, Any]]:
        """The marks that the act brought when it was done: it may have been asked for them by a case that was not yet
        as it then was."""
        return self.more_again(self.marks)

    def event(self, name: str) -> Event | None:
        """As it was recorded here, else as it was kept before."""
        return super().event(name) or self.older(name)


class Again:
    """Makes calls again and compares what they write."""

    def __init__(self, stretch: Stretch, desk_of: Callable[[str], Desk], redis: Redis, keys: Keys) -> None:
        self._stretch, self._desk_of, self._redis, self._keys = stretch, desk_of, redis, keys
        self._desks: dict[str, Desk] = {}
        self._events, self._acts = iter(stretch.events), iter(stretch.acts)
        self._ahead = next(self._events, None)
        self._read = "0-0"
        self.same = 0

    def make(self, call: Call) -> None:
        """One call. Raises Wrong when it cannot be made as it was, Ended when its events are not kept yet."""
        makes: dict[str, Callable[[Call, Desk, datetime], None]] = {
            "record": self._record, "act": self._act, "look": self._look, "told": self._told,
            "register": self._register, "aid_ask": self._aid, "aid_lend": self._aid,
            "correct": self._correct,
        }  # fmt: skip
        try:
            makes[call.kind](call, self._desk(call.version), moment(call.now))
        except (ActRefused, Refused, msgspec.DecodeError) as refused:
            self.compare()  # an earlier difference may be why
            expected = next(self._acts, None)
            raise Wrong(Difference(
                "refused", expected.id if expected else call.id, _case(call), call.asked.decode(errors="replace"),
                str(refused),
            )) from refused  # fmt: skip

    def compare(self) -> None:
        """Hold what was written since the last time against what was kept. Raises Wrong or Ended."""
        redis: Any = self._redis
        while rows := redis.xrange(self._keys.acts, min=f"({self._read}", count=1000):
            for name, row in rows:
                self._read = name.decode()
                self._same(Act(self._read, row[b"no"].decode(), row[b"e"]), next(self._acts, None))
        for stream in ("acts", "changes", "journal", "outbox"):
            redis.xtrim(self._keys(stream), maxlen=0, approximate=False)

    def end(self) -> int:
        """How many entries are left over; none may be of a whole stretch."""
        if not self._stretch.whole:
            return sum(1 for _ in self._acts)
        if (act := next(self._acts, None)) is not None:
            raise Wrong(Difference("entry", act.id, act.no, act.entry.decode(errors="replace"), ""))
        if self._ahead is not None:
            raise Wrong(Difference("events", self._ahead.id, self._ahead.case, "", self._ahead.event.id))
        return 0

    def stand(self) -> int:
        """How many cases stand as they must."""
        ledger, number = Ledger(self._redis, self._keys, UTC), 0
        for expected in self._stretch.cases:
            number += 1
            case = ledger.case(expected.no)
            got = Stand(case.no, case.state.value, case.version, case.clocks) if case else None
            if got != expected:
                raise Wrong(Difference("case", "", expected.no, stood(expected), stood(got) if got else ""))
        return number

    def _same(self, got: Act, kept: Act | None) -> None:
        if kept is None and not self._stretch.whole:
            raise Ended
        if kept is None or (got.no, got.entry) != (kept.no, kept.entry):
            raise Wrong(Difference(
                "entry", kept.id if kept else "", kept.no if kept else got.no,
                kept.entry.decode(errors="replace") if kept else "", got.entry.decode(errors="replace"),
            ))  # fmt: skip
        self.same += 1

    def _record(self, call: Call, desk: Desk, now: datetime) -> None:
        last = msgspec.json.decode(call.asked, type=str)
        batch = []
        while self._ahead is not None and order(self._ahead.id) <= order(last):
            batch.append(self._ahead)
            self._ahead = next(self._events, None)
        if len(batch) != call.count:
            self.compare()
            if len(batch) < call.count and not self._stretch.whole and self._ahead is None:
                raise Ended
            names = " ".join(event.id for event in batch)
            raise Wrong(Difference("events", last, "", str(call.count), f"{len(batch)}: {names}".rstrip(": ")))
        tagged = tag([event.event for event in batch], desk)
        recorded = desk.queue.record(tagged, now, [event.id for event in batch])
        if recorded.new != call.count:
            said = "; ".join(text for _, text in recorded.failed) or f"{recorded.duplicate} were there already"
            raise Wrong(Difference("events", last, "", str(call.count), f"{recorded.new}: {said}"))

    def _act(self, call: Call, desk: Desk, now: datetime) -> None:
        asked, beside = msgspec.json.decode(call.asked, type=Asked), msgspec.json.decode(call.asked, type=Beside)
        assert isinstance(desk.queue, Elsewhere), "`_desk` makes it so"
        desk.queue.marks = beside.marks
        case = desk.queue.case(asked.no) if beside.aid else None
        if case is None:
            acts.do(desk, asked, now)
            return
        act = acts.prepared(desk, workflow.BY_NAME[asked.name], asked, case, now)
        desk.queue.act(act._replace(patrol=asked.patrol, person=beside.person, post=beside.post, aid=beside.aid), now)

    def _look(self, call: Call, desk: Desk, now: datetime) -> None:
        wanted = msgspec.json.decode(call.asked, type=list[Wanting]) if call.asked else []
        desk.queue.look_again(wanted, now)

    def _told(self, call: Call, desk: Desk, now: datetime) -> None:
        told = msgspec.json.decode(call.asked, type=Told)
        desk.queue.task_done("0-0", told.alert, now, told.wait)

    def _register(self, call: Call, desk: Desk, now: datetime) -> None:
        desk.queue.register(msgspec.json.decode(call.asked, type=list[str]), now)

    def _aid(self, call: Call, desk: Desk, now: datetime) -> None:
        if call.kind == "aid_ask" or call.kind == "aid_lend":
            AidBook(desk.queue).again(call.kind, call.asked, now)

    def _correct(self, call: Call, desk: Desk, now: datetime) -> None:
        corrections.again(desk.queue, call.asked, now)

    def _desk(self, version: str) -> Desk:
        """The desk of a version, at this server."""
        if not version and self._desks:  # a partner's worker did it: by what we went by last
            return next(reversed(self._desks.values()))
        if version not in self._desks:
            desk = self._desk_of(version)
            queue = Elsewhere(self._redis, self._keys, desk.calendar.tz, desk.calendar, version)
            queue.older = self._stretch.older
            self._desks[version] = dataclasses.replace(desk, queue=queue)
        return self._desks[version]


def tag(events: Iterable[Event], desk: Desk) -> list[Tagged]:
    """Events as they were recorded, understood anew from what the devices said: without grid, cell and what they were
    found to be. What the fences say of a patrol is no sign of life of its own (see `fences.py`)."""
    bare = [
        replace(event, grid=None, grids=(), cell=None, flags=tuple(f for f in event.flags if f is not Flag.OUTSIDE))
        for event in events
    ]
    clock = f"gridpost/{desk.site}/clock"
    return [
        Tagged(each.event, each.intent)
        if each.event.source == clock and each.event.device != "clock" and Flag.WATCHED not in each.event.flags
        else each
        for each in understand(bare, desk)
    ]


def stands(queue: DispatchQueue, numbers: Iterable[str]) -> list[Stand]:
    """How these cases stand now."""
    return [Stand(case.no, case.state.value, case.version, case.clocks) for case in queue.cases(numbers)]


def _case(call: Call) -> str:
    """The case of an act, as far as it can be read."""
    try:
        asked: Mapping[str, Any] = msgspec.json.decode(call.asked, type=dict[str, Any])
    except msgspec.DecodeError:
        return ""
    return str(asked.get("no", ""))


def stood(stand: Stand) -> str:
    """A stand as JSON."""
    return msgspec.json.encode({"state": stand.state, "version": stand.version, "clocks": stand.clocks}).decode()
