"""The trace (全程留痕): every act of the site in one stream, each entry sealed with the one before.

A seal is SHA-256, in hexadecimal, of four lines joined by a line feed: the seal before (64 zeros at the beginning), the
stream id, the number of the case, the entry as it stands in the log. Whoever changes, takes out or slips in an entry
breaks every seal behind it; whoever makes all seals anew is found by the hash of a day that somebody has on paper.

Here is the arithmetic of the chain, pure; `proof.py` also holds it against the logs and the cases.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import sha256
from typing import NamedTuple

NOTHING = "0" * 64
"""What the first seal follows."""
DAY = "day:"
"""Before the local day, the field of the hash `seal` that holds the day's last seal."""


class Act(NamedTuple):
    """One entry of the stream: its id, the case, and the bytes that stand in the log too."""

    id: str
    no: str
    entry: bytes


class Sealed(NamedTuple):
    """One entry of the stream of seals."""

    id: str
    hash: str


class Break(NamedTuple):
    """Where the trace does not hold: the stream id (empty when the stream has none for it), the case and the entry as
    far as they are known, and what is wrong, in words. `near`: without an id, the case's next entry that has one."""

    id: str
    what: str
    no: str = ""
    entry: bytes = b""
    near: str = ""


class Link(NamedTuple):
    """What stands under one id: the entry, its seal, or both."""

    id: str
    act: Act | None
    hash: str | None


def seal(before: str, act: Act) -> str:
    """The seal of an entry that follows the seal `before`."""
    return sha256(b"\n".join((before.encode(), act.id.encode(), act.no.encode(), act.entry))).hexdigest()


def chain(before: str, acts: Iterable[Act]) -> Iterator[tuple[Act, str]]:
    """Each entry with its seal."""
    for act in acts:
        before = seal(before, act)
        yield act, before


def order(name: str) -> tuple[int, int]:
    """A stream id as what it is sorted by."""
    ms, _, n = name.partition("-")
    return int(ms), int(n or 0)


class Chain:
    """Makes the chain again, link by link, and finds the first that does not hold.

    `head`: the hash `seal` as it was before the first link was read: `id` and `hash` of the newest seal, `from` and
    `from_hash` of the newest that is no longer kept, and the last hash of each day. `day_of` gives the local day of
    epoch milliseconds. What is older than `kept_since` (epoch ms) may be gone from the streams; nothing else may.
    """

    def __init__(self, head: Mapping[str, str], day_of: Callable[[int], str], kept_since: int) -> None:
        self.head, self._day_of, self._kept_since = head, day_of, kept_since
        self.start = Sealed(head.get("from", "0-0"), head.get("from_hash", NOTHING))
        self.last = self.start
        self.waiting = self.older = 0
        self.trimmed = self.start.id != "0-0"
        self._newest = order(head.get("id", "0-0"))
        self._unsealed: Act | None = None
        self._begun = False
        self._days: dict[str, Sealed] = {}

    def take(self, link: Link, following: Link | None) -> Break | None:
        """The next link, with the one behind it, by which a change is told from a slip."""
        at = order(link.id)
        if at <= order(self.start.id):  # trimming takes whole nodes: what is left of the oldest has no seal any more
            self.older += 1
            return None
        if link.act is None:
            return self._without_entry(link, following)
        if link.hash is None:
            return self._without_seal(link.act, following)
        if self._unsealed is not None:
            return self._skipped(self._unsealed, link)
        made = seal(self.last.hash, link.act)
        if made != link.hash:
            return Break(link.id, self._changed(link.hash, made, following), *link.act[1:])
        self._begun = True
        return self._keep(Sealed(link.id, link.hash), link.act)

    def end(self, head: Mapping[str, str]) -> Break | None:
        """What must hold when all links have been taken; `head` is the hash `seal` as it is now."""
        if order(self.last.id) < self._newest:
            return Break(self.head["id"], "the newest sealed entry was taken out, or its seal")
        if order(self.last.id) > order(head.get("id", "0-0")):
            return Break(self.last.id, "it has a seal, but the site's newest seal is said to be an older one")
        first = self._day_of(order(self.start.id)[0]) if self.trimmed else ""
        for name, value in sorted(self.head.items()):
            if not name.startswith(DAY) or name.removeprefix(DAY) <= first:
                continue
            last = self._days.get(name.removeprefix(DAY))
            if last is None:
                return Break("", f"the hash of {name.removeprefix(DAY)} stands for no entry")
            if last.hash != value:
                return Break(last.id, f"the hash of {name.removeprefix(DAY)} is not the seal of its last entry")
        missing = [day for day in self._days if DAY + day not in self.head and day > first]
        return Break(self._days[missing[0]].id, f"the hash of {missing[0]} is missing") if missing else None

    def _keep(self, sealed: Sealed, act: Act) -> Break | None:
        self.last = sealed
        if order(sealed.id) <= self._newest:
            self._days[self._day_of(order(sealed.id)[0])] = sealed
        if order(sealed.id) == self._newest and sealed.hash != self.head.get("hash"):
            return Break(act.id, "the hash that the site holds as its newest is not its seal", *act[1:])
        return None

    def _without_entry(self, link: Link, following: Link | None) -> Break | None:
        assert link.hash is not None
        if not self._begun and order(link.id)[0] < self._kept_since:  # the entry was trimmed before its seal
            self.last, self.trimmed = Sealed(link.id, link.hash), True
            return None
        if _follows(self.last.hash, following):
            return Break(link.id, "a seal was slipped in: no entry belongs to it")
        return Break(link.id, "the entry was taken out of the stream: its seal stands alone")

    def _without_seal(self, act: Act, following: Link | None) -> Break | None:
        if order(act.id) > self._newest:
            self._unsealed = self._unsealed or act
            self.waiting += 1
            return None
        if following is not None and following.hash is not None:
            return self._skipped(act, following)
        return Break(act.id, "it has no seal, though newer entries have", *act[1:])

    def _skipped(self, act: Act, sealed: Link) -> Break:
        if _follows(self.last.hash, sealed):
            return Break(act.id, "it was slipped into the stream: the seals go on without it", *act[1:])
        if _follows(seal(self.last.hash, act), sealed):
            return Break(act.id, "its seal was taken out", *act[1:])
        return Break(act.id, "it has no seal, though newer entries have", *act[1:])

    def _changed(self, found: str, made: str, following: Link | None) -> str:
        if _follows(found, following):
            return "it is not what was sealed"
        if _follows(made, following) or (following is None and made == self.head.get("hash")):
            return "its seal was changed"
        return "it does not fit its seal"


def _follows(before: str, link: Link | None) -> bool:
    return link is not None and link.act is not None and link.hash == seal(before, link.act)


def links(
    acts: Callable[[str], Iterator[Act]], seals: Callable[[], Iterator[Sealed]]
) -> Iterator[Link]:
    """Entries (`acts` gives those after an id) and seals side by side, by id. A seal that is newer than the last entry
    that was read sends it back for more: a site goes on working while it is proved."""
    last, waiting = "0-0", acts("0-0")
    act, sealed_ones = next(waiting, None), seals()
    sealed = next(sealed_ones, None)
    while act is not None or sealed is not None:
        if act is None:
            waiting = acts(last)
            act = next(waiting, None)
        if act is not None and (sealed is None or order(act.id) < order(sealed.id)):
            yield Link(act.id, act, None)
        elif sealed is not None and (act is None or order(sealed.id) < order(act.id)):
            yield Link(sealed.id, None, sealed.hash)
            sealed = next(sealed_ones, None)
            continue
        elif sealed is not None and act is not None:
            yield Link(act.id, act, sealed.hash)
            sealed = next(sealed_ones, None)
        if act is not None:
            last, act = act.id, next(waiting, None)
