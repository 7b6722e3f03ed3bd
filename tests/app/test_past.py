"""The past by the API: the picture of any second, what happened between, ways, the span; and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.centre import Centre
from tests.app.past_site import STANDER, WALKER, History, Watch, lived, moved, watch  # noqa: F401  # a fixture

Ask = Callable[..., Any]


@pytest.fixture
def centre(centre: Centre, watch: Watch) -> Centre:  # noqa: F811
    """The site on a clock that a test moves."""
    return moved(centre, watch)


@pytest.fixture
def history(centre: Centre, watch: Watch) -> History:  # noqa: F811
    """An hour of it."""
    return lived(centre, watch)


@pytest.fixture
def ask(web: TestClient, as_role: Callable[[str], dict[str, str]]) -> Ask:
    """Asks the past as an operator; checks the status."""

    def asked(path: str, status: int = 200, **query: Any) -> Any:
        said = {key: value.isoformat() if isinstance(value, datetime) else value for key, value in query.items()}
        answer = web.get(f"/api/v1/past{path}", params=said, headers=as_role("operator"))
        assert answer.status_code == status, answer.text
        return answer.json()

    return asked


def test_the_picture_of_a_moment_is_what_it_was(ask: Ask, history: History) -> None:
    """An hour ago the case waited, its clocks ran and the patrol was free, with its trail; then it was sent; then the
    case was over and only the next one open."""
    then = ask("", at=history.waiting)
    (case,) = then["cases"]
    assert (case["no"], case["state"]) == (history.first.no, "accepted")
    assert abs(then["now"] - history.waiting.timestamp() * 1000) < 1
    assert all(clock["done"] is None for clock in case["clocks"] if clock["name"] == "handle")
    walker = next(p for p in then["patrols"] if p["id"] == WALKER)
    assert walker["state"] == "free"
    assert walker["lon"] == pytest.approx(119.1755)
    assert len(walker["trail"]) >= 5
    assert walker["trail"] == sorted(walker["trail"])
    (case,) = ask("", at=history.sent)["cases"]
    assert (case["state"], case["patrol"]) == ("dispatched", WALKER)
    assert [c["no"] for c in ask("", at=datetime.now(history.sent.tzinfo))["cases"]] == [history.second.no]


def test_the_figures_are_those_of_the_day_until_then(ask: Ask, history: History) -> None:
    """Closed cases are not in the picture, yet they count: what came in, what was closed, what is open."""
    early, late = ask("", at=history.waiting)["figures"], ask("", at=history.closed)["figures"]
    assert (early["came_in"]["inflow"], early["closed"]["closed"], early["now"]["open"]) == (1, 0, 1)
    if history.began.astimezone(history.centre.settings.tz).date() == datetime.now(history.centre.settings.tz).date():
        assert (late["came_in"]["inflow"], late["closed"]["closed"]) == (1, 1)
    assert ask("/figures", at=history.waiting) == early
    assert ask("", at=history.waiting, figures="false")["figures"] == {}


def test_what_happened_between_leads_from_one_picture_to_the_next(ask: Ask, history: History) -> None:
    """Folded onto the first picture, the changes give the second: cases, states and places, page by page."""
    first, last = ask("", at=history.waiting), ask("", at=history.closed)
    cases = {case["no"]: case for case in first["cases"]}
    places = {p["id"]: (p.get("lon"), p.get("state")) for p in first["patrols"]}
    at, pages, times = history.waiting.isoformat(), 0, []
    while at:
        page = ask("/changes", **{"from": at, "to": history.closed})
        pages, at = pages + 1, page["next"]
        times += [each["at"] for each in page["items"]]
        for each in page["items"]:
            for item in each["items"]:
                if each["event"] == "case":
                    cases[item["no"]] = item
                elif each["event"] == "patrols":
                    lon, state = places[item["id"]]
                    places[item["id"]] = (item.get("lon", lon), item.get("state", state))
    assert pages == 4
    assert times == sorted(times)
    assert cases[history.first.no]["state"] == "closed"
    assert last["cases"] == []
    assert places == {p["id"]: (p.get("lon"), p["state"]) for p in last["patrols"]}


def test_a_wide_step_tells_fewer_fixes_and_ends_at_the_same_place(ask: Ask, history: History) -> None:
    """Of a patrol's fixes the last in each step comes."""

    def fixes(step: int) -> list[Any]:
        page = ask("/changes", **{"from": history.began, "to": history.waiting, "step": step})
        return [i for each in page["items"] if each["event"] == "patrols" for i in each["items"] if "lon" in i]

    fine, wide = fixes(1), fixes(120)
    assert len([i for i in fine if i["id"] == WALKER]) > len([i for i in wide if i["id"] == WALKER]) >= 2
    assert [i for i in fine if i["id"] == WALKER][-1]["lon"] == [i for i in wide if i["id"] == WALKER][-1]["lon"]


def test_a_way_has_its_length_and_its_stops(ask: Ask, history: History) -> None:
    """About 900 m in steps of 100, one long stop that says its place and time; who stood went nowhere."""
    way = ask("/track", patrol=WALKER, **{"from": history.began - timedelta(seconds=1), "to": history.closed})
    assert way["km"] == pytest.approx(0.87, abs=0.03)
    assert way["line"][0][1] == pytest.approx(119.170)
    stop = way["stops"][0]
    assert stop["to"] - stop["from"] >= 180_000
    assert stop["lon"] == pytest.approx(119.1755, abs=0.0005)
    assert stop["km"] == pytest.approx(0.5, abs=0.1)
    assert stop["grid"]
    still = ask("/track", patrol=STANDER, **{"from": history.began - timedelta(seconds=1), "to": history.waiting})
    assert still["km"] == 0
    assert len(still["stops"]) == 1


def test_a_case_has_its_log_up_to_then_and_nobodys_words(ask: Ask, history: History) -> None:
    """Before the dispatch the log does not know of it; neither contact nor free text come out anywhere."""
    then, after = (ask(f"/cases/{history.first.no}", at=at) for at in (history.waiting, history.closed))
    assert [entry["act"] for entry in then["log"]] == ["report", "verify", "accept"]
    assert (then["state"], after["state"]) == ("accepted", "closed")
    done = [entry["act"] for entry in after["log"] if entry["act"] != "remind"]
    assert done == ["report", "verify", "accept", "dispatch", "handle", "close"]
    whole = ask("/changes", **{"from": history.began, "to": history.began + timedelta(minutes=9)})
    for said in (then, after, whole, ask("", at=history.closed), ask("/cases", at=history.closed)):
        for secret in ("13812345678", "19912341234", "王先生", "垃圾，"):
            assert secret not in str(said)


def test_what_was_over_then_is_listed(ask: Ask, history: History) -> None:
    """Nothing while it was open; the case once it was closed."""
    assert ask("/cases", at=history.waiting)["items"] == []
    assert [case["no"] for case in ask("/cases", at=history.closed)["items"]] == [history.first.no]


def test_the_span_says_from_when_to_when_and_how_much_happened(ask: Ask, history: History) -> None:
    """First and last instant, the days, and cases and acts in every five minutes of the day."""
    span = ask("/span")
    assert datetime.fromisoformat(span["first"]) <= history.began + timedelta(seconds=5)
    day = history.began.astimezone(history.centre.settings.tz).date().isoformat()
    found = ask("/span", day=day)
    assert (len(found["cases"]), len(found["acts"])) == (288, 288)
    start = datetime.fromisoformat(found["start"])
    bucket = int((history.waiting - start).total_seconds() // 300)
    assert sum(found["cases"][bucket - 1 : bucket + 1]) == 1
    assert sum(found["acts"]) >= 3
    assert day in span["days"]


@pytest.mark.parametrize("text", ["", "yesterday", "2026-03-01T08:30:00", "2026-13-01T00:00:00Z"])
def test_what_is_no_instant_is_refused_with_the_form(ask: Ask, history: History, text: str) -> None:
    """400, in both languages, with an example."""
    said = ask("", 400, at=text)
    assert said["error"] == "wrong_time"
    assert "RFC 3339" in said["message_zh"]
    assert "+08:00" in said["message_en"]


def test_outside_of_the_span_the_span_is_said(ask: Ask, history: History) -> None:
    """Before the first moment and after now: 400, with both ends, for people and programs."""
    for at in (history.began - timedelta(days=1), datetime.now(history.began.tzinfo) + timedelta(hours=1)):
        said = ask("", 400, at=at)
        assert said["error"] == "outside_span"
        assert datetime.fromisoformat(said["first"]) <= history.began + timedelta(seconds=5)
        assert "不在保存的历史内" in said["message_zh"]
    assert ask("/changes", 400, **{"from": history.closed, "to": history.began})["error"] == "wrong_time"
    assert ask("/track", 404, patrol="P-nobody", **{"from": history.began, "to": history.closed})["error"]
    assert ask("/cases/GP-1", 404, at=history.closed)["error"] == "no_such_case"


def test_without_an_archive_it_says_how_to_get_one(ask: Ask, centre: Centre) -> None:
    """404 and the command."""
    assert "gridpost archive run" in ask("/span", 404)["message_zh"]


def test_a_patrols_phone_may_not_look_at_the_past(
    web: TestClient, centre: Centre, as_role: Callable[[str], dict[str, str]], history: History
) -> None:
    """The past is for the desk, as its pages are; without signing in there is none."""
    centre.accounts.add("phone", "field", "a long enough password", datetime.now(history.began.tzinfo), WALKER)
    assert web.get("/api/v1/past/span", headers=as_role("phone")).status_code == 403
    assert web.get("/api/v1/past/span").status_code == 401
