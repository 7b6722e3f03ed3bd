"""Mutual aid where the two sites lie on two servers of a cluster: a script that touched both would be refused."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from redis import Redis, RedisCluster
from redis.crc import key_slot

from streams.aid import AidState
from streams.embedded import HOST, Valkey, free_port
from streams.model import State
from streams.watch import send_tasks
from tests.conftest import wait_until
from tests.streams.aiding import act, opened, pair

SLOTS = 16384
SITES = ("north", "south")


class Node(Valkey):
    """One server of a cluster."""

    def __init__(self, state_dir: Path) -> None:
        super().__init__(state_dir)
        self.bus = free_port()

    def _command(self) -> Sequence[str]:
        return [*super()._command(), "--cluster-enabled", "yes", "--cluster-port", str(self.bus)]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[RedisCluster]:
    """Two servers, each with half of the slots: `north` on the first, `south` on the second."""
    with Node(tmp_path / "one") as one, Node(tmp_path / "two") as two:
        nodes = [Redis(host=HOST, port=each.port) for each in (one, two)]
        half = SLOTS // 2
        for node, first in zip(nodes, (0, half), strict=True):
            node.execute_command("CLUSTER", "ADDSLOTSRANGE", first, first + half - 1)
        nodes[0].execute_command("CLUSTER", "MEET", HOST, two.port, two.bus)
        for node in nodes:
            wait_until(lambda node=node: len(node.execute_command("CLUSTER", "SLOTS")) == 2
                       and b"cluster_state:ok" in node.execute_command("CLUSTER", "INFO"), 30)  # fmt: skip
        client = RedisCluster(host=HOST, port=one.port)
        yield client
        client.close()
        for node in nodes:
            node.close()


class Deaf:
    """A broker that takes everything. A stand-in: what is published is not the question here."""

    def send(self, topic: str, payload: bytes, *, timeout: float) -> None:
        assert topic.startswith("gridpost/north/task/")


def test_two_sites_on_two_servers_lend_each_other(cluster: RedisCluster, tmp_path: Path) -> None:
    """Every step of the happy path, a lapse and a refusal work where no script can reach the other site's keys."""
    assert [key_slot(site.encode()) < SLOTS // 2 for site in SITES] == [True, False]
    two = pair(cluster, tmp_path, SITES)
    no = opened(two.borrower)
    assert [len(offers) for _, offers in two.borrows.offers(two.case(no), two.watch())] == [2]
    ask = two.lent(no)
    assert (two.aid(ask).state, two.case(no).state) == (AidState.LENT, State.DISPATCHED)
    assert send_tasks(two.borrower, Deaf(), "w") == 1
    act(two.borrower, no, "withdraw")
    two.settle()
    assert two.aid(ask).state is AidState.RETURNED
    again = two.ask(no)
    two.approve(again)
    two.watch.later(61)
    two.settle()
    assert two.aid(again).state is AidState.LAPSED
    last = two.ask(no)
    two.lends.refuse(last.id, by="王", role="supervisor", now=two.watch())
    two.settle()
    assert two.borrows.book("south").asks() == []
