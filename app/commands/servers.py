"""`ingest`, `clock`, `doctor`: the workers of a site, and what is wrong with it.

`serve` is beside it: a worker shall not spend its start on importing a web server.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Iterable, Iterator
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from streams.mqtt import Batch

log = logging.getLogger("gridpost")


def ingest(
    worker: Annotated[str, typer.Option(help="Name of this worker; keep it over restarts.")] = "1",
    share: Annotated[bool, typer.Option(help="Share the work with other workers ($share/ingest).")] = False,
    drain: Annotated[bool, typer.Option(help="Told to stop, first take what the broker still has.")] = False,
) -> None:
    """One ingest worker: from the broker into Redis. Run as many as needed, each with its own name and --share."""
    from app import config, logs
    from app.centre import open_centre
    from app.embedding import with_servers
    from streams import ingest as ingesting
    from streams.dialects import topics
    from streams.mqtt import subscribe

    settings = config.load()
    logs.set_up(settings.log_format)
    with with_servers(settings) as whole:
        desk = open_centre(whole).desk()
        desk.queue.register(desk.register.patrols, desk.now())
        told = threading.Event()
        stop_on_signals(told if drain else desk.stop)
        assert whole.mqtt_url is not None
        batches = subscribe(
            whole.mqtt_url, topics(whole.site), client_id=f"gridpost-{whole.site}-ingest-{worker}",
            share="ingest" if share else None, stop=desk.stop, on_state=lambda said: log.info("broker: %s", said),
        )  # fmt: skip
        log.info("ingest worker %s listens to %s", worker, logs.without_password(whole.mqtt_url))
        ingesting.run(_until_empty(batches, told) if drain else batches, desk)
        log.info("ingest worker %s has ended", worker)


def clock(
    worker: Annotated[str, typer.Option(help="Name of this worker; keep it over restarts.")] = "1",
) -> None:
    """The worker that keeps time: reminders, second looks after announcements, tasks to the field, the trace's seals,
    silent devices, fences. Two may run."""
    from app import config, logs
    from app.centre import open_centre
    from app.embedding import with_servers
    from streams import watch
    from streams.mqtt import Publisher

    settings = config.load()
    logs.set_up(settings.log_format)
    with with_servers(settings) as whole:
        desk = open_centre(whole).desk()
        stop_on_signals(desk.stop)
        assert whole.mqtt_url is not None
        name = f"gridpost-{whole.site}-clock-{worker}"
        with Publisher(whole.mqtt_url, name, stop=desk.stop) as publisher:
            log.info("clock worker %s publishes to %s", worker, logs.without_password(whole.mqtt_url))
            watch.run(desk, publisher, worker)
        log.info("clock worker %s has ended", worker)


def doctor() -> None:
    """Say what is reachable and what is misconfigured; exit 1 when something is wrong."""
    from app import config
    from app import doctor as doctoring

    settings = config.load()
    found = doctoring.examine(settings)
    for line in found:
        mark = {True: "ok  ", False: "BAD ", None: "note"}[line.fine]
        typer.echo(f"{mark} {line.what}: {line.said}")
    if any(line.fine is False for line in found):
        raise typer.Exit(1)


def _until_empty(batches: Iterable[Batch | None], told: threading.Event) -> Iterator[Batch | None]:
    """The batches until we were told to stop and a look (of about a second) found nothing more."""
    for batch in batches:
        if batch is None and told.is_set():
            return
        yield batch


def stop_on_signals(stop: threading.Event) -> None:
    """SIGTERM and Ctrl-C end the work in order; a second one at once."""

    def told(number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            os._exit(128 + number)
        stop.set()

    signal.signal(signal.SIGTERM, told)
    signal.signal(signal.SIGINT, told)
