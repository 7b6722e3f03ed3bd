"""The catalogue of matters (事项清单): what kind of case, who leads, which limits, what opens it.

A category of an alert or a report opens exactly one matter, so that no case has two leads (一件事).
Everything that would only show in the night when the alert comes (a category in two matters, a threshold
that clears above where it raises, a missing translation) is refused at start, with the file, the row, the
value and the accepted form.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from streams.clocks import Limit
from streams.errors import BadSetting
from streams.tables import read_toml, rows

Named = Annotated[str, msgspec.Meta(min_length=1)]
Degree = Annotated[int, msgspec.Meta(ge=1, le=4)]
Amount = Annotated[float, msgspec.Meta(ge=0)]
FenceRule = Literal["left_district", "standing_still", "border_crossing"]

TABLES = ("board", "module", "matter", "threshold", "silence", "fence")
OTHER = "other"
"""The category of the fallback: the matter of reports that name a category nobody knows."""


class Board(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of the two ways to sort matters: 板块."""

    key: Named
    name: Named
    name_en: Named


class Module(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The other way to sort matters: 模块."""

    key: Named
    name: Named
    name_en: Named


class Matter(msgspec.Struct, frozen=True):
    """One entry of the catalogue.

    `priority` None: by severity. `merge_radius` metres and `merge_minutes`: what happens so near and so soon
    belongs to the open case. `announce`: loudspeakers speak first, the alert is looked at again after
    `recheck` seconds. `proof`: the feedback needs a picture.
    """

    key: str
    name: str
    name_en: str
    board: str
    module: str
    priority: int | None
    lead: str
    helpers: tuple[str, ...]
    standard: str
    standard_en: str
    post: str
    clocks: Mapping[str, Limit]
    merge_radius: float
    merge_minutes: float
    opens_on: tuple[str, ...]
    announce: bool
    announce_text: str
    announce_text_en: str
    recheck: float
    skills: tuple[str, ...]
    proof: bool = False


class Threshold(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"raise_at": "raise", "clear_at": "clear"}
):
    """A rule for readings of one quantity: raised at `raise_at`, cleared at `clear_at`, each after `hold`
    seconds."""

    quantity: Named
    raise_at: float
    clear_at: float
    direction: Literal["above", "below"]
    category: Named
    severity: Degree
    hold: Amount = 0.0


class Silence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rule for what falls silent: no sign of life for `after` seconds."""

    kind: Literal["camera", "sensor", "patrol"]
    after: Annotated[float, msgspec.Meta(gt=0)]
    category: Named
    severity: Degree


class Fence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rule for what moves, of the `kinds` it names. It says something after `dwell` seconds.

    `left_district`: outside by more than its accuracy and `metres`; who was at a case has `grace` seconds to come
    back. `standing_still`: no movement beyond its accuracy and not beyond `metres`; the `posts` stand by trade.
    `border_crossing`: beyond a border line by more than its accuracy and `metres`. `on_duty`: only those on duty.
    """

    rule: FenceRule
    kinds: Annotated[tuple[Literal["person", "vehicle", "vessel"], ...], msgspec.Meta(min_length=1)]
    dwell: Annotated[float, msgspec.Meta(gt=0)]
    metres: Amount
    category: Named
    severity: Degree
    on_duty: bool = True
    grace: Amount = 0.0
    posts: tuple[Named, ...] = ()


class Matters(msgspec.Struct, frozen=True):
    """The catalogue. `fallback` opens for reports of unknown categories; thresholds by quantity, silences
    by kind, fences by rule."""

    boards: Mapping[str, Board]
    modules: Mapping[str, Module]
    matters: Mapping[str, Matter]
    by_category: Mapping[str, Matter]
    thresholds: Mapping[str, Threshold]
    silences: Mapping[str, Silence]
    fallback: Matter
    fences: Mapping[FenceRule, Fence] = msgspec.field(default_factory=dict)


class _Merge(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    radius: Amount
    minutes: Amount


class _Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A `[[matter]]` as the file writes it."""

    key: Named
    name: Named
    name_en: Named
    board: str
    module: str
    lead: Named
    standard: Named
    standard_en: Named
    post: Named
    clocks: dict[Literal["respond", "arrive", "handle", "check_in", "settle"], str]
    merge: _Merge
    opens_on: tuple[Named, ...]
    helpers: tuple[Named, ...] = ()
    skills: tuple[Named, ...] = ()
    priority: Degree | None = None
    announce: bool = False
    announce_text: str = ""
    announce_text_en: str = ""
    recheck: Amount = 0.0
    proof: bool = False


def load_matters(path: Path | str) -> Matters:
    """The catalogue in a TOML file; raises BadSetting naming the file, the row, the key, the value and
    what is accepted."""
    path = Path(path)
    doc = read_toml(path, "GRIDPOST_MATTERS", TABLES)
    boards, modules = rows(path, doc, "board", Board, "key"), rows(path, doc, "module", Module, "key")
    written = rows(path, doc, "matter", _Row, "key")
    matters = {key: _matter(path, row, boards, modules) for key, row in written.items()}
    by_category = _by_category(path, matters.values())
    if OTHER not in by_category:
        raise BadSetting(
            f"{path}: no matter opens on {OTHER!r}; give one matter opens_on = [{OTHER!r}], "
            f"reports of unknown categories go there"
        )
    thresholds = rows(path, doc, "threshold", Threshold, "quantity")
    silences = rows(path, doc, "silence", Silence, "kind")
    fences = {fence.rule: fence for fence in rows(path, doc, "fence", Fence, "rule").values()}
    for threshold in thresholds.values():
        _check_threshold(path, threshold)
    for table, rules in (("threshold", thresholds), ("silence", silences), ("fence", fences)):
        for rule in rules.values():
            _check_opens(path, table, rule.category, by_category)
    return Matters(boards, modules, matters, by_category, thresholds, silences, by_category[OTHER], fences)


def _matter(
    path: Path | str, row: _Row, boards: Mapping[str, Board], modules: Mapping[str, Module]
) -> Matter:
    where = f"{path}: [[matter]] {row.key!r}"
    for key, value, known in (("board", row.board, boards), ("module", row.module, modules)):
        if value not in known:
            raise BadSetting(f"{where}: {key} = {value!r} is unknown; known are {', '.join(known) or 'none'}")
    if missing := {"respond", "handle"} - set(row.clocks):
        raise BadSetting(
            f"{where}: clocks lacks {min(missing)!r}; every case has a time to respond and to handle"
        )
    if row.announce and not (row.announce_text and row.announce_text_en and row.recheck):
        raise BadSetting(
            f"{where}: announce = true needs announce_text, announce_text_en and recheck in seconds"
        )
    clocks: dict[str, Limit] = {}
    for name, text in row.clocks.items():
        try:
            clocks[name] = Limit.parse(text)
        except BadSetting as error:
            raise BadSetting(f"{where}: clocks.{name}: {error}") from error
    same = {name: getattr(row, name) for name in row.__struct_fields__ if name not in ("clocks", "merge")}
    return Matter(**same, clocks=clocks, merge_radius=row.merge.radius, merge_minutes=row.merge.minutes)


def _by_category(path: Path | str, matters: Iterable[Matter]) -> dict[str, Matter]:
    found: dict[str, Matter] = {}
    for matter in matters:
        for category in matter.opens_on:
            if category in found:
                raise BadSetting(
                    f"{path}: category {category!r} opens {found[category].key!r} and {matter.key!r}; "
                    f"a category opens one matter, so that a case has one lead"
                )
            found[category] = matter
    return found


def _check_threshold(path: Path | str, rule: Threshold) -> None:
    """Raise and clear must differ and lie on the right sides, or a value on the edge flutters."""
    above = rule.direction == "above"
    if (rule.clear_at < rule.raise_at) if above else (rule.clear_at > rule.raise_at):
        return
    raise BadSetting(
        f"{path}: [[threshold]] {rule.quantity!r}: clear = {rule.clear_at:g} is on the wrong side of "
        f"raise = {rule.raise_at:g}; with direction = {rule.direction!r} clear is "
        f"{'below' if above else 'above'} raise"
    )


def _check_opens(path: Path | str, table: str, category: str, by_category: Mapping[str, Matter]) -> None:
    """A rule of a category that opens no matter would raise alerts to which nobody is sent."""
    if category not in by_category:
        raise BadSetting(
            f"{path}: [[{table}]] category = {category!r} opens no matter; put it into the opens_on of one"
        )
