"""H3 cells: one key per place for heat, neighbourhoods and grouping.

Resolution 10 (edge about 66 m) is what events carry; heat is drawn at 9 (about 174 m). Which grid a place
lies in is never asked of H3: 27 % of the cells of resolution 10 straddle a border, see `geo.tagging` for
that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import h3

EVENT_RES = 10
HEAT_RES = 9


def cell(lon: float, lat: float, res: int = EVENT_RES) -> str:
    """The H3 cell of a place in WGS 84 degrees, as its 15-digit hex text."""
    return str(h3.latlng_to_cell(lat, lon, res))


def neighbours(cell: str, k: int = 1) -> tuple[str, ...]:
    """The cell and all within k steps of it, sorted: 1 + 3k(k + 1) cells where no pentagon is near."""
    return tuple(sorted(h3.grid_disk(cell, k)))


def heat(cells: Iterable[str] | Mapping[str, int], res: int = HEAT_RES) -> dict[str, int]:
    """How many fall in each coarser cell; `cells` are finer cells, one per event, or counts by cell."""
    counted: Iterable[tuple[str, int]]
    counted = cells.items() if isinstance(cells, Mapping) else ((each, 1) for each in cells)
    counts: dict[str, int] = {}
    for each, count in counted:
        parent = str(h3.cell_to_parent(each, res))
        counts[parent] = counts.get(parent, 0) + count
    return counts


def boundary(cell: str) -> list[tuple[float, float]]:
    """The cell's outline as a closed GeoJSON ring: (lon, lat) pairs, the first again at the end."""
    ring = [(lon, lat) for lat, lon in h3.cell_to_boundary(cell)]
    return [*ring, ring[0]]
