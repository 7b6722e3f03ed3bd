"""Counting: a span of local days, a cut-off, a group; the figures, and the cases behind each of them.

The state of a case is the one at the cut-off: the end of the last day, or now. So the figures of days that are over do
not move any more; asked with a later cut-off they say what became of the cases since.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any, NamedTuple, Protocol

import duckdb
import pyarrow as pa

from streams import scoring
from streams.codec import days_between
from streams.errors import Refused
from streams.indicators.definitions import Indicator, base, indicator, indicators
from streams.indicators.groups import WHOLE, Group
from streams.matters import Matters
from streams.model import State
from streams.workflow import OPEN

LOOK_BACK = 35
"""So many days before the span a case may have changed for the last time and still fall due in it."""
OF_CASES = {"came in": "came_in", "fell due": "fell_due", "closed": "closed_in"}
MEASURES = {
    "count": "count(*)",
    "share": "CASE WHEN bool_or({decided}) THEN avg(value::INT) END",
    "mean": "avg(value)",
    "p90": "quantile_cont(value, 0.9)",
    "sum": "sum(value)",
}
"""How the rows of an indicator become its figure. Of nothing, or while all that is due has time left, there is no
share."""
MEASURED = {"alerts": ("grid", "matter"), "tracks": ("patrol",)}
"""Columns by which what is no case can be grouped."""


class Source(Protocol):
    """Where the rows are: the archive, or what Redis still has."""

    @property
    def tz(self) -> tzinfo: ...

    def open(self, days: Iterable[str], kinds: Sequence[str], *, tail: bool = True) -> duckdb.DuckDBPyConnection: ...


class Span(NamedTuple):
    """Local days `first` to `last`, both included, as things stood at `cut` (aware)."""

    first: date
    last: date
    cut: datetime

    def days(self, tz: tzinfo, before: int = 0) -> list[str]:
        """The days from `before` days earlier up to the cut-off."""
        first, last = self.first - timedelta(days=before), self.cut.astimezone(tz).date()
        return days_between(first, last)


def span(first: date, last: date, tz: tzinfo, now: datetime, until: date | None = None) -> Span:
    """The span with its cut-off: the end of `until`, or of the last day; now, when that is not over."""
    end = midnight((until or last) + timedelta(days=1), tz) - timedelta(milliseconds=1)
    return Span(first, last, min(now, end))


def midnight(day: date, tz: tzinfo) -> datetime:
    """When a local day begins, UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=tz).astimezone(UTC)


class Row(NamedTuple):
    """The figures of one period and one group: name of the indicator -> figure."""

    period: str
    key: str
    figures: dict[str, float | None]


class Behind(NamedTuple):
    """One case behind a figure: when it counts, and its `value` (None where it only counts)."""

    no: str
    at: datetime
    value: float | bool | None


class Counting:
    """The figures of a span, by a period ("" for none) and a group, over an open connection."""

    def __init__(self, source: Source, of: Span, period: str = "", by: Group = WHOLE, matters: Matters | None = None,
                 *, tracks: bool = False) -> None:  # fmt: skip
        self.source, self.span, self.period, self.by, self.matters = source, of, period, by, matters
        self.tracks = tracks
        self._open: dict[str, duckdb.DuckDBPyConnection] = {}

    def close(self) -> None:
        """Close what was opened."""
        for connection in self._open.values():
            connection.close()

    def figures(self, wanted: Iterable[Indicator] | None = None) -> list[Row]:
        """Every period and every group of which there is something; of a period alone every one. What has no share, no
        mean, is None."""
        found: dict[tuple[str, str], dict[str, float | None]] = {}
        names = list(self._wanted(wanted))
        if not self.by.column:
            found = {(name, ""): {} for name, _ in _periods(self.span, self.period, self.source.tz)}
        for each in names:
            for period, key, figure in self._run(each, f"SELECT period, key, {_measure(each)} FROM rows GROUP BY ALL"):
                found.setdefault((period, key), {})[each.name] = figure
        empty: dict[str, float | None] = {each.name: 0 if each.measure == "count" else None for each in names}
        return [Row(period, key, empty | figures) for (period, key), figures in sorted(found.items())]

    def cases_of(self, name: str, key: str | None = None, period: str | None = None) -> list[Behind]:
        """The cases behind a figure: of one group and one period where these are named. Refused for an unknown name."""
        wanted = indicator(name)
        if wanted not in self._wanted(None):
            raise Refused("unknown_indicator", f"{name!r} is not counted by {self.by.name}: leave the group out")
        value = "NULL" if wanted.measure == "count" else "value"
        sql = f"""SELECT no, moment, {value} FROM rows WHERE (key = $key OR $key IS NULL)
                  AND (period = $period OR $period IS NULL) ORDER BY moment, no"""
        return [Behind(*row) for row in self._run(wanted, sql, {"key": key, "period": period})]

    def _wanted(self, wanted: Iterable[Indicator] | None) -> Iterator[Indicator]:
        asked = {"alerts": self.matters is not None, "tracks": self.tracks}
        for each in indicators().values() if wanted is None else wanted:
            grouped = not self.by.column or self.by.column in MEASURED.get(each.cohort, ())
            if each.cohort in OF_CASES or (asked[each.cohort] and grouped):
                yield each

    def _run(self, each: Indicator, sql: str, more: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        counts = "" if each.measure == "count" else " WHERE value IS NOT NULL"
        found = self._connection(each.cohort).execute(
            f"WITH selected AS ({each.sql}), rows AS (SELECT * FROM selected{counts}) {sql}", more or {}
        )
        return found.fetchall()

    def _connection(self, cohort: str) -> duckdb.DuckDBPyConnection:
        kind = "cases" if cohort in OF_CASES else cohort
        if kind not in self._open:
            self._open[kind] = {"cases": self._cases, "alerts": self._alerts, "tracks": self._tracks}[kind]()
        return self._open[kind]

    def _cases(self) -> duckdb.DuckDBPyConnection:
        tz = self.source.tz
        connection = self.source.open(self.span.days(tz, LOOK_BACK), ("cases", "acts"))
        self._prepare(connection)
        connection.register("states", _states())
        key = "''" if not self.by.column else f"coalesce(c.{self.by.column}, '')"
        asof = "ASOF" if self.period else ""  # a single period is found without a search
        for name in ("newest", "facts", "acted", "came_in", "fell_due", "closed_in"):
            run_base(
                connection, name, key=key if self.by.of is None else "coalesce(keys.key, '')",
                column=self.by.column or "no", asof=asof,
            )  # fmt: skip
        return connection

    def _alerts(self) -> duckdb.DuckDBPyConnection:
        assert self.matters is not None, "else it is not wanted"
        rows = [(category, m.key) for category, m in self.matters.by_category.items() if m.announce]
        connection = self.source.open(self.span.days(self.source.tz, 1), ("events", "changes"))
        self._prepare(connection)
        connection.register("announcing", _table(("category", "matter"), rows))
        column = {"grid": "e.grid", "matter": "announcing.matter"}.get(self.by.column, "e.id")
        key = "''" if not self.by.column else f"coalesce({column}, '')"
        key = key if self.by.of is None else "coalesce(keys.key, '')"
        return run_base(connection, "alerted", column=column, key=key)

    def _tracks(self) -> duckdb.DuckDBPyConnection:
        connection = self.source.open(self.span.days(self.source.tz), ("tracks",))
        self._prepare(connection)
        key = "''" if not self.by.column else "{device}" if self.by.of is None else "coalesce(keys.key, '')"
        run_base(connection, "moved", key=key, device="steps.device")
        return run_base(connection, "visited", key=key, device="t.device")

    def _prepare(self, connection: duckdb.DuckDBPyConnection) -> None:
        tz = self.source.tz
        bounds(connection, self.span, tz)
        connection.register("keys", _table(("value", "key"), list((self.by.of or {}).items())))
        periods = _periods(self.span, self.period, tz)
        kinds = pa.schema([("period", pa.string()), ("since", pa.timestamp("ms", "UTC"))])
        connection.register("periods", pa.table(list(map(list, zip(*periods, strict=True))), schema=kinds))


@contextmanager
def counting(source: Source, of: Span, period: str = "", by: Group = WHOLE, matters: Matters | None = None, *,
             tracks: bool = False) -> Iterator[Counting]:  # fmt: skip
    """A `Counting`, closed after use. `matters`: the catalogue, for the alerts of matters that announce first;
    `tracks`: also what is counted from positions, of which there are so many that nobody gets it unasked."""
    found = Counting(source, of, period, by, matters, tracks=tracks)
    try:
        yield found
    finally:
        found.close()


def bounds(connection: duckdb.DuckDBPyConnection, of: Span, tz: tzinfo) -> None:
    """Set the variables `begin`, `finish` (of the span, half open) and `cut`."""
    ends = (midnight(of.first, tz), midnight(of.last + timedelta(days=1), tz), of.cut)
    for name, at in zip(("begin", "finish", "cut"), ends, strict=True):
        connection.execute(f"SET VARIABLE {name} = TIMESTAMPTZ '{at.isoformat()}'")
    connection.execute("SET preserve_insertion_order = false")  # the order of cases is asked for where it matters


def _measure(each: Indicator) -> str:
    return MEASURES[each.measure].format(decided="decided" if each.cohort == "fell due" else "true")


def run_base(connection: duckdb.DuckDBPyConnection, name: str, **holes: str) -> duckdb.DuckDBPyConnection:
    """Run one of the files in `base`, with its holes filled; returns the connection."""
    sql = base(name)
    for hole, text in holes.items():
        sql = sql.replace("{" + hole + "}", text)
    return connection.execute(sql)


def _periods(of: Span, period: str, tz: tzinfo) -> list[tuple[str, datetime]]:
    """Each period of a span with its beginning; the first and the last may be cut by the span."""
    found: dict[str, datetime] = {}
    for n in range((of.last - of.first).days + 1):
        day = of.first + timedelta(days=n)
        found.setdefault(period_of(day, period), midnight(day, tz))
    return list(found.items())


def period_of(day: date, period: str) -> str:
    """The name of the period that a day lies in: 2026-11-22, 2026-W47 (ISO 8601), 2026-11, or "" for the whole span."""
    year, week, _ = day.isocalendar()
    return {"day": day.isoformat(), "week": f"{year}-W{week:02d}", "month": f"{day:%Y-%m}"}.get(period, "")


def _states() -> pa.Table:
    """Where each state counts in the inflow, as `scoring` has it, and whether it is open."""
    parts = {"dispatched": scoring.EVER_DISPATCHED, "waiting": scoring.AWAITED, "rejected": scoring.REJECTED,
             "merged": scoring.MERGED}  # fmt: skip
    stands = {state: name for name, states in parts.items() for state in states}
    rows = [(state.value, stands[state], state in OPEN) for state in State]
    return pa.table({name: [row[n] for row in rows] for n, name in enumerate(("state", "stands", "is_open"))})


def _table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> pa.Table:
    return pa.table({name: pa.array([row[n] for row in rows], pa.string()) for n, name in enumerate(names)})
