"""A centre is opened only when its files agree with each other."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from app import centre as centres
from app.centre import open_centre, read_roads
from app.config import TOWN, Settings
from streams.errors import BadSetting
from streams.organisation import NO_ORGANISATION


@pytest.fixture(autouse=True)
def _current(monkeypatch: pytest.MonkeyPatch) -> None:
    """The centre of the process stays what it was."""
    monkeypatch.setattr(centres, "_current", [])


def settings(org: Path, patrols: Path = TOWN / "patrols.csv") -> Settings:
    """Wanghai with another organisation; no Redis is asked."""
    return Settings(redis_url="redis://127.0.0.1:1", org=org, patrols=patrols)


def test_the_organisation_of_the_town_is_there() -> None:
    """An ordinary case of a grid of Wanghai is that grid's chief's, an urgent one the centre's."""
    it = open_centre(settings(TOWN / "org.toml"))
    grid = next(one for one in it.grids.dedicated)
    ordinary = next(one for one in it.matters.matters.values() if not one.helpers)
    assert it.org.owner(ordinary, 3, (str(grid.parent), grid.code)) == grid.chief
    assert it.org.owner(ordinary, 1, (str(grid.parent), grid.code)) == "centre"


def test_a_site_without_a_file_has_no_organisation(tmp_path: Path) -> None:
    """The file may be absent: then everything is the centre's."""
    assert open_centre(settings(tmp_path / "none.toml")).org is NO_ORGANISATION


@pytest.mark.parametrize(
    ("good", "bad", "says"),
    [
        ('grids = ["329901101201001"]', 'grids = ["329901101201999"]', "'329901101201999', which is no grid"),
        ('code = "justice"', 'code = "law"', r"'liaison-016': department = 'justice' is unknown"),
    ],
)
def test_an_organisation_that_does_not_fit_is_refused(tmp_path: Path, good: str, bad: str, says: str) -> None:
    """A person of a grid or department that is not there keeps the centre from opening."""
    text = (TOWN / "org.toml").read_text("utf-8")
    assert good in text
    (tmp_path / "org.toml").write_text(text.replace(good, bad, 1), encoding="utf-8")
    with pytest.raises(BadSetting, match=says):
        open_centre(settings(tmp_path / "org.toml"))


def test_departments_of_matters_and_patrols_must_be_there(tmp_path: Path) -> None:
    """An organisation whose departments are not those of the catalogue and the register keeps the centre closed."""
    text = (TOWN / "org.toml").read_text("utf-8")
    only = tmp_path / "org.toml"
    only.write_text('[[department]]\ncode = "navy"\nname = "海军"\nname_en = "Navy"\n', encoding="utf-8")
    with pytest.raises(BadSetting, match=r"which \[\[matter\]\] .* names as lead"):
        open_centre(settings(only))
    only.write_text(text, encoding="utf-8")
    patrols = Path(shutil.copy(TOWN / "patrols.csv", tmp_path))
    patrols.write_text(patrols.read_text("utf-8").replace(",police\n", ",navy\n", 1), encoding="utf-8")
    with pytest.raises(BadSetting, match=r"'navy' is missing, which patrol 'P-013'"):
        open_centre(settings(only, patrols))


def test_the_roads_are_read_beside_the_grids(tmp_path: Path) -> None:
    """The demo town has roads, a town without a basemap none; one that cannot be read is refused with its path."""
    assert read_roads(Settings().basemap) is not None
    assert read_roads(tmp_path / "basemap.geojson") is None
    (tmp_path / "basemap.geojson").write_text("{")
    with pytest.raises(BadSetting, match=r"basemap\.geojson cannot be read"):
        read_roads(tmp_path / "basemap.geojson")
