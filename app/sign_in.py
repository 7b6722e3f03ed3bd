"""Signing in and out: a form that is posted, a cookie that is set, a failure that tells nothing.

The form's page is `app.pages.sign_in`. A wrong name and a wrong password take the same time and say the same.
"""

from __future__ import annotations

import html
import importlib
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from app import text
from app.accounts import COOKIE
from app.centre import Centre
from app.guard import cookie_of, same_origin

COOKIE_S = 30 * 24 * 3600
"""How long a browser keeps the cookie; the session behind it ends after 12 hours without a request."""

router = APIRouter(include_in_schema=False)


@router.get("/sign-in")
def show(request: Request, next: str = "/") -> HTMLResponse:  # noqa: A002  the public name of the parameter
    """The sign-in page."""
    return HTMLResponse(_page(request, next, failed=False), headers={"Cache-Control": "no-store"})


@router.post("/sign-in")
def sign_in(
    request: Request,
    name: Annotated[str, Form(max_length=200)] = "",
    password: Annotated[str, Form(max_length=1000)] = "",
    next: Annotated[str, Form(max_length=500)] = "/",  # noqa: A002
) -> Response:
    """Open a session and go on, or show the page again."""
    if request.headers.get("origin") is not None and not same_origin(request.headers):
        return HTMLResponse(_page(request, next, failed=True), 403, headers={"Cache-Control": "no-store"})
    centre: Centre = request.app.state.centre
    found = centre.accounts.sign_in(name.strip(), password, centre.now())
    if found is None:
        return HTMLResponse(_page(request, next, failed=True), 401, headers={"Cache-Control": "no-store"})
    cookie, viewer = found
    target = next if local(next) and next != "/" and viewer.may_open(urlsplit(next).path) else viewer.home
    answer = RedirectResponse(target, 303, headers={"Cache-Control": "no-store"})
    secure = request.url.scheme == "https" or request.headers.get("x-forwarded-proto") == "https"
    answer.set_cookie(
        COOKIE, cookie, max_age=COOKIE_S, path="/", httponly=True, samesite="lax", secure=secure
    )
    return answer


@router.post("/sign-out")
def sign_out(request: Request) -> Response:
    """End the session."""
    centre: Centre = request.app.state.centre
    cookie = cookie_of(request.headers)
    if cookie:
        centre.accounts.sign_out(cookie)
    answer = RedirectResponse("/sign-in", 303)
    answer.delete_cookie(COOKIE, path="/")
    return answer


def local(path: str) -> bool:
    """Whether `next` stays on this server: a path, not `//host` and not `/\\host`."""
    return path.startswith("/") and not path.startswith(("//", "/\\")) and "\n" not in path and "\r" not in path


def _page(request: Request, next_path: str, *, failed: bool) -> str:
    centre: Centre = request.app.state.centre
    lang = request.query_params.get("lang") or request.cookies.get("gridpost_lang") or centre.settings.lang
    if lang not in ("zh", "en"):
        lang = centre.settings.lang
    target = next_path if local(next_path) else "/"
    try:
        module = importlib.import_module("app.pages.sign_in")
    except ModuleNotFoundError:
        return plain_page(target, failed=failed, lang=lang)
    return str(module.page(next_path=target, failed=failed, lang=lang))


def plain_page(next_path: str, *, failed: bool, lang: str) -> str:
    """A form without any style: what is shown while there is no designed one."""
    wrong = f"<p role=alert>{text.SIGN_IN_FAILED.in_(lang)}</p>" if failed else ""
    return (
        f'<!doctype html><html lang="{lang}"><meta charset="utf-8"><title>网格哨 Gridpost</title>{wrong}'
        '<form method="post" action="/sign-in"><input name="name" autocomplete="username" required autofocus>'
        '<input name="password" type="password" autocomplete="current-password" required>'
        f'<input type="hidden" name="next" value="{html.escape(next_path, quote=True)}"><button>→</button></form>'
    )
