"""One case and the people around it, for tests of acts: who does what is one short call."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from geo.places import Position
from streams import acts
from streams.acts import Asked
from streams.dispatch_queue import Answered, DispatchQueue
from streams.ingest import understand
from streams.matters import load_matters
from streams.model import Alert, Body, Case, Report
from streams.organisation import load_organisation
from tests.streams.catalogue import CATALOGUE
from tests.streams.desk import make_desk
from tests.streams.organisation_file import ORGANISATION
from tests.streams.samples import NOW, event

CORNER = (119.202, 34.902)
AWAY = (119.214, 34.914)
LIMITS = 'respond = "30m urgent_hour", arrive = "1h urgent_hour", handle = "4h work_hour"'
MATTERS = CATALOGUE.replace(LIMITS, f'{LIMITS}, check_in = "40m urgent_hour", settle = "2d work_day"')


class Site:
    """The small site with departments and liaisons. Its time stands still until `pass_`."""

    def __init__(self, queue: DispatchQueue, folder: Path) -> None:
        self.queue, self.now = queue, NOW
        (folder / "live.toml").write_text(MATTERS, encoding="utf-8")
        (folder / "organisation.toml").write_text(ORGANISATION, encoding="utf-8")
        self.desk = replace(
            make_desk(queue, folder, lambda: self.now), matters=load_matters(folder / "live.toml"),
            organisation=load_organisation(folder / "organisation.toml"),
        )  # fmt: skip

    def pass_(self, minutes: float) -> datetime:
        """Some minutes later."""
        self.now += timedelta(minutes=minutes)
        return self.now

    def seen(self, spot: tuple[float, float] = CORNER, category: str = "rubbish", phase: Any = "new",
             series: str = "") -> str:  # fmt: skip
        """What the camera says; the case that it opened or joined."""
        return self.heard(Alert(category, 3, series or uuid4().hex, phase), "D-1", spot)

    def told(self, spot: tuple[float, float] = CORNER, category: str = "rubbish") -> str:
        """What a resident says; the case that it opened or joined."""
        return self.heard(Report(category, "路口有垃圾"), "hotline", spot)

    def heard(self, body: Body, device: str, spot: tuple[float, float]) -> str:
        """Record it; the case that it went to."""
        happened = event(device, uuid4().hex, body, self.now, Position(*spot), received=self.now)
        self.queue.record(understand([happened], self.desk), self.now)
        return self.queue.events(1)[0].case

    def do(self, no: str, name: str, role: str = "supervisor", by: str = "王海涛", **given: Any) -> Answered:
        """One act; a supervisor's, unless somebody else is named."""
        asked = Asked(no=no, name=name, by=by, role=role, request=given.pop("request", uuid4().hex), **given)
        return acts.do(self.desk, asked, self.now)

    def send(self, no: str, patrol: str = "P-1") -> str:
        """Dispatch a patrol; the dispatch."""
        return self.do(no, "dispatch", patrol=patrol).dispatch

    def reply(self, no: str, name: str, patrol: str = "P-1", dispatch: str = "", **given: Any) -> Answered:
        """What a patrol answers, to the running dispatch unless another is named."""
        running = dispatch or self.case(no).dispatch
        return self.do(no, name, "field", patrol, patrol=patrol, dispatch=running, **given)

    def handled(self, no: str, patrol: str = "P-1") -> str:
        """Sent and fed back."""
        self.send(no, patrol)
        self.reply(no, "handle", patrol, text="已清理")
        return no

    def case(self, no: str) -> Case:
        """The case as it is."""
        case = self.queue.case(no)
        assert case is not None
        return case

    def due(self, no: str, name: str = "handle") -> int:
        """The deadline of a clock, epoch ms."""
        return next(clock.due for clock in self.case(no).clocks if clock.name == name)

    def reminders(self, no: str) -> list[str]:
        """What was noted of its clocks."""
        return [one.text for one in self.queue.log(no) if one.act == "remind"]
