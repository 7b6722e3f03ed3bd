"""Small builders for the tests of the queue: an event, its triage, its place."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from geo.places import Position
from streams.codec import millis
from streams.dispatch_queue import Tagged
from streams.matters import Matter
from streams.model import Alert, Body, Clock, Event, Flag, Movement, Phase, Reading, Report, Status
from streams.triage import Intent, ThresholdRule

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 18, 6, 0, tzinfo=UTC)
PLACE = Position(119.2, 34.9)
MATTER = Matter(
    key="rubbish", name="暴露垃圾", name_en="Exposed rubbish", board="city", module="grid", priority=None, lead="env",
    helpers=(), standard="清理干净", standard_en="Clean", post="巡查岗", clocks={}, merge_radius=200, merge_minutes=30,
    opens_on=("exposed_rubbish",), announce=False, announce_text="", announce_text_en="", recheck=0, skills=(),
)  # fmt: skip


def later(seconds: float) -> datetime:
    """`seconds` after NOW."""
    return NOW + timedelta(seconds=seconds)


def event(device: str, name: str, body: Body, at: datetime = NOW, place: Position | None = PLACE,
          received: datetime | None = None, flags: tuple[Flag, ...] = ()) -> Event:  # fmt: skip
    """An event of one device, tagged with grid 001 of town 1."""
    return Event(
        source=f"gridpost/test/{device}", id=name, device=device, at=at, received=received or max(at, NOW), body=body,
        position=place, grid="001" if place else None, grids=("1", "001") if place else (), flags=flags,
        cell="8a30e3b4a6c7fff" if place else None,
    )  # fmt: skip


def fix(patrol: str, name: str, seconds: float, lon: float = PLACE.lon, lat: float = PLACE.lat,
        flags: tuple[Flag, ...] = ()) -> Tagged:  # fmt: skip
    """A position of a patrol, `seconds` after NOW."""
    body = Movement(accuracy=5.0, speed=1.2, course=90.0)
    moved = event(patrol, name, body, later(seconds), Position(lon, lat), flags=flags)
    return Tagged(moved, Intent(), "patrols", "patrol")


def opening(priority: int = 2, accept: bool = True, origin: str = "device", start: datetime = NOW) -> Intent:
    """Triage opening the rubbish matter: 30 min to respond, 4 h to handle, merged within 200 m and 30 min."""
    at = millis(start)
    clocks = (Clock("respond", at, at + 30 * 60_000),)
    if accept:
        clocks += (Clock("handle", at, at + 4 * 3_600_000),)
    return Intent(
        open="rubbish", priority=priority, radius=200, minutes=30, accept=accept, clocks=clocks,
        category="exposed_rubbish", origin=origin, post="巡查岗",  # type: ignore[arg-type]  # a literal in each test
    )  # fmt: skip


def alert(camera: str, name: str, phase: Phase = "new", series: str = "a", seconds: float = 0, lon: float = PLACE.lon,
          priority: int = 2) -> Tagged:  # fmt: skip
    """One phase of an alert of a camera; `new` and `update` would open the rubbish matter."""
    body = Alert("exposed_rubbish", 3, series, phase)
    intent = replace(opening(priority, start=later(seconds)) if phase != "end" else Intent(), phase=phase)
    return Tagged(event(camera, name, body, later(seconds), Position(lon, PLACE.lat)), intent, "cameras", "device")


def report(name: str, seconds: float = 0, lon: float | None = PLACE.lon, text: str = "路口有垃圾") -> Tagged:
    """A resident's report with a contact."""
    place = None if lon is None else Position(lon, PLACE.lat)
    flags = () if place else (Flag.UNPLACED,)
    body = Report("exposed_rubbish", text, "199-0000-1234")
    return Tagged(
        event("hotline", name, body, later(seconds), place, flags=flags),
        opening(3, accept=False, origin="resident", start=later(seconds)), "hotline",
    )  # fmt: skip


def reading(sensor: str, name: str, value: float, seconds: float, hold: float = 60) -> Tagged:
    """A water level in metres: raised at 2.5, cleared at 2.2, each after `hold` seconds."""
    rule = ThresholdRule("water_level", 2.5, 2.2, "above", hold, "high_water", 3, opening(start=later(seconds)))
    body = Reading("water_level", value, "m")
    return Tagged(event(sensor, name, body, later(seconds)), Intent(rule=rule), "water", "device")


def status(device: str, name: str, state: str, seconds: float = 0, moving: bool = False) -> Tagged:
    """A status of a device or patrol."""
    body = Status(state)  # type: ignore[arg-type]  # a literal in each test
    return Tagged(event(device, name, body, later(seconds), None), Intent(), None, "patrol" if moving else "device")
