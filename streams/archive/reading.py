"""Asking the archive: DuckDB over its files, and what the streams hold that is not in a file yet.

One view a kind (`events`, `tracks`, `acts`, `cases`, `changes`, `journal`, `snapshots`, `contacts`) with the columns of
`schema.py`, over the days that are asked for; and `cases_now`, each case once, as its last change left it. `at` is a
word of DuckDB's SQL: say `e.at` or `"at"`. Times are shown in the zone of the site; nothing is
ever fetched from outside.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import tzinfo
from typing import Any

import duckdb
import pyarrow as pa
from redis import Redis

from streams.archive.rows import Entry, Rows, table
from streams.archive.schema import KINDS
from streams.archive.store import STREAMS, Head, Store
from streams.keys import Keys
from streams.ledger import Ledger

PAGE = 5000
CASES_NOW = """
    SELECT * FROM cases QUALIFY row_number() OVER (PARTITION BY no ORDER BY ms DESC, seq DESC) = 1
"""


class Archive:
    """Reads the archive that `store` keeps. `tz`: the zone of the site. Any number may read while one writes."""

    def __init__(self, store: Store, tz: tzinfo, redis: Redis | None = None) -> None:
        self.store, self.tz = store, tz
        self._redis = redis

    def open(
        self, days: Iterable[str], kinds: Sequence[str] = tuple(KINDS), *, tail: bool = True
    ) -> duckdb.DuckDBPyConnection:
        """A connection with a view for each of `kinds` over these local days. `tail`: also what Redis has and no file
        yet, where the archive was given a client. Close it after use."""
        head = self.store.head()
        wanted = sorted(set(days))
        connection = duckdb.connect(config={"threads": 2, "autoinstall_known_extensions": False})
        connection.execute("SET enable_progress_bar = false")
        connection.execute("SET TimeZone = ?", [str(self.tz)])
        newest = self._tail(head).tables() if tail and self._redis is not None else {}
        parts = [part for day in wanted for part in self.store.parts(day, head)]
        for kind in kinds:
            files = [str(self.store.path(part)) for part in parts if part.kind == kind]
            rows = [each for (name, day), each in newest.items() if name == kind and day in wanted]
            _view(connection, kind, files, _plain(pa.concat_tables(rows) if rows else table(kind, ())))
        if "cases" in kinds:
            connection.execute(f"CREATE VIEW cases_now AS {CASES_NOW}")
        return connection

    def days(self) -> list[str]:
        """The local days of which there is anything in a file."""
        return self.store.days()

    def _tail(self, head: Head) -> Rows:
        """What the streams hold after what is in the files."""
        assert self._redis is not None, "the caller has looked"
        keys, rows = Keys(self.store.site), Rows(self.tz)
        ledger = Ledger(self._redis, keys, self.tz)
        for stream in STREAMS:
            after = head.position(stream)
            with ledger.reaching():
                while page := _entries(self._redis, keys(stream), after):
                    rows.take(stream, page)
                    after = page[-1][0].decode()
        return rows


def _entries(redis: Redis, stream: str, after: str) -> list[Entry]:
    page: Any = redis.xrange(stream, min=f"({after}", count=PAGE)
    return list(page)


def _view(connection: duckdb.DuckDBPyConnection, kind: str, files: Sequence[str], newest: pa.Table) -> None:
    connection.register(f"newest_{kind}", newest)
    parts = [f"SELECT * FROM newest_{kind}"]
    if files:
        names = ", ".join("'" + file.replace("'", "''") + "'" for file in files)
        parts.insert(0, f"SELECT * FROM read_parquet([{names}], hive_partitioning = false)")
    connection.execute(f"CREATE VIEW {kind} AS {' UNION ALL BY NAME '.join(parts)}")


def _plain(rows: pa.Table) -> pa.Table:
    """Without dictionaries, of which DuckDB would make enumerations of their own."""
    fields = [
        field.with_type(pa.string()) if pa.types.is_dictionary(field.type) else field for field in rows.schema
    ]
    return rows.cast(pa.schema(fields))
