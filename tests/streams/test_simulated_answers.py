"""The town answers the centre: culprits hear loudspeakers, departments come when they are called."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from streams.matters import load_matters
from streams.simulated_alerts import LEAVE, VIOLATIONS
from streams.simulated_memory import Memory
from streams.simulator import Load, Place, Sent, Town
from tests.streams.simulated import DATA, MORNING, body, kind, name, seconds, task, wanghai

BUSY = Load(3000, 1, 1)


@pytest.fixture(scope="module")
def place() -> Place:
    """The demo town."""
    return wanghai()


def asked(town: Town, sent: Sent, after: float) -> None:
    """The loudspeaker of the camera speaks some seconds after the alert was first seen."""
    said = {"text": "请离开", "repeat": 2, "alert": f"{name(sent)}/{body(sent)['alert']}"}
    at = sent.at + timedelta(seconds=after)
    town.hear(f"gridpost/here/announce/{name(sent)}", json.dumps(said).encode(), at)


def test_violations_are_the_matters_that_announce_first() -> None:
    """The 12 kinds for which the catalogue lets a loudspeaker speak, each seen by a camera of some network."""
    matters = load_matters(DATA / "matters.toml")
    first = {category for category, matter in matters.by_category.items() if matter.announce}
    assert len(VIOLATIONS) == 12
    assert first >= VIOLATIONS
    assert len({matter.key for matter in matters.matters.values() if matter.announce}) == 12
    assert {matter.recheck for matter in matters.matters.values() if matter.announce} <= set(range(60, 181))


def test_most_culprits_leave_when_they_are_asked_to_and_the_others_are_seen_again(place: Place) -> None:
    """Who leaves is gone within 40 s; who stays is seen within 40 s, and for at least ten minutes."""
    town = Town(place, site="here", seed=3, start=MORNING, load=BUSY, opening=False)
    phases: dict[str, list[tuple[float, str]]] = defaultdict(list)
    heard: dict[str, float] = {}
    for step in range(1, 361):
        for sent in town.until(MORNING + timedelta(seconds=10 * step)):
            if kind(sent) != "alert" or body(sent)["category"] not in VIOLATIONS:
                continue
            assert place.register.devices[name(sent)].loudspeaker
            alert = body(sent)["alert"]
            phases[alert].append((seconds(sent), body(sent)["phase"]))
            if body(sent)["phase"] == "new" and step < 260:
                asked(town, sent, 10)
                heard[alert] = 10 * step + 10.0
    left = stayed = 0
    for alert, at in heard.items():
        end = next((when for when, phase in phases[alert] if phase == "end"), None)
        if end is not None and end - at <= 40:
            left += 1
        else:
            stayed += 1
            assert end is None or end - at >= 590
            assert any(0 < when - at <= 45 for when, phase in phases[alert] if phase == "update")
        assert [phase for _, phase in phases[alert]].count("end") <= 1
    assert left + stayed > 60
    assert town.alerts is not None
    assert town.alerts.left == left
    assert left / (left + stayed) == pytest.approx(LEAVE, abs=0.12)


def test_an_announcement_to_nobody_disturbs_nobody(place: Place) -> None:
    """Nonsense, or an alert that the town does not know."""
    town = Town(place, site="here", seed=3, start=MORNING)
    for payload in (b"", b"[]", b'{"alert":1}', b'{"alert":"D-001/unknown"}'):
        town.hear("gridpost/here/announce/D-001", payload, MORNING)
    assert town.alerts is not None
    assert town.alerts.left == 0


def replies(town: Town, until: float) -> list[Sent]:
    """What is answered up to so many seconds."""
    return [each for each in town.until(MORNING + timedelta(seconds=until)) if kind(each) == "reply"]


def called(town: Town, department: str, act: str, **fields: Any) -> None:
    """The centre tells a department something, 60 s after the start."""
    payload = {"act": act, "dispatch": "", "case": "c1", **fields}
    at = MORNING + timedelta(seconds=60)
    town.hear(f"gridpost/here/task/{department}", json.dumps(payload).encode(), at)


def test_a_called_department_sends_its_car_and_says_when_it_is_done(place: Place) -> None:
    """The car stands at the case (the centre checks it in), then the department finishes its part; nothing else."""
    town = Town(place, site="here", seed=9, start=MORNING)
    replies(town, 30)
    goal = (119.2, 34.9)
    called(town, "police", "call", lon=goal[0], lat=goal[1])
    called(town, "police", "call", lon=goal[0], lat=goal[1])
    cars = {patrol.id for patrol in place.register.patrols.values() if patrol.department == "police"}
    sent = list(town.until(MORNING + timedelta(hours=3)))
    said = [(name(each), body(each)["act"], body(each)["case"]) for each in sent if kind(each) == "reply"]
    assert said == [("police", "finish", "c1")]
    near = Counter(
        name(each) for each in sent if kind(each) == "position" and name(each) in cars
        and abs(body(each)["lon"] - goal[0]) < 0.0005 and abs(body(each)["lat"] - goal[1]) < 0.0005
    )  # fmt: skip
    assert len([car for car, fixes in near.items() if fixes > 30]) == 1


def test_a_department_without_a_car_comes_all_the_same(place: Place) -> None:
    """It checks in and finishes by itself; one that is released says nothing more."""
    town = Town(place, site="here", seed=9, start=MORNING)
    replies(town, 30)
    called(town, "party", "call", lon=119.2, lat=34.9)
    called(town, "justice", "call", lon=119.2, lat=34.9)
    called(town, "justice", "dismiss")
    said = [(name(each), body(each)["act"]) for each in replies(town, 3 * 3600)]
    assert said == [("party", "check_in"), ("party", "finish")]


def test_a_department_answers_a_case_that_is_all_its_own(place: Place) -> None:
    """Dispatched to it as a whole: acknowledge, depart, arrive, handle; withdrawn: silence."""
    town = Town(place, site="here", seed=9, start=MORNING)
    replies(town, 30)
    called(town, "planning", "assign", dispatch="d1")
    called(town, "planning", "assign", dispatch="d2")
    called(town, "planning", "withdraw", dispatch="d2")
    said = [(body(each)["act"], body(each)["dispatch"]) for each in replies(town, 4 * 3600)]
    assert said == [(act, "d1") for act in ("acknowledge", "depart", "arrive", "handle")]


def test_a_restarted_town_takes_up_what_it_had_not_finished(tmp_path: Path, place: Place) -> None:
    """Tasks that were answered but not done are begun anew, what is done is not; the scene opens once a day."""
    memory = Memory(tmp_path / "town.json")
    first = Town(place, site="here", seed=9, start=MORNING)
    replies(first, 30)
    ready = [name(each) for each in first.until(MORNING + timedelta(seconds=40)) if kind(each) == "position"]
    patrol = next(each for each in ready if not place.register.patrols[each].department)
    first.task(patrol, task("assign", "d1", (119.2, 34.9)), MORNING + timedelta(seconds=60))
    called(first, "party", "call", lon=119.2, lat=34.9)
    called(first, "justice", "call", lon=119.2, lat=34.9)
    called(first, "justice", "dismiss")
    replies(first, 100)
    memory.keep(first, "2026-11-18")

    again = Memory(tmp_path / "town.json")
    assert again.opened("2026-11-18")
    assert not again.opened("2026-11-19")
    second = Town(place, site="here", seed=9, start=MORNING, opening=False)
    second.resume(again.tasks, MORNING)
    said = {(name(each), body(each)["act"]) for each in replies(second, 3 * 3600)}
    assert {(patrol, "handle"), ("party", "finish")} <= said
    assert not any(who == "justice" for who, _ in said)
    again.keep(second, "2026-11-18")
    assert Memory(tmp_path / "town.json").tasks == ()
