"""A simulated town that publishes over real MQTT: officers on shift, cameras, sensors, residents, villages.

`Town` is pure: seed, start and the tasks it received (with their times) decide every message, so two runs are the same
byte by byte. `simulate` is the shell that paces it and speaks MQTT. Each person and device draws from a generator of
its own, so that a task to one changes nothing about the others.

`speed` makes simulated time run faster than the clock. Messages carry the time of the clock at which they are due,
never a simulated one: the centre refuses what lies in the future. What moves is slowed to 40 m/s as seen there.

The opening scene: whenever the town is started, each officer on duty says so and where it is within 2 s, three alerts
and four reports come within 30 s, and each device gives its first sign of life within a minute, but for one network
that is down for two hours. After that the rhythm of the local hour holds: at night little happens and few are out.

A message id is the start of the run and a number, so a town started again never uses an id twice.
"""

from __future__ import annotations

import heapq
import logging
import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from geo.planes import XY
from streams.mqtt import MqttUrl, Publisher, Subscriber
from streams.simulated_alerts import Alerts
from streams.simulated_day import Actor, Day, Said
from streams.simulated_departments import Department
from streams.simulated_devices import Fixed, Outages
from streams.simulated_patrols import EVERY_S
from streams.simulated_place import Place, departments_of, officers_of
from streams.simulated_reports import RESIDENTS, VILLAGES, Reports

ALERTS, RESIDENT_REPORTS, VILLAGE_REPORTS = 226, 142, 138
"""A crowded day of a town with 70 officers, which the benchmarks take."""


class Load(NamedTuple):
    """How much comes in on a day of a town with 70 officers; a larger one has more in proportion."""

    alerts: float
    residents: float
    villages: float


ORDINARY = Load(160, 24, 16)
"""Most of the alerts are settled by announcement; a hundred cases are left, a few dozens of them by devices."""

OFFICERS = 70
ALERTS_AT, RESIDENTS_AT, VILLAGES_AT = (3.0, 9.0, 20.0), (6.0, 24.0), (13.0, 28.0)
DEVICES_WITHIN = 60.0
TICK_S = 0.1

__all__ = ["Load", "Place", "Sent", "Town", "simulate"]

log = logging.getLogger(__name__)


class Sent(NamedTuple):
    """One message and the moment (UTC) it is due."""

    at: datetime
    topic: str
    payload: bytes


class _Task(msgspec.Struct):
    act: str
    dispatch: str
    case: str = ""
    lon: float | None = None
    lat: float | None = None
    error: str = ""


class _Announcement(msgspec.Struct):
    alert: str


class Town:
    """All that happens, in order. `start`: aware, the moment of simulated time 0. `by_hand`: patrols that a person
    plays on a phone; the town moves them along their beat, answers nothing for them and leaves their duty to them."""

    def __init__(
        self,
        place: Place,
        *,
        site: str,
        seed: int,
        start: datetime,
        speed: float = 1.0,
        timezone: str = "Asia/Shanghai",
        load: Load = ORDINARY,
        opening: bool = True,
        fix_every: float = EVERY_S,
        by_hand: Collection[str] = (),
    ) -> None:
        self.start = start.astimezone(UTC)
        self._site, self._speed = site, speed
        self._run = f"{int(start.timestamp() * 1000):x}-{seed}"
        self._count = 0
        self._order = 0
        self._now = 0.0
        self._due: list[tuple[float, int, Actor | Said]] = []
        self._roads = place.roads
        self._day = Day(start.astimezone(ZoneInfo(timezone)))
        self._officers = officers_of(place, seed, self._day, speed, fix_every)
        self._by_hand = frozenset(by_hand) & frozenset(self._officers)
        for name in self._by_hand:
            self._officers[name].play_by_hand()
        self._departments = departments_of(place, seed, self._officers)
        self._tasks: dict[str, tuple[str, bytes]] = {}
        self._done: set[str] = set()
        self.alerts: Alerts | None = None
        people: list[Actor] = [*self._officers.values(), *self._departments.values()]
        for actor in (*people, *self._happenings(place, seed, load, opening)):
            self._put(0.0, actor)

    @property
    def on_duty(self) -> int:
        """How many officers are on duty now."""
        return sum(officer.working for officer in self._officers.values())

    def until(self, moment: datetime) -> Iterator[Sent]:
        """Everything that is due up to and with `moment`, in order; each message once."""
        limit = self._simulated(moment)
        while self._due and self._due[0][0] <= limit:
            due, _, what = heapq.heappop(self._due)
            self._now = due
            if isinstance(what, Said):
                yield self._sent(due, what)
                continue
            woken = what.wake(due)
            for each in woken.said:
                self._put(due + each.after, each)
            for other in woken.joined:
                self._put(due, other)
            if woken.again is not None:
                self._put(due + woken.again, what)
        self._now = max(self._now, limit)

    def hear(self, topic: str, payload: bytes, at: datetime) -> None:
        """A message of the centre reached the town at `at`: a task for a patrol or department, or an announcement."""
        _, _, kind, name = topic.split("/")
        if kind == "announce":
            self.announced(payload, at)
        else:
            self.task(name, payload, at)

    def announced(self, payload: bytes, at: datetime) -> None:
        """A loudspeaker spoke; the culprit of the alert, if it is one of this town, leaves or does not."""
        try:
            said = msgspec.json.decode(payload, type=_Announcement)
        except msgspec.DecodeError as error:
            log.warning("a loudspeaker was sent what is no announcement: %s", error)
            return
        now = max(self._now, self._simulated(at))
        for each in self.alerts.hear(said.alert.partition("/")[2], now) if self.alerts else ():
            self._put(now + each.after, each)

    def task(self, name: str, payload: bytes, at: datetime, again: bool = False) -> None:
        """A task reached the device of a patrol, or a department, at `at`; what is no task, or to nobody of this town,
        is left alone."""
        try:
            task = msgspec.json.decode(payload, type=_Task)
        except msgspec.DecodeError as error:
            log.warning("%s was sent what is no task: %s", name, error)
            return
        now = max(self._now, self._simulated(at))
        placed = task.lon is not None and task.lat is not None
        where = self._roads.plane.metres(task.lon or 0.0, task.lat or 0.0) if placed else None
        officer = None if name in self._by_hand else self._officers.get(name)
        if department := self._departments.get(name):
            _tell(department, task, now, where)
        elif officer is not None and task.act == "withdraw":
            officer.withdraw(now, task.dispatch)
        elif officer is not None and task.act == "refused":
            officer.refused(now, task.dispatch, task.error)
            return
        elif officer is not None and task.act == "assign":
            for said in officer.assign(now, task.dispatch, task.case, where, again=again):
                self._put(now + said.after, said)
        else:
            return
        known = _name_of(name, task.dispatch, task.case)
        if task.act not in ("assign", "call"):
            self._tasks.pop(known, None)
        elif known not in self._done or not task.dispatch:
            self._tasks[known] = (name, payload)

    def resume(self, tasks: Iterable[tuple[str, bytes]], at: datetime) -> None:
        """Begin tasks anew that an earlier run of the town did not finish; nobody declines what they had begun."""
        for name, payload in tasks:
            self.task(name, payload, at, again=True)

    def unfinished(self) -> list[tuple[str, bytes]]:
        """The tasks that are not done: to whom, and the payload."""
        return list(self._tasks.values())

    def _simulated(self, moment: datetime) -> float:
        return (moment - self.start).total_seconds() * self._speed

    def _put(self, due: float, what: Actor | Said) -> None:
        self._order += 1
        heapq.heappush(self._due, (due, self._order, what))

    def _sent(self, due: float, said: Said) -> Sent:
        at = self.start + timedelta(seconds=due / self._speed)
        self._count += 1
        if said.kind == "reply" and said.body["act"] in ("handle", "decline", "finish"):
            known = _name_of(said.name, str(said.body["dispatch"]), str(said.body["case"]))
            self._tasks.pop(known, None)
            self._done.add(known)
        body = {"id": f"{self._run}-{self._count}", "at": at.isoformat(timespec="milliseconds"), **said.body}
        return Sent(at, f"gridpost/{self._site}/{said.kind}/{said.name}", msgspec.json.encode(body))

    def _happenings(self, place: Place, seed: int, load: Load, opening: bool) -> Iterator[Actor]:
        """Devices, alerts and reports."""
        outages = Outages()
        devices = place.register.devices.values()
        for device in devices:
            yield Fixed(device, Random(f"{seed}:{device.id}"), outages, DEVICES_WITHIN * self._speed)
        size = max(len(place.register.patrols) / OFFICERS, 0.1)
        cameras = [device for device in devices if device.kind == "camera"]
        scene = {name: [at * self._speed for at in times if opening] for name, times in _OPENING.items()}
        rng = {name: Random(f"{seed}:{name}") for name in scene}
        if cameras:
            self.alerts = Alerts(
                cameras, rng["alerts"], self._day, outages, load.alerts * size, self._run, scene["alerts"], self._speed
            )
            yield self.alerts
        for name, sources, per_day in (
            ("residents", RESIDENTS, load.residents), ("villages", VILLAGES, load.villages),
        ):  # fmt: skip
            village = name == "villages"
            yield Reports(
                sources, self.somewhere, rng[name], self._day, per_day * size, scene[name], village=village
            )

    def somewhere(self, rng: Random) -> tuple[float, float]:
        """lon, lat of a place near a road."""
        x, y = rng.choice(self._roads.corners)
        return self._roads.plane.degrees(x + rng.gauss(0, 25), y + rng.gauss(0, 25))


_OPENING = {"alerts": ALERTS_AT, "residents": RESIDENTS_AT, "villages": VILLAGES_AT}


def _name_of(name: str, dispatch: str, case: str) -> str:
    """What names a task: its dispatch, or whose part in which case."""
    return dispatch or f"{name}/{case}"


def _tell(department: Department, task: _Task, now: float, where: XY | None) -> None:
    match task.act:
        case "call":
            department.call(now, task.case, where)
        case "dismiss":
            department.dismiss(now, task.case)
        case "assign":
            department.assign(now, task.dispatch, task.case)
        case "withdraw":
            department.withdraw(task.dispatch)


def simulate(
    town: Town,
    url: MqttUrl | str,
    *,
    site: str,
    stop: threading.Event,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    on_state: Callable[[str], None] | None = None,
    keep: Callable[[], None] = lambda: None,
) -> int:
    """Publish the town until `stop`, and hand it what the centre says; returns how many messages were acknowledged.
    `keep` is called when the centre or the town has said something: it may write down what must outlive a restart."""
    count = 0
    heard = [f"gridpost/{site}/task/+", f"gridpost/{site}/announce/+"]
    tasks = Subscriber(url, heard, client_id=f"simulator-{site}-tasks")
    with tasks, Publisher(url, f"simulator-{site}", stop=stop, on_state=on_state) as publisher:
        while not stop.is_set():
            if batch := tasks.take(wait=TICK_S):
                for message in batch.messages:
                    town.hear(message.topic, message.payload, now())
                keep()
                batch.acknowledge()
            for sent in town.until(now()):
                publisher.post(sent.topic, sent.payload)
                count += 1
            keep()
        publisher.drain(5.0)
        return count - publisher.unacknowledged
