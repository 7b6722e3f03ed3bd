"""The daily report as it is printed: what /daily shows, and of which version of the day it is."""

from __future__ import annotations

from datetime import date, timedelta
from typing import NamedTuple

from app.centre import current, open_archive
from app.labels import Lang
from app.pages import daily
from app.views.report import Report
from streams.errors import Refused


class Printed(NamedTuple):
    """A report, and the version of the day in the archive: 0 while it is not frozen."""

    report: Report
    version: int


def collected(day: date, lang: Lang) -> Printed:
    """The report of a day, by the same way as the page: its figures are the page's. Raises Refused for a day that
    is not kept, since the page would show another one."""
    today = daily.today()
    if not timedelta(0) <= today - day <= timedelta(days=daily.KEPT_DAYS):
        first = today - timedelta(days=daily.KEPT_DAYS)
        raise Refused("unknown_day", f"there is no report of {day}: give a day from {first} to {today}")
    version = open_archive(current()).store.head().frozen.get(day.isoformat(), 0)
    return Printed(daily.collect(day, lang), version)
