"""The benchmarks run, and their own checks hold and can fail; how fast anything is, is asked nowhere here."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import numpy as np
import pytest
import shapely
import shapely.affinity
from typer.testing import CliRunner

from app.bench import (
    Machine,
    Report,
    Row,
    alternate,
    browser,
    dispatching,
    feed,
    ingest,
    machine,
    mix,
    tagging,
    town_day,
)
from app.bench.command import bench
from app.bench.county import county
from app.bench.worker import registered
from geo.grids import GridSet, load
from geo.places import Position
from geo.tagging import GridIndex
from streams.dialects import decode
from streams.recommend import Standing
from streams.what_if.policies import nearest

NOW = datetime(2026, 11, 18, 6, tzinfo=UTC)


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the county, made once."""
    folder = tmp_path_factory.mktemp("bench")
    county(folder)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def grids(state: Path) -> GridSet:
    """The county's grids."""
    return load(county(state) / "grids.geojson")


def test_the_county_is_made_once(state: Path) -> None:
    """The second call finds the files of the first and changes nothing."""
    before = {path: path.stat().st_mtime_ns for path in county(state).iterdir()}
    assert len(before) == 6
    assert {path: path.stat().st_mtime_ns for path in county(state).iterdir()} == before


def test_tagging_agrees_with_the_exact_test_on_both_kinds_of_borders(state: Path) -> None:
    """Four comparisons, no mismatch."""
    found = tagging.run(state, tagging.Sizes(places=20_000, batched=2_560, single=300, rounds=1))
    assert found.broken == ()
    assert [row.what.partition(",")[0] for row in found.rows] == ["as made", "as made", *["surveyed borders"] * 2]
    assert sum("0 mismatches on 20,000" in note for note in found.notes) == 2


def test_a_wrong_grid_is_noticed(grids: GridSet) -> None:
    """An index over other grids than the exact test asks gives mismatches."""
    moved = tuple(replace(each, geometry=shapely.affinity.translate(each.geometry, 0.001)) for each in grids.grids)
    lons, lats = tagging.places(grids, 5_000, 1)
    assert tagging.mismatches(GridIndex(GridSet(moved)), tagging.Plain(grids), lons, lats) > 100


def test_surveyed_borders_still_tile(grids: GridSet) -> None:
    """Bent borders are shared: no gap and no overlap, and about four times the corners."""
    bent = tagging.surveyed(grids)
    area = sum(each.geometry.area for each in bent.finest)
    assert shapely.union_all([each.geometry for each in bent.finest]).area == pytest.approx(area, rel=1e-9)
    corners = [shapely.get_num_coordinates([each.geometry for each in of.finest]).sum() for of in (grids, bent)]
    assert corners[1] > 3.5 * corners[0]


def test_the_plain_way_names_the_smallest_code_on_a_border(grids: GridSet) -> None:
    """On a corner that several grids share, one by one and in a batch, it is the smallest code of those that cover."""
    corners = shapely.get_coordinates([each.geometry for each in grids.finest])[::500]
    plain = tagging.Plain(grids)
    wanted = [
        min(each.code for each in grids.finest if each.geometry.intersects(shapely.Point(corner))) for corner in corners
    ]
    assert plain.codes(corners[:, 0].copy(), corners[:, 1].copy()) == wanted
    assert [plain.code(float(lon), float(lat)) for lon, lat in corners] == wanted


def test_the_mix_is_understood_and_nearly_all_positions(state: Path) -> None:
    """Every message decodes to one event; ids are never used twice; 95 % are positions."""
    register = registered(county(state))
    packets = mix.mix(register, [(120.3, 33.4)], "county", 4_000, NOW, seed=1)
    events = [
        decode(topic, payload, received=NOW, site="county", register=register) for topic, payload in packets
    ]
    found = [event for each in events if isinstance(each, list) for event in each]
    assert len({(event.source, event.id) for event in found}) == len(packets)
    assert sum(event.kind == "position" for event in found) == pytest.approx(0.95 * len(packets), rel=0.02)
    assert {event.kind.value for event in found} == {"position", "alert", "reading", "report", "status"}


def test_both_workers_record_every_message(state: Path) -> None:
    """Nothing lost, nothing twice, no dead letter, and cases opened."""
    found = ingest.run(state, ingest.Sizes(ours=3_000, plain=300, rounds=1))
    assert found.broken == ()
    assert " 0 cases opened" not in found.notes[0]


def test_every_listener_gets_every_change(state: Path) -> None:
    """Cases, alerts and the last position of every patrol reach every listener of the real web process."""
    found = feed.run(state, feed.Sizes(listeners=5, plain=2, patrols=300, seconds=2))
    assert found.broken == ()
    assert "every listener: 8 case and 8 alert changes" in found.notes[0]


def test_a_change_that_a_listener_missed_is_said() -> None:
    """Each condition of the feed has its sentence."""
    heard = {"seen": {"case": [8, 7], "alert": [8, 8]}, "moved": [300, 300], "last": [10, 5], "dropped": 1}
    outcome = feed.Outcome(heard, feed.Written(600, 8, 8, 9), 1.0, 2.0)
    assert list(feed.missing(outcome, 300)) == [
        "a listener got 7 of 8 case changes", "a listener has a position that is 4 ms older than the last",
        "1 listeners were disconnected",
    ]  # fmt: skip


@pytest.mark.browser
def test_the_map_is_drawn_while_it_is_measured(state: Path) -> None:
    """Dots and trails are on the screen in both ways, else the benchmark says so."""
    found = browser.run(state, browser.Sizes(patrols=200, ticks=1, rounds=1, map=(1168, 1020)))
    if found.skipped:
        pytest.skip(found.skipped)
    assert found.broken == ()


def test_a_ratio_is_the_median_of_the_rounds() -> None:
    """Drift that both ways share cancels out: the ratio is taken in each round."""
    ours, plain = iter([10.0, 100.0, 30.0]), iter([5.0, 50.0, 15.0])
    assert alternate(lambda: next(ours), lambda: next(plain), 3) == (30.0, 15.0, 2.0)


def test_the_table_is_aligned_and_says_what_is_missed() -> None:
    """Columns stand below each other; a goal is met or missed; a broken condition is told apart."""
    rows = (Row("one", "1 ms", "20 ms", 20.0, ">= 4x", True), Row("a longer one", "100 ms", goal=">= 1", met=False))
    lines = str(Report("feed", "what", rows, notes=("a note",), broken=("it is wrong",))).splitlines()
    assert lines[2].endswith("  met")
    assert lines[3].endswith("  MISSED")
    assert lines[2].index("1 ms") + len("1 ms") == lines[3].index("100 ms") + len("100 ms")
    assert lines[-1] == "  BROKEN: it is wrong"


def test_the_machine_is_named() -> None:
    """Cores, processor, memory and Python stand above the figures."""
    said = str(machine())
    assert "cores" in said
    assert "Python 3" in said
    made_up = Machine(2, "X", 2**31, "Linux 6", "3.11.7", 0.5)
    assert str(made_up) == "2 cores, X, 2.0 GiB, Linux 6, Python 3.11.7, load 0.5"


def test_a_broken_condition_makes_the_command_fail(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Exit code 1 when something that must hold does not. (The finding is made up: a real one would be a fault.)"""
    import typer

    app = typer.Typer()
    app.command()(bench)
    found = Report("tagging", "what", broken=("3 places got another grid",))
    monkeypatch.setattr("app.bench.command.measured", lambda *_: found)
    done = CliRunner().invoke(app, ["tagging", "--state", str(tmp_path)])
    assert done.exit_code == 1
    assert "BROKEN: 3 places got another grid" in done.output


def test_random_places_also_lie_outside(grids: GridSet) -> None:
    """Places outside are part of what is compared."""
    lons, lats = tagging.places(grids, 2_000, Random(2).randrange(100))
    answers = GridIndex(grids).codes_many(lons, lats)
    assert 0 < np.count_nonzero(answers < 0) < len(answers)


@pytest.fixture(scope="module")
def town() -> town_day.Town:
    """The demo town of the benchmark of dispatching."""
    return town_day.Town.load(dispatching.TOWN, dispatching.MATTERS)


def test_every_way_to_dispatch_meets_the_same_day(town: town_day.Town) -> None:
    """The same seed gives the same cases, another one others; twice the load is about twice as many, in order."""
    day, again, other = (town_day.demands(town, seed) for seed in (1, 1, 2))
    assert day == again
    assert day != other
    assert 380 < len(day) < 560
    assert 1.8 < len(town_day.demands(town, 1, 2.0)) / len(day) < 2.2
    assert [each.received for each in day] == sorted(each.received for each in day)
    assert any(each.wanted.at_sea for each in day)


def test_a_day_is_served_to_its_end_by_every_way(town: town_day.Town) -> None:
    """Nobody is on two cases at once, no case is lost, and played twice it goes the same way."""
    found, wrong = dispatching.days(town, 1.0, 1, 20261118)
    assert wrong == []
    assert found["overall"].mean < found["random"].mean / 2
    assert found["nearest"].mean < found["random"].mean / 2


def test_the_faults_of_a_day_are_noticed() -> None:
    """A patrol on two cases at once, a case served twice, one lost, one that nobody went to."""

    def one(case: str, patrol: str, sent: float) -> town_day.Served:
        return town_day.Served(case, patrol, 3, 0.0, sent, sent + 60, sent + 120, 100.0, 1.0, 0)

    fine = [one("1", "P", 0), one("2", "P", 120), one("3", "Q", 0)]
    assert list(dispatching.faults(fine, 3, [])) == []
    assert "P was sent to 2 while" in next(dispatching.faults([one("1", "P", 0), one("2", "P", 119)], 2, []))
    assert "2 served" in next(dispatching.faults([one("1", "P", 0), one("1", "Q", 0)], 2, []))
    assert "3 served" in next(dispatching.faults(fine, 4, []))
    assert "nobody ever went" in next(dispatching.faults(fine, 4, ["4"]))


def test_the_plain_way_sends_the_nearest_to_the_oldest(town: town_day.Town) -> None:
    """It takes cases in their order, never a vessel to land, and leaves those out for whom nobody is left."""
    day = town_day.demands(town, 1)
    first, second = [each.wanted for each in day if not each.wanted.at_sea][:2]
    here = Position(first.case.lon or 0.0, first.case.lat or 0.0)
    free = [
        Standing("boat", "free", here, kind="vessel"), Standing("near", "free", Position(here.lon + 0.001, here.lat)),
        Standing("far", "free", Position(here.lon + 0.1, here.lat)),
    ]  # fmt: skip
    sent = list(nearest([first, second], free, NOW))
    assert sent == [(first.case.no, "near"), (second.case.no, "far")]
    assert list(nearest([first], free[:1], NOW)) == []


def test_the_list_of_the_county_is_timed(state: Path) -> None:
    """5,000 patrols, a time for the list and one for as many single ways; the figures themselves are not asked."""
    row = dispatching.timed(state, dispatching.Sizes(days=1, ways=2, lists=2), 1)
    assert row.what == "list of 5,000 patrols"
    assert row.ratio is not None
    assert row.ratio > 1
