"""Who could go to a case, from what Redis knows now; and the centre sending somebody by itself.

The rules are in `recommend.py`; this gathers what they ask for. The pages show the same list.
"""

from __future__ import annotations

import logging
from collections import Counter
from datetime import datetime

from streams import acts
from streams.acts import Asked
from streams.codec import local_day
from streams.desk import Desk
from streams.errors import ActRefused
from streams.model import Case, State
from streams.recommend import Candidate, candidates, standing

log = logging.getLogger(__name__)


def loads(desk: Desk, now: datetime) -> Counter[str]:
    """Patrol -> cases of today it was sent to."""
    return Counter(case.patrol for case in desk.queue.cases_of(local_day(now, desk.calendar.tz)) if case.patrol)


def ranked(desk: Desk, case: Case, now: datetime, load: Counter[str] | None = None) -> list[Candidate]:
    """Everybody for this case, best first; those who cannot be sent below, with why."""
    load = loads(desk, now) if load is None else load
    grid = desk.index.gridset.by_code.get(case.grid or "")
    matter = desk.matters.matters.get(case.matter)
    standings = [
        standing(name, row, desk.register.patrols.get(name), load[name], now)
        for name, row in desk.queue.patrols().items()
    ]
    return candidates(
        case, standings, now, matter.skills if matter else (), grid.district if grid else "", desk.roads
    )


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
