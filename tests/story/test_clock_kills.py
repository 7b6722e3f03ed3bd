"""The clock worker is killed again and again in the middle of its work, and nobody can tell from what it leaves."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest

from streams.codec import local_day, read_entry
from streams.dispatch_queue import DispatchQueue, connect
from streams.embedded import Broker, Valkey
from streams.keys import Keys
from streams.model import Case
from streams.trace import NOTHING, chain
from tests.conftest import wait_until
from tests.story.clock_day import DAWN, Day, Dial, Outcome, Reminder, day_desk
from tests.story.clock_worker import ClockWorker
from tests.streams.samples import SHANGHAI

SEED = 20250930


class Site:
    """One site that lives the day, with its workers and what kills them."""

    def __init__(self, name: str, valkey: Valkey, broker: Broker, folder: Path, hours: tuple[float, float]) -> None:
        self.name, self._valkey, self._broker, self._folder = name, valkey, broker, folder / name
        self._folder.mkdir()
        start, self.end = (DAWN + timedelta(hours=hour) for hour in hours)
        self.queue = DispatchQueue(connect(valkey.url), Keys(name), SHANGHAI)
        self._dial = Dial(self._folder / "dial", start, time.monotonic() + 2)
        self.killed, self.together = 0, 0

    def worker(self, name: str) -> ClockWorker:
        """One more worker."""
        return ClockWorker(self.name, name, self._valkey, self._broker, self._folder, self._dial)

    def live(self, cases: int, kills: int) -> tuple[Day, Outcome]:
        """The whole day, with so many kills."""
        stop = threading.Event()
        day = Day(day_desk(self.queue, self._folder / "driver", self._dial), self._dial, SEED, self.end, cases)
        random, span = Random(SEED), (self.end - self._dial.start) / (kills + 0.5)
        moments = [self._dial.start + span * (n + 0.2 + 0.6 * random.random()) for n in range(kills)]

        def wait_for_kills(now: datetime) -> None:  # on a slow machine too, each is done before the next one's moment
            passed = sum(moment < now for moment in [*moments, self.end - timedelta(milliseconds=1)])
            wait_until(lambda: stop.is_set() or self.killed >= passed - 1, 120)

        with ThreadPoolExecutor(1) as pool:
            living = pool.submit(day.live, stop, wait_for_kills)
            try:
                workers = self._kill(moments, random)
                living.result()
                wait_until(lambda: not self._behind(), 60, "the last reminders")
                for worker in workers:
                    worker.end()
            finally:
                stop.set()
        return day, self._outcome(day)

    def _behind(self) -> int:
        """Cases with a reminder that is due and was not noted, and acts without a seal."""
        due: Any = self.queue.redis.zcount(self.queue.keys("reminders"), "-inf", self.end.timestamp() * 1000)
        acts: Any = self.queue.redis.xlen(self.queue.keys.acts)
        seals: Any = self.queue.redis.xlen(self.queue.keys.seals)
        return int(due + acts - seals)

    def _kill(self, moments: list[datetime], random: Random) -> list[ClockWorker]:
        """Kill a worker at each of the moments, the instant after it (or another) has noted a reminder, and start it
        again; every fourth time two are at work until the next but one. Answers those that live."""
        workers = {"clock-1": self.worker("clock-1")}
        workers["clock-1"].watching()
        for n, moment in enumerate(moments):
            wait_until(partial(self._is, moment), 120)
            if n % 4 == 2:
                (other,) = {"clock-1", "clock-2"} - set(workers)
                workers[other] = self.worker(other)
                workers[other].watching()
            self._next_reminder()
            self.together += len(workers) > 1
            name = random.choice(sorted(workers))
            workers.pop(name).kill()
            self.killed += 1
            if n % 4 != 0 or not workers:
                workers[name] = self.worker(name)
                workers[name].watching()
        return list(workers.values())

    def _is(self, moment: datetime) -> bool:
        return self._dial.now() >= moment

    def _next_reminder(self) -> None:
        """Return as soon as one more reminder is in the trace; not later than two seconds from now."""
        last, until = "$", time.monotonic() + 2
        while time.monotonic() < until:
            rows: Any = self.queue.redis.xread({self.queue.keys.acts: last}, block=200)
            for _, found in rows:
                last = found[-1][0]
                if any(read_entry(row[b"e"]).act == "remind" for _, row in found):
                    return

    def _outcome(self, day: Day) -> Outcome:
        logged = Counter(self._logged())
        noticed = Counter(self._noticed())
        levels = {case.no: case.level for case in self._cases()}
        return Outcome(logged, noticed, levels, day.done)

    def _cases(self) -> list[Case]:
        return self.queue.cases_of(local_day(DAWN, SHANGHAI))

    def _logged(self) -> Iterator[Reminder]:
        for case in self._cases():
            for entry in self.queue.log(case.no):
                if entry.act == "remind":
                    clock, percent = entry.text.rsplit(" ", 1)
                    yield Reminder(case.no, clock, int(entry.detail), int(percent))

    def _noticed(self) -> Iterator[Reminder]:
        after = "0-0"
        while changes := self.queue.changes(after, block_ms=0):
            after = changes[-1].id
            for change in changes:
                for notice in json.loads(change.parts.get("notices", b"[]")):
                    if notice["kind"] == "reminder":
                        no, clock, due, percent = notice["id"].split("/")
                        assert notice["case"] == no
                        yield Reminder(no, clock, int(due), int(percent))

    def sealed(self) -> bool:
        """Whether every act is sealed, once, in the order of the stream."""
        seals: Any = self.queue.redis.xrange(self.queue.keys.seals)
        acts = [act for after in self._pages() for act in after]
        made = [(act.id, sealed) for act, sealed in chain(NOTHING, acts)]
        return made == [(i.decode(), row[b"h"].decode()) for i, row in seals]

    def _pages(self) -> Iterator[Any]:
        after = "0-0"
        while page := self.queue.acts(after):
            after = page[-1].id
            yield page


def lived(valkey: Valkey, broker: Broker, folder: Path, hours: tuple[float, float], cases: int, kills: int) -> str:
    """The same part of the day on two sites at once, one of them with kills; says how much there was of it."""
    calm = Site("calm", valkey, broker, folder, hours)
    rough = Site("rough", valkey, broker, folder, hours)
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(calm.live, cases, 0), pool.submit(rough.live, cases, kills)]
        (day, quiet), (_, shaken) = (each.result() for each in both)
    assert shaken.done == quiet.done, "the same was done"
    assert [each for each, many in quiet.logged.items() if many > 1] == [], "each once"
    assert quiet.logged == day.expected(), "what the clocks alone say"
    assert shaken.logged == quiet.logged
    assert shaken.noticed == quiet.noticed == quiet.logged, "every entry has its notice"
    assert shaken.levels == quiet.levels == day.levels()
    assert rough.sealed()
    assert calm.sealed()
    assert rough.together, "two were at work for a while"
    return f"{len(day.done)} acts, {quiet.logged.total()} reminders, {kills} kills, {rough.together} of one of two"


def test_a_worker_that_is_killed_again_and_again_repeats_and_forgets_nothing(
    valkey: Valkey, broker: Broker, tmp_path: Path
) -> None:
    """Three hours of a morning in 18 seconds, six kills: the same reminders, notices and levels as without."""
    print(lived(valkey, broker, tmp_path, (8, 11), 60, 6))  # noqa: T201  # read with -s


@pytest.mark.nightly
def test_a_whole_day_with_twenty_kills_leaves_what_a_quiet_day_leaves(
    valkey: Valkey, broker: Broker, tmp_path: Path
) -> None:
    """24 hours in 144 seconds, 20 kills: the same reminders, notices and levels as without."""
    print(lived(valkey, broker, tmp_path, (0, 24), 300, 20))  # noqa: T201  # read with -s
