"""The county that is measured on: 17 / 271 / 1,558 grids and 5,000 patrols, made by its script when first asked for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from app.config import ROOT
from streams.errors import BadSetting

MAKER = ROOT / "data" / "make_town.py"
FILES = ("grids.geojson", "devices.csv", "patrols.csv", "sources.csv", "org.toml", "basemap.geojson")


def county(state: Path) -> Path:
    """The folder with the county's files below `state`; raises BadSetting when its script cannot make them.

    Made aside and renamed, so that a run that was broken off leaves no half of a county behind.
    """
    made = state / "county"
    if all((made / name).exists() for name in FILES):
        return made
    aside = state / f"county.{os.getpid()}"
    done = subprocess.run(
        [sys.executable, str(MAKER), "county", "--out", str(aside)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise BadSetting(f"{MAKER} could not make the county in {aside}: {last}")
    made.mkdir(exist_ok=True)
    for name in FILES:
        (aside / name).replace(made / name)
    aside.rmdir()
    return made
