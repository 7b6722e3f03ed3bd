"""The inspector of one case: its clock, who was sent, what waits for a decision, the eight steps, the clocks, the six
fixes, the departments, the log, who could go. What can be done to it travels along as data (`views/acts.py`)."""

from __future__ import annotations

import json
from typing import Any

from dash import html

from app.labels import Lang, word
from app.views import acts, departments, limits, log, standing
from app.views.attributes import extra
from app.views.candidates import suggestions
from app.views.limits import lasting
from app.views.look import Look, at_time, heading, when
from streams.model import Clock, State
from streams.workflow import BY_NAME, ON_CASE, WAITING, Goes

STEPS = ("report", "verify", "accept", "dispatch", "follow", "feedback", "check", "rate")
AT_STEP = {
    State.REPORTED: 2, State.VERIFIED: 3, State.ACCEPTED: 4, State.HANDLED: 7, State.CLOSED: 8, State.RATED: 9,
    **dict.fromkeys(ON_CASE, 5),
}  # fmt: skip
ASIDE = frozenset({State.SUSPENDED, State.REJECTED, State.MERGED})
"""Beside the eight steps: the step where the case left them says so."""


def nothing(lang: Lang) -> html.Div:
    """What stands there while no case is selected."""
    return html.Div([html.B(word("pick_title", lang)), html.P(word("pick_text", lang))], className="pick")


def inspector(look: Look | None, asked: str = "") -> Any:
    """The whole inspector but its action; None: the case is not there. `asked` names the question that it answers, by
    which the page knows that it is drawn."""
    if look is None:
        return html.Div(html.B("—"), className="pick")
    parts = [
        head(look), standing.request(look), standing.aside(look), standing.goes(look), steps(look),
        limits.section(look), six(look), departments.called(look), evidence(look), who_goes(look),
    ]  # fmt: skip
    return html.Div(
        [part for part in parts if part is not None],
        id="case-parts",
        **extra(
            data_asked=asked,
            data_no=look.case.no,
            data_version=str(look.case.version),
            data_acts=json.dumps(acts.document(look), ensure_ascii=False),
        ),
    )


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
    """The tightest running clock; live.js counts it. While all of them stand still, the tightest says what is left."""
    left = [clock for clock in look.case.clocks if clock.done is None]
    running = [clock for clock in left if clock.paused is None]
    if not left:
        return html.Div(html.Em(word("clock_off", look.lang)), className="countdown")
    if not running:
        paused = min(left, key=lambda each: each.due)
        still = lasting(paused.due - (paused.paused or 0), look.lang)
        said = word("clock_paused_head", look.lang)
        return html.Div([html.B(still), html.P(html.Em(said))], className="countdown still")
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
    return limits.counting(clock, priority) | extra(data_name=clock.name)


def steps(look: Look) -> html.Section:
    """The eight steps: done with its time, current, to come."""
    state = look.case.state
    current = AT_STEP.get(state) or left_at(look)
    times = {1: look.case.received}
    for entry in look.log:
        act = BY_NAME.get(entry.act)
        if act is not None and act.after is not Goes.SAME and entry.detail != "late":
            times[act.step] = entry.at
    items = []
    for number, name in enumerate(STEPS, 1):
        done = number < current
        kind = "done" if done else "current" if number == current and state is not State.CLOSED else ""
        under = at_time(times[number], look.tz) if done and number in times else "—"
        if kind == "current":
            under = word("waits", look.lang)
        if kind == "current" and (state in ASIDE or (number == 5 and state is not State.DISPATCHED)):
            under = look.names.get(state.value, under)
        items.append(
            html.Li(
                [html.Span(word(f"step_{name}", look.lang)), html.Small(under)],
                className=f"{kind} aside-step" if kind and state in ASIDE and not done else kind,
                **extra(data_i=str(number)),
                **(extra(aria_current="step") if kind == "current" else {}),
            )
        )
    return html.Section(html.Ol(items, className="steps", **extra(aria_label=word("steps", look.lang))))


def left_at(look: Look) -> int:
    """The step at which a case that is suspended, rejected or merged left the eight steps."""
    state = look.case.state.value
    before = next((entry.before for entry in reversed(look.log) if entry.after == state != entry.before), "")
    return AT_STEP.get(State(before), 2) if before else 2


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
    person = look.names.get(case.patrol, case.patrol) or look.names.get(case.person, case.person)
    standard = "" if look.matter is None else look.matter.standard_en if lang == "en" else look.matter.standard
    suggested = f"{look.names.get(first[1].id, first[1].name)} (1)" if first else word("with_dispatch", lang)
    held = look.names.get(case.post, case.post)
    post = held if person else first[1].post if first else ""
    return [
        ("grid", look.names.get(case.grid or "", "") or word(nowhere(look), lang), "done" if case.grid else "missing"),
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


def nowhere(look: Look) -> str:
    """The word for a case without a grid: its place is not known, or lies in none."""
    return "no_place" if look.case.lon is None or look.case.lat is None else "no_grid"


def evidence(look: Look) -> html.Section:
    """The picture, when there is one, and the whole log, newest first; it scrolls within its section."""
    rows: list[Any] = []
    for entry in reversed(look.log):
        rows += [html.Time(when(entry.at, look.now, look.tz, seconds=True)), html.Span(log.line(entry, look))]
    kind = "log" if look.case.state in WAITING and not look.past else "log long"
    lines = html.Div(rows, className=kind, tabIndex=0, role="log", **extra(aria_label=word("log", look.lang)))
    device = look.names.get(look.case.device, look.case.device)
    if not look.case.image:
        return html.Section([heading(word("log", look.lang), device), lines])
    picture = html.A(
        html.Img(src=look.case.image, alt=word("picture_of", look.lang, name=device)),
        href=look.case.image,
        target="_blank",
        className="picture",
    )
    return html.Section(
        [heading(word("scene_log", look.lang), device), html.Div([picture, lines], className="evidence")]
    )


def who_goes(look: Look) -> html.Div | None:
    """While the case waits: who could be sent, a patrol or a department; the script switches between the two."""
    if look.case.state not in WAITING or look.past:
        return None
    lang = look.lang
    if not look.bodies:
        return html.Div(suggestions(look))
    switch = html.Div(
        [
            html.Button(
                word(f"to_{kind}", lang),
                type="button",
                className="on" if kind == "patrol" else "",
                **extra(data_to=kind, aria_pressed="true" if kind == "patrol" else "false"),
            )
            for kind in ("patrol", "department")
        ],
        className="switch",
        role="group",
        **extra(aria_label=word("to_which", lang)),
    )
    bodies = html.Section([heading(word("suggested", lang), ""), departments.choices(look)], hidden=True,
                          **extra(data_side="department"))  # fmt: skip
    return html.Div([switch, html.Div(suggestions(look), **extra(data_side="patrol")), bodies], className="to-whom")
