"""What the daily report adds up to: every state in the funnel, the inflow reconciled, the announcements, the seal."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from app.labels import Lang
from app.views import daily, daily_charts
from streams.model import State
from streams.scoring import Announced
from tests.app.test_views import a_case, a_report, texts


@pytest.mark.parametrize("state", list(State), ids=lambda state: str(state.value))
def test_every_state_has_its_place_in_the_funnel_and_in_the_sum(state: State) -> None:
    """A report of one case in any state is laid out, counts it once and adds up."""
    report = a_report([a_case(state=state)])
    assert report.figures.came_in.reconciles
    assert "两边不等" not in texts(daily.page(report, ""))


def test_rejected_merged_and_suspended_cases_are_named_beside_the_funnel() -> None:
    """They go no further; the sum has rejected and merged as parts of their own, suspended ones wait."""
    states = (State.REJECTED, State.MERGED, State.MERGED, State.SUSPENDED, State.CLOSED)
    report = a_report([replace(a_case(state=state), no=f"GP-{n}") for n, state in enumerate(states)])
    assert "作废 1 · 并案 2 · 缓办 1" in texts(daily_charts.funnel(report)[-1])
    assert texts(daily_charts.reconciled(report)) == "5 流入 = 1 已派遣 + 1 待办 + 1 作废 + 2 并案"


def test_the_eighth_step_counts_as_soon_as_somebody_rates() -> None:
    """Until then it has a dash and its reason."""
    assert "尚未开始评价" in texts(daily_charts.funnel(a_report([a_case(state=State.CLOSED)])))
    assert "尚未开始评价" not in texts(daily_charts.funnel(a_report([a_case(state=State.RATED)])))


def test_announcements_stand_beside_the_inflow() -> None:
    """Alerts, announced, settled and the share; a day without such an alert says so, with no rate."""
    report = a_report([])
    assert "没有这类事项" in texts(daily_charts.announced(report))
    counted = replace(report, figures=replace(report.figures, announced=Announced(41, 38, 29, 29 / 41)))
    said = texts(daily_charts.announced(counted))
    assert said == "41 先喊话事项的告警 → 38 已喊话 → 29 已劝离 = 70.73% 劝离率"


@pytest.mark.parametrize(("lang", "words"), [("zh", "SHA-256"), ("en", "gridpost cases verify --hash")])
def test_the_seal_of_the_day_stands_at_the_foot(lang: Lang, words: str) -> None:
    """The hash, of how many entries, and what it is good for; without one, that nothing was done."""
    report = replace(a_report([]), lang=lang)
    assert words not in texts(daily.foot(report))
    said = texts(daily.foot(replace(report, hash="ab" * 32, sealed=12)))
    assert "ab" * 32 in said
    assert "12" in said
    assert words in said
