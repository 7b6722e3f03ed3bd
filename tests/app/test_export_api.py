"""The API gives the same files, to who may see cases, without a contact, and says no clearly."""

from __future__ import annotations

import csv
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import geopandas
import pytest
from fastapi.testclient import TestClient
from playwright.sync_api import Page

from app import export
from app.centre import Centre
from app.exporting.columns import COLUMNS
from app.exporting.selection import KINDS
from app.exporting.writing import MEDIA, formats
from tests.app.conftest import PASSWORD, report
from tests.app.test_export import CONTACT, exported
from tests.app.test_export import lived as lived

Headers = Callable[[str], dict[str, str]]


@pytest.mark.parametrize("kind", KINDS)
def test_every_format_is_the_file_of_the_command(
    lived: Centre, web: TestClient, as_role: Headers, tmp_path: Path, kind: str
) -> None:
    """Byte for byte where the format has no time of making in it; with a name and the right type."""
    headers = as_role("supervisor")
    for form in formats(kind):
        answer = web.get(f"/api/v1/export/{kind}.{form}", headers=headers)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == MEDIA[form]
        name = f"gridpost-{lived.settings.site}-{kind}.{form}"
        assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
        if form not in ("xlsx", "gpkg"):
            assert answer.content == exported(lived, tmp_path / f"x.{form}", kind).read_bytes()
        assert CONTACT.encode() not in answer.content
    (tmp_path / "read.gpkg").write_bytes(web.get(f"/api/v1/export/{kind}.gpkg", headers=headers).content)
    answer = web.get(f"/api/v1/export/{kind}.csv?lang=en", headers=headers)
    _, *rows = csv.reader(StringIO(answer.content.decode("utf-8-sig"), newline=""))
    assert len(geopandas.read_file(tmp_path / "read.gpkg", layer=kind)) == len(rows) > 0


def test_a_name_says_what_the_file_is(lived: Centre, web: TestClient, as_role: Headers) -> None:
    """Site, kind and span, in signs that every system takes."""
    span = "from=2026-01-01&to=2026-01-02T08:00:00%2B08:00"
    answer = web.get(f"/api/v1/export/cases.csv?{span}", headers=as_role("leader"))
    name = f"gridpost-{lived.settings.site}-cases-2026-01-01_2026-01-02T0800000800.csv"
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'


def test_a_leader_reads_no_free_text(lived: Centre, web: TestClient, as_role: Headers) -> None:
    """As in the lists: nobody's words, but everything else; others have them with numbers masked."""
    keys = [column.key for column in COLUMNS["events"]]

    def texts(role: str) -> set[str]:
        answer = web.get("/api/v1/export/events.csv", headers=as_role(role))
        _, *rows = csv.reader(StringIO(answer.content.decode("utf-8-sig"), newline=""))
        assert len(rows) == 5
        return {row[keys.index("text")] for row in rows}

    assert texts("leader") == {""}
    assert "电话 138****0000" in texts("operator")
    for form in ("parquet", "geojson", "xlsx", "gpkg"):
        answer = web.get(f"/api/v1/export/events.{form}", headers=as_role("leader"))
        assert "他说".encode() not in answer.content


def test_nobody_outside_the_desk_gets_a_file(lived: Centre, web: TestClient) -> None:
    """Neither without signing in nor with a department's or a patrol's account, which open no other list either."""
    assert web.get("/api/v1/export/cases.csv").status_code == 401
    now = lived.now()
    lived.accounts.add("dept", "department", PASSWORD, now, next(iter(lived.org.departments)))
    lived.accounts.add("walker", "field", PASSWORD, now, next(iter(lived.register.patrols)))
    for name in ("dept", "walker"):
        headers = {"Authorization": f"Bearer {lived.accounts.new_token(name)}"}
        assert web.get("/api/v1/export/cases.csv", headers=headers).status_code == 403
        assert web.get("/api/v1/daily.pdf", headers=headers).status_code == 403


WRONG = (
    ("cases.docx", "unknown_format"), ("cases.gpx", "unknown_format"), ("daily.csv", "unknown_kind"),
    ("contacts.csv", "unknown_kind"), ("cases.csv?state=cosed", "unknown_state"),
    ("cases.csv?grid=x", "unknown_grid"), ("tracks.csv?matter=x", "unknown_filter"),
    ("cases.csv?from=yesterday", "wrong_time"), ("cases.csv?from=2026-02-02&to=2026-02-01", "wrong_span"),
    ("cases.csv?lang=fr", "wrong_request"),
)  # fmt: skip


def test_what_cannot_be_given_is_said(web: TestClient, as_role: Headers) -> None:
    """A stable key and a sentence in both languages."""
    headers = as_role("administrator")
    for path, error in WRONG:
        answer = web.get(f"/api/v1/export/{path}", headers=headers)
        assert answer.status_code == 422
        assert answer.json()["error"] == error
        assert answer.json()["message_zh"]
        assert answer.json()["message_en"]


def test_a_selection_that_is_too_large_is_refused_with_its_size(
    lived: Centre, web: TestClient, as_role: Headers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """413, with how many rows there are, how many may be, and what to do; a filter makes it possible."""
    monkeypatch.setattr(export, "MOST_ROWS", 4)
    headers = as_role("operator")
    answer = web.get("/api/v1/export/cases.csv", headers=headers)
    assert answer.status_code == 413
    said = answer.json()
    assert (said["error"], said["rows"], said["most"]) == ("too_many_rows", 5, 4)
    assert "gridpost export" in said["message_zh"]
    one = lived.queue.open_cases()[0].no
    assert web.get(f"/api/v1/export/cases.csv?case={one}", headers=headers).status_code == 200


def test_no_temporary_file_is_left(
    lived: Centre, web: TestClient, as_role: Headers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of an answer that was made as a file first."""
    (tmp_path / "t").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "t"))
    assert web.post("/api/v1/events", json=report(), headers=as_role("operator")).status_code < 300
    for form in ("xlsx", "gpkg", "csv"):
        assert web.get(f"/api/v1/export/cases.{form}", headers=as_role("operator")).status_code == 200
    assert list((tmp_path / "t").iterdir()) == []


@pytest.mark.browser
def test_the_menu_of_the_daily_page_saves_files(lived: Centre, open_now: None, page: Page) -> None:
    """It opens on a click, and each of its three links is a download with the day's name."""
    page.goto("/daily?lang=zh")
    day = lived.now().astimezone(lived.settings.tz).date()
    for text, name in (("日报 PDF", f"daily-{day}.pdf"), ("当日案件 Excel", f"cases-{day}.xlsx"),
                       ("当日案件 CSV", f"cases-{day}.csv")):  # fmt: skip
        page.click(".exports summary")  # it closes when something was chosen
        with page.expect_download() as waiting:
            page.click(f".exports a:has-text('{text}')")
        assert waiting.value.suggested_filename == f"gridpost-{lived.settings.site}-{name}"
        assert waiting.value.path().stat().st_size > 500
