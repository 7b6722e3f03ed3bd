"""The inspector of one case: head with its clock, the eight steps, the six fixes, log, candidates with reasons.

Everything the page needs comes in one `Look`, so the view asks nobody. Candidates are radio cards: choosing one is a
matter of the browser (`assets/dispatch.js` shows its reasons and names it on the button), since it changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any

import msgspec
from dash import html

from app.labels import Lang, word
from streams.matters import Matter
from streams.model import Case, Clock, Entry, Patrol, State
from streams.recommend import POINTS, Candidate
from streams.workflow import BY_NAME, ON_CASE

STEPS = ("report", "verify", "accept", "dispatch", "follow", "feedback", "check", "rate")
AT_STEP = {State.REPORTED: 2, State.VERIFIED: 3, State.ACCEPTED: 4, State.HANDLED: 7, State.CLOSED: 8}
STEP_OF_ACT = {"verify": 2, "accept": 3, "dispatch": 4, "acknowledge": 5, "depart": 5, "arrive": 5, "handle": 6, "close": 7}
WHY = {"arrival": "why_arrival", "in_grid": "why_grid", "free": "why_free", "skill": "why_skill", "load": "why_load",
       "position_age": "why_fresh"}
SHOWN = 4
LOG_SHOWN = 6


class Look(msgspec.Struct, frozen=True):
    """One case with everything said about it. `candidates`: ranked, with their register entry; `names`: id or code ->
    name in the language; `nearby`: codes of the grids next to the case's; `load`: patrol -> cases today."""

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
    standings: Mapping[str, str | None]
    going: Patrol | None = None


def nothing(lang: Lang) -> html.Div:
    """What stands there while no case is selected."""
    return html.Div([html.B(word("pick_title", lang)), html.P(word("pick_text", lang))], className="pick")


def inspector(look: Look | None) -> Any:
    """The whole inspector but its action; None: the case is not there."""
    if look is None:
        return html.Div(html.B("—"), className="pick")
    parts: list[Any] = [head(look), steps(look), six(look), evidence(look)]
    if look.going is not None:
        parts.insert(1, goes(look, look.going))
    if look.case.state in (State.REPORTED, State.VERIFIED, State.ACCEPTED):
        parts.append(suggestions(look))
    return html.Div(parts, id="case-parts", **{"data-no": look.case.no, "data-version": str(look.case.version)})


def head(look: Look) -> html.Section:
    """Number, matter, place, and the clock that runs out first."""
    case, lang = look.case, look.lang
    merged = [" · ", word("merged", lang, n=case.events)] if case.events > 1 else []
    return html.Section(
        [
            html.I(className=f"glyph p{case.priority}"),
            html.Div([html.H2(title(look), title=title(look)),
                      html.P([case.no, f" · {look.module}" if look.module else "", " · ",
                              word("version", lang, n=case.version), *merged]),
                      html.P(look.place, className="t3")]),
            countdown(look),
        ],
        className="case-head",
    )


def title(look: Look) -> str:
    """The matter, and the device that saw it."""
    name = look.matter and (look.matter.name_en if look.lang == "en" else look.matter.name)
    device = look.names.get(look.case.device, "")
    return f"{name or look.case.category}{' · ' + device if device else ''}"


def countdown(look: Look) -> html.Div:
    """The tightest running clock; live.js counts it."""
    running = [clock for clock in look.case.clocks if clock.done is None]
    if not running:
        return html.Div(html.Em(word("clock_off", look.lang)), className="countdown")
    clock = min(running, key=lambda each: each.due)
    late = f"{_at(clock.due, look.tz, seconds=True)}"
    provisional = [" · ", word("provisional", look.lang)] if clock.provisional else []
    return html.Div(
        [html.B("--:--"), html.P([html.Em(word(f"limit_{clock.name}", look.lang)), " ", late, *provisional])],
        className="countdown", **_clock(clock, look.case.priority), **{"data-long": "1"},
    )


def _clock(clock: Clock, priority: int) -> dict[str, str]:
    return {"data-due": str(clock.due), "data-start": str(clock.start), "data-name": clock.name, "data-p": str(priority)}


def goes(look: Look, patrol: Patrol) -> html.Section:
    """Who was sent, since when, and how to call them."""
    name, squad = look.names.get(patrol.id, patrol.name), look.names.get(patrol.squad, patrol.squad)
    since = _at(look.case.dispatched, look.tz, seconds=True) if look.case.dispatched else "—"
    state = look.names.get(look.case.state.value, look.case.state.value)
    return html.Section(
        [_section(word("sent_to", look.lang), f"{since} · {state}"),
         html.Div([html.B(name), html.Span(f"{squad} · {patrol.post}", className="t2"), html.Span(className="spacer"),
                   html.Span(patrol.phone, className="phone")], className="goes")],
    )


def steps(look: Look) -> html.Section:
    """The eight steps: done with its time, current, to come."""
    state = look.case.state
    current = 5 if state in ON_CASE else AT_STEP[state]
    times = {1: look.case.received}
    for entry in look.log:
        if entry.act in STEP_OF_ACT:
            times[STEP_OF_ACT[entry.act]] = entry.at
    items = []
    for number, name in enumerate(STEPS, 1):
        done = number < current
        kind = "done" if done else "current" if number == current and state is not State.CLOSED else ""
        under = _at(times[number], look.tz) if done and number in times else word("waits", look.lang) if kind else "—"
        if number == 5 and kind == "current" and state is not State.DISPATCHED:
            under = look.names.get(state.value, under)
        items.append(html.Li([html.Span(word(f"step_{name}", look.lang)), html.Small(under)], className=kind,
                             **{"data-i": str(number)}, **({"aria-current": "step"} if kind == "current" else {})))
    return html.Section(html.Ol(items, className="steps", **{"aria-label": word("steps", look.lang)}))


def six(look: Look) -> html.Section:
    """The six fixes; what the act of dispatching completes is dashed, what is missing says so."""
    fixes = six_fixes(look)
    open_ones = [word(f"six_{name}", look.lang) for name, _, how in fixes if how != "done"]
    missing = [word(f"six_{name}", look.lang) for name, _, how in fixes if how == "missing"]
    n = 6 - len(open_ones)
    said = _fixes_said(look.lang, n, open_ones, missing)
    cells = [
        html.Div([html.Em(word(f"six_{name}", look.lang)), html.Span(value, title=value)], className=how)
        for name, value, how in fixes
    ]
    return html.Section([_section(word("six", look.lang), said), html.Div(cells, className="six")])


def _fixes_said(lang: Lang, n: int, open_ones: list[str], missing: list[str]) -> str:
    listed = word("comma", lang).join(word("quoted", lang, name=name) for name in (missing or open_ones))
    if missing:
        return word("six_missing", lang, n=n, names=listed)
    return word("six_with_act", lang, n=n, names=listed) if open_ones else word("six_full", lang)


def six_fixes(look: Look) -> list[tuple[str, str, str]]:
    """(name, value, done | with | missing) of each fix; `with`: comes with the act of dispatching."""
    case, lang = look.case, look.lang
    first = look.candidates[0] if look.candidates else None
    person = look.names.get(case.patrol, case.patrol)
    standard = "" if look.matter is None else look.matter.standard_en if lang == "en" else look.matter.standard
    suggested = f"{look.names.get(first[1].id, first[1].name)} (1)" if first else word("with_dispatch", lang)
    post = case.post or (first[1].post if first else "")
    return [
        ("grid", look.names.get(case.grid or "", "") or word("no_grid", lang), "done" if case.grid else "missing"),
        ("person", person or suggested, "done" if person else "with"),
        ("post", post or word("with_dispatch", lang), "done" if case.post else "with"),
        ("time", look.limit or word("missing", lang), "done" if look.limit else "missing"),
        ("standard", standard or word("missing", lang), "done" if standard else "missing"),
        ("duty", word("lead", lang, name=look.lead) if look.lead else word("missing", lang), "done" if look.lead else "missing"),
    ]


def evidence(look: Look) -> html.Section:
    """The picture, when there is one, and the log, newest first."""
    rows: list[Any] = []
    for entry in tuple(reversed(look.log))[:LOG_SHOWN]:
        rows += [html.Time(_at(entry.at, look.tz, seconds=True)), html.Span(_entry(entry, look))]
    log = html.Div(rows, className="log")
    device = look.names.get(look.case.device, look.case.device)
    if not look.case.image:
        return html.Section([_section(word("log", look.lang), device), log])
    picture = html.A(html.Img(src=look.case.image, alt=word("picture_of", look.lang, name=device), loading="lazy"),
                     href=look.case.image, target="_blank", className="picture")
    return html.Section([_section(word("scene_log", look.lang), device), html.Div([picture, log], className="evidence")])


def _entry(entry: Entry, look: Look) -> str:
    if entry.act == "report":
        source = look.names.get(look.case.device) or word(f"origin_{look.case.origin}", look.lang)
        return f"{word('step_report', look.lang)} · {source}{f' · {entry.text}' if entry.text else ''}"
    act = BY_NAME.get(entry.act)
    name = (act.en if look.lang == "en" else act.zh) if act else entry.act
    to = " " + look.names.get(entry.patrol, entry.patrol) if entry.patrol and entry.act == "dispatch" else ""
    by = word("by_rule", look.lang) if entry.by == "rule" else look.names.get(entry.by, entry.by)
    said = f"：{entry.text}" if entry.text and look.lang == "zh" else f": {entry.text}" if entry.text else ""
    return f"{name}{to}{said} · {by}"


def suggestions(look: Look) -> html.Section:
    """Up to four who can go, best first, and why."""
    lang, shown = look.lang, look.candidates[:SHOWN]
    note = word("suggested_by", lang)
    if not shown:
        return html.Section([_section(word("suggested", lang), ""), html.P(word("none_suggested", lang), className="empty")])
    cards = [card(look, i, one, patrol) for i, (one, patrol) in enumerate(shown)]
    whys = [why(look, i) for i in range(len(shown))]
    return html.Section(
        [_section(word("suggested", lang), note),
         html.Div(cards, className="candidates", role="radiogroup", **{"aria-label": word("suggested", lang)}), *whys],
        className="suggestions",
    )


def card(look: Look, i: int, one: Candidate, patrol: Patrol) -> html.Button:
    """One candidate: number, name, squad, distance, tags, time to arrive."""
    name = look.names.get(patrol.id, patrol.name)
    km = "—" if one.metres is None else f"{one.metres / 1000:.1f}"
    minutes = "—" if one.minutes is None else str(max(1, round(one.minutes)))
    return html.Button(
        [
            html.Span(str(i + 1), className="number"),
            html.Span([html.B(name), html.Span(f"{look.names.get(patrol.squad, patrol.squad)} · {km} km", className="t2"),
                       html.Span(tags(look, one, patrol), className="tags")], className="who-goes"),
            html.Span([html.B(word("minutes", look.lang, n=minutes)), html.Span(word("eta", look.lang))], className="eta"),
        ],
        type="button", role="radio", className="candidate" + (" on" if i == 0 else ""),
        **{"aria-checked": "true" if i == 0 else "false", "data-candidate": str(i), "data-patrol": patrol.id,
           "data-name": name, "data-km": km, "data-minutes": minutes},
    )


def tags(look: Look, one: Candidate, patrol: Patrol) -> list[html.I]:
    """What speaks for a candidate (lit) and what does not (dim)."""
    near = one.parts["in_grid"] > 0
    grid = word("in_grid", look.lang) if near else look.names.get(look.standings.get(patrol.id) or "", word("far_grid", look.lang))
    wanted = bool(look.matter and look.matter.skills)
    skilled = one.parts["skill"] > 0
    today = look.load.get(patrol.id, 0)
    found = [(grid, near), (word("free", look.lang), one.parts["free"] > 0)]
    if wanted:
        found.append((word("has_skill" if skilled else "no_skill", look.lang), skilled))
    found.append((word("today_cases", look.lang, n=today), today < 4))
    return [html.I(text, className="" if good else "no") for text, good in found]


def why(look: Look, i: int) -> html.Div:
    """The points of one candidate, part by part; they add up to the total above them."""
    one, patrol = look.candidates[i]
    name = look.names.get(patrol.id, patrol.name)
    cells = [
        html.Div([word(label, look.lang), html.B(f"+{one.parts[part]:g}"),
                  html.U(html.I(style={"width": f"{100 * one.parts[part] / POINTS[part]:.0f}%"}))])
        for part, label in WHY.items()
    ]
    return html.Div([_section(word("why", look.lang, name=name), _points(look, i)), html.Div(cells, className="parts")],
                    className="why", hidden=i > 0, **{"data-why": str(i)})


def _points(look: Look, i: int) -> str:
    mine, others = look.candidates[i][0].points, look.candidates
    if i == 0 and len(others) > 1:
        return word("points_ahead", look.lang, n=f"{mine:g}", m=f"{mine - others[1][0].points:.1f}".removesuffix(".0"))
    if i > 0:
        return word("points_behind", look.lang, n=f"{mine:g}", m=f"{others[0][0].points - mine:.1f}".removesuffix(".0"))
    return word("points", look.lang, n=f"{mine:g}")


def _section(name: str, said: str) -> html.H3:
    return html.H3([name, html.Span(said)])


def _at(ms: int, tz: tzinfo, *, seconds: bool = False) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, tz):{'%H:%M:%S' if seconds else '%H:%M'}}"
