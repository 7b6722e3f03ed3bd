"""What a simulated town keeps over its restarts: which tasks are not done yet, and on which day its scene was opened.

Without it a restart would leave patrols on the way for ever, since a task that was answered is not sent again; and each
start would bring the same alerts and reports of the opening scene. A task that was begun is begun anew: the centre
knows the replies that it has had already.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

import msgspec

from streams.simulator import Town

log = logging.getLogger(__name__)


class Kept(msgspec.Struct, frozen=True):
    """`opened`: the local day; `tasks`: to whom, and the payload."""

    opened: str = ""
    tasks: tuple[tuple[str, str], ...] = ()


class Memory:
    """The file of one town."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._kept = self._read()

    def opened(self, day: str) -> bool:
        """Whether the scene was opened on this local day already."""
        return self._kept.opened == day

    @property
    def tasks(self) -> tuple[tuple[str, bytes], ...]:
        """What was not done when this was written."""
        return tuple((name, payload.encode()) for name, payload in self._kept.tasks)

    def keep(self, town: Town, day: str) -> None:
        """Write down how the town stands, if that changed."""
        kept = Kept(day, tuple((name, payload.decode()) for name, payload in town.unfinished()))
        if kept == self._kept:
            return
        self._kept = kept
        self._path.parent.mkdir(parents=True, exist_ok=True)
        partial = self._path.with_name(self._path.name + ".part")
        partial.write_bytes(msgspec.json.encode(kept))
        os.replace(partial, self._path)

    def _read(self) -> Kept:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Kept)
        except FileNotFoundError:
            return Kept()
        except (OSError, msgspec.DecodeError) as error:
            log.warning("%s cannot be read (%s): the town begins anew", self._path, error)
            return Kept()
