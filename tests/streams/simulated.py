"""What tests of the simulated town share: the town, a morning, and how to read what is sent."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from streams.simulator import Place, Sent

DATA = Path(__file__).parents[2] / "data"
MORNING = datetime(2026, 11, 18, 2, 0, tzinfo=UTC)
"""10 h in the town."""


@cache
def wanghai() -> Place:
    """The demo town's files."""
    return Place.load(DATA / "towns" / "wanghai")


def kind(sent: Sent) -> str:
    return sent.topic.split("/")[2]


def name(sent: Sent) -> str:
    return sent.topic.split("/")[3]


def body(sent: Sent) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(sent.payload)
    return found


def seconds(sent: Sent, start: datetime = MORNING) -> float:
    return (sent.at - start).total_seconds()


def task(act: str, dispatch: str, at: tuple[float, float] | None = None) -> bytes:
    placed = {"lon": at[0], "lat": at[1]} if at else {"lon": None, "lat": None}
    return json.dumps({"act": act, "dispatch": dispatch, "case": "c1", "text": "", **placed}).encode()
