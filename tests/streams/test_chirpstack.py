"""ChirpStack v4: what LoRaWAN sensors say, as events."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from geo.places import Position
from streams.dialects import decode
from streams.errors import Refused
from streams.model import Device, Event, Flag, Ignored, Reading, Status
from streams.register import Register

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
GAUGE = Device(
    "lvl-1", "sensor", "水位", "Level", "lora", Position(119.3, 35.2), quantity="level", unit="m",
    external="0101010101abcdef",
)  # fmt: skip
REGISTER = Register({"lvl-1": GAUGE}, {}, {})
TOLD = {"deduplicationId": "3ac7", "time": "2026-03-02T08:00:00.775023242+00:00", "deviceInfo": {"devEui": "…"}}


def take(event: str, payload: object, eui: str = "0101010101abcdef") -> list[Event] | Ignored:
    encoded = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    topic = f"application/17c8/device/{eui}/event/{event}"
    return decode(topic, encoded, received=NOW, site="wanghai", register=REGISTER)


def events(event: str, payload: object, eui: str = "0101010101abcdef") -> list[Event]:
    found = take(event, payload, eui)
    assert isinstance(found, list)
    return found


def test_every_number_of_an_uplink_is_a_reading() -> None:
    """Nested names are joined by dots, true and false count as 1 and 0, texts are passed over."""
    decoded = {"level": 2.5, "air": {"temp": -3, "note": "ok"}, "leak": True, "relays": [0, 1], "none": None}
    found = events("up", {**TOLD, "object": decoded})
    assert [event.body for event in found] == [
        Reading("level", 2.5, "m"),
        Reading("air.temp", -3.0),
        Reading("leak", 1.0),
        Reading("relays.0", 0.0),
        Reading("relays.1", 1.0),
    ]
    assert [event.id for event in found[:2]] == ["3ac7:up:level", "3ac7:up:air.temp"]
    assert {(event.device, event.position, event.flags) for event in found} == {("lvl-1", GAUGE.position, ())}


def test_nanoseconds_are_cut_to_what_a_clock_here_holds() -> None:
    """ChirpStack writes times to the nanosecond."""
    [event] = events("join", TOLD)
    assert event.at == datetime(2026, 3, 2, 8, 0, 0, 775023, tzinfo=UTC)


@pytest.mark.parametrize("decoded", [None, {}, {"text": "hello"}])
def test_an_uplink_without_numbers_is_a_sign_of_life(decoded: object) -> None:
    """A device without a codec is still seen alive."""
    [event] = events("up", {**TOLD, "object": decoded})
    assert (event.body, event.id) == (Status("online"), "3ac7:up")


def test_status_and_join_say_online() -> None:
    """A status brings the battery where the device knows it."""
    assert [event.body for event in events("status", {**TOLD, "batteryLevel": 88.3})] == [Status("online", 88.3)]
    unknown = {**TOLD, "batteryLevel": 0.0, "batteryLevelUnavailable": True}
    assert [event.body for event in events("status", unknown)] == [Status("online")]
    assert [event.body for event in events("join", TOLD)] == [Status("online")]


def test_a_device_is_found_in_capitals_too() -> None:
    """devEUIs are hex: makers print them in capitals, ChirpStack does not."""
    assert events("join", TOLD, "0101010101ABCDEF")[0].device == "lvl-1"


def test_an_unknown_device_is_kept_unplaced() -> None:
    """Recorded under its devEUI for somebody to register."""
    [event] = events("join", TOLD, "ffff")
    assert (event.device, event.position, event.flags) == ("ffff", None, (Flag.UNPLACED,))


@pytest.mark.parametrize("event", ["location", "ack", "txack", "log", "integration"])
def test_what_is_about_the_radio_network_is_ignored(event: str) -> None:
    """Sensors stand where the register says; acknowledgements and logs are the network's own."""
    assert take(event, b"whatever") == Ignored(f"chirpstack:{event}")


@pytest.mark.parametrize(
    ("event", "payload", "reason"),
    [
        ("mood", TOLD, "unknown_kind"),
        ("up", {"time": TOLD["time"]}, "missing"),
        ("up", {**TOLD, "deduplicationId": ""}, "missing"),
        ("up", {**TOLD, "time": "2026-03-02T08:00:00"}, "wrong_type"),
        ("up", {**TOLD, "time": "2026-03-02T08:06:00Z"}, "future"),
        ("up", {**TOLD, "object": {str(n): n for n in range(101)}}, "too_large"),
        (
            "up",
            b'{"deduplicationId":"d","time":"2026-03-02T08:00:00Z","object":' + b"[" * 300 + b"]" * 300 + b"}",
            "wrong_type",
        ),
        ("up", json.dumps({**TOLD, "object": {"level": float("nan")}}).encode(), "not_a_number"),
    ],
)
def test_what_cannot_be_used_is_refused(event: str, payload: object, reason: str) -> None:
    """The same reasons as everywhere."""
    with pytest.raises(Refused) as caught:
        take(event, payload)
    assert caught.value.reason == reason


def test_another_topic_below_application_is_refused() -> None:
    """Commands and gateways have topics of their own that nobody sends here."""
    with pytest.raises(Refused, match="unknown_topic"):
        decode("application/1/device/2/command/down", b"{}", received=NOW, site="w", register=REGISTER)
