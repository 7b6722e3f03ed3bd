"""`GET /feed`: one listener's connection, from the opening to the moment either side lets go.

Written as a plain ASGI answer, because it must end when the listener is too far behind, even while the socket
takes nothing more: Starlette's streaming answer would wait for the socket for ever.
"""

from __future__ import annotations

import anyio
from fastapi import APIRouter, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.feed import Feed, Listener

RETRY_MS = 2000
LOADING_S = 30.0
HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # nginx would collect the events otherwise
]

router = APIRouter(tags=["feed"])


@router.get("/feed", response_class=Response)
async def listen(request: Request, last: str = "") -> Response:
    """Server-Sent Events: `snapshot` (or what was missed since `Last-Event-ID` / `?last=`), then `patrols`, `case`,
    `alert`, `device`, `notice`, `figures`, and a `heartbeat` `{now, last}` every 5 seconds."""
    return Listening(request.app.state.feed, request.headers.get("last-event-id") or last)


class Listening(Response):
    """The answer that does not end by itself."""

    def __init__(self, feed: Feed, last: str) -> None:
        super().__init__(media_type="text/event-stream")
        self._feed = feed
        self._last = last

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Tell until the listener goes, is let go, or the server stops."""
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        await _say(send, b"retry: %d\n\n" % RETRY_MS)
        with anyio.move_on_after(LOADING_S):
            await self._feed.loaded.wait()
        if not self._feed.loaded.is_set():
            return await _end(send)
        listener = self._feed.join()
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._tell, listener, send, tasks.cancel_scope)
                tasks.start_soon(_until_gone, receive, tasks.cancel_scope)
                await listener.closed.wait()
                tasks.cancel_scope.cancel()
        finally:
            self._feed.listeners.discard(listener)
        with anyio.move_on_after(0.5):
            await _end(send)
        return None

    async def _tell(self, listener: Listener, send: Send, scope: anyio.CancelScope) -> None:
        opening = await self._feed.opening(self._last, listener)
        await _say(send, _id_line(listener) + opening if opening else b"")
        while not listener.closed.is_set():
            body = self._feed.next_message(listener)
            if body is None:
                listener.wake.clear()
                await listener.wake.wait()
                continue
            await _say(send, _id_line(listener))
            await _say(send, body)
        scope.cancel()


def _id_line(listener: Listener) -> bytes:
    return b"id: " + listener.safe.encode() + b"\n"


async def _say(send: Send, body: bytes) -> None:
    if body:
        await send({"type": "http.response.body", "body": body, "more_body": True})


async def _end(send: Send) -> None:
    await send({"type": "http.response.body", "body": b""})


async def _until_gone(receive: Receive, scope: anyio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()
