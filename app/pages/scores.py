"""/scores: the four-part score (四维考评) of a span of days, and, opened, every point of one score with its act.

Like the daily report it is laid out once by the server and has an address of its own for everything it shows.
"""

from __future__ import annotations

from datetime import date
from typing import Any
from urllib.parse import urlencode

import dash_mantine_components as dmc
from dash import ClientsideFunction, Input, Output, dcc, html

from app import scores
from app.accounts import viewer
from app.labels import Lang, word
from app.listing import readable
from app.pages import desk
from app.text import of_error
from app.views import frame
from app.views.attributes import extra
from app.views.report import table
from streams.corrections import PARTS, TO
from streams.errors import Refused

TITLE = "四维考评 Scores · 网格哨 Gridpost"


def layout(lang: str | None = None, by: str = "person", who: str = "", **query: str) -> html.Div:
    """The list of `by`, or the points of `who`; `from` and `to` of the address are local days, today without them."""
    seen = desk.seen(lang)
    kept = {"by": by, "who": who, **{name: query.get(name, "") for name in ("from", "to")}}
    try:
        body = _points(kept, seen.lang) if who else _board(kept, seen.lang)
    except Refused as refused:
        it = desk.centre()
        said = of_error(refused, it.settings.tz, {})
        body = [html.P(said.zh if seen.lang == "zh" else said.en, role="alert", className="bad")]
    return html.Div(
        [
            *frame.documents(seen.lang, {"lang": seen.lang, "timezone": desk.centre().settings.timezone}),
            _header(kept, seen.lang, seen.who),
            html.Main([_form(kept, seen.lang), *body, html.Footer(html.Div(word("sc_basis", seen.lang)))],
                      className="report scores"),
        ],
        id="scores-page", className="daily", lang="zh-CN" if seen.lang == "zh" else "en",
    )  # fmt: skip


def _board(kept: dict[str, str], lang: Lang) -> list[Any]:
    """Who has how many points, the highest first."""
    first, last = (_day(kept[name]) for name in ("from", "to"))
    board = scores.board_of(desk.centre(), first, last, kept["by"])
    days = f"{board.first}" if board.first == board.last else f"{board.first} – {board.last}"
    if not board.scores:
        return [html.H1(word("sc_none", lang, days=days))]
    total = sum(each.total for each in board.scores)
    rows = [
        [str(place), html.A(_name(board.names, each.who, lang), href=_address(kept, lang, who=each.who)),
         *(_number(each.parts[part]) for part in PARTS), html.B(_number(each.total)), str(each.points)]
        for place, each in enumerate(board.scores, 1)
    ]  # fmt: skip
    parts = desk.centre().score.parts
    heads = ["", word("sc_who", lang), *(_said(parts[part], lang) for part in PARTS), word("sc_total", lang),
             word("sc_points", lang)]  # fmt: skip
    return [
        html.H1(word("sc_h1", lang, days=days, n=len(rows), total=_number(total))),
        html.Section(table(heads, rows, left=(0, 1))),
    ]


def _points(kept: dict[str, str], lang: Lang) -> list[Any]:
    """Every point of one score, oldest first."""
    it, seen = desk.centre(), viewer()
    first, last = (_day(kept[name]) for name in ("from", "to"))
    names = scores.names_of(it, kept["by"])
    rows = []
    for point in scores.points_of(it, first, last, kept["by"], kept["who"]):
        rule, said = it.score.rules.get(point.rule), readable(point.text, seen) if seen else None
        what = _said(rule, lang) if rule else word(
            "sc_correction", lang, by=point.by, text=said if said is not None else word("sc_hidden", lang)
        )  # fmt: skip
        rows.append([
            f"{point.at.astimezone(it.settings.tz):%m-%d %H:%M:%S}", _said(it.score.parts[point.part], lang), what,
            point.no or "—", html.Code(point.id), html.B(_number(point.points), className="bad" * (point.points < 0)),
        ])  # fmt: skip
    heads = [word(f"sc_{name}", lang) for name in ("at", "part", "rule", "case", "act", "value")]
    return [
        html.H1(word("sc_of", lang, name=_name(names, kept["who"], lang))),
        html.P(html.A(word("sc_back", lang), href=_address(kept, lang, who=""))),
        html.Section(table(heads, rows, left=(0, 1, 2, 3, 4))),
    ]


def _form(kept: dict[str, str], lang: Lang) -> html.Form:
    """The span and whose scores, as an address: a plain form needs no script. It drops the query of its own address, so
    what stays as it is goes along hidden."""
    today = desk.centre().now().astimezone(desk.centre().settings.tz).date().isoformat()
    days = [
        html.Label([word(f"sc_{name}", lang), dmc.TextInput(name=name, value=kept[name] or today, w=116, size="xs")])
        for name in ("from", "to")
    ]
    by = [
        html.A(word(f"sc_{each}", lang), href=_address(kept, lang, by=each, who=""),
               className="on" if each == kept["by"] else "",
               **(extra(aria_current="true") if each == kept["by"] else {}))
        for each in TO
    ]  # fmt: skip
    return html.Form([html.Nav(by, **extra(aria_label=word("sc_by", lang))), *days,
                      *(dcc.Input(type="hidden", name=name, value=value)
                        for name, value in (("by", kept["by"]), ("lang", lang))),
                      html.Button(word("sc_show", lang), type="submit", className="print")],
                     action="/scores", method="GET", className="kick", id="scores-form")  # fmt: skip


def _header(kept: dict[str, str], lang: Lang, who: frame.Who) -> html.Header:
    switch = [
        html.A(text, href=_address(kept, key), className="on" if key == lang else "",
               **(extra(aria_current="true") if key == lang else {}))
        for key, text in (("zh", "中"), ("en", "EN"))
    ]  # fmt: skip
    logo = [html.Img(src=frame.LOGO_LIGHT, alt="", width=20, height=20), html.Span(word("product", lang))]
    return html.Header(
        [html.A(logo, href="/", className="logo"), frame.navigation("scores", lang, who), html.Span(className="spacer"),
         frame.person(lang, who),
         html.Span(switch, className="lang", role="group", **extra(aria_label=word("language", lang)))],
        className="bar",
    )  # fmt: skip


def _address(kept: dict[str, str], lang: str, **other: str) -> str:
    return "/scores?" + urlencode({name: value for name, value in {**kept, "lang": lang, **other}.items() if value})


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise Refused("wrong_type", f"{text!r} is no day: write it as 2026-11-22") from None


def _name(names: Any, who: str, lang: Lang) -> str:
    zh, en = names.get(who, (who, who))
    return (zh if lang == "zh" else en) or who


def _said(row: Any, lang: Lang) -> str:
    return str(row.name if lang == "zh" else row.name_en)


def _number(points: float) -> str:
    return f"{points:.1f}".removesuffix(".0")


def register(app: Any) -> None:
    """The callbacks, which run in the browser: the light theme."""
    app.clientside_callback(
        ClientsideFunction("gridpost", "startScores"), Output("mantine", "forceColorScheme", allow_duplicate=True),
        Input("scores-page", "id"), prevent_initial_call="initial_duplicate",
    )  # fmt: skip
