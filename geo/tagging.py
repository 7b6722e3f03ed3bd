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
        self._answers, self._starts, self._candidates = self._rasterise()
        self._flat = self._answers.data
        self._outcomes: dict[int, Outcome] = {}
        position = {grid.code: n for n, grid in enumerate(gridset.grids)}
        self._positions = np.array([position[grid.code] for grid in asked], dtype=np.int64)
        self._prepare()

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
            answer = self._flat[int(y) * lattice.columns + int(x)]
            if answer < 0:
                answer = self._settle_one(-answer - 1, lon, lat)
        grid, grids = self._outcomes.get(answer) or self._outcome(answer)
        return Tag(grid, grids, lon, lat)

    def tag_many(self, lons: ArrayLike, lats: ArrayLike) -> list[Tag]:
        """The tags of many places: two arrays (n,) of WGS 84 degrees in, n tags out."""
        xs, ys = np.asarray(lons, dtype=np.float64), np.asarray(lats, dtype=np.float64)
        answers = self._place(xs, ys).tolist()
        outcomes = {answer: self._outcome(answer) for answer in set(answers)}
        return [
            Tag(*outcomes[answer], lon, lat) for answer, lon, lat in zip(answers, xs.tolist(), ys.tolist(), strict=True)
        ]

    def codes_many(self, lons: ArrayLike, lats: ArrayLike) -> Ints:
        """The bare placing step: for each place the position in `gridset.grids` of the grid that counts, -1
        outside."""
        answers = self._place(np.asarray(lons, dtype=np.float64), np.asarray(lats, dtype=np.float64))
        general, dedicated = np.divmod(answers, self._base)
        asked = np.where(dedicated > 0, len(self._general) + dedicated - 1, general - 1)
        return np.where(asked >= 0, self._positions[asked], -1)

    # An answer is one number: (general + 1) * base + (dedicated + 1), with -1 for none; 0 is outside.
    # In the lattice a negative number -(n + 1) stands for border cell n.

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
        answers[border_cells] = -1 - np.arange(len(border_cells), dtype=np.int32)
        return answers, np.append(starts, len(candidates)).astype(np.int64), candidates

    def _prepare(self) -> None:
        """Prepare the polygons and ask each once: GEOS builds its index on first use, which threads must not
        race for."""
        shapely.prepare(self._polygons)
        west, south, east, north = shapely.bounds(self._polygons).T
        shapely.intersects_xy(self._polygons, (west + east) / 2, (south + north) / 2)

    def _place(self, lons: NDArray[np.float64], lats: NDArray[np.float64]) -> Ints:
        lattice = self._lattice
        x, y = (lons - lattice.west) * lattice.per_lon, (lats - lattice.south) * lattice.per_lat
        on_lattice = (x >= 0) & (x < lattice.columns) & (y >= 0) & (y < lattice.rows)
        row, column = np.where(on_lattice, y, 0).astype(np.int64), np.where(on_lattice, x, 0).astype(np.int64)
        # a place off the lattice looks at cell 0, which is free and so says outside
        answers: Ints = self._answers[row * lattice.columns + column].astype(np.int64)
        unsettled = np.flatnonzero(answers < 0)
        if len(unsettled):
            answers[unsettled] = self._settle(-answers[unsettled] - 1, lons[unsettled], lats[unsettled])
        return answers

    def _settle(self, border: Ints, lons: NDArray[np.float64], lats: NDArray[np.float64]) -> Ints:
        """The answers of places in border cells, by the exact test."""
        counts = self._starts[border + 1] - self._starts[border]
        place = np.repeat(np.arange(len(border)), counts)
        offset = np.arange(len(place)) - np.repeat(np.cumsum(counts) - counts, counts)
        owner = self._candidates[self._starts[border][place] + offset]
        covers = shapely.intersects_xy(self._polygons[owner], lons[place], lats[place])
        # backwards, so that the smallest code is written last
        place, owner = place[covers][::-1], owner[covers][::-1]
        is_general = owner < len(self._general)
        answers = np.zeros(len(border), dtype=np.int64)
        answers[place[is_general]] = (owner[is_general] + 1) * self._base
        dedicated = np.zeros(len(border), dtype=np.int64)
        dedicated[place[~is_general]] = owner[~is_general] - len(self._general) + 1
        return answers + dedicated

    def _settle_one(self, border: int, lon: float, lat: float) -> int:
        """The same for one place, without the numpy that only pays for many."""
        start, end = self._starts[border : border + 2].tolist()
        near = self._candidates[start:end]
        owners: list[int] = near.tolist()
        covers = shapely.intersects_xy(self._polygons[near], lon, lat).tolist()
        split, general = len(self._general), 0
        for owner, covered in zip(owners, covers, strict=True):  # smallest code first
            if covered and owner >= split:
                return general * self._base + owner - split + 1
            if covered and not general:
                general = owner + 1
        return general * self._base

    def _outcome(self, answer: int) -> Outcome:
        """The codes of an answer, worked out once for each of the few that occur."""
        if answer not in self._outcomes:
            general, dedicated = divmod(answer, self._base)
            grids = self._gridset.chain(self._general[general - 1].code) if general else ()
            if dedicated:
                grids = (*grids, self._dedicated[dedicated - 1].code)
            self._outcomes[answer] = (grids[-1] if grids else None, grids)
        return self._outcomes[answer]


def _code(grid: Grid) -> str:
    return grid.code
