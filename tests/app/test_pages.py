"""The pages in a real browser, over a real server and Valkey."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from app import actions
from app import centre as centres
from app.accounts import Viewer
from app.centre import Centre
from app.views import case as case_view
from streams.desk import Desk
from streams.model import Case, State
from tests.app.conftest import PASSWORD
from tests.browsing import IN_BROWSER, MAP, eventually, near, say

OTHER = Viewer("operator", "operator")
pytestmark = IN_BROWSER


def a_fire(desk: Desk) -> Case:
    """A camera alert that became an accepted case."""
    say(desk, "alert", "D-001", category="fire", severity=4, alert="f1", phase="new")
    return desk.queue.open_cases()[0]


PLACE = """(id) => {
  const p = gridpostMap.map.project(gridpostMap.place(id)), r = gridpostMap.map.getContainer().getBoundingClientRect();
  return [r.left + p.x, r.top + p.y];
}"""


def select(page: Page, case: Case) -> None:
    """Click the row of a case and wait for its inspector."""
    page.click(f"#queue .ag-row[row-id='{case.no}']")
    page.wait_for_selector(f"#case-parts[data-no='{case.no}']")


def test_the_button_dispatches_and_undo_withdraws(page: Page, desk: Desk) -> None:
    """A case is selected, the best candidate is on the button, a click sends them, U takes it back."""
    case = a_fire(desk)
    near(desk, "P-001", case)
    select(page, case)
    page.wait_for_selector("#go:not([disabled])")
    page.click("#go")
    page.wait_for_selector("#undo")
    sent = desk.queue.case(case.no)
    assert sent is not None
    assert (sent.state, sent.patrol) == (State.DISPATCHED, "P-001")
    page.keyboard.press("u")
    eventually(page, f"gridpost.state().cases['{case.no}'].state === 'accepted'", "the undo")


def test_a_click_on_a_free_patrol_dispatches_at_once(page: Page, desk: Desk) -> None:
    """With a case selected, a click on the dot of a free patrol sends it."""
    case = a_fire(desk)
    near(desk, "P-002", case, 1500)
    eventually(page, MAP, "the map")
    select(page, case)
    eventually(page, "gridpostPatrols.drawn().dots > 0", "the dot")
    x, y = page.evaluate(PLACE, "P-002")
    page.mouse.click(x, y)
    page.wait_for_selector("#undo")
    sent = desk.queue.case(case.no)
    assert sent is not None
    assert sent.patrol == "P-002"


def test_a_click_on_a_busy_patrol_sends_nothing(page: Page, desk: Desk, centre: Centre) -> None:
    """A patrol on another case is only selected, and the page says so."""
    first = a_fire(desk)
    near(desk, "P-003", first, 1500)
    actions.dispatch(centre, first.no, "P-003", by=OTHER, seen=first.version)
    say(desk, "alert", "D-100", category="fire", severity=4, alert="f2", phase="new")
    second = next(case for case in desk.queue.open_cases() if case.no != first.no)
    eventually(page, MAP, "the map")
    select(page, second)
    eventually(page, "gridpostPatrols.drawn().dots > 0", "the dot")
    x, y = page.evaluate(PLACE, "P-003")
    page.mouse.click(x, y)
    page.wait_for_selector("#toasts .toast:has-text('不会改派')")  # in one look: it goes after 4 s
    untouched = desk.queue.case(second.no)
    assert untouched is not None
    assert untouched.state is State.ACCEPTED


def test_who_was_faster_is_told_in_place_of_the_button(page: Page, desk: Desk, centre: Centre) -> None:
    """Somebody else dispatches between the look and the click: who, what and which version is said; nothing changes."""
    case = a_fire(desk)
    near(desk, "P-004", case)
    near(desk, "P-005", case, 4000)
    select(page, case)
    page.wait_for_selector("#go:not([disabled])")

    def overtake(route: Any) -> None:
        actions.dispatch(centre, case.no, "P-005", by=OTHER, seen=case.version)
        route.continue_()

    page.route("**/api/v1/cases/*/dispatch", overtake)
    page.click("#go")
    page.wait_for_selector(".refusal")
    said = page.inner_text(".refusal")
    assert "接线员先一步处理了这件" in said
    assert "你的操作没有改动任何内容" in said
    kept = desk.queue.case(case.no)
    assert kept is not None
    assert kept.patrol == "P-005"


def test_my_own_act_that_was_already_done_is_no_refusal(page: Page, desk: Desk, centre: Centre) -> None:
    """The same person sent the same patrol a moment before: that counts as sent, not as somebody being faster."""
    case = a_fire(desk)
    near(desk, "P-004", case)
    select(page, case)
    page.wait_for_selector("#go:not([disabled])")

    def twice(route: Any) -> None:
        actions.dispatch(centre, case.no, "P-004", by=Viewer("supervisor", "supervisor"), seen=case.version)
        route.continue_()

    page.route("**/api/v1/cases/*/dispatch", twice)
    page.click("#go")
    page.wait_for_selector("#undo")
    assert page.query_selector(".refusal") is None


def test_a_slow_answer_takes_no_second_click(page: Page, desk: Desk) -> None:
    """While the answer is awaited the button is off and Enter does nothing: one request, one dispatch."""
    case = a_fire(desk)
    near(desk, "P-004", case)
    select(page, case)
    page.wait_for_selector("#go:not([disabled])")
    asked: list[Any] = []
    page.route("**/api/v1/cases/*/dispatch", lambda route: asked.append(route))
    page.click("#go")
    page.wait_for_selector("#go[disabled]")
    page.keyboard.press("Enter")
    assert len(asked) == 1
    asked[0].continue_()
    page.wait_for_selector("#undo")
    page.keyboard.press("Enter")
    assert len(asked) == 1


def test_person_and_post_follow_the_chosen_candidate(page: Page, desk: Desk, centre: Centre) -> None:
    """Key 2 chooses the second: the fixes name that patrol and its post."""
    case = a_fire(desk)
    near(desk, "P-004", case)
    near(desk, "P-005", case, 4000)
    select(page, case)
    page.wait_for_selector("[data-candidate='1']")
    eventually(page, "document.querySelector('#go') && !document.querySelector('#go').disabled", "the button")
    second = page.get_attribute("[data-candidate='1']", "data-patrol")
    page.keyboard.press("2")
    known = centre.register.patrols[str(second)]
    assert page.inner_text("[data-fix=person] span") == f"{known.name} (2)"
    assert page.inner_text("[data-fix=post] span") == known.post


def test_a_report_is_verified_and_accepted_by_one_key(page: Page, desk: Desk) -> None:
    """Enter on a reported case verifies and accepts it; the next act is to dispatch."""
    say(
        desk,
        "report",
        "hotline-12345",
        category="exposed_rubbish",
        text="垃圾，电话 13812345678",
        lon=119.17,
        lat=34.94,
    )
    case = desk.queue.open_cases()[0]
    assert case.state is State.REPORTED
    select(page, case)
    assert "138****5678" in page.inner_text(".log")
    assert "13812345678" not in page.content()
    page.keyboard.press("Enter")
    eventually(page, f"gridpost.state().cases['{case.no}'].state === 'accepted'", "the acceptance")


def test_the_wall_says_what_needs_action_and_shows_the_pin(page: Page, desk: Desk) -> None:
    """The sentence counts, the list has the case with a running clock, the map has its pin."""
    a_fire(desk)
    page.goto("/wall")
    eventually(page, MAP, "the map")
    page.wait_for_selector("#urgent-rows .sla")
    first = page.inner_text("#urgent-rows .left-time b")
    eventually(page, f"document.querySelector('#urgent-rows .left-time b').textContent !== '{first}'", "the clock")
    eventually(page, "gridpostMap.map.queryRenderedFeatures({layers: ['live-cases']}).length === 1", "the pin")


def test_the_wall_counts_only_what_waits_to_be_dispatched_and_names_who_supervises(page: Page, desk: Desk) -> None:
    """Two open cases, one still to verify: 待派 is 1. The one whose clocks broke names the duty leader."""
    case = a_fire(desk)
    say(desk, "report", "hotline", category="exposed_rubbish", text="垃圾", lon=119.17, lat=34.94)
    desk.queue.look(desk.now() + timedelta(minutes=12))  # 240 % of the five minutes to respond
    leader = centres.current().org.person_for(3, case.grids)
    assert leader is not None
    page.goto("/wall")
    page.wait_for_selector("#n-waiting")
    eventually(page, "document.querySelector('#n-waiting').textContent === '1'", "one to dispatch")
    page.wait_for_selector("#urgent-rows .above")
    assert page.inner_text("#urgent-rows .above") == f"督办：值班领导 {leader.name}"


def test_the_days_heat_map_shows_all_grids_on_a_big_screen(page: Page, desk: Desk) -> None:
    """At 3840 the map is fitted to its panel, not to the one of an ordinary screen."""
    a_fire(desk)
    page.set_viewport_size({"width": 3840, "height": 2160})
    page.goto("/daily")
    height = "((m, b) => m.project([b[0], b[1]]).y - m.project([b[2], b[3]]).y)"
    both = "f.map, gridpost.directory().bounds"
    shown = f"(f => f && {height}({both}) / f.map.getContainer().clientHeight)(gridpostMap.mapOf('day-map'))"
    eventually(page, f"{shown} > 0.8 && {shown} <= 1", "the town fills the panel")


def test_a_dead_feed_is_said_and_dispatching_stops(page: Page, desk: Desk) -> None:
    """No heartbeat for 15 s: the amber band, and the button says why it is off; clocks go on."""
    case = a_fire(desk)
    near(desk, "P-006", case)
    select(page, case)
    page.wait_for_selector("#go:not([disabled])")
    page.evaluate(
        "Object.defineProperty(gridpost.link(), 'heard', {get: () => Date.now() - 16000, set: () => undefined})"
    )
    page.wait_for_selector("html.feed-down", state="attached")
    assert page.is_disabled("#go")
    assert "数据中断" in page.inner_text("#band")


def test_the_daily_report_counts_todays_cases(page: Page, desk: Desk) -> None:
    """One case came in: the headline says so, and yesterday is not mentioned because it has none."""
    a_fire(desk)
    page.goto("/daily")
    page.wait_for_selector(".report h1")
    assert "流入 1 件" in page.inner_text(".report h1")
    assert "昨日" not in page.inner_text(".kpis")
    yesterday = (desk.now() - timedelta(days=1)).date().isoformat()
    page.goto(f"/daily?day={yesterday}")
    page.wait_for_selector(".report h1")
    assert "这一天没有案件" in page.inner_text(".report h1")


def test_a_filter_shows_what_was_chosen_and_escape_takes_one_thing_at_a_time(page: Page, desk: Desk) -> None:
    """The chosen district is whole and alone in its field; Esc closes the layers, then the filter, then the case."""
    case = a_fire(desk)
    select(page, case)
    page.click("#filter-district")
    page.click("[role=option]:visible >> nth=0")
    page.keyboard.press("Escape")
    eventually(page, "document.querySelector('#filter-district').placeholder === ''", "no placeholder beside the pill")
    label = "document.querySelector('.filter .mantine-Pill-label')"
    assert page.evaluate(f"{label}.scrollWidth <= {label}.clientWidth + 1")
    page.evaluate("document.activeElement.blur()")
    page.click(".layers summary")
    page.keyboard.press("Escape")
    assert not page.evaluate("document.querySelector('.layers').open")
    assert page.query_selector(".filter .mantine-Pill-label") is not None
    page.keyboard.press("Escape")
    eventually(page, "!document.querySelector('.filter .mantine-Pill-label')", "the filter cleared")
    assert page.query_selector("#case-parts") is not None
    page.keyboard.press("Escape")
    eventually(page, "!document.querySelector('#case-parts')", "the selection cleared")


def test_english_stays_when_asked_for_once(page: Page) -> None:
    """?lang=en speaks English, and so does the next page."""
    page.goto("/dispatch?lang=en")
    page.wait_for_selector("#tab-mine")
    assert "For me" in page.inner_text("#tab-mine")
    page.goto("/daily")
    page.wait_for_selector(".report h1")
    assert "No case came in" in page.inner_text(".report h1")


def test_a_wrong_password_is_told_in_words(browser: Browser, served: str) -> None:
    """The sign-in page says what was wrong, in both languages, and names neither part."""
    for lang, words in (("zh", "用户名或密码不对"), ("en", "The name or the password is wrong")):
        context = browser.new_context(base_url=served)
        tab = context.new_page()
        tab.goto(f"/sign-in?lang={lang}")
        tab.fill("[name=name]", "supervisor")
        tab.fill("[name=password]", "not the password")
        tab.press("[name=password]", "Enter")
        tab.wait_for_selector("#wrong")
        assert words in tab.inner_text("#wrong")
        context.close()


def test_a_leader_looks_and_cannot_act(browser: Browser, served: str, desk: Desk) -> None:
    """The role that only looks sees the case and a button that says so."""
    case = a_fire(desk)
    context = browser.new_context(base_url=served, viewport={"width": 1600, "height": 1000})
    tab = context.new_page()
    tab.goto("/sign-in?next=/dispatch")
    tab.fill("[name=name]", "leader")
    tab.fill("[name=password]", PASSWORD)
    tab.press("[name=password]", "Enter")
    tab.wait_for_url("**/dispatch")
    select(tab, case)
    tab.wait_for_selector("#go")
    assert tab.is_disabled("#go")
    assert "只能查看" in tab.inner_text("#go")
    context.close()


def test_a_callback_that_fails_is_told_with_its_id(
    page: Page, desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The inspector cannot be made: the supervisor reads so in words, and the log has the same id."""
    case = a_fire(desk)
    eventually(page, MAP, "the page is live")

    def broken(_: Any) -> Any:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(case_view, "inspector", broken)
    page.click(f"#queue .ag-row[row-id='{case.no}']")
    page.wait_for_selector("#toasts .toast.warn")
    said = page.inner_text("#toasts .toast.warn")
    assert said.startswith("出错了")
    assert "RuntimeError" not in page.content()
    (found,) = re.findall(r"编号 (\w{8})", said)
    assert f"error {found} in a callback" in caplog.text
