"""Simulated people at the desk of a running demo work through the API, as themselves."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import redis

from app.accounts import Accounts
from app.operators import hired
from streams.dispatch_queue import DispatchQueue, connect
from streams.embedded import Valkey
from streams.keys import Keys
from streams.mqtt import Publisher
from tests.app.test_cli import demo
from tests.conftest import wait_until
from tests.streams.samples import NOW


def test_reports_are_verified_accepted_and_dispatched_through_the_api(tmp_path: Path) -> None:
    """Nobody clicks, and yet somebody named as simulated verifies, accepts and sends, each act with its entry."""
    # each takes up to 45 s for an act: with enough of them there is always one free
    with demo(tmp_path, "--operators", "8") as (ready, _), Publisher(ready["mqtt_url"], "residents") as residents:
        queue = DispatchQueue(connect(ready["redis_url"]), Keys(ready["site"]), ZoneInfo("Asia/Shanghai"))
        for number in range(3):  # more than the town's residents have to say in its first seconds
            body = {"id": f"r{number}", "at": datetime.now(UTC).isoformat(), "category": "exposed_rubbish",
                    "lon": 119.17 + number * 0.004, "lat": 34.94}  # fmt: skip
            residents.send(f"gridpost/{ready['site']}/report/hotline", json.dumps(body).encode())

        def done() -> set[tuple[str, str]]:
            return {(entry.act, entry.role) for case in queue.open_cases() for entry in queue.log(case.no)
                    if entry.by.startswith("sim-operator-")}  # fmt: skip

        wanted = {("verify", "operator"), ("accept", "operator"), ("dispatch", "operator")}
        wait_until(lambda: wanted <= done(), 120, "the crew verified, accepted and sent")


def test_a_crew_can_come_in_only_while_it_works(valkey: Valkey, site: str) -> None:
    """Its tokens open the API while it is there; afterwards its accounts are disabled. It may come again."""
    accounts = Accounts(connected(valkey), Keys(site))
    for _ in range(2):
        with hired(accounts, 1, NOW) as tokens:
            assert set(tokens) == {"sim-operator-1", "sim-supervisor", "sim-leader"}
            found = {name: accounts.by_token(token) for name, token in tokens.items()}
            assert {name: viewer.role for name, viewer in found.items() if viewer} == {
                "sim-operator-1": "operator", "sim-supervisor": "supervisor", "sim-leader": "leader",
            }  # fmt: skip
        assert [accounts.by_token(token) for token in tokens.values()] == [None, None, None]


def connected(valkey: Valkey) -> Any:
    """A client that decodes, as the accounts want it."""
    return redis.Redis.from_url(valkey.url, decode_responses=True)
