"""/dispatch: the queue, the map and the selected case, and the click that sends somebody.

Where a click goes: a row, a pin or a key selects a case (`assets/pages/dispatch.js` writes the store `selection`), and
one callback here asks the rules for the inspector, which brings along what can be done. Acts are not callbacks:
`assets/pages/acts.js` posts them to `/api/v1/cases/{no}/{act}`, the same door that phones and other systems use, with
the version that was seen. That is the simpler way: one path for button, key and map, the refusal comes back as data,
and the feed tells this screen and all others what became of it. So this module never changes anything.
"""

from __future__ import annotations

from typing import Any

import dash_ag_grid as dag
import dash_mantine_components as dmc
from dash import ClientsideFunction, Input, Output, dcc, html

from app.labels import Lang, word
from app.pages import desk
from app.views import case, frame
from app.views import map as map_view
from app.views.attributes import extra

TITLE = "调度台 Dispatch · 网格哨 Gridpost"
GRID_THEME = (
    "themeQuartz.withPart(agGrid.colorSchemeDark).withParams({backgroundColor: '#14181B', foregroundColor: '#E9EEF0',"
    " headerBackgroundColor: '#0E1113', borderColor: '#272D31', rowHoverColor: '#1B2024',"
    " selectedRowBackgroundColor: 'transparent', fontFamily: 'inherit', headerFontFamily: 'inherit',"
    " cellFontFamily: 'inherit', fontSize: 13, headerFontSize: 12, headerFontWeight: 400, wrapperBorder: false,"
    " wrapperBorderRadius: 0, cellHorizontalPadding: 0, headerColumnBorder: false, columnBorder: false})"
)
TABS = ("mine", "waiting", "open", "supervised", "over")
UNCOUNTED = ("over",)
MAP_SIZE = (848, 1004)


def layout(lang: str | None = None, **_: str) -> html.Div:
    """The page as it stands before the first snapshot: everything in place, nothing invented."""
    seen = desk.seen(lang)
    words = seen.lang
    return html.Div(
        [
            *frame.documents(words, desk.directory(seen)),
            frame.header("dispatch", words, seen.who, filters(words, desk.directory(seen))),
            frame.band(),
            queue(words),
            map_panel(words),
            inspector(words),
            footer(words),
            dcc.Store(id="selection"),
            *(dcc.Store(id=name) for name in ("dispatch-started", "shown", "narrowed", "layered")),
            html.Div(id="toasts", role="status", **extra(aria_live="polite")),
            html.Dialog(id="keys-help", **extra(aria_label=word("keys_title", words))),
            html.Dialog(id="plan-dialog", **extra(aria_label=word("plan_title", words))),
        ],
        id="dispatch-page",
        className="page desk",
        lang="zh-CN" if words == "zh" else "en",
    )


def filters(lang: Lang, directory: dict[str, Any]) -> list[Any]:
    """Module, board and district: each narrows the queue and the pins. They stay in this tab only."""
    districts = {code: g["name"] for code, g in directory["grids"].items() if g["district"] == code}
    choices = {"module": directory["modules"], "board": directory["boards"], "district": districts}
    return [
        dmc.MultiSelect(
            id=f"filter-{name}",
            data=[{"value": key, "label": text} for key, text in rows.items()],
            placeholder=word(f"all_{name}s", lang),
            size="xs",
            className="filter",
            clearable=True,
            hidePickedOptions=False,
            maxDropdownHeight=360,
            comboboxProps={"shadow": "none", "width": 220, "position": "bottom-start"},
            **extra(aria_label=word(name, lang)),
        )
        for name, rows in choices.items()
    ]


def queue(lang: Lang) -> html.Section:
    """The list of cases: tabs with counts, search, and the grid that `dispatch.js` feeds."""
    tabs = [
        html.Button(
            [word(f"tab_{name}", lang), " ", None if name in UNCOUNTED else html.B("–", id=f"count-{name}")],
            id=f"tab-{name}",
            type="button",
            role="tab",
            className="on" if name == "mine" else "",
            **extra(data_tab=name, aria_selected="true" if name == "mine" else "false"),
        )
        for name in TABS
    ]
    return html.Section(
        [
            html.Div(
                [
                    html.Div(tabs, className="tabs", role="tablist", **extra(aria_label=word("col_case", lang))),
                    dmc.TextInput(
                        id="search",
                        placeholder=word("search", lang),
                        size="xs",
                        className="search",
                        rightSection=html.Kbd("/"),
                        **extra(aria_label=word("keys_search", lang)),
                    ),
                ],
                className="queue-bar",
            ),
            html.Div(
                [
                    html.Span(word("sorted", lang)),
                    html.Span(id="shown-count"),
                    html.Span(className="spacer"),
                    html.Button(
                        word("plan", lang), id="plan", type="button", className="quiet", title=word("plan_hint", lang)
                    ),
                    html.Span(className="age", **extra(data_age="cases", data_period="15")),
                ],
                className="queue-note",
            ),
            html.Div([grid(lang), html.Div(id="queue-empty", className="empty", hidden=True)], className="queue-rows"),
        ],
        className="queue",
        **extra(aria_label=word("col_case", lang)),
    )


def grid(lang: Lang) -> dag.AgGrid:
    """The rows; their order is the sort of the hidden column `due`, so a transaction keeps it."""
    plain: dict[str, Any] = {"sortable": False, "resizable": False, "suppressMovable": True}
    return dag.AgGrid(
        id="queue",
        columnDefs=[
            {"headerName": "", "field": "priority", "cellRenderer": "Priority", "width": 46, **plain},
            {"headerName": word("col_case", lang), "field": "title", "cellRenderer": "Case", "flex": 1, **plain},
            {"headerName": word("col_state", lang), "field": "state", "cellRenderer": "State", "width": 140, **plain},
            {
                "headerName": word("col_left", lang) + " ↑",
                "field": "due",
                "cellRenderer": "Clock",
                "width": 150,
                "sort": "asc",
                **plain,
                "sortable": True,
                "sortingOrder": ["asc"],
            },
        ],
        rowData=[],
        getRowId="params.data.no",
        className="ag-theme-gridpost",
        columnSize=None,
        dashGridOptions={
            "rowHeight": 47,
            "headerHeight": 30,
            "scrollbarWidth": 6,
            "rowSelection": {"mode": "singleRow", "checkboxes": False, "enableClickSelection": True},
            "suppressCellFocus": True,
            "animateRows": False,
            "suppressNoRowsOverlay": True,
            "theme": {"function": GRID_THEME},
            "suppressColumnVirtualisation": True,
            "rowBuffer": 12,
            "suppressContextMenu": True,
            "localeText": {name: word(name, lang) for name in ("ariaRowSelect", "ariaRowDeselect")},
        },
        style={"height": "100%", "width": "100%"},
    )


def map_panel(lang: Lang) -> html.Main:
    """The map with its controls, legend and what it says about its own age."""
    buttons = [("plus", "zoom_in", "+"), ("minus", "zoom_out", "−"), ("fit", "fit_all", "◎")]
    controls = [
        html.Button(sign, id=f"map-{name}", type="button", title=word(key, lang), **extra(aria_label=word(key, lang)))
        for name, key, sign in buttons
    ]
    names = ("heat", "trails", "devices", "labels")
    layers = html.Details(
        [
            html.Summary("≡", title=word("layers", lang), **extra(aria_label=word("layers", lang))),
            dmc.CheckboxGroup(
                [dmc.Checkbox(label=word(f"layer_{name}", lang), value=name, size="xs") for name in names],
                id="layers",
                value=list(names),
                label=word("layers", lang),
                size="xs",
            ),
        ],
        className="layers",
    )
    return html.Main(
        [
            map_view.graph("map", lang, desk.centre().grids, *MAP_SIZE),
            html.Div(id="map-tip", hidden=True),
            html.Div(id="notice-top"),
            html.Div([*controls, layers], className="map-controls"),
            html.Div(
                [
                    map_view.legend(lang),
                    html.Span(className="spacer"),
                    html.Span(word("map_hint", lang), className="hint"),
                    html.Span(
                        className="age",
                        **extra(data_age="patrols", data_period="180", data_lead=word("positions_age", lang)),
                    ),
                ],
                className="map-legend",
            ),
            html.Div(id="snackbar"),
        ],
        className="map-panel",
        **extra(aria_label=word("map", lang)),
    )


def inspector(lang: Lang) -> html.Aside:
    """The selected case: what the callback fills, and the pinned action that `acts.js` keeps."""
    return html.Aside(
        [
            html.Div(case.nothing(lang), id="case-body", className="case-body"),
            html.Div(
                [
                    dmc.TextInput(
                        id="instructions",
                        placeholder=word("instructions", lang),
                        inputProps={"maxLength": 200},
                        size="xs",
                        className="text-input",
                        **extra(aria_label=word("instructions", lang)),
                    ),
                    html.Div(id="action-box"),
                ],
                id="action",
                className="action",
                hidden=True,
            ),
        ],
        className="inspector",
        **extra(aria_label=word("col_case", lang)),
    )


def footer(lang: Lang) -> html.Footer:
    """The keys that work here."""
    keys = (
        ("J K", "move"),
        ("1–4", "pick"),
        ("↵", "go"),
        (".", "more"),
        ("U", "undo"),
        ("F", "find"),
        ("/", "search"),
        ("[ ]", "tab"),
        ("Esc", "clear"),
    )
    row: list[Any] = [
        html.Span([*[html.Kbd(key) for key in each.split(" ")], word(f"keys_{name}", lang)]) for each, name in keys
    ]
    row.append(html.Button([html.Kbd("?"), word("keys_all", lang)], id="keys-open", type="button", className="quiet"))
    return html.Footer([*row, html.Span(className="spacer"), html.Span(word("trace", lang))], className="keys")


def on_case_selected(selection: dict[str, Any] | None) -> Any:
    """Show the selected case: steps, six fixes, log, candidates with their reasons."""
    if not selection:
        return case.nothing(desk.language_now())
    found = desk.look(selection)
    if found is None and selection.get("at"):
        return html.Div(html.B(word("past_case_none", desk.language_now())), className="pick")
    return case.inspector(found, str(selection.get("asked", "")))


def register(app: Any) -> None:
    """The callbacks, on the app that serves: one asks the server, the others start and steer `dispatch.js`."""
    filters_and_search = [Input(f"filter-{name}", "value") for name in ("module", "board", "district")]
    filters_and_search.append(Input("search", "value"))
    app.callback(Output("case-body", "children"), Input("selection", "data"), prevent_initial_call=True)(
        on_case_selected
    )
    for function, output, inputs in (
        ("startDispatch", "dispatch-started", [Input("dispatch-page", "id")]),
        ("caseShown", "shown", [Input("case-body", "children")]),
        ("narrow", "narrowed", filters_and_search),
        ("layers", "layered", [Input("layers", "value")]),
    ):
        app.clientside_callback(ClientsideFunction("gridpost", function), Output(output, "data"), inputs)
