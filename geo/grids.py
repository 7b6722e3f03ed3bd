"""Grid files: load a built grid set, check and build one from any GIS file, write it.

A grid set is one GeoJSON file, one feature a grid, and that is all the product ever loads. Files of any other
kind (Shapefile, GeoPackage, any coordinate system, one file a level or all in one) are brought into that form
once, by `build`, after `check` has said what is wrong with them. This module is the door; the set itself is
in `geo.gridset`, reading foreign files in `geo.sources`, the findings in `geo.check`.
"""

from __future__ import annotations

import json
import logging
import os
import tempfile
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import shapely

from geo.check import Finding, check
from geo.errors import BadGridFile
from geo.gridset import BUILD_IT, Grid, GridSet, Kind, refuse_broken_tree
from geo.sources import Columns, Draft, Source, read, repaired

__all__ = ["Columns", "Finding", "Grid", "GridSet", "Kind", "build", "check", "load", "write"]

log = logging.getLogger(__name__)


def load(path: str | Path) -> GridSet:
    """Read and check a built grid set; raises BadGridFile with one sentence that says what is wrong and
    where."""
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise BadGridFile(f"{path} cannot be read ({error.strerror}): name an existing grid set in GRIDS") from error
    except UnicodeDecodeError as error:
        raise BadGridFile(f"{path} is not UTF-8 text: {BUILD_IT}") from error
    try:
        collection = json.loads(text)
    except json.JSONDecodeError as error:
        raise BadGridFile(f"{path} is not JSON (line {error.lineno}: {error.msg}): {BUILD_IT}") from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, thousands of open brackets
        raise BadGridFile(f"{path} is no JSON that can be read ({error}): {BUILD_IT}") from error
    return GridSet.from_geojson(collection, str(path))


def build(files: Source, columns: Columns = Columns()) -> GridSet:  # noqa: B008  Columns is frozen
    """The grid set of foreign files: all levels, upper ones dissolved where they have no outline of their
    own.

    `files` is one path or several (see `geo.sources.read`), `columns` says which columns mean what. Invalid
    rings are repaired, each with a warning in the log; no other point of a grid that came in a file is moved,
    so a place is tagged exactly as its source says. Raises BadGridFile, and for several parents or an unknown
    one too: `check` lists all of those at once.
    """
    drafts = read(files, columns)
    whole = [repair(draft) for draft in merged(drafts)]
    grids = tuple(
        Grid(d.code, d.name, d.name_en, d.level, d.parent or None, d.kind, d.district, d.chief, d.geometry)
        for d in dissolved(whole)
    )
    refuse_broken_tree(grids, drafts[0].where.partition(": ")[0])
    return GridSet(tuple(sorted(grids, key=lambda grid: (grid.level, grid.kind == "dedicated", grid.code))))


def merged(drafts: tuple[Draft, ...]) -> list[Draft]:
    """One draft a code: parts of one grid are united; raises BadGridFile when they name different parents."""
    by_code: dict[str, list[Draft]] = defaultdict(list)
    for draft in drafts:
        by_code[draft.code].append(draft)
    return [_united(parts) if len(parts) > 1 else parts[0] for parts in by_code.values()]


def _united(parts: list[Draft]) -> Draft:
    first = parts[0]
    for other in parts[1:]:
        if (other.parent, other.level, other.kind) != (first.parent, first.level, first.kind):
            raise BadGridFile(
                f"{other.where}: code {first.code!r} has the parents {first.parent!r} (level {first.level}) and "
                f"{other.parent!r} (level {other.level}): give each grid one parent and its own code"
            )
    return replace(first, geometry=shapely.union_all([repaired(part.geometry) for part in parts]))


def repair(draft: Draft) -> Draft:
    """The draft with valid rings; an untouched one when they are valid already."""
    if draft.geometry.is_valid:
        return draft
    log.warning("%s: repaired %s", draft.where, shapely.is_valid_reason(draft.geometry))
    geometry = repaired(draft.geometry)
    if geometry.is_empty:
        raise BadGridFile(f"{draft.where} has no area left after repair: draw it anew")
    return replace(draft, geometry=geometry)


def dissolved(drafts: list[Draft]) -> list[Draft]:
    """The drafts, each with a geometry: those that came without one are the union of their children."""
    done: dict[str, Draft] = {draft.code: draft for draft in drafts}
    for level in range(max(draft.level for draft in drafts) - 1, 0, -1):
        children: dict[str, list[Draft]] = defaultdict(list)
        for draft in done.values():
            if draft.level == level + 1 and draft.kind == "general":
                children[draft.parent].append(draft)
        for code, below in children.items():
            if code in done and done[code].geometry.is_empty:
                done[code] = replace(done[code], geometry=shapely.union_all([d.geometry for d in below]))
    for draft in done.values():
        if draft.geometry.is_empty:
            raise BadGridFile(f"{draft.where} has no general grid below it: add one, or leave its code out")
    return list(done.values())


def write(gridset: GridSet, path: str | Path) -> None:
    """Write the set as GeoJSON; a reader sees the old file or the new one, never half of it."""
    path = Path(path)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(gridset.to_geojson(), file, ensure_ascii=False, separators=(",", ":"))
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)  # mkstemp makes it private, but the workers may run as another user
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
