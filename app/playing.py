"""A day of the town played as fast as it goes, on a Valkey of its own that is thrown away, and told in lines."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from math import ceil
from pathlib import Path

from app.centre import Centre, open_centre
from app.config import Settings
from streams import scoring
from streams.embedded import Valkey
from streams.simulated_play import Play, Watch, begin, why_open
from streams.simulator import Place
from streams.workflow import OPEN

WHOLE = timedelta(days=1) - timedelta(seconds=1)
HOUR = timedelta(hours=1)


def played(
    settings: Settings, day: date, *, seed: int, operators: int, span: timedelta = WHOLE,
    tell: Callable[[str], None] = lambda line: None,
) -> list[str]:  # fmt: skip
    """Play a local day, or the first part of it; the day in lines. It must be a past one: the server trims streams by
    its own time. `tell` hears how far it is, each hour of the day."""
    begins = datetime(day.year, day.month, day.day, tzinfo=settings.tz)
    watch = Watch(begins.astimezone(UTC))
    with tempfile.TemporaryDirectory() as folder, Valkey(Path(folder)) as server:
        centre = open_centre(settings.model_copy(update={"redis_url": server.url}), watch)
        centre.queue.redis.config_set("appendfsync", "no")  # it need not survive
        centre.queue.register(centre.register.patrols)
        place = Place.load(settings.grids.parent)
        play = begin(place, centre.desk(), watch, seed=seed, operators=operators)
        for hour in range(1, ceil(span / HOUR) + 1):
            play.until((begins + min(hour * HOUR, span)).astimezone(UTC))
            tell(f"{day} {min(hour * HOUR, span)} / {span}: {play.messages} messages")
        return told(centre, play, begins)


def told(centre: Centre, play: Play, begins: datetime) -> list[str]:
    """The figures, what was done, and why each open case is open."""
    now, day = play.watch.at, begins.date().isoformat()
    cases = centre.queue.cases_of(day)
    found = scoring.figures(cases, begins, now, counts=centre.queue.counts(day))
    acts = Counter(entry.act for case in cases for entry in centre.queue.log(case.no))
    came, due, first = found.came_in, found.fell_due, found.announced
    origins = ", ".join(f"{origin} {number}" for origin, number in came.by_origin.items())
    lines = [
        f"{day}: {play.messages} messages, {sum(acts.values())} entries in the logs, {acts['remind']} reminders",
        f"came in {came.inflow} ({origins}) = dispatched {came.dispatched} + waiting {came.waiting} + rejected "
        f"{came.rejected} + merged {came.merged}" + ("" if came.reconciles else "  DOES NOT RECONCILE"),
        f"announce first: {first.settled} of {first.alerts} alerts settled ({_percent(first.share)}), beside it",
        f"fell due {due.due}, closed {due.closed} ({_percent(due.closing_rate)}), on time {due.on_time} "
        f"({_percent(due.on_time_rate)}); closed on the day {found.closed.closed}",
        "acts: " + ", ".join(f"{name} {number}" for name, number in acts.most_common()),
        f"open: {found.now.open}, overdue {found.now.overdue}",
    ]
    return lines + [f"  {case.no} {case.matter}: {why_open(case, now)}" for case in cases if case.state in OPEN]


def _percent(rate: float | None) -> str:
    return "none" if rate is None else f"{rate:.1%}"
