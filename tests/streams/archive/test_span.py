"""How much happened in the past, in steps: also on a day on which the clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from streams.archive.reading import Archive
from streams.archive.span import density
from streams.archive.store import Store


@pytest.mark.parametrize(("day", "hours"), [("2026-10-25", 25), ("2026-10-26", 24), ("2026-03-29", 23)])
def test_a_day_has_as_many_steps_as_it_is_long(tmp_path: Path, day: str, hours: int) -> None:
    """In a zone with summer time a day in October has 25 hours, one in March 23, and the last hour is there."""
    found = density(Archive(Store(tmp_path, "lane"), ZoneInfo("Europe/Berlin")), date.fromisoformat(day))
    assert len(found.cases) == len(found.acts) == hours * 12
    assert found.end.astimezone(UTC) - found.start.astimezone(UTC) == timedelta(hours=hours)
    assert found.end > datetime(2026, 1, 1, tzinfo=UTC)
