"""One patrol's way: the line, how far it went, where it stood.

A device that stands still says a little different place each time; a way measured from fix to fix grows by that. So the
way is that of the lighter track, in which only what is more than `ASTRAY` metres off counts.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from geo import tracks
from geo.places import Position
from geo.tracks import Fix, Stay
from streams.archive.past import days_of
from streams.archive.reading import Archive

ASTRAY, SILENT_S = 12.0, 120.0
"""Metres that a dropped fix may be off; seconds without a fix that a lighter track has at most."""
STOP_RADIUS, STOP_S = 50.0, 180.0
"""A stop: all fixes within so many metres, for at least so many seconds."""
TRACK = """
    SELECT f.at, lon, lat FROM fixes f WHERE device = ? AND received > ? AND received <= ? ORDER BY f.at
"""


class Stop(NamedTuple):
    """A stay, and how far the patrol had gone when it began, in metres."""

    stay: Stay
    gone: float


class Walk(NamedTuple):
    """A patrol's way in a time. `line`: the lighter track; `metres`: its length; `fixes`: how many there were."""

    line: list[Fix]
    metres: float
    stops: list[Stop]
    fixes: int


def walk(archive: Archive, patrol: str, start: datetime, end: datetime) -> Walk:
    """The way of a patrol after `start` up to and with `end`, aware; empty when it was not heard."""
    with archive.open(days_of(archive, start, end), ("tracks",), within=(start, end)) as found:
        rows = found.execute(TRACK, [patrol, start, end]).fetchall()
    fixes = [Fix(at, Position(lon, lat)) for at, lon, lat in rows]
    if not fixes:
        return Walk([], 0.0, [], 0)
    line = tracks.thin(fixes, ASTRAY, SILENT_S)
    stays = tracks.dwell(fixes, STOP_RADIUS, STOP_S)
    stops = [Stop(stay, tracks.length([fix for fix in line if fix.at <= stay.start])) for stay in stays]
    return Walk(line, tracks.length(line), stops, len(fixes))
