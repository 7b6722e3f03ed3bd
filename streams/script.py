"""Scripts in Redis: Lua files, put together behind the table of `workflow.py`, called by their SHA."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from redis import Redis
from redis.exceptions import NoScriptError

from streams import workflow

SCRIPTS = Path(__file__).parent / "scripts"


class Script:
    """One script of one or more files, called by its SHA and loaded again when the server has forgotten it."""

    def __init__(self, redis: Redis, *parts: str) -> None:
        self._redis, self._sha = redis, ""
        self._text = workflow.lua() + "".join((SCRIPTS / f"{part}.lua").read_text("utf-8") for part in parts)

    def __call__(self, prefix: str, arg: bytes) -> Any:
        if self._sha:
            try:
                return self._redis.evalsha(self._sha, 1, prefix, arg)
            except NoScriptError:
                self._sha = ""
        self._sha = self._redis.script_load(self._text)
        return self._redis.evalsha(self._sha, 1, prefix, arg)
