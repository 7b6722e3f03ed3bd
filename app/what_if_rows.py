"""The rows of a what-if's table, one list for the terminal and the page."""

from __future__ import annotations

from typing import NamedTuple

from app.labels import Lang, word
from streams.codec import to_json
from streams.what_if.comparing import Comparison, Note
from streams.what_if.figures import Figures


class Row(NamedTuple):
    """One line of the table. `judged`: less is better; `clock`: of the broken clocks, which."""

    key: str
    en: str
    unit: str
    judged: bool
    digits: int = 0
    clock: str = ""


ROWS = (
    Row("mean", "mean to arrival, min", "min", True, 1),
    Row("p50", "half within, min", "min", True, 1),
    Row("p90", "nine of ten within, min", "min", True, 1),
    Row("urgent", "mean of P1 and P2, min", "min", True, 1),
    Row("unreached", "nobody there at the cut-off", "case", True),
    Row("broken_respond", "respond late", "case", True, clock="respond"),
    Row("broken_arrive", "arrive late", "case", True, clock="arrive"),
    Row("broken_handle", "handle late", "case", True, clock="handle"),
    Row("waiting", "most waiting at once", "case", True),
    Row("km", "driven to cases, km", "km", True, 1),
    Row("opened", "cases opened", "case", False),
    Row("joined", "reports and alerts that joined", "case", False),
    Row("merged", "merged by people", "case", False),
)


def value_of(row: Row, figures: Figures) -> float | None:
    """The figure of a row."""
    if row.clock:
        return figures.broken[row.clock]
    if row.key == "waiting":
        return max(figures.waiting, default=0)
    found: float | None = getattr(figures, row.key)
    return found


def cell(row: Row, value: float | None) -> str:
    """The figure as it is written; "—" where there is none."""
    return "—" if value is None else f"{value:,.{row.digits}f}"


def delta(row: Row, found: Comparison) -> str:
    """The difference of the models, with its sign; "0" when there is none as it is written."""
    value = found.change.get(row.key)
    if value is None:
        return "—"
    text = f"{abs(value):,.{row.digits}f}"
    return text if float(text.replace(",", "")) == 0 else f"{'+' if value > 0 else '−'}{text}"


def special(note: Note, lang: Lang) -> str:
    """A sentence that says what is special about the day."""
    value = note.value
    if note.key == "assumed":
        value = ("、" if lang == "zh" else ", ").join(word(f"wi_step_{step}", lang) for step in value.split())
    return word(f"wi_note_{note.key}", lang, value=value)


def encoded(found: Comparison) -> bytes:
    """The answer as it is kept and sent."""
    return to_json(found)
