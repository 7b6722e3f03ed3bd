"""A day played again: its reports and alerts through the real rules, its patrols simulated.

What came in goes through `ingest.understand` and the record script on a Valkey of its own, at the times it came, so
merging, opening, announcing first and every clock are the pipeline's own; what a desk and a crew do are the same acts
that people do (`acts.do`), at times that `chances` draws. Only the patrols are a model: each is where its own
fixes say while it is idle, drives along the roads when it is sent, stays on scene as long as such matters took, and
walks back to where its fixes have it.

What is not played: departments that are called, rework, extensions and suspensions, and cases that were open at
midnight.
"""

from __future__ import annotations

import heapq
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import inf
from typing import Any

import msgspec

from streams import acts, ingest
from streams.acts import Asked
from streams.codec import local_day, millis, moment, read_event
from streams.desk import Desk
from streams.dispatch_queue import Tagged
from streams.errors import ActRefused, Refused
from streams.model import Case, Reading, State
from streams.recommend import Wanted
from streams.sending import wanted
from streams.simulated_picture import ADDRESS
from streams.trace import Act as Entry
from streams.what_if.chances import Chances, Luck
from streams.what_if.crews import Crews
from streams.what_if.day import Day, Outcome
from streams.what_if.figures import Figures, Log, courses, measure
from streams.what_if.policies import Choose

log = logging.getLogger(__name__)
PAGE = 1000
READINGS_S, OTHERS_S = 30.0, 5.0
"""So long messages are recorded in one call; each keeps the time it was received."""
AGAIN_S = 60.0
"""Somebody may have come on duty: a case for which nobody was free is looked at again so often."""
Tell = Callable[[float], None]


@dataclass
class Clockwork:
    """The time of a model: the desk's `now`."""

    at: datetime

    def __call__(self) -> datetime:
        return self.at


@dataclass(frozen=True)
class Rules:
    """How a model is played. `speed`: times as fast as on the day."""

    choose: Choose
    chances: Chances
    seed: int
    speed: float = 1.0


@dataclass
class Model:
    """One day. `desk`: the site with the catalogue to be tried, on a queue of the model's own; its `now` is `clock`."""

    day: Day
    desk: Desk
    clock: Clockwork
    crews: Crews
    rules: Rules
    tell: Tell = lambda share: None
    metres: float = 0.0
    _due: list[tuple[float, int, Callable[[float], None]]] = field(default_factory=list)
    _serial: int = 0
    _waiting: dict[str, Wanted] = field(default_factory=dict)
    _opener: dict[str, tuple[str, str]] = field(default_factory=dict)
    _case_of: dict[tuple[str, str], str] = field(default_factory=dict)
    _by_alert: dict[str, tuple[str, str]] = field(default_factory=dict)
    _attempts: dict[str, int] = field(default_factory=dict)
    _read: str = "0-0"
    _looks: set[float] = field(default_factory=set)
    _stirred: bool = False
    _again: float = 0.0

    def play(self) -> Figures:
        """From the first message to the cut-off; the figures there."""
        demand = ingest.understand(self.day.events, self.desk)
        begin, cut = self.day.begin.timestamp(), self.day.cut.timestamp()
        n = 0
        while True:
            coming = demand[n].event.received.timestamp() if n < len(demand) else inf
            due = self._due[0][0] if self._due else inf
            now = min(coming, due)
            if now > cut or now == inf:
                break
            if due <= coming:
                heapq.heappop(self._due)[2](now)
            else:
                batch = _together(demand, n, due)
                n += len(batch)
                self._record(batch)
            self._dispatch(self.clock.at.timestamp())
            self.tell(min(1.0, (now - begin) / max(1.0, cut - begin)))
        return self._figures()

    def _at(self, when: float, what: Callable[[float], None]) -> None:
        self._serial += 1
        heapq.heappush(self._due, (when, self._serial, what))

    def _record(self, batch: list[Tagged]) -> None:
        """A batch through the record script, at the time its last event came."""
        last = batch[-1].event.received
        self._set(last.timestamp())
        opened = self.desk.queue.record(batch, last).opened
        for event, no in self._recorded():
            name, alert = (event.source, event.id), getattr(event.body, "alert", "")
            if alert:
                self._by_alert.setdefault(f"{event.device}/{alert}", name)
            if no:
                self._case_of[name] = no
                self._opener.setdefault(no, name)
                self._refresh(no)
        for no in opened:
            self._opened(no)
        if any(tagged.intent.announce for tagged in batch):
            self._look_later()

    def _recorded(self) -> list[tuple[Any, str]]:
        """The events just recorded, each with the case it went to."""
        queue = self.desk.queue
        rows: Any = queue.redis.xrange(queue.keys.events, min=f"({self._read}")
        if rows:
            self._read = rows[-1][0].decode()
        return [(read_event(row[b"e"]), row[b"c"].decode()) for _, row in rows]

    def _look_later(self) -> None:
        """Look again when the next announcement wants it."""
        queue = self.desk.queue
        first: Any = queue.redis.zrange(queue.keys("announced"), 0, 0, withscores=True)
        when = first[0][1] / 1000 if first else inf
        if when < inf and when not in self._looks:
            self._looks.add(when)
            self._at(when, self._look)

    def _look(self, now: float) -> None:
        self._set(now)
        for no in self.desk.queue.look(moment(now * 1000)).opened:
            self._opened(no)
        self._look_later()

    def _opened(self, no: str) -> None:
        """A new case: accepted by rule it waits for the desk to send somebody, else for somebody to verify it."""
        case = self._case(no)
        opener = self._opener.setdefault(no, self._by_alert.get(case.alert, (case.device, str(case.received))))
        luck, matter = self._luck(no), case.matter
        self._case_of.setdefault(opener, no)
        if case.state is State.ACCEPTED:
            self._ready_after(no, case.received / 1000, luck, matter)
        else:
            took = self.rules.chances.seconds("verify", matter, luck.verify)
            self._at(case.received / 1000 + took, lambda now: self._judge(no, now))

    def _ready_after(self, no: str, accepted: float, luck: Luck, matter: str) -> None:
        took = self.rules.chances.seconds("desk", matter, luck.desk)
        self._at(max(accepted + took, self.clock.at.timestamp()), lambda now: self._ready(no, now))

    def _judge(self, no: str, now: float) -> None:
        """A person decides as somebody decided on the day; what nobody decided is accepted."""
        self._set(now)
        case, outcome = self._case(no), self.day.outcome(self._opener[no], "")
        if outcome is not None and case.state in (State.REPORTED, State.VERIFIED):
            if outcome.state == State.REJECTED and self._act(no, "reject", text="model"):
                return
            if outcome.state == State.MERGED and self._merged(no, outcome):
                return
            if not case.grid and outcome.place:
                self._act(no, "place", place=outcome.place)
            if case.matter != outcome.matter:
                self._act(no, "classify", matter=outcome.matter)
        if self._case(no).state is State.REPORTED:
            self._act(no, "verify")
        if self._case(no).state is State.VERIFIED:
            self._act(no, "accept")
        case = self._case(no)
        if case.state is State.ACCEPTED:
            self._ready_after(no, now, self._luck(no), case.matter)

    def _merged(self, no: str, outcome: Outcome) -> bool:
        into = self._case_of.get(self.day.opener.get(outcome.into, ("", "")), "")
        return bool(into) and into != no and self._act(no, "merge", into=into)

    def _ready(self, no: str, now: float) -> None:
        """The desk has got to it: whoever can go is sent; in no grid nobody can be."""
        case = self._case(no)
        self._set(now)
        if case.state is State.ACCEPTED and case.grid and case.lon is not None:
            self._waiting[no] = wanted(self.desk, case)
            self._stirred = True

    def _dispatch(self, now: float) -> None:
        """Send whoever the policy sends, when something has changed."""
        if not self._stirred or not self._waiting:
            return
        self._stirred = False
        free = self.crews.free(now)
        if free:
            cases = sorted(self._waiting.values(), key=lambda one: (one.case.received, one.case.no))
            for no, patrol in list(self.rules.choose(cases, free, self.clock.at)):
                self._send(no, patrol, now)
        if self._waiting and self._again <= now:
            self._again = now + AGAIN_S
            self._at(self._again, self._stir)

    def _stir(self, now: float) -> None:
        self._set(now)
        self._stirred = True

    def _send(self, no: str, patrol: str, now: float) -> None:
        case = self._waiting.pop(no)
        if not self._act(no, "dispatch", patrol=patrol):
            return
        luck, chances, matter = self._luck(no), self.rules.chances, case.case.matter
        self._attempts[no] = attempt = self._attempts.get(no, 0) + 1
        going = self.crews.send(patrol, now, case)
        share, when = luck.declines(attempt)
        if share < chances.declined:
            self._at(now + chances.seconds("decline", matter, when), lambda at: self._declined(no, patrol, at))
            return
        pace = chances.pace(self.crews[patrol].patrol.kind, luck.pace) * self.rules.speed
        left = now + chances.seconds("answer", matter, luck.answer)
        arrived = left + going.metres / pace
        handled = arrived + chances.seconds("scene", matter, luck.scene)
        self._at(left, lambda at: self._done(no, "depart", at))
        self._at(arrived, lambda at: self._arrived(no, going.metres, at))
        self._at(handled, lambda at: self._handled(no, patrol, case, at))
        checked = handled + chances.seconds("check", matter, luck.check)
        self._at(checked, lambda at: self._done(no, "close", at))

    def _declined(self, no: str, patrol: str, now: float) -> None:
        self._done(no, "decline", now, text="model")
        self.crews.release(patrol, now)
        self._ready(no, now)

    def _arrived(self, no: str, metres: float, now: float) -> None:
        self.metres += metres
        self._done(no, "arrive", now)

    def _handled(self, no: str, patrol: str, case: Wanted, now: float) -> None:
        self._done(no, "handle", now, text="model", image=ADDRESS)
        self.crews.release(patrol, now, case.case)
        self._stirred = True

    def _done(self, no: str, name: str, now: float, **given: str) -> None:
        self._set(now)
        self._act(no, name, **given)

    def _act(self, no: str, name: str, **given: Any) -> bool:
        """Whether the rules allowed it."""
        self._serial += 1
        try:
            asked = Asked(no=no, name=name, by="model", role="supervisor", request=f"{no}/{self._serial}", **given)
            acts.do(self.desk, asked, self.clock.at)
        except (ActRefused, Refused) as refused:
            log.debug("the model's %s was refused: %s", name, refused)
            return False
        return True

    def _refresh(self, no: str) -> None:
        """A case that waits has got more events: it may have become more urgent."""
        if no in self._waiting:
            self._waiting[no] = wanted(self.desk, self._case(no))

    def _case(self, no: str) -> Case:
        case = self.desk.queue.case(no)
        assert case is not None, "a case of the model is kept as long as the model"
        return case

    def _luck(self, no: str) -> Luck:
        return Luck.of(self.rules.seed, "/".join(self._opener[no]))

    def _set(self, now: float) -> None:
        self.clock.at = max(self.clock.at, datetime.fromtimestamp(now, UTC))

    def _figures(self) -> Figures:
        queue = self.desk.queue
        cases = queue.cases_of(local_day(self.day.begin, queue.tz))
        entries: list[Entry] = []
        while page := queue.acts(entries[-1].id if entries else "0-0", PAGE):
            entries += page
        made = [msgspec.json.decode(each.entry) for each in entries]
        found = [Log(each.no, said["at"], said["act"]) for each, said in zip(entries, made, strict=True)]
        return measure(
            courses(((case, case.clocks) for case in cases), found), found, self.metres / 1000, millis(self.day.begin),
            millis(self.day.cut),
        )  # fmt: skip


def _together(demand: list[Tagged], start: int, due: float) -> list[Tagged]:
    """What is recorded in one call: readings, or whatever else came within some seconds."""
    first = demand[start].event
    span = READINGS_S if isinstance(first.body, Reading) else OTHERS_S
    until = min(first.received.timestamp() + span, due)
    stop = start + 1
    while (
        stop < len(demand)
        and demand[stop].event.received.timestamp() < until
        and (isinstance(demand[stop].event.body, Reading) == isinstance(first.body, Reading))
    ):
        stop += 1
    return demand[start:stop]
