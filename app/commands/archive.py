"""`archive`: the worker that keeps history, and what it has kept."""

from __future__ import annotations

import logging
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from app.commands.servers import stop_on_signals

if TYPE_CHECKING:
    from streams.archive.store import Store

log = logging.getLogger("gridpost")
app = typer.Typer(no_args_is_help=True, help="History: keep everything that happened, and check what was kept.")
NOTHING = "{} has nothing yet: run `gridpost archive run`, or let GRIDPOST_CONFIG name a site that has."
NUMBER = re.compile(r"[\w-]{1,64}", re.ASCII)


@app.command()
def run(
    flush: Annotated[float, typer.Option(min=0.05, max=3600, help="Write what was read after so many seconds.")] = 30,
) -> None:
    """The worker that writes what happens as GeoParquet into STATE_DIR/archive, one file set per site and day. One per
    site."""
    from app import config, logs
    from app.centre import open_archive, open_centre
    from app.embedding import with_servers
    from app.follower import load
    from streams.archive import follow
    from streams.archive.keeping import parse_keep

    settings = config.load()
    logs.set_up(settings.log_format)
    with with_servers(settings, mqtt=False) as whole:
        centre = open_centre(whole)
        store = open_archive(centre).store
        with follow.lock(store):
            desk = centre.desk()
            stop_on_signals(desk.stop)
            keeper = follow.Keeper(centre.queue, store, lambda: load(centre), centre.configuration)
            log.info("archive worker writes to %s", store.root)
            follow.run(
                keeper, desk.stop.is_set, centre.now, desk.stop.wait, parse_keep(whole.archive_keep),
                timedelta(seconds=flush),
            )  # fmt: skip
            log.info("archive worker has ended after commit %d", keeper.head.serial)


@app.command()
def check() -> None:
    """Hold every file against its hash and the acts against the cases' logs; exit 1 when something is wrong."""
    from app import config
    from app.centre import open_archive, open_centre
    from streams.archive.check import check as check_archive

    settings = config.load()
    centre = open_centre(settings) if settings.redis_url else None
    archive = open_archive(centre or settings)

    def told(done: int, of: int) -> None:
        if done % 50 == 0:
            typer.echo(f"\r{done} / {of} files", nl=False, err=True)

    found = check_archive(archive, centre.queue if centre else None, told)
    typer.echo("\r", nl=False, err=True)
    rows = ", ".join(f"{count:,} {kind}" for kind, count in sorted(found.rows.items()))
    typer.echo(f"{found.files} files: {rows or 'nothing'}.")
    if centre is None:
        typer.echo("The cases' logs were not looked at: GRIDPOST_REDIS_URL is not set.")
    else:
        older = f" ({found.older} began before the archive)" if found.older else ""
        typer.echo(f"{found.cases} cases held against their logs{older}.")
    for line in found.wrong:
        typer.echo(f"BAD {line}")
    if not found.files:
        typer.echo(NOTHING.format(archive.store.root))
        return
    typer.echo("Something is wrong." if found.wrong else "Everything is as it was written.")
    if found.wrong:
        raise typer.Exit(1)


@app.command(name="list")
def list_days() -> None:
    """The days that are kept: rows by kind, bytes, frozen in which version."""
    from app import config
    from app.centre import open_archive

    store = open_archive(config.load()).store
    head = store.head()
    for day in store.days(head):
        parts = store.parts(day, head)
        rows: dict[str, int] = {}
        for part in parts:
            rows[part.kind] = rows.get(part.kind, 0) + part.rows
        size = sum(store.path(part).stat().st_size for part in parts)
        state = f"version {head.frozen[day]}" if day in head.frozen else "open"
        said = ", ".join(f"{count:,} {kind}" for kind, count in sorted(rows.items()))
        typer.echo(f"{day}  {state:10}  {size / 1e6:8.1f} MB  {said}")
    if not store.days(head):
        typer.echo(NOTHING.format(store.root))


@app.command()
def forget(
    case: Annotated[str, typer.Argument(help="The number of the case whose reporter shall be forgotten.")],
) -> None:
    """Delete who reported a case (the contact) from the archive; everything else of the case stays."""
    from app import config
    from app.centre import open_archive
    from streams.archive.follow import lock
    from streams.archive.tidy import forget as forget_case
    from streams.errors import BadSetting

    if not NUMBER.fullmatch(case):
        raise BadSetting(f"{case!r} is no number of a case: give it as the pages show it, such as GP-20260301-0001")
    store = open_archive(config.load()).store
    try:
        with lock(store):
            before = store.head()
            after = forget_case(store, before, case)
            _ask_to_forget(store, case)  # Redis may have what no file has yet: the next worker looks again
    except BadSetting:
        _ask_to_forget(store, case)
        typer.echo(f"The archive worker deletes the contact of {case} within five minutes.")
        return
    typer.echo(f"The contact of {case} is deleted." if after is not before else f"There is no contact of {case}.")


def _ask_to_forget(store: Store, case: str) -> None:
    store.forgetting.mkdir(exist_ok=True)
    (store.forgetting / case).touch()
