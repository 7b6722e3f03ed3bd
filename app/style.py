"""`/style.json`: the map in one document: background, grids, and the empty sources that the browser fills.

One same-origin answer with everything in it, because MapLibre rejects the whole plot when any part of its first
style fails to load. There is no `glyphs`: labels are drawn from the fonts of the machine. There is no `sprite`:
`map.js` adds the pictures. What moves is empty here; `map.js` fills it by `setData`, and these layers say which
properties a feature must have:

| source      | geometry | properties |
|-------------|----------|------------|
| `trails`    | line, newest last | `state` |
| `routes`    | line     | – |
| `devices`   | point    | `id`, `icon` (`camera`, `camera-off`, `sensor`, `sensor-off`), `bearing` |
| `patrols`   | point, clustered below zoom 11 | `id`, `icon` (`free`, `way`, `scene`, `lost`), `course`, `name` |
| `cases`     | point    | `no`, `icon` (`p1` … `p4`), `priority`, `clock` |
| `alerts`    | point    | `alert`, `severity` |
| `selection` | polygon or point | – |

Plotly's choropleth goes below the layer `HEAT_BELOW`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Literal, cast

import msgspec
import shapely
from fastapi import APIRouter, Request
from fastapi.responses import Response

from app.centre import Centre
from geo.grids import Grid, GridSet

Theme = Literal["dark", "light"]
Layer = dict[str, Any]

HEAT_BELOW = "grid-3"
FONT = ["Noto Sans CJK SC"]
EMPTY = {"type": "FeatureCollection", "features": []}
COLOURS: dict[Theme, dict[str, str]] = {
    "dark": {
        "sea": "#0B1316", "land": "#181D20", "water": "#0F1A1F", "bank": "#1B2C34", "shore": "#33424A",
        "motorway": "#465159", "trunk": "#3D474E", "road": "#2F383E", "street": "#262D31",
        "grid3": "#46535B", "grid2": "#6F7F89", "grid1": "#9FB0BA", "dedicated": "#8F7BC4",
        "selected": "#E9EEF0", "accent": "#6CB0F5", "bg": "#0E1113", "text": "#E9EEF0", "text2": "#AAB4BA",
        "text3": "#87929A", "free": "#5CC8A8", "way": "#6CB0F5", "scene": "#E9EEF0", "lost": "#8B979E",
        "p1": "#FF6459", "p2": "#F0A93B", "raised": "#1B2024", "line": "#3A4248",
    },
    "light": {
        "sea": "#E3EBEF", "land": "#F6F7F5", "water": "#DDE7EC", "bank": "#C4D4DC", "shore": "#A9B8C0",
        "motorway": "#D5D4CC", "trunk": "#DEDDD6", "road": "#E5E4DE", "street": "#E6E5E0",
        "grid3": "#C6CDD1", "grid2": "#93A0A7", "grid1": "#5B686F", "dedicated": "#6A55A8",
        "selected": "#1B2327", "accent": "#1F66B0", "bg": "#EDF0F1", "text": "#1B2327", "text2": "#4A565D",
        "text3": "#626E75", "free": "#0B7A5E", "way": "#1F66B0", "scene": "#2A343A", "lost": "#66737A",
        "p1": "#B01E14", "p2": "#CC8400", "raised": "#F4F6F7", "line": "#BCC5CA",
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
    moving = {name: {"type": "geojson", "data": EMPTY} for name in
              ("selection", "routes", "devices", "alerts", "cases")}  # fmt: skip
    return {
        "version": 8,
        "name": f"gridpost-{theme}",
        "metadata": {"gridpost:tiles": tile_url, "gridpost:heat-below": HEAT_BELOW},
        "sources": {
            "base": {"type": "geojson", "data": base},
            "grids": {"type": "geojson", "data": outlines(gridset, lang)},
            "grid-names": {"type": "geojson", "data": labels(gridset, lang)},
            "trails": {"type": "geojson", "data": EMPTY, "lineMetrics": True},
            "patrols": {
                "type": "geojson", "data": EMPTY, "cluster": True, "clusterRadius": 48, "clusterMaxZoom": 10,
            },
            **moving,
        },
        "layers": [*base_layers(colours, lang), *grid_layers(colours), *live_layers(colours)],
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
    yield _label(
        "place", "base", _name(lang), colours["text3"], colours["land"], 11,
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


def live_layers(colours: dict[str, str]) -> Iterable[Layer]:
    """What moves, from the bottom up: selection, trails, routes, devices, patrols, alerts, cases."""
    area = ["==", ["geometry-type"], "Polygon"]
    yield {
        "id": "selection-fill", "type": "fill", "source": "selection", "filter": area,
        "paint": {"fill-color": colours["accent"], "fill-opacity": 0.09},
    }  # fmt: skip
    yield {
        "id": "selection", "type": "line", "source": "selection", "filter": area,
        "paint": {"line-color": colours["selected"], "line-width": 2.4},
    }  # fmt: skip
    for state in ("free", "way", "scene"):
        ends = (0, _clear(colours[state], 0), 1, _clear(colours[state], 0.6))
        fade = ["interpolate", ["linear"], ["line-progress"], *ends]
        yield {
            "id": f"trail-{state}", "type": "line", "source": "trails", "minzoom": 11,
            "filter": ["==", ["get", "state"], state], "layout": {"line-cap": "round", "line-join": "round"},
            "paint": {"line-width": _zoomed(11, 2, 15, 4), "line-gradient": fade},
        }  # fmt: skip
    yield {
        "id": "routes", "type": "line", "source": "routes", "layout": {"line-cap": "round"},
        "paint": {"line-color": colours["accent"], "line-width": 2, "line-dasharray": [2, 2]},
    }  # fmt: skip
    yield from _devices()
    yield from _patrols(colours)
    yield {
        "id": "alerts", "type": "circle", "source": "alerts", "minzoom": 9,
        "paint": {
            "circle-radius": 9, "circle-color": "rgba(0,0,0,0)", "circle-stroke-width": 2,
            "circle-stroke-color": ["case", [">=", ["get", "severity"], 4], colours["p1"], colours["p2"]],
        },
    }  # fmt: skip
    yield {
        "id": "selection-ring", "type": "circle", "source": "selection",
        "filter": ["==", ["geometry-type"], "Point"],
        "paint": {
            "circle-radius": 20, "circle-color": "rgba(0,0,0,0)", "circle-stroke-width": 2,
            "circle-stroke-color": colours["selected"],
        },
    }  # fmt: skip
    yield from _cases(colours)


def _devices() -> Iterable[Layer]:
    off = ["in", "-off", ["get", "icon"]]
    for name, condition, minzoom in (("devices", ["!", off], 11.5), ("devices-off", off, 9)):
        yield {
            "id": name, "type": "symbol", "source": "devices", "minzoom": minzoom, "filter": condition,
            "layout": {
                "icon-image": ["get", "icon"], "icon-rotate": ["coalesce", ["get", "bearing"], 0],
                "icon-rotation-alignment": "map", "icon-allow-overlap": True, "icon-ignore-placement": True,
                "icon-size": _zoomed(11.5, 0.6, 15, 1),
            },
            "paint": {"icon-opacity": _zoomed(11.5, 0.55, 14, 0.9)},
        }  # fmt: skip


def _patrols(colours: dict[str, str]) -> Iterable[Layer]:
    single = ["!", ["has", "point_count"]]
    yield {
        "id": "patrol-clusters", "type": "circle", "source": "patrols", "filter": ["has", "point_count"], "minzoom": 9,
        "paint": {
            "circle-color": colours["raised"], "circle-stroke-color": colours["free"], "circle-stroke-width": 2,
            "circle-radius": ["interpolate", ["linear"], ["get", "point_count"], 2, 12, 100, 22],
        },
    }  # fmt: skip
    yield {
        **_label("patrol-counts", "patrols", ["to-string", ["get", "point_count"]], colours["text"],
                 colours["raised"], 12, filter=["has", "point_count"], minzoom=9),
    }  # fmt: skip
    yield {
        "id": "patrols", "type": "symbol", "source": "patrols", "filter": single, "minzoom": 9,
        "layout": {
            "icon-image": ["get", "icon"], "icon-allow-overlap": True, "icon-ignore-placement": True,
            "icon-rotate": ["case", ["==", ["get", "icon"], "way"], ["coalesce", ["get", "course"], 0], 0],
            "icon-rotation-alignment": "map",
        },
    }  # fmt: skip
    yield {
        **_label("patrol-names", "patrols", ["get", "name"], colours["text2"], colours["bg"], 11,
                 filter=single, minzoom=15.5, offset=[0, 1.3]),
    }  # fmt: skip


def _cases(colours: dict[str, str]) -> Iterable[Layer]:
    for name, condition, minzoom in (
        ("cases-low", [">=", ["get", "priority"], 3], 10), ("cases", ["<", ["get", "priority"], 3], 0),
    ):  # fmt: skip
        yield {
            "id": name, "type": "symbol", "source": "cases", "filter": condition, "minzoom": minzoom,
            "layout": {
                "icon-image": ["get", "icon"], "icon-allow-overlap": True, "icon-ignore-placement": True,
                "symbol-sort-key": ["-", 0, ["get", "priority"]], "icon-size": _zoomed(9, 0.8, 14, 1),
            },
        }  # fmt: skip
    yield {
        **_label("case-clocks", "cases", ["coalesce", ["get", "clock"], ""], colours["text"], colours["bg"], 12,
                 filter=["<", ["get", "priority"], 3], minzoom=11.5, offset=[0, 1.6]),
    }  # fmt: skip


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
    name: str, source: str, content: Any, colour: str, halo: str, size: float, *, filter: Any,  # noqa: A002
    minzoom: float = 0, maxzoom: float = 24, placement: str = "point", offset: list[float] | None = None,
) -> Layer:  # fmt: skip
    return {
        "id": name, "type": "symbol", "source": source, "filter": filter, "minzoom": minzoom, "maxzoom": maxzoom,
        "layout": {
            "text-field": content, "text-font": FONT, "text-size": size, "symbol-placement": placement,
            "text-offset": offset or [0, 0], "text-max-width": 12,
        },
        "paint": {"text-color": colour, "text-halo-color": halo, "text-halo-width": 3 if source != "patrols" else 2},
    }  # fmt: skip


def _name(lang: str) -> list[Any]:
    order = ("name_en", "name") if lang == "en" else ("name", "name_en")
    return ["coalesce", *[["get", name] for name in order], ["get", "ref"], ""]


def _zoomed(low: float, small: float, high: float, large: float) -> list[Any]:
    return ["interpolate", ["linear"], ["zoom"], low, small, high, large]


@lru_cache
def _clear(colour: str, opacity: float) -> str:
    red, green, blue = (int(colour[n : n + 2], 16) for n in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"
