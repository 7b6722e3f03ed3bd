"""`/api/v1/indicators`: figures by period and group, the cases behind them, what cannot be answered."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import msgspec
from fastapi.testclient import TestClient

from app.centre import Centre, open_archive
from streams.archive.follow import Keeper
from streams.snapshot import Snapshot
from tests.app.conftest import alert, report

Role = Callable[[str], dict[str, str]]


def begin(centre: Centre) -> None:
    """An archive of all that the streams hold, which began long ago."""
    archive = open_archive(centre)
    keeper = Keeper(centre.queue, archive.store, Snapshot)
    keeper.take()
    head = keeper.commit(centre.now())
    long_ago = msgspec.structs.replace(head.parts[0], day="2020-01-01", file="none", kind="contacts")
    archive.store.commit(msgspec.structs.replace(head, parts=(long_ago, *head.parts)))


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
    said = {"alerts_first": 3, "announced": 2, "announced_settled": 1, "settled_share": 1 / 3}
    assert today["alerts"] == said
    assert today["came_in"]["reported"] == 2
    begin(centre)
    (today,) = web.get("/api/v1/indicators", headers=headers).json()["items"]
    assert today["alerts"] == said, "the archive counts the same from alerts and changes"
    behind = web.get("/api/v1/indicators?open=announced_settled", headers=headers).json()
    assert [each["no"] for each in behind["items"]] == ["D-001/a"]


def test_a_figure_opens_to_its_cases(web: TestClient, as_role: Role, centre: Centre) -> None:
    """By day and by grid, from Redis and from the archive alike."""
    headers = as_role("operator")
    web.post("/api/v1/events", json=alert(), headers=headers)
    web.post("/api/v1/events", json=report(), headers=headers)
    for _ in range(2):
        answer = web.get("/api/v1/indicators?by=grid", headers=headers).json()
        assert len(answer["items"]) == 2
        for item in answer["items"]:
            assert item["name"]
            assert item["came_in"]["reported"] == 1
            opened = f"/api/v1/indicators?by=grid&open=reported&group={item['group']}"
            (case,) = web.get(opened, headers=headers).json()["items"]
            assert web.get(f"/api/v1/cases/{case['no']}", headers=headers).json()["grid"] == item["group"]
        begin(centre)


def test_the_groups_add_up(web: TestClient, as_role: Role, centre: Centre) -> None:
    """By whatever it is counted, each case is in one group; a level of grids adds up to the whole too."""
    headers = as_role("operator")
    for n in range(3):
        web.post("/api/v1/events", json=alert(id=f"e-{n}", alert=f"a-{n}", device=f"D-00{n + 1}"), headers=headers)
    begin(centre)
    opened = len(centre.queue.open_cases())
    for by in ("grid", "patrol", "squad", "district", "department", "town", "matter", "board", "module", "day,module",
               "grid&level=1", "week", "month,squad"):  # fmt: skip
        items = web.get(f"/api/v1/indicators?by={by}", headers=headers).json()["items"]
        assert sum(item["came_in"]["reported"] for item in items) == opened, by


def test_positions_are_counted_when_asked(web: TestClient, as_role: Role, centre: Centre) -> None:
    """Kilometres and visited grids, by squad, also on the first day of the archive; unasked there are none."""
    headers = as_role("operator")
    for n in range(3):
        at = (centre.now() + timedelta(seconds=10 * (n - 3))).isoformat()
        fix = {"kind": "position", "device": "P-001", "id": f"f-{n}", "at": at, "lon": 119.17, "lat": 34.94 + n / 1e4}
        web.post("/api/v1/events", json=fix, headers=headers)
    (item,) = web.get("/api/v1/indicators?by=squad&tracks=true", headers=headers).json()["items"]
    assert item["tracks"]["grids_visited"] == 1
    assert 0.021 < item["tracks"]["kilometres"] < 0.023
    assert web.get("/api/v1/indicators?by=squad", headers=headers).json()["items"] == []


def test_what_cannot_be_answered_is_said(web: TestClient, as_role: Role) -> None:
    """Each refusal names the value and what would do."""
    headers = as_role("operator")
    for asked, error, said in (
        ("by=street", "unknown_group", "by='street' is unknown: use one of day, week"),
        ("by=grid,patrol", "unknown_group", "give one period"),
        ("by=grid&level=9", "wrong_level", "level=9"),
        ("level=2", "wrong_level", "goes with by=grid only"),
        ("open=closing", "unknown_indicator", "'closing' is no indicator"),
        ("open=announced&by=squad", "unknown_indicator", "leave the group out"),
        ("from=2026-02-02&to=2026-02-01", "wrong_span", "from 2026-02-02 to 2026-02-01"),
        ("until=2020-01-01", "wrong_span", "until=2020-01-01"),
        ("from=tomorrow", "wrong_request", "from"),
        ("open=reported&cursor=x", "unknown_cursor", "'x' is no cursor"),
    ):
        answer = web.get(f"/api/v1/indicators?{asked}", headers=headers)
        assert (answer.status_code, answer.json()["error"]) == (422, error), asked
        assert said in answer.json()["message_en"], asked


def test_the_indicators_are_for_the_desk(web: TestClient, as_role: Role, centre: Centre) -> None:
    """A leader reads them; an officer outside and a stranger do not."""
    assert web.get("/api/v1/indicators", headers=as_role("leader")).status_code == 200
    assert web.get("/api/v1/indicators").status_code == 401
    centre.accounts.add("officer", "field", "a long enough password", centre.now(), "P-001")
    assert web.get("/api/v1/indicators", headers=as_role("officer")).status_code == 403
    found = web.get("/api/v1/indicators/definitions", headers=as_role("leader")).json()["items"]
    assert found[0]["name"] == "accepted"
