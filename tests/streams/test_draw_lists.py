"""The lists of a draw: every column arrives, and a wrong cell is refused with its place."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from streams.draw_lists import read_inspectors, read_plan, read_targets
from streams.draws import Inspector, Target
from streams.errors import BadSetting
from streams.visits import Check

TARGETS = """\
id,name,department,day,grid,lon,lat
T-1,"宏达,化工",fire; ecology,2026-11-24,329901101001,119.13,34.94
T-2,加油站,,,,,
"""
INSPECTORS = """\
id,name,department,avoid
I-1,王伟,fire,T-1;T-2
I-2,李娜,ecology,
"""
PLAN = """\
id,day,target,department,matter
k-1,2026-11-24,T-2,fire,smoke
k-2,2026-11-24,T-2,market,
"""
READ = {
    "targets": (TARGETS, read_targets),
    "inspectors": (INSPECTORS, read_inspectors),
    "plan": (PLAN, lambda path: read_plan(path, {"smoke"})),
}


def read(folder: Path, name: str, old: str = "", new: str = "") -> object:
    """One list, read from a file in which `old` is replaced once."""
    text, reader = READ[name]
    assert old in text
    file = folder / f"{name}.csv"
    file.write_text(text.replace(old, new, 1) if old else text, encoding="utf-8")
    return reader(file)


def test_every_column_arrives(tmp_path: Path) -> None:
    """What is empty is left at its default."""
    assert read(tmp_path, "targets") == (
        Target("T-1", "宏达,化工", ("fire", "ecology"), "2026-11-24", "329901101001", 119.13, 34.94),
        Target("T-2", "加油站"),
    )
    assert read(tmp_path, "inspectors") == (
        Inspector("I-1", "王伟", "fire", ("T-1", "T-2")),
        Inspector("I-2", "李娜", "ecology"),
    )
    assert read(tmp_path, "plan") == (
        Check("k-1", "T-2", date(2026, 11, 24), "fire", "smoke"),
        Check("k-2", "T-2", date(2026, 11, 24), "market"),
    )


def test_id_and_name_are_enough_for_a_target(tmp_path: Path) -> None:
    """The other columns may be left out altogether."""
    (tmp_path / "short.csv").write_text("name,id\n加油站,T-2\n", encoding="utf-8")
    assert read_targets(tmp_path / "short.csv") == (Target("T-2", "加油站"),)


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("targets", "T-2,", "T-1,", "targets.csv, line 3, column id: 'T-1' is refused: it was used"),
        ("targets", "T-2,", "T|2,", "targets.csv, line 3, column id: 'T|2' is refused: use printable"),
        ("targets", "加油站", "", "targets.csv, line 3, column name: '' is refused: fill it in"),
        ("targets", "2026-11-24,", "24.11.,", "line 2, column day: '24.11.' is refused: use a day such as"),
        ("targets", "34.94", "", "line 2, column lat: '' is refused: give lon and lat, or neither"),
        ("targets", "34.94", "91", "line 2, column lat: '91' is refused: use WGS 84 degrees"),
        ("targets", "fire; ecology", "a; a", "line 2, column department: 'a; a' is refused: name each"),
        ("targets", "id,name", "no,name", "targets.csv, line 1: column id is missing"),
        ("inspectors", "王伟,fire", "王伟,", "inspectors.csv, line 2, column department: '' is refused"),
        ("inspectors", "I-2", "I-1", "inspectors.csv, line 3, column id: 'I-1' is refused"),
        ("plan", "smoke", "nonsense", "plan.csv, line 2, column matter: 'nonsense' is refused: use the key"),
        ("plan", "k-1,2026-11-24", "k-1,", "plan.csv, line 2, column day: '' is refused"),
    ],
)
def test_a_wrong_cell_is_refused_with_its_place(tmp_path: Path, name: str, old: str, new: str, said: str) -> None:
    """File, line, column, value, remedy."""
    with pytest.raises(BadSetting) as caught:
        read(tmp_path, name, old, new)
    assert said in str(caught.value)
