"""What the real day shows of its own doings: each sending from its start to its end, the times they took, the ways.

A step between acceptance and dispatch says how long the desk takes only where somebody was free; where nobody was, it
says how long people were busy, which the model works out by itself. How fast a patrol is on a way is measured along the
roads that the model uses, so that detours and traffic are in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from geo.roads import Roads
from streams.archive.reading import Archive
from streams.codec import millis
from streams.desk import Desk
from streams.model import Case, Patrol, State
from streams.recommend import AT_SEA, Roster, Standing, Wanted
from streams.what_if.chances import Chances, Step
from streams.what_if.day import NO_TRACK, Act, Day
from streams.what_if.figures import Figures, courses, measure

ON_CASE = frozenset({"dispatched", "acknowledged", "on_the_way", "on_scene"})
SHORTEST_TRIP_S, SHORTEST_TRIP_M = 20.0, 50.0
"""Shorter ways say nothing about how fast somebody is."""
FASTEST = 40.0
"""Metres a second; what seems faster began before the patrol said so."""
KM = """
    SELECT coalesce(sum(step), 0) / 1000 FROM (
        SELECT 6371008.8 * 2 * asin(sqrt(least(1, pow(sin((lat - last_lat) / 2), 2)
               + cos(lat) * cos(last_lat) * pow(sin((lon - last_lon) / 2), 2)))) AS step
        FROM (SELECT lon, lat, lag(lon) OVER one AS last_lon, lag(lat) OVER one AS last_lat
              FROM (SELECT trip, t.at AS fixed, radians(geometry.x) AS lon, radians(geometry.y) AS lat
                    FROM trips JOIN tracks t ON t.device = trips.patrol AND t.flag = ''
                         AND epoch_ms(t.at) BETWEEN trips.sent AND trips.arrived)
              WINDOW one AS (PARTITION BY trip ORDER BY fixed))
        WHERE last_lat IS NOT NULL)
"""


@dataclass
class Leg:
    """One sending, epoch ms; `end`: declined, withdrawn or fed back, and how."""

    no: str
    patrol: str
    sent: int
    left: int | None = None
    arrived: int | None = None
    end: int | None = None
    how: str = ""


def legs(acts: Iterable[Act], patrols: Mapping[str, Patrol]) -> list[Leg]:
    """The sendings of patrols, in the order they were made."""
    found: list[Leg] = []
    running: dict[str, Leg] = {}
    for act in acts:
        leg = running.get(act.no)
        if act.act == "dispatch":
            running.pop(act.no, None)
            if act.patrol in patrols:
                running[act.no] = Leg(act.no, act.patrol, act.at)
                found.append(running[act.no])
        elif leg is None:
            continue
        elif act.before in ON_CASE and act.after not in ON_CASE:
            leg.end, leg.how = act.at, act.act
            del running[act.no]
        elif act.act in ("acknowledge", "depart") and leg.left is None:
            leg.left = act.at
        elif act.act == "arrive" and leg.arrived is None:
            leg.arrived = act.at
    return found


def chances(day: Day, desk: Desk) -> Chances:
    """How long things took on the day."""
    patrols, roads = desk.register.patrols, desk.roads
    made = legs(day.acts, patrols)
    took = [*_desk(day, made, desk), *_sendings(day, made), *_checks(day)]
    declined = sum(leg.how == "decline" for leg in made)
    return Chances.of(took, _paces(day, made, patrols, roads), len(made), declined)


def real(archive: Archive, day: Day, patrols: Mapping[str, Patrol]) -> Figures:
    """The day as it was."""
    begin, cut = millis(day.begin), millis(day.cut)
    driven = [leg for leg in legs(day.acts, patrols) if leg.arrived is not None and leg.arrived <= cut]
    return measure(courses(day.cases, day.log), day.log, _km(archive, day.name, driven), begin, cut)


def _km(archive: Archive, day: str, driven: list[Leg]) -> float:
    """How far the patrols went from the moment they were sent until they arrived, by their fixes."""
    with archive.open([day], ("tracks",), tail=False) as found:
        found.execute("CREATE TEMP TABLE trips (trip INTEGER, patrol VARCHAR, sent BIGINT, arrived BIGINT)")
        if driven:
            rows = [[n, leg.patrol, leg.sent, leg.arrived] for n, leg in enumerate(driven)]
            found.executemany("INSERT INTO trips VALUES (?, ?, ?, ?)", rows)
        answer: Any = found.execute(KM).fetchone()
    return float(answer[0])


def _matters(day: Day) -> dict[str, str]:
    return {no: outcome.matter for no, outcome in day.outcomes.items()}


def _desk(day: Day, made: Iterable[Leg], desk: Desk) -> Iterator[tuple[Step, str, float]]:
    """From the report to the acceptance, where people accepted; from there to the dispatch, where somebody was free."""
    matters, received = _matters(day), {case.no: case.received for case, _ in day.cases}
    free = _Free(day, made, desk)
    first: dict[str, Act] = {}
    sent: set[str] = set()
    for act in day.acts:
        if act.no not in matters:
            continue
        if act.act == "accept" and act.no not in first:
            first[act.no] = act
            if act.role != "rule":
                yield "verify", matters[act.no], (act.at - received[act.no]) / 1000
        elif act.act == "dispatch" and act.no in first and act.no not in sent:
            sent.add(act.no)
            if free(matters[act.no], first[act.no].at):
                yield "desk", matters[act.no], (act.at - first[act.no].at) / 1000
        elif act.act == "suspend":
            sent.add(act.no)  # it waited for a better day, not for the desk


class _Free:
    """Whether anybody who could have gone to a case of a matter was on duty and on no case."""

    def __init__(self, day: Day, made: Iterable[Leg], desk: Desk) -> None:
        self._day, self._desk, end = day, desk, millis(day.cut)
        self._busy: dict[str, list[tuple[int, int]]] = {}
        for leg in made:
            self._busy.setdefault(leg.patrol, []).append((leg.sent, end if leg.end is None else leg.end))

    def __call__(self, matter: str, at: int) -> bool:
        known = self._desk.matters.matters.get(matter)
        vessel = AT_SEA in known.skills if known else False
        return any(
            self._day.tracks.get(name, NO_TRACK).on_duty(at / 1000)
            and not any(begin <= at < end for begin, end in self._busy.get(name, ()))
            for name, one in self._desk.register.patrols.items()
            if (one.kind == "vessel") == vessel
        )


def _sendings(day: Day, made: Iterable[Leg]) -> Iterator[tuple[Step, str, float]]:
    matters = _matters(day)
    for leg in made:
        matter = matters.get(leg.no, "")
        if leg.how == "decline" and leg.end is not None:
            yield "decline", matter, (leg.end - leg.sent) / 1000
        if leg.left is not None:
            yield "answer", matter, (leg.left - leg.sent) / 1000
        if leg.arrived is not None and leg.how == "handle" and leg.end is not None:
            yield "scene", matter, (leg.end - leg.arrived) / 1000


def _checks(day: Day) -> Iterator[tuple[Step, str, float]]:
    matters, handled = _matters(day), dict[str, int]()
    for act in day.acts:
        if act.act == "handle":
            handled[act.no] = act.at
        elif act.act == "close" and act.no in handled:
            yield "check", matters.get(act.no, ""), (act.at - handled.pop(act.no)) / 1000


def _paces(
    day: Day, made: Iterable[Leg], patrols: Mapping[str, Patrol], roads: Roads | None
) -> Iterator[tuple[str, float]]:
    """(kind, metres a second) of each way that is long enough to say something."""
    places = {case.no: case for case, _ in day.cases if case.lon is not None}
    for leg in made:
        case, patrol = places.get(leg.no), patrols[leg.patrol]
        if case is None or leg.left is None or leg.arrived is None or leg.arrived <= leg.left:
            continue
        start = day.tracks.get(leg.patrol, NO_TRACK).where(leg.left / 1000)
        seconds = (leg.arrived - leg.left) / 1000
        if start is None or seconds < SHORTEST_TRIP_S:
            continue
        one = Standing(patrol.id, "free", start, day.begin, kind=patrol.kind)
        far = float(Roster([one], day.begin).ways([Wanted(_placed(case))], roads).metres[0, 0])
        if far >= SHORTEST_TRIP_M and far / seconds <= FASTEST:
            yield patrol.kind, far / seconds


def _placed(case: Case) -> Case:
    return Case(case.no, State.ACCEPTED, 0, case.matter, case.priority, case.origin, case.received, lon=case.lon,
                lat=case.lat)  # fmt: skip
