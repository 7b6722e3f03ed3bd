"""The servers that a setting leaves out: the embedded ones of STATE_DIR, started here or found running.

The first process of a state directory that needs one starts it and says so; the others find it by the addresses that
it wrote there. They end with the process that started them.
"""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Iterator
from pathlib import Path

from app.config import Settings
from streams.embedded import Broker, Valkey
from streams.errors import BadSetting

log = logging.getLogger("gridpost")

ADDRESSES = "servers.json"


@contextlib.contextmanager
def with_servers(settings: Settings, *, redis: bool = True, mqtt: bool = True) -> Iterator[Settings]:
    """The settings with the addresses of the servers that are missing in them, as long as the block runs."""
    with contextlib.ExitStack() as running:
        found: dict[str, str] = {}
        if redis and settings.redis_url is None:
            found["redis_url"] = _valkey(settings, running)
        if mqtt and settings.mqtt_url is None:
            found["mqtt_url"] = _broker(settings, running)
        yield settings.model_copy(update=found)


def _valkey(settings: Settings, running: contextlib.ExitStack) -> str:
    try:
        url = running.enter_context(Valkey(settings.state_dir / "valkey")).url
    except BadSetting:
        return _running(settings.state_dir, "redis_url")
    _write(settings.state_dir, "redis_url", url)
    log.info("GRIDPOST_REDIS_URL is not set: started the embedded Valkey on %s at %s", settings.state_dir, url)
    return url


def _broker(settings: Settings, running: contextlib.ExitStack) -> str:
    try:
        url = running.enter_context(Broker(settings.state_dir / "broker")).url
    except BadSetting:
        return _running(settings.state_dir, "mqtt_url")
    _write(settings.state_dir, "mqtt_url", url)
    log.info("GRIDPOST_MQTT_URL is not set: started the embedded broker at %s", url)
    return url


def _addresses(state_dir: Path) -> dict[str, str]:
    path = state_dir / ADDRESSES
    try:
        found: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found


def _running(state_dir: Path, name: str) -> str:
    """The address of a server that another process started; raises BadSetting when it wrote none."""
    found = _addresses(state_dir).get(name)
    if found is None:
        raise BadSetting(
            f"An embedded server runs on {state_dir}, but {ADDRESSES} there does not say where: stop it, "
            f"or set GRIDPOST_{name.upper()}."
        )
    log.info("GRIDPOST_%s is not set: using the embedded server at %s", name.upper(), found)
    return found


def _write(state_dir: Path, name: str, url: str) -> None:
    state_dir.mkdir(parents=True, exist_ok=True)
    text = json.dumps(_addresses(state_dir) | {name: url})
    (state_dir / ADDRESSES).write_text(text, encoding="utf-8")
