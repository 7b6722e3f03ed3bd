"""`serve`: the web app."""

from __future__ import annotations

import logging
import socket
from types import FrameType
from typing import Annotated

import typer

from streams.errors import BadSetting

log = logging.getLogger("gridpost")

Host = Annotated[str | None, typer.Option(help="Address to listen on; only this machine unless told otherwise.")]
Port = Annotated[int | None, typer.Option(help="Port to listen on; 0 for any free one.")]


def serve(host: Host = None, port: Port = None) -> None:
    """The web app: pages, feed and API."""
    import uvicorn

    from app import config, logs
    from app.centre import open_centre
    from app.embedding import with_servers
    from app.server import serve_centre

    class Server(uvicorn.Server):
        """Lets the listeners of the feed go when it is told to stop: they would never end by themselves."""

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            app.state.feed.close_listeners(for_good=True)
            super().handle_exit(sig, frame)

    settings = config.load(host=host, port=port)
    logs.set_up(settings.log_format)
    with with_servers(settings, mqtt=False) as whole, _listening(whole.host, whole.port) as listener:
        centre = open_centre(whole)
        centre.queue.register(centre.register.patrols, centre.now())
        app = serve_centre(centre)
        log.info("serving http://%s:%d", whole.host, listener.getsockname()[1])
        options = uvicorn.Config(
            app, log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=5,
            timeout_keep_alive=30, http="httptools", loop="auto", lifespan="on",
        )  # fmt: skip
        Server(options).run([listener])


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
