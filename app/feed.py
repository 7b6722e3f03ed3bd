"""The feed: one follower of the stream of changes per process, any number of listeners.

What every listener hears is encoded once. Cases, alerts and notices leave as they come and are queued for each
listener; one that is more than 1 MB behind with them is disconnected and comes back with `Last-Event-ID`. Patrols
and devices are collected and leave once a second (sooner together with a case, so that a dispatched patrol turns at
once). They are not queued: a slow listener is owed "what changed since tick n", so a patrol that moved ten times
meanwhile costs one line.

The `id:` of an event is a change up to which this listener has surely heard everything, so coming back may
repeat a little and never misses anything. A heartbeat means that data is flowing: while Redis does not answer
there is none.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from app.catching_up import COLLECTED, catch_up, message, messages
from app.centre import Centre
from app.follower import Follower, is_stream_id, place
from streams import scoring
from streams.codec import millis
from streams.errors import Unreachable
from streams.keys import CHANGES_MS
from streams.ledger import Change
from streams.model import Case
from streams.snapshot import Item, Outgoing, Snapshot

log = logging.getLogger(__name__)

TICK_S = 1.0
SOONEST_S = 0.2
HEARTBEAT_S = 5.0
FIGURES_S = 2.0
FIGURES_OLD_S = 30.0
SILENT_S = 3.0
OWED_BYTES = 1_000_000


class Listener:
    """One browser: what it has yet to hear, and `safe`: the change up to which it has heard everything."""

    def __init__(self, safe: str) -> None:
        self.safe = safe
        self.owed: deque[bytes] = deque()
        self.owed_bytes = 0
        self.since: int | None = None
        self.beat = False
        self.figures = False
        self.closed = asyncio.Event()
        self.wake = asyncio.Event()

    def owe(self, message: bytes) -> None:
        """Queue a message that must not be lost; closes the listener when it is too far behind."""
        self.owed.append(message)
        self.owed_bytes += len(message)
        if self.owed_bytes > OWED_BYTES:
            self.close()
        self.wake.set()

    def close(self) -> None:
        """Let it go: the browser comes back by itself."""
        self.closed.set()
        self.wake.set()


class Feed:
    """Follows the changes of one centre and tells every listener. All of it runs on the event loop."""

    def __init__(self, centre: Centre) -> None:
        self.centre = centre
        self.snapshot = Snapshot()
        self.listeners: set[Listener] = set()
        self.loaded = asyncio.Event()
        self.closing = False
        self.figures: dict[str, Any] = {}
        self._alive = 0.0
        self._follower: Follower | None = None
        self._ticker: asyncio.Task[None] | None = None
        self._pending: dict[str, dict[str, Item]] = {event: {} for event in COLLECTED}
        self._tick = 0
        self._ticked = 0.0
        self._flushed = "0-0"
        self._floor = "0-0"
        self._changed: dict[str, dict[str, int]] = {event: {} for event in COLLECTED}
        self._encoded: dict[int, bytes] = {}
        self._document: tuple[str, bytes] = ("", b"")
        self._figures_due = True
        self._figured = 0.0
        self._day_start = 0
        self._counts: dict[str, int] = {}

    def start(self) -> None:
        """Begin to follow; returns at once."""
        loop = asyncio.get_running_loop()

        def hand(call: Any) -> Any:
            def handed(argument: Any) -> None:
                with contextlib.suppress(RuntimeError):  # the loop has ended: nobody listens any more
                    loop.call_soon_threadsafe(call, argument)

            return handed

        self._follower = Follower(self.centre, hand(self.begin), hand(self.take))
        self._follower.start()
        self._ticker = asyncio.create_task(self._run_ticks())

    async def stop(self) -> None:
        """Stop following and let every listener go."""
        if self._follower:
            self._follower.stop()
        self.close_listeners()
        if self._ticker:
            self._ticker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._ticker

    def close_listeners(self, *, for_good: bool = False) -> None:
        """Let every listener go; `for_good`: and take no new ones, since the server stops."""
        self.closing = self.closing or for_good
        for listener in list(self.listeners):
            listener.close()

    @property
    def flowing(self) -> bool:
        """Whether Redis answered within the last seconds."""
        return self.loaded.is_set() and time.monotonic() - self._alive < SILENT_S

    def begin(self, snapshot: Snapshot) -> None:
        """Start over from a loaded state; whoever listens comes back and gets it whole."""
        self._floor = snapshot.id if self.loaded.is_set() else "0-0"
        self.snapshot, self._encoded = snapshot, {}
        self._pending = {event: {} for event in COLLECTED}
        self._flushed, self._figures_due, self._alive = snapshot.id, True, time.monotonic()
        self._document = ("", b"")
        self.loaded.set()
        self.close_listeners()

    def take(self, changes: list[Change]) -> None:
        """Fold changes in and tell the listeners."""
        self._alive = time.monotonic()
        urgent = False
        for change in changes:
            for outgoing in self.snapshot.fold(change):
                if outgoing.event in COLLECTED:
                    self._collect(outgoing)
                else:
                    urgent = True
                    self._figures_due = self._figures_due or outgoing.event == "case"
                    self._tell(outgoing)
        if urgent and self._alive - self._ticked >= SOONEST_S:
            self.flush()

    def flush(self) -> None:
        """Let go what was collected: every listener is owed it from this tick on."""
        self._ticked = time.monotonic()
        self._flushed = self.snapshot.id
        if not any(self._pending.values()):
            return
        self._tick += 1
        self._encoded = {self._tick: messages({event: list(self._pending[event].values()) for event in COLLECTED})}
        for event, items in self._pending.items():
            self._changed[event].update(dict.fromkeys(items, self._tick))
        self._pending = {event: {} for event in COLLECTED}
        for listener in self.listeners:
            if listener.since is None:
                listener.since = self._tick
            listener.wake.set()

    def next_message(self, listener: Listener) -> bytes | None:
        """What the listener hears next, None when it has heard everything."""
        if listener.owed:
            body = listener.owed.popleft()
            listener.owed_bytes -= len(body)
            self._settle(listener)
            return body
        if listener.since is not None:
            body, listener.since = self._moved_since(listener.since), None
            self._settle(listener)
            return body
        self._settle(listener)
        if listener.figures:
            listener.figures = False
            return message("figures", self.figures)
        if listener.beat:
            listener.beat = False
            return message("heartbeat", {"now": millis(self.centre.now()), "last": listener.safe})
        return None

    def _settle(self, listener: Listener) -> None:
        """When nothing is owed, the listener has heard everything up to the last flush."""
        if not listener.owed and listener.since is None and place(self._flushed) > place(listener.safe):
            listener.safe = self._flushed

    def join(self) -> Listener:
        """A new listener; what it is told first (`opening`) reaches up to the change `safe`."""
        listener = Listener(self.snapshot.id)
        listener.beat = self.flowing
        self.listeners.add(listener)
        if self.closing:
            listener.close()
        return listener

    async def opening(self, last: str, listener: Listener) -> bytes:
        """What a listener hears first: what it missed since `last` when that is still kept, else everything."""
        upto = listener.safe
        if last and is_stream_id(last):
            age = millis(self.centre.now()) - place(last)[0]
            if age < CHANGES_MS - 60_000 and place(self._floor) <= place(last) <= place(upto):
                missed = await asyncio.to_thread(catch_up, self.centre, last, upto)
                if missed is not None:
                    return missed
        listener.owed.clear()  # the snapshot below holds them
        listener.owed_bytes, listener.since = 0, None
        listener.safe = self.snapshot.id
        return self.whole()

    def whole(self) -> bytes:
        """The snapshot event; encoded once for all who ask for the same state."""
        if self._document[0] != self.snapshot.id:
            document = self.snapshot.document(millis(self.centre.now()), self.figures)
            self._document = (self.snapshot.id, message("snapshot", document))
        return self._document[1]

    def _collect(self, outgoing: Outgoing) -> None:
        pending = self._pending[outgoing.event]
        for item in outgoing.items:
            known = pending.get(item["id"])
            if known is None:
                pending[item["id"]] = dict(item)
            else:
                known.update(item)

    def _tell(self, outgoing: Outgoing) -> None:
        if self.listeners:
            body = message(outgoing.event, {"items": outgoing.items})
            for listener in list(self.listeners):
                listener.owe(body)

    def _moved_since(self, tick: int) -> bytes:
        """What changed in or after a tick; that of the last tick is encoded already."""
        if tick not in self._encoded:
            known = {"patrols": self.snapshot.patrols, "device": self.snapshot.devices}
            late = {
                event: [known[event][name] for name, at in self._changed[event].items() if at >= tick]
                for event in COLLECTED
            }
            self._encoded[tick] = messages(late)
        return self._encoded[tick]

    async def _run_ticks(self) -> None:
        beaten = 0.0
        while True:
            await asyncio.sleep(TICK_S)
            self.flush()
            now = time.monotonic()
            if now - self._figured >= (FIGURES_S if self._figures_due else FIGURES_OLD_S) and self.flowing:
                await self._count(now)
            if now - beaten >= HEARTBEAT_S - TICK_S / 2 and self.flowing:
                beaten = now
                for listener in self.listeners:
                    listener.beat = True
                    listener.wake.set()

    def _figures_of(
        self, cases: list[Case], start: datetime, at: datetime, leads: Mapping[str, str]
    ) -> scoring.Figures:
        try:
            self._counts = self.centre.queue.counts(start.date().isoformat())
        except Unreachable:  # the loop that reads changes says so; what was counted last stands
            log.debug("no counts: Redis does not answer")
        return scoring.figures(cases, start, at, leads, self._counts)

    async def _count(self, now: float) -> None:
        """Work out the figures of today, beside the loop, and tell them."""
        self._figured, self._figures_due = now, False
        at = self.centre.now().astimezone(self.centre.settings.tz)
        start = datetime(at.year, at.month, at.day, tzinfo=self.centre.settings.tz)
        if millis(start) != self._day_start:
            self._day_start = millis(start)
            self.snapshot.forget_closed(self._day_start)
        leads = {key: matter.lead for key, matter in self.centre.matters.matters.items()}
        cases = list(self.snapshot.cases.values())
        found = await asyncio.to_thread(self._figures_of, cases, start, at, leads)
        self.figures = msgspec.to_builtins(found)
        self._document = ("", b"")
        for listener in self.listeners:
            listener.figures = True
            listener.wake.set()
