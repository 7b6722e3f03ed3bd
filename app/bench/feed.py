"""The feed: from a change written to Redis to the bytes at every listener, over real sockets.

The web process is the product's own, with sign-in and everything in front. Changes are written straight to the stream:
every patrol of the county moves each second (spread over the second, as they do), and cases and alerts change
meanwhile. A position carries the instant it was written, so how late it comes is read off what arrives. Positions leave
once a second by design; how late a case or an alert comes has its own row.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import msgspec
import redis

from app import config
from app.accounts import Accounts, new_password
from app.bench import Report, Row, at_most
from app.bench.county import county
from app.bench.ingest import child, ready
from app.bench.listeners import END
from app.bench.worker import registered
from app.centre import wall_clock
from streams.embedded import HOST, Valkey, free_port
from streams.errors import Unreachable
from streams.keys import CHANGES_MS, Keys
from streams.model import Case, Clock, State
from streams.snapshot import case_item

P95_GOAL_MS = 1_000
SLICES = 20
"""Entries a second that carry positions: as many as ingest writes batches of 256."""
SITE = "county"
START_S = 60.0
to_json = msgspec.json.Encoder().encode


@dataclass(frozen=True)
class Sizes:
    """Listeners of Gridpost and of the plain feed, patrols that move, seconds."""

    listeners: int = 200
    plain: int = 20
    patrols: int = 5_000
    seconds: int = 20


QUICK = Sizes(listeners=200, plain=10, patrols=5_000, seconds=8)


@dataclass(frozen=True)
class Written:
    """What was written: positions, cases and alerts, and when the last round of positions began (epoch ms)."""

    positions: int
    cases: int
    alerts: int
    last_round: int


@dataclass(frozen=True)
class Outcome:
    """What the listeners heard (as `listeners` says it), what was written, and CPU seconds of the web process."""

    heard: dict[str, Any]
    written: Written
    cpu: float
    seconds: float


def run(state: Path, sizes: Sizes = Sizes()) -> Report:
    """Gridpost with all listeners, then the plain feed with fewer."""
    made = county(state)
    patrols = sorted(registered(made).patrols)[: sizes.patrols]
    ours = measure(made, patrols, sizes.listeners, sizes.seconds, plain=False)
    plain = measure(made, patrols, sizes.plain, sizes.seconds, plain=True)
    cost = [1000 * one.cpu / one.seconds / count for one, count in ((ours, sizes.listeners), (plain, sizes.plain))]
    late, late_plain = ours.heard["late"], plain.heard["late"]
    got = ours.heard["positions"] / max(1, ours.written.positions * sizes.listeners)
    rows = [
        Row(f"{what}: p95 from written to received", f"{late[kind]['p95']:,.0f} ms",
            f"{late_plain[kind]['p95']:,.0f} ms ({sizes.plain})", None, *at_most(late[kind]["p95"], P95_GOAL_MS, "ms"))
        for what, kind in (("cases", "case"), ("alerts", "alert"), ("positions", "patrols"))
    ]  # fmt: skip
    rows.append(
        Row("server's CPU a listener", f"{cost[0]:.1f} ms/s", f"{cost[1]:.1f} ms/s", cost[1] / max(cost[0], 0.01))
    )
    return Report(
        "feed", f"{sizes.listeners} listeners, {len(patrols):,} patrols moving each second for {sizes.seconds} s; "
        f"plain: {sizes.plain} listeners, each reads Redis and encodes for itself",
        tuple(rows),
        (f"every listener: {ours.written.cases} case and {ours.written.alerts} alert changes; {got:.1%} of "
         f"{ours.written.positions:,} positions (the rest were replaced by newer ones)",
         f"longest: case {late['case']['longest']:,.0f} ms, position {late['patrols']['longest']:,.0f} ms"),
        tuple(missing(ours, len(patrols))),
    )  # fmt: skip


def missing(outcome: Outcome, patrols: int) -> Iterator[str]:
    """What some listener did not get, a sentence each."""
    heard, written = outcome.heard, outcome.written
    for kind, count in (("case", written.cases), ("alert", written.alerts)):
        worst = min(heard["seen"][kind])
        if worst != count:
            yield f"a listener got {worst} of {count} {kind} changes"
    if min(heard["moved"]) != patrols:
        yield f"a listener heard of {min(heard['moved']):,} of {patrols:,} patrols"
    elif min(heard["last"]) < written.last_round:
        yield f"a listener has a position that is {written.last_round - min(heard['last'])} ms older than the last"
    if heard["dropped"]:
        yield f"{heard['dropped']} listeners were disconnected"


def measure(made: Path, patrols: list[str], listeners: int, seconds: int, *, plain: bool) -> Outcome:
    """One feed with its listeners while changes are written."""
    with tempfile.TemporaryDirectory(prefix="gridpost-bench-") as folder, Valkey(f"{folder}/valkey") as valkey:
        client, port = redis.Redis.from_url(valkey.url), free_port()
        server = _plain(valkey.url, port) if plain else _ours(made, valkey.url, port, Path(folder))
        url = f"http://{HOST}:{port}/feed"
        with server as (process, token), child("app.bench.listeners", url, token, str(listeners)) as crowd:
            ready(crowd)
            before, began = cpu_seconds(process.pid), time.monotonic()
            written = write(client, patrols, seconds)
            lasted, used = time.monotonic() - began, cpu_seconds(process.pid) - before
            said, _ = crowd.communicate()
    if crowd.returncode:
        raise Unreachable(f"the listeners ended with code {crowd.returncode} before they had heard everything")
    return Outcome(json.loads(said), written, used, lasted)


def write(client: Any, patrols: list[str], seconds: int) -> Written:
    """Move every patrol once a second, in slices; change a case and an alert in every fifth slice."""
    key = Keys(SITE).changes
    began, cases, alerts, last_round = time.time(), 0, 0, 0
    for second in range(seconds):
        last_round = int(time.time() * 1000)
        for n in range(SLICES):
            time.sleep(max(0.0, began + second + n / SLICES - time.time()))
            now = int(time.time() * 1000)
            parts = {"patrols": to_json([_position(patrol, second, now) for patrol in patrols[n::SLICES]])}
            if n % 5 == 0:
                cases, alerts = cases + 1, alerts + 1
                parts |= {"cases": to_json([_case(cases, now)]), "alerts": to_json([_alert(alerts, now)])}
            client.xadd(key, parts, minid=now - CHANGES_MS, approximate=True)
    time.sleep(max(0.0, began + seconds - time.time()))
    client.xadd(key, {"notices": to_json([{"kind": END, "text_zh": "完", "text_en": "End", "at": time.time() * 1000}])})
    return Written(len(patrols) * seconds, cases, alerts, last_round)


def _position(patrol: str, second: int, now: int) -> dict[str, Any]:
    number = int(patrol[2:])
    return {"id": patrol, "at": now, "lon": round(120.2 + number * 6e-5 + second * 1e-5, 6),
            "lat": round(33.4 + number * 1e-5, 6), "grid": "329902101201001", "course": 90.0, "speed": 1.3,
            "accuracy": 5.0, "case": "", "state": "free", "registered": True}  # fmt: skip


def _case(number: int, now: int) -> dict[str, Any]:
    """Every third change is a new case, the two after it are new versions of it."""
    no, version = f"GP-20261118-{number // 3:04}", 3 + number % 3
    return case_item(Case(
        no, State.ACCEPTED, version, "exposed_rubbish", 2, "device", now, category="exposed_rubbish", lon=120.3,
        lat=33.4, grid="329902101201001", clocks=(Clock("respond", now, now + 1_800_000),), updated=now,
    ))  # fmt: skip


def _alert(number: int, now: int) -> dict[str, Any]:
    return {"alert": f"D-0001/a{number}", "device": "D-0001", "category": "exposed_rubbish", "phase": "new",
            "severity": 3, "at": now, "received": now, "grid": "329902101201001", "case": "", "lon": 120.3, "lat": 33.4,
            "ended": None, "image": None}  # fmt: skip


@contextmanager
def _ours(made: Path, redis_url: str, port: int, folder: Path) -> Iterator[tuple[subprocess.Popen[Any], str]]:
    """`gridpost serve` for the county, and a bearer token for it."""
    settings = config.load(
        redis_url=redis_url, site=SITE, grids=made / "grids.geojson", devices=made / "devices.csv",
        patrols=made / "patrols.csv", sources=made / "sources.csv", org=made / "org.toml", state_dir=folder, port=port,
    )  # fmt: skip
    accounts = Accounts(redis.Redis.from_url(redis_url, decode_responses=True), Keys(SITE))
    accounts.add("bench", "supervisor", new_password(), wall_clock())
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(config.PREFIX)}
    with (folder / "serve.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "app.cli", "serve"], env=inherited | config.variables(settings),
            stdout=log, stderr=log,
        )  # fmt: skip
    with _served(process, f"http://{HOST}:{port}/healthz", folder / "serve.log"):
        yield process, accounts.new_token("bench")


@contextmanager
def _plain(redis_url: str, port: int) -> Iterator[tuple[subprocess.Popen[Any], str]]:
    process = subprocess.Popen([sys.executable, "-m", "app.bench.plain_feed", redis_url, SITE, str(port)])
    with _served(process, f"http://{HOST}:{port}/", None):
        yield process, "-"


@contextmanager
def _served(process: subprocess.Popen[Any], url: str, log: Path | None) -> Iterator[None]:
    """Wait until the server answers, whatever; end it at the end."""
    try:
        deadline = time.monotonic() + START_S
        while not answers(url):
            if process.poll() is not None or time.monotonic() > deadline:
                words = log.read_text(errors="replace")[-2000:] if log else ""
                raise Unreachable(f"the web process does not answer at {url}: {words}")
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait(30)


def answers(url: str) -> bool:
    """Whether an HTTP server answers there, with any status."""
    try:
        with urlopen(url, timeout=2):
            return True
    except URLError as error:
        return hasattr(error, "code")  # a refusal is an answer too
    except OSError:
        return False


def cpu_seconds(pid: int) -> float:
    """CPU time of a process, user and system; 0 where the kernel has no /proc."""
    told = Path(f"/proc/{pid}/stat")
    if not told.exists():
        return 0.0
    fields = told.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
