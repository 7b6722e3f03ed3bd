"""Building a grid set from foreign files: layouts, formats, systems, repair, and each kind of bad file."""

from __future__ import annotations

import gzip
import json
import logging
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas
import pytest
import shapely
from shapely.geometry import Point, Polygon, box

from geo.errors import BadGridFile
from geo.grids import Columns, build, check, load, write
from geo.tagging import GridIndex

NESTED = Columns(codes=("district", "area", "tract"), names=("district_name", "area", "label"), kind="art")


def tracts() -> geopandas.GeoDataFrame:
    """Four tracts in two areas of one district, and a port over the second; CGCS2000 / WGS 84 degrees."""
    rows = [
        {"district": "D", "district_name": "东区", "area": f"A{n // 2}", "tract": 100 + n, "label": f"{n}号",
         "art": None, "geometry": box(round(119 + n / 100, 2), 35, round(119.01 + n / 100, 2), 35.01)}
        for n in range(4)
    ]  # fmt: skip
    port = {"district": "D", "district_name": "东区", "area": "A0", "tract": 900, "label": "港", "art": "专属网格"}
    return geopandas.GeoDataFrame([*rows, port | {"geometry": box(119.012, 35.002, 119.014, 35.004)}], crs=4326)


def test_columns_that_name_the_upper_levels_are_dissolved() -> None:
    """Areas and districts are the union of the tracts that name them; dedicated grids take no part in
    that."""
    grids = build(tracts(), NESTED)
    assert [(g.level, g.code) for g in grids.grids] == [
        (1, "D"), (2, "A0"), (2, "A1"), (3, "100"), (3, "101"), (3, "102"), (3, "103"), (3, "900"),
    ]  # fmt: skip
    assert grids.chain("102") == ("D", "A1", "102")
    assert (grids.by_code["D"].name, grids.by_code["103"].name) == ("东区", "3号")
    assert grids.by_code["D"].geometry.equals(box(119, 35, 119.04, 35.01))
    assert [g.code for g in grids.dedicated] == ["900"]
    assert check(tracts(), NESTED) == []
    assert GridIndex(grids).tag(119.013, 35.003).grids == ("D", "A0", "101", "900")


def test_one_file_a_level(tmp_path: Path) -> None:
    """Files given top first are levels one below the other, joined by the parent column; dedicated ones may
    follow."""
    frame = tracts()
    fine, port = frame[frame["art"].isna()], frame[frame["art"].notna()]
    paths = [tmp_path / name for name in ("areas.gpkg", "tracts.gpkg", "ports.gpkg")]
    fine.dissolve("area").reset_index()[["area", "geometry"]].to_file(paths[0])
    fine.to_file(paths[1])
    port.to_file(paths[2])
    columns = Columns(codes=("area", "tract"), names=("area", "label"), parents=("", "area"), kind="art")
    grids = build(paths, columns)
    assert [(g.level, g.code, g.kind) for g in grids.grids if g.code in {"A0", "100", "900"}] == [
        (1, "A0", "general"), (2, "100", "general"), (2, "900", "dedicated"),
    ]  # fmt: skip
    assert grids.chain("103") == ("A1", "103")
    assert check(paths, columns) == []


@pytest.mark.parametrize("name", ["grids.geojson", "grids.geojson.gz", "grids.gpkg", "grids.shp", "grids.fgb"])
def test_any_format_gives_the_same_grids(name: str, tmp_path: Path) -> None:
    """GeoJSON, packed GeoJSON, GeoPackage, Shapefile and FlatGeobuf all build the same set."""
    frame = tracts().drop(columns=["art", "district_name"]).iloc[:4]
    path = tmp_path / name
    if name.endswith(".gz"):
        path.write_bytes(gzip.compress(frame.to_json().encode()))
    else:
        frame.to_file(path)
    grids = build(path, Columns(codes=("district", "area", "tract"), names=("district", "area", "label")))
    assert {g.code: g.name for g in grids.finest} == {"100": "0号", "101": "1号", "102": "2号", "103": "3号"}
    assert grids.by_code["101"].geometry.equals(box(119.01, 35, 119.02, 35.01))


@pytest.mark.parametrize("system", [4490, 3857, 4527, 32650])
def test_any_coordinate_system_becomes_wgs84(system: int) -> None:
    """CGCS2000, Web Mercator, Gauss-Krüger and UTM all come out in degrees, within 5 cm."""
    there = tracts()
    there = there.set_crs(4490, allow_override=True) if system == 4490 else there.to_crs(system)
    grids = build(there, NESTED)
    apart = grids.by_code["100"].geometry.hausdorff_distance(box(119, 35, 119.01, 35.01))
    assert apart * 111_195 < 0.05


def test_no_point_of_the_finest_level_is_moved() -> None:
    """Neighbours whose vertices do not match stay as they are, to the last bit."""
    frame = tracts()
    odd = Polygon([(119.0, 35), (119.0100001, 35), (119.01, 35.0049), (119.0100002, 35.01), (119.0, 35.01)])
    frame.loc[0, "geometry"] = odd
    assert build(frame, NESTED).by_code["100"].geometry.equals_exact(odd, tolerance=0)


def test_what_is_built_can_be_loaded(tmp_path: Path) -> None:
    """A set that is built, written and loaded is the same set; built again from that file it is too."""
    grids = build(tracts(), NESTED)
    write(grids, tmp_path / "grids.geojson")
    assert load(tmp_path / "grids.geojson") == grids
    assert build(tmp_path / "grids.geojson") == grids


def test_invalid_rings_are_repaired_and_said(caplog: pytest.LogCaptureFixture) -> None:
    """A ring that crosses itself becomes a valid one of the same lobes, with a warning that names it."""
    frame = tracts()
    bow = Polygon([(119, 35), (119.01, 35.01), (119.01, 35), (119, 35.01)])
    frame.loc[0, "geometry"] = bow
    with caplog.at_level(logging.WARNING, "geo"):
        grid = build(frame, NESTED).by_code["100"]
    assert grid.geometry.is_valid
    assert grid.geometry.area == pytest.approx(0.01 * 0.01 / 2)
    assert "100" in caplog.text
    assert "Self-intersection" in caplog.text


def test_parts_of_one_grid_are_united() -> None:
    """Features with one code and one parent are one grid."""
    frame = tracts()
    frame.loc[1, "tract"] = 100
    assert build(frame, NESTED).by_code["100"].geometry.equals(box(119, 35, 119.02, 35.01))


def _put(column: str, value: object, n: int = 0) -> Callable[[geopandas.GeoDataFrame], Any]:
    def put(frame: geopandas.GeoDataFrame) -> geopandas.GeoDataFrame:
        frame[column] = frame[column].astype(object) if column != "geometry" else frame[column]
        frame.loc[n, column] = value
        return frame

    return put


BAD: list[tuple[str, Callable[[geopandas.GeoDataFrame], Any], list[str]]] = [
    ("column missing", lambda f: f.drop(columns="area"), ["no column area", "district"]),
    ("no system", lambda f: f.set_crs(None, allow_override=True), ["no coordinate system", ".prj"]),
    ("no features", lambda f: f.iloc[:0], ["no features"]),
    ("no outline", _put("geometry", None, 2), ["feature 3", "no geometry"]),
    ("a point", _put("geometry", Point(119, 35), 1), ["feature 2", "Point"]),
    ("no code", _put("tract", None), ["feature 1", "no tract"]),
    ("kind unknown", _put("art", "harbour", 4), ["feature 5", "'harbour'", "dedicated"]),
    ("several parents", _put("district", "D2"), ["'A0'", "'D'", "'D2'", "one parent"]),
    ("no parent", _put("area", None), ["'100'", "no parent"]),
    ("only dedicated grids below", _put("area", "A9", 4), ["(A9)", "no general grid below"]),
    ("one code on two levels", _put("tract", "D"), ["'D'", "level 1", "level 3"]),
]  # fmt: skip


@pytest.mark.parametrize(("spoil", "says"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_a_bad_file_is_refused(spoil: Callable[[geopandas.GeoDataFrame], Any], says: list[str]) -> None:
    """Each way a foreign file can be unusable is refused in one line that names what and where."""
    with pytest.raises(BadGridFile) as refused:
        build(spoil(tracts()), NESTED)
    assert "\n" not in str(refused.value)
    for part in says:
        assert part in str(refused.value)


NO_PLACE = [
    ("metres", box(500_000, 3_800_000, 510_000, 3_810_000), ["510000.0", "not WGS 84", "grids build"]),
    ("infinite", Polygon([(119, 34), (math.inf, 34.1), (119.2, 34)]), ["inf, 34.1", "no place", "draw it anew"]),
    ("not a number", Polygon([(119, 34), (math.nan, 34.1), (119.2, 34)]), ["nan, 34.1", "no place", "draw it anew"]),
]


@pytest.mark.parametrize(("outline", "says"), [row[1:] for row in NO_PLACE], ids=[row[0] for row in NO_PLACE])
@pytest.mark.parametrize("use", [build, check])
def test_a_point_that_is_no_place_is_refused(use: Callable[..., Any], outline: Polygon, says: list[str]) -> None:
    """Metres called degrees, infinity and NaN are refused, with feature, finest code, value and remedy."""
    frame = tracts()
    frame.loc[1, "geometry"] = outline
    with pytest.raises(BadGridFile) as refused:
        use(frame, NESTED)
    for part in ["the frame: feature 2 (101)", *says]:
        assert part in str(refused.value)


def test_a_point_without_degrees_is_refused() -> None:
    """A point so far off that its system leads nowhere on earth is refused, not made infinite."""
    frame = tracts().to_crs(32650)
    frame.loc[1, "geometry"] = box(1e30, 1e30, 2e30, 2e30)
    with pytest.raises(BadGridFile, match=r"feature 2 \(101\).*no place"):
        build(frame, NESTED)
    nowhere = tracts().set_crs('LOCAL_CS["site",UNIT["metre",1]]', allow_override=True)
    with pytest.raises(BadGridFile, match=r"site.*another system"):
        build(nowhere, NESTED)


def test_a_list_for_a_code_is_a_text(tmp_path: Path) -> None:
    """GeoJSON allows lists as properties; as a code such a one is as good as any other text."""
    collection = json.loads(tracts().iloc[:2].to_json())
    collection["features"][0]["properties"]["tract"] = [1, 2]
    path = tmp_path / "lists.geojson"
    path.write_text(json.dumps(collection), encoding="utf-8")
    assert "[1" in build(path, NESTED).finest[1].code


def test_a_ring_of_one_point_is_refused_by_feature(tmp_path: Path) -> None:
    """An outline that is no ring at all names its feature, not just the file."""
    collection = json.loads(tracts().to_json())
    collection["features"][2]["geometry"]["coordinates"] = [[[119, 35]]]
    path = tmp_path / "ring.geojson"
    path.write_text(json.dumps(collection), encoding="utf-8")
    with pytest.raises(BadGridFile, match=r"ring\.geojson: feature 3 .*Polygon"):
        build(path, NESTED)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("grids.geojson", b"{"),
        ("grids.geojson.gz", b"not packed"),
        ("cut.geojson.gz", gzip.compress(b"{}" * 100, mtime=0)[:20]),
        ("junk.geojson.gz", gzip.compress(b"{}", mtime=0)[:10] + b"\xff" * 20),
        ("grids.shp", b"\x00" * 50),
        ("grids.csv", b"code,name\n1,a\n"),
        ("named.csv", b"code,geometry,crs\n1,POLYGON EMPTY,4326\n"),
        ("grids.xyz", b"?"),
    ],
)
def test_what_is_no_gis_file_is_refused_by_name(name: str, content: bytes, tmp_path: Path) -> None:
    """Broken, cut, empty of geometry or of another kind: the sentence names the file."""
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(BadGridFile, match=name):
        build(path)
    with pytest.raises(BadGridFile, match=r"absent\.gpkg"):
        build(tmp_path / "absent.gpkg")


def test_more_levels_than_four_are_refused() -> None:
    """Grids have at most four levels."""
    with pytest.raises(BadGridFile, match="at most 4 levels"):
        build(tracts(), Columns(codes=("district",) * 5))
    with pytest.raises(BadGridFile, match="at least one"):
        build([])


def test_column_names_must_be_a_tuple() -> None:
    """One text for the codes is a slip that would be read letter by letter, so it is refused."""
    with pytest.raises(TypeError, match="tuple"):
        Columns(codes="geoid")  # type: ignore[arg-type]


def test_a_level_column_that_is_no_level_is_refused(tmp_path: Path) -> None:
    """In a file of all levels each feature says its level, from 1 to 4."""
    feature = {
        "type": "Feature",
        "properties": {"code": "A", "level": "top", "parent": None},
        "geometry": shapely.geometry.mapping(box(119, 35, 119.1, 35.1)),
    }
    path = tmp_path / "all.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}), encoding="utf-8")
    with pytest.raises(BadGridFile, match="'top'"):
        build(path)
