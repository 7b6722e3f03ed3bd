"""Cameras and sensors of a simulated town: signs of life, alerts from new to end, readings, outages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import pi, sin
from random import Random
from typing import NamedTuple

from streams.model import Device
from streams.simulated_day import DAY_S, Day, Said, Woken, weighted

SILENT_SOURCE = "weather"
"""The network that is down when the town starts, and for two hours: twelve of thirteen are live."""

SILENT_S = 2 * 3600.0
OUTAGES_A_DAY = 0.03
EXCURSIONS_A_DAY = 0.12
RISE = 6
"""An excursion rises in a sixth of its time, and falls as fast."""

NIGHT = 0.45


class Sees(NamedTuple):
    """What cameras of a network report: how often, how severe, in words."""

    weight: float
    severity: int
    text: str


CAMERAS: Mapping[str, Mapping[str, Sees]] = {
    "town": {
        "exposed_rubbish": Sees(26, 2, "路边有暴露垃圾"), "roadside_stall": Sees(18, 2, "占道经营"),
        "shop_spill": Sees(14, 2, "商户外摆"), "illegal_parking": Sees(16, 2, "违法停车"),
        "rubbish_dumping": Sees(6, 3, "有人倾倒垃圾"), "loose_dog": Sees(5, 2, "犬只未牵绳"),
        "open_burning": Sees(3, 3, "露天焚烧冒烟"), "crowd": Sees(3, 3, "人员聚集"),
        "manhole_missing": Sees(1, 3, "井盖缺失"), "fire": Sees(0.5, 4, "画面发现明火"),
    },
    "traffic": {
        "illegal_parking": Sees(20, 2, "违法停车"), "no_helmet": Sees(18, 1, "骑行未戴头盔"),
        "muck_uncovered": Sees(10, 2, "渣土车未覆盖"), "muck_spill": Sees(6, 2, "渣土遗撒"),
        "traffic_jam": Sees(12, 2, "路口拥堵"), "traffic_accident": Sees(3, 4, "疑似交通事故"),
        "road_flood": Sees(1, 3, "路面积水"),
    },
    "port": {
        "boat_intrusion": Sees(10, 3, "船只进入禁航水域"), "swimming": Sees(7, 3, "野泳"),
        "quay_dust": Sees(8, 2, "码头扬尘"), "intrusion": Sees(6, 3, "人员闯入作业区"),
        "quay_oil": Sees(3, 3, "泊位水面油膜"), "oil_film": Sees(2, 3, "近岸油膜"),
    },
}  # fmt: skip


class Scale(NamedTuple):
    """How a quantity behaves: usual value, slow wave, noise; in an excursion its peak, how long (s), how often (s)."""

    usual: float
    wave: float
    noise: float
    peak: float
    lasts: float
    step: float


QUANTITIES: Mapping[str, Scale] = {
    "water_level": Scale(1.8, 0.5, 0.02, 3.6, 900, 60), "water_ph": Scale(7.4, 0.3, 0.05, 5.6, 1500, 60),
    "rain": Scale(1, 1, 0.5, 36, 900, 60), "wind": Scale(5, 3, 1, 19.5, 900, 60),
    "pm25": Scale(55, 20, 5, 172, 3600, 300), "noise": Scale(55, 8, 2, 80, 900, 60),
    "odour": Scale(5, 2, 1, 24, 900, 60), "gas": Scale(1, 0.5, 0.3, 27, 240, 20),
    "smoke": Scale(0.5, 0.2, 0.1, 11, 180, 20), "manhole_tilt": Scale(1, 0, 0.3, 24, 1200, 60),
}  # fmt: skip
PLAIN = Scale(20, 3, 0.5, 20, 600, 60)


class Outages:
    """Which devices are silent until when (simulated seconds)."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}

    def begin(self, device: str, until: float) -> None:
        self._until[device] = until

    def silent(self, device: str, now: float) -> bool:
        return self._until.get(device, 0.0) > now


class Fixed:
    """One camera or sensor: a sign of life each period (a sensor's is its reading), sometimes an outage."""

    def __init__(self, device: Device, rng: Random, outages: Outages, opening: float) -> None:
        self._device, self._rng, self._outages, self._opening = device, rng, outages, opening
        self._scale = QUANTITIES.get(device.quantity, PLAIN)
        self._phase = rng.random() * 2 * pi
        self._busy = 0.0
        self._was_silent = False

    def wake(self, now: float) -> Woken:
        """Say it is alive, or stay silent; with period 0 only excursions are said."""
        device, rng = self._device, self._rng
        period = device.period or DAY_S / 24
        if now == 0:
            down = device.source == SILENT_SOURCE or rng.random() < 0.015
            if down:
                self._outages.begin(device.id, SILENT_S)
                self._was_silent = True
                return Woken([], SILENT_S + rng.random() * 60)
            return Woken([], self._opening * (0.1 + 0.9 * rng.random()))
        said = self._back() if self._was_silent else []
        if rng.random() < OUTAGES_A_DAY * period / DAY_S:
            return self._fall_silent(now)
        if device.kind == "camera":
            said.append(Said(0.0, "status", device.id, {"state": "online"}))
        elif now >= self._busy:
            if device.period:
                said.append(self._reading(0.0, self._usual(now)))
            if rng.random() < EXCURSIONS_A_DAY * period / DAY_S:
                said += self._excursion(now)
        return Woken(said, period)

    def _back(self) -> list[Said]:
        self._was_silent = False
        return [Said(0.0, "status", self._device.id, {"state": "online"})]

    def _fall_silent(self, now: float) -> Woken:
        lasts = self._rng.uniform(1800, 10_800)
        self._outages.begin(self._device.id, now + lasts)
        self._was_silent = True
        tells = self._rng.random() < 0.5  # the other half vanishes without a will
        said = [Said(0.0, "status", self._device.id, {"state": "offline"})] if tells else []
        return Woken(said, lasts)

    def _usual(self, now: float) -> float:
        scale = self._scale
        return max(0.0, scale.usual + scale.wave * sin(now / 5400 + self._phase) + self._rng.gauss(0, scale.noise))

    def _excursion(self, now: float) -> list[Said]:
        """Readings that rise (or fall) to the peak, stay, and come back to the usual value."""
        scale = self._scale
        steps = int(scale.lasts / scale.step)
        self._busy = now + scale.lasts + scale.step
        shares = [min(1.0, RISE * n / steps, RISE * (steps - n) / steps) for n in range(1, steps + 1)]
        values = [scale.usual + (scale.peak - scale.usual) * share for share in shares]
        return [
            self._reading(n * scale.step, value + self._rng.gauss(0, scale.noise)) for n, value in enumerate(values, 1)
        ]

    def _reading(self, after: float, value: float) -> Said:
        body = {"quantity": self._device.quantity, "value": round(value, 2), "unit": self._device.unit}
        return Said(after, "reading", self._device.id, body)


class Alerts:
    """All cameras together: which one sees something next. `opening`: when the first ones come (seconds)."""

    def __init__(
        self, cameras: Sequence[Device], rng: Random, day: Day, outages: Outages, per_day: float, run: str,
        opening: Sequence[float],
    ) -> None:  # fmt: skip
        self._cameras, self._rng, self._day, self._outages = cameras, rng, day, outages
        self._per_day, self._run = per_day, run
        self._opening = list(opening)
        self._count = 0

    def wake(self, now: float) -> Woken:
        """One alert, from new to end, and when the next comes."""
        said = self._alert(now) if now > 0 else []
        return Woken(said, self._next(now))

    def _next(self, now: float) -> float:
        if self._opening:
            return max(0.001, self._opening.pop(0) - now)
        return self._day.wait(self._rng, now, self._per_day, NIGHT)

    def _alert(self, now: float) -> list[Said]:
        rng = self._rng
        awake = [camera for camera in self._cameras if not self._outages.silent(camera.id, now)]
        if not awake:
            return []
        camera = rng.choice(awake)
        kinds = next((kinds for network, kinds in CAMERAS.items() if network in camera.source), CAMERAS["town"])
        category = weighted(rng, {name: sees.weight for name, sees in kinds.items()})
        self._count += 1
        sees = kinds[category]
        body = {
            "category": category, "severity": sees.severity, "alert": f"{camera.id}-{self._run}-{self._count}",
            "text": sees.text,
        }  # fmt: skip
        lasts = 40 + rng.expovariate(1 / 240)
        updates: list[float] = []
        while (at := (updates[-1] if updates else 0.0) + rng.uniform(20, 60)) < lasts:
            updates.append(at)
        phases = [(0.0, "new"), *((at, "update") for at in updates), (lasts, "end")]
        return [Said(after, "alert", camera.id, {**body, "phase": phase}) for after, phase in phases]
