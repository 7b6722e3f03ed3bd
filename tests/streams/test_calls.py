"""The whistle reaches the departments that it calls: a message to each, and another one when it is released."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from streams import acts
from streams.acts import Asked
from streams.desk import Desk
from streams.dispatch_queue import DispatchQueue
from streams.ingest import understand
from streams.model import Alert
from streams.watch import send_tasks
from tests.streams.desk import make_desk
from tests.streams.samples import NOW, event


class Told:
    """Takes what the clock worker publishes."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, dict[str, object]]] = []

    def send(self, topic: str, payload: bytes, *, timeout: float) -> None:
        self.messages.append((topic, json.loads(payload)))


@pytest.fixture
def desk(queue: DispatchQueue, tmp_path: Path) -> Desk:
    """The small site, at NOW."""
    return make_desk(queue, tmp_path, lambda: NOW)


def test_each_called_department_hears_of_the_case_and_of_its_release(desk: Desk) -> None:
    """`call` with the case and its place on the department's task topic; `dismiss` when it need not come."""
    seen = event("D-1", "1", Alert("rubbish", 3, "a", "new"), place=desk.register.devices["D-1"].position)
    (no,) = desk.queue.record(understand([seen], desk), NOW).opened

    def do(name: str, **given: object) -> None:
        acts.do(desk, Asked(no=no, name=name, by="林晓东", role="operator", request=name, **given), NOW)  # type: ignore[arg-type]

    told = Told()
    do("whistle", departments=("police", "market"), text="带上执法记录仪")
    send_tasks(desk, told, "w")
    do("dismiss", department="market", text="已处置")
    send_tasks(desk, told, "w")
    prefix = f"gridpost/{desk.site}/task/"
    assert [(topic.removeprefix(prefix), doc["act"], doc["case"]) for topic, doc in told.messages] == [
        ("police", "call", no), ("market", "call", no), ("market", "dismiss", no),
    ]  # fmt: skip
    case = desk.queue.case(no)
    assert case is not None
    assert (told.messages[0][1]["lon"], told.messages[0][1]["lat"]) == (case.lon, case.lat)
    assert told.messages[0][1]["text"] == "带上执法记录仪"
