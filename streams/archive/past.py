"""The picture of the site as it was at any second: the last snapshot, and what changed since, folded again.

Only what is needed is opened: one snapshot is one row group of its file, files of other hours are left out by the times
that head.json has of them, and the streams are asked only for a moment that is not in a file yet. Fixes are not in
the changes but in the tracks: each patrol's last one before the moment, and for who draws them the last ten minutes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pyarrow.parquet as pq

from streams.archive.reading import FIX, Archive
from streams.archive.rows import stream_id
from streams.archive.store import Part
from streams.codec import days_between, local_day, millis, to_json
from streams.ledger import Change
from streams.model import Case
from streams.snapshot import TRAIL_MS, TRAIL_STEP_MS, Item, Snapshot, case_item
from streams.workflow import OPEN

PARTS = ("cases", "alerts", "devices", "patrols", "notices")
SKEW = timedelta(minutes=5)
"""How far the time at which a fix was received and that of its change may be apart; a fix folded twice does no harm."""
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
SNAPSHOT_DAYS = 7
"""A snapshot is looked for so many days back; before the first, the picture is empty."""
Picture = Callable[[str | None], str | None]
LATELY = """
    SELECT device, fixed, lon, lat, grid, course, speed, accuracy, registered
    FROM fixes WHERE received > ? AND received <= ?
"""
LAST = f"SELECT device, max_by({FIX}, fixed) FROM lately GROUP BY device"
TRAILS = """
    SELECT device, '[' || string_agg('[' || fixed || ',' || lon || ',' || lat || ']', ',' ORDER BY fixed) || ']'
    FROM (SELECT device, min(fixed) AS fixed, min_by(lon, fixed) AS lon, min_by(lat, fixed) AS lat
        FROM lately WHERE fixed > ? GROUP BY device, fixed // ?)
    GROUP BY device
"""


class _Kept(msgspec.Struct):
    """A picture as the archive keeps it."""

    id: str
    patrols: dict[str, Item]
    cases: list[Case]
    alerts: dict[str, Item]
    devices: dict[str, Item]


_decode = msgspec.json.Decoder(_Kept).decode


def kept(snapshot: Snapshot) -> str:
    """A picture as the archive keeps it, JSON: without trails, which are in the tracks, and without what is over."""
    cases = [case_item(case) for case in snapshot.cases.values() if case.state in OPEN]
    return to_json(
        {"id": snapshot.id, "patrols": snapshot.patrols, "cases": cases, "alerts": snapshot.alerts,
         "devices": snapshot.devices}
    ).decode()  # fmt: skip


def restored(text: str | bytes, picture: Picture = lambda image: image) -> Snapshot:
    """The picture that `kept` wrote; `picture` gives the address under which a browser gets an image."""
    said = _decode(text)
    snapshot = Snapshot(picture)
    snapshot.id, snapshot.patrols, snapshot.devices = said.id, said.patrols, said.devices
    for case in said.cases:  # thousands: decoded as cases at once, not folded one by one
        snapshot.load_case(case)
    snapshot.fold(Change(said.id, {"alerts": to_json(list(said.alerts.values()))}))
    return snapshot


def at(
    archive: Archive, when: datetime, picture: Picture = lambda image: image, *, moves: bool = True,
    trails: bool = False,
) -> Snapshot:
    """The picture at an aware instant; empty before the first thing that is kept. `moves`: with the patrols' fixes;
    `trails`: with those of the last ten minutes as they are drawn, then nothing more can be folded on it."""
    days = [local_day(when - timedelta(days=back), archive.tz) for back in range(SNAPSHOT_DAYS)]
    snapshot, since = _last(archive, days, when, picture)
    have = archive.days()
    between = [day for day in days if day in have or day == days[0]] if since is None else days_of(archive, since, when)
    begin = since - SKEW if since else BEGINNING
    if trails:
        begin = min(begin, when - timedelta(milliseconds=TRAIL_MS))
        between = sorted({*between, local_day(begin, archive.tz)}) if since else between
    kinds = ("changes", "tracks") if moves else ("changes",)
    with archive.open(between, kinds, within=(begin, when)) as found:
        after = "WHERE (ms, seq) > (?, ?) AND c.at <= ? ORDER BY ms, seq"
        rows = found.execute(
            f"SELECT ms, seq, {', '.join(PARTS)} FROM changes c {after}", [*stream_id(snapshot.id), when]
        ).fetchall()
        for ms, seq, *parts in rows:
            texts = {name: part.encode() for name, part in zip(PARTS, parts, strict=True) if part}
            snapshot.fold(Change(f"{ms}-{seq}", texts))
        if moves:
            found.execute(f"CREATE TEMP TABLE lately AS {LATELY}", [begin, when])
            _move(snapshot, found)
        if trails:
            drawn = found.execute(TRAILS, [millis(when) - TRAIL_MS, TRAIL_STEP_MS]).fetchall()
            snapshot.drawn = {device: msgspec.Raw(line.encode()) for device, line in drawn}
    return snapshot


def newest(archive: Archive) -> tuple[Snapshot, int]:
    """The picture as the last file of the archive has it, and its time in epoch ms."""
    for day in reversed(archive.days()):
        with archive.open([day], ("changes", "snapshots"), tail=False) as found:
            both = "SELECT c.at FROM changes c UNION ALL SELECT s.at FROM snapshots s"
            row = found.execute(f"SELECT max(x.at) FROM ({both}) x").fetchone()
            last = row[0] if row else None
        if last is not None:
            return at(archive, last), millis(last)
    return Snapshot(), 0


def _last(
    archive: Archive, days: Iterable[str], when: datetime, picture: Picture
) -> tuple[Snapshot, datetime | None]:
    """The newest snapshot not after `when`, and its time."""
    head, until = archive.store.head(), millis(when)
    for day in days:
        parts = [part for part in archive.store.parts(day, head) if part.kind == "snapshots" and part.begin <= until]
        found = max((row for part in parts for row in _pictures(archive, part, until)), default=None)
        if found is not None:
            (_, _, made, row, _), part = found, next(part for part in parts if part.file == found[4])
            return restored(_state(archive, part, row), picture), made
    return Snapshot(picture), None


def _pictures(archive: Archive, part: Part, until: int) -> Iterable[tuple[int, int, datetime, int, str]]:
    """The snapshots of a file that are not younger: stream id, time, row and file."""
    rows = pq.read_table(archive.store.path(part), columns=["ms", "seq", "at"])
    every = zip(rows["ms"].to_pylist(), rows["seq"].to_pylist(), rows["at"].to_pylist(), strict=True)
    return [(ms, seq, made, n, part.file) for n, (ms, seq, made) in enumerate(every) if millis(made) <= until]


def _state(archive: Archive, part: Part, row: int) -> str:
    """One snapshot's JSON: only the row group that holds it is read."""
    with pq.ParquetFile(archive.store.path(part)) as file:
        for group in range(file.num_row_groups):
            rows = file.metadata.row_group(group).num_rows
            if row < rows:
                return str(file.read_row_group(group, columns=["state"])["state"][row].as_py())
            row -= rows
    raise AssertionError(f"{part.file} has no row {row}: it was counted in the same file")


def days_of(archive: Archive, since: datetime, when: datetime) -> list[str]:
    """The local days from `since` to `when`, both included."""
    first, last = since.astimezone(archive.tz).date(), when.astimezone(archive.tz).date()
    return days_between(first, last)


def _move(snapshot: Snapshot, found: Any) -> None:
    """Each patrol's last fix that was believed."""
    items = [fix_item(device, fix) for device, fix in found.execute(LAST).fetchall()]
    if items:
        known = [_known(snapshot, item) for item in items]
        snapshot.fold(Change(snapshot.id, {"patrols": to_json(known)}))
        snapshot.trails.clear()  # one point each: they are drawn from the tracks, or not at all


def fix_item(device: str, fix: dict[str, Any]) -> dict[str, Any]:
    """A fix as the feed shows it. As 32 bit floats they are kept: nobody measures a course to a millionth of a
    degree."""
    rounded = {name: round(fix[name], 3) for name in ("course", "speed", "accuracy") if fix[name] is not None}
    return {"id": device, **fix, **rounded}


def _known(snapshot: Snapshot, item: dict[str, Any]) -> dict[str, Any]:
    """The fix, with the case and the state that the patrol has: a fix says nothing of them."""
    known = snapshot.patrols.get(item["id"], {})
    return {**item, "case": known.get("case", ""), "state": known.get("state", "free")}
