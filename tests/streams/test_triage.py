"""Triage: what each kind of event asks for, and who has fallen silent."""

from __future__ import annotations

import timeit
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from geo.places import Position
from streams.calendar import Calendar
from streams.matters import Matters, load_matters
from streams.model import Alert, Body, Device, Event, Flag, Movement, Phase, Reading, Reply, Report, Status
from streams.triage import LIST_ONLY, RECORD_ONLY, Intent, apply, origin, priority, silent
from tests.streams.catalogue import CATALOGUE

NOW = datetime(2026, 9, 29, 2, 0, tzinfo=UTC)  # 10:00 in Shanghai, a working day
CALENDAR = Calendar()
HERE = Position(119.2, 35.1)


@pytest.fixture(scope="module")
def matters(tmp_path_factory: pytest.TempPathFactory) -> Matters:
    path = tmp_path_factory.mktemp("matters") / "matters.toml"
    path.write_text(CATALOGUE, "utf-8")
    return load_matters(path)


def event(body: Body, *flags: Flag, device: str = "D-001", attributes: bytes = b"{}") -> Event:
    """An event received now, placed unless flagged otherwise; its device's time is five minutes older."""
    place = None if Flag.UNPLACED in flags else HERE
    at = NOW - timedelta(minutes=5)
    return Event("s", "1", device, at, NOW, body, place, flags=flags, attributes=msgspec.Raw(attributes))


def one(matters: Matters, what: Event, patrols: tuple[str, ...] = ()) -> Intent:
    (intent,) = apply(matters, [what], CALENDAR, patrols)
    return intent


def alert(category: str = "rubbish", severity: int = 2, phase: Phase = "new") -> Alert:
    return Alert(category, severity, "a-1", phase)


@pytest.mark.parametrize("phase", ["new", "update"])
def test_an_alert_opens_its_matter_accepted_by_rule(matters: Matters, phase: Phase) -> None:
    """A device's alert opens its matter; both clocks run from when the centre received it."""
    intent = one(matters, event(alert(phase=phase)))
    assert (intent.open, intent.accept, intent.origin, intent.post) == ("rubbish", True, "device", "member")
    assert (intent.radius, intent.minutes) == (200.0, 30.0)
    assert (intent.alert, intent.phase, intent.category, intent.severity) == ("a-1", phase, "rubbish", 2)
    respond, handle = intent.clocks
    start = int(NOW.timestamp() * 1000)
    assert (respond.name, respond.start, respond.due - start) == ("respond", start, 30 * 60_000)
    # 4 working hours from 10:00: two before lunch, two after 13:30
    assert (handle.name, handle.start, handle.due - start) == ("handle", start, int(5.5 * 3_600_000))


def test_an_end_opens_nothing(matters: Matters) -> None:
    """The end of an alert ends the alert and opens no case, in whatever order it comes."""
    intent = one(matters, event(alert(phase="end")))
    assert (intent.open, intent.clocks, intent.alert, intent.phase) == (None, (), "a-1", "end")


def test_an_alert_of_no_matter_is_kept_without_a_case(matters: Matters) -> None:
    """A category that no matter opens on is an alert all the same."""
    intent = one(matters, event(alert("ufo")))
    assert (intent.open, intent.alert, intent.phase, intent.category) == (None, "a-1", "new", "ufo")


def test_a_report_waits_for_a_person(matters: Matters) -> None:
    """A report opens its matter, must be verified, and only the clock to respond runs; it is P3."""
    intent = one(matters, event(Report("litter"), device="r-7"))
    assert (intent.open, intent.accept, intent.priority, intent.origin) == ("rubbish", False, 3, "resident")
    assert [clock.name for clock in intent.clocks] == ["respond"]
    assert intent.phase is None


def test_a_report_of_an_unknown_category_goes_to_the_fallback(matters: Matters) -> None:
    """Nobody's report is lost because of a word that the catalogue lacks; the word is kept."""
    intent = one(matters, event(Report("noise from above")))
    assert (intent.open, intent.category) == ("other", "noise from above")


def test_a_report_without_a_place_opens_and_is_listed(matters: Matters) -> None:
    """Somebody must look at it; without a grid the six fixes keep it from being dispatched."""
    intent = one(matters, event(Report("litter"), Flag.UNPLACED))
    assert (intent.open, intent.listed) == ("rubbish", True)


def test_what_lies_outside_every_grid_opens(matters: Matters) -> None:
    """A place outside is kept, tagged, and somebody has to look."""
    assert one(matters, event(alert(), Flag.OUTSIDE)).open == "rubbish"
    assert one(matters, event(Report("litter"), Flag.OUTSIDE)).open == "rubbish"


def test_an_unknown_fixed_device_is_listed_and_opens_nothing(matters: Matters) -> None:
    """Nobody knows where it is or whose it is: alert, reading and status are kept, the device is listed."""
    intent = one(matters, event(alert(), Flag.UNPLACED))
    assert (intent.open, intent.listed, intent.alert) == (None, True, "a-1")
    assert one(matters, event(Reading("water_level", 9.0), Flag.UNPLACED)) is LIST_ONLY
    assert one(matters, event(Status("online"), Flag.UNPLACED)) is LIST_ONLY


def test_a_registered_patrols_alert_opens_without_a_place(matters: Matters) -> None:
    """A call for help from a patrol whose receiver has no fix is no less a call for help."""
    intent = one(matters, event(alert("smoke"), Flag.UNPLACED, device="P-01"), patrols=("P-01",))
    assert (intent.open, intent.listed) == ("fire", False)


@pytest.mark.parametrize("body", [alert(), alert(phase="update"), Report("litter"), Reading("water_level", 9.0)])
def test_late_events_open_nothing(matters: Matters, body: Body) -> None:
    """What is older than a day when it comes is only recorded."""
    assert one(matters, event(body, Flag.LATE)) is RECORD_ONLY


def test_a_late_end_still_ends_its_alert(matters: Matters) -> None:
    """Otherwise the alert would stand on the wall for ever."""
    intent = one(matters, event(alert(phase="end"), Flag.LATE))
    assert (intent.open, intent.alert, intent.phase) == (None, "a-1", "end")


def test_a_reading_carries_the_rule_and_what_to_open(matters: Matters) -> None:
    """A reading opens nothing itself; its rule says where it raises and clears and what is opened then."""
    intent = one(matters, event(Reading("water_level", 0.1)))
    assert intent.open is None
    assert intent.rule is not None
    rule = intent.rule
    assert (rule.raise_at, rule.clear_at, rule.direction, rule.hold, rule.severity) == (3.0, 2.8, "above", 60.0, 3)
    opens = rule.intent
    assert (opens.open, opens.priority, opens.accept, opens.category) == ("fire", 1, True, "water_level_high")
    assert [clock.name for clock in opens.clocks] == ["respond", "handle"]


def test_the_rest_is_only_recorded(matters: Matters) -> None:
    """Positions, states, replies and quantities without a rule share one intent that asks for nothing."""
    for body in (Movement(), Status("on_duty"), Reply("1", "2", "depart"), Reading("humidity", 40.0)):
        assert one(matters, event(body)) is RECORD_ONLY


def test_the_order_is_kept(matters: Matters) -> None:
    """Each event gets its intent at its own place."""
    intents = apply(matters, [event(Movement()), event(alert()), event(Movement())], CALENDAR)
    assert [intent.open for intent in intents] == [None, "rubbish", None]


@pytest.mark.parametrize(
    ("matter", "severity", "expected"),
    [("rubbish", 1, 4), ("rubbish", 4, 1), ("rubbish", 0, 3), ("rubbish", 9, 1), ("fire", 1, 1), ("fire", 0, 1)],
)
def test_priority_is_five_minus_severity(matters: Matters, matter: str, severity: int, expected: int) -> None:
    """P = 5 - severity within P1 to P4, P3 without one, unless the matter says otherwise."""
    assert priority(matters.matters[matter], severity) == expected


@pytest.mark.parametrize(
    ("device", "attributes", "expected"),
    [
        ("r-7", b"{}", "resident"),
        ("V-03", b"{}", "village"),
        ("village-03", b"{}", "village"),
        ("r-7", b'{"origin":"village"}', "village"),
        ("r-7", b'{"origin":"hotline","note":"near the village"}', "resident"),
        ("r-7", b'["village"]', "resident"),
    ],
)
def test_origin_of_a_report(device: str, attributes: bytes, expected: str) -> None:
    """A report is a village's when it says so or when a village's name stands on it, else a resident's."""
    assert origin(event(Report("litter"), device=device, attributes=attributes)) == expected


def test_devices_are_their_own_origin() -> None:
    """Whatever an alert's attributes claim, it is a device's."""
    assert origin(event(alert(), device="V-03", attributes=b'{"origin":"village"}')) == "device"


def test_a_position_costs_next_to_nothing(matters: Matters) -> None:
    """19 of 20 events are positions: triage takes less than half a microsecond for one (best of several tries)."""
    batch = [event(Movement())] * 256
    best = min(timeit.repeat(lambda: apply(matters, batch, CALENDAR), number=20, repeat=10))
    assert best / 20 / 256 < 0.5e-6


def sensor(name: str, period: float, kind: str = "sensor") -> Device:
    assert kind in ("camera", "sensor")
    return Device(name, "sensor" if kind == "sensor" else "camera", name, name, "water", HERE, period=period)


def test_a_silent_sensor_is_found(matters: Matters) -> None:
    """Silent is who missed three periods and the rule's time, 900 s here; the last sign of life is told."""
    devices = [sensor("fast", 60), sensor("slow", 600), sensor("well", 60), sensor("never", 60), sensor("mute", 0)]
    begun = NOW - timedelta(hours=2)
    seen = {
        "fast": NOW - timedelta(seconds=901),
        "slow": NOW - timedelta(seconds=1700),  # three periods of 600 s are not over
        "well": NOW - timedelta(seconds=899),
    }
    found = silent(matters, devices, seen, NOW, begun)
    assert [(one.id, one.last, one.rule.category) for one in found] == [
        ("fast", seen["fast"], "device_offline"),
        ("never", begun, "device_offline"),
    ]


def test_the_centres_own_absence_is_nobodys_silence(matters: Matters) -> None:
    """After the centre was away nobody is silent before it has listened long enough again."""
    seen = {"fast": NOW - timedelta(days=1)}
    assert silent(matters, [sensor("fast", 60)], seen, NOW, since=NOW - timedelta(seconds=600)) == []


def test_a_kind_without_a_rule_is_never_silent(matters: Matters) -> None:
    """The catalogue here has no rule for cameras and none for patrols."""
    begun = NOW - timedelta(days=1)
    assert silent(matters, [sensor("cam", 60, "camera")], {}, NOW, begun, on_duty=["P-01"]) == []


def test_a_patrol_on_duty_falls_silent(tmp_path: Path) -> None:
    """With a rule for patrols, one on duty without a fix for its time is silent; the others are not looked at."""
    path = tmp_path / "matters.toml"
    path.write_text(CATALOGUE.replace('kind = "sensor"', 'kind = "patrol"'), "utf-8")
    seen = {"P-01": NOW - timedelta(seconds=901), "P-02": NOW, "P-03": NOW - timedelta(days=1)}
    found = silent(load_matters(path), [], seen, NOW, NOW - timedelta(days=2), on_duty=["P-01", "P-02"])
    assert [one.id for one in found] == ["P-01"]
