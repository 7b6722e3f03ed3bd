"""Chapter: input that nobody of this project made. A city's tracts, a day of its requests, an afternoon of buses.

Each recording is published over real MQTT, as `gridpost replay` does it, and comes out of Redis again.
"""

from __future__ import annotations

import csv
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from shapely.geometry import Point

from geo.grids import Columns, GridSet, build
from geo.tagging import GridIndex
from streams.desk import Desk
from streams.dialects import topics
from streams.dispatch_queue import DispatchQueue, connect
from streams.embedded import Broker, Valkey
from streams.ingest import run
from streams.keys import Keys
from streams.ledger import Recorded
from streams.model import Flag
from streams.mqtt import Publisher, subscribe
from streams.recording import columns, load
from streams.register import EMPTY_REGISTER
from streams.replay import progress_on, replay, shift
from tests.conftest import wait_until
from tests.streams.desk import make_desk
from tests.streams.samples import SHANGHAI

DATA = Path(__file__).parents[2] / "../shared/data"
TRACTS = DATA / "boundaries/nyc_tracts_2325.geojson.gz"
REQUESTS = DATA / "cases/nyc311_924.csv"
BUSES = DATA / "tracks/liverpool_bus_route14.csv"

pytestmark = pytest.mark.skipif(not DATA.exists(), reason="the real inputs are not beside the project")


@pytest.fixture(scope="module")
def city() -> GridSet:
    """71 districts, 262 areas, 2,325 tracts."""
    return build(TRACTS, Columns(codes=("cdta2020", "nta2020", "geoid"), names=("cdta_name", "nta_name", "ct_label")))


@contextmanager
def centre(grids: GridSet, valkey: Valkey, broker: Broker, folder: Path) -> Iterator[Desk]:
    """A centre for these grids that knows no device: one ingest worker on a real broker and a real Redis."""
    queue = DispatchQueue(connect(valkey.url), Keys("city"), SHANGHAI)
    desk = replace(make_desk(queue, folder), index=GridIndex(grids), register=EMPTY_REGISTER)
    states: list[str] = []
    batches = subscribe(
        broker.url, topics("city"), client_id="ingest-city", share=None, stop=desk.stop, on_state=states.append
    )
    worker = threading.Thread(target=run, args=(batches, desk))
    worker.start()
    wait_until(lambda: "subscribed" in states)
    try:
        yield desk
    finally:
        desk.stop.set()
        worker.join(20)


def published(desk: Desk, broker: Broker, path: Path, kind: str, maps: list[str], **how: str) -> list[Recorded]:
    """Everything of a CSV, published as fast as the broker acknowledges, as Redis has it."""
    recording = load(path, how=columns("city", kind, maps, **how))
    assert recording.bad == ()
    records = shift(recording.records, datetime.now(UTC), speed=0)
    with Publisher(broker.url, "replay") as publisher:
        progress = progress_on(sys.stderr, len(records))
        assert replay(records, publisher, speed=0, stop=threading.Event(), progress=progress) == len(records)
    wait_until(lambda: len(desk.queue.events(5000)) == len(records), timeout=30)
    return desk.queue.events(5000)


def test_every_request_gets_the_tract_an_exact_test_gives(
    city: GridSet, valkey: Valkey, broker: Broker, tmp_path: Path
) -> None:
    """924 requests: 913 are tagged with exactly their tract, 11 have no place and are unplaced."""
    maps = ["Unique Key=id", "Created Date=at", "Complaint Type=category", "Latitude=lat", "Longitude=lon"]
    with centre(city, valkey, broker, tmp_path) as desk:
        seen = published(
            desk, broker, REQUESTS, "report", maps,
            time_format="%m/%d/%Y %I:%M:%S %p", timezone="America/New_York",
        )  # fmt: skip
        opened = desk.queue.open_cases()
    with REQUESTS.open(encoding="utf-8") as file:
        rows = {row["Unique Key"]: row for row in csv.DictReader(file)}
    tracts = [(grid.code, grid.geometry) for grid in city.finest]
    placed = 0
    for event in (each.event for each in seen):
        row = rows[event.id]
        if not row["Longitude"]:
            assert (event.flags, event.grid) == ((Flag.UNPLACED,), None)
            continue
        place = Point(float(row["Longitude"]), float(row["Latitude"]))
        assert event.grid == min(code for code, shape in tracts if shape.covers(place))
        placed += 1
    assert (placed, len(seen)) == (913, 924)
    assert sum(case.events for case in opened) == 924, "each request is a case or part of one"


def test_eight_buses_drive_on_the_map(city: GridSet, valkey: Valkey, broker: Broker, tmp_path: Path) -> None:
    """1,533 fixes: eight unregistered movers, each where its newest believable fix is, outside this city's grids."""
    maps = ["vehicle_id=device", "timestamp=at", "latitude=lat", "longitude=lon", "bearing=course"]
    with centre(city, valkey, broker, tmp_path) as desk:
        seen = published(desk, broker, BUSES, "position", maps, timezone="Europe/London")
        movers = desk.queue.patrols()
    assert len(seen) == 1533
    assert {Flag.UNREGISTERED, Flag.OUTSIDE} == {flag for each in seen for flag in each.event.flags}
    buses = [name for name, row in movers.items() if "registered" not in row]
    assert len(buses) == 8
    fixes = Counter(each.event.device for each in seen)
    assert set(fixes) == set(buses)
    newest = {name: max(e.event.at for e in seen if e.event.device == name and not e.flag) for name in buses}
    assert all(int(movers[name]["at"]) == int(newest[name].timestamp() * 1000) for name in buses)
