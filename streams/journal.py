"""The journal: one entry for each call of a script that changed something, in the order of the changes.

With the events and what each call was asked, it is all that is needed to do a day again (`verify.py`). It is written by
the scripts as part of the change (`journal` in `scripts/common.lua`), one entry a call and not one an event, since it
must cost next to nothing. What was asked is JSON that the scripts carry and never read.

| `k`        | `a` | what is done |
|------------|-----|--------------|
| `record`   | stream id of the last event (`c` says how many) | they are recorded in one call |
| `act`      | `acts.Asked`, and `refusals.Beside` | one act on one case; none that was refused or repeated |
| `look`     | list of `Wanting`: for which clocks marks were brought | one call of the clock script |
| `told`     | `Told` | a loudspeaker has spoken |
| `register` | list of patrols | those who can be sent are known |
| `aid_ask`, `aid_lend` | the arguments of the script | one step of mutual aid at this site |
| `correct`  | `corrections.Correction` | a score was put right |
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec

from streams.ledger import Ledger

Kind = Literal["record", "act", "look", "told", "register", "aid_ask", "aid_lend", "correct"]
PAGE = 1000


class Call(msgspec.Struct, frozen=True):
    """One entry: its stream id, what it was, its `now` in epoch ms, the version of the configuration, what was asked
    (JSON, or empty), how many events it appended."""

    id: str
    kind: Kind
    now: int
    version: str
    asked: bytes = b""
    count: int = 0


class Told(msgspec.Struct, frozen=True):
    """A loudspeaker spoke about this alert at `at` (epoch ms); it is looked at again `wait` ms later."""

    alert: str
    at: int
    wait: int


def call_of(name: str, row: Mapping[bytes, bytes]) -> Call:
    """An entry as Redis has it. Raises msgspec.ValidationError for a kind that nobody knows."""
    fields = {
        "id": name, "kind": row[b"k"].decode(), "now": int(row[b"n"]), "version": row[b"v"].decode(),
        "asked": row.get(b"a", b""), "count": int(row.get(b"c", b"0")),
    }  # fmt: skip
    return msgspec.convert(fields, Call)


def calls(ledger: Ledger, after: str = "0-0") -> Iterator[Call]:
    """What Redis has of the journal after a stream id."""
    while True:
        with ledger.reaching():
            rows: Any = ledger.redis.xrange(ledger.keys.journal, min=f"({after}", count=PAGE)
        for name, row in rows:
            after = name.decode()
            yield call_of(after, row)
        if not rows:
            return
