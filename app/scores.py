"""`/api/v1/scores`: the four-part score (四维考评) of people, squads, grids and departments, each point with its act;
and corrections, each with its reason."""

from __future__ import annotations

import uuid
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field

from app.api import centre_of
from app.centre import Centre
from app.indicators import From, To, ask, site_of
from app.listing import Cursor, Limit, page, readable, viewer_of
from streams import corrections
from streams.errors import Refused

if TYPE_CHECKING:  # DuckDB and Arrow are read when somebody asks
    from streams.indicators.scores import Point, Score

router = APIRouter(tags=["read"])


@router.get("/api/v1/scores")
def scores(
    request: Request,
    first: From = None,
    last: To = None,
    by: Annotated[str, Query(description="person, squad, grid or department")] = "person",
    who: Annotated[str, Query(description="whose points, one by one, instead of the sums")] = "",
    limit: Limit = 1000,
    cursor: Cursor = "",
) -> Response:
    """The scores of a span of local days, the highest first; with `who` every point of one score, each with the act
    behind it."""
    centre, viewer = centre_of(request), viewer_of(request)
    head: dict[str, Any] = {"by": by}
    if who:
        found = points_of(centre, first, last, by, who)
        items = [
            {**point._asdict(), "key": f"{point.id}/{point.rule}", "at": point.at.isoformat(),
             "text": readable(point.text, viewer)} for point in found
        ]  # fmt: skip
        some, after = page(items, lambda item: str(item["key"]), limit, cursor)
        return JSONResponse({**head, "who": who, "total": sum(p.points for p in found), "items": some, "next": after})
    board = board_of(centre, first, last, by)
    items = [
        {"who": each.who, "name": board.names.get(each.who, ("", ""))[0],
         "name_en": board.names.get(each.who, ("", ""))[1], "total": each.total, "points": each.points, **each.parts}
        for each in board.scores
    ]  # fmt: skip
    some, after = page(items, lambda item: str(item["who"]), limit, cursor)
    span = {"from": board.first.isoformat(), "to": board.last.isoformat()}
    return JSONResponse({**head, **span, "items": some, "next": after})


class Given(BaseModel):
    """A correction: what it is about, and why."""

    to: Annotated[str, Field(description="person, squad, grid or department", max_length=20)]
    who: Annotated[str, Field(description="its id or code", min_length=1, max_length=200)]
    part: Annotated[str, Field(description="post, module, team or task_force", max_length=20)]
    points: Annotated[float, Field(description="so many more, or fewer", allow_inf_nan=False)]
    text: Annotated[str, Field(description="the reason", min_length=1, max_length=4000)]
    point: Annotated[str, Field(description="the id of the point that is put right", max_length=60)] = ""
    case: Annotated[str, Field(description="its case", max_length=60)] = ""
    request_id: Annotated[str, Field(description="names this call: the same again is done once", max_length=100)] = ""


@router.post("/api/v1/scores/corrections", tags=["act"])
def correct(request: Request, given: Given) -> Response:
    """Put a score right, by an act of its own with a reason; for supervisors and administrators. The same `request_id`
    again does nothing more."""
    centre, viewer = centre_of(request), viewer_of(request)
    known = _known(centre, given.to)
    if known and given.who not in known:
        raise Refused("bad_correction", f"who = {given.who!r} is no {given.to} of this site: use the id of one")
    asked = corrections.Correction(
        by=viewer.name, role=viewer.role, request=given.request_id or uuid.uuid4().hex,
        **given.model_dump(exclude={"request_id"}),
    )  # fmt: skip
    number = corrections.correct(centre.queue, asked, centre.now())
    return JSONResponse({"log": f"score:{asked.to}/{asked.who}", "entry": number})


class Board(NamedTuple):
    """Scores of a span, the highest first, with the names of whose they are."""

    first: date
    last: date
    scores: list[Score]
    names: Any


def board_of(centre: Centre, first: date | None, last: date | None, by: str) -> Board:
    """The scores of a span by person, squad, grid or department; Refused naming what cannot be answered."""
    from streams.indicators import scores as counted

    asked, site = ask(centre, first, last), site_of(centre)
    found = counted.scores(asked.source, asked.span, site, centre.score, by)
    return Board(asked.span.first, asked.span.last, found, counted.names(site, by))


def names_of(centre: Centre, by: str) -> Any:
    """The names of persons, squads, grids or departments."""
    from streams.indicators import scores as counted

    return counted.names(site_of(centre), by)


def points_of(centre: Centre, first: date | None, last: date | None, by: str, who: str) -> list[Point]:
    """Every point of one score, in the order of the acts behind them."""
    from streams.indicators import scores as counted

    asked = ask(centre, first, last)
    return counted.points_of(asked.source, asked.span, site_of(centre), centre.score, by, who)


def _known(centre: Centre, to: str) -> Any:
    return {
        "person": centre.register.patrols, "squad": centre.org.squads, "grid": centre.grids.by_code,
        "department": centre.org.departments,
    }.get(to, {})  # fmt: skip
