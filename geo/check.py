"""What is wrong with grid files: gaps, overlaps, slivers, orphans, several parents and invalid rings.

Borders are compared in the degrees they are stored in, since that is the plane in which places are tagged: a
straight border in degrees is a slight curve in any projection, and vertices that match would seem not to.
Only what is found is then projected to say its size in square metres, on a cylinder: that keeps areas equal
everywhere, and unlike a plane about the middle of the data it is finite for every place on earth.

Dedicated grids lie over general ones by rule, so they take no part in gaps and overlaps.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray
from shapely.geometry import Point, Polygon
from shapely.geometry.base import BaseGeometry

from geo.lattice import polygon_array
from geo.places import Position
from geo.sources import Columns, Draft, Source, read, repaired

FindingKind = Literal["gap", "overlap", "sliver", "orphan", "multi_parent", "invalid_ring"]

NOISE_M2 = 0.01
"""Smaller pieces are rounding, not mistakes of a surveyor."""
SLIVER_METRES = 3.0
"""A gap or overlap thinner than this on average is a sliver: two drawings of one border …"""
SLIVER_M2 = 10_000.0
"""… unless it is larger than this."""
NEAR_DEGREES = 1e-9
"""How far a grid may be from a gap to be named as its neighbour."""

SENTENCES: dict[FindingKind, tuple[str, str]] = {
    "gap": ("{codes} 处有空白 {area} m²", "gap of {area} m² at {codes}"),
    "overlap": ("{codes} 重叠 {area} m²", "{codes} overlap by {area} m²"),
    "sliver": ("{codes} 边界不吻合,细缝 {area} m²", "sliver of {area} m² along the border of {codes}"),
    "orphan": ("{codes} 的上级网格不存在或未填写", "{codes}: the parent is missing or not in the files"),
    "multi_parent": ("{codes}:同一网格有多个上级", "{codes}: one grid with several parents"),
    "invalid_ring": ("{codes} 边界环无效,修复改变 {area} m²", "{codes}: invalid ring, repair changes {area} m²"),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One mistake: its kind, the grids concerned, a place on it, and its size in m².

    `codes` of a gap are its neighbours; of several parents the grid and then its parents; of an orphan the
    grid and, when it names one, the parent that is not there. The size of an invalid ring is the area that
    repair adds or takes away.
    """

    kind: FindingKind
    codes: tuple[str, ...]
    place: Position
    area_m2: float

    def text(self, lang: str) -> str:
        """One sentence in Chinese (`zh`, `zh-CN`) or English (anything else), with place and size."""
        zh, en = SENTENCES[self.kind]
        area = f"{self.area_m2:,.0f}" if self.area_m2 >= 100 else f"{self.area_m2:.2f}"
        at = f"{self.place.lon:.6f}, {self.place.lat:.6f}"
        chinese = lang.lower().startswith("zh")
        codes = ("、" if chinese else ", ").join(self.codes)
        return (
            f"{zh.format(codes=codes, area=area)}({at})" if chinese else f"{en.format(codes=codes, area=area)} ({at})"
        )

    @property
    def message(self) -> str:
        """The English sentence."""
        return self.text("en")


def check(source: Source, columns: Columns = Columns()) -> list[Finding]:  # noqa: B008  Columns is frozen
    """Everything wrong with a file, files or a GeoDataFrame (see `geo.sources.read`), kind by kind, largest
    first.

    An empty list means that on every level the grids tile their parents. Raises BadGridFile when a file
    cannot be read at all.
    """
    drafts = read(source, columns)
    area = _area_on_cylinder()
    findings = [*_invalid_rings(drafts, area), *_orphans(drafts, area), *_several_parents(drafts, area)]
    drawn = [d for d in drafts if d.kind == "general" and not d.geometry.is_empty]
    outlines = polygon_array([repaired(d.geometry) for d in drawn])
    for level in sorted({d.level for d in drawn}):
        chosen = np.array([d.level == level for d in drawn])
        grids = [d for d in drawn if d.level == level]
        findings += _overlaps(grids, outlines[chosen], area)
        findings += _holes(grids, outlines[chosen], area)
    findings += _against_parents(drawn, outlines, area)
    order = list(SENTENCES)
    return sorted(findings, key=lambda f: (order.index(f.kind), -f.area_m2, f.codes))


Area = Callable[[BaseGeometry], float]


def _area_on_cylinder() -> Area:
    """A function from a geometry in degrees to its m² on Lambert's equal-area cylinder."""
    cylinder = "+proj=cea +over +datum=WGS84 +units=m"  # over: 180 is not folded to -180
    project = pyproj.Transformer.from_crs("EPSG:4326", cylinder, always_xy=True)

    def unrolled(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(project.transform(points[:, 0], points[:, 1]))

    return lambda geometry: float(shapely.transform(geometry, unrolled).area)


def _invalid_rings(drafts: tuple[Draft, ...], area: Area) -> Iterator[Finding]:
    for draft in drafts:
        if not draft.geometry.is_valid:
            reason = shapely.is_valid_reason(draft.geometry)
            spot = re.search(r"\[(\S+) (\S+)\]", reason)
            place = Position(float(spot[1]), float(spot[2])) if spot else _inside(draft)
            change = abs(area(repaired(draft.geometry)) - area(draft.geometry))
            yield Finding("invalid_ring", (draft.code,), place, change)


def _orphans(drafts: tuple[Draft, ...], area: Area) -> Iterator[Finding]:
    known = {draft.code: draft for draft in drafts if draft.kind == "general"}
    for draft in drafts:
        parent = known.get(draft.parent)
        needed = draft.level > 1 and draft.kind == "general"
        if (parent is None or parent.level >= draft.level) if draft.parent else needed:
            codes = (draft.code, draft.parent) if draft.parent else (draft.code,)
            yield Finding("orphan", codes, _inside(draft), area(repaired(draft.feature)))


def _several_parents(drafts: tuple[Draft, ...], area: Area) -> Iterator[Finding]:
    named: dict[str, list[Draft]] = defaultdict(list)
    for draft in drafts:
        named[draft.code].append(draft)
    for code, same in named.items():
        parents = sorted({draft.parent for draft in same if draft.parent})
        if len(parents) > 1:
            first = same[0]
            yield Finding("multi_parent", (code, *parents), _inside(first), area(repaired(first.feature)))


def _overlaps(grids: list[Draft], outlines: NDArray[np.object_], area: Area) -> Iterator[Finding]:
    """Where two grids of one level cover the same land."""
    one, two = shapely.STRtree(outlines).query(outlines, predicate="intersects")
    one, two = one[one < two], two[one < two]
    shared = shapely.intersection(outlines[one], outlines[two])
    for a, b, common in zip(one.tolist(), two.tolist(), shared, strict=True):
        if grids[a].code != grids[b].code:
            yield from _pieces("overlap", common, tuple(sorted((grids[a].code, grids[b].code))), area)


def _holes(grids: list[Draft], outlines: NDArray[np.object_], area: Area) -> Iterator[Finding]:
    """Land inside the outer rim of a level that no grid of it covers."""
    rims = shapely.get_parts(shapely.union_all(outlines))
    holes = [Polygon(ring) for rim in rims for ring in rim.interiors]
    # an island in a lake lies in a hole of the land around and is no gap
    islands = shapely.STRtree(rims)
    for hole in holes:
        inside = rims[islands.query(hole, predicate="contains")]
        yield from _gaps(hole.difference(shapely.union_all(inside)), grids, outlines, area)


def _against_parents(drawn: list[Draft], outlines: NDArray[np.object_], area: Area) -> Iterator[Finding]:
    """Where the children of a grid leave some of it out, or reach over its border."""
    own = {draft.code: n for n, draft in enumerate(drawn)}
    children: dict[str, list[int]] = defaultdict(list)
    for n, draft in enumerate(drawn):
        if draft.parent in own:
            children[draft.parent].append(n)
    for code, below in children.items():
        parent = outlines[own[code]]
        yield from _gaps(
            parent.difference(shapely.union_all(outlines[below])), [drawn[n] for n in below], outlines[below], area
        )
        for n in below:
            beyond = outlines[n].difference(parent)
            yield from _pieces("overlap", beyond, (drawn[n].code, code), area)


def _gaps(gap: BaseGeometry, grids: list[Draft], outlines: NDArray[np.object_], area: Area) -> Iterator[Finding]:
    for piece in shapely.get_parts(gap):
        near = shapely.dwithin(outlines, piece, NEAR_DEGREES)
        codes = tuple(sorted({grids[n].code for n in np.flatnonzero(near).tolist()}))
        yield from _pieces("gap", piece, codes, area)


def _pieces(kind: FindingKind, geometry: BaseGeometry, codes: tuple[str, ...], area: Area) -> Iterator[Finding]:
    """A finding for each piece with an area; thin ones are slivers."""
    for piece in shapely.get_parts(geometry):
        if isinstance(piece, Polygon) and not piece.is_empty and (size := area(piece)) >= NOISE_M2:
            width = _width(piece, size)
            thin = width < SLIVER_METRES and size < SLIVER_M2
            yield Finding("sliver" if thin else kind, codes, _place(piece), size)


def _width(piece: Polygon, size: float) -> float:
    """Mean width in metres of a long thin piece: its area by half its rim."""
    metres = 111_195.0
    stretch = np.array([metres * np.cos(np.radians(piece.centroid.y)), metres])
    return 2 * size / float(shapely.transform(piece, lambda points: points * stretch).length)


def _inside(draft: Draft) -> Position:
    """A place in the feature that names the draft; its first vertex when it has no area."""
    outline = repaired(draft.feature)
    return _place(Point(shapely.get_coordinates(draft.feature)[0]) if outline.is_empty else outline)


def _place(geometry: BaseGeometry) -> Position:
    point = geometry.representative_point()
    return Position(point.x, point.y)
