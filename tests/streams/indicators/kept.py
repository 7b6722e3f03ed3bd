"""An archive made of cases and acts as a test writes them down, by the archive's own rows and files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from streams.archive.reading import Archive
from streams.archive.rows import Row, case_row, table
from streams.archive.store import Head, Store
from streams.codec import local_day, moment, to_json
from streams.indicators.counting import Counting, Span, midnight, span
from streams.indicators.groups import WHOLE, Group
from streams.model import Case, Clock, Entry, State

SHANGHAI = ZoneInfo("Asia/Shanghai")
DAY = date(2026, 9, 29)
HOUR = 3_600_000
ZERO = int(midnight(DAY, SHANGHAI).timestamp() * 1000)
"""When the day begins, epoch milliseconds."""
NOW = moment(ZERO + 30 * 24 * HOUR)
"""When the tests ask: the day is long over."""


def case(no: object, state: State = State.ACCEPTED, **more: Any) -> Case:
    """A case received at 10:00 of the day, unless said otherwise."""
    known: dict[str, Any] = {"origin": "resident", "received": ZERO + 10 * HOUR, "matter": "rubbish", **more}
    return Case(no=str(no), state=state, version=1, priority=3, **known)


def handle(due: float, start: float = 10, done: float | None = None) -> tuple[Clock, ...]:
    """A clock to handle, in hours of the day."""
    over = None if done is None else ZERO + int(done * HOUR)
    return (Clock("handle", ZERO + int(start * HOUR), ZERO + int(due * HOUR), over),)


def keep(
    folder: Path, changes: Iterable[tuple[int, Case]], acts: Iterable[tuple[str, Entry]] = (), tz: ZoneInfo = SHANGHAI
) -> Archive:
    """An archive in which each case changed at the given epoch milliseconds to what is given, and each act was done."""
    store, days = Store(folder, "test"), defaultdict[tuple[str, str], dict[Any, Row]](dict)
    for n, (at, each) in enumerate(sorted(changes, key=lambda pair: pair[0])):
        days["cases", local_day(moment(at), tz)][each.no] = case_row(at, n % 1000, at, each)
    for n, (no, e) in enumerate(acts):
        days["acts", local_day(moment(e.at), tz)][n] = (
            e.at, n, no, moment(e.at), e.by, e.role, e.act, e.before, e.after, e.version, e.text, e.patrol, e.dispatch,
            e.approver, e.detail, to_json(e).decode(),
        )  # fmt: skip
    parts = [
        store.write(table(kind, rows.values()), kind, day, f"parts/{kind}-1") for (kind, day), rows in days.items()
    ]
    store.commit(Head("test", parts=tuple(parts), serial=1))
    return Archive(store, tz)


def of_day(archive: Archive, period: str = "", by: Group = WHOLE, days: int = 1, now: datetime = NOW) -> Counting:
    """Counting over the day, or over so many from it on."""
    return Counting(archive, asked(days, now), period, by)


def asked(days: int = 1, now: datetime = NOW) -> Span:
    """The day, or so many from it on."""
    return span(DAY, DAY + timedelta(days=days - 1), SHANGHAI, now)


def utc(ms: int) -> datetime:
    """Epoch milliseconds as an aware datetime."""
    return datetime.fromtimestamp(ms / 1000, UTC)
