"""From a message on a real broker to a case in a real Redis, and everything that may go wrong on the way."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from streams.codec import local_day
from streams.desk import Desk
from streams.dialects import topics
from streams.dispatch_queue import DispatchQueue
from streams.embedded import Broker, Valkey
from streams.ingest import run, sort
from streams.keys import Keys
from streams.model import Clock
from streams.mqtt import Message, Publisher, subscribe
from streams.refusals import Act
from tests.conftest import wait_until
from tests.streams.desk import make_desk
from tests.streams.samples import MATTER, SHANGHAI

IN_T1 = {"lon": 119.204, "lat": 34.904}


def message(kind: str, device: str, **fields: Any) -> tuple[str, bytes]:
    """A native message of site `test`, named after what it says."""
    body = {"at": datetime.now(UTC).isoformat(), **fields}
    body.setdefault("id", f"{kind}-{device}-{json.dumps(fields, sort_keys=True)}")
    return f"gridpost/test/{kind}/{device}", json.dumps(body).encode()


@contextmanager
def working(desk: Desk, url: str) -> Iterator[threading.Thread]:
    """An ingest worker in a thread, subscribed when this begins, stopped in order at the end."""
    states: list[str] = []
    batches = subscribe(
        url, topics(desk.site), client_id=f"ingest-{desk.site}", share=None, stop=desk.stop, on_state=states.append
    )
    thread = threading.Thread(target=run, args=(batches, desk))
    thread.start()
    wait_until(lambda: "subscribed" in states)
    try:
        yield thread
    finally:
        desk.stop.set()
        thread.join(10)
        assert not thread.is_alive(), "the worker stops within 10 s"


@pytest.fixture
def desk(queue: DispatchQueue, tmp_path: Path) -> Desk:
    """The small site, named `test` on the broker, with keys of its own in Redis."""
    made = make_desk(queue, tmp_path)
    return Desk(**{**{name: getattr(made, name) for name in made.__dataclass_fields__}, "site": "test"})


def today(queue: DispatchQueue) -> dict[str, int]:
    """What was counted today."""
    return queue.counts(local_day(datetime.now(UTC), SHANGHAI))


def test_a_message_becomes_a_tagged_event_and_a_case(desk: Desk, broker: Broker) -> None:
    """An alert of a registered camera is placed by the register, tagged, and opens a case in its grid."""
    with working(desk, broker.url), Publisher(broker.url, "camera") as camera:
        camera.send(*message("alert", "D-1", category="rubbish", severity=3, alert="a", phase="new"))
        wait_until(desk.queue.open_cases)
    (case,) = desk.queue.open_cases()
    assert (case.grid, case.grids, case.priority, case.lon) == ("T1", ("T", "T1"), 2, 119.205)
    assert desk.queue.sources().keys() == {"cameras"}


UNUSABLE = {
    "not_json": ("gridpost/test/position/P-1", b"{"),
    "wrong_type": message("position", "P-1", lon="here", lat=34.9),
    "missing": message("position", "P-1", lon=119.2),
    "not_a_number": ("gridpost/test/position/P-1", b'{"id":"1","at":1,"lon":NaN,"lat":1}'),
    "impossible_place": message("position", "P-1", lon=219.2, lat=34.9),
    "future": message("position", "P-1", at=(datetime.now(UTC) + timedelta(minutes=30)).isoformat(), **IN_T1),
    "unknown_topic": ("frigate2/events", b"{}"),
    "unknown_kind": message("positoin", "P-1", **IN_T1),
    "too_large": message("report", "hotline", category="rubbish", text="x" * 70_000),
    "unknown_datum": message("position", "P-1", datum="mars", **IN_T1),
}


@pytest.mark.parametrize("reason", sorted(UNUSABLE))
def test_what_cannot_be_used_is_buried_with_its_reason(desk: Desk, reason: str) -> None:
    """Each kind of unusable message goes to the dead letters; the good one beside it is recorded."""
    topic, payload = UNUSABLE[reason]
    good = message("position", "P-1", **IN_T1)
    acknowledged: list[str] = []
    run([batch(acknowledged, (topic, payload), good)], desk)
    (letter,) = desk.queue.dead()
    assert (letter.reason, letter.topic) == (reason, topic)
    assert letter.payload == payload.decode()[:4096]
    assert acknowledged == ["done"]
    assert today(desk.queue)[f"dead:{reason}"] == 1
    assert desk.queue.patrols()["P-1"]["grid"] == "T1"


def batch(acknowledged: list[str], *messages: tuple[str, bytes]) -> Any:
    """A batch as `subscribe` gives it."""
    from streams.mqtt import Batch

    now = datetime.now(UTC)
    return Batch(
        tuple(Message(topic, payload, now) for topic, payload in messages), lambda: acknowledged.append("done")
    )


def test_ignored_kinds_are_counted_not_buried(desk: Desk) -> None:
    """What a dialect knows but nobody needs is counted by what it is."""
    run([batch([], ("frigate/stats", b"{}"), ("owntracks/jane/phone", b'{"_type":"card","name":"Jane"}'))], desk)
    assert desk.queue.dead() == []
    assert {name for name in today(desk.queue) if name.startswith("ignored:")} == {
        "ignored:frigate:stats", "ignored:owntracks:card",
    }  # fmt: skip


def test_a_late_event_is_recorded_and_opens_nothing(desk: Desk) -> None:
    """An alert of two days ago is history: kept, flagged late, no case."""
    old = (datetime.now(UTC) - timedelta(days=2)).isoformat()
    run([batch([], message("alert", "D-1", at=old, category="rubbish", severity=3, alert="a", phase="new"))], desk)
    assert desk.queue.open_cases() == []
    assert desk.queue.events(1)[0].event.flags == ("late",)


def test_a_place_outside_every_grid_is_kept_and_flagged(desk: Desk) -> None:
    """The patrol that leaves the town is still shown; its event says outside."""
    run([batch([], message("position", "P-1", lon=118.0, lat=34.0))], desk)
    assert desk.queue.events(1)[0].event.flags == ("outside",)
    assert desk.queue.patrols()["P-1"]["lon"] == "118.0"


def test_unknown_devices_are_listed_for_registration(desk: Desk) -> None:
    """A camera nobody registered is recorded, opens nothing, and is listed; a stranger's phone is shown."""
    run([batch([], message("alert", "D-99", category="rubbish", severity=3, alert="a", phase="new"),
               message("position", "stranger", **IN_T1))], desk)  # fmt: skip
    assert desk.queue.open_cases() == []
    assert set(desk.queue.unknown()) == {"D-99"}
    assert "registered" not in desk.queue.patrols()["stranger"]


def test_a_reply_moves_its_case_and_a_wrong_one_is_buried(desk: Desk) -> None:
    """The patrol acknowledges over MQTT; an answer to a dispatch that is not running is kept as refused."""
    run([batch([], message("alert", "D-1", category="rubbish", severity=3, alert="a", phase="new"))], desk)
    (case,) = desk.queue.open_cases()
    arrive = Clock("arrive", 0, 1)
    asked = Act(case.no, "dispatch", "w", "supervisor", "r", 3, "P-1", matter=MATTER, clocks=(arrive,))
    dispatch = desk.queue.act(asked, desk.now()).dispatch
    answer = {"dispatch": dispatch, "case": case.no, "act": "acknowledge"}
    run([batch([], message("reply", "P-1", **answer), message("reply", "P-2", **answer))], desk)
    after = desk.queue.case(case.no)
    assert after is not None
    assert after.state == "acknowledged"
    (letter,) = desk.queue.dead()
    assert (letter.reason, letter.topic) == ("reply_refused", "gridpost/test/reply/P-2")


def test_sorting_never_raises_for_what_a_message_contains(desk: Desk) -> None:
    """Whatever bytes come on whatever topic end as events, letters or counts."""
    hostile = [b"", b"\x00" * 100, b"[" * 20_000, b'{"id":' + b"9" * 5000 + b"}", "{\"id\":\"\ud83d\"}".encode(
        "utf-8", "surrogatepass"), b"null", b"1e999"]  # fmt: skip
    names = ["gridpost/test/position/P-1", "gridpost/test/alert/D-1", "owntracks/jane/phone", "frigate/events",
             "application/1/device/0101/event/up", "", "/", "gridpost"]  # fmt: skip
    messages = [Message(topic, payload, datetime.now(UTC)) for topic in names for payload in hostile]
    work = sort(messages, desk)
    assert len(work.tagged) + len(work.letters) + sum(work.ignored.values()) == len(messages)


def test_redis_gone_and_back_loses_nothing_and_keeps_the_order(broker: Broker, tmp_path: Path) -> None:
    """While Redis is away nothing is acknowledged; afterwards everything is there once, in order."""
    from streams.dispatch_queue import connect

    with Valkey(tmp_path / "valkey") as valkey:
        queue = DispatchQueue(connect(valkey.url), Keys("test"), SHANGHAI)
        desk = make_desk(queue, tmp_path)
        with working(desk, broker.url), Publisher(broker.url, "patrol") as patrol:
            start = datetime.now(UTC) - timedelta(seconds=600)

            def walk(first: int, last: int) -> None:
                for n in range(first, last):
                    at = (start + timedelta(seconds=n)).isoformat()
                    patrol.send(*message("position", "P-1", id=str(n), at=at, lon=119.2 + n * 1e-6, lat=34.904))

            walk(0, 50)
            wait_until(lambda: len(queue.events(200)) == 50)
            valkey.stop()
            walk(50, 100)
            valkey.start()
            walk(100, 120)
            wait_until(lambda: len(queue.events(200)) == 120, timeout=20)
        assert [seen.event.id for seen in queue.events(200)][::-1] == [str(n) for n in range(120)]


def test_an_event_the_script_cannot_handle_does_not_stop_the_others(desk: Desk) -> None:
    """A fault of ours with one event (here: a key of the wrong type) buries that one and records the rest."""
    desk.queue.redis.set(desk.queue.keys.patrol("P-2"), "not a hash")
    acknowledged: list[str] = []
    run([batch(acknowledged, message("position", "P-2", **IN_T1), message("position", "P-1", **IN_T1))], desk)
    (letter,) = desk.queue.dead()
    assert (letter.reason, "WRONGTYPE" in letter.text) == ("internal", True)
    assert len(desk.queue.events(10)) == 1
    assert acknowledged == ["done"]


def test_a_full_redis_holds_the_work_and_says_so(desk: Desk) -> None:
    """Above 80 % of its memory nothing is recorded or acknowledged and every screen is told; with room it goes on."""
    redis = desk.queue.redis
    before: Any = redis.config_get("maxmemory")
    acknowledged: list[str] = []
    work = threading.Thread(target=run, args=([batch(acknowledged, message("position", "P-1", **IN_T1))], desk))

    def notices() -> list[Any]:
        parts = [change.parts.get("notices") for change in desk.queue.changes("0-0", 0)]
        return [json.loads(part)[0]["kind"] for part in parts if part]

    try:
        used: Any = redis.info("memory")["used_memory"]
        redis.config_set("maxmemory", int(used / 0.9))
        work.start()
        wait_until(lambda: notices() == ["storage_full"])
        assert (acknowledged, desk.queue.events(1)) == ([], [])
        redis.config_set("maxmemory", before["maxmemory"])
        work.join(10)
        assert acknowledged == ["done"]
        assert notices() == ["storage_full", "storage_fine"]
    finally:
        redis.config_set("maxmemory", before["maxmemory"])
