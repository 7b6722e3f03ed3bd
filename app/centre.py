"""The centre of one site, loaded: everything a page, the API or a worker needs, made once at the start.

Whatever is wrong in a file is refused here, before anything is served. Callbacks of the pages reach it by
`current()`: a Dash callback is a module-level function, and there is one centre in a process.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import redis
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from app.accounts import Accounts
from app.config import SHIPPED_SCORE, Settings
from app.media import Pictures
from geo.errors import BadBorderFile, BadGridFile, BadRoads
from geo.fences import Border, load_borders
from geo.grids import GridSet
from geo.grids import load as load_grids
from geo.roads import Roads, load_roads
from geo.tagging import GridIndex
from streams.calendar import Calendar, load_calendar, parse_hours
from streams.configuration import Configuration, read_files
from streams.desk import Desk
from streams.dispatch_queue import DispatchQueue
from streams.errors import BadSetting
from streams.indicators.rules import Rules, load_rules
from streams.keys import Keys
from streams.matters import Matters, load_matters
from streams.organisation import (
    NO_ORGANISATION,
    Organisation,
    check_grids,
    check_matters,
    check_register,
    load_organisation,
)
from streams.register import Register, load_register

if TYPE_CHECKING:
    from streams.archive.reading import Archive

ANSWER_S = 5.0


@dataclass(frozen=True)
class Centre:
    """One site: its settings, its files as read, and its doors to Redis. `now` is the only clock."""

    settings: Settings
    grids: GridSet
    index: GridIndex
    matters: Matters
    register: Register
    calendar: Calendar
    org: Organisation
    queue: DispatchQueue
    accounts: Accounts
    pictures: Pictures
    now: Callable[[], datetime]
    roads: Roads | None
    borders: tuple[Border, ...]
    configuration: Configuration
    score: Rules

    def desk(self) -> Desk:
        """What the ingest recipe and the clock worker need of this centre."""
        return Desk(
            self.settings.site, self.register, self.index, self.matters, self.calendar, self.queue, self.now,
            self.org, self.roads, self.borders, self.configuration.version,
        )


_current: list[Centre] = []


def current() -> Centre:
    """The centre of this process; RuntimeError before `open_centre`."""
    if not _current:
        raise RuntimeError("the centre is not open yet: create_app opens it")
    return _current[-1]


def wall_clock() -> datetime:
    """The centre's time, aware, UTC."""
    return datetime.now(UTC)


def open_centre(settings: Settings, now: Callable[[], datetime] = wall_clock) -> Centre:
    """Read the files of the site and open its queue; raises BadSetting. Redis is not asked yet."""
    grids = read_grids(settings.grids)
    calendar = read_calendar(settings)
    matters = load_matters(settings.matters)
    register = load_register(settings.devices, settings.patrols, settings.sources)
    org = read_org(settings.org)
    check_grids(org, grids.by_code)
    check_matters(org, matters)
    check_register(org, register)
    keys, configuration = Keys(settings.site), read_configuration(settings)
    centre = Centre(
        settings=settings, grids=grids, index=GridIndex(grids), matters=matters, register=register,
        calendar=calendar, org=org, queue=open_queue(settings, configuration.version),
        accounts=Accounts(open_redis(settings, decode=True), keys),
        pictures=Pictures(settings.media_dir, settings.media_hosts), now=now,
        roads=read_roads(settings.basemap), borders=read_borders(settings.borders_file), configuration=configuration,
        score=load_rules(settings.score, matters, shipped=settings.score == SHIPPED_SCORE),
    )  # fmt: skip
    _current[:] = [centre]
    return centre


def read_grids(path: Path) -> GridSet:
    """The grid set of the settings; raises BadSetting with the sentence of the reader."""
    try:
        return load_grids(path)
    except BadGridFile as error:
        raise BadSetting(str(error)) from error


def read_borders(path: Path | None) -> tuple[Border, ...]:
    """The border lines that are watched; none without a file. Raises BadSetting with the sentence of the reader."""
    try:
        return load_borders(path) if path else ()
    except BadBorderFile as error:
        raise BadSetting(str(error)) from error


def read_roads(basemap: Path) -> Roads | None:
    """The roads of the town's basemap; None where it has none, and ways are reckoned from the straight line."""
    try:
        return load_roads(basemap)
    except BadRoads as error:
        raise BadSetting(str(error)) from error


def read_org(path: Path) -> Organisation:
    """The organisation; without a file there is none, and everything belongs to the centre. Raises BadSetting."""
    return load_organisation(path) if path.exists() else NO_ORGANISATION


def read_calendar(settings: Settings) -> Calendar:
    """The working calendar: the official one, or that of the settings' file, with the settings' working hours."""
    hours = parse_hours(settings.work_hours)
    if settings.calendar is None:
        return Calendar(tz=settings.tz, hours=hours)
    return load_calendar(settings.calendar, settings.tz, hours)


def open_queue(settings: Settings, version: str = "") -> DispatchQueue:
    """The dispatch queue of the site; `version`: that of the configuration, for whoever changes something."""
    return DispatchQueue(
        open_redis(settings, decode=False), Keys(settings.site), settings.tz, read_calendar(settings), version
    )


def read_configuration(settings: Settings) -> Configuration:
    """What decides about cases, as it stands in the files now; raises BadSetting."""
    files = {
        "grids": settings.grids, "basemap": settings.basemap, "borders": settings.borders_file,
        "matters": settings.matters, "calendar": settings.calendar, "devices": settings.devices,
        "patrols": settings.patrols, "sources": settings.sources, "org": settings.org,
    }  # fmt: skip
    return read_files(files, {"timezone": settings.timezone, "work_hours": settings.work_hours})


def open_archive(of: Centre | Settings) -> Archive:
    """What is kept of the site's history; of a centre, also what only Redis has yet."""
    from streams.archive.reading import Archive  # here: DuckDB and Arrow are not for every worker
    from streams.archive.store import Store

    settings = of.settings if isinstance(of, Centre) else of
    redis = of.queue.redis if isinstance(of, Centre) else None
    return Archive(Store(settings.archive_dir, settings.site), settings.tz, redis)


def open_accounts(settings: Settings) -> Accounts:
    """The accounts of the site."""
    return Accounts(open_redis(settings, decode=True), Keys(settings.site))


def open_redis(settings: Settings, *, decode: bool) -> Any:
    """A client that waits at most a few seconds for an answer: nobody hangs when Redis is gone."""
    url = settings.redis_url
    if url is None:
        raise BadSetting("GRIDPOST_REDIS_URL is not set: name a Redis, or use `gridpost demo`.")
    retry = Retry(ExponentialBackoff(cap=0.5, base=0.05), 2)
    options: dict[str, Any] = {
        "decode_responses": decode, "socket_timeout": ANSWER_S, "socket_connect_timeout": ANSWER_S,
        "health_check_interval": 30, "retry": retry,
    }  # fmt: skip
    if "+cluster://" in url:
        return redis.RedisCluster.from_url(url.replace("+cluster", ""), **options)
    return redis.Redis.from_url(url, **options)
