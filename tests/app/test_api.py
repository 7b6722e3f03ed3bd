"""The HTTP API and what stands in front of it."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi.testclient import TestClient

from app import operations
from app.centre import Centre
from streams.errors import Unreachable
from tests.app.conftest import PASSWORD, alert, report
from tests.conftest import wait_until

Role = Callable[[str], dict[str, str]]
GUARDED = (
    "/api/v1/grids", "/api/v1/patrols", "/api/v1/cases", "/api/v1/cases/x", "/api/v1/events", "/api/v1/dead",
    "/api/v1/indicators", "/feed", "/style.json", "/metrics", "/api/openapi.json", "/media/" + "0" * 64,
    "/_dash-layout", "/_dash-dependencies",
)  # fmt: skip


def open_case(web: TestClient, headers: dict[str, str], **fields: Any) -> dict[str, Any]:
    """A case that a camera's alert opened: accepted by the rule, version 3."""
    answer = web.post("/api/v1/events", json=alert(**fields), headers=headers)
    assert answer.status_code == 202, answer.text
    return web.get(f"/api/v1/cases/{answer.json()['opened'][0]}", headers=headers).json()  # type: ignore[no-any-return]


@pytest.mark.parametrize("path", GUARDED)
def test_nothing_is_given_to_a_stranger(web: TestClient, path: str) -> None:
    """Programs hear 401 in both languages."""
    answer = web.get(path)
    assert answer.status_code == 401
    assert answer.json()["error"] == "sign_in_first"
    assert answer.json()["message_zh"]
    assert answer.json()["message_en"]


@pytest.mark.parametrize("path", ["/dispatch", "/wall", "/daily"])
def test_a_stranger_is_led_to_the_sign_in_page_and_back(web: TestClient, path: str) -> None:
    """Pages redirect with `next`."""
    answer = web.get(path)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/sign-in?next={path}")
    assert web.get("/sign-in").status_code == 200


def test_an_address_that_names_a_moment_survives_the_sign_in(web: TestClient) -> None:
    """What stands behind the question mark comes along: a moment of the past, a filter."""
    asked = "/dispatch?at=2026-11-22T08:00:00%2B08:00"
    led = web.get(asked).headers["location"]
    assert parse_qs(urlsplit(led).query)["next"] == [asked]


def test_health_is_for_everybody(web: TestClient) -> None:
    """Probes have no account."""
    assert web.get("/healthz").json()["status"] == "ok"
    wait_until(lambda: web.get("/readyz").status_code == 200)


def test_a_post_from_another_site_is_refused(web: TestClient, centre: Centre) -> None:
    """A cookie alone does not act: the browser must say that the request comes from our own pages."""
    web.post("/sign-in", data={"name": "operator", "password": PASSWORD})
    for origin in ({"Origin": "https://evil.example"}, {}):
        answer = web.post("/api/v1/events", json=report(), headers=origin)
        assert (answer.status_code, answer.json()["error"]) == (403, "foreign_origin")
    answer = web.post("/api/v1/events", json=report(), headers={"Origin": "http://gridpost.test"})
    assert answer.json()["result"] == "accepted"


def test_every_answer_carries_the_security_headers(web: TestClient) -> None:
    """No inline script without its hash, nothing from elsewhere, no framing."""
    headers = web.get("/sign-in").headers
    policy = headers["content-security-policy"]
    assert "script-src 'self' 'sha256-" in policy
    assert "unsafe-inline" not in policy.split("script-src")[1].split(";")[0]
    assert "worker-src 'self' blob:" in policy
    assert headers["x-content-type-options"] == "nosniff"


def test_every_inline_script_of_a_page_is_allowed_by_its_hash(web: TestClient, as_role: Role) -> None:
    """What Dash writes into the page runs under the policy, on the first page already."""
    import base64
    import hashlib

    answer = web.get("/dispatch", headers=as_role("operator"))
    page = re.sub(r"<!--.*?-->", "", answer.text, flags=re.DOTALL)
    scripts = re.findall(r"<script(?![^>]*(?:src=|application/json))[^>]*>(.*?)</script>", page, re.DOTALL)
    assert scripts
    for script in scripts:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in answer.headers["content-security-policy"]


def test_the_documentation_page_needs_nothing_from_elsewhere(web: TestClient, as_role: Role) -> None:
    """It lists the routes and names no other host."""
    page = web.get("/api/docs", headers=as_role("leader")).text
    assert "POST /api/v1/cases/{no}/{act}" in page
    assert not re.search(r"(?:src|href)=[\"']?(?:https?:)?//", page)


def test_grids_come_as_json_and_as_geojson(web: TestClient, as_role: Role, centre: Centre) -> None:
    """The same grids; with `grid` only those below; an unknown code is refused."""
    headers = as_role("leader")
    items = web.get("/api/v1/grids", headers=headers).json()["items"]
    shapes = web.get("/api/v1/grids", headers=headers | {"Accept": "application/geo+json"})
    assert shapes.headers["content-type"].startswith("application/geo+json")
    assert len(items) == len(shapes.json()["features"]) == len(centre.grids.grids)
    assert "Polygon" in shapes.json()["features"][0]["geometry"]["type"]
    district = next(grid for grid in centre.grids.grids if grid.level == 2)
    below = web.get(f"/api/v1/grids?grid={district.code}", headers=headers).json()["items"]
    assert 1 < len(below) < len(items)
    assert web.get("/api/v1/grids?grid=none", headers=headers).json()["error"] == "unknown_grid"


def test_a_list_is_read_page_by_page(web: TestClient, as_role: Role, centre: Centre) -> None:
    """Following `next` gives every item once."""
    headers, seen, cursor = as_role("leader"), [], ""
    while True:
        page = web.get(f"/api/v1/patrols?limit=30&cursor={cursor}", headers=headers).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == sorted(centre.register.patrols)


def test_an_event_by_http_becomes_a_case_like_one_by_mqtt(web: TestClient, as_role: Role) -> None:
    """It is tagged, opens a case, and the same again is a duplicate."""
    headers = as_role("operator")
    first = web.post("/api/v1/events", json=report(), headers=headers)
    again = web.post("/api/v1/events", json=report(), headers=headers)
    assert (first.status_code, first.json()["result"]) == (202, "accepted")
    assert again.json()["result"] == "duplicate"
    (case,) = web.get("/api/v1/cases?state=reported", headers=headers).json()["items"]
    assert case["no"] == first.json()["opened"][0]
    assert case["grid"]
    assert case["grids"][0] == "329901101"
    assert len(case["cell"]) == 15
    (event,) = web.get("/api/v1/events", headers=headers).json()["items"]
    assert (event["kind"], event["case"], event["grid"]) == ("report", case["no"], case["grid"])


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (report(lon=999), "impossible_place"), (report(lon="x"), "wrong_type"), ({"kind": "report"}, "missing"),
        (report(kind="nonsense"), "unknown_kind"), (["x"], "wrong_type"), (report(text="x" * 70_000), "too_large"),
    ],
)  # fmt: skip
def test_an_event_that_cannot_be_used_says_why(web: TestClient, as_role: Role, said: Any, reason: str) -> None:
    """The answer has the reason; whatever had a topic is in the dead letters too."""
    answer = web.post("/api/v1/events", json=said, headers=as_role("operator")).json()
    answer = answer["items"][0] if "items" in answer else answer
    assert answer["result"] == "refused"
    assert answer["reason"] == reason


def test_contacts_are_masked_for_all_and_text_is_hidden_from_leaders(web: TestClient, as_role: Role) -> None:
    """199****1234; a telephone number inside a text too; a leader reads neither."""
    operator, leader = as_role("operator"), as_role("leader")
    no = web.post("/api/v1/events", json=report(), headers=operator).json()["opened"][0]
    seen = web.get(f"/api/v1/cases/{no}", headers=operator).json()
    assert seen["contact"] == "199****1234"
    assert seen["text"] == "邻居垃圾，电话 138****5678"
    for path in (f"/api/v1/cases/{no}", "/api/v1/cases", "/api/v1/events"):
        text = web.get(path, headers=leader).text
        assert "邻居" not in text
        assert "1234" not in text
    assert "19912341234" not in web.get("/api/v1/events", headers=operator).text


def test_a_case_goes_all_the_way_by_http(web: TestClient, as_role: Role, centre: Centre) -> None:
    """Dispatch, acknowledge, arrive, handle, close: each with the version seen, each in the log with its person."""
    headers = as_role("supervisor")
    case = open_case(web, headers)
    assert (case["state"], case["version"], case["acts"]) == (
        "accepted", 3, ["place", "dispatch", "whistle", "reject", "suspend", "extend", "merge"]
    )
    version = case["version"]
    for act in ("dispatch", "acknowledge", "arrive", "handle", "close"):
        said = {"version": version, "patrol": "P-001" if act == "dispatch" else "", "text": act}
        answer = web.post(f"/api/v1/cases/{case['no']}/{act}", json=said, headers=headers)
        assert answer.status_code == 200, answer.text
        version = answer.json()["version"]
    done = web.get(f"/api/v1/cases/{case['no']}", headers=headers).json()
    assert done["state"] == "closed"
    assert [entry["act"] for entry in done["log"]][-2:] == ["handle", "close"]
    assert {entry["by"] for entry in done["log"][3:]} == {"supervisor"}
    assert {clock["name"] for clock in done["clocks"]} == {"respond", "arrive", "handle"}
    assert all(clock["done"] for clock in done["clocks"])


def test_of_two_dispatches_in_the_same_instant_one_wins_and_the_other_hears_who(
    web: TestClient, as_role: Role
) -> None:
    """409 says who, what and when; nothing was changed by the second."""
    one, two = as_role("operator"), as_role("supervisor")
    case = open_case(web, one)

    def send(headers: dict[str, str], patrol: str) -> Any:
        said = {"version": 3, "patrol": patrol}
        return web.post(f"/api/v1/cases/{case['no']}/dispatch", json=said, headers=headers)

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(send, (one, two), ("P-001", "P-002")))
    won = next(answer for answer in answers if answer.status_code == 200).json()
    lost = next(answer for answer in answers if answer.status_code != 200)
    assert lost.status_code == 409
    said = lost.json()
    assert (said["error"], said["act"], said["patrol"]) == ("case_taken", "dispatch", won["patrol"])
    assert (said["seen"], said["version"]) == (3, 4)
    assert said["by"] in said["message_zh"]
    assert said["by"] in said["message_en"]


def test_refusals_have_their_own_status_and_change_nothing(web: TestClient, as_role: Role) -> None:
    """Unknown case 404, busy patrol 409, jump 422, unknown patrol 422, no version 422, a leader 403."""
    headers = as_role("operator")
    case, other = open_case(web, headers), open_case(web, headers, device="D-100", alert="x2", id="a-2")
    go = {"version": 3, "patrol": "P-001"}
    assert web.post(f"/api/v1/cases/{other['no']}/dispatch", json=go, headers=headers).status_code == 200
    path = f"/api/v1/cases/{case['no']}"
    for address, said, status, error in (
        ("/api/v1/cases/none/dispatch", go, 404, "no_such_case"),
        (f"{path}/dispatch", go, 409, "patrol_busy"),
        (f"{path}/close", {"version": 3}, 422, "jump_refused"),
        (f"{path}/dance", {"version": 3}, 422, "jump_refused"),
        (f"{path}/dispatch", {"version": 3, "patrol": "P-999"}, 422, "patrol_unknown"),
        (f"{path}/dispatch", {"version": 3}, 422, "needs_missing"),
        (f"{path}/dispatch", {"patrol": "P-002"}, 422, "missing"),
        (f"{path}/dispatch", {"version": "x"}, 422, "wrong_request"),
    ):  # fmt: skip
        answer = web.post(address, json=said, headers=headers)
        assert (answer.status_code, answer.json()["error"]) == (status, error)
        assert answer.json()["message_zh"] and answer.json()["message_en"]  # noqa: PT018  both, always
    refused = web.post(f"{path}/dispatch", json={"version": 3, "patrol": "P-002"}, headers=as_role("leader"))
    assert (refused.status_code, refused.json()["error"]) == (403, "not_allowed")
    assert web.get(path, headers=headers).json()["version"] == 3


def test_a_click_that_arrives_twice_is_done_once(web: TestClient, as_role: Role) -> None:
    """The same request id gives the same answer and no second entry."""
    headers = as_role("operator")
    case = open_case(web, headers)
    said = {"version": 3, "patrol": "P-001", "request_id": "click-1"}
    answers = [web.post(f"/api/v1/cases/{case['no']}/dispatch", json=said, headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    log = web.get(f"/api/v1/cases/{case['no']}", headers=headers).json()["log"]
    assert [entry["act"] for entry in log].count("dispatch") == 1


def test_indicators_reconcile(web: TestClient, as_role: Role) -> None:
    """Inflow = dispatched + waiting, by day, grid and department."""
    headers = as_role("operator")
    case = open_case(web, headers)
    web.post("/api/v1/events", json=report(), headers=headers)
    go = {"version": 3, "patrol": "P-001"}
    web.post(f"/api/v1/cases/{case['no']}/dispatch", json=go, headers=headers)
    (today,) = web.get("/api/v1/indicators", headers=headers).json()["items"]
    came = today["came_in"]
    assert (came["reported"], came["dispatched"], came["waiting"]) == (2, 1, 1)
    for by in ("grid", "department"):
        items = web.get(f"/api/v1/indicators?by={by}", headers=headers).json()["items"]
        assert sum(item["came_in"]["reported"] for item in items) == 2
    assert web.get("/api/v1/indicators?from=2020-01-01", headers=headers).json()["error"] == "wrong_span"


def test_a_fault_becomes_a_sentence_with_an_id_that_the_log_has(
    web: TestClient, as_role: Role, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """No traceback reaches a user. (The fault is made on purpose, so it must be a stand-in.)"""
    headers = as_role("operator")

    def broken(_: object) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(operations, "_Numbers", broken)
    with caplog.at_level(logging.ERROR):
        answer = web.get("/metrics", headers=headers)
    assert answer.status_code == 500
    assert "secret detail" not in answer.text
    found = re.search(r"id (\w{8})", answer.json()["message_en"])
    assert found
    assert found[1] in caplog.text
    assert "secret detail" in caplog.text


def test_metrics_are_in_the_format_of_prometheus(web: TestClient, as_role: Role) -> None:
    """Counts of today and the state of the feed."""
    headers = as_role("operator")
    open_case(web, headers)
    text = web.get("/metrics", headers=headers).text
    assert re.search(r'gridpost_today\{.*what="events:alert"\} 1\.0', text)
    assert "gridpost_cases_open 1.0" in text


def test_without_redis_everybody_hears_why(web: TestClient, as_role: Role, centre: Centre) -> None:
    """503 in both languages, and not ready."""
    headers = as_role("operator")
    centre.queue.redis.connection_pool.disconnect(inuse_connections=False)
    centre.queue.redis.connection_pool.connection_kwargs["port"] = 1
    with pytest.raises(Unreachable):
        centre.queue.last_change()
    answer = web.get("/api/v1/cases", headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (503, "unreachable")
    ready = web.get("/readyz")
    assert ready.status_code == 503
    assert "redis" in [reason["what"] for reason in ready.json()["reasons"]]


def test_a_mistyped_state_is_refused_not_answered_with_nothing(web: TestClient, as_role: Role) -> None:
    """An empty list would look like a calm town."""
    for path in ("cases", "patrols"):
        answer = web.get(f"/api/v1/{path}?state=bogus", headers=as_role("operator"))
        assert answer.status_code == 422
        assert "bogus" in answer.text
