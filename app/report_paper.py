"""A4 paper that is written from top to bottom: lines, wrapped texts, tables that go on over the page, page numbers.

Nothing here knows what a report is. Measures are points (1/72 inch); `y` is where the next thing begins.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from app.report_fonts import BOLD, REGULAR, runs, width

WIDTH, HEIGHT = A4
MARGIN, FOOT = 44.0, 50.0
INSIDE = WIDTH - 2 * MARGIN
INK, GREY, RULE, RED, BLUE = "#1B2430", "#66707D", "#CDD4DC", "#B42318", "#2F6DB5"
SIZE = 8.5
WORD = re.compile(r"[A-Za-z0-9_.,:%/+*()-]+|\s+|.", re.DOTALL)
NOT_FIRST = "，。；：、！？）》”’」%,.;:!?)"
"""Signs that never begin a line."""


class Cell(NamedTuple):
    """What stands in a table: a text, and a share (0 to 1) as a bar."""

    text: str = ""
    bold: bool = False
    colour: str = INK
    bar: float | None = None


class Paper:
    """Pages of A4 in the making. `head` stands small at the top of every page but the first; `number(n, of)` is the
    foot."""

    def __init__(self, title: str, author: str, head: str, number: Callable[[int, int], str]) -> None:
        self._file = io.BytesIO()
        self._canvas: Any = _Numbered(self._file, head, number)
        self._canvas.setTitle(title)
        self._canvas.setAuthor(author)
        self.y = HEIGHT - MARGIN

    def done(self) -> bytes:
        """The PDF."""
        self._canvas.showPage()
        self._canvas.save()
        return self._file.getvalue()

    def need(self, height: float) -> None:
        """Begin a page unless so much is left on this one."""
        if self.y - height < MARGIN + FOOT - 22:
            self._canvas.showPage()
            self.y = HEIGHT - MARGIN - 14

    def write(
        self, x: float, y: float, text: str, size: float = SIZE, *, bold: bool = False, colour: str = INK,
        right: bool = False,
    ) -> float:  # fmt: skip
        """One line at a place, `right`: ending there; returns its width."""
        write(self._canvas, x, y, text, size, bold=bold, colour=colour, right=right)
        return width(text, BOLD if bold else REGULAR, size)

    def text(
        self, text: str, size: float = SIZE, *, bold: bool = False, colour: str = INK, x: float = MARGIN,
        wide: float = INSIDE, lead: float = 1.5,
    ) -> None:  # fmt: skip
        """A wrapped text; what is below it begins under its last line."""
        for line in wrapped(text, BOLD if bold else REGULAR, size, wide):
            self.need(size * lead)
            self.y -= size * lead
            self.write(x, self.y + size * (lead - 1) * 0.6, line, size, bold=bold, colour=colour)

    def heading(self, name: str, said: str, need: float = 70) -> None:
        """The head of a section and what it is about, with at least `need` below it on the same page."""
        self.need(need)
        self.y -= 25
        end = self.write(MARGIN, self.y, name, 10.5, bold=True)
        self.write(MARGIN + end + 8, self.y, clipped(said, REGULAR, 8, INSIDE - end - 8), 8, colour=GREY)
        self.rule(self.y - 5)
        self.y -= 9

    def rule(self, y: float, x: float = MARGIN, wide: float = INSIDE, colour: str = RULE) -> None:
        """A thin line."""
        self._canvas.setStrokeColor(HexColor(colour))
        self._canvas.setLineWidth(0.6)
        self._canvas.line(x, y, x + wide, y)

    def box(self, x: float, y: float, wide: float, high: float, colour: str) -> None:
        """A filled box; none where there is nothing, which would still leave a hair."""
        if min(wide, high) <= 0:
            return
        self._canvas.setFillColor(HexColor(colour))
        self._canvas.rect(x, y, wide, high, stroke=0, fill=1)

    def table(
        self, heads: Sequence[str], rows: Sequence[Sequence[Cell]], left: Sequence[int], bars: float = 70
    ) -> None:
        """A table as wide as the page, columns as wide as they need; its head stands again on the next page. `left`:
        the columns that read from the left."""
        wide = _widths(heads, rows, bars)
        if any(heads):
            self._row([Cell(head, colour=GREY) for head in heads], wide, left, 7.5)
        for row in rows:
            if self.y - 15 < MARGIN + FOOT - 22 and any(heads):
                self.need(HEIGHT)
                self._row([Cell(head, colour=GREY) for head in heads], wide, left, 7.5)
            self._row(row, wide, left, SIZE)

    def _row(self, cells: Sequence[Cell], wide: Sequence[float], left: Sequence[int], size: float) -> None:
        fonts = [BOLD if cell.bold else REGULAR for cell in cells]
        lines = [
            wrapped(cell.text, font, size, space - 8) for cell, font, space in zip(cells, fonts, wide, strict=True)
        ]
        step = size * 1.35
        high = max(map(len, lines)) * step + 5
        self.need(high)
        x = MARGIN
        for n, (cell, space) in enumerate(zip(cells, wide, strict=True)):
            if cell.bar is not None:
                self.box(x + 8, self.y - step, space - 12, 4.5, "#E8ECF1")
                self.box(x + 8, self.y - step, (space - 12) * min(1.0, cell.bar), 4.5, cell.colour)
            for k, line in enumerate(lines[n]):
                at = x + 4 if n in left else x + space - 4
                self.write(at, self.y - (k + 1) * step, line, size, bold=cell.bold, colour=cell.colour,
                           right=n not in left)  # fmt: skip
            x += space
        self.y -= high
        self.rule(self.y + 0.5)


class _Numbered(Canvas):  # type: ignore[misc]  # reportlab has no types
    """A canvas that knows how many pages there are when it writes their feet: it keeps them until the end."""

    def __init__(self, file: io.BytesIO, head: str, number: Callable[[int, int], str]) -> None:
        super().__init__(file, pagesize=A4, pageCompression=1)
        self._head, self._number = head, number
        self._kept: list[dict[str, Any]] = []

    def showPage(self) -> None:
        """Keep the page."""
        self._kept.append(dict(self.__dict__))
        self._startPage()

    def save(self) -> None:
        """Write the feet, then everything."""
        for n, page in enumerate(self._kept, 1):
            self.__dict__.update(page)
            write(self, MARGIN, HEIGHT - 32 if n > 1 else 30, self._head, 7.5, colour=GREY)
            write(self, WIDTH - MARGIN, 30, self._number(n, len(self._kept)), 7.5, colour=GREY, right=True)
            super().showPage()
        super().save()


def write(
    canvas: Any, x: float, y: float, text: str, size: float, *, bold: bool = False, colour: str = INK,
    right: bool = False,
) -> None:  # fmt: skip
    """One line, each sign in a font that has it."""
    font = BOLD if bold else REGULAR
    if right:
        x -= width(text, font, size)
    line = canvas.beginText(x, y)
    line.setFillColor(HexColor(colour))
    for name, piece in runs(text, font):
        line.setFont(name, size)
        line.textOut(piece)
    canvas.drawText(line)


def wrapped(text: str, font: str, size: float, wide: float) -> list[str]:
    """The text in lines no wider than `wide`; Chinese breaks anywhere but before a closing sign, Latin at spaces."""
    lines, line = [], ""
    for piece in _pieces(text, font, size, wide):
        if piece == "\n" or (line and width(line + piece, font, size) > wide and piece not in NOT_FIRST):
            lines.append(line.rstrip())
            line = "" if piece.isspace() else piece
        else:
            line += piece
    return [*lines, line.rstrip()]


def clipped(text: str, font: str, size: float, wide: float) -> str:
    """The text, or as much of it as fits."""
    if width(text, font, size) <= wide:
        return text
    while text and width(text + "…", font, size) > wide:
        text = text[:-1]
    return text + "…"


def _pieces(text: str, font: str, size: float, wide: float) -> Iterator[str]:
    """What must stay together; a word that is wider than a line is not."""
    for piece in WORD.findall(text):
        if len(piece) > 1 and width(piece, font, size) > wide:
            yield from piece
        else:
            yield piece


def _widths(heads: Sequence[str], rows: Sequence[Sequence[Cell]], bars: float) -> list[float]:
    """How wide each column is: as its widest text, the whole as the page; the widest give way or take what is left."""
    columns = range(len(rows[0]) if rows else len(heads))
    natural = []
    for n in columns:
        texts = [(row[n].text, BOLD if row[n].bold else REGULAR) for row in rows]
        texts += [(heads[n], REGULAR)] if n < len(heads) else []
        most = max((width(text, font, SIZE) for text, font in texts), default=0)
        natural.append(max(most + 10, bars if any(row[n].bar is not None for row in rows) else 0))
    over = sum(natural) - INSIDE
    if over > 0:
        widest = max(columns, key=lambda n: natural[n])
        natural[widest] = max(60.0, natural[widest] - over)
    scale = INSIDE / sum(natural)
    return [each * scale for each in natural]
