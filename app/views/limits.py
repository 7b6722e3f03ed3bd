"""The clocks of a case, one cell each: what runs counts down (live.js), what was kept or missed says so, what is paused
stands still. Above them who answers for the case, and who supervises it by name."""

from __future__ import annotations

from typing import Any

from dash import html

from app.labels import Lang, word
from app.views.attributes import extra
from app.views.look import Look, heading, when
from streams.model import Clock


def section(look: Look) -> html.Section | None:
    """All clocks but those to check in, which stand with their departments; None before there is one."""
    clocks = [clock for clock in look.case.clocks if not clock.of]
    if not clocks:
        return None
    return html.Section(
        [heading(word("limits", look.lang), answers(look)), html.Div([cell(look, each) for each in clocks],
                                                                     className="limits")],
    )  # fmt: skip


def answers(look: Look) -> list[Any]:
    """Who answers for the case, and, once its clocks went up, who supervises it."""
    case, lang = look.case, look.lang
    owner = word("owner_centre", lang) if case.owner in ("", "centre") else look.names.get(case.owner, case.owner)
    said: list[Any] = [word("owner_is", lang, name=owner)]
    if case.level:
        role, name = look.supervisor or (word(f"level_{case.level}", lang), "")
        said = [html.B(word("level_is", lang, role=role, name=name).strip(), className="level"), " · ", *said]
    return said


def cell(look: Look, clock: Clock) -> html.Div:
    """One clock: its name and its due; below, what is left, or how it ended."""
    lang = look.lang
    name = html.Em(word(f"clock_{clock.name}", lang))
    due = when(clock.due, look.now, look.tz)
    guess = [html.I(word("provisional", lang), className="guess")] if clock.provisional else []
    top = html.Div([name, *guess, html.Span(due if clock.paused is None else "", className="t3")])
    if clock.done is not None:
        late = clock.done > clock.due
        said = word("clock_late" if late else "clock_in_time", lang, time=when(clock.done, look.now, look.tz))
        return html.Div([top, html.B(said)], className="late" if late else "kept")
    if clock.paused is not None:
        still = word("clock_still", lang, left=lasting(clock.due - clock.paused, lang))
        return html.Div([top, html.B(still)], className="still")
    return html.Div([top, html.B("--:--"), html.U(html.I())], className="runs", **counting(clock, look.case.priority))


def counting(clock: Clock, priority: int) -> dict[str, Any]:
    """The attributes by which live.js counts a clock down."""
    return extra(data_due=str(clock.due), data_start=str(clock.start), data_p=str(priority))


def lasting(ms: int, lang: Lang) -> str:
    """A length of time: 42 分, 3 时 5 分, 2 天 4 时; what is over is nothing."""
    minutes = max(0, round(ms / 60_000))
    if minutes >= 1440:
        return word("days_hours", lang, d=minutes // 1440, h=minutes // 60 % 24)
    if minutes >= 60:
        return word("hours_minutes", lang, h=minutes // 60, m=minutes % 60)
    return word("minutes", lang, n=minutes)
