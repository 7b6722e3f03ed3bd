"""The clock worker: tasks reach the patrol exactly as long as needed, silence is noticed once."""

from __future__ import annotations

import json
import threading
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from streams.codec import millis
from streams.desk import Desk
from streams.dispatch_queue import DispatchQueue
from streams.embedded import Broker
from streams.ingest import understand
from streams.model import Clock, Status
from streams.mqtt import Publisher, subscribe
from streams.refusals import Act
from streams.watch import Silence, run, send_tasks
from tests.conftest import wait_until
from tests.streams.desk import make_desk
from tests.streams.samples import MATTER, NOW, event, later


class Watch:
    """The time of a test: stands still until it is set."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def watch() -> Watch:
    """A clock at NOW."""
    return Watch()


@pytest.fixture
def desk(queue: DispatchQueue, tmp_path: Path, watch: Watch) -> Desk:
    """The small site with a clock of its own."""
    return make_desk(queue, tmp_path, watch)


def dispatched(desk: Desk) -> tuple[str, str]:
    """A case of camera D-1, sent to P-1."""
    from streams.model import Alert

    seen = event("D-1", "1", Alert("rubbish", 3, "a", "new"), place=desk.register.devices["D-1"].position)
    (no,) = desk.queue.record(understand([seen], desk), NOW).opened
    clock = Clock("arrive", millis(NOW), millis(later(3600)))
    asked = Act(
        no, "dispatch", "林晓东", "supervisor", f"r-{no}", 3, "P-1", matter=MATTER, clocks=(clock,), text="小心"
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
    sent: list[dict[str, str]] = []

    class Listens:
        """Keeps what would be published."""

        def send(self, topic: str, payload: bytes, *, timeout: float) -> None:
            sent.append(json.loads(payload))

    assert send_tasks(desk, Listens(), "clock-1") == 2
    assert [(task["act"], task["dispatch"]) for task in sent] == [("withdraw", dispatch)]


def test_one_clock_worker_sends_at_a_time(desk: Desk) -> None:
    """While one worker holds the lease the other gets no task, so that nothing overtakes."""
    dispatched(desk)
    assert len(desk.queue.tasks("clock-1", 10)) == 1
    assert desk.queue.tasks("clock-2", 10) == []
