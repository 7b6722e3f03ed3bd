"""`simulate --day`: a past day as fast as it goes, told in lines; a day that is not over is refused."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

from app.config import ROOT, Settings
from app.playing import played
from tests.app.test_cli import gridpost


def test_the_lines_tell_what_came_in_and_why_what_is_open_is_open() -> None:
    """Half an hour after midnight: the inflow reconciles, and every open case has its line."""
    town = ROOT / "data" / "towns" / "wanghai"
    settings = Settings(
        site="wanghai", grids=town / "grids.geojson", devices=town / "devices.csv", patrols=town / "patrols.csv",
        sources=town / "sources.csv", org=town / "org.toml",
    )  # fmt: skip
    lines = played(settings, date(2025, 11, 19), seed=1, operators=1, span=timedelta(minutes=30))
    assert lines[0].startswith("2025-11-19: ")
    assert "DOES NOT RECONCILE" not in lines[1]
    assert any(line.startswith("announce first: ") for line in lines)
    (opened,) = (n for n, line in enumerate(lines) if line.startswith("open: "))
    number = int(lines[opened].removeprefix("open: ").partition(",")[0])
    told = lines[opened + 1 :]
    assert len(told) == number
    assert all(line.startswith("  GP-20251119-") and line.partition(": ")[2] for line in told)


def test_a_day_that_is_not_over_is_refused(tmp_path: Path) -> None:
    """One sentence that names the day and what is accepted."""
    done = gridpost("simulate", "--day", "2999-01-01", cwd=tmp_path)
    assert done.returncode
    assert "2999-01-01 is not over yet" in done.stderr
    assert "Traceback" not in done.stderr
