"""The benchmarks: what Gridpost does against the plain way to do it, measured in the same run.

A figure without the machine it was measured on says nothing, and on a shared machine not even that: so each
benchmark runs both ways in turn, several times, and gives the median of the ratios, which drift cancels out of.
The plain way is part of the code here, written the way one would write it first, not to lose.

A benchmark answers with a `Report`. What must hold whatever the machine (no mismatch, nothing lost, nothing twice)
are its `broken` conditions: then the command exits with 1. The goals are figures and are only printed as met or missed.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from unicodedata import east_asian_width

Way = Callable[[], float]


@dataclass(frozen=True)
class Machine:
    """What the figures were measured on. `memory` in bytes; `load`: runnable processes over the last minute."""

    cores: int
    cpu: str
    memory: int
    system: str
    python: str
    load: float

    def __str__(self) -> str:
        return (
            f"{self.cores} cores, {self.cpu}, {self.memory / 2**30:.1f} GiB, {self.system}, "
            f"Python {self.python}, load {self.load:.1f}"
        )


def machine() -> Machine:
    """This machine, as the kernel tells it."""
    return Machine(
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        cpu=_cpu(), memory=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        system=f"{platform.system()} {platform.release()}", python=platform.python_version(), load=os.getloadavg()[0],
    )  # fmt: skip


def _cpu() -> str:
    told = Path("/proc/cpuinfo")
    lines = told.read_text(encoding="utf-8").splitlines() if told.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


@dataclass(frozen=True)
class Row:
    """One comparison. `ours` and `plain` are written out with their unit; `ratio` says how many times better ours is;
    `met`: whether its goal is reached, None when it has none."""

    what: str
    ours: str
    plain: str = "-"
    ratio: float | None = None
    goal: str = "-"
    met: bool | None = None


@dataclass(frozen=True)
class Report:
    """What one benchmark found. `broken`: conditions that do not hold, a sentence each; `skipped`: why it did not
    run."""

    name: str
    compared: str
    rows: tuple[Row, ...] = ()
    notes: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    skipped: str = ""

    def __str__(self) -> str:
        lines = [f"{self.name}: {self.compared}"]
        if self.skipped:
            lines.append(f"  skipped: {self.skipped}")
        if self.rows:
            lines += [f"  {line}" for line in table(self.rows)]
        lines += [f"  {note}" for note in self.notes]
        lines += [f"  BROKEN: {sentence}" for sentence in self.broken]
        return "\n".join(lines)


def table(rows: Sequence[Row]) -> list[str]:
    """The rows as aligned lines under a heading."""
    cells = [("", "Gridpost", "plain way", "ratio", "goal", "")]
    for row in rows:
        ratio = "-" if row.ratio is None else f"{row.ratio:.1f}x"
        met = "" if row.met is None else "met" if row.met else "MISSED"
        cells.append((row.what, row.ours, row.plain, ratio, row.goal, met))
    widths = [max(_width(line[n]) for line in cells) for n in range(6)]
    return [
        "  ".join(
            text + pad if n == 0 else pad + text
            for n, text in enumerate(line)
            if (pad := " " * (widths[n] - _width(text))) is not None
        ).rstrip()
        for line in cells
    ]


def _width(text: str) -> int:
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)


def alternate(ours: Way, plain: Way, rounds: int) -> tuple[float, float, float]:
    """Run both in turn, `rounds` times. Each answers with its figure; the medians of both and of ours / plain."""
    pairs = [(ours(), plain()) for _ in range(rounds)]
    return (
        median(mine for mine, _ in pairs),
        median(theirs for _, theirs in pairs),
        median(mine / theirs for mine, theirs in pairs),
    )


def rate(figure: float, unit: str) -> str:
    """A figure a second, as a person reads it: `1,234,567 places/s`."""
    return f"{figure:,.0f} {unit}/s"


def at_least(figure: float, goal: float, unit: str = "x") -> tuple[str, bool]:
    """A goal written out, and whether `figure` reaches it."""
    return f">= {goal:,.0f}{unit}", figure >= goal


def at_most(figure: float, goal: float, unit: str) -> tuple[str, bool]:
    """A goal that is an upper limit, written out, and whether `figure` stays within."""
    return f"<= {goal:,.0f} {unit}", figure <= goal
