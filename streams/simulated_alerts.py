"""What the cameras of a simulated town see: violations that a loudspeaker may end, and things that no voice moves.

A violation stands before a camera that can speak, since that is where a town hangs its loudspeakers. Its culprit hears
the announcement (`Alerts.hear`) and leaves within a minute, or stays and is seen again and again: which of the two
is decided by the culprit's own generator, so that it does not depend on who was asked before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import NamedTuple

from streams.model import Device
from streams.simulated_day import Day, Said, Woken, weighted
from streams.simulated_devices import Outages

NIGHT = 0.45
LEAVE = 0.71
"""So many culprits go when they are asked to, as in a town with 134 cameras and 12 kinds of violation."""
LEAVES_WITHIN = (8.0, 40.0)
STAYS = (600.0, 2400.0)
"""Who does not listen stays for so many seconds more."""
SEEN_EVERY = (15.0, 40.0)


class Sees(NamedTuple):
    """What cameras of a network report: how often, how severe, in words."""

    weight: float
    severity: int
    text: str


CAMERAS: Mapping[str, Mapping[str, Sees]] = {
    "town": {
        "exposed_rubbish": Sees(9, 2, "路边有暴露垃圾"), "roadside_stall": Sees(18, 2, "占道经营"),
        "shop_spill": Sees(14, 2, "商户外摆"), "illegal_parking": Sees(16, 2, "违法停车"),
        "rubbish_dumping": Sees(5, 3, "有人倾倒垃圾"), "loose_dog": Sees(7, 2, "犬只未牵绳"),
        "fire_lane": Sees(5, 3, "车辆占用消防通道"), "open_burning": Sees(3, 3, "露天焚烧冒烟"),
        "crowd": Sees(1.5, 3, "人员聚集"), "manhole_missing": Sees(0.5, 3, "井盖缺失"),
        "fire": Sees(0.4, 4, "画面发现明火"),
    },
    "traffic": {
        "illegal_parking": Sees(20, 2, "违法停车"), "no_helmet": Sees(24, 1, "骑行未戴头盔"),
        "muck_uncovered": Sees(4, 2, "渣土车未覆盖"), "muck_spill": Sees(2, 2, "渣土遗撒"),
        "traffic_jam": Sees(3, 2, "路口拥堵"), "traffic_accident": Sees(1, 4, "疑似交通事故"),
        "road_flood": Sees(0.3, 3, "路面积水"),
    },
    "port": {
        "boat_intrusion": Sees(10, 3, "船只进入禁航水域"), "swimming": Sees(7, 3, "野泳"),
        "beach_stranded": Sees(4, 3, "涨潮时赶海人员未上岸"), "intrusion": Sees(8, 3, "人员闯入作业区"),
        "quay_dust": Sees(3, 2, "码头扬尘"), "quay_oil": Sees(1, 3, "泊位水面油膜"), "oil_film": Sees(1, 3, "近岸油膜"),
    },
}  # fmt: skip
VIOLATIONS = frozenset({
    "roadside_stall", "shop_spill", "illegal_parking", "rubbish_dumping", "loose_dog", "fire_lane", "open_burning",
    "no_helmet", "boat_intrusion", "swimming", "beach_stranded", "intrusion",
})  # fmt: skip
"""The 12 kinds whose culprit can be told to leave."""
SCENE = ("illegal_parking", "fire", "shop_spill")
"""What the town's cameras see first: something to announce, something that waits for nobody, and another one."""


class Culprit:
    """Whoever or whatever one alert is about: seen again until it is gone. `until`: when that is, if nobody says
    anything; `stays`: how much longer it stays if it does not listen."""

    def __init__(self, camera: str, body: Mapping[str, object], rng: Random, until: float, stays: float) -> None:
        self._camera, self._body, self._rng = camera, body, rng
        self._until, self._stays = until, stays
        self._asked = False
        self.gone = False
        self.left = False

    def wake(self, now: float) -> Woken:
        """Be seen, or be gone."""
        if self.gone:
            return Woken([], None)
        if now >= self._until:
            self.gone = True
            return Woken([self._seen("end")], None)
        again = min(self._rng.uniform(*SEEN_EVERY), self._until - now)
        return Woken([self._seen("update")], max(0.1, again))

    def hear(self, now: float) -> list[Said]:
        """The loudspeaker speaks. It is said twice and may come twice: the answer is the same."""
        if self.gone or self._asked:
            return []
        self._asked = True
        if self._rng.random() < LEAVE:
            self.gone = self.left = True
            return [self._seen("end", self._rng.uniform(*LEAVES_WITHIN))]
        self._until = max(self._until, now + self._stays)
        return []

    def _seen(self, phase: str, after: float = 0.0) -> Said:
        return Said(after, "alert", self._camera, {**self._body, "phase": phase})


class _Waits:
    """A culprit between its first sight and the next."""

    def __init__(self, culprit: Culprit, first: float) -> None:
        self._culprit, self._first = culprit, first
        self._begun = False

    def wake(self, now: float) -> Woken:
        if self._begun:
            return self._culprit.wake(now)
        self._begun = True
        return Woken([], self._first)


class Alerts:
    """All cameras together: which one sees something next. `opening`: when the first ones come (seconds); `pace`: how
    much faster than the centre's the town's time runs, since the centre looks again by its own."""

    def __init__(
        self, cameras: Sequence[Device], rng: Random, day: Day, outages: Outages, per_day: float, run: str,
        opening: Sequence[float], pace: float = 1.0,
    ) -> None:  # fmt: skip
        self._cameras, self._rng, self._day, self._outages, self._pace = cameras, rng, day, outages, pace
        self._per_day, self._run = per_day, run
        self._opening = list(opening)
        self._scene = list(SCENE[: len(self._opening)])
        self._count = 0
        self.culprits: dict[str, Culprit] = {}

    def wake(self, now: float) -> Woken:
        """The first sight of something, and when the next comes."""
        category = self._scene.pop(0) if self._scene and now > 0 else ""
        camera = self._awake(now, "town" if category else "") if now > 0 else None
        if camera is None:
            return Woken([], self._next(now))
        said, culprit = self._alert(camera, now, category)
        return Woken([said], self._next(now), [_Waits(culprit, self._rng.uniform(*SEEN_EVERY))])

    def hear(self, alert: str, now: float) -> list[Said]:
        """What the culprit of an alert does when it is told to leave; nothing when it is nobody of this town."""
        culprit = self.culprits.get(alert)
        return culprit.hear(now) if culprit else []

    @property
    def left(self) -> int:
        """How many went because they were asked to."""
        return sum(culprit.left for culprit in self.culprits.values())

    def _next(self, now: float) -> float:
        if self._opening:
            return max(0.001, self._opening.pop(0) - now)
        return self._day.wait(self._rng, now, self._per_day, NIGHT)

    def _awake(self, now: float, network: str = "") -> Device | None:
        awake = [one for one in self._cameras if network in one.source and not self._outages.silent(one.id, now)]
        return self._rng.choice(awake) if awake else None

    def _alert(self, camera: Device, now: float, category: str = "") -> tuple[Said, Culprit]:
        rng = self._rng
        kinds = next((kinds for network, kinds in CAMERAS.items() if network in camera.source), CAMERAS["town"])
        category = category or weighted(rng, {name: sees.weight for name, sees in kinds.items()})
        if category in VIOLATIONS and not camera.loudspeaker:
            speaks = [one for one in self._cameras if one.source == camera.source and one.loudspeaker
                      and not self._outages.silent(one.id, now)]  # fmt: skip
            camera = rng.choice(speaks) if speaks else camera
        self._count += 1
        sees = kinds[category]
        alert = f"{camera.id}-{self._run}-{self._count}"
        body = {"category": category, "severity": sees.severity, "alert": alert, "text": sees.text}
        lasts = (300 if category in VIOLATIONS else 40) + rng.expovariate(1 / 240)
        stays = rng.uniform(*STAYS) * self._pace
        culprit = Culprit(camera.id, body, Random(f"{rng.random()}:{alert}"), now + lasts, stays)
        self.culprits[alert] = culprit
        return Said(0.0, "alert", camera.id, {**body, "phase": "new"}), culprit
