"""Acts: how many a second one Valkey does, AOF `always`, how long one takes; and fifty who fight for the same cases.

Clients are threads in a few processes, as the web workers of a site are. Each takes a case of its own round and round
through dispatch, acknowledge, depart, arrive and return, on its own patrol, by `DispatchQueue.act`: check, change, log,
feed and outbox in one script. The plain way does the same steps with WATCH, reads, MULTI and EXEC, again when somebody
was faster. Both count acts that were done, by the wall clock from the first to the last. How long the script keeps
Valkey busy is what Valkey says itself, since clients share its machine here.

In the fight every client tries to dispatch every case, in an order of its own. Each case must be dispatched once, and
each loser must be told who was faster; anything else is broken on any machine.
"""

from __future__ import annotations

import multiprocessing
import random
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from redis import Redis, WatchError

from app.bench import Report, Row, at_least, rate
from geo.places import Position
from streams.codec import millis, to_json
from streams.dispatch_queue import DispatchQueue, Tagged, connect
from streams.embedded import Valkey
from streams.errors import CaseTaken, GridpostError, PatrolBusy
from streams.keys import Keys
from streams.matters import Matter
from streams.model import Clock, ClockName, Event
from streams.model import Report as Said
from streams.refusals import Act
from streams.triage import Intent

NOW = datetime(2026, 11, 18, 6, tzinfo=UTC)
SITE, ZONE = "acting", ZoneInfo("Asia/Shanghai")
ACTS_GOAL = 2_000
ROUND = ("dispatch", "acknowledge", "depart", "arrive", "return")
BEFORE = {"dispatch": "accepted", "acknowledge": "dispatched", "depart": "acknowledged", "arrive": "on_the_way",
          "return": "on_scene"}  # fmt: skip
AFTER = dict(zip(ROUND, (*(BEFORE[name] for name in ROUND[1:]), "accepted"), strict=True))
MATTER = Matter(
    key="bench", name="测试", name_en="Bench", board="b", module="m", priority=2, lead="centre", helpers=(),
    standard="完成", standard_en="Done", post="巡查岗", clocks={}, merge_radius=0, merge_minutes=0, opens_on=(),
    announce=False, announce_text="", announce_text_en="", recheck=0, skills=(),
)  # fmt: skip


@dataclass(frozen=True)
class Sizes:
    """Clients, rounds of five acts each does, turns of both ways, and cases that are fought for."""

    clients: int = 50
    rounds: int = 40
    turns: int = 3
    fought: int = 1_000


QUICK = Sizes(clients=20, rounds=10, turns=1, fought=100)
PROCESSES = 4
STARTED: tuple[ClockName, ...] = ("respond", "handle")


class Done(NamedTuple):
    """What one process did: seconds each act took, from when to when (monotonic)."""

    took: list[float]
    begin: float
    end: float


def run(state: Path, sizes: Sizes = Sizes()) -> Report:
    """Both ways in turn, then the fight."""
    with tempfile.TemporaryDirectory() as folder, Valkey(Path(folder) / "valkey") as server:
        queue = DispatchQueue(connect(server.url), Keys(SITE), ZONE)
        queue.register(f"P-{n}" for n in range(sizes.clients))
        turns = [
            tuple(throughput(way, server.url, opened(queue, sizes.clients), sizes) for way in (ours, plain))
            for _ in range(sizes.turns)
        ]
        busy = script_us(queue.redis)
        mine, theirs = (median(turn[n][0] for turn in turns) for n in (0, 1))
        p50, p99 = (median(turn[0][1][n] for turn in turns) for n in (0, 1))
        plain50, plain99 = (median(turn[1][1][n] for turn in turns) for n in (0, 1))
        fight = fought(queue, server.url, sizes)
        ratio = median(a[0] / b[0] for a, b in turns)
    return Report(
        "acts", "one script an act; plain: WATCH, reads, MULTI and EXEC, again when somebody was faster",
        (Row("acts", rate(mine, "acts"), rate(theirs, "acts"), ratio),
         Row("acts, absolute", rate(mine, "acts"), "-", None, *at_least(mine, ACTS_GOAL, "/s")),
         Row("one act, p50", f"{p50:.1f} ms", f"{plain50:.1f} ms", plain50 / p50),
         Row("one act, p99", f"{p99:.1f} ms", f"{plain99:.1f} ms", plain99 / p99),
         Row("Valkey busy with one", f"{busy:.0f} us"),
         Row(f"{sizes.clients} clients for {sizes.fought:,} cases", f"{fight.seconds:.1f} s")),
        (f"{sizes.clients} clients in {PROCESSES} processes, AOF always; {fight.lost:,} losers, each told by whom",),
        fight.broken,
    )  # fmt: skip


def script_us(redis: Redis) -> float:
    """How long Valkey was busy with one call of a script, microseconds: nearly all calls were acts."""
    told: Any = redis.info("commandstats")
    return float(told["cmdstat_evalsha"]["usec_per_call"])


def opened(queue: DispatchQueue, many: int) -> list[str]:
    """New cases, each accepted, in a grid of its own place."""
    at = datetime.now(UTC)
    batch = []
    for n in range(many):
        event = Event(
            "bench", f"{at.timestamp()}-{n}", "hotline", NOW, NOW, Said("bench"), Position(119 + n / 1e4, 34.9), "001",
            ("001",),
        )  # fmt: skip
        clocks = tuple(Clock(name, millis(NOW), millis(NOW + timedelta(hours=4))) for name in STARTED)
        batch.append(Tagged(event, Intent(open="bench", accept=True, clocks=clocks, post="巡查岗")))
    numbers = list(queue.record(batch, NOW).opened)
    queue.look(NOW)  # the clock worker works out the reminders of what ingest opened
    return numbers


def throughput(way: object, url: str, numbers: Sequence[str], sizes: Sizes) -> tuple[float, tuple[float, float]]:
    """Acts a second by all clients together; p50 and p99 of one, ms."""
    shares = [list(enumerate(numbers))[n::PROCESSES] for n in range(PROCESSES)]
    with ProcessPoolExecutor(PROCESSES, multiprocessing.get_context("spawn")) as pool:
        done = list(pool.map(partial(work, way, url, sizes.rounds), shares))
    took = sorted(each * 1000 for one in done for each in one.took)
    seconds = max(one.end for one in done) - min(one.begin for one in done)
    return len(took) / seconds, (took[len(took) // 2], took[len(took) * 99 // 100])


def work(way: object, url: str, rounds: int, share: Sequence[tuple[int, str]]) -> Done:
    """One process: a thread for each of its clients."""
    assert callable(way)
    redis = connect(url)
    queue = DispatchQueue(redis, Keys(SITE), ZONE)
    with ThreadPoolExecutor(len(share)) as pool:
        begin = time.monotonic()
        took = [each for one in pool.map(lambda one: way(queue, rounds, *one), share) for each in one]
    return Done(took, begin, time.monotonic())


def ours(queue: DispatchQueue, rounds: int, client: int, no: str) -> list[float]:
    """One client takes its case round and round, by the script."""
    took = []
    patrol, dispatch = f"P-{client}", ""
    for n in range(rounds):
        for name in ROUND:
            field = name in ("acknowledge", "depart", "arrive")
            act = Act(
                no, name, patrol if field else "值班员", "field" if field else "supervisor", f"{client}/{n}/{name}",
                patrol=patrol if field or name == "dispatch" else "", dispatch=dispatch if field else None,
                matter=MATTER, text="转办", clocks=(Clock("arrive", millis(NOW), millis(NOW + timedelta(hours=1))),)
                if name == "dispatch" else (),
            )  # fmt: skip
            begin = time.monotonic()
            dispatch = queue.act(act, NOW).dispatch or dispatch
            took.append(time.monotonic() - begin)
    return took


def plain(queue: DispatchQueue, rounds: int, client: int, no: str) -> list[float]:
    """One client takes its case round and round, by WATCH, reads, MULTI and EXEC: the same writes."""
    took = []
    for n in range(rounds):
        for name in ROUND:
            begin = time.monotonic()
            plain_act(queue.redis, queue.keys, no, name, f"P-{client}", f"{client}/{n}/{name}/plain")
            took.append(time.monotonic() - begin)
    return took


def plain_act(redis: Redis, keys: Keys, no: str, name: str, patrol: str, request: str) -> None:
    """One act as one writes it first: read, check, then change all of it if nobody else did meanwhile."""
    case, who, done = keys.case(no), keys.patrol(patrol), keys(f"done:{no}/{name}/{request}")
    at = millis(NOW)
    with redis.pipeline(transaction=True) as pipe:
        while True:
            try:
                pipe.watch(case, who, done)  # type: ignore[no-untyped-call]  # it has no types
                found: Any = (pipe.get(done), pipe.hgetall(case), pipe.hget(who, "registered"))
                if found[0]:
                    return
                state, version = found[1][b"state"].decode(), int(found[1][b"version"]) + 1
                if state != BEFORE[name] or not found[2]:
                    raise GridpostError(f"{no} is {state}: {name} cannot be measured")
                after = AFTER[name]
                entry = to_json({"at": at, "act": name, "before": state, "after": after, "version": version})
                pipe.multi()
                pipe.hset(case, mapping={"state": after, "version": version, "patrol": patrol, "act": name})
                pipe.hset(who, mapping={"case": "" if name == "return" else no, "sub": "way"})
                pipe.rpush(keys.log(no), entry)
                pipe.xadd(keys.acts, {"no": no, "e": entry})
                pipe.zadd(keys.open_cases, {no: at})
                pipe.xadd(keys.changes, {"cases": entry})
                if name in ("dispatch", "return"):
                    pipe.xadd(keys.outbox, {"act": name, "case": no, "patrol": patrol})
                pipe.set(done, entry, ex=3600)
                pipe.execute()
                return
            except WatchError:
                continue


class Fight(NamedTuple):
    """How a fight went: how long, how many lost, what was not as it must be."""

    seconds: float
    lost: int
    broken: tuple[str, ...]


def fought(queue: DispatchQueue, url: str, sizes: Sizes) -> Fight:
    """Everybody tries to dispatch every case: each has a patrol for each, so that only the case is fought for."""
    numbers = opened(queue, sizes.fought)
    queue.register([f"P-{n}" for n in range(sizes.clients)] + [f"F-{c}-{n}" for c in range(sizes.clients)
                                                             for n in range(sizes.fought)])  # fmt: skip
    begin = time.monotonic()
    with ProcessPoolExecutor(PROCESSES, multiprocessing.get_context("spawn")) as pool:
        shares = [list(range(sizes.clients))[n::PROCESSES] for n in range(PROCESSES)]
        told = [one for part in pool.map(partial(fighters, url, numbers), shares) for one in part]
    seconds = time.monotonic() - begin
    return Fight(seconds, sum(not won for won, *_ in told), judged(queue, numbers, told, sizes.clients))


Answer = tuple[bool, str, str, str]
"""Won or not, the number, who asked, who was faster."""


def fighters(url: str, numbers: Sequence[str], clients: Sequence[int]) -> list[Answer]:
    """The clients of one process, a thread each."""
    queue = DispatchQueue(connect(url), Keys(SITE), ZONE)
    with ThreadPoolExecutor(len(clients)) as pool:
        return [one for told in pool.map(lambda client: fighter(queue, numbers, client), clients) for one in told]


def fighter(queue: DispatchQueue, numbers: Sequence[str], client: int) -> list[Answer]:
    """One client, who tries all cases in an order of its own."""
    order = list(enumerate(numbers))
    random.Random(client).shuffle(order)
    told: list[Answer] = []
    for n, no in order:
        act = Act(no, "dispatch", f"client {client}", "operator", f"fight/{client}", seen=3, patrol=f"F-{client}-{n}",
                  matter=MATTER)  # fmt: skip
        try:
            queue.act(act, NOW)
            told.append((True, no, act.by, act.by))
        except CaseTaken as taken:
            told.append((False, no, act.by, taken.by))
        except PatrolBusy:
            told.append((False, no, act.by, ""))
    return told


def judged(queue: DispatchQueue, numbers: Sequence[str], told: Sequence[Answer], clients: int) -> tuple[str, ...]:
    """What is not as it must be: a sentence each."""
    winners = {no: by for won, no, by, _ in told if won}
    broken = []
    if twice := [no for no, times in Counter(no for won, no, *_ in told if won).items() if times > 1]:
        broken.append(f"{len(twice)} cases were dispatched more than once: {', '.join(twice[:3])}")
    if missed := [no for no in numbers if no not in winners]:
        broken.append(f"{len(missed)} cases were dispatched by nobody: {', '.join(missed[:3])}")
    if wrong := [one for one in told if not one[0] and one[3] != winners.get(one[1])]:
        broken.append(f"{len(wrong)} losers were not told who was faster: {wrong[0]}")
    if len(told) != clients * len(numbers):
        broken.append(f"{len(told):,} answers for {clients * len(numbers):,} calls")
    if logs := [no for no in numbers if [one.act for one in queue.log(no)].count("dispatch") != 1]:
        broken.append(f"{len(logs)} logs have no or several dispatches: {', '.join(logs[:3])}")
    return tuple(broken)
