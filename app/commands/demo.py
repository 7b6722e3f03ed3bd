"""`demo`: everything on one machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer


def demo(
    town: Annotated[Literal["wanghai", "county"], typer.Option(help="Which made-up town.")] = "wanghai",
    simulator: Annotated[bool, typer.Option(help="Whether the town lives.")] = True,
    speed: Annotated[float, typer.Option(help="The town's time against ours.", min=0.01, max=1000)] = 1.0,
    operators: Annotated[
        int, typer.Option(help="Simulated operators at the desk; none, so that the work is yours.", min=0)
    ] = 0,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port of the pages; 0 for any free one.")] = None,
    state: Annotated[Path | None, typer.Option(help="Where everything is kept [state/demo-<town>].")] = None,
    ready_file: Annotated[Path | None, typer.Option(help="Write addresses and sign-ins here when ready.")] = None,
) -> None:
    """A whole site with a simulated town: embedded Valkey and broker, ingest, clock and web. Ctrl-C stops it and
    loses nothing."""
    from app import config, logs
    from app import demo as running

    base = config.load(host=host, port=port)
    logs.set_up(base.log_format)
    folder = state or Path("state") / f"demo-{town}"
    settings = running.town_settings(base, town, folder, typer.echo)
    if ready_file is not None:
        ready_file.unlink(missing_ok=True)
    running.run(settings, running.Wanted(town, simulator, speed, ready_file, operators), typer.echo)
