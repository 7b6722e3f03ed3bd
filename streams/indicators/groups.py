"""By what figures are counted: the one column of a case that decides, and what its value belongs to.

The archive keeps the grid, the matter and the patrol of a case; the district, the town, the squad, the department, the
board and the module follow from the configuration of the site. A case belongs to exactly one group, `""` when to none,
so the groups of a figure add up to the whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from geo.grids import GridSet
from streams.errors import Refused
from streams.matters import Matters
from streams.organisation import Organisation
from streams.register import Register

PERIODS = ("day", "week", "month")
GROUPS = ("grid", "patrol", "squad", "district", "department", "town", "matter", "board", "module")
Names = Mapping[str, tuple[str, str]]
NAMELESS: Names = MappingProxyType({})


class Group(NamedTuple):
    """`column` of a case decides; `of` says to which group a value belongs (None: it is the group). `names`: Chinese
    and English, where a group has them. Of the whole, `column` is empty."""

    name: str = ""
    column: str = ""
    of: Mapping[str, str] | None = None
    names: Names = NAMELESS


WHOLE = Group()


class Site(NamedTuple):
    """What the groups follow from."""

    grids: GridSet
    matters: Matters
    register: Register
    organisation: Organisation


def group(site: Site, name: str, level: int | None = None) -> Group:
    """The group of that name. `level`: that of the grids; without it each case counts in the grid that decides. Refused
    for an unknown name, a level that the grids do not have, or one where no grids are."""
    if level is not None and name != "grid":
        raise Refused("wrong_level", f"level={level} goes with by=grid only: leave it out")
    make = _MAKE.get(name)
    if make is None:
        known = ", ".join((*PERIODS, *GROUPS))
        raise Refused("unknown_group", f"by={name!r} is unknown: use one of {known}, or a period and a group: day,grid")
    return _grid(site, level) if name == "grid" else make(site)


def _grid(site: Site, level: int | None = None) -> Group:
    names = {each.code: (each.name, each.name_en) for each in site.grids.grids}
    levels = {each.code: each.level for each in site.grids.grids}
    if level is None:
        return Group("grid", "grid", None, names)
    if level not in levels.values():
        raise Refused("wrong_level", f"level={level}: these grids have the levels {sorted(set(levels.values()))}")
    of = {code: next((up for up in site.grids.chain(code) if levels[up] == level), "") for code in levels}
    return Group("grid", "grid", of, names)


def _town(site: Site) -> Group:
    towns = site.organisation.towns
    of = {each.code: next((up for up in site.grids.chain(each.code) if up in towns), "") for each in site.grids.grids}
    return Group("town", "grid", of, _named(towns))


def _district(site: Site) -> Group:
    of = {each.code: each.district or "" for each in site.grids.grids}
    return Group("district", "grid", of, _named(site.organisation.districts))


def _patrol(site: Site) -> Group:
    return Group("patrol", "patrol", None, _named(site.register.patrols))


def _squad(site: Site) -> Group:
    of = {each.id: each.squad for each in site.register.patrols.values()}
    return Group("squad", "patrol", of, _named(site.organisation.squads))


def _matter(site: Site) -> Group:
    return Group("matter", "matter", None, _named(site.matters.matters))


def _department(site: Site) -> Group:
    of = {key: each.lead for key, each in site.matters.matters.items()}
    return Group("department", "matter", of, _named(site.organisation.departments))


def _board(site: Site) -> Group:
    return Group("board", "matter", {k: m.board for k, m in site.matters.matters.items()}, _named(site.matters.boards))


def _module(site: Site) -> Group:
    of = {key: each.module for key, each in site.matters.matters.items()}
    return Group("module", "matter", of, _named(site.matters.modules))


def _named(rows: Mapping[str, object]) -> Names:
    return {key: (getattr(row, "name", key), getattr(row, "name_en", key)) for key, row in rows.items()}


_MAKE = {
    "grid": _grid, "town": _town, "district": _district, "patrol": _patrol, "squad": _squad, "matter": _matter,
    "department": _department, "board": _board, "module": _module,
}  # fmt: skip
