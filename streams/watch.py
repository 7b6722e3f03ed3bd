"""The clock worker: sends the tasks that acts left in the outbox, and notices devices that fell silent.

Two may run: a task is taken by one, and given to the other when the first does not finish it; what is recorded about
a silent device is named after its last sign of life, so the second record of it is a duplicate.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Protocol

from geo.places import Position
from streams.codec import moment, to_json
from streams.errors import Unreachable
from streams.ingest import Desk, understand
from streams.ledger import Row
from streams.model import Alert, Case, Event, Flag, Status
from streams.triage import Silent, silent

log = logging.getLogger(__name__)
LOOK_EVERY = timedelta(seconds=10)
WAIT_MS = 500


class Publishes(Protocol):
    """What the clock worker needs of the broker: a call that returns when the message is acknowledged."""

    def send(self, topic: str, payload: bytes) -> None: ...


def run(desk: Desk, publisher: Publishes, worker: str) -> None:
    """Work until told to stop. `worker` names this one; keep it over restarts, so that it finds its own tasks."""
    since = desk.now()
    looked: datetime | None = None
    while not desk.stop.is_set():
        try:
            send_tasks(desk, publisher, worker)
            if looked is None or desk.now() - looked >= LOOK_EVERY:
                looked = desk.now()
                notice_silence(desk, since)
        except Unreachable as error:
            log.warning("%s; trying again", error)
            desk.stop.wait(1.0)


def send_tasks(desk: Desk, publisher: Publishes, worker: str) -> int:
    """Publish what is in the outbox, each marked only after the broker has acknowledged it. Returns how many."""
    tasks = desk.queue.tasks(worker, WAIT_MS)
    for name, task in tasks:
        case = desk.queue.case(task["case"])
        if case is not None:
            publisher.send(f"gridpost/{desk.site}/task/{task['patrol']}", task_payload(task, case, desk))
        desk.queue.task_done(name)
    return len(tasks)


def task_payload(task: dict[str, str], case: Case, desk: Desk) -> bytes:
    """What the patrol's device gets (contracts: MQTT out)."""
    matter = desk.matters.matters[case.matter]
    return to_json(
        {
            "act": task["act"], "dispatch": task["dispatch"], "case": case.no, "at": moment(int(task["at"])),
            "matter": case.matter, "title": matter.name, "title_en": matter.name_en, "priority": case.priority,
            "lon": case.lon, "lat": case.lat, "grid": case.grid, "text": task["text"],
            "clocks": [{"name": clock.name, "due": moment(clock.due)} for clock in case.clocks if clock.done is None],
        }
    )  # fmt: skip


def notice_silence(desk: Desk, since: datetime) -> None:
    """Record that devices and patrols on duty fell silent (an alert that may open a case; a device is offline too),
    and that they speak again."""
    now = desk.now()
    devices, patrols = desk.queue.devices(), desk.queue.patrols()
    heard = {name: moment(int(row["received"])) for name, row in (devices | patrols).items() if "received" in row}
    on_duty = [name for name, row in patrols.items() if row.get("duty") == "on_duty" and name in desk.register.patrols]
    quiet = silent(desk.matters, desk.register.devices.values(), heard, now, since, on_duty)
    events = [event for each in quiet for event in _fell_silent(each, each.id in heard, patrols, desk, now)]
    events += _speak_again({each.id for each in quiet}, desk, now)
    if events:
        desk.queue.record(understand(events, desk), now)


def _fell_silent(
    quiet: Silent, heard: bool, patrols: Mapping[str, Row], desk: Desk, now: datetime
) -> Iterable[Event]:
    """Named after the last sign of life, so that recording it again (another worker, a restart) is a duplicate."""
    name = f"silent-{int(quiet.last.timestamp() * 1000)}" if heard else "silent-never"
    alert = Alert(quiet.rule.category, quiet.rule.severity, name, "new")
    device = desk.register.devices.get(quiet.id)
    if device is None:
        row = patrols[quiet.id]
        place = Position(float(row["lon"]), float(row["lat"])) if row.get("lon") else None
        yield _event(desk, quiet.id, f"{quiet.id}-{name}", now, alert, place)
    else:
        yield _event(desk, device.id, f"{device.id}-offline-{name}", now, Status("offline"), device.position)
        yield _event(desk, device.id, f"{device.id}-{name}", now, alert, device.position)


def _speak_again(quiet: set[str], desk: Desk, now: datetime) -> Iterable[Event]:
    for row in desk.queue.alerts(1000):
        device, _, series = row["alert"].partition("/")
        if row.get("ended") or not series.startswith("silent-") or device in quiet:
            continue
        alert = Alert(row["category"], int(row["severity"]), series, "end")
        place = Position(float(row["lon"]), float(row["lat"])) if row.get("lon") else None
        yield _event(desk, device, f"{device}-end-{series}", now, alert, place)


def _event(
    desk: Desk, device: str, name: str, now: datetime, body: Alert | Status, place: Position | None
) -> Event:
    """An event of the centre itself about a device; WATCHED keeps it from counting as a sign of life."""
    return Event(
        source=f"gridpost/{desk.site}/clock", id=name, device=device, at=now, received=now, body=body,
        position=place, flags=(Flag.WATCHED,),
    )  # fmt: skip
