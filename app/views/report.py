"""What a report of a day holds, and the small parts its views share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta, tzinfo
from typing import Any, NamedTuple

import msgspec
from dash import html

from app.labels import Lang, word
from streams.model import Case, Clock
from streams.scoring import Figures, Share, handling, overdue, rate, runs
from streams.workflow import OPEN

WEAK = 0.85


class Ahead(NamedTuple):
    """How many cases that fall due on a day are open and still have time: by grid code and by lead department."""

    by_grid: Mapping[str, int]
    by_lead: Mapping[str, int]


NONE_AHEAD = Ahead({}, {})


class Report(msgspec.Struct, frozen=True):
    """Everything a report shows. `cases`: of the week before and all open ones; `names`: code or id -> name;
    `online`: (word, online, all) of cameras, sensors and sources; `squads`: (name, on duty, all), today only;
    `ahead`: by grid and by lead, how many of those that fall due on the day still have time; `hash`: the seal of the
    day's last entry in the trace, of `sealed` entries of the day."""

    lang: Lang
    day: date
    now: datetime
    today: bool
    site: str
    figures: Figures
    before: Figures | None
    cases: tuple[Case, ...]
    names: Mapping[str, str]
    titles: Mapping[str, str]
    leads: Mapping[str, str]
    online: Sequence[tuple[str, int, int]]
    squads: Sequence[tuple[str, int, int]]
    tz: Any
    ahead: Ahead = NONE_AHEAD
    hash: str = ""
    sealed: int = 0

    @property
    def late(self) -> list[tuple[Case, Clock]]:
        """Open cases past a limit, the longest first, each with the clock that is most overdue."""
        at = self.figures.at
        found = [case for case in self.cases if overdue(case, at)]
        timed = [(case, min(filter(runs, case.clocks), key=lambda c: c.due)) for case in found]
        return sorted(timed, key=lambda pair: pair[1].due)


def percent(share: float) -> str:
    """93.83%"""
    return f"{100 * share:.2f}%" if share < 1 else "100%"


def span(seconds: float) -> str:
    """1:47, hours and minutes."""
    minutes = round(seconds / 60)
    return f"{minutes // 60}:{minutes % 60:02d}"


def table(heads: Sequence[str], body: Iterable[Sequence[Any]], left: tuple[int, ...]) -> html.Table:
    """A table; `left` are the columns that read from the left."""
    side = ["tl" if i in left else "" for i in range(12)]
    head = [html.Thead(html.Tr([html.Th(text, className=side[i]) for i, text in enumerate(heads)]))] if heads else []
    rows = [html.Tr([html.Td(cell, className=side[i]) for i, cell in enumerate(row)]) for row in body]
    return html.Table([*head, html.Tbody(rows)])


def bar(part: float, weak: bool = False) -> html.Span:
    """A share as a small bar."""
    return html.Span(html.S(style={"width": f"{100 * part:.0f}%"}, className="weak" if weak else ""), className="mb")


def heading(name: str, said: Any) -> html.H2:
    """The head of a section, and what it is about."""
    return html.H2([name, html.Span(said)])


def day_ms(report: Report) -> tuple[int, int]:
    """The day's beginning and end, epoch milliseconds."""
    start = datetime(report.day.year, report.day.month, report.day.day, tzinfo=report.tz)
    return round(start.timestamp() * 1000), round((start + timedelta(days=1)).timestamp() * 1000)


def sayer(lang: Lang) -> Callable[..., str]:
    """`word` with the language filled in."""
    return lambda key, **holes: word(key, lang, **holes)


def ahead_of(cases: Iterable[Case], begin: int, end: int, at: int, leads: Mapping[str, str]) -> Ahead:
    """What falls due in `begin` … `end` (epoch ms) and at `at` is open with time left; `leads`: matter -> lead."""
    by_grid: Counter[str] = Counter()
    by_lead: Counter[str] = Counter()
    for case in {case.no: case for case in cases if case.received <= at}.values():
        clock = handling(case)
        if clock is not None and begin <= clock.due < end and clock.due > at and case.state in OPEN:
            by_grid[case.grid or ""] += 1
            by_lead[leads.get(case.matter, "")] += 1
    return Ahead(by_grid, by_lead)


def kept_rate(part: int, due: int, ahead: int) -> float | None:
    """The one rule of every rate: a share of what fell due and is decided; None while nothing is."""
    return rate(part, due - ahead)


def no_rate(due: int, lang: Lang) -> str:
    """Why there is no rate: nothing falls due on the day, or none of it is decided yet."""
    return word("none_decided" if due else "none_due", lang)


def rate_cell(share: Share, ahead: int, report: Report) -> Any:
    """A rate of one share; weak ones are marked, but not while the day runs: they can still rise."""
    found = kept_rate(share.due_on_time, share.due, ahead)
    if found is None:
        said: Any = ["—", html.Small(no_rate(share.due, report.lang))] if share.due else "—"
        return html.Span(said, className="t3 no-rate")
    weak = not report.today and found < WEAK
    return html.B(("▼ " if weak else "") + percent(found), className="weak" if weak else "")


def clock_time(at: datetime, tz: tzinfo) -> str:
    """A local time of day."""
    return f"{at.astimezone(tz):%H:%M:%S}"
