"""Publishes a recording again, as if it happened now: at its own pace, faster, or as fast as acknowledged.

Times are shifted all by the same amount, so that speeds and durations stay what they were: the first record
becomes now. Sent faster than it happened, a recording runs ahead of the clock, and the centre refuses what
lies more than 5 minutes ahead; one that would run further ahead than 4 minutes is moved back until its last
record is sent at its own time.

Message ids stay as recorded: a native message replayed twice within three days is the same event twice.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TextIO

from streams import dialects
from streams.mqtt import Publisher
from streams.recording import BadRow, Columns, Record, Recording, columns, inside, load, time_in

__all__ = [
    "BadRow", "Columns", "Record", "Recording", "columns", "keep_times", "load", "progress_on", "replay", "shift",
]  # fmt: skip

AHEAD = timedelta(minutes=4)
TELL_EVERY_S = 1.0


def keep_times(records: Sequence[Record]) -> tuple[Record, ...]:
    """The records as they are: recorded and tagged by the centre, but too old to open cases."""
    return tuple(records)


def shift(records: Sequence[Record], now: datetime, *, speed: float = 1.0) -> tuple[Record, ...]:
    """The records with every time in them moved by one amount, so that the first is `now` (aware UTC).

    `speed` is the one they will be sent at (0 = all at once); see above for what it changes.
    """
    known = [record.at for record in records if record.at is not None]
    if not known:
        return tuple(records)
    lasts = max(known) - known[0]
    ahead = lasts - lasts / speed if speed else lasts
    by = now - known[0] - (ahead if ahead > AHEAD else timedelta(0))
    return tuple(_shifted(record, by) for record in records)


def replay(
    records: Sequence[Record],
    publisher: Publisher,
    *,
    speed: float = 1.0,
    stop: threading.Event | None = None,
    progress: Callable[[int], None] | None = None,
) -> int:
    """Publish all and wait until the last is acknowledged; returns how many were sent.

    `speed` 2 halves every pause, 0 leaves them out. `stop` ends it early; `progress` hears the number sent so far.
    Raises Unreachable when the publisher is stopped before the broker acknowledged.
    """
    return publisher.send_many(_due(records, speed, stop or threading.Event(), progress))


def progress_on(stream: TextIO, total: int) -> Callable[[int], None]:
    """A `progress` that writes one line to `stream`, at most once a second and at the end."""
    told = time.monotonic()

    def tell(sent: int) -> None:
        nonlocal told
        if sent == total or time.monotonic() - told >= TELL_EVERY_S:
            told = time.monotonic()
            stream.write(f"{sent} of {total} sent\n")
            stream.flush()

    return tell


def _due(
    records: Sequence[Record], speed: float, stop: threading.Event, progress: Callable[[int], None] | None
) -> Iterator[tuple[str, bytes]]:
    """Each message when it is due."""
    first = next((record.at for record in records if record.at is not None), None)
    begun = time.monotonic()
    for sent, record in enumerate(records, start=1):
        if speed and record.at is not None and first is not None:
            due = begun + (record.at - first).total_seconds() / speed
            if stop.wait(max(0.0, due - time.monotonic())):
                return
        if stop.is_set():
            return
        yield record.topic, record.payload
        if progress:
            progress(sent)


def _shifted(record: Record, by: timedelta) -> Record:
    at = None if record.at is None else record.at + by
    try:
        payload = json.loads(record.payload)
    except (ValueError, RecursionError):  # such as the bare word of a status: it has no time
        return replace(record, at=at)
    changed = False
    if isinstance(payload, dict):
        for where in dialects.times(record.topic):
            changed |= _move(payload, where, by)
    if not changed:
        return replace(record, at=at)
    text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
    return replace(record, at=at, payload=text.encode("utf-8"))


def _move(payload: dict[str, Any], where: Sequence[str], by: timedelta) -> bool:
    """Move the time at a path in the way it is written; what is no time is left for the centre to refuse."""
    value = inside(payload, where)
    when = time_in(value)
    if when is None:
        return False
    holder = inside(payload, where[:-1])
    assert isinstance(holder, dict)  # it held a time
    if isinstance(value, str):
        holder[where[-1]] = (when + by).astimezone(UTC).isoformat()
    else:
        moved = (when + by).timestamp()
        holder[where[-1]] = round(moved) if isinstance(value, int) else moved
    return True
