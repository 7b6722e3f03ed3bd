"""A centre over the committed town and the embedded Valkey, a web app over it, and people signed in."""

from __future__ import annotations

import dataclasses
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from argon2 import PasswordHasher
from fastapi.testclient import TestClient
from playwright.sync_api import Browser, Page, sync_playwright

from app import centre as centres
from app.accounts import Accounts
from app.centre import Centre
from app.config import Settings
from app.media import Pictures
from app.server import serve_centre
from streams.desk import Desk
from streams.embedded import Valkey
from streams.keys import Keys
from tests.browsing import CHROMIUM, FLAGS

PASSWORD = "a long enough password"
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture(scope="session")
def loaded() -> Centre:
    """The committed town, read once."""
    return centres.open_centre(Settings(redis_url="redis://127.0.0.1:1"))


@pytest.fixture
def centre(loaded: Centre, valkey: Valkey, site: str, tmp_path: Path) -> Centre:
    """A site of its own on the embedded Valkey, with the town's register."""
    settings = loaded.settings.model_copy(
        update={"redis_url": valkey.url, "site": site, "state_dir": tmp_path, "media_hosts": ("cameras.example",)}
    )
    accounts = Accounts(centres.open_redis(settings, decode=True), Keys(site), CHEAP)
    pictures = Pictures(settings.media_dir, settings.media_hosts)
    found = dataclasses.replace(
        loaded, settings=settings, queue=centres.open_queue(settings), accounts=accounts, pictures=pictures
    )
    found.queue.register(list(found.register.patrols))
    for role in ("operator", "supervisor", "leader", "administrator"):
        accounts.add(role, role, PASSWORD, datetime.now(UTC))
    return found


@pytest.fixture
def web(centre: Centre) -> Iterator[TestClient]:
    """The web app, nobody signed in."""
    with TestClient(serve_centre(centre), base_url="http://gridpost.test", follow_redirects=False) as client:
        yield client


@pytest.fixture
def as_role(centre: Centre) -> Callable[[str], dict[str, str]]:
    """Headers with the bearer token of a role."""

    def headers(role: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {centre.accounts.new_token(role)}"}

    return headers


@pytest.fixture
def served(centre: Centre) -> Iterator[str]:
    """The web app on a real port: its address."""
    app = serve_centre(centre)
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=2))
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    app.state.feed.close_listeners(for_good=True)
    server.should_exit = True
    thread.join(10)


def report(**fields: Any) -> dict[str, Any]:
    """A resident's report as it is posted."""
    said = {
        "kind": "report", "device": "hotline", "id": "r-1", "at": datetime.now(UTC).isoformat(), "lon": 119.17,
        "lat": 34.94, "category": "exposed_rubbish", "text": "邻居垃圾，电话 13812345678", "contact": "19912341234",
    }  # fmt: skip
    return said | fields


def alert(**fields: Any) -> dict[str, Any]:
    """A camera's alert that opens an accepted case."""
    said = {
        "kind": "alert", "device": "D-001", "id": "a-1", "at": datetime.now(UTC).isoformat(), "category": "fire",
        "severity": 4, "alert": "x1", "phase": "new",
    }  # fmt: skip
    return said | fields


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for the module."""
    with sync_playwright() as kit:
        found = kit.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield found
        found.close()


@pytest.fixture
def open_now(centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pages reach the centre by `current()`: it is this test's."""
    monkeypatch.setattr(centres, "_current", [centre])


@pytest.fixture
def desk(centre: Centre) -> Desk:
    """What ingest needs, so that a test can say what devices said."""
    return centre.desk()


@pytest.fixture
def page(browser: Browser, served: str) -> Iterator[Page]:
    """A signed-in supervisor; fails when the page asked another host or wrote an error."""
    context = browser.new_context(viewport={"width": 1600, "height": 1000}, base_url=served)
    context.set_default_timeout(60_000)
    tab = context.new_page()
    foreign: list[str] = []
    errors: list[str] = []
    tab.on("request", lambda r: foreign.append(r.url) if not r.url.startswith((served, "data:", "blob:")) else None)
    tab.on("pageerror", lambda error: errors.append(f"{error} {error.stack}"))
    tab.on("console", lambda m: errors.append(m.text) if m.type == "error" and "409" not in m.text else None)
    tab.goto("/sign-in")
    tab.fill("[name=name]", "supervisor")
    tab.fill("[name=password]", PASSWORD)
    tab.press("[name=password]", "Enter")
    tab.wait_for_url("**/dispatch")
    yield tab
    context.close()
    assert not foreign
    assert not errors
