"""MQTT as the centre uses it: nothing lost, in order, acknowledged last; on rumqttd and on Mosquitto."""

from __future__ import annotations

import itertools
import subprocess
import threading
import time
from pathlib import Path

import pytest

from streams import mqtt_client
from streams.embedded import Broker
from streams.errors import BadSetting, Unreachable
from streams.mqtt import Batch, Publisher, Subscriber, subscribe
from streams.mqtt_client import MqttUrl
from tests.conftest import wait_until
from tests.relay import Relay
from tests.servers import Mosquitto

TOPIC = "gridpost/here/position/+"
AnyBroker = Broker | Mosquitto


def publish(url: str, numbers: range, name: str = "devices") -> None:
    with Publisher(url, name) as publisher:
        publisher.send_many((f"gridpost/here/position/p{number % 7}", str(number).encode()) for number in numbers)


def subscriber(url: str, name: str = "worker", **options: object) -> Subscriber:
    return Subscriber(url, [TOPIC], client_id=name, **options)  # type: ignore[arg-type]


def ready(client: Subscriber) -> None:
    """Wait until the broker has taken the subscription: until probes of our own come back, all from the first seen."""
    wait_until(lambda: client.connected, what="connected")
    seen: list[bytes] = []
    deadline = time.monotonic() + 10
    with Publisher(client.url, f"probe-{id(client)}") as probe:
        for number in itertools.count():
            assert time.monotonic() < deadline, "the subscription never came alive"
            probe.send("gridpost/here/position/probe", b"-%d" % number)
            while batch := client.take(256, 0.3):
                seen += [message.payload for message in batch.messages]
                batch.acknowledge()
                if seen[-1] == b"-%d" % number:
                    return


def collect(client: Subscriber, count: int, *, acknowledge: bool = True, most: int = 256) -> list[int]:
    """The next `count` numbers that arrive."""
    numbers: list[int] = []
    stop = time.monotonic() + 20
    while len(numbers) < count and time.monotonic() < stop:
        if batch := client.take(most, 0.5):
            numbers += [int(message.payload) for message in batch.messages]
            if acknowledge:
                batch.acknowledge()
    assert len(numbers) >= count, f"only {len(numbers)} of {count} arrived"
    return numbers


def first_seen(numbers: list[int]) -> list[int]:
    return list(dict.fromkeys(number for number in numbers if number >= 0))


def again(broker: AnyBroker, numbers: list[int]) -> list[int]:
    """Numbers that came a second time, as first seen; sorted for rumqttd, which may send them in another order."""
    seen = first_seen(numbers)
    return seen if isinstance(broker, Mosquitto) else sorted(seen)


def test_messages_come_in_order_and_in_batches(any_broker: AnyBroker) -> None:
    """A backlog comes in the order it was sent, several messages a batch, never more than asked for."""
    with subscriber(any_broker.url) as client:
        ready(client)
        publish(any_broker.url, range(1500))
        sizes: list[int] = []
        numbers: list[int] = []
        while len(numbers) < 1500:
            batch = client.take(256, 5)
            assert batch, f"only {len(numbers)} arrived"
            sizes.append(len(batch.messages))
            numbers += [int(message.payload) for message in batch.messages]
            batch.acknowledge()
        assert numbers == list(range(1500))
        assert 1 < max(sizes) <= 256


def test_what_came_while_a_worker_was_away_waits_for_it(any_broker: AnyBroker) -> None:
    """A worker that starts again under its name gets what was not acknowledged and what came since, in order."""
    with subscriber(any_broker.url) as client:
        ready(client)
        publish(any_broker.url, range(10))
        batch = client.take(4)
        while batch and len(batch.messages) < 4:  # the first chunk may have been smaller
            more = client.take(4 - len(batch.messages))
            assert more
            batch.acknowledge()
            batch = Batch(batch.messages + more.messages, more.acknowledge)
        assert batch
        batch.acknowledge()
    publish(any_broker.url, range(10, 20))
    with subscriber(any_broker.url) as client:
        assert again(any_broker, collect(client, 16)) == list(range(4, 20))
    publish(any_broker.url, range(20, 23))
    with subscriber(any_broker.url) as client:
        assert collect(client, 3) == [20, 21, 22]


def test_a_cut_line_loses_nothing(any_broker: AnyBroker) -> None:
    """After the line is cut the worker comes back by itself; acknowledgements of the former line do no harm."""
    relay = Relay(any_broker.port)
    said: list[str] = []
    with subscriber(relay.url, on_state=said.append) as client:
        ready(client)
        publish(any_broker.url, range(50))
        old = client.take(20, 5)
        assert old
        relay.cut()
        wait_until(lambda: any("lost" in text for text in said), what="loss told")
        publish(any_broker.url, range(50, 80), "others")
        wait_until(lambda: client.connected, what="connected again")
        old.acknowledge()
        numbers = collect(client, 80)
        assert again(any_broker, numbers) == list(range(80))
        assert len([text for text in said if "connected" in text]) == 2
    relay.close()


def test_a_batch_done_early_waits_for_the_one_before(any_broker: AnyBroker) -> None:
    """Batches may be finished in any order: the broker hears of them in the order of the messages."""
    said: list[str] = []
    with subscriber(any_broker.url, on_state=said.append) as client:
        ready(client)
        publish(any_broker.url, range(30))
        batches: list[Batch] = []
        while sum(len(batch.messages) for batch in batches) < 30:
            batch = client.take(10, 5)
            assert batch
            batches.append(batch)
        assert len(batches) > 1
        for batch in reversed(batches):
            batch.acknowledge()
        publish(any_broker.url, range(30, 33), "others")
        assert collect(client, 3) == [30, 31, 32]
    assert not [text for text in said if "lost" in text]
    publish(any_broker.url, range(33, 34))
    with subscriber(any_broker.url) as client:
        assert collect(client, 1) == [33]


def test_only_the_first_half_acknowledged(any_broker: AnyBroker) -> None:
    """A batch that was never acknowledged comes again, together with everything after it."""
    with subscriber(any_broker.url) as client:
        ready(client)
        publish(any_broker.url, range(30))
        batches: list[Batch] = []
        while sum(len(batch.messages) for batch in batches) < 30:
            batch = client.take(10, 5)
            assert batch
            batches.append(batch)
        for batch in batches[1:]:
            batch.acknowledge()
    with subscriber(any_broker.url) as client:
        assert again(any_broker, collect(client, 30)) == list(range(30))


@pytest.mark.mosquitto
def test_a_broker_restart_loses_nothing(mosquitto: Mosquitto) -> None:
    """Mosquitto is stopped and started while a publisher sends: every number arrives, in the order of first sight."""
    count = 20_000
    with subscriber(mosquitto.url) as client:
        ready(client)
        sender = threading.Thread(target=publish, args=(mosquitto.url, range(count)))
        sender.start()
        numbers = collect(client, 300)
        mosquitto.stop()
        assert sender.is_alive(), "the broker must stop in the middle of it"
        mosquitto.start()
        deadline = time.monotonic() + 30
        while len(set(numbers)) < count and time.monotonic() < deadline:
            if batch := client.take(256, 0.5):
                numbers += [int(message.payload) for message in batch.messages]
                batch.acknowledge()
        sender.join(10)
        assert set(numbers) >= set(range(count))


@pytest.mark.mosquitto
def test_pings_go_on_while_the_consumer_is_blocked(mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch) -> None:
    """With as much in the inbox as the broker gives, and nobody taking it, the connection lives on."""
    monkeypatch.setattr(mqtt_client, "KEEPALIVE_S", 1)
    said: list[str] = []
    with subscriber(mosquitto.url, on_state=said.append) as client:
        ready(client)
        publish(mosquitto.url, range(2500))
        wait_until(lambda: client.waiting == 2000, what="the broker's limit of messages in flight")
        threading.Event().wait(3.5)  # the broker hangs up after 1.5 s of silence: time has to pass here
        assert collect(client, 2500) == list(range(2500))
    assert not [text for text in said if "lost" in text]


@pytest.mark.mosquitto
def test_workers_share_a_subscription(mosquitto: Mosquitto) -> None:
    """Two workers of one share get each message once between them; what one leaves behind the other gets."""
    stop = threading.Event()
    seen: dict[str, list[int]] = {"a": [], "b": []}

    def work(name: str) -> None:
        for batch in subscribe(mosquitto.url, [TOPIC], client_id=name, share="ingest", stop=stop):
            if batch:
                seen[name] += [int(message.payload) for message in batch.messages]
                batch.acknowledge()

    workers = [threading.Thread(target=work, args=(name,)) for name in seen]
    for worker in workers:
        worker.start()
    with Publisher(mosquitto.url, "probe") as probe:
        deadline = time.monotonic() + 10
        while not all(seen.values()) and time.monotonic() < deadline:
            probe.send("gridpost/here/position/x", b"-1")
    publish(mosquitto.url, range(1000))
    wait_until(lambda: len(first_seen(seen["a"] + seen["b"])) == 1000, what="all arrived")
    stop.set()
    for worker in workers:
        worker.join()
    both = [number for numbers in seen.values() for number in numbers if number >= 0]
    assert sorted(both) == list(range(1000))


def test_subscribe_ends_when_told(broker: Broker) -> None:
    """With nothing to receive the iterator yields None about each second, so that its caller can stop it."""
    stop = threading.Event()
    batches = subscribe(broker.url, [TOPIC], client_id="worker", share=None, stop=stop)
    assert next(batches) is None
    stop.set()
    assert list(batches) == []


def test_a_large_message_arrives_whole(any_broker: AnyBroker) -> None:
    """A payload beyond the contract's 64 KiB reaches ingest, which refuses it by its own rule."""
    payload = bytes(range(256)) * 800
    with subscriber(any_broker.url) as client:
        ready(client)
        with Publisher(any_broker.url, "devices") as publisher:
            publisher.send("gridpost/here/position/p1", payload)
        batch = client.take(1, 5)
        assert batch
        assert batch.messages[0].payload == payload
        assert batch.messages[0].topic == "gridpost/here/position/p1"


def test_a_retained_message_reaches_later_subscribers(any_broker: AnyBroker) -> None:
    """What was published with retain is given to who subscribes afterwards."""
    with Publisher(any_broker.url, "devices") as publisher:
        publisher.send("gridpost/here/position/p1", b"7", retain=True)
    with subscriber(any_broker.url) as client:
        assert collect(client, 1) == [7]


def test_a_last_will_is_sent_when_the_line_is_cut(any_broker: AnyBroker) -> None:
    """A publisher that vanishes leaves its will; one that says goodbye does not."""
    relay = Relay(any_broker.port)
    will = ("gridpost/here/position/p1", b"404")
    with subscriber(any_broker.url) as client:
        ready(client)
        with Publisher(relay.url, "polite", will=(will[0], b"405")) as polite:
            polite.send("gridpost/here/position/p1", b"1")
        with Publisher(relay.url, "vanishing", will=will) as vanishing:
            vanishing.send("gridpost/here/position/p1", b"2")
            relay.closed = True
            relay.cut()
            assert collect(client, 3) == [1, 2, 404]
    relay.close()


def test_a_publisher_sends_again_until_acknowledged(any_broker: AnyBroker) -> None:
    """A message sent while the line is down is delivered when it is up again; `send` returns only then."""
    relay = Relay(any_broker.port)
    with subscriber(any_broker.url) as client, Publisher(relay.url, "devices") as publisher:
        ready(client)
        publisher.send("gridpost/here/position/p1", b"1")
        relay.closed = True
        relay.cut()
        sender = threading.Thread(target=publisher.send, args=("gridpost/here/position/p1", b"2"))
        sender.start()
        assert collect(client, 1) == [1]
        assert client.take(1, 0.3) is None
        assert sender.is_alive()
        relay.closed = False
        sender.join(20)
        assert not sender.is_alive()
        assert first_seen(collect(client, 1)) == [2]
    relay.close()


def test_a_stopped_publisher_says_what_is_not_acknowledged() -> None:
    """With no broker at all and `stop` set, `send` gives up with a clear error."""
    stop = threading.Event()
    stop.set()
    with Publisher("mqtt://127.0.0.1:1", "x", stop=stop) as publisher, pytest.raises(Unreachable, match="not rea"):
        publisher.send("gridpost/here/position/p1", b"1")


@pytest.mark.mosquitto
def test_a_refused_password_is_told(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """The broker's refusal is said in words, without the password."""
    passwords = tmp_path / "passwords"
    passwords.write_text("")
    closed = Mosquitto(tmp_path / "closed")
    closed.anonymous, closed.extra = False, f"password_file {passwords}"
    said: list[str] = []
    with closed, subscriber(f"mqtt://joe:sesame@127.0.0.1:{closed.port}", on_state=said.append):
        wait_until(lambda: any("refuses 'worker'" in text for text in said), what="refusal told")
    assert not any("sesame" in text for text in said)


@pytest.mark.mosquitto
def test_mqtts_with_our_own_ca(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """Over TLS a backlog arrives whole, and a certificate that the CA did not sign is not accepted."""
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    request = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=test"
    subject = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*request.split(), *subject], check=True, capture_output=True)
    mosquitto.stop()
    mosquitto.extra = f"certfile {certificate}\nkeyfile {key}"
    mosquitto._speaks = lambda connection: True  # type: ignore[method-assign]  # it expects TLS first
    mosquitto.start()
    url = f"mqtts://127.0.0.1:{mosquitto.port}?ca={certificate}"
    with subscriber(url) as client:
        ready(client)
        publish(url, range(2000))
        assert collect(client, 2000) == list(range(2000))
    stop = threading.Event()
    stop.set()
    with Publisher(f"mqtts://127.0.0.1:{mosquitto.port}", "x", stop=stop) as publisher, pytest.raises(Unreachable):
        publisher.send("a", b"b")


@pytest.mark.mosquitto
def test_receiving_costs_little(mosquitto: Mosquitto) -> None:
    """Receiving and acknowledging takes clearly less of the processor than paho alone (about 79 µs a message); how much
    less, `gridpost bench ingest` says."""
    with subscriber(mosquitto.url) as client:
        ready(client)
    publish(mosquitto.url, range(8000))
    with subscriber(mosquitto.url) as client:
        start = time.process_time()
        assert len(collect(client, 8000)) == 8000
        assert (time.process_time() - start) / 8000 < 65e-6


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("mqtt://broker", MqttUrl("broker", 1883)),
        ("mqtt://broker:1884/", MqttUrl("broker", 1884)),
        ("mqtts://joe:a%40b@broker", MqttUrl("broker", 8883, True, "joe", "a@b")),
        (f"mqtts://[::1]:9?ca={__file__}", MqttUrl("::1", 9, True, ca=Path(__file__))),
    ],
)
def test_urls_are_understood(text: str, url: MqttUrl) -> None:
    """User and password are decoded, the port follows from the scheme, the CA is a file."""
    assert MqttUrl.parse(text) == url
    assert MqttUrl.parse(url) is url


@pytest.mark.parametrize(
    "text",
    [
        "", "broker", "broker:1883", "http://joe:sesame@broker", "mqtt://", "mqtt://joe:sesame@:1883",
        "mqtt://joe:sesame@broker:port", "mqtt://joe:sesame@broker/topic", "mqtt://joe:sesame@broker?x=1",
        "mqtt://broker?ca=/etc/hosts", "mqtts://broker?ca=/no/such/file", "mqtt://broker:99999",
    ],
)
def test_nonsense_urls_are_refused_without_the_password(text: str) -> None:
    """The refusal says the accepted form and never repeats a password."""
    with pytest.raises(BadSetting, match="MQTT_URL") as refusal:
        MqttUrl.parse(text)
    assert "sesame" not in str(refusal.value)


def test_the_password_is_never_shown() -> None:
    """Neither repr nor str of a URL carries it."""
    url = MqttUrl.parse("mqtts://joe:sesame@broker")
    assert "sesame" not in f"{url!r} {url}"
