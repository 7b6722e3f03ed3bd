"""Simulated people at the desk of a running centre: they sign in like people and act through the API like people.

They read the queue as the pages do. Their accounts (`sim-…`) are made when they come and disabled when they go, with a
token that is made anew each time, so that nothing is left behind with which one could come in.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import httpx2

from app.accounts import Accounts, new_password
from app.centre import Centre
from streams.codec import local_day
from streams.errors import Unreachable
from streams.model import Case, State
from streams.simulated_operators import Crew, Deskwork, Wish, best, crew
from streams.simulator import Town

LOOK_S = 2.0
ANSWER_S = 10.0
log = logging.getLogger("gridpost")


@dataclass(frozen=True)
class HttpDoor:
    """The queue read in Redis, the acts through `/api/v1/cases/{no}/{act}`. `tokens`: by name."""

    centre: Centre
    client: httpx2.Client
    tokens: Mapping[str, str]

    def cases(self) -> list[Case]:
        """The open cases, and those that wait for their rating."""
        queue = self.centre.queue
        closed = queue.closed_on(local_day(self.centre.now(), queue.tz))
        return queue.open_cases() + [case for case in closed if case.state is State.CLOSED]

    def best(self, case: Case) -> str:
        """The first of the list of candidates."""
        return best(self.centre.desk(), case)

    def act(self, by: str, role: str, wish: Wish, request: str) -> str:
        """Ask the API; "" when it is done, else why not."""
        body = {"version": wish.case.version, "request_id": request, **_written(wish.given)}
        try:
            answer = self.client.post(
                f"/api/v1/cases/{wish.case.no}/{wish.name}", json=body,
                headers={"Authorization": f"Bearer {self.tokens[by]}"},
            )  # fmt: skip
        except httpx2.HTTPError as error:
            return f"the API does not answer: {error}"
        return "" if answer.status_code == 200 else f"{answer.status_code} {answer.text}"


def _written(given: Mapping[str, Any]) -> dict[str, Any]:
    """What an act needs, as the API wants it."""
    found = dict(given)
    if "place" in found:
        found["lon"], found["lat"] = found.pop("place")
    if isinstance(found.get("until"), datetime):
        found["until"] = found["until"].isoformat()
    return found


@contextlib.contextmanager
def hired(accounts: Accounts, operators: int, now: datetime) -> Iterator[dict[str, str]]:
    """Accounts of a crew while the block runs; gives each its token."""
    known = {account.name for account in accounts.names()}
    people = crew(operators)
    for name, role in people:
        if name in known:
            accounts.set_role(name, role)
            accounts.disable(name, False)
        else:
            accounts.add(name, role, new_password(), now)
    try:
        yield {name: accounts.new_token(name) for name, _ in people}
    finally:
        for name, _ in people:
            accounts.disable(name)


@contextlib.contextmanager
def at_work(centre: Centre, town: Town, url: str, operators: int, seed: int, stop: threading.Event) -> Iterator[None]:
    """A crew of `operators` works at the centre whose API is at `url`, until the block ends or `stop` is set."""
    over = threading.Event()
    with hired(centre.accounts, operators, centre.now()) as tokens, httpx2.Client(
        base_url=url, timeout=ANSWER_S, trust_env=False
    ) as client:  # fmt: skip
        door = HttpDoor(centre, client, tokens)
        people = Crew(door, Deskwork(centre.matters, seed, town.somewhere, door.best), operators)
        loop = partial(_work, people, centre.now, lambda: stop.is_set() or over.wait(LOOK_S))
        thread = threading.Thread(target=loop, name="crew")
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join(ANSWER_S)
            log.info("the people at the desk did %d acts", people.done)


def _work(people: Crew, now: Callable[[], datetime], over: Callable[[], bool]) -> None:
    while not over():
        try:
            people.work(now())
        except Unreachable as error:
            log.warning("%s; the people at the desk wait", error)
