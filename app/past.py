"""`/api/v1/past`: the site at any second that is kept, for the slider of time and for other systems.

The picture is the same document as the feed's snapshot, and what happened between is in the same events, so that a
browser folds the past by the code by which it folds the present. Nothing here can act, and neither contacts nor free
text come out. A moment is one fold of at most a quarter of an hour's changes; nothing is kept between requests.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, TypeVar

import duckdb
import msgspec
from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute

from app.api import centre_of
from app.centre import Centre, open_archive
from app.text import Text
from geo.tracks import Fix
from streams import scoring
from streams.archive import past
from streams.archive.between import LONGEST, between
from streams.archive.over import case_at, log_at, over
from streams.archive.span import BUCKET, density, first_instant
from streams.archive.walks import Stop, walk
from streams.codec import millis
from streams.errors import GridpostError
from streams.model import Case, Entry
from streams.snapshot import Snapshot, case_item
from streams.workflow import OPEN

log = logging.getLogger("gridpost.web")
LONGEST_WALK = timedelta(hours=36)
AHEAD = timedelta(seconds=2)
"""A browser's clock may be so much ahead of ours."""
MOMENT = timedelta(milliseconds=1)
SLOWEST_STEP, WIDEST_STEP = 1.0, 600.0
OVER_SHOWN = 300
T = TypeVar("T")


class PastRefused(GridpostError):
    """A moment, a time or a thing of the past that cannot be shown. `fields` go into the answer."""

    def __init__(self, key: str, said: Text, status: int = 400, **fields: Any) -> None:
        super().__init__(said.en)
        self.key, self.said, self.status, self.fields = key, said, status, fields


class _Route(APIRoute):
    """Says a refusal of the past in both languages."""

    def get_route_handler(self) -> Callable[[Request], Any]:
        handler = super().get_route_handler()

        async def answered(request: Request) -> Response:
            try:
                return await handler(request)
            except PastRefused as error:
                said = {"error": error.key, "message_zh": error.said.zh, "message_en": error.said.en}
                return JSONResponse({**said, **error.fields}, error.status)

        return answered


router = APIRouter(prefix="/api/v1/past", tags=["past"], route_class=_Route)
At = Annotated[str, Query(description="an instant, RFC 3339 with its offset")]
From = Annotated[str, Query(alias="from", description="an instant, RFC 3339 with its offset")]
To = Annotated[str, Query(description="an instant, RFC 3339 with its offset")]


@router.get("")
def picture(request: Request, at: At = "", figures: bool = True) -> Response:
    """The site at an instant: the document of the feed's `snapshot` event. `figures=false` leaves out the figures of
    the day, which take the longest."""
    centre = centre_of(request)
    when = kept_instant(centre, "at", at)
    then = snapshot_at(centre, when, trails=True)
    counted = figures_at(centre, when, then) if figures else {}
    return _json(then.document(millis(when), counted))


@router.get("/figures")
def figures(request: Request, at: At = "") -> Response:
    """The figures of the day, cut off at an instant: what the feed's `figures` event says, without announcements."""
    centre = centre_of(request)
    when = kept_instant(centre, "at", at)
    return _json(figures_at(centre, when, snapshot_at(centre, when, moves=False)))


@router.get("/changes")
def changes(request: Request, start: From = "", to: To = "", step: float = SLOWEST_STEP) -> Response:
    """What happened after `from` up to and with `to`, at most ten minutes at once: `next` is where to go on. `step`:
    of a patrol's fixes the last in so many seconds."""
    centre = centre_of(request)
    since, until = kept_range(centre, start, to)
    if not SLOWEST_STEP <= step <= WIDEST_STEP:
        raise PastRefused("wrong_step", Text(
            f"step={step:g} 不对：请用 1 到 600 秒。", f"step={step:g} is wrong: give 1 to 600 seconds."))  # fmt: skip
    end = min(until, since + LONGEST)
    archive, address = open_archive(centre), centre.pictures.address
    items = _again(lambda: between(archive, since, end, timedelta(seconds=step), address))
    following = end.isoformat() if end < until else None
    return _json({"from": millis(since), "to": millis(end), "items": items, "next": following})


@router.get("/track")
def track(request: Request, patrol: str = "", start: From = "", to: To = "") -> Response:
    """The way of one patrol: its line thinned, kilometres, stops with their place and time, at most 36 h."""
    centre = centre_of(request)
    since, until = kept_range(centre, start, to)
    if until - since > LONGEST_WALK:
        raise PastRefused("too_long", Text(
            "一次最多查询 36 小时的轨迹。", "Ask for at most 36 hours of a track at once."))  # fmt: skip
    archive = open_archive(centre)
    found = _again(lambda: walk(archive, patrol, since, until))
    if not found.fixes and patrol not in centre.register.patrols:
        raise PastRefused("unknown_patrol", Text(
            f"没有巡查员 {patrol!r}；请看 /api/v1/patrols。", f"There is no patrol {patrol!r}: see /api/v1/patrols."),
            404)  # fmt: skip
    return _json({
        "patrol": patrol, "from": millis(since), "to": millis(until), "fixes": found.fixes,
        "km": round(found.metres / 1000, 3), "line": [_point(fix) for fix in found.line],
        "stops": [_stop(centre, each) for each in found.stops],
    })  # fmt: skip


@router.get("/cases")
def over_then(request: Request, at: At = "") -> Response:
    """The cases of the day that were over at an instant, those that changed last first."""
    centre = centre_of(request)
    when = kept_instant(centre, "at", at)
    known = snapshot_at(centre, when, moves=False)
    lately = [case for case in known.cases.values() if case.state not in OPEN]  # since the picture's last snapshot
    found = sorted([*lately, *_over(centre, when, known)], key=lambda case: case.updated, reverse=True)
    return _json({"items": [case_item(case) for case in found[:OVER_SHOWN]], "next": None})


@router.get("/cases/{no}")
def case(request: Request, no: str, at: At = "") -> Response:
    """One case as it was at an instant, with its log up to then; without free text."""
    centre = centre_of(request)
    when = kept_instant(centre, "at", at)
    found = case_and_log(centre, no, when)
    if found is None:
        raise PastRefused("no_such_case", Text(
            f"这一时刻没有编号为 {no} 的案件。", f"There was no case {no} at this moment."), 404)  # fmt: skip
    entries = [msgspec.to_builtins(entry) for entry in found[1]]
    return _json({**case_item(found[0]), "log": entries})


@router.get("/span")
def span(request: Request, day: str = "") -> Response:
    """From when to when there is a past, the days of which anything is kept, and of one of them (the last unless named)
    the cases that came in and the acts in every five minutes, with its working hours."""
    centre = centre_of(request)
    first, last = bounds(centre)
    archive, tz = open_archive(centre), centre.settings.tz
    chosen = _day(day) if day else last.astimezone(tz).date()
    if not first.astimezone(tz).date() <= chosen <= last.astimezone(tz).date():
        raise outside(centre, "day", day, first, last)
    found = _again(lambda: density(archive, chosen))
    days = sorted({*archive.days(), last.astimezone(tz).date().isoformat()})
    working, _ = centre.calendar.works(chosen)
    hours = [
        [millis(datetime.combine(chosen, edge, tz)) for edge in session] for session in centre.calendar.hours
    ]
    return _json({
        "first": first.isoformat(), "last": last.isoformat(), "days": days, "day": found.day,
        "start": found.start.isoformat(), "end": found.end.isoformat(), "bucket_s": BUCKET.total_seconds(),
        "cases": found.cases, "acts": found.acts, "hours": hours if working else [],
    })  # fmt: skip


def bounds(centre: Centre) -> tuple[datetime, datetime]:
    """The first and the last instant that can be shown; PastRefused when nothing was ever kept."""
    first = first_instant(open_archive(centre))
    if first is None:
        raise PastRefused("nothing_kept", Text(
            "还没有历史：请运行 gridpost archive run。", "There is no history yet: run `gridpost archive run`."),
            404)  # fmt: skip
    return first, centre.now()


def kept_instant(centre: Centre, name: str, text: str) -> datetime:
    """The instant that a text names; PastRefused when it is none, or outside of what is kept."""
    when, (first, last) = instant(name, text), bounds(centre)
    if not first <= when <= last + AHEAD:
        raise outside(centre, name, f"{when.astimezone(centre.settings.tz):%Y-%m-%d %H:%M:%S}", first, last)
    return min(when, last)


def kept_range(centre: Centre, start: str, end: str) -> tuple[datetime, datetime]:
    """Two instants, the second after the first, cut to what is kept; PastRefused when nothing of that is."""
    since, until, (first, last) = instant("from", start), instant("to", end), bounds(centre)
    if until < since:
        raise PastRefused("wrong_time", Text(
            f"to={end} 早于 from={start}。", f"to={end} is before from={start}."))  # fmt: skip
    if until < first or since > last + AHEAD:
        raise outside(centre, *(("to", end) if until < first else ("from", start)), first, last)
    return max(first - MOMENT, min(since, last)), min(until, last)


def instant(name: str, text: str) -> datetime:
    """An aware instant of RFC 3339, UTC; a plus that an address made a blank is one."""
    try:
        when = datetime.fromisoformat(text.strip().replace(" ", "+") if "T" in text else text)
        if when.tzinfo is not None:
            return when.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise PastRefused("wrong_time", Text(
        f"{name}={text!r} 不是时刻：请用带时区的 RFC 3339，例如 2026-03-01T08:30:00+08:00。",
        f"{name}={text!r} is no instant: give RFC 3339 with an offset, such as 2026-03-01T08:30:00+08:00.",
    ))  # fmt: skip


def outside(centre: Centre, name: str, text: str, first: datetime, last: datetime) -> PastRefused:
    """What is said to somebody who asks for a moment before or after everything that is kept."""
    a, b = (f"{each.astimezone(centre.settings.tz):%Y-%m-%d %H:%M:%S}" for each in (first, last))
    said = Text(f"{text} 不在保存的历史内：{a} 至 {b}。", f"{text} ({name}) is outside of what is kept: {a} to {b}.")
    return PastRefused("outside_span", said, first=first.isoformat(), last=last.isoformat())


def snapshot_at(centre: Centre, when: datetime, *, moves: bool = True, trails: bool = False) -> Snapshot:
    """The picture of the site at an aware instant."""
    archive, address = open_archive(centre), centre.pictures.address
    return _again(lambda: past.at(archive, when, address, moves=moves, trails=trails))


def figures_at(centre: Centre, when: datetime, then: Snapshot) -> Mapping[str, Any]:
    """The figures of the local day of `when`, cut off there. What was announced is not kept as a count: left out."""
    local = when.astimezone(centre.settings.tz)
    leads = {key: matter.lead for key, matter in centre.matters.matters.items()}
    cases = [*then.cases.values(), *_over(centre, when, then)]
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    found: dict[str, Any] = msgspec.to_builtins(scoring.figures(cases, midnight, local, leads))
    del found["announced"]
    return found


def case_and_log(centre: Centre, no: str, when: datetime) -> tuple[Case, tuple[Entry, ...]] | None:
    """A case at an aware instant and its log up to then, without free text but what the clock wrote."""
    archive, address = open_archive(centre), centre.pictures.address
    found = _again(lambda: case_at(archive, when, no, address))
    if found is None:
        return None
    entries = _again(lambda: log_at(archive, when, found))
    return found, tuple(
        entry if entry.role == "clock" or entry.act == "remind" else msgspec.structs.replace(entry, text="")
        for entry in entries
    )


def _over(centre: Centre, when: datetime, then: Snapshot) -> list[Case]:
    """Those that are not in the picture any more."""
    archive, address = open_archive(centre), centre.pictures.address
    return _again(lambda: over(archive, when, list(then.cases), address))


def _again(read: Callable[[], T]) -> T:
    """What is read; a second time when the archive worker put files together meanwhile."""
    try:
        return read()
    except (duckdb.IOException, FileNotFoundError) as error:
        log.info("reading the archive again: %s", error)
        return read()


def _point(fix: Fix) -> list[float]:
    return [millis(fix.at), round(fix.position.lon, 6), round(fix.position.lat, 6)]


def _stop(centre: Centre, stop: Stop) -> dict[str, Any]:
    stay, where = stop.stay, stop.stay.position
    tag = centre.index.tag(where.lon, where.lat)
    return {
        "lon": round(where.lon, 6), "lat": round(where.lat, 6), "grid": tag.grid, "grids": list(tag.grids),
        "from": millis(stay.start), "to": millis(stay.end), "km": round(stop.gone / 1000, 3),
    }  # fmt: skip


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        said = Text(f"day={text!r} 不是日期：例如 2026-03-01。", f"day={text!r} is no day: such as 2026-03-01.")
        raise PastRefused("wrong_time", said) from None


def _json(document: Any) -> Response:
    return Response(msgspec.json.encode(document), media_type="application/json")
