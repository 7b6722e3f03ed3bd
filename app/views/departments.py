"""Departments: the parts of those that were called (协同), and those that can be sent in place of a patrol."""

from __future__ import annotations

from typing import Any

from dash import html

from app.labels import word
from app.views.acts import possible
from app.views.attributes import extra
from app.views.limits import counting, lasting
from app.views.look import Body, Look, at_time, heading
from streams.model import Clock, Task

ACTS_OF = {"called": ("check_in", "finish", "dismiss"), "on_scene": ("finish", "dismiss"), "done": ()}
NEAR = 4
"""So many departments are cards: those of the matter. Another one is chosen from a list."""


def called(look: Look) -> html.Section | None:
    """The departments that were called, each with its state, its clock to check in and what can be done."""
    tasks, lang = look.case.tasks, look.lang
    if not tasks:
        return None
    done = sum(task.state == "done" for task in tasks)
    head = heading(word("together", lang), word("together_of", lang, done=done, n=len(tasks)))
    return html.Section([head, *[part(look, task) for task in tasks]], className="together")


def part(look: Look, task: Task) -> html.Div:
    """One department: state, clock, buttons."""
    lang, can = look.lang, possible(look.case, look.role)
    name = look.names.get(task.department, task.department)
    clock = next((each for each in look.case.clocks if each.of == task.department), None)
    said = word(f"task_{task.state}", lang)
    buttons = [
        html.Button(
            word(f"task_{act}", lang), type="button", className="small",
            **extra(data_open=act, data_department=task.department, aria_label=f"{name}: {word(f'task_{act}', lang)}"),
        )
        for act in ACTS_OF[task.state] if act in can
    ]  # fmt: skip
    return html.Div(
        [
            html.I(className=f"task {task.state}", **extra(aria_hidden="true")),
            html.Div([html.B(name, title=name), html.Span([said, *checked_in(look, task, clock)], className="t2")]),
            html.Span(buttons, className="task-acts"),
        ],
        className="part",
    )


def checked_in(look: Look, task: Task, clock: Clock | None) -> list[Any]:
    """When it came, or how long it still has to come."""
    if clock is None:
        return [f" · {at_time(task.at, look.tz)}"]
    if clock.paused is not None:
        return [" · ", word("clock_still", look.lang, left=lasting(clock.due - clock.paused, look.lang))]
    if clock.done is None:
        return [" · ", html.Span([html.Em(), " ", html.B("--:--")], className="left", **counting(clock, 0),
                                 **extra(data_name="check_in"))]  # fmt: skip
    late = clock.done > clock.due
    return [" · ", word("clock_late" if late else "clock_in_time", look.lang, time=at_time(clock.done, look.tz))]


def choices(look: Look) -> html.Div:
    """Who could be sent in place of a patrol: the departments of the matter as cards, every other one from a list."""
    lang = look.lang
    near = [body for body in look.bodies if body.part][:NEAR] or list(look.bodies[:1])
    others = [body for body in look.bodies if body not in near]
    cards = [card(look, body, i) for i, body in enumerate(near)]
    more = html.Select(
        [
            html.Option(word("to_other", lang), value=""),
            *(html.Option(one.name, value=one.code, **extra(data_liaison=one.liaison, data_post=one.post))
              for one in others),
        ],
        id="other-body",
        **extra(aria_label=word("to_other", lang)),
    ) if others else None  # fmt: skip
    return html.Div([*cards, more], className="bodies", role="radiogroup", **extra(aria_label=word("to_which", lang)))


def card(look: Look, body: Body, i: int) -> html.Button:
    """One department: how it belongs to the matter, and who speaks for it."""
    lang = look.lang
    part = [html.I(word(f"is_{body.part}", lang))] if body.part else []
    liaison = word("dispatch_body_meta", lang, name=body.liaison) if body.liaison else word("no_liaison", lang)
    return html.Button(
        [
            html.Span(str(i + 1), className="number"),
            html.Span([html.B(body.name), html.Span(part, className="tags"), html.Span(liaison, className="t2 under")],
                      className="who-goes"),
        ],
        type="button",
        role="radio",
        className="candidate" + (" on" if i == 0 else ""),
        **extra(
            aria_checked="true" if i == 0 else "false", data_body=body.code, data_name=body.name,
            data_liaison=body.liaison, data_post=body.post,
        ),
    )  # fmt: skip
