"""`draw`: the options of a draw; what is drawn, kept and shown is in `app.drawing`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

File = Path | None


def draw(
    targets: Annotated[File, typer.Option(help="CSV: id,name and, if wanted, department,day,grid,lon,lat.")] = None,
    inspectors: Annotated[File, typer.Option(help="CSV: id,name,department and, if wanted, avoid.")] = None,
    count: Annotated[int | None, typer.Option(help="How many targets to draw.")] = None,
    per_target: Annotated[int, typer.Option(help="Inspectors for each department of a target.")] = 2,
    seed: Annotated[str | None, typer.Option(help="The seed; without it 128 random bits.")] = None,
    out: Annotated[File, typer.Option(help="The log to write (JSON).")] = None,
    by: Annotated[str | None, typer.Option(help="Who draws; without it the user of this machine.")] = None,
    plan: Annotated[File, typer.Option(help="CSV of planned checks: id,day,target,department[,matter].")] = None,
    verify: Annotated[File, typer.Option(help="Repeat the draw of this log instead; exit 1 if it differs.")] = None,
) -> None:
    """Draw targets and inspectors at random, so that anyone can repeat it; or offer the joint visits of a plan."""
    from app import config, drawing

    settings = config.load()
    if verify is not None:
        drawing.refuse_together("--verify", {"--targets": targets, "--plan": plan, "--out": out})
        drawing.verify(settings, verify)
    else:
        drawing.draw(
            settings, targets, inspectors, plan, count=count, per_target=per_target, seed=seed, out=out, by=by
        )
