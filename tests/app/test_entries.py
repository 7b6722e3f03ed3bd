"""No act without its entry (全程留痕): whatever is asked for, over HTTP or by a reply, either leaves exactly one entry
in the log of its case and the same one in the stream, or is refused and leaves none."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest
from fastapi.testclient import TestClient

from app.centre import Centre
from streams import ingest
from streams.kept import KeptTrace
from streams.model import ReplyAct, State
from streams.mqtt import Batch, Message
from streams.proof import local_days, prove
from streams.workflow import ACTS, BY_NAME, STATE_NAMES
from tests.app.conftest import alert, report

Role = Callable[[str], dict[str, str]]
Fields = dict[str, Any]
TO: dict[State, tuple[str, ...]] = {
    State.REPORTED: (), State.VERIFIED: ("verify",), State.ACCEPTED: ("verify", "accept"),
    State.DISPATCHED: ("verify", "accept", "dispatch"),
    State.ACKNOWLEDGED: ("verify", "accept", "dispatch", "acknowledge"),
    State.ON_THE_WAY: ("verify", "accept", "dispatch", "depart"),
    State.ON_SCENE: ("verify", "accept", "dispatch", "arrive"),
    State.HANDLED: ("verify", "accept", "dispatch", "handle"),
    State.CLOSED: ("verify", "accept", "dispatch", "handle", "close"),
    State.RATED: ("verify", "accept", "dispatch", "handle", "close", "rate"),
    State.SUSPENDED: ("verify", "accept", "suspend"), State.REJECTED: ("reject",), State.MERGED: ("merge",),
}  # fmt: skip
"""How a case comes into each state."""


class World:
    """The town with one supervisor who acts over HTTP, and patrols who answer over MQTT."""

    def __init__(self, web: TestClient, headers: dict[str, str], centre: Centre) -> None:
        self.web, self.headers, self.centre = web, headers, centre
        self.desk = centre.desk()
        self.made = 0
        self.free = [one.id for one in centre.register.patrols.values() if one.kind == "person"]

    def opened(self, **more: Any) -> str:
        """A new reported case, far from all others."""
        self.made += 1
        grids = [grid for grid in self.centre.grids.finest if grid.kind == "general"]
        place = grids[self.made % len(grids)].geometry.representative_point()
        matters = [m for m in self.centre.matters.matters.values() if m.opens_on and not m.proof]
        category = matters[self.made // len(grids)].opens_on[0]
        said = report(id=f"r-{self.made}", lon=place.x, lat=place.y, category=category) | more
        answer = self.web.post("/api/v1/events", json=said, headers=self.headers).json()
        assert answer["opened"], answer
        return str(answer["opened"][0])

    def case(self, no: str) -> dict[str, Any]:
        found: dict[str, Any] = self.web.get(f"/api/v1/cases/{no}", headers=self.headers).json()
        return found

    def fields(self, name: str, state: State = State.ACCEPTED) -> Fields:
        """What the act needs, and nothing else; what is asked for is a side exit of the state, if it has one."""
        first, place = self.departments()[0], self.centre.grids.finest[0].geometry.representative_point()
        wanted = next((row.name for row in ACTS if row.side and state in row.before), "extend")
        given: dict[str, Fields] = {
            "matter": {"matter": next(iter(self.centre.matters.matters))}, "text": {"text": "已处理"},
            "place": {"lon": place.x, "lat": place.y},
            "departments": {"departments": [first]}, "department": {"department": first},
            "limit": {"limit": "2d work_day"}, "event": {"event": "1-0"}, "score": {"score": 4},
            "wanted": {"wanted": wanted}, "proof": {"image": "/media/" + "0" * 64},
        }  # fmt: skip
        found: Fields = {}
        for need in BY_NAME[name].needs:
            if need == "who":
                found["patrol"] = self.free.pop()
            elif need == "into":
                found["into"] = self.opened()
            else:
                found |= given[need]
        return found

    def departments(self) -> list[str]:
        return sorted(self.centre.org.departments)

    def act(self, no: str, name: str, fields: Fields | None = None) -> Any:
        """One act over HTTP on the case as it is."""
        body = {"version": self.case(no)["version"]} | (self.fields(name) if fields is None else fields)
        return self.web.post(f"/api/v1/cases/{no}/{name}", json=body, headers=self.headers)

    def brought(self, state: State) -> str:
        """A case in that state, by acts alone."""
        no = self.opened()
        for name in TO[state]:
            answer = self.act(no, name)
            assert answer.status_code == 200, (name, answer.text)
        assert self.case(no)["state"] == state.value
        return no

    def entries(self) -> list[tuple[str, bytes]]:
        """Case and entry, as the stream has them."""
        found, after = [], "0-0"
        while page := self.centre.queue.acts(after):
            found += [(act.no, act.entry) for act in page]
            after = page[-1].id
        return found

    def reply(self, no: str, name: str, dispatch: str, device: str) -> None:
        """An answer from the field, through ingest."""
        now = datetime.now(UTC)
        self.made += 1
        payload = {"dispatch": dispatch, "case": no, "act": name, "at": now.isoformat(), "text": "已处理",
                   "id": f"reply-{self.made}"}  # fmt: skip
        topic = f"gridpost/{self.desk.site}/reply/{device}"
        message = Message(topic, json.dumps(payload).encode(), now)
        ingest.finish(Batch((message,), lambda: None), ingest.sort((message,), self.desk), self.desk)

    def check(self) -> None:
        """The whole trace holds against logs and cases."""
        now = datetime.now(UTC) + timedelta(seconds=1)
        proof = prove(KeptTrace(self.centre.queue), now, local_days(self.centre.settings.tz))
        assert proof.broken is None


@pytest.fixture
def world(web: TestClient, as_role: Role, centre: Centre) -> World:
    """The committed town."""
    return World(web, as_role("supervisor"), centre)


def test_every_case_begins_with_its_entries(world: World) -> None:
    """A report leaves one, an alert that the rule accepts leaves three."""
    no = world.opened()
    assert [json.loads(entry)["act"] for case, entry in world.entries() if case == no] == ["report"]
    answer = world.web.post("/api/v1/events", json=alert(), headers=world.headers).json()
    (other,) = answer["opened"]
    assert [json.loads(entry)["act"] for case, entry in world.entries() if case == other] == [
        "report", "verify", "accept",
    ]  # fmt: skip
    world.check()


@pytest.mark.parametrize("state", list(STATE_NAMES), ids=lambda state: str(state.value))
def test_every_act_in_every_state_leaves_one_entry_or_is_refused(world: World, state: State) -> None:
    """All acts of the table, in one state: done, one entry of that act with who and from where to where; refused, none
    and an unchanged case. What the table allows is never refused for its state."""
    for row in ACTS:
        no = world.brought(state)
        fields, before, was = world.fields(row.name, state), world.entries(), world.case(no)
        answer = world.act(no, row.name, fields)
        new, now = world.entries()[len(before) :], world.case(no)
        if answer.status_code == 200:
            mine = [json.loads(entry) for case, entry in new if case == no]
            assert len(mine) == 1, (row.name, mine)
            (entry,) = mine
            assert (entry["act"], entry["by"], entry["before"]) == (row.name, "supervisor", was["state"])
            assert (entry["after"], entry["version"]) == (now["state"], now["version"])
            others = [json.loads(entry)["act"] for case, entry in new if case != no]
            assert others in ([], ["absorb"], ["release"], ["report"]), others
        else:
            assert (new, now["version"], now["state"]) == ([], was["version"], was["state"]), row.name
            if state in row.before:
                assert answer.json()["error"] != "jump_refused", row.name
    world.check()


@pytest.mark.parametrize("name", get_args(ReplyAct))
def test_every_kind_of_reply_leaves_one_entry_or_none(world: World, name: str) -> None:
    """From the right patrol one entry; the same again, from a wrong patrol or of another dispatch none or one that says
    it came late, and the case stays as it was."""
    no = world.brought(State.DISPATCHED)
    case = world.case(no)
    patrol = str(case["patrol"])
    before = world.entries()
    world.reply(no, name, case["dispatch"], world.free.pop())
    world.reply(no, name, f"{no}/99", patrol)
    assert world.entries() == before, "a wrong patrol or another dispatch moved the case"
    world.reply(no, name, case["dispatch"], patrol)
    new = [json.loads(entry) for _, entry in world.entries()[len(before) :]]
    if name in ("check_in", "finish"):  # a department's part: not a patrol's
        assert new == []
        return
    assert [(entry["act"], entry["by"]) for entry in new] == [(name, patrol)]
    version = world.case(no)["version"]
    world.reply(no, name, case["dispatch"], patrol)
    again = world.entries()[len(before) + 1 :]
    assert all(json.loads(entry)["detail"] == "late" for _, entry in again)
    assert len(again) <= 1
    assert world.case(no)["version"] == version
    world.check()
