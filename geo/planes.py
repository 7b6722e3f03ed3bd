"""Planes: degrees as metres east and north of one place, for whatever is measured around it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import cos, radians

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from geo.places import EARTH_RADIUS

XY = tuple[float, float]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Plane:
    """Degrees and metres around one place: good to a millimetre a metre over a county."""

    lon: float
    lat: float

    @classmethod
    def around(cls, geometry: BaseGeometry) -> Plane:
        """The plane of a shape in degrees, about the middle of its bounds."""
        west, south, east, north = geometry.bounds
        return cls((west + east) / 2, (south + north) / 2)

    @cached_property
    def scale(self) -> XY:
        """Metres a degree of longitude and of latitude."""
        north = radians(1) * EARTH_RADIUS
        return north * cos(radians(self.lat)), north

    def metres(self, lon: float, lat: float) -> XY:
        east, north = self.scale
        return (lon - self.lon) * east, (lat - self.lat) * north

    def metres_many(self, places: Floats) -> Floats:
        """Rows of lon, lat as rows of metres east and north."""
        flat: Floats = (places - (self.lon, self.lat)) * self.scale
        return flat

    def degrees(self, x: float, y: float) -> tuple[float, float]:
        """lon, lat of a place of the plane."""
        east, north = self.scale
        return self.lon + x / east, self.lat + y / north

    def flat(self, geometry: BaseGeometry) -> BaseGeometry:
        """The shape in metres."""
        flat: BaseGeometry = shapely.transform(geometry, self.metres_many)
        return flat
