"""The daily report: one sentence, six figures, funnel, rates, hours, grids, departments, what is overdue, devices.

Only what the cases themselves say is shown. A rate of nothing is "—" with its reason, never 100 %; yesterday is named
only when yesterday has cases; the eighth step has no figure while nobody rates. The three cohorts (came in, fell due,
closed) are kept apart and named. Charts are plain boxes, so that paper and screen show the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta, tzinfo
from typing import Any

import msgspec
from dash import html

from app.labels import Lang, word
from streams.model import Case, Clock, State
from streams.scoring import Figures, Share, overdue, rate
from streams.workflow import ON_CASE

ORIGINS = ("resident", "village", "device")
STEPS = ("report", "verify", "accept", "dispatch", "follow", "feedback", "check")
REACHED = {State.REPORTED: 1, State.VERIFIED: 2, State.ACCEPTED: 3, State.DISPATCHED: 4, State.HANDLED: 6, State.CLOSED: 7}
TOP = 10
OVERDUE_SHOWN = 12
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


def page(report: Report, heat: Any) -> html.Main:
    """The whole report; `heat` is the map of the day's cases."""
    say = _sayer(report.lang)
    return html.Main(
        [
            kicker(report), headline(report), kpis(report),
            html.Div([
                html.Section([_head(say("funnel"), say("funnel_of", n=report.figures.came_in.inflow)), *funnel(report)], className="s7"),
                html.Section([_head(say("rates"), say("rates_of")), *rates(report)], className="s5"),
                html.Section([_head(say("hourly"), legend(report)), hourly(report)], className="s7"),
                html.Section([_head(say("heat_day"), say("top_grids_of")), html.Div(heat, className="heat-map")], className="s5"),
            ], className="columns"),
            html.Div([
                html.Section([_head(say("top_grids"), say("top_grids_of")), grids(report)], className="s5"),
                html.Section([_head(say("departments"), say("departments_running" if report.figures.fell_due.ahead else "departments_of")), departments(report)], className="s7"),
                html.Section([_head(f"{say('overdue')} {len(report.late)}", say("overdue_of")), late(report), signature(report.lang)], className="s7"),
                html.Section([_head(say("devices"), _clock(report.now, report.tz)), *devices(report)], className="s5"),
            ], className="columns second"),
            foot(report),
        ],
        className="report",
    )  # fmt: skip


def kicker(report: Report) -> html.Div:
    """Whose report, of which day, as of when."""
    lang = report.lang
    until = word("daily_until", lang, time=f"{report.now.astimezone(report.tz):%Y-%m-%d %H:%M:%S}")
    whole = [] if report.today else [f"{word('daily_full', lang)} · "]
    return html.Div([html.B(word("daily_of", lang, site=report.site)), html.Span(day_name(report.day, lang)),
                     html.I([*whole, until])], className="kick")


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
        word("daily_h1_running", lang, due=due.due, n=due.on_time) if due.ahead
        else word("daily_h1_stop", lang) if due.on_time_rate is None
        else word("daily_h1_rate", lang, rate=percent(due.on_time_rate))
    )  # fmt: skip
    n = len(report.late)
    over = html.U(word("daily_h1_over", lang, n=n)) if n else word("daily_h1_none", lang)
    return html.H1([first, end, html.Br(), over])


def kpis(report: Report) -> html.Div:
    """Six figures; under each, what it counts, and yesterday's when there is one."""
    f, b, lang = report.figures, report.before, report.lang
    say = _sayer(lang)
    unit = say("unit_case")
    cells = [
        _kpi(say("inflow"), str(f.came_in.inflow), unit, "", b and str(b.came_in.inflow), lang),
        _kpi(say("dispatched"), str(f.came_in.dispatched), unit, "", b and str(b.came_in.dispatched), lang),
        _kpi(say("closed"), str(f.closed.closed), unit, "", b and str(b.closed.closed), lang),
        _kpi(say("on_time_rate"), *_rate_parts(decided_rate(f)), _due_note(f, lang),
             b and b.fell_due.on_time_rate is not None and percent(b.fell_due.on_time_rate), lang),
        _kpi(say("mean_handling"), *_span_parts(f.closed.mean_handling, lang),
             say("none_closed") if f.closed.mean_handling is None else "",
             b and b.closed.mean_handling is not None and span(b.closed.mean_handling), lang),
        _kpi(say("overdue"), str(len(report.late)), unit, say("open_of", n=f.now.open), None, lang),
    ]
    return html.Div(cells, className="kpis")


def decided_rate(figures: Figures) -> float | None:
    """Closed on time among what fell due and is decided: on a running day what still has time is not yet a failure."""
    due = figures.fell_due
    return rate(due.on_time, due.due - due.ahead)


def _due_note(figures: Figures, lang: Lang) -> str:
    due = figures.fell_due
    if not due.due:
        return word("none_due", lang)
    said = f"{due.on_time} / {due.due - due.ahead}"
    return f"{said} · {word('still_time', lang, n=due.ahead)}" if due.ahead else said


def _kpi(name: str, value: str, unit: str, note: str, before: Any, lang: Lang) -> html.Div:
    under = [html.Span(note)] if note else []
    if before:
        under.append(html.Span(word("yesterday", lang, n=before)))
    return html.Div([html.Span(name, className="c"), html.B([value, html.Small(unit)]), html.Span(under, className="d")])


def funnel(report: Report) -> list[html.Div]:
    """How many of the day's cases have reached each step."""
    begin, end = _day_ms(report)
    mine = [case for case in report.cases if begin <= case.received < end]
    reached = [5 if case.state in ON_CASE and case.state is not State.DISPATCHED else REACHED[case.state] for case in mine]
    rows, last = [], len(mine)
    for i, name in enumerate(STEPS, 1):
        n = sum(step >= i for step in reached)
        rows.append(_funnel_row(i, word(f"step_{name}", report.lang), n, len(mine), last - n))
        last = n
    rows.append(html.Div([html.I("8"), html.Span(word("step_rate", report.lang)), html.U(), html.B("—"),
                          html.Em(word("not_rated", report.lang))], className="fn"))
    return rows


def _funnel_row(i: int, name: str, n: int, whole: int, lost: int) -> html.Div:
    width = 100 * n / whole if whole else 0
    return html.Div([html.I(str(i)), html.Span(name), html.U(html.S(style={"width": f"{width:.1f}%"})), html.B(str(n)),
                     html.Em(f"−{lost}" if lost else "")], className="fn")


def rates(report: Report) -> list[html.Div]:
    """Five rates, each with what it is a share of."""
    f = report.figures.fell_due
    rows = [(word(f"rate_{name}", report.lang), *kept(report, name)) for name in ("respond", "arrive", "handle")]
    decided = f.due - f.ahead
    rows += [(word("on_time_rate", report.lang), f.on_time, decided), (word("closing_rate", report.lang), f.closed, f.due)]
    found = []
    for name, part, whole in rows:
        share = part / whole if whole else None
        found.append(html.Div([
            html.Span(name), html.U(html.S(style={"width": f"{100 * (share or 0):.1f}%"}, className="weak" if share is not None and share < WEAK else "")),
            html.B("—" if share is None else percent(share)), html.Em(f"{part} / {whole}" if whole else word("none_due", report.lang)),
        ], className="rt"))  # fmt: skip
    return found


def kept(report: Report, name: str) -> tuple[int, int]:
    """(kept, fell due) of one kind of clock whose limit ended on the day and is decided by now."""
    begin, end = _day_ms(report)
    clocks = [clock for case in report.cases for clock in case.clocks if clock.name == name and begin <= clock.due < end]
    decided = [clock for clock in clocks if clock.done is not None or clock.due <= report.figures.at]
    return sum(clock.done is not None and clock.done <= clock.due for clock in decided), len(decided)


def legend(report: Report) -> list[Any]:
    """Who brought the cases in, with the colours of the bars."""
    by = report.figures.came_in.by_origin
    return [html.Span([html.I(className=f"o-{name}"), f"{word('origin_' + name, report.lang)} {by.get(name, 0)}"]) for name in ORIGINS]


def hourly(report: Report) -> html.Div:
    """24 stacked bars over three lines; the highest is named."""
    by = report.figures.came_in.by_hour
    sums = [sum(by[name][hour] for name in ORIGINS) for hour in range(24)]
    top = _nice(max([*sums, 4]))
    lines = [html.Div(html.Span(str(round(top * part))), className="gl", style={"bottom": f"{100 * part:.0f}%"}) for part in (0, 0.25, 0.5, 0.75, 1)]
    peak = sums.index(max(sums)) if max(sums) else -1
    bars = []
    for hour in range(24):
        parts = [html.I(className=f"o-{name}", style={"height": f"{100 * by[name][hour] / top:.2f}%"}) for name in reversed(ORIGINS) if by[name][hour]]
        label = [html.B(word("hour_n", report.lang, h=hour, n=sums[hour]))] if hour == peak else []
        bars.append(html.Div([*label, *parts, html.Span(word("hour", report.lang, n=hour)) if hour % 3 == 0 else html.Span()], className="hb"))
    return html.Div([*lines, html.Div(bars, className="bars")], className="hours", role="img", **{"aria-label": word("hourly", report.lang)})


def _nice(most: int) -> int:
    return next(top for top in (4, 8, 12, 20, 40, 60, 80, 120, 200, 400, 800, 1200, 2000, 10_000) if top >= most)


def grids(report: Report) -> html.Table:
    """The ten grids where most came in."""
    say = _sayer(report.lang)
    rows = sorted(((code, share) for code, share in report.figures.by_grid.items() if share.inflow), key=lambda pair: (-pair[1].inflow, pair[0]))[:TOP]
    most = rows[0][1].inflow if rows else 1
    body = [
        [str(i), [report.names.get(code) or say("no_grid"), html.Span(code[-3:], className="t3")], html.B(str(share.inflow)), _bar(share.inflow / most), _rate(share, report.today)]
        for i, (code, share) in enumerate(rows, 1)
    ]
    return _table(["", say("col_grid"), say("col_n"), "", say("col_rate")], body, left=(0, 1))


def departments(report: Report) -> html.Table:
    """Each lead department's part of what fell due on the day."""
    say = _sayer(report.lang)
    shares = sorted(report.figures.by_department.items(), key=lambda pair: (-pair[1].due, -pair[1].inflow, pair[0]))
    body = [
        [report.leads.get(code, code) or say("no_lead"), str(share.inflow), str(share.open), str(share.due), str(share.due_closed), str(share.due_on_time), _rate(share, report.today),
         _bar(share.due_on_time / share.due, not report.today and share.due_on_time / share.due < WEAK) if share.due else ""]
        for code, share in shares if share.due or share.inflow
    ]  # fmt: skip
    heads = [say("col_dept"), say("inflow"), say("open"), say("col_due"), say("col_closed"), say("col_on_time"), say("col_rate"), ""]
    return _table(heads, body, left=(0,))


def late(report: Report) -> html.Table:
    """What is past its limit and still open, the longest first."""
    say = _sayer(report.lang)
    body = []
    for case, clock in report.late[:OVERDUE_SHOWN]:
        owner = report.names.get(case.patrol, case.patrol) or "—"
        body.append([html.I(className=f"glyph light p{case.priority}"), [report.titles.get(case.matter, case.category), html.Span(case.no[-4:], className="t3")],
                     report.names.get(case.grid or "", "—"), owner, say(f"clock_{clock.name}"), html.B(f"+{span((report.figures.at - clock.due) / 1000)}", className="bad")])
    if not body:
        return _table([], [[say("daily_h1_none")]], left=(0,))
    return _table(["", say("col_case"), say("col_grid"), say("col_owner"), say("col_limit"), say("col_over")], body, left=(0, 1, 2, 3, 4))


def devices(report: Report) -> list[Any]:
    """Cameras, sensors, sources and squads, as they are now; a day that is over has no such figure."""
    say = _sayer(report.lang)
    if not report.today:
        return [html.P(["—　", say("only_now")], className="t3")]
    rows = [[say(name), str(whole), str(on), percent(on / whole) if whole else "—"] for name, on, whole in report.online]
    squads = [[name, str(whole), str(on), percent(on / whole) if whole else "—"] for name, on, whole in report.squads]
    return [_table([say("col_device"), say("col_all"), say("online"), ""], rows, left=(0,)),
            html.Div(className="gap"), _table([say("squad"), say("col_all"), say("on_duty"), ""], squads, left=(0,))]


def signature(lang: Lang) -> html.Div:
    """Where a leader writes on paper."""
    return html.Div([html.Span(word(key, lang)) for key in ("remark", "signature", "sign_date")], className="sign")


def foot(report: Report) -> html.Footer:
    """How the figures add up."""
    c = report.figures.came_in
    origins = {name: c.by_origin.get(name, 0) for name in ORIGINS}
    basis = word("basis", report.lang, inflow=c.inflow, dispatched=c.dispatched, waiting=c.waiting, **origins)
    return html.Footer([html.Div(basis), html.Div(f"{word('product', report.lang)} Gridpost · {report.site}")])


def percent(share: float) -> str:
    """93.83%"""
    return f"{100 * share:.2f}%" if share < 1 else "100%"


def span(seconds: float) -> str:
    """1:47, hours and minutes."""
    minutes = round(seconds / 60)
    return f"{minutes // 60}:{minutes % 60:02d}"


def _rate_parts(share: float | None) -> tuple[str, str]:
    return ("—", "") if share is None else (percent(share).removesuffix("%"), "%")


def _span_parts(seconds: float | None, lang: Lang) -> tuple[str, str]:
    if seconds is None:
        return "—", ""
    return (span(seconds), word("unit_h_m", lang)) if seconds >= 3600 else (str(round(seconds / 60)), word("unit_min", lang))


def _rate(share: Share, running: bool) -> Any:
    if share.on_time_rate is None:
        return html.Span("—", className="t3")
    weak = not running and share.on_time_rate < WEAK
    return html.B(("▼ " if weak else "") + percent(share.on_time_rate), className="weak" if weak else "")


def _bar(part: float, weak: bool = False) -> html.Span:
    return html.Span(html.S(style={"width": f"{100 * part:.0f}%"}, className="weak" if weak else ""), className="mb")


def _table(heads: Sequence[str], body: Iterable[Sequence[Any]], left: tuple[int, ...]) -> html.Table:
    side = ["tl" if i in left else "" for i in range(12)]
    head = [html.Thead(html.Tr([html.Th(text, className=side[i]) for i, text in enumerate(heads)]))] if heads else []
    rows = [html.Tr([html.Td(cell, className=side[i]) for i, cell in enumerate(row)]) for row in body]
    return html.Table([*head, html.Tbody(rows)])


def _head(name: str, said: Any) -> html.H2:
    return html.H2([name, html.Span(said)])


def _day_ms(report: Report) -> tuple[int, int]:
    start = datetime(report.day.year, report.day.month, report.day.day, tzinfo=report.tz)
    return round(start.timestamp() * 1000), round((start + timedelta(days=1)).timestamp() * 1000)


def _clock(at: datetime, tz: tzinfo) -> str:
    return f"{at.astimezone(tz):%H:%M:%S}"


def _sayer(lang: Lang) -> Callable[..., str]:
    return lambda key, **holes: word(key, lang, **holes)
