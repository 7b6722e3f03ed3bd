"""The names that the feed leaves out: matters, grids, patrols and devices in one language, for the scripts.

The feed carries ids only, since a thousand screens would otherwise be sent the same names with every change. Phone
numbers stay here: nothing in the directory is personal beyond the name of somebody on duty.
"""

from __future__ import annotations

from typing import Any

from app.labels import Lang
from geo.gridset import Grid, GridSet
from streams.matters import Matters
from streams.organisation import Organisation
from streams.register import Register
from streams.workflow import STATE_NAMES

PLACES = 5  # decimals of a degree: one metre


def directory(
    lang: Lang, grids: GridSet, matters: Matters, register: Register, org: Organisation, timezone: str
) -> dict[str, Any]:
    """Everything by key; names in `lang` (Chinese where there is no English one)."""
    return {
        "lang": lang,
        "timezone": timezone,
        "site": _name(org.site, lang) if org.site else "",
        "bounds": [round(edge, PLACES) for edge in grids.bounds],
        "states": {state.value: names[lang == "en"] for state, names in STATE_NAMES.items()},
        "modules": {key: _name(one, lang) for key, one in matters.modules.items()},
        "boards": {key: _name(one, lang) for key, one in matters.boards.items()},
        "matters": {
            key: {"name": _name(one, lang), "module": one.module, "board": one.board, "lead": one.lead}
            for key, one in matters.matters.items()
        },
        "categories": {category: key for key, one in matters.matters.items() for category in one.opens_on},
        "grids": {grid.code: _grid(grid, grids, lang) for grid in grids.grids},
        "departments": {code: _name(one, lang) for code, one in org.departments.items()},
        "partners": {site: _name(one, lang) for site, one in org.partners.items()},
        "squads": {code: _name(one, lang) for code, one in org.squads.items()},
        "patrols": {
            one.id: {"name": _name(one, lang), "squad": one.squad, "district": one.district, "kind": one.kind}
            for one in register.patrols.values()
        },
        "devices": {
            one.id: {
                "name": _name(one, lang),
                "kind": one.kind,
                "source": one.source,
                "bearing": one.bearing,
                "lon": round(one.position.lon, PLACES),
                "lat": round(one.position.lat, PLACES),
            }
            for one in register.devices.values()
        },
        "sources": {
            one.id: {"name": _name(one, lang), "kind": one.kind, "period": one.period}
            for one in register.sources.values()
        },
    }


def _name(one: Any, lang: Lang) -> str:
    return (one.name_en if lang == "en" else "") or one.name


def _grid(grid: Grid, grids: GridSet, lang: Lang) -> dict[str, Any]:
    middle = grid.geometry.representative_point()
    district = grids.by_code.get(grid.district or "")
    return {
        "name": _name(grid, lang),
        "short": grid.code[-3:],
        "level": grid.level,
        "kind": grid.kind,
        "finest": grid.kind == "dedicated" or grid.level == grids.finest_level,
        "district": grid.district or "",
        "district_name": _name(district, lang) if district else "",
        "lon": round(middle.x, PLACES),
        "lat": round(middle.y, PLACES),
    }
