"""The files of the archive and the one moment at which they count.

    head.json                     what is valid: how far each stream was read, the files of open days, frozen days
    <day>/parts/<kind>-….parquet  an open day: what was taken since, by flush or, once its hour is over, by hour
    <day>/v<n>/<kind>.parquet     a frozen day, its nth version; files.json lists them

A file is written whole, flushed to the disk and renamed; nothing reads it until head.json names it, and head.json too
is written whole and renamed. How far the streams were read stands in the same head.json: whoever dies in between has
neither lost nor doubled a row, and leaves at most a file that nothing names, which is swept away. A frozen
day never changes: what comes later for it makes a new version, and the old one stays.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from streams.archive.schema import KINDS, plain
from streams.errors import BadSetting

STREAMS = ("events", "acts", "changes", "journal")
DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
TIME = {"events": "received", "tracks": "received", "journal": "now", "contacts": "ms"}
"""The column that says when, where it is not `at`."""


class Part(msgspec.Struct, frozen=True):
    """One file: rows of a kind and a local day. `file` is relative to the archive; `hour`: the local hour, of tracks
    that were put together; `first`, `last`: the smallest and the largest stream id in it; `begin`, `end`: the earliest
    and the latest centre's time in it, epoch ms."""

    kind: str
    day: str
    file: str
    rows: int
    first: tuple[int, int]
    last: tuple[int, int]
    sha256: str
    hour: int | None = None
    begin: int = 0
    end: int = 0


class Gap(msgspec.Struct, frozen=True):
    """Entries of a stream that were trimmed before they were kept: after one id, up to another."""

    stream: str
    after: str
    until: str


class Head(msgspec.Struct, frozen=True):
    """What is valid. `read`: stream -> the last id that is kept; `frozen`: day -> its newest version; `kept_from`: kind
    -> the first day of which it is still kept; `gaps`: what was gone from a stream before it was read; `at`: epoch
    ms of the commit; `serial` counts the commits, and names the files."""

    site: str
    read: dict[str, str] = {}
    parts: tuple[Part, ...] = ()
    frozen: dict[str, int] = {}
    kept_from: dict[str, str] = {}
    gaps: tuple[Gap, ...] = ()
    at: int = 0
    serial: int = 0

    def position(self, stream: str) -> str:
        """The last id of a stream that is kept."""
        return self.read.get(stream, "0-0")


class Store:
    """The archive of one site under `root`. One process writes; any number may read meanwhile."""

    def __init__(self, root: Path, site: str) -> None:
        self.site = site
        self.root = root / site

    def checkpoint(self, day: str) -> Path:
        """Where the site as it was at the archive's first moment of a day is kept (`streams/checkpoint.py`)."""
        return self.root / day / "checkpoint.bin"

    def checkpoints(self) -> list[Path]:
        """Those that there are, oldest day first."""
        return sorted(self.root.glob("*/checkpoint.bin"))

    def keep(self, path: Path, content: bytes) -> None:
        """Write a file whole, or not at all."""
        _replace(path, content)

    @property
    def forgetting(self) -> Path:
        """A directory of requests to forget who reported a case: files named by the case, taken by the writer."""
        return self.root / "forget"

    def head(self) -> Head:
        """What is valid now; an empty one when nothing was ever kept."""
        path = self.root / "head.json"
        if not path.exists():
            return Head(self.site)
        head = msgspec.json.decode(path.read_bytes(), type=Head)
        if head.site != self.site:
            raise BadSetting(f"{path} is of site {head.site!r}, not of {self.site!r}: set SITE or STATE_DIR")
        return head

    def write(self, rows: pa.Table, kind: str, day: str, name: str, hour: int | None = None) -> Part:
        """Write one file, sorted as it is; it counts once a commit names it."""
        file = Path(day) / f"{name}.parquet"
        path = self.root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        written, kept = path.with_suffix(".new"), KINDS[kind]
        pq.write_table(
            plain(rows), written, compression="zstd", compression_level=6, row_group_size=kept.group,
            use_dictionary=list(kept.dictionary), column_encoding=kept.encoding,
            write_page_index=True,
        )  # fmt: skip
        digest = _to_disk(written)
        written.rename(path)
        _directory_to_disk(path.parent)
        times = rows[TIME.get(kind, "at")].cast(pa.int64()).to_numpy()
        return Part(
            kind, day, str(file), rows.num_rows, *_span(rows), digest, hour, int(times.min()), int(times.max())
        )  # fmt: skip

    def commit(self, head: Head) -> None:
        """Make it valid: the one moment at which files and positions count."""
        self.root.mkdir(parents=True, exist_ok=True)
        _replace(self.root / "head.json", msgspec.json.format(msgspec.json.encode(head), indent=1))

    def freeze(self, day: str, version: int, parts: Iterable[Part]) -> None:
        """Write the list of a frozen day's files; it counts once a commit names its version."""
        _replace(self._list(day, version), msgspec.json.format(msgspec.json.encode(tuple(parts)), indent=1))

    def days(self, head: Head | None = None) -> list[str]:
        """The local days of which there is anything, oldest first."""
        head = head or self.head()
        return sorted(head.frozen.keys() | {part.day for part in head.parts})

    def parts(self, day: str, head: Head | None = None, version: int | None = None) -> list[Part]:
        """The files of a day: its newest version and what came since, or one version as it was frozen."""
        head = head or self.head()
        newest = head.frozen.get(day, 0)
        if version is not None and not 1 <= version <= newest:
            raise BadSetting(f"{day} has no version {version} in the archive: it has {newest}")
        found: list[Part] = []
        if newest:
            found += msgspec.json.decode(self._list(day, version or newest).read_bytes(), type=list[Part])
        found += [] if version else [part for part in head.parts if part.day == day]
        return [part for part in found if day >= head.kept_from.get(part.kind, "")]

    def path(self, part: Part) -> Path:
        """Where the file is."""
        return self.root / part.file

    def set_aside(self, entries: Iterable[bytes]) -> None:
        """Keep entries that could not be read, one line of JSON each, so that nothing is lost. Twice is better than
        never."""
        lines = b"".join(entry + b"\n" for entry in entries)
        if lines:
            self.root.mkdir(parents=True, exist_ok=True)
            with self.unread.open("ab") as file:
                file.write(lines)
                file.flush()
                os.fsync(file.fileno())

    @property
    def unread(self) -> Path:
        """Entries of the streams that could not be read: a fault of ours."""
        return self.root / "unread.jsonl"

    def stray(self, head: Head) -> list[Path]:
        """Files that nothing names. Only for the writer."""
        named = {part.file for part in head.parts}
        for day, newest in head.frozen.items():
            for version in range(1, newest + 1):
                if self._list(day, version).exists():
                    named |= {part.file for part in self.parts(day, head, version)}
        return [
            path for path in self.root.glob("*/*/*") if DAY.fullmatch(path.parts[-3])
            and path.suffix in (".parquet", ".new") and str(path.relative_to(self.root)) not in named
        ]  # fmt: skip

    def _list(self, day: str, version: int) -> Path:
        return self.root / day / f"v{version}" / "files.json"


def _span(rows: pa.Table) -> tuple[tuple[int, int], tuple[int, int]]:
    """The smallest and the largest stream id of rows."""
    ms, seq = rows["ms"].to_numpy(), rows["seq"].to_numpy()
    first, last = ms.min(), ms.max()
    return (int(first), int(seq[ms == first].min())), (int(last), int(seq[ms == last].max()))


def _replace(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    written = path.with_suffix(".new")
    written.write_bytes(content)
    _to_disk(written)
    written.rename(path)
    _directory_to_disk(path.parent)


def _to_disk(path: Path) -> str:
    """Flush a file to the disk; returns the SHA-256 of what it holds."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        digest = sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _directory_to_disk(path: Path) -> None:
    descriptor: Any = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
