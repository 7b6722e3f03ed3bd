"""The demo: a whole site on one machine with nothing else installed, and a town that lives.

Started from the bottom up (Valkey, broker, ingest, clock, web, simulator) and stopped so that nothing is lost: the
publishers first, then ingest takes what the broker still has (the embedded broker keeps nothing over its own
restart), then the others, the broker, and Valkey last. The same state directory shows the same cases again.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Any

from app.accounts import DESK_ROLES, Accounts, new_password
from app.centre import open_accounts, open_queue, wall_clock
from app.children import Child, wait_for
from app.config import DEFAULT_FILE, ROOT, Settings, as_file, variables
from streams.codec import local_day
from streams.dispatch_queue import DispatchQueue
from streams.embedded import Broker, Valkey, free_port
from streams.errors import BadSetting, GridpostError
from streams.mqtt import Publisher
from streams.register import load_register

READY_S = 60.0
DRAIN_S = 120.0
LOOK_S = 0.5
PROBE = "frigate/stats"
TOWN_FILES = {
    "grids": "grids.geojson", "devices": "devices.csv", "patrols": "patrols.csv", "sources": "sources.csv",
    "org": "org.toml",
}  # fmt: skip

Say = Callable[[str], None]


class DemoFailed(GridpostError):
    """The demo could not be started, or a part of it died too often."""


@dataclass(frozen=True)
class Wanted:
    """What was asked for on the command line. `speed`: the simulated town's time against ours; `operators`: simulated
    people at the desk, of whom there are none unless asked for, since the work is left to whoever looks at the demo."""

    town: str
    simulate: bool
    speed: float
    ready_file: Path | None
    operators: int = 0


def town_settings(base: Settings, town: str, state_dir: Path, say: Say) -> Settings:
    """The settings for a town, which is made first when it is not there: takes some time for the county."""
    folder = ROOT / "data" / "towns" / town
    if not folder.exists():
        folder = state_dir / "town"
    if not (folder / TOWN_FILES["grids"]).exists():
        say(f"Making the town {town} in {folder} (once) …")
        make_town(town, folder)
    files = {name: folder / file for name, file in TOWN_FILES.items()}
    return base.model_copy(update={"site": town, "state_dir": state_dir, **files})


def make_town(town: str, folder: Path) -> None:
    """Make a town's files with the script in data/; raises DemoFailed."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, str(ROOT / "data" / "make_town.py"), town, "--out", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise DemoFailed(f"The town {town!r} could not be made: {last}")


def run(settings: Settings, wanted: Wanted, say: Say) -> None:
    """Run the demo until Ctrl-C or SIGTERM; raises DemoFailed."""
    _refuse_taken(settings.host, settings.port)
    stop = threading.Event()
    _on_signals(stop, say)
    settings.state_dir.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as servers:
        valkey = servers.enter_context(Valkey(settings.state_dir / "valkey"))
        broker = servers.enter_context(Broker(settings.state_dir / "broker"))
        port = settings.port or free_port()
        whole = settings.model_copy(update={"redis_url": valkey.url, "mqtt_url": broker.url, "port": port})
        patrols = load_register(whole.devices, whole.patrols, whole.sources).patrols
        phone = next(iter(patrols))
        users = sign_ins(open_accounts(whole), phone)
        with _children(whole, wanted, phone, say) as children:
            ready = {
                "url": f"http://{_shown(whole.host)}:{port}", "mqtt_url": broker.url, "redis_url": valkey.url,
                "site": whole.site, "grids": str(whole.grids.resolve()), "users": users,
                "token": next(user["token"] for user in users if user["role"] == "administrator"),
            }  # fmt: skip
            _tell(ready, _settings_file(whole), wanted, say)
            _look_after(children, (valkey, broker), stop, say)
        say("Stopping the servers …")
    say("Stopped. The same state shows the same cases again.")


def _refuse_taken(host: str, port: int) -> None:
    """Somebody else's page at the address would be told as ours, with sign-ins that do not work there."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise BadSetting(
                f"Cannot listen on {host}, port {port} ({error.strerror or error}): choose another with --port."
            ) from error


def sign_ins(accounts: Accounts, patrol: str) -> list[dict[str, str]]:
    """An account of each role of the desk and one of the patrol's, with a password and a token made just now; other
    accounts are left alone."""
    known = {account.name for account in accounts.names()}
    found = []
    for role in (*DESK_ROLES, "field"):
        password, bound = new_password(), patrol if role == "field" else ""
        if role in known:
            accounts.set_password(role, password)
            accounts.set_role(role, role, bound)
            accounts.disable(role, False)
        else:
            accounts.add(role, role, password, wall_clock(), bound)
        token = accounts.new_token(role)
        found.append({"name": role, "password": password, "role": role, "token": token})
        if bound:
            found[-1]["patrol"] = bound
    return found


@contextlib.contextmanager
def _children(whole: Settings, wanted: Wanted, phone: str, say: Say) -> Iterator[list[Child]]:
    """The workers, the web and the simulator, ready; stopped in the order that loses nothing. `phone`: the patrol whose
    tasks are answered on its phone."""
    environment = variables(whole)

    def child(name: str, *arguments: str) -> Child:
        return Child(name, (name, *arguments), environment, whole.state_dir / f"{name}.log")

    ingest, clock, web = child("ingest", "--drain"), child("clock"), child("serve")
    archive = child("archive", "run")
    simulator = child(
        "simulate", "--speed", str(wanted.speed), "--by-hand", phone, "--operators", str(wanted.operators)
    )
    running = [ingest, clock, archive, web]
    try:
        for each in running:
            each.start()
        _wait_until_ready(whole, running)
        if wanted.simulate:
            simulator.start()
            running.append(simulator)
        yield running
    finally:
        say("Stopping the publishers, then taking in what the broker still has …")
        simulator.stop(15.0)
        ingest.stop(DRAIN_S)
        clock.stop(15.0)
        archive.stop(15.0)
        web.stop(15.0)


def _wait_until_ready(whole: Settings, children: list[Child]) -> None:
    """Until the web answers and a message has gone all the way from the broker into Redis."""
    deadline = time.monotonic() + READY_S

    def dead() -> Child | None:
        return next((child for child in children if child.pid is None), None)

    def answers() -> bool:
        with contextlib.suppress(OSError):  # HTTPError is one: not ready yet
            address = f"http://{_shown(whole.host)}:{whole.port}/readyz"
            with urllib.request.urlopen(address, timeout=2) as answer:
                return bool(answer.status == 200)
        return False

    queue = open_queue(whole)
    assert whole.mqtt_url is not None
    with Publisher(whole.mqtt_url, f"gridpost-{whole.site}-demo") as publisher:
        before = _ignored(queue)
        while _ignored(queue) == before:
            publisher.send(PROBE, b"{}")
            if wait_for(lambda: _ignored(queue) != before or dead(), 0.5):
                break
            if time.monotonic() > deadline:
                break
    ready = wait_for(lambda: answers() or dead(), max(0.1, deadline - time.monotonic()))
    late = dead() or (None if ready else children[-1])
    if late is not None:
        raise DemoFailed(f"{late.name} did not get ready within {READY_S:.0f} s. {late.last_words()}")


def _ignored(queue: DispatchQueue) -> int:
    """How many probes came through today."""
    now = wall_clock()
    days = (local_day(now, queue.tz), local_day(now - timedelta(hours=1), queue.tz))
    return sum(queue.counts(day).get("ignored:frigate:stats", 0) for day in set(days))


def _settings_file(whole: Settings) -> Path:
    """The settings of this demo beside its state: with them every command finds its servers and its history."""
    path = whole.state_dir / DEFAULT_FILE
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(as_file(whole))
    return path


def _tell(ready: dict[str, Any], settings: Path, wanted: Wanted, say: Say) -> None:
    """Say where everything is, on the terminal and in the ready file."""
    lines = ["", f"  网格哨 Gridpost is ready: {ready['url']}", ""]
    lines += [
        f"    {user['role']:<15}{user['name']:<15}{user['password']}{_hint(user)}" for user in ready["users"]
    ]
    lines += ["", f"  MQTT  {ready['mqtt_url']}   topics gridpost/{ready['site']}/<kind>/<device>"]
    lines += [
        f"  Redis {ready['redis_url']}", "", "  Commands find this site by its settings:",
        f"    GRIDPOST_CONFIG={shlex.quote(str(settings))} {_command()} archive list", "", "  Ctrl-C stops.",
    ]  # fmt: skip
    say("\n".join([*lines, ""]))
    if wanted.ready_file is not None:
        partial = wanted.ready_file.with_name(wanted.ready_file.name + ".part")
        handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)  # it holds passwords
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(ready, file, ensure_ascii=False, indent=2)
        os.replace(partial, wanted.ready_file)


def _command() -> str:
    """How `gridpost` is called from here, be it on the PATH or not."""
    beside = Path(sys.executable).with_name("gridpost")
    if not beside.exists() or shutil.which("gridpost") == str(beside):
        return "gridpost"
    return shlex.quote(str(beside.relative_to(Path.cwd()) if beside.is_relative_to(Path.cwd()) else beside))


def _hint(user: dict[str, str]) -> str:
    """What the phone page shows: whose account it is."""
    return f"   /field, as {user['patrol']}" if "patrol" in user else ""


def _look_after(children: list[Child], servers: tuple[Valkey, Broker], stop: threading.Event, say: Say) -> None:
    """Until told to stop: start again what dies; raises DemoFailed when that does not help."""
    while not stop.wait(LOOK_S):
        for server in servers:
            if server.pid is None:
                raise DemoFailed(f"The embedded {server.name} has ended; see {server.log}.")
        for child in children:
            said = child.look_after(time.monotonic())
            if said:
                say(said)
            if child.hopeless:
                raise DemoFailed(f"{child.name} dies again and again. {child.last_words()}")


def _on_signals(stop: threading.Event, say: Say) -> None:
    """Ctrl-C and SIGTERM stop in order; a second one says that it takes a moment, a third one gives up waiting."""
    told: list[float] = []

    def signalled(number: int, _frame: FrameType | None) -> None:
        told.append(time.monotonic())
        stop.set()
        if len(told) == 2:
            say("Still saving what came in; press once more to give up.")
        if len(told) > 2:
            raise KeyboardInterrupt

    signal.signal(signal.SIGINT, signalled)
    signal.signal(signal.SIGTERM, signalled)


def _shown(host: str) -> str:
    """The address that a browser on this machine can open."""
    if host in ("0.0.0.0", "::", ""):
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
