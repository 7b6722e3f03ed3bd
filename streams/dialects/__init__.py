"""One file a maker: payload → Event. Nobody outside a dialect knows what its maker calls things.

A message ends in one of three ways: events (nearly always one), `Ignored` (understood, but not needed here:
counted, never refused), or `Refused` (to the dead letters, with a reason). A topic that no dialect claims is
refused too: somebody meant something by it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from streams.dialects import chirpstack, frigate, native, owntracks
from streams.errors import Refused
from streams.model import Event, Ignored
from streams.register import Register

_MAKERS: dict[str, Callable[[str, bytes, datetime, Register], list[Event] | Ignored]] = {
    "owntracks": owntracks.decode,
    "frigate": frigate.decode,
    "application": chirpstack.decode,
}


_TIMES: dict[str, tuple[tuple[str, ...], ...]] = {
    "gridpost": native.TIMES,
    "owntracks": owntracks.TIMES,
    "frigate": frigate.TIMES,
    "application": chirpstack.TIMES,
}


def topics(site: str) -> tuple[str, ...]:
    """What ingest subscribes to. All below the prefix, so that a mistyped kind is refused, not lost."""
    return f"gridpost/{site}/#", "owntracks/#", "frigate/#", "application/+/device/+/event/+"


def times(topic: str) -> tuple[tuple[str, ...], ...]:
    """Where payloads of a topic have their times: paths of names, the device's own time first; () when not known."""
    return _TIMES.get(topic.partition("/")[0], ())


def decode(topic: str, payload: bytes, *, received: datetime, site: str, register: Register) -> list[Event] | Ignored:
    """The events of one message: checked, timed in UTC, placed in WGS 84, flagged; the grid comes later.

    `received` is the centre's aware UTC time. Raises Refused(reason, text); the reasons are listed in `edge`.
    """
    prefix = topic.partition("/")[0]
    if prefix == "gridpost":
        return native.decode(topic, payload, received=received, site=site, register=register)
    maker = _MAKERS.get(prefix)
    if maker is None:
        raise Refused("unknown_topic", f"{topic[:200]!r}: send to gridpost/{site}/<kind>/<device>")
    return maker(topic, payload, received, register)
