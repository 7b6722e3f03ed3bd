"""One function for each click: what a person asks for, as an act on a case.

The pages' callbacks and the API call these and nothing below them. Each call carries the name of its request, so
that a click sent twice (a retry, a double click) is done once.
"""

from __future__ import annotations

import uuid
from typing import Any

from app.accounts import Viewer
from app.centre import Centre
from app.media import ADDRESS
from streams import acts, workflow
from streams.acts import Asked
from streams.dispatch_queue import Answered
from streams.errors import GridpostError, Refused


class NotAllowed(GridpostError):
    """The role of the account may not do this."""


def dispatch(
    centre: Centre, no: str, patrol: str, *, by: Viewer, seen: int, request: str = "", text: str = ""
) -> Answered:
    """Send a patrol to a case; raises one of the ActRefused tree, NotAllowed or Unreachable."""
    return act(centre, no, "dispatch", by=by, seen=seen, patrol=patrol, request=request, text=text)


def withdraw(centre: Centre, no: str, *, by: Viewer, seen: int, request: str = "", text: str = "") -> Answered:
    """Call the patrol back (also what Undo does); raises as `dispatch`."""
    return act(centre, no, "withdraw", by=by, seen=seen, request=request, text=text)


def act(
    centre: Centre, no: str, name: str, *, by: Viewer, seen: int | None, request: str = "", **given: Any
) -> Answered:
    """Do one act of the workflow on a case; `given`: what it needs, fields of `streams.acts.Asked`.

    `seen` is the version that the person saw: another one means that somebody was faster. Raises one of the
    ActRefused tree (nothing changed), Refused when something that was given cannot be, NotAllowed or Unreachable.
    """
    if not by.acts and not any(by.role in row.roles for row in workflow.ACTS if row.name == name):
        raise NotAllowed(f"{by.name} is a {by.role}: only operators, supervisors and administrators act on cases.")
    if (image := given.get("image")) and not (ADDRESS.fullmatch(image) or centre.pictures.allowed(image)):
        raise Refused("wrong_type", f"image is {image!r}: send the /media/… address that POST /api/v1/media gave")
    asked = Asked(no=no, name=name, by=by.name, role=by.role, seen=seen, request=request or str(uuid.uuid4()), **given)
    return acts.do(centre.desk(), asked, centre.now())
