"""Fences: the clock worker's look at who moves where it should not, or does not move.

The rules are in `fence_rules`; what they remember is in `fence_model`, kept in Redis by `fence_memory`.

The order of a look makes each sentence heard once by everybody: what is to be said is first written into the memory of
the patrol, by whoever read the memory as it was; then recorded, under a name that makes a second record of it a
duplicate; then struck out. A worker that dies in between leaves it in the memory, and whoever looks next records it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from geo.fences import Border, Districts, Grounds
from geo.places import Position
from streams.codec import moment, to_json
from streams.desk import Desk
from streams.dispatch_queue import Tagged
from streams.fence_memory import Change, FenceMemory
from streams.fence_model import Memory, Said, Sight
from streams.fence_rules import judge
from streams.ingest import understand
from streams.model import Alert, Event

log = logging.getLogger(__name__)
_read_memory = msgspec.json.Decoder(Memory).decode


class Fences:
    """Looks after the fences of one site: the districts of its grids and its `borders`."""

    def __init__(self, desk: Desk, borders: Sequence[Border] = ()) -> None:
        self._desk = desk
        self._grounds = Grounds(Districts(desk.index.gridset), tuple(borders))
        self._borders = {border.id: border for border in borders}
        self._memory = FenceMemory(desk.queue)
        self._seen: dict[str, Sight] = {}
        kinds = {kind for rule in desk.matters.fences.values() for kind in rule.kinds}
        self._patrols = [patrol.id for patrol in desk.register.patrols.values() if patrol.kind in kinds]

    def look(self) -> None:
        """Look once. Harmless to repeat. Raises Unreachable when Redis does not answer; then look again."""
        sights = [s for s in self._memory.sights(self._patrols) if self._seen.get(s.id) != s]
        before = {sight.id: _recall(sight) for sight in sights}
        left = {sight.id: before[sight.id] for sight in sights if before[sight.id].say}
        asked = [sight for sight in sights if sight.id not in left]
        patrols = [self._desk.register.patrols[sight.id] for sight in asked]
        memories = [before[sight.id] for sight in asked]
        judged = judge(self._desk.matters.fences, self._grounds, patrols, asked, memories, self._desk.now())
        after = {
            sight.id: memory for sight, old, memory in zip(asked, memories, judged, strict=True) if memory is not old
        }
        texts = {sight.id: sight.memory for sight in sights}
        won = self._remember(texts, after)
        self._seen |= {s.id: replace(s, memory=texts[s.id]) for s in asked if s.id in won or s.id not in after}
        self._say(texts, left | {patrol: after[patrol] for patrol in won if after[patrol].say})

    def _say(self, texts: dict[str, str], memories: dict[str, Memory]) -> None:
        """Record what these memories hold to be said, then strike it out."""
        if not memories:
            return
        known = [
            (patrol, said)
            for patrol, memory in memories.items()
            for said in memory.say
            if said.rule in self._desk.matters.fences and (not said.border or said.border in self._borders)
        ]  # the catalogue and the borders may have changed since it was decided
        events = [self._event(patrol, said) for patrol, said in known]
        # the centre says it, not the patrol: it is no sign of life of the patrol's
        tagged = [Tagged(each.event, each.intent) for each in understand(events, self._desk)]
        for n, text in self._desk.queue.record(tagged, self._desk.now()).failed:
            log.error("%s could not be recorded and is dropped: %s", events[n].id, text)
        self._remember(texts, {patrol: replace(memory, say=()) for patrol, memory in memories.items()})

    def _remember(self, texts: dict[str, str], memories: dict[str, Memory]) -> set[str]:
        """Write memories where nobody else did; `texts`, what stands in Redis, is kept up. Returns who was written."""
        changes = [Change(patrol, texts[patrol], to_json(memory).decode()) for patrol, memory in memories.items()]
        won = self._memory.remember(changes) if changes else set()
        texts |= {change.id: change.after for change in changes if change.id in won}
        return won

    def _event(self, patrol: str, said: Said) -> Event:
        rule = self._desk.matters.fences[said.rule]
        zh, en = self._text(patrol, said)
        facts = {"rule": said.rule, "metres": said.metres, "border": said.border, "direction": said.direction}
        return Event(
            source=f"gridpost/{self._desk.site}/clock", id=f"{patrol}-{said.phase}-{said.name}", device=patrol,
            at=moment(said.at), received=self._desk.now(), position=Position(said.lon, said.lat),
            body=Alert(rule.category, rule.severity, said.name, said.phase, text=zh),
            attributes=msgspec.Raw(to_json({**facts, "text_en": en})),
        )  # fmt: skip

    def _text(self, patrol: str, said: Said) -> tuple[str, str]:
        """What a person reads, in Chinese and English."""
        if said.direction is not None:
            border = self._borders[said.border]
            going = ("驶入", "Came in") if said.direction == "in" else ("驶出", "Went out")
            return f"{going[0]}{border.name}", f"{going[1]} over {border.name_en}"
        match said.rule, said.phase:
            case "left_district", "new":
                district = self._desk.register.patrols[patrol].district
                known = self._desk.index.gridset.by_code.get(district)
                zh, en = (known.name, known.name_en) if known else (district, district)
                return f"离开{zh}，在界外{said.metres:.0f}米", f"{said.metres:.0f} m outside {en}"
            case "standing_still", "new":
                minutes = self._desk.matters.fences[said.rule].dwell / 60
                return f"在岗静止超过{minutes:.0f}分钟", f"Has not moved for {minutes:.0f} min"
            case "left_district", _:
                return "已返回片区，或不再要求在片区内", "Back in its district, or excused"
            case "standing_still", _:
                return "已恢复移动，或不再要求巡查", "Moves again, or excused"
            case _:
                return "不再核查越界", "No longer watched"


def _recall(sight: Sight) -> Memory:
    """What is remembered with a sight; nothing when another release wrote what this one cannot read."""
    if not sight.memory:
        return Memory()
    try:
        return _read_memory(sight.memory)
    except msgspec.DecodeError as error:
        log.warning("patrol %s: what the fences remembered cannot be read (%s); starting anew", sight.id, error)
        return Memory()
