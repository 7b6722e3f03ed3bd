"""The built grid set: reading, refusing, asking and writing."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from geo.errors import BadGridFile
from geo.grids import GridSet, load, write


def square(west: float, south: float, side: float = 0.01) -> dict[str, Any]:
    """A square polygon as GeoJSON."""
    east, north = west + side, south + side
    return {
        "type": "Polygon",
        "coordinates": [[[west, south], [east, south], [east, north], [west, north], [west, south]]],
    }


def feature(code: str, geometry: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """A feature of the published form; level 1, general, without a parent, unless changed."""
    properties: dict[str, Any] = {
        "code": code, "name": f"网格{code}", "name_en": f"Grid {code}", "level": 1, "parent": None,
        "kind": "general", "district": "", "chief": "",
    }  # fmt: skip
    return {"type": "Feature", "properties": properties | changed, "geometry": geometry}


def collection() -> dict[str, Any]:
    """A town of two general grids and a port over the second."""
    return {
        "type": "FeatureCollection",
        "features": [
            feature("T", square(119.0, 35.0, 0.02)),
            feature("T1", square(119.0, 35.0), level=2, parent="T"),
            feature("T2", square(119.01, 35.0), level=2, parent="T", district="东", chief="王"),
            feature("P", square(119.012, 35.002, 0.002), level=2, parent="T", kind="dedicated"),
        ],
    }


def saved(parsed: object, tmp_path: Path) -> Path:
    """The file that holds the parsed JSON."""
    path = tmp_path / "grids.geojson"
    path.write_text(json.dumps(parsed), encoding="utf-8")
    return path


def test_a_set_is_read(tmp_path: Path) -> None:
    """Levels, parents, kinds and texts of a good file are all there."""
    grids = load(saved(collection(), tmp_path))
    assert [grid.code for grid in grids.finest] == ["T1", "T2"]
    assert [grid.code for grid in grids.dedicated] == ["P"]
    assert grids.finest_level == 2
    assert grids.chain("T2") == ("T", "T2")
    assert grids.chain("T") == ("T",)
    assert (grids.by_code["T2"].district, grids.by_code["T2"].chief) == ("东", "王")
    assert grids.bounds == pytest.approx((119.0, 35.0, 119.02, 35.02))


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    """Writing and reading a set changes nothing, to the last bit of every coordinate."""
    grids = load(saved(collection(), tmp_path))
    write(grids, tmp_path / "out.geojson")
    assert load(tmp_path / "out.geojson") == grids
    assert GridSet.from_geojson(grids.to_geojson()) == grids


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When writing fails half-way, the old set is still there and no temporary file is left behind."""
    path = saved(collection(), tmp_path)
    before = path.read_bytes()
    grids = load(path)
    broken = GridSet((*grids.grids, replace(grids.grids[1], name=object())))  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        write(broken, path)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def _set(n: int, **changed: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda parsed: parsed["features"][n]["properties"].update(changed)


def _shape(n: int, geometry: object) -> Callable[[dict[str, Any]], Any]:
    return lambda parsed: parsed["features"][n].update(geometry=geometry)


BOW_TIE = {
    "type": "Polygon",
    "coordinates": [[[119, 35], [119.1, 35.1], [119.1, 35], [119, 35.1], [119, 35]]],
}
NOT_A_NUMBER = {"type": "Polygon", "coordinates": [[[119, 35], [math.nan, 35.1], [119.1, 35], [119, 35]]]}
IN_METRES = square(20_520_000.0, 3_860_000.0, 500.0)

BROKEN: list[tuple[str, Callable[[dict[str, Any]], Any], list[str]]] = [
    ("missing column", lambda c: c["features"][1]["properties"].pop("kind"), ["feature 2", "kind", "map"]),
    ("duplicate code", _set(2, code="T1"), ["'T1'", "twice"]),
    ("unknown parent", _set(1, parent="X"), ["'T1'", "'X'", "not in the set"]),
    ("no parent", _set(1, parent=None), ["'T1'", "no parent"]),
    ("a level skipped", _set(1, level=3), ["'T1'", "level 3", "level 1"]),
    ("parent below", _set(0, level=2, parent="T1"), ["'T'", "above"]),
    ("parent is dedicated", _set(1, parent="P"), ["'T1'", "'P'", "dedicated"]),
    ("level 0", _set(0, level=0), ["feature 1 (T)", "level 0"]),
    ("level is text", _set(0, level="1"), ["level '1'"]),
    ("level 5", _set(0, level=5), ["level 5", "to 4"]),
    ("code is a number", _set(0, code=7), ["code 7"]),
    ("kind unknown", _set(3, kind="special"), ["'special'", "dedicated"]),
    ("name is a number", _set(0, name=3), ["name 3"]),
    ("invalid ring", _shape(1, BOW_TIE), ["feature 2 (T1)", "Self-intersection", "repairs"]),
    ("not WGS 84", _shape(1, IN_METRES), ["(T1)", "20520000.0", "WGS 84"]),
    ("infinite", _shape(1, square(119.0, math.inf)), ["(T1)", "119.0, inf", "no place", "draw it anew"]),
    ("not a number", _shape(1, NOT_A_NUMBER), ["(T1)", "nan, 35.1", "no place", "draw it anew"]),
    ("a huge number", _shape(1, square(10**400, 35, 1)), ["(T1)", "geometry"]),
    ("a point", _shape(1, {"type": "Point", "coordinates": [119, 35]}), ["(T1)", "Point"]),
    ("no geometry", _shape(1, None), ["(T1)", "geometry"]),
    ("no rings", _shape(1, {"type": "Polygon", "coordinates": []}), ["(T1)", "empty"]),
    (
        "a coordinate is text",
        _shape(1, {"type": "Polygon", "coordinates": [[["a", 1]]]}),
        ["(T1)", "geometry"],
    ),
    ("another crs", lambda c: c.update(crs={"properties": {"name": "EPSG:4549"}}), ["EPSG:4549", "converts"]),
    ("no features", lambda c: c.update(features=[]), ["no features"]),
    ("not a collection", lambda c: c.update(type="Topology"), ["FeatureCollection"]),
    ("not a feature", lambda c: c["features"].append(7), ["feature 5", "not a GeoJSON feature"]),
]


@pytest.mark.parametrize(("spoil", "says"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_a_broken_set_is_refused(spoil: Callable[[dict[str, Any]], Any], says: list[str], tmp_path: Path) -> None:
    """Each way a file can be broken is refused in one line that names the file, the value and the remedy."""
    parsed = collection()
    spoil(parsed)
    path = saved(parsed, tmp_path)
    with pytest.raises(BadGridFile) as refused:
        load(path)
    message = str(refused.value)
    assert "\n" not in message
    for part in [str(path), *says]:
        assert part in message


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"{", "not JSON"),
        (b"", "not JSON"),
        (b"\xff\xfe", "UTF-8"),
        (b"[]", "FeatureCollection"),
        (b"[" * 100_000, "no JSON that can be read"),
        (b"[" + b"1" * 5_000 + b"]", "no JSON that can be read"),
    ],
)
def test_a_file_that_is_no_grid_set_is_refused(content: bytes, says: str, tmp_path: Path) -> None:
    """Text that is not JSON, bytes that are not text, and other JSON are refused by name."""
    path = tmp_path / "grids.geojson"
    path.write_bytes(content)
    with pytest.raises(BadGridFile, match=says):
        load(path)


def test_a_file_that_is_absent_is_refused(tmp_path: Path) -> None:
    """A wrong path is named."""
    with pytest.raises(BadGridFile, match="nowhere"):
        load(tmp_path / "nowhere.geojson")


def test_only_dedicated_grids_are_refused(tmp_path: Path) -> None:
    """Dedicated grids lie over general ones, so they are no set of their own."""
    parsed = collection()
    parsed["features"] = [parsed["features"][3] | {}]
    parsed["features"][0]["properties"]["parent"] = None
    with pytest.raises(BadGridFile, match="only dedicated"):
        load(saved(parsed, tmp_path))


def test_heights_are_dropped(tmp_path: Path) -> None:
    """A third coordinate is dropped: a grid is flat."""
    parsed = collection()
    for point in parsed["features"][1]["geometry"]["coordinates"][0]:
        point.append(12.5)
    assert not load(saved(parsed, tmp_path)).by_code["T1"].geometry.has_z
