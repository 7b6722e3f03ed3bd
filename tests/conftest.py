"""What tests share: real servers, and waiting for a condition instead of a number of seconds."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from hypothesis import settings

from streams.embedded import Broker, Valkey
from tests.servers import Mosquitto, RedisServer, found

settings.register_profile("gridpost", deadline=None)  # an example may take as long as a busy machine needs for it
settings.load_profile("gridpost")

_numbers = itertools.count(1)


def wait_until(condition: Callable[[], object], timeout: float = 30.0, what: str = "") -> None:
    """Return as soon as `condition()` is true; fail the test when it is not within `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"not within {timeout:g} s: {what or condition}")
        time.sleep(0.01)


@pytest.fixture
def site() -> str:
    """A site of its own for each test, so that nothing of another test is in its keys or topics."""
    return f"town{next(_numbers)}"


@pytest.fixture(scope="session")
def valkey_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    """One embedded Valkey for the whole run."""
    with Valkey(tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest.fixture
def valkey(valkey_server: Valkey) -> Valkey:
    """The embedded Valkey, empty."""
    if valkey_server.pid is None:  # an earlier test stopped it
        valkey_server.start()
    with redis.Redis.from_url(valkey_server.url) as client:
        client.flushall()
        client.script_flush()
    return valkey_server


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """Debian's redis-server; skipped where it is not installed."""
    if not found("redis-server"):
        pytest.skip("redis-server is not installed (apt-get install redis-server)")
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(params=["valkey", pytest.param("redis_server", marks=pytest.mark.redis_server)])
def redis_url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty database: the embedded Valkey, then Redis itself where it is installed."""
    server: Valkey | RedisServer = request.getfixturevalue(request.param)
    with redis.Redis.from_url(server.url) as client:
        client.flushall()
    return server.url


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """The embedded MQTT broker, fresh."""
    with Broker(tmp_path / "broker") as server:
        yield server


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """Mosquitto, fresh, with the settings that a site is told to use; skipped where it is not installed."""
    if not found("mosquitto"):
        pytest.skip("Mosquitto is not installed (apt-get install mosquitto)")
    with Mosquitto(tmp_path / "mosquitto") as server:
        yield server


@pytest.fixture(params=["broker", pytest.param("mosquitto", marks=pytest.mark.mosquitto)])
def any_broker(request: pytest.FixtureRequest) -> Broker | Mosquitto:
    """Each broker that the product is tested on."""
    server: Broker | Mosquitto = request.getfixturevalue(request.param)
    return server


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Where nothing may be missing (NOTHING_SKIPPED), a test that skipped for want of a program is a failure."""
    if _missing(terminalreporter):
        terminalreporter.write_line("skipped for want of a program, which is a failure here:", red=True)
        for where in _missing(terminalreporter):
            terminalreporter.write_line(f"  {where}", red=True)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Make that failure the exit status."""
    reporter = session.config.pluginmanager.getplugin("terminalreporter")
    if reporter is not None and exitstatus == pytest.ExitCode.OK and _missing(reporter):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _missing(reporter: pytest.TerminalReporter) -> list[str]:
    if not os.environ.get("NOTHING_SKIPPED"):
        return []
    return [report.nodeid for report in reporter.stats.get("skipped", []) if "is not installed" in str(report.longrepr)]
