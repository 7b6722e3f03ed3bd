"""The answer of a what-if: one sentence, the table of three columns, how arrival times spread, who waited when.

Better and worse are marked by a sign, a word and a colour, so that nobody has to see green. What is merely different
(cases opened, merged) is not judged. The curves are an image of lines without text; its scales stand around it, so that
they are as sharp and as large as all other text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import pairwise
from typing import Any
from urllib.parse import quote

from dash import html

from app.labels import Lang, word
from app.views import frame
from app.views.attributes import extra
from app.views.daily import day_name
from app.views.report import heading
from app.what_if_rows import ROWS, Row, cell, delta, special, value_of
from streams.codec import moment
from streams.what_if.comparing import Comparison
from streams.what_if.figures import Figures

COLUMNS = ("real", "model", "changed")
LINES = {"real": ("#8A979E", "6 5"), "model": ("#1F66B0", ""), "changed": ("#B9540A", "")}
"""Colour and dashes of a column; the changed one is drawn last and thickest."""
WIDTH, HEIGHT = 960, 240
SHOWN = 6
"""So many patrols are named; of more, how many."""


def header(lang: Lang, who: frame.Who, name: str) -> html.Header:
    """The bar of the page, light like that of the daily report; the language switch keeps the answer."""
    kept = f"&id={quote(name)}" if name else ""

    def one(key: Lang, text: str) -> Any:
        more = extra(aria_current="true") if key == lang else {}
        return html.A(text, href=f"/what-if?lang={key}{kept}", className="on" if key == lang else "", **more)

    return html.Header(
        [
            html.A(
                [html.Img(src=frame.LOGO_LIGHT, alt="", width=20, height=20), html.Span(word("product", lang))],
                href="/", className="logo",
            ),
            frame.navigation("what-if", lang, who),
            html.Span(className="spacer"),
            frame.person(lang, who),
            html.Span([one("zh", "中"), one("en", "EN")], className="lang", role="group",
                      **extra(aria_label=word("language", lang))),
        ],
        className="bar",
    )  # fmt: skip


def opening(lang: Lang) -> list[Any]:
    """What the page is for, before anything was played."""
    return [
        html.Div([html.B(word("what_if", lang))], className="kick"),
        html.H1(word("wi_h1", lang)),
        html.P([word("wi_lead", lang), " ", word("wi_how", lang)], className="wi-lead"),
    ]


def result(found: Comparison, lang: Lang, names: Mapping[str, str], tz: Any, site: str) -> list[Any]:
    """The whole answer. `names`: of matters, squads, districts, patrols."""
    at = word("wi_at", lang, time=f"{moment(found.cut).astimezone(tz):%Y-%m-%d %H:%M}")
    return [
        html.Div(
            [html.B(word("what_if", lang)), html.Span(f"{site} · {day_name(date.fromisoformat(found.day), lang)}"),
             html.I(at)],
            className="kick",
        ),
        html.H1([settings(found, lang, names), html.Br(), verdict(found, lang)]),
        html.P(word("wi_how", lang), className="wi-lead"),
        html.Section(
            [heading(word("wi_result", lang), word("wi_less", lang)), table(found, lang)], className="wi-table"
        ),
        html.Div(
            [
                html.Section([heading(word("wi_spread", lang), legend(lang)), spread(found, lang)], className="s6"),
                html.Section([heading(word("wi_curve", lang), legend(lang)), curve(found, lang)], className="s6"),
            ],
            className="columns",
        ),
        html.Section([heading(word("wi_notes", lang), ""), *notes(found, lang, names)], className="wi-notes"),
    ]  # fmt: skip


def settings(found: Comparison, lang: Lang, names: Mapping[str, str]) -> str:
    """What was changed, in words."""
    wish, parts = found.wish, []
    if wish.more_patrols:
        where = word("wi_said_where", lang, where=names.get(wish.where, wish.where)) if wish.where else ""
        key = "wi_said_more" if wish.more_patrols > 0 else "wi_said_fewer"
        parts.append(word(key, lang, n=abs(wish.more_patrols)) + where)
    if wish.policy != "ranked":
        parts.append(word(f"wi_policy_{wish.policy}", lang).lower())
    merges = [("", wish.merge_radius, wish.merge_minutes), *((k, m.radius, m.minutes) for k, m in wish.merge.items())]
    for matter, radius, minutes in merges:
        for key, value in (("radius", radius), ("minutes", minutes)):
            if value is not None:
                said = word(f"wi_said_{key}", lang, n=f"{value:g}")
                named = names.get(matter, matter)
                parts.append(word("wi_said_of", lang, what=said, matter=named) if matter else said)
    if wish.speed != 1:
        parts.append(word("wi_said_speed", lang, n=f"{wish.speed:g}"))
    text = ("，" if lang == "zh" else ", ").join(parts) or word("wi_said_nothing", lang)
    return f"{text}：" if lang == "zh" else f"{text[0].upper()}{text[1:]}:"


def verdict(found: Comparison, lang: Lang) -> Any:
    """The change of the mean arrival, marked."""
    value = found.change.get("mean")
    if value is None:
        return html.Span(word("wi_h1_none", lang))
    if abs(value) < 0.05:
        return html.Span(word("wi_h1_even", lang))
    key, mark = ("wi_h1_faster", "better") if value < 0 else ("wi_h1_slower", "worse")
    return html.Span(word(key, lang, n=f"{abs(value):.1f}"), className=mark)


def table(found: Comparison, lang: Lang) -> html.Table:
    """Each figure, in the three columns, and the difference of the two models."""
    heads = [html.Th("", className="tl"), *(html.Th(word(f"wi_{name}", lang), className=name) for name in COLUMNS)]
    heads.append(html.Th(word("wi_change", lang), className="change"))
    return html.Table([html.Thead(html.Tr(heads)), html.Tbody([_row(row, found, lang) for row in ROWS])])


def _row(row: Row, found: Comparison, lang: Lang) -> html.Tr:
    unit = word(f"wi_{'unit_' if row.unit in ('km', 'case') else ''}{row.unit}", lang)
    values = [(name, value_of(row, getattr(found, name))) for name in COLUMNS]
    cells = [
        html.Td([html.B(cell(row, value)), html.Small("" if value is None else unit)], className=name)
        for name, value in values
    ]
    return html.Tr([html.Td(word(f"wi_{row.key}", lang), className="tl"), *cells, _marked(row, found, lang)])


def _marked(row: Row, found: Comparison, lang: Lang) -> html.Td:
    text = delta(row, found)
    if text == "—" or text[0] not in "+−":
        same = "" if text == "—" else word("wi_same", lang)
        return html.Td([html.B("—" if text == "—" else "0"), html.Em(same)], className="change same")
    if not row.judged:
        return html.Td([html.B(text), html.Em(word("wi_neither", lang))], className="change")
    mark = "worse" if text[0] == "+" else "better"
    arrow = "▲" if text[0] == "+" else "▼"
    said = [html.I(arrow, **extra(aria_hidden="true")), html.B(text), html.Em(word(f"wi_{mark}", lang))]
    return html.Td(said, className=f"change {mark}")


def legend(lang: Lang) -> list[Any]:
    """Which colour is which column."""
    return [html.Span([html.I(className=f"wi-{name}"), word(f"wi_{name}", lang)]) for name in COLUMNS]


def spread(found: Comparison, lang: Lang) -> html.Div:
    """How many cases were reached within so long, in each column."""
    top = nice(max((n for name in COLUMNS for n in getattr(found, name).spread), default=0))
    names = [f"≤{bound}" for bound in found.bins] + [f">{found.bins[-1]}"]
    groups = []
    for n, name in enumerate(names):
        bars = [_bar(column, getattr(found, column).spread[n], top) for column in COLUMNS]
        groups.append(html.Div([*bars, html.Span(name)], className="wi-group"))
    inner = [*_scale(top), html.Div(groups, className="wi-groups"), html.Em(word("wi_min", lang), className="wi-unit")]
    return html.Div(inner, className="hours", role="img", **extra(aria_label=word("wi_spread_of", lang)))


def _bar(column: str, count: int, top: int) -> html.I:
    label = [html.B(str(count))] if count and column == "changed" else []
    return html.I(label, className=f"wi-{column}", style={"height": f"{100 * count / top:.2f}%"}, title=str(count))


def curve(found: Comparison, lang: Lang) -> html.Div:
    """How many cases waited at each quarter of an hour, in each column."""
    top = nice(max((n for name in COLUMNS for n in getattr(found, name).waiting), default=0))
    marks = range(0, 25, 3)
    hours = [html.Span(word("hour", lang, n=hour), style={"left": f"{100 * hour / 24:.3f}%"}) for hour in marks]
    picture = html.Img(src=drawn(found, top), alt="", className="wi-curve")
    inner = [*_scale(top), picture, html.Div(hours, className="wi-hours")]
    return html.Div(inner, className="hours", role="img", **extra(aria_label=word("wi_curve_of", lang)))


def drawn(found: Comparison, top: int) -> str:
    """The three curves as an SVG image: steps, since nobody waits half."""
    lines = []
    for name in COLUMNS:
        colour, dashes = LINES[name]
        figures: Figures = getattr(found, name)
        lines.append(
            f'<path d="{_path(figures.waiting, top)}" fill="none" stroke="{colour}" '
            f'stroke-width="{3 if name == "changed" else 2}" stroke-dasharray="{dashes}" stroke-linejoin="round" '
            'vector-effect="non-scaling-stroke"/>'
        )
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'preserveAspectRatio="none">{"".join(lines)}</svg>'
    )
    return "data:image/svg+xml," + quote(svg)


def _path(waiting: Sequence[int], top: int) -> str:
    def at(n: int, value: int) -> str:
        return f"{WIDTH * n / 96:.1f} {HEIGHT * (1 - value / top):.1f}"

    if not waiting:
        return ""
    steps = [f"M{at(0, waiting[0])}"]
    for n, (before, after) in enumerate(pairwise(waiting), 1):
        steps.append(f"L{at(n, before)}")
        if after != before:
            steps.append(f"L{at(n, after)}")
    return "".join([*steps, f"L{at(len(waiting), waiting[-1])}"])


def _scale(top: int) -> list[html.Div]:
    return [
        html.Div(html.Span(f"{top * part:g}"), className="gl", style={"bottom": f"{100 * part:.0f}%"})
        for part in (0, 0.25, 0.5, 0.75, 1)
    ]


def nice(most: int) -> int:
    """The top of a scale: a round number that four steps divide."""
    return next(top for top in (4, 8, 12, 20, 40, 60, 80, 120, 200, 400, 800, 1200, 2000, 4000, 10**6) if top >= most)


def notes(found: Comparison, lang: Lang, names: Mapping[str, str]) -> list[Any]:
    """What the model is, what it is not, and what is special about this day."""
    said = [word("wi_note_model", lang, seed=found.seed), word("wi_note_not", lang)]
    said += [special(note, lang) for note in found.notes]
    for key, patrols in (("wi_added", found.added), ("wi_removed", found.removed)):
        if patrols:
            said.append(word(key, lang, names=_named(patrols, lang, names)))
    return [html.P(text) for text in said]


def _named(patrols: Sequence[str], lang: Lang, names: Mapping[str, str]) -> str:
    def one(name: str) -> str:
        own, plus, twin = name.partition("+")
        return f"{names.get(own, own)}{plus}{twin}"

    shown = ("、" if lang == "zh" else ", ").join(one(each) for each in patrols[:SHOWN])
    more = len(patrols) - SHOWN
    return word("wi_and_more", lang, names=shown, n=len(patrols)) if more > 0 else shown
