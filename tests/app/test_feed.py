"""The feed: what a listener hears, what it hears again, and when it hears nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import httpx2
import pytest

from app.centre import Centre
from app.feed import OWED_BYTES, Feed
from app.follower import load, place
from streams.codec import millis
from streams.ingest import sort
from streams.ledger import Change
from streams.mqtt import Message
from streams.refusals import Act
from streams.snapshot import Snapshot
from tests.app.conftest import alert
from tests.conftest import wait_until

Role = Callable[[str], dict[str, str]]
Heard = tuple[str, str, Any]


def change(number: int, **parts: list[dict[str, Any]]) -> Change:
    """A change as Redis keeps it."""
    return Change(f"{number}-0", {name: json.dumps(items).encode() for name, items in parts.items()})


def moved(patrol: str, at: int, **fields: Any) -> dict[str, Any]:
    """A patrol's fix."""
    return {"id": patrol, "at": at, "lon": 119.0 + at / 1e9, "lat": 35.0, "state": "free", **fields}


def case(no: str, version: int, **fields: Any) -> dict[str, Any]:
    """A case as the scripts announce it."""
    return {
        "no": no, "state": "accepted", "version": version, "matter": "fire", "priority": 1, "origin": "device",
        "received": 1, "clocks": [], **fields,
    }  # fmt: skip


def post(centre: Centre, said: dict[str, Any]) -> tuple[str, ...]:
    """Record one message as ingest does; the cases it opened."""
    payload = {key: value for key, value in said.items() if key not in ("kind", "device")}
    topic = f"gridpost/{centre.settings.site}/{said['kind']}/{said['device']}"
    work = sort([Message(topic, json.dumps(payload).encode(), datetime.now(UTC))], centre.desk())
    assert not work.letters
    return centre.queue.record(work.tagged, datetime.now(UTC)).opened


def fix(patrol: str, number: int) -> dict[str, Any]:
    """A position message."""
    at = datetime.now(UTC).isoformat()
    return {"kind": "position", "device": patrol, "id": f"f{number}", "at": at, "lon": 119.17, "lat": 34.94}


@contextmanager
def listening(url: str, headers: dict[str, str], last: str = "") -> Iterator[Iterator[Heard]]:
    """The events of one listener, one after the other."""
    with httpx2.stream("GET", f"{url}/feed", params={"last": last}, headers=headers, timeout=20) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert "content-encoding" not in answer.headers

        def events() -> Iterator[Heard]:
            name, event = "", ""
            for line in answer.iter_lines():
                key, _, value = line.partition(": ")
                if key == "id":
                    name = value
                elif key == "event":
                    event = value
                elif key == "data":
                    yield event, name, json.loads(value)

        yield events()


def until(events: Iterator[Heard], wanted: str) -> Heard:
    """The next event of a kind."""
    return next(heard for heard in events if heard[0] == wanted)


def test_an_older_word_about_a_patrol_or_case_changes_nothing() -> None:
    """Folding is safe in any order and twice."""
    snapshot = Snapshot()
    assert snapshot.fold(change(2, patrols=[moved("P", 2000)], cases=[case("C", 4)]))
    assert snapshot.fold(change(3, patrols=[moved("P", 1000)], cases=[case("C", 3)])) == []
    assert snapshot.patrols["P"]["at"] == 2000
    assert snapshot.cases["C"].version == 4


def test_a_partial_word_keeps_the_other_fields() -> None:
    """An act says only case and state of a patrol; its place stays."""
    snapshot = Snapshot()
    snapshot.fold(change(1, patrols=[moved("P", 1000)]))
    snapshot.fold(change(2, patrols=[{"id": "P", "case": "C", "state": "way"}]))
    assert snapshot.patrols["P"] == moved("P", 1000) | {"case": "C", "state": "way"}


def test_nothing_personal_is_kept() -> None:
    """Should a change ever carry contact or text, the snapshot drops them."""
    snapshot = Snapshot()
    snapshot.fold(change(1, cases=[case("C", 1, contact="19912341234", text="secret")]))
    assert "19912341234" not in json.dumps(snapshot.document(2, {}))
    assert "secret" not in json.dumps(snapshot.document(2, {}))


def test_trails_are_thinned_and_end_after_ten_minutes() -> None:
    """At most one point in 15 s, none older than 10 min."""
    snapshot = Snapshot()
    for second in range(0, 1200, 5):
        snapshot.fold(change(second + 1, patrols=[moved("P", second * 1000)]))
    (patrol,) = snapshot.document(1200_000, {})["patrols"]
    times = [point[0] for point in patrol["trail"]]
    assert 38 <= len(times) <= 41
    assert times[0] >= 600_000
    assert all(b - a >= 15_000 for a, b in pairwise(times))


def test_closed_cases_are_not_in_the_snapshot_but_count_for_today() -> None:
    """Screens show open cases; figures need the closed ones until they are yesterday's."""
    snapshot = Snapshot()
    snapshot.fold(change(1, cases=[case("C", 1, state="closed", closed=500)]))
    assert snapshot.document(2, {})["cases"] == []
    snapshot.forget_closed(400)
    assert "C" in snapshot.cases
    snapshot.forget_closed(600)
    assert "C" not in snapshot.cases


def test_the_loaded_state_holds_what_redis_has(centre: Centre) -> None:
    """Cases, alerts, patrols with trails and all registered devices."""
    (no,) = post(centre, alert())
    post(centre, fix("P-001", 1))
    snapshot = load(centre)
    assert set(snapshot.cases) == {no}
    assert snapshot.alerts["D-001/x1"]["case"] == no
    assert len(snapshot.trails["P-001"]) == 1
    assert len(snapshot.devices) == len(centre.register.devices)
    assert snapshot.devices["D-002"]["lon"] == centre.register.devices["D-002"].position.lon


def make_feed(centre: Centre) -> Feed:
    """A feed that has begun, without its follower."""
    feed = Feed(centre)
    feed.begin(Snapshot())
    return feed


def test_of_many_moves_a_slow_listener_hears_the_latest(centre: Centre) -> None:
    """A hundred ticks not taken cost one line a patrol, with the newest place."""
    feed = make_feed(centre)
    listener = feed.join()
    listener.beat = False
    for n in range(1, 101):
        feed.take([change(n, patrols=[moved(f"P{m}", n * 1000) for m in range(5)])])
        feed.flush()
    body = feed.next_message(listener)
    assert body is not None
    items = json.loads(body.split(b"data: ")[1])["items"]
    assert sorted((item["id"], item["at"]) for item in items) == [(f"P{m}", 100_000) for m in range(5)]
    assert listener.safe == "100-0"
    assert feed.next_message(listener) is None


def test_positions_are_encoded_once_for_all(centre: Centre) -> None:
    """Every listener that keeps up gets the very same bytes."""
    feed = make_feed(centre)
    listeners = [feed.join() for _ in range(3)]
    feed.take([change(1, patrols=[moved("P", 1000)])])
    feed.flush()
    bodies = [feed.next_message(listener) for listener in listeners]
    assert bodies[0] is bodies[1] is bodies[2]


def test_cases_are_never_left_out_and_a_listener_far_behind_is_let_go(centre: Centre) -> None:
    """Up to a megabyte everything waits; then the listener is closed and comes back by its id."""
    feed = make_feed(centre)
    listener = feed.join()
    number = 0
    while not listener.closed.is_set():
        number += 1
        feed.take([change(number, cases=[case(f"C{number}", 1)])])
    assert listener.owed_bytes > OWED_BYTES
    assert len(listener.owed) == number
    assert listener.safe == "0-0"


def test_the_id_never_runs_ahead_of_what_was_heard(centre: Centre) -> None:
    """A case that leaves before positions collected earlier does not carry an id beyond them."""
    feed = make_feed(centre)
    feed.flush()
    listener = feed.join()
    feed._ticked = time.monotonic() + 100  # no early flush
    feed.take([change(5, patrols=[moved("P", 1000)]), change(6, cases=[case("C", 1)])])
    body = feed.next_message(listener)
    assert body is not None
    assert body.startswith(b"event: case")
    assert listener.safe == "0-0"
    feed.flush()
    feed.next_message(listener)
    assert listener.safe == "6-0"


def test_a_listener_starts_with_a_snapshot_and_hears_what_happens(served: str, centre: Centre, as_role: Role) -> None:
    """Then cases, alerts, the patrol that moves, figures and heartbeats come, each with an id."""
    post(centre, fix("P-001", 1))
    with listening(served, as_role("leader")) as events:
        event, name, data = next(events)
        assert event == "snapshot"
        assert data["id"] == name
        assert len(data["patrols"]) == len(centre.register.patrols)
        (no,) = post(centre, alert())
        _, case_id, data = until(events, "case")
        assert [item["no"] for item in data["items"]] == [no]
        assert "contact" not in data["items"][0]
        assert place(case_id) >= place(name)
        _, _, data = until(events, "figures")
        assert data["came_in"]["inflow"] in (0, 1)
        _, _, data = until(events, "heartbeat")
        assert abs(data["now"] - millis(datetime.now(UTC))) < 5000
        post(centre, fix("P-002", 2))
        _, _, data = until(events, "patrols")
        assert [item["id"] for item in data["items"]] == ["P-002"]


def test_who_comes_back_hears_exactly_what_was_missed(served: str, centre: Centre, as_role: Role) -> None:
    """No snapshot, but the case and the act that happened in between."""
    post(centre, fix("P-002", 1))
    with listening(served, as_role("operator")) as events:
        _, last, _ = next(events)
    (no,) = post(centre, alert())
    act = Act(no, "dispatch", "me", "operator", "r1", 3, "P-001", "post", matter=centre.matters.matters["fire"])
    centre.queue.act(act, datetime.now(UTC))
    with listening(served, as_role("operator"), last) as events:
        states = []
        for event, _, data in events:
            assert event != "snapshot"
            if event == "case":
                states += [item["state"] for item in data["items"]]
            if "dispatched" in states:
                break
    assert states[0] == "accepted"
    assert "dispatched" in states


@pytest.mark.parametrize("last", ["1-0", "99999999999999-0", "nonsense", "9" * 60])
def test_an_id_that_is_not_kept_gets_a_snapshot(served: str, as_role: Role, last: str) -> None:
    """Too old, from the future, or no id at all."""
    with listening(served, as_role("operator"), last) as events:
        assert next(events)[0] == "snapshot"


def test_while_redis_is_gone_there_is_no_heartbeat_and_afterwards_nothing_is_missing(
    served: str, centre: Centre, as_role: Role, valkey: Any
) -> None:
    """A heartbeat means that data flows. The same connection goes on when Redis is back."""
    with listening(served, as_role("operator")) as events:
        assert next(events)[0] == "snapshot"
        until(events, "heartbeat")
        valkey.kill()
        gone = time.monotonic()
        wait_until(lambda: httpx2.get(f"{served}/readyz").status_code == 503)
        wait_until(lambda: time.monotonic() - gone > 7, 10, "seven seconds without Redis")
        valkey.start()
        (no,) = post(centre, alert())
        beats = 0
        for event, _, data in events:
            beats += event == "heartbeat" and data["now"] < millis(datetime.now(UTC)) - 1000
            if event == "case":
                assert data["items"][0]["no"] == no
                break
        assert beats <= 1
