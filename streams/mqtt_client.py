"""paho as Gridpost uses it: an address, a connection that is tried for ever, our socket beneath it.

MQTT 3.1.1 on purpose, though both brokers tried also speak 5: one listener then serves devices and centre
(rumqttd wants a second port for 5), `$share` works the same, and every broker knows it. What 5 would add,
the broker's settings give: how much is in flight (`max_inflight_messages 2000`), how long an abandoned
session lives (`persistent_client_expiration`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from streams.errors import BadSetting
from streams.mqtt_socket import PacketSocket, Published

KEEPALIVE_S = 30
RECONNECT_S = (1, 15)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class MqttUrl:
    """Where the broker is: `mqtt://[user[:password]@]host[:port]`, `mqtts://…[?ca=/path/to/ca.pem]`."""

    host: str
    port: int
    tls: bool = False
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    ca: Path | None = None

    @classmethod
    def parse(cls, text: str | MqttUrl) -> MqttUrl:
        """Raises BadSetting, which never repeats the password."""
        if isinstance(text, MqttUrl):
            return text
        form = "use mqtt://[user:password@]host[:port], or mqtts://… with an optional ?ca=FILE"
        try:
            url = urlsplit(text)
            port = url.port
        except ValueError as error:
            raise BadSetting(f"MQTT_URL is not a URL ({error}): {form}") from error
        if url.scheme not in ("mqtt", "mqtts"):
            raise BadSetting(f"MQTT_URL begins with {url.scheme or 'nothing'!r}: {form}")
        if not url.hostname or url.path.strip("/") or port == 0:
            raise BadSetting(f"MQTT_URL has no host, a path or port 0 (host {url.hostname!r}): {form}")
        tls = url.scheme == "mqtts"
        options = dict(parse_qsl(url.query))
        ca = options.pop("ca", None)
        if options or (ca and not tls):
            raise BadSetting(f"MQTT_URL has the unknown option {next(iter(options), 'ca')!r}: {form}")
        if ca and not Path(ca).is_file():
            raise BadSetting(f"MQTT_URL names the CA file {ca}, which does not exist")
        return cls(
            url.hostname, port or (8883 if tls else 1883), tls,
            unquote(url.username) if url.username else None,
            unquote(url.password) if url.password else None,
            Path(ca) if ca else None,
        )

    def __str__(self) -> str:
        return f"{'mqtts' if self.tls else 'mqtt'}://{self.host}:{self.port}"


class Client(paho.Client):
    """paho with our socket beneath it, and with its state said in words."""

    def __init__(self, url: MqttUrl | str, client_id: str, *, clean: bool, on_state: Callable[[str], None] |
    None):
        super().__init__(
            CallbackAPIVersion.VERSION2, client_id, clean_session=clean, protocol=paho.MQTTv311,
            manual_ack=True
        )
        self.url = MqttUrl.parse(url)
        self.name = client_id
        self.arrived: Callable[[PacketSocket, list[Published]], None] | None = None
        self.greeted: Callable[[bool], None] = lambda session: None
        self._say = on_state or (lambda text: None)
        if self.url.user is not None:
            self.username_pw_set(self.url.user, self.url.password)
        if self.url.tls:
            self.tls_set(ca_certs=str(self.url.ca) if self.url.ca else None)
        self.reconnect_delay_set(*RECONNECT_S)
        self.on_connect = self._connected_or_refused
        self.on_disconnect = self._disconnected

    def begin(self) -> None:
        """Connect in the background, again and again."""
        self.connect_async(self.url.host, self.url.port, keepalive=KEEPALIVE_S)
        self.loop_start()

    def end(self) -> None:
        """Send what is queued, say goodbye, end the thread."""
        self.disconnect()
        self.loop_stop()

    def queue(self, packets: bytes) -> None:
        """Send complete packets behind whatever is queued."""
        self._packet_queue(paho.PUBACK, packets, 0, 1)

    def _create_socket(self) -> PacketSocket:
        return PacketSocket(super()._create_socket(), self.arrived)

    def _connected_or_refused(self, _: paho.Client, __: Any, flags: Any, reason: Any, ___: Any) -> None:
        if reason.is_failure:
            self._report(logging.ERROR, f"{self.url} refuses {self.name!r}: {reason}")
            return
        self._report(logging.INFO, f"connected to {self.url}")
        self.greeted(bool(flags.session_present))

    def _disconnected(self, _: paho.Client, __: Any, ___: Any, reason: Any, ____: Any) -> None:
        if reason.is_failure:
            self._report(logging.WARNING, f"lost {self.url} ({reason}); trying again")

    def _report(self, level: int, text: str) -> None:
        log.log(level, text)
        self._say(text)
