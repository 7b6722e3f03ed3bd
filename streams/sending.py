"""Who could go to a case, from what Redis knows now; and the centre sending somebody by itself.

The rules are in `recommend.py`; this gathers what they ask for. The pages show the same list.
"""

from __future__ import annotations

import logging
from collections import Counter
from datetime import datetime

from streams import acts
from streams.acts import Asked
from streams.assignment import Plan, assign
from streams.codec import local_day
from streams.desk import Desk
from streams.errors import ActRefused
from streams.model import Case, State
from streams.recommend import Candidate, Standing, Wanted, candidates, standing

log = logging.getLogger(__name__)


def loads(desk: Desk, now: datetime) -> Counter[str]:
    """Patrol -> cases of today it was sent to."""
    return Counter(case.patrol for case in desk.queue.cases_of(local_day(now, desk.calendar.tz)) if case.patrol)


def ranked(desk: Desk, case: Case, now: datetime, load: Counter[str] | None = None) -> list[Candidate]:
    """Everybody for this case, best first; those who cannot be sent below, with why."""
    one = wanted(desk, case)
    return candidates(case, standings(desk, now, load), now, one.skills, one.district, desk.roads)


def plan(desk: Desk, now: datetime) -> tuple[Plan, list[Case]]:
    """The best assignment of all cases that wait to be dispatched, and those cases."""
    waiting = [case for case in desk.queue.open_cases() if case.state is State.ACCEPTED]
    return assign([wanted(desk, case) for case in waiting], standings(desk, now), now, desk.roads), waiting


def wanted(desk: Desk, case: Case) -> Wanted:
    """The case with what is asked of whoever goes."""
    grid = desk.index.gridset.by_code.get(case.grid or "")
    matter = desk.matters.matters.get(case.matter)
    return Wanted(case, matter.skills if matter else (), grid.district if grid else "")


def standings(desk: Desk, now: datetime, load: Counter[str] | None = None) -> list[Standing]:
    """Every patrol as it stands now."""
    load = loads(desk, now) if load is None else load
    return [
        standing(name, row, desk.register.patrols.get(name), load[name], now)
        for name, row in desk.queue.patrols().items()
    ]


def send_best(desk: Desk, no: str, now: datetime) -> bool:
    """Dispatch the best candidate by the centre's rule; False when nobody can go now or somebody else was faster."""
    case = desk.queue.case(no)
    if case is None or case.state is not State.ACCEPTED:
        return False
    best = next((one for one in ranked(desk, case, now) if not one.excluded), None)
    if best is None:
        return False
    asked = Asked(
        no=no, name="dispatch", by="rule", role="rule", seen=case.version, patrol=best.patrol,
        request=f"auto/{case.version}",
    )  # fmt: skip
    try:
        acts.do(desk, asked, now)
    except ActRefused as refused:
        log.info("not sent by rule: %s", refused)
        return False
    return True
