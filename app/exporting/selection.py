"""What is asked for: a kind, a span of time, and filters; as SQL over the archive's views. Pure.

A span is one of days or instants of the site: a case belongs to it by when it was received, an event or a fix too, an
act by when it was done. A filter that a kind does not know is refused, and so is a name that the site does not have: an
empty file would look like a quiet day.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any

import msgspec

from geo.gridset import GridSet
from streams.errors import Refused
from streams.model import Kind, State
from streams.workflow import ACTS

KINDS = ("cases", "events", "acts", "tracks")
FILTERS: dict[str, dict[str, str]] = {
    "cases": {"patrol": "c.patrol", "case": "c.no", "matter": "c.matter", "state": "c.state",
              "department": "c.department"},
    "events": {"patrol": "e.device", "case": 'e."case"', "kind": "e.kind"},
    "acts": {"patrol": "a.patrol", "case": "a.no", "matter": "k.matter", "state": 'a."after"',
             "department": "k.department", "kind": "a.act"},
    "tracks": {"patrol": "t.device"},
}  # fmt: skip
"""What each kind can be asked by, and the column that says it. `grid` is for all of them."""
TIMES = {"cases": "c.received", "events": "e.received", "acts": 'a."at"', "tracks": "t.received"}
IN_GRID = {
    "cases": "(list_contains($inside, c.grid) OR list_has_any(c.grids, $grids))",
    "events": "(list_contains($inside, e.grid) OR list_has_any(e.grids, $grids))",
    "acts": "(list_contains($inside, k.grid) OR list_has_any(k.grids, $grids))",
    "tracks": "list_contains($inside, t.grid)",
}
DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
YEARS = (1970, 2999)


class Selection(msgspec.Struct, frozen=True):
    """One kind from `since` to before `until` (aware, None: from the first, to the last), by filters: name -> any of
    these values. `inside`: every code in or below the grids that were asked for."""

    kind: str
    since: datetime | None = None
    until: datetime | None = None
    filters: Mapping[str, tuple[str, ...]] = {}
    grids: tuple[str, ...] = ()
    inside: tuple[str, ...] = ()

    def where(self, since: datetime | None, until: datetime | None) -> tuple[str, dict[str, Any]]:
        """The condition for a part of the span, and its parameters."""
        parts, values = ["true"], dict[str, Any]()
        if since is not None:
            parts, values = [*parts, f"{TIMES[self.kind]} >= $since"], values | {"since": since}
        if until is not None:
            parts, values = [*parts, f"{TIMES[self.kind]} < $until"], values | {"until": until}
        for name, wanted in self.filters.items():
            holes = {f"{name}{n}": value for n, value in enumerate(wanted)}
            parts.append(f"{FILTERS[self.kind][name]} IN ({', '.join('$' + hole for hole in holes)})")
            values |= holes
        if self.grids:
            parts.append(IN_GRID[self.kind])
            values["inside"] = list(self.inside)
            values |= {"grids": list(self.grids)} if "$grids" in IN_GRID[self.kind] else {}
        return " AND ".join(parts), values

    def days(self, kept: Iterable[str], now: datetime, tz: tzinfo) -> list[str]:
        """The local days that must be read: of those that are kept and the last ones, which only Redis may have. Cases
        are read up to now, since the newest row of a case is the case."""
        today = now.astimezone(tz).date()
        recent = {(today - timedelta(days=n)).isoformat() for n in range(LIVE_DAYS)}
        first = self.since.astimezone(tz).date().isoformat() if self.since else ""
        end = self.until if self.until and self.kind != "cases" else None
        last = (end - timedelta(microseconds=1)).astimezone(tz).date().isoformat() if end else "9"
        return [day for day in sorted({*kept, *recent}) if first <= day <= last]


LIVE_DAYS = 8
"""So many days back Redis is asked for what no file has yet."""


def select(
    kind: str, grids: GridSet, tz: tzinfo, asked: Mapping[str, str], since: str = "", until: str = ""
) -> Selection:
    """The selection that somebody wrote: days (`2026-11-22`, `until` included) or instants (`2026-11-22T08:00+08:00`,
    without offset the site's time, `until` not included); `asked`: filter -> a value, or several with commas. Raises
    Refused."""
    if kind not in KINDS:
        raise Refused("unknown_kind", f"{kind!r} cannot be exported: ask for {', '.join(KINDS)}")
    filters = {name: _values(value) for name, value in asked.items() if _values(value)}
    codes = filters.pop("grid", ())
    if unknown := [name for name in filters if name not in FILTERS[kind]]:
        able = ", ".join(["grid", *FILTERS[kind]])
        raise Refused("unknown_filter", f"{kind} cannot be asked by {unknown[0]}: they can by {able}")
    _check(kind, filters)
    for code in codes:
        if code not in grids.by_code:
            raise Refused("unknown_grid", f"{code!r} is no grid of this site: see /api/v1/grids")
    first, last = instant(since, tz), instant(until, tz, end=True)
    if first and last and first >= last:
        raise Refused("wrong_span", f"from {since} to {until}: the end must come after the beginning")
    below = tuple(grid.code for grid in grids.grids if set(codes) & set(grids.chain(grid.code)))
    return Selection(kind, first, last, filters, codes, below)


def instant(said: str, tz: tzinfo, *, end: bool = False) -> datetime | None:
    """A day as its local beginning (as `end`: its end), or an instant; None when nothing is said. Raises Refused."""
    if not said:
        return None
    try:
        if DAY.fullmatch(said):
            day = date.fromisoformat(said) + timedelta(days=end)
            found = datetime(day.year, day.month, day.day, tzinfo=tz)
        else:
            found = datetime.fromisoformat(said.replace(" ", "+") if "+" not in said and "T" in said else said)
    except (ValueError, OverflowError):
        raise _wrong(said) from None
    if not YEARS[0] <= found.year <= YEARS[1]:
        raise _wrong(said)
    return (found if found.tzinfo else found.replace(tzinfo=tz)).astimezone(UTC)


def _wrong(said: str) -> Refused:
    text = f"{said!r} is no time: give a day (2026-11-22) or an instant (2026-11-22T08:00:00+08:00)"
    return Refused("wrong_time", text)


def _values(said: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.strip() for one in said.split(",") if one.strip()))


def _check(kind: str, filters: Mapping[str, tuple[str, ...]]) -> None:
    """States and kinds are known words; a mistyped one is refused."""
    states = {one.value for one in State}
    kinds = {one.name for one in ACTS} if kind == "acts" else {one.value for one in Kind if one is not Kind.POSITION}
    for name, known in (("state", states), ("kind", kinds)):
        if unknown := [value for value in filters.get(name, ()) if value not in known]:
            raise Refused(f"unknown_{name}", f"{name} {unknown[0]!r} is none of {', '.join(sorted(known))}")
