"""The browser: main-thread time a tick on the real map code, against redrawing the whole figure, and against Leaflet.

`assets/map.js` is fed 5,000 patrols with their trails over the county's grids in a headless Chromium, which draws in
software: read the ratios. A tick is decoded from text, folded and drawn until the map is still; what is counted is the
time the page's main thread was busy (`TaskDuration` of the DevTools protocol), for each way on a page of its own. The
plain way is what a Dash app does first: a callback once a second that answers with the whole figure of grids, trails
and dots. The bare `Plotly.react` with the same figure, without Dash around it, is given too. The dots alone are
compared with a dash-leaflet canvas layer that is filled once a second in the same way.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

import plotly

from app.bench import Report, Row, at_least
from app.bench.county import county
from app.bench.feed import answers
from app.config import ROOT
from app.style import style
from app.views import map as map_view
from geo.grids import GridSet, load
from streams.embedded import HOST, free_port
from streams.errors import Unreachable

HERE = Path(__file__).parent
ORIGIN = "http://gridpost.bench"
FILES = {"/": HERE / "page.html", "/page.js": HERE / "page.js",
         "/plotly.min.js": Path(plotly.__file__).parent / "package_data" / "plotly.min.js"}  # fmt: skip
FLAGS = (
    "--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run",
)  # fmt: skip
WIDTH, HEIGHT = 2336, 2040  # the map of a 4K wall: every patrol of the county is a dot with its trail
TRAIL_POINTS, TRAIL_STEP_S = 20, 30
STEP = 0.0003
FIGURE_GOAL = 4
STATES = ("free", "free", "free", "way", "scene")
COLOUR = {"free": "#6CB0F5", "way": "#F0C076", "scene": "#7CCB9B"}
PATIENCE_MS = 60_000
COUNT_DOTS = """async () => {
  const drawn = new Set(), canvas = CanvasRenderingContext2D.prototype, arc = canvas.arc;
  canvas.arc = function (x, y, ...rest) { drawn.add(x + " " + y); return arc.call(this, x, y, ...rest); };
  await new Promise((later) => setTimeout(later, 3000));
  canvas.arc = arc;
  return drawn.size;
}"""
COUNT_MARKERS = """async () => {
  for (let tries = 0; tries < 300; tries++) {
    const plot = document.querySelector(".js-plotly-plot"), view = plot && plot._fullLayout && plot._fullLayout.map;
    const map = view && view._subplot && view._subplot.map;
    const layers = map && map.getStyle() ? map.getStyle().layers.map((one) => one.id) : [];
    const dots = layers.filter((id) => /plotly-trace-.*-circle/.test(id));
    const found = dots.length ? map.queryRenderedFeatures({layers: dots}).length : 0;
    if (found) return found;
    await new Promise((later) => setTimeout(later, 100));
  }
  return 0;
}"""
"""Leaflet draws a dot as an arc; those drawn within three polls are what is on the canvas."""


@dataclass(frozen=True)
class Sizes:
    """Patrols, ticks a page, rounds."""

    patrols: int = 5_000
    ticks: int = 6
    rounds: int = 3


QUICK = Sizes(ticks=3, rounds=1)


class Town:
    """Patrols that walk, as the texts that the two ways get."""

    def __init__(self, grids: GridSet, base: dict[str, Any], patrols: int, seed: int) -> None:
        self._grids, self._base, self._seed = grids, base, seed
        rng = Random(seed)
        centres = [grid.geometry.representative_point() for grid in grids.finest]
        self._starts = [(point.x, point.y) for point in (rng.choice(centres) for _ in range(patrols))]
        self._now = int(time.time() * 1000)

    @cached_property
    def walks(self) -> list[list[tuple[float, float]]]:
        """Where each patrol is at each step: its trail, then a place a tick."""
        rng, walks = Random(self._seed + 1), []
        for lon, lat in self._starts:
            walk = []
            for _ in range(TRAIL_POINTS + 60):
                lon, lat = lon + rng.uniform(-STEP, STEP), lat + rng.uniform(-STEP, STEP)
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
        made: dict[str, Any] = map_view.figure("en", self._grids, WIDTH, HEIGHT).to_plotly_json()
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


def run(state: Path, sizes: Sizes = Sizes(), seed: int = 20261118) -> Report:
    """Each way in turn, each round on fresh pages."""
    compared = f"main thread a tick, {sizes.patrols:,} patrols; plain: the whole figure redrawn"
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if not chromium or importlib.util.find_spec("playwright") is None:
        what = "Playwright is" if chromium else "Chromium is"
        return Report("browser", compared, skipped=f"{what} not installed (apt-get install chromium; "
                      "pip install 'gridpost[test]')")  # fmt: skip
    made = county(state)
    base = json.loads((made / "basemap.geojson").read_text(encoding="utf-8"))
    town = Town(load(made / "grids.geojson"), base, sizes.patrols, seed)
    bodies = town.bodies(sizes.ticks + 1)
    with tempfile.TemporaryDirectory(prefix="gridpost-bench-") as folder, _browser(chromium) as browser:
        for path, body in bodies.items():
            (Path(folder) / f"{path[1:].replace('/', '-').removesuffix('.json')}.json").write_text(body, "utf-8")
        plain = [kind for kind in ("figure", "leaflet") if kind == "figure" or importlib.util.find_spec("dash_leaflet")]
        rounds: list[dict[str, Busy]] = []
        for _ in range(sizes.rounds):
            found = {way: _measured(browser, bodies, way, sizes.ticks) for way in ("map", "dots")}
            found["react"] = _measured(browser, bodies, "figure", sizes.ticks)
            for kind in plain:
                with _polled_page(kind, folder) as url:
                    found[kind] = _polled(browser, url, kind, sizes.ticks)
            rounds.append(found)
    sizes_of = (len(bodies["/tick/1"]), len(bodies["/figure/1"]))
    return _report(compared, sizes.patrols, rounds, sizes_of)


@dataclass(frozen=True)
class Busy:
    """What one page did: main-thread ms a tick; dots and trails that it drew; pixels in a dot's colour."""

    ms: float
    dots: int
    trails: int = 0
    pixels: int = 0


def _report(compared: str, patrols: int, rounds: list[dict[str, Busy]], sizes: tuple[int, int]) -> Report:
    def row(what: str, ours: str, plain: str, goal: float | None = None) -> Row:
        mine, theirs = (median(each[way].ms for each in rounds) for way in (ours, plain))
        ratio = median(each[plain].ms / each[ours].ms for each in rounds)
        met = at_least(ratio, goal) if goal else ()
        return Row(what, f"{mine:,.0f} ms", f"{theirs:,.0f} ms", ratio, *met)

    rows = [
        row("patrols with trails; plain: a callback answers the figure", "map", "figure", FIGURE_GOAL),
        row("the same; plain: bare Plotly.react of that figure", "map", "react"),
    ]
    notes = [f"a tick is {sizes[0] / 1000:,.0f} kB, the figure {sizes[1] / 1000:,.0f} kB"]
    if "leaflet" in rounds[0]:
        rows.append(row("dots alone; plain: dash-leaflet canvas layer", "dots", "leaflet", 1))
    else:
        rows.append(Row("dots alone", f"{median(each['dots'].ms for each in rounds):,.0f} ms"))
        notes.append("dash-leaflet is not installed (pip install dash-leaflet): the dots are not compared with it")
    broken = [
        f"the page '{way}' showed {one.dots:,} dots and {one.trails:,} trails of {patrols:,} patrols"
        for each in rounds
        for way, one in each.items()
        if one.dots < patrols // 2 or (way == "map" and one.trails < patrols // 2)
    ]
    return Report("browser", compared, tuple(rows), tuple(notes), tuple(broken))


@contextmanager
def _browser(chromium: str) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright  # an extra: only this benchmark and the tests need it

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


def _measured(browser: Any, bodies: dict[str, str], way: str, ticks: int) -> Busy:
    """One page of ours or of the plain figure."""
    context = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT})
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.set_default_timeout(PATIENCE_MS)
    page.route("**/*", lambda route: _answer(route, bodies))
    page.goto(f"{ORIGIN}/")
    page.evaluate("([way, count]) => bench.open(way, count)", [way, ticks + 1])
    page.evaluate("bench.tick(0)")
    meter = _meter(context.new_cdp_session(page))
    began = meter()
    for n in range(1, ticks + 1):
        page.evaluate("n => bench.tick(n)", n)
    ms = (meter() - began) / ticks
    shown = page.evaluate("bench.shown()")
    context.close()
    if errors:
        raise Unreachable(f"the page '{way}' failed: {errors[0]}")
    return Busy(ms, shown["dots"], shown["trails"], shown["pixels"])


def _polled(browser: Any, url: str, kind: str, ticks: int) -> Busy:
    """A page that a callback fills anew once a second, over as many answers."""
    context = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT})
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(url)
    page.wait_for_selector("canvas")
    polls = "performance.getEntriesByType('resource').filter((one) => one.name.includes('_dash-update')).length"
    page.wait_for_function(f"{polls} >= 3")
    count = COUNT_DOTS if kind == "leaflet" else COUNT_MARKERS
    page.evaluate(count)  # the first picture stands before anything is counted
    meter = _meter(context.new_cdp_session(page))
    began, first = meter(), page.evaluate(polls)
    page.wait_for_function(f"{polls} >= {first + ticks}")
    ms = (meter() - began) / (page.evaluate(polls) - first)
    dots = page.evaluate(count)
    context.close()
    return Busy(ms, dots)


def _meter(session: Any) -> Callable[[], float]:
    """Milliseconds that the page's main thread has been busy so far."""
    session.send("Performance.enable")

    def read() -> float:
        figures = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
        return float(figures["TaskDuration"]) * 1000

    return read


def _answer(route: Any, bodies: dict[str, str]) -> None:
    """The page, its scripts and its ticks, out of memory; nothing else is fetched."""
    path = route.request.url.removeprefix(ORIGIN).partition("?")[0]
    if path in FILES:
        route.fulfill(path=str(FILES[path]))
    elif path.startswith("/assets/"):
        route.fulfill(path=str(ROOT / path[1:]))
    elif path in bodies:
        route.fulfill(body=bodies[path], content_type="application/json")
    else:
        route.abort()


@contextmanager
def _polled_page(kind: str, folder: str) -> Iterator[str]:
    """The address of one of the plain pages."""
    port = free_port()
    url = f"http://{HOST}:{port}/"
    process = subprocess.Popen(
        [sys.executable, "-m", "app.bench.polled", kind, str(port), folder],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        while not answers(url):
            if process.poll() is not None:
                raise Unreachable(f"the page '{kind}' ended with code {process.returncode}")
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(30)
