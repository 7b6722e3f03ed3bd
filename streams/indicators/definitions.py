"""What is counted: the indicators as their SQL files say. A file that is wrong is refused when it is read, by tests.

    -- 结案率 | Closing rate
    -- fell due · share
    -- 当期应结案件中已结案的比例。
    -- Of the cases that fell due in the period: closed by the cut-off.
    SELECT *, closed IS NOT NULL AS value FROM fell_due

First line: the names. Second: the cohort, and what the rows become: `count` of them, `share` of those whose `value` is
true, `mean` of `value`, `p90`, `sum`; for the last four a unit may follow. Third and fourth: what it means. A row whose
`value` is NULL is not in the figure, nor among its cases.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

from streams.errors import Refused

SQL = Path(__file__).parent / "sql"
BASE = Path(__file__).parent / "base"
Cohort = Literal["came in", "fell due", "closed", "alerts", "tracks"]
Measure = Literal["count", "share", "mean", "p90", "sum"]
COHORTS: dict[str, tuple[str, str]] = {
    "came in": ("当期流入", "came in"),
    "fell due": ("当期应结", "fell due"),
    "closed": ("当期结案", "closed"),
    "alerts": ("当期先喊话告警", "alerts of matters that announce first"),
    "tracks": ("当期轨迹", "tracks"),
}
"""Every cohort with its names; the first three are of cases, and in this order."""
HEAD = re.compile(
    r"-- (?P<zh>[^|\n]+) \| (?P<en>[^|\n]+)\n"
    r"-- (?P<cohort>[a-z ]+) · (?P<measure>count|share|mean|p90|sum)(?: · (?P<unit>[^\n]+))?\n"
    r"-- (?P<said_zh>[^\n]+)\n-- (?P<said_en>[^\n]+)\n(?P<sql>SELECT .+)",
    re.DOTALL,
)


class Indicator(NamedTuple):
    """One indicator. `sql` selects its rows: the columns of its cohort and, unless it counts, `value`."""

    name: str
    zh: str
    en: str
    cohort: Cohort
    measure: Measure
    unit: str
    said_zh: str
    said_en: str
    sql: str


def read(path: Path) -> Indicator:
    """The indicator of one file; ValueError when its first lines are not as they must be."""
    found = HEAD.fullmatch(path.read_text(encoding="utf-8"))
    if found is None or found["cohort"] not in COHORTS:
        raise ValueError(f"{path} does not begin with names, cohort · measure and two sentences: see definitions.py")
    cohort, measure, unit = found["cohort"], found["measure"], found["unit"]
    return Indicator(
        path.stem, found["zh"], found["en"], cohort, measure,  # type: ignore[arg-type]  # checked by the pattern
        unit or ("" if measure == "share" else "cases"), found["said_zh"], found["said_en"], found["sql"].strip(),
    )  # fmt: skip


@cache
def indicators() -> dict[str, Indicator]:
    """Every indicator by name, by cohort and then as the files are named."""
    order = list(COHORTS)
    found = sorted(map(read, SQL.glob("*.sql")), key=lambda each: (order.index(each.cohort), each.name))
    return {each.name: each for each in found}


def indicator(name: str) -> Indicator:
    """One indicator; Refused when there is none of that name."""
    found = indicators().get(name)
    if found is None:
        raise Refused("unknown_indicator", f"{name!r} is no indicator: use one of {', '.join(indicators())}")
    return found


def base(name: str) -> str:
    """The SQL that makes a table which indicators select from."""
    return (BASE / f"{name}.sql").read_text(encoding="utf-8")
