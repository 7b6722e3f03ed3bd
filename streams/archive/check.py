"""Whether the archive holds what it should: its files as they were written, and the same acts as the cases' logs.

Each file is read whole and held against its hash, its number of rows and its stream ids; no id is kept twice. Then, for
every case that Redis still has, the entries of the archive are held against the log, byte for byte. What is found is
said by file or by case; nothing is repaired.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import md5, sha256
from itertools import zip_longest
from typing import NamedTuple

import pyarrow.parquet as pq

from streams.archive.reading import Archive
from streams.archive.store import Part, Store
from streams.codec import millis, read_entry
from streams.kept import KeptTrace
from streams.ledger import Ledger

PAGE = 500


class Checked(NamedTuple):
    """What was looked at, and what is wrong, in sentences that name file or case."""

    files: int
    rows: dict[str, int]
    cases: int
    older: int
    wrong: tuple[str, ...]


def check(
    archive: Archive, ledger: Ledger | None, told: Callable[[int, int], None] = lambda done, of: None
) -> Checked:
    """Check every file, and against the logs of `ledger` if it is given. `told(done, of)`: files so far. `older`: cases
    of whose log the first entries are from before the archive began."""
    store = archive.store
    head = store.head()
    wrong = [f"{gap.stream} after {gap.after} up to {gap.until} were gone before they were kept" for gap in head.gaps]
    if store.unread.exists():
        wrong.append(f"{store.unread} holds entries that could not be read: report them, they are a fault of gridpost")
    parts = [part for day in store.days(head) for part in store.parts(day, head)]
    rows: dict[str, int] = {}
    for n, part in enumerate(parts):
        told(n, len(parts))
        found = _file(store, part)
        wrong += found
        rows[part.kind] = rows.get(part.kind, 0) + part.rows
    if not wrong:
        wrong += _twice(archive, {part.kind for part in parts})
    cases, older = 0, 0
    if ledger is not None and not wrong:
        cases, older, different = _logs(archive, ledger)
        wrong += different
    return Checked(len(parts), rows, cases, older, tuple(wrong))


def _file(store: Store, part: Part) -> list[str]:
    path = store.path(part)
    if not path.exists():
        return [f"{part.file} is missing ({part.rows} rows of {part.kind})"]
    if sha256(path.read_bytes()).hexdigest() != part.sha256:
        return [f"{part.file} is not what was written: its SHA-256 is another"]
    rows = pq.read_metadata(path).num_rows
    return [] if rows == part.rows else [f"{part.file} has {rows} rows, not {part.rows}"]


def _twice(archive: Archive, kinds: set[str]) -> list[str]:
    """Ids that a kind has more than once. A change may touch several cases, hence of cases only the same one counts."""
    wrong = []
    for day in archive.days():  # one after the other: a county's days would not fit into memory together
        with archive.open([day], tuple(kinds), tail=False) as found:
            for kind in sorted(kinds):
                key = "ms, seq, no" if kind == "cases" else "ms, seq"
                rows = found.execute(
                    f"SELECT {key}, count(*) FROM {kind} GROUP BY {key} HAVING count(*) > 1 ORDER BY {key} LIMIT 3"
                ).fetchall()
                wrong += [f"{kind} {row[0]}-{row[1]} is kept {row[-1]} times" for row in rows]
    return wrong


def _logs(archive: Archive, ledger: Ledger) -> tuple[int, int, list[str]]:
    """Each case's entries against its log in Redis; first their digests, and where those differ, one by one."""
    with archive.open(archive.days(), ("acts",)) as found:
        digest = "md5(string_agg(entry, chr(10) ORDER BY ms, seq))"
        kept = dict(found.execute(f"SELECT no, {digest} FROM acts GROUP BY no").fetchall())
    trace = KeptTrace(ledger)
    numbers = sorted(set(trace.cases()))
    suspects = []
    for start in range(0, len(numbers), PAGE):
        for case in trace.read(numbers[start : start + PAGE]):
            if case.log and kept.get(case.no) != md5(b"\n".join(case.log), usedforsecurity=False).hexdigest():
                suspects.append(case.no)
    older, wrong = 0, []
    for no in suspects:
        said = _different(archive, trace, no)
        older += said == ""
        wrong += [said] if said else []
    return len(numbers), older, wrong


def _different(archive: Archive, trace: KeptTrace, no: str) -> str | None:
    """What is wrong with a case's entries; None: nothing, the site went on meanwhile; empty: its log began before the
    archive did."""
    log = [entry.decode(errors="backslashreplace") for entry in trace.read([no])[0].log]
    with archive.open(archive.days(), ("acts",)) as found:
        rows = found.execute("SELECT entry FROM acts WHERE no = ? ORDER BY ms, seq", [no]).fetchall()
        began = found.execute("SELECT min(a.at) FROM acts a").fetchone()
    mine = [entry for (entry,) in rows]
    if mine[: len(log)] == log:
        return None
    missing = len(log) - len(mine)
    if missing > 0 and log[missing:] == mine and began is not None:
        last = read_entry(log[missing - 1].encode())
        if began[0] is None or last.at <= millis(began[0]):
            return ""
    pairs = enumerate(zip_longest(mine, log))
    n, (kept, logged) = next((n, pair) for n, pair in pairs if pair[0] != pair[1])
    return f"case {no}, entry {n + 1}: the archive has {kept or 'nothing'}, the log {logged or 'nothing'}"
