"""Cameras and sensors of a simulated town: signs of life, readings, outages."""

from __future__ import annotations

from collections.abc import Mapping
from math import pi, sin
from random import Random
from typing import NamedTuple

from streams.model import Device
from streams.simulated_day import DAY_S, Said, Woken

SILENT_SOURCE = "weather"
"""The network that is down when the town starts, and for two hours: twelve of thirteen are live."""

SILENT_S = 2 * 3600.0
OUTAGES_A_DAY = 0.03
EXCURSIONS_A_DAY = 0.12
RISE = 6
"""An excursion rises in a sixth of its time, and falls as fast."""


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
