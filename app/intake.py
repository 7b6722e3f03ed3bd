"""What comes in by HTTP: events from systems that do not speak MQTT, and pictures.

An event goes the very way of an MQTT message (`ingest.sort`, then `record`), at once, so that the caller hears what
became of it.
"""

from __future__ import annotations

import json
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from app import actions, media
from app.api import centre_of
from app.centre import Centre
from app.listing import viewer_of
from streams import ingest
from streams.errors import Refused
from streams.mqtt import Message

MOST_EVENT_BYTES = 64 * 1024
MOST_BODY_BYTES = 4 * 1024 * 1024
MOST_EVENTS = 1000
router = APIRouter(tags=["write"])


@router.post("/api/v1/events")
async def post_events(
    request: Request,
    kind: Annotated[str, Query(description="position, alert, reading, report, status or reply")] = "",
    device: Annotated[str, Query(description="the device, as in the MQTT topic")] = "",
) -> Response:
    """One event (or a list of them) as JSON: the payload of the MQTT message with `kind` and `device` beside it (or
    in the query), or `{"topic", "payload"}`. Answers for each what became of it: `accepted` (with the case it
    went to), `duplicate`, `ignored` or `refused` with the reason."""
    body = await read_body(request, MOST_BODY_BYTES)
    centre = centre_of(request)
    if not viewer_of(request).acts:
        raise actions.NotAllowed("a leader's account reads only")
    try:
        said = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refused("not_json", f"the body is not JSON ({error}): send one event or a list") from error
    several = isinstance(said, list)
    if several and len(said) > MOST_EVENTS:
        raise Refused("too_large", f"{len(said)} events: send at most {MOST_EVENTS} at once")
    results = [await run_in_threadpool(take, centre, one, kind, device) for one in (said if several else [said])]
    if several:
        return JSONResponse({"items": results})
    return JSONResponse(results[0], 422 if results[0]["result"] == "refused" else 202)


def take(centre: Centre, said: Any, kind: str, device: str) -> dict[str, Any]:
    """Record one event that came by HTTP; says what became of it. Raises Unreachable."""
    try:
        topic, payload = address(centre.settings.site, said, kind, device)
    except Refused as refused:
        return {"result": "refused", "reason": refused.reason, "text": refused.text}
    message = Message(topic, payload, centre.now())
    desk = centre.desk()
    work = ingest.sort([message], desk)
    for letter in work.letters:
        ingest.bury([letter], desk)
        return {"result": "refused", "reason": letter.reason, "text": letter.text}
    if work.ignored:
        return {"result": "ignored", "reason": next(iter(work.ignored)), "text": ""}
    recorded = ingest.record(work, desk)
    names = [tagged.event.id for tagged in work.tagged]
    if recorded.failed:
        return {"result": "refused", "reason": "internal", "text": recorded.failed[0][1], "ids": names}
    result = "accepted" if recorded.new else "duplicate"
    return {"result": result, "ids": names, "opened": list(recorded.opened), "merged": recorded.merged}


def address(site: str, said: Any, kind: str, device: str) -> tuple[str, bytes]:
    """Topic and payload of an event as it was posted; raises Refused."""
    if not isinstance(said, dict):
        raise Refused("wrong_type", f"an event is a JSON object, not {type(said).__name__}")
    if "topic" in said and "payload" in said:
        topic, payload = said["topic"], said["payload"]
        if not isinstance(topic, str):
            raise Refused("wrong_type", f"topic is {topic!r}: it must be a text")
    else:
        payload = {key: value for key, value in said.items() if key not in ("kind", "device")}
        kind, device = kind or said.get("kind", ""), device or said.get("device", "")
        if not (kind and device and isinstance(kind, str) and isinstance(device, str)):
            raise Refused("missing", "kind and device: give them beside the payload's fields or in the query")
        topic = f"gridpost/{site}/{kind}/{device}"
    try:
        topic.encode()
        encoded = payload.encode() if isinstance(payload, str) else msgspec.json.encode(payload)
    except UnicodeEncodeError as error:
        raise Refused("not_text", f"half a character stands in the event ({error.reason}): send UTF-8") from error
    if len(encoded) > MOST_EVENT_BYTES:
        raise Refused("too_large", f"the payload has {len(encoded)} bytes: at most {MOST_EVENT_BYTES} are taken")
    return topic, encoded


@router.post("/api/v1/media")
async def post_media(request: Request) -> Response:
    """Keep one picture (JPEG, PNG, WebP or GIF, at most 2 MiB), sent as the body or as a form's file. Answers
    `{"url": "/media/<sha256>"}`, which is what `image` of an event or a reply takes."""
    viewer = viewer_of(request)
    if not (viewer.acts or viewer.outside):
        raise actions.NotAllowed("a leader's account reads only")
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        picture = await _form_file(request)
    else:
        picture = await read_body(request, media.MOST_BYTES)
    folder = centre_of(request).settings.media_dir
    url = await run_in_threadpool(media.keep, picture, folder)
    return JSONResponse({"url": url}, 201)


@router.get("/media/{name}", include_in_schema=False)
def get_media(request: Request, name: str) -> Response:
    """One picture by its name."""
    found = media.ADDRESS.fullmatch(f"/media/{name}")
    path = centre_of(request).settings.media_dir / name
    if not found or not path.is_file():
        raise HTTPException(404)
    picture = path.read_bytes()
    kind = media.kind_of(picture) or "application/octet-stream"
    headers = {"Cache-Control": "private, max-age=31536000, immutable", "Content-Disposition": "inline"}
    return Response(picture, media_type=kind, headers=headers)


async def read_body(request: Request, most: int) -> bytes:
    """The body, or Refused as soon as it is larger than `most` bytes."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise Refused("too_large", f"the body has more than {most} bytes")
        parts.append(part)
    return b"".join(parts)


async def _form_file(request: Request) -> bytes:
    declared = request.headers.get("content-length", "")
    if not declared.isdecimal() or int(declared) > media.MOST_BYTES + 64 * 1024:
        raise Refused("too_large", f"the upload has {declared or 'no declared'} bytes: at most {media.MOST_BYTES}")
    async with request.form(max_files=1, max_fields=10) as form:
        for value in form.values():
            if not isinstance(value, str):
                return await value.read()
    raise Refused("missing", "file: the form has none")
