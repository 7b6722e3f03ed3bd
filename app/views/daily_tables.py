"""The tables of the daily report: grids, departments, what is overdue, devices."""

from __future__ import annotations

from typing import Any

from dash import html

from app.labels import Lang, word
from app.views.report import WEAK, Report, bar, kept_rate, percent, rate_cell, sayer, span, table
from streams.scoring import Share

TOP = 10
OVERDUE_SHOWN = 12


def grids(report: Report) -> html.Table:
    """The ten grids where most came in."""
    say = sayer(report.lang)
    rows = sorted(
        ((code, share) for code, share in report.figures.by_grid.items() if share.inflow),
        key=lambda pair: (-pair[1].inflow, pair[0]),
    )[:TOP]
    most = rows[0][1].inflow if rows else 1
    body = [
        [
            str(i),
            [report.names.get(code) or say("no_grid"), html.Span(code[-3:], className="t3")],
            html.B(str(share.inflow)),
            bar(share.inflow / most),
            rate_cell(share, report.ahead.by_grid.get(code, 0), report),
        ]
        for i, (code, share) in enumerate(rows, 1)
    ]
    return table(["", say("col_grid"), say("col_n"), "", say("col_rate")], body, left=(0, 1))


def departments(report: Report) -> html.Table:
    """Each lead department's part of what fell due on the day."""
    say = sayer(report.lang)
    shares = sorted(report.figures.by_department.items(), key=lambda pair: (-pair[1].due, -pair[1].inflow, pair[0]))
    body = [
        [
            report.leads.get(code, code) or say("no_lead"),
            str(share.inflow),
            str(share.open),
            str(share.due),
            str(share.due_closed),
            str(share.due_on_time),
            rate_cell(share, report.ahead.by_lead.get(code, 0), report),
            _rate_bar(share, report.ahead.by_lead.get(code, 0), report.today),
        ]
        for code, share in shares
        if share.due or share.inflow
    ]
    heads = [
        say("col_dept"),
        say("inflow"),
        say("open"),
        say("col_due"),
        say("col_closed"),
        say("col_on_time"),
        say("col_rate"),
        "",
    ]
    return table(heads, body, left=(0,))


def _rate_bar(share: Share, ahead: int, running: bool) -> Any:
    found = kept_rate(share.due_on_time, share.due, ahead)
    return "" if found is None else bar(found, not running and found < WEAK)


def late(report: Report) -> html.Table:
    """What is past its limit and still open, the longest first."""
    say = sayer(report.lang)
    body = []
    for case, clock in report.late[:OVERDUE_SHOWN]:
        owner = report.names.get(case.patrol, case.patrol) or "—"
        body.append(
            [
                html.I(className=f"glyph light p{case.priority}"),
                [report.titles.get(case.matter, case.category), html.Span(case.no[-4:], className="t3")],
                report.names.get(case.grid or "", "—"),
                owner,
                say(f"clock_{clock.name}"),
                html.B(f"+{span((report.figures.at - clock.due) / 1000)}", className="bad"),
            ]
        )
    if not body:
        return table([], [[say("daily_h1_none")]], left=(0,))
    return table(
        ["", say("col_case"), say("col_grid"), say("col_owner"), say("col_limit"), say("col_over")],
        body,
        left=(0, 1, 2, 3, 4),
    )


def devices(report: Report) -> list[Any]:
    """Cameras, sensors, sources and squads, as they are now; a day that is over has no such figure."""
    say = sayer(report.lang)
    if not report.today:
        return [html.P(["—　", say("only_now")], className="t3")]
    rows = [
        [say(name), str(whole), str(on), percent(on / whole) if whole else "—"] for name, on, whole in report.online
    ]
    squads = [[name, str(whole), str(on), percent(on / whole) if whole else "—"] for name, on, whole in report.squads]
    return [
        table([say("col_device"), say("col_all"), say("online"), ""], rows, left=(0,)),
        html.Div(className="gap"),
        table([say("squad"), say("col_all"), say("on_duty"), ""], squads, left=(0,)),
    ]


def signature(lang: Lang) -> html.Div:
    """Where a leader writes on paper."""
    return html.Div([html.Span(word(key, lang)) for key in ("remark", "signature", "sign_date")], className="sign")
