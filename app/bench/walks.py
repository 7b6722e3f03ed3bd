"""The county's patrols on their walks, as the texts that each way of drawing them gets, made before the measuring.

All ways show the same: every grid, every patrol's place, and a trail of 20 steps behind each.
"""

from __future__ import annotations

import json
import time
from functools import cached_property
from math import cos, pi, sin
from random import Random
from typing import Any

import plotly

from app.style import style
from app.views import map as map_view
from geo.grids import GridSet

WIDTH, HEIGHT = 2336, 2040  # the map of a 4K wall: every patrol of the county is a dot with its trail
TRAIL_POINTS, TRAIL_STEP_S = 20, 30
STEP, TURN = 0.0004, 0.6  # degrees a step, some 40 m; radians it may turn: people follow streets
STATES = ("free", "free", "free", "way", "scene")
COLOUR = {"free": "#6CB0F5", "way": "#F0C076", "scene": "#7CCB9B"}


class Town:
    """Patrols that walk, as the texts that the two ways get."""

    def __init__(
        self, grids: GridSet, base: dict[str, Any], patrols: int, seed: int, size: tuple[int, int] = (WIDTH, HEIGHT)
    ) -> None:
        self._grids, self._base, self._seed, self._size = grids, base, seed, size
        rng = Random(seed)
        centres = [grid.geometry.representative_point() for grid in grids.finest]
        self._starts = [(point.x, point.y) for point in (rng.choice(centres) for _ in range(patrols))]
        self._now = int(time.time() * 1000)

    @cached_property
    def walks(self) -> list[list[tuple[float, float]]]:
        """Where each patrol is at each step: its trail, then a place a tick."""
        rng, walks = Random(self._seed + 1), []
        for lon, lat in self._starts:
            walk, heading = [], rng.uniform(0, 2 * pi)
            for _ in range(TRAIL_POINTS + 60):
                heading += rng.uniform(-TURN, TURN)
                lon, lat = lon + STEP * cos(heading), lat + STEP * sin(heading)
                walk.append((round(lon, 6), round(lat, 6)))
            walks.append(walk)
        return walks

    def snapshot(self) -> str:
        """What a listener hears first."""
        return json.dumps({"id": "0-0", "now": self._now, "patrols": [
            {**self._item(n, 0), "trail": [[self._now - (TRAIL_POINTS - k) * TRAIL_STEP_S * 1000, *walk[k]]
                                           for k in range(TRAIL_POINTS)]}
            for n, walk in enumerate(self.walks)]})  # fmt: skip

    def tick(self, number: int) -> str:
        """All patrols one step on, as the feed says it."""
        return json.dumps({"items": [self._item(n, number) for n in range(len(self.walks))]}, separators=(",", ":"))

    def _item(self, n: int, number: int) -> dict[str, Any]:
        lon, lat = self.walks[n][TRAIL_POINTS + number]
        return {"id": f"P-{n:04}", "at": self._now + 1000 * number, "lon": lon, "lat": lat, "grid": "329902101201001",
                "course": 90.0, "speed": 1.3, "accuracy": 5.0, "case": "", "state": STATES[n % len(STATES)],
                "registered": True}  # fmt: skip

    @cached_property
    def _shell(self) -> dict[str, Any]:
        """The figure as the product draws it once: the grids."""
        made: dict[str, Any] = map_view.figure("en", self._grids, *self._size).to_plotly_json()
        plain: dict[str, Any] = json.loads(json.dumps(made, cls=plotly.utils.PlotlyJSONEncoder))
        return plain

    def figure(self, number: int) -> str:
        """Everything in one figure: grids, trails, dots, after `number` steps."""
        lons: list[float | None] = []
        lats: list[float | None] = []
        for walk in self.walks:
            for lon, lat in walk[number : TRAIL_POINTS + number + 1]:
                lons.append(lon)
                lats.append(lat)
            lons.append(None)
            lats.append(None)
        places = [walk[TRAIL_POINTS + number] for walk in self.walks]
        moving = [
            {"type": "scattermap", "mode": "lines", "lon": lons, "lat": lats, "line": {"width": 2, "color": "#4A7FB5"},
             "hoverinfo": "skip"},
            {"type": "scattermap", "mode": "markers", "lon": [lon for lon, _ in places],
             "lat": [lat for _, lat in places], "ids": [f"P-{n:04}" for n in range(len(places))],
             "marker": {"size": 8, "color": [COLOUR[STATES[n % len(STATES)]] for n in range(len(places))]}},
        ]  # fmt: skip
        return json.dumps({**self._shell, "data": [*self._shell["data"], *moving]}, separators=(",", ":"))

    def dots(self, number: int) -> str:
        """The dots alone, as GeoJSON."""
        return json.dumps({"type": "FeatureCollection", "features": [
            {"type": "Feature", "geometry": {"type": "Point", "coordinates": walk[TRAIL_POINTS + number]},
             "properties": {"id": f"P-{n:04}"}} for n, walk in enumerate(self.walks)]})  # fmt: skip

    def bodies(self, ticks: int) -> dict[str, str]:
        """What the pages ask for, by path, made before anything is measured."""
        numbers = range(ticks + 1)
        return {
            "/snapshot": self.snapshot(), "/figure": json.dumps(self._shell),
            "/style.json": json.dumps(style(self._grids, self._base, "dark"), separators=(",", ":")),
            **{f"/tick/{n}": self.tick(n) for n in numbers}, **{f"/figure/{n}": self.figure(n) for n in numbers},
            **{f"/dots/{n}": self.dots(n) for n in numbers}, "/bounds.json": json.dumps(self._grids.bounds),
        }  # fmt: skip
