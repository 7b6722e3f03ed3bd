"""The indicators over an archive: published figures are met, cohorts stay apart, every figure opens to its cases."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from streams import scoring
from streams.errors import Refused
from streams.indicators.counting import Counting, span
from streams.indicators.definitions import COHORTS, SQL, indicators, read
from streams.indicators.groups import Group
from streams.model import Case, Clock, Entry, State
from tests.streams.indicators.kept import DAY, HOUR, NOW, SHANGHAI, ZERO, case, handle, keep, of_day


def only(counting: Counting) -> dict[str, float | None]:
    """The figures of the one row there is."""
    (row,) = counting.figures()
    return row.figures


def done(case_no: str, name: str, hour: float, **more: str) -> tuple[str, Entry]:
    """An act on a case at an hour of the day."""
    return case_no, Entry(ZERO + int(hour * HOUR), "李队", "operator", name, "", "", 1, **more)


def test_the_published_rates(tmp_path: Path) -> None:
    """Due 972, closed 911, on time 737: 93.72 % and 75.82 %, whatever else came in or was closed on the day."""
    due = [case(n, State.CLOSED, closed=ZERO + 12 * HOUR, clocks=handle(17, done=12)) for n in range(737)]
    due += [case(n, State.RATED, closed=ZERO + 18 * HOUR, clocks=handle(17, done=16)) for n in range(737, 911)]
    due += [case(n, State.ON_SCENE, clocks=handle(17)) for n in range(911, 972)]
    other = [case(f"old-{n}", State.CLOSED, received=ZERO - 30 * HOUR, closed=ZERO + HOUR, clocks=handle(-2, -30, 0))
             for n in range(5)]  # fmt: skip
    other += [case(f"new-{n}", clocks=handle(41)) for n in range(40)]
    found = only(of_day(keep(tmp_path, [(ZERO + 20 * HOUR, each) for each in due + other])))
    assert (found["due"], found["due_closed"], found["closed_on_time"]) == (972, 911, 737)
    assert found["closing_rate"] == pytest.approx(0.9372, abs=5e-5)
    assert found["on_time_closing_rate"] == pytest.approx(0.7582, abs=5e-5)
    assert (found["reported"], found["closed"]) == (1012, 916)


def test_the_published_inflow(tmp_path: Path) -> None:
    """Residents 8,975 + villages 4,352 = dispatched 13,327 = closed 13,273 + open 54; 4,582 of them by the county."""
    cases = [
        case(
            n, State.ON_THE_WAY if n >= 13_273 else State.CLOSED, origin="resident" if n < 8_975 else "village",
            dispatched=ZERO + 11 * HOUR, closed=None if n >= 13_273 else ZERO + 12 * HOUR,
            owner="centre" if n % 13_327 < 4_582 else "王建国",
        )
        for n in range(13_327)
    ]  # fmt: skip
    found = only(of_day(keep(tmp_path, [(ZERO + 13 * HOUR, each) for each in cases])))
    assert (found["reported_resident"], found["reported_village"], found["reported_device"]) == (8_975, 4_352, 0)
    assert found["reported"] == found["dispatched"] == 13_327
    assert (found["settled"], found["still_open"], found["dispatched_centre"]) == (13_273, 54, 4_582)
    assert (found["waiting"], found["rejected"], found["merged"]) == (0, 0, 0)


def test_a_rate_of_nothing_is_none(tmp_path: Path) -> None:
    """A day without cases has counts of 0, and neither rates nor means."""
    found = only(of_day(keep(tmp_path, [(ZERO - 50 * HOUR, case(1, received=ZERO - 50 * HOUR))])))
    for each in indicators().values():
        if each.name in found:
            assert found[each.name] == (0 if each.measure == "count" else None), each.name


def test_nothing_is_decided_while_all_that_is_due_has_time(tmp_path: Path) -> None:
    """At noon what is due in the evening has no rate yet; what was closed by then counts."""
    archive = keep(tmp_path, [(ZERO + 10 * HOUR, case(1, State.ON_SCENE, clocks=handle(20)))])
    noon = NOW - timedelta(days=30) + timedelta(hours=12)
    found = only(of_day(archive, now=noon))
    assert (found["due"], found["due_ahead"], found["closing_rate"]) == (1, 1, None)
    assert only(of_day(archive))["closing_rate"] == 0.0


def test_the_cut_off_decides_which_state_counts(tmp_path: Path) -> None:
    """A day that is over stays as it was at its end; with a later cut-off it says what became of it."""
    late = case(1, State.ON_SCENE, clocks=handle(17))
    then = case(1, State.CLOSED, clocks=handle(17, done=30), closed=ZERO + 31 * HOUR)
    archive = keep(tmp_path, [(ZERO + 11 * HOUR, late), (ZERO + 31 * HOUR, then)])
    assert only(of_day(archive))["due_closed"] == 0
    later = span(DAY, DAY, SHANGHAI, NOW, until=DAY + timedelta(days=2))
    assert only(Counting(archive, later))["due_closed"] == 1
    assert only(Counting(archive, span(DAY, DAY + timedelta(days=1), SHANGHAI, NOW)))["closed"] == 1


def test_due_days_after_the_last_change(tmp_path: Path) -> None:
    """A case that was closed long before its limit falls due on the day of its limit."""
    early = case(1, State.CLOSED, received=ZERO - 480 * HOUR, closed=ZERO - 470 * HOUR, clocks=handle(9, -479, -471))
    found = only(of_day(keep(tmp_path, [(ZERO - 470 * HOUR, early)])))
    assert (found["reported"], found["closed"], found["due"], found["closed_on_time"]) == (0, 0, 1, 1)


def test_what_acts_say(tmp_path: Path) -> None:
    """Accepted in time, sent right at once, sent back: each a share of the cases to which it could happen."""
    grid = {"grid": "T1", "owner": "王建国", "clocks": (*handle(40), Clock("respond", ZERO, ZERO + 11 * HOUR))}
    cases = [case("a", State.HANDLED, **grid), case("b", State.DISPATCHED, **grid), case("c", State.REPORTED),
             case("d", State.REJECTED), case("e", clocks=handle(40))]  # fmt: skip
    acts = [
        done("a", "accept", 10.5), done("a", "dispatch", 11), done("a", "handle", 12), done("a", "rework", 13),
        done("a", "handle", 14), done("b", "accept", 11.5), done("b", "dispatch", 12), done("b", "decline", 13),
        done("b", "dispatch", 14), done("b", "handle", 14.5, detail="late"), done("d", "accept", 11),
        done("e", "accept", 11),
    ]  # fmt: skip
    found = only(of_day(keep(tmp_path, [(ZERO + 15 * HOUR, each) for each in cases], acts)))
    assert (found["reported"], found["accepted"], found["registered"]) == (5, 4, 2)
    assert found["on_time_registering_rate"] == 0.5
    assert found["correct_dispatch_rate"] == 0.5
    assert found["rework_rate"] == 1.0, "only one was ever fed back in time to count"


def test_faults_are_reported_and_in_no_mean(tmp_path: Path) -> None:
    """Closed before received, on scene before sent, placed at 0, 0: each listed with its cases."""
    hour, minute = ZERO + 11 * HOUR, 60_000
    arrive = (Clock("arrive", hour, hour + HOUR, hour + 10 * minute),)
    back = (Clock("arrive", hour, hour + HOUR, hour - 10 * minute),)
    cases = [
        case("good", State.CLOSED, closed=ZERO + 13 * HOUR, clocks=(*handle(17, done=12), *arrive), lon=119.2, lat=0.0),
        case("back", State.CLOSED, closed=ZERO + 9 * HOUR, clocks=(*handle(17, done=8), *back), lon=0.0, lat=34.9),
        case("nowhere", lon=0.0, lat=0.0), case("unplaced"),
    ]  # fmt: skip
    counting = of_day(keep(tmp_path, [(ZERO + 13 * HOUR, each) for each in cases]))
    found = only(counting)
    assert [each.no for each in counting.cases_of("fault_negative_duration")] == ["back"]
    assert [each.no for each in counting.cases_of("fault_place_zero")] == ["nowhere"]
    assert (found["mean_handling"], found["mean_arrival"]) == (7200.0, 600.0)


def spread() -> list[tuple[int, Case]]:
    """Cases of three days, of all states, some changed on two days."""
    states = list(State)
    found = []
    for n in range(600):
        start = ZERO + (n * 7919 % (72 * 60)) * 60_000
        over = start + (n * 31 % 40) * HOUR
        state = states[n % len(states)]
        shut = over if state in (State.CLOSED, State.RATED) else None
        clocks = (Clock("respond", start, start + HOUR), Clock("arrive", start, start + HOUR, start + n * 1000),
                  Clock("handle", start, start + (n % 50) * HOUR, shut))  # fmt: skip
        grid = ("T1", "T2", "T3", None)[n % 4]
        first = case(n, State.ACCEPTED, received=start, clocks=clocks[:1], grid=grid)
        last = case(n, state, received=start, clocks=clocks, grid=grid, closed=shut, owner="centre",
                    origin=scoring.ORIGINS[n % 3], matter=f"m{n % 5}", patrol=f"P-{n % 7}")  # fmt: skip
        found += [(start, first), (max(over, start + 1), last)]
    return found


@pytest.mark.parametrize(("by", "period"), [
    (Group("matter", "matter"), ""), (Group("grid", "grid"), "day"), (Group("patrol", "patrol"), "week"),
    (Group("department", "matter", {"m1": "env", "m2": "env", "m3": "fire"}), "month"),
])  # fmt: skip
def test_every_figure_opens_to_its_cases(tmp_path: Path, by: Group, period: str) -> None:
    """The cases behind a figure count up to it, are each there once, and the groups add up to the whole."""
    acts = [done(str(n), name, 10 + n % 40, detail="") for n in range(600) for name in ("accept", "dispatch", "handle")]
    acts += [done(str(n), "rework", 55) for n in range(0, 600, 9)]
    archive = keep(tmp_path, spread(), acts)
    counting, whole = of_day(archive, period, by, days=3), only(of_day(archive, days=3))
    rows = counting.figures()
    assert rows
    for each in indicators().values():
        if each.name not in whole:
            continue
        if each.measure == "count":
            assert sum(row.figures[each.name] or 0 for row in rows) == whole[each.name]
        for row in rows:
            behind = counting.cases_of(each.name, row.key, row.period)
            assert len({one.no for one in behind}) == len(behind)
            values = [float(one.value) for one in behind if one.value is not None]
            figure = row.figures[each.name]
            if each.measure == "count":
                assert len(behind) == figure
            elif each.measure in ("share", "mean") and figure is not None:
                assert sum(values) / len(values) == pytest.approx(figure)


def test_days_of_a_span_without_cases_are_there(tmp_path: Path) -> None:
    """By day, each day has its row, also one on which nothing happened; weeks and months have their names."""
    archive = keep(tmp_path, [(ZERO + 11 * HOUR, case(1))])
    assert [(row.period, row.figures["reported"]) for row in of_day(archive, "day", days=3).figures()] == [
        ("2026-09-29", 1), ("2026-09-30", 0), ("2026-10-01", 0),
    ]  # fmt: skip
    assert [row.period for row in of_day(archive, "week", days=7).figures()] == ["2026-W40", "2026-W41"]
    assert [row.period for row in of_day(archive, "month", days=3).figures()] == ["2026-09", "2026-10"]


def test_an_unknown_indicator_is_refused(tmp_path: Path) -> None:
    """With its name and the names there are."""
    with pytest.raises(Refused, match=r"'closing' is no indicator: use one of .*closing_rate"):
        of_day(keep(tmp_path, [(ZERO, case(1))])).cases_of("closing")


def test_every_definition_is_whole() -> None:
    """Each file has names and sentences in both languages, its cohort and its measure, and reads that cohort only."""
    tables = {"came in": ("came_in",), "fell due": ("fell_due",), "closed": ("closed_in",), "alerts": ("alerted",),
              "tracks": ("moved", "visited")}  # fmt: skip
    for path in SQL.glob("*.sql"):
        found = read(path)
        assert re.findall(r"(?<=FROM )\w+", found.sql)[0] in tables[found.cohort], path
        assert found.sql.count("FROM") == 1, path
        assert ("AS value" in found.sql) == (found.measure != "count"), path
        assert max(map(ord, found.said_zh)) > 0x4E00 > max(map(ord, found.said_en))
    assert set(COHORTS) == set(tables)


def test_the_table_in_the_documents_is_that_of_the_files() -> None:
    """docs/indicators.md lists every indicator as its file says, and no other."""
    text = (Path(__file__).parents[3] / "docs" / "indicators.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| `") and line.count("|") == 6]
    assert rows == [
        f"| `{each.name}` | {each.zh} · {each.en} | {COHORTS[each.cohort][1]} | {each.measure} ({each.unit or '0–1'}) "
        f"| {each.said_zh} {each.said_en} |"
        for each in indicators().values()
    ]
