"""The small map of the phone page: what lies around one place, drawn as SVG by the server.

The map of the desk comes with a megabyte of MapLibre and half a megabyte of background; a phone in the street needs the
roads around one place. So the server cuts those out and draws them in metres from the place (x to the east, y to the
south), a few kilobytes without colours: the page's own style gives them, light or dark, and the page draws the person
over it in the same metres.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from math import cos, radians
from typing import Any, NamedTuple

import shapely
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from app.labels import Lang
from geo.places import EARTH_RADIUS, Position

METRES_A_DEGREE = EARTH_RADIUS * radians(1)
TALL = 0.56
"""The height of the map for its width."""
ORDER = ("land", "built", "water", "river", "pond", "building", "street", "road", "trunk", "motorway", "pier")
AREAS = frozenset({"land", "built", "water", "river", "pond", "building"})
DETAILS = frozenset({"building", "built"})
DETAILS_REACH = 700.0
"""Beyond this reach (metres) houses are dust and stay away."""
NAMES = 6
NEAR_M = 150.0


class _Thing(NamedTuple):
    kind: str
    name: str
    name_en: str


class Surroundings:
    """The background of a town, ready to be cut. `base`: its GeoJSON, as the map of the desk has it."""

    def __init__(self, base: dict[str, Any]) -> None:
        self._shapes: list[BaseGeometry] = []
        self._things: list[_Thing] = []
        for feature in base.get("features", ()):
            said = feature["properties"]
            kind = said["class"] if said.get("layer") == "road" else said.get("layer", "")
            if kind in ORDER:
                self._shapes.append(shape(feature["geometry"]))
                self._things.append(_Thing(kind, said.get("name", ""), said.get("name_en") or said.get("name", "")))
        self._tree = shapely.STRtree(self._shapes)

    def street(self, place: Position, lang: Lang) -> str:
        """The name of the nearest road within 150 m, or nothing."""
        box = _box(place, NEAR_M, NEAR_M)
        here = _metres(shapely.Point(place.lon, place.lat), place)
        best, found = NEAR_M, ""
        for n in self._tree.query(box):
            thing = self._things[n]
            if thing.name and thing.kind not in AREAS:
                away = _metres(self._shapes[n], place).distance(here)
                if away < best:
                    best, found = away, thing.name_en if lang == "en" else thing.name
        return found

    def sketch(self, place: Position, lang: Lang, reach: float = 300.0) -> str:
        """An SVG of everything within `reach` metres east and west of a place, which is its middle."""
        tall = reach * TALL
        box = _box(place, reach, tall)
        cut = [
            (self._things[n], _metres(found, place))
            for n in sorted(self._tree.query(box), key=lambda n: ORDER.index(self._things[n].kind))
            if not (found := self._shapes[n].intersection(box)).is_empty
            and (self._things[n].kind not in DETAILS or reach <= DETAILS_REACH)
        ]
        paths = "".join(
            f'<path class="m-{kind}" d="{path}"/>'
            for kind in ORDER
            if (path := "".join(_path(each) for thing, each in cut if thing.kind == kind))
        )
        names = "".join(_names(cut, lang, reach))
        size = f"{-reach:g} {-tall:g} {2 * reach:g} {2 * tall:g}"
        return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{size}" class="m-map">{paths}{names}</svg>'


def _box(place: Position, wide: float, tall: float) -> BaseGeometry:
    lon = wide / (METRES_A_DEGREE * cos(radians(place.lat)))
    lat = tall / METRES_A_DEGREE
    return shapely.box(place.lon - lon, place.lat - lat, place.lon + lon, place.lat + lat)


def _metres(found: BaseGeometry, place: Position) -> BaseGeometry:
    """In metres from the place, y to the south as SVG counts it."""
    east, south = METRES_A_DEGREE * cos(radians(place.lat)), -METRES_A_DEGREE
    moved: BaseGeometry = shapely.transform(found, lambda at: (at - [place.lon, place.lat]) * [east, south])
    return moved


def _path(found: BaseGeometry) -> str:
    """The geometry as path data, to the metre; points are left out."""
    said = ""
    for part in shapely.get_parts(found):
        if part.geom_type == "Polygon":
            said += "".join(_line(ring) + "Z" for ring in shapely.get_rings(part))
        elif part.geom_type == "LineString":
            said += _line(part)
    return said


def _line(line: Any) -> str:
    return "M" + "L".join(f"{x:.0f} {y:.0f}" for x, y in shapely.get_coordinates(line))


def _names(cut: list[tuple[_Thing, BaseGeometry]], lang: Lang, reach: float) -> Iterable[str]:
    """The names of the longest roads in the picture, each once, where the road is in the picture."""
    longest: dict[str, BaseGeometry] = {}
    for thing, found in cut:
        name = thing.name_en if lang == "en" else thing.name
        if name and thing.kind not in AREAS:
            for part in shapely.get_parts(found):
                if name not in longest or part.length > longest[name].length:
                    longest[name] = part
    taken: list[BaseGeometry] = [shapely.Point(0, 0).buffer(reach * 0.14)]
    size = reach * 0.062
    for name, part in sorted(longest.items(), key=lambda each: -each[1].length)[: 2 * NAMES]:
        wide = size * sum(1.0 if ord(sign) > 255 else 0.55 for sign in name)
        spot = _room(part, wide, size, reach, taken)
        if spot is not None:
            taken.append(shapely.box(spot.x - wide / 2, spot.y - size, spot.x + wide / 2, spot.y + size))
            yield f'<text x="{spot.x:.0f}" y="{spot.y + size * 0.35:.0f}" font-size="{size:.0f}">{escape(name)}</text>'
        if len(taken) > NAMES:
            return


def _room(part: BaseGeometry, wide: float, size: float, reach: float, taken: list[BaseGeometry]) -> Any:
    """A point on the road where its name fits into the picture and over no other; None when there is none."""
    for along in (0.5, 0.3, 0.7, 0.15, 0.85):
        spot: Any = part.interpolate(along, normalized=True)
        label = shapely.box(spot.x - wide / 2, spot.y - size, spot.x + wide / 2, spot.y + size)
        inside = abs(spot.x) + wide / 2 < reach and abs(spot.y) + size < reach * TALL
        if inside and not any(label.intersects(other) for other in taken):
            return spot
    return None
