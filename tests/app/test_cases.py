"""`gridpost cases verify`, as somebody types it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from app.centre import Centre
from streams.kept import KeptTrace
from tests.app.test_cli import gridpost
from tests.streams.samples import NOW, alert

Role = Callable[[str], dict[str, str]]


@pytest.fixture
def site_of_one_case(centre: Centre) -> str:
    """A case that a camera opened: three entries, sealed."""
    (no,) = centre.queue.record([alert("D-1", "1")], NOW).opened
    assert centre.queue.seal(NOW) == 3
    return no


def test_the_trace_of_a_day_is_given_over_http(web: TestClient, as_role: Role, site_of_one_case: str) -> None:
    """The hash of today, how many entries it covers, and the newest seal; a day without acts has none."""
    headers = as_role("leader")
    said = web.get("/api/v1/trace", headers=headers).json()
    assert (said["sealed"], said["final"]) == (3, False)
    assert said["hash"] == said["newest"]["hash"]
    assert len(said["hash"]) == 64
    past = web.get("/api/v1/trace?day=2026-01-01", headers=headers).json()
    assert (past["hash"], past["sealed"], past["final"]) == (None, 0, True)
    assert web.get("/api/v1/trace").status_code == 401


def verify(centre: Centre, folder: Path, *arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output, standard error."""
    url, site = str(centre.settings.redis_url), centre.settings.site
    done = gridpost("cases", "verify", *arguments, cwd=folder, GRIDPOST_REDIS_URL=url, GRIDPOST_SITE=site)
    return done.returncode, done.stdout, done.stderr


def test_a_trace_that_holds_says_how_much_and_the_last_hash(
    centre: Centre, tmp_path: Path, site_of_one_case: str
) -> None:
    """Counts, how far it is sealed, what waits; a hash on paper is found."""
    head = KeptTrace(centre.queue).head()
    code, said, _ = verify(centre, tmp_path, "--hash", head["hash"])
    assert code == 0
    assert "3 entries of 1 cases hold." in said
    assert f"entry {head['id']}: {head['hash']}" in said
    assert "0 wait for the seal." in said
    assert f"is that of entry {head['id']}" in said


def test_a_broken_trace_names_its_first_broken_entry(centre: Centre, tmp_path: Path, site_of_one_case: str) -> None:
    """One sentence with id, case, act and who; exit 1. Up to the entry before it still holds."""
    acts = centre.queue.acts()
    centre.queue.redis.xdel(centre.queue.keys.acts, acts[1].id)
    code, _, said = verify(centre, tmp_path)
    assert code == 1
    assert f"broken at {acts[1].id}" in said
    assert f"{site_of_one_case}, verify by rule" in said
    assert "Traceback" not in said
    assert verify(centre, tmp_path, "--until", acts[0].id)[0] == 0


@pytest.mark.parametrize("arguments", [("--hash", "abc"), ("--until", "yesterday")])
def test_what_cannot_be_a_hash_or_an_id_is_wrong_usage(
    centre: Centre, tmp_path: Path, arguments: tuple[str, str]
) -> None:
    """Exit 2, and the form that is wanted."""
    code, _, said = verify(centre, tmp_path, *arguments)
    assert code == 2
    assert "give" in said
