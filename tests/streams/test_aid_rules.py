"""Mutual aid under random people, workers that sleep between deciding and doing, crashes and time: never a patrol on
two cases, and when a worker of either side has looked, nothing is held or bound in vain.

`HYPOTHESIS_PROFILE=nightly` plays twenty thousand turns.
"""

from __future__ import annotations

import os
from collections import Counter
from contextlib import suppress
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import msgspec
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from redis import Redis

from streams import mutual, workflow
from streams.acts import Asked
from streams.aid import BY_LENDER, AidState, Ask, Step
from streams.dispatch_queue import connect
from streams.embedded import Valkey
from streams.errors import ActRefused, Refused
from streams.model import State
from streams.mutual import Plan
from streams.watch import send_tasks
from tests.streams.aiding import Pair, act, opened, pair

NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
RUNS, LENGTH = (100, 200) if NIGHTLY else (6, 120)
PATROLS = ("P-1", "P-2")
CASES, HOMES = 3, 2
REFUSED = (ActRefused, Refused)
TURNS = {
    "ask": 4, "approve": 7, "now": 6, "wake": 5, "decide": 5, "send": 2, "reply": 2, "look": 1, "pass_time": 1,
    "after_a_while": 1, "refuse": 1, "cancel": 2, "dispatch_at_home": 2, "late_at_home": 4, "withdraw_at_home": 3,
    "move_case": 4,
}  # fmt: skip
seen: Counter[str] = Counter()
"""What was carried out late."""


class Outside:
    """The field: hears the tasks, and checks at that very moment that the patrol is lent for this case."""

    def __init__(self, two: Pair) -> None:
        self._two = two
        self.heard: list[tuple[str, str, str]] = []

    def send(self, topic: str, payload: bytes, *, timeout: float) -> None:
        site, patrol = topic.split("/")[1], topic.split("/")[3]
        if site != self._two.lender.site:
            return
        task = msgspec.json.decode(payload)
        if task["act"] == "assign":
            assert self._two.patrol(patrol)["case"] == task["case"]
            assert self._two.patrol(patrol).get("aid_until", "") == ""
            self.heard.append((patrol, task["case"], task["dispatch"]))


class Neighbours:
    """Two sites, three cases of the borrower, two of the lender, two patrols; `told`: whose turn it was."""

    def __init__(self, redis: Redis, folder: Path) -> None:
        self.two = pair(redis, folder)
        self.cases = [opened(self.two.borrower, n) for n in range(CASES)]
        self.homes = [opened(self.two.lender, n) for n in range(HOMES)]
        self.asks: list[Ask] = []
        self.plans: list[tuple[str, Plan]] = []
        self.outside = Outside(self.two)
        self.told: list[str] = []

    def turn(self, random: Random) -> None:
        """Somebody's turn, whatever comes of it, and what must hold after it."""
        (what,) = random.choices(list(TURNS), list(TURNS.values()))
        n, side = random.randrange(6), random.choice(["lends", "borrows", "both"])
        self.told.append(f"{what}({n}, {side})")
        if what in ("ask", "approve") or self.asks:
            with suppress(*REFUSED):
                getattr(self, what)(n, side)
        self.nobody_is_on_two_cases()

    def ask(self, n: int, _: str) -> None:
        """Somebody of the borrower asks."""
        ask = self.two.ask(self.cases[n % CASES])
        if ask not in self.asks:
            self.asks.append(ask)

    def approve(self, n: int, _: str) -> None:
        """The lender's supervisor approves; who has nothing to approve waits for somebody to ask."""
        if not self.asks:
            self.ask(n, _)
        self.two.approve(self._ask(n), PATROLS[n % 2])

    def refuse(self, n: int, _: str) -> None:
        """The lender's supervisor refuses."""
        self.two.lends.refuse(self._ask(n).id, by="王", role="supervisor", now=self.two.watch())

    def cancel(self, n: int, side: str) -> None:
        """The ask is taken back; whoever does it may die right after."""
        borrows = self.two.borrows
        if side == "both":
            borrows.cancel(self._ask(n).id, by="林", role="operator", now=self.two.watch())
        else:
            borrows.book(self.two.borrower.site).cancel(self._ask(n), "林", "operator", "", self.two.watch())

    def dispatch_at_home(self, n: int, _: str) -> None:
        """The lender sends its own patrol."""
        act(self.two.lender, self.homes[n % HOMES], "dispatch", patrol=PATROLS[n // HOMES % 2])

    def late_at_home(self, n: int, side: str) -> None:
        """The same, when the time of every reservation is over and nobody has looked."""
        self.two.watch.later(61)
        self.dispatch_at_home(n, side)

    def withdraw_at_home(self, n: int, _: str) -> None:
        """And calls it back."""
        act(self.two.lender, self.homes[n % HOMES], "withdraw")

    def move_case(self, n: int, side: str) -> None:
        """The borrower's people move the case on their own."""
        name = {"lends": ("dispatch", "resume"), "borrows": ("withdraw", "rework"), "both": ("suspend", "return")}[side]
        given = {"patrol": PATROLS[n % 2]} if name[n // CASES] == "dispatch" else {}
        act(self.two.borrower, self.cases[n % CASES], name[n // CASES], **given)

    def reply(self, n: int, side: str) -> None:
        """A lent patrol answers a task, the last or an old one."""
        if self.outside.heard:
            patrol, case, dispatch = self.outside.heard[-1 - n % len(self.outside.heard)]
            name = {"lends": "acknowledge", "borrows": "arrive", "both": ("handle", "decline")[n % 2]}[side]
            asked = Asked(no=case, name=name, by=patrol, role="field", request=f"r{n}", patrol=patrol,
                          dispatch=dispatch, text="好")  # fmt: skip
            mutual.answer(self.two.lender, asked, self.two.watch())

    def send(self, _n: int, _: str) -> None:
        """The borrower's clock worker publishes."""
        queue = self.two.borrower.queue
        if queue.redis.xlen(queue.keys.outbox):  # else it waits half a second for the first
            send_tasks(self.two.borrower, self.outside, "w")

    def decide(self, n: int, side: str) -> None:
        """A worker decides, and falls asleep."""
        side = "lends" if side == "lends" else "borrows"
        plan = getattr(self.two, side).decide(self._ask(n), self.two.watch())
        if plan.step is not Step.NOTHING and (side == "borrows" or plan.step in BY_LENDER):
            self.plans.append((side, plan))

    def wake(self, n: int, _: str) -> None:
        """It goes on, now or much later, perhaps twice; what is never woken has died."""
        if self.plans:
            side, plan = self.plans[-1 - n % len(self.plans)]
            seen[plan.step] += 1
            getattr(self.two, side).carry_out(plan, self.two.watch())

    def now(self, n: int, side: str) -> None:
        """A worker that decides and does one thing."""
        self.decide(n, side)
        self.wake(0, side)

    def look(self, _n: int, side: str) -> None:
        """A worker that is well."""
        getattr(self.two, "lends" if side == "lends" else "borrows").look()

    def pass_time(self, n: int, _: str) -> None:
        """Time passes."""
        self.two.watch.later((1, 30, 48, 55, 61, 5)[n])

    def after_a_while(self, _n: int, side: str) -> None:
        """Reservations have run out and the workers of one side, or of both, have looked: nothing is in vain."""
        self.two.watch.later(61)
        self.check(side)

    def check(self, side: str) -> None:
        """What must hold then."""
        for name in ("lends", "borrows") if side == "both" else (side,):
            while getattr(self.two, name).look():
                pass
        if side == "both":
            self.two.settle()
        now = self.two.watch().timestamp() * 1000
        for name in PATROLS:
            row = self.two.patrol(name)
            over = row.get("aid_until") and float(row["aid_until"]) <= now
            if row.get("aid") and not (side == "borrows" and over):
                self._bound(row["aid"])
        if side != "lends":
            for no in self.cases:
                case = self.two.case(no)
                if case.aid and case.state in workflow.ON_CASE:
                    assert self.two.patrol(case.patrol.split("/")[1]).get("aid") == case.aid
        if side == "both":
            for ask in self.two.borrows.book(self.two.borrower.site).asks():
                case = self.two.case(ask.no)
                assert case.aid == ask.id or (case.state, case.version) == (State.ACCEPTED, ask.version)

    def _ask(self, n: int) -> Ask:
        """One of what was asked, the last more often."""
        return self.asks[-1 - max(0, n - 2) % len(self.asks)]

    def _bound(self, name: str) -> None:
        ask = next(ask for ask in self.asks if ask.id == name)
        case, record = self.two.case(ask.no), self.two.aid(ask)
        assert record.state is AidState.LENT
        assert case.aid == name
        assert case.state in workflow.ON_CASE

    def nobody_is_on_two_cases(self) -> None:
        """Whoever is lent is on the partner's case and on no case at home; a case at home has its patrol."""
        for no in self.homes:
            case = self.two.lender.queue.case(no)
            assert case is not None
            if case.state in workflow.ON_CASE:
                assert self.two.patrol(case.patrol)["case"] == no
        now = self.two.watch().timestamp() * 1000
        for aid in self.two.lends.book(self.two.lender.site).lending():
            if aid.state is AidState.LENT or (aid.state is AidState.RESERVED and aid.until > now):
                row = self.two.patrol(aid.patrol)
                assert (row.get("aid"), row["case"]) == (aid.id, f"{aid.borrower}/{aid.no}")


@settings(deadline=None, suppress_health_check=list(HealthCheck), database=None, max_examples=RUNS,
          phases=[Phase.generate])  # fmt: skip
@given(random=st.randoms(use_true_random=True))
def test_nothing_is_ever_held_or_bound_in_vain(valkey: Valkey, tmp_path: Path, random: Random) -> None:
    """Random steps of both sides in any order, asleep, dead and repeated."""
    seen.clear()
    redis = connect(valkey.url)
    redis.config_set("appendfsync", "no")  # nothing here is about the disk
    with TemporaryDirectory(dir=tmp_path) as folder:
        neighbours = Neighbours(redis, Path(folder))
        try:
            for _ in range(LENGTH):
                neighbours.turn(random)
            neighbours.two.watch.later(61)
            neighbours.check("both")
        except AssertionError as error:
            error.add_note(" ".join(neighbours.told))
            raise
        finally:
            redis.config_set("appendfsync", "always")
            redis.close()
    assert sum(seen.values()) > LENGTH // 20, seen
