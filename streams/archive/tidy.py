"""Small files become large ones, days that are over are frozen, what is older than it is kept goes.

Each step writes new files and commits; what the new ones replace is named no more, and goes a little later
(`follow.py`), since somebody may still be reading it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from streams.archive.keeping import DONE_AGAIN
from streams.archive.rows import sorted_as_kept
from streams.archive.schema import KINDS
from streams.archive.store import Head, Part, Store
from streams.codec import local_day, millis, moment

GRACE = timedelta(minutes=10)
"""A day or an hour is over when so much more has passed: what comes later is a late row, and harmless."""
HOUR_MS = 3_600_000
APART = ("contacts",)
"""Kinds that are in no version of a day: what must be deleted when somebody asks for it cannot be frozen."""
MANY = 40
"""So many small files of a kind are put together while their day runs."""
LARGE = 200_000
"""A file of so many rows is not small: until its day is over it stays as it is, else the whole day would be written
again each time."""


def tidy(store: Store, head: Head, now: datetime, tz: tzinfo, keep_days: Mapping[str, int]) -> Head:
    """Do what is due by `now`; returns what is valid then."""
    head = _gather(store, head, now, tz)
    today = local_day(now - GRACE, tz)
    for day in sorted({part.day for part in head.parts if part.kind not in APART}):
        if day < today and _read_past(head, day, tz):
            head = freeze(store, head, day, tz)
    return _drop(store, head, now, tz, keep_days)


def _read_past(head: Head, day: str, tz: tzinfo) -> bool:
    """Whether the archive has committed anything after the day."""
    return local_day(moment(head.at), tz) > day


def freeze(store: Store, head: Head, day: str, tz: tzinfo) -> Head:
    """Make a numbered version of a day: one file a kind, tracks by the hour."""
    version, open_parts = head.frozen.get(day, 0) + 1, set(head.parts)
    sources: dict[tuple[str, int | None], list[Part]] = defaultdict(list)
    for part in store.parts(day, head):
        if part.kind in APART:
            continue
        for hour in _hours(store, part, tz):
            sources[part.kind, hour].append(part)
    parts = []
    for (kind, hour), found in sorted(sources.items(), key=str):
        if len(found) == 1 and found[0] not in open_parts:
            parts.append(found[0])  # nothing came for it: the file of a version before
            continue
        name = f"v{version}/{kind}" + ("" if hour is None else f"-{hour:02d}")
        parts.append(store.write(_together(store, kind, found, hour, tz), kind, day, name, hour))
    store.freeze(day, version, parts)
    head = msgspec.structs.replace(
        head, parts=tuple(part for part in head.parts if part.day != day or part.kind in APART),
        frozen={**head.frozen, day: version}, serial=head.serial + 1,
    )  # fmt: skip
    store.commit(head)
    return head


def forget(store: Store, head: Head, no: str) -> Head:
    """Delete who reported a case. The rest of the case stays as it is."""
    written, parts, replaced = 0, [], []
    serial = head.serial + 1
    for part in head.parts:
        rows = _read(store, part) if part.kind == "contacts" else None
        if rows is None or no not in rows["case"].to_pylist():
            parts.append(part)
            continue
        written += 1
        replaced.append(store.path(part))
        rows = rows.filter(pc.not_equal(rows["case"], no))
        if rows.num_rows:
            parts.append(store.write(rows, part.kind, part.day, f"parts/{part.kind}-{serial:08d}-{written}"))
    if not written:
        return head
    head = msgspec.structs.replace(head, parts=tuple(parts), serial=serial)
    store.commit(head)
    for path in replaced:
        path.unlink()
    return head


def _gather(store: Store, head: Head, now: datetime, tz: tzinfo) -> Head:
    """Tracks of hours that are over by the hour; of other kinds, many small files as one."""
    hour = millis(now - GRACE) // HOUR_MS * HOUR_MS
    kept: list[Part] = []
    groups: dict[tuple[str, str], list[Part]] = defaultdict(list)
    for part in head.parts:
        ready = part.hour is None and (part.end < hour if part.kind == "tracks" else part.rows < LARGE)
        if ready:
            groups[part.kind, part.day].append(part)
        else:
            kept.append(part)
    written: list[Part] = []
    serial = head.serial + 1
    for (kind, day), found in groups.items():
        if kind == "tracks":
            for each in sorted({h for part in found for h in _hours(store, part, tz) if h is not None}):
                rows = _together(store, kind, found, each, tz)
                written.append(store.write(rows, kind, day, f"parts/tracks-{serial:08d}-{each:02d}", each))
        elif len(found) >= MANY:
            rows = _together(store, kind, found, None, tz)
            written.append(store.write(rows, kind, day, f"parts/{kind}-{serial:08d}"))
        else:
            kept += found
    if not written:
        return head
    head = msgspec.structs.replace(head, parts=(*kept, *written), serial=serial)
    store.commit(head)
    return head


def _drop(store: Store, head: Head, now: datetime, tz: tzinfo, keep_days: Mapping[str, int]) -> Head:
    """Forget kinds of days that are older than they are kept: nothing names their files any more, so they go."""
    from_day = {kind: local_day(now - timedelta(days=days), tz) for kind, days in keep_days.items()}
    doable = max((from_day[kind] for kind in DONE_AGAIN if kind in from_day), default="")
    for path in store.checkpoints():
        if path.parent.name < doable:  # free text of cases is in it, and nothing can be done again from it any more
            path.unlink()
    old = [
        part for day in store.days(head) for part in store.parts(day, head) if day < from_day.get(part.kind, "")
    ]
    if not old:
        return head
    gone = set(old)
    head = msgspec.structs.replace(
        head, kept_from={**head.kept_from, **{kind: from_day[kind] for kind in {part.kind for part in old}}},
        parts=tuple(part for part in head.parts if part not in gone), serial=head.serial + 1,
    )  # fmt: skip
    store.commit(head)
    return head


def _hours(store: Store, part: Part, tz: tzinfo) -> Iterable[int | None]:
    """The local hours of which a file of tracks has rows; None for every other kind."""
    if part.kind != "tracks":
        return (None,)
    if part.hour is not None:
        return (part.hour,)
    received = pq.read_table(store.path(part), columns=["received"])
    return sorted({int(hour) for hour in np.unique(_local_hours(received, tz))})


def _local_hours(rows: pa.Table, tz: tzinfo) -> NDArray[np.int64]:
    """The local hour in which each was received; worked out once for each hour that occurs."""
    ms = rows["received"].cast(pa.int64()).to_numpy()
    whole, which = np.unique(ms // HOUR_MS, return_inverse=True)
    return np.array([moment(int(hour) * HOUR_MS).astimezone(tz).hour for hour in whole], dtype=np.int64)[which]


def _together(store: Store, kind: str, parts: Sequence[Part], hour: int | None, tz: tzinfo) -> pa.Table:
    """The rows of several files, of one local hour if it is given, sorted as the kind is kept; of cases the last row of
    each."""
    rows = pa.concat_tables([_read(store, part) for part in parts]).unify_dictionaries()
    if hour is not None:
        rows = rows.filter(pa.array(_local_hours(rows, tz) == hour))
    if kind == "cases":
        rows = rows.take(pc.sort_indices(rows, [("ms", "ascending"), ("seq", "ascending")]))
        last = {no: n for n, no in enumerate(rows["no"].to_pylist())}
        rows = rows.take(pa.array(sorted(last.values()), pa.int64()))
    return sorted_as_kept(kind, rows)


def _read(store: Store, part: Part) -> pa.Table:
    return pq.read_table(store.path(part), schema=KINDS[part.kind].schema)


