"""docs/workflow.md is the table of acts, and nothing else."""

from __future__ import annotations

from app.config import ROOT
from app.workflow_page import NEEDS, PAGE, ROLES, page
from streams.workflow import ACTS, STATE_NAMES


def test_the_page_is_what_the_table_says() -> None:
    """Whoever changes the table writes the page anew: `make docs`."""
    assert (ROOT / PAGE).read_text(encoding="utf-8") == page(), "docs/workflow.md is old: run `make docs`"


def test_every_act_state_role_and_need_has_its_words() -> None:
    """In Chinese and English; nothing stands there as a bare key."""
    text = page()
    assert all(f"`{act.name}`" in text and act.zh in text and act.en in text for act in ACTS)
    assert all(f"| `{state.value}` |" in text for state in STATE_NAMES)
    assert {role for act in ACTS for role in act.roles} <= set(ROLES)
    assert {need for act in ACTS for need in act.needs} <= set(NEEDS)
