"""What leaves and what cannot be used: tasks for the field, notices for the screens, dead letters.

One clock worker at a time sends tasks, by a lease; see `watch.py`, the worker.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any, NamedTuple

from redis import Redis
from redis.exceptions import RedisError

from streams.codec import local_day, millis, pack, to_json
from streams.keys import (
    CASE_DAYS,
    CHANGES_MS,
    DEAD_KEPT,
    EVENTS_ARCHIVED_MS,
    EVENTS_KEPT,
    EVENTS_MS,
    JOURNAL_MS,
    SEEN_DAYS,
    Keys,
)
from streams.ledger import Ledger, rows_of
from streams.model import Reply
from streams.script import Script

DAY_S = 24 * 3600
DEAD_PAYLOAD, DEAD_TOPIC = 4096, 512
LEASE_MS = 15_000


class Letter(NamedTuple):
    """A message that cannot be used, and why: a short reason that is counted, and a text that names the value."""

    topic: str
    payload: bytes
    reason: str
    text: str
    received: datetime


class Outbox(Ledger):
    """Writes that change nothing of a case but whether the centre's rule may send somebody. `version`: that of the
    configuration by which this process works; the journal names it with each change."""

    def __init__(self, redis: Redis, keys: Keys, tz: tzinfo, version: str = "") -> None:
        super().__init__(redis, keys, tz)
        self.version = version
        self._lease = Script(redis, "lease")
        self._notice = Script(redis, "common", "notice")
        self._told = Script(redis, "common", "told")
        self._register = Script(redis, "common", "register")

    def stamp(self, now: datetime) -> dict[str, Any]:
        """What every script that changes something is told: the time, the local day, how long things are kept, and by
        which configuration it is called."""
        return {
            "now": millis(now), "day": local_day(now, self.tz), "v": self.version, "changes_ms": CHANGES_MS,
            "journal_ms": JOURNAL_MS, "events_ms": EVENTS_MS, "events_archived_ms": EVENTS_ARCHIVED_MS,
            "events_kept": EVENTS_KEPT, "seen_ttl": (SEEN_DAYS + 1) * DAY_S, "case_ttl": CASE_DAYS * DAY_S,
        }  # fmt: skip

    def register(self, patrols: Iterable[str], now: datetime | None = None) -> None:
        """Make the registered patrols known, so that they and only they can be sent. Harmless to repeat. `now` is the
        wall clock's unless given, since every process does it at its start."""
        wanted = list(dict.fromkeys(patrols))
        arg = {**self.stamp(now or datetime.now(UTC)), "patrols": wanted, "a": to_json(wanted).decode()}
        with self.reaching():
            self._register(self.keys.prefix, pack(arg))

    def leave_to_people(self, no: str, zh: str, en: str, now: datetime) -> None:
        """The centre's rule cannot send anybody to this case; every screen says so."""
        with self.reaching(), self.redis.pipeline(transaction=True) as pipe:
            pipe.zrem(self.keys("auto"), no)
            pipe.hset(self.keys.case(no), "auto", "")
            pipe.execute()
        self.notice("not_sent", zh, en, now)

    def dead_letters(self, letters: Sequence[Letter]) -> None:
        """Keep messages that cannot be used, with why. The reasons are counted by local day of `received`."""
        with self.reaching(), self.redis.pipeline(transaction=False) as pipe:
            for letter in letters:
                fields: dict[Any, Any] = {
                    "topic": letter.topic[:DEAD_TOPIC], "payload": letter.payload[:DEAD_PAYLOAD],
                    "reason": letter.reason, "text": letter.text[:DEAD_TOPIC], "received": millis(letter.received),
                }  # fmt: skip
                pipe.xadd(self.keys.dead, fields, maxlen=DEAD_KEPT, approximate=True)
                counts = self.keys.counts(local_day(letter.received, self.tz))
                pipe.hincrby(counts, f"dead:{letter.reason}", 1)
                pipe.expire(counts, CASE_DAYS * DAY_S)
            pipe.execute()

    def ignored(self, counts: dict[str, int], now: datetime) -> None:
        """Count messages that were understood but not needed, by what they are."""
        key = self.keys.counts(local_day(now, self.tz))
        with self.reaching(), self.redis.pipeline(transaction=False) as pipe:
            for what, number in counts.items():
                pipe.hincrby(key, f"ignored:{what}", number)
            pipe.expire(key, CASE_DAYS * DAY_S)
            pipe.execute()

    def notice(self, kind: str, zh: str, en: str, now: datetime) -> None:
        """Tell every screen something, in both languages."""
        item = to_json({"kind": kind, "text_zh": zh, "text_en": en, "at": millis(now)}).decode()
        with self.reaching():
            self._notice(self.keys.prefix, pack({**self.stamp(now), "notice": item}))

    def tell_refused(self, device: str, reply: Reply, code: str, why: str, now: datetime) -> None:
        """Tell whoever replied that their act was refused: else their device believes that it was done."""
        fields: dict[Any, Any] = {
            "act": "refused", "case": reply.case, "patrol": device, "dispatch": reply.dispatch, "refused": reply.act,
            "error": code, "text": why, "at": millis(now),
        }  # fmt: skip
        with self.reaching():
            self.redis.xadd(self.keys.outbox, fields)

    def tasks(self, consumer: str, block_ms: int) -> list[tuple[str, dict[str, str]]]:
        """Tasks to publish: first those that were taken and never finished, then new ones.

        One clock worker at a time sends, by a lease, since a withdrawal must not overtake its assignment; the others
        get nothing until it has been silent for 15 s. Whoever has the lease takes over everything that was taken,
        oldest first, before anything new.
        """
        if not self.sender(consumer):
            return []
        with self.reaching():
            self._group()
            claimed = self.redis.xautoclaim(self.keys.outbox, "clock", consumer, min_idle_time=0, count=64)
            rows = claimed[1] or self._read_group(consumer, ">", block_ms)
        return [(i.decode(), {k.decode(): v.decode() for k, v in row.items()}) for i, row in rows if row]

    def task_done(self, task: str, alert: str = "", said: datetime | None = None, wait_ms: int = 0) -> None:
        """The broker has acknowledged this task. Of an announcement: which alert it was about and when it was `said`;
        the alert is looked at again `wait_ms` after that."""
        if said is not None:
            at = millis(said)
            arg = {**self.stamp(said), "task": task, "alert": alert, "said": at, "again": at + wait_ms,
                   "a": to_json({"alert": alert, "at": at, "wait": wait_ms}).decode()}  # fmt: skip
            with self.reaching():
                self._told(self.keys.prefix, pack(arg))
            return
        with self.reaching(), self.redis.pipeline(transaction=True) as pipe:
            pipe.xack(self.keys.outbox, "clock", task)
            pipe.xdel(self.keys.outbox, task)
            pipe.execute()

    def sender(self, worker: str) -> bool:
        """Whether this worker may send for the next 15 s: it had the lease, or nobody has."""
        with self.reaching():
            return bool(self._lease(self.keys.prefix, pack({"worker": worker, "ms": LEASE_MS})))

    def _group(self) -> None:
        if not self.redis.exists(self.keys.outbox) or not self.redis.xinfo_groups(self.keys.outbox):
            try:
                self.redis.xgroup_create(self.keys.outbox, "clock", id="0", mkstream=True)
            except RedisError as error:
                if "BUSYGROUP" not in str(error):  # another clock worker was faster: that is what we wanted
                    raise

    def _read_group(self, consumer: str, after: str, block_ms: int) -> list[Any]:
        streams = self.redis.xreadgroup("clock", consumer, {self.keys.outbox: after}, count=64, block=block_ms or None)
        return rows_of(streams)
