"""The socket under paho: PUBLISH packets to the inbox, the rest to paho, however the bytes are cut."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.mqtt_socket import PacketSocket, Published


def packet(first: int, body: bytes) -> bytes:
    length, head = len(body), bytearray([first])
    while True:
        head.append(length & 0x7F | (0x80 if length > 0x7F else 0))
        length >>= 7
        if not length:
            return bytes(head) + body


def publish(topic: str, payload: bytes, mid: int) -> bytes:
    name = topic.encode()
    number = mid.to_bytes(2, "big") if mid else b""
    return packet(0x32 if mid else 0x30, len(name).to_bytes(2, "big") + name + number + payload)


CONNACK, PINGRESP = packet(0x20, b"\0\0"), packet(0xD0, b"")
STREAM = (
    CONNACK + publish("a/b", b"1", 1) + publish("a/c", b"x" * 300, 2) + PINGRESP + publish("a/望海", b"", 0)
    + publish("a/d", b"y" * 20_000, 65535)
)
EXPECTED = [
    Published(b"a/b", b"1", b"\0\1"), Published(b"a/c", b"x" * 300, b"\0\2"),
    Published("a/望海".encode(), b"", b""), Published(b"a/d", b"y" * 20_000, b"\xff\xff"),
]


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    near, far = socket.socketpair()
    with near, far:
        near.setblocking(False)
        yield near, far


def read(line: PacketSocket) -> bytes:
    """What paho would read now, one byte at a time as it does."""
    seen = b""
    while True:
        try:
            byte = line.recv(1)
        except BlockingIOError:
            return seen
        seen += byte


@given(cuts=st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_any_cut_of_the_stream_gives_the_same_packets(cuts: list[int]) -> None:
    """Packets are found whole and in order wherever the network cuts the bytes."""
    near, far = socket.socketpair()
    with near, far:
        near.setblocking(False)
        found: list[Published] = []
        line = PacketSocket(near, lambda _, packets: found.extend(packets))
        control = b""
        bounds = sorted({0, *cuts, len(STREAM)})
        for start, stop in pairwise(bounds):
            far.sendall(STREAM[start:stop])
            control += read(line)
        assert found == EXPECTED
        assert control == CONNACK + PINGRESP


def test_what_paho_has_not_read_is_pending(ends: tuple[socket.socket, socket.socket]) -> None:
    """Bytes read from the network but not yet by paho are told, or it would sleep on them in select."""
    near, far = ends
    line = PacketSocket(near, lambda *_: None)
    far.sendall(CONNACK)
    assert line.recv(1) == CONNACK[:1]
    assert line.pending() == len(CONNACK) - 1


def test_the_end_comes_after_everything_before_it(ends: tuple[socket.socket, socket.socket]) -> None:
    """A closed line yields what came before it, then b"", for ever."""
    near, far = ends
    line = PacketSocket(near, lambda *_: None)
    far.sendall(PINGRESP)
    far.shutdown(socket.SHUT_RDWR)
    assert [line.recv(8), line.recv(8), line.recv(8)] == [PINGRESP, b"", b""]


@pytest.mark.parametrize("nonsense", [b"\x32\xff\xff\xff\xff\x01", b"\x32\x03\x00\x09a"])
def test_a_malformed_packet_ends_the_connection(nonsense: bytes, ends: tuple[socket.socket, socket.socket]) -> None:
    """A length of more than four bytes, or a topic longer than its packet, is an error of the connection."""
    near, far = ends
    far.sendall(nonsense)
    with pytest.raises(ConnectionError):
        PacketSocket(near, lambda *_: None).recv(1)
