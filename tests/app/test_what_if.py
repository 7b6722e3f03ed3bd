"""What if over the API, on the command line and on its page: who may ask, what is refused, and the answer laid out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app import what_if
from app.centre import Centre
from app.commands.what_if import lines, wish_of
from app.labels_what_if import WHAT_IF_WORDS
from app.views import what_if as view
from app.what_if_rows import ROWS
from streams.errors import BadSetting
from streams.what_if.comparing import Comparison, Merge, Note, Wish
from streams.what_if.figures import Figures, change
from tests.app.archived import archived
from tests.conftest import wait_until

__all__ = ["archived"]  # a fixture


@pytest.fixture(autouse=True)
def no_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    """No question of another test."""
    monkeypatch.setattr(what_if, "_sites", {})


def digest(centre: Centre) -> str:
    """The site's keys and what is in them; sessions and tokens change with every sign-in."""
    redis, found = centre.queue.redis, hashlib.sha256()
    keys: list[bytes] = sorted(redis.scan_iter(count=1000))
    for key in keys:
        if not any(part in key for part in (b"session", b"token", b"account")):
            found.update(key + (redis.dump(key) or b""))
    return found.hexdigest()


def test_a_question_is_answered_once_and_the_site_is_not_touched(
    web: TestClient, as_role: Callable[[str], dict[str, str]], archived: str, centre: Centre
) -> None:
    """It runs beside the site and tells how far it is; asked again, the same answer stands; no key has changed."""
    before, me = digest(centre), as_role("leader")
    asked = {"day": archived, "more_patrols": 1, "policy": "best"}
    first = web.post("/api/v1/what-if", json=asked, headers=me)
    assert first.status_code in (200, 202)
    said: dict[str, Any] = {}

    def done() -> bool:
        said.update(web.get(first.json()["url"], headers=me).json())
        assert said["state"] != "failed", said
        return bool(said["state"] == "done")

    wait_until(done, 120, "the answer")
    assert said["result"]["real"]["opened"] == said["result"]["model"]["opened"] == 3
    assert said["result"]["added"]
    again = web.post("/api/v1/what-if", json={**asked, "where": ""}, headers=me)
    assert again.status_code == 200
    assert again.json()["result"] == said["result"]
    assert digest(centre) == before


def test_who_may_ask(web: TestClient, as_role: Callable[[str], dict[str, str]], archived: str) -> None:
    """An operator does not plan the shifts."""
    answer = web.post("/api/v1/what-if", json={"day": archived}, headers=as_role("operator"))
    assert answer.status_code == 403
    assert web.get("/api/v1/what-if/abc", headers=as_role("operator")).status_code == 403


def test_what_cannot_be_is_refused_in_both_languages(
    web: TestClient, as_role: Callable[[str], dict[str, str]], archived: str
) -> None:
    """A day that is not there, and a place that is not there: the value, and what there is."""
    me = as_role("supervisor")
    answer = web.post("/api/v1/what-if", json={"day": "2020-02-02"}, headers=me)
    assert answer.status_code == 422
    assert "2020-02-02" in answer.json()["message_zh"]
    assert archived in answer.json()["message_zh"]
    assert archived in answer.json()["message_en"]
    answer = web.post("/api/v1/what-if", json={"day": archived, "more_patrols": 1, "where": "nowhere"}, headers=me)
    assert "'nowhere'" in answer.json()["message_en"]
    assert web.get("/api/v1/what-if/none", headers=me).status_code == 404


def figures(mean: float, waiting: int = 2) -> Figures:
    """A column."""
    return Figures(10, 2, 1, 9, 1, mean, mean, mean, mean, (3, 6, 0, 0, 0, 0, 0, 0, 0), {"respond": 1, "arrive": 0,
                   "handle": 2}, 12.5, (0, waiting, 1))  # fmt: skip


def compared(wish: Wish, model: Figures, changed: Figures) -> Comparison:
    """An answer."""
    return Comparison("2026-11-18", 0, 3_600_000, 0, wish, figures(9.0), model, changed, dict(change(model, changed)),
                      ("P-001+1",), (), (Note("assumed", "desk check"), Note("running")), "abcd")  # fmt: skip


def test_better_and_worse_are_said_by_sign_word_and_colour() -> None:
    """Less is better; what is only different is not judged."""
    found = compared(Wish(more_patrols=1), figures(8.0), figures(6.0, waiting=4))
    rows = {row.key: str(view._marked(row, found, "en")) for row in ROWS}
    assert "▼" in rows["mean"]
    assert "−2.0" in rows["mean"]
    assert "better" in rows["mean"]
    assert "▲" in rows["waiting"]
    assert "worse" in rows["waiting"]
    assert "the same" in rows["km"]
    assert "2.0 minutes faster" in str(view.verdict(found, "en"))
    assert "1 more on patrol" in view.settings(found, "en", {})


def test_every_word_is_in_both_languages() -> None:
    """Also of the notes and steps."""
    assert all(len(words) == 2 for words in WHAT_IF_WORDS.values())
    found = compared(Wish(merge={"fire": Merge(50, None)}), figures(8.0), figures(6.0))
    for lang in ("zh", "en"):
        assert len(view.notes(found, lang, {"P-001": "王海"})) == 5


def test_the_table_of_the_terminal() -> None:
    """Three columns, the difference with its sign, who was added."""
    told = lines(compared(Wish(more_patrols=1), figures(8.0), figures(6.0)))
    mean = next(line for line in told if line.startswith("mean to arrival"))
    assert mean.split()[-4:] == ["9.0", "8.0", "6.0", "−2.0"]
    assert "added: P-001+1" in told
    assert "The day shows no sending, checking; fixed times stand for them." in told


def test_settings_of_a_command_line() -> None:
    """What the process is asked with is what was wished; what is no number is refused."""
    wish = wish_of(-2, "Q1", "best", ["100", "fire=50"], ["fire=5"], 1.5)
    assert wish == Wish(-2, "Q1", "best", 100.0, None, {"fire": Merge(50.0, 5.0)}, 1.5)
    assert "--merge-radius=fire=50.0" in what_if.arguments(wish, 3)
    for wrong in ({"radius": ["far"]}, {"policy": "magic"}):
        given: dict[str, Any] = {"policy": "ranked", "radius": None} | wrong
        with pytest.raises(BadSetting, match=r"'(far|magic)'"):
            wish_of(0, "", given["policy"], given["radius"], None, 1.0)
