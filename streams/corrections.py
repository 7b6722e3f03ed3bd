"""Corrections of the four-part score: an act of its own, with a reason, of a supervisor or an administrator.

Points follow from what was done, and what was done does not change. So who finds a point wrong adds a correction: an
entry in the log `score:<to>/<who>` and in the sealed stream of acts, kept with them in the archive, done again with
them by `replay --verify`. It counts on the day it is made and is shown with its reason among the points.
"""

from __future__ import annotations

from datetime import datetime
from math import isfinite
from typing import Any, Literal, get_args

import msgspec

from streams.codec import pack, to_json
from streams.dispatch_queue import DispatchQueue
from streams.errors import Refused, RoleRefused
from streams.script import Script
from streams.workflow import APPROVERS

To = Literal["person", "squad", "grid", "department"]
Part = Literal["post", "module", "team", "task_force"]
TO: tuple[str, ...] = get_args(To)
PARTS: tuple[str, ...] = get_args(Part)
MOST = 1000.0
"""More points than that are a slip of the pen."""


class Correction(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody asks for: `points` more (or fewer) of a `part` for `who`. `text` says why. `point`: the stream id
    of the act whose point is put right, and `case` its case, where it is about one. `request` names the call."""

    to: str
    who: str
    part: str
    points: float
    text: str
    by: str
    role: str
    request: str
    point: str = ""
    case: str = ""


def correct(queue: DispatchQueue, asked: Correction, now: datetime) -> int:
    """Put it into the trace; returns the number of the entry in its log. Raises RoleRefused, Refused, Unreachable."""
    if asked.role not in APPROVERS:
        raise RoleRefused(f"score:{asked.to}/{asked.who}", "correct", asked.role, APPROVERS, False)
    _check(asked)
    return again(queue, to_json(asked), now)


def again(queue: DispatchQueue, asked: bytes, now: datetime) -> int:
    """The same, from what the journal says of it; who may was looked at then."""
    one = msgspec.json.decode(asked, type=Correction)
    detail = {"to": one.to, "who": one.who, "part": one.part, "points": one.points, "point": one.point,
              "case": one.case}  # fmt: skip
    arg = {
        **queue.stamp(now), "to": one.to, "who": one.who, "by": one.by, "role": one.role, "request": one.request,
        "text": one.text, "detail": to_json(detail).decode(), "a": asked.decode(),
    }  # fmt: skip
    script = Script(queue.redis, "common", "correct")
    with queue.reaching():
        entry: Any = script(queue.keys.prefix, pack(arg))
    return int(entry)


def _check(asked: Correction) -> None:
    for name, value, known in (("to", asked.to, TO), ("part", asked.part, PARTS)):
        if value not in known:
            raise Refused("bad_correction", f"{name} = {value!r}: use one of {', '.join(known)}")
    if not isfinite(asked.points) or not 0 < abs(asked.points) <= MOST:
        raise Refused("bad_correction", f"points = {asked.points:g}: give a number from -1000 to 1000 other than 0")
    if not asked.text.strip():
        raise Refused("bad_correction", "text is empty: a correction needs its reason")
    if not asked.who:
        raise Refused("bad_correction", "who is empty: name the person, squad, grid or department")
