"""How fast the archive worker keeps what a real Valkey holds, against a loop that appends one CSV row at a time.

The streams hold what ingest leaves of positions: the event, the change that screens follow, the call in the journal.
Each way is a process of its own, so that its memory can be told; both read the same streams from the beginning.
"""

from __future__ import annotations

import csv
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from redis import Redis

from app.bench.county_year import TZ, County, as_told
from app.bench.made_tracks import SITE
from geo.places import Position
from streams.archive.follow import MOST_ROWS, Keeper
from streams.archive.store import Store
from streams.codec import read_event, to_json
from streams.dispatch_queue import connect
from streams.embedded import Valkey
from streams.keys import Keys
from streams.ledger import Ledger
from streams.model import Event, Movement
from streams.snapshot import Snapshot

MOST = 120_000
PAGE, PIPE = 5000, 2000


class Rates(NamedTuple):
    """Positions kept a second by the worker and by the plain loop; the worker's memory in bytes when it begins, and at
    most; how many positions there were, and how many rows of tracks and of the journal the worker kept."""

    ours: float
    plain: float
    before: int
    memory: int
    rows: int
    tracks: int
    calls: int


def keeping(county: County, most: int = MOST) -> Rates:
    """Fill a Valkey with positions of the first day, then keep them both ways."""
    parts = [part for part in county.store.parts(str(county.sizes.day(0))) if part.kind == "tracks"]
    part = next(part for part in parts if part.hour == 1)
    rows = pq.read_table(county.store.path(part)).sort_by([("ms", "ascending"), ("seq", "ascending")])
    rows = as_told(rows.slice(0, most))
    with tempfile.TemporaryDirectory(prefix="gridpost-bench-") as folder, Valkey(f"{folder}/valkey") as server:
        fill(connect(server.url), rows)
        seconds, before, memory = _alone(ours, server.url, folder)
        plain_seconds, _, _ = _alone(plain, server.url, folder)
        store = Store(Path(folder) / "archive", SITE)
        parts = [part for day in store.days() for part in store.parts(day)]
    tracks, calls = (sum(part.rows for part in parts if part.kind == kind) for kind in ("tracks", "journal"))
    return Rates(rows.num_rows / seconds, rows.num_rows / plain_seconds, before, memory, rows.num_rows, tracks, calls)


def fill(redis: Redis, rows: pa.Table) -> None:
    """The streams as ingest would have left them."""
    keys = Keys(SITE)
    records = rows.to_pylist()
    for start in range(0, len(records), PIPE):
        with redis.pipeline(transaction=False) as pipe:
            for row in records[start : start + PIPE]:
                name, event = f"{row['ms']}-{row['seq']}", _event(row)
                fix = {"id": event.device, "at": row["ms"], "lon": row["lon"], "lat": row["lat"], "grid": event.grid,
                       "speed": row["speed"], "case": "", "state": "free", "registered": True}  # fmt: skip
                pipe.xadd(keys("events"), {"e": to_json(event), "f": "", "c": ""}, id=name)
                pipe.xadd(keys("changes"), {"n": row["ms"], "patrols": to_json([fix])}, id=name)
                call: Any = {"k": "record", "n": row["ms"], "v": "0a1b2c3d", "a": f'"{name}"', "c": 1}
                pipe.xadd(keys("journal"), call, id=name)
            pipe.execute()


def _event(row: dict[str, Any]) -> Event:
    body = Movement(accuracy=row["accuracy"], speed=row["speed"], course=row["course"], battery=row["battery"])
    place, grid = Position(row["lon"], row["lat"]), row["grid"]
    return Event(
        row["source"], f"m-{row['ms']}-{row['seq']}", row["device"], row["at"].astimezone(UTC),
        row["received"].astimezone(UTC), body, place, grid, (grid[:9], grid[:12], grid), row["cell"],
    )  # fmt: skip


def _alone(way: Callable[[str, str], float], url: str, folder: str) -> tuple[float, int, int]:
    """Run a way in a process of its own: its seconds, and its largest memory in bytes before and after."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_measured, way, url, folder).result()


def _measured(way: Callable[[str, str], float], url: str, folder: str) -> tuple[float, int, int]:
    before = _memory()
    return way(url, folder), before, _memory()


def _memory() -> int:
    """The largest memory of this process so far, in bytes. Linux hands the figure of `getrusage` down from the parent,
    so it is asked elsewhere."""
    told = Path("/proc/self/status")
    if told.exists():
        return next(int(line.split()[1]) for line in told.read_text().splitlines() if line.startswith("VmHWM")) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def ours(url: str, folder: str) -> float:
    """The worker: take, and commit when there is as much as it would wait for."""
    keeper = Keeper(Ledger(connect(url), Keys(SITE), TZ), Store(Path(folder) / "archive", SITE), Snapshot)
    begun = time.perf_counter()
    while keeper.take():
        if keeper.waiting >= MOST_ROWS:
            keeper.commit(datetime.now(UTC))
    keeper.commit(datetime.now(UTC))
    return time.perf_counter() - begun


def plain(url: str, folder: str) -> float:
    """Each entry of the three streams decoded and appended as a row, which is on its way to the disk at once."""
    redis, keys = connect(url), Keys(SITE)
    begun = time.perf_counter()
    for stream in ("events", "changes", "journal"):
        after = "0-0"
        with (Path(folder) / f"{stream}.csv").open("w", newline="", encoding="utf-8") as file:
            write = csv.writer(file).writerow
            while page := _page(redis, keys(stream), after):
                for name, fields in page:
                    write([name.decode(), *_columns(stream, fields)])
                    file.flush()
                after = page[-1][0].decode()
    return time.perf_counter() - begun


def _page(redis: Redis, stream: str, after: str) -> list[Any]:
    found: Any = redis.xrange(stream, min=f"({after}", count=PAGE)
    return list(found)


def _columns(stream: str, fields: dict[bytes, bytes]) -> list[Any]:
    if stream != "events":
        return [value.decode() for value in fields.values()]
    event = read_event(fields[b"e"])
    place, body = event.position or Position(0.0, 0.0), event.body
    assert isinstance(body, Movement), "nothing else was filled in"
    return [event.at.isoformat(), event.received.isoformat(), event.device, place.lon, place.lat, body.accuracy,
            body.speed, body.course, body.battery, event.grid, event.cell]  # fmt: skip
