"""A little of today in the archive of a test's site."""

from __future__ import annotations

import pytest

from app.centre import Centre
from streams.archive.follow import Keeper
from streams.archive.store import Store
from streams.codec import local_day
from streams.desk import Desk
from streams.snapshot import Snapshot
from tests.browsing import say


@pytest.fixture
def archived(centre: Centre, desk: Desk) -> str:
    """Two patrols and three reports of today, in the archive of the site; the day."""
    for n, patrol in enumerate(("P-001", "P-002")):
        say(desk, "position", patrol, lon=119.17 + n / 100, lat=34.94)
    for n in range(3):
        place = {"lon": 119.17, "lat": 34.94 + n / 100}
        say(desk, "report", "hotline", category="exposed_rubbish", text="垃圾", id=f"r{n}", **place)
    keeper = Keeper(desk.queue, Store(centre.settings.archive_dir, centre.settings.site), Snapshot)
    while keeper.take():
        pass
    keeper.commit(centre.now())
    return local_day(centre.now(), centre.settings.tz)
