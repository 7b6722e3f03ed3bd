"""What a site keeps of its trace, read from Redis page by page for the proof. Reads only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta, tzinfo
from typing import Any

from streams.codec import millis
from streams.ledger import Ledger
from streams.proof import CaseKept
from streams.trace import Act, Sealed

PAGE = 2000


class KeptTrace:
    """The trace of the site that `ledger` reads."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger, self._redis, self._keys = ledger, ledger.redis, ledger.keys

    def acts(self, after: str) -> Iterator[Act]:
        """The entries after an id, as far as there are when the last page is read."""
        while page := self._ledger.acts(after, PAGE):
            yield from page
            after = page[-1].id

    def seals(self) -> Iterator[Sealed]:
        """All seals that are kept."""
        after = "0-0"
        while True:
            with self._ledger.reaching():
                rows: Any = self._redis.xrange(self._keys.seals, min=f"({after}", count=PAGE)
            if not rows:
                return
            for name, row in rows:
                yield Sealed(name.decode(), row.get(b"h", b"").decode(errors="backslashreplace"))
            after = rows[-1][0].decode()

    def head(self) -> Mapping[str, str]:
        """The hash `seal`: the newest seal and the last of each day."""
        with self._ledger.reaching():
            row: Any = self._redis.hgetall(self._keys.seal)
        return {name.decode(): value.decode(errors="backslashreplace") for name, value in row.items()}

    def sealed_on(self, day: date, tz: tzinfo) -> int:
        """How many entries of a local day have a seal that is kept."""
        start, last = _span(day, tz)
        after, total = str(start), 0
        while True:
            with self._ledger.reaching():
                rows: Any = self._redis.xrange(self._keys.seals, min=after, max=str(last), count=PAGE)
            if not rows:
                return total
            total, after = total + len(rows), f"({rows[-1][0].decode()}"

    def waiting_until(self, day: date, tz: tzinfo, newest: str) -> bool:
        """Whether an entry of that day or an earlier one waits for its seal, `newest` being the newest that has one."""
        with self._ledger.reaching():
            rows: Any = self._redis.xrange(self._keys.acts, min=f"({newest}", max=str(_span(day, tz)[1]), count=1)
        return bool(rows)

    def cases(self) -> Iterator[str]:
        """The numbers of all cases and of all logs; one may come twice."""
        prefix = self._keys.prefix
        pattern = "".join(f"\\{each}" if each in "*?[]\\^" else each for each in prefix) + "[cl]*"
        starts = tuple(prefix + name for name in ("case:", "log:"))
        with self._ledger.reaching():
            for key in self._redis.scan_iter(pattern, count=PAGE):
                name: str = key.decode()
                if name.startswith(starts):
                    yield name.removeprefix(prefix).partition(":")[2]

    def read(self, numbers: Sequence[str]) -> list[CaseKept]:
        """These cases, each with its log as it stood at the same moment."""
        found = []
        with self._ledger.reaching(), self._redis.pipeline(transaction=True) as pipe:
            for no in numbers:
                pipe.hmget(self._keys.case(no), "state", "version")
                pipe.lrange(self._keys.log(no), 0, -1)
            rows = pipe.execute()
        for n, no in enumerate(numbers):
            state, version = (value.decode(errors="backslashreplace") if value else "" for value in rows[2 * n])
            found.append(CaseKept(no, state, version, rows[2 * n + 1]))
        return found


def _span(day: date, tz: tzinfo) -> tuple[int, int]:
    """The first and the last millisecond of a local day."""
    start, after = (
        datetime(each.year, each.month, each.day, tzinfo=tz) for each in (day, day + timedelta(days=1))
    )
    return millis(start), millis(after) - 1
