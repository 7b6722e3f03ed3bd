"""`/api/v1/plan`: who should go where, for all cases that wait to be dispatched, best for all of them together.

It binds nobody: whoever agrees sends each patrol by an act of its own, with the version of the case that the plan saw,
and hears of each that was taken meanwhile.
"""

from __future__ import annotations

from typing import Any

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response

from app.accounts import Viewer
from app.actions import NotAllowed
from app.api import case_view, centre_of
from app.centre import Centre
from app.listing import viewer_of
from streams import sending
from streams.codec import millis

router = APIRouter(tags=["act"])
LEFT: dict[str, tuple[str, str]] = {
    "unplaced": ("没有位置", "its place is unknown"),
    "outside": ("不在任何网格内", "it lies in no grid"),
    "nobody": ("没有可派的人", "nobody can be sent to it"),
    "taken": ("能去的人更需要去别处", "those who could are needed more elsewhere"),
}
"""Why nobody is sent to a case."""


@router.get("/api/v1/plan")
def plan(request: Request) -> Response:
    """The best assignment of the cases that wait: `items` says who goes where, `left` who is left without and why."""
    viewer: Viewer = viewer_of(request)
    if not viewer.acts:
        raise NotAllowed(f"{viewer.name} is a {viewer.role}: only those who dispatch ask for a plan.")
    return Response(msgspec.json.encode(planned(centre_of(request))), media_type="application/json")


def planned(centre: Centre) -> dict[str, Any]:
    """The plan, the most urgent first, each case with the version it was made for."""
    now = centre.now()
    found, waiting = sending.plan(centre.desk(), now)
    cases = {case.no: case_view(centre, case) for case in waiting}
    patrols = centre.register.patrols
    items: list[dict[str, Any]] = [
        {
            "case": cases[each.case], "patrol": each.patrol, "patrol_name": patrols[each.patrol].name,
            "patrol_name_en": patrols[each.patrol].name_en, "metres": round(each.metres),
            "minutes": round(each.minutes, 1), "by_road": each.by_road,
        }
        for each in found.sendings
    ]  # fmt: skip
    left: list[dict[str, Any]] = [
        {"case": cases[each.case], "reason": each.reason, "reason_zh": LEFT[each.reason][0],
         "reason_en": LEFT[each.reason][1]}
        for each in found.left
    ]  # fmt: skip
    items.sort(key=lambda item: (item["case"]["priority"], item["minutes"]))
    left.sort(key=lambda item: item["case"]["priority"])
    return {"at": millis(now), "items": items, "left": left}
