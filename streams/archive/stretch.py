"""A stretch of the archive, as `streams/verify.py` wants it: from a day's checkpoint to the next one that there is.

Rows lie by local day, sorted as they are asked for; here they come in the order of their streams again, an hour at a
time. A row may lie in the day before or after that of the checkpoint (a message that was received before midnight and
recorded after it), so those days are read too, and the stream ids decide.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, NamedTuple

import msgspec
import numpy as np

from geo.places import Position
from streams import checkpoint
from streams.archive.keeping import DONE_AGAIN
from streams.archive.reading import Archive
from streams.archive.rows import joined, stream_id
from streams.codec import days_between, moment, read_entry, to_json
from streams.errors import BadSetting
from streams.journal import Call
from streams.ledger import Recorded
from streams.model import EMPTY, Body, Event, Flag, Movement
from streams.trace import Act

HOUR_MS = 3600 * 1000
PAGE = 10_000
ENDLESS = "9999999999999-0"
Id = tuple[int, int]
Span = tuple[Id, Id]
"""After one stream id, up to another."""
_body = msgspec.json.Decoder(Body).decode
FIX = (
    'ms, seq, epoch_ms("at"), epoch_ms(received), source, device, geometry.x, dx, geometry.y, dy, accuracy, speed, '
    "course, battery, flags, flag, attributes"
)
HAPPENED = (
    'ms, seq, epoch_ms("at"), epoch_ms(received), source, id, device, geometry.x, geometry.y, flags, flag, "case", '
    "body, attributes"
)
IN_ENTRY = (
    "at", "by", "role", "act", "before", "after", "version", "text", "patrol", "dispatch", "approver", "detail",
)  # fmt: skip
ACT = "ms, seq, no, entry, " + ", ".join('epoch_ms("at")' if name == "at" else f'"{name}"' for name in IN_ENTRY)
"""The entry as it was sealed, and the columns that say the same: figures and scores are counted by those."""


class Kept(NamedTuple):
    """What the archive has of a stretch. `start`, `end`: the checkpoints (`end` is empty when there is none yet, and
    what was kept simply stops). `total`: how many calls."""

    start: bytes
    end: bytes
    total: int
    calls: Iterator[Call]
    events: Iterator[Recorded]
    acts: Iterator[Act]


class DayReader:
    """Reads the stretch that begins with a day. Close it after use."""

    def __init__(self, archive: Archive, day: str) -> None:
        """Raises BadSetting when the day cannot be done again, and says why."""
        self._archive, self._day, store = archive, day, archive.store
        head = store.head()
        path = store.checkpoint(day)
        if not path.exists():
            raise BadSetting(f"the archive in {store.root} has no checkpoint of {day}: it has {self._known()}")
        for kind, first in sorted(head.kept_from.items()):
            if day < first and kind in DONE_AGAIN:
                raise BadSetting(f"{kind} of {day} are no longer kept (since {first}): name a later day")
        later = [each for each in self._days() if each > day]
        self.until = later[0] if later else ""
        self._start = path.read_bytes()
        self._end = store.checkpoint(self.until).read_bytes() if later else b""
        self._after = checkpoint.unpacked(self._start).positions
        self._upto = checkpoint.unpacked(self._end).positions if later else {}
        if any(stream_id(head.position(name)) < stream_id(upto) for name, upto in self._upto.items()):
            self._end, self._upto = b"", {}  # the rest is still on its way into the archive
        gaps = [gap for gap in head.gaps if stream_id(gap.until) > stream_id(self._after.get(gap.stream, "0-0"))]
        if gaps:
            raise BadSetting(f"{gaps[0].stream} after {gaps[0].after} were lost: name a day after {gaps[0].until}")
        last = self.until if self._upto else max(archive.days(), default=day)
        self._connection = archive.open(
            _around(day, last), ("events", "tracks", "acts", "journal"), tail=False
        )

    def __enter__(self) -> DayReader:
        return self

    def __exit__(self, *error: object) -> None:
        self._connection.close()

    def kept(self) -> Kept:
        """All of it."""
        span = self._span("journal")
        [(total,)] = self._connection.execute(f"SELECT count(*) FROM journal WHERE {_within(span)}").fetchall()
        return Kept(self._start, self._end, total, self._calls(span), self._recorded(), self._acts())

    def event(self, name: str) -> Event | None:
        """An event of these days or the day before them, by its stream id."""
        ms, seq = stream_id(name)
        for kind, columns, made in (("events", HAPPENED, _event), ("tracks", FIX, _fix)):
            for row in self._connection.execute(
                f"SELECT {columns} FROM {kind} WHERE ms = ? AND seq = ?", [ms, seq]
            ).fetchall():
                return made(row).event
        return None

    def cases(self) -> Iterator[tuple[str, str, int, str]]:
        """Number, state, version and clocks (JSON) of the cases that changed in the stretch and not on the day of the
        checkpoint at its end, as their table has them; none when there is no such checkpoint."""
        if not self._upto:
            return
        first, last = date.fromisoformat(self._day), date.fromisoformat(self.until)
        days = days_between(first, last - timedelta(days=1))
        with self._archive.open([self.until], ("cases",), tail=False) as found:
            later = {no for (no,) in found.execute("SELECT DISTINCT no FROM cases").fetchall()}
        with self._archive.open(days, ("cases",), tail=False) as found:
            rows = found.execute(
                f"SELECT no, state, version, clocks FROM cases_now WHERE {_within(self._span('changes'))} ORDER BY no"
            ).fetchall()
        yield from (row for row in rows if row[0] not in later)

    def _days(self) -> list[str]:
        return [path.parent.name for path in self._archive.store.checkpoints()]

    def _known(self) -> str:
        return ", ".join(self._days()[-7:]) or "none yet (`gridpost archive run` makes one a day)"

    def _span(self, stream: str) -> Span:
        return stream_id(self._after[stream]), stream_id(self._upto.get(stream, ENDLESS))

    def _calls(self, span: Span) -> Iterator[Call]:
        columns = 'ms, seq, kind, epoch_ms("now"), version, count, asked'
        for ms, seq, kind, now, version, count, asked in self._rows("journal", columns, span):
            yield Call(f"{ms}-{seq}", kind, now, version, (asked or "").encode(), count or 0)

    def _acts(self) -> Iterator[Act]:
        for ms, seq, no, entry, *said in self._rows("acts", ACT, self._span("acts")):
            yield Act(f"{ms}-{seq}", no, _as_said(entry, dict(zip(IN_ENTRY, said, strict=True))))

    def _recorded(self) -> Iterator[Recorded]:
        """Events and positions, which lie apart, in the order of their one stream."""
        span = self._span("events")
        events = map(_event, self._rows("events", HAPPENED, span))
        fixes = map(_fix, self._rows("tracks", FIX, span))
        return heapq.merge(events, fixes, key=lambda each: stream_id(each.id))

    def _rows(self, kind: str, columns: str, span: Span) -> Iterator[tuple[Any, ...]]:
        """The rows of a stretch by stream id, an hour at a time, since a day of them would not fit."""
        range_of = f"SELECT min(ms), max(ms) FROM {kind} WHERE {_within(span)}"
        [(first, last)] = self._connection.execute(range_of).fetchall()
        for begin in range(first, last + 1, HOUR_MS) if first is not None else ():
            hour: Any = self._connection.sql(
                f"SELECT {columns} FROM {kind} WHERE {_within(span)} AND ms BETWEEN {begin} AND {begin + HOUR_MS - 1} "
                "ORDER BY ms, seq"
            ).to_arrow_table()  # at once: one connection gives one answer at a time
            for batch in hour.to_batches(PAGE):
                yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _around(first: str, last: str) -> list[str]:
    """The local days from the day before `first` to the day after `last`."""
    return days_between(date.fromisoformat(first) - timedelta(days=1), date.fromisoformat(last) + timedelta(days=1))


def _within(span: Span) -> str:
    (ms, seq), (end_ms, end_seq) = span
    return (
        f"ms BETWEEN {ms} AND {end_ms} AND (ms > {ms} OR seq > {seq}) AND (ms < {end_ms} OR seq <= {end_seq})"
    )


def _as_said(entry: str, columns: dict[str, Any]) -> bytes:
    """The entry; with what its columns say where that is not the same, so that a changed column is found out too."""
    sealed = read_entry(entry.encode())
    other = {name: said for name, said in columns.items() if (said or None) != (getattr(sealed, name) or None)}
    if not other:
        return entry.encode()
    return to_json({**msgspec.json.decode(entry, type=dict[str, Any]), "columns": other})


def _fix(row: tuple[Any, ...]) -> Recorded:
    ms, seq, at, received, source, device, x, dx, y, dy, accuracy, speed, course, battery, flags, flag, more = row
    body = Movement(accuracy=_short(accuracy), speed=_short(speed), course=_short(course), battery=_short(battery))
    event = Event(
        source=source, id=f"{ms}-{seq}", device=device, at=moment(at), received=moment(received), body=body,
        position=Position(joined(x, dx), joined(y, dy)), flags=tuple(map(Flag, flags.split())),
        attributes=msgspec.Raw(more.encode()) if more else EMPTY,
    )  # fmt: skip
    return Recorded(event.id, event, flag or "", "")


def _event(row: tuple[Any, ...]) -> Recorded:
    ms, seq, at, received, source, name, device, x, y, flags, flag, case, body, more = row
    event = Event(
        source=source, id=name, device=device, at=moment(at), received=moment(received), body=_body(body),
        position=None if x is None else Position(x, y), flags=tuple(map(Flag, flags)),
        attributes=msgspec.Raw(more.encode()) if more else EMPTY,
    )  # fmt: skip
    return Recorded(f"{ms}-{seq}", event, flag or "", case or "")


def _short(value: float | None) -> float | None:
    """What was said, of what was kept in half as many bytes: 5.3, not 5.300000190734863."""
    return None if value is None else float(str(np.float32(value)))


