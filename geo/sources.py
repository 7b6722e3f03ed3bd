"""Foreign grid files: whatever GeoPandas reads becomes drafts, one a feature, in WGS 84.

Three layouts occur in practice and are told apart by what was given:

- one file of finest grids whose columns name the grids above (`codes` has several names): the upper grids
  have no outline of their own yet and come as drafts with an empty geometry;
- one file a level, top first, each with a column for the parent; a file of dedicated grids only may follow;
- one file with all grids and a `level` column, as a built grid set is.

Of a draft only its points are checked, since what is no place can be neither measured nor shown: `geo.check`
lists what else is wrong with drafts, `geo.grids.build` makes grids of them.
"""

from __future__ import annotations

import gzip
import io
import zlib
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import pyproj
import shapely
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from geo.errors import BadGridFile
from geo.gridset import GIVE_POLYGON, MAX_LEVELS, Kind, refuse_no_place

KINDS: dict[str, Kind] = {
    "": "general", "general": "general", "普通": "general", "一般": "general", "普通网格": "general",
    "dedicated": "dedicated", "专属": "dedicated", "专属网格": "dedicated",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column means what. `codes`, `names`, `names_en` and `parents` hold one name a level, top first.

    Several codes for one file: it holds the finest grids, and the other codes name the grids above. With
    several files a single name stands for all of them. Columns other than codes and parents may be absent: a
    name is then the code, the English name the name, the kind general, district and chief empty.
    """

    codes: tuple[str, ...] = ("code",)
    names: tuple[str, ...] = ("name",)
    names_en: tuple[str, ...] = ("name_en",)
    parents: tuple[str, ...] = ("parent",)
    level: str = "level"
    kind: str = "kind"
    district: str = "district"
    chief: str = "chief"

    def __post_init__(self) -> None:
        """Refuse a single text where a tuple is meant: its letters would pass for column names."""
        for field in fields(self)[:4]:
            if isinstance(getattr(self, field.name), str):
                raise TypeError(f"Columns.{field.name} is a tuple of column names, not {getattr(self, field.name)!r}")


@dataclass(frozen=True, slots=True)
class Draft:
    """A grid as a file states it. `parent` is empty at the top; `where` names file and feature for messages.

    `feature` is the outline of the feature that names the grid: its own geometry, or for a grid that came
    without one that of a finest grid in it.
    """

    code: str
    name: str
    name_en: str
    level: int
    parent: str
    kind: Kind
    district: str
    chief: str
    geometry: BaseGeometry
    feature: BaseGeometry
    where: str


Source = Any
"""One path, a sequence of paths, or a GeoDataFrame (which has no types to name here)."""


@dataclass(frozen=True, slots=True)
class _Table:
    """One file's rows and outlines; rows are plain dicts, so that only `_frame` knows GeoPandas."""

    label: str
    columns: frozenset[str]
    rows: list[dict[str, Any]]
    outlines: list[BaseGeometry]


def read(source: Source, columns: Columns = Columns()) -> tuple[Draft, ...]:
    """The drafts of a file, of one file a level (top first), or of a GeoDataFrame; at least one.

    Raises BadGridFile when a file cannot be read, has no coordinate system, lacks a column or has a feature
    without an outline or with a point that is no place.
    """
    single = isinstance(source, str | Path) or hasattr(source, "geometry")
    given: list[Any] = [source] if single else list(source)
    tables = [_table(each) for each in given]
    if not tables:
        raise BadGridFile("no grid file was given: name at least one")
    if len(tables) == 1 and len(columns.codes) > 1:
        return _nested(tables[0], columns)
    return _by_level(tables, columns)


def repaired(geometry: BaseGeometry) -> BaseGeometry:
    """A valid geometry of the same area; the same object when it is valid, empty when nothing with an area is
    left."""
    if geometry.is_valid:
        return geometry
    parts = shapely.get_parts(shapely.make_valid(geometry, method="structure", keep_collapsed=False))
    polygons = [part for part in parts if isinstance(part, Polygon)]
    return polygons[0] if len(polygons) == 1 else MultiPolygon(polygons)


def _nested(table: _Table, columns: Columns) -> tuple[Draft, ...]:
    """Finest grids with columns for the grids above, which become drafts without an outline."""
    levels = len(columns.codes)
    if levels > MAX_LEVELS:
        raise BadGridFile(f"{levels} code columns were named: grids have at most {MAX_LEVELS} levels")
    _require(table, columns.codes)
    finest: list[Draft] = []
    above: dict[tuple[int, str, str], Draft] = {}
    for n, (row, outline) in enumerate(zip(table.rows, table.outlines, strict=True), start=1):
        where = f"{table.label}: feature {n}"
        codes = [_text(row[name]) for name in columns.codes]
        parents = ["", *codes]
        finest.append(_draft(row, columns, levels, parents[levels - 1], outline, where))
        for level in range(1, levels):
            key = (level, codes[level - 1], parents[level - 1])
            if codes[level - 1] and key not in above:
                above[key] = _undrawn(_draft(row, columns, level, parents[level - 1], outline, where))
    return (*above.values(), *finest)


def _by_level(tables: list[_Table], columns: Columns) -> tuple[Draft, ...]:
    """One file a level, or one with a level column; a file of dedicated grids only adds no level."""
    drafts: list[Draft] = []
    level = 0
    for table in tables:
        leveled = len(tables) == 1 and columns.level in table.columns
        kinds = {_kind(row, columns, table.label) for row in table.rows}
        level = min(level + ("general" in kinds), MAX_LEVELS + 1)
        if level > MAX_LEVELS:
            raise BadGridFile(f"{table.label} would be level {level}: grids have at most {MAX_LEVELS} levels")
        parent = _of_level(columns.parents, level)
        _require(table, (_of_level(columns.codes, level),))
        if leveled or level > 1:
            _require(table, (parent,))
        for n, (row, outline) in enumerate(zip(table.rows, table.outlines, strict=True), start=1):
            where = f"{table.label}: feature {n}"
            own = _level(row[columns.level], where) if leveled else max(level, 1)
            drafts.append(_draft(row, columns, own, _text(row.get(parent)), outline, where))
    return tuple(drafts)


def _draft(row: dict[str, Any], columns: Columns, level: int, parent: str, outline: BaseGeometry, where: str) -> Draft:
    code = _text(row[_of_level(columns.codes, level)])
    if not code:
        raise BadGridFile(f"{where} has no {_of_level(columns.codes, level)}: give every grid a code")
    where = f"{where} ({code})"
    refuse_no_place(outline, where)
    name = _text(row.get(_of_level(columns.names, level))) or code
    return Draft(
        code=code,
        name=name,
        name_en=_text(row.get(_of_level(columns.names_en, level))) or name,
        level=level,
        parent=parent,
        kind=_kind(row, columns, where),
        district=_text(row.get(columns.district)),
        chief=_text(row.get(columns.chief)),
        geometry=outline,
        feature=outline,
        where=where,
    )


def _undrawn(draft: Draft) -> Draft:
    """The draft of a grid above, without what the feature says of the finest grid only."""
    return replace(draft, kind="general", district="", chief="", geometry=Polygon())


def _of_level(names: tuple[str, ...], level: int) -> str:
    return names[min(max(level, 1), len(names)) - 1]


def _kind(row: dict[str, Any], columns: Columns, where: str) -> Kind:
    stated = _text(row.get(columns.kind)).lower()
    if stated not in KINDS:
        raise BadGridFile(f"{where} has the {columns.kind} {stated!r}: use one of {', '.join(filter(None, KINDS))}")
    return KINDS[stated]


def _level(value: Any, where: str) -> int:
    text = _text(value)
    if text not in {str(level) for level in range(1, MAX_LEVELS + 1)}:
        raise BadGridFile(f"{where} has the level {text!r}: use a whole number from 1 (top) to {MAX_LEVELS}")
    return int(text)


def _text(value: Any) -> str:
    """A cell as text: nothing for null, and 12 for the 12.0 that a column with nulls makes of it."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip()


def _require(table: _Table, names: tuple[str, ...]) -> None:
    missing = [name for name in names if name not in table.columns]
    if missing:
        raise BadGridFile(
            f"{table.label} has no column {', '.join(missing)}: map yours, it has {', '.join(sorted(table.columns))}"
        )


def _table(source: Any) -> _Table:
    label, frame = _frame(source)
    if frame.crs is None:
        raise BadGridFile(f"{label} states no coordinate system: add its .prj file, or save it with one")
    if not len(frame):
        raise BadGridFile(f"{label} has no features: a grid file needs at least one")
    # data that is in degrees of WGS 84 or CGCS2000 already is left alone, to the last bit
    if frame.crs.to_epsg() not in (4326, 4490) and frame.crs.to_authority() != ("OGC", "CRS84"):
        frame = _in_degrees(frame, label)
    outlines = list(shapely.force_2d(frame.geometry.to_numpy()))
    for n, outline in enumerate(outlines, start=1):
        if outline is None or outline.is_empty or not isinstance(outline, Polygon | MultiPolygon):
            kind = "no geometry" if outline is None else f"an empty or open {outline.geom_type}"
            raise BadGridFile(f"{label}: feature {n} has {kind}: {GIVE_POLYGON}")
    plain = frame.drop(columns=frame.geometry.name)
    plain = plain.astype(object).where(plain.notna(), None)  # one null, for NaN, NaT and NA
    names = [str(name) for name in plain.columns]
    rows = [dict(zip(names, row, strict=True)) for row in plain.itertuples(index=False, name=None)]
    return _Table(label, frozenset(names), rows, outlines)


def _in_degrees(frame: Any, label: str) -> Any:
    try:
        return frame.to_crs(4326)
    except (pyproj.exceptions.ProjError, shapely.errors.ShapelyError) as error:
        said = str(error).partition("\n")[0]
        raise BadGridFile(
            f"{label} is in {frame.crs.name}, where it has no WGS 84 degrees ({said}): save it in another system"
        ) from error


def _frame(source: Any) -> tuple[str, Any]:
    """The label for messages and the GeoDataFrame of a path, or of a frame that is one already."""
    if hasattr(source, "geometry"):
        return "the frame", source
    import geopandas  # here, since it takes a second and nobody else in a running system needs it

    path = Path(source)
    try:
        content = io.BytesIO(gzip.decompress(path.read_bytes())) if path.suffix == ".gz" else path
        frame = geopandas.read_file(content, on_invalid="ignore")  # then it has no geometry, which is refused
    except (OSError, EOFError, ValueError, RuntimeError, zlib.error, pyproj.exceptions.ProjError) as error:
        said = str(error).partition("\n")[0]
        raise BadGridFile(f"{path} cannot be read ({said}): name a GIS file such as GeoJSON or GeoPackage") from error
    if not isinstance(frame, geopandas.GeoDataFrame):  # a table, whatever its columns are called
        raise BadGridFile(f"{path} has no geometries: name a GIS file such as GeoJSON or GeoPackage")
    return str(path), frame
