"""/replay: the whole past on one page: the map, the cases as they were, one case or one patrol to follow.

What moves is drawn by `assets/pages/replay.js` from the state that `assets/replay.js` folds for the moment under the
slider; only the inspector of a case is asked from the server, with that moment (`desk.look`), by the callback of
/dispatch.
"""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import ClientsideFunction, Input, Output, dcc, html

from app.labels import Lang, word
from app.pages import desk
from app.views import frame
from app.views import map as map_view
from app.views.attributes import extra

TITLE = "历史回放 Replay · 网格哨 Gridpost"
MAP_SIZE = (1056, 900)


def layout(lang: str | None = None, **_: str) -> html.Div:
    """The page before the first moment is there."""
    seen = desk.seen(lang)
    words = seen.lang
    return html.Div(
        [
            *frame.documents(words, desk.directory(seen)),
            frame.header("replay", words, seen.who),
            frame.band(),
            cases(words),
            map_panel(words),
            followed(words),
            dcc.Store(id="selection"),
            dcc.Store(id="replay-started"),
            html.Div(id="toasts", role="status", **extra(aria_live="polite")),
        ],
        id="replay-page",
        className="page desk replay",
        lang="zh-CN" if words == "zh" else "en",
    )


def cases(lang: Lang) -> html.Section:
    """The cases that were open then, the tightest first, and a field that also finds people."""
    return html.Section(
        [
            html.Div(
                [html.H2(word("past_list", lang)), html.Span("–", id="past-count", className="t3"),
                 html.Span(className="spacer"),
                 dmc.TextInput(id="past-find", placeholder=word("past_find", lang), size="xs", className="search",
                               **extra(aria_label=word("past_find", lang)))],
                className="past-head",
            ),
            html.Div(id="past-cases", className="past-cases", role="listbox",
                     **extra(aria_label=word("past_list", lang))),
        ],
        className="queue",
        **extra(aria_label=word("past_list", lang)),
    )  # fmt: skip


def map_panel(lang: Lang) -> html.Main:
    """The map with its controls and legend."""
    controls = [
        html.Button(text, id=ident, type="button", title=word(title, lang), **extra(aria_label=word(title, lang)))
        for ident, text, title in (
            ("map-plus", "+", "zoom_in"),
            ("map-minus", "−", "zoom_out"),
            ("map-fit", "◎", "fit_all"),
        )
    ]
    return html.Main(
        [
            map_view.graph("map", lang, desk.centre().grids, *MAP_SIZE),
            html.Div(id="map-tip", hidden=True),
            html.Div(controls, className="map-controls"),
            html.Div([map_view.legend(lang)], className="map-legend"),
        ],
        className="map-panel",
        **extra(aria_label=word("map", lang)),
    )


def followed(lang: Lang) -> html.Aside:
    """Whoever or whatever is followed: a patrol's way, or a case as the inspector shows it."""
    return html.Aside(
        [
            html.Div(
                html.Div([html.B(word("past_pick_title", lang)), html.P(word("past_pick_text", lang))],
                         className="pick"),
                id="past-walker",
            ),
            html.Div(id="case-body", className="case-body"),
            html.Div(id="past-near"),
        ],
        className="inspector",
        **extra(aria_label=word("past_follow", lang)),
    )  # fmt: skip


def register(app: Any) -> None:
    """The one that starts the script; the inspector is asked for as on /dispatch, by the same store and callback."""
    start = ClientsideFunction("gridpost", "startReplay")
    app.clientside_callback(start, Output("replay-started", "data"), Input("replay-page", "id"))
