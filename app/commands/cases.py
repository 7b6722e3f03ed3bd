"""`cases`: proves that nobody bent what the cases' logs say (全程留痕).

It only reads, works on a site that goes on working, and says the first entry that does not hold. What it cannot know is
whether somebody with the whole database made every seal anew: that is what the hash on a printed daily report is for
(`--hash`).
"""

from __future__ import annotations

import re
import sys
from datetime import UTC
from typing import TYPE_CHECKING, Annotated

import typer

from streams.trace import NOTHING, order

if TYPE_CHECKING:
    from app.config import Settings
    from streams.proof import Proof

app = typer.Typer(no_args_is_help=True, help="Cases: prove the trace of everything that was done.")

Until = Annotated[str, typer.Option(help="Prove only up to this entry, a stream id such as 1795000000000-0.")]
Hash = Annotated[str, typer.Option("--hash", help="A hash from a daily report (64 hex digits): it must be found.")]
Site = Annotated[str, typer.Option(help="Another site than that of the settings.")]


@app.callback()
def cases() -> None:
    """Cases: prove the trace of everything that was done."""


@app.command()
def verify(until: Until = "", paper: Hash = "", site: Site = "") -> None:
    """Prove the trace: the chain of seals, every case's log, and the state each case stands in."""
    from app import config
    from app.embedding import with_servers
    from streams.proof import told

    if until and not re.fullmatch(r"\d+-\d+", until):
        raise typer.BadParameter(f"{until!r} is no stream id: give one such as 1795000000000-0", param_hint="--until")
    if paper and not re.fullmatch(r"[0-9a-fA-F]{64}", paper):
        raise typer.BadParameter(f"{paper!r} is no hash: give its 64 hexadecimal digits", param_hint="--hash")
    settings = config.load()
    if site:
        settings = settings.model_copy(update={"site": site})
    with with_servers(settings, mqtt=False) as whole:
        proof = _prove(whole, until, paper)
    if proof.broken is not None:
        typer.echo(f"gridpost: the trace of {settings.site} is broken at {told(proof.broken)}", err=True)
        raise typer.Exit(1)
    for line in lines(proof):
        typer.echo(line)
    if not proof.entries and settings.redis_url is None:
        typer.echo(
            f"gridpost: there was nothing to prove in {settings.state_dir}: to prove a running demo or another site, "
            "set GRIDPOST_REDIS_URL (the demo prints its own).",
            err=True,
        )


def _prove(settings: Settings, until: str, paper: str) -> Proof:
    from app.centre import open_queue, wall_clock
    from streams.kept import KeptTrace
    from streams.proof import local_days, prove

    shown = sys.stderr.isatty()

    def said(entries: int) -> None:
        typer.echo(f"\r{entries:,} entries read" if shown else f"{entries:,} entries read", err=True, nl=not shown)

    proof = prove(
        KeptTrace(open_queue(settings)), wall_clock(), local_days(settings.tz), until=until, paper=paper, said=said
    )
    if shown:
        typer.echo("\r" + " " * 30 + "\r", err=True, nl=False)
    return proof


def lines(proof: Proof) -> list[str]:
    """What a proof that holds says."""
    said = [f"{proof.entries:,} entries of {proof.cases:,} cases hold."]
    if proof.last.hash != NOTHING:
        said.append(f"Sealed up to {_time(proof.last.id)}, entry {proof.last.id}: {proof.last.hash}")
    said.append(f"{proof.waiting:,} wait for the seal.")
    if proof.start is not None:
        said.append(
            f"Entries up to {_time(proof.start.id)} are no longer kept; the seal of the last one is taken as it is: "
            f"{proof.start.hash}"
        )
    if proof.older:
        said.append(f"{proof.older:,} of the entries are older than the seals and held only against their logs.")
    if proof.expired:
        said.append(f"{proof.expired:,} cases have expired; their last entries are still in the stream.")
    if proof.paper:
        found = f"the day {proof.paper}" if len(proof.paper) == len("2026-01-01") else f"entry {proof.paper}"
        said.append(f"The hash that was given is that of {found}.")
    return said


def _time(name: str) -> str:
    from streams.codec import moment

    return moment(order(name)[0]).astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
