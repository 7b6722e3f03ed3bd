"""Fences: how far a place lies outside a district, and on which side of a border line, a column of places at a time.

A fence is asked about thousands of moving places every few seconds, and each answer is a number of metres, never a
yes: only who knows how vague a place is (its accuracy) can say whether it has crossed. Every shape is measured in a
plane of its own, metres east and north of its middle, which over a district or a stretch of coast is within 0.5 % of
the sphere.

A border is a line with two sides, open or closed to a ring. Beside the ends of an open line there is no side: who
walks around an end has not crossed it, so there the answer is NaN.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from geo.errors import BadBorderFile, BadPlace
from geo.gridset import GridSet
from geo.places import Position
from geo.planes import Plane

Floats = NDArray[np.float64]
Direction = Literal["in", "out"]
Watched = Literal["in", "out", "both"]


class Districts:
    """The districts of a grid set, each the union of its finest and its dedicated grids. Safe to share."""

    def __init__(self, gridset: GridSet) -> None:
        members: dict[str, list[BaseGeometry]] = defaultdict(list)
        for grid in (*gridset.finest, *gridset.dedicated):
            if grid.district:
                members[grid.district].append(grid.geometry)
        self.names = tuple(sorted(members))
        areas = [shapely.unary_union(members[name]) for name in self.names]
        planes = [Plane.around(area) for area in areas]
        self._number = {name: n for n, name in enumerate(self.names)}
        self._areas = _column(areas)
        self._edges = _column([shapely.boundary(plane.flat(area)) for plane, area in zip(planes, areas, strict=True)])
        self._middle = np.array([(p.lon, p.lat, *p.scale) for p in planes], dtype=np.float64).reshape(-1, 4)
        shapely.prepare(self._areas)
        # asked once here, since GEOS builds its index on first use, which threads must not race for
        shapely.intersects_xy(self._areas, self._middle[:, 0], self._middle[:, 1])

    def beyond(self, names: Sequence[str], lons: Floats, lats: Floats) -> Floats:
        """How many metres each place (n,) lies outside the district of the same row: 0 inside, NaN when no grid
        belongs to a district of that name."""
        which = np.array([self._number.get(name, -1) for name in names], dtype=np.int64)
        metres = np.where(which < 0, np.nan, 0.0)
        rows = np.flatnonzero(which >= 0)
        rows = rows[~shapely.intersects_xy(self._areas[which[rows]], lons[rows], lats[rows])]
        if len(rows):
            lon, lat, east, north = self._middle[which[rows]].T
            points = shapely.points((lons[rows] - lon) * east, (lats[rows] - lat) * north)
            metres[rows] = shapely.distance(self._edges[which[rows]], points)
        return metres


@dataclass(frozen=True)
class Border:
    """A border line in WGS 84. `inside`: which hand the town's own side is on, going along the line.
    `watch`: which crossings are told. Not slotted, since its segments are worked out once, on first use."""

    id: str
    name: str
    name_en: str
    line: shapely.LineString
    inside: Literal["left", "right"]
    watch: Watched = "both"

    def sides(self, lons: Floats, lats: Floats) -> Floats:
        """The distance of each place (n,) to the line in metres: positive inside, negative outside, NaN where the
        nearest point of the line is one of its ends."""
        segments = self._segments
        x, y = segments.plane.metres_many(np.column_stack((lons, lats))).T
        signed = segments.left(x, y)
        return signed if self.inside == "left" else -signed

    @cached_property
    def _segments(self) -> _Segments:
        return _Segments(self.line)


class _Segments:
    """The segments of a line in its plane, and the normals to its left at every segment and at every corner: at a
    corner neither segment alone knows the side, the sum of their normals does."""

    def __init__(self, line: shapely.LineString) -> None:
        self.plane = Plane.around(line)
        points = shapely.get_coordinates(self.plane.flat(line))
        points = points[np.append(True, np.any(np.diff(points, axis=0) != 0, axis=1))]
        self._start, along = points[:-1], np.diff(points, axis=0)
        self._long = np.hypot(along[:, 0], along[:, 1])
        self._along = along / self._long[:, None]
        normals = np.column_stack((-self._along[:, 1], self._along[:, 0]))
        before, after = np.vstack((normals[-1:], normals)), np.vstack((normals, normals[:1]))
        corners = before + after
        if not np.array_equal(points[0], points[-1]):
            corners[[0, -1]] = np.nan  # the ends of an open line have no side
        self._points, self._normals, self._corners = points, normals, corners
        pieces = shapely.linestrings(np.stack((points[:-1], points[1:]), axis=1))
        self._tree = shapely.STRtree(list(cast(NDArray[np.object_], pieces)))

    def left(self, x: Floats, y: Floats) -> Floats:
        """Metres to the line, positive on its left, NaN beside an end."""
        if not len(x):
            return np.empty(0)
        place, nearest = self._tree.query_nearest(shapely.points(x, y), all_matches=False)
        segment = np.empty(len(x), dtype=np.int64)
        segment[place] = nearest
        here = np.column_stack((x, y))
        on = np.einsum("ij,ij->i", here - self._start[segment], self._along[segment])
        corner = np.where(on <= 0.0, segment, segment + 1)
        at_corner = (on <= 0.0) | (on >= self._long[segment])
        foot = self._start[segment] + np.clip(on, 0.0, self._long[segment])[:, None] * self._along[segment]
        normal = np.where(at_corner[:, None], self._corners[corner], self._normals[segment])
        away = here - foot
        side = np.sign(np.einsum("ij,ij->i", away, normal))
        return cast(Floats, side * np.hypot(away[:, 0], away[:, 1]))


@dataclass(frozen=True)
class Grounds:
    """What a site's rules about moving are measured against."""

    districts: Districts
    borders: tuple[Border, ...] = ()


def load_borders(path: Path | str) -> tuple[Border, ...]:
    """The border lines of a GeoJSON file of LineStrings in WGS 84, with the properties `id`, `name`, `name_en`,
    `inside` (`left` or `right` going along the line) and `watch` (`in`, `out` or `both`; default `both`).

    Raises BadBorderFile with one sentence that names the file, the feature, the value and the remedy.
    """
    try:
        collection = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise BadBorderFile(f"{path} cannot be read ({error.strerror}): name an existing file in BORDERS") from error
    except ValueError as error:
        raise BadBorderFile(f"{path} is not GeoJSON ({error}): save it as a FeatureCollection of lines") from error
    features = collection.get("features") if isinstance(collection, dict) else None
    if not isinstance(features, list):
        raise BadBorderFile(f"{path} is not a GeoJSON FeatureCollection: save it as one, of LineStrings")
    borders = tuple(_border(feature, f"{path}: feature {n}") for n, feature in enumerate(features, start=1))
    for name in (border.id for border in borders):
        if sum(border.id == name for border in borders) > 1:
            raise BadBorderFile(f"{path}: id {name!r} is used twice: give every border its own")
    return borders


def _border(feature: Any, where: str) -> Border:
    properties = feature.get("properties") if isinstance(feature, dict) else None
    if not isinstance(properties, dict):
        raise BadBorderFile(f"{where} is not a GeoJSON feature with properties: give it id, name, name_en and inside")
    for key in ("id", "name", "name_en"):
        if not isinstance(properties.get(key), str) or not properties[key]:
            raise BadBorderFile(f"{where} has the {key} {properties.get(key)!r}: use a text that is not empty")
    where = f"{where} ({properties['id']})"
    inside, watch = properties.get("inside"), properties.get("watch", "both")
    if inside not in ("left", "right"):
        raise BadBorderFile(f"{where} has inside = {inside!r}: use 'left' or 'right', seen going along the line")
    if watch not in ("in", "out", "both"):
        raise BadBorderFile(f"{where} has watch = {watch!r}: use 'in', 'out' or 'both'")
    line = _line(feature.get("geometry"), where)
    return Border(properties["id"], properties["name"], properties["name_en"], line, inside, watch)


def _line(geometry: Any, where: str) -> shapely.LineString:
    points = geometry.get("coordinates") if isinstance(geometry, dict) else None
    if not isinstance(points, list) or geometry.get("type") != "LineString":
        raise BadBorderFile(f"{where} is no LineString: draw it as one line")
    try:
        places = [Position.checked(*point[:2]) for point in points]
    except (TypeError, BadPlace) as error:
        raise BadBorderFile(f"{where}: {error}") from error
    if len({(place.lon, place.lat) for place in places}) < 2:
        raise BadBorderFile(f"{where} has fewer than two points: a line needs two")
    return shapely.LineString([(place.lon, place.lat) for place in places])


def _column(geometries: Iterable[BaseGeometry]) -> NDArray[np.object_]:
    """Shapes as an array, also when there are none."""
    found = list(geometries)
    column = np.empty(len(found), dtype=np.object_)
    column[:] = found
    return column
