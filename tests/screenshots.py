"""Pictures of every page from a living town, to be looked at: `make screenshots`.

Writes `build/screenshots/<page>-<lang>-<width>.png` and renews the README's picture, `docs/dispatch.png`.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.app.test_cli import demo  # noqa: E402  # the checkout is put on the path first
from tests.browsing import CHROMIUM, FLAGS, MAP  # noqa: E402  # the same

OUT = ROOT / "build" / "screenshots"
SIZES = ((1920, 1080), (3840, 2160))
PAGES = ("dispatch", "wall", "daily")
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True, "has_touch": True,
}  # fmt: skip


def main() -> None:
    """Run a demo, let its town live and its patrols be sent, and photograph it, the past too."""
    OUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, demo(Path(folder)) as (ready, _), sync_playwright() as kit:
        enliven(ready)
        ready["what_if"] = tried(ready)
        browser = kit.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for width, height in SIZES:
            for lang in ("zh", "en"):
                photograph(browser, ready, width, height, lang)
        for lang in ("zh", "en"):
            photograph_phone(browser, ready, lang)
        browser.close()
    (ROOT / "docs" / "dispatch.png").write_bytes((OUT / "dispatch-zh-1920.png").read_bytes())
    print(f"{len(list(OUT.glob('*.png')))} pictures in {OUT.relative_to(ROOT)}")  # noqa: T201  # a script


def enliven(ready: dict[str, Any]) -> None:
    """Wait for cases, send somebody to the first three, and wait until they are on their way."""
    token = next(user["token"] for user in ready["users"] if user["role"] == "supervisor")
    with httpx2.Client(base_url=ready["url"], headers={"Authorization": f"Bearer {token}"}) as api:

        def waiting() -> list[dict[str, Any]]:
            cases: list[dict[str, Any]] = api.get("/api/v1/cases?state=accepted").json()["items"]
            return [case for case in cases if case["grid"]]

        until(lambda: len(waiting()) >= 4, 240, "four cases to dispatch")
        patrols = [p["id"] for p in api.get("/api/v1/patrols?limit=200").json()["items"] if p.get("state") == "free"]
        for case, patrol in zip(waiting()[1:], patrols[::9], strict=False):
            api.post(f"/api/v1/cases/{case['no']}/dispatch", json={"version": case["version"], "patrol": patrol})
        case, phone = waiting()[-1], next(user["patrol"] for user in ready["users"] if user["role"] == "field")
        api.post(f"/api/v1/cases/{case['no']}/dispatch", json={"version": case["version"], "patrol": phone})
        until(lambda: api.get("/api/v1/cases?state=on_the_way").json()["items"], 120, "somebody on the way")


def tried(ready: dict[str, Any]) -> str:
    """Have what the archive has of today played with two more patrols; the address of the answer."""
    token = next(user["token"] for user in ready["users"] if user["role"] == "supervisor")
    asked = {"day": time.strftime("%Y-%m-%d", time.gmtime(time.time() + 8 * 3600)), "more_patrols": 2, "policy": "best"}
    with httpx2.Client(base_url=ready["url"], headers={"Authorization": f"Bearer {token}"}, timeout=60) as api:
        until(lambda: api.post("/api/v1/what-if", json=asked).status_code < 300, 120, "a day in the archive")
        said = api.post("/api/v1/what-if", json=asked).json()
        until(lambda: api.get(said["url"]).json()["state"] == "done", 300, "the what-if")
    return str(said["page"])


def until(condition: Callable[[], object], seconds: float, what: str) -> None:
    """Return when the condition holds; end the script when it does not in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            sys.exit(f"not within {seconds:g} s: {what}")
        time.sleep(0.5)


def photograph(browser: Browser, ready: dict[str, Any], width: int, height: int, lang: str) -> None:
    """Every page at one size in one language, by a signed-in supervisor."""
    context = browser.new_context(viewport={"width": width, "height": height}, base_url=ready["url"])
    page = signed_in(context, ready, "supervisor", lang, OUT / f"sign-in-{lang}-{width}.png")
    page.wait_for_url("**/dispatch*")
    for name in PAGES:
        page.goto(f"/{name}?lang={lang}")
        if name == "daily":
            page.wait_for_selector(".daily-map .maplibregl-canvas, #daily-page canvas")
            page.wait_for_timeout(4000)
        else:
            drawn(page)
        if name == "dispatch":
            page.locator("#queue .ag-row:has-text('待派'), #queue .ag-row:has-text('To dispatch')").first.click()
            page.wait_for_selector("#case-parts")
            page.wait_for_timeout(1500)  # the picture is of a page at rest: glides and fades have ended
        page.screenshot(path=OUT / f"{name}-{lang}-{width}.png", full_page=name == "daily")
    page.goto(f"{ready['what_if']}&lang={lang}")
    page.wait_for_selector(".wi-table")
    page.screenshot(path=OUT / f"what-if-{lang}-{width}.png", full_page=True)
    for name in ("dispatch", "wall", "replay"):
        photograph_past(page, name, lang, OUT / f"{name}-past-{lang}-{width}.png")
    context.close()


def photograph_past(page: Page, name: str, lang: str, picture: Path) -> None:
    """A page as it was two minutes ago; on /replay somebody on a case is followed."""
    then = datetime.now(UTC) - timedelta(minutes=2)
    page.goto(f"/{name}?lang={lang}&at={then:%Y-%m-%dT%H:%M:%SZ}")
    drawn(page)
    until(lambda: page.evaluate("!!gridpost.past()"), 60, "the past")
    if name == "replay":
        sent = "(Object.values(gridpost.state().patrols).find((one) => one.case) || {id: 'P-001'}).id"
        patrol = page.evaluate(sent)
        page.fill("#past-find", patrol)
        page.click(f"[data-patrol='{patrol}']")
        page.fill("#past-find", "")
        page.wait_for_selector(".walk-figures")
    page.wait_for_timeout(3000)  # the picture is of a page at rest
    page.screenshot(path=picture)


def photograph_phone(browser: Browser, ready: dict[str, Any], lang: str) -> None:
    """The phone page with the task that its patrol was sent, as it is seen and as a whole."""
    context = browser.new_context(**PHONE, base_url=ready["url"])
    page = signed_in(context, ready, "field", lang)
    page.wait_for_url("**/field*")
    page.wait_for_selector("article .map svg")
    page.wait_for_timeout(5000)  # until the toast of the new task is gone
    page.screenshot(path=OUT / f"field-{lang}-390.png")
    page.screenshot(path=OUT / f"field-{lang}-390-whole.png", full_page=True)
    context.close()


def signed_in(
    context: BrowserContext, ready: dict[str, Any], role: str, lang: str, picture: Path | None = None
) -> Page:
    """A page of somebody of that role; `picture`: where to photograph the sign-in page."""
    user = next(user for user in ready["users"] if user["role"] == role)
    context.set_default_timeout(120_000)
    page = context.new_page()
    page.goto(f"/sign-in?lang={lang}")
    if picture:
        page.screenshot(path=picture)
    page.fill("[name=name]", user["name"])
    page.fill("[name=password]", user["password"])
    page.press("[name=password]", "Enter")
    return page


def drawn(page: Page) -> None:
    """Return when the map has drawn its tiles and the first patrols."""
    until(lambda: page.evaluate(MAP), 120, "the map")
    tiles = "gridpostMap.map.areTilesLoaded() && gridpostMap.map.isStyleLoaded()"
    until(lambda: page.evaluate(tiles), 120, "its tiles")
    page.wait_for_timeout(3000)


if __name__ == "__main__":
    main()
