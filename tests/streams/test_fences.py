"""The look at the fences on a real Redis: said once, whoever looks, however often, and whenever one dies."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from geo.tagging import GridIndex
from streams.codec import millis
from streams.desk import Desk
from streams.dispatch_queue import DispatchQueue
from streams.errors import Unreachable
from streams.fence_memory import Change, FenceMemory
from streams.fences import Fences
from streams.ingest import understand
from streams.matters import load_matters
from streams.model import Alert, Movement, Status
from streams.register import Register
from tests.streams.catalogue import CATALOGUE
from tests.streams.desk import Watch, make_desk
from tests.streams.fenced import EDGE, SEA, place, sea, two_districts, walker
from tests.streams.samples import NOW, event, later

FENCES = """
[[fence]]
rule = "left_district"
kinds = ["person"]
dwell = 300
metres = 50
category = "rubbish"
severity = 1

[[fence]]
rule = "border_crossing"
kinds = ["vessel"]
dwell = 60
metres = 30
on_duty = false
category = "litter"
severity = 2
"""


@pytest.fixture
def desk(queue: DispatchQueue, tmp_path: Path, watch: Watch) -> Desk:
    """Two districts, P-1 on foot in D1 and vessel P-2, with rules for both."""
    small = make_desk(queue, tmp_path, watch)
    catalogue = tmp_path / "fences.toml"
    catalogue.write_text(CATALOGUE + FENCES, encoding="utf-8")
    patrols = {"P-1": walker(), "P-2": walker("vessel", name="P-2")}
    return replace(
        small, index=GridIndex(two_districts()), matters=load_matters(catalogue),
        register=Register(small.register.devices, patrols, small.register.sources),
    )  # fmt: skip


def walks(desk: Desk, watch: Watch, seconds: float, x: float, patrol: str = "P-1") -> None:
    """The patrol is on duty and sends a fix so many metres east; it is that time."""
    watch.now = later(seconds)
    body = Movement(accuracy=8.0)
    fix = event(patrol, f"{patrol}-{seconds}", body, watch.now, place(x, 0), watch.now)
    duty = event(patrol, f"duty-{patrol}-{seconds}", Status("on_duty"), watch.now, None, watch.now)
    desk.queue.record(understand([fix, duty], desk), watch.now)


def said(desk: Desk) -> list[str]:
    """Phase and name of every alert that was recorded, oldest first."""
    events = [each.event for each in reversed(desk.queue.events(1000))]
    return [f"{each.body.phase} {each.device} {each.body.alert}" for each in events if isinstance(each.body, Alert)]


OUT = [(60.0 * n, EDGE + 400 + 80 * n) for n in range(8)]
BACK = [(480 + 60.0 * n, EDGE - 100 - 80 * n) for n in range(8)]
NAME = f"left_district-{millis(NOW)}"
NEW, END = f"new P-1 {NAME}", f"end P-1 {NAME}"


def test_a_leave_is_one_alert_with_a_case_and_ends(desk: Desk, watch: Watch) -> None:
    """Out: one alert with its place and words, and the case of its matter. Back: the alert ends, the case knows."""
    fences = Fences(desk)
    for fix in OUT:
        walks(desk, watch, *fix)
        fences.look()
        fences.look()
    assert said(desk) == [NEW]
    (alert,) = desk.queue.alerts()
    assert (alert["device"], alert["category"], alert["phase"], alert["grid"]) == ("P-1", "rubbish", "new", "T3")
    (case,) = desk.queue.open_cases()
    assert case.device == "P-1"
    assert "在界外" in case.text
    for fix in BACK:
        walks(desk, watch, *fix)
        fences.look()
    assert said(desk) == [NEW, END]
    assert desk.queue.open_cases()[0].ended is not None


def test_a_restart_at_any_fix_repeats_and_forgets_nothing(desk: Desk, watch: Watch) -> None:
    """A new worker at every look says exactly what one worker says."""
    for fix in (*OUT, *BACK):
        walks(desk, watch, *fix)
        Fences(desk).look()
    assert said(desk) == [NEW, END]


def test_two_workers_say_it_once(desk: Desk, watch: Watch) -> None:
    """Both look at every fix, in turns; each sentence is recorded once."""
    workers = [Fences(desk), Fences(desk)]
    for n, fix in enumerate((*OUT, *BACK)):
        walks(desk, watch, *fix)
        for worker in workers if n % 2 else reversed(workers):
            worker.look()
    assert said(desk) == [NEW, END]


def test_two_workers_that_read_the_same_change_it_once(desk: Desk, watch: Watch) -> None:
    """Of two who read one memory and write it back, the second is told that it lost, and writes nothing."""
    walks(desk, watch, 0, 0)
    one, two = FenceMemory(desk.queue), FenceMemory(desk.queue)
    before = one.sights(["P-1"])[0].memory
    assert one.remember([Change("P-1", before, "first")]) == {"P-1"}
    assert two.remember([Change("P-1", before, "second")]) == set()
    assert one.sights(["P-1"])[0].memory == "first"
    assert one.remember([Change("nobody", "", "x")]) == set(), "nobody's hash is made"


class Dies:
    """A queue whose record is never answered. A stand-in: a real server cannot be stopped between two calls."""

    def __init__(self, queue: DispatchQueue, keeps: bool) -> None:
        self._queue, self._keeps = queue, keeps

    def __getattr__(self, name: str) -> object:
        return getattr(self._queue, name)

    def record(self, batch: object, now: datetime) -> None:
        if self._keeps:
            self._queue.record(batch, now)  # type: ignore[arg-type]  # as it came
        raise Unreachable("gone")


@pytest.mark.parametrize("keeps", [False, True])
def test_a_worker_that_dies_while_it_says_it_loses_and_doubles_nothing(desk: Desk, watch: Watch, keeps: bool) -> None:
    """Dead before the record arrived or before its answer did: the next worker says it, once."""
    dying = Fences(replace(desk, queue=Dies(desk.queue, keeps)))  # type: ignore[arg-type]  # a queue in all it needs
    died = 0
    for fix in OUT[:6]:
        walks(desk, watch, *fix)
        try:
            dying.look()
        except Unreachable:
            died += 1
    assert died == 1
    assert said(desk) == ([NEW] if keeps else [])
    fences = Fences(desk)
    for fix in (*OUT[6:], *BACK):
        walks(desk, watch, *fix)
        fences.look()
    assert said(desk) == [NEW, END]


def test_a_vessel_is_told_out_and_in_once(desk: Desk, watch: Watch) -> None:
    """Over the border at sea and home again, with restarts; the words name the border and the direction."""
    path = [SEA - 500.0] * 3 + [SEA + 600.0] * 4 + [SEA - 500.0] * 4
    for n, x in enumerate(path):
        walks(desk, watch, 60 * n, x, "P-2")
        Fences(desk, [sea()]).look()
    alerts = [each.event for each in reversed(desk.queue.events(1000)) if isinstance(each.event.body, Alert)]
    texts = [each.body.text for each in alerts if isinstance(each.body, Alert)]
    assert texts == ["驶出海上边界", "驶入海上边界"]
    assert b'"direction":"out"' in bytes(alerts[0].attributes)
    assert "Went out over Sea border" in bytes(alerts[0].attributes).decode()


def test_what_the_centre_says_of_a_patrol_is_no_sign_of_its_life(desk: Desk, watch: Watch) -> None:
    """When the patrol was last heard stays the time of its last message, though the alert comes later."""
    fences = Fences(desk)
    for seconds, x in OUT[:6]:
        walks(desk, watch, seconds, x)
        watch.now = later(seconds + 30)
        fences.look()
    assert said(desk) == [NEW]
    assert desk.queue.heard()["P-1"] == millis(later(OUT[5][0]))


def test_a_memory_that_cannot_be_read_starts_anew(desk: Desk, watch: Watch, caplog: pytest.LogCaptureFixture) -> None:
    """What another release left behind stops nobody; it is said in the log."""
    fences = Fences(desk)
    walks(desk, watch, *OUT[0])
    desk.queue.redis.hset(desk.queue.keys.patrol("P-1"), "fence", '{"outing": 5}')
    fences.look()
    assert "starting anew" in caplog.text
    for fix in OUT[1:]:
        walks(desk, watch, *fix)
        fences.look()
    assert len(said(desk)) == 1
