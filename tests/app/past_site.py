"""A site with an hour behind it: what tests of the past look back on.

An hour ago a patrol walked and stood, a resident reported, the case was accepted and the patrol sent; half an hour ago
it was done and closed; a few minutes ago another was reported. All of it through the centre with a clock that is moved,
and the archive worker keeps it.
"""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest

from app import actions
from app.accounts import Viewer
from app.centre import Centre, open_archive
from app.follower import load
from streams.archive.follow import Keeper
from streams.model import Case
from tests.browsing import say

SUPERVISOR = Viewer("supervisor", "supervisor")
WALKER, STANDER = "P-001", "P-002"


class Watch:
    """The centre's time: the real one, moved by `back`."""

    def __init__(self) -> None:
        self.back = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) - self.back


class History(NamedTuple):
    """What there was. `began`: when the first thing happened; `waiting`: a moment at which `first` waited to be
    dispatched; `sent`: at which its patrol was on the way; `closed`: at which it was over."""

    centre: Centre
    keeper: Keeper
    began: datetime
    waiting: datetime
    sent: datetime
    closed: datetime
    first: Case
    second: Case


def lived(centre: Centre, watch: Watch) -> History:
    """Live the hour; `centre` runs on `watch`. At the end it is now."""
    keeper = Keeper(centre.queue, open_archive(centre).store, lambda: load(centre))
    desk = centre.desk()

    def to(minutes: float) -> datetime:
        """It is so many minutes before now; says the moment just before what comes."""
        watch.back = timedelta(minutes=minutes)
        keep(keeper, watch())
        return watch() - timedelta(seconds=1)

    began = to(62)
    for n in range(8):  # 200 m a minute east, then it stands
        to(62 - n * 0.5)
        say(desk, "position", WALKER, lon=119.170 + min(n, 5) * 0.0011, lat=34.940, speed=3.3, course=90)
        say(desk, "position", STANDER, lon=119.165, lat=34.935, speed=0)
    words = {"text": "垃圾，电话 13812345678", "contact": "19912341234"}
    say(desk, "report", "hotline-12345", category="exposed_rubbish", lon=119.18, lat=34.94, **words)
    first = centre.queue.open_cases()[0]
    for name in ("verify", "accept"):
        first = act(centre, first, name)
    waiting = to(56)
    for n in range(12):
        to(56 - n * 0.5)
        say(desk, "position", WALKER, lon=119.1755, lat=34.940, speed=0)
    first = act(centre, first, "dispatch", patrol=WALKER)
    sent = to(45)
    say(desk, "position", WALKER, lon=119.1795, lat=34.940, speed=1)
    to(30)
    first = act(centre, first, "handle", text="已清理，联系人王先生")
    first = act(centre, first, "close")
    closed = to(20)
    say(desk, "report", "hotline-12345", category="road_dirty", text="又一件", lon=119.2, lat=34.93)
    second = centre.queue.open_cases()[0]
    for patrol, lon in ((WALKER, 119.181), (STANDER, 119.165)):
        say(desk, "position", patrol, lon=lon, lat=34.940, speed=1)
    to(0)
    return History(centre, keeper, began, waiting, sent, closed, first, second)


def keep(keeper: Keeper, now: datetime) -> None:
    """What the archive worker does every half minute."""
    while keeper.take():
        pass
    if keeper.waiting:
        keeper.commit(now)


def act(centre: Centre, case: Case, name: str, **given: object) -> Case:
    """An act of the supervisor, past the page."""
    found = centre.queue.case(case.no)
    assert found is not None
    return actions.act(centre, case.no, name, by=SUPERVISOR, seen=found.version, **given).case


@pytest.fixture
def watch() -> Watch:
    """The time of a test."""
    return Watch()


def moved(centre: Centre, watch: Watch) -> Centre:
    """The centre on that time."""
    return dataclasses.replace(centre, now=watch)
