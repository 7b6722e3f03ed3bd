"""The proof of the trace: the chain of seals, the logs of the cases and the cases themselves say the same.

Three places hold what was done, and each is held against the others: the stream of acts against its seals (`trace.py`),
each case's log against the stream's entries of that case, byte for byte and in order, and the case against the state
and version that its last act gave it. The first break is named by its place in the stream. What is read comes page by
page through `Kept`; of each case only a count and a running digest stay in memory, and only when something does not
hold is the stream read again for the cases concerned. The site may go on working meanwhile: what was done after a page
was read is looked at again before it is called a break.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from itertools import islice
from typing import NamedTuple, Protocol

import msgspec

from streams.codec import local_day, millis, moment, read_entry
from streams.keys import CASE_DAYS
from streams.model import Entry
from streams.trace import DAY, Act, Break, Chain, Link, Sealed, links, order

SLACK = timedelta(hours=1)
"""How far the clocks of Redis and of whoever trims may be apart."""
PAGE = 200
SAY_EVERY = 10_000
LENT = "lend:"
"""Before the number, the log of what the lender did about a partner's case, of which it has no copy."""
SCORED = "score:"
"""Before whose it is, the log of the corrections of a score: there is no case."""
LAST = (2**63, 0)


class CaseKept(NamedTuple):
    """A case and its log as they stand at one moment; `state` is empty when there is no case."""

    no: str
    state: str
    version: str
    log: Sequence[bytes]


class Kept(Protocol):
    """What a site has kept. `acts` gives the entries after an id, `cases` the numbers of all cases and logs."""

    def acts(self, after: str) -> Iterator[Act]: ...

    def seals(self) -> Iterator[Sealed]: ...

    def head(self) -> Mapping[str, str]: ...

    def cases(self) -> Iterator[str]: ...

    def read(self, numbers: Sequence[str]) -> list[CaseKept]: ...


class Proof(NamedTuple):
    """What was found. `last`: the newest seal that holds; `waiting`: entries that are not sealed yet; `older`: entries
    whose seals are no longer kept; `start`: the newest seal that is no longer kept, which the chain is taken to follow
    (None: it is whole); `expired`: cases of which only entries are left; `paper`: the entry, or the day, whose hash was
    asked for."""

    entries: int
    cases: int
    waiting: int
    older: int
    expired: int
    last: Sealed
    start: Sealed | None
    paper: str = ""
    broken: Break | None = None


class _Tally:
    __slots__ = ("count", "digest", "last")

    def __init__(self) -> None:
        self.count, self.digest, self.last = 0, b"", ""

    def add(self, act: Act) -> None:
        self.count, self.digest, self.last = self.count + 1, _digest(self.digest, act.entry), act.id


def prove(
    kept: Kept, now: datetime, tz: Callable[[int], str], *, until: str = "", paper: str = "",
    said: Callable[[int], None] = lambda entries: None,
) -> Proof:  # fmt: skip
    """Prove what is kept, up to the entry `until` (a stream id) if one is named. `tz`: the local day of epoch ms.
    `paper`: a hash that somebody wrote down, which must be found. `said` hears how many entries were read."""
    since = millis(now - timedelta(days=CASE_DAYS) + SLACK)
    walk = _Walk(kept, tz, since, until, paper.lower(), said)
    walk.through()
    found = _Logs(kept, walk, since).first()
    broken = min((each for each in (walk.broken, found) if each), key=_place, default=None)
    if walk.broken and found and not walk.broken.no and not found.id:  # the log has what the chain misses
        broken = walk.broken._replace(no=found.no, entry=found.entry)
    if broken is None and paper and not walk.paper:
        broken = Break("", f"no entry that is kept and no day has the hash {paper}")
    chain = walk.chain
    return Proof(
        walk.entries, len(walk.tallies), chain.waiting, chain.older, walk.expired, chain.last,
        chain.start if chain.trimmed else None, walk.paper, broken,
    )  # fmt: skip


def local_days(tz: object) -> Callable[[int], str]:
    """The local day of epoch milliseconds, remembered by the quarter of an hour, since every entry asks for it."""
    known: dict[int, str] = {}

    def day(ms: int) -> str:
        quarter = ms // 900_000
        if quarter not in known:
            known[quarter] = local_day(moment(ms), tz)  # type: ignore[arg-type]
        return known[quarter]

    return day


class _Walk:
    """Once through the streams: the chain, and what each case has in the stream."""

    def __init__(
        self, kept: Kept, day_of: Callable[[int], str], since: int, until: str, paper: str, said: Callable[[int], None]
    ) -> None:
        self.kept, self.since, self.said = kept, since, said
        self.until = order(until) if until else None
        head = kept.head()
        self.chain = Chain(head, day_of, since)
        self.tallies: dict[str, _Tally] = {}
        self.entries = self.expired = 0
        self.last = "0-0"
        self.broken: Break | None = None
        self._wanted = paper
        days = {value: name.removeprefix(DAY) for name, value in head.items() if name.startswith(DAY)}
        self.paper = days.get(paper, "") if paper else ""

    def through(self) -> None:
        """Take every link. After a break only the counts go on, since a log may have one further in front."""
        for link, following in _with_next(links(self.kept.acts, self.kept.seals)):
            if link.act is not None:
                self.count(link.act)
            if self._wanted and link.hash == self._wanted:
                self.paper = link.id
            if self.broken is None and self.within(link.id):
                self.broken = self.chain.take(link, following)
        if self.broken is None and self.until is None:
            self.broken = self.chain.end(self.kept.head())

    def within(self, name: str) -> bool:
        """Whether a stream id is to be proved."""
        return self.until is None or order(name) <= self.until

    def count(self, act: Act) -> None:
        """An entry of the stream, once."""
        if act.no not in self.tallies:
            self.tallies[act.no] = _Tally()
        self.tallies[act.no].add(act)
        self.last = act.id
        self.entries += 1
        if self.entries % SAY_EVERY == 0:
            self.said(self.entries)

    def more(self) -> set[str]:
        """Entries made since; the cases that they are about."""
        grown = set()
        for act in self.kept.acts(self.last):
            self.count(act)
            grown.add(act.no)
        return grown


class _Logs:
    """The logs and the cases against what the walk counted."""

    def __init__(self, kept: Kept, walk: _Walk, since: int) -> None:
        self._kept, self._walk, self._since = kept, walk, since

    def first(self) -> Break | None:
        """The first entry, in the order of the stream, that a log has otherwise, or None."""
        doubtful = self._compare()
        while doubtful:
            grown = self._walk.more()
            still = {case.no for case in self._read(doubtful) if not self._fits(case)}
            if still and not still & grown:
                return self._find(still)
            doubtful = still
        return None

    def _compare(self) -> set[str]:
        doubtful, seen = set(), set[str]()
        for case in self._read(_once(self._kept.cases(), seen)):
            if not self._fits(case):
                doubtful.add(case.no)
        gone = [no for no in self._walk.tallies if no not in seen]
        expired = [no for no in gone if order(self._walk.tallies[no].last)[0] < self._since]
        self._walk.expired = len(expired)
        return doubtful | set(gone) - set(expired)

    def _read(self, numbers: Iterable[str]) -> Iterator[CaseKept]:
        wanted = iter(numbers)
        while page := list(islice(wanted, PAGE)):
            yield from self._kept.read(page)

    def _fits(self, case: CaseKept) -> bool:
        tally = self._walk.tallies.get(case.no)
        count = tally.count if tally else 0
        older = len(case.log) - count
        if older < 0 or not case.log or not all(self._is_old(text) for text in case.log[:older]):
            return False
        digest = b""
        for text in case.log[older:]:
            digest = _digest(digest, text)
        return digest == (tally.digest if tally else b"") and _wrong_state(case) is None

    def _is_old(self, text: bytes) -> bool:
        entry = _entry(text)
        return entry is not None and entry.at < self._since

    def _find(self, numbers: set[str]) -> Break | None:
        """Through the stream again, for these cases only, beside their logs."""
        beside: dict[str, _Beside] = {}
        for act in self._kept.acts("0-0"):
            if act.no not in numbers:
                continue
            if not self._walk.within(act.id):
                return None
            if act.no not in beside:
                [case] = self._kept.read([act.no])
                beside[act.no] = _Beside(case, act, self._walk.tallies[act.no].count, self._is_old)
            broken = beside[act.no].take(act, self._rest)
            if broken is not None:
                return broken
        if self._walk.until is not None:
            return None
        return self._without_entries(sorted(numbers - set(beside))) or Break(
            "", f"log and stream do not agree on {', '.join(sorted(numbers)[:5])}"
        )

    def _rest(self, after: Act) -> list[bytes]:
        return [act.entry for act in self._kept.acts(after.id) if act.no == after.no]

    def _without_entries(self, numbers: Sequence[str]) -> Break | None:
        for case in self._read(numbers):
            young = [text for text in case.log if not self._is_old(text)]
            if young:
                return Break("", "it is in the log of the case, but not in the stream", case.no, young[0])
            wrong = _wrong_state(case)
            if wrong or not case.log:
                text = wrong[1] if wrong else "the case has no log"
                return Break("", text, case.no, case.log[wrong[0]] if wrong and case.log else b"")
        return None


class _Beside:
    """The log of one case beside the stream's entries of it, which come one by one."""

    def __init__(self, case: CaseKept, first: Act, count: int, is_old: Callable[[bytes], bool]) -> None:
        self._case, self._count, log = case, count, case.log
        old = next((n for n, text in enumerate(log) if not is_old(text)), len(log))
        starts = [n for n, text in enumerate(log[: old + 1]) if text == first.entry]
        self._at = starts[0] if starts else max(0, min(old, len(log) - count))
        self._taken = 0
        self._wrong = _wrong_state(case)

    def take(self, act: Act, rest: Callable[[Act], list[bytes]]) -> Break | None:
        """The stream's next entry of this case. `rest` reads those behind an entry."""
        log, at = self._case.log, self._at
        if at >= len(log):
            return Break(act.id, "it is in the stream, but not in the log of its case", act.no, act.entry)
        if log[at] != act.entry:
            return self._differs(act, log[at], act.entry in log[at + 1 :], log[at] in rest(act))
        self._at, self._taken = at + 1, self._taken + 1
        if self._wrong and self._wrong[0] == at:
            return Break(act.id, self._wrong[1], act.no, act.entry)
        if self._taken >= self._count and self._at < len(log) and log[self._at] not in rest(act):
            return Break("", "it is in the log of the case, but not in the stream", act.no, log[self._at])
        return None

    def _differs(self, act: Act, logged: bytes, act_later: bool, logged_later: bool) -> Break:
        if act_later and logged_later:
            return Break(act.id, "the log of its case has it in another place", act.no, act.entry)
        if act_later:
            what = f"it is in the log of the case before {act.id}, but not in the stream"
            return Break("", what, act.no, logged, act.id)
        if logged_later:
            return Break(act.id, "it is in the stream, but not in the log of its case", act.no, act.entry)
        says = logged.decode(errors="backslashreplace")
        return Break(act.id, f"the log of its case has it otherwise: {says}", act.no, act.entry)


def _wrong_state(case: CaseKept) -> tuple[int, str] | None:
    """Which entry of the log gave the case its state, and what is wrong, when the case does not stand so."""
    version, last, state = -1, 0, ""
    for n, text in enumerate(case.log):
        entry = _entry(text)
        if entry is None:
            return n, "it cannot be read"
        if entry.version > version:
            version, last, state = entry.version, n, entry.after
    if not case.log or (case.state, case.version) == (state, str(version)):
        return None
    if case.no.startswith((LENT, SCORED)) and not case.state:
        return None
    stands = f"{case.state}, version {case.version}" if case.state else "no longer kept"
    return last, f"it left the case {state}, version {version}; the case is {stands}"


def _entry(text: bytes) -> Entry | None:
    try:
        return read_entry(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _digest(before: bytes, entry: bytes) -> bytes:
    return blake2b(before + b"\n" + entry, digest_size=16).digest()


def _once(numbers: Iterable[str], seen: set[str]) -> Iterator[str]:
    """Each number once; `seen` are those that came."""
    for no in numbers:
        if no not in seen:
            seen.add(no)
            yield no


def _with_next(every: Iterator[Link]) -> Iterator[tuple[Link, Link | None]]:
    link = next(every, None)
    while link is not None:
        following = next(every, None)
        yield link, following
        link = following


def _place(broken: Break) -> tuple[int, int]:
    """Where a break stands in the stream; what has no place there comes last."""
    return order(broken.id or broken.near) if broken.id or broken.near else LAST


def told(broken: Break) -> str:
    """The break in one sentence: stream id, time, case, act, who, and what is wrong."""
    entry = _entry(broken.entry) if broken.entry else None
    at = moment(order(broken.id)[0]) if broken.id else moment(entry.at) if entry else None
    when = at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z") if at else ""
    parts = [broken.id or ("not in the stream" if broken.no else ""), when, broken.no]
    if entry is not None:
        parts.append(f"{entry.act} by {entry.by} ({entry.role}) {entry.before or '-'} -> {entry.after}")
    named = ", ".join(part for part in parts if part)
    return f"{named}: {broken.what}" if named else broken.what
