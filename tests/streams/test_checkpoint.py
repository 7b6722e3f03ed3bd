"""A checkpoint on a real server: everything of one moment, put back into an empty site."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from msgspec.structs import replace

from streams import checkpoint
from streams.dispatch_queue import DispatchQueue
from streams.errors import BadSetting
from streams.keys import Keys
from streams.model import Report
from tests.streams.live import CORNER, Site


@pytest.fixture
def site(queue: DispatchQueue, tmp_path: Path) -> Site:
    """A case that a patrol is on, one that waits, and things that have no place in a copy."""
    site = Site(queue, tmp_path)
    site.send(site.seen())
    site.told()
    redis: Any = queue.redis
    redis.set(queue.keys.session("abc"), "secret", ex=60)
    redis.hset(queue.keys.account("chen"), "password", "secret")
    redis.sadd(queue.keys.accounts, "chen")
    redis.set(queue.keys("rare"), b"\x00\xff raw", px=5_000_000)
    assert queue.sender("1")
    return site


@pytest.fixture
def other(queue: DispatchQueue) -> Iterator[DispatchQueue]:
    """An empty site on the same server."""
    found = DispatchQueue(queue.redis, Keys(f"back-{uuid4().hex[:8]}"), queue.tz)
    yield found
    for key in queue.redis.scan_iter(found.keys.prefix + "*", count=1000):
        queue.redis.delete(key)


def names(queue: DispatchQueue) -> set[str]:
    """The keys of a site, without its name."""
    return {key.decode().removeprefix(queue.keys.prefix) for key in queue.redis.scan_iter(queue.keys.prefix + "*")}


def test_what_is_put_back_is_what_was_taken(site: Site, other: DispatchQueue) -> None:
    """Cases, logs, patrols and sets, byte for byte, and where the streams stood."""
    queue = site.queue
    positions = checkpoint.put_back(queue.redis, other.keys, checkpoint.take(queue.redis, queue.keys))
    assert other.open_cases() == queue.open_cases()
    assert [other.log(case.no) for case in other.open_cases()] == [queue.log(case.no) for case in queue.open_cases()]
    assert other.patrols() == queue.patrols()
    assert positions["acts"] == queue.acts()[-1].id
    assert positions["changes"] == queue.last_change()
    assert positions["events"] == queue.events(1)[0].id
    redis: Any = queue.redis
    assert redis.get(other.keys("rare")) == b"\x00\xff raw"
    assert 4_900_000 < redis.pttl(other.keys("rare")) <= 5_000_000
    assert redis.pttl(other.keys.open_cases) == -1


def test_no_stream_no_lease_and_no_secret_is_in_it(site: Site, other: DispatchQueue) -> None:
    """Nor what only notices duplicates; everything else is."""
    queue = site.queue
    blob = checkpoint.take(queue.redis, queue.keys)
    checkpoint.put_back(queue.redis, other.keys, blob)
    left_out = {name.split(":")[0] for name in names(queue) - names(other)}
    assert left_out == {"events", "acts", "changes", "journal", "outbox", "session", "account", "accounts", "sender",
                        "seen"}  # fmt: skip
    assert "secret" not in str(checkpoint.unpacked(blob))


def test_who_reported_is_not_in_it(site: Site, other: DispatchQueue) -> None:
    """The case is, with everything else."""
    no = site.heard(Report("smoke", "有烟", "199-0000-1234"), "hotline", CORNER)
    site.queue.redis.expire(site.queue.keys.case(no), 500)
    blob = checkpoint.take(site.queue.redis, site.queue.keys)
    assert "199-0000" not in str(checkpoint.unpacked(blob))
    checkpoint.put_back(site.queue.redis, other.keys, blob)
    assert other.case(no) == replace(site.case(no), contact="")
    redis: Any = site.queue.redis
    assert 400 < redis.ttl(other.keys.case(no)) <= 500


def test_a_site_that_is_not_empty_is_left_alone(site: Site) -> None:
    """One key is enough."""
    blob = checkpoint.take(site.queue.redis, site.queue.keys)
    before = site.queue.open_cases()
    with pytest.raises(BadSetting, match="is not empty"):
        checkpoint.put_back(site.queue.redis, site.queue.keys, blob)
    assert site.queue.open_cases() == before


def test_what_is_no_checkpoint_is_refused(site: Site, other: DispatchQueue) -> None:
    """Something else, half of one, and a changed one, each in one sentence."""
    blob = checkpoint.take(site.queue.redis, site.queue.keys)
    for bad in (b"", b"PAR1", blob[:20], blob[: len(blob) // 2], blob[:-9] + b"123456789"):
        with pytest.raises(BadSetting, match="checkpoint"):
            checkpoint.put_back(site.queue.redis, other.keys, bad)
    assert not names(other)


def test_an_empty_one_is_the_beginning(other: DispatchQueue) -> None:
    """From which a site's first day begins."""
    assert set(checkpoint.put_back(other.redis, other.keys, checkpoint.empty("new")).values()) == {"0-0"}
    assert not names(other)
