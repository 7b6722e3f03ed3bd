"""One function for each click: what a person asks for, as an act on a case.

The pages' callbacks and the API call these and nothing below them. Each call carries the name of its request, so
that a click sent twice (a retry, a double click) is done once.
"""

from __future__ import annotations

import uuid
from typing import cast

from app.accounts import Viewer
from app.centre import Centre
from streams import clocks, workflow
from streams.dispatch_queue import Act, Answered
from streams.errors import GridpostError, NoSuchCase, Refused
from streams.model import ClockName


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
    centre: Centre, no: str, name: str, *, by: Viewer, seen: int | None, patrol: str = "", text: str = "",
    image: str = "", request: str = "",
) -> Answered:  # fmt: skip
    """Do one act of the workflow on a case.

    `seen` is the version that the person saw: another one means that somebody was faster. Raises one of the
    ActRefused tree (nothing changed), Refused when the act needs something that was not given, NotAllowed or
    Unreachable.
    """
    if not by.acts:
        raise NotAllowed(f"{by.name} is a {by.role}: only operators, supervisors and administrators act on cases.")
    row = workflow.BY_NAME.get(name)
    if row is not None:
        _refuse_missing(name, row.needs, {"patrol": patrol, "text": text})
    case = centre.queue.case(no)
    if case is None:
        raise NoSuchCase(no)
    registered = centre.register.patrol(patrol) if patrol else None
    matter = centre.matters.matters.get(case.matter)
    now = centre.now()
    starts = cast(tuple[ClockName, ...], row.starts) if row is not None else ()
    asked = Act(
        no, name, by=by.name, role=by.role, request=request or str(uuid.uuid4()), seen=seen,
        patrol=registered.id if registered else patrol, post=registered.post if registered else "",
        text=text, image=image, matter=matter,
        clocks=clocks.running(matter.clocks, starts, now, centre.calendar) if matter else (),
    )  # fmt: skip
    return centre.queue.act(asked, now)


def _refuse_missing(name: str, needs: tuple[str, ...], given: dict[str, str]) -> None:
    missing = [need for need in needs if not given.get(need)]
    if missing:
        raise Refused("missing", f"{name} needs {' and '.join(missing)}: give it")
