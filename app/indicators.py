"""`/api/v1/indicators`: the figures of past days, worked out from the cases that Redis still has.

The three cohorts (came in, fell due, was closed on a day) are never mixed: a sum over days adds each of them, and
rates are worked out from the sums.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response

from app.api import centre_of
from app.centre import Centre
from app.views.report import Ahead, ahead_of
from streams import scoring
from streams.errors import Refused
from streams.keys import CASE_DAYS
from streams.model import Case

SUMMED = ("inflow", "open", "due", "due_closed", "due_on_time", "closed")
OLDER_DAYS = 14
router = APIRouter(tags=["read"])


@router.get("/api/v1/indicators")
def indicators(
    request: Request,
    first: Annotated[date | None, Query(alias="from", description="first local day")] = None,
    last: Annotated[date | None, Query(alias="to", description="last local day, included")] = None,
    by: Literal["day", "grid", "department"] = "day",
) -> Response:
    """The indicators of a span of local days (today when none is given), per day, grid or lead department."""
    centre = centre_of(request)
    today = centre.now().astimezone(centre.settings.tz).date()
    last = last or first or today
    first = first or last
    if first > last or (today - first).days > CASE_DAYS or last > today:
        raise Refused(
            "wrong_span", f"from {first} to {last}: give days in order, not after today, at most {CASE_DAYS} days back"
        )
    found = figures_of(centre, first, last)
    if by == "day":
        items = [_day_item(figures, ahead) for figures, ahead in found]
    elif by == "grid":
        items = _summed([(figures.by_grid, ahead.by_grid) for figures, ahead in found], by)
    else:
        items = _summed([(figures.by_department, ahead.by_lead) for figures, ahead in found], by)
    return JSONResponse({"from": first.isoformat(), "to": last.isoformat(), "by": by, "items": items, "next": None})


def figures_of(centre: Centre, first: date, last: date) -> list[tuple[scoring.Figures, Ahead]]:
    """The figures of each local day from `first` to `last`, cut off at now or at the day's end, with what of each
    grid and department falls due that day but still has time."""
    cases = _cases(centre, first, last)
    leads = {key: matter.lead for key, matter in centre.matters.matters.items()}
    found = []
    for n in range((last - first).days + 1):
        day = first + timedelta(days=n)
        start = datetime(day.year, day.month, day.day, tzinfo=centre.settings.tz)
        midnight = start + timedelta(days=1)
        end = midnight - timedelta(milliseconds=1)
        counts = centre.queue.counts(day.isoformat())
        figures = scoring.figures(cases, start, min(centre.now(), end.astimezone(UTC)), leads, counts)
        begins, ends = (round(each.timestamp() * 1000) for each in (start, midnight))
        found.append((figures, ahead_of(cases, begins, ends, figures.at, leads)))
    return found


def _day_item(figures: scoring.Figures, ahead: Ahead) -> dict[str, Any]:
    """A day as it is sent: no rate while nothing that falls due is decided."""
    item: dict[str, Any] = msgspec.to_builtins(figures)
    due = item["fell_due"]
    if due["due"] == due["ahead"]:
        due["closing_rate"] = due["on_time_rate"] = None
    for shares, waiting in ((item["by_grid"], ahead.by_grid), (item["by_department"], ahead.by_lead)):
        for key, share in shares.items():
            if share["due"] == waiting.get(key, 0):
                share["closing_rate"] = share["on_time_rate"] = None
    return item


def _cases(centre: Centre, first: date, last: date) -> list[Case]:
    """Every case that may count in the span: received in it or up to two weeks before, closed in it, or open."""
    found = {case.no: case for case in centre.queue.open_cases()}
    day = first - timedelta(days=OLDER_DAYS)
    while day <= last:
        found |= {case.no: case for case in centre.queue.cases_of(day.isoformat())}
        if day >= first:
            found |= {case.no: case for case in centre.queue.closed_on(day.isoformat())}
        day += timedelta(days=1)
    return list(found.values())


def _summed(days: list[tuple[Mapping[str, scoring.Share], Mapping[str, int]]], by: str) -> list[dict[str, Any]]:
    """The shares of several days as one a key; `open` is that of the last day. No rate while nothing is decided."""
    totals: dict[str, dict[str, Any]] = {}
    undecided: Counter[str] = Counter()
    for shares, ahead in days:
        undecided.update(ahead)
        for key, share in shares.items():
            total = totals.setdefault(key, {by: key, **dict.fromkeys(SUMMED, 0)})
            for name in SUMMED:
                total[name] = getattr(share, name) + (0 if name == "open" else total[name])
    for key, total in totals.items():
        due = total["due"] if total["due"] > undecided[key] else 0
        total["closing_rate"] = scoring.rate(total["due_closed"], due)
        total["on_time_rate"] = scoring.rate(total["due_on_time"], due)
    return [totals[key] for key in sorted(totals)]
