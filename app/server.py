"""One server for everything: the pages (Dash), the feed and the API, on one FastAPI app.

`create_app` is the list of what is served. The pages are modules of `app.pages`:

* `wall`, `dispatch`, `daily` each give `layout(**query)`, and may give `TITLE` and `register(dash_app)` for their
  callbacks (module-level `@dash.callback` works too). They reach the site by `centre.current()` and the signed-in
  person by `accounts.viewer()`.
* `sign_in` gives `page(*, next_path, failed, lang) -> str`, a whole HTML document without Dash: nothing of Dash
  but its static bundles is served to somebody who is not signed in. `field` is one too, since a phone in the street
  should not load Dash; its routes are in `app.field`, and Dash leaves its assets (`field*`) alone.
* `app.pages.shell()`, when there is one, is the layout around the pages; it must hold `dash.page_container`.

Dash's own catch-all is shadowed by ours: an unknown address is a plain 404.
"""

from __future__ import annotations

import importlib
import inspect
import logging
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import ModuleType
from typing import Any, cast

import dash
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.middleware import Middleware

from app import (
    aid,
    api,
    api_docs,
    export,
    field,
    indicators,
    intake,
    listening,
    operations,
    pages,
    past,
    plan,
    scores,
    sign_in,
    style,
    text,
    tracing,
    what_if,
)
from app.answers import add_error_answers
from app.centre import Centre, open_centre
from app.config import ROOT, Settings
from app.feed import Feed
from app.guard import Guard, Headed, Shield, Zipped, policy, refuse

log = logging.getLogger("gridpost.web")

PAGES = {
    "wall": "大屏 Wall", "dispatch": "调度 Dispatch", "replay": "回放 Replay", "daily": "日报 Daily",
    "what-if": "推演 What if",
    "scores": "四维考评 Scores",
}  # fmt: skip


def create_app(settings: Settings) -> FastAPI:
    """The whole web app of one site; raises BadSetting when a file of the site cannot be used."""
    return serve_centre(open_centre(settings))


def serve_centre(centre: Centre) -> FastAPI:
    """The web app over an open centre."""
    live = Feed(centre)
    hashes: list[str] = []
    tiles = centre.settings.tile_url

    @asynccontextmanager
    async def running(_app: FastAPI) -> AsyncIterator[None]:
        await finish_pages(pages_app)
        hashes.extend(pages_app.csp_hashes())
        live.start()
        yield
        await live.stop()

    app = FastAPI(
        title="Gridpost 网格哨", version=api.VERSION, lifespan=running, docs_url=None, redoc_url=None,
        openapi_url="/api/openapi.json",
    )  # fmt: skip
    app.state.centre, app.state.feed = centre, live
    for part in (
        sign_in, field, indicators, scores, tracing, intake, plan, aid, past, export, what_if, api, listening, style,
        operations, api_docs,
    ):  # fmt: skip
        app.include_router(part.router)
    add_error_answers(app)
    app.add_api_route("/", home, include_in_schema=False)
    pages_app = mount_pages(app, centre)
    app.add_api_route("/{path:path}", nothing_here, include_in_schema=False)
    for middleware in reversed((
        Middleware(Shield),
        Middleware(Headed, policy=lambda: policy(hashes, tiles)),
        Middleware(Zipped),
        Middleware(Guard, accounts=centre.accounts),
    )):  # fmt: skip
        app.add_middleware(middleware.cls, *middleware.args, **middleware.kwargs)
    return app


def mount_pages(app: FastAPI, centre: Centre) -> Any:
    """Dash over the same server: its bundles, its callbacks and the addresses of the pages."""
    pages_app: Any = dash.Dash(
        "gridpost", server=cast(Any, app), use_pages=True, pages_folder="", assets_folder=str(ROOT / "assets"),
        serve_locally=True, suppress_callback_exceptions=True, update_title="", title="网格哨 Gridpost",
        on_error=callback_failed, include_pages_meta=False, add_log_handler=False, assets_ignore="^field",
    )  # fmt: skip
    pages_app.backend.websocket_capability = False  # else the renderer keeps trying to open one; the guard closes it
    if centre.settings.secret_key is not None:
        pages_app._generated_signing_secret = centre.settings.secret_key.get_secret_value().encode()
    shell = getattr(pages, "shell", None)
    pages_app.layout = shell if shell is not None else lambda: dash.html.Div(dash.page_container)
    pages.register(pages_app)
    for name, title in PAGES.items():
        module = _page(name.replace("-", "_"))
        if module is None:
            continue
        if module.__name__ not in dash.page_registry:
            cast(Any, dash).register_page(
                module.__name__, path=f"/{name}", layout=module.layout, title=getattr(module, "TITLE", title)
            )
        if hasattr(module, "register"):
            module.register(pages_app)
        app.add_api_route(f"/{name}", _index_of(pages_app), include_in_schema=False)
    pages_app.enable_dev_tools(
        debug=False, dev_tools_ui=False, dev_tools_props_check=False, dev_tools_disable_version_check=True
    )
    return pages_app


async def finish_pages(pages_app: Any) -> None:
    """What Dash leaves for its first request, done before it: its router adds an inline script, which must be in the
    first page and among the hashes of the policy."""
    for step in pages_app.backend._before_request_funcs:
        done = step()
        if inspect.isawaitable(done):
            await done


def callback_failed(error: Exception) -> Any:
    """What a callback's error becomes: a line in the log, and nothing changes on the page but a 500 with its id."""
    error_id = secrets.token_hex(4)
    log.error("error %s in a callback", error_id, exc_info=error)
    said = text.failed(error_id)
    dash.set_props("toast", {"data": {"error": "failed", "zh": said.zh, "en": said.en, "id": error_id}})
    return dash.no_update


async def home(request: Request) -> RedirectResponse:
    """`/` goes to the page of the role."""
    return RedirectResponse(request.state.viewer.home, status_code=303)


async def nothing_here(request: Request) -> Response:
    """Any other address."""
    return _Refusal(request)


class _Refusal(Response):
    """The 404 of an address that is not served."""

    def __init__(self, request: Request) -> None:
        super().__init__(status_code=404)
        self._request = request

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await refuse(scope, send, 404, "not_found", text.NOT_FOUND)


def _page(name: str) -> ModuleType | None:
    """The page's module; None while it does not exist."""
    try:
        return importlib.import_module(f"app.pages.{name}")
    except ModuleNotFoundError as error:
        if error.name != f"app.pages.{name}":
            raise
        return None


def _index_of(pages_app: Any) -> Any:
    from dash.backends import _fastapi  # where Dash keeps the request that its index asks for

    requests = cast(Any, _fastapi)

    async def index(request: Request) -> HTMLResponse:
        token = requests.set_current_request(request)
        try:
            return HTMLResponse(pages_app.index())
        finally:
            requests.reset_current_request(token)

    return index
