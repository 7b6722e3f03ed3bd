"""Frigate: what a camera detector says, as events."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from geo.places import Position
from streams.dialects import decode
from streams.errors import Refused
from streams.model import Alert, Device, Event, Flag, Ignored, Status
from streams.register import Register

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
T = NOW.timestamp()
GATE = Device("cam-1", "camera", "东门", "East Gate", "video", Position(119.2, 35.1), external="frigate/front_door")
YARD = Device("yard", "camera", "院", "Yard", "video", Position(119.3, 35.1))
REGISTER = Register({"cam-1": GATE, "yard": YARD}, {}, {})


def take(topic: str, payload: object, received: datetime = NOW) -> list[Event] | Ignored:
    encoded = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return decode(f"frigate/{topic}", encoded, received=received, site="wanghai", register=REGISTER)


def one(topic: str, payload: object, received: datetime = NOW) -> Event:
    events = take(topic, payload, received)
    assert isinstance(events, list)
    [event] = events
    return event


def seen(phase: str = "new", **changes: object) -> dict[str, object]:
    after = {"id": "1.5-abc", "camera": "front_door", "label": "person", "frame_time": T - 2, "start_time": T - 9}
    return {"type": phase, "before": {}, "after": {**after, "has_snapshot": True, "sub_label": ["Li", 0.8], **changes}}


def reviewed(phase: str = "new", severity: str = "alert", **changes: object) -> dict[str, object]:
    data = {"objects": ["Fire Truck", "person"], "zones": ["gate"]}
    after = {"id": "2.5-rev", "camera": "yard", "start_time": T - 5, "severity": severity, "data": data}
    return {"type": phase, "before": {}, "after": {**after, **changes}}


def test_an_event_is_an_alert_of_the_registered_camera() -> None:
    """Named by `after.id`, `type` and `frame_time`; the alert is `after.id`; the camera stands in the register."""
    event = one("events", seen())
    assert event.body == Alert("person", 2, "1.5-abc", "new")
    assert (event.source, event.id) == ("frigate", f"1.5-abc-new-{T - 2}")
    assert (event.device, event.position, event.flags) == ("cam-1", GATE.position, ())
    assert event.at == NOW - timedelta(seconds=2)
    kept = json.loads(bytes(event.attributes))
    assert (kept["has_snapshot"], kept["sub_label"]) == (True, ["Li", 0.8])


def test_a_camera_may_be_registered_under_its_own_name() -> None:
    """No external name is needed where the ids are the same."""
    assert one("events", seen(camera="yard")).device == "yard"


def test_an_unknown_camera_is_kept_unplaced() -> None:
    """Recorded for somebody to register."""
    event = one("events", seen(camera="attic"))
    assert (event.device, event.position, event.flags) == ("attic", None, (Flag.UNPLACED,))


def test_the_phases_share_the_alert_and_differ_in_their_ids() -> None:
    """new, update and end of one object are three messages of one series; an end is timed by its end."""
    events = [
        one("events", seen(phase, end_time=T - 1 if phase == "end" else None)) for phase in ("new", "update", "end")
    ]
    assert {event.body.alert for event in events if isinstance(event.body, Alert)} == {"1.5-abc"}
    assert len({event.id for event in events}) == 3
    assert events[2].at == NOW - timedelta(seconds=1)


def test_a_review_is_graded_by_frigate() -> None:
    """alert is severity 3, detection 2; the category is the first object in lower case, words joined."""
    graded = one("reviews", reviewed())
    assert graded.body == Alert("fire_truck", 3, "2.5-rev", "new")
    assert (graded.device, graded.position) == ("yard", YARD.position)
    assert one("reviews", reviewed(severity="detection")).body == Alert("fire_truck", 2, "2.5-rev", "new")
    assert one("reviews", reviewed(data={"audio": ["scream"]})).body == Alert("scream", 3, "2.5-rev", "new")
    assert one("reviews", reviewed(data={})).body == Alert("review", 3, "2.5-rev", "new")


def test_a_review_is_named_by_its_hash() -> None:
    """It carries no frame: the same message again is the same, a later update another."""
    first = one("reviews", reviewed("update"))
    assert first.id == one("reviews", reviewed("update")).id
    assert first.id != one("reviews", reviewed("update", data={"objects": ["car"]})).id


@pytest.mark.parametrize(("word", "state"), [(b"online", "online"), (b"offline", "offline"), (b"stopped", "offline")])
def test_available_is_the_status_of_the_detector_itself(word: bytes, state: str) -> None:
    """It has no time of its own, and says the same word again and again: each time is another event."""
    event = one("available", word)
    assert (event.device, event.body, event.at, event.flags) == ("frigate", Status(state), NOW, ())  # type: ignore[arg-type]
    assert event.id != one("available", word, NOW + timedelta(hours=1)).id


@pytest.mark.parametrize(
    ("topic", "what"),
    [
        ("stats", "stats"),
        ("tracked_object_update", "tracked_object_update"),
        ("triggers", "triggers"),
        ("front_door/person/snapshot", "camera"),
        ("front_door/motion", "camera"),
        ("something_newer", "other"),
    ],
)
def test_its_other_topics_are_ignored_unread(topic: str, what: str) -> None:
    """Pictures and figures, of any size, are understood and not needed; cameras do not multiply the counts."""
    assert take(topic, b"\xff\xd8" + b"\0" * 200_000) == Ignored(f"frigate:{what}")


def test_a_false_positive_and_a_newer_type_are_ignored() -> None:
    """What Frigate itself took back opens nothing, nor do texts that its language model adds."""
    assert take("events", seen(false_positive=True)) == Ignored("frigate:false_positive")
    assert take("reviews", {"type": "genai", "after": {}}) == Ignored("frigate:reviews_other")


@pytest.mark.parametrize(
    ("topic", "payload", "reason", "says"),
    [
        ("events", b"online", "not_json", "online"),
        ("events", {"type": "new"}, "missing", "after"),
        ("events", seen(frame_time="now"), "wrong_type", "after.frame_time"),
        (
            "events",
            json.dumps(seen(sub_label=1)).replace("1}", "[" * 300 + "]" * 300 + "}").encode(),
            "wrong_type",
            "nested",
        ),
        ("events", seen(id=""), "missing", "after.id"),
        ("events", seen(frame_time=T + 400), "future", "ahead"),
        ("reviews", reviewed(severity="panic"), "wrong_type", "panic"),
        ("available", b"perhaps", "wrong_type", "perhaps"),
    ],
)
def test_what_cannot_be_used_is_refused(topic: str, payload: object, reason: str, says: str) -> None:
    """The same reasons as everywhere, naming the field."""
    with pytest.raises(Refused) as caught:
        take(topic, payload)
    assert caught.value.reason == reason
    assert says in caught.value.text
