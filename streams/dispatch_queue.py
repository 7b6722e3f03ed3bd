"""The dispatch queue in Redis: every write to it is one script that checks and changes in one step.

Reads are in `ledger.py`; what the keys are is in `keys.py`. A call that Redis did not answer raises `Unreachable` and
may simply be repeated: events are remembered by their ids, acts by their request.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from redis import Redis
from redis.exceptions import NoScriptError, RedisError

from streams import workflow
from streams.codec import RecordEncoder, Who, clock_args, local_day, millis, moment, pack, to_json
from streams.errors import (
    ActRefused,
    CaseTaken,
    JumpRefused,
    NeedsMissing,
    NoSuchCase,
    PatrolBusy,
    PatrolUnknown,
    SixFixesMissing,
    WrongPatrol,
)
from streams.keys import (
    CASE_DAYS,
    CHANGES_MS,
    DEAD_KEPT,
    EVENTS_KEPT,
    EVENTS_MS,
    FIX_BUCKET_S,
    SEEN_DAYS,
    Keys,
)
from streams.ledger import Ledger, rows_of
from streams.matters import Matter
from streams.model import Case, Clock, Event, Movement, State
from streams.triage import Intent

SCRIPTS = Path(__file__).parent / "scripts"
DAY_S = 24 * 3600
DEAD_PAYLOAD, DEAD_TOPIC = 4096, 512
CALL_WEIGHT = 256
"""How much one call of the record script takes on, so that Redis is not held for more than about 10 ms: a position
weighs 1, anything that may touch an alert or a case 4."""
LEASE_MS = 15_000


class Tagged(NamedTuple):
    """An event with what triage says of it, the data source it came by and who speaks: a patrol, a registered
    device, or somebody else."""

    event: Event
    intent: Intent
    network: str | None = None
    who: Who = "other"


class Letter(NamedTuple):
    """A message that cannot be used, and why: a short reason that is counted, and a text that names the value."""

    topic: str
    payload: bytes
    reason: str
    text: str
    received: datetime


class Recorded(NamedTuple):
    """What became of a batch. `failed`: position in the batch and the script's error, to be dead-lettered."""

    new: int
    duplicate: int
    behind: int
    suspect: int
    merged: int
    opened: tuple[str, ...]
    failed: tuple[tuple[int, str], ...] = ()


class Answered(NamedTuple):
    """An act that was done: the case as it is now and the id of the running dispatch, if any."""

    case: Case
    dispatch: str


class Act(NamedTuple):
    """One act as somebody asks for it. `seen`: the version they saw (None: a reply, judged by its `dispatch`).
    `request` names the call: the same name again gives the same answer and does nothing more."""

    no: str
    name: str
    by: str
    role: str
    request: str
    seen: int | None = None
    patrol: str = ""
    post: str = ""
    dispatch: str | None = None
    text: str = ""
    image: str = ""
    clocks: tuple[Clock, ...] = ()
    matter: Matter | None = None


def connect(url: str) -> Redis:
    """A client for `redis://`, `rediss://` or `unix://` with time-outs, so that a dead server is noticed."""
    return Redis.from_url(url, socket_connect_timeout=3, socket_timeout=10, health_check_interval=30)


class DispatchQueue(Ledger):
    """The one way to change what is open and who goes."""

    def __init__(self, redis: Redis, keys: Keys, tz: tzinfo) -> None:
        super().__init__(redis, keys, tz)
        self._record = _Script(redis, "common", "seen", "moves", "cases", "alerts", "record")
        self._act = _Script(redis, "common", "act")
        self._encoder = RecordEncoder(tz)

    def register(self, patrols: Iterable[str]) -> None:
        """Make the registered patrols known, so that they and only they can be sent. Harmless to repeat."""
        wanted = set(patrols)
        with self.reaching(), self.redis.pipeline(transaction=False) as pipe:
            for gone in set(self._members(self.keys.patrols)) - wanted:
                pipe.hdel(self.keys.patrol(gone), "registered")
            for patrol in wanted:
                pipe.hset(self.keys.patrol(patrol), "registered", "1")
                pipe.zadd(self.keys.patrols, {patrol: 0}, nx=True)
            pipe.execute()

    def record(self, batch: Sequence[Tagged], now: datetime) -> Recorded:
        """Record one batch of tagged events; see `scripts/record.lua`. Raises Unreachable; then repeat it."""
        total = Recorded(0, 0, 0, 0, 0, ())
        start = 0
        for part in _calls(batch):
            done = self._record_once(part, now)
            failed = tuple((start + n, text) for n, text in done.failed)
            total = Recorded(
                total.new + done.new, total.duplicate + done.duplicate, total.behind + done.behind,
                total.suspect + done.suspect, total.merged + done.merged, total.opened + done.opened,
                total.failed + failed,
            )  # fmt: skip
            start += len(part)
        return total

    def _record_once(self, batch: Sequence[Tagged], now: datetime) -> Recorded:
        arg = pack(
            {
                "now": millis(now), "day": local_day(now, self.tz),
                "events": [self._encoder.encode(*tagged) for tagged in batch],
                "changes_ms": CHANGES_MS, "events_ms": EVENTS_MS, "events_kept": EVENTS_KEPT,
                "seen_ttl": (SEEN_DAYS + 1) * DAY_S, "fixes_ttl": 4 * FIX_BUCKET_S, "case_ttl": CASE_DAYS * DAY_S,
            }
        )  # fmt: skip
        with self.reaching():
            new, duplicate, behind, suspect, merged, opened, failed = self._record(self.keys.prefix, arg)
        pairs = tuple((int(failed[n]), failed[n + 1].decode()) for n in range(0, len(failed), 2))
        return Recorded(new, duplicate, behind, suspect, merged, tuple(no.decode() for no in opened), pairs)

    def act(self, act: Act, now: datetime) -> Answered:
        """Do one act on one case; see `scripts/act.lua`. Raises one of the ActRefused tree, then nothing changed."""
        row = workflow.BY_NAME.get(act.name)
        if row is None:
            case = self.case(act.no)
            state = case.state if case else State.REPORTED
            raise JumpRefused(act.no, act.name, state.value, workflow.allowed(state))
        arg = pack(
            {
                "now": millis(now), "day": local_day(now, self.tz), "no": act.no, "row": msgspec.to_builtins(row),
                "by": act.by, "role": act.role, "request": act.request, "seen": act.seen, "patrol": act.patrol,
                "post": act.post, "dispatch": act.dispatch, "text": act.text, "image": act.image,
                "clocks": clock_args(act.clocks), "standard": act.matter.standard if act.matter else "",
                "lead": act.matter.lead if act.matter else "", "changes_ms": CHANGES_MS,
                "seen_ttl": SEEN_DAYS * DAY_S, "case_ttl": CASE_DAYS * DAY_S,
            }
        )  # fmt: skip
        with self.reaching():
            answer = msgspec.json.decode(self._act(self.keys.prefix, arg))
        if not answer["ok"]:
            raise _refusal(act, answer)
        case = self.case(act.no)
        if case is None:
            raise NoSuchCase(act.no)
        return Answered(case, answer["dispatch"])

    def dead_letters(self, letters: Sequence[Letter]) -> None:
        """Keep messages that cannot be used, with why. The reasons are counted by local day of `received`."""
        with self.reaching(), self.redis.pipeline(transaction=False) as pipe:
            for letter in letters:
                fields: dict[Any, Any] = {
                    "topic": letter.topic[:DEAD_TOPIC], "payload": letter.payload[:DEAD_PAYLOAD],
                    "reason": letter.reason, "text": letter.text, "received": millis(letter.received),
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
        item = to_json([{"kind": kind, "text_zh": zh, "text_en": en, "at": millis(now)}])
        with self.reaching():
            self.redis.xadd(
                self.keys.changes, {"notices": item}, minid=millis(now) - CHANGES_MS, approximate=True
            )

    def tasks(self, consumer: str, block_ms: int) -> list[tuple[str, dict[str, str]]]:
        """Tasks to publish: first those that were taken and never finished, then new ones.

        One clock worker at a time sends, by a lease, since a withdrawal must not overtake its assignment; the others
        get nothing until it has been silent for 15 s.
        """
        with self.reaching():
            if not self._lease(consumer):
                return []
            self._group()
            claimed = self.redis.xautoclaim(self.keys.outbox, "clock", consumer, min_idle_time=LEASE_MS, count=64)
            rows = claimed[1] or self._read_group(consumer, "0", 0) or self._read_group(consumer, ">", block_ms)
        return [(i.decode(), {k.decode(): v.decode() for k, v in row.items()}) for i, row in rows if row]

    def task_done(self, task: str) -> None:
        """The broker has acknowledged this task."""
        with self.reaching(), self.redis.pipeline(transaction=True) as pipe:
            pipe.xack(self.keys.outbox, "clock", task)
            pipe.xdel(self.keys.outbox, task)
            pipe.execute()

    def _lease(self, consumer: str) -> bool:
        key = self.keys.sender
        if self.redis.set(key, consumer, nx=True, px=LEASE_MS):
            return True
        holder: Any = self.redis.get(key)
        return holder == consumer.encode() and bool(self.redis.pexpire(key, LEASE_MS))

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


def _calls(batch: Sequence[Tagged]) -> Iterator[Sequence[Tagged]]:
    """The batch in pieces that one call may take on, in order."""
    start = weight = 0
    for n, tagged in enumerate(batch):
        one = 1 if type(tagged.event.body) is Movement else 4
        if weight + one > CALL_WEIGHT:
            yield batch[start:n]
            start, weight = n, 0
        weight += one
    if start < len(batch):
        yield batch[start:]


class _Script:
    """One script of one or more files, called by its SHA and loaded again when the server has forgotten it."""

    def __init__(self, redis: Redis, *parts: str) -> None:
        self._redis, self._sha = redis, ""
        self._text = "".join((SCRIPTS / f"{part}.lua").read_text(encoding="utf-8") for part in parts)

    def __call__(self, prefix: str, arg: bytes) -> Any:
        if self._sha:
            try:
                return self._redis.evalsha(self._sha, 1, prefix, arg)
            except NoScriptError:
                self._sha = ""
        self._sha = self._redis.script_load(self._text)
        return self._redis.evalsha(self._sha, 1, prefix, arg)


def _refusal(act: Act, answer: dict[str, Any]) -> ActRefused:
    """What the script refused, as the exception that says it."""
    match answer["error"]:
        case "case_taken":
            return CaseTaken(
                act.no, answer["by"], answer["act"], moment(answer["at"]), answer["patrol"], act.seen or 0,
                answer["version"],
            )  # fmt: skip
        case "jump_refused":
            return JumpRefused(act.no, act.name, answer["state"], workflow.allowed(State(answer["state"])))
        case "patrol_busy":
            return PatrolBusy(act.patrol, answer["case"])
        case "patrol_unknown":
            return PatrolUnknown(act.patrol)
        case "wrong_patrol":
            return WrongPatrol(act.no, act.patrol, act.dispatch or "")
        case "needs_missing":
            return NeedsMissing(act.no, act.name, tuple(answer["missing"]))
        case "six_fixes_missing":
            return SixFixesMissing(act.no, tuple(answer["missing"]))
        case _:
            return NoSuchCase(act.no)
