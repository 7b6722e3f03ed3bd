"""A day as the archive has it, for a model: what came in, how long things took, who was where, and its real figures.

Only files are read, never the site's Redis: the same day gives the same model, and the running site cannot be touched.
What people decided about a report (void, the same as another, another matter, where it was) stays as they decided it;
it belongs to the event, so it holds under any settings.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import msgspec

from geo.places import Position
from streams.archive.reading import Archive
from streams.codec import millis, moment, to_json
from streams.errors import BadWish
from streams.model import EMPTY, Body, Case, Clock, Event, Flag, State
from streams.recommend import LOST_SECONDS
from streams.what_if.figures import Log

KINDS = ("events", "tracks", "acts", "cases", "journal")
COUNTED = ("events", "tracks", "acts")
_BODY = msgspec.json.Decoder(Body)
_CLOCKS = msgspec.json.Decoder(tuple[Clock, ...])
EVENTS = """
    SELECT source, id, device, epoch_ms(e.at), epoch_ms(received), body, geometry.x, geometry.y, flags, attributes,
           "case"
    FROM events e
    WHERE kind IN ('alert', 'report') OR (kind = 'reading' AND list_contains(?, quantity))
    ORDER BY ms, seq
"""
TRACKS = """
    SELECT device, epoch_ms(last.t) // 1000, (round(last.x * 1e7) + last.dx) / 1e7,
           (round(last.y * 1e7) + last.dy) / 1e7
    FROM (SELECT device, epoch_ms(t.at) // 60000 AS minute,
                 max_by({'t': t.at, 'x': geometry.x, 'y': geometry.y, 'dx': dx, 'dy': dy}, t.at) AS last
          FROM tracks t WHERE flag = '' GROUP BY ALL)
    ORDER BY device, minute
"""
DUTY = """
    SELECT device, epoch_ms(e.at) // 1000, state FROM events e WHERE state IN ('on_duty', 'off_duty') ORDER BY ms, seq
"""
ACTS = """
    SELECT no, epoch_ms(a.at), act, role, before, after, patrol FROM acts a ORDER BY ms, seq
"""
CASES = """
    SELECT no, matter, priority, state, origin, epoch_ms(received), alert, "into", geometry.x, geometry.y, clocks
    FROM cases_now WHERE received >= ? AND received < ? ORDER BY no
"""


class Outcome(msgspec.Struct, frozen=True):
    """What people decided about a case, by its number: its last state, the case it was merged into, its last matter
    and place."""

    no: str
    state: str
    into: str
    matter: str
    place: tuple[float, float] | None


class Act(msgspec.Struct, frozen=True):
    """An entry of the trace; `at` in epoch ms."""

    no: str
    at: int
    act: str
    role: str
    before: str
    after: str
    patrol: str


@dataclass(frozen=True)
class Track:
    """Where a patrol was, a fix a minute: epoch seconds and degrees; and when it signed on and off."""

    at: Sequence[int]
    places: Sequence[Position]
    duty: Sequence[tuple[int, bool]]

    def where(self, now: float) -> Position | None:
        """The last fix; the first one before it began."""
        if not self.places:
            return None
        return self.places[max(0, bisect_right(self.at, now) - 1)]

    def on_duty(self, now: float) -> bool:
        """Whether it was heard within `LOST_SECONDS` and had not signed off."""
        last = bisect_right(self.at, now) - 1
        if last < 0 or now - self.at[last] > LOST_SECONDS:
            return False
        said = bisect_right(self.duty, now, key=lambda each: each[0]) - 1
        return said < 0 or self.duty[said][1]


NO_TRACK = Track((), (), ())


@dataclass(frozen=True)
class Day:
    """One local day, from `begin` to `cut` (aware): its end, or as far as the archive has it. `events`: alerts, reports
    and readings that a threshold looks at, in the order they were recorded; `case_of`: (source, id) of an event -> the
    real case it went to; `digest` names what the files hold."""

    name: str
    begin: datetime
    cut: datetime
    events: tuple[Event, ...]
    case_of: Mapping[tuple[str, str], str]
    opener: Mapping[str, tuple[str, str]]
    outcomes: Mapping[str, Outcome]
    by_alert: Mapping[str, Outcome]
    cases: tuple[tuple[Case, tuple[Clock, ...]], ...]
    acts: tuple[Act, ...]
    tracks: Mapping[str, Track]
    versions: tuple[str, ...]
    digest: str

    @property
    def log(self) -> list[Log]:
        """The trace, as far as it is counted."""
        return [Log(each.no, each.at, each.act) for each in self.acts]

    def outcome(self, event: tuple[str, str], alert: str) -> Outcome | None:
        """What became of the case that an event, or the alert that opened it, went to."""
        return self.outcomes.get(self.case_of.get(event, "")) or self.by_alert.get(alert)


def days(archive: Archive) -> list[str]:
    """The local days of which the archive has events, oldest first."""
    head = archive.store.head()
    found = archive.store.days(head)
    return [day for day in found if any(part.kind == "events" for part in archive.store.parts(day, head))]


def check(archive: Archive, day: str) -> None:
    """Raises BadWish for a day that the archive does not have; it says which there are."""
    there = days(archive)
    if day in there:
        return
    if not there:
        raise BadWish(
            f"{day!r} is not in the archive, which has no day yet: wait until it has kept one",
            f"档案里没有 {day}，也还没有任何一天；请等归档后再试",
        )
    named = ", ".join(there) if len(there) <= 7 else f"{there[0]} … {there[-1]}"
    raise BadWish(
        f"{day!r} is not in the archive: choose a day that it has ({named})",
        f"档案里没有 {day}，请从已有的日期中选择（{named}）",
    )


def digest(archive: Archive, day: str) -> str:
    """A name for what the files have of a day: the same as long as nothing comes in for it, also when they are put
    together."""
    rows: dict[str, list[int]] = {}
    for part in archive.store.parts(day):
        if part.kind in COUNTED:
            found = rows.setdefault(part.kind, [0, 0, 0])
            found[0] += part.rows
            found[1:] = max(tuple(found[1:]), part.last)
    return sha256(to_json({"day": day, "rows": rows})).hexdigest()[:16]


def read(archive: Archive, day: str, quantities: Sequence[str]) -> Day:
    """A day of the archive. `quantities`: of the readings that a threshold looks at. Raises BadWish."""
    check(archive, day)
    begin = datetime.fromisoformat(day).replace(tzinfo=archive.tz)
    end = begin + timedelta(days=1)  # wall-clock arithmetic: the next local midnight, also where clocks change
    with archive.open([day], KINDS, tail=False) as found:
        rows = found.execute(EVENTS, [list(quantities)]).fetchall()
        acts = tuple(Act(*map(_text, row)) for row in found.execute(ACTS).fetchall())
        cases = found.execute(CASES, [begin, end]).fetchall()
        tracks = _tracks(found)
        versions = tuple(row[0] for row in found.execute("SELECT DISTINCT version FROM journal ORDER BY 1").fetchall())
    outcomes = {row[0]: _outcome(row) for row in cases}
    case_of = {(row[0], row[1]): row[10] for row in rows if row[10]}
    opener: dict[str, tuple[str, str]] = {}
    for event, no in case_of.items():
        opener.setdefault(no, event)
    return Day(
        name=day, begin=begin, cut=min(end, moment(archive.store.head().at)), events=tuple(map(event_of, rows)),
        case_of=case_of, opener=opener, outcomes=outcomes,
        by_alert={row[6]: outcomes[row[0]] for row in reversed(cases) if row[6]},
        cases=tuple(_case(row) for row in cases), acts=acts, tracks=tracks, versions=versions,
        digest=digest(archive, day),
    )  # fmt: skip


def event_of(row: Sequence[Any]) -> Event:
    """An event as it came in, before it was placed: `source` to `attributes` of its row."""
    source, name, device, at, received, body, lon, lat, flags, attributes, _ = row
    return Event(
        source, name, device, moment(at), moment(received), _BODY.decode(body),
        None if lon is None else Position(lon, lat),
        flags=tuple(Flag(flag) for flag in flags or () if flag != Flag.OUTSIDE),
        attributes=msgspec.Raw(attributes.encode()) if attributes else EMPTY,
    )  # fmt: skip


def _outcome(row: Sequence[Any]) -> Outcome:
    place = None if row[8] is None else (row[8], row[9])
    return Outcome(row[0], row[3], row[7] or "", row[1], place)


def _case(row: Sequence[Any]) -> tuple[Case, tuple[Clock, ...]]:
    no, matter, priority, state, origin, received = row[:6]
    clocks = _CLOCKS.decode(row[10])
    case = Case(no, State(state), 0, matter, priority, origin, received, lon=row[8], lat=row[9], clocks=clocks)
    return case, clocks


def _tracks(found: Any) -> dict[str, Track]:
    duty: dict[str, list[tuple[int, bool]]] = defaultdict(list)
    for device, at, state in found.execute(DUTY).fetchall():
        duty[device].append((at, state == "on_duty"))
    fixes: dict[str, list[tuple[int, float, float]]] = defaultdict(list)
    for device, at, lon, lat in found.execute(TRACKS).fetchall():
        fixes[device].append((at, lon, lat))
    return {
        device: Track(
            [at for at, _, _ in rows], [Position(lon, lat) for _, lon, lat in rows], sorted(duty[device])
        )
        for device, rows in fixes.items()
    }  # fmt: skip


def _text(value: Any) -> Any:
    return "" if value is None else value


def begin_ms(day: Day) -> int:
    """The day's local midnight, epoch ms."""
    return millis(day.begin)
