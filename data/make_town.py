"""Makes a made-up town, seeded: `python data/make_town.py wanghai|county --seed 20261118 --out DIR`.

`wanghai` is the town the demo shows; its files are committed beside this script. `county` is 17 towns with
1,558 grids and 5,000 patrols, made when something is to be measured. The same seed gives the same bytes:
all randomness is `random.Random` seeded by text, all coordinates are rounded to six decimals.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))  # the parts lie beside this script, not in a package

import town_basemap
import town_devices
import town_org
import town_wanghai
from shapely.geometry import LineString, mapping
from shapely.geometry.base import BaseGeometry
from town_grids import Grid, land, wanghai
from town_streets import wanghai_roads

SEED = 20261118
Row = Mapping[str, object]
SEA_BORDER: Row = {
    "id": "sea", "name": "望海海域边界", "name_en": "Wanghai sea border", "inside": "right", "watch": "out",
}  # fmt: skip


def make_wanghai(out: Path, seed: int = SEED) -> None:
    """Writes the files of Wanghai into the folder `out`."""
    grids = wanghai(seed)
    roads = wanghai_roads(seed, land())
    basemap = town_basemap.wanghai(seed, roads)
    patrols = town_org.patrols(seed, grids)
    devices = town_devices.wanghai(seed, grids, roads)
    write_town(out, grids, basemap, devices, patrols, town_org.SOURCES,
               town_org.wanghai_org(seed, grids, patrols))  # fmt: skip
    _geojson(out / "borders.geojson", [(SEA_BORDER, LineString(town_wanghai.PLANE.line(town_wanghai.SEA_BORDER)))])


def make_county(out: Path, seed: int = SEED) -> None:
    """Writes the files of the county for measuring into the folder `out`."""
    import town_county  # its names and shapes are only needed here

    write_town(out, *town_county.county(seed))


def write_town(
    out: Path,
    grids: Sequence[Grid],
    basemap: Iterable[tuple[Row, BaseGeometry]],
    devices: Sequence[Row],
    patrols: Sequence[Row],
    sources: Sequence[Row],
    org: str,
) -> None:
    """Writes the six files of a town."""
    out.mkdir(parents=True, exist_ok=True)
    _geojson(
        out / "grids.geojson",
        (
            (
                {
                    "code": g.code,
                    "name": g.name,
                    "name_en": g.name_en,
                    "level": g.level,
                    "parent": g.parent,
                    "kind": g.kind,
                    "district": g.district,
                    "chief": g.chief,
                },
                g.shape,
            )
            for g in grids
        ),
    )
    _geojson(out / "basemap.geojson", basemap)
    _csv(out / "devices.csv", devices)
    _csv(out / "patrols.csv", patrols)
    _csv(out / "sources.csv", sources)
    (out / "org.toml").write_text(org, encoding="utf-8", newline="\n")


def _geojson(path: Path, features: Iterable[tuple[Row, BaseGeometry]]) -> None:
    """One feature a line, so that a change of one grid is a change of one line."""
    lines = []
    for properties, shape in features:
        feature = {"type": "Feature", "properties": dict(properties), "geometry": _rounded(mapping(shape))}
        lines.append(json.dumps(feature, ensure_ascii=False, separators=(",", ":")))
    text = '{"type":"FeatureCollection","features":[\n' + ",\n".join(lines) + "\n]}\n"
    path.write_text(text, encoding="utf-8", newline="\n")


def _rounded(value: object) -> object:
    """`value` with every number at six decimals."""
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, Mapping):
        return {k: _rounded(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(v) for v in value]
    return value


def _csv(path: Path, rows: Sequence[Row]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("town", choices=["wanghai", "county"])
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--out", type=Path, required=True, help="the folder that gets the files")
    chosen = parser.parse_args()
    (make_wanghai if chosen.town == "wanghai" else make_county)(chosen.out, chosen.seed)


if __name__ == "__main__":
    main()
