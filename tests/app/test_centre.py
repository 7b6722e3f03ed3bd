"""The centre as opened from its settings."""

from __future__ import annotations

from datetime import date, time
from pathlib import Path

import pytest

from app.centre import open_centre, read_calendar
from app.config import Settings
from streams.calendar import WORK_HOURS
from streams.errors import BadSetting


def test_without_settings_the_calendar_is_the_official_one() -> None:
    """The default of the setting is the working hours of the rule, and 2027 is not known."""
    found = read_calendar(Settings())
    assert found.hours == WORK_HOURS
    assert found.works(date(2026, 10, 10)) == (True, True)
    assert found.works(date(2027, 3, 1)) == (True, False)


def test_the_calendar_file_and_the_working_hours_reach_the_workers(tmp_path: Path) -> None:
    """What the settings say of working time is what the desk of the workers counts by, in their zone."""
    path = tmp_path / "2027.toml"
    path.write_text("holidays = [2027-03-01]\nyears = [2027]\n")
    settings = Settings(
        redis_url="redis://127.0.0.1:1", calendar=path, work_hours="09:00-17:00", timezone="Asia/Urumqi",
        state_dir=tmp_path,
    )  # fmt: skip
    for calendar in (centre := open_centre(settings)).calendar, centre.desk().calendar:
        assert calendar.works(date(2027, 3, 1)) == (False, True)
        assert calendar.works(date(2027, 3, 2)) == (True, True)
        assert calendar.hours == ((time(9), time(17)),)
        assert str(calendar.tz) == "Asia/Urumqi"


def test_a_calendar_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """The refusal names the file."""
    with pytest.raises(BadSetting, match=r"none\.toml: cannot be read"):
        read_calendar(Settings(calendar=tmp_path / "none.toml"))
