"""The names behind the codes of an export, in one language."""

from __future__ import annotations

from collections.abc import Mapping

from app.centre import Centre
from app.labels import Lang
from app.views.directory import directory
from streams.workflow import ACTS

KINDS = {
    "alert": ("告警", "Alert"), "reading": ("读数", "Reading"), "report": ("上报", "Report"),
    "status": ("状态", "Status"), "reply": ("回复", "Reply"),
}  # fmt: skip


def names(centre: Centre, lang: Lang) -> Mapping[str, Mapping[str, str]]:
    """Which names -> code -> name, as `columns.py` asks for them."""
    it, english = centre, lang == "en"
    known = directory(lang, it.grids, it.matters, it.register, it.org, it.settings.timezone)
    rows = {which: {code: row["name"] for code, row in known[which].items()} for which in ("matters", "grids")}
    patrols = {code: row["name"] for code, row in known["patrols"].items()}
    devices = {code: row["name"] for which in ("sources", "devices") for code, row in known[which].items()}
    return rows | {
        "patrols": patrols | known["partners"], "devices": devices | patrols, "departments": known["departments"],
        "states": known["states"], "acts": {act.name: act.en if english else act.zh for act in ACTS},
        "kinds": {kind: both[english] for kind, both in KINDS.items()},
    }  # fmt: skip
