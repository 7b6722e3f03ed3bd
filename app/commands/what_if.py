"""`what-if`: an archived day played again with other settings, beside the day as it was."""

from __future__ import annotations

import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streams.errors import BadSetting

if TYPE_CHECKING:
    from app.config import Settings
    from streams.what_if.comparing import Comparison, Wish

Kind = Annotated[list[str] | None, typer.Option(help="For every matter that merges, or matter=value; repeat it.")]
HEADS = ("", "real day", "model", "changed", "change")


def what_if(
    day: Annotated[str, typer.Argument(help="A local day of the archive, as in 2026-11-18.")],
    more_patrols: Annotated[int, typer.Option(help="So many patrols more; fewer when negative.")] = 0,
    where: Annotated[str, typer.Option(help="Their squad, district or post [where the load is].")] = "",
    policy: Annotated[
        str, typer.Option(help="ranked: as the centre recommends; best: the plan overall; nearest: first come.")
    ] = "ranked",
    merge_radius: Kind = None,
    merge_minutes: Kind = None,
    speed: Annotated[float, typer.Option(help="Patrols so many times as fast.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Draws how long things take; the same seed, the same answer.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="The whole answer as JSON.")] = False,
    tell: Annotated[bool, typer.Option("--tell", hidden=True, help="Say on stderr how far it is.")] = False,
) -> None:
    """Play a past day again with other settings: arrival times, broken clocks, kilometres, waiting. Two models are
    compared, and beside them stands the day as it was. Nothing of the running site is read or changed."""
    from app import config
    from app.what_if_rows import encoded

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # its own Valkey ends in order
    found = played(config.load(), day, wish_of(more_patrols, where, policy, merge_radius, merge_minutes, speed), seed,
                   tell=tell)  # fmt: skip
    if as_json:
        typer.echo(encoded(found).decode())
        return
    for line in lines(found):
        typer.echo(line)


def wish_of(
    more_patrols: int, where: str, policy: str, radius: list[str] | None, minutes: list[str] | None, speed: float
) -> Wish:
    """The settings of a command line; raises BadSetting."""
    import msgspec

    from streams.what_if.comparing import Merge, Wish

    general: dict[str, float] = {}
    single: dict[str, dict[str, float]] = {}
    for name, given in (("radius", radius), ("minutes", minutes)):
        for text in given or ():
            matter, _, amount = text.rpartition("=")
            try:
                value = float(amount)
            except ValueError:
                raise BadSetting(f"--merge-{name} {text!r} is no number: write 100 or matter=100") from None
            if matter:
                single.setdefault(matter, {})[name] = value
            else:
                general[f"merge_{name}"] = value
    merge = {matter: Merge(**both) for matter, both in single.items()}
    said = {"more_patrols": more_patrols, "where": where, "policy": policy, "merge": merge, "speed": speed, **general}
    try:
        return msgspec.convert(said, Wish)
    except msgspec.ValidationError as error:
        raise BadSetting(f"--policy {policy!r} is not known: use ranked, best or nearest") from error


def played(settings: Settings, day: str, wish: Wish, seed: int, *, tell: bool = False) -> Comparison:
    """Play it on a Valkey that is started for it and thrown away; the site's own is not asked."""
    from app.centre import open_archive, open_centre
    from streams.embedded import Valkey
    from streams.what_if.comparing import Column, compare

    last: list[tuple[int, str]] = []

    def said(share: float, column: Column) -> None:
        now = (int(100 * share), column)
        if tell and now not in last:
            last[:] = [now]
            typer.echo(f"progress {now[0]} {column}", err=True)

    with tempfile.TemporaryDirectory(prefix="gridpost-what-if-") as folder, Valkey(Path(folder)) as server:
        own = settings.model_copy(update={"redis_url": server.url})
        centre = open_centre(own)
        centre.queue.redis.config_set("appendfsync", "no")  # it need not survive
        return compare(open_archive(own), centre.desk(), day, wish, seed, said)


def lines(found: Comparison) -> list[str]:
    """The table of the terminal."""
    from app.what_if_rows import ROWS, cell, delta, special, value_of

    rows: list[tuple[str, ...]] = [HEADS]
    for row in ROWS:
        values = [cell(row, value_of(row, column)) for column in (found.real, found.model, found.changed)]
        rows.append((row.en, *values, delta(row, found)))
    widths = [max(len(row[n]) for row in rows) for n in range(5)]
    told = [
        row[0].ljust(widths[0]) + "".join("  " + text.rjust(widths[n + 1]) for n, text in enumerate(row[1:]))
        for row in rows
    ]
    title = f"{found.day}, seed {found.seed}: compare the two models; the real day shows how far the model is from it"
    more = [f"added: {', '.join(found.added)}"] if found.added else []
    more += [f"taken away: {', '.join(found.removed)}"] if found.removed else []
    return [title, "", *(line.rstrip() for line in told), "", *more, *(special(note, "en") for note in found.notes)]
