"""What the phone of an officer asks: my tasks, my acts, where I am. And `/field`, the page that asks it.

An account here is bound to one patrol (role `field`) or one department (role `department`), and everything is about
that one: no address names another. An act goes the way of an MQTT reply (`streams.ingest.reply`): judged by its
dispatch and not by a version, and done once however often it is sent, since a phone without network sends it again.

Phones ask every five seconds instead of listening. A stream for each patrol would need its own row of changes in the
feed, and mobile networks drop what is silent: an answer that came is the proof that the phone is connected, and the
phone asks at once when it wakes. Which cases are mine is known from the snapshot that the feed keeps in this process,
so an ask costs Redis a few reads of those cases and no scan; what they are is always read from Redis.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Annotated, Literal, cast

import msgspec
from fastapi import APIRouter, Body, Path, Query, Request
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from app import media
from app.accounts import Viewer
from app.actions import NotAllowed
from app.api import centre_of
from app.centre import Centre
from app.config import ROOT
from app.intake import take
from app.labels import Lang
from app.listing import Item, readable, utc, viewer_of
from app.pages import field as page
from app.pages.desk import LANG_COOKIE
from app.style import read_base
from app.views.field import Surroundings
from geo.places import Position
from streams import acts, workflow
from streams.acts import Asked
from streams.codec import local_day, millis
from streams.errors import NoSuchCase, Refused
from streams.model import Case, Entry, Task

DONE_SHOWN = 10
LATE = timedelta(seconds=60)
"""An act that is older when it comes was done without network: its own time goes into the log with it."""
DONE = ("handled", "closed", "rated")
PART_ACTS = ("check_in", "finish")
"""What a department does in its part of a case that another leads: there is one part of it, so no dispatch is named."""

router = APIRouter(tags=["field"])
No = Annotated[str, Path(max_length=60)]


def me(request: Request) -> Viewer:
    """Whose phone it is; raises NotAllowed for an account that is bound to nobody."""
    viewer = viewer_of(request)
    if not viewer.outside:
        raise NotAllowed(f"{viewer.name} is a {viewer.role}: /field is for accounts bound to a patrol or department.")
    return viewer


@router.get("/field", include_in_schema=False)
def show(request: Request, lang: str = "") -> Response:
    """The page; whoever is bound to nobody goes to the page of their role."""
    viewer, centre = viewer_of(request), centre_of(request)
    if not viewer.outside:
        return RedirectResponse(viewer.home, 303)
    known = (lang, request.cookies.get(LANG_COOKIE, ""), centre.settings.lang)
    tongue = next((one for one in known if one in ("zh", "en")), "zh")
    said = page.page(lang=cast(Lang, tongue), who=who(centre, viewer), timezone=centre.settings.timezone)
    return HTMLResponse(said, headers={"Cache-Control": "no-store"})


@router.get("/field-worker.js", include_in_schema=False)
def worker() -> Response:
    """The service worker, which opens the page without network. It stands here because a worker serves only what is
    below its own address."""
    return FileResponse(ROOT / "assets" / "field-worker.js", media_type="text/javascript")


@router.get("/api/v1/field/tasks")
async def tasks(request: Request) -> Response:
    """My open tasks, the tightest clock first, and the last ten that I finished today. `now` is the centre's clock."""
    centre, viewer, feed = centre_of(request), me(request), request.app.state.feed
    known = list(feed.snapshot.cases.values()) if feed.flowing else await run_in_threadpool(centre.queue.open_cases)
    mine = [case for case in known if concerns(case, viewer)]
    done = sorted((case for case in mine if finished(case, viewer)), key=lambda case: case.updated, reverse=True)
    items = await run_in_threadpool(open_tasks, centre, viewer, [case.no for case in mine])
    duty = feed.snapshot.patrols.get(viewer.patrol, {}).get("duty", "on_duty")
    body = {
        "now": millis(centre.now()), "items": items, "on_duty": duty != "off_duty",
        "done": [line(centre, case) for case in done if _today(centre, case)][:DONE_SHOWN],
    }  # fmt: skip
    return Response(msgspec.json.encode(body), media_type="application/json", headers={"Cache-Control": "no-store"})


@router.get("/api/v1/field/{no}/map.svg")
def sketch(
    request: Request, no: No, lang: Literal["zh", "en"] = "zh", reach: Annotated[float, Query(ge=100, le=3000)] = 300
) -> Response:
    """The surroundings of one of my cases, in metres from it."""
    centre, viewer = centre_of(request), me(request)
    case = centre.queue.case(no)
    if case is None or not concerns(case, viewer) or case.lon is None or case.lat is None:
        raise NoSuchCase(no)
    svg = surroundings(centre).sketch(Position(case.lon, case.lat), lang, reach)
    return Response(svg, media_type="image/svg+xml", headers={"Cache-Control": "private, max-age=86400"})


@router.post("/api/v1/field/position")
def position(
    request: Request,
    lon: Annotated[float, Body()],
    lat: Annotated[float, Body()],
    at: Annotated[datetime, Body(description="when the phone was there (RFC 3339)")],
    accuracy: Annotated[float | None, Body(description="m")] = None,
    speed: Annotated[float | None, Body(description="m/s")] = None,
    course: Annotated[float | None, Body(description="degrees from north")] = None,
) -> Response:
    """Where I am: the same as a `position` by MQTT, and only ever my own. A department has no position."""
    fix = {"lon": lon, "lat": lat, "accuracy": accuracy, "speed": speed, "course": course}
    known = {name: value for name, value in fix.items() if value is not None}
    return _of_my_patrol(request, "position", at, known)


@router.post("/api/v1/field/duty")
def duty(
    request: Request,
    on: Annotated[bool, Body(embed=True, description="whether I am on duty: only then am I sent to cases")],
) -> Response:
    """I come on duty or go off it: the same as a `status` by MQTT."""
    state = "on_duty" if on else "off_duty"
    return _of_my_patrol(request, "status", centre_of(request).now(), {"state": state})


def _of_my_patrol(request: Request, kind: str, at: datetime, said: Item) -> Response:
    """Record one event of the patrol whose phone it is."""
    viewer = me(request)
    if not viewer.patrol:
        raise NotAllowed(f"{viewer.name} is bound to a department: positions and duty are a patrol's.")
    payload = {"id": f"field-{kind}-{at.isoformat()}", "at": at.isoformat(), **said}
    became = take(centre_of(request), payload, kind, viewer.patrol)
    status = 422 if became["result"] == "refused" else 202
    return Response(msgspec.json.encode(became), status, media_type="application/json")


@router.post("/api/v1/field/{no}/{act}")
def act(
    request: Request,
    no: No,
    act: str,
    dispatch: Annotated[str, Body(description="the `dispatch` of the task", max_length=80)] = "",
    text: Annotated[str, Body(max_length=4000)] = "",
    image: Annotated[str, Body(description="a /media/… address", max_length=200)] = "",
    request_id: Annotated[str, Body(description="names this act: the same again is done once", max_length=100)] = "",
    at: Annotated[datetime | None, Body(description="when it was done, if it could not be sent then")] = None,
) -> Response:
    """One act on my task. 403 when it is not mine to do; 422 `wrong_patrol` when the task was withdrawn meanwhile."""
    centre, viewer = centre_of(request), me(request)
    if act not in own_acts(viewer.role):
        raise NotAllowed(f"{act} is not done by the role {viewer.role}.")
    if image and not media.ADDRESS.fullmatch(image):
        raise Refused("wrong_type", f"image is {image!r}: send the /media/… address that POST /api/v1/media gave")
    if not dispatch and act not in PART_ACTS:
        raise Refused("missing", "dispatch: say which task it belongs to, as the list of tasks names it")
    now = centre.now()
    said = text if not text and "text" in workflow.BY_NAME[act].needs else _dated(centre, text, utc(at), now)
    asked = Asked(
        no=no, name=act, by=viewer.patrol or viewer.department, role=viewer.role, patrol=viewer.patrol,
        department=viewer.department, dispatch=None if act in PART_ACTS else dispatch, text=said, image=image,
        request=request_id or str(uuid.uuid4()),
    )  # fmt: skip
    done = acts.do(centre.desk(), asked, now).case
    mine = next((task for task in views(centre, done, viewer) if ("part" in task) == (act in PART_ACTS)), None)
    body = {"no": no, "version": done.version, "task": mine}
    return Response(msgspec.json.encode(body), media_type="application/json")


def own_acts(role: str) -> tuple[str, ...]:
    """The acts of the table that a role outside does, in the order of the steps. Asking for a side exit is not one: it
    is done by telephone, and the desk writes it down."""
    return tuple(row.name for row in workflow.ACTS if role in row.roles and row.name != "ask")


def concerns(case: Case, viewer: Viewer) -> bool:
    """Whether the case is, or was last, a task of this patrol or department."""
    return leads(case, viewer) or part_of(case, viewer) is not None


def leads(case: Case, viewer: Viewer) -> bool:
    """Whether the case was sent to this patrol or department."""
    if viewer.patrol:
        return case.patrol == viewer.patrol
    return bool(viewer.department) and case.department == viewer.department


def part_of(case: Case, viewer: Viewer) -> Task | None:
    """The part of this department in a case with several, if it was called."""
    return next((task for task in case.tasks if viewer.department and task.department == viewer.department), None)


def finished(case: Case, viewer: Viewer) -> bool:
    """Whether this patrol or department has done what it had to."""
    if leads(case, viewer):
        return case.state.value in DONE
    part = part_of(case, viewer)
    return part is not None and (part.state == "done" or case.state.value in DONE)


def open_tasks(centre: Centre, viewer: Viewer, numbers: list[str]) -> list[Item]:
    """What is to be done now in these cases, as Redis has them."""
    found = sorted(centre.queue.cases(numbers), key=lambda case: (_due(case), case.no))
    return [task for case in found for task in views(centre, case, viewer)]


def views(centre: Centre, case: Case, viewer: Viewer) -> list[Item]:
    """What this patrol or department has to do in a case now: the case itself, its part in it, both or nothing. Times
    are epoch milliseconds."""
    part = part_of(case, viewer)
    open_part = part is not None and part.state != "done" and case.state in workflow.BY_NAME["check_in"].before
    mine = leads(case, viewer) and case.state in workflow.ON_CASE
    if not (mine or open_part):
        return []
    log, found = centre.queue.log(case.no), []
    if mine:
        own = [entry for entry in log if entry.dispatch == case.dispatch]
        found.append(task_view(centre, case, viewer, own, "dispatch") | {"dispatch": case.dispatch})
    if part is not None and open_part:
        own = [entry for entry in log if viewer.department in entry.detail.split(",")]
        view = task_view(centre, case, viewer, own, "whistle")
        found.append(view | {"dispatch": f"{case.no}/{part.department}", "part": part.state})
    return found


def task_view(centre: Centre, case: Case, viewer: Viewer, log: list[Entry], sent_by: str) -> Item:
    """One task with everything the page shows; `log`: what was done in it, `sent_by`: the act that gave it."""
    sent = next((entry for entry in reversed(log) if entry.act == sent_by), None)
    matter = centre.matters.matters.get(case.matter)
    whose = viewer.department if sent_by == "whistle" else ""
    return {
        **line(centre, case), "version": case.version, "lon": case.lon, "lat": case.lat, "received": case.received,
        "place": where(centre, case, "zh"), "place_en": where(centre, case, "en"),
        "grid": grid_name(centre, case, "zh"), "grid_en": grid_name(centre, case, "en"),
        "clocks": [msgspec.to_builtins(clock) for clock in case.clocks if clock.of == whose],
        "text": readable(case.text, viewer) or "", "instructions": (readable(sent.text, viewer) or "") if sent else "",
        "image": centre.pictures.address(case.image), "proof": matter is not None and matter.proof,
        "steps": {entry.act: entry.at for entry in log},
    }  # fmt: skip


def line(centre: Centre, case: Case) -> Item:
    """A case in a line."""
    matter = centre.matters.matters.get(case.matter)
    return {
        "no": case.no, "title": matter.name if matter else case.matter, "priority": case.priority,
        "title_en": matter.name_en if matter else case.matter, "state": case.state.value, "at": case.updated,
    }  # fmt: skip


def where(centre: Centre, case: Case, lang: Lang) -> str:
    """The place in words: what the camera or sensor stands at, else the nearest street; empty when neither is near."""
    device = centre.register.devices.get(case.device)
    if device is not None:
        return (device.name_en if lang == "en" else "") or device.name
    if case.lon is None or case.lat is None:
        return ""
    return surroundings(centre).street(Position(case.lon, case.lat), lang)


def grid_name(centre: Centre, case: Case, lang: Lang) -> str:
    """The name of the grid that counts; empty outside of all."""
    grid = centre.grids.by_code.get(case.grid or "")
    return ((grid.name_en if lang == "en" else "") or grid.name) if grid else ""


def who(centre: Centre, viewer: Viewer) -> Item:
    """The names of the one whose phone it is, in both languages; the id where nobody gave a name."""
    patrol = centre.register.patrols.get(viewer.patrol)
    squad = centre.org.squads.get(patrol.squad) if patrol else None
    whose = patrol or centre.org.departments.get(viewer.department)
    bound = viewer.patrol or viewer.department
    return {
        "account": viewer.name, "role": viewer.role, "id": bound, "positioned": bool(viewer.patrol),
        "name": whose.name if whose else bound, "name_en": (whose.name_en or whose.name) if whose else bound,
        "team": squad.name if squad else "", "team_en": (squad.name_en or squad.name) if squad else "",
        "acts": own_acts(viewer.role),
    }  # fmt: skip


def surroundings(centre: Centre) -> Surroundings:
    """The town's background, read once."""
    if id(centre) not in _towns:
        _towns[id(centre)] = Surroundings(read_base(centre))
    return _towns[id(centre)]


_towns: dict[int, Surroundings] = {}


def _due(case: Case) -> int:
    return min((clock.due for clock in case.clocks if clock.done is None), default=case.received + 10**12)


def _today(centre: Centre, case: Case) -> bool:
    tz = centre.settings.tz
    return local_day(datetime.fromtimestamp(case.updated / 1000, tz), tz) == local_day(centre.now(), tz)


def _dated(centre: Centre, text: str, at: datetime | None, now: datetime) -> str:
    """The text with the time on the spot before it when it comes late; a phone's clock that is ahead says nothing."""
    if at is None or now - at < LATE:
        return text
    return f"〔{at.astimezone(centre.settings.tz):%H:%M:%S}〕{text}"
