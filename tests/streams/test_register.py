"""The register: three files, checked to the last cell."""

from __future__ import annotations

from pathlib import Path

import pytest

from geo.datums import from_wgs84
from geo.places import Position, metres
from streams.errors import BadSetting
from streams.model import Device, Patrol
from streams.register import EMPTY_REGISTER, Register, Source, load_register

DEVICES = """\
id,kind,name,name_en,source,external,lon,lat,bearing,loudspeaker,quantity,unit,period
cam-1,camera,东门,East Gate,video,gb-3402,119.2,35.1,270,true,,,300
lvl-1,sensor,"水位,北",Level,lora,0101,119.3,35.2,,,level,m,60
"""
PATROLS = """\
id,name,name_en,kind,squad,district,post,skills,phone,source,external
p-7,王,Wang,person,s1,d1,巡查岗,city; water,139,patrols,owntracks/wang/phone
b-1,海巡一号,Patrol boat 1,vessel,s2,d2,海巡岗,,,patrols,
"""
SOURCES = """\
id,name,name_en,kind,period
video,探头,Cameras,camera,300
lora,传感,Sensors,sensor,
patrols,巡防,Patrols,position,60
"""
TOWNS = Path(__file__).parents[2] / "data/towns"


def load(folder: Path, devices: str = DEVICES, patrols: str = PATROLS, sources: str = SOURCES) -> Register:
    """A register of three texts, as files in `folder`."""
    for name, text in (("devices", devices), ("patrols", patrols), ("sources", sources)):
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return load_register(folder / "devices.csv", folder / "patrols.csv", folder / "sources.csv")


def test_every_column_arrives(tmp_path: Path) -> None:
    """Devices, patrols and sources carry what their rows say, with what is empty left at its default."""
    register = load(tmp_path)
    assert register.devices["cam-1"] == Device(
        "cam-1", "camera", "东门", "East Gate", "video", Position(119.2, 35.1), 270, True, period=300,
        external="gb-3402",
    )  # fmt: skip
    assert register.devices["lvl-1"] == Device(
        "lvl-1", "sensor", "水位,北", "Level", "lora", Position(119.3, 35.2), None, False, "level", "m", 60, "0101"
    )
    assert register.patrols["p-7"] == Patrol(
        "p-7", "王", "Wang", "person", "s1", "d1", "巡查岗", ("city", "water"), "139", "patrols",
        "owntracks/wang/phone",
    )  # fmt: skip
    assert register.patrols["b-1"].skills == ()
    assert register.sources["lora"] == Source("lora", "传感", "Sensors", "sensor", 0.0)


def test_a_patrol_may_come_for_a_department(tmp_path: Path) -> None:
    """The column `department` may be absent; where it is, it arrives, and an empty cell is nobody's."""
    header, first, second = PATROLS.splitlines()
    register = load(tmp_path, patrols="\n".join((f"{header},department", f"{first},police", f"{second},")))
    assert [each.department for each in register.patrols.values()] == ["police", ""]
    assert load(tmp_path).patrols["p-7"].department == ""


def test_a_name_resolves_by_id_and_by_the_makers_name(tmp_path: Path) -> None:
    """Both lead to the same device or patrol; a name that nobody registered leads nowhere."""
    register = load(tmp_path)
    assert register.device("cam-1") == register.device("gb-3402") == register.devices["cam-1"]
    assert register.patrol("p-7") == register.patrol("owntracks/wang/phone") == register.patrols["p-7"]
    assert register.device("p-7") is None
    assert register.patrol("") is None
    assert EMPTY_REGISTER.device("cam-1") is None


def test_a_place_in_another_datum_is_converted_at_load(tmp_path: Path) -> None:
    """The optional column `datum` says what lon and lat are in; empty means WGS 84."""
    lon, lat = from_wgs84(119.2, 35.1, "gcj02")
    header, camera, sensor = DEVICES.splitlines()
    camera = camera.replace("119.2,35.1", f"{lon},{lat}")
    register = load(tmp_path, "\n".join((header + ",datum", camera + ",gcj02", sensor + ",")))
    assert metres(register.devices["cam-1"].position, Position(119.2, 35.1)) < 0.01
    assert register.devices["lvl-1"].position == Position(119.3, 35.2)


def test_a_spreadsheets_byte_order_mark_and_empty_lines_do_no_harm(tmp_path: Path) -> None:
    """Files saved by a spreadsheet are read as they are."""
    assert len(load(tmp_path, "\ufeff" + DEVICES + ",,,,,,,,,,,,\n\n").devices) == 2


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("cam-1,camera", "cam-1,robot", ["line 2", "column kind", "'robot'", "camera, sensor"]),
        ("cam-1,camera", ",camera", ["line 2", "column id", "fill it in"]),
        ("lvl-1", "cam-1", ["line 3", "column id", "'cam-1'", "its own id"]),
        ("cam-1", "cam/1", ["line 2", "column id", "'cam/1'", "topic"]),
        ("119.2", "east", ["line 2", "column lon", "'east'", "-180 to 180"]),
        ("119.2", "nan", ["line 2", "column lon", "'nan'"]),
        ("35.1", "95", ["line 2", "column lat", "'95'", "-90 to 90"]),
        ("119.2,35.1", "0,0", ["line 2", "lon", "without a fix"]),
        ("270", "361", ["line 2", "column bearing", "'361'", "degrees"]),
        ("true", "perhaps", ["line 2", "column loudspeaker", "'perhaps'", "true or false"]),
        (",300", ",-1", ["line 2", "column period", "'-1'", "seconds"]),
        ("video", "radio", ["column source", "'radio'", "video, lora, patrols"]),
        (",0101,", ",gb-3402,", ["column external", "'gb-3402'", "'cam-1'"]),
        (",0101,", ",cam-1,", ["column external", "'cam-1'"]),
        ('"水位,北"', "水位,北", ["line 3", "14 cells", "13", "quotes"]),
        ("bearing", "heading", ["line 1", "bearing", "missing"]),
        ("period", "period,colour", ["line 1", "'colour'", "not known"]),
        ("period", "period,lon", ["line 1", "'lon'", "twice"]),
    ],
)
def test_a_wrong_device_row_is_refused(tmp_path: Path, old: str, new: str, says: list[str]) -> None:
    """The sentence names the file, the line or row, the column, the value and the remedy."""
    with pytest.raises(BadSetting) as caught:
        load(tmp_path, DEVICES.replace(old, new, 1))
    for part in ["devices.csv", *says]:
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("person", "dog", ["line 2", "column kind", "'dog'", "person, vehicle, vessel"]),
        ("p-7,王", "p-7,", ["line 2", "column name", "fill it in"]),
        ("b-1", "cam-1", ["'cam-1'", "device", "its own id"]),
        ("patrols", "police", ["column source", "'police'"]),
    ],
)
def test_a_wrong_patrol_row_is_refused(tmp_path: Path, old: str, new: str, says: list[str]) -> None:
    """Patrols are checked in the same way."""
    with pytest.raises(BadSetting) as caught:
        load(tmp_path, patrols=PATROLS.replace(old, new, 1))
    for part in ["patrols.csv", *says]:
        assert part in str(caught.value)


def test_a_file_that_is_not_there_or_no_text_is_refused(tmp_path: Path) -> None:
    """No traceback for a wrong path or a file of another kind."""
    load(tmp_path)
    paths = [tmp_path / f"{name}.csv" for name in ("devices", "patrols", "sources")]
    with pytest.raises(BadSetting, match=r"nowhere\.csv cannot be read"):
        load_register(tmp_path / "nowhere.csv", *paths[1:])
    paths[0].write_bytes(DEVICES.encode("gb18030"))
    with pytest.raises(BadSetting, match="not UTF-8"):
        load_register(*paths)


@pytest.mark.parametrize("town", sorted(path.name for path in TOWNS.glob("*") if path.is_dir()))
def test_the_towns_of_this_repository_are_fine(town: str) -> None:
    """Each town's register loads, with devices, patrols and sources."""
    folder = TOWNS / town
    register = load_register(folder / "devices.csv", folder / "patrols.csv", folder / "sources.csv")
    assert register.devices
    assert register.patrols
    assert register.sources
