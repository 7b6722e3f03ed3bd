"""The past on the screen: the slider on /dispatch and /wall, and /replay, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from playwright.sync_api import Browser, Page

from app import centre as centres
from app.centre import Centre
from app.past import bounds
from tests.app.conftest import PASSWORD
from tests.app.past_site import WALKER, History, Watch, keep, lived, moved, watch  # noqa: F401  # a fixture
from tests.browsing import IN_BROWSER, MAP, eventually

HAN = re.compile(r"[\u4e00-\u9fff]")
WORD = re.compile(r"[A-Za-z]{2,}")
KNOWN = re.compile(r"EN|GP-[\d-]+|[PD]-\d+|km|Esc|N|E")
pytestmark = IN_BROWSER


@pytest.fixture
def centre(centre: Centre, watch: Watch) -> Centre:  # noqa: F811
    """The site on a clock that a test moves."""
    return moved(centre, watch)


@pytest.fixture
def open_now(centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pages reach this centre."""
    monkeypatch.setattr(centres, "_current", [centre])


@pytest.fixture
def history(centre: Centre, watch: Watch) -> History:  # noqa: F811
    """An hour of it, before anybody looks."""
    return lived(centre, watch)


@pytest.fixture
def page(browser: Browser, history: History, served: str) -> Iterator[Page]:
    """A signed-in supervisor at 1920 × 1080; fails when the page asked another host or wrote an error."""
    context = browser.new_context(viewport={"width": 1920, "height": 1080}, base_url=served)
    context.set_default_timeout(30_000)
    tab, foreign, errors = context.new_page(), [], []  # type: ignore[var-annotated]
    tab.on("request", lambda r: foreign.append(r.url) if not r.url.startswith((served, "data:", "blob:")) else None)
    tab.on("pageerror", lambda error: errors.append(f"{error} {error.stack}"))
    tab.goto("/sign-in?next=/dispatch")
    tab.fill("[name=name]", "supervisor")
    tab.fill("[name=password]", PASSWORD)
    tab.press("[name=password]", "Enter")
    tab.wait_for_url("**/dispatch*")
    yield tab
    context.close()
    assert not foreign
    assert not errors


def at(when: datetime) -> str:
    """The moment as the address has it."""
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def look(page: Page, path: str, when: datetime, lang: str = "zh") -> None:
    """Open a page at a moment of the past and wait until that moment is there."""
    page.goto(f"/{path}?lang={lang}&at={at(when)}")
    shown(page, when)


def shown(page: Page, when: datetime) -> None:
    """Wait until the page shows the moment, to the second."""
    ms = int(when.timestamp()) * 1000
    eventually(page, f"gridpostPast.active() && Math.abs(gridpost.now() - {ms}) < 1500", f"the moment {when}")


def state_of(page: Page, case: str) -> str:
    """What the row of a case says."""
    selector = f"#queue .ag-row[row-id='{case}']"
    page.wait_for_selector(selector)
    return page.inner_text(selector)


def test_the_queue_of_an_hour_ago_has_its_state_and_clocks(page: Page, history: History) -> None:
    """The case that is over stands there waiting, with the time it had left then; the frame and the sign say past;
    nothing can be done; back to now, at once, the present stands there."""
    page.wait_for_selector(f"#queue .ag-row[row-id='{history.second.no}']")
    look(page, "dispatch", history.waiting)
    page.click("[data-tab=open]")
    assert "待派" in state_of(page, history.first.no)
    assert page.query_selector(f"#queue .ag-row[row-id='{history.second.no}']") is None
    due = min(clock.due for clock in history.first.clocks if clock.name == "handle")
    left = round((due - history.waiting.timestamp() * 1000) / 1000)
    clock = f".ag-row[row-id='{history.first.no}'] .cell-clock"
    page.wait_for_selector(clock)
    counted = page.evaluate(f"+document.querySelector(\"{clock}\").dataset.due - gridpost.now()")
    assert counted <= left * 1000 + 2000
    assert "历史回放" in page.inner_text(".past-frame b")
    assert page.is_visible(".past-frame")
    assert "历史" in page.inner_text("#live")
    local = history.waiting.astimezone(history.centre.settings.tz)
    assert f"{local:%H:%M:}" in page.inner_text(".past-digits")
    page.keyboard.press("l")
    page.wait_for_selector(f"#queue .ag-row[row-id='{history.second.no}']")
    assert page.query_selector(f"#queue .ag-row[row-id='{history.first.no}']") is None
    assert not page.is_visible(".past-frame")
    assert "at=" not in page.url


def test_nothing_can_be_done_in_the_past(page: Page, history: History) -> None:
    """The inspector has the log until then, the button is off and says why, and keys are refused in words."""
    look(page, "dispatch", history.waiting)
    page.click("[data-tab=open]")
    page.click(f"#queue .ag-row[row-id='{history.first.no}']")
    page.wait_for_selector(f"#case-parts[data-no='{history.first.no}']")
    log = page.inner_text("#case-parts .log")
    assert "受理" in log
    assert "派遣" not in log
    assert page.query_selector("[data-candidate]") is None
    assert page.is_disabled("#go")
    assert "历史中不能操作" in page.inner_text("#go")
    for key in ("s", "w", "."):
        page.keyboard.press(key)
        eventually(page, "/历史中不能操作/.test(document.querySelector('#toasts').innerText)", "the reason")
    assert page.query_selector(".act-form") is None
    refused = page.evaluate(
        f"gridpostActs.dispatch({{no: '{history.second.no}', version: 1}}, {{id: '{WALKER}', name: 'x'}}).then(() => 1)"
    )
    assert refused == 1
    found = history.centre.queue.case(history.second.no)
    assert found is not None
    assert found.state.value == "reported"


def test_playing_goes_on_and_changes_what_stands_there(page: Page, history: History) -> None:
    """At 120× the dispatched case is handled and closed within seconds; a pause holds the moment; the arrows step."""
    look(page, "dispatch", history.sent)
    page.click("[data-tab=open]")
    state_of(page, history.first.no)
    page.click("[data-speed='120']")
    page.keyboard.press("Space")
    gone = f"!document.querySelector(\"#queue .ag-row[row-id='{history.first.no}']\")"
    eventually(page, f"{gone} && gridpost.now() > {history.closed.timestamp() * 1000 - 12 * 60_000}", "it was closed")
    page.keyboard.press("Space")
    held = page.evaluate("gridpost.now()")
    page.wait_for_timeout(400)
    assert page.evaluate("gridpost.now()") == held
    page.keyboard.press("ArrowLeft")
    eventually(page, f"Math.abs(gridpost.now() - {held - 60_000}) < 5", "a minute back")
    assert f"at={at(datetime.fromtimestamp((held - 60_000) / 1000, history.sent.tzinfo))}" in page.url


def test_a_patrol_moves_while_it_plays(page: Page, history: History) -> None:
    """From its first fix on it comes along its way, with a trail behind it."""
    look(page, "dispatch", history.began + timedelta(seconds=2))
    page.click("[data-speed='60']")
    page.keyboard.press("Space")
    eventually(page, f"(gridpost.state().patrols['{WALKER}'] || {{}}).lon > 119.1754", "at the end of its walk")
    assert page.evaluate(f"gridpost.state().patrols['{WALKER}'].trail.length") >= 3


def test_the_slider_shows_the_day_and_takes_a_click(page: Page, history: History) -> None:
    """T opens it on the present; what happened is drawn behind it; dragged to a time, that time is shown."""
    eventually(page, MAP, "the map")
    page.keyboard.press("t")
    page.wait_for_selector(".past-track svg rect.cases", state="attached")
    assert page.query_selector(".past-track svg rect.acts") is not None
    assert not page.is_visible(".past-frame")
    box = page.locator(".past-track").bounding_box()
    assert box is not None
    start = page.evaluate("+document.querySelector('.past-track input').max")
    local = history.waiting.astimezone(history.centre.settings.tz)
    today = datetime.now(local.tzinfo).date()
    if local.date() == today:
        part = (local.hour * 3600 + local.minute * 60 + local.second) / start
        page.mouse.click(box["x"] + part * box["width"], box["y"] + 10)
        away = f"Math.abs(gridpost.now() - {history.waiting.timestamp() * 1000})"
        eventually(page, f"gridpostPast.active() && {away} < 9e4", "about that time")
    bottom = page.evaluate("document.querySelector('.desk').getBoundingClientRect().bottom")
    assert bottom <= page.locator("#past-bar").bounding_box()["y"] + 1  # type: ignore[index]


def test_outside_of_what_is_kept_the_bar_says_from_when_to_when(page: Page, history: History) -> None:
    """An address with a moment before everything: the present stays, and the reason stands in the bar."""
    page.goto("/dispatch?at=2001-01-01T00:00:00Z")
    eventually(page, "/不在保存的历史内/.test((document.querySelector('.past-said') || {}).innerText)", "the reason")
    assert not page.is_visible(".past-frame")


def test_a_step_back_from_the_first_moment_stays_there(page: Page, history: History) -> None:
    """The minute buttons and the arrows end where what is kept begins, without a refusal."""
    first, _ = bounds(history.centre)
    look(page, "dispatch", first + timedelta(seconds=20))
    page.click("#past-bar [data-step='-1']")
    page.keyboard.press("ArrowLeft")
    away = f"Math.abs(gridpost.now() - {first.timestamp() * 1000})"
    eventually(page, f"gridpostPast.active() && {away} < 2e3", "the first moment")
    eventually(page, "document.querySelector('.past-said').innerText === ''", "no refusal")


def test_the_wall_shows_the_figures_of_then(page: Page, history: History) -> None:
    """Figures, clocks and the most urgent case are those of the moment."""
    look(page, "wall", history.waiting)
    eventually(page, "document.querySelector('#n-inflow').textContent === '1'", "the inflow until then")
    assert page.inner_text("#n-closed") == "0"
    eventually(page, "document.querySelectorAll('#urgent-rows .sla').length === 1", "the case of then")
    assert page.evaluate("document.querySelector('.wall').getBoundingClientRect().bottom") < 1080
    page.click(".past-leave")
    eventually(page, "!gridpost.past()", "the present")


def test_replay_follows_a_patrol_and_a_case(page: Page, history: History) -> None:
    """The patrol's way with its stop and kilometres, the map in its middle; the case's log until then, who was near."""
    look(page, "replay", history.sent)
    eventually(page, MAP, "the map")
    page.fill("#past-find", WALKER)
    page.click(f"[data-patrol='{WALKER}']")
    page.wait_for_selector(".walk-stops .n")
    assert "公里" in page.inner_text(".walk-figures")
    kilometres = float(page.inner_text(".walk-figures div >> nth=0").split("\n")[1].split("公")[0])
    assert kilometres == pytest.approx(0.5, abs=0.11), page.inner_text("#past-walker")
    eventually(page, "Math.abs(gridpostMap.map.getCenter().lng - 119.1755) < 0.001", "the map at the patrol")
    assert page.evaluate("gridpostMap.map.getSource('live-past-way')._data !== null")
    page.fill("#past-find", "")
    page.click(f"[data-case='{history.first.no}']")
    page.wait_for_selector("#case-parts .log")
    log = page.inner_text("#case-parts .log")
    assert "派遣" in log
    assert "结案" not in log
    page.wait_for_selector(f"#past-near [data-patrol='{WALKER}']")
    assert f"#case={history.first.no}" in page.url


@pytest.mark.parametrize("path", ["dispatch", "wall", "replay"])
def test_each_language_is_itself(page: Page, history: History, path: str) -> None:
    """No English in the Chinese bar and page, no Chinese in the English ones but the switch."""
    parts = "#past-bar" if path != "replay" else "#replay-page, #past-bar"
    for lang in ("zh", "en"):
        look(page, path, history.sent, lang)
        page.wait_for_selector(".past-track svg rect.cases", state="attached")
        if path == "replay":
            page.click(f"[data-case='{history.first.no}']")
            page.wait_for_selector("#case-parts .log")
        lines = [line for part in page.query_selector_all(parts) for line in part.inner_text().splitlines()]
        lines += [page.inner_text(".past-frame b")]
        if lang == "en":
            assert [line for line in lines if HAN.search(line)] in ([], ["中"])
        else:
            names = {"supervisor", "EN"}
            wrong = [line for line in lines if WORD.search(KNOWN.sub("", line)) and line.strip() not in names]
            assert wrong == []
