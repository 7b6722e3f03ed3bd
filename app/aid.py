"""Mutual aid over HTTP: whom a partner could send, to ask, to decide, and what is under way, with the case's clocks.

A borrowed case is the borrower's: the lender's centre reads it there each time, so both see the same clocks, and
neither keeps a copy. The steps behind are in docs/mutual-aid.md.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from app.accounts import Viewer
from app.actions import NotAllowed
from app.api import MOST_VERSION, centre_of
from app.centre import Centre
from app.listing import Item, answer, readable, viewer_of
from streams.aid import Aid, Ask
from streams.codec import moment
from streams.errors import NoSuchCase, Refused
from streams.model import Case
from streams.mutual import Mutual

MOST = 200
SHOWN = ("state", "version", "matter", "priority", "received", "lon", "lat", "grid", "clocks", "level", "dispatched",
         "updated")  # fmt: skip
"""What a lender sees of the borrower's case: where, how urgent, how far, and its clocks; never words or contacts."""
TIMES = ("asked", "until", "arrived", "ended")
router = APIRouter(prefix="/api/v1", tags=["aid"])

Words = Annotated[str, Field(max_length=1000)]
PatrolId = Annotated[str, Field(max_length=200)]


class Asking(BaseModel):
    """Ask a partner for a patrol."""

    lender: Annotated[str, Field(description="the site of the partner", max_length=32)]
    version: Annotated[int, Field(description="the version of the case as seen", ge=0, le=MOST_VERSION)]
    patrol: Annotated[PatrolId, Field(description="whom we would like; the lender decides")] = ""
    text: Annotated[Words, Field(description="what the patrol reads with its task")] = ""


class Decision(BaseModel):
    """Approve (with `patrol`, else the one they wish, else the best), refuse or cancel (with `text`)."""

    patrol: PatrolId = ""
    text: Words = ""


@router.get("/cases/{no}/aid")
def offers(request: Request, no: str) -> Response:
    """The partners that lend to us, each with its patrols that can go to this case, best first."""
    centre = centre_of(request)
    case = centre.queue.case(no)
    if case is None:
        raise NoSuchCase(no)
    found = []
    for site, patrols in Mutual(centre.desk()).offers(case, centre.now()):
        partner = centre.org.partners[site]
        rows = [
            {**msgspec.to_builtins(one.candidate), "name": one.patrol.name, "name_en": one.patrol.name_en,
             "kind": one.patrol.kind, "post": one.patrol.post, "skills": list(one.patrol.skills)}
            for one in patrols
        ]  # fmt: skip
        found.append({"site": site, "name": partner.name, "name_en": partner.name_en, "patrols": rows})
    return answer(request, found)


@router.post("/cases/{no}/aid", status_code=201)
def ask(request: Request, no: str, given: Asking) -> Response:
    """Ask for aid with an accepted case. The same case, version and lender again is the same ask. 409 when the case has
    moved on, 422 when the partner has not agreed or the case is not waiting."""
    centre, viewer = centre_of(request), _acting(request)
    mutual = Mutual(centre.desk())
    found = mutual.ask(
        no, given.lender, by=viewer.name, role=viewer.role, seen=given.version, now=centre.now(), wish=given.patrol,
        text=given.text,
    )  # fmt: skip
    return _one(centre, mutual, found, viewer, 201)


@router.get("/aid")
def aids(request: Request) -> Response:
    """Aid in both directions, the last asked first: `out` what we lend, `in` what we asked for."""
    centre, viewer = centre_of(request), viewer_of(request)
    mutual, site = Mutual(centre.desk()), centre.settings.site
    found: dict[str, Ask] = {ask.id: ask for ask in mutual.book(site).asks()}  # some may not have arrived yet
    found |= {aid.id: aid for aid in mutual.book(site).listed(MOST)}
    for partner in centre.org.partners:
        found |= {aid.id: aid for aid in mutual.book(partner).listed(MOST) if aid.borrower == site}
    newest = sorted(found.values(), key=lambda each: (each.asked, each.id), reverse=True)
    return answer(request, [view(centre, mutual, each, viewer) for each in newest[:MOST]])


@router.post("/aid/{name}/{step}")
def decide(request: Request, name: str, step: str, given: Decision) -> Response:
    """`approve` or `refuse` (a supervisor of the lender), or `cancel` (the borrower). 409 when the patrol is busy, 422
    when the aid has moved on."""
    centre, viewer = centre_of(request), _acting(request)
    mutual, now = Mutual(centre.desk()), centre.now()
    match step:
        case "approve":
            mutual.approve(name, by=viewer.name, role=viewer.role, now=now, patrol=given.patrol)
        case "refuse":
            mutual.refuse(name, by=viewer.name, role=viewer.role, now=now, text=given.text)
        case "cancel":
            mutual.cancel(name, by=viewer.name, role=viewer.role, now=now, text=given.text)
        case _:
            raise Refused("unknown_step", f"{step!r} is no step of mutual aid: use approve, refuse or cancel")
    found = mutual.book(name.split(".")[0]).get(name)
    if found is None:  # taken back before it arrived
        return Response(msgspec.json.encode({"id": name, "state": "lapsed"}), media_type="application/json")
    return _one(centre, mutual, found, viewer)


def view(centre: Centre, mutual: Mutual, ask: Ask, viewer: Viewer) -> Item:
    """An aid as either side sees it, with the borrower's case as it is now; `state` is `asking` before it arrived."""
    item: Item = {"state": "asking", **msgspec.to_builtins(ask)}
    item["direction"] = "out" if ask.lender == centre.settings.site else "in"
    item["text"] = readable(ask.text, viewer)
    if isinstance(ask, Aid):
        item["why"] = readable(ask.why, viewer)
    for name in TIMES:
        if item.get(name):
            item[f"{name}_time"] = moment(item[name]).isoformat()
    found = mutual.book(ask.borrower).queue.case(ask.no)
    item["case"] = _case(centre, found) if found else None
    return item


def _case(centre: Centre, case: Case) -> Item:
    whole = msgspec.to_builtins(case)
    matter = centre.matters.matters.get(case.matter)
    return {
        **{name: whole[name] for name in SHOWN},
        "title": matter.name if matter else case.matter, "title_en": matter.name_en if matter else case.matter,
    }  # fmt: skip


def _one(centre: Centre, mutual: Mutual, ask: Ask, viewer: Viewer, status: int = 200) -> Response:
    found = mutual.book(ask.lender).get(ask.id) or ask
    body = msgspec.json.encode(view(centre, mutual, found, viewer))
    return Response(body, status, media_type="application/json")


def _acting(request: Request) -> Viewer:
    viewer = viewer_of(request)
    if not viewer.acts:
        raise NotAllowed(f"{viewer.name} is a {viewer.role}: only operators, supervisors and administrators act.")
    return viewer
