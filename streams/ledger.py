"""What Redis knows, read only: cases and their logs, patrols, devices, alerts, the day's counts, the streams.

Nothing here changes anything, so pages and the API may call it freely.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, tzinfo
from typing import Any

import msgspec
from redis import Redis
from redis.exceptions import BusyLoadingError, ClusterError, OutOfMemoryError, ReadOnlyError, RedisError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from streams import trace
from streams.codec import case_from_hash, read_entry, read_event
from streams.errors import Unreachable
from streams.keys import Keys
from streams.model import Case, Entry, Event

GONE = (RedisConnectionError, RedisTimeoutError, OutOfMemoryError, ReadOnlyError, BusyLoadingError, ClusterError)
NOT_NOW = ("NOREPLICAS", "MISCONF", "BUSY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "UNBLOCKED", "NOGROUP", "LOADING")
"""What means: not now. The caller keeps its work and tries again."""

STREAM_ID = re.compile(r"\d{1,19}-\d{1,19}", re.ASCII)
Row = dict[str, str]


class DeadLetter(msgspec.Struct, frozen=True):
    """A message that could not be used; `received` in epoch milliseconds, the payload cut at 4 KiB."""

    id: str
    topic: str
    payload: str
    reason: str
    text: str
    received: int


class Recorded(msgspec.Struct, frozen=True):
    """An event as it was recorded: its stream id, the flag the script gave it and the case it went to."""

    id: str
    event: Event
    flag: str
    case: str


class Change(msgspec.Struct, frozen=True):
    """One entry of the stream that screens follow: JSON arrays by name (`patrols`, `cases`, `alerts`, …). `at`: the
    centre's time of it, epoch ms."""

    id: str
    parts: dict[str, bytes]
    at: int = 0


def change_of(name: bytes, row: Mapping[bytes, bytes]) -> Change:
    """An entry of the stream of changes as Redis gives it."""
    parts = {key.decode(): part for key, part in row.items() if key != b"n"}
    return Change(name.decode(), parts, int(row.get(b"n", b"0")))


class Ledger:
    """Reads one site. `tz` decides where a day begins."""

    def __init__(self, redis: Redis, keys: Keys, tz: tzinfo) -> None:
        self.redis, self.keys, self.tz = redis, keys, tz

    def case(self, no: str) -> Case | None:
        """The case of this number, or None."""
        with self.reaching():
            row: Any = self.redis.hgetall(self.keys.case(no))
        return case_from_hash(row) if row else None

    def cases(self, numbers: Iterable[str]) -> list[Case]:
        """The cases of these numbers in that order; those that have expired are left out."""
        wanted = list(numbers)
        found: list[Case] = []
        for start in range(0, len(wanted), 1000):
            with self.reaching(), self.redis.pipeline(transaction=False) as pipe:
                for no in wanted[start : start + 1000]:
                    pipe.hgetall(self.keys.case(no))
                found += [case_from_hash(row) for row in pipe.execute() if row]
        return found

    def log(self, no: str) -> tuple[Entry, ...]:
        """Everything that was done on a case, oldest first."""
        with self.reaching():
            rows: Any = self.redis.lrange(self.keys.log(no), 0, -1)
        return tuple(read_entry(row) for row in rows)

    def acts(self, after: str = "0-0", most: int = 1000) -> list[trace.Act]:
        """Entries of all logs in the order they were made, after a stream id."""
        with self.reaching():
            rows: Any = self.redis.xrange(self.keys.acts, min=f"({after}", count=most)
        return [
            trace.Act(i.decode(), row.get(b"no", b"").decode(errors="backslashreplace"), row.get(b"e", b""))
            for i, row in rows
        ]  # as it stands, even where somebody tampered with it: the proof shall find that

    def open_cases(self) -> list[Case]:
        """All open cases, the tightest deadline first."""
        return self.cases(self._members(self.keys.open_cases))

    def cases_of(self, day: str) -> list[Case]:
        """The cases received on a local day (`YYYY-MM-DD`), in the order they came."""
        return self.cases(self._members(self.keys.cases_of(day)))

    def closed_on(self, day: str) -> list[Case]:
        """The cases closed on a local day."""
        return self.cases(self._members(self.keys.closed_on(day)))

    def patrols(self) -> dict[str, Row]:
        """What is known of each patrol, by id; empty for one that was never heard."""
        return self._rows(self._members(self.keys.patrols), self.keys.patrol)

    def devices(self, names: Iterable[str] = ()) -> dict[str, Row]:
        """What is known of each fixed device that was ever heard (`received` is its last sign of life), and of those
        in `names`."""
        heard = self._scores(self.keys.devices)
        rows = self._rows({**dict.fromkeys(names), **heard}, self.keys.device)
        return {name: {**row, "received": str(int(heard.get(name, 0)))} for name, row in rows.items()}

    def heard(self) -> dict[str, int]:
        """When each device and each patrol gave its last sign of life (received, epoch milliseconds)."""
        both = self._scores(self.keys.devices) | self._scores(self.keys.patrols)
        return {name: int(at) for name, at in both.items() if at}

    def alerts(self, most: int = 200) -> list[Row]:
        """The latest alerts, newest first."""
        with self.reaching():
            keys: Any = self.redis.zrevrange(self.keys.alerts, 0, most - 1)
        return [row for row in self._rows([key.decode() for key in keys], self.keys.alert).values() if row]

    def sources(self) -> dict[str, int]:
        """When each data source was last heard, epoch milliseconds."""
        with self.reaching():
            rows: Any = self.redis.hgetall(self.keys.sources)
        return {name.decode(): int(at) for name, at in rows.items()}

    def unknown(self) -> dict[str, int]:
        """Devices that speak but are not registered, with when they were last heard (epoch milliseconds)."""
        return {name: int(at) for name, at in self._scores(self.keys.unknown).items()}

    def counts(self, day: str) -> dict[str, int]:
        """What was counted on a local day: events by kind, refusals by reason, cases by origin, …"""
        with self.reaching():
            rows: Any = self.redis.hgetall(self.keys.counts(day))
        return {name.decode(): int(number) for name, number in rows.items()}

    def sent(self, day: str) -> dict[str, int]:
        """Patrol -> cases it was sent to on a local day and not called back from."""
        with self.reaching():
            rows: Any = self.redis.hgetall(self.keys.sent(day))
        return {name.decode(): max(0, int(number)) for name, number in rows.items()}

    def dead(self, most: int = 100, before: str = "+") -> list[DeadLetter]:
        """Dead letters, newest first; `before` is the id of the last one of the page before."""
        rows = self._back(self.keys.dead, most, before)
        return [
            DeadLetter(
                i, row[b"topic"].decode(errors="replace"), row[b"payload"].decode(errors="replace"),
                row[b"reason"].decode(), row[b"text"].decode(), int(row[b"received"]),
            )
            for i, row in rows
        ]  # fmt: skip

    def events(self, most: int = 100, before: str = "+", since: datetime | None = None) -> list[Recorded]:
        """Recorded events, newest first, not older than `since` (received)."""
        oldest = "-" if since is None else str(int(since.timestamp() * 1000))
        rows = self._back(self.keys.events, most, before, oldest)
        return [Recorded(i, read_event(row[b"e"]), row[b"f"].decode(), row[b"c"].decode()) for i, row in rows]

    def event(self, name: str) -> Event | None:
        """The recorded event of this stream id, while it is kept; None for what is no stream id."""
        if not STREAM_ID.fullmatch(name):
            return None
        with self.reaching():
            rows: Any = self.redis.xrange(self.keys.events, min=name, max=name)
        return read_event(rows[0][1][b"e"]) if rows else None

    def last_change(self) -> str:
        """The id of the newest change, `0-0` when there is none."""
        with self.reaching():
            rows: Any = self.redis.xrevrange(self.keys.changes, count=1)
        return rows[0][0].decode() if rows else "0-0"

    def oldest_change(self) -> str:
        """The id of the oldest change still kept, `0-0` when there is none: a reader behind it needs a snapshot."""
        with self.reaching():
            rows: Any = self.redis.xrange(self.keys.changes, count=1)
        return rows[0][0].decode() if rows else "0-0"

    def changes(self, after: str, block_ms: int = 1000, most: int = 500) -> list[Change]:
        """The changes after an id, waiting up to `block_ms` (0: not at all) for the first."""
        with self.reaching():
            rows: Any
            if block_ms:
                rows = rows_of(self.redis.xread({self.keys.changes: after}, count=most, block=block_ms))
            else:
                rows = self.redis.xrange(self.keys.changes, min=f"({after}", count=most)
        return [change_of(name, row) for name, row in rows]

    def archive_lag(self, now: datetime) -> float | None:
        """How long what happened has waited for the archive worker: seconds since its last commit while the stream of
        events holds more, else 0; None when no archive was ever kept."""
        with self.reaching(), self.redis.pipeline(transaction=False) as pipe:
            pipe.hmget(self.keys.archived, "events", "at")
            pipe.xrevrange(self.keys.events, count=1)
            (upto, at), newest = pipe.execute()
        if at is None:
            return None
        waiting = bool(newest) and newest[0][0] != upto
        return max(0.0, now.timestamp() - int(at) / 1000) if waiting else 0.0

    def memory(self) -> float:
        """The share of Redis' memory limit that is in use, 0 to 1; 0 when it has no limit."""
        with self.reaching():
            info: Mapping[str, Any] = self.redis.info("memory")
        return float(info["used_memory"]) / float(info["maxmemory"]) if info.get("maxmemory") else 0.0

    @contextmanager
    def reaching(self) -> Iterator[None]:
        """Everything that means "Redis does not serve us now" becomes Unreachable."""
        try:
            yield
        except RedisError as error:
            if isinstance(error, GONE) or str(error).startswith(NOT_NOW):
                raise Unreachable(f"Redis does not answer: {error}") from error
            raise

    def _members(self, key: str) -> list[str]:
        with self.reaching():
            members: Any = self.redis.zrange(key, 0, -1)
        return [member.decode() for member in members]

    def _scores(self, key: str) -> dict[str, float]:
        with self.reaching():
            pairs: Any = self.redis.zrange(key, 0, -1, withscores=True)
        return {member.decode(): float(score) for member, score in pairs}

    def _rows(self, names: Iterable[str], key: Any) -> dict[str, Row]:
        wanted = list(names)
        with self.reaching(), self.redis.pipeline(transaction=False) as pipe:
            for name in wanted:
                pipe.hgetall(key(name))
            found = pipe.execute()
        return {
            name: {field.decode(): value.decode() for field, value in row.items()}
            for name, row in zip(wanted, found, strict=True)
        }

    def _back(self, key: str, most: int, before: str, oldest: str = "-") -> list[tuple[str, dict[bytes, bytes]]]:
        newest = before if before == "+" else f"({before}"
        with self.reaching():
            rows: Any = self.redis.xrevrange(key, max=newest, min=oldest, count=most)
        return [(i.decode(), row) for i, row in rows]


def rows_of(streams: Any) -> list[Any]:
    """The rows of an XREAD answer on one stream, in the shape of either protocol."""
    if not streams:
        return []
    if isinstance(streams, dict):
        return [row for batches in streams.values() for rows in batches for row in rows]
    return [row for _, rows in streams for row in rows]
