"""The life of cases on a real server, held against the pure model: random acts of many people, clients that die between
call and answer, events that join, time that passes.

`HYPOTHESIS_PROFILE=nightly` plays more than ten thousand acts instead of more than five hundred.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any
from uuid import uuid4

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from redis.exceptions import ConnectionError as RedisConnectionError

from geo.places import Position
from streams import acts, watch, workflow
from streams.acts import Asked
from streams.codec import millis
from streams.desk import Desk
from streams.dispatch_queue import DispatchQueue, connect
from streams.embedded import Valkey
from streams.errors import ActRefused, Unreachable
from streams.ingest import understand
from streams.keys import Keys
from streams.matters import load_matters
from streams.model import Alert, Report, State
from streams.organisation import load_organisation
from tests.streams.catalogue import CATALOGUE
from tests.streams.desk import make_desk
from tests.streams.life_model import Model, ModelCase, key, runs
from tests.streams.life_rules import OVER, PATROLS, No
from tests.streams.organisation_file import ORGANISATION
from tests.streams.samples import NOW, SHANGHAI, event

NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
SIZE = {"max_examples": 400, "stateful_step_count": 60} if NIGHTLY else {"max_examples": 40, "stateful_step_count": 50}
LEAST = 10_000 if NIGHTLY else 500
FAR = 9_000_000_000_000_000
SPOTS = ((119.202, 34.902), (119.208, 34.902), (119.202, 34.912), (119.214, 34.914))
MATTERS = {"rubbish": "rubbish", "smoke": "fire", "other": "other"}
STAFF = (("林晓东", "operator"), ("王海涛", "supervisor"), ("陈零", "administrator"), ("杜一", "leader"))
DEPARTMENTS = ("sanitation", "village", "emergency")
REPLIES = ("acknowledge", "depart", "arrive", "handle", "decline", "ask")
LIMITS = 'respond = "30m urgent_hour", arrive = "1h urgent_hour", handle = "4h work_hour"'
TEXT = CATALOGUE.replace(LIMITS, f'{LIMITS}, check_in = "40m urgent_hour", settle = "2d work_day"').replace(
    'skills = ["fire"]', "proof = true"
).replace("5m urgent_hour", "20m urgent_hour")
done = defaultdict[str, int](int)
"""How many acts were done, refused and repeated in this run."""


class Lossy:
    """The act script behind a client that dies: before its call (`call`), or with the answer on the way (`answer`)."""

    def __init__(self, script: Any) -> None:
        self.script, self.lose = script, ""

    def __call__(self, prefix: str, arg: bytes) -> Any:
        if self.lose == "call":
            raise RedisConnectionError("the client died before its call")
        answer = self.script(prefix, arg)
        if self.lose == "answer" and b'"ok":true' in answer[0]:
            raise RedisConnectionError("the client died before its answer came")
        return answer


class Life(RuleBasedStateMachine):
    """Everybody at once on one site."""

    def __init__(self, url: str, folder: Path) -> None:
        super().__init__()
        self.queue = DispatchQueue(connect(url), Keys(f"life-{uuid4().hex[:8]}"), SHANGHAI)
        self.lossy = self.queue._act = Lossy(self.queue._act)  # type: ignore[assignment]
        (folder / "organisation.toml").write_text(ORGANISATION, encoding="utf-8")
        desk = make_desk(self.queue, folder, lambda: self.now)
        (folder / "life.toml").write_text(TEXT, encoding="utf-8")
        self.desk: Desk = replace(
            desk, matters=load_matters(folder / "life.toml"),
            organisation=load_organisation(folder / "organisation.toml"),
        )  # fmt: skip
        self.queue.register(PATROLS)
        self.model = Model(self.desk.matters.matters, self.desk.calendar)
        self.now, self.number, self.alerts = NOW, 0, dict[str, str]()
        self.lost: list[tuple[Asked, str | None]] = []
        self.checked: dict[str, int] = {}

    def teardown(self) -> None:
        logs: dict[str, list[bytes]] = defaultdict(list)
        for act in self.queue.acts(most=100_000):
            logs[act.no].append(act.entry)
        for no in self.model.cases:
            assert logs[no] == self.queue.redis.lrange(self.queue.keys.log(no), 0, -1), "one log, one stream"
        for name in self.queue.redis.scan_iter(self.queue.keys.prefix.replace("[", r"\[") + "*", count=1000):
            self.queue.redis.delete(name)
        self.queue.redis.close()

    # What happens

    @initialize()
    def begins(self) -> None:
        """A case that waits to be dispatched, and one that waits to be verified."""
        self.happens(SPOTS[0], "rubbish", True)
        self.happens(SPOTS[1], "smoke", False)

    @precondition(lambda self: len(self.model.cases) < 8)
    @rule(spot=st.sampled_from(SPOTS), category=st.sampled_from(sorted(MATTERS)), device=st.booleans())
    def happens(self, spot: tuple[float, float], category: str, device: bool) -> None:
        """A camera or a resident says something: it joins an open case, or opens one."""
        self.number += 1
        at, name, matter = self.later(7), f"e{self.number}", MATTERS[category]
        body = Alert(category, 3, name, "new") if device else Report(category, "有人反映", "199-0000-1234")
        by = ("D-1", "device") if device else ("hotline", "resident")
        happened = event(by[0], name, body, at, Position(*spot), received=at)
        wanted = self.model.joinable(matter, spot, at)
        recorded = self.queue.record(understand([happened], self.desk), at)
        (found,) = self.queue.events(1)
        if wanted:
            assert (recorded.opened, recorded.merged) == ((), 1)
            assert found.case in wanted
            self.model.joins(found.case, found.id, (matter, spot, by, at))
        else:
            assert recorded.opened == (found.case,)
            self.model.opens(found.case, matter, spot, by, at)
        if device:
            self.alerts[f"D-1/{name}"] = found.case

    @rule(minutes=st.sampled_from([0.5, 2, 12, 29, 61, 240]))
    def time_passes(self, minutes: float) -> None:
        """And the clock worker looks: reminders, tasks sent again, suspensions that end."""
        at = self.later(minutes * 60)
        cases = self.model.cases.values()
        alive = [c for c in cases if c.state not in OVER and c.state is not State.SUSPENDED]
        noted = sorted(one for c in alive for one in self.model.remind(c, millis(at)))
        resent = [c for c in cases if c.resend is not None and c.resend <= millis(at)]
        for c in resent:
            over = {clock.name: clock.due for clock in c.clocks if runs(clock)}
            c.resend = millis(at) + 60_000 if over.get("arrive", over["handle"]) > millis(at) else None
        looked = watch.keep_time(self.desk)
        assert sorted(looked.noted) == noted, (set(looked.noted) - set(noted), set(noted) - set(looked.noted))
        assert looked.resent == sum(c.resend is not None for c in resent)
        for c in sorted(cases, key=lambda c: c.no):
            if c.state is State.SUSPENDED and c.until is not None and c.until <= millis(at):
                self.model.act(Asked(no=c.no, name="resume", by="rule", role="rule", request=""), at)

    # Who acts

    @rule(data=st.data(), pick=st.integers(0, 50), times=st.integers(1, 6))
    def staff_acts(self, data: st.DataObject, pick: int, times: int) -> None:
        """Some acts in a row: mostly what state and role allow, now and then anything; with the version that was seen,
        an old one, or none."""
        case = self.case(pick)
        for _ in range(times):
            may = [who for who in STAFF if workflow.allowed(case.state, who[1])]
            by, role = data.draw(st.sampled_from(may), "who")
            names = workflow.allowed(case.state, role)
            wild = data.draw(st.integers(0, 7), "wild") == 7
            name = data.draw(st.sampled_from(tuple(workflow.BY_NAME) if wild else names), "act")
            seen = data.draw(st.sampled_from([case.version] * 6 + [None] * 3 + [case.version - 1]), "seen")
            self.does(data, Asked(
                no=case.no, name=name, by=by, role=role, request=uuid4().hex, seen=seen,
                **self.given(data, case, name),
            ))  # fmt: skip

    @precondition(lambda self: self.sent())
    @rule(data=st.data(), pick=st.integers(0, 50), names=st.lists(st.sampled_from(REPLIES), min_size=1, max_size=4))
    def patrol_replies(self, data: st.DataObject, pick: int, names: list[str]) -> None:
        """In any order, late, doubled; now and then with an old dispatch, or by somebody who is not on the case."""
        case = self.sent()[pick % len(self.sent())]
        device, dispatch, role = case.patrol or case.department, case.dispatch, "field" if case.patrol else "department"
        for name in names:
            wrong = data.draw(st.sampled_from([""] * 8 + ["dispatch", "sender"]), "wrong")
            says = "P-2" if wrong == "sender" else device
            given = self.given(data, case, name) | {"dispatch": f"{case.no}/2" if wrong == "dispatch" else dispatch}
            given["patrol" if role == "field" else "department"] = says
            self.does(data, Asked(no=case.no, name=name, by=says, role=role, request=uuid4().hex, **given))

    @precondition(lambda self: self.called())
    @rule(data=st.data(), pick=st.integers(0, 50), name=st.sampled_from(["check_in", "finish"]))
    def department_replies(self, data: st.DataObject, pick: int, name: str) -> None:
        """A department that was called comes, finishes its part, says it twice."""
        case = self.called()[pick % len(self.called())]
        department = data.draw(st.sampled_from(sorted(case.tasks)), "department")
        self.does(data, Asked(
            no=case.no, name=name, by=department, role="department", request=uuid4().hex, department=department,
            text="已处理",
        ))  # fmt: skip

    @precondition(lambda self: self.lost)
    @rule(data=st.data())
    def client_asks_again(self, data: st.DataObject) -> None:
        """Who did not hear the answer repeats the call, whatever has happened since: it is done once."""
        asked, dispatch = self.lost.pop()
        if asked.until is not None and asked.until <= self.now:
            return
        if dispatch is None:
            self.does(data, asked)
            return
        assert acts.do(self.desk, asked, self.later(1)).dispatch == dispatch
        done["repeated"] += 1

    def does(self, data: st.DataObject, asked: Asked) -> None:
        """One act on the server and on the model: the same answer, or the same refusal."""
        at = self.later(1)
        loss = data.draw(st.sampled_from([""] * 7 + ["answer", "call"]), "client dies")
        answered: Any = None
        refused: ActRefused | None = None
        with self.losing(loss):
            try:
                answered = acts.do(self.desk, asked, at)
            except ActRefused as error:
                refused = error
            except Unreachable:
                if loss == "call":
                    self.lost.append((asked, None))
                    return
        opened = self.queue.log(asked.no)[-1].detail if asked.name == "split" and refused is None else ""
        why = self.modelled(asked, at, opened)
        assert why is None or len(why) > 1 or refused is None or why == (type(refused).__name__,)
        assert why is None or len(why) == 1 or refused is None or why == (type(refused).__name__, *said(refused))
        assert (why is None) == (refused is None), f"the model: {why}, the server: {refused}"
        if refused is not None:
            done["refused"] += 1
            return
        if opened:
            self.alerts |= {name: opened for name in self.alerts if name == self.alert_of(asked.event)}
        self.check_case(self.model.cases[asked.no])
        dispatch = self.queue.log(asked.no)[-1].dispatch
        if answered is None:
            self.lost.append((asked, dispatch))
        else:
            assert (answered.case.version, answered.dispatch) == (self.model.cases[asked.no].version, dispatch)
        done["done"] += 1

    def modelled(self, asked: Asked, at: datetime, opened: str) -> tuple[object, ...] | None:
        """The act on the model; why it is refused, or None."""
        try:
            self.model.act(asked, at, opened)
        except No as no:
            return no.args
        return None

    # What must hold after each step

    @invariant()
    def all_is_as_in_the_model(self) -> None:
        """Every case, and everything that finds cases."""
        for case in self.model.cases.values():
            self.check_case(case)
        self.check_sets()
        self.check_patrols()

    def check_case(self, case: ModelCase) -> None:
        """The case itself, and its log when there is more of it."""
        found = self.queue.case(case.no)
        assert found is not None
        assert (found.state, found.version, found.matter, found.events, found.level, found.into or "", found.score) == (
            case.state, case.version, case.matter, case.events, case.level, case.into, case.score,
        )  # fmt: skip
        assert (found.lon, found.lat, found.until, found.by, found.act) == (*case.spot, case.until, *case.who)
        assert (found.patrol, found.department, found.dispatch) == (case.patrol, case.department, case.dispatch)
        assert list(found.clocks) == case.clocks
        assert {task.department: task.state for task in found.tasks} == case.tasks
        assert (found.request and (found.request.act, found.request.by)) == case.request
        lives = self.queue.redis.ttl(self.queue.keys.case(case.no)) == -1
        assert lives == (case.state not in OVER)
        length = self.queue.redis.llen(self.queue.keys.log(case.no))
        assert length == len(case.log)
        if self.checked.get(case.no) != length:
            self.check_log(case)
            self.checked[case.no] = length

    def check_log(self, case: ModelCase) -> None:
        """Every entry, and that the versions go up one by one."""
        log = self.queue.log(case.no)
        assert in_order(
            (one.act, one.by, one.role, one.before, one.after, str(one.version), one.patrol,
             one.text if one.act == "remind" else "late" if one.detail == "late" else "")
            for one in log
        ) == in_order(case.log)  # fmt: skip
        steps = [one.version for one in log if one.act not in ("remind", "join", "absorb", "release")
                 and one.detail != "late"]  # fmt: skip
        assert steps == list(range(1, case.version + 1))

    def check_sets(self) -> None:
        """Open cases by their deadline, reminders, tasks to send again, suspensions, calls, merging, closing."""
        cases = self.model.cases.values()
        assert self.scores("cases:open") == {
            c.no: min((clock.due for clock in c.clocks if runs(clock)), default=FAR)
            for c in cases if c.state not in OVER
        }
        assert self.scores("reminders") == {
            c.no: self.next_mark(c) for c in cases
            if c.state not in OVER and c.state is not State.SUSPENDED and any(map(runs, c.clocks))
        }  # fmt: skip
        assert self.scores("unanswered") == {c.no: c.resend for c in cases if c.resend is not None}
        assert self.scores("waking") == {c.no: c.until for c in cases if c.until is not None}
        assert self.scores("auto") == {}
        for department in DEPARTMENTS:
            assert set(self.scores(f"calls:{department}")) == {
                c.no for c in cases if c.state not in OVER and c.tasks.get(department) == "called"
            }
        for matter in MATTERS.values():
            near = {c.no for c in cases if c.matter == matter and c.state not in OVER and c.state is not State.HANDLED}
            fresh = {no for spot in SPOTS for no in self.model.joinable(matter, spot, self.now)}
            assert fresh <= set(self.scores(f"near:{matter}")) <= near
        for day in {c.closed for c in cases if c.closed}:
            assert {c.no for c in self.queue.closed_on(day)} == {c.no for c in cases if c.closed == day}
        for alert, no in self.alerts.items():
            assert self.queue.redis.hget(self.queue.keys.alert(alert), "case") == no.encode()

    def check_patrols(self) -> None:
        """A patrol is on one case at most, and says the same of it as the case does."""
        rows = self.queue.patrols()
        for patrol in PATROLS:
            case = self.model.on(patrol)
            row = rows[patrol]
            assert (row.get("case", ""), row.get("dispatch", "")) == ((case.no, case.dispatch) if case else ("", ""))
            if case is not None:
                assert row["sub"] == ("scene" if case.state is State.ON_SCENE else "way")

    # What the rules need

    def given(self, data: st.DataObject, case: ModelCase, name: str) -> dict[str, Any]:
        """What the act needs, now and then not all of it."""
        draw: Callable[..., Any] = data.draw
        some: dict[str, Any] = {"text": draw(st.sampled_from(["情况属实"] * 9 + [""]), "text")}
        match name:
            case "dispatch":
                patrol = draw(st.sampled_from([*PATROLS, *PATROLS, "stranger", ""]), "patrol")
                some |= {"patrol": patrol, "department": "" if patrol else draw(st.sampled_from(("", *DEPARTMENTS)))}
            case "classify":
                some["matter"] = draw(st.sampled_from([*MATTERS.values(), ""]), "matter")
            case "place":
                some["place"] = draw(st.sampled_from(SPOTS), "place")
            case "whistle":
                some["departments"] = tuple(draw(st.lists(st.sampled_from(DEPARTMENTS), max_size=2), "departments"))
            case "check_in" | "finish" | "dismiss":
                some["department"] = draw(st.sampled_from([*case.tasks] or DEPARTMENTS), "department")
            case "handle":
                some["image"] = draw(st.sampled_from([f"/media/{'0' * 64}"] * 3 + [""]), "image")
            case "rate":
                some["score"] = draw(st.sampled_from([1, 5, None]), "score")
            case "suspend":
                hours = draw(st.sampled_from([1, 3, 0]), "hours")
                some["until"] = self.now + timedelta(hours=hours) if hours else None
            case "extend":
                some["limit"] = draw(st.sampled_from(["2h work_hour", "1d natural_day", ""]), "limit")
            case "ask":
                wanted = [name for name in workflow.allowed(case.state) if name in workflow.SIDE_EXITS]
                some["wanted"] = draw(st.sampled_from([*wanted, *wanted, "extend", "reopen", "close"]), "wanted")
            case "merge":
                some["into"] = draw(st.sampled_from([*self.model.cases, "GP-1"]), "into")
            case "split":
                others = [event for c in self.model.cases.values() for event in c.joined]
                some["event"] = draw(st.sampled_from(sorted([*case.joined] or others) or [""]), "event")
        return some

    def case(self, pick: int) -> ModelCase:
        """One of the cases, the newest first."""
        cases = [*self.model.cases.values()][::-1]
        return cases[pick % len(cases)]

    def sent(self) -> list[ModelCase]:
        """Cases that somebody is on, or was until it was fed back."""
        return [c for c in self.model.cases.values() if c.dispatch]

    def called(self) -> list[ModelCase]:
        """Cases to which departments were called."""
        return [c for c in self.model.cases.values() if c.tasks]

    def later(self, seconds: float) -> datetime:
        """The time, moved on."""
        self.now += timedelta(seconds=seconds)
        return self.now

    @contextmanager
    def losing(self, what: str) -> Iterator[None]:
        self.lossy.lose = what
        try:
            yield
        finally:
            self.lossy.lose = ""

    def alert_of(self, name: str) -> str:
        """The alert of a recorded event."""
        seen = self.queue.event(name)
        return f"D-1/{seen.body.alert}" if seen is not None and isinstance(seen.body, Alert) else ""

    def next_mark(self, case: ModelCase) -> int:
        """When the next reminder of a case is due; 0 when nobody has worked out its marks yet."""
        return min(self.model.next_mark(clock, case.heard.get(key(clock), 0)) for clock in case.clocks if runs(clock))

    def scores(self, name: str) -> dict[str, int]:
        """A sorted set of the site."""
        return {no: int(at) for no, at in self.queue._scores(self.queue.keys(name)).items()}


def in_order(log: Iterable[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """A log, with reminders that were noted together in the order of their names: which clock is first says nothing."""
    together = (sorted(lines) if act == "remind" else list(lines) for act, lines in groupby(log, lambda line: line[0]))
    return [line for lines in together for line in lines]


def said(error: ActRefused) -> tuple[object, ...]:
    """What a refusal must say, as the model says it."""
    match type(error).__name__:
        case "CaseTaken":
            return error.by, error.act, error.version  # type: ignore[attr-defined]
        case "NeedsMissing" | "SixFixesMissing":
            return (error.names,)  # type: ignore[attr-defined]
        case "PatrolBusy":
            return (error.case,)  # type: ignore[attr-defined]
        case "RequestOpen":
            return ((error.act, error.by),)  # type: ignore[attr-defined]
    return ()


def test_random_lives_are_those_of_the_model(valkey: Valkey, tmp_path: Path) -> None:
    """Same states, clocks, logs, sets and refusals as the model's, whoever does what, whoever dies when."""
    done.clear()
    run_state_machine_as_test(
        lambda: Life(valkey.url, tmp_path),
        settings=settings(deadline=None, suppress_health_check=list(HealthCheck), database=None, **SIZE),  # type: ignore[arg-type]
    )
    print(dict(done))  # noqa: T201  how many acts it was is part of what the test says (pytest -rP)
    assert done["done"] + done["refused"] >= LEAST, dict(done)
