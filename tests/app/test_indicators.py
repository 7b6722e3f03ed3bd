"""The indicators that are counted and not worked out from cases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from fastapi.testclient import TestClient

from app.centre import Centre
from tests.app.conftest import alert


def test_the_share_settled_by_announcement_stands_beside_the_inflow(
    web: TestClient, as_role: Callable[[str], dict[str, str]], centre: Centre
) -> None:
    """Of three alerts of matters that announce first one is gone when somebody looks again: it opened no case."""
    headers = as_role("operator")
    for camera, series in (("D-001", "a"), ("D-004", "b")):
        said = alert(device=camera, id=series, category="roadside_stall", severity=2, alert=series)
        assert web.post("/api/v1/events", json=said, headers=headers).json()["opened"] == []
    far = alert(device="D-007", id="e-9", category="roadside_stall", severity=2, alert="c")
    assert web.post("/api/v1/events", json=far, headers=headers).json()["opened"], "no loudspeaker there"
    for name, task in centre.queue.tasks("clock", 10):  # the loudspeakers speak
        centre.queue.task_done(name, task["alert"], centre.now(), int(task["until"]) - int(task["at"]))
    still = alert(device="D-004", id="b-2", category="roadside_stall", severity=2, alert="b", phase="update")
    web.post("/api/v1/events", json=still, headers=headers)
    centre.queue.look(centre.now() + timedelta(minutes=10))
    (today,) = web.get("/api/v1/indicators", headers=headers).json()["items"]
    assert today["announced"] == {"alerts": 3, "announced": 2, "settled": 1, "share": 1 / 3}
    assert today["came_in"]["inflow"] == 2
