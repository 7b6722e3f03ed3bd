"""History: how large a county's past is, and how fast it answers, against plain CSV files read with pandas.

The days are made by `county_year`, through the archive's own tables and store. Then the questions that pages ask: the
indicators of a day and of a month by grid, one patrol's track of the first day, the whole picture at any second. The
plain way has one CSV file a day and kind with the columns that the question needs, times as numbers; positions only of
the first hours of the first day, since the whole would take minutes: their time is multiplied, and the report says so.
Both ways must give the same figures, else the report is broken. How fast the worker keeps is in `history_worker`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd

from app.bench import Report, Row, at_most, rate
from app.bench.county_year import TZ, County, Sizes, Told, make
from app.bench.history_worker import Rates, keeping
from app.bench.made_cases import DAY_MS
from app.bench.made_tracks import hours, midnight
from geo.grids import GridSet
from streams.archive import past
from streams.archive.reading import Archive
from streams.indicators.counting import Row as Figures
from streams.indicators.counting import counting, span
from streams.indicators.groups import Group

BYTES_GOAL, DAY_S, MONTH_S, TRACK_S, JUMP_S = 12, 0.5, 3.0, 0.3, 1.0
ROUNDS = 3
BY_GRID = Group("grid", "grid", None, {})
COMPARED = ("reported", "due", "due_closed", "closed_on_time", "closed", "mean_handling")
JUMPS = ("00:47:11", "01:29:58", "09:14:03", "10:59:59", "16:50:20")
COUNTY_PATROLS, COUNTY_CASES, DAYS_A_YEAR = 5_000, 20_000, 365


def run(data: Path, grids: GridSet, sizes: Sizes, told: Told = lambda line: None, rounds: int = ROUNDS) -> Report:
    """Make the days in `data`, or find them there, and ask, each question `rounds` times."""
    begun = time.monotonic()
    county = make(data, grids, sizes, told)
    took = time.monotonic() - begun
    archive = Archive(county.store, TZ)
    rows, broken = list(_bytes(county)), list(_lost(county))
    told("indicators")
    for name, days, goal in _spans(sizes):
        row, wrong = _indicators(county, archive, rounds, name, days, goal)
        rows.append(row)
        broken += wrong
    notes = [_made(county, took)]
    if sizes.with_positions:
        told("tracks, and the past")
        for ask in (_track, _jump):
            row, wrong = ask(county, archive, rounds)
            rows.append(row)
            broken += wrong
        notes += list(_year(county))
        told("the archive worker")
        rates = keeping(county)
        rows += _worker(rates)
        if not rates.tracks == rates.calls == rates.rows:
            broken.append(f"the worker kept {rates.tracks:,} tracks and {rates.calls:,} calls of {rates.rows:,}")
    return Report(
        "history", f"{sizes.days} days of {sizes.cases:,} cases, {len(sizes.with_positions)} with the positions of "
        f"{sizes.patrols:,} patrols; plain: CSV and pandas", tuple(rows), tuple(notes), tuple(broken),
    )  # fmt: skip


def timed(ask: Callable[[], Any], rounds: int) -> tuple[float, Any]:
    """The median of some rounds in seconds, and the answer."""
    took = []
    for _ in range(rounds):
        begun = time.perf_counter()
        answer = ask()
        took.append(time.perf_counter() - begun)
    return median(took), answer


def _seconds(figure: float) -> str:
    return f"{figure * 1000:,.0f} ms" if figure < 10 else f"{figure:,.0f} s"


def _compared(what: str, ours: float, plain: float, goal: float) -> Row:
    said = at_most(ours * 1000, goal * 1000, "ms")
    return Row(what, _seconds(ours), _seconds(plain), plain / ours, *said)


def _spans(sizes: Sizes) -> list[tuple[str, tuple[date, date], float]]:
    """What is asked: the last day, and all days up to a month."""
    last = sizes.day(sizes.days - 1)
    first = sizes.day(max(0, sizes.days - 31))
    return [("indicators of a day, by grid", (last, last), DAY_S),
            (f"indicators of {(last - first).days + 1} days, by grid", (first, last), MONTH_S)]  # fmt: skip


def _bytes(county: County) -> list[Row]:
    """Bytes a position: as made, and with noise that nothing can compress."""
    if not county.sizes.with_positions:
        return []
    parts = [part for day in county.store.days() for part in county.store.parts(day) if part.kind == "tracks"]
    kept = sum(county.store.path(part).stat().st_size for part in parts) / sum(part.rows for part in parts)
    files = sorted(county.csv.glob("tracks-*.csv"))
    lines = sum(part.rows for part in parts if part.day == str(county.sizes.day(0)) and (part.hour or 0) < len(files))
    text = sum(file.stat().st_size for file in files) / lines
    return [
        Row("bytes a position", f"{kept:.1f}", f"{text:.1f}", text / kept, *at_most(kept, BYTES_GOAL, "")),
        Row("bytes a position, pure noise", f"{_noisy(county):.1f}"),
    ]


def _noisy(county: County) -> float:
    """An hour of positions that err anew each time, speed and course to 0.0001."""
    sizes = county.sizes
    _, rows = next(iter(hours(county.land, sizes.day(0), TZ, sizes.seed, white=True)))
    part = county.store.write(rows, "tracks", "0000-00-00", "noise")
    path = county.store.path(part)
    size = path.stat().st_size
    path.unlink()
    path.parent.rmdir()
    return size / part.rows


def _lost(county: County) -> list[str]:
    """Kinds of which the archive has another number of rows than it was given."""
    found: dict[str, int] = {}
    with Archive(county.store, TZ).open(county.store.days(), tuple(county.rows), tail=False) as asked:
        for kind in county.rows:
            row = asked.execute(f"SELECT count(*) FROM {kind}").fetchone()
            found[kind] = row[0] if row else 0
    return [f"{found[kind]:,} of {rows:,} rows of {kind}" for kind, rows in county.rows.items() if found[kind] != rows]


def _indicators(
    county: County, archive: Archive, rounds: int, name: str, days: tuple[date, date], goal: float
) -> tuple[Row, list[str]]:
    """Every indicator of cases in a span, by grid; the plain way counts six of them."""
    asked = span(*days, TZ, datetime(2100, 1, 1, tzinfo=UTC))

    def ours() -> list[Figures]:
        with counting(archive, asked, by=BY_GRID) as found:
            return found.figures()

    took, figures = timed(ours, rounds)
    begin, end = midnight(days[0], TZ), midnight(days[1], TZ) + DAY_MS
    plain_took, wanted = timed(lambda: plain_indicators(county, begin, end), 1)
    found = {row.key: {name: row.figures[name] for name in COMPARED} for row in figures}
    wrong = [
        f"{name}: {which} of {grid} is {figure} here and {wanted[which].get(grid, 0)} with pandas"
        for grid, those in found.items() for which, figure in those.items()
        if abs((figure or 0) - wanted[which].get(grid, 0)) > 1e-3
    ]  # fmt: skip
    wrong += [f"{name}: nothing was counted"] if not found else []
    return _compared(name, took, plain_took, goal), wrong[:3]


def plain_indicators(county: County, begin: int, end: int) -> dict[str, dict[str, float]]:
    """The same by pandas: each case once, then the three cohorts. Begin and end in epoch ms."""
    rows = pd.concat([pd.read_csv(file, dtype={"grid": str}) for file in sorted(county.csv.glob("cases-*.csv"))])
    rows = rows.sort_values(["ms", "seq"]).drop_duplicates("no", keep="last")
    came = rows[(rows.received >= begin) & (rows.received < end)]
    due = rows[(rows.handling_due >= begin) & (rows.handling_due < end)]
    closed = rows[(rows.closed >= begin) & (rows.closed < end)]
    handling = (closed.handling_done - closed.handling_start) / 1000
    counts = {
        "reported": came, "due": due, "due_closed": due[due.closed.notna()],
        "closed_on_time": due[due.closed <= due.handling_due], "closed": closed,
    }  # fmt: skip
    figures: dict[str, dict[str, float]] = {
        name: {str(grid): float(n) for grid, n in each.groupby("grid").size().items()} for name, each in counts.items()
    }
    means = handling.groupby(closed.grid).mean()
    return figures | {"mean_handling": {str(grid): float(mean) for grid, mean in means.items()}}


def _track(county: County, archive: Archive, rounds: int) -> tuple[Row, list[str]]:
    """One patrol's positions of the first day."""
    day, patrol = str(county.sizes.day(0)), county.land.names[3 if len(county.land.names) > 3 else 0]

    def ours() -> list[tuple[Any, ...]]:
        with archive.open([day], ("tracks",), tail=False) as found:
            return found.execute(
                """SELECT epoch_ms(received), (round(geometry.x * 1e7) + dx) / 1e7, (round(geometry.y * 1e7) + dy) / 1e7
                   FROM tracks WHERE device = ? ORDER BY ms, seq""", [patrol]
            ).fetchall()  # fmt: skip

    def plain() -> pd.DataFrame:
        rows = _positions(county, ("received", "device", "lon", "lat"))
        return rows[rows.device == patrol].sort_values("received")

    took, fixes = timed(ours, rounds)
    plain_took, rows = timed(plain, 1)
    told = sorted(zip(rows.received.tolist(), rows.lon.tolist(), rows.lat.tolist(), strict=True))
    until = midnight(county.sizes.day(0), TZ) + len(list(county.csv.glob("tracks-*.csv"))) * DAY_MS // 24
    same = sorted(fix for fix in fixes if fix[0] < until) == told and told != []
    wrong = [] if same else [f"the track of {patrol} is another in the CSV files"]
    factor = 24 / county.sizes.csv_hours
    return _compared("a patrol's track of the first day", took, plain_took * factor, TRACK_S), wrong


def _jump(county: County, archive: Archive, rounds: int) -> tuple[Row, list[str]]:
    """The whole picture at some seconds of the first day, as the replay asks for it; the slowest counts."""
    first = county.sizes.day(0)
    whens = [datetime.fromisoformat(f"{first}T{clock}").replace(tzinfo=TZ) for clock in JUMPS]
    begin, part = midnight(first, TZ), county.sizes.csv_hours
    slowest, plain_slowest, wrong = 0.0, 0.0, []
    for when in whens:
        until = int(when.timestamp() * 1000)
        took, picture = timed(partial(past.at, archive, when, trails=True), rounds)
        shown = {no: str(case.state) for no, case in picture.cases.items()}
        cases_took, cases = timed(partial(plain_cases, county, until), 1)
        places_took, patrols = timed(partial(plain_places, county, until), 1)
        read = max(1.0, (until - begin) / (DAY_MS / 24) / part)
        slowest, plain_slowest = max(slowest, took), max(plain_slowest, cases_took + places_took * read)
        if any(shown.get(no) != state for no, state in cases.items()):
            wrong.append(f"the open cases at {when} are others in the CSV files")
        there = {name: (row["lon"], row["lat"]) for name, row in picture.patrols.items() if "lon" in row}
        if until < begin + part * DAY_MS // 24 and any(there[n] != at for n, at in patrols.items()):
            wrong.append(f"the patrols at {when} are elsewhere in the CSV files")
    return _compared("the picture at any second", slowest, plain_slowest, JUMP_S), wrong


def plain_cases(county: County, until: int) -> dict[str, str]:
    """Cases that were open at an instant (epoch ms), with their state, by pandas."""
    acts = pd.read_csv(county.csv / f"acts-{county.sizes.day(0)}.csv", usecols=["at", "no", "after", "ms", "seq"])
    last = acts[acts["at"] <= until].sort_values(["ms", "seq"]).drop_duplicates("no", keep="last")
    still = last[~last.after.isin(["closed", "rated"])]
    return dict(zip(still.no, still.after, strict=True))


def plain_places(county: County, until: int) -> dict[str, tuple[float, float]]:
    """The last position of each patrol, by pandas."""
    rows = _positions(county, ("received", "at", "device", "lon", "lat"))
    newest = rows[rows.received <= until].sort_values("at").drop_duplicates("device", keep="last")
    return dict(zip(newest.device, zip(newest.lon.tolist(), newest.lat.tolist(), strict=True), strict=True))


def _positions(county: County, columns: Sequence[str]) -> pd.DataFrame:
    files = sorted(county.csv.glob("tracks-*.csv"))
    return pd.concat([pd.read_csv(file, usecols=list(columns)) for file in files])


def _worker(rates: Rates) -> list[Row]:
    ratio = rates.ours / rates.plain
    memory = f"{rates.memory / 2**20:,.0f} MiB, {rates.before / 2**20:,.0f} of them before it began"
    return [Row("worker, positions kept", rate(rates.ours, "rows"), rate(rates.plain, "rows"), ratio),
            Row(f"worker's memory, {rates.rows:,} positions", memory)]  # fmt: skip


def _made(county: County, took: float) -> str:
    part = county.sizes.csv_hours
    whole = f"; positions as CSV: the first {part} hours, pandas' time with them is multiplied by what is missing"
    said = "" if part == 24 else whole
    return f"{sum(county.rows.values()):,} rows, made in {took:.0f} s where they were not there{said}"


def _year(county: County) -> list[str]:
    """A year of a county by arithmetic: 5,000 patrols and 20,000 cases a day, from the bytes of days with positions."""
    store, sizes = county.store, county.sizes
    days = [str(sizes.day(n)) for n in sizes.with_positions]
    used: dict[str, int] = {}
    for part in (part for day in days for part in store.parts(day)):
        used[part.kind] = used.get(part.kind, 0) + store.path(part).stat().st_size
    by_patrols, by_cases = COUNTY_PATROLS / sizes.patrols, COUNTY_CASES / sizes.cases
    lines, whole = [], 0.0
    for kind, size in sorted(used.items(), key=lambda item: -item[1]):
        factor = by_patrols if kind in ("tracks", "journal", "snapshots") else by_cases
        a_day = size / len(days) * factor
        whole += a_day * DAYS_A_YEAR
        lines.append(f"{kind} {a_day / 1e6:,.1f} MB a day, {a_day * DAYS_A_YEAR / 1e9:,.1f} GB")
    return [f"a county's year by arithmetic: {whole / 1e9:,.0f} GB; {'; '.join(lines)}"]
