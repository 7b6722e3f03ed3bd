"""`replay`: recorded data, published at its own pace or faster; or a day of the archive, done again and compared."""

from __future__ import annotations

import os
import sys
import threading
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

import typer

from streams.errors import BadSetting

MOST_NAMED = 5


def replay(
    file: Annotated[
        Path | None, typer.Argument(help="JSON lines, the output of mosquitto_sub -F %j, or a CSV.", show_default=False)
    ] = None,
    verify: Annotated[
        str | None,
        typer.Option(metavar="DAY", help="No file: do a day of the archive again, and say the first difference."),
    ] = None,
    speed: Annotated[float, typer.Option(help="2 halves every pause; 0: as fast as acknowledged.", min=0)] = 1.0,
    mapping: Annotated[
        list[str] | None, typer.Option("--map", help="For a CSV: column=field, once for each field.")
    ] = None,
    kind: Annotated[
        Literal["position", "alert", "reading", "report", "status"], typer.Option(help="For a CSV: what its rows are.")
    ] = "position",
    time_format: Annotated[str | None, typer.Option(help="For a CSV: the form of its times, as strptime.")] = None,
    timezone: Annotated[str | None, typer.Option(help="For a CSV: the zone of times without an offset.")] = None,
    keep_times: Annotated[
        bool, typer.Option("--keep-times", help="Leave the times as they are: recorded, but too old to open cases.")
    ] = False,
    topic: Annotated[str | None, typer.Option(help="For JSON lines that name no topic.")] = None,
) -> None:
    """Publish recorded data; times are shifted so that the first record is now. With --verify DAY: do that day of the
    archive again on a server of its own; exit 1 when an act, a case or a clock comes out otherwise."""
    if (file is None) == (verify is None):
        raise typer.BadParameter("name a FILE to publish, or --verify DAY to do a day of the archive again")
    if verify is not None:
        _verify(verify)
        return
    assert file is not None, "one of the two was given"
    from app import config, logs
    from app.centre import wall_clock
    from streams import recording
    from streams import replay as replaying
    from streams.mqtt import Publisher

    settings = config.load()
    logs.set_up(settings.log_format)
    if settings.mqtt_url is None:  # a broker of our own would have nobody listening
        raise BadSetting(
            "GRIDPOST_MQTT_URL is not set: name the broker to replay to, such as the one that `gridpost demo` prints."
        )
    is_csv = file.name.lower().removesuffix(".gz").endswith(".csv")
    how = (
        recording.columns(settings.site, kind, mapping or (), time_format=time_format, timezone=timezone)
        if is_csv or mapping
        else None
    )
    found = recording.load(file, how=how, topic=topic)
    for bad in found.bad[:MOST_NAMED]:
        typer.echo(f"line {bad.line} left out: {bad.reason}", err=True)
    if len(found.bad) > MOST_NAMED:
        typer.echo(f"… and {len(found.bad) - MOST_NAMED} lines more", err=True)
    kept = replaying.keep_times if keep_times else lambda rows: replaying.shift(rows, wall_clock(), speed=speed)
    records = kept(found.records)
    stop = threading.Event()
    with Publisher(settings.mqtt_url, f"gridpost-{settings.site}-replay-{os.getpid()}", stop=stop) as publisher:
        told = replaying.progress_on(sys.stderr, len(records))
        sent = replaying.replay(records, publisher, speed=speed, stop=stop, progress=told)
    typer.echo(f"{sent} messages published and acknowledged, {len(found.bad)} lines left out.")
    if found.bad and not sent:
        raise typer.Exit(1)


def _verify(day: str) -> None:
    """The day again; progress and a difference on stderr."""
    from app import config
    from app.verifying import lines, verify_day
    from streams.differences import Difference

    try:
        date.fromisoformat(day)
    except ValueError as error:
        raise typer.BadParameter(f"{day!r} is no day: give one such as 2026-03-01", param_hint="--verify") from error
    shown = sys.stderr.isatty()

    def said(done: int, of: int) -> None:
        line = f"{done:,} of {of:,} calls done again"
        typer.echo(f"\r{line}" if shown else line, err=True, nl=not shown)

    verified = verify_day(config.load(), day, said)
    if shown:
        typer.echo("\r" + " " * 60 + "\r", err=True, nl=False)
    different = isinstance(verified.found, Difference)
    for line in lines(verified):
        typer.echo(f"gridpost: {line}" if different else line, err=different)
    if different:
        raise typer.Exit(1)
