"""What the pages read: who is looking, in which language, and one case with everything said about it.

The bridge between a request and the pure views: it asks the centre and the queue, and changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple, cast

import dash
import msgspec

from app import past
from app.accounts import Viewer, viewer
from app.centre import Centre, current
from app.labels import Lang, word
from app.listing import masked, readable
from app.views import directory as names_of
from app.views.acts import length
from app.views.frame import Who
from app.views.limits import lasting
from app.views.look import Body, Look, named
from streams import sending
from streams.codec import millis
from streams.matters import Matter
from streams.model import Case, Entry, Patrol
from streams.organisation import Organisation
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
    """The selected case as the inspector shows it; None when there is no such case. With `at` in the selection, as it
    was then: its log up to then, and nobody can be sent."""
    it, lang = current(), language_now()
    no, at = str(selection.get("no", "")), selection.get("at")
    if at:
        return _look_back(it, lang, no, str(at))
    case = it.queue.case(no)
    if case is None:
        return None
    names = flat_names(lang)
    matter = it.matters.matters.get(case.matter)
    now = it.now()
    load = sending.loads(it.desk(), now)
    waiting = case.state in WAITING
    ranked = _known(it, sending.ranked(it.desk(), case, now, load), names) if waiting else ()
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
        going=_going(it, case, names),
        role=found.role if found else "",
        bodies=bodies(it.org, matter, names) if waiting else (),
        supervisor=supervisor(it.org, case, lang),
        now=millis(now),
    )


def _look_back(it: Centre, lang: Lang, no: str, at: str) -> Look | None:
    when = past.kept_instant(it, "at", at)
    found = past.case_and_log(it, no, when)
    if found is None:
        return None
    (case, log), names = found, flat_names(lang)
    matter = it.matters.matters.get(case.matter)
    return Look(
        lang=lang, case=case, log=log, matter=matter, candidates=(), names=names, place=place(case, lang, names),
        limit=_limit(case, lang), lead=names.get(matter.lead, matter.lead) if matter else "",
        module=names.get(f"module:{matter.module}", "") if matter else "", tz=it.settings.tz, load={},
        going=_going(it, case, names), supervisor=supervisor(it.org, case, lang), now=millis(when), past=True,
    )  # fmt: skip


def bodies(org: Organisation, matter: Matter | None, names: Mapping[str, str]) -> tuple[Body, ...]:
    """The departments that could be sent: the lead of the matter, its helpers, then all others."""
    parts = dict.fromkeys(matter.helpers, "helper") | {matter.lead: "lead"} if matter else {}
    mine = [code for code in (matter.lead, *matter.helpers) if code in org.departments] if matter else []
    found = []
    for code in dict.fromkeys([*mine, *org.departments]):
        person = org.liaison(code)
        post = org.roles[person.role] if person else None
        found.append(
            Body(code, names.get(code, code), parts.get(code, ""), names.get(person.name, "") if person else "",
                 names[f"role:{post.key}"] if post else "")
        )  # fmt: skip
    return tuple(found)


def supervisor(org: Organisation, case: Case, lang: Lang) -> tuple[str, str] | None:
    """Role and name of the person whom the level of supervision names; None without a level or such a person."""
    person = org.person_for(case.level, case.grids) if case.level else None
    return (named(org.roles[person.role], lang), named(person, lang)) if person else None


def _going(it: Centre, case: Case, names: Mapping[str, str]) -> Patrol | None:
    patrol = it.register.patrols.get(case.patrol) if case.state in ON_CASE else None
    return _posted(patrol, names) if patrol else None


def _posted(patrol: Patrol, names: Mapping[str, str]) -> Patrol:
    """With the name of its post in the language of the page."""
    return msgspec.structs.replace(patrol, post=names.get(patrol.post, patrol.post))


def flat_names(lang: Lang) -> Mapping[str, str]:
    """id or code -> name: sources, patrols, devices, squads, grids, departments, states; modules as `module:key`."""
    return _flat(id(current()), lang)


@lru_cache(maxsize=4)
def _flat(centre_id: int, lang: Lang) -> Mapping[str, str]:
    known = _directory(centre_id, lang)
    flat = {key: row["name"] for kind in ("sources", "grids", "devices", "patrols") for key, row in known[kind].items()}
    flat |= known["partners"] | known["squads"] | known["departments"] | known["states"] | _people(lang)
    return flat | {f"module:{key}": name for key, name in known["modules"].items()}


def _people(lang: Lang) -> dict[str, str]:
    """Names of persons, posts and roles in Chinese, as cases and registers carry them -> in the language."""
    org = current().org
    roles = {f"role:{role.key}": named(role, lang) for role in org.roles.values()}
    people = (*org.persons.values(), *org.roles.values(), *org.posts.values())
    return roles | {one.name: named(one, lang) for one in people}


def place(case: Case, lang: Lang, names: Mapping[str, str]) -> str:
    """Grid, district and coordinates in one line."""
    if case.lon is None or case.lat is None:
        return word("no_place", lang)
    grid = current().grids.by_code.get(case.grid or "")
    parts = [names.get(case.grid or "", word("no_grid", lang)), names.get(grid.district or "", "") if grid else ""]
    return " · ".join([*filter(None, parts), f"{case.lat:.4f}°N {case.lon:.4f}°E"])


def _limit(case: Case, lang: Lang) -> str:
    """The limit to handle (or, before acceptance, to respond) as it was given; a clock that has none, by its length."""
    clocks = {clock.name: clock for clock in case.clocks}
    clock = clocks.get("handle") or clocks.get("respond")
    if clock is None:
        return ""
    said = length(clock.limit, lang) if clock.limit else lasting(clock.due - clock.start, lang)
    return f"{word('clock_' + clock.name, lang)} {said}"


def _known(
    it: Centre, found: list[Candidate], names: Mapping[str, str]
) -> tuple[tuple[Candidate, Patrol], ...]:
    """Each with its row of the register; a source that nobody registered goes by its id."""
    known = it.register.patrols
    return tuple((one, _posted(known.get(one.patrol) or stranger(one.patrol), names)) for one in found)


def case_for(case: Case, found: Viewer | None) -> Case:
    """The case as `found` may read it: telephone numbers masked, or without contact and free text."""
    full = found is not None and found.audience == "full"
    return msgspec.structs.replace(case, contact=masked(case.contact) if full else "", text=_text(case.text, found))


def log_for(log: tuple[Entry, ...], found: Viewer | None) -> tuple[Entry, ...]:
    """The log as `found` may read it; a report's free text stands in it, so it is masked like the case. What the clock
    wrote is nobody's words: everybody reads it."""
    return tuple(
        entry if entry.act == "remind" else msgspec.structs.replace(entry, text=_text(entry.text, found))
        for entry in log
    )


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
