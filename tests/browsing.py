"""What tests in a real browser share: which one, how it is started, and how a test speaks to a page and for devices."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest
from playwright.sync_api import Page

from streams import ingest
from streams.desk import Desk
from streams.model import Case
from streams.mqtt import Batch, Message

CHROMIUM = shutil.which("chromium")
FLAGS = [
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
IN_BROWSER = [
    pytest.mark.browser,
    pytest.mark.usefixtures("open_now"),
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed (apt-get install chromium)"),
]
MAP = "!!(window.gridpostMap && gridpostMap.map && gridpostMap.map.getLayer('live-patrols') && gridpost.link().heard)"


def say(desk: Desk, kind: str, device: str, **body: Any) -> None:
    """One native message, through ingest."""
    now = desk.now()
    payload = {"id": f"{kind}-{device}-{now.timestamp()}", "at": now.isoformat()} | body
    message = Message(f"gridpost/{desk.site}/{kind}/{device}", json.dumps(payload).encode(), now)
    ingest.finish(Batch((message,), lambda: None), ingest.sort((message,), desk), desk)


def near(desk: Desk, patrol: str, case: Case, metres: float = 900) -> None:
    """A patrol's fix some way east of the case."""
    assert case.lon is not None
    assert case.lat is not None
    say(desk, "position", patrol, lon=case.lon + metres / 91_000, lat=case.lat)


def eventually(page: Page, expression: str, what: str) -> Any:
    """Polls an expression: the pages' policy forbids the eval that Playwright's own waiting uses."""
    for _ in range(600):
        found = page.evaluate(expression)
        if found:
            return found
        page.wait_for_timeout(100)
    return pytest.fail(f"not within a minute: {what}")
