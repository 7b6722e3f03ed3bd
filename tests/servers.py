"""Debian's own servers, run the way the embedded ones are, for tests that must hold on what sites run."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Sequence

from streams.embedded import HOST, Server, greets


def found(program: str) -> str | None:
    """Where a program is; Debian keeps daemons outside a user's PATH."""
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


class RedisServer(Server):
    """redis-server with the settings that the product asks of a site."""

    name = "redis-server"

    @property
    def url(self) -> str:
        return f"redis://{HOST}:{self.port}/0"

    def _command(self) -> Sequence[str]:
        return [
            found("redis-server") or "redis-server", "--bind", HOST, "--port", str(self.port),
            "--dir", str(self.state_dir), "--appendonly", "yes", "--appendfsync", "always", "--save", "",
            "--maxmemory", "512mb", "--maxmemory-policy", "noeviction",
        ]

    def _speaks(self, connection: socket.socket) -> bool:
        connection.sendall(b"PING\r\n")
        return connection.recv(64).startswith(b"+PONG")


class Mosquitto(Server):
    """Mosquitto with the settings that the product asks of a site; more lines of its file by `extra`."""

    name = "mosquitto"
    extra = ""
    anonymous = True

    @property
    def url(self) -> str:
        return f"mqtt://{HOST}:{self.port}"

    def _command(self) -> Sequence[str]:
        config = self.state_dir / "mosquitto.conf"
        lines = [
            f"listener {self.port} {HOST}", f"allow_anonymous {str(self.anonymous).lower()}", "set_tcp_nodelay true",
            "max_queued_messages 0", "max_queued_bytes 0", "max_inflight_messages 2000",
            "persistence true", f"persistence_location {self.state_dir}/", "autosave_interval 1",
            f"user {os.environ.get('USER', 'root')}", self.extra,
        ]
        config.write_text("\n".join(lines) + "\n", "utf-8")
        return [found("mosquitto") or "mosquitto", "-c", str(config)]

    def _speaks(self, connection: socket.socket) -> bool:
        return greets(connection)
