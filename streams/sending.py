"""Who could go to a case, from what Redis knows now; and the centre sending somebody by itself.

The rules are in `recommend.py`; this gathers what they ask for. The pages show the same list.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from streams import acts
from streams.acts import Asked
from streams.assignment import Plan, assign
from streams.codec import local_day
from streams.desk import Desk
from streams.errors import ActRefused, SixFixesMissing
from streams.model import Case, State
from streams.recommend import Candidate, Standing, Wanted, candidates, standing

log = logging.getLogger(__name__)


def loads(desk: Desk, now: datetime) -> Counter[str]:
    """Patrol -> cases it was sent to today."""
    return Counter(desk.queue.sent(local_day(now, desk.calendar.tz)))


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


def send_by_rule(desk: Desk, numbers: Iterable[str], now: datetime) -> list[str]:
    """The centre sends the best candidate to each of these cases, one after the other; those to whom nobody can go now
    wait for the next look. Answers the cases to which somebody was sent."""
    there: list[Standing] | None = None
    sent = []
    for no in numbers:
        case = desk.queue.case(no)
        if case is None or case.state is not State.ACCEPTED:
            continue
        there = standings(desk, now) if there is None else there
        one = wanted(desk, case)
        ways = candidates(case, there, now, one.skills, one.district, desk.roads)
        best = next((each.patrol for each in ways if not each.excluded), "")
        if best and _send(desk, case, best, now):
            sent.append(no)
        there = [each for each in there if each.id != best]  # it goes, or somebody else has just sent it
    return sent


def _send(desk: Desk, case: Case, patrol: str, now: datetime) -> bool:
    asked = Asked(
        no=case.no, name="dispatch", by="rule", role="rule", seen=case.version, patrol=patrol,
        request=f"auto/{case.version}",
    )  # fmt: skip
    try:
        acts.do(desk, asked, now)
    except SixFixesMissing as refused:  # waiting helps nobody
        log.info("left to people: %s", refused)
        desk.queue.leave_to_people(
            case.no, f"{case.no} 六定不全，无法自动派遣，请人工补全后派遣。", f"Not sent by rule: {refused}", now
        )
        return False
    except ActRefused as refused:
        log.debug("not sent by rule: %s", refused)
        return False
    log.info("%s sent to %s by rule", patrol, case.no)
    return True
