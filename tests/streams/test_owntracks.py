"""OwnTracks: what a phone says, as events."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from geo.places import Position
from streams.dialects import decode
from streams.errors import Refused
from streams.model import Event, Flag, Ignored, Movement, Patrol, Status
from streams.register import Register

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
TST = int(NOW.timestamp())
PATROL = Patrol("p-7", "王", "Wang", "person", "s1", "d1", "巡查", external="owntracks/wang/phone")
REGISTER = Register({}, {"p-7": PATROL}, {})
LOCATION = {"_type": "location", "lat": 35.0, "lon": 119.1, "tst": TST, "acc": 8, "vel": 36, "cog": 90, "batt": 55}


def take(topic: str, payload: object) -> list[Event] | Ignored:
    encoded = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return decode(f"owntracks/{topic}", encoded, received=NOW, site="wanghai", register=REGISTER)


def one(topic: str, payload: object) -> Event:
    events = take(topic, payload)
    assert isinstance(events, list)
    [event] = events
    return event


def test_a_location_is_a_position_in_metres_per_second() -> None:
    """The phone's km/h become m/s; the patrol is the one whose external name is the topic."""
    event = one("wang/phone", LOCATION)
    assert event.body == Movement(8, 10, 90, 55)
    assert (event.device, event.position, event.at, event.flags) == ("p-7", Position(119.1, 35.0), NOW, ())
    assert event.source == "owntracks/wang/phone"


def test_a_phone_that_nobody_registered_is_placed_and_flagged() -> None:
    """It is named by user and device, so that somebody can register it."""
    event = one("li/tablet", LOCATION)
    assert (event.device, event.flags) == ("li/tablet", (Flag.UNREGISTERED,))


def test_the_same_message_again_has_the_same_id() -> None:
    """The id is a hash of topic and payload: any difference is another message."""
    first = one("wang/phone", LOCATION)
    assert first.id == one("wang/phone", LOCATION).id
    assert first.id != one("li/tablet", LOCATION).id
    assert first.id != one("wang/phone", {**LOCATION, "tst": TST - 1}).id


def test_minus_one_means_not_known() -> None:
    """Phones say -1 for a speed, course or battery they do not know."""
    event = one("wang/phone", {**LOCATION, "vel": -1, "cog": -1, "batt": -1, "acc": -1})
    assert event.body == Movement()


def test_a_transition_is_a_position_that_keeps_what_was_entered() -> None:
    """A region entered or left comes with a fix; the words stay in the attributes."""
    said = {"_type": "transition", "event": "enter", "desc": "码头", "lat": 35, "lon": 119, "tst": TST, "wtst": 1}
    event = one("wang/phone/event", said)
    assert event.body == Movement()
    assert json.loads(bytes(event.attributes)) == {"event": "enter", "desc": "码头"}


def test_a_last_will_says_offline_now() -> None:
    """Its `tst` is when the phone connected, perhaps days ago, so the time of receipt counts."""
    connected = int((NOW - timedelta(days=2)).timestamp())
    event = one("wang/phone", {"_type": "lwt", "tst": connected})
    assert (event.body, event.at, event.flags, event.device) == (Status("offline"), NOW, (), "p-7")


@pytest.mark.parametrize("kind", ["waypoint", "card", "cmd", "steps", "encrypted", "configuration", "beacon"])
def test_what_nobody_needs_is_ignored_by_its_type(kind: str) -> None:
    """Understood, but not needed: counted, never refused."""
    assert take("wang/phone", {"_type": kind}) == Ignored(f"owntracks:{kind}")


@pytest.mark.parametrize("below", ["waypoint", "info", "cmd", "step", "dump", "status"])
def test_what_nobody_needs_is_ignored_by_its_topic(below: str) -> None:
    """The topics below a phone's own are known; a big portrait there is not even read."""
    assert take(f"wang/phone/{below}", b"x" * 100_000) == Ignored(f"owntracks:{below}")


def test_a_cleared_retained_message_is_ignored() -> None:
    """An empty payload removes what the broker kept: nobody said anything."""
    assert take("wang/phone", b"") == Ignored("owntracks:cleared")


@pytest.mark.parametrize(
    ("topic", "payload", "reason"),
    [
        ("wang", LOCATION, "unknown_topic"),
        ("wang/phone", {**LOCATION, "_type": "mood"}, "unknown_kind"),
        ("wang/phone", {"lat": 1}, "missing"),
        ("wang/phone", {**LOCATION, "lat": "35"}, "wrong_type"),
        ("wang/phone", {**LOCATION, "lat": 0, "lon": 0}, "impossible_place"),
        ("wang/phone", {**LOCATION, "tst": TST + 301}, "future"),
        ("wang/phone", b"not json", "not_json"),
        ("wang/phone", {**LOCATION, "image": "x" * 70_000}, "too_large"),
    ],
)
def test_what_cannot_be_used_is_refused(topic: str, payload: object, reason: str) -> None:
    """The same reasons as everywhere."""
    with pytest.raises(Refused) as caught:
        take(topic, payload)
    assert caught.value.reason == reason
