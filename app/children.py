"""Child processes of the demo: the commands of this program, watched and started again when they die.

Each runs in a session of its own, so that Ctrl-C in the terminal reaches only the demo, which then stops them in
the right order; each ends when the demo is gone, however that happened (it watches its standard input).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from streams.embedded import end

LOG_LINES = 8
CALM_S = 60.0
MOST_DEATHS = 5
LONGEST_PAUSE_S = 8.0


class Child:
    """One command of this program as a process. `log` takes what it prints."""

    def __init__(self, name: str, command: Sequence[str], settings: Mapping[str, str], log: Path) -> None:
        self.name = name
        self.log = log
        self._command = [sys.executable, "-m", "app.cli", "--end-with-stdin", *command]
        self._environment = environment(settings)
        self._process: subprocess.Popen[bytes] | None = None
        self._deaths: list[float] = []
        self._again_at = 0.0

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self) -> None:
        """Start it; does not wait until it is ready."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, env=self._environment, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip

    def look_after(self, now: float) -> str | None:
        """Start it again when it died, after a pause that grows; says so once per death. `now` is monotonic."""
        if self.pid is not None or self._process is None:
            return None
        if not self._again_at:
            self._deaths = [at for at in self._deaths if now - at < CALM_S] + [now]
            self._again_at = now + min(LONGEST_PAUSE_S, 0.5 * 2 ** (len(self._deaths) - 1))
            return f"{self.name} ended with code {self._process.returncode}; starting it again. {self.last_words()}"
        if now >= self._again_at:
            self._again_at = 0.0
            self.start()
        return None

    @property
    def hopeless(self) -> bool:
        """Whether it died too often within a minute to try again."""
        return len(self._deaths) >= MOST_DEATHS

    def stop(self, timeout: float) -> None:
        """Ask it to end, by force after `timeout` seconds. Harmless when it does not run."""
        process, self._process = self._process, None
        if process is not None:
            end(process, timeout)

    def last_words(self) -> str:
        """The last lines of its log."""
        try:
            lines = self.log.read_bytes()[-8192:].decode("utf-8", "replace").splitlines()[-LOG_LINES:]
        except OSError:
            return ""
        return f"{self.log} ends with:\n  " + "\n  ".join(lines)


def end_with_stdin() -> None:
    """In a child: end in order when the parent's end of our standard input is closed."""

    def watch() -> None:
        while os.read(sys.stdin.fileno(), 4096):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent", daemon=True).start()


def wait_for(condition: object, timeout: float, pause: float = 0.05) -> bool:
    """Whether `condition()` becomes true within `timeout` seconds."""
    assert callable(condition)
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
    return True


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Ours without its GRIDPOST_ variables, which the settings replace, and with this checkout in reach."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GRIDPOST_")}
    root = str(Path(__file__).resolve().parent.parent)
    path = os.pathsep.join(filter(None, (root, kept.get("PYTHONPATH"))))
    return {**kept, **settings, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}
