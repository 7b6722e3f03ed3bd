"""A small site for tests of the workers: four square grids, one camera, one sensor, two patrols, a small catalogue."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from geo.grids import GridSet
from geo.places import Position
from geo.tagging import GridIndex
from streams.calendar import Calendar
from streams.desk import Desk
from streams.dispatch_queue import DispatchQueue
from streams.matters import load_matters
from streams.model import Device, Patrol
from streams.register import Register, Source
from tests.streams.catalogue import CATALOGUE
from tests.streams.samples import NOW, SHANGHAI

WEST, SOUTH, SIDE = 119.20, 34.90, 0.01


class Watch:
    """The time of a test: stands still until it is set."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def _square(west: float, south: float, side: float) -> dict[str, Any]:
    ring = [[west, south], [west + side, south], [west + side, south + side], [west, south + side], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def _grid(code: str, level: int, parent: str | None, west: float, south: float, side: float) -> dict[str, Any]:
    properties = {
        "code": code, "name": f"{code}网格", "name_en": f"Grid {code}", "level": level, "parent": parent,
        "kind": "general", "district": "", "chief": "王建国",
    }  # fmt: skip
    return {"type": "Feature", "properties": properties, "geometry": _square(west, south, side)}


def four_grids() -> GridSet:
    """Town T of 2 × 2 grids of 0.01 degrees: T1 T2 in the south, T3 T4 in the north."""
    cells = [(f"T{1 + x + 2 * y}", WEST + x * SIDE, SOUTH + y * SIDE) for y in (0, 1) for x in (0, 1)]
    features = [_grid("T", 1, None, WEST, SOUTH, 2 * SIDE)]
    features += [_grid(code, 2, "T", west, south, SIDE) for code, west, south in cells]
    return GridSet.from_geojson({"type": "FeatureCollection", "features": features})


def small_register() -> Register:
    """Camera D-1 (Frigate: front_door) in T1, sensor S-1 in T4, patrols P-1, P-2 (OwnTracks: jane/phone)."""
    devices = {
        "D-1": Device("D-1", "camera", "一号探头", "Camera 1", "cameras", Position(119.205, 34.905),
                      external="front_door"),
        "S-1": Device("S-1", "sensor", "一号水位", "Level 1", "water", Position(119.215, 34.915),
                      quantity="water_level", unit="m", period=600.0),
    }  # fmt: skip
    patrols = {
        "P-1": Patrol("P-1", "王海", "Wang Hai", "person", "Q1", "", "巡查岗", source="patrols"),
        "P-2": Patrol("P-2", "简", "Jane", "person", "Q1", "", "巡查岗", source="patrols",
                      external="owntracks/jane/phone"),
    }  # fmt: skip
    kinds = {"cameras": "camera", "water": "sensor", "patrols": "position", "hotline": "report"}
    sources = {name: Source(name, name, name, kind, 60) for name, kind in kinds.items()}
    return Register(devices, patrols, sources)


def make_desk(queue: DispatchQueue, folder: Path, now: Callable[[], datetime] | None = None) -> Desk:
    """A desk of this small site on `queue`."""
    catalogue = folder / "matters.toml"
    catalogue.write_text(CATALOGUE, encoding="utf-8")
    queue.register(small_register().patrols)
    return Desk(
        site=queue.keys.site, register=small_register(), index=GridIndex(four_grids()),
        matters=load_matters(catalogue), calendar=Calendar(tz=SHANGHAI), queue=queue,
        now=now or (lambda: datetime.now(UTC)), stop=threading.Event(),
    )  # fmt: skip
