"""The log of a case in words: what was done, to or with whom, by whom, who approved it. One function for each kind of
detail that an entry can carry; whatever has none says its name, its text and who did it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dash import html

from app.labels import WORDS, word
from app.views.acts import act_name, length
from app.views.look import Look
from streams.model import Entry


def line(entry: Entry, look: Look) -> list[Any]:
    """One entry: the act in bold, what it named, its text, and who did it, dim."""
    lang = look.lang
    done = IN_WORDS[entry.act](entry, look) if entry.act in IN_WORDS else plain(entry, look)
    text = "" if entry.act == "remind" else entry.text
    if entry.act == "aid_over":
        text = text.partition(" ")[2]  # its first word is how it ended, which `aid` says
    colon = "：" if lang == "zh" else ": "
    late = [" · ", word("log_late", lang)] if entry.detail == "late" else []
    did = [] if entry.act == "report" else [html.Span(f" · {by(entry, look)}", className="t3")]
    return [html.B(done), f"{colon}{text}" if text else "", *late, *did]


def by(entry: Entry, look: Look) -> str:
    """Who did it; for a side exit who had asked for it, or who approved it when that was somebody else."""
    said, lang = look.who(entry.by), look.lang
    if " asked by " in f" {entry.detail}":
        return f"{said} · {word('log_asked_by', lang, by=look.who(entry.detail.rpartition('asked by ')[2]))}"
    if entry.approver and entry.approver != entry.by:
        return f"{said} · {word('log_approver', lang, by=look.who(entry.approver))}"
    return said


def plain(entry: Entry, look: Look) -> str:
    """An act without a detail of its own, by its name; a dispatch says to whom."""
    name = act_name(entry.act, look.lang)
    to = look.names.get(entry.patrol, entry.patrol) if entry.act == "dispatch" else ""
    return f"{name} {to}".strip()


def report(entry: Entry, look: Look) -> str:
    """The report, by its source."""
    known = look.names.get(look.case.device) or look.names.get(entry.by)
    return f"{word('step_report', look.lang)} · {known or word(f'origin_{look.case.origin}', look.lang)}"


def departments(entry: Entry, look: Look) -> str:
    """Whistle, check-in and the like, with the names of the departments."""
    if entry.detail in ("", "late"):
        return act_name(entry.act, look.lang)
    names = word("comma", look.lang).join(look.names.get(code, code) for code in entry.detail.split(","))
    return word(f"log_{entry.act}", look.lang, names=names)


def other_case(entry: Entry, look: Look) -> str:
    """Merging and splitting, with the number of the other case."""
    return word(f"log_{entry.act}", look.lang, no=entry.detail)


def request(entry: Entry, look: Look) -> str:
    """What was asked for, or refused: the act, with its limit in words."""
    name, _, rest = entry.detail.partition(" ")
    said = act_name(name, look.lang)
    if entry.act == "ask" and rest:
        said = f"{said} {length(rest, look.lang)}"
    return word(f"log_{entry.act}", look.lang, act=said if look.lang == "zh" else said.lower())


def extension(entry: Entry, look: Look) -> str:
    """An extension, with how much longer."""
    limit = entry.detail.partition(" asked by ")[0]
    return f"{act_name('extend', look.lang)} {length(limit, look.lang)}".strip()


def reminder(entry: Entry, look: Look) -> str:
    """A reminder: which clock, how much of it is over. Its text is `name[:department] percent`."""
    lang = look.lang
    key, _, percent = entry.text.rpartition(" ")
    name, _, of = key.partition(":")
    clock = word("log_clock", lang, name=word(f"clock_{name}", lang))
    clock = f"{look.names.get(of, of)} {clock}" if of else clock
    n = int(percent)
    if n == 100:
        return word("log_remind_due", lang, clock=clock)
    return word("log_remind" if n < 100 else "log_remind_over", lang, clock=clock, n=n if n < 100 else n - 100)


def rating(entry: Entry, look: Look) -> str:
    """The rating, with the score that was given then; an older entry does not say it."""
    score = entry.detail or look.case.score
    return act_name("rate", look.lang) if score is None else word("rated_with", look.lang, score=score)


def joined(_entry: Entry, look: Look) -> str:
    """Another report or alert of the same thing."""
    return word("log_join", look.lang)


def aid(entry: Entry, look: Look) -> str:
    """Mutual aid: asked for, taken back, over. The detail is `lender.borrower.number.n`; the text of what is over
    begins with how it ended."""
    site = entry.detail.partition(".")[0]
    name = f"log_aid_{entry.text.partition(' ')[0]}" if entry.act == "aid_over" else f"log_{entry.act}"
    return word(name if name in WORDS else "log_aid_over", look.lang, site=look.names.get(site, site))


IN_WORDS: dict[str, Callable[[Entry, Look], str]] = {
    "report": report, "join": joined, "rate": rating, "remind": reminder, "ask": request, "refuse": request,
    "extend": extension,
    **dict.fromkeys(("aid_ask", "aid_cancel", "aid_over"), aid),
    **dict.fromkeys(("whistle", "check_in", "finish", "dismiss"), departments),
    **dict.fromkeys(("merge", "absorb", "unmerge", "release", "split"), other_case),
}  # fmt: skip
