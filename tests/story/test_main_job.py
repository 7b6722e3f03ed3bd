"""Chapter one: the main job. One command; a camera sees something; a supervisor clicks the case, clicks a patrol.

Everything is real: the demo's own processes, broker and Valkey, two people in two browsers, and a patrol's phone that
listens on MQTT. Read it from top to bottom.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from streams.dispatch_queue import DispatchQueue, connect
from streams.keys import Keys
from streams.model import Case, State
from streams.mqtt import Publisher, subscribe
from tests.app.test_cli import demo
from tests.browsing import CHROMIUM, FLAGS, MAP, eventually
from tests.conftest import wait_until

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed (apt-get install chromium)"),
]


# Where a case's pin or a patrol's dot is on the screen, and whether the map draws it there.
PLACE = """(what) => {
  const item = gridpost.state().cases[what], place = item ? [item.lon, item.lat] : gridpostMap.place(what);
  const p = gridpostMap.map.project(place), r = gridpostMap.map.getContainer().getBoundingClientRect();
  return [r.left + p.x, r.top + p.y];
}"""
DRAWN = """(() => {
  const what = "%s", item = gridpost.state().cases[what], place = item ? [item.lon, item.lat] : gridpostMap.place(what);
  const hit = place && gridpostMap.under(gridpostMap.map.project(place), 1);
  return !!hit && (hit.kind === "case" || hit.kind === "patrol");
})()"""


class Phone:
    """The phone of patrol P-001: tells where it is, hears its tasks, answers them."""

    def __init__(self, mqtt_url: str, site: str) -> None:
        self.tasks: list[dict[str, Any]] = []
        self.states: list[str] = []
        self._site, self._url, self._stop = site, mqtt_url, threading.Event()
        self._publisher = Publisher(mqtt_url, "phone-out")
        self._thread = threading.Thread(target=self._listen)

    def __enter__(self) -> Phone:
        self._publisher.__enter__()
        self._thread.start()
        wait_until(lambda: "subscribed" in self.states)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(10)
        self._publisher.__exit__(None, None, None)

    def _listen(self) -> None:
        topic = f"gridpost/{self._site}/task/P-001"
        batches = subscribe(
            self._url, [topic], client_id="phone-in", share=None, stop=self._stop, on_state=self.states.append
        )
        for batch in batches:
            if batch is not None:
                self.tasks += [json.loads(message.payload) for message in batch.messages]
                batch.acknowledge()

    def say(self, kind: str, device: str, **fields: Any) -> None:
        """Publish one native message, as this or (for the camera) another device."""
        now = datetime.now(UTC)
        body = {"id": f"{kind}-{now.timestamp()}", "at": now.isoformat(), **fields}
        self._publisher.send(f"gridpost/{self._site}/{kind}/{device}", json.dumps(body).encode())


@contextmanager
def signed_in(browser: Browser, ready: dict[str, Any], role: str) -> Iterator[Page]:
    """A person with a browser of their own, looking at /dispatch; asks no other host, writes no error."""
    user = next(user for user in ready["users"] if user["role"] == role)
    context = browser.new_context(viewport={"width": 1600, "height": 1000}, base_url=ready["url"])
    context.set_default_timeout(60_000)
    page = context.new_page()
    foreign: list[str] = []
    errors: list[str] = []
    own = (ready["url"], "data:", "blob:")
    page.on("request", lambda request: None if request.url.startswith(own) else foreign.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto("/sign-in")
    page.fill("[name=name]", user["name"])
    page.fill("[name=password]", user["password"])
    page.press("[name=password]", "Enter")
    page.wait_for_url("**/dispatch")
    yield page
    context.close()
    assert (foreign, errors) == ([], [])


def click(page: Page, what: str) -> None:
    """Click a pin or a dot where the map draws it."""
    eventually(page, MAP, "the map")
    eventually(page, DRAWN % what, f"{what} on the map")
    page.mouse.click(*page.evaluate(PLACE, what))


def test_a_click_on_the_case_a_click_on_the_patrol_and_it_is_sent(tmp_path: Path) -> None:
    """Read in Redis, in the second browser and on the patrol's MQTT topic; and the answer comes back the same way."""
    with demo(tmp_path, "--no-simulator") as (ready, _), sync_playwright() as kit:
        queue = DispatchQueue(connect(ready["redis_url"]), Keys(ready["site"]), ZoneInfo("Asia/Shanghai"))
        browser = kit.chromium.launch(executable_path=CHROMIUM, args=FLAGS)

        # A camera sees rubbish; Officer P-001 walks 600 m away.
        with Phone(ready["mqtt_url"], ready["site"]) as phone:
            phone.say("alert", "D-001", category="exposed_rubbish", severity=3, alert="a1", phase="new")
            wait_until(queue.open_cases)
            (case,) = queue.open_cases()
            assert case.state is State.ACCEPTED
            assert case.lon is not None
            assert case.lat is not None
            phone.say("position", "P-001", lon=case.lon + 0.0066, lat=case.lat, speed=1.2, course=270)

            with signed_in(browser, ready, "supervisor") as desk, signed_in(browser, ready, "operator") as other:
                # The supervisor clicks the pin, then the dot.
                click(desk, case.no)
                desk.wait_for_selector(f"#case-parts[data-no='{case.no}']")
                click(desk, "P-001")
                desk.wait_for_selector("#undo")

                # Redis knows, the phone has its task, and the other screen shows it.
                wait_until(lambda: phone.tasks, 10)
                sent = now(queue, case)
                assert (sent.state, sent.patrol, sent.by) == (State.DISPATCHED, "P-001", "supervisor")
                (task,) = phone.tasks
                assert (task["act"], task["case"], task["dispatch"]) == ("assign", case.no, sent.dispatch)
                shown = f"(gridpost.state().cases['{case.no}'] || {{}}).state"
                eventually(other, f"{shown} === 'dispatched'", "dispatched in the second browser")
                other.get_by_text("在办", exact=False).first.click()
                other.wait_for_selector(f"#queue [row-id='{case.no}']:has-text('已派')")

                # The patrol answers over MQTT; the case moves on both screens.
                answer = {"dispatch": task["dispatch"], "case": case.no}
                for act in ("acknowledge", "depart", "arrive", "handle"):
                    phone.say("reply", "P-001", act=act, text="已清理" if act == "handle" else "", **answer)
                wait_until(lambda: now(queue, case).state is State.HANDLED)
                for page in (desk, other):
                    eventually(page, f"{shown} === 'handled'", "handled on both screens")
        assert [entry.act for entry in queue.log(case.no)] == [
            "report", "verify", "accept", "dispatch", "acknowledge", "depart", "arrive", "handle",
        ]  # fmt: skip
        assert queue.patrols()["P-001"]["case"] == ""


def now(queue: DispatchQueue, case: Case) -> Case:
    """The case as Redis has it."""
    found = queue.case(case.no)
    assert found is not None
    return found

