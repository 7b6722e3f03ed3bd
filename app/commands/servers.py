"""`serve`, `ingest`, `clock`, `doctor`: the processes of a site, and what is wrong with it."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from collections.abc import Iterable, Iterator
from types import FrameType
from typing import Annotated

import typer
import uvicorn

from app import config, logs
from app import doctor as doctoring
from app.centre import open_centre
from app.embedding import with_servers
from app.server import serve_centre
from streams import ingest as ingesting
from streams import watch
from streams.dialects import topics
from streams.errors import BadSetting
from streams.mqtt import Batch, Publisher, subscribe

log = logging.getLogger("gridpost")

Host = Annotated[str | None, typer.Option(help="Address to listen on; only this machine unless told otherwise.")]
Port = Annotated[int | None, typer.Option(help="Port to listen on; 0 for any free one.")]


class _Server(uvicorn.Server):
    """Lets the listeners of the feed go as soon as it is told to stop: they would never end by themselves."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        feed = self.config.app.state.feed  # type: ignore[union-attr]  # we made the app
        feed.close_listeners(for_good=True)
        super().handle_exit(sig, frame)


def serve(host: Host = None, port: Port = None) -> None:
    """The web app: pages, feed and API."""
    settings = config.load(host=host, port=port)
    logs.set_up(settings.log_format)
    with with_servers(settings, mqtt=False) as whole, _listening(whole.host, whole.port) as listener:
        centre = open_centre(whole)
        centre.queue.register(list(centre.register.patrols), centre.now())
        app = serve_centre(centre)
        address = listener.getsockname()
        log.info("serving http://%s:%d", whole.host, address[1])
        options = uvicorn.Config(
            app, log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=5,
            timeout_keep_alive=30, http="httptools", loop="auto", lifespan="on",
        )  # fmt: skip
        _Server(options).run([listener])


def ingest(
    worker: Annotated[str, typer.Option(help="Name of this worker; keep it over restarts.")] = "1",
    share: Annotated[bool, typer.Option(help="Share the work with other workers ($share/ingest).")] = False,
    drain: Annotated[bool, typer.Option(help="End when nothing has come for two seconds.")] = False,
) -> None:
    """One ingest worker: from the broker into Redis. Run as many as needed, each with its own name and --share."""
    settings = config.load()
    logs.set_up(settings.log_format)
    with with_servers(settings) as whole:
        desk = open_centre(whole).desk()
        desk.queue.register(list(desk.register.patrols), desk.now())
        _stop_on_signals(desk.stop)
        assert whole.mqtt_url is not None
        batches = subscribe(
            whole.mqtt_url, topics(whole.site), client_id=f"gridpost-{whole.site}-ingest-{worker}",
            share="ingest" if share else None, stop=desk.stop,
        )  # fmt: skip
        log.info("ingest worker %s listens to %s", worker, logs.without_password(whole.mqtt_url))
        ingesting.run(_until_empty(batches) if drain else batches, desk)
        log.info("ingest worker %s has ended", worker)


def clock(
    worker: Annotated[str, typer.Option(help="Name of this worker; keep it over restarts.")] = "1",
) -> None:
    """The worker that sends tasks to patrols and watches for devices that fell silent."""
    settings = config.load()
    logs.set_up(settings.log_format)
    with with_servers(settings) as whole:
        desk = open_centre(whole).desk()
        _stop_on_signals(desk.stop)
        assert whole.mqtt_url is not None
        name = f"gridpost-{whole.site}-clock-{worker}"
        with Publisher(whole.mqtt_url, name, stop=desk.stop) as publisher:
            log.info("clock worker %s publishes to %s", worker, logs.without_password(whole.mqtt_url))
            watch.run(desk, publisher, worker)
        log.info("clock worker %s has ended", worker)


def doctor() -> None:
    """Say what is reachable and what is misconfigured; exit 1 when something is wrong."""
    settings = config.load()
    found = doctoring.examine(settings)
    for line in found:
        mark = {True: "ok  ", False: "BAD ", None: "note"}[line.fine]
        typer.echo(f"{mark} {line.what}: {line.said}")
    if any(line.fine is False for line in found):
        raise typer.Exit(1)


def _until_empty(batches: Iterable[Batch | None]) -> Iterator[Batch | None]:
    """The batches until two empty looks in a row: the broker has nothing more for us."""
    empty = 0
    for batch in batches:
        empty = empty + 1 if batch is None else 0
        if empty == 2:
            return
        yield batch


def _stop_on_signals(stop: threading.Event) -> None:
    """SIGTERM and Ctrl-C end the work in order; a second one at once."""

    def told(number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            os._exit(128 + number)
        stop.set()

    signal.signal(signal.SIGTERM, told)
    signal.signal(signal.SIGINT, told)


def _listening(host: str, port: int) -> socket.socket:
    """A bound socket, so that port 0 is known before the server says where it is; raises BadSetting."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise BadSetting(
            f"Cannot listen on {host}, port {port} ({error.strerror or error}): choose another with --port or "
            "GRIDPOST_PORT."
        ) from error
    listener.set_inheritable(True)
    return listener
