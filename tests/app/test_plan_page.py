"""The plan in a real browser: asked for, looked at, one left out, the rest sent; a refusal is told in its row."""

from __future__ import annotations

from playwright.sync_api import Page

from streams.desk import Desk
from streams.model import Case, State
from streams.refusals import Act
from tests.browsing import IN_BROWSER, MAP, eventually, near, say

pytestmark = IN_BROWSER


def two_cases(desk: Desk) -> list[Case]:
    """Two fires far from each other, and a patrol near each."""
    desk.queue.register(desk.register.patrols)
    for device, patrol in (("D-001", "P-001"), ("D-100", "P-002")):
        say(desk, "alert", device, category="fire", severity=4, alert=f"a-{device}", phase="new")
        case = next(each for each in desk.queue.open_cases() if each.device == device)
        near(desk, patrol, case)
    return desk.queue.open_cases()


def state(desk: Desk, no: str) -> State:
    """Where the case stands now."""
    case = desk.queue.case(no)
    assert case is not None
    return case.state


def test_the_plan_sends_what_was_agreed_to_and_tells_what_somebody_took(page: Page, desk: Desk) -> None:
    """Two lines; the first is taken by another meanwhile: its row says by whom, the second is sent."""
    cases = two_cases(desk)
    eventually(page, MAP, "the page is live")
    page.click("#plan")
    page.wait_for_selector("#plan-send:focus")
    assert page.locator("#plan-dialog tr[data-i]").count() == 2
    first = cases[0]
    matter = desk.matters.matters[first.matter]
    taken = Act(first.no, "dispatch", "王海涛", "supervisor", "r", first.version, "P-003", "岗", matter=matter)
    desk.queue.act(taken, desk.now())
    page.click("#plan-send")
    eventually(page, "document.querySelectorAll('#plan-dialog tr.done').length === 2", "both rows are answered")
    assert "王海涛" in page.inner_text("#plan-dialog tr.refused")
    assert {state(desk, case.no) for case in cases} == {State.DISPATCHED}
    page.click("#plan-close")
    assert not page.is_visible("#plan-dialog")


def test_what_is_unticked_is_not_sent(page: Page, desk: Desk) -> None:
    """By keyboard: untick one, send, and only the other goes."""
    cases = two_cases(desk)
    eventually(page, MAP, "the page is live")
    page.focus("#plan")
    page.keyboard.press("Enter")
    page.wait_for_selector("#plan-send:focus")
    page.focus("#plan-0")
    page.keyboard.press("Space")
    page.focus("#plan-send")
    page.keyboard.press("Enter")
    eventually(page, "document.querySelectorAll('#plan-dialog tr.done').length === 1", "one row is answered")
    assert sorted(state(desk, case.no).value for case in cases) == ["accepted", "dispatched"]
