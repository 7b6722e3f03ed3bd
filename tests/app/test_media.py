"""Pictures: what is taken, what is fetched, and what browsers see of it."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
from fastapi.testclient import TestClient

from app import media
from app.centre import Centre
from app.media import Pictures
from streams.errors import Refused
from tests.app.conftest import alert
from tests.conftest import wait_until

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 100
Role = Callable[[str], dict[str, str]]


class Camera(BaseHTTPRequestHandler):
    """A camera's web server."""

    answers: ClassVar[dict[str, tuple[int, bytes]]] = {
        "/ok.png": (200, PNG), "/moved.png": (302, b""), "/page.html": (200, b"<html>"),
        "/large.png": (200, PNG + b"0" * media.MOST_BYTES),
    }  # fmt: skip

    def do_GET(self) -> None:
        """Answer from the table."""
        status, body = self.answers.get(self.path, (404, b""))
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/ok.png")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name of the base class
        """Say nothing."""


@pytest.fixture
def camera() -> Iterator[str]:
    """The camera's address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Camera)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()


def test_an_uploaded_picture_is_served_under_its_hash(web: TestClient, as_role: Role) -> None:
    """As a body or as a form's file; the same picture has one address."""
    headers = as_role("operator")
    plain = web.post("/api/v1/media", content=PNG, headers=headers)
    form = web.post("/api/v1/media", files={"file": ("a.png", PNG, "image/png")}, headers=headers)
    assert plain.status_code == 201
    assert plain.json() == form.json() == {"url": f"/media/{hashlib.sha256(PNG).hexdigest()}"}
    answer = web.get(plain.json()["url"], headers=headers)
    assert (answer.content, answer.headers["content-type"]) == (PNG, "image/png")


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        (b"<svg onload=alert(1)>", 422, "wrong_type"), (PNG + b"0" * media.MOST_BYTES, 413, "too_large"),
        (b"", 422, "wrong_type"),
    ],
)  # fmt: skip
def test_what_is_no_picture_or_too_large_is_refused(
    web: TestClient, as_role: Role, body: bytes, status: int, error: str
) -> None:
    """An SVG may hold scripts: it is no picture here."""
    answer = web.post("/api/v1/media", content=body, headers=as_role("operator"))
    assert (answer.status_code, answer.json()["error"]) == (status, error)


@pytest.mark.parametrize("name", ["..%2f..%2fservers.json", "0" * 64, "x"])
def test_only_pictures_are_served(web: TestClient, as_role: Role, centre: Centre, name: str) -> None:
    """No other file of the state directory can be asked for."""
    (centre.settings.state_dir / "servers.json").write_text("secret")
    answer = web.get(f"/media/{name}", headers=as_role("operator"))
    assert answer.status_code == 404
    assert "secret" not in answer.text


def test_a_picture_on_an_allowed_host_is_fetched_once(camera: str, tmp_path: Path) -> None:
    """Its address is known at once, its bytes soon."""
    pictures = Pictures(tmp_path, ("127.0.0.1",))
    address = pictures.address(f"{camera}/ok.png")
    assert address is not None
    wait_until(lambda: (tmp_path / address.removeprefix("/media/")).exists())
    assert (tmp_path / address.removeprefix("/media/")).read_bytes() == PNG


@pytest.mark.parametrize("path", ["moved.png", "large.png", "nothing.png"])
def test_redirects_large_and_missing_pictures_are_refused(camera: str, tmp_path: Path, path: str) -> None:
    """A redirect could lead to a host that is not allowed."""
    with pytest.raises(Refused):
        Pictures(tmp_path, ("127.0.0.1",)).fetch(f"{camera}/{path}")


@pytest.mark.parametrize(
    "image",
    ["http://elsewhere.example/a.png", "file:///etc/passwd", "/media/../x", "javascript:alert(1)", "http://[", "x"],
)  # fmt: skip
def test_an_image_from_anywhere_else_is_not_shown(tmp_path: Path, image: str) -> None:
    """Browsers only ever see /media/<sha256>."""
    assert Pictures(tmp_path, ("cameras.example",)).address(image) is None


def test_a_case_shows_the_address_here_not_the_camera(web: TestClient, as_role: Role) -> None:
    """The URL that the device announced reaches no browser."""
    headers = as_role("operator")
    said = alert(image="http://cameras.example/a.png")
    no = web.post("/api/v1/events", json=said, headers=headers).json()["opened"][0]
    answer = web.get(f"/api/v1/cases/{no}", headers=headers)
    assert media.ADDRESS.fullmatch(answer.json()["image"])
    assert "cameras.example" not in answer.text
