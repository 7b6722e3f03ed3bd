"""The clock worker: notes what is due, looks again after announcements, sends what the outbox holds, and notices who
fell silent or moves where they should not.

Two may run: what is due is noted by a script that finds it once; a task is taken by one, and given to the other when
the first does not finish it; what is recorded about a silent device is named after its last sign of life, so the second
record of it is a duplicate.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from datetime import datetime, timedelta
from typing import Protocol

from geo.places import Position
from streams import acts
from streams.acts import Asked
from streams.codec import millis, moment, to_json
from streams.desk import Desk
from streams.dispatch_queue import Looked
from streams.errors import ActRefused, Unreachable
from streams.fences import Fences
from streams.ingest import understand
from streams.ledger import Row
from streams.model import Alert, Case, Event, Flag, Status
from streams.mutual import Mutual, task_topic
from streams.sending import send_by_rule
from streams.triage import Silent, silent

log = logging.getLogger(__name__)
LOOK_EVERY_S, FENCES_EVERY_S, TIME_EVERY_S, PAUSE_S = 10.0, 5.0, 1.0, 0.05
WAIT_MS, SEND_S = 500, 10.0
REPEAT = 2
"""So many times a loudspeaker says it."""


class Publishes(Protocol):
    """What the clock worker needs of the broker: a call that returns when the message is acknowledged, and raises
    Unreachable when it was not within `timeout` seconds."""

    def send(self, topic: str, payload: bytes, *, timeout: float) -> None: ...


def run(desk: Desk, publisher: Publishes, worker: str) -> None:
    """Work until told to stop. `worker` names this one; keep it over restarts, so that it finds its own tasks.

    One loop each, so that a broker that does not answer keeps nobody from noticing what is due, and the other way
    round.
    """
    silence, fences = Silence(desk), Fences(desk, desk.borders)
    mutual = Mutual(desk)
    with ThreadPoolExecutor(6, "clock") as pool:
        loops = [
            pool.submit(until_stopped, desk, lambda: send_tasks(desk, publisher, worker), PAUSE_S),
            pool.submit(until_stopped, desk, lambda: keep_time(desk), TIME_EVERY_S),
            pool.submit(until_stopped, desk, lambda: desk.queue.seal(desk.now()), TIME_EVERY_S),
            pool.submit(until_stopped, desk, silence.look, LOOK_EVERY_S),
            pool.submit(until_stopped, desk, fences.look, FENCES_EVERY_S),
            pool.submit(until_stopped, desk, mutual.look, TIME_EVERY_S),
        ]
        wait(loops, return_when=FIRST_EXCEPTION)
        desk.stop.set()
        for loop in loops:
            loop.result()


def until_stopped(desk: Desk, work: Callable[[], object], pause_s: float) -> None:
    """Do the work again and again, also while Redis or the broker is away."""
    away = False  # one line when it goes, one when it is back, however long that takes
    while not desk.stop.is_set():
        try:
            work()
        except Unreachable as error:
            if not away and not desk.stop.is_set():
                log.warning("%s; trying again", error)
            away = True
        else:
            if away:
                log.warning("back; going on where we were")
            away = False
        desk.stop.wait(pause_s)


def keep_time(desk: Desk) -> Looked:
    """What time alone brings about by now: reminders, second looks, tasks sent again; then suspensions that are over
    end, and cases that an announcement did not settle get the best candidate, as soon as there is one."""
    now = desk.now()
    looked = desk.queue.look(now)
    for no in looked.waking:
        asked = Asked(no=no, name="resume", by="rule", role="rule", request=f"waking/{now.isoformat()}")
        try:
            acts.do(desk, asked, now)
        except ActRefused as refused:
            log.info("not resumed by rule: %s", refused)
    for near in looked.near:
        asked = Asked(
            no=near.no, name="check_in", by=near.patrol, role="rule", department=near.department,
            request=f"near/{near.department}/{near.at}",
        )  # fmt: skip
        try:
            acts.do(desk, asked, moment(near.at))
        except ActRefused as refused:
            log.info("not checked in by its place: %s", refused)
        desk.queue.checked(near)
    send_by_rule(desk, looked.auto, now)
    return looked


def send_tasks(desk: Desk, publisher: Publishes, worker: str) -> int:
    """Publish what is in the outbox, each marked only after the broker has acknowledged it. Returns how many.

    An assignment that was withdrawn meanwhile is not sent any more, nor an announcement that comes too late. A worker
    so slow that another one has taken over stops, since what it would send comes after what that one has sent.
    """
    tasks = desk.queue.tasks(worker, WAIT_MS)
    for done, (name, task) in enumerate(tasks):
        if not desk.queue.sender(worker):
            return done
        if task["act"] == "announce":
            _announce(desk, publisher, name, task)
            continue
        case = desk.queue.case(task["case"])
        wanted = case is not None and (task["act"] != "assign" or case.dispatch == task["dispatch"])
        if case is not None and wanted and (not case.aid or Mutual(desk).ready(task, case)):
            topic = task_topic(desk.site, task["patrol"])
            publisher.send(topic, task_payload(task, case, desk), timeout=SEND_S)
        desk.queue.task_done(name)
    return len(tasks)


def _announce(desk: Desk, publisher: Publishes, name: str, task: dict[str, str]) -> None:
    """The loudspeaker speaks, and the alert is looked at again so long after that; too late it says nothing."""
    at, until = int(task["at"]), int(task["until"])
    if until <= millis(desk.now()):
        log.info("not announced, since it is too late: %s", task["alert"])
        desk.queue.task_done(name)
        return
    said = to_json({"text": task["text"], "repeat": REPEAT, "alert": task["alert"]})
    publisher.send(f"gridpost/{desk.site}/announce/{task['camera']}", said, timeout=SEND_S)
    desk.queue.task_done(name, task["alert"], desk.now(), until - at)


def task_payload(task: dict[str, str], case: Case, desk: Desk) -> bytes:
    """What the patrol's device gets (contracts: MQTT out). Whoever was refused on a case that is not theirs gets back
    what they named, and nothing of the case."""
    refused = {key: task[key] for key in ("refused", "error") if key in task}
    if refused and task["patrol"] not in (case.patrol, case.department, *(part.department for part in case.tasks)):
        said = {key: task[key] for key in ("act", "dispatch", "case", "text")}
        return to_json({**said, **refused, "at": moment(int(task["at"]))})
    matter = desk.matters.matters.get(case.matter)  # the catalogue may have changed since the case was opened
    ours = f"{desk.site}/" if "/" in task["patrol"] else ""  # a partner's patrol has cases of its own site too
    return to_json(
        {
            "act": task["act"], "dispatch": ours + task["dispatch"], "case": ours + case.no,
            "at": moment(int(task["at"])), "matter": case.matter, "title": matter.name if matter else case.matter,
            "title_en": matter.name_en if matter else case.matter, "priority": case.priority,
            "lon": case.lon, "lat": case.lat, "grid": case.grid, "text": task["text"], **refused,
            "clocks": [{"name": clock.name, "due": moment(clock.due)} for clock in case.clocks if clock.done is None],
        }
    )  # fmt: skip


class Silence:
    """Notices who should have been heard and was not (an alert that may open a case; a device is offline too), and
    who speaks again. What stands is kept in Redis with the device, so a restart or a second worker repeats nothing.

    The absence of the centre is nobody's silence: it counts from when this began to listen, and anew whenever nobody
    at all was heard for a while, since then it is the broker or ingest that is away.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk, self._since = desk, desk.now()
        periods = [device.period for device in desk.register.devices.values() if device.period > 0]
        self._deaf = timedelta(seconds=max(120.0, 3 * min(periods, default=0.0)))

    def look(self) -> None:
        """Look once. Harmless to repeat."""
        desk, now = self._desk, self._desk.now()
        heard = {name: moment(at) for name, at in desk.queue.heard().items()}
        if not heard or now - max(heard.values()) > self._deaf:
            self._since = now
            return
        devices, patrols = desk.queue.devices(desk.register.devices), desk.queue.patrols()
        on_duty = [name for name, row in patrols.items() if row.get("duty") == "on_duty" and row.get("registered")]
        quiet = silent(desk.matters, desk.register.devices.values(), heard, now, self._since, on_duty)
        rows = devices | patrols
        events = [
            event for each in quiet if "silent" not in rows.get(each.id, {})
            for event in self._fell_silent(each, heard.get(each.id), rows.get(each.id, {}), now)
        ]  # fmt: skip
        for name, row in rows.items():
            if "silent" in row and name in heard and heard[name] > moment(int(row["silent_at"])):
                events.append(self._speaks_again(name, row, now))
        if events:
            desk.queue.record(understand(events, desk), now)

    def _fell_silent(self, quiet: Silent, last: datetime | None, row: Row, now: datetime) -> Iterable[Event]:
        """Named after the last sign of life, so that two workers who notice it at once record it once."""
        series = f"silent-{int(last.timestamp() * 1000)}" if last else "silent-never"
        place = self._place(quiet.id, row)
        if quiet.id in self._desk.register.devices:
            yield self._event(quiet.id, f"{quiet.id}-offline-{series}", now, Status("offline"), place)
        alert = Alert(quiet.rule.category, quiet.rule.severity, series, "new")
        yield self._event(quiet.id, f"{quiet.id}-{series}", now, alert, place)

    def _speaks_again(self, name: str, row: Row, now: datetime) -> Event:
        series = row["silent"].removeprefix(f"{name}/")
        kind = self._desk.register.devices[name].kind if name in self._desk.register.devices else "patrol"
        alert = Alert(self._desk.matters.silences[kind].category, 1, series, "end")
        return self._event(name, f"{name}-end-{series}", now, alert, self._place(name, row))

    def _place(self, name: str, row: Row) -> Position | None:
        device = self._desk.register.devices.get(name)
        if device is not None:
            return device.position
        return Position(float(row["lon"]), float(row["lat"])) if row.get("lon") else None

    def _event(
        self, device: str, name: str, now: datetime, body: Alert | Status, place: Position | None
    ) -> Event:
        """An event of the centre itself about a device; WATCHED keeps it from counting as a sign of life."""
        return Event(
            source=f"gridpost/{self._desk.site}/clock", id=name, device=device, at=now, received=now, body=body,
            position=place, flags=(Flag.WATCHED,),
        )  # fmt: skip
