"""A small site and an empty archive for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.archive.store import Store
from streams.desk import Desk
from streams.dispatch_queue import DispatchQueue
from tests.streams.desk import Watch, make_desk


@pytest.fixture
def desk(queue: DispatchQueue, tmp_path: Path, watch: Watch) -> Desk:
    """A small site."""
    return make_desk(queue, tmp_path, watch)


@pytest.fixture
def store(tmp_path: Path, desk: Desk) -> Store:
    """An empty archive."""
    return Store(tmp_path / "archive", desk.queue.keys.site)
