"""One visit instead of several: what is joined, and who leads."""

from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from streams.visits import Check, visits

MONDAY, TUESDAY = date(2026, 11, 23), date(2026, 11, 24)
CHECKS = st.builds(
    Check,
    id=st.uuids().map(str),
    target=st.sampled_from(["T-1", "T-2", "T-3"]),
    day=st.sampled_from([MONDAY, TUESDAY]),
    department=st.sampled_from(["market", "fire", "ecology"]),
    matter=st.sampled_from(["", "smoke", "food"]),
)
LEADS = {"smoke": "fire", "food": "market"}


def test_checks_of_two_departments_on_one_target_and_day_are_one_visit() -> None:
    """Another day, another target, or the same department again is no reason for a joint visit."""
    joined = (Check("1", "T-1", MONDAY, "market"), Check("2", "T-1", MONDAY, "fire"))
    alone = (
        Check("3", "T-1", TUESDAY, "fire"), Check("4", "T-2", MONDAY, "fire"),
        Check("5", "T-3", MONDAY, "fire"), Check("6", "T-3", MONDAY, "fire"),
    )  # fmt: skip
    (visit,) = visits((*joined, *alone))
    assert (visit.target, visit.day, visit.checks) == ("T-1", MONDAY, joined)


def test_the_lead_of_the_matter_leads_when_it_takes_part() -> None:
    """Else most checks, then the first code."""
    both = [Check("1", "T-1", MONDAY, "ecology", "food"), Check("2", "T-1", MONDAY, "market")]
    assert visits(both, LEADS)[0].departments == ("market", "ecology")
    assert visits(both)[0].lead == "ecology"
    assert visits([*both, Check("3", "T-1", MONDAY, "market")])[0].lead == "market"
    elsewhere = [Check("1", "T-1", MONDAY, "ecology", "smoke"), Check("2", "T-1", MONDAY, "market")]
    assert visits(elsewhere, LEADS)[0].lead == "ecology"


@given(st.lists(CHECKS, max_size=20))
def test_no_check_is_lost_or_offered_twice(checks: list[Check]) -> None:
    """Joined are exactly the checks whose target sees another department that day, in any order of the list."""
    found = visits(checks, LEADS)
    joined = [check for visit in found for check in visit.checks]
    other = [
        check for check in checks
        if any((it.target, it.day) == (check.target, check.day) and it.department != check.department for it in checks)
    ]  # fmt: skip
    assert sorted(joined, key=lambda check: check.id) == sorted(other, key=lambda check: check.id)
    assert found == visits(list(reversed(checks)), LEADS)
    for visit in found:
        assert visit.lead == visit.departments[0]
        assert set(visit.departments) == {check.department for check in visit.checks}
        assert len(visit.departments) == len(set(visit.departments)) > 1
