"""What can be done to a case, as the scripts of the page get it: the next step, the menu, the fields of each form.

All of it follows from the table of `streams/workflow.py` and the role of who looks. The scripts hold no copy: they draw
a button, a menu and forms from this document, which travels in the inspector beside the version that it is true for.
What a role may not do itself but may ask for is here too, marked `ask`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.labels import WORDS, Lang, word
from app.views.look import Look, form_time
from streams import workflow
from streams.model import Case, State
from streams.workflow import BY_NAME, Act

NEXT = ("verify", "accept", "dispatch", "close", "rate", "resume", "restore", "unmerge", "withdraw", "handle")
"""The next step of a case is the first of these that is possible."""
GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("facts", ("classify", "place", "merge", "unmerge", "split")),
    ("progress", ("withdraw", "acknowledge", "depart", "arrive", "handle", "decline")),
    ("together", ("whistle", "check_in", "finish", "dismiss")),
    ("exceptions", ("return", "rework", "reject", "suspend", "resume", "extend", "reopen", "restore")),
)
"""The menu: what belongs together, in the order of a case's life."""
FIELDS: dict[str, tuple[str, ...]] = {"suspend": ("until",), "handle": ("text",)}
"""What a form offers beyond what the act needs."""
ASKED_FIELDS: dict[str, tuple[str, ...]] = {"extend": ("limit",)}
"""What must be said besides the reason when it is asked for."""
LIMITS = ("4h work_hour", "1d work_day", "3d work_day", "5d work_day")
UNITS = ("h work_hour", "h urgent_hour", "d work_day", "d natural_day")
KEYS = {"suspend": "S", "return": "R", "merge": "M", "whistle": "W", "extend": "E"}
OPTIONAL = frozenset({"until"})


def next_step(case: Case, possible: Sequence[str]) -> str | None:
    """The first of the next steps that is possible; without a grid nobody can be sent, so its place comes first."""
    if case.state is State.ACCEPTED and not case.grid and "place" in possible:
        return "place"
    return next((name for name in NEXT if name in possible), None)


def document(look: Look) -> dict[str, Any]:
    """The case as its buttons need it: what is possible for `look.role`, the next step, the groups of the menu."""
    case, lang = look.case, look.lang
    offered = {name: one(BY_NAME[name], look) for name in possible(case, look.role)}
    offered |= {name: one(BY_NAME[name], look, ask=True) for name in askable(case, look.role)}
    return {
        "no": case.no, "version": case.version, "state": case.state.value, "state_name": look.names[case.state.value],
        "matter": case.matter, "lon": case.lon, "lat": case.lat, "grid": case.grid, "patrol": case.patrol,
        "next": next_step(case, [name for name, each in offered.items() if not each["ask"]]),
        "acts": offered,
        "groups": [
            {"name": word(f"group_{group}", lang), "acts": shown}
            for group, names in GROUPS if (shown := [name for name in names if name in offered])
        ],
        "helpers": list(look.matter.helpers) if look.matter else [],
        "called": [{"department": task.department, "state": task.state} for task in case.tasks],
        "joined": [{"id": entry.detail, "at": entry.at, "by": look.names.get(entry.by, entry.by), "text": entry.text}
                   for entry in look.log if entry.act == "join" and entry.detail and entry.detail not in case.split],
        "limits": [[limit, "+" + length(limit, lang)] for limit in LIMITS],
        "units": [[unit, word("unit_" + unit.replace(" ", "_"), lang)] for unit in UNITS],
        "request": None if case.request is None else {
            "act": case.request.act, "by": who_asked(look), "limit": case.request.limit,
            "until": case.request.until and form_time(case.request.until, look.tz), "text": reason_asked(look),
        },
    }  # fmt: skip


def possible(case: Case, role: str) -> tuple[str, ...]:
    """The acts of the table that are offered as buttons; asking is offered by what can be asked for, and refusing by
    the banner of the request. A part of a department that is done has nothing left to do."""
    called = [task.state for task in case.tasks]
    idle = {
        "ask": True, "check_in": "called" not in called, "finish": set(called) <= {"done"},
        "dismiss": set(called) <= {"done"},
    }  # fmt: skip
    return tuple(name for name in workflow.possible(case, role) if not idle.get(name, False))


def askable(case: Case, role: str) -> tuple[str, ...]:
    """The side exits that the role may ask for now: those that its state allows and that others must do."""
    if "ask" not in workflow.possible(case, role):
        return ()
    return tuple(
        act.name for act in workflow.ACTS if act.side and case.state in act.before and role not in act.roles
    )


def one(act: Act, look: Look, *, ask: bool = False) -> dict[str, Any]:
    """One act: its name in words, what its form must and may ask for, the usual reasons, the act that takes it back."""
    lang = look.lang
    label = act.en if lang == "en" else act.zh
    proof = look.matter is not None and look.matter.proof
    needs = (
        ("text", *ASKED_FIELDS.get(act.name, ()))
        if ask
        else tuple(need for need in act.needs if need != "proof" or proof)
    )
    more = tuple(field for field in FIELDS.get(act.name, ()) if field not in needs and (not ask or field in OPTIONAL))
    usual = WORDS.get(f"usual_{act.name}")
    undo = "" if ask or act.undo not in BY_NAME or look.role not in BY_NAME[act.undo].roles else act.undo
    return {
        "label": word("ask_for", lang, act=label if lang == "zh" else label.lower()) if ask else label,
        "act": label, "ask": ask, "needs": list(needs), "more": list(more),
        "usual": usual[0 if lang == "zh" else 1].split("|") if usual else [],
        "undo": undo, "undo_text": bool(undo) and "text" in BY_NAME[undo].needs, "key": KEYS.get(act.name, ""),
    }  # fmt: skip


def length(limit: str, lang: Lang) -> str:
    """A limit such as "4h work_hour" in words; as it is when it is none."""
    amount, _, kind = limit.partition(" ")
    key = f"limit_{amount[-1:]}_{kind}"
    if key not in WORDS:
        return limit
    said = word(key, lang, n=amount[:-1])
    return said.replace("days", "day") if lang == "en" and amount[:-1] == "1" else said


def act_name(name: str, lang: Lang) -> str:
    """An act's name; the word itself when the table does not know it."""
    act = BY_NAME.get(name)
    return name if act is None else act.en if lang == "en" else act.zh


def who_asked(look: Look) -> str:
    """Who asked for what waits for a decision, by name."""
    return look.who(look.case.request.by) if look.case.request else ""


def reason_asked(look: Look) -> str:
    """The reason of the request: the text of the last asking in the log, as the reader may read it."""
    return next((entry.text for entry in reversed(look.log) if entry.act == "ask"), "")
