"""The lists that a draw and the offer of joint visits are made from: CSV files, checked to the last cell.

UTF-8 with a header line, several values of one cell with `;` between, as in the register; a wrong row is refused
with its file, line, column, value and remedy.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from pathlib import Path

from streams.draws import Inspector, Target, id_refused
from streams.register import Row, rows
from streams.visits import Check

TARGET_COLUMNS = ("id", "name")
TARGET_OPTIONAL = ("department", "day", "grid", "lon", "lat")
INSPECTOR_COLUMNS = ("id", "name", "department")
INSPECTOR_OPTIONAL = ("avoid",)
PLAN_COLUMNS = ("id", "day", "target", "department")
PLAN_OPTIONAL = ("matter",)


def read_targets(path: Path) -> tuple[Target, ...]:
    """The targets of a file; raises BadSetting."""
    seen: set[str] = set()
    return tuple(_target(row, seen) for row in rows(path, TARGET_COLUMNS, TARGET_OPTIONAL))


def read_inspectors(path: Path) -> tuple[Inspector, ...]:
    """The inspectors of a file; raises BadSetting."""
    seen: set[str] = set()
    return tuple(
        Inspector(_new_id(row, seen), row.required("name"), row.required("department"), _several(row, "avoid"))
        for row in rows(path, INSPECTOR_COLUMNS, INSPECTOR_OPTIONAL)
    )


def read_plan(path: Path, matters: Collection[str]) -> tuple[Check, ...]:
    """The planned checks of a file; `matters`: the keys of the catalogue. Raises BadSetting."""
    seen: set[str] = set()
    found: list[Check] = []
    for row in rows(path, PLAN_COLUMNS, PLAN_OPTIONAL):
        matter = row.text("matter")
        if matter and matter not in matters:
            row.refuse("matter", "use the key of a matter of the catalogue, or leave it empty")
        day = _day(row)
        found.append(Check(_new_id(row, seen), row.required("target"), day, row.required("department"), matter))
    return tuple(found)


def _target(row: Row, seen: set[str]) -> Target:
    departments = _several(row, "department")
    if len(set(departments)) != len(departments):
        row.refuse("department", "name each department once")
    lon, lat = _degrees(row, "lon", 180), _degrees(row, "lat", 90)
    if (lon is None) != (lat is None):
        row.refuse("lon" if lon is None else "lat", "give lon and lat, or neither")
    day = _day(row).isoformat() if row.text("day") else ""
    return Target(_new_id(row, seen), row.required("name"), departments, day, row.text("grid"), lon, lat)


def _new_id(row: Row, seen: set[str]) -> str:
    text = row.required("id")
    if refused := id_refused(text):
        row.refuse("id", refused)
    if text in seen:
        row.refuse("id", "it was used on a line above; give every row its own id")
    seen.add(text)
    return text


def _several(row: Row, column: str) -> tuple[str, ...]:
    return tuple(each.strip() for each in row.text(column).split(";") if each.strip())


def _day(row: Row) -> date:
    try:
        return date.fromisoformat(row.text("day"))
    except ValueError:
        row.refuse("day", "use a day such as 2026-11-23")


def _degrees(row: Row, column: str, most: int) -> float | None:
    remedy = f"use WGS 84 degrees with a decimal point, -{most} to {most}, or leave it empty"
    return row.number(column, low=-most, high=most, remedy=remedy) if row.text(column) else None
