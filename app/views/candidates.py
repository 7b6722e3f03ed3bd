"""Who could go, best first, and why: up to four radio cards, each with its points part by part; below, who cannot go
and why not, the nearest three by name.

Choosing one is a matter of the browser (`assets/pages/dispatch.js` shows its reasons and names it on the button),
since it changes nothing.
"""

from __future__ import annotations

from collections import Counter
from math import inf

from dash import html

from app.labels import word
from app.views.attributes import extra
from app.views.look import Look, heading
from streams.model import Patrol
from streams.recommend import IN_DISTRICT, IN_GRID, IN_SQUAD, POINTS, Candidate, Part

WHY: dict[Part, str] = {
    "arrival": "why_arrival",
    "grid": "why_grid",
    "free": "why_free",
    "skill": "why_skill",
    "load": "why_load",
    "rest": "why_rest",
    "position_age": "why_fresh",
}
BELONGS = ((IN_GRID, "in_grid"), (IN_DISTRICT, "in_district"), (IN_SQUAD, "in_squad"))
SHOWN = 4
NOBODY = "none_suggested"
SHOWN_OUT = 3


def suggestions(look: Look) -> html.Section:
    """Up to four who can go, best first, and why."""
    lang, shown = look.lang, look.candidates[:SHOWN]
    note = word("suggested_by", lang)
    reason = why_nobody(look)
    if reason:
        others = cannot_go(look) if reason == NOBODY else []
        said = html.P(word(reason, lang), className="empty")
        return html.Section([heading(word("suggested", lang), ""), said, *others])
    cards = [card(look, i, one, patrol) for i, (one, patrol) in enumerate(shown)]
    whys = [why(look, i) for i in range(len(shown))]
    return html.Section(
        [
            heading(word("suggested", lang), note),
            html.Div(cards, className="candidates", role="radiogroup", **extra(aria_label=word("suggested", lang))),
            *whys,
            *cannot_go(look),
        ],
        className="suggestions",
    )


def why_nobody(look: Look) -> str:
    """The word that says why nobody is suggested; "" when somebody is. Without a place or a grid nobody can be sent."""
    if look.case.lon is None or look.case.lat is None:
        return "none_unplaced"
    if not look.case.grid:
        return "none_outside"
    return "" if look.candidates else NOBODY


def cannot_go(look: Look) -> list[html.Div]:
    """Who cannot be sent: how many for each reason, and the nearest ones by name; nothing when there is nobody."""
    out, lang = look.excluded, look.lang
    if not out:
        return []
    counted = Counter(one.excluded for one, _ in out)
    said = " · ".join(f"{word('out_' + reason, lang)} {n}" for reason, n in counted.most_common())
    nearest = sorted(out, key=lambda each: inf if each[0].metres is None else each[0].metres)[:SHOWN_OUT]
    rows = [
        html.Li([html.B(look.names.get(who.id, who.name)), way(look, one), html.I(word("out_" + one.excluded, lang))])
        for one, who in nearest
    ]
    return [html.Div([heading(word("cannot_go", lang, n=len(out)), said), html.Ul(rows)], className="cannot-go")]


def way(look: Look, one: Candidate) -> str:
    """How far its way is, and whether along the roads or reckoned from the straight line."""
    if one.metres is None:
        return "—"
    return word("way_by_road" if one.by_road else "way_straight", look.lang, km=f"{one.metres / 1000:.1f}")


def card(look: Look, i: int, one: Candidate, patrol: Patrol) -> html.Button:
    """One candidate: number, name, squad, distance, tags, time to arrive."""
    name = look.names.get(patrol.id, patrol.name)
    km = "—" if one.metres is None else f"{one.metres / 1000:.1f}"
    minutes = "—" if one.minutes is None else str(max(1, round(one.minutes)))
    return html.Button(
        [
            html.Span(str(i + 1), className="number"),
            html.Span(
                [
                    html.B(name),
                    html.Span(f"{look.names.get(patrol.squad, patrol.squad)} · {way(look, one)}", className="t2"),
                    html.Span(tags(look, one, patrol), className="tags"),
                ],
                className="who-goes",
            ),
            html.Span(
                [html.B(word("minutes", look.lang, n=minutes)), html.Span(word("eta", look.lang))], className="eta"
            ),
        ],
        type="button",
        role="radio",
        className="candidate" + (" on" if i == 0 else ""),
        **extra(
            aria_checked="true" if i == 0 else "false",
            data_candidate=str(i),
            data_patrol=patrol.id,
            data_name=name,
            data_km=km,
            data_minutes=minutes,
            data_post=patrol.post,
        ),
    )


def tags(look: Look, one: Candidate, patrol: Patrol) -> list[html.I]:
    """What speaks for a candidate (lit) and what does not (dim)."""
    belongs = next((key for share, key in BELONGS if one.parts["grid"] >= round(POINTS["grid"] * share, 1)), "")
    wanted = bool(look.matter and look.matter.skills)
    skilled = one.parts["skill"] > 0
    today = look.load.get(patrol.id, 0)
    found = [(word(belongs or "far_grid", look.lang), bool(belongs)), (word("free", look.lang), one.parts["free"] > 0)]
    if wanted:
        found.append((word("has_skill" if skilled else "no_skill", look.lang), skilled))
    found.append((word("today_cases", look.lang, n=today), today < 4))
    return [html.I(text, className="" if good else "no") for text, good in found]


def why(look: Look, i: int) -> html.Div:
    """The points of one candidate, part by part; they add up to the total above them."""
    one, patrol = look.candidates[i]
    name = look.names.get(patrol.id, patrol.name)
    cells = [
        html.Div(
            [
                word(label, look.lang),
                html.B(f"+{one.parts[part]:g}"),
                html.U(html.I(style={"width": f"{100 * one.parts[part] / POINTS[part]:.0f}%"})),
            ]
        )
        for part, label in WHY.items()
    ]
    return html.Div(
        [heading(word("why", look.lang, name=name), _points(look, i)), html.Div(cells, className="parts")],
        className="why",
        hidden=i > 0,
        **extra(data_why=str(i)),
    )


def _points(look: Look, i: int) -> str:
    mine, others = look.candidates[i][0].points, look.candidates
    if i == 0 and len(others) > 1:
        return word("points_ahead", look.lang, n=f"{mine:g}", m=f"{mine - others[1][0].points:.1f}".removesuffix(".0"))
    if i > 0:
        return word("points_behind", look.lang, n=f"{mine:g}", m=f"{others[0][0].points - mine:.1f}".removesuffix(".0"))
    return word("points", look.lang, n=f"{mine:g}")
