"""A county's messages, made before they are needed, and a publisher that costs next to nothing.

The mix is that of a working day: 95 % positions, then readings, alerts (new, update, end), statuses and reports. The
publisher is a process of its own that writes ready-made packets to the broker and only counts what comes back, so that
what is measured is the worker and not the publisher, which shares the machine with it.
"""

from __future__ import annotations

import json
import math
import socket
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

from streams.mqtt_client import MqttUrl
from streams.register import Register

Packet = tuple[str, bytes]
WINDOW = 800
"""Messages the publisher has unacknowledged at most: below the broker's limit."""
CATEGORIES = ("exposed_rubbish", "roadside_stall", "illegal_parking", "crowd", "no_helmet", "smoke", "open_burning")
REPORTED = ("garbage", "road_damage", "street_light", "noise", "illegal_parking", "dispute")
LEVELS = {"water_level": (1.2, 2.4), "rain": (0, 4), "wind": (0, 8), "pm25": (20, 90), "noise": (40, 60), "gas": (0, 4)}
STEP_DEGREES = 0.00006
"""About 6 m: a step of a patrol on foot between two fixes."""


def mix(register: Register, places: list[tuple[float, float]], site: str, count: int, now: datetime,
        seed: int) -> list[Packet]:  # fmt: skip
    """`count` native messages of one site as (topic, payload), in the order of time, the last one at about `now`."""
    rng = Random(seed)
    patrols = sorted(register.patrols)
    cameras = [device.id for device in register.devices.values() if device.kind == "camera"]
    sensors = [device for device in register.devices.values() if device.kind == "sensor"]
    where = {patrol: rng.choice(places) for patrol in patrols}
    alerts: Iterator[Packet] = _alerts(rng, cameras, site, now)
    made: list[Packet] = []
    for n in range(count):
        at = now.timestamp() - (count - n) * len(patrols) / 1_000_000  # each patrol 5 s apart, for 5,000 of them
        draw = rng.random()
        if draw < 0.95:
            patrol = patrols[n % len(patrols)]
            made.append(_position(rng, patrol, where, site, f"{n}", at))
        elif draw < 0.97:
            sensor = rng.choice(sensors)
            low, high = LEVELS.get(sensor.quantity, (0, 1))
            made.append(_message("reading", site, sensor.id, {"id": f"{n}", "at": at, "quantity": sensor.quantity,
                                                              "value": round(rng.uniform(low, high), 2)}))  # fmt: skip
        elif draw < 0.985:
            made.append(next(alerts))
        elif draw < 0.995:
            camera = rng.choice(cameras)
            made.append(_message("status", site, camera, {"id": f"{n}", "at": at, "state": "online"}))
        else:
            lon, lat = rng.choice(places)
            made.append(_message("report", site, f"resident-{n}", {
                "id": f"{n}", "at": at, "lon": round(lon, 6), "lat": round(lat, 6), "category": rng.choice(REPORTED),
                "text": "路口有情况，请派人看一下", "contact": "199-0000-1234"}))  # fmt: skip
    return made


def _position(rng: Random, patrol: str, where: dict[str, tuple[float, float]], site: str, name: str,
              at: float) -> Packet:  # fmt: skip
    course = rng.uniform(0, 360)
    lon, lat = where[patrol]
    lon += STEP_DEGREES * math.sin(math.radians(course))
    lat += STEP_DEGREES * math.cos(math.radians(course))
    where[patrol] = lon, lat
    return _message("position", site, patrol, {
        "id": name, "at": round(at, 3), "lon": round(lon, 6), "lat": round(lat, 6), "accuracy": 5.0, "speed": 1.3,
        "course": round(course, 1), "battery": rng.randrange(20, 100)})  # fmt: skip


def _alerts(rng: Random, cameras: list[str], site: str, now: datetime) -> Iterator[Packet]:
    """Alerts without end: each goes through its three phases."""
    series = 0
    while True:
        series += 1
        camera, category = rng.choice(cameras), rng.choice(CATEGORIES)
        for n, phase in enumerate(("new", "update", "end")):
            yield _message("alert", site, camera, {
                "id": f"a{series}-{n}", "at": now.timestamp() - 3 + n, "category": category,
                "severity": rng.randrange(1, 5), "alert": f"a{series}", "phase": phase})  # fmt: skip


def _message(kind: str, site: str, device: str, payload: dict[str, Any]) -> Packet:
    return f"gridpost/{site}/{kind}/{device}", json.dumps(payload, separators=(",", ":")).encode()


def write(packets: list[Packet], path: Path) -> None:
    """The packets as MQTT 3.1.1 PUBLISH at QoS 1 (section 3.3), ready for the wire, each behind its size."""
    with path.open("wb") as file:
        for n, (topic, payload) in enumerate(packets):
            body = len(topic).to_bytes(2, "big") + topic.encode() + (n % 65_000 + 1).to_bytes(2, "big") + payload
            packet = b"\x32" + _length(len(body)) + body
            file.write(len(packet).to_bytes(4, "big") + packet)


def _length(size: int) -> bytes:
    out = bytearray()
    while True:
        size, byte = divmod(size, 128)
        out.append(byte | (0x80 if size else 0))
        if not size:
            return bytes(out)


def publish(path: Path, url: str) -> int:
    """Send what `write` wrote as fast as the broker acknowledges; returns how many."""
    data, packets, at = path.read_bytes(), [], 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        packets.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    broker = MqttUrl.parse(url)
    with socket.create_connection((broker.host, broker.port), timeout=60) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        name = b"bench-publisher"
        connection.sendall(b"\x10" + _length(12 + len(name)) + b"\x00\x04MQTT\x04\x02\x00\x3c" +
                           len(name).to_bytes(2, "big") + name)  # fmt: skip
        _exactly(connection, 4)  # CONNACK
        sent = acknowledged = 0
        while acknowledged < len(packets):
            room = WINDOW - (sent - acknowledged)
            if room >= WINDOW // 4 and sent < len(packets):
                connection.sendall(b"".join(packets[sent : sent + room]))
                sent += len(packets[sent : sent + room])
                continue
            wanted = min(WINDOW // 4, sent - acknowledged)
            _exactly(connection, 4 * wanted)  # PUBACKs have four bytes
            acknowledged += wanted
        connection.sendall(b"\xe0\x00")
    return len(packets)


def _exactly(connection: socket.socket, size: int) -> None:
    while size:
        chunk = connection.recv(min(size, 1 << 16))
        if not chunk:
            raise ConnectionError("the broker hung up on the publisher")
        size -= len(chunk)


if __name__ == "__main__":
    publish(Path(sys.argv[1]), sys.argv[2])
