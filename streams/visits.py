"""One visit instead of several (综合查一次): checks of several departments on one target on one day.

An offer, not an act: the departments decide. One department that comes twice on a day is its own affair and no
joint visit; its checks are joined when another department comes too.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

NO_LEADS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Check:
    """One planned check of a target by a department; `matter` is a key of the catalogue, or empty."""

    id: str
    target: str
    day: date
    department: str
    matter: str = ""


@dataclass(frozen=True, slots=True)
class Visit:
    """An offered joint visit; `departments` begins with the proposed `lead`."""

    target: str
    day: date
    lead: str
    departments: tuple[str, ...]
    checks: tuple[Check, ...]


def visits(checks: Iterable[Check], leads: Mapping[str, str] = NO_LEADS) -> tuple[Visit, ...]:
    """The joint visits that the checks allow, by day, then target. `leads`: the lead department of each matter.

    The lead: each check speaks for the department that leads its matter, if that takes part; if none does, each
    speaks for its own department. Most voices lead, of equals the first in the order of their codes. The order of
    the checks does not matter.
    """
    together: defaultdict[tuple[date, str], list[Check]] = defaultdict(list)
    for check in sorted(checks, key=lambda check: check.id):
        together[check.day, check.target].append(check)
    return tuple(
        _visit(joined, leads)
        for _, joined in sorted(together.items())
        if len({check.department for check in joined}) > 1
    )


def _visit(joined: list[Check], leads: Mapping[str, str]) -> Visit:
    taking_part = {check.department for check in joined}
    voices = Counter(leads[check.matter] for check in joined if leads.get(check.matter) in taking_part)
    voices = voices or Counter(check.department for check in joined)
    lead = min(voices, key=lambda department: (-voices[department], department))
    departments = (lead, *sorted(taking_part - {lead}))
    return Visit(joined[0].target, joined[0].day, lead, departments, tuple(joined))
