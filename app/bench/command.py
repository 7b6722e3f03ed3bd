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
    history = "history"
    all = "all"


Which = Annotated[Name, typer.Argument(help="What to measure.")]
Quick = Annotated[bool, typer.Option("--quick", help="Smaller sizes and fewer rounds: a minute instead of several.")]
State = Annotated[Path, typer.Option("--state", help="Where the made-up county is kept between runs.")]
Days = Annotated[int, typer.Option("--days", min=1, help="history: days of cases.")]
PositionDays = Annotated[int, typer.Option("--position-days", min=0, help="history: of them with positions.")]
Patrols = Annotated[int, typer.Option("--patrols", min=3, help="history: patrols; a county has 5000.")]
Cases = Annotated[int, typer.Option("--cases", min=1, help="history: cases a day; a county has 20000.")]
Data = Annotated[Path | None, typer.Option("--data", help="history: the folder of the days, used again if they fit.")]


def bench(
    which: Which = Name.all, quick: Quick = False, state: State = CACHE, days: Days = 2,
    position_days: PositionDays = 1, patrols: Patrols = 500, cases: Cases = 2_000, data: Data = None,
) -> None:  # fmt: skip
    """Measure this machine: each figure beside the plain way to do it, measured in the same run."""
    typer.echo(f"{machine()}\n")
    broken = 0
    for name in [each for each in Name if each is not Name.all] if which is Name.all else [which]:
        if name is Name.history:
            report = history(data or state / "history", state, days, position_days, patrols, cases)
        else:
            report = measured(name, quick, state)
        typer.echo(f"{report}\n")
        broken += len(report.broken)
    if broken:
        raise GridpostError(f"{broken} conditions do not hold: see BROKEN above.")


def history(data: Path, state: Path, days: int, position_days: int, patrols: int, cases: int) -> Report:
    """Measure an archive of so many days. Of the positions, CSV has what pandas reads in a minute."""
    from app.bench import county_year
    from app.bench import history as asked
    from app.bench.county import county
    from geo.grids import load

    csv_hours = min(24, max(2, 24 * 500 // patrols))
    sizes = county_year.Sizes(days, position_days, patrols, cases, csv_hours)
    grids = load(county(state) / "grids.geojson")
    return asked.run(data, grids, sizes, lambda line: typer.echo(f"  {line}", err=True))


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
