"""Doing a stretch again on a real server: the same comes out; and whatever was bent since is named."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from msgspec.structs import replace

from geo.fences import load_borders
from geo.tagging import GridIndex
from streams import checkpoint, workflow
from streams.calendar import Calendar
from streams.desk import Desk
from streams.differences import Difference, told
from streams.dispatch_queue import DispatchQueue, connect
from streams.embedded import Valkey
from streams.errors import ActRefused, Refused
from streams.journal import Call, calls
from streams.keys import Keys
from streams.ledger import Recorded
from streams.matters import load_matters
from streams.organisation import load_organisation
from streams.simulated_play import Watch, begin
from streams.trace import Act, order
from streams.verify import Same, Stretch, stands, verify
from streams.watch import keep_time
from tests.streams.aiding import act, opened, pair
from tests.streams.live import Site
from tests.streams.samples import SHANGHAI
from tests.streams.simulated import DATA, wanghai
from tests.streams.test_life import Life

EIGHT = datetime(2025, 11, 19, 0, 0, tzinfo=UTC)
"""8 h in the town, on a past day: the streams, whose ids are the server's time, are not trimmed."""


class Kept(dict[str, str]):
    """Everything that the streams hold of a site, and how its cases stand."""

    def __init__(self, queue: DispatchQueue, start: bytes = b"", until: dict[str, str] | None = None) -> None:
        super().__init__()
        self.start = start or checkpoint.empty(queue.keys.site)
        after, until = checkpoint.unpacked(self.start).positions, until or {}

        def inside(stream: str, name: str) -> bool:
            return order(after[stream]) < order(name) and (not until or order(name) <= order(until[stream]))

        events = reversed(queue.events(most=1_000_000))
        self.everything = {event.id: event.event for event in queue.events(most=1_000_000)}
        self.events: list[Recorded] = [event for event in events if inside("events", event.id)]
        self.calls: list[Call] = [call for call in calls(queue) if inside("journal", call.id)]
        self.acts: list[Act] = [act for act in queue.acts(most=1_000_000) if inside("acts", act.id)]
        self.cases = stands(queue, sorted({act.no for act in self.acts if act.no.startswith("GP")}))

    def stretch(self, *, whole: bool = True) -> Stretch:
        """As it was kept."""
        return Stretch(
            self.start, self.calls, self.events, self.acts, self.cases, whole, lambda name: self.everything.get(name)
        )


def again(desk: Desk, stretch: Stretch) -> Same | Difference:
    """Do it again on the same server, in the keys of another site."""
    redis, keys = desk.queue.redis, Keys(f"again-{uuid4().hex[:8]}")
    try:
        return verify(stretch, lambda version: desk, redis, keys)
    finally:
        for key in redis.scan_iter(keys.prefix + "*", count=1000):
            redis.delete(key)


# Random lives


class LifeAgain(Life):
    """Whatever happened, it comes out again."""

    def teardown(self) -> None:
        kept = Kept(self.queue)
        found = again(self.desk, kept.stretch())
        assert found == Same(len(kept.calls), len(kept.acts), len(kept.cases), 0), told_of(found)
        super().teardown()


def told_of(found: Same | Difference) -> str:
    """What a difference says."""
    return told(found)[1] if isinstance(found, Difference) else str(found)


def test_a_random_life_comes_out_again(valkey: Valkey, tmp_path: Path) -> None:
    """Random acts of many people, clients that die, events that join and are split off, time that passes."""
    run_state_machine_as_test(
        lambda: LifeAgain(valkey.url, tmp_path),  # type: ignore[arg-type]  # it takes whatever makes one
        settings=settings(
            deadline=None, suppress_health_check=list(HealthCheck), database=None, max_examples=15,
            stateful_step_count=40,
        ),
    )  # fmt: skip


# A morning of the town


@dataclasses.dataclass(frozen=True)
class Morning:
    """An hour of the town, the checkpoint in the middle of it, and the end."""

    desk: Desk
    kept: Kept
    middle: bytes


@pytest.fixture(scope="module")
def morning(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Morning]:
    """From 8 to 9, with all the faults of the town's devices, and two people at the desk."""
    with Valkey(tmp_path_factory.mktemp("morning")) as server:
        redis = connect(server.url)
        redis.config_set("appendfsync", "no")
        place, calendar, watch = wanghai(), Calendar(tz=SHANGHAI), Watch(EIGHT)
        queue = DispatchQueue(redis, Keys("wanghai"), SHANGHAI, calendar, "0badcafe")
        queue.register(place.register.patrols, EIGHT)
        town = DATA / "towns" / "wanghai"
        desk = Desk(
            "wanghai", place.register, GridIndex(place.gridset), load_matters(DATA / "matters.toml"), calendar, queue,
            watch, load_organisation(town / "org.toml"), place.roads, load_borders(town / "borders.geojson"),
        )  # fmt: skip
        play = begin(place, desk, watch, seed=1, operators=2)
        play.until(EIGHT + timedelta(minutes=30))
        middle = checkpoint.take(redis, queue.keys)
        play.until(EIGHT + timedelta(minutes=60))
        yield Morning(desk, Kept(queue), middle)


def test_a_morning_comes_out_again(morning: Morning) -> None:
    """Every entry of every log, and how the cases stand; enough of it."""
    kept = morning.kept
    found = again(morning.desk, kept.stretch())
    assert found == Same(len(kept.calls), len(kept.acts), len(kept.cases), 0), told_of(found)
    assert {call.kind for call in kept.calls} == {"register", "record", "act", "look", "told"}
    assert len(kept.acts) > 100
    assert {call.version for call in kept.calls} == {"0badcafe"}


def test_it_goes_on_from_a_checkpoint(morning: Morning) -> None:
    """The second half alone, and the first half up to the checkpoint, whose cases are as they must stand."""
    second = Kept(morning.desk.queue, morning.middle)
    found = again(morning.desk, second.stretch())
    assert isinstance(found, Same), told_of(found)
    assert 0 < found.acts < len(morning.kept.acts)
    first = Kept(morning.desk.queue, until=checkpoint.unpacked(morning.middle).positions)
    first.cases.clear()
    found = again(morning.desk, first.stretch())
    assert isinstance(found, Same), told_of(found)
    assert found.acts + len(second.acts) == len(morning.kept.acts)


def bent(morning: Morning) -> Kept:
    """A copy that a test may bend."""
    return Kept(morning.desk.queue)


def test_a_changed_entry_is_named(morning: Morning) -> None:
    """With its stream id, its case, what the archive says and what came out."""
    kept = bent(morning)
    n = next(n for n, act in enumerate(kept.acts) if b'"act":"handle"' in act.entry and b'"text":"' in act.entry)
    entry = kept.acts[n]
    kept.acts[n] = entry._replace(entry=entry.entry.replace(b'"text":"', b'"text":"x', 1))
    found = again(morning.desk, kept.stretch())
    assert isinstance(found, Difference)
    assert (found.kind, found.id, found.no) == ("entry", entry.id, entry.no)
    zh, en = told(found)
    assert entry.id in zh
    assert entry.id in en
    assert entry.no in en
    assert "the archive has text = " in en
    assert "handle, " in en


def test_an_entry_that_was_taken_out_or_slipped_in_is_named(morning: Morning) -> None:
    """By the entry that stands where another should."""
    kept = bent(morning)
    gone = kept.acts.pop(50)
    found = again(morning.desk, kept.stretch())
    assert isinstance(found, Difference)
    assert (found.id, found.got) == (kept.acts[50].id, gone.entry.decode())
    kept = bent(morning)
    kept.acts.insert(50, Act("1-0", kept.acts[50].no, b'{"act":"close"}'))
    found = again(morning.desk, kept.stretch())
    assert isinstance(found, Difference)
    assert (found.id, found.expected) == ("1-0", '{"act":"close"}')
    kept = bent(morning)
    last = kept.acts[-1]
    kept.acts.append(last._replace(id="9-9"))
    found = again(morning.desk, kept.stretch())
    assert isinstance(found, Difference)
    assert (found.id, found.got) == ("9-9", "")
    assert "does not give it" in told(found)[1]


def test_an_event_that_was_dropped_or_doubled_is_noticed_where_it_is(morning: Morning) -> None:
    """The call that recorded it has not the events that it had."""
    kept = bent(morning)
    at = len(kept.events) // 2
    gone = kept.events.pop(at)
    found = again(morning.desk, kept.stretch())
    assert isinstance(found, Difference)
    assert found.kind == "events"
    assert order(gone.id) <= order(found.id)
    assert int(found.expected) == int(found.got.split(":")[0]) + 1
    assert found.id in told(found)[0]
    kept = bent(morning)
    kept.events.append(replace(kept.events[-1], id="9999999999999-0"))
    found = again(morning.desk, kept.stretch())
    assert isinstance(found, Difference)
    assert "no call recorded it" in told(found)[1]


def test_a_call_that_was_taken_out_is_noticed(morning: Morning) -> None:
    """By the first entry that is missing; one that was changed is refused, or makes another entry."""
    kept = bent(morning)
    at = next(n for n, call in enumerate(kept.calls) if call.kind == "act" and b'"accept"' in call.asked)
    gone = kept.calls.pop(at)
    found = again(morning.desk, kept.stretch())
    assert isinstance(found, Difference)
    assert found.kind in ("entry", "refused")
    assert "accept" in found.expected
    kept.calls.insert(at, Call(gone.id, "act", gone.now, gone.version, b""))
    found = again(morning.desk, kept.stretch())
    assert isinstance(found, Difference)
    assert found.kind == "refused"


def test_a_case_that_stands_otherwise_is_named(morning: Morning) -> None:
    """Though every entry is the same."""
    kept = bent(morning)
    kept.cases[3] = kept.cases[3]._replace(version=99)
    found = again(morning.desk, kept.stretch())
    assert isinstance(found, Difference)
    assert (found.kind, found.no) == ("case", kept.cases[3].no)
    assert "the archive has version = 99" in told(found)[1]


def test_what_is_not_kept_yet_is_no_difference(morning: Morning) -> None:
    """Where the streams were kept up to different moments, the stretch ends with the first that ends."""
    for short in ("events", "acts", "calls"):
        kept = bent(morning)
        rows = getattr(kept, short)
        del rows[len(rows) // 2 :]
        found = again(morning.desk, kept.stretch(whole=False))
        assert isinstance(found, Same), told_of(found)
        assert 0 < found.acts < len(morning.kept.acts)


# What the town does not do


def test_an_event_of_the_day_before_is_split_off_again(queue: DispatchQueue, tmp_path: Path) -> None:
    """It was recorded before the checkpoint, and stands only where older events are kept."""
    site = Site(queue, tmp_path)
    no = site.told()
    assert site.told() == no
    event = queue.events(1)[0].id
    start = checkpoint.take(queue.redis, queue.keys)
    site.do(no, "split", event=event)
    kept = Kept(queue, start)
    assert kept.acts
    found = again(site.desk, kept.stretch())
    assert isinstance(found, Same), told_of(found)


def test_mutual_aid_comes_out_again(redis_url: str, tmp_path: Path) -> None:
    """At both sites: asked, reserved, sent, answered, closed, returned."""
    redis = connect(redis_url)
    two = pair(redis, tmp_path)
    starts = [checkpoint.take(redis, desk.queue.keys) for desk in (two.lender, two.borrower)]
    no = opened(two.borrower)
    ask = two.lent(no)
    two.settle()
    act(two.borrower, no, "withdraw")
    two.settle()
    assert two.aid(ask).state == "returned"
    for desk, start in zip((two.lender, two.borrower), starts, strict=True):
        kept = Kept(desk.queue, start)
        found = again(desk, kept.stretch())
        assert found == Same(len(kept.calls), len(kept.acts), len(kept.cases), 0), told_of(found)
        assert found.acts >= 4
    redis.close()


def test_what_many_did_at_once_comes_out_again(redis_url: str, tmp_path: Path) -> None:
    """Two who record, four who act on the same cases, and two clocks, each with a connection of its own: the journal
    has the order in which Redis did it."""
    sites = []
    name = f"many-{uuid4().hex[:8]}"
    for n in range(8):
        (tmp_path / str(n)).mkdir()
        sites.append(Site(DispatchQueue(connect(redis_url), Keys(name), SHANGHAI), tmp_path / str(n)))
    numbers = [sites[0].told((119.202 + n / 400, 34.902)) for n in range(6)]
    done = Counter[str]()

    def record(site: Site, random: Random) -> None:
        spot = (119.202 + random.randrange(6) / 400, 34.902)
        (site.seen if random.random() < 0.5 else site.told)(spot, random.choice(("rubbish", "smoke")))

    def work(site: Site, random: Random) -> None:
        no = random.choice(numbers)
        case = site.case(no)
        names = [each for each in workflow.allowed(case.state, "supervisor") if each != "split"]
        given = {"patrol": random.choice(("P-1", "P-2"))} if "dispatch" in names else {}
        act = random.choice(names)
        try:
            site.do(no, act, seen=case.version, text="因为", limit="1h urgent_hour", matter="rubbish", score=4,
                    departments=("sanitation",), department="sanitation" if act == "dismiss" else "",
                    into=random.choice(numbers), wanted="extend", **given)  # fmt: skip
            done["acts"] += 1
        except (ActRefused, Refused):
            done["refused"] += 1

    def look(site: Site, _: Random) -> None:
        site.pass_(3)
        done["noted"] += len(keep_time(site.desk).noted)

    jobs = [record] * 2 + [work] * 4 + [look] * 2
    with ThreadPoolExecutor(len(jobs)) as pool:
        running = [
            pool.submit(lambda job=job, site=site, n=n: [job(site, Random(n * 1000 + k)) for k in range(60)])
            for n, (job, site) in enumerate(zip(jobs, sites, strict=True))
        ]  # fmt: skip
        for each in running:
            each.result()
    assert done["acts"] > 50
    kept = Kept(sites[0].queue)
    found = again(sites[0].desk, kept.stretch())
    assert found == Same(len(kept.calls), len(kept.acts), len(kept.cases), 0), told_of(found)
    for site in sites:
        site.queue.redis.close()
