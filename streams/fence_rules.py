"""The rules of fences, pure: who left its district, who stands still, who crossed a border line.

A fix counts only with its accuracy, and nothing is said at one fix: what a fix says must hold for the rule's `dwell`,
by the times of the fixes, so that neither the drift of a GPS nor a walk along a border raises anything. Between, on
the edge, nothing is decided: that ends what has not held yet, and leaves standing what stands. What was said is an
episode, named after the fix it began with, so whoever works it out again gives it the same name.

A patrol that is not heard any more is silence's matter: fixes older than 5 minutes say nothing, and an hour without a
fix means that nothing has held. Off duty, or sent to a case, a patrol is excused, and what stood against it ends.

Columns of numbers are worked out for all patrols at once; the few lines that follow per patrol are cheap.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, NamedTuple

import numpy as np
from msgspec.structs import replace

from geo.fences import Border, Direction, Districts, Floats, Grounds
from geo.lattice import METRES_PER_DEGREE
from streams.codec import millis
from streams.fence_model import Crossing, Memory, Outing, Rest, Said, Sight
from streams.matters import Fence, FenceRule
from streams.model import Patrol

FRESH_MS = 5 * 60_000
GAP_MS = 3_600_000
REMEMBER_MS = 10 * 60_000
"""How far the time of the last fix may run ahead of what is remembered of it, to spare writes."""
UNSAID, VAGUE = 30.0, 200.0
"""Metres: the accuracy of a fix that does not say it, and the one beyond which a fix says nothing."""


class Turn(NamedTuple):
    """One patrol to be judged. `clear`: its fix is fresh and precise enough to say anything; `gap`: nothing holds
    from the fix before to this one; `accuracy` in metres."""

    patrol: Patrol
    sight: Sight
    memory: Memory
    clear: bool
    gap: bool
    accuracy: float


def judge(
    rules: Mapping[FenceRule, Fence], grounds: Grounds, patrols: Sequence[Patrol], sights: Sequence[Sight],
    memories: Sequence[Memory], now: datetime,
) -> list[Memory]:  # fmt: skip
    """What is to be remembered of each patrol after its last fix, with in `say` what is to be said; the same memory
    where nothing changed. Three columns of one length; harmless to repeat with the same fixes."""
    at = millis(now)
    turns = [_turn(*each, at) for each in zip(patrols, sights, memories, strict=True)]
    said: list[list[Said]] = [[] for _ in turns]
    outings = _outings(rules.get("left_district"), grounds.districts, turns, said)
    rests = _rests(rules.get("standing_still"), turns, said)
    crossings = _crossings(rules.get("border_crossing"), grounds.borders, turns, said)
    return [_after(*each) for each in zip(turns, outings, rests, crossings, said, strict=True)]


def _turn(patrol: Patrol, sight: Sight, memory: Memory, now: int) -> Turn:
    accuracy = sight.accuracy if sight.accuracy >= 0 else UNSAID
    clear = accuracy <= VAGUE and now - sight.at <= FRESH_MS
    return Turn(patrol, sight, memory, clear, sight.at - memory.at > GAP_MS, accuracy)


def _after(
    turn: Turn, outing: Outing | None, rest: Rest | None, borders: dict[str, Crossing], said: list[Said]
) -> Memory:
    memory, at = turn.memory, turn.sight.at
    sent = at if turn.sight.case else memory.sent
    same = outing == memory.outing and rest == memory.rest and borders == memory.borders and sent == memory.sent
    if same and not said and at - memory.at <= REMEMBER_MS:
        return memory
    return Memory(at, sent, outing, rest, borders, tuple(said))


def _outings(
    rule: Fence | None, districts: Districts, turns: Sequence[Turn], said: list[list[Said]]
) -> list[Outing | None]:
    """Left the district, and back in it."""
    found = [turn.memory.outing for turn in turns]
    if rule is None:
        return found
    asked: list[int] = []
    for n, turn in enumerate(turns):
        if turn.patrol.kind not in rule.kinds or not turn.patrol.district or _excused(rule, turn):
            _excuse(rule.rule, found[n], turn, said[n])
            found[n] = None
        elif turn.clear:
            asked.append(n)
    lons, lats = _places(turns, asked)
    beyond = districts.beyond([turns[n].patrol.district for n in asked], lons, lats)
    for n, metres in zip(asked, beyond.tolist(), strict=True):
        outside = metres - turns[n].accuracy - rule.metres
        if found[n] is not None or outside > 0:
            found[n] = _outing(rule, found[n] or Outing(), turns[n], metres, outside > 0, said[n])
    return found


def _excused(rule: Fence, turn: Turn) -> bool:
    """Off duty, sent to a case, or on the way back from one. Who comes for a department goes where the whistle calls,
    which is no dispatch: no district binds it."""
    sight = turn.sight
    if turn.patrol.department:
        return True
    if (rule.on_duty and sight.duty != "on_duty") or sight.case:
        return True
    return bool(turn.memory.sent) and sight.at - turn.memory.sent < rule.grace * 1000


def _outing(rule: Fence, state: Outing, turn: Turn, metres: float, outside: bool, said: list[Said]) -> Outing | None:
    if state.raised and metres > 0.0 and not outside:
        return state  # on the edge it is not back, and what it has of the way back stays
    if outside == bool(state.raised):
        return Outing(raised=state.raised) if state.raised else None
    since = _since(state.since, turn)
    if not _held(since, turn, rule):
        return Outing(since, state.raised)
    if state.raised:
        said.append(_said(rule.rule, state.raised, "end", turn))
        return None
    name = f"{rule.rule}-{since}"
    said.append(_said(rule.rule, name, "new", turn, metres=round(metres)))
    return Outing(raised=name)


def _rests(rule: Fence | None, turns: Sequence[Turn], said: list[list[Said]]) -> list[Rest | None]:
    """Standing still, and moving again."""
    found = [turn.memory.rest for turn in turns]
    if rule is None:
        return found
    asked: list[int] = []
    for n, turn in enumerate(turns):
        stands_by_trade = turn.patrol.post in rule.posts or turn.patrol.kind not in rule.kinds
        on_duty = turn.sight.duty == "on_duty" or not rule.on_duty
        if stands_by_trade or not on_duty or turn.sight.sub == "scene":
            _excuse(rule.rule, found[n], turn, said[n])
            found[n] = None
        elif turn.clear:
            asked.append(n)
    for n, metres in zip(asked, _moved(turns, asked).tolist(), strict=True):
        found[n] = _rest(rule, found[n], turns[n], metres, said[n])
    return found


def _rest(rule: Fence, state: Rest | None, turn: Turn, metres: float, said: list[Said]) -> Rest:
    sight = turn.sight
    if state is None or (turn.gap and not state.raised):
        return Rest(sight.lon, sight.lat, turn.accuracy, sight.at)
    # both ends of the way are as vague as their accuracies
    if metres > max(rule.metres, state.accuracy + turn.accuracy):
        if not state.away:
            return replace(state, away=sight.at)
        if sight.at == state.away:
            return state
        if state.raised:
            said.append(_said(rule.rule, state.raised, "end", turn, metres=round(metres)))
        return Rest(sight.lon, sight.lat, turn.accuracy, sight.at)
    if not state.raised and _held(state.since, turn, rule):
        name = f"{rule.rule}-{state.since}"
        said.append(_said(rule.rule, name, "new", turn))
        return replace(state, away=0, raised=name)
    return replace(state, away=0) if state.away else state


def _crossings(
    rule: Fence | None, borders: Sequence[Border], turns: Sequence[Turn], said: list[list[Said]]
) -> list[dict[str, Crossing]]:
    """Over a border line, and back."""
    found = [turn.memory.borders for turn in turns]
    if rule is None:
        return found
    asked = [
        n for n, turn in enumerate(turns)
        if turn.clear and turn.patrol.kind in rule.kinds and (turn.sight.duty == "on_duty" or not rule.on_duty)
    ]  # fmt: skip
    lons, lats = _places(turns, asked)
    for border in borders if asked else ():
        for n, signed in zip(asked, border.sides(lons, lats).tolist(), strict=True):
            before = found[n].get(border.id)
            after = _crossing(rule, border, before or Crossing(), turns[n], signed, said[n])
            if after != before:
                found[n] = {**found[n], border.id: after}
    return found


def _crossing(rule: Fence, border: Border, state: Crossing, turn: Turn, signed: float, said: list[Said]) -> Crossing:
    target = 0 if signed != signed else 1 if signed > 0 else -1  # NaN: beside an end, where there is no side
    on_the_line = target != 0 and abs(signed) <= turn.accuracy + rule.metres
    if on_the_line or target == state.side:
        return replace(state, to=0, since=0) if state.since else state
    since = _since(state.since if state.to == target else 0, turn)
    if not _held(since, turn, rule):
        return replace(state, to=target, since=since)
    kept = Crossing(side=target, home=state.home, raised=state.raised)
    direction: Direction = "in" if target > 0 else "out"
    told = {"metres": round(abs(signed)), "border": border.id, "direction": direction} if target else {}
    if state.raised and target == state.home:
        said.append(_said(rule.rule, state.raised, "end", turn, **told))  # type: ignore[arg-type]  # as told above
        return Crossing(side=target)
    if state.raised or not target or not state.side or border.watch not in ("both", direction):
        return kept
    name = f"{rule.rule}-{border.id}-{since}"
    said.append(_said(rule.rule, name, "new", turn, **told))  # type: ignore[arg-type]  # as told above
    return Crossing(side=target, home=state.side, raised=name)


def _since(since: int, turn: Turn) -> int:
    """When what this fix says began: with the first fix that said so, if nothing interrupted it."""
    return since if since and not turn.gap else turn.sight.at


def _held(since: int, turn: Turn, rule: Fence) -> bool:
    """Whether what began with one fix is still so at another, long enough after it."""
    return turn.sight.at > since and turn.sight.at - since >= rule.dwell * 1000


def _excuse(rule: FenceRule, state: Outing | Rest | None, turn: Turn, said: list[Said]) -> None:
    """Nothing is asked of this patrol (any more): what stands against it ends."""
    if state is not None and state.raised:
        said.append(_said(rule, state.raised, "end", turn))


def _said(
    rule: FenceRule, name: str, phase: Literal["new", "end"], turn: Turn, metres: float = 0.0, border: str = "",
    direction: Direction | None = None,
) -> Said:  # fmt: skip
    sight = turn.sight
    return Said(rule, name, phase, sight.at, sight.lon, sight.lat, metres, border, direction)


def _places(turns: Sequence[Turn], asked: Sequence[int]) -> tuple[Floats, Floats]:
    """Columns lon, lat of those asked."""
    sights = [turns[n].sight for n in asked]
    return np.array([sight.lon for sight in sights]), np.array([sight.lat for sight in sights])


def _moved(turns: Sequence[Turn], asked: Sequence[int]) -> Floats:
    """Metres from where each of those asked rests; 0 for those that rest nowhere yet."""
    lons, lats = _places(turns, asked)
    rests = [turns[n].memory.rest or turns[n].sight for n in asked]
    from_lons, from_lats = np.array([rest.lon for rest in rests]), np.array([rest.lat for rest in rests])
    east = (lons - from_lons) * np.cos(np.radians(lats))
    moved: Floats = np.hypot(east, lats - from_lats) * METRES_PER_DEGREE
    return moved
