"""The dots of 5,000 patrols in dash-leaflet: `python -m app.bench.leaflet_app PORT COUNT WEST SOUTH EAST NORTH`.

A canvas layer that a callback fills anew each second, which is how one would put moving dots on a Dash map. Needs
`pip install dash-leaflet`, which Gridpost itself does not use. There are no tiles under it: nothing is fetched.
"""

from __future__ import annotations

import sys
from random import Random
from typing import Any

import dash
import dash_leaflet as dl  # type: ignore[import-not-found]  # installed only where the dots are compared
from dash import Input, Output, dcc, html

DOT = """<script>window.bench = {leaflet: {dot: function (feature, place) {
  return L.circleMarker(place, {radius: 4, weight: 1, color: "#14191C", fillColor: "#6CB0F5", fillOpacity: 1});
}}};</script>"""
STEP = 0.00006


def main(port: str, count: str, *corners: str) -> None:
    """Serve the page until stopped."""
    west, south, east, north = map(float, corners)
    rng = Random(1)
    places = [[rng.uniform(west, east), rng.uniform(south, north)] for _ in range(int(count))]
    app = dash.Dash("leaflet", serve_locally=True)
    app.index_string = app.index_string.replace("</head>", DOT + "</head>")
    app.layout = html.Div([
        dl.Map(
            [dl.GeoJSON(id="dots", pointToLayer={"variable": "bench.leaflet.dot"})], preferCanvas=True,
            bounds=[[south, west], [north, east]], style={"width": "100vw", "height": "100vh"},
        ),
        dcc.Interval(id="poll", interval=1000),
    ])  # fmt: skip

    @app.callback(Output("dots", "data"), Input("poll", "n_intervals"))
    def move(_: int | None) -> dict[str, Any]:
        features = []
        for n, place in enumerate(places):
            place[0] += rng.uniform(-STEP, STEP)
            place[1] += rng.uniform(-STEP, STEP)
            point = {"type": "Point", "coordinates": [round(place[0], 6), round(place[1], 6)]}
            features.append({"type": "Feature", "geometry": point, "properties": {"id": f"P-{n:04}"}})
        return {"type": "FeatureCollection", "features": features}

    app.run(host="127.0.0.1", port=int(port), debug=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
