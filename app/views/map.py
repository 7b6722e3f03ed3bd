"""The map's shell: one Plotly figure that holds the grids' heat; what moves is drawn over it by `assets/map.js`.

The style is a URL of our own server, never an inline dict: Plotly would set an inline style anew on each redraw, and
view, images and sources would be lost. `uirevision` is constant, so nothing ever moves the map under a hand. The
heat is one hue in six steps; the colour says how many cases are open in a grid, the tooltip says which grid.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import plotly.graph_objects as go
from dash import dcc, html

from app.labels import Lang, word
from app.views.attributes import extra
from geo.gridset import GridSet

RAMP = ("#1A1F22", "#1C272C", "#1F3239", "#233E49", "#284B58", "#2D5868")
RAMP_LIGHT = ("#F1F4F4", "#DCE8EC", "#BFD7E0", "#97BFCF", "#659FB7", "#34789A")
EMPTY = "rgba(26,31,34,0)"
STYLE = "/style.json"
HEAT_BELOW = "water"  # a layer of the style: land, heat, then water and roads
TILE = 512


def graph(ident: str, lang: Lang, grids: GridSet, width: int, height: int) -> dcc.Graph:
    """The graph `ident`, fitted to all grids for a panel of `width` × `height` CSS pixels."""
    return dcc.Graph(
        id=ident,
        figure=figure(lang, grids, width, height),
        className="map-graph",
        responsive=True,
        config={"scrollZoom": True, "displayModeBar": False, "doubleClick": False, "showTips": False},
    )


def figure(lang: Lang, grids: GridSet, width: int, height: int) -> go.Figure:
    """The figure: the finest grids as one choropleth that nobody can hover, over the style's basemap."""
    finest = grids.finest
    shapes = {
        "type": "FeatureCollection",
        "features": [
            {"type": "Feature", "id": grid.code, "properties": {"code": grid.code}, "geometry": _outline(grid.geometry)}
            for grid in (*finest, *grids.dedicated)
        ],
    }
    heat = go.Choroplethmap(
        geojson=shapes,
        locations=[grid.code for grid in finest],
        z=[0] * len(finest),
        zmin=0,
        zmax=5,
        colorscale=scale(),
        showscale=False,
        hoverinfo="skip",
        marker={"line": {"width": 0}, "opacity": 1},
        below=HEAT_BELOW,
    )
    centre, zoom = fit(grids.bounds, width, height)
    return go.Figure(
        heat,
        layout={
            "map": {
                "style": f"{STYLE}?lang={lang}",
                "center": {"lon": centre[0], "lat": centre[1]},
                "zoom": zoom,
                "uirevision": "kept",
            },
            "margin": {"l": 0, "r": 0, "t": 0, "b": 0},
            "paper_bgcolor": "#0B1316",
            "uirevision": "kept",
            "showlegend": False,
            "dragmode": "pan",
            "hovermode": False,
            "autosize": True,
        },
    )


def day_graph(ident: str, lang: Lang, grids: GridSet, counts: Mapping[str, int], width: int, height: int) -> dcc.Graph:
    """A still map on paper: the cases of a day by grid, from few to many."""
    made = figure(lang, grids, width, height)
    finest = grids.finest
    values = [counts.get(grid.code, 0) for grid in finest]
    steps = [step for i, colour in enumerate(RAMP_LIGHT) for step in ((i / 6, colour), ((i + 1) / 6, colour))]
    made.update_traces(z=values, zmax=heat_top(values), colorscale=steps)
    made.update_layout(map_style=f"{STYLE}?theme=light&lang={lang}", paper_bgcolor="#E3EBEF", dragmode=False)
    return dcc.Graph(
        id=ident,
        figure=made,
        className="day-map",
        responsive=True,
        config={"displayModeBar": False, "scrollZoom": False, "doubleClick": False, "showTips": False},
    )


def heat_top(counts: Iterable[int]) -> int:
    """The number of cases at the dark end of a day's ramp: the most in a grid, at least one for each step."""
    return max([len(RAMP_LIGHT), *counts])


def scale() -> list[tuple[float, str]]:
    """The ramp as Plotly wants it: six flat steps; the first is clear, so that a calm grid shows the land."""
    steps: list[tuple[float, str]] = []
    for i, colour in enumerate((EMPTY, *RAMP[1:])):
        steps += [(i / 6, colour), ((i + 1) / 6, colour)]
    return steps


def fit(bounds: tuple[float, float, float, float], width: int, height: int) -> tuple[tuple[float, float], float]:
    """Centre (lon, lat) and zoom that show `bounds` (degrees) in a panel, with a twentieth of room around."""
    west, south, east, north = bounds
    top, bottom = _mercator(north), _mercator(south)
    spans = (max(east - west, 1e-6) / 360, max(top - bottom, 1e-9))
    zoom = min(math.log2(width * 0.95 / TILE / spans[0]), math.log2(height * 0.95 / TILE / spans[1]))
    middle = (top + bottom) / 2
    lat = math.degrees(2 * math.atan(math.exp(middle * 2 * math.pi)) - math.pi / 2)
    return ((west + east) / 2, lat), round(min(zoom, 17.0), 3)


def _mercator(lat: float) -> float:
    return math.log(math.tan(math.pi / 4 + math.radians(lat) / 2)) / (2 * math.pi)


def _outline(geometry: Any) -> dict[str, Any]:
    """A shape as GeoJSON with five decimals (a metre): a quarter of the bytes, and no eye sees the difference."""

    def rounded(value: Any) -> Any:
        return round(value, 5) if isinstance(value, float) else [rounded(each) for each in value]

    made = geometry.__geo_interface__
    return {"type": made["type"], "coordinates": rounded(made["coordinates"])}


def legend(lang: Lang, wall: bool = False) -> html.Div:
    """What the glyphs mean, with the glyphs as the map draws them."""
    cases = [_key(f"p{n}", word(f"p{n}", lang)) for n in (1, 2, 3, 4)]
    short = "_short" if wall else ""
    people = [
        _key(state, word(state + (short if state in ("way", "scene") else ""), lang))
        for state in ("free", "way", "scene", "lost")
    ]
    fixed = [_key("camera", word("camera", lang)), _key("sensor", word("sensor_short", lang))] if wall else []
    rule = [html.I(className="rule")]
    return html.Div(
        [*cases, *rule, *people, *(rule if wall else []), *fixed],
        className="legend-items",
        role="note",
        **extra(aria_label=word("legend", lang)),
    )


def _key(glyph: str, text: str) -> html.Span:
    return html.Span([html.I(className=f"glyph {glyph}"), text])
