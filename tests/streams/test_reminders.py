"""Reminders: each mark of a running clock once, by whoever comes first, in words that name who is to act."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from streams import acts
from streams.acts import Asked
from streams.desk import Desk
from streams.dispatch_queue import DispatchQueue
from streams.ingest import understand
from streams.model import Alert, Report
from streams.watch import keep_time
from tests.streams.desk import make_desk
from tests.streams.samples import NOW, event
from tests.streams.test_watch import Watch


@pytest.fixture
def watch() -> Watch:
    """A clock at NOW, 14:00 of a Wednesday in Shanghai."""
    return Watch()


@pytest.fixture
def desk(queue: DispatchQueue, tmp_path: Path, watch: Watch) -> Desk:
    """The small site with a clock of its own."""
    return make_desk(queue, tmp_path, watch)


def opened(desk: Desk) -> str:
    """An accepted case of rubbish: 30 minutes to respond, 4 working hours to handle."""
    seen = event("D-1", "1", Alert("rubbish", 3, "a", "new"), place=desk.register.devices["D-1"].position)
    (no,) = desk.queue.record(understand([seen], desk), NOW).opened
    return no


def reminded(desk: Desk, no: str) -> list[str]:
    """The reminders in the log."""
    return [entry.text for entry in desk.queue.log(no) if entry.act == "remind"]


def texts(desk: Desk) -> list[tuple[str, str]]:
    """What the screens were told."""
    return [
        (notice["text_zh"], notice["text_en"]) for change in desk.queue.changes("0-0", block_ms=0)
        for notice in json.loads(change.parts.get("notices", b"[]")) if notice["kind"] == "reminder"
    ]  # fmt: skip


def test_reminders_name_who_is_to_act_and_how_late_it_is(desk: Desk, watch: Watch) -> None:
    """Operator, grid chief, supervisor, duty leader: one level higher at 80 %, 100 % and a whole limit over."""
    no, levels = opened(desk), []
    for minutes in (15, 24, 30, 60, 90):
        watch.now = NOW + timedelta(minutes=minutes)
        keep_time(desk)
        case = desk.queue.case(no)
        assert case is not None
        levels.append(case.level)
    assert levels == [0, 1, 2, 3, 3]
    assert [(zh.removeprefix(f"{no} "), en.removeprefix(f"{no}: ")) for zh, en in texts(desk)] == [
        ("响应时限已用 50%，提醒值班人员抓紧。", "50% of the time for response is used – for the operator on duty."),
        ("响应时限已用 80%，请网格长督办。", "80% of the time for response is used – for the grid chief."),
        ("响应时限已到，请主管督办。", "the time for response is over – for the supervisor."),
        ("响应已超时 1 倍时限，请值班领导督办。", "response is overdue by its whole limit – for the duty leader."),
        ("响应已超时 2 倍时限，请值班领导督办。", "response is overdue by 2 times its limit – for the duty leader."),
    ]


def test_an_act_notes_what_passed_while_no_worker_was_there(desk: Desk, watch: Watch) -> None:
    """Ten hours without a worker, more limits than are worked out at once: the act that stops the clock notes all."""
    no = opened(desk)
    watch.now = NOW + timedelta(minutes=30 * 14)
    dispatch = Asked(no=no, name="dispatch", by="林晓东", role="supervisor", request="d", patrol="P-1")
    sent = acts.do(desk, dispatch, watch.now)
    answer = Asked(no=no, name="acknowledge", by="P-1", role="field", request="a", patrol="P-1", dispatch=sent.dispatch)
    acts.do(desk, answer, watch.now)
    wanted = [f"respond {share}" for share in (50, 80, *range(100, 1401, 100))]
    assert [text for text in reminded(desk, no) if text.startswith("respond")] == wanted
    keep_time(desk)
    assert [text for text in reminded(desk, no) if text.startswith("respond")] == wanted


def test_asking_for_marks_notes_nothing(desk: Desk, watch: Watch) -> None:
    """An act that first has the marks of a new clock worked out does not note those of the others twice."""
    no = opened(desk)
    keep_time(desk)  # the marks of both clocks are known
    watch.now = NOW + timedelta(minutes=16)
    marks = json.loads(desk.queue.redis.hget(desk.queue.keys.case(no), "marks") or b"{}")
    del marks["handle"]
    desk.queue.redis.hset(desk.queue.keys.case(no), "marks", json.dumps(marks))  # as a clock that joined just now
    asked = Asked(no=no, name="dispatch", by="林晓东", role="supervisor", request="d", patrol="P-1")
    acts.do(desk, asked, watch.now)
    keep_time(desk)
    assert reminded(desk, no) == ["respond 50"]


def test_a_clock_that_starts_again_with_the_same_due_says_nothing_twice(desk: Desk, watch: Watch) -> None:
    """Another matter with the same limit and back: that the time to respond is over is said once, then what follows."""
    said = event("hotline", "r", Report("rubbish", "有垃圾"), received=NOW)
    (no,) = desk.queue.record(understand([said], desk), NOW).opened
    watch.now = NOW + timedelta(minutes=31)
    keep_time(desk)
    assert reminded(desk, no) == ["respond 50", "respond 80", "respond 100"]
    for n, matter in enumerate(("other", "rubbish")):
        asked = Asked(no=no, name="classify", by="林晓东", role="operator", request=str(n), matter=matter)
        acts.do(desk, asked, watch.now)
        keep_time(desk)
    assert reminded(desk, no) == ["respond 50", "respond 80", "respond 100"]
    watch.now = NOW + timedelta(minutes=61)
    keep_time(desk)
    assert reminded(desk, no)[3:] == ["respond 200"]
