"""What one act does and what it is refused for, on a real server."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import uuid4

import pytest
from msgspec import structs

from streams import workflow
from streams.codec import millis
from streams.dispatch_queue import Answered, DispatchQueue, connect
from streams.errors import (
    CaseTaken,
    JumpRefused,
    NeedsMissing,
    NoSuchCase,
    PatrolBusy,
    PatrolUnknown,
    SixFixesMissing,
    Unreachable,
    WrongPatrol,
)
from streams.keys import Keys
from streams.model import Clock, State
from streams.refusals import Act
from tests.streams.samples import MATTER, NOW, SHANGHAI, alert, later, report

ARRIVE = Clock("arrive", millis(NOW), millis(later(3600)))


def act(no: str, name: str, *, by: str = "林晓东", seen: int | None = None, patrol: str = "", request: str = "",
        dispatch: str | None = None) -> Act:  # fmt: skip
    """An act of a supervisor (or, with a dispatch, of a patrol)."""
    return Act(
        no, name, by, "field" if dispatch else "supervisor", request or uuid4().hex, seen=seen, patrol=patrol,
        dispatch=dispatch, text="已处理" if name == "handle" else "",
        clocks=(ARRIVE,) if name == "dispatch" else (), matter=MATTER,
    )  # fmt: skip


def opened(queue: DispatchQueue, name: str = "1", lon: float = 119.2) -> str:
    """A case that waits to be dispatched."""
    (no,) = queue.record([alert(f"D-{name}", name, lon=lon)], NOW).opened
    return no


def sent(queue: DispatchQueue) -> tuple[str, str]:
    """A case dispatched to P-1 with the post of that patrol, and the dispatch."""
    no = opened(queue)
    return no, queue.act(act(no, "dispatch", seen=3, patrol="P-1")._replace(post="机动岗"), NOW).dispatch


def test_a_dispatch_binds_the_patrol_and_leaves_a_task(queue: DispatchQueue) -> None:
    """Case, patrol, clocks, log, feed and outbox change in one step."""
    no, dispatch = sent(queue)
    case = queue.case(no)
    assert case is not None
    assert (case.state, case.version, case.patrol, case.by) == (State.DISPATCHED, 4, "P-1", "林晓东")
    assert [clock.name for clock in case.clocks] == ["respond", "handle", "arrive"]
    assert queue.patrols()["P-1"]["case"] == no
    assert queue.log(no)[-1].patrol == "P-1"
    ((_, task),) = queue.tasks("clock-1", 10)
    assert (task["act"], task["patrol"], task["case"], task["dispatch"]) == ("assign", "P-1", no, dispatch)
    parts = queue.changes("0-0", 0)[-1].parts
    assert b'"dispatched"' in parts["cases"]
    assert b'"state":"way"' in parts["patrols"]


def test_two_supervisors_at_the_same_instant_one_wins_the_other_is_told_who(queue: DispatchQueue) -> None:
    """Of two dispatches of one case exactly one is done; the loser reads the winner's name and patrol."""
    for n in range(20):
        no = opened(queue, str(n), lon=119.2 + n / 100)
        start = Barrier(2)

        def send(
            who: tuple[str, str], no: str = no, start: Barrier = start
        ) -> Answered | CaseTaken:
            start.wait()
            try:
                return queue.act(act(no, "dispatch", by=who[0], seen=3, patrol=who[1]), NOW)
            except CaseTaken as taken:
                return taken

        with ThreadPoolExecutor(2) as pool:
            results = list(pool.map(send, [("王海涛", "P-1"), ("林晓东", "P-2")]))
        (won,) = [result for result in results if isinstance(result, Answered)]
        (lost,) = [result for result in results if isinstance(result, CaseTaken)]
        assert (lost.by, lost.patrol, lost.version) == (won.case.by, won.case.patrol, 4)
        queue.act(act(no, "withdraw", seen=4), NOW)


def test_a_repeated_call_gives_the_same_answer_and_does_nothing_more(queue: DispatchQueue) -> None:
    """A client whose answer got lost may simply ask again."""
    no = opened(queue)
    first = queue.act(act(no, "dispatch", seen=3, patrol="P-1", request="once"), NOW)
    again = queue.act(act(no, "dispatch", seen=3, patrol="P-1", request="once"), NOW)
    assert (again.dispatch, again.case.version) == (first.dispatch, 4)
    assert len(queue.log(no)) == 4


def test_a_busy_patrol_is_refused_with_its_case(queue: DispatchQueue) -> None:
    """One patrol, one case; the refusal names it and nothing changes."""
    first, _ = sent(queue)
    second = opened(queue, "2", lon=119.3)
    with pytest.raises(PatrolBusy) as refused:
        queue.act(act(second, "dispatch", seen=3, patrol="P-1"), NOW)
    assert refused.value.case == first
    case = queue.case(second)
    assert case is not None
    assert (case.state, case.version) == (State.ACCEPTED, 3)


def test_an_unregistered_patrol_cannot_be_sent(queue: DispatchQueue) -> None:
    """Whoever is not in the register is shown but cannot be dispatched."""
    with pytest.raises(PatrolUnknown):
        queue.act(act(opened(queue), "dispatch", seen=3, patrol="stranger"), NOW)


def test_a_case_without_a_grid_lacks_a_fix(queue: DispatchQueue) -> None:
    """Verified and accepted, but nobody knows where: the dispatch names what is missing."""
    (no,) = queue.record([report("r1", lon=None)], NOW).opened
    queue.act(act(no, "verify", seen=1), NOW)
    queue.act(act(no, "accept", seen=2), NOW)
    with pytest.raises(SixFixesMissing) as refused:
        queue.act(act(no, "dispatch", seen=3, patrol="P-1"), NOW)
    assert refused.value.names == ("grid", "time limit")


def test_the_table_is_what_redis_enforces(queue: DispatchQueue) -> None:
    """From every state, exactly the acts of the table are possible; all others are refused naming them."""
    path = ("verify", "accept", "dispatch", "acknowledge", "depart", "arrive", "handle", "close")
    (no,) = queue.record([report("r1")], NOW).opened
    for version, name in enumerate(path, 1):
        case = queue.case(no)
        assert case is not None
        allowed = workflow.allowed(case.state)
        for other in workflow.BY_NAME:
            if other not in allowed:
                with pytest.raises(JumpRefused) as refused:
                    queue.act(act(no, other, seen=version, patrol="P-1"), NOW)
                assert refused.value.allowed == allowed
        clocks = (Clock("handle", millis(NOW), millis(later(3600))),) if name == "accept" else (ARRIVE,)
        asked = act(no, name, seen=version, patrol="P-1" if name == "dispatch" else "")
        starts = workflow.BY_NAME[name].starts
        queue.act(asked._replace(clocks=clocks if starts else ()), NOW)
    done = queue.case(no)
    assert done is not None
    assert done.state is State.CLOSED
    assert all(clock.done is not None for clock in done.clocks)
    assert queue.open_cases() == []
    assert [case.no for case in queue.closed_on("2026-11-18")] == [no]


def test_the_reply_of_another_patrol_is_refused(queue: DispatchQueue) -> None:
    """Only the patrol of the running dispatch can answer it."""
    no, dispatch = sent(queue)
    with pytest.raises(WrongPatrol):
        queue.act(act(no, "arrive", by="P-2", patrol="P-2", dispatch=dispatch), NOW)
    with pytest.raises(WrongPatrol):
        queue.act(act(no, "arrive", by="P-1", patrol="P-1", dispatch=f"{no}/1"), NOW)


def test_replies_move_the_case_and_stop_its_clocks(queue: DispatchQueue) -> None:
    """Acknowledged, arrived, handled: each stops its clock, the last frees the patrol."""
    no, dispatch = sent(queue)
    for n, name in enumerate(("acknowledge", "depart", "arrive", "handle")):
        answered = queue.act(act(no, name, by="P-1", patrol="P-1", dispatch=dispatch), later(60 * (n + 1)))
    done = {clock.name: clock.done for clock in answered.case.clocks}
    assert done == {"respond": millis(later(60)), "arrive": millis(later(180)), "handle": millis(later(240))}
    assert queue.patrols()["P-1"]["case"] == ""


def test_a_withdrawal_gives_the_case_back_and_tells_the_patrol(queue: DispatchQueue) -> None:
    """Undo: the case waits again, the arrival clock is gone, the patrol is free and gets a withdrawal."""
    no, dispatch = sent(queue)
    case = queue.act(act(no, "withdraw", seen=4), NOW).case
    assert case.post == "巡查岗", "the post is the matter's again, not the patrol's"
    assert (case.state, case.patrol, [clock.name for clock in case.clocks]) == (
        State.ACCEPTED, "", ["respond", "handle"],
    )  # fmt: skip
    assert [(task["act"], task["dispatch"]) for _, task in queue.tasks("clock-1", 10)] == [
        ("assign", dispatch), ("withdraw", dispatch),
    ]  # fmt: skip


def test_a_task_stays_in_the_outbox_until_it_is_done(queue: DispatchQueue) -> None:
    """A clock worker that dies between taking and publishing loses nothing: it finds the task again."""
    sent(queue)
    ((first, _),) = queue.tasks("clock-1", 10)
    ((again, _),) = queue.tasks("clock-1", 10)
    assert first == again
    queue.task_done(first)
    assert queue.tasks("clock-1", 10) == []


def test_an_unknown_case_is_said_so(queue: DispatchQueue) -> None:
    """A wrong number is refused by its number."""
    with pytest.raises(NoSuchCase, match="GP-1"):
        queue.act(act("GP-1", "verify", seen=1), NOW)


def test_a_handled_case_takes_no_new_alerts(queue: DispatchQueue) -> None:
    """What happens after the handling is a new case, not a quiet addition to the old one."""
    no, dispatch = sent(queue)
    queue.act(act(no, "handle", by="P-1", patrol="P-1", dispatch=dispatch), NOW)
    assert len(queue.record([alert("D-9", "9", seconds=60)], later(60)).opened) == 1


def test_a_request_of_somebody_else_is_another_request(queue: DispatchQueue) -> None:
    """The same name for a request on another case is no repetition: the second case is dispatched too."""
    first, second = opened(queue), opened(queue, "2", lon=119.3)
    queue.act(act(first, "dispatch", seen=3, patrol="P-1", request="once"), NOW)
    answered = queue.act(act(second, "dispatch", seen=3, patrol="P-2", request="once"), NOW)
    assert (answered.case.no, answered.case.patrol) == (second, "P-2")


def test_who_left_the_register_cannot_be_sent(queue: DispatchQueue) -> None:
    """The register is the whole list: a patrol that is not on it any more is unregistered."""
    queue.register(["P-2"])
    with pytest.raises(PatrolUnknown):
        queue.act(act(opened(queue), "dispatch", seen=3, patrol="P-1"), NOW)


def test_a_decline_needs_its_reason(queue: DispatchQueue) -> None:
    """The table says that a decline needs a text; a reply without one is refused too."""
    no, dispatch = sent(queue)
    with pytest.raises(NeedsMissing, match="text"):
        queue.act(act(no, "decline", by="P-1", patrol="P-1", dispatch=dispatch), NOW)


def test_a_feedback_needs_its_result_and_its_picture_where_the_matter_wants_one(queue: DispatchQueue) -> None:
    """Nothing is fed back without words; and of a matter that wants proof, nothing without a picture."""
    no, dispatch = sent(queue)
    handle = act(no, "handle", by="P-1", patrol="P-1", dispatch=dispatch)
    with pytest.raises(NeedsMissing) as refused:
        queue.act(handle._replace(text=""), NOW)
    assert refused.value.names == ("text",)
    proved = handle._replace(matter=structs.replace(MATTER, proof=True))
    with pytest.raises(NeedsMissing) as refused:
        queue.act(proved, NOW)
    assert refused.value.names == ("proof",)
    assert queue.act(proved._replace(image="/media/1"), NOW).case.state is State.HANDLED


def test_a_phone_is_told_when_the_desk_takes_its_case_away(queue: DispatchQueue) -> None:
    """An operator records the result by telephone: the patrol is free, and its phone drops the task."""
    no, _dispatch = sent(queue)
    queue.act(act(no, "handle", seen=4), NOW)
    assert [task["act"] for _, task in queue.tasks("clock-1", 10)] == ["assign", "withdraw"]


def test_a_redis_that_may_not_write_is_waited_for(redis_url: str) -> None:
    """Too few replicas is "not now", like a Redis that is gone: the work is kept."""
    queue = DispatchQueue(connect(redis_url), Keys("replicas"), SHANGHAI)
    queue.redis.config_set("min-replicas-to-write", 1)
    try:
        with pytest.raises(Unreachable, match="NOREPLICAS"):
            queue.record([alert("D-1", "1")], NOW)
    finally:
        queue.redis.config_set("min-replicas-to-write", 0)
    assert queue.record([alert("D-1", "1")], NOW).new == 1


def test_a_patrols_load_is_what_it_was_sent_to_today(queue: DispatchQueue) -> None:
    """Each dispatch counts on its local day; one that was taken back does not, one that was fed back does."""
    no, _ = sent(queue)
    assert queue.sent("2026-11-18") == {"P-1": 1}
    queue.act(act(no, "withdraw", seen=4), NOW)
    assert queue.sent("2026-11-18") == {"P-1": 0}
    dispatch = queue.act(act(no, "dispatch", seen=5, patrol="P-1"), NOW).dispatch
    queue.act(act(no, "handle", by="P-1", patrol="P-1", dispatch=dispatch), NOW)
    assert queue.sent("2026-11-18") == {"P-1": 1}
    assert queue.sent("2026-11-19") == {}
