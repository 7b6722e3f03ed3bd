"""What one call of the record script does, on a real server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from geo.places import Position
from streams.codec import millis
from streams.dispatch_queue import DispatchQueue, Tagged
from streams.model import Flag, State
from streams.triage import Intent
from tests.streams.samples import NOW, PLACE, alert, fix, later, opening, reading, report, status


def test_a_repeated_batch_changes_nothing(queue: DispatchQueue) -> None:
    """The same batch twice (a redelivery, a retry) is recorded once."""
    batch = [fix("P-1", "1", 0), alert("D-1", "1"), report("r1", lon=119.3), status("S-1", "1", "online")]
    first, again = queue.record(batch, NOW), queue.record(batch, NOW)
    assert (first.new, first.duplicate, len(first.opened)) == (4, 0, 2)
    assert (again.new, again.duplicate, again.opened) == (0, 4, ())
    assert len(queue.events(100)) == 4
    assert len(queue.open_cases()) == 2


def test_the_same_message_twice_in_one_batch_counts_once(queue: DispatchQueue) -> None:
    """A device that sends twice within one batch is recorded once."""
    recorded = queue.record([alert("D-1", "1"), alert("D-1", "1")], NOW)
    assert (recorded.new, recorded.duplicate) == (1, 1)


def test_an_older_fix_is_recorded_but_does_not_move_the_patrol_back(queue: DispatchQueue) -> None:
    """Out of order is normal: the older fix is kept, flagged `behind`, and the patrol stays."""
    queue.record([fix("P-1", "new", 10, lon=119.2001)], NOW)
    recorded = queue.record([fix("P-1", "old", 0)], NOW)
    assert (recorded.new, recorded.behind) == (1, 1)
    assert queue.patrols()["P-1"]["lon"] == "119.2001"
    assert queue.events(1)[0].flag == Flag.BEHIND


def test_a_jump_of_50_km_is_suspect(queue: DispatchQueue) -> None:
    """A fix that implies more than 60 m/s is recorded as suspect and does not move the patrol."""
    queue.record([fix("P-1", "1", 0), fix("P-1", "jump", 5, lon=119.75), fix("P-1", "2", 10, lon=119.2002)], NOW)
    assert queue.patrols()["P-1"]["lon"] == "119.2002"
    assert [seen.flag for seen in queue.events(10)][::-1] == ["", Flag.SUSPECT, ""]


def test_three_suspect_fixes_that_agree_are_believed(queue: DispatchQueue) -> None:
    """A patrol that really is elsewhere (carried by ferry with the phone off) is believed at the third fix."""
    queue.record([fix("P-1", "0", 0)], NOW)
    for n, seconds in enumerate((5, 10), 1):
        assert queue.record([fix("P-1", f"far{n}", seconds, lon=119.75)], NOW).suspect == 1
    assert queue.record([fix("P-1", "far3", 15, lon=119.7501)], NOW).suspect == 0
    assert queue.patrols()["P-1"]["lon"] == "119.7501"


def test_suspect_fixes_that_disagree_are_not_believed(queue: DispatchQueue) -> None:
    """Three wild fixes in three places are noise, not a place."""
    queue.record([fix("P-1", "0", 0)], NOW)
    for n, lon in enumerate((119.75, 118.5, 119.75), 1):
        assert queue.record([fix("P-1", f"wild{n}", 5 * n, lon=lon)], NOW).suspect == 1
    assert queue.patrols()["P-1"]["lon"] == repr(PLACE.lon)


def test_an_alert_of_a_camera_opens_an_accepted_case(queue: DispatchQueue) -> None:
    """A device's alert is verified and accepted by rule; the log says so; its clocks run."""
    (no,) = queue.record([alert("D-1", "1")], NOW).opened
    case = queue.case(no)
    assert case is not None
    assert (no, case.state, case.version, case.grid) == ("GP-20261118-0001", State.ACCEPTED, 3, "001")
    assert [entry.act for entry in queue.log(no)] == ["report", "verify", "accept"]
    assert {clock.name: clock.due - clock.start for clock in case.clocks} == {
        "respond": 30 * 60_000, "handle": 4 * 3_600_000,
    }  # fmt: skip


def test_a_report_opens_a_case_that_must_be_verified(queue: DispatchQueue) -> None:
    """A resident's report is reported, not accepted; its contact is kept in the case and not in the feed."""
    (no,) = queue.record([report("r1")], NOW).opened
    case = queue.case(no)
    assert case is not None
    assert (case.state, case.contact, case.origin) == (State.REPORTED, "199-0000-1234", "resident")
    assert all(b"199-0000" not in part for change in queue.changes("0-0", 0) for part in change.parts.values())


def test_a_report_without_a_place_opens_a_case_without_a_grid(queue: DispatchQueue) -> None:
    """Somebody must look at it, though nobody can be sent yet."""
    (no,) = queue.record([report("r1", lon=None)], NOW).opened
    case = queue.case(no)
    assert case is not None
    assert (case.grid, case.lon) == (None, None)


def test_new_update_end_are_one_alert_and_one_case(queue: DispatchQueue) -> None:
    """The phases of one alert share one row and one case; the end is noted on the case, which stays open."""
    queue.record([alert("D-1", "1"), alert("D-1", "2", "update", seconds=5), alert("D-1", "3", "end", seconds=9)], NOW)
    (case,) = queue.open_cases()
    (row,) = queue.alerts()
    assert (row["phase"], row["case"], case.ended, case.events) == ("end", case.no, millis(later(9)), 1)


def test_an_end_before_its_new_leaves_a_tombstone(queue: DispatchQueue) -> None:
    """Phases cross on the way: what ended before it began opens no case."""
    queue.record([alert("D-1", "3", "end", seconds=9)], NOW)
    assert queue.record([alert("D-1", "1", "new")], NOW).opened == ()
    assert queue.open_cases() == []
    assert queue.alerts()[0]["phase"] == "end"


def test_a_doubled_end_with_another_id_changes_nothing(queue: DispatchQueue) -> None:
    """The second end of an alert is recorded; the alert keeps its first."""
    queue.record([alert("D-1", "1"), alert("D-1", "2", "end", seconds=5)], NOW)
    queue.record([alert("D-1", "3", "end", seconds=50)], NOW)
    assert queue.alerts()[0]["ended"] == str(millis(later(5)))


def test_a_second_camera_nearby_joins_the_open_case(queue: DispatchQueue) -> None:
    """Same matter, within radius and minutes: the case grows and takes the higher priority."""
    queue.record([alert("D-1", "1", priority=3), alert("D-2", "1", lon=119.2015, priority=1, seconds=60)], NOW)
    (case,) = queue.open_cases()
    assert (case.events, case.priority) == (2, 1)
    assert queue.log(case.no)[-1].act == "join"


@pytest.mark.parametrize(("lon", "seconds"), [(119.2040, 60), (119.2001, 31 * 60)])
def test_too_far_or_too_late_opens_another_case(queue: DispatchQueue, lon: float, seconds: float) -> None:
    """Beyond 200 m, or after 30 minutes without a word, it is another case."""
    queue.record([alert("D-1", "1")], NOW)
    queue.record([alert("D-2", "1", lon=lon, seconds=seconds)], later(seconds))
    assert len(queue.open_cases()) == 2


def test_a_reading_raises_only_after_it_has_held_and_clears_below_another_value(queue: DispatchQueue) -> None:
    """2.6 m must hold for a minute; 2.4 m does not clear it; 2.1 m must hold for a minute too."""
    levels = [(2.6, 0), (2.6, 30), (2.6, 61), (2.4, 90), (2.1, 120), (2.1, 150), (2.1, 181)]
    states = []
    for n, (level, seconds) in enumerate(levels):
        queue.record([reading("S-1", str(n), level, seconds)], later(seconds))
        states.append([row["phase"] for row in queue.alerts()])
    assert states == [[], [], ["new"], ["new"], ["new"], ["new"], ["end"]]
    assert len(queue.open_cases()) == 1


def test_a_value_on_the_edge_does_not_flutter(queue: DispatchQueue) -> None:
    """A level that keeps crossing the line never holds long enough: no alert."""
    for n in range(40):
        queue.record([reading("S-1", str(n), 2.6 if n % 2 else 2.45, n * 30)], later(n * 30))
    assert queue.alerts() == []


def test_readings_out_of_order_decide_nothing(queue: DispatchQueue) -> None:
    """A late reading is recorded but cannot raise: the newer value stands."""
    queue.record([reading("S-1", "b", 2.0, 120)], NOW)
    queue.record([reading("S-1", "a", 2.9, 0, hold=0)], NOW)
    assert queue.alerts() == []
    assert queue.devices()["S-1"]["value"] == "2.0"


def test_the_last_will_of_a_camera_makes_it_offline_until_it_speaks(queue: DispatchQueue) -> None:
    """Offline by its will; any newer word brings it back; an older status does not."""
    queue.record([status("D-1", "will", "offline", 10)], NOW)
    assert queue.devices()["D-1"]["state"] == "offline"
    queue.record([status("D-1", "old", "online", 5)], NOW)
    assert queue.devices()["D-1"]["state"] == "offline"
    queue.record([alert("D-1", "1", seconds=20)], NOW)
    assert queue.devices()["D-1"]["state"] == "online"


def test_a_patrol_off_duty_is_shown_so(queue: DispatchQueue) -> None:
    """Duty is told by status and kept through later fixes."""
    queue.record([fix("P-1", "1", 0), status("P-1", "2", "off_duty", 5, moving=True), fix("P-1", "3", 10)], NOW)
    states = [part for change in queue.changes("0-0", 0) for part in [change.parts["patrols"]]]
    assert b'"state":"off"' in states[-1]


def test_a_case_outside_every_grid_is_kept(queue: DispatchQueue) -> None:
    """A place outside is recorded and its case opened, without a grid."""
    outside = report("r1")
    event = replace(outside.event, grid=None, grids=(), flags=(Flag.OUTSIDE,), position=Position(120.9, 34.0))
    (no,) = queue.record([outside._replace(event=event, intent=opening(accept=False, origin="resident"))], NOW).opened
    case = queue.case(no)
    assert case is not None
    assert (case.grid, case.lon) == (None, 120.9)


def test_a_batch_of_any_size_is_recorded_in_small_calls(queue: DispatchQueue) -> None:
    """25,600 readings (a hundred from each of 256 messages) are more than one script call takes on; none is lost."""
    batch = [reading("S-1", str(n), 1.0, n, hold=0) for n in range(25_600)]
    assert queue.record(batch, NOW).new == 25_600


def test_a_message_on_both_sides_of_midnight_is_one_event(queue: DispatchQueue) -> None:
    """Two workers receive one redelivered message a moment before and a moment after local midnight."""
    midnight = datetime(2026, 11, 18, 16, 0, tzinfo=UTC)
    after = reseen(report("r1"), midnight + timedelta(seconds=1))
    before = reseen(report("r1"), midnight - timedelta(seconds=1))
    assert queue.record([after], midnight).new == 1
    assert queue.record([before], midnight).duplicate == 1


def test_counts_go_to_the_day_of_receipt(queue: DispatchQueue) -> None:
    """Received before midnight, recorded after it (Redis was away): the day before counts it, like its case."""
    midnight = datetime(2026, 11, 18, 16, 0, tzinfo=UTC)
    queue.record([reseen(report("r1"), midnight - timedelta(seconds=1))], midnight + timedelta(minutes=5))
    assert len(queue.cases_of("2026-11-18")) == 1
    assert queue.counts("2026-11-18")["cases:resident"] == 1
    assert queue.counts("2026-11-19") == {}


def test_old_cases_at_one_spot_do_not_stop_merging(queue: DispatchQueue) -> None:
    """Forty forgotten cases beside it, and still the second alert of today joins the first."""
    for n in range(40):
        queue.record([alert("D-1", f"old{n}", series=f"old{n}", seconds=n * 3600)], later(n * 3600))
    again = 41 * 3600.0
    first = queue.record([alert("D-1", "a", series="a", seconds=again)], later(again)).opened
    assert len(first) == 1
    recorded = queue.record([alert("D-2", "b", series="b", seconds=again + 5, lon=119.2003)], later(again + 5))
    assert (recorded.opened, recorded.merged) == ((), 1)


def test_a_case_is_over_when_the_last_of_its_alerts_has_ended(queue: DispatchQueue) -> None:
    """Two cameras, one case: the end of the first says nothing; a third alert takes an end back."""
    queue.record([alert("D-1", "1"), alert("D-2", "1", lon=119.2003)], NOW)

    def ended() -> int | None:
        return queue.open_cases()[0].ended

    queue.record([alert("D-1", "2", "end", seconds=5)], NOW)
    assert ended() is None
    queue.record([alert("D-2", "2", "end", seconds=6, lon=119.2003)], NOW)
    assert ended() == millis(later(6))
    queue.record([alert("D-3", "1", seconds=7)], NOW)
    assert ended() is None


def test_an_update_may_raise_the_priority_and_an_older_one_changes_nothing(queue: DispatchQueue) -> None:
    """It burns higher: the case follows. The older message that comes late does not take it back."""
    queue.record([alert("D-1", "1", priority=4), alert("D-1", "3", "update", seconds=9, priority=1)], NOW)
    queue.record([alert("D-1", "2", "update", seconds=5, priority=3)], NOW)
    assert queue.open_cases()[0].priority == 1


def test_a_device_confirms_a_report(queue: DispatchQueue) -> None:
    """A camera that sees what a resident reported: verified and accepted by rule, with the clock to handle."""
    (no,) = queue.record([report("r1")], NOW).opened
    queue.record([alert("D-1", "1", seconds=60)], later(60))
    case = queue.case(no)
    assert case is not None
    assert (case.state, case.version, case.by) == (State.ACCEPTED, 3, "rule")
    assert [clock.name for clock in case.clocks] == ["respond", "handle"]
    assert [entry.act for entry in queue.log(no)] == ["report", "join", "verify", "accept"]


def test_two_readings_hours_apart_have_not_held(queue: DispatchQueue) -> None:
    """High once, and high again ten hours later: nobody knows what was between, so it begins anew."""
    for n, seconds in enumerate((0, 36_000)):
        queue.record([reading("S-1", str(n), 2.9, seconds)], later(seconds))
    assert queue.alerts() == []


def test_a_last_will_counts_from_when_it_was_sent(queue: DispatchQueue) -> None:
    """A will bears the time of the connect; the broker sends it an hour later, and then the device is offline."""
    queue.record([status("D-1", "hello", "online", 10)], later(10))
    will = status("D-1", "will", "offline", 0)
    queue.record([will._replace(event=replace(will.event, received=later(3600)))], later(3600))
    assert queue.devices()["D-1"]["state"] == "offline"


def test_what_failed_is_said_again_when_asked_again(queue: DispatchQueue) -> None:
    """The answer got lost and the call is repeated: the event that could not be handled is not taken for recorded."""
    queue.redis.set(queue.keys.patrol("P-1"), "not a hash")
    first, again = queue.record([fix("P-1", "1", 0)], NOW), queue.record([fix("P-1", "1", 0)], NOW)
    assert len(first.failed) == 1
    assert again.failed == first.failed


def test_strangers_leave_nothing_that_stays(queue: DispatchQueue) -> None:
    """Unknown sensors are recorded, and no device row is made of them; an unknown mover's row expires."""
    strange = reading("nobody", "1", 2.9, 0)._replace(who="other", intent=Intent(listed=True))
    queue.record([strange, fix("stranger", "1", 0, flags=(Flag.UNREGISTERED,))], NOW)
    assert queue.devices() == {}
    assert set(queue.unknown()) == {"nobody"}
    assert queue.redis.ttl(queue.keys.patrol("stranger")) > 0
    assert queue.redis.ttl(queue.keys.patrol("P-1")) == -1


def reseen(tagged: Tagged, received: datetime) -> Tagged:
    """The same message, received at another time."""
    return tagged._replace(event=replace(tagged.event, received=received, at=received))
