"""Pictures: kept once under the SHA-256 that names them, fetched once from the hosts that are allowed.

Browsers only ever see `/media/<sha256>`. An uploaded picture is named by its bytes. A picture that a device
announces by URL is named by the hash of that URL, so that its address is known before it is fetched; it is fetched
when the event comes, since the camera may show something else a minute later.
"""

from __future__ import annotations

import hashlib
import logging
import os
import queue
import re
import tempfile
import threading
from pathlib import Path
from urllib.parse import urlsplit

from streams.errors import Refused

log = logging.getLogger("gridpost.media")

MOST_BYTES = 2 * 1024 * 1024
FETCH_S = 5.0
WAITING = 1000
ADDRESS = re.compile(r"/media/([0-9a-f]{64})")
KINDS = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)


def kind_of(picture: bytes) -> str | None:
    """The media type by the first bytes; None for anything that is not a picture we show."""
    if picture[:4] == b"RIFF" and picture[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for head, kind in KINDS if picture.startswith(head)), None)


def keep(picture: bytes, folder: Path, name: str | None = None) -> str:
    """Keep a picture and give its address; raises Refused when it is too large or no picture."""
    if len(picture) > MOST_BYTES:
        raise Refused("too_large", f"the picture has {len(picture)} bytes: at most {MOST_BYTES} are taken")
    if kind_of(picture) is None:
        raise Refused("wrong_type", "the file is no JPEG, PNG, WebP or GIF: send one of these")
    name = name or hashlib.sha256(picture).hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / name
    if not target.exists():
        handle, temporary = tempfile.mkstemp(dir=folder, suffix=".part")
        with os.fdopen(handle, "wb") as file:
            file.write(picture)
        os.replace(temporary, target)
    return f"/media/{name}"


class Pictures:
    """Turns the `image` of an event into an address for browsers, and fetches what lies elsewhere."""

    def __init__(self, folder: Path, hosts: tuple[str, ...]) -> None:
        self._folder = folder
        self._hosts = frozenset(host.lower() for host in hosts)
        self._wanted: queue.Queue[tuple[str, str]] = queue.Queue(WAITING)
        self._thread: threading.Thread | None = None

    def address(self, image: str | None) -> str | None:
        """The address under which browsers get the picture; None when there is none that they may see."""
        if not image:
            return None
        if ADDRESS.fullmatch(image):
            return image
        name = hashlib.sha256(image.encode()).hexdigest()
        if not self.allowed(image):
            return None
        if not (self._folder / name).exists():
            self._want(image, name)
        return f"/media/{name}"

    def allowed(self, url: str) -> bool:
        """Whether a URL is on one of MEDIA_HOSTS."""
        try:
            parts = urlsplit(url)
            return parts.scheme in ("http", "https") and (parts.hostname or "") in self._hosts
        except ValueError:
            return False

    def fetch(self, url: str) -> bytes:
        """The picture at a URL: no redirects, at most 2 MiB; raises Refused."""
        import httpx2  # 0.2 s that only whoever fetches pictures needs to wait for

        try:
            with httpx2.stream("GET", url, timeout=FETCH_S, follow_redirects=False, trust_env=False) as answer:
                if answer.status_code != 200:
                    raise Refused("not_found", f"{url} answers {answer.status_code}: it must answer 200")
                parts, size = [], 0
                for part in answer.iter_bytes():
                    size += len(part)
                    if size > MOST_BYTES:
                        raise Refused("too_large", f"{url} has more than {MOST_BYTES} bytes")
                    parts.append(part)
                return b"".join(parts)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise Refused("not_found", f"{url} cannot be fetched: {error}") from error

    def _want(self, url: str, name: str) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="pictures", daemon=True)
            self._thread.start()
        try:
            self._wanted.put_nowait((url, name))
        except queue.Full:
            log.warning("%d pictures wait to be fetched; leaving out %s", WAITING, url)

    def _work(self) -> None:
        while True:
            url, name = self._wanted.get()
            if (self._folder / name).exists():
                continue
            try:
                keep(self.fetch(url), self._folder, name)
            except Refused as refused:
                log.warning("no picture: %s", refused.text)
            except OSError as error:
                log.warning("no picture: %s cannot be kept: %s", url, error)
