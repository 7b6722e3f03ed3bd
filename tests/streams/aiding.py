"""Two sites that lend each other patrols, on one server: each with its desk, one case, and a clock that a test sets."""

from __future__ import annotations

import dataclasses
import uuid
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from geo.places import Position
from streams import acts
from streams.acts import Asked
from streams.aid import Aid, Ask
from streams.desk import Desk
from streams.dispatch_queue import Answered, DispatchQueue
from streams.ingest import understand
from streams.keys import Keys
from streams.model import Alert, Case
from streams.mutual import Mutual
from streams.organisation import NO_ORGANISATION, Partner
from tests.streams.desk import make_desk
from tests.streams.samples import NOW, PLACE, SHANGHAI, event, fix, later


class Watch:
    """The time of a test: stands still until it is set."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def later(self, seconds: float) -> None:
        """Let time pass."""
        self.now = later((self.now - NOW).total_seconds() + seconds)


class Pair(NamedTuple):
    """The lender and the borrower, and the hands of their workers."""

    lender: Desk
    borrower: Desk
    lends: Mutual
    borrows: Mutual
    watch: Watch

    def case(self, no: str) -> Case:
        """The borrower's case as it is."""
        found = self.borrower.queue.case(no)
        assert found is not None
        return found

    def aid(self, ask: Ask) -> Aid:
        """The lender's record as it is."""
        found = self.lends.book(self.lender.site).get(ask.id)
        assert found is not None
        return found

    def patrol(self, name: str = "P-1") -> dict[str, str]:
        """The lender's patrol."""
        return self.lender.queue.patrols()[name]

    def ask(self, no: str, **given: str) -> Ask:
        """The borrower's operator asks for the case as it is now."""
        return self.borrows.ask(no, self.lender.site, by="林晓东", role="operator", seen=self.case(no).version,
                                now=self.watch(), **given)  # fmt: skip

    def approve(self, ask: Ask, patrol: str = "P-1") -> Aid:
        """The lender's supervisor approves."""
        return self.lends.approve(ask.id, by="王海涛", role="supervisor", now=self.watch(), patrol=patrol)

    def lent(self, no: str, patrol: str = "P-1") -> Ask:
        """All of it: asked, approved, confirmed, firm."""
        ask = self.ask(no)
        self.approve(ask, patrol)
        self.borrows.look()
        return ask

    def settle(self) -> None:
        """Let both workers do all they find."""
        while self.lends.look() + self.borrows.look():
            pass


def pair(redis: object, folder: Path, sites: tuple[str, str] | None = None, lends: int = 2) -> Pair:
    """Two sites that know each other; the lender's patrols stand near the borrower's camera."""
    watch, name = Watch(), uuid.uuid4().hex[:6]
    names, desks = sites or (f"north-{name}", f"south-{name}"), []
    for site, other in zip(names, reversed(names), strict=True):
        queue = DispatchQueue(redis, Keys(site), SHANGHAI)  # type: ignore[arg-type]
        (folder / site).mkdir()
        partner = Partner(name="邻镇", name_en="Neighbour", site=other, lends=lends)
        organisation = dataclasses.replace(NO_ORGANISATION, partners={other: partner})
        desks.append(dataclasses.replace(make_desk(queue, folder / site, watch), organisation=organisation))
    found = Pair(desks[0], desks[1], Mutual(desks[0]), Mutual(desks[1]), watch)
    for desk in desks:
        for patrol in desk.register.patrols:
            desk.queue.record([fix(patrol, f"{patrol}-0", 0, PLACE.lon + 0.01, PLACE.lat + 0.005)], NOW)
    found.lends.look()  # each publishes whom it lends to
    found.borrows.look()
    return found


def opened(desk: Desk, number: int = 0) -> str:
    """A case that a camera opened and the rule accepted; each number (0 to 4) is too far from the others to merge."""
    seen = event("D-1", f"a-{number}", Alert("smoke", 4, f"s-{number}", "new"), desk.now(),
                 Position(119.201 + number * 0.004, 34.905))  # fmt: skip
    (no,) = desk.queue.record(understand([seen], desk), desk.now()).opened
    return no


def act(desk: Desk, no: str, name: str, **given: object) -> Answered:
    """An act of a supervisor."""
    fields = {"by": "主管", "role": "supervisor", "request": uuid.uuid4().hex, "text": "因为"} | given
    return acts.do(desk, Asked(no=no, name=name, **fields), desk.now())  # type: ignore[arg-type]
