"""`/style.json`: the map in one document: the background and the grids.

One same-origin answer with everything in it, because MapLibre rejects the whole plot when any part of its first
style fails to load. There is no `glyphs`: labels are drawn from the fonts of the machine. There is no `sprite`.
What moves is not here: its sources and layers belong to `assets/map-layers.js`, beside the code that fills them,
since their sizes depend on the screen. The heat of the grids goes below the layer `water`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any, Literal, cast

import msgspec
import shapely
from fastapi import APIRouter, Request
from fastapi.responses import Response

from app.centre import Centre
from geo.grids import Grid, GridSet

Theme = Literal["dark", "light"]
Layer = dict[str, Any]

HEAT_BELOW = "water"
FONT = ["Noto Sans CJK SC"]
EMPTY = {"type": "FeatureCollection", "features": []}
COLOURS: dict[Theme, dict[str, str]] = {
    "dark": {
        "sea": "#0B1316", "land": "#181D20", "water": "#0F1A1F", "bank": "#1B2C34", "shore": "#33424A",
        "motorway": "#465159", "trunk": "#3D474E", "road": "#2F383E", "street": "#262D31",
        "grid3": "#46535B", "grid2": "#6F7F89", "grid1": "#9FB0BA", "dedicated": "#8F7BC4",
        "text2": "#AAB4BA", "text3": "#87929A", "raised": "#1B2024", "line": "#3A4248",
    },
    "light": {
        "sea": "#E3EBEF", "land": "#F6F7F5", "water": "#DDE7EC", "bank": "#C4D4DC", "shore": "#A9B8C0",
        "motorway": "#D5D4CC", "trunk": "#DEDDD6", "road": "#E5E4DE", "street": "#E6E5E0",
        "grid3": "#C6CDD1", "grid2": "#93A0A7", "grid1": "#5B686F", "dedicated": "#6A55A8",
        "text2": "#4A565D", "text3": "#626E75", "raised": "#F4F6F7", "line": "#BCC5CA",
    },
}  # fmt: skip

router = APIRouter(tags=["map"])


@router.get("/style.json")
def style_json(request: Request, theme: Theme = "dark", lang: Literal["zh", "en"] = "zh") -> Response:
    """The MapLibre style (version 8) with the background and the grids of this site."""
    body, tag = _body(request.app.state.centre, theme, lang)
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if request.headers.get("if-none-match") in (tag, f"W/{tag}"):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


_bodies: dict[tuple[int, str, str], tuple[bytes, str]] = {}


def _body(centre: Centre, theme: Theme, lang: str) -> tuple[bytes, str]:
    key = (id(centre), theme, lang)
    if key not in _bodies:
        body = msgspec.json.encode(style(centre.grids, read_base(centre), theme, lang, centre.settings.tile_url))
        _bodies[key] = body, '"' + hashlib.sha256(body).hexdigest()[:32] + '"'
    return _bodies[key]


def read_base(centre: Centre) -> dict[str, Any]:
    """The background next to the grid set; nothing when the town has none."""
    path = centre.settings.basemap
    if not path.exists():
        return EMPTY
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def style(
    gridset: GridSet, base: dict[str, Any], theme: Theme, lang: str = "zh", tile_url: str | None = None
) -> dict[str, Any]:
    """The whole style. A tile server that does not answer must not break the map, so its tiles are not part of
    the first style: the address stands in `metadata` and `map.js` adds the source after the first picture."""
    colours = COLOURS[theme]
    return {
        "version": 8,
        "name": f"gridpost-{theme}",
        "metadata": {"gridpost:tiles": tile_url, "gridpost:heat-below": HEAT_BELOW},
        "sources": {
            "base": {"type": "geojson", "data": base},
            "grids": {"type": "geojson", "data": outlines(gridset, lang)},
            "grid-names": {"type": "geojson", "data": labels(gridset, lang)},
        },
        "layers": [*base_layers(colours, lang), *grid_layers(colours)],
    }  # fmt: skip


def outlines(gridset: GridSet, lang: str = "zh") -> dict[str, Any]:
    """The grids as the map draws them."""
    features = [
        {"type": "Feature", "id": n, "properties": _properties(grid, lang), "geometry": _geometry(grid)}
        for n, grid in enumerate(gridset.grids)
    ]
    return {"type": "FeatureCollection", "features": features}


def labels(gridset: GridSet, lang: str = "zh") -> dict[str, Any]:
    """A point in each grid that carries its code and name."""
    features = []
    for grid in gridset.grids:
        inscribed: Any = shapely.maximum_inscribed_circle(cast(Any, grid.geometry), 0.001)
        point = inscribed.coords[0]
        place = {"type": "Point", "coordinates": [round(point[0], 6), round(point[1], 6)]}
        features.append({"type": "Feature", "properties": _properties(grid, lang), "geometry": place})
    return {"type": "FeatureCollection", "features": features}


def _properties(grid: Grid, lang: str) -> dict[str, Any]:
    name = (grid.name_en or grid.name) if lang == "en" else grid.name
    return {"code": grid.code, "name": name, "level": grid.level, "kind": grid.kind, "district": grid.district}


def _geometry(grid: Grid) -> dict[str, Any]:
    found: dict[str, Any] = dict(shapely.geometry.mapping(shapely.set_precision(grid.geometry, 1e-6, mode="pointwise")))
    return found


def base_layers(colours: dict[str, str], lang: str) -> Iterable[Layer]:
    """Sea, land, water, roads, houses and the names of places."""
    yield {"id": "sea", "type": "background", "paint": {"background-color": colours["sea"]}}
    yield _fill("land", colours["land"], "land")
    yield _fill("built", colours["raised"], "built", opacity=0.6)
    yield _fill("water", colours["water"], "water", "river", "pond")
    yield _line("nori", colours["bank"], _zoomed(10, 0.4, 15, 1.4), "nori")
    yield _fill("building", colours["line"], "building", opacity=0.35, minzoom=13.5)
    for name, thin in (("water", 0.8), ("river", 0.8), ("shore", 1.4)):
        colour = colours["shore" if name == "shore" else "bank"]
        yield _line(f"bank-{name}", colour, thin, "bank", kind=name)
    yield _line("pier", colours["shore"], _zoomed(11, 1, 16, 5), "pier")
    for name, minzoom, width in (
        ("street", 11, _zoomed(11, 0.5, 17, 7)), ("road", 0, _zoomed(9, 0.6, 17, 10)),
        ("trunk", 0, _zoomed(8, 1, 17, 14)), ("motorway", 0, _zoomed(7, 1.2, 17, 16)),
    ):  # fmt: skip
        yield _line(f"road-{name}", colours[name], width, "road", kind=name, minzoom=minzoom)
    halo = ["match", ["get", "class"], ["sea", "nori", "port"], colours["sea"], colours["land"]]  # of what it lies on
    yield _label(
        "place", "base", _name(lang), colours["text3"], halo, 11,
        filter=["==", ["get", "layer"], "place"], minzoom=10.5, maxzoom=15.5,
    )  # fmt: skip
    yield _label(
        "street-name", "base", _name(lang), colours["text3"], colours["land"], 10,
        filter=["==", ["get", "layer"], "road"], minzoom=15.5, placement="line",
    )  # fmt: skip


def grid_layers(colours: dict[str, str]) -> Iterable[Layer]:
    """Outlines by level (the finest below the coarser), dedicated grids dashed, codes and names."""
    dedicated = ["==", ["get", "kind"], "dedicated"]
    for level, width, minzoom in ((3, 1, 11.5), (4, 1, 13.5), (2, 2, 9), (1, 3, 0)):
        yield {
            "id": f"grid-{level}", "type": "line", "source": "grids", "minzoom": minzoom,
            "filter": ["all", ["==", ["get", "level"], level], ["!", dedicated]],
            "layout": {"line-join": "round"},
            "paint": {"line-color": colours[f"grid{min(level, 3)}"], "line-width": width},
        }  # fmt: skip
    yield {
        "id": "dedicated-fill", "type": "fill", "source": "grids", "filter": dedicated, "minzoom": 9,
        "paint": {"fill-color": colours["dedicated"], "fill-opacity": 0.07},
    }  # fmt: skip
    yield {
        "id": "dedicated", "type": "line", "source": "grids", "filter": dedicated, "minzoom": 9,
        "paint": {"line-color": colours["dedicated"], "line-width": 1.4, "line-dasharray": [9, 6]},
    }  # fmt: skip
    for level, size, minzoom, maxzoom in ((1, 15, 0, 9), (2, 14, 9, 14.5)):
        yield _label(
            f"grid-name-{level}", "grid-names", ["get", "name"], colours["text2"], colours["land"], size,
            filter=["all", ["==", ["get", "level"], level], ["!", dedicated]], minzoom=minzoom, maxzoom=maxzoom,
        )  # fmt: skip
    code = ["slice", ["get", "code"], ["max", 0, ["-", ["length", ["get", "code"]], 3]]]
    yield _label(
        "grid-name-3", "grid-names", ["concat", code, " ", ["get", "name"]], colours["text2"], colours["land"], 11,
        filter=[">=", ["get", "level"], 3], minzoom=13.5,
    )  # fmt: skip


def _fill(name: str, colour: str, *layers: str, opacity: float = 1, minzoom: float = 0) -> Layer:
    return {
        "id": name, "type": "fill", "source": "base", "minzoom": minzoom,
        "filter": ["in", ["get", "layer"], ["literal", list(layers)]],
        "paint": {"fill-color": colour, "fill-opacity": opacity},
    }  # fmt: skip


def _line(name: str, colour: str, width: Any, layer: str, kind: str = "", minzoom: float = 0) -> Layer:
    condition: list[Any] = ["==", ["get", "layer"], layer]
    if kind:
        condition = ["all", condition, ["==", ["get", "class"], kind]]
    return {
        "id": name, "type": "line", "source": "base", "filter": condition, "minzoom": minzoom,
        "layout": {"line-cap": "round", "line-join": "round"},
        "paint": {"line-color": colour, "line-width": width},
    }  # fmt: skip


def _label(
    name: str, source: str, content: Any, colour: str, halo: Any, size: float, *, filter: Any,  # noqa: A002
    minzoom: float = 0, maxzoom: float = 24, placement: str = "point",
) -> Layer:  # fmt: skip
    return {
        "id": name, "type": "symbol", "source": source, "filter": filter, "minzoom": minzoom, "maxzoom": maxzoom,
        "layout": {
            "text-field": content, "text-font": FONT, "text-size": size, "symbol-placement": placement,
            "text-max-width": 12,
        },
        "paint": {"text-color": colour, "text-halo-color": halo, "text-halo-width": 3},
    }  # fmt: skip


def _name(lang: str) -> list[Any]:
    order = ("name_en", "name") if lang == "en" else ("name", "name_en")
    return ["coalesce", *[["get", name] for name in order], ["get", "ref"], ""]


def _zoomed(low: float, small: float, high: float, large: float) -> list[Any]:
    return ["interpolate", ["linear"], ["zoom"], low, small, high, large]
