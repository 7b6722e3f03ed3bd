"""/field: one officer's tasks on a phone. A document of its own, without Dash: what it loads is 40 kB, not megabytes.

The document holds no task, only names and words (in both languages, so that the switch needs no network); a service
worker keeps it, and opens it where there is none. Tasks come from `/api/v1/field/tasks`; `assets/field*.js` draw them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from typing import Any

import msgspec

from app.labels import Lang, dictionary, word
from streams import workflow

SHARED = (
    "product", "sign_out", "language", "loading", "close", "seconds", "minutes", "minutes_seconds", "hours_minutes",
    "days_hours", "ago", "comma", "p1", "p2", "p3", "p4",
)  # fmt: skip
"""What the page says in the words of the other pages; all else begins with `field_`, `act_` or `state_`."""
SCRIPTS = ("field-base", "field-store", "field-queue", "field-place", "field-view", "field-forms", "field")


def page(*, lang: Lang, who: Mapping[str, Any], timezone: str) -> str:
    """The whole document. `who`: the names of the account's patrol or department, and the acts that it does."""
    data = {
        "lang": lang, "timezone": timezone, "who": who, "words": {"zh": words("zh"), "en": words("en")},
        "acts": {row.name: msgspec.to_builtins(row) for row in workflow.ACTS if row.name in who["acts"]},
    }  # fmt: skip
    said = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")
    scripts = "".join(f'<script src="/assets/{name}.js" defer></script>' for name in SCRIPTS)
    return f"""<!doctype html>
<html lang="{"zh-CN" if lang == "zh" else "en"}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
<meta name="color-scheme" content="light dark"><meta name="format-detection" content="telephone=no">
<meta name="theme-color" content="#FFFFFF" media="(prefers-color-scheme: light)">
<meta name="theme-color" content="#14181B" media="(prefers-color-scheme: dark)">
<title>{escape(word("field_title", lang))} · {escape(word("product", lang))} Gridpost</title>
<link rel="icon" href="/assets/favicon.ico"><link rel="stylesheet" href="/assets/field.css">
<script type="application/json" id="field-data">{said}</script>{scripts}</head>
<body><header id="top"></header><main id="main"><p class="hint">{escape(word("loading", lang))}…</p></main>
<div id="bar" hidden></div><div id="toasts" role="status" aria-live="polite"></div></body></html>"""


def words(lang: Lang) -> dict[str, str]:
    """The words of this page in one language, with the names of acts and states."""
    known = dictionary(lang)
    mine = {key: text for key, text in known.items() if key in SHARED or key.startswith(("field_", "act_"))}
    return mine | {f"state_{state.value}": names[lang == "en"] for state, names in workflow.STATE_NAMES.items()}
