"""/what-if: an archived day played again with other settings, side by side with the day as it was.

The form asks the API, whose process plays; the answer has an address of its own (`?id=…`), so it can be sent as a link,
and is laid out by the server like the daily report.
"""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import ClientsideFunction, Input, Output, State, dcc, html

from app.labels import Lang, word
from app.pages import desk
from app.views import frame
from app.views import what_if as view
from app.views.attributes import extra
from app.what_if import ROLES, files, jobs_of
from streams.codec import local_day
from streams.what_if.comparing import FASTEST, MOST_MINUTES, MOST_PATROLS, MOST_RADIUS, SLOWEST, Comparison, Wish
from streams.what_if.day import days
from streams.what_if.policies import POLICIES

TITLE = "推演 What if · 网格哨 Gridpost"
FIELDS = ("day", "patrols", "where", "policy", "radius", "minutes", "matter", "speed", "seed")
FEWEST = -50


def layout(lang: str | None = None, day: str | None = None, id: str | None = None, **_: str) -> html.Div:  # noqa: A002
    """The form for `day`, and the answer that `id` names, if it is there."""
    seen = desk.seen(lang)
    found = jobs_of(desk.centre()).answer(id) if id and seen.who.role in ROLES else None
    return html.Div(
        [
            *frame.documents(seen.lang, {"lang": seen.lang, "timezone": desk.centre().settings.timezone}),
            view.header(seen.lang, seen.who, id or ""),
            html.Main(_body(seen, found, day, gone=bool(id) and found is None), className="report what-if"),
            *(dcc.Store(id=name) for name in ("what-if-started", "what-if-asked")),
        ],
        id="what-if-page",
        className="daily",
        lang="zh-CN" if seen.lang == "zh" else "en",
    )


def _body(seen: desk.Seen, found: Comparison | None, day: str | None, *, gone: bool) -> list[Any]:
    lang = seen.lang
    if seen.who.role not in ROLES:
        return [html.H1(word("wi_h1", lang)), html.P(word("wi_roles", lang), className="wi-empty")]
    there = days(files(desk.centre()))
    if not there:
        return [html.H1(word("wi_h1", lang)), html.P(word("wi_no_days", lang), className="wi-empty")]
    today = local_day(desk.centre().now(), desk.centre().settings.tz)
    over = [each for each in there if each != today] or there
    shown = day if day in there else found.day if found else over[-1]
    settings = form(lang, there, shown, found)
    if found is None:
        missing = [html.P(word("wi_gone", lang), className="wi-empty", role="status")] if gone else []
        return [*view.opening(lang), *missing, settings]
    return [*view.result(found, lang, names(lang), desk.centre().settings.tz, desk.site_name(lang)), settings]


def names(lang: Lang) -> dict[str, str]:
    """Matters, squads, districts and patrols by their codes."""
    it = desk.centre()
    titles = {key: (one.name_en if lang == "en" else "") or one.name for key, one in it.matters.matters.items()}
    return {**desk.flat_names(lang), **titles}


def form(lang: Lang, there: list[str], day: str, found: Comparison | None) -> html.Section:
    """The settings, as they were for the answer that is shown."""
    wish = found.wish if found else Wish(more_patrols=2)
    merge = next(iter(wish.merge.items()), None)
    radius, minutes = (merge[1].radius, merge[1].minutes) if merge else (wish.merge_radius, wish.merge_minutes)
    fields = [
        _select(lang, "day", [(each, each) for each in reversed(there)], day),
        _number(lang, "patrols", wish.more_patrols, FEWEST, MOST_PATROLS),
        _select(lang, "where", _places(lang), wish.where or "-"),
        _select(lang, "policy", [(one, word(f"wi_policy_{one}", lang)) for one in POLICIES], wish.policy, wide=True),
        _number(lang, "radius", radius, 0, MOST_RADIUS, step=10),
        _number(lang, "minutes", minutes, 0, MOST_MINUTES, step=5),
        _select(lang, "matter", _matters(lang), merge[0] if merge else "-", wide=True),
        _number(lang, "speed", wish.speed, SLOWEST, FASTEST, step=0.1),
        _number(lang, "seed", found.seed if found else 0, 0, 10**9),
    ]
    button = html.Button(word("wi_run", lang), id="what-if-run", type="button", className="print")
    progress = html.Div(
        [html.Div(html.S(), className="wi-bar"), html.Span(role="status", **extra(aria_live="polite"))],
        id="what-if-progress", hidden=True,
    )  # fmt: skip
    heading = html.H2(word("wi_again" if found else "wi_settings", lang))
    return html.Section([heading, html.Div([*fields, button], className="wi-form"), progress], id="what-if-form")


def _select(lang: Lang, name: str, options: list[tuple[str, str]], value: str, *, wide: bool = False) -> Any:
    return dmc.Select(
        id=f"wi-{name}", label=word(_LABELS[name], lang), value=value, size="sm", w=256 if wide else 176,
        data=[{"value": key, "label": label} for key, label in options], allowDeselect=False, clearable=False,
        searchable=len(options) > 12,
    )  # fmt: skip


def _number(lang: Lang, name: str, value: float | None, least: float, most: float, step: float = 1) -> Any:
    return dmc.NumberInput(
        id=f"wi-{name}", label=word(_LABELS[name], lang), value="" if value is None else value, min=least, max=most,
        step=step, size="sm", w=128, placeholder=word("wi_unchanged", lang), clampBehavior="blur",
    )  # fmt: skip


_LABELS = {
    "day": "wi_day", "patrols": "wi_patrols", "where": "wi_where", "policy": "wi_policy", "radius": "wi_radius",
    "minutes": "wi_minutes", "matter": "wi_merge_of", "speed": "wi_speed", "seed": "wi_seed",
}  # fmt: skip


def _places(lang: Lang) -> list[tuple[str, str]]:
    known, patrols = desk.flat_names(lang), desk.centre().register.patrols.values()
    squads = sorted({one.squad for one in patrols if one.squad})
    districts = sorted({one.district for one in patrols if one.district})
    return [
        ("-", word("wi_where_load", lang)),
        *((code, word("wi_squad", lang, name=known.get(code, code))) for code in squads),
        *((code, word("wi_district", lang, name=known.get(code, code))) for code in districts),
    ]


def _matters(lang: Lang) -> list[tuple[str, str]]:
    known = names(lang)
    return [("-", word("wi_merge_all", lang)), *((key, known[key]) for key in desk.centre().matters.matters)]


def register(app: Any) -> None:
    """The callbacks, which run in the browser: the light theme, and asking with the fields as they stand."""
    app.clientside_callback(
        ClientsideFunction("gridpost", "startWhatIf"), Output("mantine", "forceColorScheme", allow_duplicate=True),
        Input("what-if-page", "id"), prevent_initial_call="initial_duplicate",
    )  # fmt: skip
    app.clientside_callback(
        ClientsideFunction("gridpost", "askWhatIf"), Output("what-if-asked", "data"), Input("what-if-run", "n_clicks"),
        *(State(f"wi-{name}", "value") for name in FIELDS), prevent_initial_call=True,
    )  # fmt: skip
