"""The six fixes, each missing one named; and the acts before a dispatch: matter, place, acceptance."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from streams.codec import millis
from streams.dispatch_queue import DispatchQueue
from streams.errors import CaseTaken, JumpRefused, NeedsMissing, Refused, SixFixesMissing
from streams.model import Clock, State
from streams.refusals import Act
from streams.watch import keep_time
from tests.streams.live import AWAY, CORNER, Site
from tests.streams.samples import MATTER, NOW, alert, later, report


@pytest.fixture
def site(queue: DispatchQueue, tmp_path: Path) -> Site:
    """The small site."""
    return Site(queue, tmp_path)


def ready(queue: DispatchQueue, **lacks: object) -> Act:
    """The dispatch of a case that lacks what `lacks` says."""
    (no,) = queue.record([report("r", lon=None) if lacks.get("place") else alert("D-1", "1")], NOW).opened
    if lacks.get("place"):
        queue.act(Act(no, "verify", "a", "operator", "1"), NOW)
        limit = (Clock("handle", millis(NOW), millis(later(60))),)
        queue.act(Act(no, "accept", "a", "operator", "2", clocks=limit), NOW)
    if lacks.get("limit"):
        queue.redis.hset(queue.keys.case(no), "clocks", "[]")
    if lacks.get("post"):
        queue.redis.hset(queue.keys.case(no), "post", "")
    matter = replace(MATTER, standard="" if lacks.get("standard") else "清洁", lead="" if lacks.get("lead") else "env")
    return Act(no, "dispatch", "a", "operator", "3", patrol="" if lacks.get("person") else "P-1",
               department="env" if lacks.get("person") else "", matter=matter)  # fmt: skip


@pytest.mark.parametrize(
    ("lacks", "name"),
    [("place", "grid"), ("person", "person"), ("post", "post"), ("limit", "time limit"), ("standard", "standard"),
     ("lead", "responsibility")],
)  # fmt: skip
def test_each_missing_fix_is_named(queue: DispatchQueue, lacks: str, name: str) -> None:
    """One is missing, that one is named, and nothing has changed."""
    act = ready(queue, **{lacks: True})
    with pytest.raises(SixFixesMissing) as refused:
        queue.act(act, NOW)
    assert refused.value.names == (name,)
    case = queue.case(act.no)
    assert case is not None
    assert (case.state, case.version, case.patrol) == (State.ACCEPTED, 3, "")


def test_with_all_six_it_goes(queue: DispatchQueue) -> None:
    """Nothing is missing: the same call is done."""
    assert queue.act(ready(queue), NOW).case.state is State.DISPATCHED


def test_another_matter_brings_its_own_clock(site: Site) -> None:
    """The time to respond counts from when the report came; that it is over already is said at once, and once."""
    no = site.told()
    site.pass_(10)
    site.do(no, "classify", "operator", matter="fire")
    (clock,) = site.case(no).clocks
    assert (clock.start, clock.due) == (millis(NOW), millis(later(300)))
    for _ in range(2):
        keep_time(site.desk)
    assert site.reminders(no) == ["respond 100", "respond 200"]
    site.do(no, "classify", "operator", matter="rubbish")
    site.do(no, "classify", "operator", matter="fire")
    keep_time(site.desk)
    assert site.reminders(no) == ["respond 100", "respond 200"]


def test_a_classification_without_a_matter_is_refused(site: Site) -> None:
    """Nothing given is missing, one that is not in the catalogue is refused by its name."""
    no = site.told()
    with pytest.raises(NeedsMissing, match="matter"):
        site.do(no, "classify")
    with pytest.raises(Refused, match="'flood'"):
        site.do(no, "classify", matter="flood")


def test_the_matter_of_a_dispatch_is_the_cases_own(site: Site) -> None:
    """Naming another one does not lend its limits."""
    no = site.seen()
    site.do(no, "dispatch", patrol="P-1", matter="fire")
    assert site.case(no).matter == "rubbish"
    assert "arrive" in {clock.name for clock in site.case(no).clocks}, "rubbish has a limit to arrive, fire has none"


def test_a_place_brings_its_grid_and_what_is_near(site: Site) -> None:
    """Put elsewhere, it has the grid of there, and what happens there joins it."""
    no = site.told()
    site.do(no, "place", "operator", place=AWAY)
    assert (site.case(no).grid, site.case(no).lon) == ("T4", AWAY[0])
    assert site.told(AWAY) == no
    assert site.told(CORNER) != no


@pytest.mark.parametrize("place", [(119.3, 34.9), (200.0, 34.9)])
def test_a_place_outside_the_grids_is_refused(site: Site, place: tuple[float, float]) -> None:
    """Neither beside the town nor off the earth."""
    with pytest.raises(Refused):
        site.do(site.told(), "place", place=place)


@pytest.mark.parametrize("score", [0, 6])
def test_a_score_is_one_to_five(site: Site, score: int) -> None:
    """Anything else is refused by its value; without one it is missing."""
    no = site.handled(site.seen())
    site.do(no, "close")
    with pytest.raises(Refused, match=str(score)):
        site.do(no, "rate", score=score)
    with pytest.raises(NeedsMissing, match="score"):
        site.do(no, "rate")


def test_whoever_was_slower_reads_who_made_the_version_that_they_did_not_see(site: Site) -> None:
    """A late reply makes no version, so it is not named; nor is a request of one's own that is repeated refused."""
    no = site.seen()
    site.send(no)
    site.do(no, "handle", by="陈零", text="电话确认", seen=4, request="once")
    site.reply(no, "arrive")
    with pytest.raises(CaseTaken) as taken:
        site.do(no, "close", seen=4)
    assert (taken.value.by, taken.value.act, taken.value.version) == ("陈零", "handle", 5)
    assert site.do(no, "handle", by="陈零", text="电话确认", seen=4, request="once").case.version == 5


def test_a_jump_says_what_the_role_may_do_instead(site: Site) -> None:
    """The refusal names the acts that the state allows to whoever asks."""
    with pytest.raises(JumpRefused) as refused:
        site.do(site.told(), "close", "operator")
    assert set(refused.value.allowed) == {"verify", "classify", "place", "merge", "split", "ask"}
