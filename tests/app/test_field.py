"""What the phone of an officer may ask and do, and what an account bound to a patrol or department may not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app import actions, field
from app.accounts import AccountRefused, Viewer
from app.centre import Centre
from app.views.field import Surroundings
from geo.places import Position
from streams.model import Case
from tests.app.conftest import PASSWORD, alert
from tests.conftest import wait_until

Headers = dict[str, str]
Role = Callable[[str], Headers]
NOW = datetime(2026, 11, 22, tzinfo=UTC)
OPERATOR = Viewer("operator", "operator")
CLOSED = (
    "/wall", "/dispatch", "/daily", "/feed", "/style.json", "/metrics", "/api/openapi.json", "/api/docs",
    "/api/v1/grids", "/api/v1/patrols", "/api/v1/cases", "/api/v1/cases/x", "/api/v1/events", "/api/v1/dead",
    "/api/v1/indicators", "/_dash-layout", "/_dash-dependencies", "/anything",
)  # fmt: skip


@pytest.fixture
def phone(centre: Centre, as_role: Role) -> Headers:
    """Headers of the account of P-001."""
    centre.accounts.add("dong", "field", PASSWORD, NOW, "P-001")
    return as_role("dong")


def a_case(web: TestClient, as_role: Role, **said: Any) -> str:
    """A fire that a camera saw, accepted by the rule: its number."""
    answer = web.post("/api/v1/events", json=alert(**said), headers=as_role("operator"))
    assert answer.status_code == 202, answer.text
    return str(answer.json()["opened"][0])


def send(centre: Centre, no: str, patrol: str = "P-001", **given: Any) -> Case:
    """Dispatch the case."""
    case = centre.queue.case(no)
    assert case is not None
    return actions.act(centre, no, "dispatch", by=OPERATOR, seen=case.version, patrol=patrol, **given).case


def tasks(web: TestClient, phone: Headers, count: int | None = None) -> list[dict[str, Any]]:
    """The tasks of the phone; waits until there are `count`."""

    def items() -> list[dict[str, Any]]:
        return list(web.get("/api/v1/field/tasks", headers=phone).json()["items"])

    if count is not None:
        wait_until(lambda: len(items()) == count, 10, f"{count} tasks")
    return items()


def do(web: TestClient, phone: Headers, task: dict[str, Any], act: str, **said: Any) -> Any:
    """One act as the page posts it."""
    body = {"dispatch": task["dispatch"], "request_id": f"r-{act}"} | said
    return web.post(f"/api/v1/field/{task['no']}/{act}", json=body, headers=phone)


@pytest.mark.parametrize("path", CLOSED)
def test_an_account_outside_opens_nothing_but_its_page(web: TestClient, phone: Headers, path: str) -> None:
    """Pages, lists, the feed and what does not exist at all: 403."""
    assert web.get(path, headers=phone).status_code == 403


def test_an_account_outside_writes_nothing_but_its_own(web: TestClient, phone: Headers) -> None:
    """Neither events of others nor acts of the desk."""
    assert web.post("/api/v1/events", json=alert(), headers=phone).status_code == 403
    assert web.post("/api/v1/cases/x/dispatch", json={"version": 1}, headers=phone).status_code == 403


def test_signing_in_leads_an_officer_to_the_phone_page(web: TestClient, phone: Headers) -> None:
    """Also when the address asked for is one of the desk; the page names the patrol and no task."""
    for target in ("/", "/wall"):
        answer = web.post("/sign-in", data={"name": "dong", "password": PASSWORD, "next": target})
        assert answer.headers["location"] == "/field"
    page = web.get("/field", headers=phone)
    assert page.status_code == 200
    assert "董志远" in page.text
    assert "_dash" not in page.text
    assert web.get("/", headers=phone).headers["location"] == "/field"
    assert web.get("/field-worker.js", headers=phone).headers["content-type"].startswith("text/javascript")


@pytest.mark.parametrize("role", ["operator", "supervisor", "leader", "administrator"])
def test_the_desk_has_no_tasks_of_its_own(web: TestClient, as_role: Role, role: str) -> None:
    """An account that is bound to nobody is led home, and its calls are refused."""
    assert web.get("/field", headers=as_role(role)).status_code == 303
    assert web.get("/api/v1/field/tasks", headers=as_role(role)).status_code == 403
    assert web.post("/api/v1/field/x/arrive", json={}, headers=as_role(role)).status_code == 403


def test_my_tasks_are_mine_and_say_what_a_phone_needs(
    web: TestClient, phone: Headers, centre: Centre, as_role: Role
) -> None:
    """Title, place in words, clocks, text with masked numbers, instructions; nobody else's task."""
    mine = a_case(web, as_role, text="有烟，打 13812345678")
    other = a_case(web, as_role, id="a-2", device="D-100", alert="x2")
    send(centre, mine, text="先疏散")
    send(centre, other, "P-002")
    (task,) = tasks(web, phone, 1)
    assert task["no"] == mine
    assert (task["title"], task["title_en"], task["place"]) == ("火情烟雾", "Fire or smoke", "石桥Y211路口")
    assert task["instructions"] == "先疏散"
    assert "138****5678" in task["text"]
    assert {clock["name"] for clock in task["clocks"]} >= {"respond", "arrive", "handle"}
    assert web.get(f"/api/v1/field/{mine}/map.svg", headers=phone).status_code == 200
    assert web.get(f"/api/v1/field/{other}/map.svg", headers=phone).status_code == 404


def test_an_act_that_is_sent_again_is_done_once(web: TestClient, phone: Headers, centre: Centre, as_role: Role) -> None:
    """The answer was lost: the second one is the same, and the log has one entry. A late act has its own time."""
    no = a_case(web, as_role)
    send(centre, no)
    (task,) = tasks(web, phone, 1)
    first = do(web, phone, task, "acknowledge")
    again = do(web, phone, task, "acknowledge")
    assert first.status_code == again.status_code == 200, first.text
    assert first.json()["task"]["state"] == "acknowledged"
    then = datetime.now(UTC) - timedelta(minutes=20)
    assert do(web, phone, task, "depart", at=then.isoformat()).status_code == 200
    entries = [entry for entry in centre.queue.log(no) if entry.role == "field"]
    assert [(entry.act, entry.by) for entry in entries] == [("acknowledge", "P-001"), ("depart", "P-001")]
    assert entries[1].text == f"〔{then.astimezone(centre.settings.tz):%H:%M:%S}〕"


def test_what_is_not_mine_to_do_is_refused(web: TestClient, phone: Headers, centre: Centre, as_role: Role) -> None:
    """An act of the desk, another's task, a task that was withdrawn, a picture from elsewhere, no dispatch."""
    no = a_case(web, as_role)
    sent = send(centre, no)
    task = {"no": no, "dispatch": sent.dispatch}
    assert do(web, phone, task, "close").status_code == 403
    assert do(web, phone, task, "dispatch").status_code == 403
    assert do(web, phone, task, "handle", image="https://evil.example/x.jpg").json()["error"] == "wrong_type"
    assert do(web, phone, task, "arrive", dispatch="").json()["error"] == "missing"
    assert do(web, phone, {**task, "no": "none"}, "arrive").status_code == 404
    actions.withdraw(centre, no, by=OPERATOR, seen=sent.version)
    late = do(web, phone, task, "arrive")
    assert (late.status_code, late.json()["error"]) == (422, "wrong_patrol")
    assert late.json()["message_zh"]
    centre.accounts.add("he", "field", PASSWORD, NOW, "P-002")
    again = send(centre, no)
    foreign = do(web, as_role("he"), {"no": no, "dispatch": again.dispatch}, "acknowledge")
    assert foreign.json()["error"] == "wrong_patrol"


def test_a_finished_task_is_listed_under_today(web: TestClient, phone: Headers, centre: Centre, as_role: Role) -> None:
    """It leaves the tasks and stands among the last ten, also before the desk has closed it."""
    no = a_case(web, as_role)
    send(centre, no)
    (task,) = tasks(web, phone, 1)
    done = do(web, phone, task, "handle", text="已扑灭")
    assert done.status_code == 200, done.text
    assert done.json()["task"] is None
    tasks(web, phone, 0)
    wait_until(lambda: web.get("/api/v1/field/tasks", headers=phone).json()["done"])
    (line,) = web.get("/api/v1/field/tasks", headers=phone).json()["done"]
    assert (line["no"], line["state"]) == (no, "handled")


def test_a_position_is_only_ever_my_own(web: TestClient, phone: Headers, centre: Centre) -> None:
    """It goes the way of one by MQTT; an impossible one is refused with the reason."""
    said = {"lon": 119.17, "lat": 34.94, "at": datetime.now(UTC).isoformat(), "accuracy": 8.0}
    assert web.post("/api/v1/field/position", json=said, headers=phone).status_code == 202
    assert centre.queue.patrols()["P-001"]["lon"] == "119.17"
    refused = web.post("/api/v1/field/position", json=said | {"lon": 0, "lat": 0}, headers=phone)
    assert (refused.status_code, refused.json()["reason"]) == (422, "impossible_place")


def test_an_officer_says_when_on_duty(web: TestClient, phone: Headers, centre: Centre) -> None:
    """Off duty and on again: the same as a status by MQTT, and the phone is told what holds."""

    def told() -> bool:
        return bool(web.get("/api/v1/field/tasks", headers=phone).json()["on_duty"])

    wait_until(told)
    for on, state in ((False, "off_duty"), (True, "on_duty")):
        assert web.post("/api/v1/field/duty", json={"on": on}, headers=phone).status_code == 202
        assert centre.queue.patrols()["P-001"]["duty"] == state
        wait_until(lambda on=on: told() is on)  # type: ignore[misc]  # the default carries the value of this round


def test_an_officer_may_upload_a_picture(web: TestClient, phone: Headers) -> None:
    """And see it again by its name."""
    picture = b"\xff\xd8\xff" + b"0" * 100
    url = web.post("/api/v1/media", content=picture, headers=phone | {"Content-Type": "image/jpeg"}).json()["url"]
    assert web.get(url, headers=phone).content == picture


def test_a_called_department_checks_in_and_finishes_its_part(
    web: TestClient, centre: Centre, as_role: Role
) -> None:
    """The same page for role department: the part it was called for, with its clock, and nothing of the others."""
    code = sorted(centre.org.departments)[0]
    other = sorted(centre.org.departments)[1]
    centre.accounts.add("bureau", "department", PASSWORD, NOW, code)
    no = a_case(web, as_role)
    sent = send(centre, no)
    actions.act(
        centre, no, "whistle", by=OPERATOR, seen=sent.version, departments=(code, other), text="带抽水泵"
    )  # fmt: skip
    bureau = as_role("bureau")
    (task,) = tasks(web, bureau, 1)
    assert (task["no"], task["part"], task["instructions"]) == (no, "called", "带抽水泵")
    assert [(clock["name"], clock["of"]) for clock in task["clocks"]] == [("check_in", code)]
    assert do(web, bureau, task, "acknowledge").json()["error"] == "wrong_patrol"
    came = do(web, bureau, task, "check_in")
    assert came.status_code == 200, came.text
    assert came.json()["task"]["part"] == "on_scene"
    assert do(web, bureau, task, "finish").json()["error"] == "needs_missing"
    assert do(web, bureau, task, "finish", text="已抽干").json()["task"] is None
    case = centre.queue.case(no)
    assert case is not None
    assert {part.department: part.state for part in case.tasks} == {code: "done", other: "called"}
    assert web.post(
        "/api/v1/field/position", json={"lon": 119.1, "lat": 34.9, "at": datetime.now(UTC).isoformat()}, headers=bureau
    ).status_code == 403  # fmt: skip


def test_an_account_outside_is_bound_and_one_of_the_desk_is_not(centre: Centre) -> None:
    """A phone of nobody would stay empty; a desk that is bound would mean nothing."""
    for role, bound in (("field", ""), ("department", ""), ("operator", "P-001")):
        with pytest.raises(AccountRefused):
            centre.accounts.add("x", role, PASSWORD, NOW, bound)
    centre.accounts.add("x", "field", PASSWORD, NOW, "P-001")
    token = centre.accounts.new_token("x")
    assert centre.accounts.by_token(token) == Viewer("x", "field", patrol="P-001")
    centre.accounts.set_role("x", "operator")
    assert centre.accounts.by_token(token) == Viewer("x", "operator")
    with pytest.raises(AccountRefused, match="--patrol"):
        centre.accounts.set_role("x", "field")


def test_every_act_of_the_page_is_in_the_table() -> None:
    """A phone offers what the table gives its role, and nothing that needs more than a text and a picture."""
    assert field.own_acts("field") == ("acknowledge", "depart", "arrive", "decline", "handle")
    assert field.own_acts("department") == (
        "acknowledge", "depart", "arrive", "decline", "check_in", "finish", "handle",
    )  # fmt: skip


def test_the_sketch_is_cut_in_metres_and_names_the_streets() -> None:
    """A road 100 m north of the place is 100 m above the middle; what lies outside is not in it; names are escaped."""
    place, north = Position(119.0, 35.0), 35.0 + 100 / 111_195
    far = {"layer": "road", "class": "street", "name": "远路"}
    base = {"type": "FeatureCollection", "features": [
        {"properties": {"layer": "road", "class": "street", "name": "A<b>路", "name_en": "A Road"},
         "geometry": {"type": "LineString", "coordinates": [[118.99, north], [119.01, north]]}},
        {"properties": far, "geometry": {"type": "LineString", "coordinates": [[119.1, 35.0], [119.1, 35.1]]}},
    ]}  # fmt: skip
    town = Surroundings(base)
    svg = town.sketch(place, "zh", 300)
    assert 'viewBox="-300 -168 600 336"' in svg
    assert "M-300 -100L300 -100" in svg
    assert "A&lt;b&gt;路" in svg
    assert "远路" not in svg
    assert town.street(place, "en") == "A Road"
    assert Surroundings({}).sketch(place, "zh").count("path") == 0
