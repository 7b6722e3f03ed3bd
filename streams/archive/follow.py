"""The archive worker, read top to bottom: what becomes of an entry of a stream.

The streams are read from where the last commit stands; rows collect in memory; every half minute, or when there are
many, they are written as files and committed together with how far was read; then Redis is told, which trims the
streams only behind that. A worker that dies anywhere begins again at its last commit, so a row is kept exactly once. A
consumer group would be a second truth about the same position, hence there is none; a lock on the directory keeps a
second writer out.
"""

from __future__ import annotations

import fcntl
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any

import msgspec

from streams import checkpoint
from streams.archive import past
from streams.archive.keeping import KEEP_DAYS
from streams.archive.reading import Archive
from streams.archive.rows import Rows, stream_id
from streams.archive.store import STREAMS, Gap, Head, Store
from streams.archive.tidy import forget, tidy
from streams.codec import local_day, millis
from streams.configuration import Configuration
from streams.errors import BadSetting, Unreachable
from streams.ledger import Change, Ledger, change_of
from streams.snapshot import Snapshot

log = logging.getLogger(__name__)
FLUSH = timedelta(seconds=30)
MOST_ROWS = 100_000
"""So many rows are written at once, however young."""
PAGE, BLOCK_MS, PAUSE_S = 5000, 500, 0.2
STRAY = timedelta(minutes=10)
QUARTER_MS = 15 * 60_000
BEFORE_MS = 60_000
"""So long before the first change of all the past begins: a message is received a little before it is recorded."""
TIDY = timedelta(minutes=5)


class Keeper:
    """Takes what the streams of one site hold and keeps it in `store`. `begin` gives the picture of the site as Redis
    has it now, asked only when nothing was ever kept; `configuration`: by what the site works, kept too."""

    def __init__(
        self, ledger: Ledger, store: Store, begin: Callable[[], Snapshot], configuration: Configuration | None = None
    ) -> None:
        self.ledger, self.store = ledger, store
        if configuration is not None:
            configuration.write(store.root / "config" / configuration.version)
        self.head = store.head()
        self._rows = Rows(ledger.tz)
        self._picture: Snapshot | None = None
        self._begin = begin
        self._read = {stream: self.head.position(stream) for stream in STREAMS}
        self._gaps: list[Gap] = []
        self._stray: dict[Path, datetime] = {}
        self._drawn = 0  # the centre's time of the picture, epoch ms
        self._pictured = (0, 0)  # the change after which the last copy of it was taken
        self._checked = False

    @property
    def waiting(self) -> int:
        """How many rows are taken and not committed."""
        return len(self._rows)

    def mark(self, now: datetime) -> None:
        """Once a local day, keep the site as it is in Redis: from there the day can be done again."""
        path = self.store.checkpoint(local_day(now, self.ledger.tz))
        if not path.exists():
            with self.ledger.reaching():
                self.store.keep(path, checkpoint.take(self.ledger.redis, self.ledger.keys))

    def take(self, block_ms: int = 0) -> int:
        """Take what is there, waiting up to `block_ms` for something; returns how many entries."""
        if not self._checked:
            self._check_streams()
        keys, redis = self.ledger.keys, self.ledger.redis
        wanted: Any = {keys(stream): after for stream, after in self._read.items()}
        with self.ledger.reaching():
            found: Any = redis.xread(wanted, count=PAGE, block=block_ms or None)
        taken = 0
        for name, entries in found:
            stream = name.decode().removeprefix(keys.prefix)
            if stream == "changes":
                self._fold(entries)
            self._rows.take(stream, entries)
            self._read[stream] = entries[-1][0].decode()
            taken += len(entries)
        return taken

    def commit(self, now: datetime) -> Head:
        """Write what was taken and make it valid; then tell Redis how far. Harmless to repeat."""
        head, serial = self.head, self.head.serial + 1
        parts = [
            self.store.write(rows, kind, day, f"parts/{kind}-{serial:08d}")
            for (kind, day), rows in self._rows.tables().items()
        ]
        head = msgspec.structs.replace(
            head, read=dict(self._read), parts=(*head.parts, *parts), gaps=(*head.gaps, *self._gaps), at=millis(now),
            serial=serial,
        )  # fmt: skip
        self.store.set_aside(self._rows.unread)
        self.store.commit(head)
        self.head, self._rows, self._gaps = head, Rows(self.ledger.tz), []
        self._tell()
        return self.head

    def tidy(self, now: datetime, keep_days: Mapping[str, int]) -> None:
        """Forget whom somebody asked to forget, put small files together, freeze days that are over, drop what is older
        than it is kept."""
        requests = sorted(self.store.forgetting.glob("*"))
        if requests and self.waiting:  # else who is to be forgotten would come into a file after this
            self.commit(now)
        for request in requests:
            self.head = forget(self.store, self.head, request.name)
            request.unlink()
        self.sweep(now)
        self.head = tidy(self.store, self.head, now, self.ledger.tz, keep_days)

    def sweep(self, now: datetime) -> None:
        """Delete files that nothing has named for a while: of a writer that died, or replaced by larger ones, which
        somebody may still be reading."""
        self._stray = {path: self._stray.get(path, now) for path in self.store.stray(self.head)}
        for path, since in self._stray.items():
            if now - since >= STRAY:
                path.unlink()

    def _check_streams(self) -> None:
        """What was trimmed before it was kept is a gap, and is said; a stream that is behind us is another one."""
        self._gaps = []  # should Redis have gone away in the middle of this
        for stream in STREAMS:
            with self.ledger.reaching():
                kept = self.ledger.redis.exists(self.ledger.keys(stream))
                info: Any = self.ledger.redis.xinfo_stream(self.ledger.keys(stream)) if kept else {}
            if not info:
                continue
            last, first = info["last-generated-id"].decode(), info["first-entry"]
            oldest = first[0].decode() if first else last
            after = self._read[stream]
            if stream_id(last) < stream_id(after):
                raise BadSetting(
                    f"the archive in {self.store.root} has {stream} up to {after}, Redis only up to {last}: it is "
                    "the archive of another Redis, or Redis lost data; set STATE_DIR, or restore Redis"
                )
            if after != "0-0" and stream_id(oldest) > stream_id(after):  # the last one that is kept is never trimmed
                log.error("%s after %s and before %s were trimmed before they were kept", stream, after, oldest)
                self._gaps.append(Gap(stream, after, oldest))
        self._tell()
        self._picture = self._go_on() if self.head.serial else self._start()
        self._checked = True

    def _start(self) -> Snapshot:
        """The picture as Redis has it now, kept as of its last change."""
        picture = self._begin()
        if picture.id != "0-0":
            with self.ledger.reaching():
                last: Any = self.ledger.redis.xrange(self.ledger.keys.changes, picture.id, picture.id)
            self._pictured = stream_id(picture.id)
            self._drawn = change_of(*last[0]).at if last else self._pictured[0]
            self._rows.picture(self._pictured, self._drawn, past.kept(picture))
        return picture

    def _go_on(self) -> Snapshot:
        """The picture at our last commit."""
        picture, self._drawn = past.newest(Archive(self.store, self.ledger.tz))
        picture.id = self._read["changes"]
        return picture

    def _fold(self, entries: Any) -> None:
        """Keep the picture up to date, and a copy of it for each quarter of an hour."""
        assert self._picture is not None, "set when the streams were checked"
        for name, fields in entries:
            if stream_id(name) <= self._pictured:
                continue  # from before we began: the picture is younger, and would be taken for that of then
            try:
                change = change_of(name, fields)
                if not self._drawn:  # the site begins, and so does its past: with nothing
                    self._rows.picture((0, 0), change.at - BEFORE_MS, past.kept(self._picture))
                self._fold_one(self._picture, change)
            except (msgspec.MsgspecError, ValueError, LookupError, TypeError) as error:  # rows.py sets it aside
                log.error("changes %s cannot be folded (%s): the picture goes on without it", name.decode(), error)

    def _fold_one(self, picture: Snapshot, change: Change) -> None:
        place = stream_id(picture.id)
        if self._drawn and change.at // QUARTER_MS > self._drawn // QUARTER_MS and place > self._pictured:
            picture.forget_closed(change.at)
            self._rows.picture(place, self._drawn, past.kept(picture))
            self._pictured = place
        picture.fold(change)
        self._drawn = max(self._drawn, change.at)

    def _tell(self) -> None:
        """Tell Redis how far the streams are kept: it trims behind that only."""
        told: dict[Any, Any] = {stream: self.head.position(stream) for stream in STREAMS}
        with self.ledger.reaching():
            self.ledger.redis.hset(self.ledger.keys.archived, mapping={**told, "at": self.head.at})


def run(
    keeper: Keeper, stopped: Callable[[], bool], now: Callable[[], datetime], wait: Callable[[float], object],
    keep_days: Mapping[str, int] = KEEP_DAYS, flush: timedelta = FLUSH,
) -> None:  # fmt: skip
    """Work until told to stop, also while Redis is away; then keep what was taken."""
    tidied = committed = now()
    while not stopped():
        try:
            keeper.mark(now())
            full = keeper.waiting >= MOST_ROWS
            if not full and 0 < keeper.take(BLOCK_MS) < PAGE:
                wait(PAUSE_S)  # a few at a time would cost more than they bring
            if full or (keeper.waiting and now() - committed >= flush):
                keeper.commit(now())
                committed = now()
            if now() - tidied >= TIDY:
                keeper.tidy(now(), keep_days)
                tidied = now()
        except Unreachable as error:
            log.warning("%s; trying again", error)
            wait(1.0)
        except OSError as error:  # a full disk: nothing is lost while it is full, Redis keeps what is not committed
            log.error("the archive in %s cannot be written (%s): make room; trying again", keeper.store.root, error)
            wait(5.0)
    if keeper.waiting:
        with suppress(Unreachable):  # the files are committed before Redis is told, which the next start does too
            keeper.commit(now())


def lock(store: Store) -> IO[str]:
    """Hold the archive as its only writer until the file is closed; raises BadSetting when somebody holds it."""
    store.root.mkdir(parents=True, exist_ok=True)
    path: Path = store.root / "lock"
    file = path.open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise BadSetting(f"{path} is held by another archive worker: one site has one") from None
    return file
