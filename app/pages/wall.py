"""/wall: the town on one screen, read from six metres, touched by nobody.

Python lays out the frame with the true sizes and no figures; `assets/pages/wall.js` fills them from the feed and
redraws what changed. There is no callback but the one that starts the script.
"""

from __future__ import annotations

from typing import Any

from dash import ClientsideFunction, Input, Output, dcc, html

from app.labels import Lang, word
from app.pages import desk
from app.views import frame
from app.views import map as map_view
from app.views.attributes import extra

TITLE = "指挥大屏 Wall · 网格哨 Gridpost"
MAP_SIZE = (1168, 1020)


def layout(lang: str | None = None, **_: str) -> html.Div:
    """The wall before the first snapshot."""
    seen = desk.seen(lang)
    words = seen.lang
    names = desk.directory(seen) | overseers(words)
    return html.Div(
        [
            *frame.documents(words, names),
            header(words, str(names["site"])),
            frame.band(),
            html.Aside([today(words), heat(words), forces(words), devices(words)], className="left"),
            map_panel(words),
            html.Aside([urgent(words), alerts(words)], className="right"),
            dcc.Store(id="wall-started"),
        ],
        id="wall-page",
        className="wall",
        lang="zh-CN" if words == "zh" else "en",
    )


def overseers(lang: Lang) -> dict[str, Any]:
    """Who supervises: `chiefs` by grid (level 1), `above` by level 2 and 3; names in the language."""
    it = desk.centre()

    def name(level: int, codes: tuple[str, ...]) -> str:
        person = it.org.person_for(level, codes)
        return ((person.name_en if lang == "en" else "") or person.name) if person else ""

    chiefs = {grid.code: name(1, it.grids.chain(grid.code)) for grid in (*it.grids.finest, *it.grids.dedicated)}
    return {"chiefs": chiefs, "above": {str(level): name(level, ()) for level in (2, 3)}}


def header(lang: Lang, site: str) -> html.Header:
    """Product, centre, one sentence that says what matters, live state, date and time."""
    return html.Header(
        [
            html.A(
                [html.Img(src=frame.LOGO, alt=""), word("product", lang), html.Small(word("centre", lang, site=site))],
                className="logo",
                href="/dispatch",
            ),
            html.Div(id="sentence", className="sentence", role="status"),
            html.Div(
                [html.I(className="dot"), html.Span(word("connecting", lang), **extra(data_link=""))], className="live"
            ),
            frame.past_button(lang),
            html.Div(className="date", **extra(data_date="")),
            html.Div("--:--:--", className="time", **extra(data_time="")),
        ]
    )


def section(ident: str, lang: Lang, key: str, children: list[Any], **age: str) -> html.Section:
    """A panel with its heading and its age."""
    said = extra(data_age=age.get("kind", "figures"), data_period=age.get("period", "15"))
    if "stale" in age:
        said["data-stale"] = age["stale"]
    return html.Section(
        [
            html.H2(
                [
                    html.Span(word(key, lang), id=f"{ident}-head"),
                    html.Span(
                        [html.Span(id=f"{ident}-lead"), html.Span(className="age", **said)], className="head-right"
                    ),
                ]
            ),
            *children,
        ],
        id=ident,
        **extra(aria_label=word(key, lang)),
    )


def today(lang: Lang) -> html.Section:
    """Seven figures of the day."""
    big = [
        html.Div(
            [
                html.Div(word(key, lang), className="c"),
                html.Div("–", id=f"n-{key}", className="n"),
                html.Div(id=f"d-{key}", className="d"),
            ]
        )
        for key in ("inflow", "dispatched", "closed")
    ]
    small = [
        html.Span([word(key, lang), html.B("–", id=f"n-{key}", className="figure")])
        for key in ("open", "waiting", "supervised", "on_time")
    ]
    return section("today", lang, "today", [html.Div(big, className="k3"), html.Div(small, className="sub")])


def heat(lang: Lang) -> html.Section:
    """The six grids with most open cases."""
    return section("heat", lang, "grid_heat", [html.Div(id="heat-rows")], kind="cases")


def forces(lang: Lang) -> html.Section:
    """Who is on duty: a bar, four states, the squads."""
    states = [
        html.Div(
            [
                html.B("–", id=f"n-{state}", className="figure"),
                html.Span([html.I(className=f"glyph {state}"), word(key, lang)]),
            ]
        )
        for state, key in (("free", "free"), ("way", "way_short"), ("scene", "scene_short"), ("lost", "lost"))
    ]
    return section(
        "forces",
        lang,
        "patrols",
        [
            html.Div(id="force-bar", className="seg"),
            html.Div(states, className="pk"),
            html.Div(id="squads", className="sq"),
        ],
        kind="patrols",
        period="60",
    )


def devices(lang: Lang) -> html.Section:
    """Cameras, sensors and the networks they come by."""
    rows = [
        html.Div(
            [html.Em(word(key, lang)), html.Span("–", id=f"n-{key}"), html.Span(id=f"s-{key}", className="state")],
            className="dev",
        )
        for key in ("cameras", "sensors", "sources")
    ]
    return section(
        "fixed", lang, "devices_sources", [*rows, html.Div(id="source-cells", className="src")], kind="devices"
    )


def map_panel(lang: Lang) -> html.Main:
    """The map with its scale, legend and ramp."""
    ramp = [html.I(style={"background": colour}) for colour in map_view.RAMP]
    return html.Main(
        [
            map_view.graph("map", lang, desk.centre().grids, *MAP_SIZE),
            html.Div(id="callout", hidden=True),
            html.Div([html.Span(id="scale", className="scale"), html.Span(word("north", lang))], className="compass"),
            html.Div(map_view.legend(lang, wall=True), className="wall-legend"),
            html.Div(
                [
                    word("heat_open", lang),
                    " ",
                    word("few", lang),
                    html.Span(ramp, className="ramp"),
                    word("many", lang),
                ],
                className="wall-ramp",
            ),
        ],
        className="map-panel",
        **extra(aria_label=word("map", lang)),
    )


def urgent(lang: Lang) -> html.Section:
    """The five tightest clocks."""
    return section(
        "urgent", lang, "most_urgent", [html.Div(id="urgent-rows")], kind="cases", stale=word("progress_may", lang)
    )


def alerts(lang: Lang) -> html.Section:
    """The newest alerts."""
    return section("alerts", lang, "alerts", [html.Div(id="alert-rows")], kind="alerts")


def register(app: Any) -> None:
    """The one callback, on the app that serves: it starts `wall.js` when the frame stands."""
    start = ClientsideFunction("gridpost", "startWall")
    app.clientside_callback(start, Output("wall-started", "data"), Input("wall-page", "id"))
