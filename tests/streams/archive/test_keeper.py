"""The archive worker: what the streams held is in the files, exactly once, and any moment can be folded again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from streams import acts, ingest
from streams.acts import Asked
from streams.archive import past
from streams.archive.follow import Keeper
from streams.archive.reading import Archive
from streams.archive.rows import joined, split
from streams.archive.store import Store
from streams.codec import local_day, read_event
from streams.desk import Desk
from streams.dispatch_queue import DispatchQueue
from streams.model import State
from streams.mqtt import Batch, Message
from streams.snapshot import Snapshot, case_item
from tests.streams.desk import Watch, make_desk
from tests.streams.samples import SHANGHAI

CONTACT = "13800001234"


@pytest.fixture
def desk(queue: DispatchQueue, tmp_path: Path, watch: Watch) -> Desk:
    """A small site."""
    return make_desk(queue, tmp_path, watch)


@pytest.fixture
def store(tmp_path: Path, desk: Desk) -> Store:
    """An empty archive."""
    return Store(tmp_path / "archive", desk.queue.keys.site)


def keeper(desk: Desk, store: Store) -> Keeper:
    """A worker of this archive."""
    return Keeper(desk.queue, store, Snapshot)


def say(desk: Desk, kind: str, device: str, **body: Any) -> None:
    """One native message, through ingest."""
    now = desk.now()
    payload = {"id": f"{kind}-{device}-{now.timestamp()}", "at": now.isoformat()} | body
    message = Message(f"gridpost/{desk.site}/{kind}/{device}", json.dumps(payload).encode(), now)
    ingest.finish(Batch((message,), lambda: None), ingest.sort((message,), desk), desk)


def live(desk: Desk, watch: Watch, minutes: int = 4) -> Iterator[None]:
    """Some minutes of the site: two patrols walk, a resident reports, the case is accepted and somebody sent. Yields
    after each."""
    for n in range(minutes):
        for k, patrol in enumerate(("P-1", "P-2")):
            say(desk, "position", patrol, lon=119.2011234 + n * 0.0003 + k * 0.01, lat=34.9017654 - k * 1e-7, speed=1.2)
        if n == 1:
            said = {"category": "exposed_rubbish", "text": "垃圾", "contact": CONTACT}
            say(desk, "report", "hotline", **said, lon=119.2071, lat=34.9072)
        if n == 2:
            case = desk.queue.open_cases()[0]
            for name in ("verify", "accept"):
                act(desk, case.no, name)
            act(desk, case.no, "dispatch", patrol="P-1")
        yield
        watch.now += timedelta(minutes=1)


def act(desk: Desk, no: str, name: str, **given: Any) -> None:
    """An act of a supervisor."""
    asked = Asked(no=no, name=name, by="李队", role="supervisor", request=f"{name}/{desk.now()}", **given)
    acts.do(desk, asked, desk.now())


def streams(desk: Desk, name: str) -> list[Any]:
    """All entries of a stream."""
    return desk.queue.redis.xrange(desk.queue.keys(name))


def today(desk: Desk) -> str:
    return local_day(desk.now(), SHANGHAI)


def test_what_the_streams_held_is_in_the_files_once(desk: Desk, store: Store, watch: Watch) -> None:
    """Events, tracks, acts and changes: as many rows as entries, in several commits by several workers, each once."""
    worker = keeper(desk, store)
    for _ in live(desk, watch):
        worker.take()
        worker.commit(watch.now)
        worker = keeper(desk, store)  # as after a restart
    ids = sorted((*map(int, name.decode().split("-")),) for name, _ in streams(desk, "events"))
    days = Archive(store, SHANGHAI).days()
    with Archive(store, SHANGHAI).open(days) as found:
        both = "SELECT ms, seq FROM events UNION ALL SELECT ms, seq FROM tracks ORDER BY ms, seq"
        kept = found.execute(both).fetchall()
        acts_kept = found.execute("SELECT no, entry FROM acts ORDER BY ms, seq").fetchall()
    assert kept == ids
    assert acts_kept == [(f[b"no"].decode(), f[b"e"].decode()) for _, f in streams(desk, "acts")]


def test_a_place_is_kept_exactly(desk: Desk, store: Store, watch: Watch) -> None:
    """A track lies on a coarse grid, with what is missing beside: together they are the place as it was recorded."""
    for _ in live(desk, watch):
        pass
    worker = keeper(desk, store)
    worker.take()
    worker.commit(watch.now)
    said = [read_event(f[b"e"]).position for _, f in streams(desk, "events")]
    fixes = sorted((p.lon, p.lat) for p in said if p is not None and p.lon != 119.2071)
    with Archive(store, SHANGHAI).open([today(desk)], ("tracks",)) as found:
        rows = found.execute("SELECT geometry.x, dx, geometry.y, dy FROM tracks").fetchall()
    assert sorted((joined(x, dx), joined(y, dy)) for x, dx, y, dy in rows) == fixes
    assert all(joined(*split(n / 1e7)) == n / 1e7 for n in range(-1_800_000_000, 1_800_000_000, 12_345_679))


def test_contacts_lie_apart(desk: Desk, store: Store, watch: Watch) -> None:
    """The number of who reported is in no file but that of the contacts."""
    for _ in live(desk, watch):
        pass
    worker = keeper(desk, store)
    worker.take()
    worker.commit(watch.now)
    with Archive(store, SHANGHAI).open([today(desk)]) as found:
        assert found.execute("SELECT contact FROM contacts").fetchall() == [(CONTACT,)]
        assert CONTACT not in str(found.execute("SELECT * FROM events").fetchall())
        assert CONTACT not in str(found.execute("SELECT * FROM changes").fetchall())


def test_any_moment_is_folded_again(desk: Desk, store: Store, watch: Watch) -> None:
    """The picture at a past second is the one the screens had: cases with clocks, patrols with place and state."""
    worker, had = keeper(desk, store), []
    live_picture = Snapshot()
    after = "0-0"
    for _ in live(desk, watch):
        for change in desk.queue.changes(after, 0, 1000):
            live_picture.fold(change)
            after = change.id
        cases = {no: case_item(case) for no, case in live_picture.cases.items()}
        had.append((desk.now(), cases, {no: dict(row) for no, row in live_picture.patrols.items()}))
        worker.take()
        worker.commit(watch.now)
    for when, cases, patrols in had:
        then = past.at(Archive(store, SHANGHAI), when)
        assert {no: case_item(case) for no, case in then.cases.items()} == cases
        for patrol in (row for row in patrols.values() if "lon" in row):
            shown = {key: patrol[key] for key in ("lon", "lat", "case", "state", "grid", "at")}
            assert {key: then.patrols[patrol["id"]][key] for key in shown} == shown
    assert any(case["state"] == State.DISPATCHED for case in had[-1][1].values())


def test_what_no_file_has_is_read_from_redis(desk: Desk, store: Store, watch: Watch) -> None:
    """A question about today counts what happened a moment ago, and once it is in a file it counts once."""
    worker = keeper(desk, store)
    steps = live(desk, watch)
    next(steps)
    worker.take()
    worker.commit(watch.now)
    next(steps)
    archive = Archive(store, SHANGHAI, desk.queue.redis)
    for _ in range(2):
        with archive.open([today(desk)]) as found:
            assert found.execute("SELECT count(*) FROM tracks").fetchone() == (4,)
            assert found.execute("SELECT no, state FROM cases_now").fetchall() == [
                (case.no, case.state.value) for case in desk.queue.open_cases()
            ]
        worker.take()
        worker.commit(watch.now)
