"""Days of a county in an archive, made: written through the archive's own tables and store, so that the files are those
that the worker writes; and beside them the same rows as CSV, which is what one would keep without it.

A folder that holds what is asked for is used again.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from app.bench.made_cases import DAY_MS, Cases, day_tables
from app.bench.made_tracks import SITE, Ints, Land, Texts, hours, midnight, table_of
from app.config import ROOT
from geo.grids import GridSet
from streams.archive.rows import sorted_as_kept
from streams.archive.schema import E7, plain
from streams.archive.store import STREAMS, Head, Part, Store
from streams.codec import local_day, moment
from streams.errors import BadSetting
from streams.matters import load_matters

TZ = ZoneInfo("Asia/Shanghai")
FIRST = date(2026, 10, 1)
QUARTER_MS, VERSION = 15 * 60_000, "0a1b2c3d"
FORM = 5
"""Counted up when what is made changes: folders of another form are made anew."""
CASE_COLUMNS = ("no", "state", "grid", "matter", "origin", "received", "closed", "respond_done", "respond_due",
                "handling_due", "handling_start", "handling_done", "dispatched", "ms", "seq")  # fmt: skip
ACT_COLUMNS = ("at", "no", "act", "after", "patrol", "ms", "seq")
TRACK_COLUMNS = ("received", "at", "device", "lon", "lat", "accuracy", "speed", "course", "battery", "grid", "cell")
Told = Callable[[str], object]


class Sizes(msgspec.Struct, frozen=True):
    """How much is made. `days` with `cases` each; positions of `patrols` on the first day, and on the last ones until
    there are `position_days`; `csv_hours`: for so many hours of the first day positions are written as CSV too."""

    days: int = 2
    position_days: int = 1
    patrols: int = 500
    cases: int = 2_000
    csv_hours: int = 24
    seed: int = 20261118
    form: int = FORM

    def day(self, n: int) -> date:
        """The nth day."""
        return FIRST + timedelta(days=n)

    @property
    def with_positions(self) -> list[int]:
        """The days that have positions."""
        last = range(self.days - self.position_days + 1, self.days)
        return sorted({0, *last}) if self.position_days else []


@dataclass
class County:
    """What was made: the archive, the folder of the CSV files, and how many rows of each kind were asked of it."""

    sizes: Sizes
    land: Land
    store: Store
    csv: Path
    rows: dict[str, int] = field(default_factory=dict)


def make(data: Path, grids: GridSet, sizes: Sizes, told: Told = lambda line: None) -> County:
    """The days of `sizes` below `data`; raises BadSetting where the folder holds something else than such days."""
    if sizes.days < 1 or sizes.position_days > sizes.days:
        raise BadSetting(f"{sizes.position_days} days of positions of {sizes.days} days: ask for 1 day or more, "
                         "and for no more of positions")  # fmt: skip
    land = Land.of(grids, sizes.patrols, sizes.seed)
    county = County(sizes, land, Store(data / "archive", SITE), data / "csv")
    note = data / "made.json"
    if note.exists():
        made, rows = msgspec.json.decode(note.read_bytes(), type=tuple[Sizes, dict[str, int]])
        if made == sizes:
            county.rows = rows
            return county
        note.unlink()
        for folder in (county.store.root.parent, county.csv):
            shutil.rmtree(folder, ignore_errors=True)
    elif county.store.root.exists():
        raise BadSetting(f"{county.store.root} was not made by this benchmark, or not finished: name another folder")
    county.csv.mkdir(parents=True, exist_ok=True)
    _write(county, told)
    note.write_bytes(msgspec.json.encode((sizes, county.rows)))
    return county


def _write(county: County, told: Told) -> None:
    sizes, land = county.sizes, county.land
    matters = load_matters(ROOT / "data" / "matters.toml")
    made = Cases.of(land, matters, FIRST, sizes.days, sizes.cases, TZ, sizes.seed)
    pictures = _Pictures(land)
    frozen: dict[str, int] = {}
    last = 0
    for n in range(sizes.days):
        day, begin = sizes.day(n).isoformat(), midnight(sizes.day(n), TZ)
        told(f"{day}, {n + 1} of {sizes.days}" + (", with positions" if n in sizes.with_positions else ""))
        tables = day_tables(made, begin, begin + DAY_MS, VERSION)
        _csv(county, f"cases-{day}", tables["cases"].select(list(CASE_COLUMNS)))
        _csv(county, f"acts-{day}", tables["acts"].select(list(ACT_COLUMNS)))
        parts = []
        if n in sizes.with_positions:
            calls = [tables.pop("journal")]
            parts += list(_tracks(county, n, pictures, calls))
            tables["journal"] = sorted_as_kept("journal", pa.concat_tables(calls).unify_dictionaries())
            tables["snapshots"] = pictures.table(made, begin)
        parts += [county.store.write(rows, kind, day, f"v1/{kind}") for kind, rows in tables.items()]
        for part in parts:
            county.rows[part.kind] = county.rows.get(part.kind, 0) + part.rows
        county.store.freeze(day, 1, parts)
        frozen[day] = 1
        last = max(part.last[0] for part in parts)
        read = dict.fromkeys(STREAMS, f"{last}-999")
        county.store.commit(Head(SITE, read, frozen=dict(frozen), at=last, serial=n + 1))


def _tracks(county: County, n: int, pictures: _Pictures, calls: list[pa.Table]) -> Iterable[Part]:
    """The hours of a day's positions, and the calls of the script that recorded them."""
    sizes, day = county.sizes, county.sizes.day(n)
    for hour, rows in hours(county.land, day, TZ, sizes.seed):
        yield county.store.write(rows, "tracks", day.isoformat(), f"v1/tracks-{hour:02d}", hour)
        calls.append(_calls(rows))
        pictures.see(rows)
        if n == 0 and hour < sizes.csv_hours:
            _csv(county, f"tracks-{day}-{hour:02d}", as_told(rows).select(list(TRACK_COLUMNS)))


def as_told(rows: pa.Table) -> pa.Table:
    """Positions with `lon` and `lat` as the devices said them."""
    places = rows["geometry"].combine_chunks()
    for name, axis, rest in (("lon", "x", "dx"), ("lat", "y", "dy")):
        exact = np.round(places.field(axis).to_numpy() * E7) + rows[rest].to_numpy()
        rows = rows.append_column(name, pa.array(exact / E7))
    return rows


def _calls(rows: pa.Table) -> pa.Table:
    """One entry of the journal for each batch of positions that was recorded."""
    ms, seq = rows["ms"].to_numpy(), rows["seq"].to_numpy()
    batches, count = np.unique(ms, return_counts=True)
    order = np.lexsort((seq, ms))
    newest = seq[order][np.cumsum(count) - 1]
    id_text = pc.binary_join_element_wise(_text(batches), _text(newest), "-")
    columns = {
        "ms": batches, "seq": np.zeros(len(batches), np.int64), "kind": "record", "now": batches - 3,
        "version": VERSION, "count": count, "asked": pc.binary_join_element_wise('"', id_text, '"', ""),
    }  # fmt: skip
    return table_of("journal", columns, len(batches))


def _text(values: Ints) -> Texts:
    return pc.cast(pa.array(values), pa.string())


def _csv(county: County, name: str, rows: pa.Table) -> None:
    """Times as epoch ms, which pandas reads fastest."""
    rows = plain(rows)
    whole = [f.with_type(pa.int64()) if pa.types.is_timestamp(f.type) else f for f in rows.schema]
    pa_csv.write_csv(rows.cast(pa.schema(whole)), county.csv / f"{name}.csv")


class _Pictures:
    """Every quarter of an hour the whole picture, as the archive worker keeps it: open cases, and each patrol with its
    last fix. (Devices and alerts, which are few beside them, are left out.)"""

    def __init__(self, land: Land) -> None:
        self._land = land
        self._last: dict[str, str] = {}
        self._patrols: dict[int, str] = {}

    def see(self, rows: pa.Table) -> None:
        """Take an hour of positions: the patrols' part of its four pictures."""
        received = rows["received"].cast(pa.int64()).to_numpy()
        begin = int(received.min()) // QUARTER_MS * QUARTER_MS
        device = rows["device"].combine_chunks().indices.to_numpy()
        texts = _fixes(as_told(rows))
        for quarter in range(begin, begin + 4 * QUARTER_MS, QUARTER_MS):
            earlier = np.nonzero(received < quarter + QUARTER_MS)[0]
            newest = earlier[np.r_[np.diff(device[earlier]) != 0, True]]
            chosen = texts.take(pa.array(newest)).to_pylist()
            self._last |= {text.partition(":")[0]: text for text in chosen}
            self._patrols[quarter + QUARTER_MS] = ",".join(self._last.values())

    def table(self, made: Cases, begin: int) -> pa.Table:
        """The pictures of a day that begins then."""
        when = np.array(sorted(ms for ms in self._patrols if begin < ms <= begin + DAY_MS)) - 1
        states = [
            f'{{"id":"{ms}-0","patrols":{{{self._patrols[ms + 1]}}},"cases":[{self._open(made, ms)}],'
            '"alerts":{},"devices":{}}'
            for ms in when.tolist()
        ]  # fmt: skip
        self._patrols.clear()
        columns = {"ms": when, "seq": np.zeros(len(when), np.int64), "at": when, "state": pa.array(states, pa.string())}
        return table_of("snapshots", columns, len(when))

    def _open(self, made: Cases, when: int) -> str:
        return ",".join(made.items(*made.standing(when)).to_pylist())


def _fixes(rows: pa.Table) -> Texts:
    """`"P-0001":{…}` for each row, as the feed shows a patrol."""
    rows = plain(rows)
    text = {name: pc.cast(rows[name], pa.string()) for name in ("lon", "lat", "course", "speed", "accuracy")}
    device = rows["device"]
    return pc.binary_join_element_wise(
        '"', device, '":{"id":"', device, '","at":', pc.cast(pc.cast(rows["at"], pa.int64()), pa.string()), ',"lon":',
        text["lon"], ',"lat":', text["lat"], ',"grid":"', rows["grid"], '","course":', text["course"], ',"speed":',
        text["speed"], ',"accuracy":', text["accuracy"], ',"case":"","state":"free","registered":true}', "",
    ).combine_chunks()  # fmt: skip


def days_of(county: County) -> list[str]:
    """All days, oldest first."""
    return [local_day(moment(midnight(county.sizes.day(n), TZ)), TZ) for n in range(county.sizes.days)]
