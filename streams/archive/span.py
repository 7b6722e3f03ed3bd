"""From when to when there is a past, and how much happened in it: what is drawn behind a slider of time."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple

from streams.archive.past import BEGINNING
from streams.archive.reading import Archive
from streams.codec import millis, moment

BUCKET = timedelta(minutes=5)
FOLDED = ("changes", "tracks")
"""Kinds from which a picture is made where there is no snapshot to begin with."""
COUNT = "SELECT (epoch_ms({time}) - ?) // ?, count({what}) FROM {kind} x WHERE {time} >= ? AND {time} < ? GROUP BY 1"
"""A case has a row for each file of a running day: counted by its number."""


class Density(NamedTuple):
    """A local day in steps of `BUCKET`: cases that came in and acts that were done, each from its first moment on."""

    day: str
    start: datetime
    end: datetime
    cases: list[int]
    acts: list[int]


def first_instant(archive: Archive) -> datetime | None:
    """The first moment of which there is a whole picture, that of the first snapshot: what is kept from before it (what
    Redis still had when the archive began, or changes that are kept longer than snapshots) does not say what was open
    then. None when nothing was ever kept."""
    head = archive.store.head()
    days = archive.store.days(head)
    for kinds in (("snapshots",), FOLDED):
        for day in (day for day in days if day >= head.kept_from.get(kinds[0], "")):
            begins = [part.begin for part in archive.store.parts(day, head) if part.kind in kinds]
            if begins:
                return moment(min(begins)) if min(begins) else _midnight(archive, date.fromisoformat(day))
    return None


def density(archive: Archive, day: date) -> Density:
    """How much happened on a local day."""
    start, end = _midnight(archive, day), _midnight(archive, day + timedelta(days=1))
    step = BUCKET // timedelta(milliseconds=1)
    count = -((millis(start) - millis(end)) // step)  # a day on which the clocks change is longer or shorter
    with archive.open([day.isoformat()], ("cases", "acts")) as found:
        cases = _counted(found, "cases", "DISTINCT no", "x.received", start, end, count)
        acts = _counted(found, "acts", "*", "x.at", start, end, count)
    return Density(day.isoformat(), start, end, cases, acts)


def _counted(
    found: Any, kind: str, what: str, column: str, start: datetime, end: datetime, count: int
) -> list[int]:
    query = COUNT.format(kind=kind, what=what, time=column)
    rows = found.execute(query, [millis(start), BUCKET // timedelta(milliseconds=1), start, end]).fetchall()
    counted = dict(rows)
    return [int(counted.get(n, 0)) for n in range(count)]


def _midnight(archive: Archive, day: date) -> datetime:
    return datetime.combine(day, time(), archive.tz) if day > BEGINNING.date() else BEGINNING
