"""`aria-*` and `data-*` attributes as keyword arguments: Dash's signatures have no room for names with a dash."""

from __future__ import annotations

from typing import Any


def extra(**named: str) -> dict[str, Any]:
    """`extra(aria_label="x", data_age="cases")` -> what to pass as `**` to a component."""
    return {name.replace("_", "-"): value for name, value in named.items()}
