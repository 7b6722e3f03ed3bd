"""The browser: main-thread time a tick on the real map code, against redrawing the whole figure, and against Leaflet.

`assets/map.js` is fed 5,000 patrols with their trails over the county's grids in a headless Chromium, which draws in
software: read the ratios. A tick is decoded from text, folded and drawn until the map is still; what is counted is the
time the page's main thread was busy (`TaskDuration` of the DevTools protocol, without the commands that drive and ask
the page), for each way on a page of its own. The plain way is what a Dash app does first: a callback that answers with
the whole figure of grids, trails and dots, asked again when its map is still. The bare `Plotly.react` with the same
figure, without Dash around it, is given too. The dots alone are compared with a dash-leaflet canvas layer that a
callback fills once a second.
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
from pathlib import Path
from statistics import median
from typing import Any

import plotly

from app.bench import Report, Row, at_least
from app.bench.county import county
from app.bench.feed import answers
from app.bench.walks import HEIGHT, WIDTH, Town
from app.config import ROOT
from geo.grids import load
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
FIGURE_GOAL = 4
PATIENCE_MS = 60_000
COUNT_DOTS = """async () => {
  const drawn = new Set(), canvas = CanvasRenderingContext2D.prototype, arc = canvas.arc;
  canvas.arc = function (x, y, ...rest) { drawn.add(x + " " + y); return arc.call(this, x, y, ...rest); };
  await new Promise((later) => setTimeout(later, 3000));
  canvas.arc = arc;
  return drawn.size;
}"""
"""Leaflet draws a dot as an arc; those drawn within three polls are what is on the canvas."""
ASK_FIGURE = """async (n) => {
  const plot = document.querySelector(".js-plotly-plot"), map = plot._fullLayout.map._subplot.map;
  const wait = (ms) => new Promise((later) => setTimeout(later, ms));
  const plotted = new Promise((done) => plot.once("plotly_afterplot", done));
  let drawn = performance.now();
  const note = () => { drawn = performance.now(); };
  map.on("render", note);
  await wait(0);   // what follows is the page's own work, not that of the command that asked for it
  dash_clientside.set_props("poll", {n_intervals: n});
  await plotted;
  for (let n = 0; n < 3; n++) await new Promise((seen) => requestAnimationFrame(seen));
  while (performance.now() - drawn < 400 || !map.loaded()) await wait(50);
  map.off("render", note);
  const found = (layers) => map.queryRenderedFeatures({layers}).length;
  const ids = map.getStyle().layers.map((one) => one.id);
  return [found(ids.filter((id) => /plotly-trace-.*-circle/.test(id))),
          found(ids.filter((id) => /plotly-trace-.*-line/.test(id)))];
}"""
"""One press of the plain page's callback, until its map is still, as for ours; then what is on the map."""


@dataclass(frozen=True)
class Sizes:
    """Patrols, ticks a page, rounds; the map in pixels."""

    patrols: int = 5_000
    ticks: int = 6
    rounds: int = 3
    map: tuple[int, int] = (WIDTH, HEIGHT)


QUICK = Sizes(ticks=3, rounds=1)


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
    town = Town(load(made / "grids.geojson"), base, sizes.patrols, seed, sizes.map)
    bodies = town.bodies(sizes.ticks + 1)
    with tempfile.TemporaryDirectory(prefix="gridpost-bench-") as folder, _browser(chromium) as browser:
        for path, body in bodies.items():
            (Path(folder) / f"{path[1:].replace('/', '-').removesuffix('.json')}.json").write_text(body, "utf-8")
        plain = [kind for kind in ("figure", "leaflet") if kind == "figure" or importlib.util.find_spec("dash_leaflet")]
        rounds: list[dict[str, Busy]] = []
        for _ in range(sizes.rounds):
            found = {way: _measured(browser, bodies, way, sizes) for way in ("map", "dots")}
            found["react"] = _measured(browser, bodies, "figure", sizes)
            for kind in plain:
                with _polled_page(kind, folder) as url:
                    found[kind] = (_asked if kind == "figure" else _polled)(browser, url, sizes)
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
        f"the page '{way}' drew {one.dots:,} dots, {one.trails:,} pieces of trails and {one.pixels:,} pixels of dots "
        f"for {patrols:,} patrols"
        for each in rounds
        for way, one in each.items()
        if one.dots < patrols // 2
        or (way == "map" and one.trails < patrols)
        or (way in ("figure", "react") and not one.trails)
        or (way in ("map", "dots", "react") and one.pixels < patrols)
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


def _opened(browser: Any, size: tuple[int, int]) -> tuple[Any, Any]:
    """A context of its own, and a page of that size in it."""
    context = browser.new_context(viewport={"width": size[0], "height": size[1]})
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    return context, page


def _measured(browser: Any, bodies: dict[str, str], way: str, sizes: Sizes) -> Busy:
    """One page of ours or of the plain figure."""
    (context, page), ticks = _opened(browser, sizes.map), sizes.ticks
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
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


def _polled(browser: Any, url: str, sizes: Sizes) -> Busy:
    """The dash-leaflet page that a callback fills anew once a second, over as many answers."""
    (context, page), ticks = _opened(browser, sizes.map), sizes.ticks
    page.goto(url)
    page.wait_for_selector("canvas")
    polls = "performance.getEntriesByType('resource').filter((one) => one.name.includes('_dash-update')).length"
    page.wait_for_function(f"{polls} >= 3")
    page.evaluate(COUNT_DOTS)  # the first picture stands before anything is counted
    meter = _meter(context.new_cdp_session(page))
    began, first = meter(), page.evaluate(polls)
    page.wait_for_function(f"{polls} >= {first + ticks}")
    ms = (meter() - began) / (page.evaluate(polls) - first)
    dots = page.evaluate(COUNT_DOTS)
    context.close()
    return Busy(ms, dots)


def _asked(browser: Any, url: str, sizes: Sizes) -> Busy:
    """The Dash page whose callback answers with the whole figure, asked again each time its map is still."""
    (context, page), ticks = _opened(browser, sizes.map), sizes.ticks
    page.goto(url)
    page.wait_for_function(
        "(() => { const p = document.querySelector('.js-plotly-plot'), m = p && p._fullLayout && p._fullLayout.map; "
        "return !!(m && m._subplot && m._subplot.map && m._subplot.map.loaded()); })()"
    )
    page.evaluate(ASK_FIGURE, 1)  # the first picture stands before anything is counted
    meter = _meter(context.new_cdp_session(page))
    began, dots, trails = meter(), 0, 0
    for n in range(2, ticks + 2):
        dots, trails = page.evaluate(ASK_FIGURE, n)
    ms = (meter() - began) / ticks
    context.close()
    return Busy(ms, dots, trails)


def _meter(session: Any) -> Callable[[], float]:
    """Milliseconds that the page's main thread has been busy so far, but for the commands that drive and ask it."""
    session.send("Performance.enable")

    def read() -> float:
        figures = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
        return float(figures["TaskDuration"] - figures["DevToolsCommandDuration"]) * 1000

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
