"""`/api/v1/trace`: how far the trace is sealed, and the hash of a day, to be kept where nobody can change it.

`gridpost cases verify` proves the trace, and `--hash` finds there what this gave.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response

from app.api import centre_of
from app.centre import Centre
from app.listing import KNOWN_YEARS
from streams.codec import moment
from streams.errors import Refused
from streams.kept import KeptTrace
from streams.trace import DAY, order

router = APIRouter(tags=["read"])


@router.get("/api/v1/trace")
def trace(
    request: Request, day: Annotated[date | None, Query(description="a local day; today when none is given")] = None
) -> Response:
    """The last seal of a local day (`hash`, null while nothing was sealed on it; `final` once the day is over), and how
    far the site is sealed."""
    centre = centre_of(request)
    if day is not None and day.year < KNOWN_YEARS[0]:
        raise Refused("wrong_type", f"day={day}: nothing was sealed before {KNOWN_YEARS[0]}, give a later day")
    return JSONResponse(sealed_on(centre, day or centre.now().astimezone(centre.settings.tz).date()))


def sealed_on(centre: Centre, day: date) -> dict[str, Any]:
    """What stands for a day: `day`, `hash`, `final`, `sealed` (how many entries of the day have a seal), and `newest`
    {`id`, `at`, `hash`}, the newest seal of all, or null."""
    kept, tz = KeptTrace(centre.queue), centre.settings.tz
    head = kept.head()
    newest = {"id": head["id"], "at": moment(order(head["id"])[0]).isoformat(), "hash": head["hash"]} if head else None
    last = moment(order(head["id"])[0]).astimezone(tz).date() if head else None
    today = centre.now().astimezone(tz).date()
    return {
        "day": day.isoformat(), "hash": head.get(DAY + day.isoformat()),
        "final": day < today and not kept.waiting_until(day, tz, head.get("id", "0-0")),
        "sealed": kept.sealed_on(day, tz) if last and day <= last else 0, "newest": newest,
    }  # fmt: skip
