"""`/api/v1/what-if`: asks for an archived day with other settings; it is played by a process of its own, one at a time.

A model takes a minute of a processor, which the server of the feed must not lose: so it is the command line that plays,
and this waits for it. A question has a name made of everything its answer hangs on; the same question gets the same
name and the same answer, which is kept as a file.
"""

from __future__ import annotations

import json
import logging
import queue
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field

from app.accounts import Viewer
from app.actions import NotAllowed
from app.api import centre_of
from app.centre import Centre, open_archive
from app.children import environment
from app.config import variables
from app.listing import viewer_of
from app.what_if_rows import encoded
from streams.archive.reading import Archive
from streams.errors import BadWish
from streams.what_if.comparing import Comparison, Merge, Wish, examine, name_of
from streams.what_if.policies import Policy

log = logging.getLogger("gridpost.web")
router = APIRouter(tags=["read"])
ROLES = ("supervisor", "leader", "administrator")
KEPT = 100
LAST_LINES = 3


@dataclass
class Job:
    """A question that is being answered. `share` 0 to 1 over both models; `column`: which is played, "" before."""

    name: str
    day: str
    wish: Wish
    seed: int
    share: float = 0.0
    column: str = ""
    failed: str = ""


@dataclass
class Jobs:
    """The questions of one site, one played at a time. `folder` keeps the answers."""

    folder: Path
    environment: Mapping[str, str]
    _jobs: dict[str, Job] = field(default_factory=dict)
    _wanted: queue.SimpleQueue[Job] = field(default_factory=queue.SimpleQueue)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _thread: threading.Thread | None = None

    def ask(self, job: Job) -> None:
        """Have it played, unless it is or was."""
        with self._lock:
            known = self._jobs.get(job.name)
            if self.answer(job.name) is not None or (known and not known.failed):
                return
            self._jobs[job.name] = job
            self._wanted.put(job)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="what-if", daemon=True)
                self._thread.start()

    def job(self, name: str) -> Job | None:
        """The question that is asked, or was asked of this process."""
        return self._jobs.get(name)

    def answer(self, name: str) -> Comparison | None:
        """The answer, when there is one; one of another release that reads differently is none."""
        path = self.folder / f"{name}.json"
        if not name.isalnum() or not path.exists():
            return None
        try:
            return msgspec.json.decode(path.read_bytes(), type=Comparison)
        except msgspec.DecodeError as error:
            log.info("%s is left alone: %s", path, error)
            return None

    def _work(self) -> None:
        while True:
            job = self._wanted.get()
            try:
                self._play(job)
            except OSError as error:  # no room, no process: whoever asked hears it, the next one may go well
                job.failed = str(error)

    def _play(self, job: Job) -> None:
        command = [sys.executable, "-m", "app.cli", "--end-with-stdin", "what-if", job.day, "--json", "--tell",
                   *arguments(job.wish, job.seed)]  # fmt: skip
        job.column = "starting"
        self.folder.mkdir(parents=True, exist_ok=True)
        written = self.folder / f"{job.name}.new"
        said: list[str] = []
        with (
            written.open("wb") as out,
            subprocess.Popen(
                command, env=dict(self.environment), stdin=subprocess.PIPE, stdout=out, stderr=subprocess.PIPE,
                start_new_session=True,
            ) as process,
        ):  # fmt: skip
            assert process.stderr is not None, "it is a pipe"
            for line in process.stderr:
                self._hear(job, line.decode("utf-8", "replace").strip(), said)
        if process.returncode:
            job.failed = " ".join(said[-LAST_LINES:]).removeprefix("gridpost: ") or f"exit code {process.returncode}"
            written.unlink()
            return
        written.rename(self.folder / f"{job.name}.json")
        job.share = 1.0
        for old in sorted(self.folder.glob("*.json"), key=lambda path: path.stat().st_mtime)[:-KEPT]:
            old.unlink()

    def _hear(self, job: Job, line: str, said: list[str]) -> None:
        word, _, rest = line.partition(" ")
        percent, _, column = rest.partition(" ")
        if word == "progress" and percent.isdigit():
            job.column = column
            job.share = (int(percent) / 100 + (column == "changed")) / 2
        elif line:
            said.append(line)


_sites: dict[Path, Jobs] = {}


def jobs_of(centre: Centre) -> Jobs:
    """The questions of this site."""
    folder = centre.settings.state_dir / "what-if"
    return _sites.setdefault(folder, Jobs(folder, environment(variables(centre.settings))))


def arguments(wish: Wish, seed: int) -> list[str]:
    """The settings as the command line takes them."""
    found = [f"--more-patrols={wish.more_patrols}", f"--where={wish.where}", f"--policy={wish.policy}",
             f"--speed={wish.speed}", f"--seed={seed}"]  # fmt: skip
    radii = {"": wish.merge_radius} | {matter: merge.radius for matter, merge in wish.merge.items()}
    spans = {"": wish.merge_minutes} | {matter: merge.minutes for matter, merge in wish.merge.items()}
    for name, values in (("radius", radii), ("minutes", spans)):
        found += [
            f"--merge-{name}={matter}={value}" if matter else f"--merge-{name}={value}"
            for matter, value in values.items() if value is not None
        ]  # fmt: skip
    return found


class Merging(BaseModel):
    """Another merging of one matter."""

    radius: Annotated[float | None, Field(description="metres")] = None
    minutes: float | None = None


class Asked(BaseModel):
    """What is to be played; what is not given stays as it is."""

    day: Annotated[str, Field(description="a local day of the archive", max_length=20)]
    more_patrols: Annotated[int, Field(description="fewer when negative")] = 0
    where: Annotated[str, Field(description="squad, district or post; empty: where the load is", max_length=200)] = ""
    policy: Annotated[Policy, Field(description="ranked, best or nearest")] = "ranked"
    merge_radius: Annotated[float | None, Field(description="metres, of every matter that merges")] = None
    merge_minutes: float | None = None
    merge: Annotated[dict[str, Merging], Field(description="by matter")] = {}
    speed: Annotated[float, Field(description="times as fast")] = 1.0
    seed: int = 0

    def wish(self) -> Wish:
        """The settings, without what changes nothing, so that the same question has one name."""
        merge = {
            key: Merge(one.radius, one.minutes) for key, one in sorted(self.merge.items())
            if one.radius is not None or one.minutes is not None
        }  # fmt: skip
        where = self.where if self.more_patrols else ""
        return Wish(self.more_patrols, where, self.policy, self.merge_radius, self.merge_minutes, merge, self.speed)


@router.post("/api/v1/what-if")
def ask(request: Request, asked: Asked) -> Response:
    """Have a past day played with other settings; answers 202 with where it stands. The same question again is not
    played again. 422 names what cannot be and what can."""
    centre, _ = centre_of(request), _may(request)
    archive, wish = files(centre), asked.wish()
    try:
        examine(archive, asked.day, wish, centre.register, centre.matters)
    except BadWish as error:
        said = {"error": "bad_what_if", "message_zh": f"{error.zh}。", "message_en": f"{error}."}
        return JSONResponse(said, 422)
    name = name_of(archive, asked.day, wish, asked.seed, centre.configuration.version)
    jobs = jobs_of(centre)
    jobs.ask(Job(name, asked.day, wish, asked.seed))
    return _said(jobs, name, 202)


@router.get("/api/v1/what-if/{name}")
def look(request: Request, name: str) -> Response:
    """How far it is, and the answer when it is there."""
    centre, _ = centre_of(request), _may(request)
    return _said(jobs_of(centre), name, 200)


def files(centre: Centre) -> Archive:
    """The archive as its files are: without the site's Redis."""
    return open_archive(centre.settings)


def _may(request: Request) -> Viewer:
    viewer: Viewer = viewer_of(request)
    if viewer.role not in ROLES:
        raise NotAllowed(f"{viewer.name} is a {viewer.role}: what-if is for {', '.join(ROLES)}.")
    return viewer


def _said(jobs: Jobs, name: str, status: int) -> Response:
    found, job = jobs.answer(name), jobs.job(name)
    body: dict[str, Any] = {"id": name, "url": f"/api/v1/what-if/{name}", "page": f"/what-if?id={name}"}
    if found is not None:
        result = json.loads(encoded(found))
        return JSONResponse({**body, "state": "done", "progress": 1.0, "result": result})
    if job is None:
        gone = {"message_zh": f"没有编号为 {name} 的推演，请再推演一次。",
                "message_en": f"There is no what-if {name}: ask for it again."}  # fmt: skip
        return JSONResponse({"error": "no_such_what_if", **gone}, 404)
    if job.failed:
        said = {"message_zh": job.failed, "message_en": job.failed}
        return JSONResponse({**body, "state": "failed", "progress": job.share, **said})
    state = "running" if job.column else "queued"
    return JSONResponse({**body, "state": state, "column": job.column, "progress": round(job.share, 3)}, status)
