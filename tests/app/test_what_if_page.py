"""/what-if in a browser: the form asks, the progress is told, the answer stands at an address of its own."""

from __future__ import annotations

from playwright.sync_api import Page

from app.what_if_rows import ROWS
from tests.app.archived import archived
from tests.browsing import IN_BROWSER, eventually

__all__ = ["archived"]  # a fixture
pytestmark = IN_BROWSER


def test_a_day_is_asked_for_and_shown_side_by_side(page: Page, archived: str) -> None:
    """The form asks, the progress is told, and the answer has an address of its own with table and curves."""
    page.goto("/what-if")
    page.wait_for_selector("#what-if-run")
    page.fill("#wi-patrols", "1")
    page.click("#what-if-run")
    eventually(page, "!document.getElementById('what-if-progress').hidden", "the progress")
    page.wait_for_url("**/what-if?id=*", timeout=120_000)
    page.wait_for_selector(".wi-table tbody tr")
    assert page.locator(".wi-table tbody tr").count() == len(ROWS)
    assert page.locator(".wi-table tr:has-text('立案') td.real b").inner_text() == "3"
    assert page.evaluate("document.querySelector('.wi-curve').naturalWidth") > 0
    assert page.input_value("#wi-patrols") == "1"
    assert "undefined" not in page.locator("#what-if-page").inner_text()


def test_the_daily_report_leads_there(page: Page, archived: str) -> None:
    """With its day."""
    page.goto(f"/daily?day={archived}")
    page.click("nav >> text=推演")
    page.wait_for_url(f"**/what-if?day={archived}")
