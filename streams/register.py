"""The register: which fixed devices, patrols and sources a site knows, read once from three CSV files.

It is small and everybody relies on it, so it is checked to the last cell when it is read: a wrong row is
refused at start with its file, line, column, value and remedy. A name resolves twice: the site's own id
first, then the maker's (`external`), so a message finds its patrol or camera whatever the maker calls it.

The files are UTF-8 with a header line. `devices.csv` may have one column more, `datum`: its places are
converted to WGS 84 here, once. `patrols.csv` may have `department`: whose the patrol is, when it comes for one.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import isfinite
from pathlib import Path
from types import MappingProxyType
from typing import Literal, Never, TypeVar, cast

import msgspec

from geo.datums import to_wgs84
from geo.errors import GeoError
from geo.places import Position
from streams.errors import BadSetting
from streams.model import Device, Patrol

DEVICE_COLUMNS = (
    "id", "kind", "name", "name_en", "source", "external", "lon", "lat", "bearing", "loudspeaker",
    "quantity", "unit", "period",
)  # fmt: skip
PATROL_COLUMNS = (
    "id", "name", "name_en", "kind", "squad", "district", "post", "skills", "phone", "source", "external",
)  # fmt: skip
SOURCE_COLUMNS = ("id", "name", "name_en", "kind", "period")
TRUTH = {"": False, "0": False, "no": False, "false": False, "1": True, "yes": True, "true": True}


class Source(msgspec.Struct, frozen=True):
    """A network that messages come from. `period`: seconds between signs of life, 0 = when needed."""

    id: str
    name: str
    name_en: str
    kind: str = ""
    period: float = 0.0


Thing = TypeVar("Thing", Device, Patrol, Source)


@dataclass(frozen=True)
class Register:
    """What a site knows, by id. Not slotted, since the lookups below are worked out once, on first use."""

    devices: Mapping[str, Device]
    patrols: Mapping[str, Patrol]
    sources: Mapping[str, Source]

    def device(self, name: str) -> Device | None:
        """The fixed device with this id or `external`; None when nobody registered it."""
        return self._devices.get(name)

    def patrol(self, name: str) -> Patrol | None:
        """The patrol with this id or `external`; None when nobody registered it."""
        return self._patrols.get(name)

    @cached_property
    def _devices(self) -> Mapping[str, Device]:
        return {**{each.external: each for each in self.devices.values() if each.external}, **self.devices}

    @cached_property
    def _patrols(self) -> Mapping[str, Patrol]:
        return {**{each.external: each for each in self.patrols.values() if each.external}, **self.patrols}


EMPTY_REGISTER = Register(MappingProxyType({}), MappingProxyType({}), MappingProxyType({}))
"""Knows nobody: every device is unplaced, every patrol unregistered."""


def load_register(devices_csv: Path, patrols_csv: Path, sources_csv: Path) -> Register:
    """Read and check the three files; raises BadSetting with file, line, column, value and remedy."""
    devices = _by_id(devices_csv, DEVICE_COLUMNS, _device, optional=("datum",))
    patrols = _by_id(patrols_csv, PATROL_COLUMNS, _patrol, optional=("department",))
    sources = _by_id(sources_csv, SOURCE_COLUMNS, _source)
    _refuse_unknown_sources(devices_csv, devices, sources)
    _refuse_unknown_sources(patrols_csv, patrols, sources)
    _refuse_shared_names(devices_csv, devices)
    _refuse_shared_names(patrols_csv, patrols)
    for both in devices.keys() & patrols.keys():
        raise BadSetting(f"{patrols_csv}: id {both!r} is a device in {devices_csv} too: give each its own id")
    return Register(MappingProxyType(devices), MappingProxyType(patrols), MappingProxyType(sources))


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a file, whose cells are read with a sentence ready for a wrong one."""

    path: Path
    line: int
    cells: Mapping[str, str]

    def text(self, column: str) -> str:
        """The cell without spaces around it; empty when the column is missing."""
        return self.cells.get(column, "").strip()

    def required(self, column: str) -> str:
        """The cell, which must not be empty."""
        return self.text(column) or self.refuse(column, "fill it in")

    def one_of(self, column: str, allowed: tuple[str, ...]) -> str:
        """The cell, which must be one of `allowed`."""
        value = self.text(column)
        return value if value in allowed else self.refuse(column, f"use one of {', '.join(allowed)}")

    def number(self, column: str, *, low: float, high: float, remedy: str) -> float:
        """The cell as a number from `low` to `high`."""
        try:
            value = float(self.text(column))
        except ValueError:
            self.refuse(column, remedy)
        return value if isfinite(value) and low <= value <= high else self.refuse(column, remedy)

    def seconds(self, column: str) -> float:
        """The cell as seconds; 0 when it is empty."""
        remedy = "use seconds, 0 or more (0: speaks only when something happens)"
        return self.number(column, low=0, high=1e9, remedy=remedy) if self.text(column) else 0.0

    def truth(self, column: str) -> bool:
        """The cell as true or false."""
        value = TRUTH.get(self.text(column).lower())
        return self.refuse(column, "use true or false") if value is None else value

    def refuse(self, column: str, remedy: str) -> Never:
        """Raise BadSetting with file, line, column, value and remedy."""
        raise BadSetting(f"{self.path}, line {self.line}, column {column}: {self.text(column)!r} is refused: {remedy}")


def _device(row: Row) -> Device:
    bearing = "use degrees clockwise from north, 0 to 360, or leave it empty"
    return Device(
        id=row.required("id"),
        kind=cast(Literal["camera", "sensor"], row.one_of("kind", ("camera", "sensor"))),
        name=row.required("name"),
        name_en=row.text("name_en"),
        source=row.text("source"),
        position=_place(row),
        bearing=row.number("bearing", low=0, high=360, remedy=bearing) if row.text("bearing") else None,
        loudspeaker=row.truth("loudspeaker"),
        quantity=row.text("quantity"),
        unit=row.text("unit"),
        period=row.seconds("period"),
        external=row.text("external"),
    )


def _patrol(row: Row) -> Patrol:
    kind = row.one_of("kind", ("person", "vehicle", "vessel"))
    return Patrol(
        id=row.required("id"),
        name=row.required("name"),
        name_en=row.text("name_en"),
        kind=cast(Literal["person", "vehicle", "vessel"], kind),
        squad=row.text("squad"),
        district=row.text("district"),
        post=row.text("post"),
        skills=tuple(skill.strip() for skill in row.text("skills").split(";") if skill.strip()),
        phone=row.text("phone"),
        source=row.text("source"),
        external=row.text("external"),
        department=row.text("department"),
    )


def _source(row: Row) -> Source:
    return Source(
        row.required("id"), row.required("name"), row.text("name_en"), row.text("kind"), row.seconds("period")
    )


def _place(row: Row) -> Position:
    remedy = "use degrees with a decimal point"
    lon = row.number("lon", low=-180, high=180, remedy=f"{remedy}, -180 to 180")
    lat = row.number("lat", low=-90, high=90, remedy=f"{remedy}, -90 to 90")
    try:
        return Position.checked(*to_wgs84(lon, lat, row.text("datum") or "wgs84"))
    except GeoError as error:
        raise BadSetting(f"{row.path}, line {row.line}, columns lon, lat, datum: {error}") from error


def _by_id(
    path: Path, columns: tuple[str, ...], build: Callable[[Row], Thing], optional: tuple[str, ...] = ()
) -> dict[str, Thing]:
    """The rows of a file, built, by their id; an id used twice is refused."""
    things: dict[str, Thing] = {}
    for row in rows(path, columns, optional):
        thing = build(row)
        if thing.id in things:
            row.refuse("id", "it was used on a line above; give every row its own id")
        if "/" in thing.id or "+" in thing.id or "#" in thing.id:
            row.refuse("id", "an id is part of an MQTT topic, so it has no '/', '+' or '#'")
        things[thing.id] = thing
    return things


def rows(path: Path, columns: tuple[str, ...], optional: tuple[str, ...]) -> Iterator[Row]:
    """The rows of a CSV file (UTF-8, a header line) that has `columns` and may have `optional`; raises BadSetting."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = [name.strip() for name in next(reader, [])]
            _refuse_header(path, header, columns, optional)
            for cells in reader:
                if not any(cell.strip() for cell in cells):
                    continue
                if len(cells) != len(header):
                    raise BadSetting(
                        f"{path}, line {reader.line_num}: {len(cells)} cells where the header has {len(header)}: "
                        "put a text with a comma in quotes"
                    )
                yield Row(path, reader.line_num, dict(zip(header, cells, strict=True)))
    except OSError as error:
        raise BadSetting(f"{path} cannot be read ({error.strerror}): name an existing CSV file") from error
    except UnicodeDecodeError as error:
        raise BadSetting(f"{path} is not UTF-8 text ({error.reason} at byte {error.start}): save it so") from error
    except csv.Error as error:
        raise BadSetting(f"{path} is not a CSV file ({error}): use commas and double quotes") from error


def _refuse_header(path: Path, header: list[str], columns: tuple[str, ...], optional: tuple[str, ...]) -> None:
    missing = [name for name in columns if name not in header]
    if missing:
        raise BadSetting(f"{path}, line 1: column {', '.join(missing)} is missing: use {','.join(columns)}")
    for name in header:
        if name not in columns and name not in optional:
            accepted = ",".join((*columns, *optional))
            raise BadSetting(f"{path}, line 1: column {name!r} is not known: the columns are {accepted}")
        if header.count(name) > 1:
            raise BadSetting(f"{path}, line 1: column {name!r} stands twice: keep one")


def _refuse_unknown_sources(
    path: Path, things: Mapping[str, Device] | Mapping[str, Patrol], sources: Mapping[str, Source]
) -> None:
    for thing in things.values():
        if thing.source and thing.source not in sources:
            raise BadSetting(
                f"{path}, row {thing.id!r}, column source: {thing.source!r} is not a registered source: "
                f"add it to the sources or use one of {', '.join(sources) or '(there are none)'}"
            )


def _refuse_shared_names(path: Path, things: Mapping[str, Device] | Mapping[str, Patrol]) -> None:
    """A name must lead to one thing: no `external` twice, none that is the id of another."""
    seen: dict[str, str] = {}
    for thing in things.values():
        if not thing.external:
            continue
        other = seen.setdefault(thing.external, thing.id)
        if thing.external in things and things[thing.external].id != thing.id:
            other = thing.external
        if other != thing.id:
            raise BadSetting(
                f"{path}, row {thing.id!r}, column external: {thing.external!r} already names {other!r}: "
                "give each its own, or leave it empty"
            )
