"""A county's positions, made: patrols who walk and drive along streets in shifts, as their phones would tell it.

The archive's size depends on what a position is made of, so that is made with care. Streets run straight, bend and
cross; people stop and stand; GPS errs by metres that drift slowly, with a little noise on top, to 1e-7 degrees; speed
is told to 0.1 m/s, course and accuracy to 0.1. The device's clock stamps whole seconds, the network takes a fifth of a
second, sometimes more, and the centre records in small batches. `white` makes it harder: each fix errs anew, and
speed and course have no rounding that would help.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, tzinfo
from math import cos, radians
from typing import Any, TypeAlias

import h3.api.numpy_int as h3
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from geo.cells import EVENT_RES
from geo.grids import GridSet
from geo.tagging import GridIndex
from streams.archive.rows import sorted_as_kept
from streams.archive.schema import E7, KINDS, STEP

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Texts: TypeAlias = Any
"""An Arrow array of texts; pyarrow ships no types."""
SITE = "county"
SOURCE = f"gridpost/{SITE}/"
EVERY_S, SHIFTS, SHIFT_HOURS, HOUR_MS = 10, 3, 8, 3_600_000
STEPS_AN_HOUR = 3600 // EVERY_S
METRES_A_DEGREE = 111_320.0
LOST = 0.004
"""Fixes that never arrive."""
BATCH_MS = 6
"""How long one call of the script takes, and the next batch collects meanwhile."""
DRIFT = 0.97
"""What is left of the error of GPS after one step."""
BIN = 2.0**12
"""Cells are looked up once for places that share a bin of a twelfth power of a degree, some 25 m."""


@dataclass(frozen=True)
class Land:
    """Where they walk: the grids, an index of them, and for each patrol its name, home and whether it drives."""

    grids: GridSet
    index: GridIndex
    names: tuple[str, ...]
    homes: Floats
    drives: NDArray[np.bool_]

    @classmethod
    def of(cls, grids: GridSet, patrols: int, seed: int) -> Land:
        """Patrols spread over the grids; three of ten drive."""
        rng = np.random.default_rng([seed, 1])
        centres = [grid.geometry.representative_point() for grid in grids.finest]
        places = np.array([(point.x, point.y) for point in centres])
        homes = places[rng.integers(0, len(places), patrols)]
        names = tuple(f"P-{n + 1:04d}" for n in range(patrols))
        return cls(grids, GridIndex(grids), names, homes, rng.random(patrols) < 0.3)


def midnight(day: date, tz: tzinfo) -> int:
    """Epoch milliseconds at which a local day begins."""
    return int(datetime.combine(day, time(), tz).timestamp() * 1000)


def hours(land: Land, day: date, tz: tzinfo, seed: int, white: bool = False) -> Iterator[tuple[int, pa.Table]]:
    """The fixes of a local day, an hour at a time: the hour, and the table of `tracks`, sorted as it is kept. A third
    of the patrols is on duty at a time."""
    begin = midnight(day, tz)
    for shift in range(SHIFTS):
        who = np.arange(shift, len(land.names), SHIFTS)
        rng = np.random.default_rng([seed, day.toordinal(), shift])
        walk = _walk(land, who, rng, white)
        for n in range(SHIFT_HOURS):
            hour = shift * SHIFT_HOURS + n
            part = slice(n * STEPS_AN_HOUR, (n + 1) * STEPS_AN_HOUR)
            rows = {name: values[part] for name, values in walk.items()}
            yield hour, _table(land, who, begin + hour * HOUR_MS, rows, rng, 90.0 - 8.0 * n)


def _walk(land: Land, who: Ints, rng: np.random.Generator, white: bool) -> dict[str, Floats]:
    """Steps x patrols of a shift: `lon`, `lat`, `speed`, `course`, `accuracy`, as the phone says them."""
    steps, many = SHIFT_HOURS * STEPS_AN_HOUR, len(who)
    pace = np.where(land.drives[who], 7.5, 1.3)
    street = rng.uniform(0, 90, many)  # which way the streets run around here
    course, bend = street + 90.0 * rng.integers(0, 4, many), np.zeros(many)
    place, error = rng.normal(0, 100, (2, many)), rng.normal(0, 3, (2, many))
    moves, speed, fuzz = rng.random(many) < 0.6, pace.copy(), rng.normal(5, 1, many)
    out = {name: np.empty((steps, many)) for name in ("x", "y", "speed", "course", "accuracy")}
    for n in range(steps):
        chance = rng.random((3, many))
        moves = np.where(moves, chance[0] > 1 / 18, chance[0] < 1 / 12)
        crossing = chance[1] < speed * EVERY_S / 150.0
        away = np.hypot(*place) > pace * 600
        back = np.degrees(np.arctan2(-place[0], -place[1]))
        home, left = street + 90 * np.round((back - street) / 90), np.where(chance[2] < 0.5, 90, -90)
        turned = np.where(away, home, course + left)
        course = np.where(crossing & moves, turned, course)
        bend = 0.9 * bend + rng.normal(0, 1.5, many)
        speed = np.where(moves, np.maximum(0.3, 0.8 * speed + 0.2 * pace + rng.normal(0, 0.12, many) * pace), 0.0)
        heading = np.radians(course + bend)
        place += speed * EVERY_S * np.array([np.sin(heading), np.cos(heading)])
        error = rng.normal(0, 3, (2, many)) if white else DRIFT * error + rng.normal(0, 0.75, (2, many))
        fuzz = 5 + 0.9 * (fuzz - 5) + rng.normal(0, 0.5, many)
        out["x"][n], out["y"][n] = place + error + rng.normal(0, 0.25, (2, many))
        out["speed"][n] = np.where(moves, np.maximum(0, speed + rng.normal(0, 0.1, many)), 0)
        told = course + bend + rng.normal(0, 2.5, many)
        out["course"][n] = np.where(moves | (n == 0), told, out["course"][n - 1])
        out["accuracy"][n] = np.maximum(2, fuzz)
    digits = 4 if white else 1
    homes = land.homes[who]
    narrow = METRES_A_DEGREE * cos(radians(float(homes[:, 1].mean())))
    return {
        "lon": homes[:, 0] + out["x"] / narrow, "lat": homes[:, 1] + out["y"] / METRES_A_DEGREE,
        "speed": np.round(out["speed"], digits), "course": np.round(out["course"] % 360.0, digits) % 360.0,
        "accuracy": np.round(out["accuracy"], 1),
    }  # fmt: skip


def _table(
    land: Land, who: Ints, begin: int, walk: dict[str, Floats], rng: np.random.Generator, battery: float
) -> pa.Table:
    """One hour as it is kept. Each phone has its own second; times as the device, the centre and Redis have them."""
    steps, many = walk["lon"].shape
    phase = who * 7 % EVERY_S
    at = begin + (np.arange(steps)[:, None] * EVERY_S + phase) * 1000
    received = at + np.minimum(5000, rng.lognormal(5.3, 0.6, (steps, many))).astype(np.int64)
    kept = (rng.random((steps, many)) > LOST) & (received < begin + HOUR_MS)
    flat = {name: values[kept] for name, values in walk.items()}
    device = np.broadcast_to(np.arange(many), (steps, many))[kept]
    at, received = at[kept], received[kept]
    ms, seq = recorded(received)
    level = np.round(battery - 8.0 * (at - begin) / HOUR_MS - device % 10)
    names = pa.array([land.names[n] for n in who])
    x, dx = near(flat["lon"])
    y, dy = near(flat["lat"])
    columns = {
        "ms": ms, "seq": seq, "at": at, "received": received, "dx": dx, "dy": dy, "battery": level,
        "accuracy": flat["accuracy"], "speed": flat["speed"], "course": flat["course"],
        "geometry": (x, y), "device": (device, names),
        "source": (device, pc.binary_join_element_wise(SOURCE, names, "")),
        "grid": (np.maximum(0, land.index.codes_many(flat["lon"], flat["lat"])), [g.code for g in land.grids.grids]),
        "cell": cells(flat["lon"], flat["lat"]), "flags": "", "flag": "", "attributes": None,
    }  # fmt: skip
    return sorted_as_kept("tracks", table_of("tracks", columns, len(ms)))


def recorded(received: Ints) -> tuple[Ints, Ints]:
    """The stream ids of events received at these milliseconds: batches of a few, in the order they came."""
    ms = received // BATCH_MS * BATCH_MS + BATCH_MS + 3
    order = np.lexsort((received, ms))
    first = np.r_[True, np.diff(ms[order]) != 0]
    starts = np.maximum.accumulate(np.where(first, np.arange(len(ms)), 0))
    seq = np.empty(len(ms), np.int64)
    seq[order] = np.arange(len(ms)) - starts
    return ms, seq


def near(degrees: Floats) -> tuple[Floats, Ints]:
    """Coordinates as `streams.archive.rows.split` keeps them, a column at a time."""
    grid = np.round(degrees / STEP) * STEP
    return grid, np.round(degrees * E7).astype(np.int64) - np.round(grid * E7).astype(np.int64)


def cells(lons: Floats, lats: Floats) -> tuple[Ints, list[str]]:
    """H3 cells as positions in a list of them; looked up once a bin, so that a place near an edge may lie beside."""
    bins = np.floor(lons * BIN).astype(np.int64) << 32 | np.floor(lats * BIN).astype(np.int64)
    _, some, which = np.unique(bins, return_index=True, return_inverse=True)
    pairs = zip(lats[some].tolist(), lons[some].tolist(), strict=True)
    found, names = np.unique([int(h3.latlng_to_cell(*pair, EVENT_RES)) for pair in pairs], return_inverse=True)
    return names[which], [f"{each:x}" for each in found.tolist()]


def table_of(kind: str, columns: dict[str, object], many: int) -> pa.Table:
    """A table of a kind from columns: numbers, a pair of coordinates, codes with their words, one value for all, or an
    Arrow array as it is."""
    schema = KINDS[kind].schema
    return pa.Table.from_arrays([_column(columns.get(field.name), field.type, many) for field in schema], schema=schema)


def _column(values: object, kind: pa.DataType, many: int) -> pa.Array:
    if isinstance(values, tuple) and pa.types.is_struct(kind):
        return pa.StructArray.from_arrays([pa.array(each) for each in values], fields=list(kind))
    if isinstance(values, tuple):
        codes, words = values
        chosen = pa.DictionaryArray.from_arrays(_codes(codes), _words(words))
        return chosen if pa.types.is_dictionary(kind) else chosen.cast(pa.string())
    if isinstance(values, np.ndarray):
        return pa.array(values).cast(kind, safe=False) if not pa.types.is_timestamp(kind) else pa.array(values, kind)
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values.cast(kind)
    if isinstance(values, str) and pa.types.is_dictionary(kind):
        return pa.DictionaryArray.from_arrays(np.zeros(many, np.int32), pa.array([values]))
    return pa.repeat(pa.scalar(values, kind), many) if values is not None else pa.nulls(many, kind)


def _codes(codes: Ints) -> pa.Array:
    """Positions in a list of words; a negative one is none."""
    return pa.array(np.maximum(codes, 0).astype(np.int32), mask=codes < 0)


def _words(words: Sequence[str] | pa.Array) -> pa.Array:
    return words if isinstance(words, pa.Array) else pa.array(list(words), pa.string())
