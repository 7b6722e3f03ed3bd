"""Reading a selection: batches of Arrow rows with the columns of `columns.py`, named, and with what is hidden hidden.

A span is read day by day, each day in order: sorting all of a month's positions would need the disk. DuckDB hands the
rows over in batches, and none is kept.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import duckdb
import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from app.exporting.columns import COLUMNS, CONTACT, WITH_CONTACT, Column
from app.exporting.selection import Selection
from app.listing import MOBILE
from streams.archive.reading import Archive
from streams.archive.schema import KINDS as KEPT

BATCH = 20_000
MEMORY = "1GB"
"""DuckDB goes to a directory of its own on the disk beyond that."""
NUMBER = r"1\d{2}[- ]?\d{4}[- ]?\d{4}"
"""Where a telephone number may be: only such texts are looked at more closely, which is slow."""
FROM = {
    "cases": "cases_now c",
    "events": "events e",
    "acts": "acts a LEFT JOIN of_case k ON k.no = a.no",
    "tracks": "tracks t",
}
ORDER = {"cases": "c.received, c.no", "events": "e.ms, e.seq", "acts": "a.ms, a.seq", "tracks": "t.device, t.ms, t.seq"}
OF_CASE = "CREATE TEMP TABLE of_case AS SELECT no, matter, department, grid, grids, geometry FROM cases_now"
CONTACTS = {
    "cases": ' LEFT JOIN (SELECT "case", string_agg(contact, \', \' ORDER BY ms, seq) AS contact FROM contacts '
             'GROUP BY "case") p ON p."case" = c.no',
    "events": " LEFT JOIN contacts p ON p.ms = e.ms AND p.seq = e.seq",
}  # fmt: skip
TYPES = {"text": pa.string(), "int": pa.int64(), "number": pa.float64(), "degrees": pa.float64()}
RAW_HIDDEN = {"events": ("body", "attributes"), "acts": ("text", "detail", "entry"), "tracks": ("attributes",)}
"""What of the archive's own columns is free text, or may hold some."""


class Seen(NamedTuple):
    """What of a selection may be seen: free text (its telephone numbers masked) and contacts."""

    free: bool = True
    contacts: bool = False


class Rows:
    """One selection of an archive, open for reading. `names`: which names -> code -> name; `told` hears how many rows
    more were read."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, selection: Selection, days: Sequence[str], zone: Any,
        names: Mapping[str, Mapping[str, str]], seen: Seen, told: Callable[[int], None],
    ) -> None:  # fmt: skip
        self.selection, self.zone, self.seen = selection, zone, seen
        self._connection, self._days, self._names, self._told = connection, days, names, told
        contact = (CONTACT,) if seen.contacts and selection.kind in WITH_CONTACT else ()
        self.columns: tuple[Column, ...] = (*COLUMNS[selection.kind], *contact)
        self._from = FROM[selection.kind] + (CONTACTS[selection.kind] if contact else "")

    @property
    def schema(self) -> pa.Schema:
        """The columns as Arrow has them; times in the zone of the site."""
        return pa.schema([(column.key, self._type(column)) for column in self.columns])

    def count(self) -> int:
        """How many rows there are."""
        where, values = self.selection.where(self.selection.since, self.selection.until)
        query = f"SELECT count(*) FROM {FROM[self.selection.kind]} WHERE {where}"
        return int(self._connection.execute(query, values).fetchall()[0][0])

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows, each once, in their order day by day; never an empty batch."""
        columns = ", ".join(f'{column.sql} AS "{column.key}"' for column in self.columns)
        for found in self._read(columns, self._from):
            yield self._shown(found)

    def raw(self) -> Iterator[pa.RecordBatch]:
        """The rows with the archive's own columns; what is free text is masked, or left out, as above."""
        kind, letter = self.selection.kind, FROM[self.selection.kind].split()[1]
        schema = KEPT[kind].schema
        for found in self._read(f"{letter}.*", FROM[kind]):
            table = pa.Table.from_batches([found]).select(schema.names)
            for name in RAW_HIDDEN.get(kind, ()):
                table = table.set_column(schema.get_field_index(name), name, self._raw_text(name, table))
            table = pa.Table.from_arrays(
                [_as(table[field.name].combine_chunks(), field.type) for field in schema], schema=schema
            )
            yield from table.to_batches()

    def _read(self, columns: str, source: str) -> Iterator[pa.RecordBatch]:
        for since, until in self._parts():
            where, values = self.selection.where(since, until)
            query = f"SELECT {columns} FROM {source} WHERE {where} ORDER BY {ORDER[self.selection.kind]}"
            reader = self._connection.sql(query, params=values).to_arrow_reader(BATCH)
            for batch in reader:
                if batch.num_rows:
                    yield batch
                    self._told(batch.num_rows)

    def _parts(self) -> Iterator[tuple[datetime | None, datetime | None]]:
        """The span day by day; of cases at once, since a day's cases are not found by a day's files."""
        whole = self.selection
        if whole.kind == "cases":
            yield whole.since, whole.until
            return
        for day in self._days:
            first = datetime.fromisoformat(day).replace(tzinfo=self.zone)
            begin, end = first.astimezone(UTC), (first + timedelta(days=1)).astimezone(UTC)
            yield max(begin, whole.since or begin), min(end, whole.until or end)

    def _shown(self, found: pa.RecordBatch) -> pa.RecordBatch:
        return pa.RecordBatch.from_arrays(
            [self._column(column, found.column(n)) for n, column in enumerate(self.columns)], schema=self.schema
        )

    def _column(self, column: Column, values: pa.Array) -> pa.Array:
        kind = self._type(column)
        if column.free and not self.seen.free:
            return pa.nulls(len(values), kind)
        if column.names:
            return _renamed(values, self._names.get(column.names, {}))
        values = values.cast(kind, safe=False)
        return _masked(values, _hidden) if column.free and not self.seen.contacts else values

    def _raw_text(self, name: str, rows: pa.Table) -> pa.Array:
        values = rows[name].combine_chunks().cast(pa.string())
        if not self.seen.free:
            return pa.nulls(len(values), pa.string())
        if self.seen.contacts:
            return values
        if name == "attributes" and "kind" in rows.column_names:  # a reporter's own words may be anything
            report = pc.equal(rows["kind"].combine_chunks().cast(pa.string()), "report")
            values = pc.if_else(report, pa.scalar(None, pa.string()), values)
        return _masked(values, _hidden if name in ("text", "detail") else _hidden_json)

    def _type(self, column: Column) -> pa.DataType:
        return pa.timestamp("ms", str(self.zone)) if column.type == "time" else TYPES[column.type]


@contextmanager
def opened(
    archive: Archive, selection: Selection, now: datetime, names: Mapping[str, Mapping[str, str]], seen: Seen,
    told: Callable[[int], None] = lambda _rows: None,
) -> Iterator[Rows]:  # fmt: skip
    """The selection, open; its connection ends with the block."""
    kind = selection.kind
    kinds = [kind, *(["cases"] if kind == "acts" else []), *(["contacts"] if seen.contacts else [])]
    days = selection.days(archive.days(), now, archive.tz)
    with tempfile.TemporaryDirectory(prefix="gridpost-") as folder, archive.open(days, kinds) as connection:
        connection.execute(f"SET memory_limit = '{MEMORY}'")
        connection.execute("SET temp_directory = '" + folder.replace("'", "''") + "'")
        if kind == "acts":
            connection.execute(OF_CASE)
        yield Rows(connection, selection, days, archive.tz, names, seen, told)


def _renamed(values: pa.Array, names: Mapping[str, str]) -> pa.Array:
    """Each code's name; a code without one stays."""
    coded = values.cast(pa.string()).dictionary_encode()
    found = pa.array([names.get(code, code) for code in coded.dictionary.to_pylist()], pa.string())
    return found.take(coded.indices)


def _masked(values: pa.Array, hide: Any) -> pa.Array:
    """The texts with their telephone numbers hidden."""
    if not pc.any(pc.match_substring_regex(values, NUMBER)).as_py():
        return values
    return pa.array([value and hide(value) for value in values.to_pylist()], pa.string())


def _hidden(text: str) -> str:
    return MOBILE.sub(r"\1****\2", text)


def _hidden_json(text: str) -> str:
    """JSON with the telephone numbers in its texts hidden; numbers stay numbers."""
    if not MOBILE.search(text):
        return text

    def hide(value: Any) -> Any:
        if isinstance(value, str):
            return _hidden(value)
        if isinstance(value, dict):
            return {key: hide(each) for key, each in value.items()}
        return [hide(each) for each in value] if isinstance(value, list) else value

    return msgspec.json.encode(hide(msgspec.json.decode(text))).decode()


def _as(values: pa.Array, kind: pa.DataType) -> pa.Array:
    """A column as the archive's schema has it."""
    if pa.types.is_struct(kind):
        parts = [values.field(n) for n in range(kind.num_fields)]
        parts = [part if part.null_count == 0 else pc.fill_null(part, 0.0) for part in parts]
        return pa.StructArray.from_arrays(parts, fields=list(kind), mask=values.is_null())
    if pa.types.is_dictionary(kind):
        return values.cast(pa.string()).dictionary_encode().cast(kind)
    return values.cast(kind, safe=False)
