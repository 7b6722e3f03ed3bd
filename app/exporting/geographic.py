"""GeoJSON, GeoPackage and GeoParquet: WGS 84, points; what has no place has none there either."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pyogrio

from app.exporting.rows import Rows
from app.exporting.tabular import written_time
from app.labels import Lang
from streams.archive.schema import KINDS as KEPT

CRS = "EPSG:4326"
WKB_POINT = np.dtype([("order", "u1"), ("type", "<u4"), ("x", "<f8"), ("y", "<f8")])


def geojson(rows: Rows, _lang: Lang) -> Iterator[bytes]:
    """A feature collection (RFC 7946), one feature a line; times as RFC 3339 with the offset of the site."""
    yield b'{"type":"FeatureCollection","features":['
    before = b"\n"
    for batch in rows.batches():
        shown = [
            written_time(values) if column.type == "time" else values
            for column, values in zip(rows.columns, batch.columns, strict=True)
        ]
        features = pa.table(shown, names=batch.schema.names).to_pylist()
        yield before + b",\n".join(msgspec.json.encode(_feature(each)) for each in features)
        before = b",\n"
    yield b"\n]}\n"


def _feature(properties: dict[str, Any]) -> dict[str, Any]:
    lon, lat = properties.pop("lon"), properties.pop("lat")
    place = None if lon is None else {"type": "Point", "coordinates": [lon, lat]}
    return {"type": "Feature", "geometry": place, "properties": properties}


def geopackage(rows: Rows, _lang: Lang, path: Path) -> None:
    """A GeoPackage with one layer, called like the kind; times are UTC, as the format wants them."""
    kept = [column for column in rows.columns if column.key not in ("lon", "lat")]
    utc = pa.timestamp("ms", "UTC")
    schema = pa.schema(
        [(column.key, utc if column.type == "time" else rows.schema.field(column.key).type) for column in kept]
        + [("geometry", pa.binary())]
    )

    def batches() -> Iterator[pa.RecordBatch]:
        for batch in rows.batches():
            columns = [batch.column(column.key).cast(schema.field(column.key).type) for column in kept]
            places = points(batch.column("lon"), batch.column("lat"))
            yield pa.RecordBatch.from_arrays([*columns, places], schema=schema)

    pyogrio.write_arrow(
        pa.RecordBatchReader.from_batches(schema, batches()), path, layer=rows.selection.kind, driver="GPKG",
        geometry_name="geometry", geometry_type="Point", crs=CRS,
    )  # fmt: skip


def parquet(rows: Rows, _lang: Lang, path: Path) -> None:
    """GeoParquet with the archive's own columns."""
    with pq.ParquetWriter(path, KEPT[rows.selection.kind].schema, compression="zstd") as file:
        for batch in rows.raw():
            file.write_batch(batch)


def points(lon: pa.Array, lat: pa.Array) -> pa.Array:
    """Points as well-known binary; none where a coordinate is missing."""
    placed = np.asarray(pc.and_(lon.is_valid(), lat.is_valid()))
    wkb = np.zeros(int(placed.sum()), WKB_POINT)
    wkb["order"], wkb["type"] = 1, 1
    for name, values in (("x", lon), ("y", lat)):
        wkb[name] = values.to_numpy(zero_copy_only=False)[placed]
    ends = np.concatenate([[0], np.cumsum(placed * WKB_POINT.itemsize)]).astype("<i4")
    buffers = [pa.array(placed).buffers()[1], pa.py_buffer(ends), pa.py_buffer(wkb.tobytes())]
    return pa.Array.from_buffers(pa.binary(), len(placed), buffers, null_count=int((~placed).sum()))
