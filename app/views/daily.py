"""The daily report: one sentence, six figures, funnel, rates, hours, grids, departments, what is overdue, devices.

Only what the cases themselves say is shown. A rate of nothing is "—" with its reason, never 100 %; yesterday is named
only when yesterday has cases; the eighth step has no figure while nobody has rated. The three cohorts (came in, fell
due, closed) are kept apart and named. Charts are plain boxes, so that paper and screen show the same.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from dash import html

from app.labels import Lang, word
from app.views.daily_charts import (
    ORIGINS,
    announced,
    funnel,
    heat_legend,
    hourly,
    legend,
    rates,
    reconciled,
)
from app.views.daily_tables import departments, devices, grids, late, signature
from app.views.report import Report, clock_time, heading, kept_rate, no_rate, percent, sayer, span
from streams.scoring import Figures


def page(report: Report, heat: Any) -> html.Main:
    """The whole report; `heat` is the map of the day's cases."""
    say = sayer(report.lang)
    return html.Main(
        [
            kicker(report),
            headline(report),
            kpis(report),
            html.Div(
                [
                    html.Section(
                        [heading(say("reconciled"), say("reconciled_of")), reconciled(report)], className="s7"
                    ),
                    html.Section(
                        [heading(say("announced_first"), say("announced_of")), announced(report)], className="s5"
                    ),
                    html.Section(
                        [heading(say("funnel"), say("funnel_of", n=report.figures.came_in.inflow)), *funnel(report)],
                        className="s7",
                    ),
                    html.Section([heading(say("rates"), say("rates_of")), *rates(report)], className="s5"),
                    html.Section([heading(say("hourly"), legend(report)), hourly(report)], className="s7"),
                    html.Section(
                        [
                            heading(say("heat_day"), say("top_grids_of")),
                            html.Div([heat, heat_legend(report)], className="heat-map"),
                        ],
                        className="s5",
                    ),
                ],
                className="columns",
            ),
            html.Div(
                [
                    html.Section([heading(say("top_grids"), say("top_grids_of")), grids(report)], className="s5"),
                    html.Section(
                        [
                            heading(
                                say("departments"),
                                say("departments_running" if report.figures.fell_due.ahead else "departments_of"),
                            ),
                            departments(report),
                        ],
                        className="s7",
                    ),
                    html.Section(
                        [
                            heading(f"{say('overdue')} {len(report.late)}", say("overdue_of")),
                            late(report),
                            signature(report.lang),
                        ],
                        className="s7",
                    ),
                    html.Section(
                        [heading(say("devices"), clock_time(report.now, report.tz)), *devices(report)], className="s5"
                    ),
                ],
                className="columns second",
            ),
            foot(report),
        ],
        className="report",
    )


def kicker(report: Report) -> html.Div:
    """Whose report, of which day, as of when."""
    lang = report.lang
    until = word("daily_until", lang, time=f"{report.now.astimezone(report.tz):%Y-%m-%d %H:%M:%S}")
    whole = [] if report.today else [f"{word('daily_full', lang)} · "]
    return html.Div(
        [
            html.B(word("daily_of", lang, site=report.site)),
            html.Span(day_name(report.day, lang)),
            html.I([*whole, until]),
        ],
        className="kick",
    )


def day_name(day: date, lang: Lang) -> str:
    """2026年11月17日 周二, or 17 November 2026, Tuesday."""
    if lang == "zh":
        return f"{day.year}年{day.month}月{day.day}日 周{'一二三四五六日'[day.weekday()]}"
    return f"{day.day} {day:%B %Y, %A}"


def headline(report: Report) -> html.H1:
    """The day in a sentence, and what is overdue in the next."""
    f, lang = report.figures, report.lang
    if not f.came_in.inflow and not f.closed.closed and not f.fell_due.due:
        return html.H1(word("daily_nothing", lang))
    first = word("daily_h1", lang, inflow=f.came_in.inflow, dispatched=f.came_in.dispatched, closed=f.closed.closed)
    due = f.fell_due
    end = (
        word("daily_h1_running", lang, due=due.due, n=due.on_time)
        if due.ahead
        else word("daily_h1_stop", lang)
        if (share := decided_rate(f)) is None
        else word("daily_h1_rate", lang, rate=percent(share))
    )
    n = len(report.late)
    over = html.U(word("daily_h1_over", lang, n=n)) if n else word("daily_h1_none", lang)
    return html.H1([first, end, html.Br(), over])


def kpis(report: Report) -> html.Div:
    """Six figures; under each, what it counts, and yesterday's when there is one."""
    f, b, lang = report.figures, report.before, report.lang
    say = sayer(lang)
    unit = say("unit_case")
    cells = [
        _kpi(say("inflow"), str(f.came_in.inflow), unit, "", b and str(b.came_in.inflow), lang),
        _kpi(say("dispatched"), str(f.came_in.dispatched), unit, "", b and str(b.came_in.dispatched), lang),
        _kpi(say("closed"), str(f.closed.closed), unit, "", b and str(b.closed.closed), lang),
        _kpi(
            say("on_time_rate"),
            *_rate_parts(decided_rate(f)),
            _due_note(f, lang),
            _before_rate(b),
            lang,
        ),
        _kpi(
            say("mean_handling"),
            *_span_parts(f.closed.mean_handling, lang),
            say("none_closed") if f.closed.mean_handling is None else "",
            b and b.closed.mean_handling is not None and span(b.closed.mean_handling),
            lang,
        ),
        _kpi(say("overdue"), str(len(report.late)), unit, say("open_of", n=f.now.open), None, lang),
    ]
    return html.Div(cells, className="kpis")


def decided_rate(figures: Figures) -> float | None:
    """Closed on time among what fell due and is decided: on a running day what still has time is not yet a failure."""
    due = figures.fell_due
    return kept_rate(due.on_time, due.due, due.ahead)


def _before_rate(before: Figures | None) -> str:
    share = decided_rate(before) if before else None
    return "" if share is None else percent(share)


def _due_note(figures: Figures, lang: Lang) -> str:
    due = figures.fell_due
    if due.due == due.ahead:
        return word("all_ahead", lang, n=due.due) if due.due else no_rate(0, lang)
    said = f"{due.on_time} / {due.due - due.ahead}"
    return f"{said} · {word('still_time', lang, n=due.ahead)}" if due.ahead else said


def _kpi(name: str, value: str, unit: str, note: str, before: Any, lang: Lang) -> html.Div:
    under = [html.Span(note)] if note else []
    if before:
        under.append(html.Span(word("yesterday", lang, n=before)))
    return html.Div(
        [html.Span(name, className="c"), html.B([value, html.Small(unit)]), html.Span(under, className="d")]
    )


def foot(report: Report) -> html.Footer:
    """How the figures add up."""
    c = report.figures.came_in
    origins = {name: c.by_origin.get(name, 0) for name in ORIGINS}
    parts = {name: getattr(c, name) for name in ("inflow", "dispatched", "waiting", "rejected", "merged")}
    basis = word("basis", report.lang, **parts, **origins)
    product = "网格哨 Gridpost" if report.lang == "zh" else word("product", report.lang)
    return html.Footer([html.Div(basis), html.Div(f"{product} · {report.site}"), seal(report)])


def seal(report: Report) -> html.Div:
    """The hash under which everything that was done on the day is sealed, and what it is good for."""
    lang = report.lang
    if not report.hash:
        return html.Div([html.B(word("trace_seal", lang)), html.Span(word("trace_none", lang))], className="seal")
    name = word("trace_seal_now" if report.today else "trace_seal", lang)
    note = html.Span(word("trace_note", lang, n=report.sealed))
    return html.Div([html.B(name), html.Code(report.hash), note], className="seal")


def _rate_parts(share: float | None) -> tuple[str, str]:
    return ("—", "") if share is None else (percent(share).removesuffix("%"), "%")


def _span_parts(seconds: float | None, lang: Lang) -> tuple[str, str]:
    if seconds is None:
        return "—", ""
    return (
        (span(seconds), word("unit_h_m", lang))
        if seconds >= 3600
        else (str(round(seconds / 60)), word("unit_min", lang))
    )
