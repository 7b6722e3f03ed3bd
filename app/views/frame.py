"""What stands around every page: the header with its live state, the language switch, the data for the scripts.

The two documents for the scripts (words, and the directory of names that the feed leaves out) travel inside the page
as inert JSON: one request less, and a page never shows a name that its own data does not have.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from dash import html

from app.labels import Lang, dictionary, word
from app.views.attributes import extra
from app.what_if import ROLES as WHAT_IF_ROLES

PAGES = ("wall", "dispatch", "replay", "daily", "scores", "what-if")
LOGO = "/assets/logo.svg"
LOGO_LIGHT = "/assets/logo-light.svg"


class Who(NamedTuple):
    """The signed-in person as the header shows them. `acts`: may change cases."""

    name: str
    role: str
    acts: bool


def documents(lang: Lang, directory: Mapping[str, Any]) -> list[html.Script]:
    """The words and the directory, as JSON scripts that no browser runs."""
    return [
        html.Script(
            json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/"),
            id=name,
            type="application/json",
        )
        for name, data in (("gridpost-words", dictionary(lang)), ("gridpost-directory", directory))
    ]


def header(page: str, lang: Lang, who: Who, middle: Sequence[Any] = (), day: str = "") -> html.Header:
    """The bar of the desk pages: product, navigation, what the page puts in the middle, live state, clock, person.
    `day`: the local day that the page shows, to go on with."""
    live = (
        [
            html.Span(
                [html.I(className="dot"), html.Span(word("connecting", lang), **extra(data_link=""))],
                className="pill live",
                role="status",
                id="live",
            ),
            *([past_button(lang)] if page == "dispatch" else []),
            html.B("--:--:--", className="now", **extra(data_time="")),
        ]
        if page != "daily"
        else []
    )
    return html.Header(
        [
            html.A(
                [
                    html.Img(src=LOGO_LIGHT if page == "daily" else LOGO, alt="", width=20, height=20),
                    html.Span(word("product", lang)),
                ],
                href="/",
                className="logo",
            ),
            navigation(page, lang, who, day),
            *middle,
            html.Span(className="spacer"),
            *live,
            person(lang, who),
            language(page, lang),
        ],
        className="bar",
    )


def past_button(lang: Lang) -> html.Button:
    """What opens the slider of time; replay.js listens to it."""
    return html.Button(
        word("past_open", lang), id="past-open", type="button", className="past-open",
        title=word("past_open_hint", lang), **extra(aria_expanded="false"),
    )  # fmt: skip


def navigation(page: str, lang: Lang, who: Who, day: str = "") -> html.Nav:
    """The pages that this person may open; the current one is marked for eyes and screen readers. `day`: the scores and
    what if go on with that day."""
    of_day = {"scores": f"?from={day}&to={day}", "what-if": f"?day={day}"} if day else {}
    return html.Nav(
        [
            html.A(
                word(f"nav_{name.replace('-', '_')}", lang),
                href=f"/{name}{of_day.get(name, '')}",
                className="on" if name == page else "",
                **(extra(aria_current="page") if name == page else {}),
            )
            for name in PAGES
            if name != "what-if" or who.role in WHAT_IF_ROLES
        ],
        **extra(aria_label=word("product", lang)),
    )


def person(lang: Lang, who: Who) -> html.Form:
    """The signed-in person, with the way out."""
    role = word(f"role_{who.role}", lang)
    named = [html.Span(who.name, className="who-name"), html.Span(f" · {role}", className="t3")]
    if who.name == who.role:  # an account that is called like its role is said once
        named = [html.Span(role, className="who-name")]
    return html.Form(
        [
            html.Span(named),
            html.Button(word("sign_out", lang), type="submit", className="quiet"),
        ],
        action="/sign-out",
        method="POST",
        className="who",
    )


def language(page: str, lang: Lang) -> html.Span:
    """The switch 中 | EN: links, so that the choice is in the address and can be sent to a colleague."""

    def one(key: Lang, text: str) -> Any:
        on = key == lang
        return html.A(
            text,
            href=f"/{page}?lang={key}",
            className="on" if on else "",
            lang="zh-CN" if key == "zh" else "en",
            **(extra(aria_current="true") if on else {}),
        )

    return html.Span(
        [one("zh", "中"), one("en", "EN")], className="lang", role="group", **extra(aria_label=word("language", lang))
    )


def band() -> html.Div:
    """The amber band of a feed that is down, and the quiet one of a feed that is back; live.js writes into it."""
    return html.Div(
        [html.I(className="warn-sign", **extra(aria_hidden="true")), html.B(), html.Span()], id="band", role="alert"
    )
