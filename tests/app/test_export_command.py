"""`gridpost export`, as somebody types it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from app.centre import Centre
from tests.app.conftest import PASSWORD
from tests.app.test_cli import environment
from tests.app.test_export import CONTACT, exported
from tests.app.test_export import lived as lived

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(centre: Centre, tmp_path: Path) -> Run:
    """Run `gridpost export` in an empty directory; gives exit code and standard error."""
    (tmp_path / "out").mkdir()
    settings = environment(
        GRIDPOST_REDIS_URL=str(centre.settings.redis_url), GRIDPOST_SITE=centre.settings.site,
        GRIDPOST_STATE_DIR=str(centre.settings.state_dir),
    )  # fmt: skip

    def export(*arguments: str, said: str = "") -> tuple[int, str]:
        command = [sys.executable, "-m", "app.cli", "export", *arguments]
        done = subprocess.run(
            command, cwd=tmp_path / "out", env=settings, input=said, capture_output=True, text=True, timeout=120,
            check=False,
        )  # fmt: skip
        return done.returncode, done.stderr

    return export


def test_a_selection_becomes_a_file(lived: Centre, run: Run, tmp_path: Path) -> None:
    """The file of the archive, how many rows it has, and nothing else in the directory; once, unless forced."""
    today = lived.now().astimezone(lived.settings.tz).date().isoformat()
    asked = ("acts", "-o", "acts.csv", "--from", today, "--to", today, "--kind", "verify,accept")
    code, said = run(*asked)
    assert (code, said) == (0, "Wrote 2 acts to acts.csv.\n")
    lines = (tmp_path / "out" / "acts.csv").read_text("utf-8-sig").splitlines()
    assert [line for line in lines if "李队" in line] == lines[1:]
    code, said = run(*asked)
    assert code == 1
    assert "acts.csv exists already" in said
    assert run(*asked, "--force")[0] == 0
    code, said = run("tracks", "-o", "tracks.gpx", "--lang", "en")
    assert (code, said) == (0, "Wrote 10 tracks to tracks.gpx.\n")
    whole = exported(lived, tmp_path / "x.gpx", "tracks", lang="en").read_bytes()
    assert (tmp_path / "out" / "tracks.gpx").read_bytes() == whole
    assert sorted(each.name for each in (tmp_path / "out").iterdir()) == ["acts.csv", "tracks.gpx"]


def test_the_daily_report_becomes_a_pdf(lived: Centre, run: Run, tmp_path: Path) -> None:
    """Of a day that is kept; of another, a sentence and no file."""
    today = lived.now().astimezone(lived.settings.tz).date().isoformat()
    assert run("daily", "--day", today, "-o", "report.pdf")[0] == 0
    assert (tmp_path / "out" / "report.pdf").read_bytes().startswith(b"%PDF")
    code, said = run("daily", "--day", "2020-01-01", "-o", "old.pdf")
    assert code == 1
    assert "there is no report of 2020-01-01" in said
    assert not (tmp_path / "out" / "old.pdf").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("cases", "-o", "a.docx"), 1, ".csv, .geojson, .xlsx, .gpkg, .parquet"),
        (("cases", "-o", "no/a.csv"), 1, "no is no directory"),
        (("cases", "-o", "a.csv", "--grid", "x"), 1, "'x' is no grid"),
        (("patrols", "-o", "a.csv"), 2, "cases, events, acts, tracks, daily"),
        (("daily", "-o", "a.pdf", "--day", "soon"), 2, "'soon' is no day"),
        (("daily", "-o", "a.pdf", "--grid", "x"), 2, "of a whole day"),
        (("cases", "-o", "a.csv", "--with-contacts"), 2, "--as"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_one_sentence(
    run: Run, tmp_path: Path, arguments: tuple[str, ...], code: int, sentence: str
) -> None:
    """With what is possible; nothing is left behind."""
    found, said = run(*arguments)
    assert found == code
    assert sentence in said
    assert len(said.strip().splitlines()) == 1
    assert list((tmp_path / "out").iterdir()) == []


def test_contacts_leave_only_with_an_administrators_password(lived: Centre, run: Run, tmp_path: Path) -> None:
    """Neither a wrong password nor a right one of somebody else; then they are there, and who took them is said."""
    asked = ("events", "-o", "e.csv", "--with-contacts", "--password-stdin", "--as")
    for name, password in (("administrator", "wrong password"), ("supervisor", PASSWORD), ("nobody", PASSWORD)):
        code, said = run(*asked, name, said=password + "\n")
        assert code == 1
        assert "only by an administrator" in said
        assert list((tmp_path / "out").iterdir()) == []
    code, said = run(*asked, "administrator", said=PASSWORD + "\n")
    assert code == 0
    assert "administrator exported 5 events with contacts" in said
    assert (tmp_path / "out" / "e.csv").read_text("utf-8").count(CONTACT) == 5
