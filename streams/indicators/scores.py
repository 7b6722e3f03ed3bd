"""The four-part score (四维考评) over a span: every point with the act behind it, and their sums.

Points are worked out from the trace and the cases whenever they are asked for, never added up on the way. They belong
to a person (a patrol), a squad, a grid or a department; a squad has its own and those of its people.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

import pyarrow as pa

from streams.errors import Refused
from streams.indicators.counting import Source, Span, bounds, run_base
from streams.indicators.groups import Names, Site, group
from streams.indicators.rules import PARTS, TO, Rules

KINDS = ("acts", "cases")
OF_SQUAD = """
    SELECT points.*, CASE kind WHEN 'person' THEN persons.squad ELSE who END AS score_of
    FROM points LEFT JOIN persons ON kind = 'person' AND persons.id = who
    WHERE kind = 'squad' OR kind = 'person' AND coalesce(persons.squad, '') <> ''
"""
"""The points of squads: their own, and those of their people."""


class Score(NamedTuple):
    """The points of one person, squad, grid or department: part -> sum, and all of them."""

    who: str
    parts: dict[str, float]
    total: float
    points: int


class Point(NamedTuple):
    """One point, or several at once. `id`: the stream id of the act behind it; `to` and `who`: whose they are; `text`:
    why, of a correction."""

    id: str
    at: datetime
    no: str
    act: str
    by: str
    part: str
    rule: str
    to: str
    who: str
    points: float
    text: str


def names(site: Site, by: str) -> Names:
    """Names of those whose score it is, in both languages."""
    return group(site, {"person": "patrol"}.get(by, by)).names


def scores(source: Source, span: Span, site: Site, rules: Rules, by: str) -> list[Score]:
    """The score of each that has one, the highest first. Refused for an unknown `by`."""
    with _points(source, span, site, rules) as found:
        rows = found.execute(
            f"SELECT score_of, part, sum(points), count(*) FROM ({_of(by)}) GROUP BY ALL ORDER BY ALL"
        ).fetchall()
    whole: dict[str, dict[str, float]] = {}
    counted: dict[str, int] = {}
    for who, part, points, count in rows:
        whole.setdefault(who, dict.fromkeys(PARTS, 0.0))[part] = points
        counted[who] = counted.get(who, 0) + count
    made = [Score(who, parts, sum(parts.values()), counted[who]) for who, parts in whole.items()]
    return sorted(made, key=lambda score: (-score.total, score.who))


def points_of(source: Source, span: Span, site: Site, rules: Rules, by: str, who: str) -> list[Point]:
    """Every point of one score, in the order of the acts behind them."""
    with _points(source, span, site, rules) as found:
        rows = found.execute(
            f"""SELECT ms || '-' || seq, moment, no, act, "by", part, rule, kind, who, points, text
                FROM ({_of(by)}) p WHERE score_of = ? ORDER BY ms, seq, rule""",
            [who],
        ).fetchall()
    return [Point(*row) for row in rows]


def _of(by: str) -> str:
    if by not in TO:
        raise Refused("unknown_group", f"by={by!r} is unknown: use one of {', '.join(TO)}")
    return OF_SQUAD if by == "squad" else f"SELECT *, who AS score_of FROM points WHERE kind = '{by}'"


def _points(source: Source, span: Span, site: Site, rules: Rules) -> Any:
    """A connection with the table of points; to be closed."""
    connection = source.open(span.days(source.tz), KINDS)
    bounds(connection, span, source.tz)
    text, ints = pa.list_(pa.string()), pa.list_(pa.int64())
    kinds = {"scores": ints, "priorities": ints, "modules": text, "posts": text, "points": pa.float64(),
             "late": pa.bool_()}  # fmt: skip
    columns = ("key", "part", "act", "to", "points", "clock", "late", *("scores", "modules", "priorities", "posts"))
    connection.register("rules", pa.table({
        name: pa.array([_plain(getattr(rule, name)) for rule in rules.rules.values()], kinds.get(name, pa.string()))
        for name in columns
    }))  # fmt: skip
    for name, weights in (
        ("parts", {key: part.weight for key, part in rules.parts.items()}),
        ("weights", {key: module.weight for key, module in rules.modules.items()}),
    ):
        connection.register(name, pa.table({
            "key": pa.array(list(weights), pa.string()), "weight": pa.array(list(weights.values()), pa.float64()),
        }))  # fmt: skip
    texts = {
        "matters": (("key", "module", "lead"), site.matters.matters.values()),
        "persons": (("id", "squad", "post"), site.register.patrols.values()),
    }
    for table, (fields, of) in texts.items():
        made = {field: pa.array([getattr(each, field) for each in of], pa.string()) for field in fields}
        connection.register(table, pa.table(made))
    return run_base(connection, "points")


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
