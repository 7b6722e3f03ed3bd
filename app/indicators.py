"""`/api/v1/indicators`: the figures of any days, by period and group, and the cases behind each of them.

What is counted is defined in `streams/indicators`; here is who asks for what. Figures stand under the cohort they are
of (`came_in`, `fell_due`, `closed`, and `alerts` beside them), so that nobody adds up what does not belong together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response

from app.api import centre_of
from app.centre import Centre, open_archive
from app.listing import Cursor, Limit, page
from streams import scoring
from streams.errors import Refused
from streams.keys import CASE_DAYS

if TYPE_CHECKING:  # DuckDB and Arrow are read when somebody asks
    from streams.indicators.counting import Counting, Source, Span
    from streams.indicators.groups import Group, Site

MOST_DAYS = 366
From = Annotated[date | None, Query(alias="from", description="first local day; today when none is given")]
To = Annotated[date | None, Query(alias="to", description="last local day, included")]
Until = Annotated[date | None, Query(description="the day at whose end things stand; the last day when none is given")]
router = APIRouter(tags=["read"])


@router.get("/api/v1/indicators")
def indicators(
    request: Request,
    first: From = None,
    last: To = None,
    by: Annotated[str, Query(description="a period, a group, or both with a comma, as in day,grid")] = "day",
    level: Annotated[int | None, Query(description="of the grids, with by=grid; else the grid that counts")] = None,
    until: Until = None,
    tracks: Annotated[bool, Query(description="also what is counted from positions, which takes its time")] = False,
    opened: Annotated[str, Query(alias="open", description="an indicator: the cases behind it instead")] = "",
    group: Annotated[str | None, Query(description="with open: only of this group")] = None,
    period: Annotated[str | None, Query(description="with open: only of this period, as in 2026-11-22")] = None,
    limit: Limit = 1000,
    cursor: Cursor = "",
) -> Response:
    """The indicators of a span of local days, as things stood at the end of `until`: per period and group, or, with
    `open`, the cases that one figure counts."""
    centre = centre_of(request)
    asked = ask(centre, first, last, by, level, until)
    with _counting(centre, asked, tracks) as found:
        first, last, cut = asked.span
        head = {"from": first.isoformat(), "to": last.isoformat(), "cut": cut.isoformat(), "by": by}
        if not opened:
            return JSONResponse({**head, "items": _items(centre, asked, found), "next": None})
        behind = found.cases_of(opened, group, period)
    items = [{"no": each.no, "at": each.at.isoformat(), "value": each.value} for each in behind]
    some, after = page(items, lambda item: str(item["no"]), limit, cursor)
    return JSONResponse({**head, "open": opened, "count": len(behind), "items": some, "next": after})


@router.get("/api/v1/indicators/definitions")
def definitions() -> Response:
    """Every indicator: its name, cohort, measure and unit, what it means, in both languages."""
    from streams.indicators.definitions import indicators as defined

    items = [{k: v for k, v in each._asdict().items() if k != "sql"} for each in defined().values()]
    return JSONResponse({"items": items, "next": None})


class Asked(NamedTuple):
    """A question that can be answered. `living`: Redis answers, since the archive began later."""

    span: Span
    period: str
    by: Group
    source: Source
    living: bool


def ask(
    centre: Centre, first: date | None, last: date | None, by: str = "", level: int | None = None,
    until: date | None = None,
) -> Asked:  # fmt: skip
    """The question, checked; Refused naming what cannot be answered."""
    from streams.indicators import groups, living
    from streams.indicators.counting import span

    today = centre.now().astimezone(centre.settings.tz).date()
    last = last or first or today
    first = first or last
    if first > last or last > today or (last - first).days >= MOST_DAYS:
        raise Refused(
            "wrong_span", f"from {first} to {last}: give days in order, not after today, at most {MOST_DAYS} of them"
        )
    if until is not None and not last <= until <= today:
        raise Refused("wrong_span", f"until={until}: give a day from {last} to {today}")
    source = living.source(open_archive(centre), centre.queue, first)
    lives = isinstance(source, living.Living)
    if lives and (today - first).days > CASE_DAYS:
        raise Refused("wrong_span", f"from {first}: before there was an archive, only {CASE_DAYS} days back are kept")
    parts = [part for part in by.split(",") if part]
    period = next((part for part in parts if part in groups.PERIODS), "")
    rest = [part for part in parts if part != period]
    if len(rest) > 1:
        raise Refused("unknown_group", f"by={by!r}: give one period (day, week or month) and one group at most")
    group = groups.group(site_of(centre), rest[0] if rest else "", level) if rest or level is not None else groups.WHOLE
    found = span(first, last, centre.settings.tz, centre.now(), until)
    return Asked(found, period, group, source, lives)


def site_of(centre: Centre) -> Site:
    """What groups follow from."""
    from streams.indicators.groups import Site

    return Site(centre.grids, centre.matters, centre.register, centre.org)


@contextmanager
def _counting(centre: Centre, asked: Asked, tracks: bool) -> Iterator[Counting]:
    from streams.indicators.counting import counting

    matters = None if asked.living else centre.matters  # Redis keeps alerts for hours: their figures are counters there
    with counting(asked.source, asked.span, asked.period, asked.by, matters, tracks=tracks) as found:
        yield found


def _items(centre: Centre, asked: Asked, found: Counting) -> list[dict[str, Any]]:
    """One item a period and group, each figure under its cohort."""
    from streams.indicators.definitions import indicators as defined

    cohorts = {each.name: each.cohort.replace(" ", "_") for each in defined().values()}
    items = []
    for row in found.figures():
        item: dict[str, Any] = defaultdict(dict)
        if asked.period:
            item["period"] = row.period
        if asked.by.column:
            name, name_en = asked.by.names.get(row.key, ("", ""))
            item |= {"group": row.key, "name": name, "name_en": name_en}
        for name, figure in row.figures.items():
            item[cohorts[name]][name] = figure
        if asked.living and not asked.by.column:
            item["alerts"] = _counted(centre, asked, row.period)
        items.append(dict(item))
    return items


def _counted(centre: Centre, asked: Asked, period: str) -> dict[str, Any]:
    """What the record script counted on the days of a period: alerts of matters that announce first."""
    from streams.indicators.counting import period_of

    total: dict[str, int] = defaultdict(int)
    first, last, _ = asked.span
    for n in range((last - first).days + 1):
        day = first + timedelta(days=n)
        if period_of(day, asked.period) == period:
            for name, number in centre.queue.counts(day.isoformat()).items():
                total[name] += number
    alerts, settled = total["alerts:first"], total["settled"]
    return {
        "alerts_first": alerts, "announced": total["announced"], "announced_settled": settled,
        "settled_share": scoring.rate(settled, alerts),
    }  # fmt: skip

