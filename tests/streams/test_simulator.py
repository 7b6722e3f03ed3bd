"""The simulated town: deterministic, believable, understood by the centre, and it answers its tasks."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import msgspec
import pytest
import shapely

from geo.places import Position, metres
from streams import dialects
from streams.embedded import Broker
from streams.matters import load_matters
from streams.model import Event, Flag
from streams.mqtt import Publisher, Subscriber
from streams.simulated_alerts import CAMERAS
from streams.simulated_devices import QUANTITIES, RISE
from streams.simulated_reports import RESIDENTS, VILLAGES
from streams.simulator import ORDINARY, Place, Sent, Town, simulate
from tests.conftest import wait_until
from tests.streams.simulated import DATA, MORNING, body, kind, name, seconds, task, wanghai

NIGHT = datetime(2026, 11, 18, 18, 30, tzinfo=UTC)  # 2.30 h


@pytest.fixture(scope="module")
def place() -> Place:
    return wanghai()


def town(place: Place, start: datetime = MORNING, *, seed: int = 7, speed: float = 1.0) -> Town:
    return Town(place, site="here", seed=seed, start=start, speed=speed)


def run(town: Town, seconds: float, start: datetime = MORNING) -> list[Sent]:
    return list(town.until(start + timedelta(seconds=seconds)))


def walkers(sent: Iterable[Sent]) -> dict[str, list[Sent]]:
    fixes: dict[str, list[Sent]] = defaultdict(list)
    for each in sent:
        if kind(each) == "position":
            fixes[name(each)].append(each)
    return fixes


def spot(fix: Sent) -> Position:
    return Position(body(fix)["lon"], body(fix)["lat"])


def someone(place: Place, town: Town) -> tuple[str, tuple[float, float]]:
    """An officer on foot who is on duty after a minute, and where."""
    fixes = walkers(run(town, 60))
    patrol = next(name for name in sorted(fixes) if place.register.patrols[name].kind == "person")
    here = spot(fixes[patrol][-1])
    return patrol, (here.lon, here.lat)


def test_one_seed_gives_identical_messages(place: Place) -> None:
    """Two runs of one seed with the same tasks are the same byte by byte; another seed is another day."""

    def first_minutes(seed: int) -> list[Sent]:
        played = town(place, seed=seed)
        sent = run(played, 60)
        played.task("P-001", task("assign", "d1", (119.2, 34.9)), MORNING + timedelta(seconds=60))
        return sent + run(played, 900)

    one = first_minutes(7)
    assert one == first_minutes(7)
    assert one != first_minutes(8)


def test_small_steps_give_the_same_as_a_large_one(place: Place) -> None:
    """How often the shell asks does not change what happens."""
    played = town(place)
    steps = [each for second in range(0, 301, 7) for each in run(played, second)]
    steps += run(played, 300)
    assert steps == run(town(place), 300)


def test_a_task_changes_nothing_about_the_others(place: Place) -> None:
    """Only the officer who was sent behaves differently; all others say the same at the same times."""

    def others(assigned: str | None) -> list[tuple[datetime, str, dict[str, Any]]]:
        played = town(place)
        patrol, here = someone(place, played)
        if assigned:
            played.task(patrol, task("assign", assigned, here), MORNING + timedelta(seconds=60))
        said = [(each.at, each.topic, body(each)) for each in run(played, 600) if name(each) != patrol]
        return [(at, topic, {key: value for key, value in doc.items() if key != "id"}) for at, topic, doc in said]

    assert others("d1") == others(None)


def test_ids_are_never_used_twice(place: Place) -> None:
    """Within a run and after a restart every message has an id of its own."""
    ids = [body(each)["id"] for each in run(town(place), 600)]
    later = MORNING + timedelta(seconds=30)
    ids += [body(each)["id"] for each in run(town(place, later), 600, later)]
    assert len(ids) == len(set(ids))


def test_the_centre_understands_every_message(place: Place) -> None:
    """Nothing is refused or ignored; only reports may lack a place, and everybody is registered."""
    seen: Counter[str] = Counter()
    for each in run(town(place), 3600):
        events = dialects.decode(each.topic, each.payload, received=each.at, site="here", register=place.register)
        assert isinstance(events, list), each
        for event in events:
            assert isinstance(event, Event)
            seen[event.kind] += 1
            allowed = {Flag.UNPLACED} if event.kind == "report" else set()
            assert set(event.flags) <= allowed, each
    assert set(seen) == {"position", "alert", "reading", "report", "status"}


def test_every_category_is_in_the_catalogue() -> None:
    """What cameras see and people report opens a matter of the catalogue."""
    matters = load_matters(DATA / "matters.toml")
    seen = {category for kinds in CAMERAS.values() for category in kinds}
    reported = {category for sources in (RESIDENTS, VILLAGES) for kinds in sources.values() for category in kinds}
    assert seen | reported <= set(matters.by_category) | {"other"}


def test_excursions_pass_the_thresholds_long_enough() -> None:
    """Each quantity with a threshold goes past it for longer than the rule wants, and is usually well clear of it."""
    matters = load_matters(DATA / "matters.toml")
    for quantity, rule in matters.thresholds.items():
        scale = QUANTITIES[quantity]
        sign = 1 if rule.direction == "above" else -1
        assert sign * scale.peak > sign * rule.raise_at
        assert sign * (scale.usual + sign * scale.wave) < sign * rule.clear_at
        ramp = (rule.raise_at - scale.usual) / (scale.peak - scale.usual) / RISE
        assert scale.lasts * (1 - 2 * ramp) > rule.hold + 2 * scale.step


@pytest.mark.parametrize("start", [MORNING, NIGHT])
@pytest.mark.parametrize("speed", [1.0, 10.0])
def test_the_opening_scene(place: Place, start: datetime, speed: float) -> None:
    """At any hour all on duty say where they are within 2 s, and alerts and reports come within half a minute."""
    played = town(place, start, speed=speed)
    sent = run(played, 30, start)
    early = {name(each) for each in sent if kind(each) == "position" and seconds(each, start) <= 2}
    assert len(early) >= played.on_duty >= 10
    counted = Counter(kind(each) for each in sent if kind(each) != "alert" or body(each)["phase"] == "new")
    assert counted["alert"] >= 3
    assert counted["report"] >= 4


def test_a_day_has_its_rhythm(place: Place) -> None:
    """As many alerts and reports as an ordinary day, busiest in the morning and after the lunch break."""
    start = datetime(2026, 11, 17, 16, 0, tzinfo=UTC)  # midnight in the town
    counted: Counter[str] = Counter()
    hours: Counter[int] = Counter()
    for each in run(town(place, start), 86_400, start):
        what = kind(each)
        if what in ("position", "status", "reading") or (what == "alert" and body(each)["phase"] != "new"):
            continue
        counted["village" if body(each).get("attributes") else what] += 1
        hours[(each.at.hour + 8) % 24] += 1
    assert counted["alert"] == pytest.approx(ORDINARY.alerts, rel=0.25)
    assert counted["report"] == pytest.approx(ORDINARY.residents, rel=0.4)
    assert counted["village"] == pytest.approx(ORDINARY.villages, rel=0.4)
    assert sum(hours[hour] for hour in (8, 9, 10)) > 2 * sum(hours[hour] for hour in (1, 2, 3))
    assert hours[14] + hours[15] > hours[12] + hours[13]


def test_about_three_in_four_are_out_by_day_and_fewer_by_night(place: Place) -> None:
    """Officers work in shifts; when one ends they say so and are silent."""
    day, night = town(place), town(place, NIGHT)
    run(day, 10)
    run(night, 10, NIGHT)
    assert 0.6 <= day.on_duty / 70 <= 0.9
    assert night.on_duty < 0.6 * day.on_duty
    start = datetime(2026, 11, 18, 9, 59, tzinfo=UTC)  # one minute before the long day shift ends
    sent = run(town(place, start), 300, start)
    left = {name(each) for each in sent if kind(each) == "status" and body(each)["state"] == "off_duty"}
    gone = {each for each in left if each in walkers(sent)}
    assert gone
    last = {patrol: seconds(walkers(sent)[patrol][-1], start) for patrol in gone}
    assert max(last.values()) < 130


def test_officers_keep_to_the_roads_of_their_district(place: Place) -> None:
    """On the beat nobody is further than the noise of a receiver from a road, and few fixes leave the district."""
    roads = place.roads
    lines = [
        shapely.LineString([roads.corners[here], roads.corners[there]])
        for here, ways in enumerate(roads.ways) for there, _ in ways
    ]  # fmt: skip
    tree = shapely.STRtree(lines)
    inside = total = 0
    for patrol, fixes in walkers(run(town(place), 1200)).items():
        known = place.register.patrols[patrol]
        if known.kind == "vessel":
            continue
        area = place.gridset.by_code[known.district].geometry
        for fix in fixes[::20]:
            here = spot(fix)
            point = shapely.Point(roads.plane.metres(here.lon, here.lat))
            assert point.distance(lines[tree.nearest(point)]) < 20, patrol
            inside += area.contains(shapely.Point(here.lon, here.lat))
            total += 1
    assert inside / total > 0.9


@pytest.mark.parametrize(("speed", "limit"), [(1.0, 20.0), (60.0, 60.0)])
def test_nobody_moves_faster_than_believed(place: Place, speed: float, limit: float) -> None:
    """Two fixes in a row never imply a speed that the centre takes for an error, however fast the simulation."""
    span = 60.0 if speed > 1 else 300.0
    for fixes in walkers(run(town(place, speed=speed), span)).values():
        for one, other in zip(fixes, fixes[10:], strict=False):  # ten fixes, so that noise does not count
            passed = (other.at - one.at).total_seconds()
            assert metres(spot(one), spot(other)) / passed < limit


def test_vessels_stay_at_sea(place: Place) -> None:
    """A vessel is never on land."""
    features = json.loads((DATA / "towns" / "wanghai" / "basemap.geojson").read_text())["features"]
    land = shapely.union_all(
        [shapely.geometry.shape(each["geometry"]) for each in features if each["properties"]["layer"] == "land"]
    )
    boats = {patrol.id for patrol in place.register.patrols.values() if patrol.kind == "vessel"}
    start = datetime(2026, 11, 18, 0, 30, tzinfo=UTC)
    fixes = [fix for boat, fixes in walkers(run(town(place, start, seed=3), 3600, start)).items() if boat in boats
             for fix in fixes[::10]]  # fmt: skip
    assert fixes
    for fix in fixes:
        assert not land.contains(shapely.Point(body(fix)["lon"], body(fix)["lat"]))


def test_a_task_is_answered_in_order(place: Place) -> None:
    """Acknowledged after 5 to 40 s, then on the way by road, there, handled with a text; then back on the beat."""
    played = town(place, seed=9)
    patrol, here = someone(place, played)
    goal = (here[0] + 0.008, here[1] + 0.004)
    played.task(patrol, task("assign", "d1", goal), MORNING + timedelta(seconds=60))
    sent = run(played, 3600)
    replies = [each for each in sent if kind(each) == "reply"]
    assert [name(each) for each in replies] == [patrol] * 4
    docs = [body(each) for each in replies]
    assert [doc["act"] for doc in docs] == ["acknowledge", "depart", "arrive", "handle"]
    assert {(doc["dispatch"], doc["case"]) for doc in docs} == {("d1", "c1")}
    assert docs[-1]["text"]
    assert 65 <= seconds(replies[0]) <= 105
    fixes = walkers(sent)[patrol]
    at_arrival = min(fixes, key=lambda fix: abs(seconds(fix) - seconds(replies[2])))
    assert metres(spot(at_arrival), Position(*goal)) < 30
    last = spot(fixes[-1])
    assert metres(last, Position(*goal)) > 30, "it goes on after the work"


def test_a_patrol_that_is_played_by_hand_walks_and_answers_nothing(place: Place) -> None:
    """Its person says when it is on duty and what it does; the town only moves it."""
    played = Town(place, site="here", seed=9, start=MORNING, by_hand=("P-001",))
    played.task("P-001", task("assign", "d1", (119.2, 34.9)), MORNING + timedelta(seconds=60))
    mine = [each for each in run(played, 600) if name(each) == "P-001"]
    assert [body(each)["state"] for each in mine if kind(each) == "status"] == ["off_duty"]
    assert len([each for each in mine if kind(each) == "position"]) > 100
    assert not [each for each in mine if kind(each) == "reply"]


def test_a_task_that_comes_twice_is_answered_once(place: Place) -> None:
    """MQTT may deliver a task again: the same dispatch is not begun anew."""
    played = town(place, seed=9)
    patrol, here = someone(place, played)
    for after in (60, 61, 70):
        played.task(patrol, task("assign", "d1", here), MORNING + timedelta(seconds=after))
    acts = [body(each)["act"] for each in run(played, 1800) if kind(each) == "reply"]
    assert acts == ["acknowledge", "depart", "arrive", "handle"]


def test_a_withdrawn_task_is_dropped(place: Place) -> None:
    """After a withdrawal no further answer comes for that dispatch."""
    played = town(place, seed=9)
    patrol, here = someone(place, played)
    played.task(patrol, task("assign", "d1", (here[0] + 0.05, here[1])), MORNING + timedelta(seconds=60))
    early = run(played, 110)
    played.task(patrol, task("withdraw", "d1"), MORNING + timedelta(seconds=110))
    late = run(played, 3600)
    assert [body(each)["act"] for each in early if kind(each) == "reply"] == ["acknowledge", "depart"]
    assert not [each for each in late if kind(each) == "reply"]


def test_some_decline_and_nobody_off_duty_goes(place: Place) -> None:
    """One task in twenty or so is declined with a reason; an officer off duty always declines."""
    played = town(place)
    sent = run(played, 60)
    on_duty = walkers(sent)
    for number, patrol in enumerate(place.register.patrols):
        for turn in range(3):
            at = MORNING + timedelta(seconds=60)
            played.task(patrol, task("assign", f"d{number}-{turn}", (119.2, 34.9)), at)
    declined = [each for each in run(played, 95) if kind(each) == "reply" and body(each)["act"] == "decline"]
    assert all(body(each)["text"] for each in declined)
    off = [name(each) for each in declined if name(each) not in on_duty]
    assert len(off) == 3 * (70 - len(on_duty))
    assert 1 <= len(declined) - len(off) <= 0.15 * 3 * len(on_duty)


@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b'{"act":1}', b'{"act":"sing","dispatch":"d"}'])
def test_a_task_that_is_none_is_left_alone(payload: bytes, place: Place) -> None:
    """Nonsense on a task topic, or a task for somebody else, disturbs nobody."""
    played = town(place)
    played.task("P-001", payload, MORNING)
    played.task("nobody", task("assign", "d1"), MORNING)
    assert not [each for each in run(played, 60) if kind(each) == "reply"]


def test_alerts_live_from_new_to_end(place: Place) -> None:
    """Each alert begins with one `new`, ends with one `end`, and keeps its name and category."""
    series: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for each in run(town(place), 3 * 3600):
        if kind(each) == "alert":
            series[body(each)["alert"]].append(body(each))
    finished = [docs for docs in series.values() if docs[-1]["phase"] == "end"]
    assert len(finished) > 10
    for docs in finished:
        assert [doc["phase"] for doc in docs] == ["new", *["update"] * (len(docs) - 2), "end"]
        assert len({doc["category"] for doc in docs}) == 1


def test_one_network_is_down_and_some_devices_fall_silent(place: Place) -> None:
    """Twelve of thirteen networks speak in the first hours; devices go offline and come back."""
    place = replace(place, register=replace(place.register, patrols=MappingProxyType({})))
    fixed = place.register.devices
    spoke = {fixed[name(each)].source for each in run(town(place), 3700) if name(each) in fixed}
    assert {device.source for device in fixed.values()} - spoke == {"weather"}
    states = Counter(
        body(each)["state"] for each in run(town(place), 12 * 3600) if kind(each) == "status" and name(each) in fixed
    )
    assert states["offline"] >= 1
    back = [name(each) for each in run(town(place), 3 * 3600) if name(each) in fixed
            and fixed[name(each)].source == "weather"]  # fmt: skip
    assert back


def test_a_county_is_generated_fast_enough(place: Place) -> None:
    """5,000 patrols: at least 1,000 positions a second come out, which is as many as they have to say."""
    many = {
        f"{patrol.id}-{copy}": msgspec.structs.replace(patrol, id=f"{patrol.id}-{copy}", external="")
        for patrol in place.register.patrols.values() for copy in range(72)
    }  # fmt: skip
    county = replace(place, register=replace(place.register, patrols=MappingProxyType(many)))
    played = town(county)
    run(played, 5)
    begin = time.process_time()
    positions = sum(kind(each) == "position" for each in run(played, 15))
    assert positions > 5000
    assert positions / (time.process_time() - begin) > 1000


def test_tasks_are_answered_over_a_real_broker(broker: Broker, place: Place) -> None:
    """The shell publishes the town, hears a task by MQTT and answers it in order; it stops when told."""
    start = datetime.now(UTC)
    played = Town(place, site="here", seed=9, start=MORNING.replace(year=start.year), speed=100)
    shift = start - played.start
    stop = threading.Event()
    fixes: dict[str, dict[str, Any]] = {}
    acts: list[str] = []
    topics = ["gridpost/here/position/+", "gridpost/here/reply/+"]
    counts: list[int] = []
    with Subscriber(broker.url, topics, client_id="watcher") as watcher, Publisher(broker.url, "centre") as centre:
        wait_until(lambda: watcher.connected, what="connected")
        worker = threading.Thread(
            target=lambda: counts.append(
                simulate(played, broker.url, site="here", stop=stop, now=lambda: datetime.now(UTC) - shift)
            )
        )
        worker.start()
        sent_to: str | None = None
        deadline = time.monotonic() + 60
        while acts != ["acknowledge", "depart", "arrive", "handle"] and time.monotonic() < deadline:
            batch = watcher.take()
            for message in batch.messages if batch else ():
                patrol = message.topic.split("/")[3]
                if "/reply/" in message.topic and patrol == sent_to:
                    acts.append(json.loads(message.payload)["act"])
                fixes[patrol] = json.loads(message.payload)
            if batch:
                batch.acknowledge()
            if sent_to is None and len(fixes) > 20:
                sent_to = min(fixes)
                here = fixes[sent_to]
                centre.send(f"gridpost/here/task/{sent_to}", task("assign", "d1", (here["lon"], here["lat"])))
        stop.set()
        worker.join(20)
        assert not worker.is_alive()
    assert acts == ["acknowledge", "depart", "arrive", "handle"]
    assert counts[0] > 1000
