"""Reads the changes of one site in a thread of its own and hands them over to the event loop.

A thread, because the queue's client waits for Redis. At the start, and when an outage was longer than the changes
are kept, the whole state is loaded first; then every change after it is handed over, in order and none left out.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import timedelta

from app.centre import Centre
from streams.codec import local_day, millis
from streams.errors import Unreachable
from streams.ledger import STREAM_ID, Change
from streams.snapshot import Snapshot, alert_item, device_item, patrol_item

log = logging.getLogger("gridpost.feed")

BLOCK_MS = 500
PAGE = 500
TRAIL_S = 600
DAYS_OF_CASES = 7
LONGEST_WAIT_S = 3.0


class Follower:
    """`begin` gets a loaded snapshot, `take` what came after it; `take` is also called with nothing twice a second,
    which says that Redis answers."""

    def __init__(
        self, centre: Centre, begin: Callable[[Snapshot], None], take: Callable[[list[Change]], None]
    ) -> None:
        self._centre = centre
        self._begin = begin
        self._take = take
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """End soon; does not wait for it."""
        self._stopping.set()

    def _run(self) -> None:
        after, doubtful, wait = "", True, 0.1
        while not self._stopping.is_set():
            try:
                if doubtful:
                    after = self._settle(after)
                    doubtful = False
                changes = self._centre.queue.changes(after, BLOCK_MS, PAGE)
            except Exception as error:  # whatever it was: a feed that ends silently is the worst
                log.warning("the feed waits: %s", error, exc_info=not isinstance(error, Unreachable))
                doubtful = True
                self._stopping.wait(wait)
                wait = min(LONGEST_WAIT_S, wait * 2)
                continue
            wait = 0.1
            if changes:
                after = changes[-1].id
            self._take(changes)

    def _settle(self, after: str) -> str:
        """Where to go on: after what we have, or after a state that is loaded anew."""
        queue = self._centre.queue
        if after and place(queue.oldest_change()) <= place(after) <= place(queue.last_change()):
            return after
        snapshot = load(self._centre)
        self._begin(snapshot)
        return snapshot.id


def load(centre: Centre) -> Snapshot:
    """The state of the site as Redis has it now, with the trails of the last ten minutes."""
    queue, now, tz = centre.queue, centre.now(), centre.settings.tz
    snapshot = Snapshot(centre.pictures.address)
    snapshot.id = queue.last_change()
    snapshot.patrols = {name: patrol_item(name, row) for name, row in queue.patrols().items()}
    alerts = [alert_item(row, centre.pictures.address) for row in queue.alerts() if "alert" in row]
    snapshot.alerts = {item["alert"]: item for item in alerts}
    heard = queue.devices()
    for name, device in centre.register.devices.items():
        place_of = {"lon": device.position.lon, "lat": device.position.lat}
        snapshot.devices[name] = {**device_item(name, heard.get(name, {})), **place_of}
    for name in heard.keys() - centre.register.devices.keys():
        snapshot.devices[name] = device_item(name, heard[name])
    today = now.astimezone(tz)
    for back in range(DAYS_OF_CASES):
        for case in queue.cases_of(local_day(today - timedelta(days=back), tz)):
            snapshot.load_case(case)
    for case in (*queue.open_cases(), *queue.closed_on(local_day(now, tz))):
        snapshot.load_case(case)
    trail_from = f"{millis(now) - TRAIL_S * 1000}-0"
    while page := queue.changes(trail_from, 0, PAGE):
        for change in page:
            snapshot.add_trails(change)
        trail_from = page[-1].id
        if place(trail_from) >= place(snapshot.id):
            break
    return snapshot


def place(stream_id: str) -> tuple[int, int]:
    """A stream id as something that compares: as texts `9-0` would come after `10-0`."""
    ms, _, serial = stream_id.partition("-")
    return int(ms), int(serial or 0)


def is_stream_id(text: str) -> bool:
    """Whether a text that a browser sent is a stream id."""
    return STREAM_ID.fullmatch(text) is not None


