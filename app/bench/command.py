"""`gridpost bench`: runs the benchmarks and prints what they found.

Exit code 1 when a condition that must hold anywhere does not (a mismatch, something lost); a goal that is missed on a
busy machine is printed as missed and is no failure.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from app.bench import Report, machine
from streams.errors import GridpostError

CACHE = Path("state") / "bench"


class Name(StrEnum):
    """What can be measured."""

    tagging = "tagging"
    ingest = "ingest"
    feed = "feed"
    browser = "browser"
    dispatch = "dispatch"
    acts = "acts"
    all = "all"


Which = Annotated[Name, typer.Argument(help="What to measure.")]
Quick = Annotated[bool, typer.Option("--quick", help="Smaller sizes and fewer rounds: a minute instead of several.")]
State = Annotated[Path, typer.Option("--state", help="Where the made-up county is kept between runs.")]


def bench(which: Which = Name.all, quick: Quick = False, state: State = CACHE) -> None:
    """Measure this machine: each figure beside the plain way to do it, measured in the same run."""
    typer.echo(f"{machine()}\n")
    broken = 0
    for name in [each for each in Name if each is not Name.all] if which is Name.all else [which]:
        report = measured(name, quick, state)
        typer.echo(f"{report}\n")
        broken += len(report.broken)
    if broken:
        raise GridpostError(f"{broken} conditions do not hold: see BROKEN above.")


def measured(name: Name, quick: bool, state: Path) -> Report:
    """Run one benchmark."""
    state.mkdir(parents=True, exist_ok=True)
    match name:  # imported one by one: they bring servers, numpy and a browser along
        case Name.tagging:
            from app.bench import tagging

            return tagging.run(state, tagging.QUICK if quick else tagging.Sizes())
        case Name.ingest:
            from app.bench import ingest

            return ingest.run(state, ingest.QUICK if quick else ingest.Sizes())
        case Name.feed:
            from app.bench import feed

            return feed.run(state, feed.QUICK if quick else feed.Sizes())
        case Name.acts:
            from app.bench import acting

            return acting.run(state, acting.QUICK if quick else acting.Sizes())
        case Name.dispatch:
            from app.bench import dispatching

            return dispatching.run(state, dispatching.QUICK if quick else dispatching.Sizes())
        case _:
            from app.bench import browser

            return browser.run(state, browser.QUICK if quick else browser.Sizes())
