"""What stands in front of every request: who is it, may it come in, what may the browser do, what if it breaks.

Plain ASGI, not Starlette's BaseHTTPMiddleware: that one puts a queue between the app and the socket, which breaks
the feed's back-pressure and its notice of a listener that has gone.
"""

from __future__ import annotations

import html
import json
import logging
import secrets
from collections.abc import Callable, Iterable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import quote, urlsplit

import anyio.to_thread
from redis.exceptions import RedisError
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import text
from app.accounts import COOKIE, Accounts, Viewer, set_viewer
from app.text import Text
from streams.errors import Unreachable

log = logging.getLogger("gridpost.web")

OPEN = ("/sign-in", "/healthz", "/readyz", "/_favicon.ico", "/favicon.ico")
OPEN_FOLDERS = ("/assets/", "/_dash-component-suites/")
MACHINE_FOLDERS = ("/api/", "/_dash-", "/media/")
MACHINE = ("/feed", "/style.json", "/basemap.geojson", "/metrics")
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


def is_open(path: str) -> bool:
    """Whether a path is served to everybody: the sign-in page, health, and files that hold no data."""
    return path in OPEN or path.startswith(OPEN_FOLDERS)


def for_machines(path: str) -> bool:
    """Whether a refusal is JSON (read by a program) rather than a page (read by a person)."""
    return path in MACHINE or path.startswith(MACHINE_FOLDERS)


class Guard:
    """Lets in who has a session or a bearer token, and says to the rest how to get one."""

    def __init__(self, app: ASGIApp, accounts: Accounts) -> None:
        self.app = app
        self.accounts = accounts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Set the viewer of the request, or answer it."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": "not used here"})
            return
        if scope["type"] != "http" or is_open(scope["path"]):
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        bearer = _bearer(headers)
        try:
            found = await anyio.to_thread.run_sync(self._who, bearer, cookie_of(headers))
        except RedisError:
            await refuse(scope, send, 503, "unreachable", text.UNREACHABLE)
            return
        if found is None:
            await self._turn_away(scope, send)
        elif bearer is None and scope["method"] not in SAFE_METHODS and not same_origin(headers):
            await refuse(scope, send, 403, "foreign_origin", text.FOREIGN_ORIGIN)
        elif not found.may_open(scope["path"]):
            await refuse(scope, send, 403, "not_allowed", text.NOT_ALLOWED)
        else:
            set_viewer(found)
            scope.setdefault("state", {})["viewer"] = found
            await self.app(scope, receive, send)

    def _who(self, bearer: str | None, cookie: str | None) -> Viewer | None:
        if bearer is not None:
            return self.accounts.by_token(bearer)
        return self.accounts.by_cookie(cookie) if cookie else None

    async def _turn_away(self, scope: Scope, send: Send) -> None:
        path = scope["path"]
        if for_machines(path) or scope["method"] not in SAFE_METHODS:
            await refuse(scope, send, 401, "sign_in_first", text.SIGN_IN_FIRST)
            return
        query = scope.get("query_string", b"").decode("latin-1")  # an address that was sent names a moment, a filter
        wanted = f"{path}?{query}" if query else path
        target = "/sign-in" if wanted == "/" else f"/sign-in?next={quote(wanted, safe='/')}"
        headers = [(b"location", target.encode()), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": 303, "headers": headers})
        await send({"type": "http.response.body", "body": b""})


def cookie_of(headers: Headers) -> str | None:
    """The session cookie of a request, if it has one."""
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return None
    return found.value if found else None


def _bearer(headers: Headers) -> str | None:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def same_origin(headers: Headers) -> bool:
    """Whether a browser says that the request comes from our own pages.

    Every browser sends Origin with a POST; a request that carries a cookie and no Origin is not from one that we
    know. Only the host is compared: behind a proxy that ends TLS the scheme differs.
    """
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc == headers.get("host")


class Shield:
    """The last net: what nobody foresaw becomes a sentence with an id; the log has the rest under that id."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the request; an error before the first byte is answered, a later one only logged."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except ClientDisconnect:
            log.debug("%s went away before it had sent everything", scope["path"])
        except (RedisError, Unreachable) as error:
            log.warning("%s %s: %s", scope["method"], scope["path"], error)
            if not started:
                await refuse(scope, send, 503, "unreachable", text.UNREACHABLE)
        except Exception:
            error_id = secrets.token_hex(4)
            log.exception("error %s: %s %s", error_id, scope["method"], scope["path"])
            if not started:
                await refuse(scope, send, 500, "failed", text.failed(error_id))


class Headed:
    """Security headers on every answer; a page's own scripts are allowed by their hashes."""

    def __init__(self, app: ASGIApp, policy: Callable[[], str]) -> None:
        self.app = app
        self.policy = policy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add the headers when the answer starts."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def headed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Referrer-Policy"] = "same-origin"
                headers["X-Frame-Options"] = "DENY"
                headers["Cross-Origin-Opener-Policy"] = "same-origin"
                headers["Content-Security-Policy"] = self.policy()
                if not is_open(scope["path"]):
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self.app(scope, receive, headed)


class Zipped:
    """Compresses big answers, but never the feed: its pieces must leave at once."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.zipping = GZipMiddleware(app, minimum_size=1024, compresslevel=5)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Choose by path."""
        plain = scope["type"] != "http" or scope["path"] in ("/feed", "/metrics")
        await (self.app if plain else self.zipping)(scope, receive, send)


def policy(script_hashes: Iterable[str], tile_url: str | None) -> str:
    """The Content-Security-Policy: everything from here, and nothing from anywhere else but the tiles' host.

    Dash writes its renderer's start and the pages' clientside functions as inline scripts: they are allowed by
    hash. Styles cannot be: Mantine and the grid write style elements as they go, so styles alone are
    `unsafe-inline`. MapLibre runs its workers from blobs and draws pictures from data and blobs.
    """
    tiles = ""
    if tile_url:
        parts = urlsplit(tile_url)
        tiles = f" {parts.scheme}://{parts.netloc}"
    rules = {
        "default-src": "'self'",
        "script-src": " ".join(["'self'", *script_hashes]),
        "style-src": "'self' 'unsafe-inline'",
        "img-src": f"'self' data: blob:{tiles}",
        "font-src": "'self' data:",
        "connect-src": f"'self'{tiles}",
        "worker-src": "'self' blob:",
        "child-src": "'self' blob:",
        "object-src": "'none'",
        "base-uri": "'self'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


async def refuse(scope: Scope, send: Send, status: int, error: str, said: Text) -> None:
    """Answer with one sentence in both languages: JSON for programs, a plain page for people."""
    if for_machines(scope["path"]):
        body = json.dumps({"error": error, "message_zh": said.zh, "message_en": said.en}, ensure_ascii=False)
        kind = b"application/json"
    else:
        zh, en = html.escape(said.zh), html.escape(said.en)
        body = (
            '<!doctype html><meta charset="utf-8"><title>网格哨 Gridpost</title>'
            f'<p lang="zh-CN">{zh}</p><p lang="en">{en}</p><p><a href="/">网格哨 Gridpost</a></p>'
        )
        kind = b"text/html; charset=utf-8"
    headers = [(b"content-type", kind), (b"cache-control", b"no-store")]
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if status == 503:
        headers.append((b"retry-after", b"2"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body.encode()})
