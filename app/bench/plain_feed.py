"""The feed one writes first: `python -m app.bench.plain_feed REDIS_URL SITE PORT`.

Every listener reads the stream of changes for itself, decodes each entry and encodes it again for its browser. It sends
no snapshot of the town and asks nobody who they are, so it does less.
"""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from typing import Any

import uvicorn
from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from streams.keys import Keys
from streams.ledger import rows_of

NAMES = {"patrols": "patrols", "cases": "case", "alerts": "alert", "devices": "device", "notices": "notice"}


async def changes(url: str, key: str) -> AsyncIterator[str]:
    """The events of one listener."""
    redis = Redis.from_url(url)
    last = "$"
    yield "event: snapshot\ndata: {}\n\n"
    while True:
        found: Any = await redis.xread({key: last}, block=1000)
        for row in rows_of(found):
            last = row[0].decode()
            for name, part in row[1].items():
                text = json.dumps({"items": json.loads(part)}, ensure_ascii=False)
                yield f"event: {NAMES[name.decode()]}\ndata: {text}\n\n"


def main(url: str, site: str, port: str) -> None:
    """Serve until stopped."""

    async def feed(_: Request) -> StreamingResponse:
        return StreamingResponse(changes(url, Keys(site).changes), media_type="text/event-stream")

    app = Starlette(routes=[Route("/feed", feed)])
    uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="warning", timeout_graceful_shutdown=1)


if __name__ == "__main__":
    main(*sys.argv[1:])
