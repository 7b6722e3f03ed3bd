"""A place on earth, and how far and which way from one to another.

The earth is a sphere here: over a town the haversine is within 0.5 % of the ellipsoid, far below what
a GPS knows, and it costs well under a microsecond.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import asin, atan2, cos, degrees, isfinite, radians, sin, sqrt

import numpy as np
from numpy.typing import NDArray

from geo.errors import BadPlace

EARTH_RADIUS = 6_371_008.8
"""Mean radius of the earth in metres (IUGG)."""


@dataclass(frozen=True, slots=True)
class Position:
    """A place in WGS 84 degrees."""

    lon: float
    lat: float

    @classmethod
    def checked(cls, lon: float, lat: float) -> Position:
        """The position of two numbers that came from outside; raises BadPlace when they are no place.

        Exactly 0, 0 is refused too: receivers without a fix report it, and no town lies in the Gulf of
        Guinea.
        """
        if not (isfinite(lon) and isfinite(lat)):
            raise BadPlace(f"lon {lon}, lat {lat} is no place: send finite numbers, or leave them out")
        if not (-180.0 <= lon <= 180.0 and -90.0 <= lat <= 90.0):
            raise BadPlace(
                f"lon {lon}, lat {lat} is out of range: lon goes from -180 to 180, lat from -90 to 90; "
                "are they swapped?"
            )
        if lon == 0.0 and lat == 0.0:
            raise BadPlace("lon 0, lat 0 is what a receiver without a fix says: leave the place out instead")
        return cls(float(lon), float(lat))


def metres(a: Position, b: Position) -> float:
    """Great-circle distance from a to b in metres (haversine)."""
    lat_a, lat_b = radians(a.lat), radians(b.lat)
    half_lat = sin((lat_b - lat_a) / 2)
    half_lon = sin(radians(b.lon - a.lon) / 2)
    chord = half_lat * half_lat + cos(lat_a) * cos(lat_b) * half_lon * half_lon
    return 2 * EARTH_RADIUS * asin(sqrt(min(1.0, chord)))


def bearing(a: Position, b: Position) -> float:
    """Initial course from a to b in degrees clockwise from north, 0 <= course < 360; 0 when they are one
    place."""
    lat_a, lat_b = radians(a.lat), radians(b.lat)
    turn = radians(b.lon - a.lon)
    east = sin(turn) * cos(lat_b)
    north = cos(lat_a) * sin(lat_b) - sin(lat_a) * cos(lat_b) * cos(turn)
    course = degrees(atan2(east, north)) % 360.0
    return 0.0 if course == 360.0 else course


def metres_many(goals: NDArray[np.float64], places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Great-circle distance in metres to each goal (rows) from each place (columns), both rows of lon, lat."""
    lons, lats = np.radians(places[:, 0]), np.radians(places[:, 1])
    to_lons, to_lats = np.radians(goals[:, :1]), np.radians(goals[:, 1:])
    half = np.sin((lats - to_lats) / 2) ** 2 + np.cos(lats) * np.cos(to_lats) * np.sin((lons - to_lons) / 2) ** 2
    found: NDArray[np.float64] = 2 * EARTH_RADIUS * np.arcsin(np.sqrt(np.minimum(1.0, half)))
    return found
