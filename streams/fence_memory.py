"""What the fences remember of each patrol between two looks: one field `fence` of the patrol's hash in Redis.

It is read with the patrol's last fix and written back only where it is still what was read, so two clock workers that
look at once cannot undo each other, and a restart goes on where the last one stopped. Asked by script and in pieces,
since thousands of patrols are read every few seconds and Redis must not be held for more than a few milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec

from streams.codec import pack
from streams.fence_model import Sight
from streams.ledger import Ledger

SCRIPTS = Path(__file__).parent / "scripts"
AT_ONCE = 500
T = TypeVar("T")


class Change(NamedTuple):
    """What is to be remembered of a patrol, and what was read before."""

    id: str
    before: str
    after: str


class FenceMemory:
    """Reads and writes it. Every call raises Unreachable when Redis does not answer."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._read, self._write = (
            ledger.redis.register_script((SCRIPTS / f"fence_{name}.lua").read_text(encoding="utf-8"))
            for name in ("read", "write")
        )
        self._decode = msgspec.msgpack.Decoder(list[Sight]).decode

    def sights(self, patrols: Iterable[str]) -> list[Sight]:
        """The last fix of each of these patrols, without those that never sent one."""
        found: list[Sight] = []
        for names in _pieces(list(patrols)):
            with self._ledger.reaching():
                found += self._decode(self._read(keys=[self._ledger.keys.prefix], args=[pack(names)]))
        return found

    def remember(self, changes: Sequence[Change]) -> set[str]:
        """Write what changed; returns the patrols for which it was written."""
        won: set[str] = set()
        for rows in _pieces(changes):
            with self._ledger.reaching():
                ids: Any = self._write(keys=[self._ledger.keys.prefix], args=[pack(rows)])
            won.update(name.decode() for name in ids)
        return won


def _pieces(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(rows), AT_ONCE):
        yield rows[start : start + AT_ONCE]
