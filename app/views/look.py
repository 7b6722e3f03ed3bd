"""Everything that is said about one case, gathered once, so that the views of the inspector ask nobody."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any

import msgspec
from dash import html

from app.labels import WORDS, Lang, word
from streams.matters import Matter
from streams.model import Case, Entry, Patrol
from streams.recommend import Candidate


class Body(msgspec.Struct, frozen=True):
    """A department that can be sent: its code and name, how it belongs to the matter (lead, helper or neither), and
    who speaks for it: without a liaison the person of the six fixes is missing."""

    code: str
    name: str
    part: str
    liaison: str
    post: str


class Look(msgspec.Struct, frozen=True):
    """One case with everything said about it. `candidates`: who can go, best first, with their register entry;
    `excluded`: who cannot, likewise; `names`: id or code -> name in the language; `load`: patrol -> cases today;
    `role`: of who looks; `bodies`: the departments, those of the matter first; `supervisor`: role and name of the
    person that its level of supervision names; `now`: epoch milliseconds; `past`: now is over."""

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
    role: str = ""
    bodies: tuple[Body, ...] = ()
    supervisor: tuple[str, str] | None = None
    now: int = 0
    past: bool = False

    def who(self, by: str) -> str:
        """Who did it, by name: a rule, a patrol, a source; an account that is called like its role, by the role."""
        if by in ("rule", "clock"):
            return word(f"by_{by}", self.lang)
        role = f"role_{by}"
        return self.names.get(by) or (word(role, self.lang) if role in WORDS else by)


def named(one: Any, lang: Lang) -> str:
    """The name of whatever has one in both languages (Chinese where there is no English one)."""
    return str((one.name_en if lang == "en" else "") or one.name)


def heading(name: str, said: Any) -> html.H3:
    """The head of a section: what it is, and beside it what is said about it."""
    return html.H3([name, html.Span(said)])


def at_time(ms: int, tz: tzinfo, *, seconds: bool = False) -> str:
    """A local time of day of epoch milliseconds."""
    return f"{datetime.fromtimestamp(ms / 1000, tz):{'%H:%M:%S' if seconds else '%H:%M'}}"


def form_time(ms: int, tz: tzinfo) -> str:
    """A local time as forms take it: 2026-11-23 09:00."""
    return f"{datetime.fromtimestamp(ms / 1000, tz):%Y-%m-%d %H:%M}"


def when(ms: int, now: int, tz: tzinfo, *, seconds: bool = False) -> str:
    """A local time; with its day when that is not today: 14:05, 11-23 09:00. `seconds`: 14:05:30 today."""
    at = datetime.fromtimestamp(ms / 1000, tz)
    same = at.date() == datetime.fromtimestamp(now / 1000, tz).date()
    return at_time(ms, tz, seconds=seconds) if same else f"{at:%m-%d %H:%M}"
