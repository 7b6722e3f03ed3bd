"""The history benchmark makes what it was asked for, and both ways answer alike; how fast is asked nowhere here."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pyarrow.parquet as pq
import pytest

from app.bench import history
from app.bench.county_year import TZ, County, Sizes, make
from app.bench.made_cases import DAY_MS
from app.bench.made_tracks import hours, midnight
from app.config import TOWN
from geo.grids import GridSet, load
from streams.archive import past
from streams.archive.check import check
from streams.archive.reading import Archive
from streams.archive.rows import case_row, split
from streams.archive.schema import KINDS
from streams.codec import moment, read_entry
from streams.errors import BadSetting
from streams.model import Case

SIZES = Sizes(days=2, position_days=1, patrols=24, cases=120, csv_hours=2)


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder for what is made, once."""
    folder = tmp_path_factory.mktemp("history")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def grids() -> GridSet:
    """The demo town's grids: the county's would take longer than all the rest."""
    return load(TOWN / "grids.geojson")


@pytest.fixture(scope="module")
def made(state: Path, grids: GridSet) -> County:
    """Two small days."""
    return make(state / "days", grids, SIZES)


def test_both_ways_give_the_same_figures(state: Path, grids: GridSet, made: County) -> None:
    """Rows written are rows asked for; DuckDB and pandas agree on indicators, a track and the picture at a second; the
    worker keeps every position from a real Valkey."""
    found = history.run(state / "days", grids, SIZES, rounds=1)
    assert found.broken == ()
    assert [row.what for row in found.rows if row.goal != "-"] == [
        "bytes a position", "indicators of a day, by grid", "indicators of 2 days, by grid",
        "a patrol's track of the first day", "the picture at any second",
    ]  # fmt: skip
    assert made.rows["tracks"] == pytest.approx(24 * 8 * 360, rel=0.02)
    assert made.rows["acts"] == made.rows["changes"]
    assert made.rows["events"] == 240


def test_other_figures_are_noticed(state: Path, made: County) -> None:
    """A case more in the CSV files than in the archive, and the report is broken."""
    file = made.csv / f"cases-{SIZES.day(1)}.csv"
    kept = file.read_text(encoding="utf-8")
    lines = kept.splitlines()
    file.write_text("\n".join([*lines, lines[1].replace("GP-", "XX-")]) + "\n", encoding="utf-8")
    name, days, goal = history._spans(SIZES)[1]
    _, wrong = history._indicators(made, Archive(made.store, TZ), 1, name, days, goal)
    file.write_text(kept, encoding="utf-8")
    assert wrong


def test_the_days_are_used_again(state: Path, grids: GridSet, made: County) -> None:
    """A second call writes nothing; other sizes are made anew; a folder with another archive is left alone."""
    before = {path: path.stat().st_mtime_ns for path in made.store.root.rglob("*.parquet")}
    assert make(state / "days", grids, SIZES).rows == made.rows
    assert {path: path.stat().st_mtime_ns for path in made.store.root.rglob("*.parquet")} == before
    small = Sizes(days=1, position_days=0, patrols=24, cases=10)
    assert make(state / "other", grids, small).rows["cases"] == 10
    assert make(state / "other", grids, msgspec.structs.replace(small, cases=20)).rows["cases"] == 20
    (state / "other" / "made.json").unlink()
    with pytest.raises(BadSetting, match="was not made by this benchmark"):
        make(state / "other", grids, small)
    with pytest.raises(BadSetting, match="ask for 1 day or more"):
        make(state / "third", grids, Sizes(days=1, position_days=2))


def test_what_is_made_is_what_the_worker_writes(made: County) -> None:
    """The check of an archive finds nothing, every file has its kind's columns; a change holds the case whose row is
    in `cases`; an act's entry is read."""
    assert check(Archive(made.store, TZ), None).wrong == ()
    for part in made.store.parts(str(SIZES.day(0))):
        plain = {field.name for field in pq.read_schema(made.store.path(part))}
        assert plain == set(KINDS[part.kind].schema.names)
    with Archive(made.store, TZ).open([str(SIZES.day(0))]) as found:
        rows = found.execute(
            "SELECT c.ms, c.seq, epoch_ms(c.at), changes.cases, c.no, c.state, c.handling_done, c.clocks, c.patrol"
            " FROM cases c JOIN changes USING (ms, seq)"
        ).fetchall()
        entries = found.execute("SELECT entry, no, act, version FROM acts LIMIT 50").fetchall()
    assert len(rows) == 120
    for ms, seq, at, text, no, state, done, clocks, patrol in rows:
        names = KINDS["cases"].schema.names
        row = dict(zip(names, case_row(ms, seq, at, msgspec.json.decode(text, type=list[Case])[0]), strict=True))
        assert (row["no"], row["state"], row["clocks"], row["patrol"]) == (no, state, clocks, patrol or "")
        assert (row["handling_done"] and row["handling_done"].replace(microsecond=0)) == (
            done and done.replace(microsecond=0)
        )
    assert all((read_entry(e).act, read_entry(e).version) == (act, version) for e, _, act, version in entries)


def test_positions_are_kept_as_they_were_made(grids: GridSet, made: County) -> None:
    """The same seed walks the same way, another another; ids are in order and unique; places are split as rows are."""
    day = SIZES.day(0)
    hour, first = next(iter(hours(made.land, day, TZ, 1)))
    _, again = next(iter(hours(made.land, day, TZ, 1)))
    _, other = next(iter(hours(made.land, day, TZ, 2)))
    assert hour == 0
    assert first.equals(again)
    assert not first.equals(other)
    ids = list(zip(first["ms"].to_pylist(), first["seq"].to_pylist(), strict=True))
    assert len(set(ids)) == len(ids) == first.num_rows
    assert np.all(first["ms"].to_numpy() >= first["received"].cast("int64").to_numpy())
    place = first["geometry"][7].as_py()
    exact = (round(place["x"] * 1e7) + first["dx"][7].as_py()) / 1e7
    assert split(exact) == (place["x"], first["dx"][7].as_py())


def test_the_picture_has_every_patrol_that_was_on_duty(made: County) -> None:
    """At the end of the first shift a third of the patrols has a place, and open cases are there."""
    end = midnight(SIZES.day(0), TZ) + DAY_MS // 3
    picture = past.at(Archive(made.store, TZ), moment(end - 1))
    assert sum("lon" in row for row in picture.patrols.values()) == 8
    assert picture.cases
