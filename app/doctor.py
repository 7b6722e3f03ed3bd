"""What is reachable and what is misconfigured, one line each. Looks only; changes nothing."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import redis

from app.centre import open_accounts, open_queue, open_redis, read_calendar, read_grids, read_org, wall_clock
from app.config import Settings
from app.logs import without_password
from streams.archive.keeping import OLD_S
from streams.errors import BadSetting
from streams.matters import load_matters
from streams.organisation import check_grids, check_matters, check_register
from streams.register import load_register

MQTT_PORTS = {"mqtt": 1883, "mqtts": 8883}
ANSWER_S = 3.0


class Finding(NamedTuple):
    """One thing looked at. `fine` None: worth knowing, not wrong."""

    fine: bool | None
    what: str
    said: str


def examine(settings: Settings) -> list[Finding]:
    """Look at everything; raises nothing that is wrong with the site."""
    return [
        _file("grids", lambda: f"{len(read_grids(settings.grids).grids)} grids in {settings.grids}"),
        _file("matters", lambda: f"{len(load_matters(settings.matters).matters)} matters in {settings.matters}"),
        _file("register", lambda: _register(settings)),
        _file("organisation", lambda: _organisation(settings)),
        _file("calendar", lambda: _calendar(settings)),
        _folder(settings),
        *_redis(settings),
        _broker(settings),
        _open(settings),
    ]


def _file(what: str, read: Callable[[], str]) -> Finding:
    try:
        return Finding(True, what, read())
    except BadSetting as error:
        return Finding(False, what, str(error))


def _register(settings: Settings) -> str:
    found = load_register(settings.devices, settings.patrols, settings.sources)
    return f"{len(found.devices)} devices, {len(found.patrols)} patrols, {len(found.sources)} sources"


def _organisation(settings: Settings) -> str:
    """Held against the other files as every process does at its start."""
    org = read_org(settings.org)
    if not settings.org.exists():
        return f"{settings.org} does not exist, so there is none: every case is the centre's"
    check_grids(org, read_grids(settings.grids).by_code)
    check_matters(org, load_matters(settings.matters))
    check_register(org, load_register(settings.devices, settings.patrols, settings.sources))
    return f"{len(org.persons)} persons, {len(org.departments)} departments in {settings.org}"


def _calendar(settings: Settings) -> str:
    read_calendar(settings)
    return f"{settings.calendar or 'the official one'}, zone {settings.timezone}, working hours {settings.work_hours}"


def _folder(settings: Settings) -> Finding:
    nearest = settings.state_dir
    while not nearest.exists() and nearest != nearest.parent:
        nearest = nearest.parent
    if os.access(nearest, os.W_OK):
        return Finding(True, "state", f"{settings.state_dir} can be written")
    return Finding(False, "state", f"{settings.state_dir} cannot be written: choose another GRIDPOST_STATE_DIR")


def _redis(settings: Settings) -> Iterator[Finding]:
    if settings.redis_url is None:
        yield Finding(None, "redis", "GRIDPOST_REDIS_URL is not set: the embedded Valkey will be used")
        return
    shown = without_password(settings.redis_url)
    client: Any = open_redis(settings, decode=True)
    try:
        version = client.info("server")["redis_version"]
        yield Finding(True, "redis", f"{shown} answers (version {version})")
        yield from _redis_settings(client)
        count = len(open_accounts(settings).names())
        said = f"{count} accounts" if count else "there is none: `gridpost users add` makes one"
        yield Finding(True if count else None, "accounts", said)
        yield _archive(settings)
    except redis.RedisError as error:
        yield Finding(False, "redis", f"{shown} does not answer ({error}): check the address and that it runs")


def _archive(settings: Settings) -> Finding:
    """Whether somebody keeps the history. Asked of Redis: the files may lie on another machine."""
    lag = open_queue(settings).archive_lag(wall_clock())
    if lag is None:
        return Finding(None, "archive", "nothing was ever kept: `gridpost archive run` keeps the history")
    if lag > OLD_S:
        return Finding(False, "archive", f"nothing was kept for {lag:.0f} s: is `gridpost archive run` running?")
    return Finding(True, "archive", "history is kept")


def _redis_settings(client: Any) -> Iterator[Finding]:
    """Nothing may be lost or evicted: every acknowledged write on disk, and no eviction."""
    wanted = {
        "appendonly": ("yes", "what was acknowledged would be lost with the server"),
        "appendfsync": ("always", "the last second could be lost although the broker heard that it was safe"),
        "maxmemory-policy": ("noeviction", "cases could be evicted"),
    }
    for name, (value, why) in wanted.items():
        try:
            found = client.config_get(name).get(name, "?")
        except redis.ResponseError:
            yield Finding(None, "redis", f"CONFIG GET is not allowed; make sure that {name} is {value}")
            continue
        if found == value:
            yield Finding(True, "redis", f"{name} {value}")
        else:
            yield Finding(False, "redis", f"{name} is {found!r}, so {why}: set it to {value}")


def _broker(settings: Settings) -> Finding:
    if settings.mqtt_url is None:
        return Finding(None, "mqtt", "GRIDPOST_MQTT_URL is not set: the embedded broker will be used")
    shown = without_password(settings.mqtt_url)
    parts = urlsplit(settings.mqtt_url)
    try:
        with socket.create_connection((parts.hostname or "", parts.port or MQTT_PORTS[parts.scheme]), ANSWER_S):
            return Finding(True, "mqtt", f"{shown} accepts connections")
    except OSError as error:
        return Finding(False, "mqtt", f"{shown} does not answer ({error}): check the address and that it runs")


def _open(settings: Settings) -> Finding:
    if settings.host in ("127.0.0.1", "::1", "localhost"):
        return Finding(True, "web", f"only this machine reaches port {settings.port}")
    return Finding(None, "web", f"listens on {settings.host}: put a proxy with TLS in front")
