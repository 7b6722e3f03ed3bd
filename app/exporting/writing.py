"""The formats, and a file that is there whole or not at all.

CSV, GeoJSON and GPX are pieces of text and leave as they are made; Excel, GeoPackage and Parquet need a file. CSV has
a byte order mark, without which Excel shows Chinese as noise, and its times carry their offset.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from app.exporting import geographic, gpx, tabular
from app.exporting.rows import Rows
from app.labels import Lang
from streams.errors import GridpostError

Text = Callable[[Rows, Lang], Iterator[bytes]]
Whole = Callable[[Rows, Lang, Path], None]

TEXT: dict[str, Text] = {"csv": tabular.csv, "geojson": geographic.geojson, "gpx": gpx.gpx}
WHOLE: dict[str, Whole] = {"xlsx": tabular.xlsx, "gpkg": geographic.geopackage, "parquet": geographic.parquet}
MEDIA = {
    "csv": "text/csv; charset=utf-8", "geojson": "application/geo+json", "gpx": "application/gpx+xml",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "gpkg": "application/geopackage+sqlite3", "parquet": "application/vnd.apache.parquet", "pdf": "application/pdf",
}  # fmt: skip


class ExportRefused(GridpostError):
    """A file that cannot be written as asked."""


def formats(kind: str) -> tuple[str, ...]:
    """The endings that are possible for a kind."""
    if kind == "daily":
        return ("pdf",)
    return tuple(ending for ending in (*TEXT, *WHOLE) if ending != "gpx" or kind == "tracks")


def ending(kind: str, path: Path) -> str:
    """The format that a file's ending names; raises ExportRefused with those that are possible."""
    found = path.suffix.lower().removeprefix(".")
    if found not in formats(kind):
        able = ", ".join(f".{one}" for one in formats(kind))
        raise ExportRefused(f"{path.name} has no ending that {kind} can be written as: use one of {able}.")
    return found


def write(rows: Rows, lang: Lang, form: str, path: Path) -> None:
    """Write a selection to `path`."""
    if form in WHOLE:
        WHOLE[form](rows, lang, path)
        return
    with path.open("wb") as file:
        for piece in TEXT[form](rows, lang):
            file.write(piece)


@contextmanager
def whole(path: Path, *, force: bool) -> Iterator[Path]:
    """A file beside `path` to write to, which becomes `path` when the block ends well, and nothing when it does not.
    Raises ExportRefused when there is such a file already, unless `force`."""
    if path.exists() and not force:
        raise ExportRefused(f"{path} exists already: name another file, or say --force to replace it.")
    if not path.parent.is_dir():
        raise ExportRefused(f"{path.parent} is no directory: make it, or name another file.")
    written = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        yield written
        with written.open("rb") as file:
            os.fsync(file.fileno())
        written.replace(path)
    except OSError as error:
        raise ExportRefused(f"{path} cannot be written ({error.strerror or error}): name another file.") from error
    finally:
        for left in path.parent.glob(f"{written.name}*"):  # of a GeoPackage also its journal
            left.unlink(missing_ok=True)
