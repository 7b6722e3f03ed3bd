"""What a worker or a page needs to know of its site, in one place: who there is, where, what holds, and the queue."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property

from geo.fences import Border
from geo.roads import Roads
from geo.tagging import GridIndex
from streams.calendar import Calendar
from streams.dispatch_queue import DispatchQueue
from streams.errors import Unreachable
from streams.matters import Matters
from streams.model import Device
from streams.organisation import NO_ORGANISATION, Organisation
from streams.register import Register

FULL = 0.8
"""The share of Redis' memory at which nothing more is acknowledged: the broker keeps it, and every screen says so."""
GATE_EVERY = timedelta(seconds=5)


class Gate:
    """Holds the work while Redis is nearly full, and tells every screen so. Asked for each batch, looks every 5 s."""

    def __init__(self, queue: DispatchQueue, now: Callable[[], datetime]) -> None:
        self._queue, self._now = queue, now
        self._looked: datetime | None = None
        self.full = False

    def check(self) -> None:
        """Raises Unreachable while the memory is full."""
        now = self._now()
        if self._looked is None or self.full or now - self._looked > GATE_EVERY:
            used = self._queue.memory()
            self._looked = now
            if (used >= FULL) != self.full:
                self.full = used >= FULL
                self._tell(used, now)
        if self.full:
            raise Unreachable(f"Redis uses more than {FULL:.0%} of its memory: give it more, or archive")

    def _tell(self, used: float, now: datetime) -> None:
        if self.full:
            zh = f"存储已用 {used:.0%}，暂停接收新消息，消息由消息服务器保管；请管理员扩容。"
            en = f"Storage is {used:.0%} full: nothing new is taken in, the broker keeps it; give it more memory."
        else:
            zh, en = "存储已恢复，继续接收消息。", "Storage has room again: taking in messages."
        self._queue.notice("storage_full" if self.full else "storage_fine", zh, en, now)


@dataclass(frozen=True)
class Desk:
    """One site. `now` gives the centre's aware UTC time; `version`: that of its configuration."""

    site: str
    register: Register
    index: GridIndex
    matters: Matters
    calendar: Calendar
    queue: DispatchQueue
    now: Callable[[], datetime]
    organisation: Organisation = NO_ORGANISATION
    roads: Roads | None = None
    borders: tuple[Border, ...] = ()
    version: str = ""
    stop: threading.Event = field(default_factory=threading.Event)

    @cached_property
    def speakers(self) -> tuple[Device, ...]:
        """The cameras that can speak."""
        return tuple(device for device in self.register.devices.values() if device.loudspeaker)

    @cached_property
    def gate(self) -> Gate:
        """Whether Redis has room."""
        return Gate(self.queue, self.now)
