"""What lists have in common: filters, cursors, the place of a thing, JSON or GeoJSON, and what stays hidden.

A list is `{"items": […], "next": cursor}`; whatever is placed carries `lon`, `lat`, `grid`, `grids` and `cell`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from fastapi import Query, Request
from fastapi.responses import Response

from app.accounts import Viewer
from app.centre import Centre
from streams.errors import Refused
from streams.ledger import STREAM_ID

Item = dict[str, Any]

GEOJSON = "application/geo+json"
MOST = 5000
KNOWN_YEARS = (1970, 2999)
MOBILE = re.compile(r"(?<!\d)(1\d{2})[- ]?\d{4}[- ]?(\d{4})(?!\d)")

Limit = Annotated[int, Query(ge=1, le=MOST, description="at most so many items")]
Cursor = Annotated[str, Query(description="the `next` of the page before")]
GridCode = Annotated[str, Query(alias="grid", description="only in this grid or below it")]
Since = Annotated[datetime | None, Query(description="only from this time on (RFC 3339)")]


def answer(request: Request, items: Iterable[Item], after: str | None = None) -> Response:
    """A list as the caller wants it: GeoJSON when it asks for `application/geo+json`, else JSON."""
    if GEOJSON in request.headers.get("accept", ""):
        features = {"type": "FeatureCollection", "features": [feature(item) for item in items], "next": after}
        return Response(msgspec.json.encode(features), media_type=GEOJSON)
    body = {"items": [{k: v for k, v in item.items() if k != "geometry"} for item in items], "next": after}
    return Response(msgspec.json.encode(body), media_type="application/json")


def feature(item: Item) -> Item:
    """An item as a GeoJSON feature; what has no place has a null geometry."""
    properties = {k: v for k, v in item.items() if k != "geometry"}
    geometry = item.get("geometry")
    if geometry is None and item.get("lon") is not None:
        geometry = {"type": "Point", "coordinates": [item["lon"], item["lat"]]}
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def page(items: list[Item], name: Callable[[Item], str], limit: int, cursor: str) -> tuple[list[Item], str | None]:
    """One page of an ordered list; the cursor is the name of the last item of the page before."""
    start = 0
    if cursor:
        start = next((n + 1 for n, item in enumerate(items) if name(item) == cursor), -1)
        if start < 0:
            raise Refused("unknown_cursor", f"{cursor!r} is no cursor of this list: start again without it")
    found = items[start : start + limit]
    return found, name(found[-1]) if found and start + limit < len(items) else None


def placed(centre: Centre, item: Item) -> Item:
    """The item with `grids` and `cell`, worked out from its place when it does not carry them."""
    if item.get("lon") is None or ("grids" in item and "cell" in item):
        return {"grids": [], "cell": None, **item}
    tag = centre.index.tag(item["lon"], item["lat"])
    return {**item, "grid": item.get("grid") or tag.grid, "grids": list(tag.grids), "cell": tag.cell}


def inside(item: Item, grid: str) -> bool:
    """Whether an item lies in a grid or below it."""
    return not grid or item.get("grid") == grid or grid in (item.get("grids") or ())


def known_grid(centre: Centre, grid: str) -> str:
    """The code, or Refused when no grid has it."""
    if grid and grid not in centre.grids.by_code:
        raise Refused("unknown_grid", f"{grid!r} is no grid of this site: see /api/v1/grids")
    return grid


def known_state(wanted: set[str], known: set[str]) -> None:
    """A mistyped state would look like an empty town: it is refused instead."""
    if unknown := sorted(wanted - known):
        raise Refused("unknown_state", f"state {unknown[0]!r} is none of {', '.join(sorted(known))}: use one of these")


def utc(since: datetime | None) -> datetime | None:
    """A time that a caller sent, aware; without an offset it is refused."""
    if since is None:
        return None
    if since.tzinfo is None:
        raise Refused("wrong_type", f"since={since.isoformat()} has no offset: add Z or +08:00")
    if not KNOWN_YEARS[0] <= since.year <= KNOWN_YEARS[1]:  # at the ends of the calendar other offsets have no such day
        raise Refused("wrong_type", f"since={since.isoformat()}: give a year from {KNOWN_YEARS[0]} to {KNOWN_YEARS[1]}")
    return since.astimezone(UTC)


def stream_cursor(cursor: str) -> str:
    """Where a page of a stream begins: behind `cursor`, or at the newest; Refused when it is no stream id."""
    if cursor and not STREAM_ID.fullmatch(cursor):
        raise Refused("unknown_cursor", f"{cursor!r} is no cursor of this list: start again without it")
    return cursor or "+"


def masked(contact: str) -> str:
    """A contact as everybody sees it: 199****1234 for a mobile number, the first sign of anything else."""
    if not contact:
        return ""
    hidden = MOBILE.sub(r"\1****\2", contact)
    if hidden != contact:
        return hidden
    return contact[:1] + "*" * min(8, max(1, len(contact) - 1))


def readable(free_text: str, viewer: Viewer) -> str | None:
    """Free text for those who may read it, with telephone numbers masked; None for the others."""
    return MOBILE.sub(r"\1****\2", free_text) if viewer.audience == "full" else None


def viewer_of(request: Request) -> Viewer:
    """Who asks."""
    found: Viewer = request.state.viewer
    return found
