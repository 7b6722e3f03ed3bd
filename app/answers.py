"""How the API says no: every refusal is JSON with a stable `error` key and a sentence in both languages.

A program reads `error` and the fields beside it; a page shows `message_zh` or `message_en` as it is.
"""

from __future__ import annotations

import dataclasses
import logging
from datetime import datetime
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from app import text
from app.accounts import AccountRefused
from app.actions import NotAllowed
from app.centre import Centre
from app.text import Text
from streams.errors import (
    ActRefused,
    AidRefused,
    CaseTaken,
    GridpostError,
    NoSuchAid,
    NoSuchCase,
    PatrolBusy,
    Refused,
    RoleRefused,
    Unreachable,
)

log = logging.getLogger("gridpost.web")


def add_error_answers(app: FastAPI) -> None:
    """Say every refusal of the error tree, of a wrong request and of an unknown address this way."""
    app.add_exception_handler(GridpostError, _refused)
    app.add_exception_handler(RequestValidationError, _wrong_request)
    app.add_exception_handler(HTTPException, _http)


def status_of(error: GridpostError) -> int:
    """The HTTP status of a refusal."""
    match error:
        case NoSuchCase() | NoSuchAid():
            return 404
        case CaseTaken() | PatrolBusy() | AidRefused():
            return 409
        case NotAllowed() | RoleRefused():
            return 403
        case Unreachable():
            return 503
        case Refused(reason="too_large"):
            return 413
        case Refused() | ActRefused() | AccountRefused():
            return 422
    return 400


def document(error: GridpostError, centre: Centre) -> dict[str, Any]:
    """The JSON of a refusal: key, sentences, and the fields of the error (times as RFC 3339)."""
    names = {code: Text(one.name, one.name_en or one.name) for code, one in centre.org.departments.items()}
    said = text.NOT_ALLOWED if isinstance(error, NotAllowed) else text.of_error(error, centre.settings.tz, names)
    found = {"error": key_of(error), "message_zh": said.zh, "message_en": said.en}
    if dataclasses.is_dataclass(error):
        for field in dataclasses.fields(error):
            value = getattr(error, field.name)
            found[field.name] = value.isoformat() if isinstance(value, datetime) else value
    return found


def key_of(error: GridpostError) -> str:
    """The stable key of a refusal."""
    match error:
        case ActRefused():
            return error.code
        case Refused():
            return error.reason
        case NotAllowed():
            return "not_allowed"
        case Unreachable():
            return "unreachable"
    return "refused"


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, GridpostError)
    if isinstance(error, Unreachable):
        log.warning("%s: %s", request.url.path, error)
    headers = {"Retry-After": "2"} if isinstance(error, Unreachable) else None
    return JSONResponse(document(error, request.app.state.centre), status_of(error), headers=headers)


async def _wrong_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    said = Text(f"请求不对：{where}（{first['msg']}）。", f"The request is wrong at {where}: {first['msg']}.")
    return _said(422, "wrong_request", said)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return _said(404, "not_found", text.NOT_FOUND)
    said = Text(f"请求未执行（{error.status_code}）。", f"The request was not carried out ({error.detail}).")
    return _said(error.status_code, "refused", said)


def _said(status: int, key: str, said: Text) -> Response:
    return JSONResponse({"error": key, "message_zh": said.zh, "message_en": said.en}, status)
