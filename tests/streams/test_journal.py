"""The journal of a site, on a real server: what stands in it and what does not; what is trimmed behind the archive."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from streams.acts import Asked
from streams.codec import millis, moment
from streams.dispatch_queue import DispatchQueue
from streams.errors import ActRefused
from streams.journal import Told, call_of, calls
from streams.refusals import Wanting
from streams.watch import keep_time
from tests.streams.live import Site
from tests.streams.samples import NOW, fix, later, report

DAY_MS = 24 * 3600 * 1000


@pytest.fixture
def site(queue: DispatchQueue, tmp_path: Path) -> Site:
    """A desk with one journal entry: its patrols."""
    return Site(queue, tmp_path)


def kinds(queue: DispatchQueue) -> list[str]:
    """What the journal says happened, without the registering."""
    return [one.kind for one in calls(queue) if one.kind != "register"]


def test_the_patrols_are_noted_when_they_change(queue: DispatchQueue) -> None:
    """A worker that says at its start what is known adds nothing."""
    queue.register(["P-1", "P-2"], NOW)
    queue.register(["P-2", "P-3"], NOW)
    found = [msgspec.json.decode(one.asked) for one in calls(queue)]
    assert found == [["P-1", "P-2"], ["P-2", "P-3"]]
    assert [name for name, row in queue.patrols().items() if row.get("registered")] == ["P-2", "P-3"]


def test_a_call_that_records_is_one_entry(queue: DispatchQueue) -> None:
    """How many events it appended, without duplicates; nothing for a call of duplicates alone."""
    queue.record([report("a"), report("a"), fix("P-1", "b", 0)], later(1))
    queue.record([report("a")], later(2))
    (noted,) = [one for one in calls(queue) if one.kind == "record"]
    assert (noted.count, noted.now, noted.asked) == (2, millis(later(1)), f'"{queue.events(1)[0].id}"'.encode())


def test_an_act_is_noted_when_it_is_done(site: Site) -> None:
    """As it was asked; not when it is refused or repeated."""
    no = site.told()
    site.do(no, "verify", request="once", text="属实")
    site.do(no, "verify", request="once", text="属实")
    with pytest.raises(ActRefused):
        site.do(no, "rate", score=3)
    (noted,) = [one for one in calls(site.queue) if one.kind == "act"]
    asked = msgspec.json.decode(noted.asked, type=Asked)
    assert asked == Asked(no=no, name="verify", by="王海涛", role="supervisor", request="once", text="属实")
    assert moment(noted.now) == site.now


def test_a_look_is_noted_when_it_changed_something(site: Site) -> None:
    """The call that brings marks (with the clocks it brings them for), and what is due; a look in vain is nothing."""
    no = site.told()
    keep_time(site.desk)
    keep_time(site.desk)
    (brought,) = [one for one in calls(site.queue) if one.kind == "look"]
    wanted = msgspec.json.decode(brought.asked, type=list[Wanting])
    assert wanted == [Wanting(no, "respond", site.due(no, "respond"), 0)]
    site.pass_(16)
    keep_time(site.desk)
    assert len(site.reminders(no)) == 1
    assert kinds(site.queue) == ["record", "look", "look"]


def test_what_a_loudspeaker_said_is_noted(queue: DispatchQueue) -> None:
    """With when it is looked at again; a task to the field changes no case, and is not."""
    queue.task_done("1-0", "D-1/a", NOW, 60_000)
    queue.task_done("2-0")
    noted = list(calls(queue))[-1]
    assert noted.kind == "told"
    assert msgspec.json.decode(noted.asked, type=Told) == Told("D-1/a", millis(NOW), 60_000)


def test_the_version_of_the_configuration_is_named(queue: DispatchQueue) -> None:
    """By whoever makes the change."""
    other = DispatchQueue(queue.redis, queue.keys, queue.tz, version="0badcafe")
    other.record([report("a")], NOW)
    queue.record([report("b")], NOW)
    assert [one.version for one in calls(queue)][1:] == ["0badcafe", ""]


def test_nobody_knows_another_kind() -> None:
    """An entry of a later release is refused, not misread."""
    with pytest.raises(msgspec.ValidationError):
        call_of("1-0", {b"k": b"rewind", b"n": b"1", b"v": b""})


# What is trimmed: the streams' ids are the server's time, hence `now` is counted from the first of them


def filled(queue: DispatchQueue) -> int:
    """Some hundred entries in each stream, since trimming takes whole nodes; when that was."""
    for n in range(300):
        queue.record([report(f"r{n}", lon=119.2 + n / 50)], NOW)
    return int(str(queue.last_change().split("-")[0]))


def lengths(queue: DispatchQueue) -> dict[str, int]:
    """How many entries each stream has."""
    redis: Any = queue.redis
    return {name: redis.xlen(queue.keys(name)) for name in ("events", "acts", "changes", "journal")}


def trimmed(queue: DispatchQueue, hours: float) -> dict[str, int]:
    """One more record so many hours after the first, and what is then left of the streams."""
    at = moment(filled(queue)) + timedelta(hours=hours)
    queue.record([report("last", lon=118.0)], at)
    queue.notice("test", "测试", "test", at)
    return lengths(queue)


def test_without_an_archive_age_alone_counts(queue: DispatchQueue) -> None:
    """After two days the events, the changes and the journal are gone, up to the node they share with the newest."""
    left = trimmed(queue, 48)
    assert max(left["events"], left["changes"], left["journal"]) <= 101
    assert left["acts"] == 301


@pytest.mark.parametrize("stream", ["events", "acts", "changes", "journal"])
def test_nothing_goes_before_the_archive_has_it(queue: DispatchQueue, stream: str) -> None:
    """However old: a stream that it has not read stays whole, another goes up to where it is committed."""
    middle = {}
    filled(queue)
    for name in lengths(queue):
        rows: Any = queue.redis.xrange(queue.keys(name), count=250)
        middle[name] = rows[-1][0]
    redis: Any = queue.redis
    redis.hset(queue.keys.archived, mapping={name: at for name, at in middle.items() if name != stream} | {"at": 1})
    before = lengths(queue)
    at = moment(int(middle["journal"].split(b"-")[0])) + timedelta(days=40)
    queue.record([report("last", lon=118.0)], at)
    queue.notice("test", "测试", "test", at)
    left = lengths(queue)
    assert left[stream] > before[stream]
    for name in middle:
        rows = queue.redis.xrange(queue.keys(name), count=1000)
        assert name == stream or middle[name] in {row[0] for row in rows}, "what it commits next is still there"
        assert name == stream or left[name] < before[name]


def test_with_an_archive_many_events_go_after_an_hour(queue: DispatchQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there are more than are kept; fewer stay for the day, so that they can be split off."""
    filled(queue)
    redis: Any = queue.redis
    redis.hset(queue.keys.archived, mapping={"events": redis.xinfo_stream(queue.keys.events)["last-generated-id"]})
    at = moment(int(queue.last_change().split("-")[0])) + timedelta(hours=2)
    queue.record([report("few", lon=118.0)], at)
    assert lengths(queue)["events"] == 301
    monkeypatch.setattr("streams.outbox.EVENTS_KEPT", 200)
    queue.record([report("many", lon=117.0)], at)
    assert lengths(queue)["events"] <= 102
