"""A real ingest worker in a process of its own, as a site runs it, so that it can be killed."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.streams.catalogue import CATALOGUE
from tests.streams.desk import four_grids, small_register

ROOT = Path(__file__).parents[2]
_numbers = itertools.count(1)


def site_files(folder: Path) -> dict[str, str]:
    """The small site of `tests/streams/desk.py` as files, and the settings that name them."""
    from geo.grids import write

    folder.mkdir(parents=True, exist_ok=True)
    write(four_grids(), folder / "grids.geojson")
    (folder / "matters.toml").write_text(CATALOGUE, encoding="utf-8")
    register = small_register()
    rows = ["id,kind,name,name_en,source,external,lon,lat,bearing,loudspeaker,quantity,unit,period"]
    rows += [
        f"{d.id},{d.kind},{d.name},{d.name_en},{d.source},{d.external},{d.position.lon},{d.position.lat},,0,"
        f"{d.quantity},{d.unit},{d.period}"
        for d in register.devices.values()
    ]
    (folder / "devices.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    rows = ["id,name,name_en,kind,squad,district,post,skills,phone,source,external"]
    rows += [
        f"{p.id},{p.name},{p.name_en},{p.kind},{p.squad},{p.district},{p.post},,,{p.source},{p.external}"
        for p in register.patrols.values()
    ]
    (folder / "patrols.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    rows = ["id,name,name_en,kind,period"]
    rows += [f"{s.id},{s.name},{s.name_en},{s.kind},{s.period:g}" for s in register.sources.values()]
    (folder / "sources.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    names = {"GRIDS": "grids.geojson", "MATTERS": "matters.toml", "DEVICES": "devices.csv", "PATROLS": "patrols.csv",
             "SOURCES": "sources.csv", "ORG": "no-organisation.toml"}  # fmt: skip
    return {f"GRIDPOST_{name}": str(folder / file) for name, file in names.items()}


class Worker:
    """`gridpost ingest` as a child process."""

    def __init__(self, settings: Mapping[str, str], name: str = "1", *, share: bool = False) -> None:
        environment = {key: value for key, value in os.environ.items() if not key.startswith("GRIDPOST_")}
        command = [sys.executable, "-m", "app.cli", "ingest", "--worker", name, *(["--share"] if share else [])]
        self._log = Path(settings["GRIDPOST_STATE_DIR"]) / f"worker-{name}-{next(_numbers)}.log"
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=environment | dict(settings), stdout=subprocess.DEVNULL, stderr=log
            )

    @property
    def logged(self) -> str:
        """What it has said."""
        return self._log.read_text(encoding="utf-8")

    @property
    def listening(self) -> bool:
        """Whether it has subscribed: what is published from then on is its business."""
        return "subscribed" in self.logged

    def kill(self) -> None:
        """SIGKILL: it has no chance to finish anything."""
        self.process.kill()
        self.process.wait(10)

    def stop(self) -> str:
        """SIGTERM, and what it logged. It ends by itself within 10 s."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)
        return self.logged
