"""Merging by hand and undoing it, and splitting off what joined by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from geo.places import Position
from streams.codec import local_day, millis
from streams.dispatch_queue import DispatchQueue
from streams.errors import NoSuchCase, NotJoined, TargetOver
from streams.ingest import understand
from streams.model import Alert, Reading, State
from tests.streams.live import AWAY, CORNER, Site
from tests.streams.samples import event


@pytest.fixture
def site(queue: DispatchQueue, tmp_path: Path) -> Site:
    """The small site."""
    return Site(queue, tmp_path)


def joined(site: Site, no: str) -> str:
    """The event that joined a case last."""
    return next(one.detail for one in reversed(site.queue.log(no)) if one.act == "join")


def test_merged_and_taken_apart_leaves_both_as_they_were(site: Site) -> None:
    """The target counts the other's events; undone, the other is where it was, its clocks running on."""
    first, second = site.seen(AWAY), site.seen()
    due = site.due(second)
    site.do(second, "merge", "operator", "林晓东", into=first)
    assert (site.case(second).state, site.case(second).into, site.case(first).events) == (State.MERGED, first, 2)
    assert [case.no for case in site.queue.open_cases()] == [first]
    site.do(second, "unmerge", "operator", "林晓东")
    assert (site.case(second).state, site.case(second).into, site.case(first).events) == (State.ACCEPTED, "", 1)
    assert site.due(second) == due
    assert [one.act for one in site.queue.log(first)][-2:] == ["absorb", "release"]


def test_reminders_that_a_merged_case_missed_are_noted_when_it_is_taken_apart(site: Site) -> None:
    """Whoever reported has waited all the time."""
    first, second = site.seen(AWAY), site.seen()
    site.do(second, "merge", into=first)
    site.pass_(25)
    site.queue.look(site.now)
    assert site.reminders(second) == []
    site.do(second, "unmerge")
    assert site.reminders(second) == ["respond 50", "respond 80"]


@pytest.mark.parametrize("target", ["itself", "rejected", "closed"])
def test_a_case_that_is_over_takes_nobody_in(site: Site, target: str) -> None:
    """Nor can a case be merged into itself; the refusal says how the other stands."""
    first, second = site.seen(AWAY), site.seen()
    if target == "rejected":
        site.do(first, "reject", text="误报")
    elif target == "closed":
        site.do(site.handled(first), "close")
    with pytest.raises(TargetOver):
        site.do(second, "merge", into=second if target == "itself" else first)
    assert site.case(second).state is State.ACCEPTED


def test_merging_into_nothing_is_refused(site: Site) -> None:
    """A wrong number is refused by that number."""
    with pytest.raises(NoSuchCase, match="GP-1"):
        site.do(site.seen(), "merge", into="GP-1")


def test_a_merging_into_a_case_that_is_over_by_now_stays(site: Site) -> None:
    """What was settled together is not taken apart."""
    first, second = site.seen(AWAY), site.seen()
    site.do(second, "merge", into=first)
    site.do(site.handled(first), "close")
    with pytest.raises(TargetOver, match="closed"):
        site.do(second, "unmerge")


def test_an_alert_that_joined_is_split_off_with_its_case(site: Site) -> None:
    """A case of its own, accepted by rule; its alert goes with it, the counts too, and only once."""
    no = site.seen(series="a")
    assert site.seen(series="b") == no
    event = joined(site, no)
    new = site.do(no, "split", event=event).opened
    assert (site.case(no).events, site.case(new).state, site.case(new).version) == (1, State.ACCEPTED, 3)
    assert {row["alert"]: row["case"] for row in site.queue.alerts()} == {"D-1/a": no, "D-1/b": new}
    counts = site.queue.counts(local_day(site.now, site.queue.tz))
    assert (counts["cases:device"], counts["merged:device"]) == (2, 0)
    assert site.case(no).split == (event,), "so that nobody is offered it again"
    with pytest.raises(NotJoined):
        site.do(no, "split", event=event)


def test_each_of_two_split_cases_ends_with_its_own_alert(site: Site) -> None:
    """The end of the alert that went is nothing to the case that it left."""
    no = site.seen(series="a")
    site.seen(series="b")
    new = site.do(no, "split", event=joined(site, no)).opened
    site.pass_(1)
    site.seen(series="b", phase="end")
    assert (site.case(no).ended, site.case(new).ended) == (None, millis(site.now))
    site.pass_(1)
    site.seen(series="a", phase="end")
    assert site.case(no).ended == millis(site.now)


def test_an_alert_that_is_over_ends_the_case_that_it_is_split_off_to(site: Site) -> None:
    """It ended before: the new case says when, and the old one waits for its own alert."""
    no = site.seen(series="a")
    site.seen(series="b")
    site.pass_(1)
    site.seen(series="b", phase="end")
    ended = millis(site.now)
    new = site.do(no, "split", event=joined(site, no)).opened
    assert (site.case(new).ended, site.case(no).ended) == (ended, None)
    site.pass_(1)
    site.seen(series="a", phase="end")
    assert site.case(no).ended == millis(site.now)


def test_what_joined_before_a_fault_has_its_entry(site: Site) -> None:
    """The event is buried as ours to look at; the case that counted it says so in its log."""
    no = site.seen(series="a")
    site.queue.redis.hset(site.queue.keys.case(no), "standing", "broken")
    happened = event("D-1", "x-2", Alert("rubbish", 3, "b", "new"), site.now, Position(*CORNER), received=site.now)
    done = site.queue.record(understand([happened], site.desk), site.now)
    assert len(done.failed) == 1
    assert (site.case(no).events, site.queue.log(no)[-1].act) == (2, "join")


def test_an_alert_that_outlives_its_closed_case_leaves_no_half_case_behind(site: Site) -> None:
    """A closed case is kept for 35 days, an alert may go on for longer: its end is then the alert's alone."""
    no = site.seen(series="a")
    site.queue.redis.delete(site.queue.keys.case(no))
    site.pass_(1)
    site.seen(series="a", phase="end")
    assert not site.queue.redis.exists(site.queue.keys.case(no))
    assert [row["phase"] for row in site.queue.alerts()] == ["end"]


def test_a_reading_that_joined_can_be_split_off(site: Site) -> None:
    """What a sensor raised is an alert too, though no message named it."""
    place = site.desk.register.devices["S-1"].position
    no = site.seen((place.lon, place.lat), "smoke")
    for _ in range(2):
        site.heard(Reading("water_level", 3.5, "m"), "S-1", (place.lon, place.lat))
        site.pass_(2)
    assert site.case(no).events == 2
    new = site.do(no, "split", event=joined(site, no)).opened
    assert [row["case"] for row in site.queue.alerts() if row["device"] == "S-1"] == [new]


def test_what_did_not_join_cannot_be_split_off(site: Site) -> None:
    """The event that opened the case is the case."""
    no = site.seen()
    with pytest.raises(NotJoined):
        site.do(no, "split", event=site.queue.events(1)[0].id)
