"""CSV and Excel.

A text that begins like a formula must not be one when a spreadsheet opens it, since residents write texts: in CSV it
gets an apostrophe before it, in Excel its cell is marked as text and stays as it is.
"""

from __future__ import annotations

import csv as plain
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import xlsxwriter
from pyarrow import csv as arrow_csv

from app.exporting.columns import Column
from app.exporting.rows import Rows
from app.labels import Lang, word

BOM = b"\xef\xbb\xbf"
FORMULA = "=+-@\t\r\n＝＋－＠"
FORMULA_START = r"^([=+\-@\t\r\n＝＋－＠])"
SHEET_ROWS = 1_048_575
"""What a sheet of Excel holds under its head."""
CELL_SIGNS = 32_767
WIDTHS = {"text": 16, "int": 9, "number": 11, "time": 20, "degrees": 12}


def csv(rows: Rows, lang: Lang) -> Iterator[bytes]:
    """The rows as CSV, UTF-8, times as RFC 3339 with the offset of the site."""
    head = io.StringIO()
    plain.writer(head, lineterminator="\n").writerow([_head(column, lang) for column in rows.columns])
    yield BOM + head.getvalue().encode()
    for batch in rows.batches():
        written = io.BytesIO()
        shown = [
            written_time(values) if column.type == "time" else _harmless(values) if column.type == "text" else values
            for column, values in zip(rows.columns, batch.columns, strict=True)
        ]
        table = pa.table(shown, names=batch.schema.names)
        arrow_csv.write_csv(table, written, arrow_csv.WriteOptions(include_header=False))
        yield written.getvalue()


def written_time(values: pa.Array) -> pa.Array:
    """Times as RFC 3339 with milliseconds and the offset of their zone."""
    return pc.replace_substring_regex(
        pc.strftime(values, format="%Y-%m-%dT%H:%M:%S%z"), pattern=r"([+-]\d\d)(\d\d)$", replacement=r"\1:\2"
    )


def xlsx(rows: Rows, lang: Lang, path: Path) -> None:
    """The rows as an Excel workbook: typed cells, a head that stays in sight and filters; further sheets when one is
    full. Times are those of the site's zone, which their heads name."""
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(str(path), options) as book:
        book.set_properties({"title": word(f"export_{rows.selection.kind}", lang), "author": "Gridpost 网格哨"})
        sheets = _Sheets(book, rows, lang)
        for batch in rows.batches():
            for row in zip(*(_cells(column, batch) for column in rows.columns), strict=True):
                sheets.write(row)
        sheets.finish()


class _Sheets:
    """The sheets of a workbook, one after the other, filled row by row."""

    def __init__(self, book: Any, rows: Rows, lang: Lang) -> None:
        self._book, self._columns, self._lang = book, rows.columns, lang
        self._zone = str(rows.zone)
        self._name = word(f"export_{rows.selection.kind}", lang)
        self._head = book.add_format({"bold": True, "bg_color": "#E8EEF5", "bottom": 1, "valign": "vcenter",
                                      "text_wrap": True})  # fmt: skip
        self._time = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        self._place = book.add_format({"num_format": "0.0000000"})
        self._text = book.add_format({"quote_prefix": True})
        self._n = 0
        self._add()

    def write(self, row: tuple[Any, ...]) -> None:
        """One row; what is None stays empty."""
        if self._row == SHEET_ROWS:
            self.finish()
            self._add()
        self._row += 1
        for n, (column, value) in enumerate(zip(self._columns, row, strict=True)):
            if value is None:
                continue
            if column.type == "text":
                cell = value if len(value) <= CELL_SIGNS else value[: CELL_SIGNS - 1] + "…"
                self._sheet.write_string(self._row, n, cell, self._text if cell.startswith(tuple(FORMULA)) else None)
            elif column.type == "time":
                self._sheet.write_datetime(self._row, n, value, self._time)
            else:
                self._sheet.write_number(self._row, n, value, self._place if column.type == "degrees" else None)

    def finish(self) -> None:
        """End the sheet: filters over what it has."""
        self._sheet.autofilter(0, 0, max(1, self._row), len(self._columns) - 1)

    def _add(self) -> None:
        self._n += 1
        self._sheet = self._book.add_worksheet(self._name if self._n == 1 else f"{self._name} {self._n}")
        self._sheet.freeze_panes(1, 0)
        self._sheet.set_row(0, 32)
        for n, column in enumerate(self._columns):
            self._sheet.set_column(n, n, 40 if column.free else WIDTHS[column.type])
            head = _head(column, self._lang)
            self._sheet.write_string(0, n, f"{head}\n{self._zone}" if column.type == "time" else head, self._head)
        self._row = 0


def _cells(column: Column, batch: pa.RecordBatch) -> list[Any]:
    """The values of a column as Excel takes them: times without a zone, which it does not know, and no NaN."""
    values = batch.column(column.key)
    if column.type == "time":
        return [at and at.replace(tzinfo=None) for at in values.to_pylist()]
    if column.type in ("number", "degrees"):
        values = pc.if_else(pc.is_finite(values), values, pa.scalar(None, pa.float64()))
    return list(values.to_pylist())


def _harmless(values: pa.Array) -> pa.Array:
    return pc.replace_substring_regex(values, pattern=FORMULA_START, replacement=r"'\1")


def _head(column: Column, lang: Lang) -> str:
    return column.en if lang == "en" else column.zh
