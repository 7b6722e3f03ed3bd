"""Everything that is said about one case, gathered once, so that the views of the inspector ask nobody."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any

import msgspec
from dash import html

from app.labels import Lang
from streams.matters import Matter
from streams.model import Case, Entry, Patrol
from streams.recommend import Candidate


class Look(msgspec.Struct, frozen=True):
    """One case with everything said about it. `candidates`: who can go, best first, with their register entry;
    `excluded`: who cannot, likewise; `names`: id or code -> name in the language; `load`: patrol -> cases today."""

    lang: Lang
    case: Case
    log: tuple[Entry, ...]
    matter: Matter | None
    candidates: tuple[tuple[Candidate, Patrol], ...]
    names: Mapping[str, str]
    place: str
    limit: str
    lead: str
    module: str
    tz: Any
    load: Mapping[str, int]
    excluded: tuple[tuple[Candidate, Patrol], ...] = ()
    going: Patrol | None = None


def heading(name: str, said: str) -> html.H3:
    """The head of a section: what it is, and beside it what is said about it."""
    return html.H3([name, html.Span(said)])


def at_time(ms: int, tz: tzinfo, *, seconds: bool = False) -> str:
    """A local time of day of epoch milliseconds."""
    return f"{datetime.fromtimestamp(ms / 1000, tz):{'%H:%M:%S' if seconds else '%H:%M'}}"
