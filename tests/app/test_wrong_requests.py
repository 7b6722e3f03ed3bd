"""Requests that nobody sends by mistake: each is refused with a sentence, none is a fault of the server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.centre import Centre
from tests.app.conftest import alert, report

Role = Callable[[str], dict[str, str]]
JSON = {"Content-Type": "application/json"}


def opened(web: TestClient, headers: dict[str, str]) -> str:
    """An accepted case."""
    no: str = web.post("/api/v1/events", json=alert(), headers=headers).json()["opened"][0]
    return no


@pytest.mark.parametrize(
    "path",
    [
        "cases?since=0001-01-01T00:00:00%2B14:00", "cases?since=9999-12-31T23:59:59-12:00",
        "events?since=0001-01-01T00:00:00%2B14:00", "events?cursor=abc", "events?cursor=99999999999999999999-0",
        "dead?cursor=abc", "trace?day=0001-01-01",
    ],
)  # fmt: skip
def test_a_list_refuses_times_and_cursors_that_cannot_be(web: TestClient, as_role: Role, path: str) -> None:
    """Not as if the database were away, and not as a fault."""
    answer = web.get(f"/api/v1/{path}", headers=as_role("operator"))
    assert answer.status_code == 422, answer.text
    assert answer.json()["error"] in ("wrong_type", "unknown_cursor")


@pytest.mark.parametrize(
    "body",
    [
        '{"kind":"report","device":"hotline","id":"1","at":0,"category":"rubbish","text":"\\ud800"}',
        '{"topic":"gridpost/x/report/hotline","payload":"\\ud800"}', '{"topic":"gridpost/\\ud800/x","payload":"{}"}',
    ],
)  # fmt: skip
def test_half_a_character_is_refused_as_the_event_that_it_is_in(web: TestClient, as_role: Role, body: str) -> None:
    """JSON can say half of a pair, which is no text; the rest of a list goes on."""
    answer = web.post("/api/v1/events", content=f"[{body}]", headers=as_role("operator") | JSON)
    assert answer.status_code == 200, answer.text
    assert answer.json()["items"][0]["reason"] == "not_text"


@pytest.mark.parametrize(
    ("act", "given"),
    [
        ("dispatch", {"version": 10**30, "patrol": "P"}), ("dispatch", {"version": -1, "patrol": "P"}),
        ("split", {"event": "abc"}), ("split", {"event": "9" * 30 + "-0"}), ("place", {"lon": "NaN", "lat": 1}),
        ("extend", {"limit": "9999d work_day", "text": "x"}), ("whistle", {"departments": ["d"] * 10_000}),
        ("suspend", {"until": "9999-12-31T23:59:59-12:00", "text": "x"}), ("ask", {"wanted": 'x"}', "text": "x"}),
        ("dispatch", {"patrol": "P", "department": "police"}), ("handle", {"text": "x", "image": "http://else/x"}),
    ],
)  # fmt: skip
def test_an_act_refuses_what_cannot_be(web: TestClient, as_role: Role, act: str, given: dict[str, Any]) -> None:
    """The sentence is there in both languages, and the case is as it was."""
    headers = as_role("supervisor")
    no = opened(web, headers)
    answer = web.post(f"/api/v1/cases/{no}/{act}", json={"version": 3} | given, headers=headers)
    assert answer.status_code == 422, answer.text
    assert answer.json()["message_zh"]
    assert answer.json()["message_en"]
    assert web.get(f"/api/v1/cases/{no}", headers=headers).json()["version"] == 3


def test_a_refusal_names_departments_by_name(web: TestClient, as_role: Role, centre: Centre) -> None:
    """People know the station, not its code, which stands beside it for programs."""
    headers = as_role("supervisor")
    no, body = opened(web, headers), centre.org.departments["police"]
    called = web.post(f"/api/v1/cases/{no}/whistle", json={"version": 3, "departments": ["police"]}, headers=headers)
    again = {"version": called.json()["version"], "departments": ["police"]}
    answer = web.post(f"/api/v1/cases/{no}/whistle", json=again, headers=headers).json()
    assert answer["message_zh"].startswith(body.name)
    assert answer["message_en"].startswith(body.name_en)
    assert answer["department"] == "police"


def test_why_a_message_was_refused_may_quote_it(web: TestClient, as_role: Role) -> None:
    """So a leader reads the reason's key and no words, and nobody a whole telephone number."""
    web.post("/api/v1/events", json=report(category=["邻居 13812345678"]), headers=as_role("operator"))
    (shown,) = web.get("/api/v1/dead", headers=as_role("operator")).json()["items"]
    assert "1381234" not in f"{shown}"
    (hidden,) = web.get("/api/v1/dead", headers=as_role("leader")).json()["items"]
    assert (hidden["reason"], hidden["text"], hidden["payload"]) == ("wrong_type", None, None)


def test_a_leader_does_nothing_but_rate(web: TestClient, as_role: Role) -> None:
    """Whatever else is asked for, and whoever is named in it."""
    no, headers = opened(web, as_role("operator")), as_role("leader")
    given = {"version": 3, "text": "x", "role": "supervisor", "by": "supervisor", "wanted": "extend", "into": "x"}
    for act in ("verify", "dispatch", "ask", "refuse", "reject", "handle", "merge"):
        assert web.post(f"/api/v1/cases/{no}/{act}", json=given, headers=headers).status_code == 403
    assert web.post("/api/v1/events", json=report(), headers=headers).status_code == 403
