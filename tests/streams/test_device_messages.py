"""The makers' own example messages: each one, on the topic it is sent on, and what becomes of it.

The times in them are years old, so each is received a second after its own.
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from streams import dialects
from streams.errors import Refused
from streams.model import Alert, Event, Flag, Ignored, Movement, Patrol, Reading, Status
from streams.recording import inside, time_in
from streams.register import Register

FOLDER = Path(__file__).parents[2] / "../shared/data/devices"
PHONE = "owntracks/jane/iphone"
SENSOR = "application/17c82e96/device/0101010101010101/event"
REGISTER = Register(
    {}, {"p-1": Patrol("p-1", "简", "Jane", "person", "s", "d", "巡查", external="owntracks/jane/iphone")}, {}
)
LATER = datetime(2026, 3, 2, tzinfo=UTC)

MESSAGES = [
    # file, line, topic, outcome
    ("owntracks", 1, f"{PHONE}/waypoints", "ignored owntracks:waypoints"),
    ("owntracks", 2, f"{PHONE}/event", "position"),
    ("owntracks", 3, f"{PHONE}/info", "ignored owntracks:info"),
    ("owntracks", 4, PHONE, "ignored owntracks:encrypted"),
    ("owntracks", 5, f"{PHONE}/step", "ignored owntracks:step"),
    ("owntracks", 6, PHONE, "position"),
    ("owntracks", 7, f"{PHONE}/dump", "ignored owntracks:dump"),
    ("owntracks", 8, f"{PHONE}/cmd", "ignored owntracks:cmd"),
    ("owntracks", 9, f"{PHONE}/request", "ignored owntracks:request"),
    ("owntracks", 10, f"{PHONE}/request", "ignored owntracks:request"),
    ("owntracks", 11, f"{PHONE}/cmd", "ignored owntracks:cmd"),
    ("owntracks", 12, f"{PHONE}/request", "ignored owntracks:request"),
    ("owntracks", 13, PHONE, "position"),
    ("owntracks", 14, f"{PHONE}/event", "position"),
    ("owntracks", 15, f"{PHONE}/waypoint", "ignored owntracks:waypoint"),
    ("owntracks", 16, f"{PHONE}/cmd", "ignored owntracks:cmd"),
    ("owntracks", 17, f"{PHONE}/cmd", "ignored owntracks:cmd"),
    ("owntracks", 18, f"{PHONE}/cmd", "ignored owntracks:cmd"),
    ("owntracks", 19, f"{PHONE}/cmd", "ignored owntracks:cmd"),
    ("owntracks", 20, f"{PHONE}/cmd", "ignored owntracks:cmd"),
    ("owntracks", 21, f"{PHONE}/cmd", "ignored owntracks:cmd"),
    ("owntracks", 22, f"{PHONE}/cmd", "ignored owntracks:cmd"),
    ("owntracks", 23, PHONE, "ignored owntracks:configuration"),
    ("frigate", 1, "frigate/events", "alert update person 2"),
    ("frigate", 2, "frigate/tracked_object_update", "ignored frigate:tracked_object_update"),
    ("frigate", 3, "frigate/tracked_object_update", "ignored frigate:tracked_object_update"),
    ("frigate", 4, "frigate/tracked_object_update", "ignored frigate:tracked_object_update"),
    ("frigate", 5, "frigate/tracked_object_update", "ignored frigate:tracked_object_update"),
    ("frigate", 6, "frigate/tracked_object_update", "ignored frigate:tracked_object_update"),
    ("frigate", 7, "frigate/reviews", "alert update person 3"),
    ("frigate", 8, "frigate/triggers", "ignored frigate:triggers"),
    ("chirpstack", 1, f"{SENSOR}/up", "status online"),  # the example has no decoded object
    ("chirpstack", 2, f"{SENSOR}/status", "status online 88.3 %"),
    ("chirpstack", 3, f"{SENSOR}/join", "status online"),
    ("chirpstack", 4, f"{SENSOR}/ack", "ignored chirpstack:ack"),
    ("chirpstack", 5, f"{SENSOR}/txack", "ignored chirpstack:txack"),
    ("chirpstack", 6, f"{SENSOR}/log", "ignored chirpstack:log"),
    ("chirpstack", 7, f"{SENSOR}/location", "ignored chirpstack:location"),
    ("chirpstack", 8, f"{SENSOR}/integration", "ignored chirpstack:integration"),
]  # fmt: skip

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="the makers' example messages are not here")


def message(file: str, line: int) -> dict[str, Any]:
    """The parsed payload on a line of a file."""
    payload = json.loads((FOLDER / f"{file}.jsonl").read_text(encoding="utf-8").splitlines()[line - 1])["payload"]
    assert isinstance(payload, dict)
    return payload


def decode(topic: str, payload: dict[str, Any], received: datetime) -> list[Event] | Ignored:
    encoded = json.dumps(payload).encode()
    return dialects.decode(topic, encoded, received=received, site="wanghai", register=REGISTER)


def events_of(topic: str, payload: dict[str, Any]) -> list[Event]:
    """The events of a message received years later."""
    found = decode(topic, payload, LATER)
    assert isinstance(found, list)
    return found


def shortly_after(topic: str, payload: dict[str, Any]) -> datetime:
    told = (time_in(inside(payload, where)) for where in dialects.times(topic))
    return next((time for time in told if time is not None), LATER) + timedelta(seconds=1)


def outcome(topic: str, payload: dict[str, Any], received: datetime) -> str:
    """What became of a message, in a few words."""
    try:
        found = decode(topic, payload, received)
    except Refused as refused:
        return f"refused:{refused.reason}"
    if isinstance(found, Ignored):
        return f"ignored {found.what}"
    kinds = Counter(event.kind.value for event in found)
    body = found[0].body
    if isinstance(body, Alert):
        return f"alert {body.phase} {body.category} {body.severity}"
    if isinstance(body, Status):
        return f"status {body.state}" + (f" {body.battery} %" if body.battery is not None else "")
    return f"reading x{kinds['reading']}" if isinstance(body, Reading) else found[0].kind.value


@pytest.mark.parametrize(("file", "line", "topic", "expected"), MESSAGES)
def test_every_message_of_the_documentation(file: str, line: int, topic: str, expected: str) -> None:
    """Each is understood as its maker meant it; none is refused."""
    payload = message(file, line)
    assert outcome(topic, payload, shortly_after(topic, payload)) == expected


@pytest.mark.parametrize(("file", "line", "topic", "expected"), MESSAGES[:23])
def test_a_phone_that_sends_everything_on_one_topic_is_understood_too(
    file: str, line: int, topic: str, expected: str
) -> None:
    """The `_type` alone decides as well: the same messages are used, the same are ignored."""
    payload = message(file, line)
    assert outcome(PHONE, payload, shortly_after(topic, payload)).split()[0] == expected.split()[0]


def test_no_message_is_left_out() -> None:
    """Every line of every file has its row above."""
    lines = {
        (path.stem, number)
        for path in FOLDER.glob("*.jsonl")
        for number, _ in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
    }
    assert {(file, line) for file, line, _, _ in MESSAGES} == lines
    assert len(lines) == 39


def test_years_later_they_are_late() -> None:
    """The same messages received today are recorded and flagged late."""
    used = [(topic, message(file, line)) for file, line, topic, said in MESSAGES if not said.startswith("ignored")]
    found = [event for topic, payload in used for event in events_of(topic, payload)]
    assert len(found) == 9
    assert all(Flag.LATE in event.flags for event in found)


def test_the_phone_of_the_examples_is_the_registered_patrol() -> None:
    """61 km/h are 16.94 m/s; the battery and course come along."""
    [event] = events_of(PHONE, message("owntracks", 13))
    assert event.device == "p-1"
    assert event.body == Movement(5, 61 / 3.6, 271, 41)
