"""Return, reject, suspend, extend, reopen, and asking for them: what they change and who may."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from streams.codec import millis
from streams.dispatch_queue import Answered, DispatchQueue
from streams.errors import JumpRefused, NeedsMissing, Refused, RequestOpen, RoleRefused, WrongPatrol
from streams.model import Reply, State
from streams.refusals import Act
from streams.watch import keep_time, task_payload
from tests.streams.live import AWAY, Site
from tests.streams.samples import NOW

HOUR = 3_600_000


@pytest.fixture
def site(queue: DispatchQueue, tmp_path: Path) -> Site:
    """The small site."""
    return Site(queue, tmp_path)


@pytest.mark.parametrize("name", ["return", "reject", "suspend", "extend", "reopen"])
def test_an_operator_cannot_leave_the_path_but_may_ask(site: Site, name: str) -> None:
    """Side exits are for supervisors and administrators; the refusal says so."""
    with pytest.raises(RoleRefused, match="ask for it"):
        site.do(site.seen(), name, "operator", text="理由", limit="1h work_hour")


def test_a_side_exit_needs_its_reason(site: Site) -> None:
    """Without a text nothing happens."""
    with pytest.raises(NeedsMissing, match="text"):
        site.do(site.seen(), "reject")


def test_a_suspended_case_stands_still_and_gets_its_time_back(site: Site) -> None:
    """Two hours of suspension are two hours later; the arrival clock is gone, the patrol free and told."""
    no = site.seen(category="smoke")
    site.send(no)
    due = site.due(no)
    site.pass_(30)
    site.do(no, "suspend", text="等待设备")
    assert site.case(no).patrol == ""
    assert {clock.name: clock.paused for clock in site.case(no).clocks} == dict.fromkeys(
        ("respond", "handle"), millis(site.now)
    )
    site.pass_(120)
    assert keep_time(site.desk).noted == (), "no reminder while it stands still"
    site.do(no, "resume")
    assert site.due(no) == due + 2 * HOUR
    assert site.case(no).state is State.ACCEPTED
    assert [task["act"] for _, task in site.queue.tasks("clock", 1)] == ["assign", "withdraw"]


def test_a_suspension_ends_by_itself(site: Site) -> None:
    """At its time the rule resumes it, once; not before."""
    no = site.seen()
    site.do(no, "suspend", text="等待设备", until=site.now + timedelta(hours=1))
    site.pass_(59)
    keep_time(site.desk)
    assert site.case(no).state is State.SUSPENDED
    site.pass_(2)
    keep_time(site.desk)
    keep_time(site.desk)
    assert (site.case(no).state, site.case(no).by) == (State.ACCEPTED, "rule")


def test_suspending_a_case_that_was_sent_back_leaves_its_former_patrol_alone(site: Site) -> None:
    """P-1 fed back the first case and is on the second; suspending the first is nothing to P-1."""
    first, second = site.handled(site.seen()), site.seen(AWAY)
    site.do(first, "rework", text="没有清理干净")
    assert (site.case(first).patrol, site.case(first).dispatch) == ("", "")
    site.send(second)
    site.do(first, "suspend", text="下雨")
    assert site.queue.patrols()["P-1"]["case"] == second
    assert [task["act"] for _, task in site.queue.tasks("clock", 1)] == ["assign", "assign"]


def test_an_extension_moves_the_deadline_on(site: Site) -> None:
    """More time is counted on from the due."""
    no = site.seen(category="smoke")
    due = site.due(no)
    site.do(no, "extend", text="路远", limit="2h urgent_hour")
    assert site.due(no) == due + 2 * HOUR


def test_two_extensions_at_once_both_count(site: Site) -> None:
    """Neither names a version: the second is worked out from what the first left."""
    no, start = site.seen(category="smoke"), Barrier(2)
    due = site.due(no)
    attempt, read = site.queue.attempt, set[str]()

    def together(act: Act, now: datetime) -> Answered | None:
        if act.by not in read:
            read.add(act.by)
            start.wait(10)  # both have read before either writes
        return attempt(act, now)

    site.queue.attempt = together  # type: ignore[method-assign]
    with ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(site.do, no, "extend", by=who, text="远", limit="2h urgent_hour") for who in ("甲", "乙")]
        for one in asked:
            one.result()
    assert site.due(no) == due + 4 * HOUR


def test_sent_back_keeps_its_deadline_and_says_what_it_missed(site: Site) -> None:
    """Rework runs on with the same due; a due that passed while it waited for its check is noted, once."""
    no = site.handled(site.seen(category="smoke"))
    due = site.due(no)
    site.pass_(150)
    site.do(no, "rework", text="复燃")
    assert site.due(no) == due
    keep_time(site.desk)
    keep_time(site.desk)
    assert site.reminders(no) == ["handle 50", "handle 80", "handle 100"]
    assert site.case(no).level == 2


def test_a_request_waits_for_its_decision(site: Site) -> None:
    """The patrol asks, a second request is refused by name, the supervisor's act grants it and says whose it was."""
    no = site.seen()
    site.send(no)
    site.reply(no, "ask", wanted="return", text="不在辖区")
    request = site.case(no).request
    assert request is not None
    assert (request.act, request.by) == ("return", "P-1")
    with pytest.raises(RequestOpen, match="P-1 has asked for return"):
        site.do(no, "ask", "operator", "林晓东", wanted="extend", text="再等等")
    site.do(no, "return", text="同意")
    last = site.queue.log(no)[-1]
    assert (last.approver, last.detail, site.case(no).request) == ("王海涛", " asked by P-1", None)


def test_a_refused_request_is_gone(site: Site) -> None:
    """The log says what was refused to whom; refusing again finds nothing."""
    no = site.seen()
    site.do(no, "ask", "operator", "林晓东", wanted="extend", text="路远", limit="1h work_hour")
    site.do(no, "refuse", text="不行")
    assert (site.case(no).request, site.queue.log(no)[-1].detail) == (None, "extend 林晓东")
    with pytest.raises(RequestOpen, match="Nothing is asked for"):
        site.do(no, "refuse", text="不行")


def test_a_request_to_reopen_a_closed_case_is_kept(site: Site) -> None:
    """It was wiped by the act that made it, since closed cases lose theirs."""
    no = site.handled(site.seen())
    site.do(no, "close")
    site.do(no, "ask", "operator", "林晓东", wanted="reopen", text="又出现")
    assert site.case(no).request is not None
    site.do(no, "reopen", text="同意")
    assert (site.case(no).state, site.case(no).request, site.case(no).closed) == (State.ACCEPTED, None, None)


def test_a_request_lapses_when_it_cannot_be_granted_any_more(site: Site) -> None:
    """Asked to reject what waits; once somebody is sent, that is past, and another thing may be asked for."""
    no = site.seen()
    site.do(no, "ask", "operator", "林晓东", wanted="reject", text="误报")
    site.send(no)
    assert site.case(no).request is None
    site.do(no, "ask", "operator", "林晓东", wanted="return", text="误报")


@pytest.mark.parametrize("wanted", ["close", "reopen"])
def test_only_a_side_exit_of_the_state_can_be_asked_for(site: Site, wanted: str) -> None:
    """What the state does not allow is refused with what it allows."""
    with pytest.raises(JumpRefused):
        site.do(site.seen(), "ask", "operator", wanted=wanted, text="请批准")


def test_a_rejected_case_can_be_restored(site: Site) -> None:
    """Rejected: no clock, not open. Restored: to verify again, with a clock to respond from now."""
    no = site.seen()
    site.do(no, "reject", text="误报")
    assert (site.case(no).state, site.case(no).clocks, site.queue.open_cases()) == (State.REJECTED, (), [])
    site.pass_(20)
    site.do(no, "restore", text="不是误报")
    (clock,) = site.case(no).clocks
    assert (site.case(no).state, clock.name, clock.start) == (State.REPORTED, "respond", millis(site.now))
    assert site.seen() == no, "what comes near joins it again"


def test_a_reopened_case_has_no_score_and_new_time(site: Site) -> None:
    """The score was for what was done; the time to handle starts anew, and who did it is off the case."""
    no = site.handled(site.seen())
    site.do(no, "close")
    site.do(no, "rate", score=2)
    site.pass_(600)
    site.do(no, "reopen", text="没有解决")
    case = site.case(no)
    assert (case.score, case.patrol, case.state) == (None, "", State.ACCEPTED)
    assert next(clock for clock in case.clocks if clock.name == "handle").start == millis(site.now)


def test_a_patrol_that_was_called_off_cannot_ask(site: Site) -> None:
    """Who is not on the case has nothing to ask for on it."""
    no = site.seen()
    dispatch = site.send(no)
    site.do(no, "withdraw")
    with pytest.raises(WrongPatrol):
        site.reply(no, "ask", dispatch=dispatch, wanted="extend", text="等等")


def test_what_was_asked_for_stands_on_the_case(site: Site) -> None:
    """Who decides on a suspension reads until when, and it lapses with the decision."""
    no, until = site.seen(), site.now + timedelta(days=2)
    site.do(no, "ask", "operator", "林晓东", wanted="suspend", text="等设备", until=until)
    asked = site.case(no).request
    assert asked is not None
    assert (asked.act, asked.by, asked.until) == ("suspend", "林晓东", millis(until))
    site.do(no, "suspend", text="同意", until=until)
    assert (site.case(no).request, site.case(no).until) == (None, millis(until))


def test_no_clock_stops_before_it_started(site: Site) -> None:
    """The reply was received by a machine whose time is a little behind that of the desk."""
    no = site.seen()
    site.send(no)
    site.pass_(-1)
    site.reply(no, "arrive")
    assert all(clock.done in (None, clock.start) for clock in site.case(no).clocks)


def test_whoever_is_refused_on_a_case_that_is_not_theirs_learns_nothing_of_it(site: Site) -> None:
    """A guessed number gives back what was said, and why not; no place, no matter."""
    no = site.seen()
    site.send(no)
    for patrol in ("P-2", "P-1"):
        site.queue.tell_refused(patrol, Reply("x/1", no, "arrive"), "wrong_patrol", "not on it", site.now)
    tasks = [task for _, task in site.queue.tasks("clock", 1) if task["act"] == "refused"]
    stranger, holder = (json.loads(task_payload(task, site.case(no), site.desk)) for task in tasks)
    assert set(stranger) == {"act", "dispatch", "case", "text", "refused", "error", "at"}
    assert (holder["refused"], holder["matter"]) == ("arrive", "rubbish")


def test_the_log_keeps_the_score_that_was_given(site: Site) -> None:
    """A case that is opened again loses its score; its first rating can still be read."""
    no = site.handled(site.seen())
    site.do(no, "close")
    site.do(no, "rate", score=2)
    site.do(no, "reopen", text="没有解决")
    assert [entry.detail for entry in site.queue.log(no) if entry.act == "rate"] == ["2"]


@pytest.mark.parametrize(
    "given", [{"until": datetime.max.replace(tzinfo=UTC)}, {"until": NOW}, {"limit": "9999d work_day"}]
)
def test_nothing_is_put_off_for_longer_than_a_year_or_into_the_past(site: Site, given: dict[str, Any]) -> None:
    """A date that no page could show is refused, on the act as when it is asked for."""
    no = site.seen()
    for name, more in (("suspend" if "until" in given else "extend", {}), ("ask", {"wanted": "suspend"})):
        with pytest.raises(Refused, match="year"):
            site.do(no, name, text="理由", **given, **more)
    assert site.case(no).state is State.ACCEPTED
