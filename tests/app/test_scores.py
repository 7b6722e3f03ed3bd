"""`/api/v1/scores`: who has how many points for what, and how a wrong one is put right."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient

from app.centre import Centre
from tests.app.conftest import alert

Role = Callable[[str], dict[str, str]]
WRONG = {"to": "person", "who": "P-001", "part": "post", "points": -1, "text": "错记", "request_id": "c-1"}


def work(web: TestClient, headers: dict[str, str]) -> str:
    """A case from alert to closing, by patrol P-001; its number."""
    (no,) = web.post("/api/v1/events", json=alert(), headers=headers).json()["opened"]
    for name, more in (("dispatch", {"patrol": "P-001"}), ("arrive", {}), ("handle", {"text": "好了"}), ("close", {})):
        version = web.get(f"/api/v1/cases/{no}", headers=headers).json()["version"]
        picture = {"image": "/media/" + "0" * 64} if name == "handle" else {}
        said = {"version": version, **more, **picture}
        answer = web.post(f"/api/v1/cases/{no}/{name}", json=said, headers=headers)
        assert answer.status_code == 200, answer.text
    return no


def test_every_point_of_a_score_names_its_act(web: TestClient, as_role: Role, centre: Centre) -> None:
    """The points add up to the score, and each is an entry in the log of its case."""
    headers = as_role("supervisor")
    no = work(web, headers)
    log = {(each["act"], each["at"]) for each in web.get(f"/api/v1/cases/{no}", headers=headers).json()["log"]}
    for by in ("person", "squad", "grid"):
        (score,) = web.get(f"/api/v1/scores?by={by}", headers=headers).json()["items"]
        assert score["name"]
        found = web.get(f"/api/v1/scores?by={by}&who={score['who']}", headers=headers).json()
        assert found["total"] == score["total"] == sum(score[part] for part in centre.score.parts) > 0
        assert {point["act"] for point in found["items"]} <= {act for act, _ in log}
        assert {point["no"] for point in found["items"]} == {no}


def test_a_correction_shows_with_its_reason(web: TestClient, as_role: Role) -> None:
    """Once, however often it is sent; a leader reads no free text."""
    headers = as_role("supervisor")
    work(web, headers)
    (before,) = web.get("/api/v1/scores", headers=headers).json()["items"]
    for _ in range(2):
        answer = web.post("/api/v1/scores/corrections", json=WRONG, headers=headers)
        assert answer.json() == {"log": "score:person/P-001", "entry": 1}
    (after,) = web.get("/api/v1/scores", headers=headers).json()["items"]
    assert after["total"] == before["total"] - 1
    last = web.get("/api/v1/scores?who=P-001", headers=headers).json()["items"][-1]
    assert (last["rule"], last["by"], last["text"]) == ("correction", "supervisor", "错记")
    last = web.get("/api/v1/scores?who=P-001", headers=as_role("leader")).json()["items"][-1]
    assert last["text"] is None


@pytest.mark.parametrize("role", ["operator", "leader"])
def test_only_supervisors_and_administrators_correct(web: TestClient, as_role: Role, role: str) -> None:
    """Others are told for whom it is."""
    answer = web.post("/api/v1/scores/corrections", json=WRONG, headers=as_role(role))
    assert answer.status_code == 403


@pytest.mark.parametrize(("wrong", "error"), [
    ({"who": "P-999"}, "bad_correction"), ({"points": 0}, "bad_correction"), ({"part": "x"}, "bad_correction"),
    ({"text": ""}, "wrong_request"), ({"to": "town"}, "bad_correction"), ({"text": "  "}, "bad_correction"),
])  # fmt: skip
def test_a_wrong_correction_says_what_would_do(
    web: TestClient, as_role: Role, wrong: dict[str, object], error: str
) -> None:
    """Refused with the value; the score is as it was."""
    headers = as_role("administrator")
    answer = web.post("/api/v1/scores/corrections", json=WRONG | wrong, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (422, error)
    assert web.get("/api/v1/scores", headers=headers).json()["items"] == []
    assert web.get("/api/v1/scores?by=town", headers=headers).json()["error"] == "unknown_group"
