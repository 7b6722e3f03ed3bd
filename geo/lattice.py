"""A regular lattice of cells over a town, and which cells each polygon crosses or fills.

Two facts about every polygon are needed, and both come out of its segments with numpy alone, all polygons at
once:

- the cells its outline touches (`outline_cells`): each segment is cut into the columns it spans, and in each
  column into the rows. Cells are widened by `MARGIN` for that, so that rounding can only name a cell too
  many;
- the cells its inside covers (`filled_cells`): along the middle of each row the outline is crossed an even
  number of times; between the 1st and 2nd, 3rd and 4th … crossing lies the inside, holes and islands
  included.

A cell that no outline touches is wholly inside or wholly outside, so its middle speaks for all of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, cos, radians, sqrt

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

MARGIN = 1e-6
"""How far cells are widened when outlines are cut, in cells: 50 µm of 50 m, a million times the rounding
error."""
METRES_PER_DEGREE = 111_195.0
BLOCK = 1 << 20
"""Cells filled at a time, which bounds the memory of a build."""


@dataclass(frozen=True, slots=True)
class Lattice:
    """Columns and rows of equal cells; `per_lon`, `per_lat` are cells a degree, `metres` the side of a
    cell."""

    west: float
    south: float
    per_lon: float
    per_lat: float
    columns: int
    rows: int
    metres: float

    @property
    def cells(self) -> int:
        """How many cells there are; cell n is column n % columns of row n // columns, rows counted from the
        south."""
        return self.columns * self.rows

    @classmethod
    def over(cls, bounds: tuple[float, float, float, float], metres: float, most: int) -> Lattice:
        """A lattice over west, south, east, north, with a rim that nothing in it touches; coarser than `metres`
        if it must hold no more than `most` cells."""
        west, south, east, north = bounds
        shrink = cos(radians(min(89.0, max(abs(south), abs(north)))))
        wide, high = (east - west) * METRES_PER_DEGREE * shrink, (north - south) * METRES_PER_DEGREE
        while (ceil(wide / metres) + 3) * (ceil(high / metres) + 3) > most:
            metres *= max(1.01, sqrt(wide * high / (metres * metres) / most))
        per_lon, per_lat = METRES_PER_DEGREE * shrink / metres, METRES_PER_DEGREE / metres
        columns, rows = ceil(wide / metres) + 3, ceil(high / metres) + 3
        # a cell and a half, since an outline on the edge of a cell touches the next one too
        return cls(west - 1.5 / per_lon, south - 1.5 / per_lat, per_lon, per_lat, columns, rows, metres)


@dataclass(frozen=True, slots=True)
class Segments:
    """The outlines of many polygons, cut into segments, in lattice units; all arrays have one length.

    `owner` is the polygon's position in the list they came from.
    """

    owner: Ints
    x0: Floats
    y0: Floats
    x1: Floats
    y1: Floats


def segments(lattice: Lattice, polygons: NDArray[np.object_]) -> Segments:
    """All segments of all rings of polygons and multipolygons."""
    parts, part_owner = shapely.get_parts(polygons, return_index=True)
    rings, ring_part = shapely.get_rings(parts, return_index=True)
    points, point_ring = shapely.get_coordinates(rings, return_index=True)
    x = (points[:, 0] - lattice.west) * lattice.per_lon
    y = (points[:, 1] - lattice.south) * lattice.per_lat
    same_ring = point_ring[:-1] == point_ring[1:]
    owner = part_owner[ring_part[point_ring[:-1][same_ring]]]
    return Segments(owner.astype(np.int64), x[:-1][same_ring], y[:-1][same_ring], x[1:][same_ring], y[1:][same_ring])


def outline_cells(lattice: Lattice, cut: Segments) -> tuple[Ints, Ints]:
    """Pairs (cell, owner), each once, of the cells that the outlines touch, neighbours within MARGIN
    included."""
    swap = cut.x0 > cut.x1
    x0, x1 = np.where(swap, cut.x1, cut.x0), np.where(swap, cut.x0, cut.x1)
    y0, y1 = np.where(swap, cut.y1, cut.y0), np.where(swap, cut.y0, cut.y1)
    segment, column = _expand(_floor(x0 - MARGIN), _floor(x1 + MARGIN))
    x0, x1, y0, y1 = x0[segment], x1[segment], y0[segment], y1[segment]
    width = np.where(x1 > x0, x1 - x0, 1.0)
    enter = np.clip((column - MARGIN - x0) / width, 0.0, 1.0)
    leave = np.where(x1 > x0, np.clip((column + 1 + MARGIN - x0) / width, 0.0, 1.0), 1.0)
    from_y, to_y = y0 + enter * (y1 - y0), y0 + leave * (y1 - y0)
    piece, row = _expand(_floor(np.minimum(from_y, to_y) - MARGIN), _floor(np.maximum(from_y, to_y) + MARGIN))
    cell = row * lattice.columns + column[piece]
    owners = int(cut.owner.max()) + 1
    pairs = np.unique(cell * owners + cut.owner[segment[piece]])
    return pairs // owners, pairs % owners


def filled_cells(lattice: Lattice, cut: Segments) -> Iterator[tuple[Ints, Ints]]:
    """Pairs (cell, owner) of the cells whose middle lies inside, in blocks, from the highest owner to the
    lowest.

    The answer is only certain for cells that the owner's outline does not touch.
    """
    swap = cut.y0 > cut.y1
    low, high = np.where(swap, cut.y1, cut.y0), np.where(swap, cut.y0, cut.y1)
    segment, row = _expand(_ceil(low - 0.5), _ceil(high - 0.5) - 1)  # middles with low <= y < high
    along = np.clip((row + 0.5 - low[segment]) / (high - low)[segment], 0.0, 1.0)
    share = np.where(swap[segment], 1.0 - along, along)
    x = cut.x0[segment] + share * (cut.x1 - cut.x0)[segment]
    owner = cut.owner[segment]
    order = np.lexsort((x, row, -owner))
    owner, row, x = owner[order][::2], row[order][::2], x[order]
    first, last = _ceil(x[::2] - 0.5), _ceil(x[1::2] - 0.5) - 1
    ends = np.cumsum(np.maximum(last - first + 1, 0))
    cuts = np.searchsorted(ends, np.arange(BLOCK, int(ends[-1]) if len(ends) else 0, BLOCK))
    for part in np.split(np.arange(len(ends)), cuts):
        span, column = _expand(first[part], last[part])
        yield row[part][span] * lattice.columns + column, owner[part][span]


def _expand(first: Ints, last: Ints) -> tuple[Ints, Ints]:
    """Every whole number of every range first..last (inclusive), with the range it came from: (range,
    number)."""
    counts = np.maximum(last - first + 1, 0)
    source = np.repeat(np.arange(len(counts)), counts)
    offset = np.arange(len(source)) - np.repeat(np.cumsum(counts) - counts, counts)
    return source, first[source] + offset


def _floor(values: Floats) -> Ints:
    return np.floor(values).astype(np.int64)


def _ceil(values: Floats) -> Ints:
    return np.ceil(values).astype(np.int64)


def polygon_array(geometries: list[BaseGeometry]) -> NDArray[np.object_]:
    """Geometries as an object array, which numpy would otherwise try to unpack."""
    array: NDArray[np.object_] = np.empty(len(geometries), dtype=object)
    array[:] = geometries
    return array
