"""The inspector of one case: its clock, who was sent, the eight steps, the six fixes, the log, who could go."""

from __future__ import annotations

from typing import Any

from dash import html

from app.labels import WORDS, Lang, word
from app.views.attributes import extra
from app.views.candidates import suggestions
from app.views.look import Look, at_time, heading
from streams.model import Case, Clock, Entry, Patrol, State
from streams.workflow import BY_NAME, ON_CASE

STEPS = ("report", "verify", "accept", "dispatch", "follow", "feedback", "check", "rate")
AT_STEP = {State.REPORTED: 2, State.VERIFIED: 3, State.ACCEPTED: 4, State.HANDLED: 7, State.CLOSED: 8}
STEP_OF_ACT = {
    "verify": 2,
    "accept": 3,
    "dispatch": 4,
    "acknowledge": 5,
    "depart": 5,
    "arrive": 5,
    "handle": 6,
    "close": 7,
}


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
    return html.Div(parts, id="case-parts", **extra(data_no=look.case.no, data_version=str(look.case.version)))


def head(look: Look) -> html.Section:
    """Number, matter, place, and the clock that runs out first."""
    case, lang = look.case, look.lang
    merged = [" · ", word("merged", lang, n=case.events)] if case.events > 1 else []
    return html.Section(
        [
            html.I(className=f"glyph p{case.priority}"),
            html.Div(
                [
                    html.H2(title(look), title=title(look)),
                    html.P(
                        [
                            case.no,
                            f" · {look.module}" if look.module else "",
                            " · ",
                            word("version", lang, n=case.version),
                            *merged,
                        ]
                    ),
                    html.P(look.place, className="t3"),
                ]
            ),
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
    late = f"{at_time(clock.due, look.tz, seconds=True)}"
    provisional = [" · ", word("provisional", look.lang)] if clock.provisional else []
    return html.Div(
        [html.B("--:--"), html.P([html.Em(word(f"limit_{clock.name}", look.lang)), " ", late, *provisional])],
        className="countdown",
        **_clock(clock, look.case.priority),
        **extra(data_long="1"),
    )


def _clock(clock: Clock, priority: int) -> dict[str, Any]:
    return extra(data_due=str(clock.due), data_start=str(clock.start), data_name=clock.name, data_p=str(priority))


def goes(look: Look, patrol: Patrol) -> html.Section:
    """Who was sent, since when, and how to call them."""
    name, squad = look.names.get(patrol.id, patrol.name), look.names.get(patrol.squad, patrol.squad)
    since = at_time(look.case.dispatched, look.tz, seconds=True) if look.case.dispatched else "—"
    state = look.names.get(look.case.state.value, look.case.state.value)
    return html.Section(
        [
            heading(word("sent_to", look.lang), f"{since} · {state}"),
            html.Div(
                [
                    html.B(name),
                    html.Span(f"{squad} · {patrol.post}", className="t2"),
                    html.Span(className="spacer"),
                    html.Span(patrol.phone, className="phone"),
                ],
                className="goes",
            ),
        ],
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
        under = (
            at_time(times[number], look.tz) if done and number in times else word("waits", look.lang) if kind else "—"
        )
        if number == 5 and kind == "current" and state is not State.DISPATCHED:
            under = look.names.get(state.value, under)
        items.append(
            html.Li(
                [html.Span(word(f"step_{name}", look.lang)), html.Small(under)],
                className=kind,
                **extra(data_i=str(number)),
                **(extra(aria_current="step") if kind == "current" else {}),
            )
        )
    return html.Section(html.Ol(items, className="steps", **extra(aria_label=word("steps", look.lang))))


def six(look: Look) -> html.Section:
    """The six fixes; what the act of dispatching completes is dashed, what is missing says so."""
    fixes = six_fixes(look)
    open_ones = [word(f"six_{name}", look.lang) for name, _, how in fixes if how != "done"]
    missing = [word(f"six_{name}", look.lang) for name, _, how in fixes if how == "missing"]
    n = 6 - len(open_ones)
    said = _fixes_said(look.lang, n, open_ones, missing)
    cells = [
        html.Div(
            [html.Em(word(f"six_{name}", look.lang)), html.Span(value, title=value)],
            className=how,
            **extra(data_fix=name, data_value=value),  # the script shows the chosen candidate here, and puts this back
        )
        for name, value, how in fixes
    ]
    return html.Section([heading(word("six", look.lang), said), html.Div(cells, className="six")])


def _fixes_said(lang: Lang, n: int, open_ones: list[str], missing: list[str]) -> str:
    listed = word("comma", lang).join(word("quoted", lang, name=name) for name in (missing or open_ones))
    if missing:
        return word("six_missing", lang, n=n, names=listed)
    return word("six_with_act", lang, n=n, names=listed) if open_ones else word("six_full", lang)


def six_fixes(look: Look) -> list[tuple[str, str, str]]:
    """(name, value, done | with | missing) of each fix; `with`: comes with the act of dispatching.

    Person and post are those of the first candidate until another is chosen.
    """
    case, lang = look.case, look.lang
    first = look.candidates[0] if look.candidates else None
    person = look.names.get(case.patrol, case.patrol)
    standard = "" if look.matter is None else look.matter.standard_en if lang == "en" else look.matter.standard
    suggested = f"{look.names.get(first[1].id, first[1].name)} (1)" if first else word("with_dispatch", lang)
    post = case.post if person else first[1].post if first else ""
    return [
        ("grid", look.names.get(case.grid or "", "") or word(nowhere(case), lang), "done" if case.grid else "missing"),
        ("person", person or suggested, "done" if person else "with"),
        ("post", post or word("with_dispatch", lang), "done" if person and case.post else "with"),
        ("time", look.limit or word("missing", lang), "done" if look.limit else "missing"),
        ("standard", standard or word("missing", lang), "done" if standard else "missing"),
        (
            "duty",
            word("lead", lang, name=look.lead) if look.lead else word("missing", lang),
            "done" if look.lead else "missing",
        ),
    ]


def nowhere(case: Case) -> str:
    """The word for a case without a grid: its place is not known, or lies in none."""
    return "no_place" if case.lon is None or case.lat is None else "no_grid"


def evidence(look: Look) -> html.Section:
    """The picture, when there is one, and the whole log, newest first; it scrolls within its section."""
    rows: list[Any] = []
    for entry in reversed(look.log):
        rows += [html.Time(at_time(entry.at, look.tz, seconds=True)), html.Span(_entry(entry, look))]
    log = html.Div(rows, className="log", tabIndex=0, role="log", **extra(aria_label=word("log", look.lang)))
    device = look.names.get(look.case.device, look.case.device)
    if not look.case.image:
        return html.Section([heading(word("log", look.lang), device), log])
    picture = html.A(
        html.Img(src=look.case.image, alt=word("picture_of", look.lang, name=device), loading="lazy"),
        href=look.case.image,
        target="_blank",
        className="picture",
    )
    return html.Section([heading(word("scene_log", look.lang), device), html.Div([picture, log], className="evidence")])


def _entry(entry: Entry, look: Look) -> str:
    if entry.act == "report":
        known = look.names.get(look.case.device) or look.names.get(entry.by)
        source = known or word(f"origin_{look.case.origin}", look.lang)
        return f"{word('step_report', look.lang)} · {source}{f' · {entry.text}' if entry.text else ''}"
    act = BY_NAME.get(entry.act)
    name = (act.en if look.lang == "en" else act.zh) if act else entry.act
    to = " " + look.names.get(entry.patrol, entry.patrol) if entry.patrol and entry.act == "dispatch" else ""
    by = who(entry.by, look)
    said = f"：{entry.text}" if entry.text and look.lang == "zh" else f": {entry.text}" if entry.text else ""
    return f"{name}{to}{said} · {by}"


def who(by: str, look: Look) -> str:
    """Who did it, by name: a rule, a patrol, a source; an account that is called like its role, by the role."""
    if by == "rule":
        return word("by_rule", look.lang)
    role = f"role_{by}"
    return look.names.get(by) or (word(role, look.lang) if role in WORDS else by)
