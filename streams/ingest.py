"""The ingest worker, read top to bottom: what becomes of a message.

A batch is acknowledged last, after Redis has everything: if the worker dies anywhere before, the broker sends the
batch again and the record script knows what it has already. A dead letter may then be kept twice, which is better than
not at all. While Redis is away nothing is acknowledged; the batch waits here, in order, and the broker holds the rest.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import NamedTuple, TypeVar

import msgspec
import numpy as np

from geo.tagging import GridIndex
from streams import acts, mutual, triage
from streams.acts import Asked
from streams.codec import Who, seen_member
from streams.desk import Desk
from streams.dialects import decode
from streams.dispatch_queue import Recorded, Tagged
from streams.errors import ActRefused, Refused, Unreachable
from streams.model import Event, Flag, Ignored, Movement, Reply, Report
from streams.mqtt import Batch, Message
from streams.outbox import Letter
from streams.register import Register

log = logging.getLogger(__name__)
RETRY_S = 0.5

Answer = TypeVar("Answer")


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
    intents = triage.apply(
        desk.matters, placed, desk.calendar, desk.register.patrols, desk.organisation, desk.speakers
    )
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
    """A patrol's answer moves its case. What the table refuses is kept with the reason, and its device is told; nothing
    changes."""
    body = event.body
    assert isinstance(body, Reply), "only replies come here"
    patrol = event.device in desk.register.patrols
    asked = Asked(
        no=body.case, name=body.act, by=event.device, role="field" if patrol else "department",
        request=seen_member(event), patrol=event.device if patrol else "", department="" if patrol else event.device,
        dispatch=body.dispatch, text=body.text, image=body.image or "",
    )  # fmt: skip
    do = mutual.answer if "/" in body.case else acts.do  # a partner's case bears its site
    try:
        do(desk, asked, event.received)  # when it came, not when Redis had time for it
    except ActRefused as refused:
        bury([letter(message, "reply_refused", str(refused))], desk)
        if patrol or event.device in desk.organisation.departments:
            desk.queue.tell_refused(event.device, body, refused.code, str(refused), event.received)


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


def _origin(event: Event, register: Register) -> tuple[str | None, Who, str | None]:
    """The data source of the register that an event came by, who speaks, and for which department."""
    patrol = register.patrols.get(event.device)
    if patrol is not None:
        return patrol.source or None, "patrol", patrol.department or None
    device = register.devices.get(event.device)
    if device is not None:
        return device.source or None, "device", None
    if isinstance(event.body, Report) and event.device in register.sources:
        return event.device, "other", None
    return None, "patrol" if isinstance(event.body, Movement) else "other", None
