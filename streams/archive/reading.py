"""Asking the archive: DuckDB over its files, and what the streams hold that is not in a file yet.

One view a kind (`events`, `tracks`, `acts`, `cases`, `changes`, `journal`, `snapshots`, `contacts`) with the columns of
`schema.py`, over the days that are asked for; `cases_now`, each case once, as its last change left it; and `fixes`, the
tracks that were believed, with the exact `lon` and `lat`, `fixed` (their time, epoch ms) and whether the patrol is
`registered`. `at` is a word of DuckDB's SQL: say `e.at` or `"at"`. Times are shown in the zone of the site; nothing is
ever fetched from outside.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Any

import duckdb
import pyarrow as pa
from redis import Redis

from streams.archive.rows import Entry, Rows, table
from streams.archive.schema import KINDS, plain
from streams.archive.store import Head, Part, Store
from streams.codec import millis, read_entry, read_event
from streams.keys import Keys
from streams.ledger import Ledger

PAGE = 5000
FROM_STREAM = {
    "events": ("events", "tracks", "contacts"), "acts": ("acts",), "changes": ("changes", "cases"),
    "journal": ("journal",),
}  # fmt: skip
"""Which kinds the entries of a stream become."""
SKEW_MS = 5 * 60_000
"""Entries of a stream are in the order of the centre's time but for so much."""
Within = tuple[datetime, datetime]
CASES_NOW = """
    SELECT c.* FROM cases c
    JOIN (SELECT no, max(ms * 1048576 + seq) AS place FROM cases GROUP BY no) newest
        ON newest.no = c.no AND newest.place = c.ms * 1048576 + c.seq
"""
"""In two narrow steps, since a window over whole rows takes half as much again, and `max_by` of rows ten times. `place`
is the stream id as one number: no millisecond has a million entries."""


FIXES = """
    SELECT *, (round(geometry.x * 1e7) + dx) / 1e7 AS lon, (round(geometry.y * 1e7) + dy) / 1e7 AS lat,
        epoch_ms(t.at) AS fixed, flags NOT LIKE '%unregistered%' AS registered
    FROM tracks t WHERE flag = ''
"""
FIX = """{'at': fixed, 'lon': lon, 'lat': lat, 'grid': grid, 'course': course, 'speed': speed, 'accuracy': accuracy,
    'registered': registered}"""
"""A row of `fixes` as the screens know it: it says nothing of what its patrol was at."""


class Archive:
    """Reads the archive that `store` keeps. `tz`: the zone of the site. Any number may read while one writes."""

    def __init__(self, store: Store, tz: tzinfo, redis: Redis | None = None) -> None:
        self.store, self.tz = store, tz
        self._redis = redis

    def open(
        self, days: Iterable[str], kinds: Sequence[str] = tuple(KINDS), *, tail: bool = True,
        within: Within | None = None,
    ) -> duckdb.DuckDBPyConnection:
        """A connection with a view for each of `kinds` over these local days. `tail`: also what Redis has and no file
        yet, where the archive was given a client. `within`: nothing before or after two aware instants is asked for,
        so that files which hold nothing in between are left alone. Close it after use."""
        wanted = sorted(set(days))
        while True:
            head = self.store.head()
            newest = self._tail(head, kinds, within).tables() if tail and self._redis is not None else {}
            if self.store.head().serial == head.serial:
                break  # else a worker committed meanwhile, and Redis may have trimmed what we did not read
        connection = connected(self.tz)
        parts = [part for day in wanted for part in self.store.parts(day, head) if _may_hold(part, within)]
        for kind in kinds:
            files = [str(self.store.path(part)) for part in parts if part.kind == kind]
            rows = [each for (name, day), each in newest.items() if name == kind and day in wanted]
            _view(connection, kind, files, plain(pa.concat_tables(rows) if rows else table(kind, ())))
        if "cases" in kinds:
            connection.execute(f"CREATE VIEW cases_now AS {CASES_NOW}")
        if "tracks" in kinds:
            connection.execute(f"CREATE VIEW fixes AS {FIXES}")
        return connection

    def days(self) -> list[str]:
        """The local days of which there is anything in a file."""
        return self.store.days()

    def _tail(self, head: Head, kinds: Iterable[str], within: Within | None) -> Rows:
        """What the streams hold after what is in the files, of those that these kinds come from."""
        assert self._redis is not None, "the caller has looked"
        keys, rows = Keys(self.store.site), Rows(self.tz)
        ledger, asked = Ledger(self._redis, keys, self.tz), set(kinds)
        for stream in (stream for stream, made in FROM_STREAM.items() if asked & set(made)):
            after = head.position(stream)
            with ledger.reaching():
                if within is not None:
                    first = _entries(self._redis, keys(stream), after, 1)
                    if first and _time_of(stream, first[0]) > millis(within[1]) + SKEW_MS:
                        continue
                while page := _entries(self._redis, keys(stream), after):
                    rows.take(stream, page)
                    after = page[-1][0].decode()
        return rows


def connected(tz: tzinfo) -> duckdb.DuckDBPyConnection:
    """An empty DuckDB in the zone of the site. Close it after use."""
    connection = duckdb.connect(config={"threads": 2, "autoinstall_known_extensions": False})
    connection.execute("SET enable_progress_bar = false")
    connection.execute("SET TimeZone = ?", [str(tz)])
    return connection


def _may_hold(part: Part, within: Within | None) -> bool:
    """Whether a file can have rows of that time; one of a version that did not write its times down always can."""
    if within is None or not part.end:
        return True
    return part.begin <= millis(within[1]) and part.end >= millis(within[0] - timedelta(milliseconds=1))


def _time_of(stream: str, entry: Entry) -> int:
    """The centre's time of an entry of a stream, epoch ms."""
    name, fields = entry
    match stream:
        case "events":
            return millis(read_event(fields[b"e"]).received)
        case "acts":
            return read_entry(fields[b"e"]).at
    return int(fields.get(b"n") or name.partition(b"-")[0])


def _entries(redis: Redis, stream: str, after: str, most: int = PAGE) -> list[Entry]:
    page: Any = redis.xrange(stream, min=f"({after}", count=most)
    return list(page)


def _view(connection: duckdb.DuckDBPyConnection, kind: str, files: Sequence[str], newest: pa.Table) -> None:
    connection.register(f"newest_{kind}", newest)
    parts = [f"SELECT * FROM newest_{kind}"]
    if files:
        names = ", ".join("'" + file.replace("'", "''") + "'" for file in files)
        parts.insert(0, f"SELECT * FROM read_parquet([{names}], hive_partitioning = false)")
    connection.execute(f"CREATE VIEW {kind} AS {' UNION ALL BY NAME '.join(parts)}")
