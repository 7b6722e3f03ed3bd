"""Ingest: messages a second from a real broker into a real Redis, AOF `always`, one worker process.

A publisher process sends a pre-made mix at full speed; what counts is the time from the first event in the `events`
stream to the last, by Redis' own clock. Worker, publisher, broker and Redis share the machine, as they do on a small
site. The plain worker gets fewer messages of the same mix, since only its rate is asked.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from app.bench import Report, Row, at_least, mix, rate
from app.bench.county import county
from app.bench.worker import READY, registered
from geo.grids import load
from streams.dispatch_queue import connect
from streams.embedded import Broker, Valkey
from streams.errors import Unreachable
from streams.keys import Keys

EVENTS_GOAL, RATIO_GOAL = 6_000, 6
PATIENCE_S = 120.0


@dataclass(frozen=True)
class Sizes:
    """Messages a round for each worker, and rounds."""

    ours: int = 60_000
    plain: int = 6_000
    rounds: int = 3


QUICK = Sizes(ours=20_000, plain=2_000, rounds=2)


@dataclass(frozen=True)
class Round:
    """What one worker made of one round."""

    rate: float
    sent: int
    recorded: int
    dead: int
    cases: int


def run(state: Path, sizes: Sizes = Sizes(), seed: int = 20261118) -> Report:
    """Both workers in turn, each round on empty servers."""
    made = county(state)
    pairs = []
    for n in range(sizes.rounds):
        pairs.append((
            measure("ours", made, sizes.ours, seed + n),
            measure("plain", made, sizes.plain, seed + n),
        ))  # fmt: skip
    mine, theirs = median(a.rate for a, _ in pairs), median(b.rate for _, b in pairs)
    ratio = median(a.rate / b.rate for a, b in pairs)
    return Report(
        "ingest", "one worker, broker and Valkey (AOF always) embedded; plain: a callback, four Redis calls a message",
        (Row("recorded", rate(mine, "events"), rate(theirs, "events"), ratio, *at_least(ratio, RATIO_GOAL)),
         Row("recorded, absolute", rate(mine, "events"), "-", None, *at_least(mine, EVENTS_GOAL, "/s"))),
        (f"{sizes.ours:,} messages a round, 95 % positions; {pairs[0][0].cases:,} cases opened; plain: {sizes.plain:,} "
         f"messages, no cases",),
        tuple(f"{kind} recorded {one.recorded:,} of {one.sent:,} messages, {one.dead:,} dead letters"
              for pair in pairs for kind, one in zip(("Gridpost", "the plain worker"), pair, strict=True)
              if one.recorded != one.sent or one.dead),
    )  # fmt: skip


def measure(kind: str, made: Path, count: int, seed: int) -> Round:
    """One worker on empty servers: `count` messages, from the first recorded to the last."""
    site = "county"
    with tempfile.TemporaryDirectory(prefix="gridpost-bench-") as folder:
        packets = Path(folder) / "packets"
        centres = [grid.geometry.representative_point() for grid in load(made / "grids.geojson").finest]
        places = [(point.x, point.y) for point in centres]
        mix.write(mix.mix(registered(made), places, site, count, datetime.now(UTC), seed), packets)
        with Valkey(f"{folder}/valkey") as valkey, Broker(f"{folder}/broker") as broker:
            with child("app.bench.worker", kind, str(made), valkey.url, broker.url, site) as worker:
                ready(worker)
                with child("app.bench.mix", str(packets), broker.url):
                    redis, keys = connect(valkey.url), Keys(site)
                    recorded = _wait(redis, keys, count, worker)
            return Round(
                recorded / _seconds(redis, keys.events), count, recorded, redis.xlen(keys.dead),
                redis.zcard(keys.open_cases),
            )  # fmt: skip


@contextmanager
def child(module: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A module as a process of its own, ended at the end."""
    process = subprocess.Popen([sys.executable, "-m", module, *arguments], stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)
        if process.stdout:
            process.stdout.close()


def ready(process: subprocess.Popen[str]) -> None:
    """Wait until the process says so; raises Unreachable when it ends instead."""
    assert process.stdout is not None, "children are started with a pipe"
    for line in process.stdout:
        if line.startswith(READY):
            return
    raise Unreachable(f"{process.args!r} ended with code {process.wait()} before it was ready")


def _wait(redis: Any, keys: Keys, count: int, worker: subprocess.Popen[str]) -> int:
    """How many events are recorded, when all are, or when nothing has come for a while."""
    best, since = 0, time.monotonic()
    while best < count and time.monotonic() - since < PATIENCE_S:
        if worker.poll() is not None:
            raise Unreachable(f"the worker ended with code {worker.returncode} after {best:,} of {count:,} messages")
        time.sleep(0.05)  # rare enough not to be felt by what is measured
        found = int(redis.xlen(keys.events))
        if found > best:
            best, since = found, time.monotonic()
            continue
        if best + int(redis.xlen(keys.dead)) >= count:
            break
    return best


def _seconds(redis: Any, stream: str) -> float:
    """From the first entry to the last, by the clock of Redis."""
    told = redis.xinfo_stream(stream)
    first, last = (int(bytes(told[name][0]).split(b"-")[0]) for name in ("first-entry", "last-entry"))
    return max(1, last - first) / 1000
