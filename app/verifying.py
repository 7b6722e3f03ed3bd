"""A day of the archive, done again on a Valkey of its own that is thrown away, and held against what was kept."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from app.centre import open_archive, open_centre
from app.config import Settings
from streams import checkpoint
from streams.archive.stretch import DayReader
from streams.configuration import read_kept
from streams.desk import Desk
from streams.differences import Difference, told
from streams.dispatch_queue import DispatchQueue, connect
from streams.embedded import Valkey
from streams.errors import BadSetting
from streams.keys import Keys
from streams.model import Clock
from streams.verify import Same, Stand, Stretch, stands, stood, verify

CLOCKS = msgspec.json.Decoder(tuple[Clock, ...]).decode
EXPECTED = "expected"
"""Where the checkpoint at the end is put back, to see how the cases stood."""
FILES = ("grids", "matters", "calendar", "devices", "patrols", "sources", "org")
"""The settings that name a file; what lies beside the grids is found there."""


class Verified(NamedTuple):
    """What came out. `until`: the day whose checkpoint ends the stretch; empty where the archive simply stops."""

    day: str
    until: str
    found: Same | Difference


def verify_day(
    settings: Settings, day: str, said: Callable[[int, int], None] = lambda done, of: None
) -> Verified:
    """Do a local day (`YYYY-MM-DD`) again, from its checkpoint to the next one. `said` hears how many calls were made,
    of how many. Raises BadSetting when the archive has not what it takes."""
    archive = open_archive(settings)
    with (
        DayReader(archive, day) as reader, tempfile.TemporaryDirectory() as folder,
        Valkey(Path(folder) / "valkey") as server,
    ):  # fmt: skip
        redis = connect(server.url)
        redis.config_set("appendonly", "no")  # it need not survive
        whole = settings.model_copy(update={"redis_url": server.url, "state_dir": Path(folder)})
        kept = reader.kept()
        queue = DispatchQueue(redis, Keys(EXPECTED), settings.tz)
        stretch = Stretch(
            kept.start, kept.calls, kept.events, kept.acts, _stood(queue, kept.end) if kept.end else (),
            bool(kept.end), reader.event,
        )  # fmt: skip
        found = verify(
            stretch, lambda version: desk_of(whole, archive.store.root / "config", version), redis,
            Keys(settings.site), lambda done: said(done, kept.total),
        )  # fmt: skip
        if isinstance(found, Same):
            found = _table_otherwise(reader, queue) or found
        return Verified(day, reader.until if kept.end else "", found)


def _table_otherwise(reader: DayReader, queue: DispatchQueue) -> Difference | None:
    """The first case that the archive's table of cases, by which figures are counted, has otherwise than the checkpoint
    at the end, which was found to be right."""
    rows = {no: Stand(no, state, version, CLOCKS(clocks)) for no, state, version, clocks in reader.cases()}
    for stand in stands(queue, sorted(rows)):
        if rows[stand.no] != stand:
            return Difference("case", "", stand.no, stood(rows[stand.no]), stood(stand))
    return None


def desk_of(settings: Settings, kept: Path, version: str) -> Desk:
    """The desk by a version of the configuration that the archive keeps; without a version, by the files of now."""
    if not version:
        return open_centre(settings).desk()
    folder = kept / version
    if not folder.is_dir():
        raise BadSetting(f"{kept} has no configuration {version}, by which the day was worked: take it from a copy")
    configuration = read_kept(folder)
    if configuration.version != version:
        raise BadSetting(f"{folder} is not version {version}: somebody changed a file there; take it from a copy")
    files = {path.stem: path for path in folder.iterdir()}
    update: dict[str, object] = {name: files.get(name, folder / f"{name}.none") for name in FILES}
    update |= {"calendar": files.get("calendar"), "borders": files.get("borders"), **configuration.values}
    return open_centre(settings.model_copy(update=update)).desk()


def lines(verified: Verified) -> list[str]:
    """What came out, in Chinese and in English."""
    day, until, found = verified
    if isinstance(found, Difference):
        zh, en = told(found)
        return [
            f"{day} 重放与存档不一致。第一处：{zh}",
            f"{day} does not come out the same. The first difference: {en}",
        ]
    zh = f"{day} 重放一致：{found.calls:,} 次调用，{found.acts:,} 条留痕逐字节相同"
    en = f"{day} comes out the same: {found.calls:,} calls, {found.acts:,} log entries with the same bytes"
    if until:
        return [
            f"{zh}，{found.cases:,} 个案件的状态、版本和时限与 {until} 的检查点相同。",
            f"{en}, {found.cases:,} cases with the state, version and clocks of the checkpoint of {until}.",
        ]
    return [
        f"{zh}，直到存档现有的末尾；之后还没有检查点，案件的最终状态未核对。",
        f"{en}, as far as the archive goes; there is no checkpoint after it yet, so how the cases stand at the end was "
        "not compared.",
    ]


def _stood(queue: DispatchQueue, end: bytes) -> Iterator[Stand]:
    """The cases of the checkpoint at the end, put back beside when they are asked for."""
    checkpoint.put_back(queue.redis, queue.keys, end)
    prefix = queue.keys.case("")
    numbers = [key.decode().removeprefix(prefix) for key in queue.redis.scan_iter(prefix + "*", count=1000)]
    yield from stands(queue, sorted(numbers))
