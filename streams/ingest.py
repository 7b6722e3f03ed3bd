"""The ingest worker, read top to bottom: what becomes of a message.

A batch is acknowledged last, after Redis has everything: if the worker dies anywhere before, the broker sends the
batch again and the record script knows what it has already. A dead letter may then be kept twice, which is better than
not at all. While Redis is away nothing is acknowledged; the batch waits here, in order, and the broker holds the rest.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property, partial
from typing import NamedTuple, TypeVar

import msgspec
import numpy as np

from geo.tagging import GridIndex
from streams import triage
from streams.clocks import Calendar
from streams.codec import Who, seen_member
from streams.dialects import decode
from streams.dispatch_queue import Act, DispatchQueue, Letter, Recorded, Tagged
from streams.errors import ActRefused, Refused, Unreachable
from streams.matters import Matters
from streams.model import Event, Flag, Ignored, Movement, Reply, Report
from streams.mqtt import Batch, Message
from streams.register import Register

log = logging.getLogger(__name__)
RETRY_S = 0.5
FULL = 0.8
"""The share of Redis' memory at which nothing more is acknowledged: the broker keeps it, and every screen says so."""
GATE_EVERY = timedelta(seconds=5)

Answer = TypeVar("Answer")


class Gate:
    """Holds the work while Redis is nearly full, and tells every screen so. Asked for each batch, looks every 5 s."""

    def __init__(self, queue: DispatchQueue, now: Callable[[], datetime]) -> None:
        self._queue, self._now = queue, now
        self._looked: datetime | None = None
        self.full = False

    def check(self) -> None:
        """Raises Unreachable while the memory is full."""
        now = self._now()
        if self._looked is None or self.full or now - self._looked > GATE_EVERY:
            used = self._queue.memory()
            self._looked = now
            if (used >= FULL) != self.full:
                self.full = used >= FULL
                self._tell(used, now)
        if self.full:
            raise Unreachable(f"Redis uses more than {FULL:.0%} of its memory: give it more, or archive")

    def _tell(self, used: float, now: datetime) -> None:
        if self.full:
            zh = f"存储已用 {used:.0%}，暂停接收新消息，消息由消息服务器保管；请管理员扩容。"
            en = f"Storage is {used:.0%} full: nothing new is taken in, the broker keeps it; give it more memory."
        else:
            zh, en = "存储已恢复，继续接收消息。", "Storage has room again: taking in messages."
        self._queue.notice("storage_full" if self.full else "storage_fine", zh, en, now)


@dataclass(frozen=True)
class Desk:
    """What ingest needs to know of its site. `now` gives the centre's aware UTC time."""

    site: str
    register: Register
    index: GridIndex
    matters: Matters
    calendar: Calendar
    queue: DispatchQueue
    now: Callable[[], datetime]
    stop: threading.Event = field(default_factory=threading.Event)

    @cached_property
    def gate(self) -> Gate:
        """Whether Redis has room."""
        return Gate(self.queue, self.now)


class Sorted(NamedTuple):
    """A batch, decoded: what to record, what to bury, what to count."""

    tagged: list[Tagged]
    letters: list[Letter]
    ignored: Counter[str]
    origin: list[Message]


def run(batches: Iterable[Batch | None], desk: Desk) -> None:
    """Work until the batches end. Each batch: sort, record, acknowledge. Redis writes one to disk while the next is
    decoded and tagged; the order stays."""
    at_work: Future[None] | None = None
    with ThreadPoolExecutor(1, "record") as recorder:
        for batch in batches:
            if batch is None:
                if at_work is not None and at_work.done():
                    at_work.result()  # a failure is ours to see, also when nothing else comes
                continue
            work = sort(batch.messages, desk)
            if at_work is not None:
                at_work.result()
            at_work = recorder.submit(finish, batch, work, desk)
        if at_work is not None:
            at_work.result()


def finish(batch: Batch, work: Sorted, desk: Desk) -> None:
    """Everything of one batch into Redis, then, and only then, the acknowledgement."""
    try:
        record(work, desk)
    except Unreachable:
        if not desk.stop.is_set():
            raise
        log.warning("stopped with %d messages unacknowledged; the broker keeps them", len(batch.messages))
        return
    batch.acknowledge()


def sort(messages: Sequence[Message], desk: Desk) -> Sorted:
    """Decode, place, triage. Never raises for what a message contains."""
    events: list[Event] = []
    origin: list[Message] = []
    letters: list[Letter] = []
    ignored: Counter[str] = Counter()
    for message in messages:
        try:
            found = decode(
                message.topic, message.payload, received=message.received, site=desk.site, register=desk.register
            )
        except Refused as refused:
            letters.append(letter(message, refused.reason, refused.text))
            continue
        if isinstance(found, Ignored):
            ignored[found.what] += 1
            continue
        events += found
        origin += [message] * len(found)
    return Sorted(understand(events, desk), letters, ignored, origin)


def understand(events: Sequence[Event], desk: Desk) -> list[Tagged]:
    """Tag each event with its grid and say what it asks for."""
    placed = place(events, desk.index)
    intents = triage.apply(desk.matters, placed, desk.now(), desk.calendar, desk.register.patrols)
    return [
        Tagged(event, intent, *_origin(event, desk.register)) for event, intent in zip(placed, intents, strict=True)
    ]


def place(events: Sequence[Event], index: GridIndex) -> list[Event]:
    """The events with grid, grids and cell; what lies in no grid is flagged `outside`."""
    positions = [event.position for event in events]
    where = [n for n, position in enumerate(positions) if position is not None]
    tags = index.tag_many(
        np.array([position.lon for position in positions if position is not None]),
        np.array([position.lat for position in positions if position is not None]),
    )
    placed = list(events)
    for n, tag in zip(where, tags, strict=True):
        flags = placed[n].flags if tag.grid else (*placed[n].flags, Flag.OUTSIDE)
        placed[n] = msgspec.structs.replace(placed[n], grid=tag.grid, grids=tag.grids, cell=tag.cell, flags=flags)
    return placed


def record(work: Sorted, desk: Desk) -> Recorded:
    """One call of the record script, then what it could not do, the dead letters, the counts and the replies."""
    persist(desk, desk.gate.check)
    recorded = persist(desk, lambda: desk.queue.record(work.tagged, desk.now()))
    letters = work.letters + [letter(work.origin[n], "internal", text) for n, text in recorded.failed]
    if letters:
        persist(desk, partial(bury, letters, desk))
    if work.ignored:
        persist(desk, lambda: desk.queue.ignored(dict(work.ignored), desk.now()))
    for n, tagged in enumerate(work.tagged):
        if tagged.event.kind == "reply":
            persist(desk, partial(reply, tagged.event, work.origin[n], desk))
    return recorded


def letter(message: Message, reason: str, text: str) -> Letter:
    """A message that cannot be used, and why."""
    return Letter(message.topic, message.payload, reason, text, message.received)


def bury(letters: Sequence[Letter], desk: Desk) -> None:
    """Keep messages that cannot be used."""
    for each in letters:
        log.info("dead letter: %s %s", each.reason, each.text)
    desk.queue.dead_letters(letters)


def reply(event: Event, message: Message, desk: Desk) -> None:
    """A patrol's answer moves its case. What the table refuses is kept with the reason; nothing changes."""
    body = event.body
    assert isinstance(body, Reply), "only replies come here"
    act = Act(
        body.case, body.act, by=event.device, role="patrol", request=seen_member(event), patrol=event.device,
        dispatch=body.dispatch, text=body.text, image=body.image or "",
    )  # fmt: skip
    try:
        desk.queue.act(act, event.received)  # when it came, not when Redis had time for it
    except ActRefused as refused:
        bury([letter(message, "reply_refused", str(refused))], desk)


def persist(desk: Desk, call: Callable[[], Answer]) -> Answer:
    """The answer of `call`, asked again until Redis is there. Raises Unreachable only when told to stop."""
    tries = 0
    while True:
        try:
            answer = call()
        except Unreachable as error:
            if tries == 0:
                log.warning("%s; nothing is acknowledged until it is back", error)
            tries += 1
            if desk.stop.wait(RETRY_S):
                raise
            continue
        if tries:
            log.warning("Redis is back after %d tries; going on where we were", tries)
        return answer


def _origin(event: Event, register: Register) -> tuple[str | None, Who]:
    """The data source of the register that an event came by, and who speaks."""
    patrol = register.patrols.get(event.device)
    if patrol is not None:
        return patrol.source or None, "patrol"
    device = register.devices.get(event.device)
    if device is not None:
        return device.source or None, "device"
    if isinstance(event.body, Report) and event.device in register.sources:
        return event.device, "other"
    return None, "patrol" if isinstance(event.body, Movement) else "other"
