"""Where an archive begins and ends: at a site that has long been at work, at an entry that cannot be read, at what is
no longer kept; and what happens to who is to be forgotten just then."""

from __future__ import annotations

from datetime import timedelta

from streams.archive import past
from streams.archive.check import check
from streams.archive.follow import Keeper
from streams.archive.keeping import KEEP_DAYS
from streams.archive.reading import Archive
from streams.archive.span import first_instant
from streams.archive.store import Store
from streams.archive.tidy import freeze
from streams.codec import local_day
from streams.desk import Desk
from streams.snapshot import Snapshot
from tests.streams.archive.test_keeper import CONTACT, keeper, live, say
from tests.streams.desk import Watch
from tests.streams.samples import SHANGHAI


def as_it_is(desk: Desk) -> Snapshot:
    """The picture of the site as Redis has it now: its open cases."""
    picture = Snapshot()
    picture.id = desk.queue.last_change()
    for case in desk.queue.open_cases():
        picture.load_case(case)
    return picture


def walk(desk: Desk, watch: Watch, minutes: int) -> None:
    """A patrol says where it is; then time goes by."""
    say(desk, "position", "P-1", lon=119.2011234, lat=34.9017654)
    watch.now += timedelta(minutes=minutes)


def test_the_picture_of_a_site_at_work_is_not_that_of_before_the_archive(
    desk: Desk, store: Store, watch: Watch
) -> None:
    """What Redis still has from before the archive began is kept; but no moment before it shows what came later, and
    the past begins with the first whole picture."""
    walk(desk, watch, 14)
    walk(desk, watch, 2)
    walk(desk, watch, 2)
    before = watch.now
    watch.now += timedelta(minutes=1)
    said = {"category": "exposed_rubbish", "text": "垃圾", "contact": CONTACT}
    say(desk, "report", "hotline", **said, lon=119.2071, lat=34.9072)
    began = watch.now
    worker = Keeper(desk.queue, store, lambda: as_it_is(desk))
    worker.take()
    worker.commit(watch.now)
    archive = Archive(store, SHANGHAI)
    assert not past.at(archive, before).cases
    assert len(past.at(archive, began).cases) == 1
    assert first_instant(archive) == began


def test_a_site_that_begins_has_a_past_from_its_first_change_on(desk: Desk, store: Store, watch: Watch) -> None:
    """Nothing was before it: the first picture is the empty one."""
    began = watch.now
    worker = Keeper(desk.queue, store, lambda: as_it_is(desk))
    worker.take()
    walk(desk, watch, 20)
    walk(desk, watch, 1)
    worker.take()
    worker.commit(watch.now)
    archive = Archive(store, SHANGHAI)
    first = first_instant(archive)
    assert first is not None
    assert timedelta(0) < began - first <= timedelta(minutes=1)
    assert not past.at(archive, first).patrols
    assert set(past.at(archive, began).patrols) == {"P-1"}


def test_a_quiet_quarter_after_the_beginning_is_kept_once(desk: Desk, store: Store, watch: Watch) -> None:
    """The picture of the beginning is not written again when nothing changed until the next quarter of an hour."""
    walk(desk, watch, 1)
    worker = Keeper(desk.queue, store, lambda: as_it_is(desk))
    worker.take()
    worker.commit(watch.now)
    watch.now += timedelta(minutes=20)
    walk(desk, watch, 0)
    worker.take()
    worker.commit(watch.now)
    assert check(Archive(store, SHANGHAI), desk.queue).wrong == ()


def test_a_change_that_cannot_be_read_does_not_end_the_worker(desk: Desk, store: Store, watch: Watch) -> None:
    """It is set aside; the picture goes on with the next one."""
    worker = keeper(desk, store)
    steps = live(desk, watch)
    next(steps)
    desk.queue.redis.xadd(desk.queue.keys.changes, {"n": "1700000000000", "cases": "garbage"})
    next(steps)
    worker.take()
    worker.commit(watch.now)
    assert '"stream":"changes"' in store.unread.read_text()
    assert len(past.at(Archive(store, SHANGHAI), watch.now).cases) == 1


def test_who_is_to_be_forgotten_does_not_come_into_a_file_afterwards(desk: Desk, store: Store, watch: Watch) -> None:
    """A report that was taken and is in no file yet when somebody asks to forget who made it."""
    worker = keeper(desk, store)
    for _ in live(desk, watch):
        worker.take()
    store.forgetting.mkdir(parents=True)
    (store.forgetting / desk.queue.open_cases()[0].no).touch()
    worker.tidy(watch.now, KEEP_DAYS)
    worker.commit(watch.now)
    with Archive(store, SHANGHAI).open([local_day(watch.now, SHANGHAI)], ("contacts",)) as found:
        assert found.execute("SELECT count(*) FROM contacts").fetchone() == (0,)
    assert not any(CONTACT.encode() in path.read_bytes() for path in store.root.rglob("*") if path.is_file())


def test_a_new_version_takes_over_the_files_of_any_older_one(desk: Desk, store: Store, watch: Watch) -> None:
    """For what nothing came is not written again, however many versions there are."""
    worker = keeper(desk, store)
    for _ in live(desk, watch):
        worker.take()
    head, day = worker.commit(watch.now), local_day(watch.now, SHANGHAI)
    for _ in range(3):
        head = freeze(store, head, day, SHANGHAI)
    assert {part.file.split("/")[1] for part in store.parts(day, head) if part.kind != "contacts"} == {"v1"}


def test_a_checkpoint_goes_with_the_days_that_can_be_done_again(desk: Desk, store: Store, watch: Watch) -> None:
    """It is kept no longer than the first kind without which its day cannot be done again."""
    worker = keeper(desk, store)
    old = store.checkpoint(local_day(watch.now, SHANGHAI))
    worker.mark(watch.now)
    watch.now += timedelta(days=3)
    worker.mark(watch.now)
    worker.tidy(watch.now, {"contacts": 2})
    assert old.exists()
    worker.tidy(watch.now, {"tracks": 2})
    assert store.checkpoints() == [store.checkpoint(local_day(watch.now, SHANGHAI))]
