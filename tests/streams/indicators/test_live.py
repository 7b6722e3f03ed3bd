"""A stretch of the simulated town: the archive's indicators are the live figures of the day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

import pytest

from geo.tracks import Fix, length
from streams import scoring
from streams.archive.follow import Keeper
from streams.archive.reading import Archive
from streams.archive.store import Store
from streams.indicators.counting import Counting, span
from streams.indicators.definitions import indicators
from streams.indicators.groups import Site, group
from streams.indicators.living import Living
from streams.model import Kind
from streams.simulator import Place
from streams.snapshot import Snapshot
from streams.workflow import OPEN
from tests.story.test_simulated_day import DATA, DAY, MIDNIGHT, TZ, Played, played


class Morning(NamedTuple):
    """What was played, and its archive."""

    played: Played
    archive: Archive
    now: datetime


@pytest.fixture(scope="module")
def morning(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Morning]:
    """An hour and a half of the morning; most of it is in files, the last stretch only in Redis."""
    folder = tmp_path_factory.mktemp("morning")
    with played(folder, 8.0, 9.5) as found:
        keeper = Keeper(found.queue, Store(folder / "archive", found.queue.keys.site), Snapshot)
        keeper.take()
        keeper.commit(found.now)
        found.play.until(found.now + timedelta(minutes=15))
        yield Morning(found, Archive(keeper.store, TZ, found.queue.redis), found.now)


def counted(morning: Morning, by: str = "", source: Archive | Living | None = None) -> Counting:
    """Counting the day, by a group."""
    desk, day = morning.played.play.desk, date.fromisoformat(DAY)
    site = Site(Place.load(DATA / "towns" / "wanghai").gridset, desk.matters, desk.register, desk.organisation)
    asked = span(day, day, TZ, morning.now)
    whole = Counting(source or morning.archive, asked, matters=desk.matters)
    return Counting(whole.source, asked, "", group(site, by), desk.matters) if by else whole


def live(morning: Morning) -> scoring.Figures:
    """The live figures of the day, as the daily report shows them."""
    queue, matters = morning.played.queue, morning.played.play.desk.matters
    leads = {key: matter.lead for key, matter in matters.matters.items()}
    cases = [*queue.cases_of(DAY), *queue.closed_on(DAY), *queue.open_cases()]
    return scoring.figures(cases, MIDNIGHT, morning.now, leads, queue.counts(DAY))


@pytest.mark.parametrize("kept", ["archive", "redis"])
def test_the_indicators_are_the_live_figures(morning: Morning, kept: str) -> None:
    """Every figure that both have, to the last case; from the archive and from Redis."""
    source = Living(morning.played.queue, morning.archive) if kept == "redis" else morning.archive
    (row,) = counted(morning, source=source).figures()
    found, figures = row.figures, live(morning)
    came, due = figures.came_in, figures.fell_due
    assert came.inflow > 10
    for name in ("dispatched", "waiting", "rejected", "merged"):
        assert found[name] == getattr(came, name), name
    assert found["reported"] == came.inflow
    assert {origin: found[f"reported_{origin}"] for origin in scoring.ORIGINS} == came.by_origin
    assert (found["due"], found["due_ahead"], found["due_closed"]) == (due.due, due.ahead, due.closed)
    assert found["closed_on_time"] == due.on_time
    if due.due > due.ahead:
        assert found["closing_rate"] == pytest.approx(due.closing_rate)
        assert found["on_time_closing_rate"] == pytest.approx(due.on_time_rate)
        assert found["on_time_handling_rate"] == pytest.approx(due.handled_on_time / due.due)
    assert found["closed"] == figures.closed.closed > 0
    assert found["mean_handling"] == pytest.approx(figures.closed.mean_handling)
    if kept == "archive":
        said = figures.announced
        assert said.alerts > 0
        assert (found["alerts_first"], found["announced"], found["announced_settled"]) == (
            said.alerts, said.announced, said.settled,
        )  # fmt: skip
        assert found["settled_share"] == pytest.approx(said.share)


@pytest.mark.parametrize("by", ["grid", "department"])
def test_the_groups_are_those_of_the_live_figures(morning: Morning, by: str) -> None:
    """Each grid and each lead department has the same part of each cohort."""
    shares = live(morning).by_grid if by == "grid" else live(morning).by_department
    found = {row.key: row.figures for row in counted(morning, by).figures()}
    for key, share in shares.items():
        of = found.get(key, {})
        parts = (share.inflow, share.due, share.due_closed, share.due_on_time, share.closed)
        names = ("reported", "due", "due_closed", "closed_on_time", "closed")
        assert tuple(of.get(name, 0) for name in names) == parts, key


def test_what_acts_say_is_in_the_logs(morning: Morning) -> None:
    """Accepted, sent right at once, sent back, fed back: as the logs of the cases that came in tell."""
    queue = morning.played.queue
    cases = {case.no: case for case in queue.cases_of(DAY)}
    logs = {no: [entry for entry in queue.log(no) if entry.detail != "late"] for no in cases}
    done = {no: [entry.act for entry in log] for no, log in logs.items()}
    (row,) = counted(morning).figures()
    assert row.figures["accepted"] == sum("accept" in acts for acts in done.values())
    sent = {no for no, acts in done.items() if "dispatch" in acts}
    wrong = {no for no in sent if {"decline", "withdraw", "return"} & set(done[no])}
    assert row.figures["correct_dispatch_rate"] == pytest.approx(1 - len(wrong) / len(sent))
    handled = {no for no, acts in done.items() if "handle" in acts}
    again = {no for no in handled if "rework" in done[no]}
    assert row.figures["rework_rate"] == pytest.approx(len(again) / len(handled))
    assert row.figures["still_open"] == sum(case.state in OPEN for case in cases.values())
    arrived = [
        (clock.done - clock.start) / 1000 for case in cases.values() for clock in case.clocks
        if clock.name == "arrive" and clock.done is not None
    ]  # fmt: skip
    assert row.figures["mean_arrival"] == pytest.approx(sum(arrived) / len(arrived))


def test_each_figure_of_the_town_opens_to_its_cases(morning: Morning) -> None:
    """Also the alerts: as many as the figure says, each once."""
    counting = counted(morning)
    (row,) = counting.figures()
    for each in indicators().values():
        if each.measure == "count" and each.name in row.figures:
            behind = [one.no for one in counting.cases_of(each.name)]
            assert len(behind) == len(set(behind)) == row.figures[each.name], each.name


def test_the_kilometres_are_those_of_the_fixes(morning: Morning) -> None:
    """Each patrol's way from fix to believed fix, as it was recorded, without gaps; and the grids it was in."""
    whole = counted(morning, "patrol")
    counting = Counting(whole.source, whole.span, "", whole.by, tracks=True)
    found = {row.key: row.figures for row in counting.figures()}
    fixes: dict[str, list[Fix]] = defaultdict(list)
    grids: dict[str, set[str]] = defaultdict(set)
    for each in morning.played.queue.events(1_000_000):
        if each.event.kind is Kind.POSITION and not each.flag and each.event.position:
            fixes[each.event.device].append(Fix(each.event.at, each.event.position))
            grids[each.event.device] |= {each.event.grid or ""} - {""}
    assert fixes
    for device, track in fixes.items():
        ordered = sorted(track, key=lambda fix: fix.at)
        way = sum(length(pair) for pair in pairwise(ordered) if pair[1].at - pair[0].at <= timedelta(minutes=10))
        assert found[device]["kilometres"] == pytest.approx(way / 1000), device
        assert found[device]["grids_visited"] == len(grids[device]), device
