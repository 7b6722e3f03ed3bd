"""Announce first: a loudspeaker speaks before anybody is sent, and what it settles never becomes a case."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace as changed
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from geo.places import Position
from streams import ingest, watch
from streams.acts import Asked, do
from streams.codec import local_day
from streams.desk import Desk
from streams.dialects import topics
from streams.dispatch_queue import DispatchQueue
from streams.embedded import Broker
from streams.errors import Unreachable
from streams.ingest import understand
from streams.matters import load_matters
from streams.model import Alert, Body, Case, Movement, Phase, Report, State, Status
from streams.mqtt import Publisher, subscribe
from streams.register import Register
from tests.conftest import wait_until
from tests.streams.catalogue import CATALOGUE
from tests.streams.desk import make_desk
from tests.streams.samples import NOW, SHANGHAI, event, later
from tests.streams.test_watch import Watch

STALLS = """
[[matter]]
key = "stall"
name = "占道经营"
name_en = "Street stall"
board = "city"
module = "grid"
lead = "centre"
standard = "已劝离"
standard_en = "Gone"
post = "member"
clocks = { respond = "30m urgent_hour", arrive = "1h urgent_hour", handle = "4h work_hour" }
merge = { radius = 60, minutes = 30 }
opens_on = ["stall"]
announce = true
announce_text = "请立即收摊。"
announce_text_en = "Please pack up."
recheck = 60
"""
SPOTS = {"D-1": (119.205, 34.905), "D-2": (119.2055, 34.905), "D-3": (119.215, 34.915), "D-4": (119.2065, 34.905)}
"""D-1 and D-4 can speak; D-2 is 46 m from D-1, D-4 137 m; D-3 is far from both."""


class Town:
    """A site at the time of `watch`, with a broker on which the loudspeakers and the patrols listen."""

    def __init__(self, desk: Desk, watch: Watch, broker: Broker) -> None:
        self.desk, self.watch, self._broker = desk, watch, broker
        self.heard: list[tuple[str, dict[str, Any]]] = []
        self._stop, self._count = threading.Event(), 0
        states = list[str]()

        def listen() -> None:
            topics = [f"gridpost/{desk.site}/announce/+", f"gridpost/{desk.site}/task/+"]
            for batch in subscribe(broker.url, topics, client_id="ears", share=None, stop=self._stop,
                                   on_state=states.append):  # fmt: skip
                for message in batch.messages if batch else ():
                    self.heard.append(("/".join(message.topic.split("/")[2:]), json.loads(message.payload)))
                if batch:
                    batch.acknowledge()

        self._listener = threading.Thread(target=listen)
        self._listener.start()
        wait_until(lambda: "subscribed" in states)

    def close(self) -> None:
        self._stop.set()
        self._listener.join(10)

    def sees(self, camera: str, phase: Phase = "new", series: str = "", severity: int = 2, category: str = "stall",
             times: int = 1) -> tuple[str, ...]:  # fmt: skip
        """A camera says something now; answers the cases that it opened. The same message may come several times."""
        self._count += 1
        said = event(camera, f"e{self._count}", Alert(category, severity, series or camera, phase), at=self.watch.now,
                     place=Position(*SPOTS[camera]), received=self.watch.now)  # fmt: skip
        tagged = understand([said], self.desk)
        return tuple(no for _ in range(times) for no in self.desk.queue.record(tagged, self.watch.now).opened)

    def stands(self, patrol: str, metres: float) -> None:
        """A patrol on duty is that far north of D-1."""
        self._count += 1
        place = Position(SPOTS["D-1"][0], SPOTS["D-1"][1] + metres / 111_000)
        bodies: tuple[Body, ...] = (Status("on_duty"), Movement(accuracy=5.0, speed=0.0, course=0.0))
        for n, body in enumerate(bodies):
            said = event(patrol, f"p{self._count}-{n}", body, at=self.watch.now, place=place, received=self.watch.now)
            self.desk.queue.record(understand([said], self.desk), self.watch.now)

    def send(self) -> list[tuple[str, dict[str, Any]]]:
        """The clock worker sends what there is; answers what was heard."""
        before, last = len(self.heard), ("task/last", dict[str, Any]())
        with Publisher(self._broker.url, "clock") as publisher:
            while watch.send_tasks(self.desk, publisher, "clock-1"):
                pass
            publisher.send(f"gridpost/{self.desk.site}/{last[0]}", b"{}")
        wait_until(lambda: last in self.heard)
        self.heard.remove(last)
        return self.heard[before:]

    def after(self, seconds: float) -> tuple[int, tuple[str, ...]]:
        """So much later the clock worker looks; answers how many alerts were settled, and the cases opened."""
        self.watch.now += timedelta(seconds=seconds)
        looked = watch.keep_time(self.desk)
        return looked.settled, looked.opened

    def case(self, no: str) -> Case:
        found = self.desk.queue.case(no)
        assert found is not None
        return found

    def counts(self, days: int = 0) -> tuple[int, int, int]:
        """Alerts of matters that announce first, announcements, settled, of the day so many days after the first."""
        found = self.desk.queue.counts(local_day(NOW + timedelta(days=days), SHANGHAI))
        return found.get("alerts:first", 0), found.get("announced", 0), found.get("settled", 0)


def announcing(made: Desk, folder: Path, recheck: int = 60) -> Desk:
    """The small site with four cameras, two of which can speak, and a matter that announces first."""
    file = folder / "announce.toml"
    file.write_text(CATALOGUE + STALLS.replace("recheck = 60", f"recheck = {recheck}"), encoding="utf-8")
    one = made.register.devices["D-1"]
    cameras = {
        name: replace(one, id=name, external="", position=Position(*spot), loudspeaker=name in ("D-1", "D-4"))
        for name, spot in SPOTS.items()
    }
    register = Register(cameras, made.register.patrols, made.register.sources)
    return changed(made, matters=load_matters(file), register=register)


@pytest.fixture
def town(queue: DispatchQueue, tmp_path: Path, broker: Broker) -> Iterator[Town]:
    """A town at NOW, with P-1 100 m and P-2 600 m from D-1."""
    watch = Watch()
    town = Town(announcing(make_desk(queue, tmp_path, watch), tmp_path), watch, broker)
    town.stands("P-1", 100)
    town.stands("P-2", 600)
    yield town
    town.close()


SAID = ("announce/D-1", {"text": "请立即收摊。", "repeat": 2, "alert": "D-1/D-1"})


@pytest.mark.parametrize("phase", ["end", None])
def test_what_goes_away_is_settled_and_never_a_case(town: Town, phase: Phase | None) -> None:
    """The loudspeaker speaks; the alert ends, or nothing more is heard of it: settled, counted, no case."""
    assert town.sees("D-1") == ()
    assert town.send() == [SAID]
    assert town.after(30) == (0, ())
    if phase:
        town.sees("D-1", phase)
    assert town.after(31) == (1, ())
    assert town.after(600) == (0, ())
    assert town.desk.queue.open_cases() == []
    (row,) = town.desk.queue.alerts()
    assert row["settled"] == "announcement"
    assert town.counts() == (1, 1, 1)


def test_what_stays_opens_a_case_and_the_best_candidate_is_sent(town: Town) -> None:
    """Heard again after the announcement: at the second look the case opens, and the nearest patrol gets its task."""
    town.sees("D-1")
    town.send()
    town.watch.now = later(40)
    assert town.sees("D-1", "update", severity=3) == ()
    assert town.desk.queue.alerts(), "what waits can be listed"
    settled, (no,) = town.after(21)
    assert settled == 0
    case = town.case(no)
    assert (case.state, case.patrol, case.priority, case.received) == (State.DISPATCHED, "P-1", 2, case.clocks[0].start)
    assert [(entry.act, entry.by) for entry in town.desk.queue.log(no)][-1] == ("dispatch", "rule")
    ((topic, task),) = town.send()
    assert (topic, task["act"], task["case"]) == ("task/P-1", "assign", no)
    assert not case.auto
    assert town.counts() == (1, 1, 0)
    town.sees("D-1", "end")
    assert town.case(no).ended, "its alerts have ended"


def test_what_seemed_gone_and_is_heard_again_is_not_settled(town: Town) -> None:
    """A settled alert that speaks again, even the next day, opens a case, is sent to, and was never settled."""
    town.watch.now = NOW.replace(hour=15, minute=58)  # 23:58 in Shanghai
    town.sees("D-1")
    town.send()
    assert town.after(61) == (1, ())
    assert town.counts() == (1, 1, 1)
    town.watch.now += timedelta(minutes=5)
    for patrol in ("P-1", "P-2"):
        town.stands(patrol, 100 if patrol == "P-1" else 600)
    (no,) = town.sees("D-1", "update")
    assert (town.counts(0), town.counts(1)) == ((1, 1, 0), (0, 0, 0))
    town.after(1)
    assert town.case(no).patrol == "P-1"
    assert town.sees("D-1", "update") == ()


def test_an_end_before_its_beginning_is_announced_to_nobody(town: Town) -> None:
    """The messages came in the wrong order: it is over, and one of the alerts of such matters all the same."""
    town.sees("D-1", "end")
    assert town.sees("D-1") == ()
    assert town.send() == []
    assert town.after(61) == (0, ())
    assert town.counts() == (1, 0, 0)


def test_the_same_message_twice_is_announced_once(town: Town) -> None:
    """A batch that the broker sends again, and a camera that repeats itself."""
    town.sees("D-1", times=3)
    town.sees("D-1", "update")
    assert town.send() == [SAID]
    assert town.counts() == (1, 1, 0)


def test_two_cameras_that_see_it_at_once_make_one_case(town: Town) -> None:
    """Both are announced, D-2 by its neighbour's loudspeaker; both stay: one case of two events, one patrol."""
    town.sees("D-1")
    town.sees("D-2")
    assert [topic for topic, _ in town.send()] == ["announce/D-1", "announce/D-1"]
    town.watch.now = later(30)
    town.sees("D-1", "update")
    town.sees("D-2", "update")
    _, (no,) = town.after(31)
    assert town.case(no).events == 2
    assert [topic for topic, _ in town.send()] == ["task/P-1"]
    town.sees("D-1", "end")
    assert not town.case(no).ended
    town.sees("D-2", "end")
    assert town.case(no).ended
    assert town.counts() == (2, 2, 0)


def test_of_two_cameras_one_is_settled_alone(town: Town) -> None:
    """What D-1 saw goes, what D-4 saw stays: one settled, one case."""
    town.sees("D-1")
    town.sees("D-4")
    town.send()
    town.watch.now = later(30)
    town.sees("D-4", "update")
    settled, opened = town.after(31)
    assert (settled, len(opened)) == (1, 1)
    assert town.counts() == (2, 2, 1)


def test_where_nobody_would_hear_it_the_case_opens_at_once(town: Town) -> None:
    """No loudspeaker within 200 m; a person dispatches, as with any alert."""
    (no,) = town.sees("D-3")
    town.after(61)
    assert (town.case(no).state, town.send()) == (State.ACCEPTED, [])
    assert town.counts() == (1, 0, 0)


def test_what_belongs_to_an_open_case_joins_it(town: Town) -> None:
    """Somebody is on the way already: nothing is announced, and the case has one event more."""
    said = event("hotline", "r", Report("stall", "有人摆摊"), place=Position(*SPOTS["D-1"]), received=NOW)
    (no,) = town.desk.queue.record(understand([said], town.desk), NOW).opened
    assert town.sees("D-1") == ()
    assert town.send() == []
    assert town.case(no).events == 2


def test_what_is_critical_waits_for_nothing(town: Town) -> None:
    """Severity 4: the loudspeaker speaks and the case opens at once."""
    (no,) = town.sees("D-1", severity=4)
    assert town.send() == [SAID]
    assert (town.case(no).priority, town.after(61)) == (1, (0, ()))
    assert town.counts() == (1, 1, 0)


def test_what_becomes_critical_waits_no_longer(town: Town) -> None:
    """An update raises the severity to 4 before the second look: the case opens there and then, once."""
    town.sees("D-1")
    town.send()
    town.watch.now = later(10)
    (no,) = town.sees("D-1", "update", severity=4)
    assert town.after(61) == (0, ())
    assert town.case(no).patrol == "P-1", "it was announced, and stayed"
    assert town.counts() == (1, 1, 0)


class Refuses:
    """A broker that goes away in the middle of a send. A stand-in: a real one cannot be stopped so exactly."""

    def send(self, topic: str, payload: bytes, *, timeout: float) -> None:
        raise Unreachable(topic)


def test_a_worker_that_dies_while_it_announces_leaves_it_to_the_next(town: Town) -> None:
    """What the broker did not acknowledge is said by whoever sends next; the second look waits for as long after it."""
    town.sees("D-1")
    with pytest.raises(Unreachable):
        watch.send_tasks(town.desk, Refuses(), "clock-1")
    town.watch.now = later(50)
    assert town.send() == [SAID]
    assert town.after(20) == (0, ()), "it spoke 20 seconds ago"
    assert town.after(41) == (1, ())


def test_an_announcement_that_was_never_said_settles_nothing(town: Town) -> None:
    """No broker until the second look: what has ended has ended, and is not counted; else the case opens."""
    town.sees("D-1")
    town.sees("D-4")
    town.sees("D-4", "end")
    settled, opened = town.after(61)
    assert (settled, len(opened)) == (0, 1)
    assert [topic for topic, _ in town.send()] == ["task/P-1"], "too late to speak"
    assert {row["alert"]: row["settled"] for row in town.desk.queue.alerts()} == {"D-1/D-1": "not", "D-4/D-4": "ended"}
    assert town.counts() == (2, 2, 0)


def test_when_nobody_is_free_whoever_is_first_gets_it(town: Town) -> None:
    """The case waits, and the rule sends somebody as soon as somebody can go; a person who is faster ends it."""
    for patrol in ("P-1", "P-2"):
        off = event(patrol, f"off-{patrol}", Status("off_duty"), at=NOW, received=NOW)
        town.desk.queue.record(understand([off], town.desk), NOW)
    numbers: list[str] = []
    for camera in ("D-1", "D-4"):
        town.sees(camera)
        town.send()
        town.watch.now += timedelta(seconds=5)
        town.sees(camera, "update")
        numbers += town.after(61)[1]
    assert [town.case(no).state for no in numbers] == [State.ACCEPTED] * 2
    assert all(town.case(no).auto for no in numbers)
    town.stands("P-2", 600)
    town.after(1)
    assert sorted(town.case(no).patrol for no in numbers) == ["", "P-2"]
    (left,) = (no for no in numbers if not town.case(no).patrol)
    asked = Asked(no=left, name="reject", by="林晓东", role="supervisor", request="r", text="重复")
    do(town.desk, asked, town.watch.now)
    town.stands("P-1", 100)
    town.after(1)
    assert town.case(left).state is State.REJECTED
    assert town.desk.queue.redis.zcard(town.desk.queue.keys("auto")) == 0


def test_the_whole_way_over_the_broker(queue: DispatchQueue, tmp_path: Path, broker: Broker) -> None:
    """A camera, the ingest worker, the clock worker, the loudspeaker and a patrol's phone, each on the real broker: one
    alert ends and is settled, one goes on, opens a case and sends P-1."""
    made = make_desk(queue, tmp_path)
    desk = announcing(made, tmp_path, recheck=3)
    town = Town(desk, Watch(), broker)
    states = list[str]()
    batches = subscribe(broker.url, topics(desk.site), client_id="ingest", share=None, stop=desk.stop,
                        on_state=states.append)  # fmt: skip
    site = f"gridpost/{desk.site}"
    with Publisher(broker.url, "clock", stop=desk.stop) as clock, Publisher(broker.url, "camera") as camera:
        workers = [threading.Thread(target=ingest.run, args=(batches, desk)),
                   threading.Thread(target=watch.run, args=(desk, clock, "clock-1"))]  # fmt: skip
        for worker in workers:
            worker.start()
        try:
            wait_until(lambda: "subscribed" in states)

            def says(kind: str, device: str, name: str, **fields: Any) -> None:
                payload = {"id": name, "at": desk.now().isoformat(), **fields}
                camera.send(f"{site}/{kind}/{device}", json.dumps(payload).encode())

            said = {"category": "stall", "severity": 2}
            says("status", "P-1", "s", state="on_duty")
            says("position", "P-1", "p", lon=119.205, lat=34.906, accuracy=5)
            says("alert", "D-1", "1", alert="a", phase="new", **said)
            says("alert", "D-4", "2", alert="b", phase="new", **said)
            wait_until(lambda: len(town.heard) == 2, what="both loudspeakers")
            wait_until(lambda: all("said" in row for row in desk.queue.alerts()))
            says("alert", "D-1", "3", alert="a", phase="end", **said)
            says("alert", "D-4", "4", alert="b", phase="update", **said)
            wait_until(lambda: len(town.heard) == 3, what="the task")
        finally:
            desk.stop.set()
            for worker in workers:
                worker.join(10)
            town.close()
    assert sorted(topic for topic, _ in town.heard) == ["announce/D-1", "announce/D-4", "task/P-1"]
    (case,) = queue.open_cases()
    assert (case.device, case.patrol, town.heard[-1][1]["case"]) == ("D-4", "P-1", case.no)
    assert {row["alert"]: row["settled"] for row in queue.alerts()} == {"D-1/a": "announcement", "D-4/b": "not"}
