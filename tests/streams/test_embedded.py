"""The embedded servers: they answer, keep what was written, and never outlive or disturb anybody."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import redis

from streams.embedded import Broker, Valkey, free_port
from streams.errors import BadSetting, Unreachable
from tests.conftest import wait_until

CRASHING_PARENT = """
import sys, time
from streams.embedded import Broker, Valkey
valkey, broker = Valkey(sys.argv[1]).start(), Broker(sys.argv[1]).start()
print(valkey.pid, broker.pid, flush=True)
time.sleep(60)
"""


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def test_valkey_keeps_its_data_over_a_stop(tmp_path: Path) -> None:
    """What was written before a stop is there after the next start, without any save."""
    with Valkey(tmp_path) as server, redis.Redis.from_url(server.url) as client:
        client.xadd("events", {"a": "1"})
    with Valkey(tmp_path) as server, redis.Redis.from_url(server.url) as client:
        assert client.xlen("events") == 1


def test_valkey_keeps_its_data_over_a_crash(tmp_path: Path) -> None:
    """An acknowledged write survives SIGKILL: the AOF is synced before the answer."""
    server = Valkey(tmp_path).start()
    with redis.Redis.from_url(server.url) as client:
        client.set("a", "1")
    server.kill()
    with Valkey(tmp_path) as again, redis.Redis.from_url(again.url) as client:
        assert client.get("a") == b"1"


def test_valkey_never_evicts_and_listens_to_this_machine_only(valkey: Valkey) -> None:
    """The settings that the product relies on are in force."""
    with redis.Redis.from_url(valkey.url) as client:
        names = ("appendfsync", "maxmemory-policy", "bind", "appendonly")
        got = {name: client.config_get(name)[name] for name in names}
        assert int(client.config_get("maxmemory")["maxmemory"]) > 0
    assert got == {"appendfsync": "always", "maxmemory-policy": "noeviction", "bind": "127.0.0.1", "appendonly": "yes"}


@pytest.mark.parametrize("kind", [Valkey, Broker])
def test_a_second_server_on_the_same_directory_is_refused(kind: type[Valkey | Broker], tmp_path: Path) -> None:
    """The refusal names the directory and the process that runs there."""
    with kind(tmp_path) as server, pytest.raises(BadSetting, match=rf"process {server.pid}\).*{tmp_path}"):
        kind(tmp_path).start()


def test_a_taken_port_is_refused(tmp_path: Path) -> None:
    """A port in use is named in the refusal."""
    with Broker(tmp_path / "a") as server, pytest.raises(BadSetting, match=str(server.port)):
        Broker(tmp_path / "b", port=server.port).start()


def test_a_server_that_cannot_start_shows_its_log(tmp_path: Path) -> None:
    """The error carries the server's own last words."""
    with pytest.raises(Unreachable, match="argument must be a memory value"):
        Valkey(tmp_path, maxmemory="nonsense").start()


@pytest.mark.parametrize("kind", [Valkey, Broker])
def test_a_server_can_be_started_again_on_its_port(kind: type[Valkey | Broker], tmp_path: Path) -> None:
    """A stopped server frees its port and its directory at once."""
    server = kind(tmp_path, port=free_port())
    for _ in range(2):
        server.start()
        assert server.answers()
        server.stop()
        assert not server.answers()


def test_servers_are_in_a_session_of_their_own(tmp_path: Path) -> None:
    """Ctrl-C in the terminal reaches our process group, not the servers."""
    with Valkey(tmp_path) as valkey, Broker(tmp_path) as broker:
        assert valkey.pid
        assert broker.pid
        assert os.getpgid(0) not in (os.getpgid(valkey.pid), os.getpgid(broker.pid))


def test_servers_end_with_a_killed_parent(tmp_path: Path) -> None:
    """A parent killed by force leaves no server behind, and its directory can be used again."""
    parent = subprocess.Popen([sys.executable, "-c", CRASHING_PARENT, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    pids = [int(word) for word in parent.stdout.readline().split()]
    assert len(pids) == 2
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    wait_until(lambda: not any(alive(pid) for pid in pids), what="servers gone")
    with Valkey(tmp_path) as server:
        assert server.answers()
