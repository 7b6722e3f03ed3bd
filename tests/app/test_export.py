"""What is exported is what the archive has: counted, compared, read again by the programs that will read it."""

from __future__ import annotations

import csv
import json
import re
import zipfile
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import geopandas
import pyarrow.parquet as pq
import pyogrio
import pytest

from app.centre import Centre, open_archive
from app.exporting.columns import COLUMNS
from app.exporting.names import names
from app.exporting.rows import Seen, opened
from app.exporting.selection import KINDS, Selection, instant, select
from app.exporting.writing import ExportRefused, ending, formats, whole, write
from streams import acts, ingest
from streams.acts import Asked
from streams.archive.follow import Keeper
from streams.codec import local_day, moment
from streams.desk import Desk
from streams.errors import Refused
from streams.model import Case
from streams.mqtt import Batch, Message
from streams.snapshot import Snapshot

CONTACT = "13912345678"
TEXTS = ('=HYPERLINK("http://x","点")', '他说"垃圾，很多"\n第二行', "-1,5；@某人", "电话 13812340000", "堃\t喆 < & >")
PLAIN = Seen()
GPX = "{http://www.topografix.com/GPX/1/1}"


def say(desk: Desk, kind: str, device: str, name: str, **body: Any) -> None:
    """One native message, through ingest."""
    payload = {"id": name, "at": desk.now().isoformat()} | body
    message = Message(f"gridpost/{desk.site}/{kind}/{device}", json.dumps(payload).encode(), desk.now())
    ingest.finish(Batch((message,), lambda: None), ingest.sort((message,), desk), desk)


@pytest.fixture
def lived(centre: Centre, desk: Desk) -> Centre:
    """Five reports of residents at five places, a reading, two patrols that walk, one case with acts; half of it is in
    the archive's files, half only in Redis."""
    keeper = Keeper(centre.queue, open_archive(centre).store, Snapshot)
    first = next(iter(centre.register.patrols))
    for n, text in enumerate(TEXTS):
        place = {"lon": 119.17 + n * 0.004, "lat": 34.94}
        say(desk, "report", "hotline", f"r{n}", category="exposed_rubbish", text=text, contact=CONTACT, **place)
        for patrol in (first, "stranger"):
            say(desk, "position", patrol, f"{patrol}{n}", lon=119.1700001 + n * 1e-4, lat=34.9400007, speed=1.5,
                at=(centre.now() - timedelta(minutes=8 * (5 - n))).isoformat())  # fmt: skip
        if n == 2:
            keeper.take()
            keeper.commit(centre.now())
    for case in centre.queue.open_cases()[:1]:
        for name, text in (("verify", "=1+1"), ("accept", "已核实，电话 13812340000")):
            asked = Asked(no=case.no, name=name, by="李队", role="supervisor", request=name, text=text)
            acts.do(desk, asked, desk.now())
    return centre


def exported(centre: Centre, path: Path, selection: Selection | str, seen: Seen = PLAIN, lang: Any = "zh") -> Path:
    """The selection as a file."""
    chosen = Selection(selection) if isinstance(selection, str) else selection
    with opened(open_archive(centre), chosen, centre.now(), names(centre, lang), seen) as rows:
        write(rows, lang, path.suffix[1:], path)
    return path


def kept(centre: Centre, query: str) -> list[tuple[Any, ...]]:
    """What the archive has, asked directly."""
    archive = open_archive(centre)
    today = local_day(centre.now(), centre.settings.tz)
    yesterday = local_day(centre.now() - timedelta(days=1), centre.settings.tz)
    with archive.open([yesterday, today]) as found:
        return found.execute(query).fetchall()


def read_csv(path: Path, kind: str) -> list[dict[str, str]]:
    """A CSV file as rows by key; the heads are those of the columns."""
    content = path.read_bytes()
    assert content.startswith(b"\xef\xbb\xbf"), "Excel needs the mark to see Chinese"
    heads, *rows = csv.reader(StringIO(content.decode("utf-8-sig"), newline=""))
    assert heads == [column.zh for column in COLUMNS[kind]]
    return [dict(zip([column.key for column in COLUMNS[kind]], row, strict=True)) for row in rows]


def test_csv_has_every_event_with_its_text(lived: Centre, tmp_path: Path) -> None:
    """Chinese, quotes and newlines come back as they were; a formula is defused, a telephone number masked, and the
    contact nowhere."""
    rows = read_csv(exported(lived, tmp_path / "e.csv", "events"), "events")
    asked = kept(lived, "SELECT id, json_extract_string(body, '$.text') FROM events ORDER BY ms, seq")
    assert [row["id"] for row in rows] == [one[0] for one in asked]
    said = {row["id"]: row["text"] for row in rows if row["kind"] == "report"}
    assert [said[f"r{n}"] for n in range(5)] == [
        "'" + TEXTS[0], TEXTS[1], "'" + TEXTS[2], "电话 138****0000", TEXTS[4],
    ]  # fmt: skip
    assert CONTACT not in (tmp_path / "e.csv").read_text("utf-8")


def test_times_carry_the_offset_of_the_site(lived: Centre, tmp_path: Path) -> None:
    """RFC 3339 in the site's zone, and the very instants of the archive."""
    rows = read_csv(exported(lived, tmp_path / "c.csv", "cases"), "cases")
    assert all(row["received"].endswith("+08:00") for row in rows)
    asked = kept(lived, "SELECT no, received, state FROM cases_now ORDER BY received, no")
    found = [(row["no"], datetime.fromisoformat(row["received"]), row["state"]) for row in rows]
    assert found == asked
    assert {row["state_name"] for row in rows} == {"待核实", "已受理"} or all(row["state_name"] for row in rows)
    assert {row["matter_name"] for row in rows} == {lived.matters.matters["exposed_rubbish"].name}


def test_excel_opens_typed_cells_under_a_head_that_stays(lived: Centre, tmp_path: Path) -> None:
    """Times and numbers are such, text is text also where it looks like a formula, the first row is frozen."""
    path = exported(lived, tmp_path / "e.xlsx", "events")
    with zipfile.ZipFile(path) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
        styles = book.read("xl/styles.xml").decode()
    assert 'topLeftCell="A2" activePane="bottomLeft" state="frozen"' in sheet
    assert "<f>" not in sheet
    assert 'quotePrefix="1"' in styles
    tree = ElementTree.fromstring(sheet)
    space = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
    rows = tree.findall(f".//{space}row")
    assert len(rows) == 1 + kept(lived, "SELECT count(*) FROM events")[0][0]
    cells = {re.sub(r"\d", "", cell.get("r", "")): cell for cell in rows[1]}
    first = next(iter(cells.values()))
    assert first.get("t") is None, "a time is a number to Excel"
    begin = datetime(1899, 12, 30) + timedelta(days=float(first.findtext(f"{space}v") or 0))  # noqa: DTZ001  Excel's
    asked = kept(lived, "SELECT received FROM events ORDER BY ms, seq LIMIT 1")[0][0]
    assert abs(begin - asked.astimezone(lived.settings.tz).replace(tzinfo=None)) < timedelta(seconds=1)
    texts = ["".join(cell.itertext()) for row in rows[1:] for cell in row]
    assert TEXTS[0] in texts
    assert TEXTS[1] in texts


def test_geojson_is_that_of_the_standard(lived: Centre, tmp_path: Path) -> None:
    """A feature collection of points, longitude first, without a CRS member; as many as fixes, each exact."""
    found = json.loads(exported(lived, tmp_path / "t.geojson", "tracks").read_text("utf-8"))
    assert found["type"] == "FeatureCollection"
    assert "crs" not in found
    places = [tuple(feature["geometry"]["coordinates"]) for feature in found["features"]]
    expected = [(round(119.1700001 + n * 1e-4, 7), 34.9400007) for n in range(5)]
    assert places == [*expected, *expected]
    assert {feature["properties"]["patrol"] for feature in found["features"]} == {
        next(iter(lived.register.patrols)), "stranger",
    }  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_geopackage_is_read_back(lived: Centre, tmp_path: Path, kind: str) -> None:
    """One layer with the name of the kind, EPSG:4326, as many features as rows, Chinese as it was."""
    path = exported(lived, tmp_path / "x.gpkg", kind)
    assert [name for name, _ in pyogrio.list_layers(path)] == [kind]
    frame = geopandas.read_file(path, layer=kind)
    assert frame.crs.to_epsg() == 4326
    view = "cases_now" if kind == "cases" else kind
    assert len(frame) == kept(lived, f"SELECT count(*) FROM {view}")[0][0] > 0
    if kind == "cases":
        asked = kept(lived, "SELECT no, geometry.x, geometry.y FROM cases_now ORDER BY received, no")
        assert [(no, at.x, at.y) for no, at in zip(frame["no"], frame.geometry, strict=True)] == asked
        assert set(frame["matter_name"]) == {lived.matters.matters["exposed_rubbish"].name}
        assert frame["received"].iloc[0].utcoffset() == timedelta(0)
    if kind == "events":
        assert TEXTS[1] in set(frame["text"])


def test_geoparquet_is_the_archive_itself(lived: Centre, tmp_path: Path) -> None:
    """All of the archive's columns with their types and the metadata that GIS programs read."""
    path = exported(lived, tmp_path / "x.parquet", "tracks")
    assert b"geo" in pq.read_schema(path).metadata
    frame = geopandas.read_parquet(path)
    asked = kept(lived, "SELECT device, dx, speed FROM tracks t ORDER BY device, ms, seq")
    assert list(frame[["device", "dx", "speed"]].itertuples(index=False, name=None)) == asked


def test_geoparquet_hides_what_the_others_hide(lived: Centre, tmp_path: Path) -> None:
    """Numbers in free text are masked also where the text stands in JSON; for who reads no free text there is none."""
    path = exported(lived, tmp_path / "x.parquet", "events")
    bodies = "".join(pq.read_table(path)["body"].to_pylist())
    assert "138****0000" in bodies
    assert "13812340000" not in bodies
    path = exported(lived, tmp_path / "y.parquet", "acts", Seen(free=False))
    table = pq.read_table(path)
    assert table["entry"].null_count == table["text"].null_count == len(table) > 0
    assert "13812340000" not in "".join(
        pq.read_table(exported(lived, tmp_path / "z.parquet", "acts"))["entry"].to_pylist()
    )


def test_gpx_is_that_of_its_schema(lived: Centre, tmp_path: Path) -> None:
    """Version 1.1 in its namespace, children in the order of the schema, a track a patrol, a segment a silence, times
    in UTC, every fix once."""
    tree = ElementTree.parse(exported(lived, tmp_path / "t.gpx", "tracks")).getroot()
    assert tree.tag == f"{GPX}gpx"
    assert tree.get("version") == "1.1"
    assert tree.get("creator")
    tracks = tree.findall(f"{GPX}trk")
    assert [child.tag for child in tree] == [f"{GPX}trk"] * 2 == [track.tag for track in tracks]
    for track in tracks:
        tags = [child.tag.removeprefix(GPX) for child in track]
        assert tags[:3] == ["name", "desc", "src"]
        assert tags[3:] == ["trkseg"] * 5, "eight minutes of silence end a segment"
        for point in track.iter(f"{GPX}trkpt"):
            assert -90 <= float(point.get("lat", "x")) <= 90
            assert -180 <= float(point.get("lon", "x")) < 180
            assert [child.tag.removeprefix(GPX) for child in point] == ["time", "extensions"]
            time = point.findtext(f"{GPX}time") or ""
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", time)
            assert all(not each.tag.startswith(GPX) for each in point[1])
    assert len(list(tree.iter(f"{GPX}trkpt"))) == kept(lived, "SELECT count(*) FROM tracks")[0][0]
    assert tracks[0].findtext(f"{GPX}name") == next(iter(lived.register.patrols.values())).name


@pytest.mark.parametrize("form", ["csv", "xlsx", "geojson", "gpkg", "parquet", "gpx"])
def test_nothing_selected_is_a_whole_file_with_nothing_in_it(lived: Centre, tmp_path: Path, form: str) -> None:
    """Heads, layer and schema are there."""
    nothing = select("tracks", lived.grids, lived.settings.tz, {"patrol": "nobody"})
    path = exported(lived, tmp_path / f"n.{form}", nothing)
    if form in ("gpkg", "geojson"):
        assert len(geopandas.read_file(path)) == 0
    elif form == "gpx":
        assert len(ElementTree.parse(path).getroot()) == 0
    elif form == "csv":
        assert read_csv(path, "tracks") == []
    assert path.stat().st_size > 20


def ids(centre: Centre, path: Path, kind: str, asked: dict[str, str], **span: str) -> list[str]:
    """The case numbers of a selection."""
    chosen = select(kind, centre.grids, centre.settings.tz, asked, **span)
    rows = read_csv(exported(centre, path / "s.csv", chosen), kind)
    return [row["no" if kind in ("cases", "acts") else "id"] for row in rows]


def test_filters_select(lived: Centre, tmp_path: Path) -> None:
    """By grid and what is below it, by state, matter and number; several values mean any of them."""
    cases: list[Case] = sorted(lived.queue.open_cases(), key=lambda case: (case.received, case.no))
    everything = [case.no for case in cases]
    assert ids(lived, tmp_path, "cases", {}) == everything
    for case in cases:
        for code in case.grids:
            inside = [one.no for one in cases if code in one.grids]
            assert ids(lived, tmp_path, "cases", {"grid": code}) == inside
    accepted = [case.no for case in cases if case.state == "accepted"]
    assert ids(lived, tmp_path, "cases", {"state": "accepted,closed"}) == accepted
    assert ids(lived, tmp_path, "cases", {"state": "closed"}) == []
    assert ids(lived, tmp_path, "cases", {"case": f"{everything[0]},{everything[2]}"}) == [everything[0], everything[2]]
    assert ids(lived, tmp_path, "acts", {"case": accepted[0], "kind": "accept"}) == accepted
    assert ids(lived, tmp_path, "acts", {"matter": "exposed_rubbish", "grid": cases[0].grids[0], "kind": "verify"})
    assert ids(lived, tmp_path, "events", {"kind": "alert"}) == []


def test_spans_select(lived: Centre, tmp_path: Path) -> None:
    """An instant in the middle parts what came before from what came at it and after; days are those of the site."""
    cases = sorted(lived.queue.open_cases(), key=lambda case: (case.received, case.no))
    middle = moment(cases[2].received).isoformat()
    before = ids(lived, tmp_path, "cases", {}, until=middle)
    after = ids(lived, tmp_path, "cases", {}, since=middle)
    assert (*before, *after) == tuple(case.no for case in cases)
    assert after[0] == cases[2].no or cases[1].received == cases[2].received
    tomorrow = (lived.now().astimezone(lived.settings.tz).date() + timedelta(days=1)).isoformat()
    assert ids(lived, tmp_path, "cases", {}, since=tomorrow) == []


def test_a_day_is_the_sites_day() -> None:
    """A day begins at its local midnight and, as an end, is included; an instant without offset is local."""
    from zoneinfo import ZoneInfo

    zone = ZoneInfo("Asia/Shanghai")
    assert instant("2026-11-22", zone) == datetime(2026, 11, 21, 16, tzinfo=UTC)
    assert instant("2026-11-22", zone, end=True) == datetime(2026, 11, 22, 16, tzinfo=UTC)
    assert instant("2026-11-22T08:00", zone) == datetime(2026, 11, 22, 0, tzinfo=UTC)
    assert instant("2026-11-22T08:00+01:00", zone) == datetime(2026, 11, 22, 7, tzinfo=UTC)
    assert instant("2026-11-22T08:00 01:00", zone) == datetime(2026, 11, 22, 7, tzinfo=UTC), "+ in an address"


@pytest.mark.parametrize(
    ("kind", "filters", "asked", "said"),
    [
        ("patrols", {}, {}, "cases, events, acts, tracks"),
        ("tracks", {"state": "closed"}, {}, "grid, patrol"),
        ("cases", {"state": "cosed"}, {}, "closed"),
        ("cases", {"grid": "nowhere"}, {}, "nowhere"),
        ("acts", {"kind": "fly"}, {}, "dispatch"),
        ("cases", {}, {"since": "2026-13-01"}, "2026-13-01"),
        ("cases", {}, {"since": "2026-11-02", "until": "2026-11-01"}, "after the beginning"),
    ],
)
def test_what_cannot_be_asked_is_refused(
    loaded: Centre, kind: str, filters: dict[str, str], asked: dict[str, str], said: str
) -> None:
    """With the value and what is possible; never an empty file for a mistyped word."""
    with pytest.raises(Refused, match=re.escape(said)):
        select(kind, loaded.grids, loaded.settings.tz, filters, **asked)


def test_an_unknown_ending_names_those_that_are_possible() -> None:
    """And GPX is for tracks only."""
    assert ending("tracks", Path("a.GPX")) == "gpx"
    with pytest.raises(ExportRefused, match=r"\.csv, \.geojson, \.xlsx, \.gpkg, \.parquet"):
        ending("cases", Path("a.gpx"))
    with pytest.raises(ExportRefused, match=r"\.pdf"):
        ending("daily", Path("a.csv"))
    assert "gpx" not in formats("acts")


def fail_halfway(path: Path) -> None:
    """Write half a file."""
    with whole(path, force=True) as written:
        written.write_text("half")
        raise RuntimeError("broken")


def test_a_file_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    """One that exists is not replaced unasked; one that fails leaves neither a piece nor touches what was there."""
    path = tmp_path / "a.csv"
    path.write_text("old")
    with pytest.raises(ExportRefused, match="--force"), whole(path, force=False):
        pytest.fail("must not begin")
    with pytest.raises(RuntimeError, match="broken"):
        fail_halfway(path)
    assert [each.read_text() for each in tmp_path.iterdir()] == ["old"]
    with whole(path, force=True) as written:
        written.write_text("new")
    assert [each.read_text() for each in tmp_path.iterdir()] == ["new"]
    with pytest.raises(ExportRefused, match="no directory"), whole(tmp_path / "none" / "a.csv", force=False):
        pytest.fail("must not begin")


def test_contacts_are_there_only_for_who_may_have_them(lived: Centre, tmp_path: Path) -> None:
    """Then as a column of events and of cases, and texts are not masked."""
    for kind in ("events", "cases"):
        path = exported(lived, tmp_path / f"{kind}.csv", kind, Seen(contacts=True))
        heads, *rows = csv.reader(StringIO(path.read_text("utf-8-sig"), newline=""))
        assert heads[-1] == "联系方式"
        assert [row[-1] for row in rows] == [CONTACT] * 5
    assert "电话 13812340000" in (tmp_path / "events.csv").read_text("utf-8")


def test_heads_and_names_are_english_on_request(lived: Centre, tmp_path: Path) -> None:
    """Heads, states and matters."""
    path = exported(lived, tmp_path / "c.csv", "cases", lang="en")
    heads, *rows = csv.reader(StringIO(path.read_text("utf-8-sig"), newline=""))
    assert heads == [column.en for column in COLUMNS["cases"]]
    matter = lived.matters.matters["exposed_rubbish"]
    assert {row[heads.index("Matter")] for row in rows} == {matter.name_en}


def test_progress_counts_every_row(lived: Centre, tmp_path: Path) -> None:
    """Whoever listens hears of all rows."""
    heard: list[int] = []
    chosen = Selection("tracks")
    with opened(open_archive(lived), chosen, lived.now(), names(lived, "zh"), Seen(), heard.append) as rows:
        assert rows.count() == 10
        write(rows, "zh", "csv", tmp_path / "t.csv")
    assert sum(heard) == 10
