"""What the pages read: who is looking, in which language, and one case with everything said about it.

The bridge between a request and the pure views: it asks the centre and the queue, and changes nothing.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple, cast

import dash
import msgspec

from app.accounts import Viewer, viewer
from app.centre import Centre, current
from app.labels import Lang, word
from app.listing import masked, readable
from app.views import directory as names_of
from app.views.frame import Who
from app.views.look import Look
from streams import sending
from streams.model import Case, Entry, Patrol
from streams.recommend import Candidate, stranger
from streams.workflow import ON_CASE, WAITING

LANG_COOKIE = "gridpost_lang"


class Seen(NamedTuple):
    """Who looks at a page, and in which language."""

    lang: Lang
    who: Who


def centre() -> Centre:
    """The centre that these pages show."""
    return current()


def seen(asked: str | None) -> Seen:
    """The viewer of the running request; `asked` is the address's `?lang=`."""
    found = viewer()
    who = Who(found.name, found.role, found.acts) if found else Who("", "leader", False)
    return Seen(language_now(asked), who)


def language_now(asked: str | None = None) -> Lang:
    """The language: the address's, else the cookie's, else the site's."""
    cookies = dash.ctx.cookies if asked is None else {}
    for found in (asked, cookies.get(LANG_COOKIE), current().settings.lang):
        if found in ("zh", "en"):
            return cast(Lang, found)
    return "zh"


def directory(looking: Seen) -> dict[str, Any]:
    """The names for the scripts of a page, and who looks."""
    return _directory(id(current()), looking.lang) | {"who": {"name": looking.who.name, "acts": looking.who.acts}}


@lru_cache(maxsize=4)
def _directory(_centre: int, lang: Lang) -> dict[str, Any]:
    it = current()
    return names_of.directory(lang, it.grids, it.matters, it.register, it.org, it.settings.timezone)


def look(selection: dict[str, Any]) -> Look | None:
    """The selected case as the inspector shows it; None when there is no such case."""
    it, lang = current(), language_now()
    no = str(selection.get("no", ""))
    case = it.queue.case(no)
    if case is None:
        return None
    names = flat_names(lang)
    matter = it.matters.matters.get(case.matter)
    load = sending.loads(it.desk(), it.now())
    ranked = _known(it, sending.ranked(it.desk(), case, it.now(), load)) if case.state in WAITING else ()
    found = viewer()
    return Look(
        lang=lang,
        case=case_for(case, found),
        log=log_for(it.queue.log(no), found),
        matter=matter,
        candidates=tuple(each for each in ranked if not each[0].excluded),
        excluded=tuple(each for each in ranked if each[0].excluded),
        names=names,
        place=place(case, lang, names),
        limit=_limit(case, lang),
        lead=names.get(matter.lead, matter.lead) if matter else "",
        module=names.get(f"module:{matter.module}", "") if matter else "",
        tz=it.settings.tz,
        load=load,
        going=it.register.patrols.get(case.patrol) if case.state in ON_CASE else None,
    )


def flat_names(lang: Lang) -> dict[str, str]:
    """id or code -> name: sources, patrols, devices, squads, grids, departments, states; modules as `module:key`."""
    known = _directory(id(current()), lang)
    flat = {key: row["name"] for kind in ("sources", "grids", "devices", "patrols") for key, row in known[kind].items()}
    flat |= known["squads"] | known["departments"] | known["states"]
    return flat | {f"module:{key}": name for key, name in known["modules"].items()}


def place(case: Case, lang: Lang, names: dict[str, str]) -> str:
    """Grid, district and coordinates in one line."""
    if case.lon is None or case.lat is None:
        return word("no_place", lang)
    grid = current().grids.by_code.get(case.grid or "")
    parts = [names.get(case.grid or "", word("no_grid", lang)), names.get(grid.district or "", "") if grid else ""]
    return " · ".join([*filter(None, parts), f"{case.lat:.4f}°N {case.lon:.4f}°E"])


def _limit(case: Case, lang: Lang) -> str:
    """The limit to handle (or, before acceptance, to respond) as a length of time."""
    clocks = {clock.name: clock for clock in case.clocks}
    clock = clocks.get("handle") or clocks.get("respond")
    if clock is None:
        return ""
    minutes = round((clock.due - clock.start) / 60_000)
    days, hours = minutes // 1440, minutes // 60
    said = (
        word("days_hours", lang, d=days, h=hours % 24)
        if days
        else word("hours_minutes", lang, h=hours, m=minutes % 60)
        if hours and minutes % 60
        else word("hours", lang, n=hours)
        if hours
        else word("minutes", lang, n=minutes)
    )
    return f"{word('clock_' + clock.name, lang)} {said}"


def _known(it: Centre, found: list[Candidate]) -> tuple[tuple[Candidate, Patrol], ...]:
    """Each with its row of the register; a source that nobody registered goes by its id."""
    return tuple((one, it.register.patrols.get(one.patrol) or stranger(one.patrol)) for one in found)


def case_for(case: Case, found: Viewer | None) -> Case:
    """The case as `found` may read it: telephone numbers masked, or without contact and free text."""
    full = found is not None and found.audience == "full"
    return msgspec.structs.replace(case, contact=masked(case.contact) if full else "", text=_text(case.text, found))


def log_for(log: tuple[Entry, ...], found: Viewer | None) -> tuple[Entry, ...]:
    """The log as `found` may read it; a report's free text stands in it, so it is masked like the case."""
    return tuple(msgspec.structs.replace(entry, text=_text(entry.text, found)) for entry in log)


def _text(free_text: str, found: Viewer | None) -> str:
    return (readable(free_text, found) or "") if found else ""


def site_name(lang: Lang) -> str:
    """The town's name."""
    return str(_directory(id(current()), lang)["site"]) or current().settings.site


def online() -> list[tuple[str, int, int]]:
    """(kind, online, all) of cameras, sensors and sources, now. A source is silent after three of its periods."""
    it = current()
    heard = it.queue.devices()
    found = []
    for word_, kind in (("cameras", "camera"), ("sensors", "sensor")):
        mine = [one.id for one in it.register.devices.values() if one.kind == kind]
        off = sum(heard.get(name, {}).get("state") == "offline" for name in mine)
        found.append((word_, len(mine) - off, len(mine)))
    at, sources = it.now().timestamp() * 1000, it.queue.sources()
    live = sum(
        not one.period or at - sources.get(one.id, 0) <= 3000 * one.period for one in it.register.sources.values()
    )
    return [*found, ("sources", live, len(it.register.sources))]


def squads_on_duty(lang: Lang) -> list[tuple[str, int, int]]:
    """(name, on duty, all) of each squad, now; on duty is who was heard and has not signed off."""
    it, names = current(), flat_names(lang)
    rows = it.queue.patrols()
    counted: dict[str, list[int]] = {}
    for one in it.register.patrols.values():
        row = rows.get(one.id, {})
        both = counted.setdefault(one.squad, [0, 0])
        both[0] += bool(row.get("at")) and row.get("duty") != "off_duty"
        both[1] += 1
    return [(names.get(code, code), on, whole) for code, (on, whole) in counted.items()]
