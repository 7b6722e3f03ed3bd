"""The same rows from Redis, for days from before there was an archive: cases as they are, of the last 35 days.

What a case was at an earlier cut-off Redis does not know; alerts it no longer has, and tracks are the archive's as far
as it has them. So the archive answers wherever it reaches (`source`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, tzinfo
from typing import NamedTuple

import duckdb

from streams.archive.reading import Archive, connected
from streams.archive.rows import Row, Rows, case_row, table
from streams.archive.schema import plain
from streams.indicators.counting import Source
from streams.ledger import Ledger

PAGE = 5000


def source(archive: Archive, ledger: Ledger, first: date) -> Source:
    """The archive when it began before the day `first`, else what Redis has."""
    days = archive.days()
    return archive if days and days[0] < first.isoformat() else Living(ledger, archive)


class Living(NamedTuple):
    """What Redis has, as a source of the indicators."""

    ledger: Ledger
    archive: Archive

    @property
    def tz(self) -> tzinfo:
        """The zone of the site."""
        return self.ledger.tz

    def open(self, days: Iterable[str], kinds: Sequence[str] = ("cases", "acts"), *, tail: bool = True
             ) -> duckdb.DuckDBPyConnection:  # fmt: skip
        """A connection with a view for each of `kinds`; those that Redis does not keep are empty."""
        if "tracks" in kinds:
            return self.archive.open(days, kinds, tail=tail)
        connection = connected(self.tz)
        found = {"cases": self._cases, "acts": self._acts}
        for kind in kinds:
            rows = found[kind](sorted(days)) if kind in found else []
            connection.register(kind, plain(table(kind, rows)))
        return connection

    def _cases(self, days: list[str]) -> list[Row]:
        cases = {case.no: case for case in self.ledger.open_cases()}
        for day in days:
            cases |= {case.no: case for case in (*self.ledger.cases_of(day), *self.ledger.closed_on(day))}
        return [case_row(case.updated, 0, case.updated, case) for case in cases.values()]

    def _acts(self, days: list[str]) -> list[Row]:
        rows, after = Rows(self.tz), "0-0"
        while page := self.ledger.acts(after, PAGE):
            rows.take("acts", [(act.id.encode(), {b"no": act.no.encode(), b"e": act.entry}) for act in page])
            after = page[-1].id
        wanted = set(days)
        return [row for (_, day), each in rows.rows.items() if day in wanted for row in each]
