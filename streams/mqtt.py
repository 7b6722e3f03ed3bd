"""The only module that speaks MQTT: subscribe as an iterator of batches, publish until acknowledged.

A batch is acknowledged as a whole, after Redis answered. Acknowledgements leave in the order the messages
came (MQTT 4.6 wants it, rumqttd hangs up otherwise), so a batch that is done before an earlier one waits
for it. Those of a former connection are dropped: the broker sends the messages again, and the record script
knows them. The inbox needs no limit: the broker stops at its limit of unacknowledged messages, and paho's
thread never waits for the consumer, so pings go on.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import paho.mqtt.client as paho

from streams.errors import Unreachable
from streams.mqtt_client import Client, MqttUrl
from streams.mqtt_socket import PacketSocket, Published

__all__ = ["WINDOW", "Batch", "Message", "MqttUrl", "Publisher", "Subscriber", "subscribe"]

WINDOW = 1000
"""Messages a publisher has unacknowledged at most."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Message:
    """One message: its topic, its payload as it came, when this process got it (UTC)."""

    topic: str
    payload: bytes
    received: datetime


@dataclass(frozen=True)
class Batch:
    """What had arrived, in order. Call `acknowledge` once, from any thread, after the messages are safe."""

    messages: tuple[Message, ...]
    acknowledge: Callable[[], None]


def subscribe(
    url: MqttUrl | str,
    topics: Sequence[str],
    *,
    client_id: str,
    share: str | None,
    stop: threading.Event,
    most: int = 256,
    on_state: Callable[[str], None] | None = None,
) -> Iterator[Batch | None]:
    """Batches of at most `most` messages until `stop`, over reconnects; None after a second with nothing.

    `client_id` must stay the same over restarts: the broker keeps what comes meanwhile. `share` names the
    shared subscription when several workers run. `on_state` hears of connects and losses.
    """
    with Subscriber(url, topics, client_id=client_id, share=share, on_state=on_state) as subscriber:
        while not stop.is_set():
            yield subscriber.take(most)


@dataclass
class _Given:
    mids: list[bytes]
    done: bool = False


class _Acks:
    """The acknowledgements of one connection, sent in the order of its messages."""

    def __init__(self, connection: PacketSocket, client: Client) -> None:
        self.connection = connection
        self._client = client
        self._waiting: deque[_Given] = deque()

    def give(self, mids: list[bytes]) -> Callable[[], None]:
        """Register a batch that leaves now; the returned call marks it done."""
        given = _Given(mids)
        with self.connection.lock:
            self._waiting.append(given)
        return lambda: self._done(given)

    def _done(self, given: _Given) -> None:
        with self.connection.lock:
            given.done = True
            ready: list[bytes] = []
            while self._waiting and self._waiting[0].done:
                ready += self._waiting.popleft().mids
            if ready and self.connection.open:
                self._client.queue(b"".join([b"\x40\x02" + mid for mid in ready]))


class Subscriber:
    """A persistent subscription; `subscribe` is this as an iterator."""

    def __init__(
        self,
        url: MqttUrl | str,
        topics: Sequence[str],
        *,
        client_id: str,
        share: str | None = None,
        on_state: Callable[[str], None] | None = None,
    ) -> None:
        self._filters = [(f"$share/{share}/{topic}" if share else topic, 1) for topic in topics]
        self._say = on_state or (lambda text: None)
        self._subscribed = False
        self._inbox: deque[tuple[PacketSocket, Message, bytes]] = deque()
        self._filled = threading.Condition()
        self._client = Client(url, client_id, clean=False, on_state=on_state)
        self.url = self._client.url
        self._client.arrived = self._arrived
        self._client.greeted = self._greeted
        self._client.on_subscribe = self._on_subscribe
        self._acks: _Acks | None = None

    def __enter__(self) -> Self:
        self._client.begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.end()

    @property
    def connected(self) -> bool:
        """Whether the broker has answered on the present connection."""
        return self._client.is_connected()

    @property
    def waiting(self) -> int:
        """Messages in the inbox."""
        return len(self._inbox)

    def take(self, most: int = 256, wait: float = 1.0) -> Batch | None:
        """What has arrived, at most `most`, or None after `wait` seconds with nothing."""
        with self._filled:
            if not self._inbox and not self._filled.wait_for(lambda: self._inbox, wait):
                return None
            connection = self._inbox[0][0]
            messages: list[Message] = []
            mids: list[bytes] = []
            while self._inbox and len(messages) < most and self._inbox[0][0] is connection:
                _, message, mid = self._inbox.popleft()
                messages.append(message)
                if mid:
                    mids.append(mid)
        if self._acks is None or self._acks.connection is not connection:
            self._acks = _Acks(connection, self._client)
        return Batch(tuple(messages), self._acks.give(mids))

    def _arrived(self, connection: PacketSocket, found: list[Published]) -> None:
        now = datetime.now(UTC)
        with self._filled:
            self._inbox.extend(
                (connection, Message(topic.decode("utf-8", "replace"), payload, now), mid)
                for topic, payload, mid in found
            )
            self._filled.notify()

    def _greeted(self, session: bool) -> None:
        """Subscribe, once a process (the topics may have changed) and whenever the broker forgot the session.

        With a session the broker sends again what was not acknowledged, so what lies in the inbox from the
        former connection goes; without one it is all there is, and stays.
        """
        if session:
            current = self._client.socket()
            with self._filled:
                kept = [item for item in self._inbox if item[0] is current or not item[2]]
                self._inbox = deque(kept)
        if not session or not self._subscribed:
            self._subscribed = True
            self._client.subscribe(self._filters)

    def _on_subscribe(self, _: paho.Client, __: Any, ____: Any, reasons: Any, ___: Any) -> None:
        for wanted, reason in zip(self._filters, reasons, strict=False):
            if reason.is_failure:
                log.error("%s refuses the subscription %s: %s", self._client.url, wanted[0], reason)
        self._say("subscribed")  # from here on the broker keeps for us whatever comes


class Publisher:
    """Publishes at QoS 1, in order, and sends again over reconnects until the broker acknowledges, or `stop` is set.

    A message on the way when the line breaks may come after one that follows it, and twice.
    """

    def __init__(
        self,
        url: MqttUrl | str,
        client_id: str,
        *,
        stop: threading.Event | None = None,
        will: tuple[str, bytes] | None = None,
        on_state: Callable[[str], None] | None = None,
    ) -> None:
        self._client = Client(url, client_id, clean=True, on_state=on_state)
        self._client.max_inflight_messages_set(WINDOW)
        self._client.on_publish = self._on_publish
        self._client.greeted = self._greeted
        if will:
            self._client.will_set(*will, qos=1)
        self._stop = stop or threading.Event()
        self._changed = threading.Condition()
        self._open: set[int] = set()
        self._early: set[int] = set()

    def __enter__(self) -> Self:
        self._client.begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.unacknowledged:
            log.warning("%d messages to %s are not acknowledged", self.unacknowledged, self._client.url)
        self._client.drop_out_messages()
        self._client.end()

    @property
    def connected(self) -> bool:
        return self._client.is_connected()

    @property
    def unacknowledged(self) -> int:
        """Messages sent or waiting that the broker has not acknowledged."""
        return len(self._open)

    def send(self, topic: str, payload: bytes, *, retain: bool = False, timeout: float | None = None) -> None:
        """Publish and wait for the PUBACK. Raises Unreachable when `stop` is set before, or after `timeout`
        seconds; the message may still arrive then."""
        mid = self._publish(topic, payload, retain, timeout)
        self._wait(lambda: mid not in self._open, timeout)

    def post(self, topic: str, payload: bytes) -> None:
        """Publish and go on; waits only without a connection or while WINDOW messages are unacknowledged."""
        if len(self._open) >= WINDOW:
            self._wait(lambda: len(self._open) < WINDOW)
        self._publish(topic, payload, False)

    def send_many(self, messages: Iterable[tuple[str, bytes]]) -> int:
        """Publish all at full speed and wait until the last is acknowledged; returns how many."""
        count = 0
        for topic, payload in messages:
            self.post(topic, payload)
            count += 1
        self._wait(lambda: not self._open)
        return count

    def drain(self, timeout: float) -> bool:
        """Wait until everything is acknowledged; False when it is not within `timeout` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._open, timeout)

    def _publish(self, topic: str, payload: bytes, retain: bool, timeout: float | None = None) -> int:
        if not self._client.is_connected():  # paho would let it overtake those that wait for the connection
            self._wait(self._client.is_connected, timeout)
        mid = self._client.publish(topic, payload, qos=1, retain=retain).mid
        with self._changed:  # the PUBACK may have overtaken us
            if mid in self._early:
                self._early.discard(mid)
            else:
                self._open.add(mid)
        return mid

    def _wait(self, condition: Callable[[], bool], timeout: float | None = None) -> None:
        end = None if timeout is None else time.monotonic() + timeout
        with self._changed:
            while not self._changed.wait_for(condition, 0.5):
                if self._stop.is_set() or (end is not None and time.monotonic() > end):
                    raise Unreachable(
                        f"Gave up while {self._client.url} has not acknowledged {len(self._open)} messages"
                        f"{'' if self._client.is_connected() else ' and is not reached'}."
                    )

    def _greeted(self, _: bool) -> None:
        with self._changed:
            self._changed.notify_all()

    def _on_publish(self, _: paho.Client, __: Any, mid: int, ___: Any, ____: Any) -> None:
        with self._changed:
            if mid in self._open:
                self._open.discard(mid)
                self._changed.notify_all()
            else:
                self._early.add(mid)
