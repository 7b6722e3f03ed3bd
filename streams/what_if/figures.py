"""What is compared: one way to count for the real day and for the models, from cases and their logs.

Everything is counted at one cut-off, the end of the day or of what the archive has of it. Who had not arrived by then
is in no arrival time; how many that are is a figure of its own, since a way to dispatch must not look fast because it
leaves people waiting.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec
import numpy as np

from streams.model import Case, Clock

QUARTER_MS = 15 * 60_000
MINUTE_MS = 60_000
BINS = (5, 10, 15, 20, 30, 45, 60, 90)
"""Upper bounds of the classes of arrival times, minutes; what is longer is in one more."""
KINDS = ("respond", "arrive", "handle")
ENDS = frozenset({"handle", "close", "reject", "merge"})


class Log(msgspec.Struct, frozen=True):
    """An entry of a case's log, as far as it is counted here; `at` in epoch ms."""

    no: str
    at: int
    act: str


class Course(msgspec.Struct, frozen=True):
    """How a case went, epoch ms. `sent`: first sent to somebody; `arrived`: first on scene; `over`: fed back, closed,
    rejected or merged."""

    no: str
    matter: str
    priority: int
    received: int
    sent: int | None
    arrived: int | None
    over: int | None
    clocks: tuple[Clock, ...]


class Figures(msgspec.Struct, frozen=True):
    """One column. `opened`: cases received; `joined`: reports and alerts that joined an open case by themselves;
    `merged`: cases that people merged; `arrived`: how many were reached, and how many minutes that took from the
    report; `spread`: how many in each class of `BINS`; `unreached`: open, and nobody on scene at the cut-off;
    `broken`: clocks that ran out, by kind; `km`: on the ways to cases; `waiting`: of each quarter of an hour, the
    most cases at once to which nobody was sent yet."""

    opened: int
    joined: int
    merged: int
    arrived: int
    unreached: int
    mean: float | None
    p50: float | None
    p90: float | None
    urgent: float | None
    spread: tuple[int, ...]
    broken: dict[str, int]
    km: float
    waiting: tuple[int, ...]


def courses(cases: Iterable[tuple[Case, tuple[Clock, ...]]], log: Iterable[Log]) -> list[Course]:
    """The cases, each with its clocks, with what the log says of them."""
    first: dict[tuple[str, str], int] = {}
    for entry in log:
        name = "over" if entry.act in ENDS else entry.act
        first.setdefault((entry.no, name), entry.at)
    return [
        Course(case.no, case.matter, case.priority, case.received, first.get((case.no, "dispatch")),
               first.get((case.no, "arrive")), first.get((case.no, "over")), clocks)
        for case, clocks in cases
    ]  # fmt: skip


def measure(found: Sequence[Course], log: Sequence[Log], km: float, begin: int, cut: int) -> Figures:
    """The figures of a day that began at `begin`, counted at `cut` (epoch ms)."""
    known = {each.no for each in found}
    acts = [entry.act for entry in log if entry.no in known and entry.at <= cut]
    reached = [each for each in found if each.arrived is not None and each.arrived <= cut]
    minutes = [_minutes(each) for each in reached]
    urgent = [_minutes(each) for each in reached if each.priority <= 2]
    return Figures(
        opened=len(found),
        joined=acts.count("join"),
        merged=acts.count("merge"),
        arrived=len(reached),
        unreached=sum(not _before(each.arrived, cut) and not _before(each.over, cut) for each in found),
        mean=_mean(minutes),
        p50=_share(minutes, 50),
        p90=_share(minutes, 90),
        urgent=_mean(urgent),
        spread=_spread(minutes),
        broken=broken((each.clocks for each in found), cut),
        km=round(km, 1),
        waiting=_waiting(found, begin, cut),
    )


def broken(clocks: Iterable[tuple[Clock, ...]], cut: int) -> dict[str, int]:
    """How many clocks of each kind ran out by the cut-off; those of departments that were called are not among them."""
    found = dict.fromkeys(KINDS, 0)
    for each in clocks:
        for clock in each:
            stopped = clock.done if clock.done is not None else clock.paused
            if clock.name in found and not clock.of and (cut if stopped is None else min(stopped, cut)) > clock.due:
                found[clock.name] += 1
    return found


def change(model: Figures, changed: Figures) -> Mapping[str, float | None]:
    """What the changed settings change against the model, by the name of the figure: less is better for all of them,
    except for `opened`, `joined` and `merged`, which are neither."""
    found: dict[str, float | None] = {}
    for name in ("mean", "p50", "p90", "urgent", "km", "unreached", "opened", "joined", "merged"):
        before, after = getattr(model, name), getattr(changed, name)
        found[name] = None if before is None or after is None else round(after - before, 2)
    for kind in KINDS:
        found[f"broken_{kind}"] = changed.broken[kind] - model.broken[kind]
    found["waiting"] = max(changed.waiting, default=0) - max(model.waiting, default=0)
    return found


def _waiting(found: Sequence[Course], begin: int, cut: int) -> tuple[int, ...]:
    """The most at once in each quarter of an hour: each wait lies in the quarters that it touches, counted where it
    begins."""
    waits = [(each.received, min(at for at in (each.sent, each.over, cut) if at is not None)) for each in found]
    starts, ends = np.sort([start for start, _ in waits]), np.sort([end for _, end in waits])
    most = []
    for start in range(begin, cut, QUARTER_MS):
        inside = [start, *(at for at, _ in waits if start < at < start + QUARTER_MS)]
        there = np.searchsorted(starts, inside, side="right") - np.searchsorted(ends, inside, side="right")
        most.append(int(there.max()))
    return tuple(most)


def _minutes(course: Course) -> float:
    assert course.arrived is not None, "only of those that were reached"
    return (course.arrived - course.received) / MINUTE_MS


def _before(at: int | None, moment: int) -> bool:
    return at is not None and at <= moment


def _mean(minutes: Sequence[float]) -> float | None:
    return round(float(np.mean(minutes)), 2) if minutes else None


def _share(minutes: Sequence[float], percent: float) -> float | None:
    return round(float(np.percentile(minutes, percent)), 2) if minutes else None


def _spread(minutes: Sequence[float]) -> tuple[int, ...]:
    classes = np.searchsorted(np.array(BINS, dtype=float), np.array(minutes, dtype=float), side="left")
    return tuple(int(n) for n in np.bincount(classes, minlength=len(BINS) + 1))
