"""The organisation: which departments, towns, villages and squads there are, and who answers for which grid.

The roles of 一长六员 are configuration: the file lists them, and marks what the rules need to know of a role. `level`
is its level of supervision (1 the grid's chief, 2 the supervisor, 3 the duty leader), `liaison` says that it speaks
for its department. So a county with eight roles, or other names for them, changes its file and nothing here.

The routing rule (`owner`): an ordinary case belongs to the chief of its grid; a complex one (its matter has helpers)
or an urgent one (P1, P2) goes up to the centre, which whistles for the departments. What nobody is bound to is the
centre's too: a case without an owner would be nobody's. A site without a file has no organisation, and all is the
centre's.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

import msgspec

from streams.errors import BadSetting
from streams.matters import Matter, Matters
from streams.register import Register
from streams.tables import accepted, converted, read_toml, rows

CENTRE = "centre"
"""The owner of what no chief answers for."""
URGENT = 2
"""Cases of this priority or a higher one (a smaller number) go up to the centre."""
CHIEF, SUPERVISOR, DUTY_LEADER = 1, 2, 3

Text = Annotated[str, msgspec.Meta(min_length=1)]


class _Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What every row has: a name in both languages."""

    name: Text
    name_en: Text


class Site(_Row, frozen=True):
    """The place itself. `division`: its code of administrative divisions; `lon`, `lat`: its middle, WGS 84 degrees."""

    code: Text
    division: str = ""
    lon: Annotated[float, msgspec.Meta(ge=-180, le=180)] | None = None
    lat: Annotated[float, msgspec.Meta(ge=-90, le=90)] | None = None


class Town(_Row, frozen=True):
    """A town of a county."""

    code: Text


class District(_Row, frozen=True):
    """A patrol area: 片区."""

    code: Text


class Village(_Row, frozen=True):
    """A village, in a district where the place has districts."""

    code: Text
    district: str = ""


class Squad(_Row, frozen=True):
    """A team of patrols and the districts it serves."""

    code: Text
    districts: tuple[str, ...] = ()


class Post(_Row, frozen=True):
    """What somebody is there for (定岗). Patrols and matters name it by `name`."""


class Skill(_Row, frozen=True):
    """What a patrol can do and a matter asks for."""

    key: Text


class Department(_Row, frozen=True):
    """A body that leads matters or helps with them; in a county the town's own ones name their `town`."""

    code: Text
    town: str = ""


class Role(_Row, frozen=True):
    """A role of 一长六员. `level`: its level of supervision, 0 for none; `liaison`: it speaks for its department."""

    key: Text
    level: Annotated[int, msgspec.Meta(ge=0, le=3)] = 0
    liaison: bool = False


class Partner(_Row, frozen=True):
    """Another site that mutual aid is agreed with. `lends`: so many of our patrols may be with it at once."""

    site: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$")]
    lends: Annotated[int, msgspec.Meta(ge=0)] = 0


class Person(_Row, frozen=True):
    """Somebody in a role. `grids`: codes of the grids bound to the person, of any level. A person who is a patrol too
    has the patrol's id."""

    id: Text
    role: Text
    grids: tuple[Text, ...] = ()
    department: str = ""
    phone: str = ""


FORMS: tuple[tuple[str, str, type[Any], str], ...] = (
    ("town", "towns", Town, "code"),
    ("district", "districts", District, "code"),
    ("village", "villages", Village, "code"),
    ("squad", "squads", Squad, "code"),
    ("post", "posts", Post, "name"),
    ("skill", "skills", Skill, "key"),
    ("department", "departments", Department, "code"),
    ("role", "roles", Role, "key"),
    ("person", "persons", Person, "id"),
    ("partner", "partners", Partner, "site"),
)
"""The tables of the file beside `[site]`: table, field of the organisation, form of a row, what names the row."""

LINKS: tuple[tuple[str, str, str], ...] = (
    ("villages", "district", "districts"),
    ("squads", "districts", "districts"),
    ("departments", "town", "towns"),
    ("persons", "role", "roles"),
    ("persons", "department", "departments"),
)
"""What names a row of another table: field of the organisation, column, field where it must be."""


def _none() -> Mapping[str, Any]:
    return MappingProxyType({})


@dataclass(frozen=True)
class Organisation:
    """Who there is, each by code, key, name (posts) or id, in the order of the file. `path`: where it was read from.

    Not slotted, since the lookups below are worked out once, on first use.
    """

    path: str
    site: Site | None
    towns: Mapping[str, Town]
    districts: Mapping[str, District]
    villages: Mapping[str, Village]
    squads: Mapping[str, Squad]
    posts: Mapping[str, Post]
    skills: Mapping[str, Skill]
    departments: Mapping[str, Department]
    roles: Mapping[str, Role]
    persons: Mapping[str, Person]
    partners: Mapping[str, Partner]

    def chief(self, grids: Sequence[str]) -> Person | None:
        """Who answers for a place. `grids`: its codes from the top level down and the dedicated one last, as a case
        has them. The last that has a chief decides: the dedicated grid, else the finest, else the one above."""
        return next((self._chiefs[code] for code in reversed(grids) if code in self._chiefs), None)

    def supervisor(self) -> Person | None:
        """The centre's supervisor: the first person of the file in a role of level 2."""
        return self._at_level(SUPERVISOR)

    def duty_leader(self) -> Person | None:
        """The centre's duty leader: the first person of the file in a role of level 3."""
        return self._at_level(DUTY_LEADER)

    def liaison(self, department: str) -> Person | None:
        """Who speaks for the department: its first person of the file in a role with `liaison`."""
        return self._liaisons.get(department)

    def person_for(self, level: int, grids: Sequence[str]) -> Person | None:
        """Who supervises at the level: 1 the chief of the grids, 2 the supervisor, 3 the duty leader; else nobody."""
        return self.chief(grids) if level == CHIEF else self._at_level(level) if level > CHIEF else None

    def owner(self, matter: Matter | None, priority: int, grids: Sequence[str]) -> str:
        """Who answers for a case: the chief's name when it is ordinary, else `centre` (the rule of this module).
        A case whose matter is not known yet may be complex: it is the centre's."""
        if matter is None or matter.helpers or priority <= URGENT:
            return CENTRE
        chief = self.chief(grids)
        return chief.name if chief else CENTRE

    @cached_property
    def _chiefs(self) -> Mapping[str, Person]:
        bound = (one for one in self.persons.values() if self.roles[one.role].level == CHIEF)
        return {code: one for one in bound for code in one.grids}

    @cached_property
    def _liaisons(self) -> Mapping[str, Person]:
        found: dict[str, Person] = {}
        for one in self.persons.values():
            if self.roles[one.role].liaison:
                found.setdefault(one.department, one)
        return found

    def _at_level(self, level: int) -> Person | None:
        return next((one for one in self.persons.values() if self.roles[one.role].level == level), None)


NO_ORGANISATION = Organisation("", None, **{field: _none() for _, field, _, _ in FORMS})
"""Names nobody: every case is the centre's."""


def load_organisation(path: Path) -> Organisation:
    """Read the organisation file; raises BadSetting with file, table, row, value and remedy."""
    doc = read_toml(path, "GRIDPOST_ORG", ("site", *(table for table, *_ in FORMS)))
    site = converted(path, "[site]", doc["site"], Site) if "site" in doc else None
    tables = {field: rows(path, doc, table, form, key) for table, field, form, key in FORMS}
    for field, column, into in LINKS:
        _check_link(path, field, tables[field], column, into, tables[into])
    organisation = Organisation(str(path), site, **tables)
    for person in organisation.persons.values():
        _check_role(organisation.path, person, organisation.roles[person.role])
    _check_one_chief(organisation)
    return organisation


def check_grids(organisation: Organisation, codes: Container[str]) -> None:
    """Raises BadSetting when a person is bound to a grid that is not in `codes`, those of the grid set."""
    for person in organisation.persons.values():
        for code in person.grids:
            if code not in codes:
                raise _bad(organisation.path, person, f"grids has {code!r}, which is no grid of this site: correct it, "
                           "or let GRIDPOST_ORG name the organisation that belongs to GRIDPOST_GRIDS")  # fmt: skip


def check_matters(organisation: Organisation, matters: Matters) -> None:
    """Raises BadSetting when a matter is led or helped by a department that the organisation lacks; one that names no
    department at all is not asked."""
    known = organisation.departments
    for matter in matters.matters.values() if known else ():
        for column, code in (("lead", matter.lead), *(("helpers", helper) for helper in matter.helpers)):
            if code not in known:
                raise BadSetting(
                    f"{organisation.path}: [[department]] {code!r} is missing, which [[matter]] {matter.key!r} of the "
                    f"catalogue names as {column}: add it, or name one of {accepted(known)} there"
                )


def check_register(organisation: Organisation, register: Register) -> None:
    """Raises BadSetting when a patrol comes for a department that the organisation lacks; one that names no department
    at all is not asked."""
    for patrol in register.patrols.values() if organisation.departments else ():
        if patrol.department and patrol.department not in organisation.departments:
            raise BadSetting(
                f"{organisation.path}: [[department]] {patrol.department!r} is missing, which patrol {patrol.id!r} of "
                f"the register has as department: add it, or use one of {accepted(organisation.departments)} there"
            )


def _check_link(path: Path, field: str, table: Mapping[str, Any], column: str, into: str, known: Mapping[str, Any]
                ) -> None:  # fmt: skip
    for name, row in table.items():
        value = getattr(row, column)
        for code in (value,) if isinstance(value, str) else value:
            if code and code not in known:
                raise BadSetting(f"{path}: [[{field[:-1]}]] {name!r}: {column} = {code!r} is unknown; "
                                 f"add [[{into[:-1]}]] {code!r} or use one of {accepted(known)}")  # fmt: skip


def _check_role(path: str, person: Person, role: Role) -> None:
    """A chief without a grid and a liaison without a department would never be asked."""
    if role.level == CHIEF and not person.grids:
        raise _bad(path, person, f"role = {role.key!r} answers for grids, but grids is empty: name at least one")
    if role.liaison and not person.department:
        raise _bad(path, person, f"role = {role.key!r} speaks for a department, but department is empty: name it")


def _check_one_chief(organisation: Organisation) -> None:
    """Two chiefs of one grid are nobody's chief."""
    seen: dict[str, str] = {}
    for person in organisation.persons.values():
        for code in person.grids if organisation.roles[person.role].level == CHIEF else ():
            other = seen.setdefault(code, person.id)
            if other != person.id:
                said = f"grids has {code!r}, whose chief is {other!r} already: a grid has one chief"
                raise _bad(organisation.path, person, said)


def _bad(path: str, person: Person, said: str) -> BadSetting:
    return BadSetting(f"{path}: [[person]] {person.id!r}: {said}")
