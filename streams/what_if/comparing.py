"""What if: an archived day played again with other settings, beside the day as it was.

Three columns, and only two of them may be compared: the real day; a model of it with the settings it had, which shows
how far the model is from the truth; the same model with the settings to be tried. Whatever the model gets wrong is
wrong in both of its columns, so what counts is the difference between those two.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import Literal

import msgspec

from geo.places import Position, metres
from streams.archive.reading import Archive
from streams.codec import millis, to_json
from streams.desk import Desk
from streams.dispatch_queue import DispatchQueue
from streams.errors import BadSetting, BadWish
from streams.keys import Keys
from streams.matters import Matter, Matters
from streams.model import Patrol
from streams.register import Register
from streams.what_if.chances import Chances
from streams.what_if.crews import Crew, Crews
from streams.what_if.day import NO_TRACK, Day, Track, check, digest, read
from streams.what_if.figures import BINS, Figures, change
from streams.what_if.model import Clockwork, Model, Rules
from streams.what_if.policies import POLICIES, Policy, way
from streams.what_if.seen import chances, legs, real

MOST_PATROLS, MOST_RADIUS, MOST_MINUTES = 200, 20_000.0, 10_080.0
SLOWEST, FASTEST = 0.2, 5.0
TWIN_S = 1800.0
"""An added patrol walks the round of the one it is like so many seconds ahead of it, so that they are not one."""
MODEL = 1
"""Counts the models: a kept answer of another one is no answer to the same question."""
BACK = 2.0
"""Metres a second at which a patrol goes back to its round after a case."""
Column = Literal["model", "changed"]
Tell = Callable[[float, Column], None]


class Merge(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Another merging of one matter; None: as it is. Metres and minutes."""

    radius: float | None = None
    minutes: float | None = None


class Wish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings to be tried. `more_patrols`: added, or taken away when negative, `where`: a squad, a district or a
    post, "" where the load is; `policy`: see `policies.way`; `merge_radius` (m) and `merge_minutes` of every
    matter that merges, None as they are; `merge`: of single matters; `speed`: times as fast."""

    more_patrols: int = 0
    where: str = ""
    policy: Policy = "ranked"
    merge_radius: float | None = None
    merge_minutes: float | None = None
    merge: dict[str, Merge] = {}
    speed: float = 1.0


class Note(msgspec.Struct, frozen=True):
    """Something to know when the figures are read: a key of `NOTES` and what fills it."""

    key: str
    value: str = ""


class Comparison(msgspec.Struct, frozen=True):
    """The answer. `cut`: at which moment all three are counted, epoch ms; `change`: what the settings change in the
    model; `added`, `removed`: the patrols; `bins`: the classes of arrival times."""

    day: str
    begin: int
    cut: int
    seed: int
    wish: Wish
    real: Figures
    model: Figures
    changed: Figures
    change: dict[str, float | None]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    notes: tuple[Note, ...]
    version: str
    bins: tuple[int, ...] = BINS


def name_of(archive: Archive, day: str, wish: Wish, seed: int, version: str) -> str:
    """Names a question, so that the same one has the same answer: day, what the archive has of it, settings, seed and
    configuration."""
    said = {"day": day, "digest": digest(archive, day), "wish": wish, "seed": seed, "version": version, "model": MODEL}
    return sha256(to_json(said)).hexdigest()[:20]


def examine(archive: Archive, day: str, wish: Wish, register: Register, matters: Matters) -> None:
    """Raises BadWish for a day that is not there and for settings that cannot be, with the value and what can be."""
    check(archive, day)
    _within("more_patrols", wish.more_patrols, -MOST_PATROLS, MOST_PATROLS)
    _within("speed", wish.speed, SLOWEST, FASTEST)
    _within("merge_radius", wish.merge_radius, 0, MOST_RADIUS)
    _within("merge_minutes", wish.merge_minutes, 0, MOST_MINUTES)
    if wish.policy not in POLICIES:
        ways = ", ".join(POLICIES)
        raise BadWish(f"policy = {wish.policy!r} is not known: use one of {ways}",
                      f"没有派遣方式 {wish.policy}，请用其中之一：{ways}")  # fmt: skip
    for key, merge in wish.merge.items():
        if key not in matters.matters:
            such = ", ".join(list(matters.matters)[:3])
            raise BadWish(f"matter {key!r} is not in the catalogue: use one of its keys, such as {such}",
                          f"事项清单里没有 {key}，请用清单中的代码，例如 {such}")  # fmt: skip
        _within(f"merge radius of {key}", merge.radius, 0, MOST_RADIUS)
        _within(f"merge minutes of {key}", merge.minutes, 0, MOST_MINUTES)
    if wish.where and not _there(wish.where, register.patrols.values()):
        known = ", ".join(sorted({x for one in register.patrols.values() for x in (one.squad, one.district) if x}))
        raise BadWish(f"where = {wish.where!r} is no squad, district or post: use one of {known}",
                      f"没有名为 {wish.where} 的中队、片区或岗位，请用其中之一：{known}")  # fmt: skip


def compare(
    archive: Archive, desk: Desk, day: str, wish: Wish, seed: int = 0, tell: Tell = lambda share, column: None
) -> Comparison:
    """Play the day twice. `desk`: the site, on an empty Valkey that was started for this. `tell` hears how far a model
    is (0 to 1) and which. Raises BadSetting."""
    examine(archive, day, wish, desk.register, desk.matters)
    if desk.queue.redis.dbsize():
        raise BadSetting("what-if plays on an empty Valkey of its own: this one holds keys; give it another")
    found = read(archive, day, tuple(desk.matters.thresholds))
    register = desk.register
    seen = chances(found, desk)
    asked = _crewed(found, register, wish)
    settings: tuple[tuple[Column, Wish, dict[str, Patrol], dict[str, Track]], ...] = (
        ("model", Wish(), dict(register.patrols), dict(found.tracks)), ("changed", wish, *asked),
    )  # fmt: skip
    was = real(archive, found, register.patrols)
    figures: dict[Column, Figures] = {}
    for column, how, patrols, tracks in settings:
        site = _site(desk, column, how, patrols, found)
        crews = Crews({name: _crew(one, tracks.get(name, NO_TRACK)) for name, one in patrols.items()}, desk.roads, _utc)
        rules = Rules(way(how.policy, desk.roads), seen, seed, how.speed)
        clock = site.now
        assert isinstance(clock, Clockwork), "put there by _site"
        figures[column] = Model(found, site, clock, crews, rules, partial(_told, tell, column)).play()
    return Comparison(
        day, millis(found.begin), millis(found.cut), seed, wish, was,
        figures["model"], figures["changed"], dict(change(figures["model"], figures["changed"])),
        tuple(sorted(asked[0].keys() - register.patrols.keys())),
        tuple(sorted(register.patrols.keys() - asked[0].keys())), _notes(found, desk, seen), desk.version,
    )  # fmt: skip


def _site(desk: Desk, name: str, wish: Wish, patrols: Mapping[str, Patrol], day: Day) -> Desk:
    """The site with the settings to be tried, on keys of the model's own."""
    clock = Clockwork(day.begin.astimezone(UTC))
    queue = DispatchQueue(desk.queue.redis, Keys(f"what-if-{name}"), desk.calendar.tz, desk.calendar, desk.version)
    queue.register(patrols)
    register = Register(desk.register.devices, patrols, desk.register.sources)
    return dataclasses.replace(desk, queue=queue, now=clock, register=register, matters=merging(desk.matters, wish))


def merging(matters: Matters, wish: Wish) -> Matters:
    """The catalogue with the merging to be tried; a matter that does not merge still does not unless it is named."""

    def changed(matter: Matter) -> Matter:
        own = wish.merge.get(matter.key, Merge())
        general = matter.merge_radius > 0
        radius = own.radius if own.radius is not None else wish.merge_radius if general else None
        minutes = own.minutes if own.minutes is not None else wish.merge_minutes if general else None
        return msgspec.structs.replace(
            matter, merge_radius=matter.merge_radius if radius is None else radius,
            merge_minutes=matter.merge_minutes if minutes is None else minutes,
        )  # fmt: skip

    return msgspec.structs.replace(
        matters, matters={key: changed(one) for key, one in matters.matters.items()},
        by_category={key: changed(one) for key, one in matters.by_category.items()}, fallback=changed(matters.fallback),
    )  # fmt: skip


def _crewed(day: Day, register: Register, wish: Wish) -> tuple[dict[str, Patrol], dict[str, Track]]:
    """The patrols and their tracks with those added, like the ones that were sent most, or taken away, those."""
    patrols, tracks = dict(register.patrols), dict(day.tracks)
    load = {name: 0 for name, one in patrols.items() if not wish.where or _there(wish.where, [one])}
    for leg in legs(day.acts, register.patrols):
        if leg.patrol in load:
            load[leg.patrol] += 1
    worked = [name for name in load if name in tracks]
    busiest = sorted(worked or load, key=lambda name: (-load[name], name))
    for n in range(wish.more_patrols):
        twin = busiest[n % len(busiest)]
        name = f"{twin}+{n // len(busiest) + 1}"
        patrols[name] = msgspec.structs.replace(patrols[twin], id=name, external="")
        tracks[name] = _ahead(tracks.get(twin, NO_TRACK), TWIN_S * (n // len(busiest) + 1))
    for name in busiest[: max(0, -wish.more_patrols)]:
        del patrols[name]
    return patrols, tracks


def _there(where: str, patrols: Iterable[Patrol]) -> bool:
    return any(where in (one.squad, one.district, one.post) for one in patrols)


def _ahead(track: Track, seconds: float) -> Track:
    """The same duty, the same round, but so much ahead."""
    places = [track.where(at + seconds) for at in track.at]
    return Track(track.at, [place for place in places if place is not None], track.duty)


def _crew(patrol: Patrol, track: Track) -> Crew:
    """A patrol that walks its round; after a case it goes back to it."""

    def idle(now: float, last: Position | None, freed: float) -> Position | None:
        home = track.where(now)
        if last is None or home is None:
            return home
        far = metres(last, home)
        share = min(1.0, BACK * (now - freed) / far) if far else 1.0
        return Position(last.lon + (home.lon - last.lon) * share, last.lat + (home.lat - last.lat) * share)

    return Crew(patrol, track.on_duty, idle)


def _notes(day: Day, desk: Desk, seen: Chances) -> tuple[Note, ...]:
    """What to know about this day."""
    notes = []
    if seen.assumed:
        notes.append(Note("assumed", " ".join(seen.assumed)))
    if day.cut < day.begin + timedelta(days=1):
        notes.append(Note("running"))
    others = [version for version in day.versions if version and version != desk.version]
    if desk.version and others:
        notes.append(Note("other_version", " ".join(others)))
    if not day.tracks:
        notes.append(Note("no_tracks"))
    return tuple(notes)


def _within(name: str, value: float | None, least: float, most: float) -> None:
    if value is not None and not least <= value <= most:
        raise BadWish(f"{name} = {value:g}: give a number from {least:g} to {most:g}",
                      f"{name} = {value:g} 不可用：请给 {least:g} 到 {most:g} 之间的数")  # fmt: skip


def _told(tell: Tell, column: Column, share: float) -> None:
    tell(share, column)


def _utc(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
