"""Which grid does a place lie in: fast, and exactly what the polygons say.

A lattice of 50 m cells lies over the town. Most cells are wholly inside one grid (or outside all), and for a
place in such a cell one look into an array is the whole answer. Only cells that a border runs through are
asked further: the few grids that touch the cell are tested with their exact polygons. So a tag never differs
from the exact test, and costs a fraction of a spatial index, which must test polygons for every place.

A place on a shared border belongs to the grid with the smallest code among those that cover it, and so does a
place where grids overlap. A dedicated grid takes precedence over the general one below.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from geo import cells
from geo.gridset import Grid, GridSet
from geo.lattice import Ints, Lattice, filled_cells, outline_cells, polygon_array, segments

CELL_METRES = 50.0
MOST_CELLS = 16_000_000
"""At most 64 MB of lattice: 50 m cells over 40,000 km², coarser ones beyond."""

Outcome = tuple[str | None, tuple[str, ...]]


class Tag(NamedTuple):
    """Where a place lies.

    `grid` is the code that counts: the dedicated grid where one lies, else the finest general grid, else None
    (outside). `grids` are the general grids from the top level down, and last the dedicated one when there is
    one.
    """

    grid: str | None
    grids: tuple[str, ...]
    lon: float
    lat: float

    @property
    def cell(self) -> str:
        """The H3 cell (resolution 10); worked out when asked for, since it costs more than the rest of the
        tag."""
        return cells.cell(self.lon, self.lat)


class GridIndex:
    """Tags places with the grids of one set. Immutable after it is built, and safe to share between
    threads."""

    def __init__(self, gridset: GridSet, cell_metres: float = CELL_METRES, most_cells: int = MOST_CELLS) -> None:
        """Build the lattice; cells grow beyond `cell_metres` when more than `most_cells` would be needed."""
        general = sorted(gridset.finest, key=_code)
        dedicated = sorted(gridset.dedicated, key=_code)
        asked = [*general, *dedicated]
        polygons = polygon_array([grid.geometry for grid in asked])
        self._gridset = gridset
        self._general, self._dedicated = general, dedicated
        self._base = len(dedicated) + 1
        self._polygons = polygons
        west, south, east, north = shapely.total_bounds(polygons).tolist()
        self._lattice = Lattice.over((west, south, east, north), cell_metres, most_cells)
        self._answers, self._starts, candidates = self._rasterise()
        self._near, self._worth = polygons[candidates], self._worths(candidates)
        # numpy is slow at handing out single numbers, a view of the same memory is not
        self._answer_at, self._start_at = self._answers.data, self._starts.data
        self._outcomes = _Outcomes(gridset, general, dedicated)
        self._positions = self._positions_of_answers()
        self._prepare()

    @property
    def gridset(self) -> GridSet:
        """The set it was built from."""
        return self._gridset

    @property
    def cell_metres(self) -> float:
        """The side of a lattice cell in metres: what was asked for, or more when the extent is huge."""
        return self._lattice.metres

    @property
    def border_share(self) -> float:
        """The share of lattice cells that need the exact test, 0 to 1."""
        return (len(self._starts) - 1) / self._lattice.cells

    def tag(self, lon: float, lat: float) -> Tag:
        """The tag of one place in WGS 84 degrees."""
        lattice = self._lattice
        x, y = (lon - lattice.west) * lattice.per_lon, (lat - lattice.south) * lattice.per_lat
        answer = 0
        if 0.0 <= x < lattice.columns and 0.0 <= y < lattice.rows:
            answer = self._answer_at[int(y) * lattice.columns + int(x)]
            if answer < 0:
                answer = self._settle_one(~answer, lon, lat)
        grid, grids = self._outcomes[answer]
        return Tag(grid, grids, lon, lat)

    def tag_many(self, lons: ArrayLike, lats: ArrayLike) -> list[Tag]:
        """The tags of many places: two arrays (n,) of WGS 84 degrees in, n tags out."""
        xs, ys = np.asarray(lons, dtype=np.float64), np.asarray(lats, dtype=np.float64)
        outcomes = map(self._outcomes.__getitem__, self._place(xs, ys).tolist())
        return [
            Tag(grid, grids, lon, lat)
            for (grid, grids), lon, lat in zip(outcomes, xs.tolist(), ys.tolist(), strict=True)
        ]

    def codes_many(self, lons: ArrayLike, lats: ArrayLike) -> Ints:
        """The bare placing step: for each place the position in `gridset.grids` of the grid that counts, -1
        outside."""
        return self._positions[self._place(np.asarray(lons, dtype=np.float64), np.asarray(lats, dtype=np.float64))]

    # An answer is one number: (general + 1) * base + (dedicated + 1), with -1 for none; 0 is outside.
    # In the lattice a negative number ~n stands for border cell n, whose candidates are at
    # starts[n]:starts[n + 1] of `_near` (their polygons) and `_worth` (what each adds to the answer).

    def _rasterise(self) -> tuple[NDArray[np.int32], Ints, Ints]:
        """The lattice (an answer a cell), and for border cell n its candidates[starts[n]:starts[n + 1]],
        ascending."""
        lattice, split = self._lattice, len(self._general)
        cut = segments(lattice, self._polygons)
        touched, owners = outline_cells(lattice, cut)
        border = np.zeros(lattice.cells, dtype=bool)
        border[touched] = True
        general = np.zeros(lattice.cells, dtype=np.int32)
        dedicated = np.zeros(lattice.cells, dtype=np.int32)
        cell_parts, owner_parts = [touched], [owners]
        for cell, owner in filled_cells(lattice, cut):  # highest owner first, so the smallest code stays
            is_general = owner < split
            general[cell[is_general]] = owner[is_general] + 1
            dedicated[cell[~is_general]] = owner[~is_general] - split + 1
            on_border = border[cell]
            cell_parts.append(cell[on_border])
            owner_parts.append(owner[on_border])
        count = len(self._polygons)
        pairs = np.unique(np.concatenate(cell_parts) * count + np.concatenate(owner_parts))
        cells_with, candidates = pairs // count, pairs % count
        border_cells, starts = np.unique(cells_with, return_index=True)
        answers = general * np.int32(self._base) + dedicated
        answers[border_cells] = ~np.arange(len(border_cells), dtype=np.int32)
        return answers, np.append(starts, len(candidates)).astype(np.int64), candidates

    def _worths(self, candidates: Ints) -> NDArray[np.int32]:
        """What a candidate that covers the place adds to the answer: less than the base if it is dedicated."""
        split = len(self._general)
        worth = np.where(candidates < split, (candidates + 1) * self._base, candidates - split + 1)
        return worth.astype(np.int32)

    def _positions_of_answers(self) -> Ints:
        """For every answer the position in `gridset.grids` of the grid that counts; -1 for outside."""
        position = {grid.code: n for n, grid in enumerate(self._gridset.grids)}
        general = np.array([-1, *(position[grid.code] for grid in self._general)], dtype=np.int64)
        positions = np.repeat(general[:, None], self._base, axis=1)
        positions[:, 1:] = [position[grid.code] for grid in self._dedicated]
        return positions.ravel()

    def _prepare(self) -> None:
        """Prepare the polygons and ask each once: GEOS builds its index on first use, which threads must not
        race for."""
        shapely.prepare(self._polygons)
        west, south, east, north = shapely.bounds(self._polygons).T
        shapely.intersects_xy(self._polygons, (west + east) / 2, (south + north) / 2)

    def _place(self, lons: NDArray[np.float64], lats: NDArray[np.float64]) -> NDArray[np.int32]:
        lattice = self._lattice
        # a place off the lattice, and what is no number, looks at the rim, which is free and so says outside
        x = np.fmin(np.fmax((lons - lattice.west) * lattice.per_lon, 0.0), lattice.columns - 1)
        y = np.fmin(np.fmax((lats - lattice.south) * lattice.per_lat, 0.0), lattice.rows - 1)
        answers = self._answers[y.astype(np.int64) * lattice.columns + x.astype(np.int64)]
        unsettled = np.flatnonzero(answers < 0)
        if len(unsettled):
            answers[unsettled] = self._settle(~answers[unsettled], lons[unsettled], lats[unsettled])
        return answers

    def _settle(
        self, border: NDArray[np.int32], lons: NDArray[np.float64], lats: NDArray[np.float64]
    ) -> NDArray[np.int32]:
        """The answers of places in border cells, by the exact test."""
        starts = self._starts[border]
        counts = self._starts[border + 1] - starts
        place = np.repeat(np.arange(len(border)), counts)
        candidate = np.arange(len(place)) + np.repeat(starts - np.cumsum(counts) + counts, counts)
        covers = np.flatnonzero(shapely.intersects_xy(self._near[candidate], lons[place], lats[place]))
        covers = covers[::-1]  # backwards, so that the smallest code is written last
        place, worth = place[covers], self._worth[candidate[covers]]
        answers = np.zeros(len(border), dtype=np.int32)
        if self._dedicated:
            over = worth < self._base
            answers[place[~over]] = worth[~over]
            answers[place[over]] += worth[over]  # of several at one place only the last is added
        else:
            answers[place] = worth
        return answers

    def _settle_one(self, border: int, lon: float, lat: float) -> int:
        """The same for one place, without the numpy that only pays for many."""
        start, end = self._start_at[border], self._start_at[border + 1]
        covers = shapely.intersects_xy(self._near[start:end], lon, lat).tolist()
        worths: list[int] = self._worth[start:end].tolist()
        answer = 0
        for worth, covered in zip(worths, covers, strict=True):  # general before dedicated, smallest code first
            if covered and worth < self._base:
                return answer + worth
            if covered and not answer:
                answer = worth
        return answer


class _Outcomes(dict[int, Outcome]):
    """The codes of an answer, worked out when it first occurs."""

    def __init__(self, gridset: GridSet, general: list[Grid], dedicated: list[Grid]) -> None:
        super().__init__()
        self._gridset, self._general, self._dedicated = gridset, general, dedicated

    def __missing__(self, answer: int) -> Outcome:
        general, dedicated = divmod(answer, len(self._dedicated) + 1)
        grids = self._gridset.chain(self._general[general - 1].code) if general else ()
        if dedicated:
            grids = (*grids, self._dedicated[dedicated - 1].code)
        outcome = self[answer] = (grids[-1] if grids else None, grids)
        return outcome


def _code(grid: Grid) -> str:
    return grid.code
