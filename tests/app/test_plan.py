"""The plan for all waiting cases by HTTP: who goes where, and that it can be carried out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from starlette.testclient import TestClient

from app.centre import Centre
from streams.codec import to_json
from streams.ingest import sort
from streams.mqtt import Message
from tests.app.conftest import alert

Role = Callable[[str], dict[str, str]]


def stand(centre: Centre, patrol: str, lon: float, lat: float) -> None:
    """The patrol is on duty and stands there now."""
    now = datetime.now(UTC)
    said = {"id": f"{patrol}-1", "at": now.isoformat(), "lon": lon, "lat": lat, "accuracy": 5}
    message = Message(f"gridpost/{centre.settings.site}/position/{patrol}", to_json(said), now)
    centre.queue.record(sort([message], centre.desk()).tagged, now)


def test_two_cases_get_the_two_who_are_nearest_to_them(web: TestClient, as_role: Role, centre: Centre) -> None:
    """Each patrol is planned once; sending by the plan's versions dispatches; a leader is refused."""
    headers = as_role("operator")
    centre.queue.register(centre.register.patrols)
    here, there = centre.register.devices["D-001"].position, centre.register.devices["D-100"].position
    people = [one.id for one in centre.register.patrols.values() if one.kind != "vessel"][:2]
    stand(centre, people[0], there.lon, there.lat)
    stand(centre, people[1], here.lon, here.lat)
    for body in (alert(), alert(device="D-100", alert="x2", id="a-2")):
        assert web.post("/api/v1/events", json=body, headers=headers).status_code == 202
    planned = web.get("/api/v1/plan", headers=headers).json()
    assert {item["case"]["device"]: item["patrol"] for item in planned["items"]} == {
        "D-001": people[1], "D-100": people[0],
    }  # fmt: skip
    assert planned["left"] == []
    for item in planned["items"]:
        sent = {"version": item["case"]["version"], "patrol": item["patrol"]}
        done = web.post(f"/api/v1/cases/{item['case']['no']}/dispatch", json=sent, headers=headers)
        assert (done.status_code, done.json()["patrol"]) == (200, item["patrol"])
    assert web.get("/api/v1/plan", headers=headers).json()["items"] == []
    assert web.get("/api/v1/plan", headers=as_role("leader")).status_code == 403


def test_a_case_without_anybody_says_why(web: TestClient, as_role: Role, centre: Centre) -> None:
    """Nobody was heard: the case is left, with the reason in both languages."""
    headers = as_role("supervisor")
    web.post("/api/v1/events", json=alert(), headers=headers)
    (left,) = web.get("/api/v1/plan", headers=headers).json()["left"]
    assert (left["reason"], left["reason_zh"]) == ("nobody", "没有可派的人")
