"""The drawn parts of the daily report: funnel, rates, hours. Plain boxes, so that paper and screen show the same."""

from __future__ import annotations

from typing import Any

from dash import html

from app.labels import word
from app.views.attributes import extra
from app.views.map import RAMP_LIGHT, heat_top
from app.views.report import WEAK, Report, day_ms, kept_rate, no_rate, percent
from streams.model import State
from streams.workflow import ON_CASE

ORIGINS = ("resident", "village", "device")
STEPS = ("report", "verify", "accept", "dispatch", "follow", "feedback", "check")
RATED = 8
ASIDE = (State.REJECTED, State.MERGED, State.SUSPENDED)
REACHED = {
    State.REPORTED: 1,
    State.VERIFIED: 2,
    State.REJECTED: 2,  # verifying it is what found it void, or the same as another
    State.MERGED: 2,
    State.ACCEPTED: 3,
    State.SUSPENDED: 3,  # nobody is on it any more: it goes on by being dispatched
    State.DISPATCHED: 4,
    **dict.fromkeys(ON_CASE - {State.DISPATCHED}, 5),
    State.HANDLED: 6,
    State.CLOSED: 7,
    State.RATED: RATED,
}


def funnel(report: Report) -> list[html.Div]:
    """How many of the day's cases have reached each step, and how many have left the way."""
    begin, end = day_ms(report)
    mine = [case for case in report.cases if begin <= case.received < end]
    reached = [REACHED[case.state] for case in mine]
    rows, last = [], len(mine)
    for i, name in enumerate(STEPS, 1):
        n = sum(step >= i for step in reached)
        rows.append(_funnel_row(i, word(f"step_{name}", report.lang), n, len(mine), last - n))
        last = n
    rated = sum(step >= RATED for step in reached)
    if rated:
        rows.append(_funnel_row(RATED, word("step_rate", report.lang), rated, len(mine), last - rated))
    else:
        parts = [html.I("8"), html.Span(word("step_rate", report.lang)), html.U(), html.B("—")]
        rows.append(html.Div([*parts, html.Em(word("not_rated", report.lang))], className="fn"))
    return rows + _aside(report, [case.state for case in mine])


def _aside(report: Report, states: list[State]) -> list[html.Div]:
    """What goes no further, by state; nothing when there is none."""
    said = [word(f"aside_{state.value}", report.lang, n=states.count(state)) for state in ASIDE if state in states]
    parts = [html.Span(word("aside", report.lang)), html.B(" · ".join(said))]
    return [html.Div(parts, className="aside")] if said else []


def reconciled(report: Report) -> html.Div:
    """Inflow = dispatched + waiting + rejected + merged, as a line to be read; it says so when it does not add up."""
    came, lang = report.figures.came_in, report.lang
    parts = [(name, getattr(came, name)) for name in ("dispatched", "waiting", "rejected", "merged")]
    cells: list[Any] = [_cell(word("sum_inflow", lang), came.inflow), html.I("=")]
    for i, (name, n) in enumerate(parts):
        cells += [html.I("+")] if i else []
        cells.append(_cell(word(f"sum_{name}", lang), n))
    wrong = [] if came.reconciles else [html.Em(word("reconciled_not", lang), className="bad")]
    return html.Div([*cells, *wrong], className="sum")


def announced(report: Report) -> html.Div:
    """Alerts of matters that announce first -> announced -> gone without a case, and the share."""
    found, lang = report.figures.announced, report.lang
    if not found.alerts:
        return html.Div(html.Em(word("announced_none", lang)), className="sum")
    cells: list[Any] = [
        _cell(word("announced_alerts", lang), found.alerts), html.I("→"),
        _cell(word("announced_said", lang), found.announced), html.I("→"),
        _cell(word("announced_settled", lang), found.settled), html.I("="),
        _cell(word("announced_share", lang), "—" if found.share is None else percent(found.share)),
    ]  # fmt: skip
    return html.Div(cells, className="sum")


def _cell(name: str, value: Any) -> html.Span:
    return html.Span([html.B(str(value)), html.Small(name)])


def _funnel_row(i: int, name: str, n: int, whole: int, lost: int) -> html.Div:
    width = 100 * n / whole if whole else 0
    return html.Div(
        [
            html.I(str(i)),
            html.Span(name),
            html.U(html.S(style={"width": f"{width:.1f}%"})),
            html.B(str(n)),
            html.Em(f"−{lost}" if lost else ""),
        ],
        className="fn",
    )


def rates(report: Report) -> list[html.Div]:
    """Five rates, each with what it is a share of; what is not decided yet is in none of them."""
    f = report.figures.fell_due
    rows = [(word(f"rate_{name}", report.lang), *kept(report, name)) for name in ("respond", "arrive", "handle")]
    rows += [
        (word("on_time_rate", report.lang), f.on_time, f.due, f.ahead),
        (word("closing_rate", report.lang), f.closed, f.due, f.ahead),
    ]
    return [_rate_row(report, *row) for row in rows]


def _rate_row(report: Report, name: str, part: int, due: int, ahead: int) -> html.Div:
    share = kept_rate(part, due, ahead)
    weak = share is not None and share < WEAK
    return html.Div(
        [
            html.Span(name),
            html.U(html.S(style={"width": f"{100 * (share or 0):.1f}%"}, className="weak" if weak else "")),
            html.B("—" if share is None else percent(share)),
            html.Em(no_rate(due, report.lang) if share is None else f"{part} / {due - ahead}"),
        ],
        className="rt",
    )


def kept(report: Report, name: str) -> tuple[int, int, int]:
    """(kept, fall due, of those still with time) of one kind of clock whose limit ends on the day."""
    begin, end = day_ms(report)
    clocks = [
        clock for case in report.cases for clock in case.clocks if clock.name == name and begin <= clock.due < end
    ]
    ahead = sum(clock.done is None and clock.due > report.figures.at for clock in clocks)
    return sum(clock.done is not None and clock.done <= clock.due for clock in clocks), len(clocks), ahead


def legend(report: Report) -> list[Any]:
    """Who brought the cases in, with the colours of the bars."""
    by = report.figures.came_in.by_origin
    return [
        html.Span([html.I(className=f"o-{name}"), f"{word('origin_' + name, report.lang)} {by.get(name, 0)}"])
        for name in ORIGINS
    ]


def hourly(report: Report) -> html.Div:
    """24 stacked bars over three lines; the highest is named."""
    by = report.figures.came_in.by_hour
    sums = [sum(by[name][hour] for name in ORIGINS) for hour in range(24)]
    top = _nice(max([*sums, 4]))
    lines = [
        html.Div(html.Span(str(round(top * part))), className="gl", style={"bottom": f"{100 * part:.0f}%"})
        for part in (0, 0.25, 0.5, 0.75, 1)
    ]
    peak = sums.index(max(sums)) if max(sums) else -1
    bars = []
    for hour in range(24):
        parts = [
            html.I(className=f"o-{name}", style={"height": f"{100 * by[name][hour] / top:.2f}%"})
            for name in reversed(ORIGINS)
            if by[name][hour]
        ]
        label = [_peak_label(report, hour, sums[hour], top)] if hour == peak else []
        bars.append(
            html.Div(
                [*label, *parts, html.Span(word("hour", report.lang, n=hour)) if hour % 3 == 0 else html.Span()],
                className="hb",
            )
        )
    return html.Div(
        [*lines, html.Div(bars, className="bars")],
        className="hours",
        role="img",
        **extra(aria_label=word("hourly", report.lang)),
    )


def _peak_label(report: Report, hour: int, n: int, top: int) -> html.B:
    """Over its bar, outside the flow: it may be wider than the bar, and must not widen the column."""
    side = "first" if hour < 2 else "last" if hour > 21 else ""
    return html.B(word("hour_n", report.lang, h=hour, n=n), className=side, style={"bottom": f"{100 * n / top:.2f}%"})


def heat_legend(report: Report) -> html.Div:
    """The six steps of the heat map, from none to the most cases in a grid."""
    most = heat_top(share.inflow for code, share in report.figures.by_grid.items() if code)
    steps = [html.I(style={"background": colour}) for colour in RAMP_LIGHT]
    return html.Div(
        ["0", html.Span(steps, className="heat-steps"), word("cases_a_grid", report.lang, n=most)],
        className="heat-legend",
    )


def _nice(most: int) -> int:
    return next(top for top in (4, 8, 12, 20, 40, 60, 80, 120, 200, 400, 800, 1200, 2000, 10_000) if top >= most)
