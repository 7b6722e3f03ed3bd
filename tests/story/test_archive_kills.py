"""The archive worker is killed again and again under load; its files hold what was acknowledged, no more, no less."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from app.config import TOWN
from streams.archive.check import check
from streams.archive.reading import Archive
from streams.archive.store import Store
from streams.dispatch_queue import DispatchQueue, Tagged, connect
from streams.embedded import Valkey
from streams.keys import Keys
from streams.model import Movement, Report
from streams.triage import Intent
from tests.conftest import wait_until
from tests.streams.samples import MATTER, SHANGHAI, event, opening

SITE, SEED, PATROLS = "kills", 7, 40
BATCH = 40


class Load:
    """Records batches as fast as they are acknowledged, until it is told to stop: fixes, and now and then a report that
    opens a case."""

    def __init__(self, queue: DispatchQueue) -> None:
        self._queue, self._stop, self.acknowledged = queue, threading.Event(), 0
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        n = 0
        while not self._stop.is_set():
            now = datetime.now(UTC)
            batch = [self._one(n + k, now) for k in range(BATCH)]
            done = self._queue.record(batch, now)
            self.acknowledged += done.new
            n += BATCH
            self._stop.wait(0.03)

    def _one(self, n: int, now: datetime) -> Tagged:
        if n % (20 * BATCH) == 0:
            said = event("hotline", f"r{n}", Report(MATTER.key, "垃圾", "13800000000"), now, received=now)
            return Tagged(said, opening(start=now))
        at = now - timedelta(milliseconds=BATCH - n % BATCH)
        fix = event(f"P-{n % PATROLS}", f"p{n}", Movement(accuracy=5.0), at, received=now)
        return Tagged(fix, Intent(), None, "patrol")


@contextmanager
def worker(redis_url: str, state: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The archive worker as its own process, writing as often as it can."""
    settings = {"REDIS_URL": redis_url, "SITE": SITE, "STATE_DIR": str(state), "GRIDS": str(TOWN / "grids.geojson")}
    environment = os.environ | {f"GRIDPOST_{name}": value for name, value in settings.items()}
    child = subprocess.Popen([sys.executable, "-m", "app.cli", "archive", "run", "--flush", "0.05"], env=environment)
    try:
        yield child
    finally:
        child.kill()
        child.wait()


@pytest.mark.parametrize("kills", [4, pytest.param(50, marks=pytest.mark.nightly)])
def test_killed_again_and_again_it_keeps_each_row_once(valkey: Valkey, tmp_path: Path, kills: int) -> None:
    """SIGKILL at any moment of reading, writing or committing: the rows are the acknowledged events, each once, in
    order, and the acts are those of the logs."""
    redis, random = connect(valkey.url), Random(SEED)
    queue, store = DispatchQueue(redis, Keys(SITE), SHANGHAI), Store(tmp_path / "archive", SITE)
    queue.register([f"P-{n}" for n in range(PATROLS)], datetime.now(UTC))
    cut_short = 0
    with Load(queue) as load:
        for _ in range(kills):
            with worker(valkey.url, tmp_path) as child:
                before = store.head().serial
                wait_until(lambda before=before: store.head().serial > before, 60, "a commit")  # type: ignore[misc]
                threading.Event().wait(random.random() * 0.2)  # the moment of the kill is chance, that is the point
                child.send_signal(signal.SIGKILL)
                child.wait()
            named = {part.file for part in store.head().parts}
            written = {str(path.relative_to(store.root)) for path in store.root.glob("*/parts/*")}
            cut_short += bool(written - named)
    with worker(valkey.url, tmp_path) as child:
        last: Any = redis.xrevrange(queue.keys.events, count=1)
        wait_until(lambda: store.head().position("events") == last[0][0].decode(), 60, "the rest")
        child.send_signal(signal.SIGTERM)
        child.wait(30)
    ids = [tuple(map(int, name.decode().split("-"))) for name, _ in redis.xrange(queue.keys.events)]  # type: ignore[union-attr]
    archive = Archive(store, SHANGHAI)
    with archive.open(archive.days(), ("events", "tracks"), tail=False) as found:
        both = "SELECT ms, seq FROM events UNION ALL SELECT ms, seq FROM tracks ORDER BY ms, seq"
        kept = found.execute(both).fetchall()
    assert len(ids) == load.acknowledged
    assert kept == ids
    assert check(Archive(store, SHANGHAI, redis), queue).wrong == ()
    if kills >= 50:
        assert cut_short, "no kill fell between a file and its commit: kill faster"
