"""Chapter: a day of the town. Alerts, reports, patrols, departments and the people at the desk, played through the real
rules against a real Valkey, as fast as it goes; then everything is counted again from what was said.

`make test` plays the busiest hours of the morning, `-m nightly` the whole day.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest

from geo.fences import load_borders
from geo.tagging import GridIndex
from streams import clocks, scoring
from streams.calendar import Calendar
from streams.codec import millis
from streams.desk import Desk
from streams.dispatch_queue import DispatchQueue, connect
from streams.embedded import Valkey
from streams.keys import Keys
from streams.matters import load_matters
from streams.model import Case, Entry, State
from streams.organisation import load_organisation
from streams.simulated_alerts import VIOLATIONS
from streams.simulated_play import Play, Watch, begin, why_open
from streams.simulator import Place
from streams.trace import NOTHING, chain
from streams.workflow import ON_CASE, OPEN

DATA = Path(__file__).parents[2] / "data"
TZ = ZoneInfo("Asia/Shanghai")
MIDNIGHT = datetime(2025, 11, 19, tzinfo=TZ)
"""A Wednesday. A past one, so that the streams, whose ids are the server's time, are not trimmed."""
DAY = MIDNIGHT.date().isoformat()


class Heard(NamedTuple):
    """What was said on the way: each message of the town (kind, device, payload, ms), and each announcement."""

    said: list[tuple[str, str, dict[str, Any], int]]
    announced: dict[str, int]


class Played(NamedTuple):
    """The end of a span."""

    play: Play
    heard: Heard
    cases: list[Case]
    figures: scoring.Figures

    @property
    def queue(self) -> DispatchQueue:
        return self.play.desk.queue

    @property
    def now(self) -> datetime:
        return self.play.watch.at


@contextmanager
def played(folder: Path, first: float, last: float) -> Iterator[Played]:
    """The hours of the day from `first` to `last`, on a Valkey of its own that need not survive a crash."""
    town = DATA / "towns" / "wanghai"
    with Valkey(folder) as server:
        redis = connect(server.url)
        redis.config_set("appendfsync", "no")
        place, matters, calendar = Place.load(town), load_matters(DATA / "matters.toml"), Calendar(tz=TZ)
        watch = Watch((MIDNIGHT + timedelta(hours=first)).astimezone(UTC))
        queue = DispatchQueue(redis, Keys("wanghai"), TZ, calendar)
        queue.register(place.register.patrols)
        desk = Desk(
            "wanghai", place.register, GridIndex(place.gridset), matters, calendar, queue, watch,
            load_organisation(town / "org.toml"), place.roads, load_borders(town / "borders.geojson"),
        )  # fmt: skip
        play, heard = begin(place, desk, watch, seed=1, operators=2), Heard([], {})
        play.listen = listener(heard)
        play.until((MIDNIGHT + timedelta(hours=last)).astimezone(UTC))
        queue.seal(watch.at)
        cases = queue.cases_of(DAY)
        yield Played(play, heard, cases, scoring.figures(cases, MIDNIGHT, watch.at, counts=queue.counts(DAY)))


def listener(heard: Heard) -> Any:
    """Keeps what the checks need, but no positions."""

    def listen(topic: str, payload: bytes, at: datetime) -> None:
        _, _, kind, name = topic.split("/")
        if kind == "announce":
            heard.announced[json.loads(payload)["alert"]] = millis(at)
        elif kind in ("alert", "report", "reply"):
            heard.said.append((kind, name, json.loads(payload), millis(at)))

    return listen


@pytest.fixture(scope="module")
def morning(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """From 8 to 10, when most comes in."""
    with played(tmp_path_factory.mktemp("morning"), 8.0, 10.0) as found:
        yield found


def test_enough_happened(morning: Played) -> None:
    """Cases of all three origins were opened, sent, worked on, closed and rated by somebody."""
    assert {case.origin for case in morning.cases} == set(scoring.ORIGINS)
    assert {State.CLOSED, State.RATED} & {case.state for case in morning.cases}
    assert len(morning.cases) >= 15
    done = {entry.act for case in morning.cases for entry in morning.queue.log(case.no)}
    assert {"verify", "accept", "dispatch", "acknowledge", "arrive", "handle", "close", "whistle", "check_in"} <= done


def test_the_morning_adds_up(morning: Played) -> None:
    """Every check of the day, on the morning."""
    check(morning)


@pytest.mark.nightly
def test_the_day_adds_up(tmp_path: Path) -> None:
    """The whole day, from midnight to midnight; the town settles about 71 of 100 violations by announcement."""
    with played(tmp_path, 0.0, 24.0) as day:
        check(day)
        share = day.figures.announced.share
        assert share is not None
        assert 0.64 <= share <= 0.78
        assert 60 <= len(day.cases) <= 140
        print(report(day))  # noqa: T201  # what the nightly run is read for


def check(day: Played) -> None:
    """All that must hold at the end of any span."""
    every_open_case_says_why(day)
    the_figures_reconcile(day)
    the_share_is_what_the_culprits_did(day)
    no_reminder_is_missing(day)
    the_log_is_the_stream(day)
    nobody_is_stuck(day)


def every_open_case_says_why(day: Played) -> None:
    """Closed, rated, rejected or merged; or open with a reason, and then among the open ones."""
    open_now = {case.no for case in day.queue.open_cases()}
    for case in day.cases:
        assert (case.state in OPEN) == (case.no in open_now), case
        assert case.state not in OPEN or why_open(case, day.now), case


def the_figures_reconcile(day: Played) -> None:
    """Inflow = ever dispatched + waiting + rejected + merged; each origin as it was reported and as it was counted."""
    came, counts = day.figures.came_in, day.queue.counts(DAY)
    assert came.reconciles
    assert came.inflow == len(day.cases)
    by_origin = Counter(case.origin for case in day.cases)
    assert came.by_origin == {origin: by_origin[origin] for origin in scoring.ORIGINS}
    for origin in scoring.ORIGINS:
        assert counts.get(f"cases:{origin}", 0) == by_origin[origin]
    reported = Counter(
        "village" if doc.get("attributes") else "resident" for kind, _, doc, _ in day.heard.said if kind == "report"
    )
    for origin, number in reported.items():  # each opened a case, or joined one that a neighbour had reported
        assert number == by_origin[origin] + counts.get(f"merged:{origin}", 0), origin
    ever = {case.no for case in day.cases if any(entry.act == "dispatch" for entry in day.queue.log(case.no))}
    back = {case.no for case in day.cases if case.no in ever and case.state in scoring.AWAITED}
    lost = {case.no for case in day.cases if case.no in ever and case.state in scoring.REJECTED | scoring.MERGED}
    assert came.dispatched == len(ever - back - lost)


def the_share_is_what_the_culprits_did(day: Played) -> None:
    """Alerts of the 12 kinds: settled are those announced whose end came, or from which nothing more came, before the
    second look; told from the messages alone, and by the culprits themselves."""
    alerts: dict[str, list[tuple[int, str]]] = defaultdict(list)
    matters = day.play.desk.matters.by_category
    recheck: dict[str, float] = {}
    for kind, device, doc, at in day.heard.said:
        if kind == "alert" and doc["category"] in VIOLATIONS:
            alerts[f"{device}/{doc['alert']}"].append((at, doc["phase"]))
            recheck[f"{device}/{doc['alert']}"] = matters[doc["category"]].recheck * 1000
    settled = pending = 0
    for name, at in day.heard.announced.items():
        if at + recheck[name] >= millis(day.now):
            pending += 1
            continue
        after = {phase for when, phase in alerts[name] if at < when < at + recheck[name]}
        settled += "end" in after or not after
    found = day.figures.announced
    assert found.alerts == len(alerts)
    assert found.announced == len(day.heard.announced)
    assert found.settled == settled
    town = day.play.town.alerts
    assert town is not None
    assert settled <= town.left <= settled + pending
    assert found.share == pytest.approx(settled / len(alerts))


def no_reminder_is_missing(day: Played) -> None:
    """Each mark that a clock passed while it ran is in the log, once, and no other; of clocks that nobody moved."""
    calendar, now, looked = day.play.desk.calendar, millis(day.now), 0
    for case in day.cases:
        log = day.queue.log(case.no)
        noted = Counter((entry.text, entry.detail) for entry in log if entry.act == "remind")
        assert not noted or max(noted.values()) == 1, case.no
        if {entry.act for entry in log} & {"suspend", "resume", "extend", "rework", "reopen"}:
            continue
        for clock in case.clocks:
            name = f"{clock.name}:{clock.of}" if clock.of else clock.name
            passed = {
                (f"{name} {clocks.percent(n)}", str(clock.due))
                for n, at in enumerate(clocks.marks(clock, calendar)) if at <= (clock.done or now)
            }  # fmt: skip
            told = {each for each in noted if each[1] == str(clock.due) and each[0].rsplit(" ", 1)[0] == name}
            assert passed == told, case.no
            looked += len(passed)
    assert looked


def the_log_is_the_stream(day: Played) -> None:
    """Every entry of every case stands in the one stream, in the order of its log, and the chain of seals holds."""
    queue = day.queue
    everything, after = [], "0-0"
    while acts := queue.acts(after):
        everything += acts
        after = acts[-1].id
    streamed: dict[str, list[bytes]] = defaultdict(list)
    for act in everything:
        streamed[act.no].append(act.entry)
    logs: dict[str, Any] = {case.no: queue.redis.lrange(queue.keys.log(case.no), 0, -1) for case in day.cases}
    assert streamed == logs
    seals: Any = queue.redis.xrange(queue.keys.seals)
    assert [(i.decode(), row[b"h"].decode()) for i, row in seals] == [
        (act.id, sealed) for act, sealed in chain(NOTHING, everything)
    ]


def nobody_is_stuck(day: Played) -> None:
    """Whoever is on a case is on an open one that knows it; and no two have the same."""
    cases = {case.no: case for case in day.cases}
    held = {name: row["case"] for name, row in day.queue.patrols().items() if row.get("case")}
    for patrol, no in held.items():
        assert cases[no].state in ON_CASE, (patrol, no)
        assert cases[no].patrol == patrol, (patrol, no)
    assert len(set(held.values())) == len(held)
    assert {case.patrol for case in day.cases if case.state in ON_CASE and case.patrol} == set(held)


def report(day: Played) -> str:
    """The day in lines."""
    logs: dict[str, tuple[Entry, ...]] = {case.no: day.queue.log(case.no) for case in day.cases}
    acts = Counter(entry.act for log in logs.values() for entry in log)
    figures = day.figures
    found = [str(part) for part in (figures.came_in, figures.fell_due, figures.closed, figures.announced)]
    found += [f"messages {day.play.messages}", f"acts {dict(acts)}"]
    found += [f"{case.no} {case.matter}: {why_open(case, day.now)}" for case in day.cases if case.state in OPEN]
    return "\n".join(found)
