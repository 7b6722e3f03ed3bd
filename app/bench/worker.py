"""The two ingest workers that are measured, each as a process: `python -m app.bench.worker ours|plain …`.

`ours` is the recipe of `streams.ingest`, as `gridpost ingest` runs it. `plain` is the worker one writes first: a paho
callback that decodes and tags the message with the very same code, then makes four Redis calls (is it new, keep it,
move the patrol, tell the screens). It opens no cases, so it does less.
"""

from __future__ import annotations

import signal
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from app.config import ROOT
from geo.grids import load
from geo.tagging import GridIndex
from streams import ingest
from streams.calendar import Calendar
from streams.desk import Desk
from streams.dialects import decode, topics
from streams.dispatch_queue import DispatchQueue, connect
from streams.keys import Keys
from streams.matters import load_matters
from streams.model import Event, Ignored
from streams.mqtt import subscribe
from streams.mqtt_client import MqttUrl
from streams.register import Register, load_register

ZONE = ZoneInfo("Asia/Shanghai")
SEEN_S = 3 * 24 * 3600
READY = "ready"
to_json = msgspec.json.Encoder().encode


def registered(county: Path) -> Register:
    """The county's register."""
    return load_register(county / "devices.csv", county / "patrols.csv", county / "sources.csv")


def ours(county: Path, redis_url: str, mqtt_url: str, site: str, stop: threading.Event) -> None:
    """The recipe, until `stop`."""
    queue = DispatchQueue(connect(redis_url), Keys(site), ZONE)
    desk = Desk(
        site, registered(county), GridIndex(load(county / "grids.geojson")),
        load_matters(ROOT / "data" / "matters.toml"), Calendar(tz=ZONE), queue, lambda: datetime.now(UTC), stop=stop,
    )  # fmt: skip
    batches = subscribe(
        mqtt_url, topics(site), client_id=f"bench-{site}", share=None, stop=stop, on_state=lambda _: _say_ready()
    )
    ingest.run(batches, desk)


def plain(county: Path, redis_url: str, mqtt_url: str, site: str, stop: threading.Event) -> None:
    """One callback and four Redis calls a message, until `stop`."""
    redis, keys = connect(redis_url), Keys(site)
    register, index = registered(county), GridIndex(load(county / "grids.geojson"))

    def on_message(_: Any, __: Any, message: paho.MQTTMessage) -> None:
        found = decode(message.topic, bytes(message.payload), received=datetime.now(UTC), site=site, register=register)
        for event in [] if isinstance(found, Ignored) else found:
            keep(tagged(event))

    def tagged(event: Event) -> Event:
        if event.position is None:
            return event
        tag = index.tag(event.position.lon, event.position.lat)
        return msgspec.structs.replace(event, grid=tag.grid, grids=tag.grids, cell=tag.cell)

    def keep(event: Event) -> None:
        if not redis.set(keys(f"seen:{event.source}:{event.id}"), 1, nx=True, ex=SEEN_S):
            return
        redis.xadd(keys.events, {"e": to_json(event)})
        last: dict[Any, Any] = {"at": event.at.timestamp(), "grid": event.grid or ""}
        if event.position is not None:
            last |= {"lon": event.position.lon, "lat": event.position.lat}
        key = keys.patrol(event.device) if event.kind == "position" else keys.device(event.device)
        redis.hset(key, mapping=last)
        redis.xadd(keys.changes, {"change": to_json({"id": event.device, **last})}, maxlen=100_000, approximate=True)

    client = paho.Client(CallbackAPIVersion.VERSION2, f"bench-{site}", clean_session=False, protocol=paho.MQTTv311)
    def on_connect(*_: Any) -> None:
        client.subscribe([(topic, 1) for topic in topics(site)])

    client.on_message, client.on_connect = on_message, on_connect
    client.on_subscribe = lambda *_: _say_ready()
    broker = MqttUrl.parse(mqtt_url)
    client.connect(broker.host, broker.port)
    client.loop_start()
    stop.wait()
    client.disconnect()
    client.loop_stop()


def _say_ready() -> None:
    sys.stdout.write(READY + "\n")
    sys.stdout.flush()


def main(kind: str, county: str, redis_url: str, mqtt_url: str, site: str) -> None:
    """Run one of the two until SIGTERM."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    {"ours": ours, "plain": plain}[kind](Path(county), redis_url, mqtt_url, site, stop)


if __name__ == "__main__":
    main(*sys.argv[1:])
