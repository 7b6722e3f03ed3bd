"""What waits is not forgotten: tasks without an answer, cases without anybody to send, arrivals that nobody said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from geo.places import Position
from streams.codec import millis
from streams.dispatch_queue import DispatchQueue
from streams.errors import JumpRefused
from streams.ingest import understand
from streams.model import Movement, State
from streams.watch import keep_time
from tests.streams.live import AWAY, CORNER, Site
from tests.streams.samples import event


@pytest.fixture
def site(queue: DispatchQueue, tmp_path: Path) -> Site:
    """The small site."""
    return Site(queue, tmp_path)


def notices(site: Site, kind: str) -> list[str]:
    """The cases that notices of a kind are about, oldest first."""
    parts = [part for change in site.queue.changes("0-0", 0) if (part := change.parts.get("notices"))]
    return [one["case"] for part in parts for one in json.loads(part) if one["kind"] == kind]


def stands(site: Site, patrol: str, spot: tuple[float, float], accuracy: float = 5.0) -> None:
    """A fix of a patrol, a few seconds after the one before."""
    site.pass_(0.5)
    seen = event(patrol, str(site.now), Movement(accuracy), site.now, Position(*spot), received=site.now)
    site.queue.record(understand([seen], site.desk), site.now)


def test_a_task_goes_out_again_with_its_words_until_it_is_answered(site: Site) -> None:
    """Every minute, with what the supervisor said; the answer ends it."""
    no = site.seen()
    site.do(no, "dispatch", patrol="P-1", text="带上扫帚")
    for _ in range(3):
        site.pass_(1.1)
        keep_time(site.desk)
    site.reply(no, "acknowledge")
    site.pass_(5)
    keep_time(site.desk)
    tasks = [task for _, task in site.queue.tasks("clock", 1)]
    assert [(task["act"], task["text"]) for task in tasks] == [("assign", "带上扫帚")] * 4


@pytest.mark.parametrize(("category", "minutes"), [("rubbish", 60), ("smoke", 120)])
def test_nobody_answered_until_the_time_was_over(site: Site, category: str, minutes: float) -> None:
    """The time to arrive, or to handle where a matter has none to arrive: then one notice, and no more tasks."""
    no = site.seen(category=category)
    site.send(no)
    site.pass_(minutes - 1)
    assert keep_time(site.desk).resent == 1
    assert notices(site, "no_answer") == []
    for _ in range(2):
        site.pass_(2)
        assert keep_time(site.desk).resent == 0
    assert notices(site, "no_answer") == [no]


def test_what_an_operator_asks_for_is_no_answer_of_the_patrol(site: Site) -> None:
    """The task goes on being sent; a request of the patrol itself shows that it has heard."""
    no = site.seen()
    site.send(no)
    site.do(no, "ask", "operator", "林晓东", wanted="extend", text="路远")
    site.pass_(2)
    assert keep_time(site.desk).resent == 1
    site.do(no, "refuse", text="不行")
    site.reply(no, "ask", wanted="return", text="不在辖区")
    site.pass_(2)
    assert keep_time(site.desk).resent == 0


def test_late_and_doubled_replies_are_noted_and_change_nothing(site: Site) -> None:
    """They come in any order: the last word counts, the rest is in the log, and who acted last stays who acted last."""
    no = site.seen()
    site.send(no)
    site.reply(no, "handle", text="已清理")
    before = site.case(no)
    for name in ("arrive", "acknowledge", "handle"):
        site.pass_(1)
        site.reply(no, name, text="已清理")
    after = site.case(no)
    assert (after.version, after.clocks, after.act) == (before.version, before.clocks, "handle")
    assert after.acted == before.acted
    assert [one.detail for one in site.queue.log(no)][-3:] == ["late"] * 3


def test_only_whoever_is_on_the_case_may_be_late(site: Site) -> None:
    """An operator's act in the wrong state is refused, also when it names the dispatch."""
    no = site.handled(site.seen())
    with pytest.raises(JumpRefused):
        site.do(no, "arrive", "operator", dispatch=site.case(no).dispatch)


def test_two_fixes_at_the_case_are_an_arrival(site: Site) -> None:
    """One may be drift. A vague fix says nothing, and one elsewhere begins anew."""
    no = site.seen()
    site.send(no)
    for spot, accuracy in ((CORNER, 5.0), (AWAY, 5.0), (CORNER, 400.0), (CORNER, 5.0)):
        stands(site, "P-1", spot, accuracy)
        site.pass_(5)
        assert site.case(no).state is State.DISPATCHED
    stands(site, "P-1", CORNER)
    assert (site.case(no).state, site.case(no).by) == (State.ON_SCENE, "P-1")
    assert {clock.name: clock.done for clock in site.case(no).clocks}["arrive"] == millis(site.now)


def test_a_second_case_at_the_same_place_wants_two_fixes_too(site: Site) -> None:
    """What was counted for the first case does not count for the second."""
    first = site.seen()
    site.send(first)
    for _ in range(3):
        stands(site, "P-1", CORNER)
    site.reply(first, "handle", text="已清理")
    second = site.seen()
    assert second != first
    site.send(second)
    stands(site, "P-1", CORNER)
    assert site.case(second).state is State.DISPATCHED
    stands(site, "P-1", CORNER)
    assert site.case(second).state is State.ON_SCENE


def test_many_cases_without_anybody_keep_no_other_from_its_turn(site: Site) -> None:
    """More cases than one look takes on: each is looked at in its turn, not the first ones for ever."""
    numbers = {f"GP-{n}" for n in range(100)}
    site.queue.redis.zadd(site.queue.keys("auto"), {no: n for n, no in enumerate(sorted(numbers))})
    seen: set[str] = set()
    for _ in range(2):
        site.pass_(1)
        seen |= set(site.queue.look(site.now).auto)
    assert seen == numbers


@pytest.mark.parametrize("name", ["reject", "suspend"])
def test_who_takes_a_case_over_takes_it_from_the_centre(site: Site, name: str) -> None:
    """The centre sends nobody by itself to a case that was rejected or put off."""
    no = site.seen()
    site.queue.redis.zadd(site.queue.keys("auto"), {no: millis(site.now)})
    site.queue.redis.hset(site.queue.keys.case(no), "auto", "1")
    site.do(no, name, text="已知情况")
    assert site.queue.look(site.now).auto == ()
    assert not site.case(no).auto
