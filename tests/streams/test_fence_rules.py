"""The rules of fences: drift raises nothing, what is real is said once and ended once."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import timedelta
from math import cos, sin
from random import Random

import pytest
from msgspec.structs import replace

from streams.codec import millis
from streams.fence_model import Memory, Said, Sight
from streams.fence_rules import judge
from streams.model import Patrol
from tests.streams.fenced import EDGE, RULES, SEA, drift, grounds, place, walker
from tests.streams.samples import NOW, later

GROUNDS = grounds()
HOURS_8 = 8 * 3600


def sight(seconds: float, x: float, y: float, accuracy: float = 8.0, **row: str) -> Sight:
    """A fix at a time and a place (metres), on duty unless said otherwise."""
    where = place(x, y)
    doing = {"duty": "on_duty", **row}
    return Sight("P-1", millis(later(seconds)), where.lon, where.lat, accuracy, **doing)


def watch(sights: Iterable[Sight], patrol: Patrol | None = None, on: object = GROUNDS) -> list[tuple[str, str, float]]:
    """What is said while these fixes come in, each judged as it comes and once more: rule, phase, seconds."""
    memory, said = Memory(), list[Said]()
    for seen in sights:
        for _ in range(2):  # whoever looks again at the same fix finds nothing new
            now = NOW + timedelta(milliseconds=seen.at - millis(NOW))
            (memory,) = judge(RULES, on, [patrol or walker()], [seen], [memory], now)  # type: ignore[arg-type]
            said += memory.say
            memory = replace(memory, say=())
    return [(each.rule, each.phase, (each.at - millis(NOW)) / 1000) for each in said]


def kinds(found: list[tuple[str, str, float]]) -> list[str]:
    """Rule and phase only."""
    return [f"{rule} {phase}" for rule, phase, _ in found]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("accuracy", [5.0, 25.0, 80.0])
def test_a_gps_that_drifts_on_the_edge_raises_nothing_in_eight_hours(seed: int, accuracy: float) -> None:
    """Somebody stands at a crossroads exactly on the edge of the district: neither left nor back, ever."""
    rng, at, wander = Random(seed), (EDGE, 0.0), (EDGE, 0.0)
    fixes = []
    for second in range(0, HOURS_8, 20):
        wander = drift(rng, at, wander, accuracy)
        fixes.append(sight(second, *wander, accuracy))
    assert watch(fixes, walker(post="交通岗")) == []


@pytest.mark.parametrize("seed", range(5))
def test_a_boat_that_drifts_on_the_line_crosses_nothing(seed: int) -> None:
    """At anchor on the border line, seen now on this side and now on that."""
    rng, at, wander = Random(seed), (SEA, 0.0), (SEA, 0.0)
    fixes = [sight(-200 + n * 20, SEA - 500, 0) for n in range(10)]  # it came from the town's side
    for second in range(0, HOURS_8, 20):
        wander = drift(rng, at, wander, 25.0)
        fixes.append(sight(second, *wander, 25.0))
    assert watch(fixes, walker("vessel")) == []


@pytest.mark.parametrize("seed", range(5))
def test_who_stands_still_is_told_once_in_eight_hours(seed: int) -> None:
    """The drift of the GPS neither hides the standing nor ends it."""
    rng, wander = Random(seed), (0.0, 0.0)
    fixes = []
    for second in range(0, HOURS_8, 20):
        wander = drift(rng, (0.0, 0.0), wander, 25.0)
        fixes.append(sight(second, *wander, 25.0))
    assert watch(fixes) == [("standing_still", "new", 2700)]


def test_a_walk_along_the_border_within_accuracy_raises_nothing() -> None:
    """Two hours up and down the edge of the district, weaving over it by less than the accuracy."""
    path = [(EDGE + 15 * sin(n / 7), 900 * sin(n / 60)) for n in range(720)]
    assert watch(sight(10 * n, x, y, 20.0) for n, (x, y) in enumerate(path)) == []


def test_a_single_wild_fix_raises_nothing() -> None:
    """One fix a kilometre away, and even several for less than the dwell, are not a leave."""
    walk = [(20.0 * n, 300 * sin(n / 9), 300 * cos(n / 9)) for n in range(90)]
    wild = [(t, EDGE + 1000, y) if 40 <= n < 52 else (t, x, y) for n, (t, x, y) in enumerate(walk)]
    assert watch(sight(*fix) for fix in wild) == []


def test_a_real_leave_is_said_once_and_ended_once() -> None:
    """Out for half an hour: new after the dwell, end after the dwell back inside, nothing between."""
    there = [(60.0 * n, EDGE + 400 + 80 * n, 0.0) for n in range(31)]
    back = [(1860 + 60.0 * n, EDGE - 200 - 80 * n, 0.0) for n in range(10)]
    found = watch(sight(*fix) for fix in (*there, *back))
    assert found == [("left_district", "new", 300), ("left_district", "end", 2160)]


def test_the_edge_is_neither_out_nor_back() -> None:
    """Who was out and now walks on the edge stays out; inside for the dwell ends it, whatever the edge said between."""
    out = [(60.0 * n, EDGE + 400 + 80 * n, 0.0) for n in range(8)]
    edge = [(480 + 60.0 * n, EDGE + 30, 80.0 * n) for n in range(20)]
    home = [(1680 + 60.0 * n, EDGE + (30 if n % 2 else -40), -80.0 * n) for n in range(8)]
    assert kinds(watch(sight(*fix) for fix in (*out, *edge))) == ["left_district new"]
    assert kinds(watch(sight(*fix) for fix in (*out, *edge, *home))) == ["left_district new", "left_district end"]


def test_two_fixes_are_needed_however_long_the_time() -> None:
    """A single fix outside says nothing even when the next one comes after the dwell, from inside."""
    assert watch([sight(0, EDGE + 900, 0), sight(600, 0, 0), sight(1200, EDGE + 900, 0), sight(1500, 200, 0)]) == []


def test_a_vague_fix_says_nothing() -> None:
    """A fix with 500 m of accuracy is no leave, though it lies 900 m outside."""
    assert watch(sight(60 * n, EDGE + 900 + 100 * n, 0, 500.0) for n in range(30)) == []


def test_a_case_excuses_and_gives_time_to_return() -> None:
    """Sent elsewhere nobody has left; half an hour after the case one must be back."""
    away = [sight(60 * n, EDGE + 800 + 80 * n, 0, case="GP-1") for n in range(20)]
    lingers = [sight(1200 + 60 * n, EDGE + 2400 - 30 * n, 0) for n in range(60)]
    found = watch([*away, *lingers])
    # the last fix with the case is at 1,140 s; at 2,940 s the grace is over, and then the dwell counts
    assert found[0] == ("left_district", "new", 2940 + 300)


def test_going_off_duty_ends_what_stands_even_without_a_new_fix() -> None:
    """Outside and then off duty: the episode ends; who is not on duty is asked nothing."""
    out = [sight(60 * n, EDGE + 800 + 80 * n, 0) for n in range(8)]
    off = replace(out[-1], duty="off_duty")
    assert kinds(watch([*out, off])) == ["left_district new", "left_district end"]
    assert watch(replace(each, duty="") for each in out) == []


def test_standing_is_excused_on_scene_at_a_post_and_off_duty() -> None:
    """Only who is on duty, with no scene to be at and no post to keep, must move."""
    still = [sight(60 * n, 0, 0) for n in range(120)]
    assert watch(replace(each, case="GP-1", sub="scene") for each in still) == []
    assert watch(still, walker(post="交通岗")) == []
    assert watch(replace(each, duty="off_duty") for each in still) == []
    assert kinds(watch(replace(each, case="GP-1", sub="way") for each in still)) == ["standing_still new"]


def test_standing_ends_with_the_second_fix_that_moved() -> None:
    """One stray fix ends nothing; walking on does. A walk of 40 m up and down is no movement."""
    still = [sight(60 * n, 40 * sin(n), 0) for n in range(60)]
    stray = [sight(3600, 300, 0), sight(3660, 0, 0)]
    walks = [sight(3720 + 60 * n, 80 * n + 80, 0) for n in range(5)]
    found = watch([*still, *stray, *walks])
    assert found == [("standing_still", "new", 2700), ("standing_still", "end", 3780)]


def test_who_walks_does_not_stand() -> None:
    """Eight hours of a beat at walking pace raise nothing."""
    beat = [(30.0 * n, 600 * sin(n / 15), 600 * cos(n / 15)) for n in range(960)]
    assert watch(sight(*fix) for fix in beat) == []


def test_old_fixes_are_silences_matter() -> None:
    """A fix that is 10 minutes old when looked at says nothing, and after an hour without one nothing has held."""
    memory = Memory()
    for n in range(30):
        seen = sight(60 * n, EDGE + 900 + 80 * n, 0)
        (memory,) = judge(RULES, GROUNDS, [walker()], [seen], [memory], later(60 * n + 600))
        assert memory.say == ()
    assert watch([sight(0, 0, 0), sight(4000, 0, 0), sight(4060, 0, 0)]) == []
    assert watch([sight(0, EDGE + 900, 0), sight(4000, EDGE + 900, 0), sight(4060, EDGE + 900, 0)]) == []


def test_a_vessel_is_told_out_and_in_once_each() -> None:
    """Over the border and back, with the direction; off duty too, since a boat is not its crew."""
    path = [4500.0 + 100 * n for n in range(12)] + [5600.0 - 100 * n for n in range(12)]
    memory, said = Memory(), list[Said]()
    for n, x in enumerate(path):
        seen = sight(30 * n, x, 0, duty="off_duty")
        (memory,) = judge(RULES, GROUNDS, [walker("vessel")], [seen], [memory], later(30 * n))
        said += memory.say
        memory = replace(memory, say=())
    assert [(each.phase, each.direction, each.border) for each in said] == [("new", "out", "sea"), ("end", "in", "sea")]
    assert len({each.name for each in said}) == 1


def test_a_border_that_watches_one_way_says_nothing_of_the_other() -> None:
    """With watch = in, going out is nobody's business, and neither is coming home; coming in from outside is."""
    out = [sight(30 * n, x, 0) for n, x in enumerate([4500.0] * 4 + [5600.0] * 4 + [4500.0] * 4)]
    assert watch(out, walker("vessel"), grounds("out")) != []
    found = watch(out, walker("vessel"), grounds("in"))
    assert [phase for _, phase, _ in found] == ["new"], "coming in is told, as it began outside"


def test_around_the_end_of_a_line_is_not_over_it() -> None:
    """A boat that sails around the border's end and comes up on the other side has not crossed."""
    around = [(4500, 9500), (4500, 9800), (4600, 10300), (4800, 10600), (5100, 10600), (5400, 10400), (5500, 9800),
              (5500, 9500), (5500, 9200), (5500, 8900)]  # fmt: skip
    assert watch((sight(60 * n, x, y) for n, (x, y) in enumerate(around)), walker("vessel")) == []


def test_a_person_at_the_border_is_nobodys_business() -> None:
    """Rules hold for the kinds they name."""
    path = [4500.0] * 4 + [5600.0] * 20
    assert watch((sight(30 * n, x, 0) for n, x in enumerate(path)), walker("person", district="")) == []


def test_five_thousand_patrols_are_judged_within_50_ms() -> None:
    """All moving, each in a district, every look with new fixes; time of the processor, the best of eight looks,
    since the machine may be busy with something else."""
    rng, patrols = Random(1), [walker(("person", "vehicle")[n % 2], name=f"P-{n}") for n in range(5000)]
    start = [(rng.uniform(-900, 1000), rng.uniform(-900, 900)) for _ in patrols]
    memories, took = [Memory()] * len(patrols), list[float]()
    for look in range(10):
        sights = [
            replace(sight(5 * look, x + 12 * look, y), id=patrol.id)
            for patrol, (x, y) in zip(patrols, start, strict=True)
        ]
        began = time.process_time()
        memories = judge(RULES, GROUNDS, patrols, sights, memories, later(5 * look))
        took.append(time.process_time() - began)
    assert min(took[2:]) < 0.050, [f"{each * 1000:.0f} ms" for each in took]


def test_no_district_binds_who_comes_for_a_department() -> None:
    """A whistle calls it anywhere in the town, and is no dispatch that would excuse it."""
    out = [sight(n * 20, EDGE + 500, 0) for n in range(60)]
    assert kinds(watch(out)) == ["left_district new"]
    assert watch(out, replace(walker(), department="police")) == []
