"""The archive worker: what the streams held is in the files, exactly once, and any moment can be folded again."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from streams import acts, ingest
from streams.acts import Asked
from streams.archive import past, schema
from streams.archive.check import check
from streams.archive.follow import Keeper, lock
from streams.archive.keeping import KEEP_DAYS, KINDS, parse_keep
from streams.archive.reading import Archive
from streams.archive.rows import joined, split
from streams.archive.store import Store
from streams.codec import local_day, read_event, to_json
from streams.desk import Desk
from streams.errors import BadSetting
from streams.model import State
from streams.mqtt import Batch, Message
from streams.snapshot import Snapshot, case_item
from tests.streams.desk import Watch
from tests.streams.samples import SHANGHAI

CONTACT = "13800001234"


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


def test_a_day_that_is_over_is_frozen_and_what_comes_late_makes_a_new_version(
    desk: Desk, store: Store, watch: Watch
) -> None:
    """Yesterday becomes a version; a late row makes the second one, and the first still says what it said."""
    worker = keeper(desk, store)
    for _ in live(desk, watch):
        worker.take()
        worker.commit(watch.now)
    day = today(desk)
    count = "SELECT count(*) FROM tracks"
    worker.tidy(watch.now, KEEP_DAYS)
    assert day not in store.head().frozen, "it is not over yet"
    watch.now += timedelta(days=1)
    say(desk, "position", "P-1", lon=119.204, lat=34.904)
    worker.take()
    worker.commit(watch.now)
    worker.tidy(watch.now, KEEP_DAYS)
    assert store.head().frozen == {day: 1}
    first = [(part.file, part.sha256) for part in store.parts(day, version=1)]
    with Archive(store, SHANGHAI).open([day]) as found:
        assert found.execute(count).fetchone() == (8,)
    worker._rows.take("events", late_fix(desk, watch.now - timedelta(days=1)))
    worker.commit(watch.now)
    with Archive(store, SHANGHAI).open([day]) as found:
        assert found.execute(count).fetchone() == (9,), "before it is in a version it is there too"
    worker.tidy(watch.now, KEEP_DAYS)
    assert store.head().frozen == {day: 2}
    with Archive(store, SHANGHAI).open([day]) as found:
        assert found.execute(count).fetchone() == (9,)
    assert [(part.file, part.sha256) for part in store.parts(day, version=1)] == first
    assert check(Archive(store, SHANGHAI, desk.queue.redis), desk.queue).wrong == ()


def late_fix(desk: Desk, received: datetime) -> list[Any]:
    """A fix as it would stand in the stream, received on a day that is over: as after an outage of Redis."""
    _, fields = next((n, f) for n, f in streams(desk, "events") if read_event(f[b"e"]).kind == "position")
    event = msgspec.structs.replace(read_event(fields[b"e"]), received=received)
    return [(f"{int(time.time() * 1000)}-77".encode(), {**fields, b"e": to_json(event)})]


def test_many_small_files_become_few_and_nothing_is_left_over(desk: Desk, store: Store, watch: Watch) -> None:
    """Tracks of hours that are over lie by the hour; a file that nothing names is swept; the rows are the same."""
    worker = keeper(desk, store)
    for _ in live(desk, watch, 8):
        worker.take()
        worker.commit(watch.now)
        watch.now += timedelta(minutes=14)
    stray = store.root / today(desk) / "parts" / "tracks-99999999.parquet"
    stray.write_bytes(b"of a worker that died")
    count = "SELECT count(*), count(DISTINCT (ms, seq)) FROM tracks"
    worker.tidy(watch.now + timedelta(hours=1), KEEP_DAYS)
    assert stray.exists(), "somebody may be reading a file that was just replaced"
    worker.tidy(watch.now + timedelta(hours=2), KEEP_DAYS)
    parts = [part for part in store.parts(today(desk)) if part.kind == "tracks"]
    assert len(parts) <= 3, "one file an hour"
    assert None not in {part.hour for part in parts}
    assert not stray.exists()
    with Archive(store, SHANGHAI).open([today(desk)]) as found:
        assert found.execute(count).fetchone() == (16, 16)
    assert check(Archive(store, SHANGHAI, desk.queue.redis), desk.queue).wrong == ()


def test_what_is_older_than_it_is_kept_goes(desk: Desk, store: Store, watch: Watch) -> None:
    """Positions go after their days, acts stay; the archive still checks."""
    worker = keeper(desk, store)
    for _ in live(desk, watch):
        worker.take()
        worker.commit(watch.now)
    day = today(desk)
    watch.now += timedelta(days=3)
    say(desk, "position", "P-1", lon=119.204, lat=34.904)
    worker.take()
    worker.commit(watch.now)
    worker.tidy(watch.now, {"tracks": 2})
    worker.tidy(watch.now, {"tracks": 2})
    worker.tidy(watch.now + timedelta(hours=1), {"tracks": 2})
    with Archive(store, SHANGHAI).open([day]) as found:
        assert found.execute("SELECT count(*) FROM tracks").fetchone() == (0,)
        acts_kept = found.execute("SELECT count(*) FROM acts").fetchone()
    assert acts_kept is not None
    assert acts_kept[0] > 0
    assert not list((store.root / day).rglob("tracks*"))
    assert check(Archive(store, SHANGHAI, desk.queue.redis), desk.queue).wrong == ()


def test_a_reporter_is_forgotten_and_nothing_else(desk: Desk, store: Store, watch: Watch) -> None:
    """The contact goes from every file, also of a frozen day; the report itself stays."""
    worker = keeper(desk, store)
    for _ in live(desk, watch):
        worker.take()
        worker.commit(watch.now)
    day, no = today(desk), desk.queue.open_cases()[0].no
    watch.now += timedelta(days=1, hours=1)
    say(desk, "position", "P-1", lon=119.204, lat=34.904)
    worker.take()
    worker.commit(watch.now)
    worker.tidy(watch.now, KEEP_DAYS)
    store.forgetting.mkdir()
    (store.forgetting / no).touch()
    worker.tidy(watch.now, KEEP_DAYS)
    with Archive(store, SHANGHAI).open([day], tail=False) as found:
        assert found.execute("SELECT count(*) FROM contacts").fetchone() == (0,)
        assert found.execute("SELECT count(*) FROM events").fetchone() == (1,)
    assert not any(CONTACT.encode() in path.read_bytes() for path in (store.root / day).rglob("*.parquet"))


def test_check_names_a_file_that_was_changed_and_an_act_that_differs(desk: Desk, store: Store, watch: Watch) -> None:
    """A flipped byte is named by file; an entry that differs from the case's log, by case and number."""
    worker = keeper(desk, store)
    for _ in live(desk, watch):
        worker.take()
    worker.commit(watch.now)
    archive, no = Archive(store, SHANGHAI, desk.queue.redis), desk.queue.open_cases()[0].no
    good = check(archive, desk.queue)
    assert (good.wrong, good.cases) == ((), 1)
    desk.queue.redis.lset(desk.queue.keys.log(no), 1, b'{"at":1,"by":"x"}')
    (said,) = check(archive, desk.queue).wrong
    assert said.startswith(f"case {no}, entry 2: ")
    path = store.path(next(part for part in store.parts(today(desk)) if part.kind == "acts"))
    path.write_bytes(path.read_bytes()[:-9] + b"x" + path.read_bytes()[-8:])
    assert "acts-00000001.parquet is not what was written" in check(archive, desk.queue).wrong[0]


def test_entries_that_were_gone_before_they_were_kept_are_said(desk: Desk, store: Store, watch: Watch) -> None:
    """A gap in a stream is kept as a gap, never as silence."""
    worker = keeper(desk, store)
    steps = live(desk, watch)
    next(steps)
    worker.take()
    worker.commit(watch.now)
    next(steps)
    next(steps)
    desk.queue.redis.xtrim(desk.queue.keys.events, maxlen=1, approximate=False)
    again = keeper(desk, store)
    again.take()
    again.commit(watch.now)
    assert any("events after" in each for each in check(Archive(store, SHANGHAI), None).wrong)


def test_one_site_has_one_writer(store: Store) -> None:
    """A second worker is refused while the first holds the archive."""
    with lock(store), pytest.raises(BadSetting, match="held by another archive worker"):
        lock(store)


def test_the_kinds_of_the_settings_are_those_of_the_schema() -> None:
    """How long something is kept can be said of every kind, and of nothing else."""
    assert tuple(schema.KINDS) == KINDS
    assert parse_keep("tracks=30, contacts=2") == {"tracks": 30, "contacts": 2}
    for wrong in ("track=3", "tracks=1", "tracks", "tracks=-4"):
        with pytest.raises(BadSetting, match=wrong):
            parse_keep(wrong)


def test_an_entry_that_cannot_be_read_is_set_aside_and_stops_no_other(
    desk: Desk, store: Store, watch: Watch
) -> None:
    """What a fault of ours wrote is kept as it is and said by `check`; everything around it is kept as ever."""
    worker = keeper(desk, store)
    steps = live(desk, watch)
    next(steps)
    desk.queue.redis.xadd(desk.queue.keys.events, {"e": '{"no": "event"}'})
    next(steps)
    worker.take()
    worker.commit(watch.now)
    with Archive(store, SHANGHAI).open([today(desk)]) as found:
        assert found.execute("SELECT count(*) FROM tracks").fetchone() == (4,)
    assert '"stream":"events"' in store.unread.read_text()
    assert any("could not be read" in each for each in check(Archive(store, SHANGHAI), None).wrong)


def test_a_disk_that_is_full_loses_nothing(
    desk: Desk, store: Store, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A commit that cannot be written changes nothing; the next one has everything. (The full disk is played: a real
    one cannot be had here.)"""
    worker = keeper(desk, store)
    for _ in live(desk, watch):
        worker.take()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as played:
        played.setattr(Store, "commit", full)
        with pytest.raises(OSError, match="No space left"):
            worker.commit(watch.now)
    assert worker.waiting
    worker.commit(watch.now)
    with Archive(store, SHANGHAI).open([today(desk)]) as found:
        assert found.execute("SELECT count(*) FROM tracks").fetchone() == (8,)
    assert check(Archive(store, SHANGHAI, desk.queue.redis), desk.queue).wrong == ()
