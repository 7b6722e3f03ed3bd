"""The shifted datums of Chinese maps, to WGS 84 and back.

GCJ-02 is WGS 84 moved by 350 to 600 m along a smooth formula; BD-09 is GCJ-02 moved once more. Both formulas
are known only forwards (published by those who measured them), so the way back is a fixed point: guess,
convert, correct by what is missing. Each round leaves at most a fiftieth of the error (a five-hundredth for
GCJ-02), hence five rounds after the first guess end within 3e-8 m, the rounding of doubles (a micrometre on
the 105th meridian, where the formula has a kink). CGCS2000 differs from WGS 84 by less than a metre and is
taken as it.

Everything is numpy over whole columns: a package that converts pair by pair costs 100 µs a pair.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geo.errors import UnknownDatum

Floats = NDArray[np.float64]
Pair = tuple[Floats, Floats]

DATUMS = ("wgs84", "cgcs2000", "gcj02", "bd09")
CHINA = (72.004, 0.8293, 137.8347, 55.8271)
"""West, south, east, north in degrees: the rectangle within which GCJ-02 is shifted, by common convention.

It holds parts of the neighbouring countries too. Outside it GCJ-02 equals WGS 84; within 1 km of its rim, far
from any land of China, the way back is ambiguous and means nothing.
"""

ROUNDS = 5
AXIS = 6_378_245.0  # Krassowsky 1940, semi-major axis in metres
SQUARED_ECCENTRICITY = 0.00669342162296594323
BAIDU_TURN = np.pi * 3000.0 / 180.0


@overload
def to_wgs84(lon: float, lat: float, datum: str) -> tuple[float, float]: ...
@overload
def to_wgs84(lon: ArrayLike, lat: ArrayLike, datum: str) -> Pair: ...
def to_wgs84(lon: ArrayLike, lat: ArrayLike, datum: str) -> tuple[float, float] | Pair:
    """WGS 84 lon, lat of lon, lat in `datum`; degrees, numbers or arrays of one shape (then arrays come
    back).

    Raises UnknownDatum for a datum not in DATUMS.
    """
    return _convert(lon, lat, datum, {"gcj02": _gcj_to_wgs, "bd09": lambda x, y: _gcj_to_wgs(*_bd_to_gcj(x, y))})


@overload
def from_wgs84(lon: float, lat: float, datum: str) -> tuple[float, float]: ...
@overload
def from_wgs84(lon: ArrayLike, lat: ArrayLike, datum: str) -> Pair: ...
def from_wgs84(lon: ArrayLike, lat: ArrayLike, datum: str) -> tuple[float, float] | Pair:
    """Lon, lat in `datum` of WGS 84 lon, lat; degrees, numbers or arrays of one shape (then arrays come
    back).

    Raises UnknownDatum for a datum not in DATUMS.
    """
    return _convert(lon, lat, datum, {"gcj02": _wgs_to_gcj, "bd09": lambda x, y: _gcj_to_bd(*_wgs_to_gcj(x, y))})


def _convert(
    lon: ArrayLike, lat: ArrayLike, datum: str, ways: dict[str, Callable[[Floats, Floats], Pair]]
) -> tuple[float, float] | Pair:
    if datum not in DATUMS:
        raise UnknownDatum(f"datum {datum!r} is not known: use one of {', '.join(DATUMS)}")
    x, y = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    if datum in ways:
        x, y = ways[datum](x, y)
    return (x, y) if x.ndim else (float(x), float(y))


def _wgs_to_gcj(lon: Floats, lat: Floats) -> Pair:
    x, y, pi = lon - 105.0, lat - 35.0, np.pi
    root, waves = np.sqrt(np.abs(x)), 20 * np.sin(6 * pi * x) + 20 * np.sin(2 * pi * x)
    north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root
    north += 2 / 3 * (waves + 20 * np.sin(pi * y) + 40 * np.sin(pi / 3 * y))
    north += 2 / 3 * (160 * np.sin(pi / 12 * y) + 320 * np.sin(pi / 30 * y))
    east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root
    east += 2 / 3 * (waves + 20 * np.sin(pi * x) + 40 * np.sin(pi / 3 * x))
    east += 2 / 3 * (150 * np.sin(pi / 12 * x) + 300 * np.sin(pi / 30 * x))
    flat = 1 - SQUARED_ECCENTRICITY * np.sin(np.radians(lat)) ** 2
    metres_lat = AXIS * (1 - SQUARED_ECCENTRICITY) / (flat * np.sqrt(flat))
    metres_lon = AXIS / np.sqrt(flat) * np.cos(np.radians(lat))
    west, south, far_east, far_north = CHINA
    inside = (lon >= west) & (lon <= far_east) & (lat >= south) & (lat <= far_north)
    return (
        np.where(inside, lon + np.degrees(east / metres_lon), lon),
        np.where(inside, lat + np.degrees(north / metres_lat), lat),
    )


def _gcj_to_bd(lon: Floats, lat: Floats) -> Pair:
    far = np.hypot(lon, lat) + 0.00002 * np.sin(lat * BAIDU_TURN)
    angle = np.arctan2(lat, lon) + 0.000003 * np.cos(lon * BAIDU_TURN)
    return far * np.cos(angle) + 0.0065, far * np.sin(angle) + 0.006


def _gcj_to_wgs(lon: Floats, lat: Floats) -> Pair:
    return _back(_wgs_to_gcj, lon, lat, (lon, lat))


def _bd_to_gcj(lon: Floats, lat: Floats) -> Pair:
    x, y = lon - 0.0065, lat - 0.006
    far = np.hypot(x, y) - 0.00002 * np.sin(y * BAIDU_TURN)
    angle = np.arctan2(y, x) - 0.000003 * np.cos(x * BAIDU_TURN)
    return _back(_gcj_to_bd, lon, lat, (far * np.cos(angle), far * np.sin(angle)))


def _back(forward: Callable[[Floats, Floats], Pair], lon: Floats, lat: Floats, guess: Pair) -> Pair:
    """The place that `forward` takes to lon, lat, by a fixed point from a first guess."""
    x, y = guess
    for _ in range(ROUNDS):
        ahead_x, ahead_y = forward(x, y)
        x, y = x + (lon - ahead_x), y + (lat - ahead_y)
    return x, y
