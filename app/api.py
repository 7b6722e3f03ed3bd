"""The HTTP API for other systems: lists and single things, reports that come by HTTP, and acts on cases.

Reads ask Redis; nothing is kept here. Every route is listed in docs/api.md and at `/api/docs`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field
from shapely.geometry import mapping

from app import actions
from app.centre import Centre
from app.listing import (
    Cursor,
    GridCode,
    Item,
    Limit,
    Since,
    answer,
    inside,
    known_grid,
    known_state,
    masked,
    page,
    placed,
    readable,
    stream_cursor,
    utc,
    viewer_of,
)
from streams import workflow
from streams.codec import local_day, moment
from streams.errors import NoSuchCase, Refused
from streams.keys import CASE_DAYS
from streams.model import EMPTY, Case, Report, State
from streams.snapshot import case_item, patrol_item

VERSION = "0.1.0"
DAYS_WITHOUT_SINCE = 7
MOST_VERSION = 2**53
"""The largest number that the scripts count exactly."""
Code = Annotated[str, Field(max_length=200)]
router = APIRouter(prefix="/api/v1", tags=["read"])


def centre_of(request: Request) -> Centre:
    """The centre that this server serves."""
    found: Centre = request.app.state.centre
    return found


@router.get("/grids")
def grids(request: Request, grid: GridCode = "", limit: Limit = 5000, cursor: Cursor = "") -> Response:
    """The grid set; with `grid`, that grid and everything below it."""
    centre = centre_of(request)
    known_grid(centre, grid)
    items = [
        {
            "code": each.code, "name": each.name, "name_en": each.name_en, "level": each.level, "parent": each.parent,
            "kind": each.kind, "district": each.district, "chief": each.chief,
            "grids": list(centre.grids.chain(each.code)), "geometry": mapping(each.geometry),
        }
        for each in centre.grids.grids
    ]  # fmt: skip
    found, after = page([item for item in items if inside(item, grid)], lambda i: str(i["code"]), limit, cursor)
    return answer(request, found, after)


@router.get("/patrols")
def patrols(
    request: Request, grid: GridCode = "", state: str = "", since: Since = None, limit: Limit = 1000,
    cursor: Cursor = "",
) -> Response:  # fmt: skip
    """Where every patrol is and what it does. `state`: free, way, scene or off; `since`: heard from then on."""
    centre = centre_of(request)
    known_grid(centre, grid)
    known_state({state} - {""}, {"free", "way", "scene", "off"})
    oldest = utc(since)
    items = []
    for name, row in sorted(centre.queue.patrols().items()):
        item = placed(centre, patrol_item(name, row))
        known = centre.register.patrols.get(name)
        if known is not None:
            item |= {key: getattr(known, key) for key in ("name", "name_en", "kind", "squad", "district", "post")}
            item["skills"] = list(known.skills)
        heard = item.get("at")
        if not inside(item, grid) or (state and item["state"] != state):
            continue
        if oldest is not None and (heard is None or moment(heard) < oldest):
            continue
        items.append(_timed(item, "at"))
    found, after = page(items, lambda item: str(item["id"]), limit, cursor)
    return answer(request, found, after)


@router.get("/cases")
def cases(
    request: Request, grid: GridCode = "", state: str = "", since: Since = None, limit: Limit = 100,
    cursor: Cursor = "",
) -> Response:  # fmt: skip
    """Cases, newest first: all open ones and those received within 7 days (or from `since` on). `state` may name
    several states with commas, or be `open`."""
    centre = centre_of(request)
    known_grid(centre, grid)
    wanted = {one.value for one in workflow.OPEN} if state == "open" else set(filter(None, state.split(",")))
    known_state(wanted, {one.value for one in State})
    found = [
        case_view(centre, case)
        for case in received_since(centre, utc(since), with_open=since is None)
        if not wanted or case.state.value in wanted
    ]
    items, after = page([item for item in found if inside(item, grid)], lambda i: str(i["no"]), limit, cursor)
    return answer(request, items, after)


@router.get("/cases/{no}")
def case(request: Request, no: str) -> Response:
    """One case with its log, the acts that are possible now and, for those who may read it, its text."""
    centre, viewer = centre_of(request), viewer_of(request)
    found = centre.queue.case(no)
    if found is None:
        raise NoSuchCase(no)
    item = case_view(centre, found)
    item["text"] = readable(found.text, viewer)
    item["contact"] = masked(found.contact) if viewer.audience == "full" else None
    item["acts"] = list(workflow.possible(found, viewer.role))
    item["log"] = [
        {**_timed(msgspec.to_builtins(entry), "at"), "text": readable(entry.text, viewer)}
        for entry in centre.queue.log(no)
    ]
    return Response(msgspec.json.encode(item), media_type="application/json")


@router.get("/events")
def events(
    request: Request, grid: GridCode = "", kind: str = "", since: Since = None, limit: Limit = 100,
    cursor: Cursor = "",
) -> Response:  # fmt: skip
    """Recorded events, newest first."""
    centre, viewer = centre_of(request), viewer_of(request)
    known_grid(centre, grid)
    items: list[Item] = []
    before, oldest = stream_cursor(cursor), utc(since)
    while len(items) < limit:
        rows = centre.queue.events(min(1000, max(100, limit)), before, oldest)
        for row in rows:
            before = row.id
            item = _event_item(row, viewer)
            if inside(item, grid) and (not kind or item["kind"] == kind):
                items.append(item)
                if len(items) == limit:
                    break
        if len(rows) < min(1000, max(100, limit)):
            break
    return answer(request, items, before if len(items) == limit else None)


@router.get("/dead")
def dead(request: Request, limit: Limit = 100, cursor: Cursor = "") -> Response:
    """Messages that could not be used, newest first, each with the reason."""
    centre, viewer = centre_of(request), viewer_of(request)
    letters = centre.queue.dead(limit, stream_cursor(cursor))
    items = []
    for letter in letters:
        item = _timed(msgspec.to_builtins(letter), "received")
        item["payload"], item["text"] = readable(letter.payload, viewer), readable(letter.text, viewer)
        items.append(item)
    return answer(request, items, letters[-1].id if len(letters) == limit else None)


class Given(BaseModel):
    """What an act needs; docs/workflow.md says which act needs what."""

    version: Annotated[int | None, Field(description="the version of the case as seen", ge=0, le=MOST_VERSION)] = None
    request_id: Annotated[str, Field(description="names this call: the same again is done once", max_length=100)] = ""
    text: Annotated[str, Field(max_length=4000)] = ""
    image: Annotated[str, Field(description="a /media/… address", max_length=200)] = ""
    patrol: Annotated[str, Field(description="who shall go (dispatch)", max_length=200)] = ""
    department: Annotated[str, Field(description="dispatch, check_in, finish, dismiss", max_length=200)] = ""
    departments: Annotated[tuple[Code, ...], Field(description="whom to call (whistle)", max_length=50)] = ()
    matter: Annotated[str, Field(description="classify", max_length=200)] = ""
    lon: Annotated[float | None, Field(description="place, WGS 84 degrees")] = None
    lat: Annotated[float | None, Field(description="place, WGS 84 degrees")] = None
    limit: Annotated[str, Field(description='extend, ask: as in "2d work_day"', max_length=40)] = ""
    until: Annotated[datetime | None, Field(description="suspend: until when, with its offset")] = None
    into: Annotated[str, Field(description="merge: the number of the case that stays", max_length=60)] = ""
    event: Annotated[str, Field(description="split: the stream id of the event", max_length=60)] = ""
    score: Annotated[int | None, Field(description="rate: 1 to 5")] = None
    wanted: Annotated[str, Field(description="ask: the side exit that is asked for", max_length=40)] = ""


@router.post("/cases/{no}/{act}", tags=["act"])
def act(
    request: Request,
    no: str,
    act: str,
    given: Given,
    version_query: Annotated[int | None, Query(alias="version", ge=0, le=MOST_VERSION)] = None,
) -> Response:
    """One act of the workflow. 409 when somebody was faster (it says who) or the patrol is busy; 422 when the state
    does not allow the act or something it needs is missing; 403 when the role may not."""
    centre = centre_of(request)
    seen = given.version if given.version is not None else version_query
    if seen is None:
        raise Refused("missing", "version: say which version of the case you saw")
    more = given.model_dump(exclude={"version", "request_id", "lon", "lat"})
    place = (given.lon, given.lat) if given.lon is not None and given.lat is not None else None
    done = actions.act(
        centre, no, act, by=viewer_of(request), seen=seen, request=given.request_id, place=place, **more
    )
    body = {**case_view(centre, done.case), "dispatch": done.dispatch, "opened": done.opened or None}
    return Response(msgspec.json.encode(body), media_type="application/json")


@router.get("/workflow")
def workflow_table() -> Response:
    """The table of acts: states before and after, who may, what is needed, what it does to clocks."""
    items = [msgspec.to_builtins(row) for row in workflow.ACTS]
    return Response(msgspec.json.encode({"items": items, "next": None}), media_type="application/json")


def received_since(centre: Centre, since: datetime | None, *, with_open: bool) -> list[Case]:
    """Cases received from `since` on (a week when None), newest first, and with `with_open` all open ones too."""
    now, tz = centre.now(), centre.settings.tz
    oldest = since or now - timedelta(days=DAYS_WITHOUT_SINCE)
    days = min(CASE_DAYS, (now.astimezone(tz).date() - oldest.astimezone(tz).date()).days)
    found: dict[str, Case] = {}
    if with_open:
        found |= {case.no: case for case in centre.queue.open_cases()}
    for back in range(days + 1):
        for case in centre.queue.cases_of(local_day(now - timedelta(days=back), tz)):
            if since is None or moment(case.received) >= since:
                found[case.no] = case
    return sorted(found.values(), key=lambda case: (case.received, case.no), reverse=True)


def case_view(centre: Centre, case: Case) -> Item:
    """A case as the API shows it, with the names of its matter."""
    item = placed(centre, case_item(case))
    item["image"] = centre.pictures.address(case.image)
    matter = centre.matters.matters.get(case.matter)
    item["title"] = matter.name if matter else case.matter
    item["title_en"] = matter.name_en if matter else case.matter
    item["lead"] = matter.lead if matter else ""
    item["url"] = f"/api/v1/cases/{case.no}"
    return item


def _event_item(row: Any, viewer: Any) -> Item:
    event = row.event
    item: Item = msgspec.json.decode(msgspec.json.encode(msgspec.structs.replace(event, attributes=EMPTY)))
    body = item.pop("body")
    body.pop("type", None)
    if "text" in body:
        body["text"] = readable(body["text"] or "", viewer)
    if isinstance(event.body, Report):
        body["contact"] = masked(event.body.contact) if viewer.audience == "full" else None
    position = item.pop("position") or {}
    item.pop("attributes", None)
    return {
        **item, "kind": event.kind.value, "lon": position.get("lon"), "lat": position.get("lat"),
        "flags": [*item["flags"], *([row.flag] if row.flag and row.flag not in item["flags"] else [])],
        "case": row.case or None, "body": body, "cursor": row.id,
    }  # fmt: skip


def _timed(item: Item, *names: str) -> Item:
    """Epoch milliseconds as RFC 3339 beside the number: `at` stays, `at_time` is for people."""
    for name in names:
        if item.get(name):
            item[f"{name}_time"] = moment(item[name]).isoformat()
    return item
