"""The grid set: grids of up to four levels that tile their parents, and dedicated ones laid over them.

Everybody relies on it and it is small (a county is about 2,000 features), so it is checked to the last
feature when it is read: one clear sentence at the start beats a wrong grid on a case. Whether the polygons
tile is not asked here: `geo.check` answers that, with places and areas, when the set is built.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal, cast

import numpy as np
import shapely
from shapely.geometry import mapping, shape
from shapely.geometry.base import BaseGeometry

from geo.errors import BadGridFile

Kind = Literal["general", "dedicated"]

MAX_LEVELS = 4
GIVE_POLYGON = "give it a Polygon or MultiPolygon"
NAME_SYSTEM = "save the file with the coordinate system it is drawn in, then `gridpost grids build` converts it"
BUILD_IT = "build it with `gridpost grids build`"
REQUIRED = ("code", "name", "name_en", "level", "parent", "kind", "district", "chief")
WGS84_NAMES = ("CRS84", "4326", "WGS84", "WGS 84")


@dataclass(frozen=True, slots=True)
class Grid:
    """One grid: a (multi)polygon in WGS 84 with a code that is unique in its set.

    `level` counts from 1 at the top; `parent` is the code of the grid above, None at the top.
    `district` is the patrol area and `chief` the grid chief, both empty when not known.
    """

    code: str
    name: str
    name_en: str
    level: int
    parent: str | None
    kind: Kind
    district: str
    chief: str
    geometry: BaseGeometry


@dataclass(frozen=True)
class GridSet:
    """All grids of a site, checked: codes are unique, parents exist one level up, geometries are valid.

    Not slotted, since the derived views below are computed once, on first use.
    """

    grids: tuple[Grid, ...]

    @cached_property
    def by_code(self) -> Mapping[str, Grid]:
        """Every grid by its code."""
        return MappingProxyType({grid.code: grid for grid in self.grids})

    @cached_property
    def finest_level(self) -> int:
        """The level people are bound to: the highest number among the general grids."""
        return max(grid.level for grid in self.grids if grid.kind == "general")

    @cached_property
    def finest(self) -> tuple[Grid, ...]:
        """The general grids of the finest level."""
        return tuple(g for g in self.grids if g.kind == "general" and g.level == self.finest_level)

    @cached_property
    def dedicated(self) -> tuple[Grid, ...]:
        """The grids that take precedence where they lie."""
        return tuple(g for g in self.grids if g.kind == "dedicated")

    @cached_property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north of all grids, in degrees."""
        west, south, east, north = shapely.total_bounds([g.geometry for g in self.grids]).tolist()
        return west, south, east, north

    def chain(self, code: str) -> tuple[str, ...]:
        """The codes from the top level down to `code` itself; raises KeyError for a code not in the set."""
        codes = [code]
        while (parent := self.by_code[codes[-1]].parent) is not None:
            codes.append(parent)
        return tuple(reversed(codes))

    def to_geojson(self) -> dict[str, Any]:
        """The set as a GeoJSON FeatureCollection in its published form."""
        return {"type": "FeatureCollection", "features": [_feature(grid) for grid in self.grids]}

    @classmethod
    def from_geojson(cls, collection: object, source: str = "grid set") -> GridSet:
        """The set of a parsed GeoJSON FeatureCollection; raises BadGridFile, naming `source`."""
        if not isinstance(collection, dict) or collection.get("type") != "FeatureCollection":
            raise BadGridFile(f"{source} is not a GeoJSON FeatureCollection: {BUILD_IT}")
        _refuse_other_crs(collection.get("crs"), source)
        features = collection.get("features")
        if not isinstance(features, list) or not features:
            raise BadGridFile(f"{source} has no features: a grid set needs at least one general grid")
        grids = tuple(_grid(feature, f"{source}: feature {n}") for n, feature in enumerate(features, start=1))
        refuse_broken_tree(grids, source)
        return cls(grids)


def refuse_no_place(geometry: BaseGeometry, where: str) -> None:
    """Raise BadGridFile, naming the first such point, unless every point is finite and within ±180, ±90
    degrees; `where` opens the sentence."""
    points = shapely.get_coordinates(geometry)
    # asked this way round, NaN is no place either
    wrong = points[~(np.abs(points) <= (180.0, 90.0)).all(axis=1)]
    if len(wrong):
        lon, lat = wrong[0].tolist()
        if not np.isfinite(wrong[0]).all():
            raise BadGridFile(f"{where} has the point {lon}, {lat}, which is no place: draw it anew or take it out")
        raise BadGridFile(f"{where} has the point {lon}, {lat}, which is not WGS 84 degrees: {NAME_SYSTEM}")


def refuse_broken_tree(grids: tuple[Grid, ...], source: str) -> None:
    """Raise BadGridFile unless codes are unique and every parent is a general grid one level up."""
    by_code: dict[str, Grid] = {}
    for grid in grids:
        if grid.code in by_code:
            raise BadGridFile(f"{source}: code {grid.code!r} is used twice: give every grid its own code")
        by_code[grid.code] = grid
    if not any(grid.kind == "general" for grid in grids):
        raise BadGridFile(f"{source} has only dedicated grids: add the general grids they lie on")
    for grid in grids:
        if grid.parent is not None:
            _refuse_parent(grid, by_code.get(grid.parent), source)
        elif grid.kind == "general" and grid.level > 1:
            raise BadGridFile(
                f"{source}: grid {grid.code!r} is on level {grid.level} but has no parent: "
                f"name one of level {grid.level - 1}"
            )


def _refuse_parent(grid: Grid, parent: Grid | None, source: str) -> None:
    if parent is None:
        raise BadGridFile(
            f"{source}: grid {grid.code!r} has the parent {grid.parent!r}, which is not in the set: "
            "add that grid or correct the code"
        )
    if parent.kind != "general" or parent.level >= grid.level:
        raise BadGridFile(
            f"{source}: grid {grid.code!r} (level {grid.level}) has the parent {parent.code!r} "
            f"({parent.kind}, level {parent.level}): name a general grid of a level above"
        )
    if grid.kind == "general" and parent.level != grid.level - 1:
        raise BadGridFile(
            f"{source}: grid {grid.code!r} (level {grid.level}) has the parent {parent.code!r} of level "
            f"{parent.level}: name one of level {grid.level - 1}"
        )


def _refuse_other_crs(crs: object, source: str) -> None:
    """RFC 7946 knows only WGS 84; older files may name it, and files in another system must be converted."""
    if crs is not None and not any(name in json.dumps(crs) for name in WGS84_NAMES):
        raise BadGridFile(
            f"{source} is in {json.dumps(crs, ensure_ascii=False)}, not WGS 84: `gridpost grids build` converts it"
        )


def _grid(feature: object, where: str) -> Grid:
    """The grid of one GeoJSON feature; `where` opens the sentence of any refusal."""
    properties = feature.get("properties") if isinstance(feature, dict) else None
    if not isinstance(feature, dict) or not isinstance(properties, dict):
        raise BadGridFile(f"{where} is not a GeoJSON feature with properties: {BUILD_IT}")
    missing = [name for name in REQUIRED if name not in properties]
    if missing:
        raise BadGridFile(f"{where} lacks {', '.join(missing)}: map your columns with `gridpost grids build`")
    code = properties["code"]
    if not isinstance(code, str) or not code:
        raise BadGridFile(f"{where} has the code {code!r}: a code is a text that is not empty")
    where = f"{where} ({code})"
    level, parent, kind = properties["level"], properties["parent"], properties["kind"]
    if isinstance(level, bool) or not isinstance(level, int) or not 1 <= level <= MAX_LEVELS:
        raise BadGridFile(f"{where} has the level {level!r}: use a whole number from 1 (top) to {MAX_LEVELS}")
    if parent is not None and (not isinstance(parent, str) or not parent):
        raise BadGridFile(f"{where} has the parent {parent!r}: use the code of the grid above, or null")
    if kind not in ("general", "dedicated"):
        raise BadGridFile(f"{where} has the kind {kind!r}: use 'general' or 'dedicated'")
    texts = {name: _text(properties[name], name, where) for name in ("name", "name_en", "district", "chief")}
    geometry = _geometry(feature.get("geometry"), where)
    return Grid(code=code, level=level, parent=parent, kind=cast(Kind, kind), geometry=geometry, **texts)


def _text(value: object, name: str, where: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadGridFile(f"{where} has the {name} {value!r}: use a text, or null when it is not known")
    return value


def _geometry(parsed: object, where: str) -> BaseGeometry:
    try:
        geometry = shapely.force_2d(shape(cast(Any, parsed)))
    except (AttributeError, LookupError, OverflowError, TypeError, ValueError, shapely.errors.ShapelyError) as error:
        raise BadGridFile(f"{where} has no readable geometry ({error}): {GIVE_POLYGON}") from error
    if geometry.geom_type not in ("Polygon", "MultiPolygon") or geometry.is_empty:
        raise BadGridFile(f"{where} is an empty or open {geometry.geom_type}: {GIVE_POLYGON}")
    refuse_no_place(geometry, where)
    if not geometry.is_valid:
        raise BadGridFile(
            f"{where} has an invalid ring ({shapely.is_valid_reason(geometry)}): `gridpost grids build` repairs it"
        )
    return geometry


def _feature(grid: Grid) -> dict[str, Any]:
    return {
        "type": "Feature",
        "properties": {name: getattr(grid, name) for name in REQUIRED},
        "geometry": mapping(grid.geometry),
    }
