"""What happened between two moments of the past, in the order in which the screens heard it.

The same events as those of the feed, each with its time, so that a browser which has the picture of the first moment
plays on to the second. Fixes come as the last of each patrol in every step: who plays at 60× needs one a minute.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any

import msgspec

from streams.archive.past import Picture, days_of, fix_item
from streams.archive.reading import FIX, Archive
from streams.codec import millis
from streams.snapshot import EVENT_NAMES, PERSONAL

LONGEST = timedelta(minutes=10)
Item = dict[str, Any]
_items = msgspec.json.Decoder(list[Item]).decode
CHANGES = """
    SELECT epoch_ms(c.at), patrols, cases, alerts, devices, notices FROM changes c
    WHERE c.at > ? AND c.at <= ? ORDER BY ms, seq
"""
MOVED = f"""
    SELECT (epoch_ms(received) - ? - 1) // ? AS step, device, max_by({FIX}, fixed)
    FROM fixes WHERE received > ? AND received <= ? GROUP BY step, device ORDER BY step
"""
NAMES = {"patrols": "patrols", **EVENT_NAMES}


def between(
    archive: Archive, start: datetime, end: datetime, step: timedelta, picture: Picture = lambda image: image
) -> list[Item]:
    """`{"at": epoch ms, "event": name, "items": […]}` of everything after `start` up to and with `end` (aware, at most
    `LONGEST` apart); a fix is said at the end of its step. Nothing personal is in it."""
    with archive.open(days_of(archive, start, end), ("changes", "tracks"), within=(start, end)) as found:
        said = _changed(found.execute(CHANGES, [start, end]).fetchall(), picture)
        wide, first = max(1, round(step.total_seconds() * 1000)), millis(start)
        rows = found.execute(MOVED, [first, wide, start, end]).fetchall()
    moved: dict[int, list[Item]] = {}
    for n, device, fix in rows:
        moved.setdefault(n, []).append(fix_item(device, fix))
    fixes = [
        {"at": min(first + (n + 1) * wide, millis(end)), "event": "patrols", "items": items}
        for n, items in moved.items()
    ]
    return sorted([*said, *fixes], key=itemgetter("at"))


def _changed(rows: Iterable[tuple[Any, ...]], picture: Picture) -> list[Item]:
    said = []
    for at, *parts in rows:
        for name, text in zip(NAMES, parts, strict=True):
            if text:
                items = [_shown(name, item, picture) for item in _items(text)]
                said.append({"at": at, "event": NAMES[name], "items": items})
    return said


def _shown(name: str, item: Item, picture: Picture) -> Item:
    """An item as a browser may see it."""
    if name in ("cases", "alerts"):
        item["image"] = picture(item.get("image"))
    return {key: value for key, value in item.items() if key not in PERSONAL} if name == "cases" else item
