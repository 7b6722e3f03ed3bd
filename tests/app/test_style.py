"""The map's style: complete, from here, and in the colours of the design."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient

from app import style
from app.centre import Centre

Role = Callable[[str], dict[str, str]]


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_the_style_is_complete_and_names_no_other_host(
    web: TestClient, as_role: Role, centre: Centre, theme: str
) -> None:
    """Version 8, no glyphs, no sprite, every layer on a source that is there, data inline."""
    answer = web.get(f"/style.json?theme={theme}", headers=as_role("leader"))
    found = answer.json()
    assert found["version"] == 8
    assert "glyphs" not in found
    assert "sprite" not in found
    names = [layer["id"] for layer in found["layers"]]
    assert len(names) == len(set(names))
    assert style.HEAT_BELOW in names
    for layer in found["layers"]:
        assert layer["type"] == "background" or layer["source"] in found["sources"]
    assert all(isinstance(source["data"], dict) for source in found["sources"].values())
    assert "http" not in answer.text
    assert len(found["sources"]["grids"]["data"]["features"]) == len(centre.grids.grids)


def test_an_unchanged_style_is_not_sent_again(web: TestClient, as_role: Role) -> None:
    """The browser keeps it by its ETag."""
    headers = as_role("leader")
    tag = web.get("/style.json", headers=headers).headers["etag"]
    assert web.get("/style.json", headers=headers | {"If-None-Match": tag}).status_code == 304


def test_every_name_of_a_grid_lies_in_its_grid(centre: Centre) -> None:
    """A centroid of a bent grid may lie outside."""
    from shapely.geometry import Point

    for grid, label in zip(centre.grids.grids, style.labels(centre.grids)["features"], strict=True):
        assert grid.geometry.contains(Point(*label["geometry"]["coordinates"]))


def test_names_follow_the_language(centre: Centre) -> None:
    """Chinese by default, English where asked."""
    zh, en = (json.dumps(style.labels(centre.grids, lang), ensure_ascii=False) for lang in ("zh", "en"))
    grid = centre.grids.finest[0]
    assert grid.name in zh
    assert grid.name_en in en


def test_a_tile_server_is_never_part_of_the_first_style(centre: Centre) -> None:
    """A dead one would keep the whole map from showing."""
    tiles = "https://tiles.example/{z}/{x}/{y}.png"
    found = style.style(centre.grids, style.EMPTY, "dark", "zh", tiles)
    assert found["metadata"]["gridpost:tiles"] == tiles
    assert "tiles.example" not in json.dumps(found["sources"])
