"""Cases that a picture of the past does not hold: those that were over by then; and one case with its log as it was.

They come from the table of cases, which has each as its last change of a day left it. A case that was closed and
changed again on the same day, after the moment that is looked at, is shown as closed: what else it was then, that table
does not say.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import msgspec

from streams.archive.past import Picture, at, days_of
from streams.archive.reading import Archive
from streams.codec import millis, moment, read_entry
from streams.model import Case, Clock, Entry, State
from streams.workflow import OPEN

DAYS = 7
"""A case is looked for so many days back, and so is what fell due on a day."""
LONGEST_OPEN = 120
"""One case is looked for so many days back."""
DONE = (State.CLOSED, State.RATED)
COLUMNS = """
    no, state, version, matter, priority, origin, epoch_ms(received) AS received, category, device,
    geometry.x AS lon, geometry.y AS lat, grid, grids, cell, clocks, events, epoch_ms(c.at) AS updated, alert, patrol,
    department, person, post, epoch_ms(dispatched) AS dispatched, epoch_ms(closed) AS closed, owner, level, "into",
    score
"""
OF_THE_DAY = f"""
    SELECT {COLUMNS} FROM cases_now c
    WHERE received <= $when AND (received >= $day OR closed >= $day OR handling_due >= $day)
      AND (c.at <= $when OR closed <= $when)
"""
ONE = f"SELECT {COLUMNS} FROM cases c WHERE no = ? AND (c.at <= ? OR closed <= ?) ORDER BY ms DESC, seq DESC LIMIT 1"
LOG = "SELECT entry FROM acts a WHERE no = ? AND a.at <= ? ORDER BY ms, seq"
_clocks = msgspec.json.Decoder(tuple[Clock, ...]).decode


def over(archive: Archive, when: datetime, known: Iterable[str], picture: Picture = lambda i: i) -> list[Case]:
    """The cases that were over at `when`, of those that came in, fell due or were closed on its local day, newest
    first. `known`: the numbers of those that are known otherwise."""
    local = when.astimezone(archive.tz)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    with archive.open(days_of(archive, when - timedelta(days=DAYS), when), ("cases",)) as found:
        rows = _named(found.execute(OF_THE_DAY, {"when": when, "day": midnight}))
    left_out = set(known)
    cases = [case for row in rows if row["no"] not in left_out and (case := _over(row, when, picture)) is not None]
    return sorted(cases, key=lambda case: case.updated, reverse=True)


def case_at(archive: Archive, when: datetime, no: str, picture: Picture = lambda i: i) -> Case | None:
    """A case as it was at `when`; None when there was none of that number yet."""
    found = at(archive, when, picture, moves=False).cases.get(no)
    if found is not None:
        return found
    with archive.open(_kept(archive, when), ("cases",)) as files:
        rows = _named(files.execute(ONE, [no, when, when]))
    return _over(rows[0], when, picture) if rows else None


def log_at(archive: Archive, when: datetime, case: Case) -> tuple[Entry, ...]:
    """The log of a case up to `when`, oldest first."""
    received = moment(case.received)
    with archive.open(days_of(archive, received, when), ("acts",), within=(received, when)) as found:
        rows = found.execute(LOG, [case.no, when]).fetchall()
    return tuple(read_entry(text.encode()) for (text,) in rows)


def _kept(archive: Archive, when: datetime) -> list[str]:
    return days_of(archive, when - timedelta(days=LONGEST_OPEN), when)


def _named(result: Any) -> list[dict[str, Any]]:
    names = [column[0] for column in result.description]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def _over(row: dict[str, Any], when: datetime, picture: Picture) -> Case | None:
    """The case of a row, None when it was open then; one that changed later the same day was closed."""
    row |= {"clocks": _clocks(row["clocks"]), "grids": tuple(row["grids"] or ()), "image": picture(None)}
    for name in ("device", "category", "alert", "patrol", "department", "person", "post", "owner", "into"):
        row[name] = row[name] or ""
    case = msgspec.convert(row, Case)
    if case.updated <= millis(when):
        return None if case.state in OPEN else case
    if case.state not in DONE:
        return None
    return msgspec.structs.replace(case, state=State.CLOSED, updated=case.closed or case.updated, score=None)
