"""The clock worker: tasks reach the patrol exactly as long as needed, silence is noticed once."""

from __future__ import annotations

import json
import threading
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from streams.codec import millis
from streams.desk import Desk
from streams.dispatch_queue import DispatchQueue
from streams.embedded import Broker
from streams.errors import Unreachable
from streams.ingest import understand
from streams.model import Clock, Status
from streams.mqtt import Publisher, subscribe
from streams.refusals import Act
from streams.watch import Silence, keep_time, run, send_tasks, until_stopped
from tests.conftest import wait_until
from tests.streams.desk import Watch, make_desk
from tests.streams.samples import MATTER, NOW, event, later

ARRIVE = Clock("arrive", millis(NOW), millis(later(3600)))


@pytest.fixture
def desk(queue: DispatchQueue, tmp_path: Path, watch: Watch) -> Desk:
    """The small site with a clock of its own."""
    return make_desk(queue, tmp_path, watch)


def dispatched(desk: Desk) -> tuple[str, str]:
    """A case of camera D-1, sent to P-1."""
    from streams.model import Alert

    seen = event("D-1", "1", Alert("rubbish", 3, "a", "new"), place=desk.register.devices["D-1"].position)
    (no,) = desk.queue.record(understand([seen], desk), NOW).opened
    asked = Act(
        no, "dispatch", "林晓东", "supervisor", f"r-{no}", 3, "P-1", matter=MATTER, clocks=(ARRIVE,), text="小心"
    )
    return no, desk.queue.act(asked, NOW).dispatch


class Refuses:
    """A broker that goes away in the middle of a send. A stand-in: a real one cannot be stopped so exactly."""

    def send(self, topic: str, payload: bytes, *, timeout: float) -> None:
        raise ConnectionError(topic)


def test_a_task_reaches_the_patrols_topic(desk: Desk, broker: Broker) -> None:
    """The dispatch is published where the patrol listens, with case, place, clocks and words."""
    no, dispatch = dispatched(desk)
    topic = f"gridpost/{desk.site}/task/P-1"
    heard: list[tuple[str, bytes]] = []
    stop, states = threading.Event(), list[str]()

    def listen() -> None:
        for batch in subscribe(broker.url, [topic], client_id="p-1", share=None, stop=stop, on_state=states.append):
            if batch:
                heard.extend((message.topic, message.payload) for message in batch.messages)
                batch.acknowledge()

    listener = threading.Thread(target=listen)
    listener.start()
    wait_until(lambda: "subscribed" in states)
    with Publisher(broker.url, "clock") as publisher:
        worker = threading.Thread(target=run, args=(desk, publisher, "clock-1"))
        worker.start()
        wait_until(lambda: heard)
        desk.stop.set()
        worker.join(10)
    stop.set()
    listener.join(10)
    ((where, payload),) = heard
    task = json.loads(payload)
    assert where == topic
    assert (task["act"], task["case"], task["dispatch"], task["text"]) == ("assign", no, dispatch, "小心")
    assert (task["lon"], task["lat"], task["grid"]) == (119.205, 34.905, "T1")
    assert {clock["name"] for clock in task["clocks"]} == {"respond", "handle", "arrive"}
    assert desk.queue.tasks("clock-1", 10) == []


def test_a_worker_that_fails_while_sending_keeps_the_task(desk: Desk, broker: Broker) -> None:
    """A task is marked done only after the broker has it; after a crash the same worker sends it."""
    dispatched(desk)
    with pytest.raises(ConnectionError):
        send_tasks(desk, Refuses(), "clock-1")
    with Publisher(broker.url, "clock") as publisher:
        assert send_tasks(desk, publisher, "clock-1") == 1
    assert desk.queue.tasks("clock-1", 10) == []


def speaks(desk: Desk, device: str, name: str, at: datetime) -> None:
    """A device says that it is online."""
    place = desk.register.devices[device].position
    desk.queue.record(understand([event(device, name, Status("online"), at=at, place=place, received=at)], desk), at)


def alerts(desk: Desk) -> list[str]:
    """What the alerts about sensor S-1 say."""
    return [f"{row['category']} {row['phase']}" for row in desk.queue.alerts() if row["device"] == "S-1"]


def test_a_silent_sensor_is_offline_once_and_comes_back(desk: Desk, watch: Watch) -> None:
    """Past its periods it is offline with one alert and one case, whoever looks how often; speaking ends the alert."""
    silence = Silence(desk)
    speaks(desk, "S-1", "1", NOW)
    watch.now = later(60)
    silence.look()
    assert alerts(desk) == []
    watch.now = NOW + timedelta(days=1)
    speaks(desk, "D-1", "1", watch.now)  # somebody is heard, so it is not the centre that is deaf
    for looker in (silence, silence, another(desk, watch, NOW)):
        looker.look()
    assert alerts(desk) == ["device_offline new"]
    assert desk.queue.devices()["S-1"]["state"] == "offline"
    assert [case.device for case in desk.queue.open_cases()] == ["S-1"]
    watch.now += timedelta(seconds=10)
    speaks(desk, "S-1", "2", watch.now)
    silence.look()
    assert alerts(desk) == ["device_offline end"]
    assert desk.queue.devices()["S-1"]["state"] == "online"


def another(desk: Desk, watch: Watch, since: datetime) -> Silence:
    """A second clock worker, or the first after a restart, that began to listen at `since`."""
    at, watch.now = watch.now, since
    made = Silence(desk)
    watch.now = at
    return made


def test_a_restart_neither_ends_nor_doubles_what_stands(desk: Desk, watch: Watch) -> None:
    """A worker that starts while a sensor is silent leaves its alert alone; hours later there is still one."""
    silence = Silence(desk)
    for hours in (5, 10):
        watch.now = NOW + timedelta(hours=hours)
        speaks(desk, "D-1", str(hours), watch.now)
        (silence if hours == 5 else another(desk, watch, NOW + timedelta(hours=5))).look()
        assert alerts(desk) == ["device_offline new"], "never heard, and said once"
    assert len(desk.queue.open_cases()) == 1


def test_the_absence_of_the_centre_is_nobodys_silence(desk: Desk, watch: Watch) -> None:
    """After a week's shutdown, or while nobody at all is heard, nothing is declared silent."""
    speaks(desk, "S-1", "1", NOW)
    silence = Silence(desk)
    watch.now = NOW + timedelta(days=7)
    silence.look()
    another(desk, watch, watch.now).look()
    speaks(desk, "D-1", "1", watch.now)
    silence.look()
    assert desk.queue.alerts() == []


def test_an_assignment_withdrawn_meanwhile_is_not_sent(desk: Desk, broker: Broker) -> None:
    """Dispatch and undo before the task left: the phone hears of the withdrawal only."""
    no, dispatch = dispatched(desk)
    desk.queue.act(Act(no, "withdraw", "林晓东", "supervisor", "undo", 4), NOW)
    listens = Listens()
    assert send_tasks(desk, listens, "clock-1") == 2
    assert listens.sent == [("withdraw", dispatch, "")]


def test_one_clock_worker_sends_at_a_time(desk: Desk) -> None:
    """While one worker holds the lease the other gets no task, so that nothing overtakes."""
    dispatched(desk)
    assert len(desk.queue.tasks("clock-1", 10)) == 1
    assert desk.queue.tasks("clock-2", 10) == []


class Listens:
    """Keeps what would be published: (act, dispatch, text)."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, str]] = []

    def send(self, topic: str, payload: bytes, *, timeout: float) -> None:
        task = json.loads(payload)
        self.sent.append((task["act"], task["dispatch"], task["text"]))


def minutes(desk: Desk, watch: Watch, number: int) -> list[tuple[str, str, str]]:
    """What is sent in so many minutes, in which the clock worker looks every half minute."""
    listens = Listens()
    for _ in range(2 * number):
        watch.now += timedelta(seconds=30)
        keep_time(desk)
        if desk.queue.redis.xlen(desk.queue.keys.outbox):  # else it would wait for something to come
            send_tasks(desk, listens, "clock-1")
    return listens.sent


def test_a_task_that_nobody_answers_is_sent_again_as_it_was(desk: Desk, watch: Watch) -> None:
    """Once a minute with the same words, until the patrol answers."""
    no, dispatch = dispatched(desk)
    assert minutes(desk, watch, 5) == [("assign", dispatch, "小心")] * 6
    desk.queue.act(Act(no, "acknowledge", "P-1", "field", "ack", None, "P-1", dispatch=dispatch), watch.now)
    assert minutes(desk, watch, 5) == []


def test_a_task_is_sent_again_only_while_its_clock_runs(desk: Desk, watch: Watch) -> None:
    """When the hour to arrive is over nothing is sent any more; every screen is told once."""
    _, dispatch = dispatched(desk)
    assert minutes(desk, watch, 90) == [("assign", dispatch, "小心")] * 60
    told = [
        notice for change in desk.queue.changes("0-0", block_ms=0)
        for notice in json.loads(change.parts.get("notices", b"[]")) if notice["kind"] == "no_answer"
    ]  # fmt: skip
    assert len(told) == 1


def test_a_task_that_was_taken_back_is_not_sent_again(desk: Desk, watch: Watch) -> None:
    """The withdrawal is the last that its patrol hears; the next dispatch is another one."""
    no, first = dispatched(desk)
    assert [act for act, _, _ in minutes(desk, watch, 2)] == ["assign"] * 3
    desk.queue.act(Act(no, "withdraw", "林晓东", "supervisor", "undo"), watch.now)
    assert minutes(desk, watch, 5) == [("withdraw", first, "")]
    asked = Act(no, "dispatch", "林晓东", "supervisor", "again", None, "P-2", matter=MATTER, clocks=(ARRIVE,))
    second = desk.queue.act(asked, watch.now).dispatch
    assert minutes(desk, watch, 1) == [("assign", second, "")] * 2


def test_whoever_takes_over_sends_first_what_was_taken_first(desk: Desk, watch: Watch) -> None:
    """A worker dies with an assignment in its hands; the next sends it before the withdrawal, however young it is."""
    no, dispatch = dispatched(desk)
    with pytest.raises(ConnectionError):
        send_tasks(desk, Refuses(), "clock-1")
    asked = Act(no, "arrive", "P-1", "field", "there", None, "P-1", dispatch=dispatch)
    desk.queue.act(asked, watch.now)  # it keeps the assignment worth sending
    desk.queue.redis.delete(desk.queue.keys.sender)  # its lease has run out
    listens = Listens()
    desk.queue.redis.xadd(desk.queue.keys.outbox, withdrawal(no, dispatch))
    while send_tasks(desk, listens, "clock-2"):
        pass
    assert [act for act, _, _ in listens.sent] == ["assign", "withdraw"]


def withdrawal(no: str, dispatch: str) -> dict[Any, Any]:
    """A withdrawal as the script puts it into the outbox."""
    return {"act": "withdraw", "case": no, "patrol": "P-1", "dispatch": dispatch, "text": "", "at": str(millis(NOW))}


def test_a_worker_that_lost_its_lease_stops_in_the_middle(desk: Desk) -> None:
    """While one worker waits for the broker another takes over: the slow one sends nothing after that."""
    no, dispatch = dispatched(desk)
    desk.queue.redis.xadd(desk.queue.keys.outbox, withdrawal(no, dispatch))
    others = Listens()

    class Slow(Listens):
        """Takes so long for the first message that the lease runs out."""

        def send(self, topic: str, payload: bytes, *, timeout: float) -> None:
            super().send(topic, payload, timeout=timeout)
            desk.queue.redis.delete(desk.queue.keys.sender)
            assert send_tasks(desk, others, "clock-2") == 2

    slow = Slow()
    assert send_tasks(desk, slow, "clock-1") == 1
    assert [act for act, _, _ in slow.sent] == ["assign"]
    assert [act for act, _, _ in others.sent] == ["assign", "withdraw"]


def test_a_broker_that_stays_away_is_complained_about_once(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    """Ten tries in vain leave one line in the log, and one when it goes on."""
    tries = iter(range(12))

    def work() -> None:
        n = next(tries)
        if n < 10:
            raise Unreachable("the broker did not acknowledge")
        if n == 11:
            desk.stop.set()

    until_stopped(desk, work, 0)
    assert [record.message for record in caplog.records] == [
        "the broker did not acknowledge; trying again", "back; going on where we were"
    ]  # fmt: skip
