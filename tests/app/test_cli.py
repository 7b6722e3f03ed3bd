"""The command line: exit codes, sentences, and the demo from start to Ctrl-C and again."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from streams.mqtt import Publisher
from tests.conftest import wait_until

ROOT = Path(__file__).resolve().parents[2]
NO_REDIS = {"GRIDPOST_REDIS_URL": "redis://127.0.0.1:1"}


def environment(**settings: str) -> dict[str, str]:
    """This checkout, and no settings but these."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GRIDPOST_")}
    return {**kept, "PYTHONPATH": str(ROOT), **settings}


def gridpost(*arguments: str, cwd: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run one command."""
    command = [sys.executable, "-m", "app.cli", *arguments]
    return subprocess.run(
        command, cwd=cwd, env=environment(**settings), capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize(
    ("arguments", "settings", "code", "said"),
    [
        (("nonsense",), {}, 2, "No such command"),
        (("serve", "--port", "x"), {}, 2, "--port"),
        (("serve",), {"GRIDPOST_PORT": "x"}, 2, "GRIDPOST_PORT is 'x'"),
        (("serve",), {"GRIDPOST_PROT": "1"}, 2, "GRIDPOST_PORT"),
        (("serve",), {"GRIDPOST_GRIDS": "/nothing.geojson", **NO_REDIS}, 2, "/nothing.geojson"),
        (("users", "list"), NO_REDIS, 1, "Redis does not answer"),
        (("replay", "/nothing"), {"GRIDPOST_MQTT_URL": "mqtt://127.0.0.1:1"}, 2, "/nothing"),
        (("grids", "check", "/nothing"), {}, 1, "/nothing"),
    ],
)  # fmt: skip
def test_a_failure_is_one_sentence_on_stderr(
    tmp_path: Path, arguments: tuple[str, ...], settings: dict[str, str], code: int, said: str
) -> None:
    """Never a traceback; 2 for wrong usage, 1 when the work failed."""
    done = gridpost(*arguments, cwd=tmp_path, **settings)
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_every_command_explains_itself(tmp_path: Path) -> None:
    """--help everywhere, exit 0."""
    commands = ("demo", "serve", "ingest", "clock", "simulate", "replay", "grids", "users", "doctor")
    listed = gridpost("--help", cwd=tmp_path).stdout
    assert all(command in listed for command in commands)
    assert gridpost("users", "add", "--help", cwd=tmp_path).returncode == 0


def test_nobody_waits_for_what_they_do_not_ask(tmp_path: Path) -> None:
    """Knowing what there is loads neither maps nor Redis nor the web: --help answers at once, a worker starts soon."""
    heavy = ["numpy", "scipy", "shapely", "geopandas", "redis", "pydantic", "fastapi", "dash", "app.centre"]
    code = f"import sys, app.cli; print(*[name for name in {heavy} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment(), capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


def test_users_are_made_listed_changed_and_disabled(tmp_path: Path, valkey: Any) -> None:
    """A random password is printed once; one from standard input is not."""
    settings = {"GRIDPOST_REDIS_URL": valkey.url}
    made = gridpost("users", "add", "lin", "--role", "supervisor", cwd=tmp_path, **settings)
    assert "Password: " in made.stdout
    assert gridpost("users", "add", "lin", cwd=tmp_path, **settings).returncode == 1
    gridpost("users", "role", "lin", "leader", cwd=tmp_path, **settings)
    gridpost("users", "disable", "lin", cwd=tmp_path, **settings)
    assert gridpost("users", "list", cwd=tmp_path, **settings).stdout == "lin\tleader\tdisabled\n"


def test_an_account_outside_is_bound_to_somebody_who_exists(tmp_path: Path, valkey: Any) -> None:
    """A patrol of the register or a department of the organisation; nobody unknown, and not neither."""
    settings = {"GRIDPOST_REDIS_URL": valkey.url}
    add = ("users", "add", "dong", "--role")
    for arguments in (("field",), ("field", "--patrol", "P-999"), ("department", "--department", "none")):
        refused = gridpost(*add, *arguments, cwd=tmp_path, **settings)
        assert refused.returncode == 1, arguments
        assert "Traceback" not in refused.stderr
    assert gridpost(*add, "field", "--patrol", "P-001", cwd=tmp_path, **settings).returncode == 0
    assert gridpost("users", "list", cwd=tmp_path, **settings).stdout == "dong\tfield P-001\tenabled\n"


def test_doctor_refuses_a_redis_that_could_lose_something(tmp_path: Path, valkey: Any) -> None:
    """appendfsync must be always: fine here, BAD after a change, exit 1."""
    settings = {"GRIDPOST_REDIS_URL": valkey.url, "GRIDPOST_MQTT_URL": "mqtt://127.0.0.1:1"}
    first = gridpost("doctor", cwd=tmp_path, **settings)
    assert "ok   redis: appendfsync always" in first.stdout
    assert "BAD  mqtt" in first.stdout
    assert first.returncode == 1


def test_doctor_refuses_an_organisation_that_no_process_starts_with(tmp_path: Path) -> None:
    """A bad GRIDPOST_ORG is one BAD line with the file in it; one that is not there is said to be none."""
    bad = tmp_path / "org.toml"
    bad.write_text('[site]\nname = "x"\n', encoding="utf-8")
    found = gridpost("doctor", cwd=tmp_path, GRIDPOST_ORG=str(bad))
    assert f"BAD  organisation: {bad}" in found.stdout
    assert found.returncode == 1
    none = gridpost("doctor", cwd=tmp_path, GRIDPOST_ORG=str(tmp_path / "none.toml"))
    assert "so there is none" in none.stdout


def test_grids_are_checked_and_built(tmp_path: Path) -> None:
    """The committed town is whole; what build writes is what check accepts."""
    town = ROOT / "data" / "towns" / "wanghai" / "grids.geojson"
    assert gridpost("grids", "check", str(town), cwd=tmp_path).returncode == 0
    built = gridpost("grids", "build", str(town), "-o", "out.geojson", cwd=tmp_path)
    assert "1 / 6 / 48 grids by level, 6 dedicated" in built.stdout
    assert gridpost("grids", "check", "out.geojson", cwd=tmp_path).returncode == 0


@contextmanager
def demo(tmp_path: Path, *arguments: str) -> Iterator[tuple[dict[str, Any], subprocess.Popen[str]]]:
    """A running demo: what its ready file says, and its process; stopped in order at the end."""
    ready = tmp_path / "ready.json"
    ready.unlink(missing_ok=True)
    command = [
        sys.executable, "-m", "app.cli", "demo", "--state", str(tmp_path / "state"), "--port", "0",
        "--ready-file", str(ready), *arguments,
    ]  # fmt: skip
    process = subprocess.Popen(
        command, cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        wait_until(lambda: ready.exists() or process.poll() is not None, 120, "the demo is ready")
        assert process.poll() is None, process.communicate()[0]
        yield json.loads(ready.read_text()), process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output


def case_numbers(ready: dict[str, Any]) -> set[str]:
    """The cases that the API lists."""
    headers = {"Authorization": f"Bearer {ready['token']}"}
    return {item["no"] for item in httpx2.get(f"{ready['url']}/api/v1/cases", headers=headers).json()["items"]}


def test_ctrl_c_loses_nothing_and_the_same_state_shows_the_same_cases(tmp_path: Path) -> None:
    """What the broker acknowledged just before Ctrl-C is there after the next start; the passwords are fresh."""
    with demo(tmp_path, "--no-simulator") as (first, process):
        with Publisher(first["mqtt_url"], "test") as publisher:
            for number in range(200):
                report = {
                    "id": f"r{number}", "at": datetime.now(UTC).isoformat(), "category": "exposed_rubbish",
                    "lon": 119.12 + number * 0.0008, "lat": 34.94,
                }  # fmt: skip
                publisher.post("gridpost/wanghai/report/hotline", json.dumps(report).encode())
            publisher.drain(30)
        process.send_signal(signal.SIGINT)
    with demo(tmp_path, "--no-simulator") as (second, _):
        found = gridpost("archive", "list", cwd=tmp_path, GRIDPOST_CONFIG=str(tmp_path / "state" / "gridpost.toml"))
        assert "200 events" in found.stdout, found
        headers = {"Authorization": f"Bearer {second['token']}"}
        items: list[dict[str, Any]] = []
        items = httpx2.get(f"{second['url']}/api/v1/events?limit=1000&kind=report", headers=headers).json()["items"]
        assert len({item["id"] for item in items}) == 200
        assert case_numbers(second)
        old = {user["name"]: user["password"] for user in first["users"]}
        for user in second["users"]:
            assert user["password"] != old[user["name"]]
            said = {"name": user["name"], "password": user["password"]}
            assert httpx2.post(f"{second['url']}/sign-in", data=said).status_code == 303


def test_a_worker_that_is_killed_comes_back(tmp_path: Path) -> None:
    """SIGKILL on ingest: the demo starts it again and goes on; the town is alive."""
    started = time.monotonic()
    with demo(tmp_path) as (ready, process):
        assert time.monotonic() - started < 60
        wait_until(lambda: case_numbers(ready), 90, "the first case of the simulated town")
        listed = subprocess.run(
            ["ps", "--ppid", str(process.pid), "-o", "pid=,args="], capture_output=True, text=True, check=True
        ).stdout
        victim = next(int(line.split()[0]) for line in listed.splitlines() if " ingest" in line)
        os.kill(victim, signal.SIGKILL)
        headers = {"Authorization": f"Bearer {ready['token']}"}
        said = {"kind": "report", "device": "hotline"}
        assert httpx2.post(f"{ready['url']}/api/v1/events", json=said, headers=headers).status_code == 422

        def newest() -> float:
            age = httpx2.get(f"{ready['url']}/readyz").json()["ingest_age_s"]
            return float(age)

        wait_until(lambda: newest() > 0.0)
        wait_until(lambda: newest() < 2.0 and str(victim) not in _pids(process.pid), 60, "ingest works again")


def _pids(parent: int) -> list[str]:
    listed = subprocess.run(["ps", "--ppid", str(parent), "-o", "pid="], capture_output=True, text=True, check=True)
    return listed.stdout.split()


def test_a_taken_port_is_refused_before_anything_starts(tmp_path: Path) -> None:
    """Else the address of somebody else's page would be told, with sign-ins that do not work there."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        done = gridpost("demo", "--port", port, "--state", str(tmp_path / "state"), cwd=tmp_path)
    assert done.returncode == 2
    assert port in done.stderr
    assert not (tmp_path / "state").exists()


def test_replay_wants_a_broker_that_somebody_listens_to(tmp_path: Path) -> None:
    """Without a broker named, replaying would be to nobody: it is refused with the remedy."""
    (tmp_path / "one.jsonl").write_text('{"topic":"a","payload":{},"at":1}\n', encoding="utf-8")
    done = gridpost("replay", "one.jsonl", cwd=tmp_path)
    assert done.returncode == 2
    assert "GRIDPOST_MQTT_URL" in done.stderr
