"""An archived afternoon played again: the same by its seed, different by its settings, and the site is not touched."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.archive.reading import Archive
from streams.desk import Desk
from streams.dispatch_queue import DispatchQueue, connect
from streams.embedded import Valkey
from streams.errors import BadSetting, BadWish
from streams.keys import Keys
from streams.matters import load_matters
from streams.model import Case, Clock, State
from streams.what_if.chances import ASSUMED, Chances, Luck
from streams.what_if.comparing import Comparison, Merge, Wish, compare, examine, merging, name_of
from streams.what_if.figures import BINS, Log, broken, courses, measure
from tests.streams.catalogue import CATALOGUE
from tests.streams.desk import make_desk
from tests.streams.samples import SHANGHAI
from tests.streams.what_if_day import DAY, archived


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """The afternoon, once for all tests."""
    folder = tmp_path_factory.mktemp("afternoon")
    with Valkey(folder / "valkey") as server:
        return archived(server.url, folder, "afternoon")


@pytest.fixture
def desk(valkey: Valkey, tmp_path: Path) -> Iterator[Desk]:
    """The site on an empty Valkey, for a model."""
    redis = connect(valkey.url)
    found = make_desk(DispatchQueue(redis, Keys("afternoon"), SHANGHAI), tmp_path)
    redis.flushall()
    yield found
    redis.close()


def played(archive: Archive, desk: Desk, wish: Wish, seed: int = 0) -> Comparison:
    """The comparison, on a Valkey that is emptied first."""
    desk.queue.redis.flushall()
    return compare(archive, desk, DAY, wish, seed)


def test_the_same_seed_gives_the_same_day(archive: Archive, desk: Desk) -> None:
    """With unchanged settings both models are one; asked again, the answer is the same; another seed, another day."""
    first = played(archive, desk, Wish())
    assert first.model == first.changed
    assert played(archive, desk, Wish()) == first
    assert played(archive, desk, Wish(), seed=1).model != first.model


def test_the_model_is_near_the_day(archive: Archive, desk: Desk) -> None:
    """What came in opens as many cases as it did, and the load of the day is in the model too."""
    found = played(archive, desk, Wish())
    assert found.real.opened + found.real.joined == 48
    assert abs(found.model.opened - found.real.opened) <= 2
    assert found.real.mean is not None
    assert found.model.mean is not None
    assert 0.6 < found.model.mean / found.real.mean < 1.6
    assert found.real.km == 0  # they stand at home: their fixes say so
    assert found.model.km > 5


def test_two_more_patrols_do_not_make_it_slower(archive: Archive, desk: Desk) -> None:
    """On a day with more cases than two can do, two more reach more of them, sooner, and fewer wait."""
    for seed in (0, 1):
        found = played(archive, desk, Wish(more_patrols=2), seed)
        assert found.model.mean is not None
        assert found.changed.mean is not None
        assert found.changed.mean < found.model.mean
        assert found.changed.unreached < found.model.unreached
        assert max(found.changed.waiting) < max(found.model.waiting)
        assert len(found.added) == 2


def test_one_patrol_less_makes_it_slower(archive: Archive, desk: Desk) -> None:
    """Who is taken away is named, and fewer are reached."""
    found = played(archive, desk, Wish(more_patrols=-1))
    assert len(found.removed) == 1
    assert found.changed.arrived < found.model.arrived


def test_a_smaller_merge_radius_opens_more_cases(archive: Archive, desk: Desk) -> None:
    """Repeated reports 60 m apart join within 200 m and not within 30; every report is in a case all the same."""
    found = played(archive, desk, Wish(merge_radius=30))
    assert found.changed.opened > found.model.opened
    assert found.changed.opened + found.changed.joined == found.model.opened + found.model.joined == 48
    only_fires = played(archive, desk, Wish(merge={"fire": Merge(radius=0)}))
    assert only_fires.changed == only_fires.model


def test_the_nearest_first_come_and_a_faster_day_differ(archive: Archive, desk: Desk) -> None:
    """Each policy plays; twice as fast arrives sooner."""
    for wish in (Wish(policy="nearest"), Wish(policy="best")):
        assert played(archive, desk, wish).changed.arrived > 0
    fast = played(archive, desk, Wish(speed=2.0))
    assert fast.changed.mean is not None
    assert fast.model.mean is not None
    assert fast.changed.mean < fast.model.mean


def test_only_an_empty_server_is_played_on(archive: Archive, desk: Desk) -> None:
    """A Valkey that holds a key may be a site's: it is refused, and holds that one key afterwards."""
    desk.queue.redis.set("somebody", "else")
    with pytest.raises(BadSetting, match="empty Valkey"):
        compare(archive, desk, DAY, Wish())
    assert desk.queue.redis.dbsize() == 1


@pytest.mark.parametrize(
    ("wish", "named"),
    [
        (Wish(where="Q9"), "where = 'Q9' is no squad, district or post: use one of Q1"),
        (Wish(speed=9.0), "speed = 9: give a number from 0.2 to 5"),
        (Wish(more_patrols=999), "more_patrols = 999: give a number from -200 to 200"),
        (Wish(merge={"litter": Merge(1.0)}), "matter 'litter' is not in the catalogue: use one of its keys, such as"),
        (Wish(merge_radius=-1.0), "merge_radius = -1: give a number from 0"),
    ],
)
def test_what_cannot_be_is_refused_with_what_can(archive: Archive, desk: Desk, wish: Wish, named: str) -> None:
    """The sentence names the value and the remedy, in Chinese too."""
    with pytest.raises(BadWish, match=re.escape(named)) as refused:
        examine(archive, DAY, wish, desk.register, desk.matters)
    assert refused.value.zh


def test_a_day_that_is_not_kept_is_refused_with_those_that_are(archive: Archive, desk: Desk) -> None:
    """It says which days there are."""
    with pytest.raises(BadWish, match=r"'2025-01-01' is not in the archive: choose a day that it has \(2026-11-18\)"):
        examine(archive, "2025-01-01", Wish(), desk.register, desk.matters)


def test_a_question_has_one_name(archive: Archive) -> None:
    """The same question the same name; another day's settings, seed or configuration another one."""
    names = [
        name_of(archive, DAY, *asked)
        for asked in ((Wish(), 0, "a"), (Wish(), 0, "a"), (Wish(speed=2), 0, "a"), (Wish(), 1, "a"), (Wish(), 0, "b"))
    ]
    assert names[0] == names[1]
    assert len(set(names)) == 4


def test_only_matters_that_merge_get_another_radius(tmp_path: Path) -> None:
    """A general radius is for those that merge; a named matter gets its own."""
    path = tmp_path / "matters.toml"
    path.write_text(CATALOGUE.replace("merge = { radius = 50, minutes = 10 }", "merge = { radius = 0, minutes = 0 }"))
    found = merging(load_matters(path), Wish(merge_radius=70, merge={"fire": Merge(minutes=5)}))
    by = found.matters
    assert (by["rubbish"].merge_radius, by["fire"].merge_radius, by["other"].merge_radius) == (70, 70, 0)
    assert (by["rubbish"].merge_minutes, by["fire"].merge_minutes) == (30, 5)
    assert found.by_category["smoke"] == by["fire"]


def test_chance_hangs_on_the_event_alone() -> None:
    """A rare matter borrows from all, an unseen step from a fixed value, and luck is the event's."""
    chances = Chances.of(
        [("scene", "fire", float(n)) for n in (9, 7, 8)] + [("scene", "noise", 100.0)],
        [("person", float(n)) for n in range(1, 6)], 4, 1,
    )  # fmt: skip
    assert [chances.seconds("scene", "fire", share) for share in (0.0, 0.5, 0.99)] == [7, 8, 9]
    assert chances.seconds("scene", "noise", 0.99) == 100
    assert chances.seconds("desk", "fire", 0.5) == ASSUMED["desk"]
    assert (chances.pace("person", 0.0), chances.pace("vessel", 0.0)) == (1.0, 5.0)
    assert chances.declined == 0.25
    assert Luck.of(1, "a") == Luck.of(1, "a") != Luck.of(2, "a")
    assert Luck.of(1, "a").declines(1) != Luck.of(1, "a").declines(2)


def test_figures_are_counted_at_the_cut_off() -> None:
    """Who arrived later is not reached, who is over is not waited for, and a clock that still runs may be over."""
    minute = 60_000
    cases = [
        Case(f"{n}", State.ACCEPTED, 1, "fire", 1 + n, "device", n * minute, clocks=(Clock("arrive", 0, 20 * minute),))
        for n in range(4)
    ]
    log = [
        Log("0", 1 * minute, "dispatch"), Log("0", 10 * minute, "arrive"), Log("1", 5 * minute, "dispatch"),
        Log("1", 40 * minute, "arrive"), Log("2", 6 * minute, "reject"), Log("3", 7 * minute, "join"),
    ]  # fmt: skip
    found = measure(courses(((case, case.clocks) for case in cases), log), log, 1.25, 0, 30 * minute)
    assert (found.opened, found.joined, found.arrived, found.unreached) == (4, 1, 1, 2)
    assert (found.mean, found.urgent, found.p90) == (10.0, 10.0, 10.0)
    assert found.spread == (0, 1, *[0] * (len(BINS) - 1))
    assert found.waiting == (3, 1)
    assert found.broken == {"respond": 0, "arrive": 4, "handle": 0}
    assert broken([(Clock("arrive", 0, 5, done=6, of="fire"), Clock("handle", 0, 5, done=5))], 9)["handle"] == 0
