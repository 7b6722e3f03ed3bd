"""Who is bound to the grids of a made-up place: one chief and six members (一长六员), and the leaders of its centre."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle
from random import Random

from town_grids import Grid
from town_names import FAMILY, GIVEN, Named, people

Row = dict[str, object]

ROLES: list[Row] = [  # level: of supervision; liaison: speaks for its department
    {"key": "grid_chief", "name": "网格长", "name_en": "Grid chief", "level": 1},
    {"key": "grid_member", "name": "网格员", "name_en": "Grid member", "level": 0},
    {"key": "patrol", "name": "巡查员", "name_en": "Patrol", "level": 0},
    {"key": "informant", "name": "信息员", "name_en": "Informant", "level": 0},
    {"key": "liaison", "name": "联络员", "name_en": "Liaison", "level": 0, "liaison": True},
    {"key": "party_commissioner", "name": "党建专员", "name_en": "Party commissioner", "level": 0},
    {"key": "inspector", "name": "督查员", "name_en": "Inspector", "level": 0},
    {"key": "supervisor", "name": "值班长", "name_en": "Supervisor", "level": 2},
    {"key": "duty_leader", "name": "值班领导", "name_en": "Duty leader", "level": 3},
]
INSPECTORS = 3


def persons(
    seed: int, grids: Sequence[Grid], districts: Sequence[str], departments: Sequence[str],
    patrols: Sequence[Mapping[str, object]],
) -> list[Row]:  # fmt: skip
    """The chief of every grid as the grid names him; a grid member and every other time an informant a village; of
    each district its party commissioner and its first patrol; a liaison a department; who inspects and who leads."""
    rng = Random(f"{seed}:persons")
    names = _names(rng, {g.chief for g in grids} | {str(p["name"]) for p in patrols})
    english = dict(people(len(FAMILY) * len(GIVEN), Random(0)))
    villages: dict[str, list[str]] = defaultdict(list)
    for g in grids:
        if g.level == 3 and g.kind == "general":
            villages[g.code[:12]].append(g.code)
    top = [g.code for g in grids if g.level == 1]
    out = [_row("supervisor", 1, next(names), rng), _row("duty_leader", 1, next(names), rng)]
    out += [_row("grid_chief", n, (g.chief, english[g.chief]), rng, grids=[g.code]) for n, g in enumerate(grids, 1)]
    out += [_row("grid_member", n, next(names), rng, grids=v) for n, v in enumerate(villages.values(), 1)]
    out += [_row("informant", n, next(names), rng, grids=v) for n, v in enumerate(list(villages.values())[::2], 1)]
    out += [_row("liaison", n, next(names), rng, department=d) for n, d in enumerate(departments, 1)]
    out += [_row("party_commissioner", n, next(names), rng, grids=[d]) for n, d in enumerate(districts, 1)]
    out += [_row("inspector", n, next(names), rng, grids=top) for n in range(1, INSPECTORS + 1)]
    for district in districts:
        one = next(p for p in patrols if p["district"] == district and p["kind"] == "person")
        out.append({"id": one["id"], "name": one["name"], "name_en": one["name_en"], "role": "patrol",
                    "grids": [district], "phone": one["phone"]})  # fmt: skip
    return out


def _row(role: str, n: int, name: Named, rng: Random, **bound: object) -> Row:
    return {"id": f"{role}-{n:03}", "name": name[0], "name_en": name[1], "role": role, **bound,
            "phone": f"199-0000-{rng.randrange(1000, 9999)}"}  # fmt: skip


def _names(rng: Random, taken: set[str]) -> Iterator[Named]:
    """Names that nobody has yet, while there are some."""
    pool = people(len(FAMILY) * len(GIVEN), rng)
    return cycle([p for p in pool if p[0] not in taken] or pool)
