"""/scores in a browser: the list, the points behind a score, both languages, and who may not see it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from fastapi.testclient import TestClient
from playwright.sync_api import Page

from tests.app.test_scores import WRONG, work
from tests.browsing import IN_BROWSER

pytestmark = IN_BROWSER


def test_a_score_opens_to_its_points(page: Page, web: TestClient, as_role: Callable[[str], dict[str, str]]) -> None:
    """The list names the patrol; a click shows every point with its act, the correction with its reason; in English."""
    headers = as_role("supervisor")
    no = work(web, headers)
    web.post("/api/v1/scores/corrections", json=WRONG, headers=headers)
    page.goto("/daily")
    page.click("nav >> text=考评")
    page.wait_for_selector(".scores h1")
    assert "1 个得分对象" in page.inner_text(".scores h1")
    _shot(page, "scores")
    page.click(".scores table a")
    page.wait_for_selector(".scores code")
    assert no in page.inner_text(".scores table")
    assert "更正（supervisor）：错记" in page.inner_text(".scores table")
    _shot(page, "scores-points")
    page.click(".lang >> text=EN")
    page.wait_for_selector(".scores h1:has-text('The points of')")
    page.click("text=Squads")
    page.wait_for_selector(".scores h1:has-text('with points')")
    page.click("#scores-form button")  # another span is shown of the same kind, in the same language
    page.wait_for_url("**from=*")
    page.wait_for_selector(".scores nav a.on:has-text('Squads')")
    page.fill("#scores-form [name=from]", "2999-01-01")
    page.click("#scores-form button")
    page.wait_for_selector(".scores [role=alert]")
    assert "2999-01-01" in page.inner_text(".scores [role=alert]")


def _shot(page: Page, name: str) -> None:
    folder = os.environ.get("SCREENSHOTS")
    if folder:
        page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)
