"""Tagging: place → grid code by `GridIndex`, against shapely's `STRtree.query` on the same polygons.

Both sides get a longitude and latitude and say which grid counts, with the same rule for a shared border (the smallest
code) and for a dedicated grid (it takes precedence). The tree is the exact test too: it asks the polygons for every
place, so `GridIndex` has to agree with it a million times, and on every corner of every grid, where it is easiest to be
wrong.

What a tree costs depends on how the polygons are drawn, what `GridIndex` costs hardly does. The made-up county has 19
corners a grid; surveyed borders have more (the 2,325 tracts of New York: 75 on average). Both are measured: the county
as it is, and with each border bent into four pieces, which gives it 73 corners a grid.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from app.bench import Report, Row, alternate, at_least, rate
from app.bench.county import county
from geo.grids import GridSet, load
from geo.tagging import GridIndex

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
BATCH = 256
BEND = 0.3
"""How far a bend may lie from the straight line, both sides together, as a share of the piece it bends."""
MARGIN = 0.02
"""How much of the county's extent is added on each side, so that some places lie outside."""


@dataclass(frozen=True)
class Sizes:
    """How much is measured: places compared exactly, places timed in batches and one by one a round, rounds."""

    places: int = 1_000_000
    batched: int = 200_000
    single: int = 40_000
    rounds: int = 5


QUICK = Sizes(places=100_000, batched=50_000, single=10_000, rounds=3)


class Plain:
    """The plain way: a spatial index over the polygons, asked for each place."""

    def __init__(self, grids: GridSet) -> None:
        general = sorted(grids.finest, key=lambda grid: grid.code)
        dedicated = sorted(grids.dedicated, key=lambda grid: grid.code)
        self._codes = [grid.code for grid in (*dedicated, *general)]  # the first that covers a place counts
        self._tree = shapely.STRtree([grid.geometry for grid in (*dedicated, *general)])

    def code(self, lon: float, lat: float) -> str | None:
        """The code of one place."""
        covering = self._tree.query(shapely.Point(lon, lat), predicate="intersects")
        return self._codes[covering.min()] if len(covering) else None

    def numbers(self, lons: Floats, lats: Floats) -> Ints:
        """The position of the grid of each of many places; the one after the last outside."""
        place, covering = self._tree.query(shapely.points(lons, lats), predicate="intersects")
        first: Ints = np.full(len(lons), len(self._codes))
        np.minimum.at(first, place, covering)
        return first

    def codes(self, lons: Floats, lats: Floats) -> list[str | None]:
        """The codes of many places."""
        names = [*self._codes, None]
        return [names[n] for n in self.numbers(lons, lats).tolist()]


def run(state: Path, sizes: Sizes = Sizes(), seed: int = 20261118) -> Report:
    """Compare, then time. `state`: where the county is kept."""
    made = load(county(state) / "grids.geojson")
    rows: list[Row] = []
    notes: list[str] = []
    broken: list[str] = []
    for name, goals, grids in (("as made", (None, None), made), ("surveyed borders", (4, 5), surveyed(made))):
        index, plain = GridIndex(grids), Plain(grids)
        lons, lats = places(grids, sizes.places, seed)
        corners = shapely.get_coordinates([grid.geometry for grid in grids.finest])
        wrong = mismatches(index, plain, lons, lats)
        wrong_corners = mismatches(index, plain, corners[:, 0].copy(), corners[:, 1].copy())
        notes.append(
            f"{name}: {len(corners) / len(grids.finest):.0f} corners a grid; "
            f"{wrong + wrong_corners} mismatches on {len(lons):,} random places and {len(corners):,} corners"
        )
        if wrong + wrong_corners:
            broken.append(f"{name}: {wrong + wrong_corners} places got another grid than the exact test gives")
        batches, singles = sizes.batched, sizes.single
        rows += [
            _row(f"{name}, batches of {BATCH}", goals[0], sizes.rounds,
                 _batches(index.codes_many, lons[:batches], lats[:batches]),
                 _batches(plain.numbers, lons[:batches], lats[:batches])),
            _row(f"{name}, one by one", goals[1], sizes.rounds,
                 _singles(_one(index), lons[:singles], lats[:singles]),
                 _singles(plain.code, lons[:singles], lats[:singles])),
        ]  # fmt: skip
    return Report(
        "tagging", f"place -> grid over {len(made.finest):,} grids; plain: STRtree.query(predicate='intersects')",
        tuple(rows), tuple(notes), tuple(broken),
    )  # fmt: skip


def surveyed(grids: GridSet) -> GridSet:
    """The same grids with each piece of a border bent into four, as a surveyor follows a brook.

    Neighbours share their bends: the middle of a piece is moved across it by a share of its length that depends only on
    its two ends. An outline that would cross itself is left as it was.
    """
    lowest = grids.finest_level
    return GridSet(
        tuple(replace(each, geometry=_bent(each.geometry)) if each.level == lowest else each for each in grids.grids)
    )


def _bent(outline: BaseGeometry) -> BaseGeometry:
    parts = [
        shapely.Polygon(_bent_ring(part.exterior), [_bent_ring(hole) for hole in part.interiors])
        for part in shapely.get_parts(outline)
    ]
    bent: BaseGeometry = parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)
    return bent if bent.is_valid else outline


def _bent_ring(ring: BaseGeometry) -> Floats:
    points: Floats = shapely.get_coordinates(ring)
    for _ in range(2):
        a, b = points[:-1], points[1:]
        forward = ((a[:, 0] < b[:, 0]) | ((a[:, 0] == b[:, 0]) & (a[:, 1] < b[:, 1])))[:, None]
        low, high = np.where(forward, a, b), np.where(forward, b, a)
        across = (high - low)[:, ::-1] * (1.0, -1.0)
        chance = np.sin((low + high) @ (12_989.8, 78_233.0)) * 43_758.5453
        middle = (low + high) / 2 + across * (chance - np.floor(chance) - 0.5)[:, None] * BEND
        points = np.concatenate([np.stack([a, middle], axis=1).reshape(-1, 2), points[-1:]])
    return points


def places(grids: GridSet, count: int, seed: int) -> tuple[Floats, Floats]:
    """Random places over the county and a little around it."""
    west, south, east, north = grids.bounds
    wide, high = (east - west) * MARGIN, (north - south) * MARGIN
    rng = np.random.default_rng(seed)
    return rng.uniform(west - wide, east + wide, count), rng.uniform(south - high, north + high, count)


def mismatches(index: GridIndex, plain: Plain, lons: Floats, lats: Floats) -> int:
    """How many places get another grid than the exact test gives."""
    ours = (tag.grid for tag in index.tag_many(lons, lats))
    return sum(a != b for a, b in zip(ours, plain.codes(lons, lats), strict=True))


def _one(index: GridIndex) -> Callable[[float, float], str | None]:
    return lambda lon, lat: index.tag(lon, lat).grid


def _batches(way: Callable[[Floats, Floats], object], lons: Floats, lats: Floats) -> Callable[[], float]:
    """A measurement: places a second when they come in batches, as from a socket."""
    parts = [(lons[n : n + BATCH], lats[n : n + BATCH]) for n in range(0, len(lons), BATCH)]

    def measure() -> float:
        with _Timed() as timed:
            for part in parts:
                way(*part)
        return len(lons) / timed.seconds

    return measure


def _singles(way: Callable[[float, float], str | None], lons: Floats, lats: Floats) -> Callable[[], float]:
    """A measurement: places a second when they come alone, as plain numbers."""
    pairs = list(zip(lons.tolist(), lats.tolist(), strict=True))

    def measure() -> float:
        with _Timed() as timed:
            for lon, lat in pairs:
                way(lon, lat)
        return len(pairs) / timed.seconds

    return measure


class _Timed:
    """Seconds of a block, with the garbage of the block before it gone."""

    seconds = 0.0

    def __enter__(self) -> _Timed:
        gc.collect()
        self._began = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.perf_counter() - self._began


def _row(what: str, goal: float | None, rounds: int, ours: Callable[[], float], plain: Callable[[], float]) -> Row:
    mine, theirs, ratio = alternate(ours, plain, rounds)
    return Row(what, rate(mine, "places"), rate(theirs, "places"), ratio, *(at_least(ratio, goal) if goal else ()))
