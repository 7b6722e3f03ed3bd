"""What operators and supervisors do to cases on /dispatch beside the next step: the menu, its forms, requests, undo."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from app import actions
from app.accounts import Viewer
from app.centre import Centre
from streams import ingest
from streams.model import Case, State
from streams.mqtt import Batch, Message
from tests.app.conftest import PASSWORD
from tests.browsing import IN_BROWSER, MAP, eventually
from tests.conftest import wait_until

SUPERVISOR = Viewer("supervisor", "supervisor")
HAN = re.compile(r"[\u4e00-\u9fff]")
pytestmark = IN_BROWSER


@pytest.fixture
def at_desk(browser: Browser, served: str) -> Iterator[Callable[..., Page]]:
    """Signs somebody in, each in a browser context of their own; fails when a page wrote an error of a script."""
    contexts, errors = [], []

    def sign_in(name: str, lang: str = "zh", width: int = 1600, height: int = 1000) -> Page:
        context = browser.new_context(viewport={"width": width, "height": height}, base_url=served)
        context.set_default_timeout(60_000)
        contexts.append(context)
        tab = context.new_page()
        tab.on("pageerror", lambda error: errors.append(str(error)))
        tab.goto(f"/sign-in?lang={lang}&next=/dispatch")
        tab.fill("[name=name]", name)
        tab.fill("[name=password]", PASSWORD)
        tab.press("[name=password]", "Enter")
        tab.wait_for_url("**/dispatch")
        return tab

    yield sign_in
    for context in contexts:
        context.close()
    assert not errors


def say(centre: Centre, kind: str, device: str, **body: Any) -> None:
    """One native message, through ingest."""
    desk, now = centre.desk(), centre.now()
    payload = {"id": f"{kind}-{device}-{now.timestamp()}", "at": now.isoformat()} | body
    message = Message(f"gridpost/{desk.site}/{kind}/{device}", json.dumps(payload).encode(), now)
    ingest.finish(Batch((message,), lambda: None), ingest.sort((message,), desk), desk)


def a_report(centre: Centre, lon: float = 119.17, lat: float = 34.94, category: str = "exposed_rubbish") -> Case:
    """A case that a resident reported, to be verified."""
    before = {case.no for case in centre.queue.open_cases()}
    say(centre, "report", "hotline-12345", category=category, text="reported", lon=lon, lat=lat)
    return next(case for case in centre.queue.open_cases() if case.no not in before)


def accepted(centre: Centre, category: str = "exposed_rubbish") -> Case:
    """A reported case, verified and accepted."""
    case = a_report(centre, category=category)
    for name in ("verify", "accept"):
        case = act(centre, case, name)
    return case


def act(centre: Centre, case: Case, name: str, **given: Any) -> Case:
    """An act of the supervisor, past the page."""
    return actions.act(centre, case.no, name, by=SUPERVISOR, seen=now_is(centre, case).version, **given).case


def now_is(centre: Centre, case: Case) -> Case:
    """The case as Redis has it."""
    found = centre.queue.case(case.no)
    assert found is not None
    return found


def select(page: Page, case: Case, tab: str = "open") -> None:
    """Open the tab, click the row of a case and wait for what can be done to it."""
    page.click(f"[data-tab={tab}]")
    page.click(f"#queue .ag-row[row-id='{case.no}']")
    ready(page, case)


def ready(page: Page, case: Case, version: int = 0) -> None:
    """Wait until the inspector shows the case (at least at that version) and takes acts."""
    shown = f"document.querySelector(\"#case-parts[data-no='{case.no}']\")"
    eventually(page, f"{shown} && +{shown}.dataset.version >= {version}", f"version {version} in the inspector")
    eventually(page, "!/…|^$/.test((document.querySelector('#go') || {innerText: ''}).innerText)", "the button")
    eventually(page, "gridpost.link().heard && !gridpost.down()", "the feed: without it no act is taken")


def choose(page: Page, name: str) -> None:
    """Open the menu and choose an act."""
    page.click("#more")
    page.click(f".menu [data-act={name}]")


def becomes(centre: Centre, case: Case, state: State) -> Case:
    """Wait until the case is in the state."""
    wait_until(lambda: now_is(centre, case).state is state, 30, f"{case.no} {state}")
    return now_is(centre, case)


def test_the_keyboard_alone_suspends_and_resumes(at_desk: Callable[..., Page], centre: Centre) -> None:
    """J selects, S opens the form with the focus in it, Enter sends: clocks stand still; Enter again resumes."""
    case, page = accepted(centre), at_desk("supervisor")
    page.wait_for_selector(f"#queue .ag-row[row-id='{case.no}']")
    page.keyboard.press("j")
    ready(page, case)
    page.keyboard.press("s")
    page.wait_for_selector(".act-form textarea:focus")
    page.keyboard.press("Enter")
    page.wait_for_selector(".form-error:visible")
    assert "还缺" in page.inner_text(".form-error")
    page.keyboard.type("等待天气转好")
    page.keyboard.press("Enter")
    case = becomes(centre, case, State.SUSPENDED)
    assert all(clock.paused for clock in case.clocks if clock.done is None)
    ready(page, case, case.version)
    assert "暂停" in page.inner_text(".limits .still")
    assert "等待天气转好" in page.inner_text(".aside")
    page.keyboard.press("Enter")
    becomes(centre, case, State.ACCEPTED)


def test_an_operator_asks_and_a_supervisor_approves(at_desk: Callable[..., Page], centre: Centre) -> None:
    """What the operator may not do is asked for; the supervisor's screen shows it, and approving does it."""
    case, operator, supervisor = accepted(centre), at_desk("operator"), at_desk("supervisor")
    select(operator, case)
    operator.click("#more")
    assert "申请延期" in operator.inner_text(".menu [data-act=extend]")
    operator.click(".menu [data-act=extend]")
    operator.click(".act-form .text .chip >> nth=0")
    operator.click(".act-form .limit .chip[data-value='1d work_day']")
    operator.click(".act-form [type=submit]")
    wait_until(lambda: now_is(centre, case).request is not None, 30, "the request")
    eventually(operator, "/等待主管批准/.test((document.querySelector('.request') || {}).innerText)", "its banner")
    select(supervisor, case)
    eventually(supervisor, "/待批 延期/.test((document.querySelector('#queue .flag.asked') || {}).innerText)", "row")
    due = max(clock.due for clock in now_is(centre, case).clocks)
    assert "1 工作日" in supervisor.inner_text(".request")
    supervisor.click(".request [data-approve]")
    # reason and limit of the request are known: nothing more is needed, it is done at once
    wait_until(lambda: now_is(centre, case).request is None, 30, "the approval")
    assert max(clock.due for clock in now_is(centre, case).clocks) > due
    eventually(supervisor, "/批准 接线员 的申请/.test(document.querySelector('.log').innerText)", "the log")


def test_departments_are_called_come_finish_and_only_then_is_the_result_taken(
    at_desk: Callable[..., Page], centre: Centre
) -> None:
    """The helpers are chosen already; each checks in and finishes; feeding back before is refused, in words, with what
    was typed still there."""
    case, page = accepted(centre), at_desk("operator")
    matter = centre.matters.matters[case.matter]
    select(page, case)
    page.keyboard.press("d")
    eventually(page, "document.querySelector('[data-body].on') && !document.querySelector('#go').disabled", "the lead")
    assert page.get_attribute("[data-body].on", "data-body") == matter.lead
    page.click("#go")
    case = becomes(centre, case, State.DISPATCHED)
    assert (case.department, case.patrol) == (matter.lead, "")
    ready(page, case, case.version)
    page.keyboard.press("w")
    page.wait_for_selector(".act-form .options")
    helper = matter.helpers[0]
    assert page.is_checked(f".act-form [value={helper}]")
    page.click(".act-form [type=submit]")
    wait_until(lambda: len(now_is(centre, case).tasks) == len(matter.helpers), 30, "the call")
    ready(page, case, now_is(centre, case).version)
    choose(page, "handle")
    page.fill(".act-form textarea", "已清理")
    page.keyboard.press("Enter")
    page.wait_for_selector(".form-error:visible")
    assert centre.org.departments[helper].name in page.inner_text(".form-error")
    assert page.input_value(".act-form textarea") == "已清理"
    page.keyboard.press("Escape")
    page.click(f"[data-open=check_in][data-department={helper}]")
    wait_until(lambda: now_is(centre, case).tasks[0].state == "on_scene", 30, "the check-in")
    ready(page, case, now_is(centre, case).version)
    page.click(f"[data-open=finish][data-department={helper}]")
    page.click(".act-form .chip >> nth=0")
    page.keyboard.press("Enter")
    wait_until(lambda: now_is(centre, case).tasks[0].state == "done", 30, "the part")
    ready(page, case, now_is(centre, case).version)
    choose(page, "handle")
    assert page.input_value(".act-form textarea") == "已清理"  # a form that was closed keeps what was typed
    page.keyboard.press("Enter")
    becomes(centre, case, State.HANDLED)


def test_merging_is_undone_within_eight_seconds(at_desk: Callable[..., Page], centre: Centre) -> None:
    """The other report of the same matter stands first; merged, the case leaves the list; U brings it back."""
    stays = a_report(centre)
    a_report(centre, 119.2, 34.93, "road_dirty")
    goes, page = a_report(centre, 119.175, 34.944), at_desk("operator")
    select(page, goes)
    page.keyboard.press("m")
    page.wait_for_selector(".act-form .options")
    first = page.get_attribute(".act-form .options input >> nth=0", "value")
    assert first == stays.no
    page.click(".act-form .options label >> nth=0")
    page.keyboard.press("Enter")
    page.wait_for_selector("#undo")
    assert becomes(centre, goes, State.MERGED).into == stays.no
    eventually(page, f"!document.querySelector(\"#queue .ag-row[row-id='{goes.no}']\")", "the row gone")
    eventually(page, "!!document.querySelector('.aside [data-go]')", "where it went")
    page.keyboard.press("u")
    becomes(centre, goes, State.REPORTED)
    page.wait_for_selector(f"#queue .ag-row[row-id='{goes.no}']")


def test_an_event_that_joined_is_split_off(at_desk: Callable[..., Page], centre: Centre) -> None:
    """The second report joined by itself; split off, it is a case of its own, and the toast says which."""
    case, page = a_report(centre), at_desk("operator")
    say(centre, "report", "hotline-12345", category="exposed_rubbish", text="again", lon=119.1701, lat=34.9401)
    assert now_is(centre, case).events == 2
    select(page, case)
    choose(page, "split")
    page.keyboard.press("Enter")
    page.wait_for_selector("#toasts .toast:has-text('0002')")  # in one look: it goes after 4 s
    assert len(centre.queue.open_cases()) == 2


def test_a_click_on_the_map_places_the_case_and_its_grid_follows(at_desk: Callable[..., Page], centre: Centre) -> None:
    """While the form is open a click is a place; the grid it lies in is said before and holds after."""
    case, page = a_report(centre), at_desk("operator")
    eventually(page, MAP, "the map")
    select(page, case)
    choose(page, "place")
    x, y = page.evaluate(
        "() => { const m = gridpostMap.map, p = m.project([119.2, 34.9]), r = m.getContainer().getBoundingClientRect();"
        " return [r.left + p.x, r.top + p.y]; }"
    )
    page.mouse.click(x, y)
    eventually(page, "/落在/.test(document.querySelector('.act-form .said').textContent)", "the grid")
    named = page.inner_text(".act-form .said")
    page.click(".act-form [type=submit]")
    wait_until(lambda: now_is(centre, case).grid != case.grid, 30, "another grid")
    moved = now_is(centre, case)
    assert moved.lon == pytest.approx(119.2, abs=0.001)
    assert centre.grids.by_code[str(moved.grid)].name in named


def test_a_finished_case_is_found_rated_and_reopened(at_desk: Callable[..., Page], centre: Centre) -> None:
    """Closing and rating are the next steps; what is over stands in its own tab and can be reopened with a reason."""
    case, page = accepted(centre), at_desk("supervisor")
    act(centre, case, "dispatch", patrol="P-001")
    act(centre, case, "handle", text="done")
    select(page, case)
    page.keyboard.press("Enter")
    case = becomes(centre, case, State.CLOSED)
    ready(page, case, case.version)
    page.keyboard.press("Enter")
    page.wait_for_selector(".act-form .stars")
    page.keyboard.press("Space")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    assert becomes(centre, case, State.RATED).score == 4
    select(page, case, "over")
    eventually(page, "/评价 4 星/.test((document.querySelector('.aside') || {}).innerText)", "the score")
    choose(page, "reopen")
    page.keyboard.type("问题复发")
    page.keyboard.press("Enter")
    becomes(centre, case, State.ACCEPTED)


def test_a_case_that_changed_under_a_form_keeps_what_was_typed(at_desk: Callable[..., Page], centre: Centre) -> None:
    """Somebody is faster while a reason is written: it is told above the button, and the text still stands."""
    case, page = accepted(centre), at_desk("supervisor")
    select(page, case)
    page.keyboard.press("s")
    page.wait_for_selector(".act-form")
    page.keyboard.type("等待材料到位")

    def overtake(route: Any) -> None:
        act(centre, case, "whistle", departments=("police",))
        route.continue_()

    page.route("**/api/v1/cases/*/suspend", overtake)
    page.keyboard.press("Enter")
    page.wait_for_selector(".form-error:visible")
    assert "先一步" in page.inner_text(".form-error")
    assert page.input_value(".act-form textarea") == "等待材料到位"
    page.unroute("**/api/v1/cases/*/suspend")
    shown = "+document.querySelector('#case-parts').dataset.version"
    eventually(page, f"{shown} === {now_is(centre, case).version}", "the latest version")
    page.keyboard.press("Enter")
    becomes(centre, case, State.SUSPENDED)


def test_a_picture_that_comes_late_is_read_when_it_stands(at_desk: Callable[..., Page], centre: Centre) -> None:
    """On a busy machine the answer is there frames before it is drawn: the button is of what is drawn in the end."""
    case, page = accepted(centre), at_desk("supervisor")
    select(page, case)
    page.evaluate("dash_clientside.gridpost.caseShown({props: {'data-asked': 'late'}}) && undefined")
    page.evaluate("async () => { for (let n = 0; n < 5; n++) await new Promise((ok) => requestAnimationFrame(ok)); }")
    page.evaluate(
        "() => { const drawn = document.getElementById('case-parts').dataset;"
        " drawn.acts = JSON.stringify({...JSON.parse(drawn.acts), next: 'close'}); drawn.asked = 'late'; }"
    )
    eventually(page, "/结案/.test(document.querySelector('#go').innerText)", "the button of what stands there")


def test_a_reminder_marks_the_row_and_names_who_supervises(at_desk: Callable[..., Page], centre: Centre) -> None:
    """At 80 % of a clock: a calm toast, the row says who it went up to, the inspector names the person."""
    say(centre, "alert", "D-001", category="fire", severity=4, alert="f1", phase="new")
    case, page = centre.queue.open_cases()[0], at_desk("supervisor")
    select(page, case)
    respond = next(clock for clock in case.clocks if clock.name == "respond")
    centre.queue.look(centre.now() + timedelta(milliseconds=0.9 * (respond.due - respond.start)))
    eventually(page, "/响应时限已用 80%/.test(document.querySelector('#toasts').innerText)", "the toast")
    eventually(page, "/督办·网格长/.test((document.querySelector('#queue .flag') || {}).innerText)", "the row")
    chief = centre.org.person_for(1, case.grids)
    assert chief is not None
    eventually(page, f"/{chief.name}/.test((document.querySelector('h3 .level') || {{}}).innerText)", "the person")
    assert "响应时限已用 80%" in page.inner_text(".log")
    assert page.inner_text("#count-supervised") == "1"


def test_english_is_english_and_a_reload_stays_where_it_was(at_desk: Callable[..., Page], centre: Centre) -> None:
    """No Chinese but the switch itself, in a case with candidates, departments and a log; tab and case survive."""
    say(centre, "alert", "D-001", category="fire", severity=4, alert="f1", phase="new")
    case = centre.queue.open_cases()[0]
    assert case.lon is not None
    say(centre, "position", "P-001", lon=case.lon + 0.005, lat=case.lat)
    act(centre, case, "whistle", departments=("police",))
    page = at_desk("operator", "en", 1920, 1080)
    select(page, case)
    page.wait_for_selector("[data-candidate]")
    for keys in ("", ".", "s"):
        if keys:
            page.keyboard.press(keys)
        found = [line for line in page.inner_text("#dispatch-page").splitlines() if HAN.search(line)]
        assert found == ["中"], keys
        page.keyboard.press("Escape") if keys else None
    hint = "document.querySelector('.map-legend .hint')"
    assert page.evaluate(f"{hint}.scrollWidth <= {hint}.clientWidth + 1")
    page.reload()
    page.wait_for_selector(f"#case-parts[data-no='{case.no}']")
    assert page.get_attribute("#tab-open", "aria-selected") == "true"


def test_a_leader_is_offered_nothing_but_the_rating(at_desk: Callable[..., Page], centre: Centre) -> None:
    """The role that looks has no menu; a closed case it may rate."""
    case = accepted(centre)
    for name, given in (("dispatch", {"patrol": "P-001"}), ("handle", {"text": "done"}), ("close", {})):
        act(centre, case, name, **given)
    page = at_desk("leader")
    select(page, case, "over")
    assert "评价" in page.inner_text("#go")
    assert page.query_selector("#more") is None
