"""How a case stands, beside its eight steps: what waits for a decision, why it is not being worked on, who is on it."""

from __future__ import annotations

from typing import Any

from dash import html

from app.labels import word
from app.views import acts
from app.views.attributes import extra
from app.views.look import Look, at_time, heading, when
from streams.model import State
from streams.workflow import ON_CASE


def request(look: Look) -> html.Section | None:
    """What somebody asked for and nobody has decided; those who may decide get the two buttons."""
    asked, lang = look.case.request, look.lang
    if asked is None:
        return None
    name = acts.act_name(asked.act, lang)
    what = f"{name} {acts.length(asked.limit, lang)}" if asked.limit else name
    line = word("asked_line", lang, by=acts.who_asked(look), act=what if lang == "zh" else what.lower())
    reason = acts.reason_asked(look)
    decides = "refuse" in acts.possible(look.case, look.role)
    buttons: list[Any] = [
        html.Button(word("approve", lang), type="button", className="plain yes", **extra(data_open=asked.act,
                                                                                       data_approve="1")),
        html.Button(word("refuse", lang), type="button", className="plain", **extra(data_open="refuse")),
    ]  # fmt: skip
    return html.Section(
        [
            html.Div(
                [
                    html.P([html.B(word("asked", lang), className="tag"), html.B(line), html.Span(className="spacer"),
                            html.Time(when(asked.at, look.now, look.tz), className="t3")]),
                    html.P(reason, className="t2") if reason else None,
                ]
            ),
            html.Div(buttons if decides else html.Span(word("asked_waits", lang), className="t3"), className="decide"),
        ],
        className="request",
        **extra(aria_label=word("asked", lang)),
    )  # fmt: skip


def aside(look: Look) -> html.Section | None:
    """Suspended until when, merged into which case, rated how: what the steps cannot say."""
    case, lang = look.case, look.lang
    said: list[Any] = []
    if case.state is State.SUSPENDED:
        until = case.until and word("suspended_until", lang, time=when(case.until, look.now, look.tz))
        said = [html.B(until or word("suspended_open", lang))]
    elif case.into:
        link = html.Button(case.into, type="button", className="link", **extra(data_go=case.into))
        said = [html.B(word("merged_into", lang)), " ", link]
    elif case.score:
        stars = html.Span("★" * case.score + "☆" * (5 - case.score), className="stars", **extra(aria_hidden="true"))
        said = [stars, " ", html.B(word("rated_with", lang, score=case.score))]
    if not said:
        return None
    reason = next((entry.text for entry in reversed(look.log) if entry.act == case.act and entry.text), "")
    return html.Section([html.P(said), html.P(reason, className="t2") if reason else None], className="aside")


def goes(look: Look) -> html.Section | None:
    """Who was sent, since when, and how to call them; None while nobody is on the case."""
    case, lang = look.case, look.lang
    if look.going is None and not (case.department and case.state in ON_CASE):
        return None
    since = at_time(case.dispatched, look.tz, seconds=True) if case.dispatched else "—"
    state = look.names.get(case.state.value, case.state.value)
    if look.going is not None:
        patrol = look.going
        squad = look.names.get(patrol.squad, patrol.squad)
        row = [html.B(look.names.get(patrol.id, patrol.name)), html.Span(f"{squad} · {patrol.post}", className="t2"),
               html.Span(className="spacer"), html.Span(patrol.phone, className="phone")]  # fmt: skip
    else:
        row = [html.B(look.names.get(case.department, case.department)),
               html.Span(look.names.get(case.person, case.person), className="t2")]  # fmt: skip
    return html.Section([heading(word("sent_to", lang), f"{since} · {state}"), html.Div(row, className="goes")])
