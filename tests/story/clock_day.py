"""A seeded day of cases of many matters, lived at 600 times the pace of the day, and what it must bring about.

The centre's time is the driver's: virtual time runs with the machine's, but waits at the next act until that is done
(`Dial`). So a slow machine makes the day longer, never different, and two runs of one seed can be compared to the
last reminder.
"""

from __future__ import annotations

import heapq
import itertools
import mmap
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import NamedTuple

from geo.tagging import GridIndex
from streams import acts, clocks, workflow
from streams.acts import Asked
from streams.calendar import Calendar
from streams.codec import millis
from streams.desk import Desk
from streams.dispatch_queue import DispatchQueue
from streams.errors import ActRefused, Refused
from streams.ingest import understand
from streams.matters import load_matters
from streams.model import Alert, Case, Patrol, Report, State
from streams.register import Register
from tests.streams.desk import four_grids, small_register
from tests.streams.samples import PLACE, SHANGHAI, event

SPEED = 600.0
DAWN = datetime(2025, 9, 30, tzinfo=SHANGHAI).astimezone(UTC)
"""The day before the national holidays: limits in working time end after them. A past one, so that the streams, whose
ids are the server's time, are not trimmed."""
PATROLS = 40
HEAD = """
[[board]]
key = "city"
name = "城市"
name_en = "City"
[[module]]
key = "grid"
name = "网格化管理"
name_en = "Grid management"
"""
LIMITS = {
    "quick": 'respond = "5m urgent_hour", arrive = "20m urgent_hour", handle = "45m urgent_hour"',
    "working": 'respond = "30m work_hour", arrive = "1h urgent_hour", handle = "4h work_hour"',
    "daily": 'respond = "2h urgent_hour", handle = "1d natural_day"',
    "joint": 'respond = "30m urgent_hour", handle = "5d work_day", check_in = "1h urgent_hour", '
    'settle = "2h work_hour"',
    "other": 'respond = "30m urgent_hour", handle = "90m urgent_hour"',
}
WEIGHTS = {"dispatch": 4, "acknowledge": 4, "depart": 3, "arrive": 4, "handle": 4, "close": 4, "accept": 4, "verify": 4,
           "resume": 3, "reject": 0.3, "merge": 0, "split": 0, "place": 0, "unmerge": 0, "restore": 2}  # fmt: skip
"""How likely an act is among those that are possible; 1 when it is not named, 0: never."""


class Reminder(NamedTuple):
    """One reminder: its case and clock, the clock's due (epoch ms), and the share of it that is used up."""

    no: str
    clock: str
    due: int
    percent: int


class Kept(NamedTuple):
    """A case as it was after an act (`at`: epoch ms)."""

    at: int
    name: str
    case: Case


class Outcome(NamedTuple):
    """What a day has left: reminders as the logs and as the notices of the screens have them, the level of supervision
    of each case, and what was done by whom drives the day."""

    logged: Counter[Reminder]
    noticed: Counter[Reminder]
    levels: dict[str, int]
    done: list[str]


class Dial:
    """The centre's time, shared by processes: `start` + SPEED × what has passed since `begun`, but never past the
    horizon that the driver has set."""

    def __init__(self, path: Path, start: datetime, begun: float) -> None:
        if not path.exists():
            path.write_bytes(struct.pack("d", 0.0))
        with path.open("r+b") as file:
            self._shared = mmap.mmap(file.fileno(), 8)
        self.path, self.start, self.begun = path, start, begun

    def now(self) -> datetime:
        """The time of the centre."""
        (horizon,) = struct.unpack("d", self._shared[:])
        passed = SPEED * (time.monotonic() - self.begun)
        return self.start + timedelta(seconds=min(passed, horizon))

    def reach(self, until: datetime, stop: threading.Event) -> None:
        """Let time pass until then, and no further."""
        seconds = (until - self.start).total_seconds()
        self._shared[:] = struct.pack("d", seconds)
        stop.wait(max(0.0, self.begun + seconds / SPEED - time.monotonic()))


def day_desk(queue: DispatchQueue, folder: Path, dial: Dial) -> Desk:
    """The small site with 40 patrols and no device that must be heard, and matters with every kind of limit."""
    catalogue = folder / "day.toml"
    if not catalogue.exists():
        folder.mkdir(parents=True, exist_ok=True)
        rows = (
            f'[[matter]]\nkey = "{key}"\nname = "{key}"\nname_en = "{key}"\nboard = "city"\nmodule = "grid"\n'
            f'lead = "centre"\nstandard = "done"\nstandard_en = "done"\npost = "member"\nclocks = {{ {limits} }}\n'
            f'merge = {{ radius = 0, minutes = 0 }}\nopens_on = ["{key}"]\n'
            for key, limits in LIMITS.items()
        )
        catalogue.write_text(HEAD + "".join(rows), encoding="utf-8")
    patrols = {
        f"P-{n:02}": Patrol(f"P-{n:02}", f"队员{n}", f"Officer {n}", "person", "Q1", "", "巡查岗", source="patrols")
        for n in range(PATROLS)
    }
    queue.register(patrols)
    small = small_register()
    register = Register({"D-1": small.devices["D-1"]}, patrols, small.sources)
    return Desk(
        queue.keys.site, register, GridIndex(four_grids()), load_matters(catalogue), Calendar(tz=SHANGHAI), queue,
        dial.now,
    )  # fmt: skip


class Day:
    """Drives one site through the part of the day from `begin` to `end`, and keeps what each case looked like between
    any two acts on it, from which `expected` works out the reminders with the rule of the clocks alone."""

    def __init__(self, desk: Desk, dial: Dial, seed: int, end: datetime, cases: int) -> None:
        self._desk, self._dial, self._seed, self.end = desk, dial, seed, end
        self._lives: dict[str, list[Kept]] = {}
        self.done: list[str] = []
        random, span = Random(seed), (end - dial.start).total_seconds() * 1000
        self._serial = itertools.count()
        self._due = [(1 + random.randrange(round(span * 0.9)), next(self._serial), "") for _ in range(cases)]
        heapq.heapify(self._due)

    def live(self, stop: threading.Event, wait_for_others: Callable[[datetime], None]) -> None:
        """Every act at its time, but none before the others are ready for it; returns when the day is over."""
        for serial in itertools.count():
            after, _, no = heapq.heappop(self._due) if self._due else (10**12, 0, "")
            now = self._dial.start + timedelta(milliseconds=after)
            if now > self.end or stop.is_set():
                break
            wait_for_others(now)
            self._dial.reach(now, stop)
            random = Random(f"{self._seed}/{serial}")
            no = self._act(no, random, now) if no else self._open(serial, random, now)
            gap = 1 + round(random.expovariate(1 / 1_500_000))
            heapq.heappush(self._due, (after + gap, next(self._serial), no))
        wait_for_others(self.end)
        self._dial.reach(self.end, stop)

    def _open(self, serial: int, random: Random, now: datetime) -> str:
        matter = random.choice(list(LIMITS))
        if random.random() < 0.5:
            made = event("D-1", f"e-{serial}", Alert(matter, random.randint(1, 4), f"a-{serial}", "new"), at=now,
                         place=self._desk.register.devices["D-1"].position, received=now)  # fmt: skip
        else:
            made = event("hotline", f"e-{serial}", Report(matter, "有人反映"), at=now, place=PLACE, received=now)
        (no,) = self._desk.queue.record(understand([made], self._desk), now).opened
        self._keep(no, now, f"open {matter}")
        return no

    def _act(self, no: str, random: Random, now: datetime) -> str:
        case = self._desk.queue.case(no)
        assert case is not None
        names = workflow.possible(case, "supervisor")
        name = random.choices(names, [WEIGHTS.get(each, 1) for each in names])[0]
        free = sorted(patrol for patrol, row in self._desk.queue.patrols().items() if not row.get("case"))
        called = [task.department for task in case.tasks]
        asked = Asked(
            no=no, name=name, by="林晓东", role="supervisor", request=f"{no}/{case.version}/{millis(now)}",
            seen=case.version, patrol=random.choice(free) if name == "dispatch" and free else "", text="按规程办理",
            department=random.choice(called or ["D"]) if name in ("check_in", "finish", "dismiss") else "",
            departments=(f"D{random.randint(1, 3)}",), matter=random.choice(list(LIMITS)) if name == "classify" else "",
            limit=random.choice(["2h urgent_hour", "3h work_hour", "1d natural_day"]), score=random.randint(1, 5),
        )  # fmt: skip
        try:
            acts.do(self._desk, asked, now)
        except (ActRefused, Refused) as refused:
            name = f"{name} refused: {type(refused).__name__}"
        self._keep(no, now, name)
        return no

    def _keep(self, no: str, now: datetime, name: str) -> None:
        case = self._desk.queue.case(no)
        assert case is not None
        self._lives.setdefault(no, []).append(Kept(millis(now), name, case))
        self.done.append(f"{now.isoformat()} {no} {name} {case.state} {case.version}")

    def expected(self) -> Counter[Reminder]:
        """Every mark of every clock that falls into a time in which it ran, once."""
        found: set[Reminder] = set()
        for no, life in self._lives.items():
            ends = [kept.at for kept in life[1:]] + [millis(self.end)]
            for before, kept, end in zip([life[0], *life], life, ends, strict=False):
                if kept.case.state in workflow.OPEN and kept.case.state is not State.SUSPENDED:
                    found.update(self._passed(no, before.case, kept, end))
        return Counter(found)

    def _passed(self, no: str, before: Case, kept: Kept, end: int) -> Iterator[Reminder]:
        for clock in kept.case.clocks:
            key, begin = f"{clock.name}:{clock.of}" if clock.of else clock.name, kept.at
            if kept.name == "rework" and clock.name == "handle":  # it goes on as if it had never been stopped
                begin = next(old.done or 0 for old in before.clocks if old.name == "handle")
            elif kept.name == "classify" and clock.name == "respond":  # that the new deadline is over is said
                begin = min(begin, clock.due - 1)
            for n in itertools.count() if clock.done is None and clock.paused is None else ():
                (at,) = clocks.marks(clock, self._desk.calendar, n, 1)
                if at > end:
                    break
                if at > begin:
                    yield Reminder(no, key, clock.due, clocks.percent(n))

    def levels(self) -> dict[str, int]:
        """The level of supervision that these reminders lead to."""
        levels = dict.fromkeys(self._lives, 0)
        for each in self.expected():
            level = 3 if each.percent >= 200 else 2 if each.percent >= 100 else 1 if each.percent >= 80 else 0
            levels[each.no] = max(levels[each.no], level)
        return levels
