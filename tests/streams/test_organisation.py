"""The organisation: who answers for which grid, where a case goes, and what the file may not say."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from streams.errors import BadSetting
from streams.matters import load_matters
from streams.model import Patrol
from streams.organisation import (
    NO_ORGANISATION,
    Department,
    Organisation,
    Person,
    Role,
    Village,
    check_grids,
    check_matters,
    check_register,
    load_organisation,
)
from streams.register import EMPTY_REGISTER, Register
from tests.streams.catalogue import CATALOGUE
from tests.streams.organisation_file import ORGANISATION
from tests.streams.samples import MATTER

ORDINARY, COMPLEX = MATTER, msgspec.structs.replace(MATTER, helpers=("village",))
GRIDS = ("T", "T1")


def read(folder: Path, text: str = ORGANISATION) -> Organisation:
    """The organisation of a text, as a file in `folder`."""
    path = folder / "org.toml"
    path.write_text(text, encoding="utf-8")
    return load_organisation(path)


@pytest.fixture
def organisation(tmp_path: Path) -> Organisation:
    """The organisation of the sample file."""
    return read(tmp_path)


def test_every_table_arrives(organisation: Organisation) -> None:
    """The rows of each table are found by what names them, in the order of the file."""
    assert organisation.site
    assert (organisation.site.name_en, organisation.site.lon) == ("Test Town", 119.2)
    assert list(organisation.departments) == ["sanitation", "village", "emergency", "centre", "police-T"]
    assert organisation.departments["police-T"] == Department(
        name="派出所", name_en="Police Station", code="police-T", town="T"
    )
    assert organisation.villages["V1"] == Village(name="一村", name_en="Village 1", code="V1", district="D1")
    assert organisation.squads["Q1"].districts == ("D1",)
    assert organisation.roles["spokesman"] == Role(name="联络员", name_en="Liaison", key="spokesman", liaison=True)
    assert organisation.persons["c1"] == Person(
        name="陈一", name_en="Chen Yi", id="c1", role="head", grids=("T1",), phone="199-0000-0001"
    )
    assert (list(organisation.posts), list(organisation.skills)) == (["巡查岗"], ["city"])
    assert list(organisation.towns) == ["T"]


def test_the_finest_grid_with_a_chief_decides(organisation: Organisation) -> None:
    """A dedicated grid's chief comes first, then the finest general grid's, then that of the grid above."""
    chiefs = {grids: organisation.chief(grids) for grids in (("T", "T1", "X9"), ("T", "T1", "X0"), GRIDS, ("T", "T2"))}
    assert [one.id if one else None for one in chiefs.values()] == ["c9", "c1", "c1", "c0"]


def test_nobody_is_chief_where_nobody_is_bound(organisation: Organisation) -> None:
    """Outside every grid, and in grids that have no chief, there is none; other roles bound there do not count."""
    assert organisation.chief(()) is None
    assert organisation.chief(("U", "U1")) is None


@pytest.mark.parametrize(
    ("matter", "priority", "grids", "owner"),
    [
        (ORDINARY, 4, GRIDS, "陈一"),
        (ORDINARY, 3, GRIDS, "陈一"),
        (ORDINARY, 2, GRIDS, "centre"),
        (ORDINARY, 1, GRIDS, "centre"),
        (COMPLEX, 4, GRIDS, "centre"),
        (COMPLEX, 1, GRIDS, "centre"),
        (None, 4, GRIDS, "centre"),
        (ORDINARY, 4, (*GRIDS, "X9"), "陈九"),
        (ORDINARY, 4, ("U",), "centre"),
        (ORDINARY, 4, (), "centre"),
    ],
)
def test_ordinary_cases_stay_in_the_grid_and_the_others_go_up(
    organisation: Organisation, matter: object, priority: int, grids: tuple[str, ...], owner: str
) -> None:
    """P3 and P4 without helpers are the chief's; helpers, P1, P2, no matter or no chief make it the centre's."""
    assert organisation.owner(matter, priority, grids) == owner  # type: ignore[arg-type]


def test_supervision_goes_up_by_level(organisation: Organisation) -> None:
    """Level 1 is the chief of the place, 2 the supervisor, 3 the duty leader, whatever their roles are called."""
    found = [organisation.person_for(level, GRIDS) for level in (1, 2, 3)]
    assert [one.id if one else None for one in found] == ["c1", "s1", "d1"]
    assert organisation.person_for(0, GRIDS) is None
    assert organisation.supervisor() is found[1]
    assert organisation.duty_leader() is found[2]


def test_a_department_has_one_who_speaks_for_it(organisation: Organisation) -> None:
    """The first liaison of the file; others of the department do not speak for it, and some have nobody."""
    found = [organisation.liaison(code) for code in ("sanitation", "emergency")]
    assert [one.id if one else None for one in found] == ["l1", "l2"]
    assert organisation.liaison("village") is None


def test_without_an_organisation_all_is_the_centres(tmp_path: Path) -> None:
    """Nobody is bound, so every case is the centre's, and nothing can contradict it."""
    path = tmp_path / "matters.toml"
    path.write_text(CATALOGUE, encoding="utf-8")
    check_matters(NO_ORGANISATION, load_matters(path))
    assert NO_ORGANISATION.owner(ORDINARY, 4, GRIDS) == "centre"
    assert NO_ORGANISATION.person_for(2, GRIDS) is None


@pytest.mark.parametrize(
    ("good", "bad", "says"),
    [
        ('role = "inspector"', 'role = "boss"', r"\[\[person\]\] 'i1': role = 'boss' is unknown; .*use one of head,"),
        ('department = "sanitation"\n', 'department = "bins"\n', r"'l1': department = 'bins' is unknown; add \[\[dep"),
        ('id = "c9"', 'id = "c1"', r"\[\[person\]\] id = 'c1' stands there twice; give every row its own"),
        ('code = "village"', 'code = "sanitation"', r"\[\[department\]\] code = 'sanitation' stands there twice"),
        ('key = "inspector"', 'key = "head"', r"\[\[role\]\] key = 'head' stands there twice"),
        ('grids = ["T1"]', 'grids = ["T1", "X9"]', r"'c9': grids has 'X9', whose chief is 'c1' already"),
        ('grids = ["T1"]', "grids = []", r"'c1': role = 'head' answers for grids, but grids is empty: name at least"),
        ('department = "sanitation"\n', "", r"'l1': role = 'spokesman' speaks for a department, but department is"),
        ('grids = ["T1"]', 'grids = "T1"', r"'c1': .*array.*grids.*not 'T1'"),
        ("level = 2", "level = 4", r"\[\[role\]\] 'second': .*<= 3.*level.*not 4"),
        ("level = 2", "rank = 2", r"\[\[role\]\] 'second': .*unknown field `rank`; known are key, level, liaison,"),
        ('district = "D1"', 'district = "D9"', r"\[\[village\]\] 'V1': district = 'D9' is unknown; add \[\[district"),
        ('districts = ["D1"]', 'districts = ["D9"]', r"\[\[squad\]\] 'Q1': districts = 'D9' is unknown"),
        ('town = "T"', 'town = "Z"', r"\[\[department\]\] 'police-T': town = 'Z' is unknown; .*one of T"),
        ("[[squad]]", "[[team]]", r"unknown table 'team'; known are site, town, district,"),
        ("[[squad]]", "[squad]", r"squad = \{.*write \[\[squad\]\] once for each"),
        ("lon = 119.2", "lon = 219.2", r"\[site\]: .*<= 180.*lon.*not 219.2"),
        ('name_en = "Chen Yi"', "", r"'c1': .*name_en"),
        ("[site]", "[site", r"is not TOML in UTF-8"),
    ],
)
def test_a_wrong_row_is_refused_by_name(tmp_path: Path, good: str, bad: str, says: str) -> None:
    """The refusal names the file, the table, the row, the value and what to do."""
    assert ORGANISATION.count(good) == 1
    with pytest.raises(BadSetting, match=says) as refused:
        read(tmp_path, ORGANISATION.replace(good, bad))
    assert str(refused.value).startswith(str(tmp_path / "org.toml"))


def test_a_missing_file_is_refused_with_the_setting(tmp_path: Path) -> None:
    """Whoever asks for a file that is not there reads which setting names it."""
    with pytest.raises(BadSetting, match=r"org\.toml: cannot be read .*GRIDPOST_ORG"):
        load_organisation(tmp_path / "org.toml")


def test_a_grid_that_is_not_there_is_refused(organisation: Organisation) -> None:
    """A person bound to a code that the grid set lacks would never be found."""
    check_grids(organisation, {"T", "T1", "U", "X9"})
    with pytest.raises(BadSetting, match=r"org\.toml: \[\[person\]\] 'c9': grids has 'X9', which is no grid"):
        check_grids(organisation, {"T", "T1", "U"})


def test_a_matter_of_an_unknown_department_is_refused(tmp_path: Path, organisation: Organisation) -> None:
    """Lead and helpers of every matter must be departments; the refusal names both rows and the choice."""
    path = tmp_path / "matters.toml"
    path.write_text(CATALOGUE, encoding="utf-8")
    check_matters(organisation, load_matters(path))
    for good, column in (('lead = "emergency"', "lead"), ('helpers = ["village"]', "helpers")):
        assert good in CATALOGUE
        bad = good.replace("emergency", "navy").replace("village", "navy")
        path.write_text(CATALOGUE.replace(good, bad), encoding="utf-8")
        with pytest.raises(BadSetting, match=rf"\[\[department\]\] 'navy' is missing, .*' of .* as {column}"):
            check_matters(organisation, load_matters(path))


def test_a_patrol_of_an_unknown_department_is_refused(organisation: Organisation) -> None:
    """A patrol may come for nobody or for a department that exists."""

    def register(department: str) -> Register:
        patrol = Patrol("p", "王", "Wang", "person", "Q1", "D1", "巡查岗", department=department)
        return Register({}, {"p": patrol}, {})

    check_register(organisation, EMPTY_REGISTER)
    check_register(organisation, register(""))
    check_register(organisation, register("police-T"))
    check_register(NO_ORGANISATION, register("navy"))
    with pytest.raises(BadSetting, match=r"\[\[department\]\] 'navy' is missing, which patrol 'p'"):
        check_register(organisation, register("navy"))
