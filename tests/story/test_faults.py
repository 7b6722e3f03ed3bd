"""Chapter: the bad day. Workers die, brokers restart, two workers see one thing. Nothing is lost, nothing is twice."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from streams.dispatch_queue import DispatchQueue, connect
from streams.embedded import Broker, Valkey
from streams.keys import Keys
from streams.mqtt import Publisher
from tests.conftest import wait_until
from tests.servers import Mosquitto
from tests.story.worker import Worker, site_files
from tests.streams.samples import NOW, SHANGHAI, alert

SITE = "story"


def position(n: int) -> tuple[str, bytes]:
    """The n-th message of patrol n % 40, ten a second, each a metre on."""
    at = datetime.fromtimestamp(datetime.now(UTC).timestamp() - 900 + n / 10, UTC).isoformat()
    body = {"id": f"m{n}", "at": at, "lon": 119.2 + n % 2000 * 1e-6, "lat": 34.905}
    return f"gridpost/{SITE}/position/P-{n % 40}", json.dumps(body).encode()


def report(n: int) -> tuple[str, bytes]:
    """The n-th report, some 170 m from the next."""
    body = {"id": f"r{n}", "at": datetime.now(UTC).isoformat(), "category": "rubbish", "text": "垃圾",
            "lon": 119.2005 + n % 10 * 0.0019, "lat": 34.9005 + n // 10 * 0.0019}  # fmt: skip
    return f"gridpost/{SITE}/report/hotline", json.dumps(body).encode()


@pytest.fixture
def queue(valkey: Valkey) -> DispatchQueue:
    """The queue of the site, read from outside the workers."""
    return DispatchQueue(connect(valkey.url), Keys(SITE), SHANGHAI)


@pytest.fixture
def settings(valkey: Valkey, tmp_path: Path) -> dict[str, str]:
    """The small site as settings; the broker is added by the test."""
    return {
        **site_files(tmp_path / "site"), "GRIDPOST_SITE": SITE, "GRIDPOST_REDIS_URL": valkey.url,
        "GRIDPOST_STATE_DIR": str(tmp_path / "state"),
    }  # fmt: skip


def recorded(queue: DispatchQueue) -> int:
    """How many events Redis has."""
    return int(queue.redis.xlen(queue.keys.events))


def ids(queue: DispatchQueue) -> list[str]:
    """The ids of all recorded events, as often as they were recorded."""
    rows: Any = queue.events(100_000)
    return [row.event.id for row in rows]


@pytest.fixture
def background() -> Iterator[ThreadPoolExecutor]:
    """Somebody who publishes meanwhile."""
    with ThreadPoolExecutor(1) as pool:
        yield pool


def test_a_worker_killed_in_the_middle_of_a_batch_loses_nothing(
    queue: DispatchQueue, settings: dict[str, str], any_broker: Broker | Mosquitto, background: ThreadPoolExecutor
) -> None:
    """Five SIGKILLs while 6,000 messages pour in: every one is recorded, and none twice."""
    settings["GRIDPOST_MQTT_URL"] = any_broker.url
    worker = Worker(settings)
    wait_until(lambda: worker.listening, timeout=30)
    with Publisher(any_broker.url, "town") as publisher:
        messages = [position(n) for n in range(5900)] + [report(n) for n in range(100)]
        sending = background.submit(publisher.send_many, messages)
        for kill in range(1, 6):
            wait_until(lambda kill=kill: recorded(queue) > kill * 900, timeout=60)  # type: ignore[misc]  # mypy: lambda
            worker.kill()
            worker = Worker(settings)
        sending.result(timeout=60)
        wait_until(lambda: len(set(ids(queue))) == 6000, timeout=60, what=f"{len(set(ids(queue)))} of 6000")
    worker.stop()
    assert len(ids(queue)) == 6000
    assert sum(case.events for case in queue.open_cases()) == 100, "each report is a case or part of one"


@pytest.mark.mosquitto
def test_a_broker_that_restarts_loses_nothing(
    queue: DispatchQueue, settings: dict[str, str], mosquitto: Mosquitto, background: ThreadPoolExecutor
) -> None:
    """Mosquitto goes away and comes back while a publisher resends until PUBACK: everything arrives, once."""
    settings["GRIDPOST_MQTT_URL"] = mosquitto.url
    worker = Worker(settings)
    wait_until(lambda: worker.listening, timeout=30)
    with Publisher(mosquitto.url, "town") as publisher:
        sending = background.submit(publisher.send_many, [position(n) for n in range(4000)])
        for stop in (500, 2000):
            wait_until(lambda stop=stop: recorded(queue) > stop, timeout=60)  # type: ignore[misc]  # mypy: lambda
            mosquitto.stop()
            mosquitto.start()
        sending.result(timeout=60)
        wait_until(lambda: len(set(ids(queue))) == 4000, timeout=60)
    worker.stop()
    assert len(ids(queue)) == 4000


def test_two_workers_share_the_work(
    queue: DispatchQueue, settings: dict[str, str], any_broker: Broker | Mosquitto
) -> None:
    """Phases of 100 alerts over two workers that share: every alert is one case, whatever came where first."""
    settings["GRIDPOST_MQTT_URL"] = any_broker.url
    workers = [Worker(settings, name, share=True) for name in ("a", "b")]
    wait_until(lambda: all(worker.listening for worker in workers), timeout=30)
    with Publisher(any_broker.url, "camera") as publisher:
        messages = []
        for n in range(100):
            for phase in ("new", "update", "update"):
                body = {"id": f"a{n}-{len(messages)}", "at": datetime.now(UTC).isoformat(), "category": "smoke",
                        "severity": 3, "alert": f"a{n}", "phase": phase,
                        "lon": 119.2005 + n % 10 * 0.0019, "lat": 34.9005 + n // 10 * 0.0019}  # fmt: skip
                messages.append((f"gridpost/{SITE}/alert/P-1", json.dumps(body).encode()))
        publisher.send_many(messages)
        wait_until(lambda: len(ids(queue)) == 300, timeout=60)
    logged = [worker.stop() for worker in workers]
    assert all("has ended" in text for text in logged)
    alerts = queue.alerts(1000)
    assert len(alerts) == 100
    assert all(row["case"] for row in alerts)
    cases = queue.open_cases()
    assert {row["case"] for row in alerts} == {case.no for case in cases}
    assert sum(case.events for case in cases) == 100, "each alert is counted once in its case"


def test_two_workers_see_one_alert_at_the_same_moment(queue: DispatchQueue) -> None:
    """`new` and `update` of one alert reach Redis in the same instant by two workers: one case."""
    other = DispatchQueue(connect(str(url_of(queue))), Keys(SITE), SHANGHAI)
    for n in range(50):
        start = Barrier(2)
        batches = [
            [alert("D-1", f"{phase}{n}", phase, series=str(n), lon=119 + n / 100)]  # type: ignore[arg-type]  # literals
            for phase in ("new", "update")
        ]

        def give(worker: int, start: Barrier = start, batches: list[Any] = batches) -> tuple[str, ...]:
            start.wait()
            return (queue, other)[worker].record(batches[worker], NOW).opened

        with ThreadPoolExecutor(2) as pool:
            opened = [no for numbers in pool.map(give, (0, 1)) for no in numbers]
        assert len(opened) == 1


def url_of(queue: DispatchQueue) -> str:
    """The address a queue is connected to."""
    where = queue.redis.connection_pool.connection_kwargs
    return f"redis://{where['host']}:{where['port']}/0"


def test_a_stopped_worker_ends_in_order(
    queue: DispatchQueue, settings: dict[str, str], broker: Broker, background: ThreadPoolExecutor
) -> None:
    """SIGTERM in the middle of the stream: the batch in hand is finished, the next start goes on from there."""
    settings["GRIDPOST_MQTT_URL"] = broker.url
    worker = Worker(settings)
    wait_until(lambda: worker.listening, timeout=30)
    with Publisher(broker.url, "town", stop=threading.Event()) as publisher:
        sending = background.submit(publisher.send_many, [position(n) for n in range(3000)])
        wait_until(lambda: recorded(queue) > 700, timeout=60)
        assert "has ended" in worker.stop()
        worker = Worker(settings)
        sending.result(timeout=60)
        wait_until(lambda: len(set(ids(queue))) == 3000, timeout=60)
    worker.stop()
    assert len(ids(queue)) == 3000
