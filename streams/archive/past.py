"""The picture of the site as it was at any second: the last snapshot, and what changed since, folded again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from streams.archive.reading import Archive
from streams.archive.rows import stream_id
from streams.codec import local_day, millis, to_json
from streams.ledger import Change
from streams.snapshot import Snapshot, case_item
from streams.workflow import OPEN

PARTS = ("cases", "alerts", "devices", "patrols", "notices")
SKEW = timedelta(minutes=5)
"""How far the time at which a fix was received and that of its change may be apart; a fix folded twice does no harm."""
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
SNAPSHOT_DAYS = 7
"""A snapshot is looked for so many days back; before the first, the picture is empty."""


def kept(snapshot: Snapshot) -> str:
    """A picture as the archive keeps it, JSON: without trails, which are in the tracks, and without what is over."""
    cases = [case_item(case) for case in snapshot.cases.values() if case.state in OPEN]
    return to_json(
        {"id": snapshot.id, "patrols": snapshot.patrols, "cases": cases, "alerts": snapshot.alerts,
         "devices": snapshot.devices}
    ).decode()  # fmt: skip


def restored(text: str) -> Snapshot:
    """The picture that `kept` wrote."""
    said: dict[str, Any] = msgspec.json.decode(text)
    snapshot = Snapshot()
    snapshot.id, snapshot.patrols, snapshot.alerts = said["id"], said["patrols"], said["alerts"]
    snapshot.devices = said["devices"]
    snapshot.fold(Change(said["id"], {"cases": to_json(said["cases"])}))
    return snapshot


def at(archive: Archive, when: datetime) -> Snapshot:
    """The picture at an aware instant; empty before the first thing that is kept."""
    days = [local_day(when - timedelta(days=back), archive.tz) for back in range(SNAPSHOT_DAYS)]
    snapshot, since = _last(archive, days, when)
    have = archive.days()
    between = [day for day in days if day in have or day == days[0]] if since is None else _days(archive, since, when)
    with archive.open(between, ("changes", "tracks")) as found:
        after = "WHERE (ms, seq) > (?, ?) AND c.at <= ? ORDER BY ms, seq"
        rows = found.execute(
            f"SELECT ms, seq, {', '.join(PARTS)} FROM changes c {after}", [*stream_id(snapshot.id), when]
        ).fetchall()
        for ms, seq, *parts in rows:
            texts = {name: part.encode() for name, part in zip(PARTS, parts, strict=True) if part}
            snapshot.fold(Change(f"{ms}-{seq}", texts))
        _move(snapshot, found, since - SKEW if since else BEGINNING, when)
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


def _last(archive: Archive, days: list[str], when: datetime) -> tuple[Snapshot, datetime | None]:
    """The newest snapshot not after `when`, and its time."""
    for day in days:
        with archive.open([day], ("snapshots",), tail=False) as found:
            row = found.execute(
                "SELECT state, s.at FROM snapshots s WHERE s.at <= ? ORDER BY ms DESC, seq DESC LIMIT 1", [when]
            ).fetchone()
        if row:
            return restored(row[0]), row[1]
    return Snapshot(), None


def _days(archive: Archive, since: datetime, when: datetime) -> list[str]:
    """The local days from `since` to `when`, both included."""
    first, last = since.astimezone(archive.tz).date(), when.astimezone(archive.tz).date()
    return [(first + timedelta(days=n)).isoformat() for n in range((last - first).days + 1)]


def _move(snapshot: Snapshot, found: Any, since: datetime, until: datetime) -> None:
    """Each patrol's last fix that was believed."""
    rows = found.execute(
        """
        SELECT device, max_by({'at': epoch_ms(t.at), lon: (round(geometry.x * 1e7) + dx) / 1e7,
                   lat: (round(geometry.y * 1e7) + dy) / 1e7, grid: grid, course: course, speed: speed,
                   accuracy: accuracy, registered: flags NOT LIKE '%unregistered%'}, t.at)
        FROM tracks t WHERE received > ? AND received <= ? AND flag = '' GROUP BY device
        """,
        [since, until],
    ).fetchall()
    items = [{"id": device, **fix} for device, fix in rows]
    for item in items:  # as 32 bit floats they are kept; nobody measures a course to a millionth of a degree
        item |= {name: round(item[name], 3) for name in ("course", "speed", "accuracy") if item[name] is not None}
    if items:
        snapshot.fold(Change(snapshot.id, {"patrols": to_json([_known(snapshot, item) for item in items])}))


def _known(snapshot: Snapshot, item: dict[str, Any]) -> dict[str, Any]:
    """The fix, with the case and the state that the patrol has: a fix says nothing of them."""
    known = snapshot.patrols.get(item["id"], {})
    return {**item, "case": known.get("case", ""), "state": known.get("state", "free")}
