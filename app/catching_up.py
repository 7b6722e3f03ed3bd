"""Server-Sent Events as bytes, and the changes that a returning listener missed."""

from __future__ import annotations

from typing import Any

import msgspec

from app.centre import Centre
from app.follower import PAGE, place
from streams.snapshot import Item, Snapshot

REPLAYED = 20_000
"""More changes than this are not repeated: a snapshot is smaller."""
COLLECTED = ("patrols", "device")
"""The events of which only the latest word on each thing matters."""

_encode = msgspec.json.Encoder().encode


def catch_up(centre: Centre, last: str, upto: str) -> bytes | None:
    """The changes after `last` up to and with `upto` as events; None when they are too many to repeat. Asks Redis."""
    replay, seen = Snapshot(centre.pictures.address), 0
    collected: dict[str, dict[str, Item]] = {event: {} for event in COLLECTED}
    rest: list[bytes] = []
    while place(last) < place(upto):
        page = centre.queue.changes(last, 0, PAGE)
        for change in page:
            if place(change.id) > place(upto):
                break
            for outgoing in replay.fold(change):
                if outgoing.event in COLLECTED:
                    for item in outgoing.items:
                        collected[outgoing.event].setdefault(item["id"], {}).update(item)
                else:
                    rest.append(message(outgoing.event, {"items": outgoing.items}))
        seen += len(page)
        if seen > REPLAYED:
            return None
        if not page:
            break
        last = page[-1].id
    rest.append(messages({event: list(items.values()) for event, items in collected.items()}))
    return b"".join(rest)


def messages(items: dict[str, list[Item]]) -> bytes:
    """An event for each kind that has items. They share the id line of the first: a browser keeps it."""
    return b"".join(message(event, {"items": some}) for event, some in items.items() if some)


def message(event: str, document: Any) -> bytes:
    """One Server-Sent Event without its id line, which differs between listeners."""
    return b"event: " + event.encode() + b"\ndata: " + _encode(document) + b"\n\n"
