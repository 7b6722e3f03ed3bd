"""An afternoon of the small site that has more to do than its two patrols can, lived through the rules and archived."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

from streams import acts, ingest
from streams.acts import Asked
from streams.archive.follow import Keeper
from streams.archive.reading import Archive
from streams.archive.store import Store
from streams.codec import millis
from streams.desk import Desk
from streams.dispatch_queue import DispatchQueue, connect
from streams.keys import Keys
from streams.model import State
from streams.mqtt import Batch, Message
from streams.snapshot import Snapshot
from tests.streams.desk import SIDE, SOUTH, WEST, Watch, make_desk
from tests.streams.samples import SHANGHAI

DAY = "2026-11-18"
MINUTES = 240
HOMES = {"P-1": (WEST + 0.004, SOUTH + 0.004), "P-2": (WEST + 0.016, SOUTH + 0.016)}
TAKES = {State.DISPATCHED: ("depart", 1), State.ON_THE_WAY: ("arrive", 7), State.ON_SCENE: ("handle", 12)}
"""After so many minutes in a state the crew does what leads on."""


@dataclass
class Afternoon:
    """What happens each minute. Every third report is about the same as the one before it, 60 m away."""

    desk: Desk
    watch: Watch
    rng: Random = field(default_factory=lambda: Random("afternoon"))
    last: tuple[float, float] = (0.0, 0.0)
    reports: int = 0

    def live(self, keep: Callable[[], object]) -> None:
        """From the first minute to the last; `keep` is called every hour, so that a case is in several files."""
        for minute in range(MINUTES):
            for patrol, (lon, lat) in HOMES.items():
                self.say("position", patrol, lon=lon, lat=lat, speed=0.5)
            if minute % 5 == 0:
                self.report()
            self.work()
            self.watch.now += timedelta(minutes=1)
            if minute % 60 == 59:
                keep()

    def report(self) -> None:
        """A resident reports."""
        lon, lat = self.last
        if self.reports % 3 == 2:
            lon, lat = lon + 0.00065, lat
        else:
            lon, lat = WEST + 2 * SIDE * self.rng.random() * 0.9, SOUTH + 2 * SIDE * self.rng.random() * 0.9
        self.last, self.reports = (lon, lat), self.reports + 1
        self.say("report", "hotline", category="litter", text="垃圾", lon=lon, lat=lat)

    def work(self) -> None:
        """The desk and the crew do what there is to do."""
        queue, now = self.desk.queue, self.watch.now
        cases = sorted(queue.open_cases(), key=lambda case: case.no)
        busy = {case.patrol for case in cases if case.state in TAKES}
        for case in cases:
            if case.state is State.REPORTED:
                self.act(case.no, "verify")
                self.act(case.no, "accept")
            elif case.state is State.ACCEPTED:
                free = [patrol for patrol in HOMES if patrol not in busy]
                if free:
                    busy.add(free[0])
                    self.act(case.no, "dispatch", patrol=free[0])
            elif case.state is State.HANDLED:
                self.act(case.no, "close")
            elif case.state in TAKES:
                name, minutes = TAKES[case.state]
                if millis(now) - case.acted >= minutes * 60_000:
                    self.act(case.no, name, text="好了" if name == "handle" else "")

    def act(self, no: str, name: str, **given: Any) -> None:
        """An act of a supervisor."""
        asked = Asked(no=no, name=name, by="李队", role="supervisor", request=f"{no}/{name}/{self.watch.now}", **given)
        acts.do(self.desk, asked, self.watch.now)

    def say(self, kind: str, device: str, **body: Any) -> None:
        """One native message, through ingest."""
        now = self.watch.now
        payload = {"id": f"{kind}-{device}-{now.timestamp()}", "at": now.isoformat()} | body
        message = Message(f"gridpost/{self.desk.site}/{kind}/{device}", json.dumps(payload).encode(), now)
        ingest.finish(Batch((message,), lambda: None), ingest.sort((message,), self.desk), self.desk)


def archived(url: str, folder: Path, site: str) -> Archive:
    """The afternoon, lived on the server at `url` and kept in files under `folder`."""
    watch = Watch()
    queue = DispatchQueue(connect(url), Keys(site), SHANGHAI)
    desk = make_desk(queue, folder, watch)
    store = Store(folder / "archive", site)
    keeper = Keeper(queue, store, Snapshot)

    def keep() -> None:
        while keeper.take():
            pass
        keeper.commit(watch.now)

    Afternoon(desk, watch).live(keep)
    return Archive(store, SHANGHAI)
