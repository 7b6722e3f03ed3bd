"""/daily: the report of a day, laid out once on the server from the cases themselves, ready for A4.

Another day is another address (`?day=2026-11-17`), so a report can be sent as a link; the date field only goes there.
It does not move while it is read: it says as of when it is.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import dash_mantine_components as dmc
from dash import ClientsideFunction, Input, Output, dcc, html

from app import tracing
from app.labels import Lang, word
from app.pages import desk
from app.views import daily as view
from app.views import frame
from app.views import map as map_view
from app.views.attributes import extra
from app.views.report import Report, ahead_of
from streams import scoring
from streams.model import Case

TITLE = "日报 Daily · 网格哨 Gridpost"
DAYS_OF_CASES = 7
KEPT_DAYS = 30
HEAT_SIZE = (500, 300)


def layout(lang: str | None = None, day: str | None = None, **_: str) -> html.Div:
    """The report of `day` (today when absent or not a date that is kept)."""
    seen = desk.seen(lang)
    shown = chosen(day)
    report = collect(shown, seen.lang)
    counts = {code: share.inflow for code, share in report.figures.by_grid.items()}
    heat = map_view.day_graph("day-map", seen.lang, desk.centre().grids, counts, *HEAT_SIZE)
    return html.Div(
        [
            *frame.documents(seen.lang, about(seen.lang)),
            frame.header("daily", seen.lang, seen.who, picker(shown, seen.lang), shown.isoformat()),
            view.page(report, heat),
            *(dcc.Store(id=name) for name in ("gone", "printed")),
        ],
        id="daily-page",
        className="daily",
        lang="zh-CN" if seen.lang == "zh" else "en",
    )


def about(lang: Lang) -> dict[str, Any]:
    """What the page's script needs: the language, the zone, and what the map must show."""
    it = desk.centre()
    return {"lang": lang, "timezone": it.settings.timezone, "bounds": list(it.grids.bounds)}


def today() -> date:
    """The local day."""
    return desk.centre().now().astimezone(desk.centre().settings.tz).date()


def chosen(day: str | None) -> date:
    """The day of the address; today when it is missing, malformed, in the future or no longer kept."""
    try:
        asked = date.fromisoformat(day or "")
    except ValueError:
        return today()
    return asked if timedelta(0) <= today() - asked <= timedelta(days=KEPT_DAYS) else today()


def picker(shown: date, lang: Lang) -> list[Any]:
    """Previous day, the date, next day, export, print."""
    last = today()

    def step(by: int, key: str, sign: str) -> Any:
        to = shown + timedelta(days=by)
        if not timedelta(0) <= last - to <= timedelta(days=KEPT_DAYS):
            return html.Span(sign, className="step off", **extra(aria_hidden="true"))
        return html.A(
            sign,
            href=f"/daily?day={to.isoformat()}",
            className="step",
            title=word(key, lang),
            **extra(aria_label=word(key, lang)),
        )

    field = dmc.DatePickerInput(
        id="day",
        value=shown.isoformat(),
        maxDate=last.isoformat(),
        minDate=(last - timedelta(days=KEPT_DAYS)).isoformat(),
        valueFormat="YYYY年M月D日" if lang == "zh" else "D MMM YYYY",
        size="xs",
        w=150,
        clearable=False,
        **extra(aria_label=word("date", lang)),
    )
    button = html.Button(word("print", lang), id="print", type="button", className="print")
    return [
        html.Span(className="spacer"),
        html.Div([step(-1, "previous_day", "‹"), field, step(1, "next_day", "›")], className="days"),
        exports(shown, lang),
        button,
    ]


def exports(shown: date, lang: Lang) -> html.Details:
    """The day as files: the report, and the cases that came in on it."""
    day = shown.isoformat()
    cases = f"/api/v1/export/cases.{{}}?from={day}&to={day}&lang={lang}"
    links = {
        "export_pdf": f"/api/v1/daily.pdf?day={day}&lang={lang}", "export_xlsx": cases.format("xlsx"),
        "export_csv": cases.format("csv"),
    }  # fmt: skip
    menu = html.Div([html.A(word(key, lang), href=href, download="") for key, href in links.items()])
    return html.Details([html.Summary(word("export", lang)), menu], className="exports")


def collect(day: date, lang: Lang) -> Report:
    """Everything the report of `day` needs, from the queue and the register."""
    it = desk.centre()
    now, tz = it.now(), it.settings.tz
    cases = cases_around(day)
    leads = {key: matter.lead for key, matter in it.matters.matters.items()}
    names = desk.flat_names(lang)
    before = _figures(cases_around(day - timedelta(days=1)), day - timedelta(days=1), leads)
    figures = _figures(cases, day, leads)
    begin = datetime(day.year, day.month, day.day, tzinfo=tz)
    ends = begin + timedelta(days=1)
    trace = tracing.sealed_on(it, day)
    return Report(
        lang=lang,
        day=day,
        now=now,
        today=day == today(),
        site=desk.site_name(lang),
        figures=figures,
        before=before if before.came_in.inflow else None,
        cases=tuple(cases),
        names=names,
        titles={key: (one.name_en if lang == "en" else "") or one.name for key, one in it.matters.matters.items()},
        leads={code: names.get(code, code) for code in leads.values()},
        online=desk.online(),
        squads=desk.squads_on_duty(lang),
        tz=tz,
        ahead=ahead_of(cases, round(begin.timestamp() * 1000), round(ends.timestamp() * 1000), figures.at, leads),
        hash=trace["hash"] or "",
        sealed=trace["sealed"],
    )


def cases_around(day: date) -> list[Case]:
    """The cases that may have come in, fallen due or been closed on `day`, and all open ones, each once."""
    queue = desk.centre().queue
    days = [(day - timedelta(days=back)).isoformat() for back in range(DAYS_OF_CASES)]
    found = {case.no: case for each in days for case in queue.cases_of(each)}
    found |= {case.no: case for case in [*queue.closed_on(day.isoformat()), *queue.open_cases()]}
    return list(found.values())


def _figures(cases: list[Case], day: date, leads: dict[str, str]) -> scoring.Figures:
    it = desk.centre()
    start = datetime(day.year, day.month, day.day, tzinfo=it.settings.tz)
    return scoring.figures(cases, start, it.now(), leads, it.queue.counts(day.isoformat()))


def register(app: Any) -> None:
    """The callbacks, on the app that serves; all run in the browser: the light theme, another day, print."""
    for function, output, source in (
        ("startDaily", Output("mantine", "forceColorScheme"), Input("daily-page", "id")),
        ("goToDay", Output("gone", "data"), Input("day", "value")),
        ("print", Output("printed", "data"), Input("print", "n_clicks")),
    ):
        app.clientside_callback(
            ClientsideFunction("gridpost", function), output, source, prevent_initial_call=function != "startDaily"
        )
