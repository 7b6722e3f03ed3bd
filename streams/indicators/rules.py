"""The rules of the four-part score (四维考评), read from a TOML file: post 岗位赋分, module 模块评分, team 组团积分 and
task-force points 专班计分. Weights and points are configuration; `data/score.toml` says what each key means."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from streams import workflow
from streams.errors import BadSetting
from streams.matters import Matters
from streams.tables import accepted, read_toml, rows

PartName = Literal["post", "module", "team", "task_force"]
To = Literal["person", "squad", "grid", "department"]
PARTS: tuple[PartName, ...] = ("post", "module", "team", "task_force")
TO: tuple[To, ...] = ("person", "squad", "grid", "department")
Named = Annotated[str, msgspec.Meta(min_length=1)]
Points = Annotated[float, msgspec.Meta(ge=-1000, le=1000)]
Weight = Annotated[float, msgspec.Meta(ge=0, le=1000)]


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of the four parts; its points count `weight` times."""

    key: PartName
    name: Named
    name_en: Named
    weight: Weight = 1.0


class Module(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much the points of the part `module` count in one module of the catalogue."""

    key: Named
    weight: Weight


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For which act who gets how many points; the rest are conditions, all of which must hold."""

    key: Named
    part: PartName
    name: Named
    name_en: Named
    act: Named
    to: To
    points: Points
    clock: Literal["", "respond", "arrive", "handle", "check_in"] = ""
    late: bool = False
    scores: tuple[Annotated[int, msgspec.Meta(ge=1, le=5)], ...] = ()
    modules: tuple[str, ...] = ()
    priorities: tuple[Annotated[int, msgspec.Meta(ge=1, le=4)], ...] = ()
    posts: tuple[str, ...] = ()


class Rules(msgspec.Struct, frozen=True):
    """Parts and rules by key, weights of modules by the key of the module."""

    parts: Mapping[str, Part]
    modules: Mapping[str, Module]
    rules: Mapping[str, Rule]


def load_rules(path: Path, matters: Matters, *, shipped: bool = False) -> Rules:
    """The rules of the file; raises BadSetting naming file, row, value and what is accepted. `shipped`: the rules of
    the release, which go with any catalogue: a module that this one does not have weighs nothing."""
    doc = read_toml(path, "GRIDPOST_SCORE", ("part", "module", "rule"))
    found = Rules(
        rows(path, doc, "part", Part, "key"), rows(path, doc, "module", Module, "key"),
        rows(path, doc, "rule", Rule, "key"),
    )  # fmt: skip
    if missing := set(PARTS) - set(found.parts):
        raise BadSetting(f"{path}: [[part]] {min(missing)!r} is missing; give all of {', '.join(PARTS)}")
    modules = {*matters.modules, *found.modules} if shipped else set(matters.modules)
    for rule in found.rules.values():
        _check(path, rule, modules)
    for module in found.modules:
        _known(path, f"[[module]] {module!r}: key", module, modules)
    return found


def _check(path: Path, rule: Rule, modules: Collection[str]) -> None:
    where = f"[[rule]] {rule.key!r}:"
    _known(path, f"{where} act", rule.act, workflow.BY_NAME)
    for module in rule.modules:
        _known(path, f"{where} modules", module, modules)
    if rule.scores and rule.act != "rate":
        raise BadSetting(f"{path}: {where} scores = {list(rule.scores)} goes with act = 'rate', not {rule.act!r}")
    if rule.late and not rule.clock:
        raise BadSetting(f"{path}: {where} late = true needs the clock that was missed; give clock")


def _known(path: Path, where: str, value: str, known: Collection[str]) -> None:
    if value not in known:
        raise BadSetting(f"{path}: {where} = {value!r} is unknown; use one of {accepted(known)}")
