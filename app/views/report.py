"""What a report of a day holds, and the small parts its views share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta, tzinfo
from typing import Any

import msgspec
from dash import html

from app.labels import Lang, word
from streams.model import Case, Clock
from streams.scoring import Figures, Share, overdue

WEAK = 0.85


class Report(msgspec.Struct, frozen=True):
    """Everything a report shows. `cases`: of the week before and all open ones; `names`: code or id -> name;
    `online`: (word, online, all) of cameras, sensors and sources; `squads`: (name, on duty, all), today only."""

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

    @property
    def late(self) -> list[tuple[Case, Clock]]:
        """Open cases past a limit, the longest first, each with the clock that is most overdue."""
        at = self.figures.at
        found = [case for case in self.cases if overdue(case, at)]
        timed = [(case, min((c for c in case.clocks if c.done is None), key=lambda c: c.due)) for case in found]
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


def rate_cell(share: Share, running: bool) -> Any:
    """A rate of one share; weak ones are marked, but not while the day runs: they can still rise."""
    if share.on_time_rate is None:
        return html.Span("—", className="t3")
    weak = not running and share.on_time_rate < WEAK
    return html.B(("▼ " if weak else "") + percent(share.on_time_rate), className="weak" if weak else "")


def clock_time(at: datetime, tz: tzinfo) -> str:
    """A local time of day."""
    return f"{at.astimezone(tz):%H:%M:%S}"
