"""What the archive keeps: one table a kind, its columns, and how they are written.

Every row carries `ms` and `seq`, the stream id under which Redis had it: that is the order of all things, and what
makes each row one row; when something was is said by `at` (and `received`), which is the centre's time. Times are UTC,
places WGS 84 (GeoParquet 1.1, point geometry: GIS programs open the files). Rows are sorted as they are asked for, so
that one patrol or one grid is read without the rest.

A patrol's fixes are most of all bytes, hence `tracks` is written with care: `geometry` lies on a grid of 2^-20 degrees
(within 6 cm), whose doubles compress to a third, and `dx`, `dy` say in 1e-7 degrees what is missing, so that the place
is exact again: `round(geometry.x * 1e7) + dx`. The edge rounds every place that comes in to 1e-7 degrees.
"""

from __future__ import annotations

import json
from typing import NamedTuple

import pyarrow as pa

STEP = 2.0**-20
"""Degrees between two places of the grid on which the geometry of a track lies."""
E7 = 1e7
_ID = [pa.field("ms", pa.int64(), False), pa.field("seq", pa.int32(), False)]
_NAME = pa.dictionary(pa.int32(), pa.string())
_TIME = pa.timestamp("ms", "UTC")
_POINT = pa.struct([pa.field("x", pa.float64(), False), pa.field("y", pa.float64(), False)])
_GEO = {
    "version": "1.1.0", "primary_column": "geometry",
    "columns": {"geometry": {"encoding": "point", "geometry_types": ["Point"]}},
}  # fmt: skip


class Table(NamedTuple):
    """One kind: its columns, the order of its rows, and the encodings that pay. `group`: rows of a row group, the least
    that is read: few where one row is large, many where a dictionary shall pay."""

    schema: pa.Schema
    order: tuple[str, ...]
    encoding: dict[str, str]
    dictionary: tuple[str, ...]
    group: int


def _table(
    order: str, *columns: tuple[str, pa.DataType], geo: bool = False, group: int = 20_000, few: str = "",
    **encoding: str,
) -> Table:  # fmt: skip
    """`few`: numbers of which few different ones occur, so that a dictionary pays; `encoding` of single columns."""
    fields = [*_ID, *(pa.field(name, kind) for name, kind in columns)]
    schema = pa.schema(fields, metadata={b"geo": json.dumps(_GEO).encode()} if geo else None)
    small = tuple(name for name, kind in columns if pa.types.is_dictionary(kind) and name not in encoding)
    small += tuple(few.split())
    packed = {"ms": "DELTA_BINARY_PACKED", "seq": "DELTA_BINARY_PACKED"}
    packed |= {name: "DELTA_BINARY_PACKED" for name, kind in columns if pa.types.is_timestamp(kind)}
    if geo:
        packed |= {"geometry.x": "BYTE_STREAM_SPLIT", "geometry.y": "BYTE_STREAM_SPLIT"}
    packed = {name: how for name, how in (packed | encoding).items() if name not in small}
    return Table(schema, tuple(order.split()), packed, small, group)


KINDS: dict[str, Table] = {
    # every event but positions, as it was recorded; `body` is all of it but the contact, `flag` what the script found,
    # `case` where it went
    "events": _table(
        "grid ms seq", ("at", _TIME), ("received", _TIME), ("kind", _NAME), ("source", _NAME), ("id", pa.string()),
        ("device", _NAME), ("geometry", _POINT), ("grid", _NAME), ("grids", pa.list_(pa.string())), ("cell", _NAME),
        ("flags", pa.list_(pa.string())), ("flag", _NAME), ("case", pa.string()), ("category", _NAME),
        ("severity", pa.int8()), ("phase", _NAME), ("quantity", _NAME), ("value", pa.float64()), ("state", _NAME),
        ("body", pa.string()), ("attributes", pa.string()), geo=True,
    ),
    # positions: metres, m/s, degrees from north, percent; a fix's message id is not kept, its stream id names it
    "tracks": _table(
        "device ms seq", ("at", _TIME), ("received", _TIME), ("source", _NAME), ("device", _NAME), ("geometry", _POINT),
        ("dx", pa.int8()), ("dy", pa.int8()), ("accuracy", pa.float32()), ("speed", pa.float32()),
        ("course", pa.float32()), ("battery", pa.float32()), ("grid", _NAME), ("cell", _NAME), ("flags", _NAME),
        ("flag", _NAME), ("attributes", _NAME), geo=True, group=50_000,
        few="seq dx dy accuracy speed course battery", cell="DELTA_BYTE_ARRAY",
    ),
    # the trace: who did what; `entry` is the bytes that stand in the case's log and were sealed
    "acts": _table(
        "ms seq", ("no", pa.string()), ("at", _TIME), ("by", _NAME), ("role", _NAME), ("act", _NAME), ("before", _NAME),
        ("after", _NAME), ("version", pa.int32()), ("text", pa.string()), ("patrol", _NAME), ("dispatch", pa.string()),
        ("approver", _NAME), ("detail", pa.string()), ("entry", pa.string()),
    ),
    # cases as their last change of the day left them. `handling_*`: the last limit to handle; a case's newest row over
    # all days is the case
    "cases": _table(
        "grid ms seq", ("at", _TIME), ("no", pa.string()), ("state", _NAME), ("version", pa.int32()), ("matter", _NAME),
        ("priority", pa.int8()), ("origin", _NAME), ("category", _NAME), ("received", _TIME), ("device", _NAME),
        ("geometry", _POINT), ("grid", _NAME), ("grids", pa.list_(pa.string())), ("cell", _NAME), ("owner", _NAME),
        ("level", pa.int8()), ("patrol", _NAME), ("department", _NAME), ("person", _NAME), ("post", _NAME),
        ("events", pa.int32()), ("alert", pa.string()), ("into", pa.string()), ("score", pa.int8()),
        ("dispatched", _TIME), ("closed", _TIME), ("respond_due", _TIME), ("respond_done", _TIME),
        ("arrive_start", _TIME), ("arrive_due", _TIME), ("arrive_done", _TIME), ("handling_start", _TIME),
        ("handling_due", _TIME), ("handling_done", _TIME), ("handling_paused", _TIME), ("clocks", pa.string()),
        geo=True,
    ),
    # what the screens were told, as JSON lists: from it any moment is folded again. Fixes are in `tracks`
    "changes": _table(
        "ms seq", ("at", _TIME), ("cases", pa.string()), ("alerts", pa.string()), ("devices", pa.string()),
        ("patrols", pa.string()), ("notices", pa.string()), group=2_000,
    ),
    # every call that changed something: what was asked, at which `now`, under which configuration
    "journal": _table(
        "ms seq", ("kind", _NAME), ("now", _TIME), ("version", _NAME), ("count", pa.int32()), ("asked", pa.string()),
        few="seq count", asked="DELTA_BYTE_ARRAY",
    ),
    # the whole picture at the stream id of a change, every quarter of an hour, as JSON
    "snapshots": _table("ms seq", ("at", _TIME), ("state", pa.string()), group=1),
    # who reported: apart from everything else, so that it can be deleted without touching the rest
    "contacts": _table("ms seq", ("case", pa.string()), ("contact", pa.string())),
}  # fmt: skip


def plain(rows: pa.Table) -> pa.Table:
    """The table without Arrow dictionaries. Parquet would write the whole of one into each row group, which makes its
    own from what occurs there; DuckDB would make an enumeration of each; nothing sorts by them."""
    fields = [field.with_type(pa.string()) if pa.types.is_dictionary(field.type) else field for field in rows.schema]
    return rows.cast(pa.schema(fields, metadata=rows.schema.metadata))
