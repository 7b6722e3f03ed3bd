"""Requests that nobody of this project made, replayed as one day: the indicators are what pandas counts from the file.

New York's are of one day; San Francisco's, of many years, keep their time of day and how long they took.
Their times and places stay as dirty as they are. A made-up list with the same faults is tested where the files are
not.
"""

from __future__ import annotations

import io
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from streams.archive.reading import Archive
from streams.indicators.counting import Counting, midnight, span
from streams.indicators.groups import Group
from streams.model import Case, Clock, State
from tests.streams.indicators.kept import DAY, keep

DATA = Path(__file__).parents[3] / "../shared/data/cases"
NEW_YORK, SAN_FRANCISCO = ZoneInfo("America/New_York"), ZoneInfo("America/Los_Angeles")
LIMIT_H = 4
"""Each is to be handled within four hours."""
DAYS = 5
"""So many days are looked at; what was closed later is open at the cut-off."""
MADE_UP = """no,created,closed,kind,channel,lat,lon
1,2026-03-01 08:00:00,2026-03-01 09:30:00,noise,PHONE,40.80,-73.90
2,2026-03-01 08:10:00,2026-03-01 08:05:00,noise,ONLINE,40.81,-73.91
3,2026-03-01 12:00:00,,water,MOBILE,0.0,0.0
4,2026-03-01 13:00:00,2026-03-02 00:30:00,water,PHONE,40.82,
5,2026-03-01 23:59:59,2026-03-04 10:00:00,rubbish,PHONE,0.0,-73.90
6,2026-03-01 00:00:00,2026-03-01 03:59:59,rubbish,MOBILE,40.84,-73.93
7,2026-03-01 20:30:00,2026-03-02 00:30:00,rubbish,MOBILE,40.84,-73.93
"""


def made_up() -> pd.DataFrame:
    """A few, written by hand."""
    found = pd.read_csv(io.StringIO(MADE_UP), dtype={"no": str})
    for name in ("created", "closed"):
        found[name] = pd.to_datetime(found[name]).dt.tz_localize(NEW_YORK)
    return found


def new_york() -> pd.DataFrame:
    """924 of 1 May 2022; some without a place."""
    raw = pd.read_csv(_there("nyc311_924.csv"), dtype=str)
    time = {"format": "%m/%d/%Y %I:%M:%S %p"}
    return pd.DataFrame({
        "no": raw["Unique Key"], "created": pd.to_datetime(raw["Created Date"], **time).dt.tz_localize(NEW_YORK),
        "closed": pd.to_datetime(raw["Closed Date"], **time).dt.tz_localize(NEW_YORK), "kind": raw["Complaint Type"],
        "channel": raw["Open Data Channel Type"], "lat": raw["Latitude"].astype(float),
        "lon": raw["Longitude"].astype(float),
    })  # fmt: skip


def san_francisco() -> pd.DataFrame:
    """10,000 of many years."""
    raw = pd.read_csv(_there("sf_311_service_requests.csv.gz"), dtype=str)
    times = {name: pd.to_datetime(raw[f"{name}_date"], format="ISO8601", utc=True).dt.tz_convert(SAN_FRANCISCO)
             for name in ("created", "closed")}  # fmt: skip
    return pd.DataFrame({
        "no": raw["unique_key"], **times, "kind": raw["complaint_type"], "channel": raw["source"],
        "lat": raw["latitude"].astype(float), "lon": raw["longitude"].astype(float),
    })  # fmt: skip


def _there(name: str) -> Path:
    if not (DATA / name).exists():
        pytest.skip("the real inputs are not beside the project")
    return DATA / name


def as_one_day(requests: pd.DataFrame, tz: ZoneInfo) -> pd.DataFrame:
    """All of them on DAY, in epoch milliseconds: the time of day as it was, and how long each took."""
    zero = pd.Timestamp(midnight(DAY, tz))
    naive = requests["created"].dt.tz_localize(None)
    created = zero + (naive - naive.dt.normalize())
    closed = created + (requests["closed"] - requests["created"])
    epoch = pd.Timestamp(0, tz="UTC")
    out = requests.assign(**{
        "created": ((created - epoch) // pd.Timedelta(milliseconds=1)).astype("int64"),
        "closed": ((closed - epoch) // pd.Timedelta(milliseconds=1)).astype("Int64"),
    })  # fmt: skip
    return out.assign(due=out["created"] + LIMIT_H * 3_600_000)


def replayed(requests: pd.DataFrame, folder: Path, tz: ZoneInfo) -> Archive:
    """An archive in which each came in, and was closed if it was within the days that are looked at."""
    end = _ms(DAYS, tz)
    changes: list[tuple[int, Case]] = []
    for row in requests.itertuples():
        created, closed = int(row.created), None if pd.isna(row.closed) else int(row.closed)
        placed = not (pd.isna(row.lat) or pd.isna(row.lon))
        known: dict[str, Any] = {
            "no": str(row.no), "version": 1, "matter": str(row.kind), "priority": 3, "received": created,
            "origin": "device" if row.channel == "MOBILE" else "resident", "lon": row.lon if placed else None,
            "lat": row.lat if placed else None,
        }  # fmt: skip
        clock = Clock("handle", created, int(row.due))
        changes.append((created, Case(state=State.ACCEPTED, clocks=(clock,), **known)))
        if closed is not None and closed < end:
            stopped = Clock("handle", created, int(row.due), closed)
            changes.append(
                (max(closed, created + 1), Case(state=State.CLOSED, clocks=(stopped,), closed=closed, **known))
            )
    return keep(folder, changes, tz=tz)


def _ms(days: int, tz: ZoneInfo) -> int:
    return int(midnight(DAY + timedelta(days=days), tz).timestamp() * 1000)


def by_pandas(requests: pd.DataFrame, first: int, last: int, tz: ZoneInfo) -> dict[str, float | None]:
    """The same figures of the days `first` to `last` (0 = DAY), from the table alone."""
    begin, end = _ms(first, tz), _ms(last + 1, tz)
    it = requests
    shut = it["closed"].where(it["closed"] < max(end, 0)) if len(it) else it["closed"]
    came = it[(it["created"] >= begin) & (it["created"] < end)]
    due = it[(it["due"] >= begin) & (it["due"] < end)]
    due_shut = shut[due.index]
    gone = it[(shut >= begin) & (shut < end)]
    took = (gone["closed"] - gone["created"]) / 1000
    on_time = int((due_shut <= due["due"]).sum())
    return {
        "reported": len(came), "reported_device": int((came["channel"] == "MOBILE").sum()),
        "settled": int(shut[came.index].notna().sum()), "still_open": int(shut[came.index].isna().sum()),
        "due": len(due), "due_closed": int(due_shut.notna().sum()), "closed_on_time": on_time,
        "closing_rate": due_shut.notna().mean() if len(due) else None,
        "on_time_closing_rate": on_time / len(due) if len(due) else None, "closed": len(gone),
        "mean_handling": float(took[took >= 0].mean()) if (took >= 0).any() else None,
        "fault_negative_duration": int((shut[came.index] < came["created"]).sum()),
        "fault_place_zero": int(((came["lat"] == 0) & (came["lon"] == 0)).sum()),
    }  # fmt: skip


@pytest.mark.parametrize(("read", "tz"), [(made_up, NEW_YORK), (new_york, NEW_YORK), (san_francisco, SAN_FRANCISCO)])
def test_the_indicators_are_what_pandas_counts(read: Any, tz: ZoneInfo, tmp_path: Path) -> None:
    """The day itself as it stood at its end, the days after it, all of them, and every kind of request."""
    requests = as_one_day(read(), tz)
    archive, now = replayed(requests, tmp_path, tz), midnight(DAY + timedelta(days=30), tz)
    for first, last in ((0, 0), (1, 1), (0, DAYS - 1)):
        asked = span(DAY + timedelta(days=first), DAY + timedelta(days=last), tz, now)
        (row,) = Counting(archive, asked).figures()
        assert {**row.figures, **_approx(by_pandas(requests, first, last, tz))} == row.figures
    asked = span(DAY, DAY, tz, now)
    groups = {row.key: row.figures for row in Counting(archive, asked, by=Group("matter", "matter")).figures()}
    for kind, some in requests.groupby("kind"):
        assert {**groups[kind], **_approx(by_pandas(some, 0, 0, tz))} == groups[kind], kind


@pytest.mark.parametrize(("read", "tz"), [(made_up, NEW_YORK), (san_francisco, SAN_FRANCISCO)])
def test_dirty_requests_are_faults(read: Any, tz: ZoneInfo, tmp_path: Path) -> None:
    """Exactly those that were closed before they were created, and those at 0, 0, are opened as faults."""
    requests = as_one_day(read(), tz)
    archive, now = replayed(requests, tmp_path, tz), midnight(DAY + timedelta(days=30), tz)
    counting = Counting(archive, span(DAY, DAY + timedelta(days=DAYS - 1), tz, now))
    back = set(requests[requests["closed"] < requests["created"]]["no"])
    nowhere = set(requests[(requests["lat"] == 0) & (requests["lon"] == 0)]["no"])
    assert (len(back), len(nowhere)) == ((17, 4264) if len(requests) == 10_000 else (1, 1))
    assert {each.no for each in counting.cases_of("fault_negative_duration")} == back
    assert {each.no for each in counting.cases_of("fault_place_zero")} == nowhere
    assert min(each.value for each in counting.cases_of("mean_handling") if each.value is not None) >= 0


def _approx(figures: dict[str, float | None]) -> dict[str, Any]:
    return {name: pytest.approx(figure) if isinstance(figure, float) else figure for name, figure in figures.items()}
