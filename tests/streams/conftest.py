"""A dispatch queue of its own for each test: a fresh site on a real server."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from streams.dispatch_queue import DispatchQueue, connect
from streams.keys import Keys
from tests.streams.desk import Watch
from tests.streams.samples import SHANGHAI


@pytest.fixture
def queue(redis_url: str) -> Iterator[DispatchQueue]:
    """A queue with two registered patrols, P-1 and P-2."""
    redis = connect(redis_url)
    queue = DispatchQueue(redis, Keys(f"test-{uuid4().hex[:8]}"), SHANGHAI)
    queue.register(["P-1", "P-2"])
    yield queue
    for key in redis.scan_iter(queue.keys.prefix.replace("[", r"\[") + "*", count=1000):
        redis.delete(key)
    redis.close()


@pytest.fixture
def watch() -> Watch:
    """A clock at NOW."""
    return Watch()
