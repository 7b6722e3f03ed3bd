"""The daily report as PDF, A4, without a browser.

The views of /daily are read and drawn: sentence, figures, sums, funnel, rates and tables are the very components of the
page, so paper and screen cannot say different things. Only the hours are drawn anew, from the same counts, and each
figure names the cohort it is of, since on paper nobody can point at it and ask.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from dash.development.base_component import Component

from app.labels import word
from app.report import Printed
from app.report_fonts import BOLD
from app.report_paper import BLUE, GREY, INK, INSIDE, MARGIN, RED, SIZE, WIDTH, Cell, Paper, wrapped
from app.views import daily, daily_charts, daily_tables
from app.views.report import Report, clock_time, sayer

COHORTS = ("came_in", "came_in", "closed", "fell_due", "closed", "now")
"""Of which cohort each of the page's six figures is."""
COLOURS = {"resident": "#2F6DB5", "village": "#6BAE9A", "device": "#E0A43B"}
TRACK = "#E8ECF1"


def pdf(printed: Printed) -> bytes:
    """The report on paper."""
    report = printed.report
    lang = report.lang
    title = word("daily_of", lang, site=report.site)
    day = daily.day_name(report.day, lang)
    paper = Paper(
        f"{title} {report.day.isoformat()}", word("product", lang), f"{title} · {day} · {standing(printed)}",
        lambda n, of: word("pdf_page", lang, n=n, of=of),
    )  # fmt: skip
    _top(paper, printed, title, day)
    _figures(paper, report)
    _sums(paper, report)
    _funnel(paper, report)
    _rates(paper, report)
    _hours(paper, report)
    _tables(paper, report)
    _foot(paper, report)
    return paper.done()


def standing(printed: Printed) -> str:
    """Which version of the day it is."""
    lang = printed.report.lang
    if printed.version:
        return word("pdf_version", lang, n=printed.version)
    return word("pdf_running" if printed.report.today else "pdf_not_frozen", lang)


def _top(paper: Paper, printed: Printed, title: str, day: str) -> None:
    """Whose report, of which day and version, as of when; then the day in a sentence."""
    report = printed.report
    paper.y -= 12
    end = paper.write(MARGIN, paper.y, title, 11, bold=True)
    paper.write(MARGIN + end + 10, paper.y, day, 9, colour=GREY)
    paper.write(WIDTH - MARGIN, paper.y, standing(printed), 9, bold=True, colour=BLUE, right=True)
    paper.y -= 14
    as_of = said(_children(daily.kicker(report))[-1])
    paper.write(MARGIN, paper.y, as_of, 8, colour=GREY)
    made = word("pdf_printed", report.lang, time=f"{report.now.astimezone(report.tz):%Y-%m-%d %H:%M}")
    paper.write(WIDTH - MARGIN, paper.y, made, 8, colour=GREY, right=True)
    paper.y -= 8
    paper.rule(paper.y, colour=INK)
    paper.y -= 8
    for part in said(daily.headline(report)).split("\n"):
        paper.text(part, 15, bold=True, lead=1.4)


def _figures(paper: Paper, report: Report) -> None:
    """The page's six figures in a row, each with its cohort."""
    cells = [_children(cell) for cell in _children(daily.kpis(report))]
    paper.y -= 12
    step, high = INSIDE / len(cells), 78.0
    paper.need(high)
    for n, ((name, value, under), cohort) in enumerate(zip(cells, COHORTS, strict=True)):
        x = MARGIN + n * step
        paper.box(x, paper.y - high, step - 6, high, "#F4F6F9")
        paper.write(x + 7, paper.y - 13, said(name), 8, colour=GREY)
        number, unit = _children(value)
        end = paper.write(x + 7, paper.y - 33, said(number), 16, bold=True)
        paper.write(x + 9 + end, paper.y - 33, said(unit), 7.5, colour=GREY)
        paper.write(x + 7, paper.y - 45, word(f"cohort_{cohort}", report.lang), 7, colour=BLUE)
        notes = [line for note in _children(under) for line in wrapped(said(note), BOLD, 6.5, step - 16)]
        for k, line in enumerate(notes):
            paper.write(x + 7, paper.y - 54 - k * 8, line, 6.5, colour=GREY)
    paper.y -= high


def _sums(paper: Paper, report: Report) -> None:
    """Where the inflow went, and what announcing settled, each as a line that adds up."""
    say = sayer(report.lang)
    for key, line in (("reconciled", daily_charts.reconciled(report)), ("announced", daily_charts.announced(report))):
        name = "announced_first" if key == "announced" else key
        paper.heading(say(name), say(f"{key}_of"), 50)
        paper.y -= 13
        x = MARGIN
        for part in _children(line):
            if _tag(part) == "Span":
                number, label = map(said, _children(part))
                x += paper.write(x, paper.y, number, 11, bold=True) + 4
                x += paper.write(x, paper.y, label, SIZE, colour=GREY) + 10
            else:
                bad = "bad" in _class(part)
                x += paper.write(x, paper.y, said(part), SIZE, colour=RED if bad else GREY) + 10
        paper.y -= 2


def _funnel(paper: Paper, report: Report) -> None:
    """How many of the day's cases have reached each step."""
    paper.heading(word("funnel", report.lang), word("funnel_of", report.lang, n=report.figures.came_in.inflow), 150)
    for row in daily_charts.funnel(report):
        parts = _children(row)
        if "aside" in _class(row):
            _bar_row(paper, said(parts[0]), None, said(parts[1]), "")
            continue
        number, name, bar, count, lost = parts
        _bar_row(paper, f"{said(number)}  {said(name)}", _share(bar), said(count), said(lost))


def _rates(paper: Paper, report: Report) -> None:
    """Each rate with what it is a share of."""
    paper.heading(word("rates", report.lang), word("rates_of", report.lang), 110)
    for row in daily_charts.rates(report):
        name, bar, rate, of = _children(row)
        weak = "weak" in _class(_children(bar)[0])
        _bar_row(paper, said(name), _share(bar), said(rate), said(of), RED if weak else BLUE)


def _bar_row(paper: Paper, name: str, share: float | None, value: str, note: str, colour: str = BLUE) -> None:
    """A name, a bar, a figure and a note on one line."""
    paper.need(14)
    paper.y -= 14
    bar, long = MARGIN + 130, 240.0
    paper.write(MARGIN, paper.y, name)
    if share is None:
        paper.write(bar, paper.y, value, bold=True)
        return
    paper.box(bar, paper.y, long, 6, TRACK)
    paper.box(bar, paper.y, long * share, 6, colour)
    paper.write(bar + long + 60, paper.y, value, bold=True, right=True)
    paper.write(bar + long + 70, paper.y, note, 8, colour=GREY)


def _hours(paper: Paper, report: Report) -> None:
    """What came in by the hour, stacked by who brought it."""
    lang, by = report.lang, report.figures.came_in.by_hour
    paper.heading(word("hourly", lang), word("cohort_came_in", lang), 150)
    high, low = 90.0, paper.y - 106
    x = MARGIN
    for name in daily_charts.ORIGINS:
        paper.box(x, paper.y - 9, 7, 7, COLOURS[name])
        text = f"{word('origin_' + name, lang)} {report.figures.came_in.by_origin.get(name, 0)}"
        x += 10 + paper.write(x + 10, paper.y - 9, text, 7.5, colour=GREY) + 14
    sums = [sum(by[name][hour] for name in daily_charts.ORIGINS) for hour in range(24)]
    top = max([*sums, 1])
    step = INSIDE / 24
    for hour, whole in enumerate(sums):
        y, x = low, MARGIN + hour * step
        for name in daily_charts.ORIGINS:
            part = (high - 14) * by[name][hour] / top
            paper.box(x + 3, y, step - 6, part, COLOURS[name])
            y += part
        if whole:
            paper.write(x + step / 2 + 3 * len(str(whole)) / 2, y + 2, str(whole), 6.5, right=True)
        paper.write(x + step / 2 + (5 if hour > 9 else 2.5), low - 9, str(hour), 6.5, colour=GREY, right=True)
    paper.rule(low)
    paper.y = low - 12


def _tables(paper: Paper, report: Report) -> None:
    """Grids, departments, what is overdue, devices."""
    say, due = sayer(report.lang), report.figures.fell_due
    for name, about, table in (
        (say("top_grids"), say("top_grids_of"), daily_tables.grids(report)),
        (say("departments"), say("departments_running" if due.ahead else "departments_of"),
         daily_tables.departments(report)),
        (f"{say('overdue')} {len(report.late)}", say("overdue_of"), daily_tables.late(report)),
    ):  # fmt: skip
        paper.heading(name, about)
        _table(paper, table)
    paper.heading(say("devices"), clock_time(report.now, report.tz))
    for part in daily_tables.devices(report):
        if _tag(part) == "Table":
            _table(paper, part)
            paper.y -= 8
        elif said(part):
            paper.text(said(part), colour=GREY)


def _table(paper: Paper, table: Any) -> None:
    """A table of the page."""
    parts = {_tag(part): _children(part) for part in _children(table)}
    heads = [said(cell) for row in parts.get("Thead", []) for cell in _children(row)]
    rows = [[_cell(cell) for cell in _children(row)] for row in parts["Tbody"]]
    first = _children(parts["Thead"][0] if heads else parts["Tbody"][0]) if heads or rows else []
    left = [n for n, cell in enumerate(first) if "tl" in _class(cell)]
    if rows or heads:
        paper.table(heads, rows, left)


def _cell(cell: Any) -> Cell:
    weak = any("weak" in _class(part) or "bad" in _class(part) for part in _walk(cell))
    bar = next((part for part in _walk(cell) if "mb" in _class(part).split()), None)
    if bar is not None:
        return Cell(bar=_share(bar), colour=RED if weak else BLUE)
    glyph = next((found for part in _walk(cell) if (found := re.search(r"\bp([1-4])\b", _class(part)))), None)
    text = f"P{glyph[1]}" if glyph else "  ".join(filter(None, map(said, _children(cell))))
    return Cell(text, bold=any(_tag(part) == "B" for part in _walk(cell)), colour=RED if weak else INK)


def _foot(paper: Paper, report: Report) -> None:
    """How the figures add up, the seal of the day, and where a leader writes."""
    basis, _, seal = _children(daily.foot(report))
    paper.need(120)
    paper.y -= 14
    paper.text(said(basis), 8, colour=GREY)
    name, *rest = _children(seal)
    paper.y -= 4
    paper.text(said(name), 8, bold=True)
    for part in rest:
        paper.text(said(part), 8, colour=INK if _tag(part) == "Code" else GREY)
    paper.need(60)
    paper.y -= 44
    x = MARGIN
    for part in _children(daily_tables.signature(report.lang)):
        end = paper.write(x, paper.y, said(part), 9)
        paper.rule(paper.y - 3, x + end + 6, 110, colour=GREY)
        x += INSIDE / 3


def said(component: Any) -> str:
    """What a component says; a line break is one."""
    if isinstance(component, Component):
        return "\n" if _tag(component) == "Br" else "".join(map(said, _children(component)))
    if isinstance(component, list | tuple):
        return "".join(map(said, component))
    return "" if component is None else str(component)


def _children(component: Any) -> list[Any]:
    found = getattr(component, "children", None)
    return list(found) if isinstance(found, list | tuple) else [] if found is None else [found]


def _walk(component: Any) -> Iterator[Any]:
    yield component
    for child in _children(component):
        yield from _walk(child)


def _tag(component: Any) -> str:
    return type(component).__name__


def _class(component: Any) -> str:
    return str(getattr(component, "className", "") or "")


def _share(bar: Any) -> float:
    """The share that a bar of the page shows."""
    style: dict[str, str] = next((part.style for part in _walk(bar) if getattr(part, "style", None)), {})
    return float(style.get("width", "0%").rstrip("%")) / 100
