"""The plain ways as Dash pages: `python -m app.bench.polled figure|leaflet PORT FOLDER`.

A callback answers with everything anew: with the whole figure of grids, trails and dots (when the benchmark asks), or,
once a second, with the dots of a dash-leaflet canvas layer (needs `pip install dash-leaflet`, which Gridpost itself
does not use). What they show lies in FOLDER, made before: `figure-<n>.json` and `style.json`, `dots-<n>.json`. Nothing
is fetched from elsewhere.
"""

from __future__ import annotations

import itertools
import json
import sys
from pathlib import Path
from typing import Any

import dash
from dash import Input, Output, dcc, html
from flask import Response

DOT = """<script>window.bench = {leaflet: {dot: function (feature, place) {
  return L.circleMarker(place, {radius: 4, weight: 1, color: "#14191C", fillColor: "#6CB0F5", fillOpacity: 1});
}}};</script>"""
FULL = {"width": "100vw", "height": "100vh"}


def leaflet(folder: Path) -> tuple[Any, Output]:
    """The map of dash-leaflet, and what the callback fills."""
    import dash_leaflet as dl  # type: ignore[import-not-found]  # installed only where the dots are compared

    corners = json.loads((folder / "bounds.json").read_text())
    dots = dl.GeoJSON(id="dots", pointToLayer={"variable": "bench.leaflet.dot"})
    west, south, east, north = corners
    return dl.Map([dots], preferCanvas=True, bounds=[[south, west], [north, east]], style=FULL), Output("dots", "data")


def figure(folder: Path) -> tuple[Any, Output]:
    """The graph, and what the callback fills."""
    shown = json.loads((folder / "figure-0.json").read_text())
    graph = dcc.Graph(id="map", figure=shown, style=FULL, responsive=True, config={"displayModeBar": False})
    return graph, Output("map", "figure")


def main(kind: str, port: str, folder: str) -> None:
    """Serve the page until stopped."""
    here = Path(folder)
    app = dash.Dash("polled", serve_locally=True)
    app.index_string = app.index_string.replace("</head>", DOT + "<style>body { margin: 0 }</style></head>")
    shown, output = {"leaflet": leaflet, "figure": figure}[kind](here)
    app.layout = html.Div([shown, dcc.Interval(id="poll", interval=1000, disabled=kind == "figure")])
    prefix = "dots" if kind == "leaflet" else "figure"
    steps = itertools.cycle([json.loads(path.read_text()) for path in sorted(here.glob(f"{prefix}-*.json"))])

    @app.callback(output, Input("poll", "n_intervals"))
    def move(_: int | None) -> Any:
        return next(steps)

    def style() -> Response:
        return Response((here / "style.json").read_bytes(), mimetype="application/json")

    app.server.add_url_rule("/style.json", "style", style)
    app.run(host="127.0.0.1", port=int(port), debug=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
