"""The pages: each module gives `layout(**query)`, and its callbacks are module-level functions.

A page is put together by Dash and kept alive by the feed: Python lays out what stands still and what needs the rules
(the inspector, the report); what moves every second (queue, clocks, map, wall) is drawn in the browser by `assets/`
from the one feed. So a thousand screens cost the server a thousand writes of the same bytes, and no callback ticks.
"""

from __future__ import annotations

from typing import Any

import dash
import dash_mantine_components as dmc
from dash import ClientsideFunction, Input, Output, dcc, html

FONT = '"Noto Sans CJK SC","Noto Sans SC","PingFang SC","Microsoft YaHei",system-ui,sans-serif'
ACCENT = ["#E8F2FC", "#CFE5FB", "#B2D5F9", "#93C4F7", "#7CB8F6", "#6CB0F5", "#4A90D9", "#2F6FB6", "#1F66B0", "#174D86"]
GRAPHITE = [
    "#E9EEF0",
    "#AAB4BA",
    "#87929A",
    "#5B666E",
    "#3A4248",
    "#272D31",
    "#22282D",
    "#1B2024",
    "#14181B",
    "#0E1113",
]
THEME = {
    "fontFamily": FONT,
    "headings": {"fontFamily": FONT},
    "primaryColor": "steel",
    "primaryShade": {"light": 8, "dark": 7},
    "colors": {"steel": ACCENT, "dark": GRAPHITE},
    "defaultRadius": 6,
    "cursorType": "pointer",
    "respectReducedMotion": True,
}


def shell() -> dmc.MantineProvider:
    """The layout around every page: the theme, the page, and the store that tells of a failed callback."""
    return dmc.MantineProvider(
        html.Div([dash.page_container, dcc.Store(id="toast"), dcc.Store(id="toast-told")]),
        id="mantine", theme=THEME, forceColorScheme="dark",
    )  # fmt: skip


def register(app: Any) -> None:
    """Whatever page it is: a failed callback is told on the screen, with the id under which the log has it."""
    app.clientside_callback(
        ClientsideFunction("gridpost", "failed"), Output("toast-told", "data"), Input("toast", "data"),
        prevent_initial_call=True,
    )  # fmt: skip
