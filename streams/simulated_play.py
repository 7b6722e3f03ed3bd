"""A span of a simulated town's life, played in one process as fast as it goes, through everything but the broker.

What the town says goes through the recipe of ingest (`sort`, `record`), what the outbox holds goes back to the town as
the clock worker would publish it, the clock worker's rules run with the time of the `Watch`, and a crew works at the
desk. So a whole day shows in minutes what the rules bring about, and the figures can be checked against what was said.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from streams import ingest
from streams.codec import moment
from streams.desk import Desk
from streams.fences import Fences
from streams.model import Case, State
from streams.mqtt import Message
from streams.scoring import runs
from streams.simulated_operators import Crew, DeskDoor, Deskwork, best
from streams.simulator import Place, Town
from streams.watch import Silence, keep_time, send_tasks
from streams.workflow import ON_CASE, STATE_NAMES

STEP_S, CREW_S, PATROLLED_S = 10, 20, 60
BATCH = 256
FIX_S = 30.0
"""Officers of a played span say where they are less often: most of the time would be theirs."""


@dataclass
class Watch:
    """The time of a played span: the desk's `now`."""

    at: datetime

    def __call__(self) -> datetime:
        return self.at


@dataclass
class Play:
    """`desk.now` is `watch`. `listen` hears each message, of the town and of the centre, with the time it was sent."""

    town: Town
    desk: Desk
    watch: Watch
    crew: Crew | None = None
    listen: Callable[[str, bytes, datetime], None] = lambda topic, payload, at: None
    messages: int = 0
    reminders: int = 0
    _steps: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        """The rules that remember who moved since they began to look."""
        self._silence, self._fences = Silence(self.desk), Fences(self.desk, self.desk.borders)

    def until(self, end: datetime) -> None:
        """Play up to `end`, in steps of 10 s."""
        while self.watch.at < end:
            self.watch.at += timedelta(seconds=STEP_S)
            self._steps += 1
            self._step()

    def send(self, topic: str, payload: bytes, *, timeout: float) -> None:
        """What the clock worker publishes reaches the town at once."""
        self.listen(topic, payload, self.watch.at)
        self.town.hear(topic, payload, self.watch.at)

    def _step(self) -> None:
        desk, now = self.desk, self.watch.at
        said = [Message(sent.topic, sent.payload, sent.at) for sent in self.town.until(now)]
        for start in range(0, len(said), BATCH):
            ingest.record(ingest.sort(said[start : start + BATCH], desk), desk)
        for message in said:
            self.listen(message.topic, message.payload, message.received)
        self.messages += len(said)
        self.reminders += len(keep_time(desk).noted)
        if self._every(PATROLLED_S):
            self._silence.look()
            self._fences.look()
            desk.queue.seal(now)
        if self.crew is not None and self._every(CREW_S):
            self.crew.work(now)
        while desk.queue.redis.xlen(desk.queue.keys.outbox):
            send_tasks(desk, self, "play")

    def _every(self, seconds: int) -> bool:
        return self._steps * STEP_S % seconds == 0


def why_open(case: Case, now: datetime) -> str:
    """Why a case is open at the end: its state, and what ends that; "" when nothing would (then something is wrong)."""
    name = STATE_NAMES[case.state][1].lower()
    if case.request is not None:
        return f"{name}: {case.request.act} was asked for by {case.request.by} and waits for a decision"
    if case.state is State.SUSPENDED:
        return f"{name} until {moment(case.until).isoformat()}" if case.until else f"{name} until somebody resumes it"
    if case.state is State.HANDLED:
        return f"{name} since {moment(case.acted).isoformat()}"
    left = sorted((clock for clock in case.clocks if runs(clock)), key=lambda clock: clock.due)
    if not left or (case.state in ON_CASE and not (case.patrol or case.department)):
        return ""
    who = f" by {case.patrol or case.department}" if case.state in ON_CASE else ""
    over = "overdue since" if moment(left[0].due) <= now else "due"
    return f"{name}{who}: {left[0].name} {over} {moment(left[0].due).isoformat()}"


def begin(place: Place, desk: Desk, watch: Watch, *, seed: int, operators: int) -> Play:
    """A town that begins to live now, before the desk of `operators` people. `desk.now` must be `watch`."""
    town = Town(
        place, site=desk.site, seed=seed, start=watch.at, timezone=str(desk.calendar.tz), opening=False, fix_every=FIX_S
    )
    deskwork = Deskwork(desk.matters, seed, town.somewhere, partial(best, desk))
    return Play(town, desk, watch, Crew(DeskDoor(desk), deskwork, operators) if operators else None)
