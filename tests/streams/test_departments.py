"""The whistle and one thing: departments are called, come, finish or are released; only then the case ends."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from streams.codec import millis
from streams.dispatch_queue import DispatchQueue
from streams.errors import DepartmentRefused, NeedsMissing, Refused, SixFixesMissing, TasksOpen, WrongPatrol
from streams.model import State
from streams.organisation import NO_ORGANISATION
from streams.watch import keep_time
from tests.streams.live import AWAY, Site


@pytest.fixture
def site(queue: DispatchQueue, tmp_path: Path) -> Site:
    """The small site."""
    return Site(queue, tmp_path)


def parts(site: Site, no: str) -> dict[str, str]:
    """How far each department is."""
    return {task.department: task.state for task in site.case(no).tasks}


def calls(site: Site, department: str) -> set[str]:
    """The cases at which a car of a department would check in."""
    return {name.decode() for name in site.queue.redis.zrange(site.queue.keys(f"calls:{department}"), 0, -1)}


def test_each_called_department_has_its_own_clock(site: Site) -> None:
    """One whistle, two parts, two clocks; checking in stops the own one only."""
    no = site.seen()
    site.do(no, "whistle", departments=("village", "emergency"))
    site.pass_(10)
    site.do(no, "check_in", "department", "village", department="village")
    assert parts(site, no) == {"village": "on_scene", "emergency": "called"}
    assert {clock.of: clock.done for clock in site.case(no).clocks if clock.name == "check_in"} == {
        "village": millis(site.now), "emergency": None,
    }  # fmt: skip


@pytest.mark.parametrize("twice", [("village", "village"), ("emergency", "village")])
def test_nobody_is_called_twice(site: Site, twice: tuple[str, ...]) -> None:
    """Neither in one whistle nor in a second; nothing of the refused whistle is done."""
    no = site.seen()
    if twice[0] != twice[1]:
        site.do(no, "whistle", departments=("village",))
    before = parts(site, no)
    with pytest.raises(DepartmentRefused, match="village was called"):
        site.do(no, "whistle", departments=twice)
    assert parts(site, no) == before


def test_a_whistle_needs_somebody_to_call(site: Site) -> None:
    """An empty list is nothing given."""
    with pytest.raises(NeedsMissing, match="departments"):
        site.do(site.seen(), "whistle")


@pytest.mark.parametrize("name", ["check_in", "finish", "dismiss"])
def test_who_was_not_called_has_no_part(site: Site, name: str) -> None:
    """The refusal says whom to call first."""
    with pytest.raises(DepartmentRefused, match="village was not called"):
        site.do(site.seen(), name, department="village", text="完成")


def test_a_department_speaks_for_itself_only(site: Site) -> None:
    """It cannot feed back a case that another body leads."""
    no = site.seen()
    site.do(no, "whistle", departments=("village",))
    site.send(no)
    with pytest.raises(WrongPatrol):
        site.do(no, "handle", "department", "village", department="village", text="已清理")


def test_a_case_ends_when_every_part_is_done(site: Site) -> None:
    """The refusal names those that are not; released ones count no more."""
    no = site.seen()
    site.do(no, "whistle", departments=("village", "emergency"))
    site.send(no)
    with pytest.raises(TasksOpen, match="village, emergency"):
        site.reply(no, "handle", text="已清理")
    site.do(no, "finish", "department", "village", department="village", text="完成")
    site.do(no, "dismiss", department="emergency", text="不需要")
    site.reply(no, "handle", text="已清理")


def test_a_second_check_in_is_noted_and_changes_nothing(site: Site) -> None:
    """Said twice is logged as late; the version stays."""
    no = site.seen()
    site.do(no, "whistle", departments=("village",))
    for _ in range(2):
        site.do(no, "check_in", "department", "village", department="village")
    assert [(one.act, one.detail) for one in site.queue.log(no)][-2:] == [("check_in", "village"), ("check_in", "late")]
    assert site.case(no).version == 5


def test_the_time_to_settle_starts_when_the_last_has_come(site: Site) -> None:
    """The joint visit: the clock to handle starts anew with the limit to settle."""
    no = site.seen()
    site.do(no, "whistle", departments=("village", "emergency"))
    before = site.due(no)
    site.do(no, "check_in", department="village")
    assert site.due(no) == before
    site.pass_(20)
    site.do(no, "check_in", department="emergency")
    clock = next(clock for clock in site.case(no).clocks if clock.name == "handle")
    assert (clock.start, clock.limit) == (millis(site.now), "2d work_day")


def test_a_department_may_be_called_again_after_the_case_was_sent_back(site: Site) -> None:
    """Its part was done; the rework wants it again, with a new clock."""
    no = site.seen()
    site.do(no, "whistle", departments=("village",))
    site.do(no, "finish", department="village", text="完成")
    site.handled(no)
    site.do(no, "rework", text="没有清理干净")
    site.do(no, "whistle", departments=("village",))
    assert parts(site, no) == {"village": "called"}
    assert [clock.done for clock in site.case(no).clocks if clock.name == "check_in"] == [None]


def test_the_place_of_a_call_moves_with_the_case(site: Site) -> None:
    """A car at the new place checks in; a rejected case waits for no car, and whoever was called is told."""
    no = site.seen()
    site.do(no, "whistle", departments=("village",))
    site.do(no, "place", place=AWAY)
    ((lon, lat),) = site.queue.redis.geopos(site.queue.keys("calls:village"), no)
    assert (round(lon, 3), round(lat, 3)) == AWAY
    site.do(no, "reject", text="误报")
    assert (calls(site, "village"), site.case(no).tasks) == (set(), ())
    assert [task["act"] for _, task in site.queue.tasks("clock", 1)] == ["call", "dismiss"]


def test_undoing_a_merging_waits_for_departments_again(site: Site) -> None:
    """Merged, nobody is waited for; taken apart, the call stands as before."""
    first, second = site.seen(AWAY), site.seen()
    site.do(second, "whistle", departments=("village",))
    site.do(second, "merge", into=first)
    assert calls(site, "village") == set()
    site.do(second, "unmerge")
    assert calls(site, "village") == {second}


def test_a_department_is_sent_by_its_liaison(site: Site) -> None:
    """Person and post of the six fixes are its liaison's; without one the person is missing."""
    no = site.seen()
    with pytest.raises(SixFixesMissing, match="person"):
        site.do(no, "dispatch", department="village")
    site.do(no, "dispatch", department="sanitation")
    assert (site.case(no).department, site.case(no).person, site.case(no).post) == ("sanitation", "林一", "联络员")
    dispatch = site.case(no).dispatch
    site.do(no, "handle", "department", "sanitation", department="sanitation", dispatch=dispatch, text="已清理")
    assert keep_time(site.desk).resent == 0


@pytest.mark.parametrize("name", ["#", "a/b", "", "+", "a,b"])
def test_where_no_organisation_names_them_a_department_still_names_a_topic(site: Site, name: str) -> None:
    """Its call could never be published, and would stop every task behind it."""
    site.desk = replace(site.desk, organisation=NO_ORGANISATION)
    no = site.seen()
    with pytest.raises(Refused, match="topic"):
        site.do(no, "whistle", departments=(name,))
    site.do(no, "whistle", departments=("环卫所",))
    assert parts(site, no) == {"环卫所": "called"}


def test_a_case_goes_to_one_receiver(site: Site) -> None:
    """Who names a patrol and a department at once would let both act on one dispatch: neither is sent."""
    no = site.seen()
    with pytest.raises(Refused, match="one of them"):
        site.do(no, "dispatch", patrol="P-1", department="sanitation")
    assert site.case(no).state is State.ACCEPTED
