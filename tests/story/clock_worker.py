"""A clock worker in a process of its own, so that it can be killed, with the time of a `Dial` instead of the machine's.

Run as `python -m tests.story.clock_worker SITE NAME REDIS MQTT FOLDER DIAL START BEGUN`; it says `watching` when it
begins, and ends when its standard input does.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from datetime import datetime
from pathlib import Path

from streams import watch
from streams.dispatch_queue import DispatchQueue, connect
from streams.embedded import Broker, Valkey
from streams.keys import Keys
from streams.mqtt import Publisher
from tests.story.clock_day import Dial, day_desk
from tests.streams.samples import SHANGHAI

ROOT = Path(__file__).parents[2]


class ClockWorker:
    """The child process, from outside."""

    def __init__(self, site: str, name: str, valkey: Valkey, broker: Broker, folder: Path, dial: Dial) -> None:
        command = [sys.executable, "-m", "tests.story.clock_worker", site, name, valkey.url, broker.url, str(folder),
                   str(dial.path), dial.start.isoformat(), repr(dial.begun)]  # fmt: skip
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def watching(self) -> None:
        """Return when it has begun."""
        assert self._process.stdout is not None
        assert self._process.stdout.readline().strip() == b"watching", "the worker did not begin"

    def kill(self) -> None:
        """SIGKILL: it has no chance to finish anything."""
        self._process.kill()
        self._close()

    def end(self) -> None:
        """Tell it to stop, and see that it ended by itself."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        assert self._process.wait(20) == 0
        self._close()

    def _close(self) -> None:
        self._process.wait(10)
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()


def main(site: str, name: str, redis: str, mqtt: str, folder: str, dial: str, start: str, begun: str) -> None:
    """The worker as `gridpost clock` runs it; it only looks more often, since its day is so short."""
    watch.TIME_EVERY_S = 0.05
    queue = DispatchQueue(connect(redis), Keys(site), SHANGHAI)
    time = Dial(Path(dial), datetime.fromisoformat(start), float(begun))
    desk = day_desk(queue, Path(folder) / str(os.getpid()), time)

    def end_with_parent() -> None:
        while os.read(0, 1):
            pass
        desk.stop.set()

    threading.Thread(target=end_with_parent, daemon=True).start()
    with Publisher(mqtt, f"{site}-{name}", stop=desk.stop) as publisher:
        sys.stdout.write("watching\n")
        sys.stdout.flush()
        watch.run(desk, publisher, name)


if __name__ == "__main__":
    main(*sys.argv[1:])
