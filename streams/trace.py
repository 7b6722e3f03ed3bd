"""The trace (全程留痕): every act of the site in one stream, each entry sealed with the one before.

A seal is SHA-256, in hexadecimal, of four lines joined by a line feed: the seal before (64 zeros at the beginning), the
stream id, the number of the case, the entry as it stands in the log. Whoever changes, takes out or slips in an entry
breaks every seal behind it; whoever makes all seals anew is found by the hash of a day that somebody has on paper.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import NamedTuple

NOTHING = "0" * 64
"""What the first seal follows."""


class Act(NamedTuple):
    """One entry of the stream: its id, the case, and the bytes that stand in the log too."""

    id: str
    no: str
    entry: bytes


def seal(before: str, act: Act) -> str:
    """The seal of an entry that follows the seal `before`."""
    return sha256(b"\n".join((before.encode(), act.id.encode(), act.no.encode(), act.entry))).hexdigest()


def chain(before: str, acts: Iterable[Act]) -> Iterator[tuple[Act, str]]:
    """Each entry with its seal."""
    for act in acts:
        before = seal(before, act)
        yield act, before
