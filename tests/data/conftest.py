"""The made-up towns as the tests of this folder read them: Wanghai as committed, the county made once."""

from __future__ import annotations

import csv
import importlib.util
import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from shapely.geometry import Polygon, shape

ROOT = Path(__file__).resolve().parents[2]
WANGHAI = ROOT / "data" / "towns" / "wanghai"


@dataclass(frozen=True)
class Town:
    """The files of a town, read plainly, without the program's own readers."""

    folder: Path
    grids: list[dict[str, Any]]
    shapes: dict[str, Polygon]
    basemap: list[dict[str, Any]]
    devices: list[dict[str, str]]
    patrols: list[dict[str, str]]
    sources: list[dict[str, str]]
    org: dict[str, Any]

    def level(self, level: int, kind: str = "general") -> list[dict[str, Any]]:
        """Properties of the grids of a level and kind."""
        return [g for g in self.grids if g["level"] == level and g["kind"] == kind]

    def layer(self, layer: str) -> list[dict[str, Any]]:
        """Features of a layer of the basemap."""
        return [f for f in self.basemap if f["properties"]["layer"] == layer]


def polygon(geometry: dict[str, Any]) -> Polygon:
    """The polygon a grid must be."""
    found = shape(geometry)
    assert isinstance(found, Polygon), found.geom_type
    return found


def read_town(folder: Path) -> Town:
    """Every file of `folder`."""

    def rows(name: str) -> list[dict[str, str]]:
        with (folder / name).open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    features = json.loads((folder / "grids.geojson").read_text("utf-8"))["features"]
    return Town(
        folder,
        [f["properties"] for f in features],
        {f["properties"]["code"]: polygon(f["geometry"]) for f in features},
        json.loads((folder / "basemap.geojson").read_text("utf-8"))["features"],
        rows("devices.csv"),
        rows("patrols.csv"),
        rows("sources.csv"),
        tomllib.loads((folder / "org.toml").read_text("utf-8")),
    )


@pytest.fixture(scope="session")
def make_town() -> ModuleType:
    """The script, imported by its path."""
    spec = importlib.util.spec_from_file_location("make_town", ROOT / "data" / "make_town.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def wanghai() -> Town:
    """Wanghai as committed."""
    return read_town(WANGHAI)


@pytest.fixture(scope="session")
def county(make_town: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Town:
    """The county, made for this run."""
    folder = tmp_path_factory.mktemp("county")
    make_town.make_county(folder)
    return read_town(folder)


@pytest.fixture(params=["wanghai", "county"])
def town(request: pytest.FixtureRequest) -> Town:
    """Each of the two towns."""
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Town)
    return found
