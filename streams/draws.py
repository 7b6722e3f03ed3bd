"""Double random (双随机): which targets are checked, and by whom, as a rule that anyone can repeat.

A draw that is trusted must be repeatable by those who do not trust us, in any language, with nothing but its log.
So there is no random generator here, whose inner workings would have to be copied: everything is put in the order
of SHA-256 over a short text of the seed, a word and an id. Version 1 of `sha256-order`, exactly:

1. `rank(parts)` is the SHA-256, in small hexadecimal digits, of the parts joined by `|`, in UTF-8. Texts are taken
   byte by byte: no locale, no Unicode normalisation, no change of case.
2. The targets in ascending order of `rank(seed, "target", target)`; the first `count` are drawn, in that order.
3. Each drawn target is visited by every department it names (by one group of any department, when it names none).
   An inspector may go when he is of the department and does not avoid the target (回避).
4. The groups choose one after another: those with the fewest inspectors who may go first, equal ones in the order
   of step 2 and of the target's departments. A group takes the `per_target` inspectors who may go with the fewest
   groups so far; of equals those with the smallest `rank(seed, "inspector", target, inspector)`.

Where everybody may go everywhere, the loads so differ by at most 1. Choosing for the hard targets first keeps them
close where some must stay away; the order stays one that a person can follow, which a matching is not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from hashlib import sha256

import msgspec

from streams.errors import BadSetting

ALGORITHM = "sha256-order"
VERSION = 1
SEPARATOR = "|"


class DrawRefused(BadSetting):
    """Inputs with which no draw is possible; says which value and what to change."""


class Target(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What may be checked. `departments`: who checks it; none: anybody. `day` (YYYY-MM-DD), `grid`, `lon` and `lat`
    (WGS 84 degrees) are for the people who go there: the draw does not look at them."""

    id: str
    name: str
    departments: tuple[str, ...] = ()
    day: str = ""
    grid: str = ""
    lon: float | None = None
    lat: float | None = None


class Inspector(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who may check. `avoids`: ids of the targets he has to stay away from, because of a conflict of interest."""

    id: str
    name: str
    department: str
    avoids: tuple[str, ...] = ()


class Inputs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that decides a draw but its seed. `per_target`: inspectors for each department of a target."""

    targets: tuple[Target, ...]
    inspectors: tuple[Inspector, ...]
    count: int
    per_target: int = 2


class Drawn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One drawn target and who goes there, by id, department after department."""

    target: str
    inspectors: tuple[str, ...]


Group = tuple[Target, str]
"""The inspectors of one department (empty: of any) on one target."""


def draw(inputs: Inputs, seed: str) -> tuple[Drawn, ...]:
    """The drawn targets in the order of the draw. The order of the lists does not matter. Raises DrawRefused."""
    refuse_seed(seed)
    check(inputs)
    ranked = sorted(inputs.targets, key=lambda target: rank(seed, "target", target.id))
    drawn = ranked[: inputs.count]
    groups = [group for target in drawn for group in _groups(target)]
    may_go = {_key(group): _may_go(group, inputs.inspectors) for group in groups}
    load = Counter[str]()
    chosen: dict[tuple[str, str], tuple[str, ...]] = {}
    for group in sorted(groups, key=lambda group: len(may_go[_key(group)])):
        chosen[_key(group)] = _choose(group[0].id, may_go[_key(group)], load, inputs.per_target, seed)
        load.update(chosen[_key(group)])
    return tuple(
        Drawn(target.id, tuple(each for group in _groups(target) for each in chosen[_key(group)])) for target in drawn
    )


def rank(*parts: str) -> str:
    """Where something stands in the order: the SHA-256 of the parts, joined by `|`, in UTF-8, in hexadecimal."""
    return sha256(SEPARATOR.join(parts).encode()).hexdigest()


def loads(inspectors: Iterable[Inspector], result: Iterable[Drawn]) -> dict[str, int]:
    """How many of the drawn targets each inspector has, those with none too."""
    counted = Counter(inspector for drawn in result for inspector in drawn.inspectors)
    return {inspector.id: counted[inspector.id] for inspector in inspectors}


def check(inputs: Inputs) -> None:
    """Refuse what no draw can be made of, whichever targets the seed would choose: if it depended on the seed,
    somebody could draw again until it suits. Raises DrawRefused."""
    _refuse_ids("target", [target.id for target in inputs.targets])
    _refuse_ids("inspector", [inspector.id for inspector in inputs.inspectors])
    if inputs.per_target < 1:
        raise DrawRefused(f"{inputs.per_target} inspectors for a target are too few: give 1 or more.")
    if not 1 <= inputs.count <= len(inputs.targets):
        raise DrawRefused(
            f"{inputs.count} of {len(inputs.targets)} targets cannot be drawn: "
            f"give a count of 1 to {len(inputs.targets)}, or list more targets."
        )
    for target in inputs.targets:
        if len(set(target.departments)) != len(target.departments):
            raise DrawRefused(f"Target {target.id!r} names a department twice: name each once.")
        for group in _groups(target):
            able = len(_may_go(group, inputs.inspectors))
            if able < inputs.per_target:
                of = f" of department {group[1]!r}" if group[1] else ""
                raise DrawRefused(
                    f"Target {target.id!r} needs {inputs.per_target} inspectors{of}, but only {able} may go: "
                    "list more inspectors, ask for fewer, or take the target off the list."
                )


def refuse_seed(seed: str) -> None:
    """Refuse a seed that two people could read or type differently. Raises DrawRefused."""
    if not seed or not seed.isprintable() or seed != seed.strip():
        raise DrawRefused(f"The seed {seed!r} is refused: use printable characters, with no space at either end.")


def _refuse_ids(what: str, ids: Sequence[str]) -> None:
    for each, times in Counter(ids).items():
        if times > 1:
            raise DrawRefused(f"The {what} {each!r} is listed {times} times: give every {what} its own id.")
        refused = id_refused(each)
        if refused:
            raise DrawRefused(f"The {what} id {each!r} is refused: {refused}.")


def id_refused(text: str) -> str:
    """What to do about an id that would make a rank or a list of ids ambiguous; empty when it is fine."""
    if not text.isprintable() or text != text.strip() or not text or SEPARATOR in text or ";" in text:
        return "use printable characters without '|' and ';', with no space at either end"
    return ""


def _groups(target: Target) -> list[Group]:
    return [(target, department) for department in target.departments or ("",)]


def _key(group: Group) -> tuple[str, str]:
    return group[0].id, group[1]


def _may_go(group: Group, inspectors: Iterable[Inspector]) -> list[Inspector]:
    target, department = group
    return [each for each in inspectors if department in ("", each.department) and target.id not in each.avoids]


def _choose(target: str, able: list[Inspector], load: Counter[str], wanted: int, seed: str) -> tuple[str, ...]:
    in_order = sorted(able, key=lambda each: (load[each.id], rank(seed, "inspector", target, each.id)))
    return tuple(each.id for each in in_order[:wanted])
