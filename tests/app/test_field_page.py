"""The phone page in a real browser of 390 × 844: the life of a task by taps, with a network that comes and goes."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from app import actions
from app.accounts import Viewer
from app.centre import Centre
from streams import ingest
from streams.model import Case, State
from tests.app.conftest import PASSWORD
from tests.browsing import IN_BROWSER, say

PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
OPERATOR = Viewer("operator", "operator")
pytestmark = IN_BROWSER


@pytest.fixture
def desk(centre: Centre) -> ingest.Desk:
    """What ingest needs, so that a test can say what devices said; and an account of P-001."""
    centre.accounts.add("dong", "field", PASSWORD, datetime.now(UTC), "P-001")
    return centre.desk()


@pytest.fixture
def phone(browser: Browser, served: str, desk: ingest.Desk) -> Iterator[Page]:
    """The phone of P-001, signed in; fails when the page asked another host or wrote an error."""
    context = browser.new_context(**PHONE, base_url=served, permissions=["geolocation"])
    context.set_default_timeout(60_000)
    tab = context.new_page()
    foreign: list[str] = []
    errors: list[str] = []
    context.on("request", lambda r: foreign.append(r.url) if not r.url.startswith((served, "data:", "blob:")) else None)
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.on("console", lambda m: errors.append(m.text) if m.type == "error" and not expected(m.text) else None)
    sign_in(tab)
    yield tab
    context.close()
    assert not foreign
    assert not errors


def expected(text: str) -> bool:
    """What the browser itself says when the network is gone or an act is refused."""
    return any(each in text for each in ("ERR_INTERNET_DISCONNECTED", "ERR_FAILED", "status of 422"))


def sign_in(tab: Page, name: str = "dong") -> None:
    """Sign in on a phone and wait for the page."""
    tab.goto("/sign-in")
    tab.fill("[name=name]", name)
    tab.fill("[name=password]", PASSWORD)
    tab.press("[name=password]", "Enter")
    tab.wait_for_url("**/field")
    tab.wait_for_selector("#top .link.on")


def a_task(desk: ingest.Desk, centre: Centre, text: str = "先疏散人员，再灭火") -> Case:
    """A camera's alert that became a case, sent to P-001."""
    say(desk, "alert", "D-001", category="fire", severity=4, alert="f1", phase="new", text="有烟，电话 13812345678")
    case = desk.queue.open_cases()[0]
    return actions.dispatch(centre, case.no, "P-001", by=OPERATOR, seen=case.version, text=text).case


def state(desk: ingest.Desk, case: Case) -> State:
    """Where the case stands now."""
    found = desk.queue.case(case.no)
    assert found is not None
    return found.state


def acts(desk: ingest.Desk, case: Case) -> list[str]:
    """What was done on the case, in order."""
    return [entry.act for entry in desk.queue.log(case.no)]


def until(phone: Page, condition: Callable[[], object], what: str) -> None:
    """Return when the condition holds; the browser goes on meanwhile, and so do the routes of a test."""
    for _ in range(1200):
        if condition():
            return
        phone.wait_for_timeout(50)
    pytest.fail(f"not within a minute: {what}")


def reaches(phone: Page, desk: ingest.Desk, case: Case, wanted: State) -> None:
    """Wait until the case is there."""
    until(phone, lambda: state(desk, case) is wanted, f"{case.no} {wanted}")


def tap(phone: Page, act: str) -> None:
    """The big button, when it is this act's."""
    phone.tap(f"#bar [data-do=act][data-act={act}]")


def offline(phone: Page, gone: bool) -> None:
    """Pull the network out, or put it back."""
    context: BrowserContext = phone.context
    context.set_offline(gone)


def a_photo(phone: Page, wide: int = 3000, tall: int = 2000) -> dict[str, Any]:
    """A JPEG as a camera would give it."""
    url = phone.evaluate(
        """([w, h]) => { const c = document.createElement("canvas"); c.width = w; c.height = h;
        const g = c.getContext("2d"), f = g.createLinearGradient(0, 0, w, h);
        f.addColorStop(0, "#4b7d58"); f.addColorStop(1, "#c7a36b"); g.fillStyle = f; g.fillRect(0, 0, w, h);
        return c.toDataURL("image/jpeg", 0.9); }""",
        [wide, tall],
    )
    return {"name": "p.jpg", "mimeType": "image/jpeg", "buffer": base64.b64decode(url.split(",")[1])}


def size_of(phone: Page, address: str) -> list[int]:
    """Width and height of a picture that the server has."""
    found: list[int] = phone.evaluate(
        "(src) => new Promise((ok) => { const i = new Image(); i.onload = () => ok([i.naturalWidth, i.naturalHeight]);"
        " i.src = src; })",
        address,
    )
    return found


def test_a_task_goes_from_accept_to_result_by_taps(phone: Page, desk: ingest.Desk, centre: Centre) -> None:
    """Acknowledge, depart, arrive, and the result with a picture that is made small on the phone."""
    case = a_task(desk, centre)
    phone.wait_for_selector("article .head h2")
    assert "先疏散人员" in phone.inner_text("article .said")
    assert "138****5678" in phone.inner_text("article .said")
    for act, after in (
        ("acknowledge", State.ACKNOWLEDGED), ("depart", State.ON_THE_WAY), ("arrive", State.ON_SCENE),
    ):  # fmt: skip
        tap(phone, act)
        reaches(phone, desk, case, after)
    phone.wait_for_selector("article .form textarea")
    tap(phone, "handle")
    phone.wait_for_selector("article .form .missing:has-text('处理结果')")
    phone.fill("article .form textarea", "明火已扑灭")
    phone.set_input_files("article .form input[capture]", a_photo(phone))
    phone.wait_for_selector("article .taken img")
    tap(phone, "handle")
    reaches(phone, desk, case, State.HANDLED)
    phone.wait_for_selector("#done li")
    found = desk.queue.case(case.no)
    assert found is not None
    assert found.image is not None
    assert size_of(phone, found.image) == [1600, 1067]
    entry = desk.queue.log(case.no)[-1]
    assert (entry.act, entry.by, entry.role, entry.text) == ("handle", "P-001", "field", "明火已扑灭")


def test_what_is_done_without_network_is_sent_once_and_in_order(
    phone: Page, desk: ingest.Desk, centre: Centre
) -> None:
    """The network drops: three acts, the text and the picture wait on the phone, shown as such; it comes back, and
    everything arrives once and in order, also when answers were lost on the way."""
    case = a_task(desk, centre)
    tap(phone, "acknowledge")
    reaches(phone, desk, case, State.ACKNOWLEDGED)
    offline(phone, True)
    tap(phone, "depart")
    tap(phone, "arrive")
    phone.wait_for_selector("article .form textarea")
    phone.fill("article .form textarea", "已处置")
    phone.set_input_files("article .form input[capture]", a_photo(phone))
    phone.wait_for_selector("article .taken img")
    assert phone.locator(".steps .waits").count() == 2
    tap(phone, "handle")
    phone.wait_for_selector("#pending li:nth-child(3)")
    assert "没有网络" in phone.inner_text("#strips")
    assert acts(desk, case)[-1] == "acknowledge"
    lost = [0]

    def lose_the_first_answer(route: Any) -> None:
        lost[0] += 1
        if lost[0] == 1:
            route.fetch()
            route.abort()
        else:
            route.continue_()

    phone.route("**/depart", lose_the_first_answer)
    offline(phone, False)
    reaches(phone, desk, case, State.HANDLED)
    assert acts(desk, case)[-4:] == ["acknowledge", "depart", "arrive", "handle"]
    assert acts(desk, case).count("depart") == 1
    assert lost[0] == 2
    found = desk.queue.case(case.no)
    assert found is not None
    assert found.image is not None
    until(phone, lambda: phone.locator("#pending").count() == 0, "nothing waits")


def test_what_was_typed_and_done_survives_a_reload_without_network(
    phone: Page, desk: ingest.Desk, centre: Centre
) -> None:
    """The phone was locked in a dead spot: the page opens again with the tasks, the text, the picture and the queue."""
    case = a_task(desk, centre)
    for act in ("acknowledge", "depart", "arrive"):
        tap(phone, act)
    reaches(phone, desk, case, State.ON_SCENE)
    phone.wait_for_selector("article .form textarea")
    phone.evaluate("navigator.serviceWorker.ready.then(() => 1)")
    phone.reload()
    phone.wait_for_selector("article .form textarea")
    offline(phone, True)
    phone.fill("article .form textarea", "写到一半")
    phone.set_input_files("article .form input[capture]", a_photo(phone))
    phone.wait_for_selector("article .taken img")
    phone.reload()
    phone.wait_for_selector("article .taken img")
    assert phone.input_value("article .form textarea") == "写到一半"
    tap(phone, "handle")
    phone.wait_for_selector("#pending li")
    phone.reload()
    phone.wait_for_selector("#pending li")
    offline(phone, False)
    reaches(phone, desk, case, State.HANDLED)
    assert desk.queue.log(case.no)[-1].text == "写到一半"


def test_a_task_is_declined_with_a_reason(phone: Page, desk: ingest.Desk, centre: Centre) -> None:
    """Without a reason nothing is sent; with one the case waits again, and the reason stands in the log."""
    case = a_task(desk, centre)
    phone.tap("#bar [data-do=decline]")
    phone.tap("dialog [data-go]")
    assert phone.is_visible("dialog .missing")
    phone.tap("dialog .reason:nth-of-type(4)")
    phone.fill("dialog textarea", "爆胎")
    phone.tap("dialog [data-go]")
    reaches(phone, desk, case, State.ACCEPTED)
    assert desk.queue.log(case.no)[-1].text == "车辆或装备故障：爆胎"
    phone.wait_for_selector("#none .none")
    assert phone.locator(".notice").count() == 0


def test_a_withdrawn_task_is_told_in_words(phone: Page, desk: ingest.Desk, centre: Centre) -> None:
    """With network: the card goes and a notice says so. Without: what was done meanwhile did not count, and the text
    that was written is still there to read."""
    case = a_task(desk, centre)
    phone.wait_for_selector("article .head h2")
    actions.withdraw(centre, case.no, by=OPERATOR, seen=case.version)
    phone.wait_for_selector(".notice.warn")
    assert "任务已撤回：火情烟雾" in phone.inner_text(".notice")
    assert phone.locator("article").count() == 0
    phone.tap(".notice button")
    again = desk.queue.case(case.no)
    assert again is not None
    sent = actions.dispatch(centre, case.no, "P-001", by=OPERATOR, seen=again.version).case
    phone.wait_for_selector("#bar [data-act=acknowledge]")
    offline(phone, True)
    phone.tap(".steps [data-act=arrive]")
    phone.tap("dialog [data-go]")
    phone.fill("article .form textarea", "已到并处理")
    tap(phone, "handle")
    phone.wait_for_selector("#pending li:nth-child(2)")
    actions.withdraw(centre, case.no, by=OPERATOR, seen=sent.version)
    offline(phone, False)
    phone.wait_for_selector(".notice.warn")
    said = phone.inner_text(".notice")
    assert "到场、反馈" in said
    assert "已到并处理" in said
    assert state(desk, case) is State.ACCEPTED
    assert phone.locator(".notice").count() == 1


def test_arriving_by_position_is_done_and_told(phone: Page, desk: ingest.Desk, centre: Centre) -> None:
    """Nothing is known of the position before the switch is on. Then it is sent; on the way, within 50 m and what the
    fix may be off by, the arrival is done; a fix that may be off by more than 100 m does nothing."""
    case = a_task(desk, centre)
    assert case.lon is not None
    assert case.lat is not None
    phone.context.set_geolocation({"longitude": case.lon, "latitude": case.lat + 0.005, "accuracy": 10})
    tap(phone, "acknowledge")
    tap(phone, "depart")
    reaches(phone, desk, case, State.ON_THE_WAY)
    assert "lon" not in centre.queue.patrols()["P-001"]
    phone.tap("[data-do=share]")
    until(phone, lambda: "lon" in centre.queue.patrols()["P-001"], "the position")
    phone.wait_for_selector(".way")
    assert "正南 560 米" in phone.inner_text(".way")
    phone.context.set_geolocation({"longitude": case.lon, "latitude": case.lat, "accuracy": 150})
    phone.evaluate("F.place.look()")
    phone.wait_for_selector(".way:has-text('0 米')")
    assert state(desk, case) is State.ON_THE_WAY
    phone.context.set_geolocation({"longitude": case.lon, "latitude": case.lat + 0.0004, "accuracy": 8})
    phone.evaluate("F.place.look()")
    reaches(phone, desk, case, State.ON_SCENE)
    assert "已按定位到场" in phone.inner_text(".notice.good")
    assert "按手机定位" in desk.queue.log(case.no)[-1].text


def test_nothing_is_wider_than_the_phone_and_every_target_fits_a_thumb(
    phone: Page, desk: ingest.Desk, centre: Centre
) -> None:
    """In both languages, in every step, with the sheets: no sideways scrolling at 390 px, no target below 44 px."""
    small = """() => [...document.querySelectorAll("button, a, label.button, label.reason, label.share, textarea")]
      .filter((el) => el.checkVisibility()).map((el) => [el.textContent, el.getBoundingClientRect()])
      .filter(([, r]) => r.width < 44 || r.height < 44 || r.right > 390.5 || r.left < -0.5)
      .map(([text, r]) => text + " " + Math.round(r.width) + "x" + Math.round(r.height))"""
    case = a_task(desk, centre, "很长的交代" * 40)
    phone.wait_for_selector("article .head h2")
    for lang in ("zh", "en"):
        for _ in range(2):
            assert phone.evaluate("document.documentElement.scrollWidth") == 390, lang
            assert phone.evaluate(small) == []
            phone.tap("#bar [data-do=decline]")
            phone.wait_for_selector("dialog")
            assert phone.evaluate(small) == []
            phone.tap("dialog .second")
        if lang == "zh":
            phone.tap("#top .lang")
    for act in ("acknowledge", "depart", "arrive"):
        tap(phone, act)
    reaches(phone, desk, case, State.ON_SCENE)
    phone.wait_for_selector("article .form textarea")
    assert phone.evaluate("document.documentElement.scrollWidth") == 390
    assert phone.evaluate(small) == []
    assert phone.locator("body").inner_text().count("undefined") == 0
    assert phone.evaluate("document.body.innerText.match(/(field|act|state)_[a-z_]+/)") is None


def test_whoever_signs_out_leaves_no_task_on_the_phone(phone: Page, desk: ingest.Desk, centre: Centre) -> None:
    """The texts of the cases are gone from the phone with the session."""
    a_task(desk, centre)
    phone.wait_for_selector("article .head h2")
    until(phone, lambda: phone.evaluate("!!localStorage['gridpost-field/dong/seen']"), "the tasks kept")
    phone.tap("#foot [data-do=leave]")
    phone.wait_for_url("**/sign-in")
    assert phone.evaluate("Object.keys(localStorage).filter((k) => k.includes('/seen') || k.includes('/draft'))") == []
    assert phone.evaluate("caches.keys()") == []


def test_a_department_does_its_part(phone: Page, browser: Browser, desk: ingest.Desk, centre: Centre) -> None:
    """The bureau that was whistled for checks in and finishes with a result; the patrol's card is not its."""
    code = sorted(centre.org.departments)[0]
    centre.accounts.add("bureau", "department", PASSWORD, datetime.now(UTC), code)
    case = a_task(desk, centre)
    actions.act(centre, case.no, "whistle", by=OPERATOR, seen=case.version, departments=(code,), text="带抽水泵")
    context = browser.new_context(**PHONE, base_url=phone.url.removesuffix("/field"))
    context.set_default_timeout(60_000)
    bureau = context.new_page()
    sign_in(bureau, "bureau")
    bureau.wait_for_selector("article .head h2")
    assert "带抽水泵" in bureau.inner_text("article .said")
    assert bureau.locator("article .steps > *").count() == 2
    tap(bureau, "check_in")
    bureau.wait_for_selector("article .form textarea")
    bureau.fill("article .form textarea", "已抽干")
    tap(bureau, "finish")
    until(bureau, lambda: acts(desk, case)[-2:] == ["check_in", "finish"], "the part is done")
    bureau.wait_for_selector("#none .none")
    context.close()
    assert state(desk, case) is State.DISPATCHED


def test_who_has_arrived_by_the_centres_rule_is_told(phone: Page, desk: ingest.Desk, centre: Centre) -> None:
    """Two fixes at the place from the officer's radio arrive without a tap; the phone says so and asks for the rest."""
    case = a_task(desk, centre)
    phone.wait_for_selector("article .head h2")
    say(desk, "position", "P-001", lon=case.lon, lat=case.lat)
    say(desk, "position", "P-001", lon=case.lon, lat=case.lat)
    reaches(phone, desk, case, State.ON_SCENE)
    phone.wait_for_selector(".notice.good")
    assert "已按定位到场" in phone.inner_text(".notice")
    phone.wait_for_selector("article .form textarea")


def test_a_matter_that_wants_a_picture_says_so(phone: Page, desk: ingest.Desk, centre: Centre) -> None:
    """The result is not sent without one; with one it goes."""
    key = next(key for key, matter in centre.matters.matters.items() if matter.proof)
    case = a_task(desk, centre)
    centre.queue.redis.hset(centre.queue.keys.case(case.no), "matter", key)
    for act in ("acknowledge", "depart", "arrive"):
        tap(phone, act)
    reaches(phone, desk, case, State.ON_SCENE)
    phone.fill("article .form textarea", "已处置")
    tap(phone, "handle")
    phone.wait_for_selector("article .form .missing:has-text('照片')")
    phone.set_input_files("article .form input[capture]", a_photo(phone))
    phone.wait_for_selector("article .taken img")
    tap(phone, "handle")
    reaches(phone, desk, case, State.HANDLED)


def test_an_officer_goes_off_duty_by_a_switch(phone: Page, desk: ingest.Desk, centre: Centre) -> None:
    """The centre knows at once, and the page says that no task will come. Without network it stays as it was."""
    phone.tap("[data-do=duty]")
    until(phone, lambda: centre.queue.patrols()["P-001"].get("duty") == "off_duty", "off duty")
    assert "不会派任务给你" in phone.inner_text("#share")
    offline(phone, True)
    phone.tap("[data-do=duty]")
    phone.wait_for_selector("#toasts p")
    assert not phone.is_checked("[data-do=duty]")


def test_a_phone_that_keeps_nothing_works_while_the_page_is_open(
    phone: Page, desk: ingest.Desk, centre: Centre
) -> None:
    """A browser without storage: said on the page, and acts and pictures go all the same."""
    phone.add_init_script("Object.defineProperty(window, 'indexedDB', {get() { throw new Error('not here'); }})")
    phone.reload()
    case = a_task(desk, centre)
    for act in ("acknowledge", "depart", "arrive"):
        tap(phone, act)
    reaches(phone, desk, case, State.ON_SCENE)
    assert "不能保存" in phone.inner_text("#strips")
    phone.fill("article .form textarea", "已处置")
    phone.set_input_files("article .form input[capture]", a_photo(phone))
    phone.wait_for_selector("article .taken img")
    tap(phone, "handle")
    reaches(phone, desk, case, State.HANDLED)
    found = desk.queue.case(case.no)
    assert found is not None
    assert found.image is not None
