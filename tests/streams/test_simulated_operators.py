"""What the simulated people at the desk do next: the workflow's acts, each in its place, never in a circle."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import Any

from streams.codec import millis
from streams.matters import load_matters
from streams.model import Case, Request, State
from streams.simulated_operators import Deskwork, Wish, double
from tests.streams.samples import NOW
from tests.streams.simulated import DATA

MATTERS = load_matters(DATA / "matters.toml")
LATER = NOW + timedelta(minutes=30)


def case(number: int, state: State, **fields: Any) -> Case:
    """A case of rubbish in a grid, as old as NOW."""
    given = {"matter": "exposed_rubbish", "priority": 3, "origin": "resident", "received": millis(NOW),
             "acted": millis(NOW), "lon": 119.2, "lat": 34.9, "grid": "G1", **fields}  # fmt: skip
    return Case(f"GP-{number:04}", state, 1, **given)


def desk(best: str = "P-1") -> Deskwork:
    """Somebody's work, with this patrol on top of every list."""
    return Deskwork(MATTERS, 1, lambda rng: (119.2 + rng.random() / 100, 34.9), lambda case: best)


def names(state: State, role: str, **fields: Any) -> set[str | None]:
    """What is done with 300 cases in this state."""
    wishes = [desk().wish(case(n, state, **fields), role, (), LATER) for n in range(300)]
    return {wish.name if wish else None for wish in wishes}


def test_operators_lead_a_case_through_the_steps() -> None:
    """Most go straight on; some are asked about, called departments to, or sent back; nothing else."""
    assert names(State.REPORTED, "operator") == {"verify", "ask"}
    assert names(State.REPORTED, "operator", grid=None, origin="village") == {"place"}
    assert names(State.VERIFIED, "operator") == {"accept"}
    assert names(State.ACCEPTED, "operator") == {"dispatch", "whistle", "ask"}
    assert names(State.HANDLED, "operator") == {"close", "rework"}
    assert names(State.CLOSED, "operator") == {None}


def test_what_was_put_off_once_goes_on() -> None:
    """After a suspension, and for what is urgent, nobody asks for another; nor again after a refusal."""
    assert "ask" not in names(State.ACCEPTED, "operator", act="resume")
    assert "ask" not in names(State.ACCEPTED, "operator", act="refuse")
    assert "ask" not in names(State.ACCEPTED, "operator", priority=1)
    assert names(State.REPORTED, "operator", act="refuse") == {"verify"}


def test_a_request_waits_for_the_supervisor_alone() -> None:
    """Approved by doing it, with an end that lies ahead, or refused."""
    asked = Request("suspend", "sim-operator-1", millis(NOW))
    assert names(State.ACCEPTED, "operator", request=asked) == {None}
    assert names(State.ACCEPTED, "leader", request=asked) == {None}
    assert names(State.ACCEPTED, "supervisor", request=asked) == {"suspend", "refuse"}
    for n in range(50):
        wish = desk().wish(case(n, State.ACCEPTED, request=asked), "supervisor", (), LATER)
        assert isinstance(wish, Wish)
        assert wish.name == "refuse" or wish.given["until"] > LATER


def test_every_closed_case_is_rated_by_one_of_the_two() -> None:
    """The supervisor's and the leader's cases are all of them, and none is both's."""
    for n in range(100):
        closed = case(n, State.CLOSED)
        rating = [role for role in ("supervisor", "leader") if desk().wish(closed, role, (), LATER)]
        assert len(rating) == 1
        assert not desk().wish(closed, rating[0], (), NOW), "not before some minutes are over"


def test_doubles_are_merged_into_the_older_case() -> None:
    """The same matter, within 150 m and two hours, still open."""
    first, near, far = case(1, State.ACCEPTED), case(2, State.REPORTED, lon=119.201), case(3, State.REPORTED, lon=119.3)
    wish = desk().wish(near, "operator", (first, near, far), LATER)
    assert (wish.name, wish.given) == ("merge", {"into": first.no}) if wish else None
    assert double(first, (first, near, far)) is None
    assert double(far, (first, near, far)) is None
    assert double(near, (case(1, State.CLOSED),)) is None


def test_nobody_free_means_the_lead_department_after_ten_minutes() -> None:
    """A case is not left lying because all patrols are busy."""
    lying = case(1, State.ACCEPTED, act="resume", matter="policy_question")
    assert desk("").wish(lying, "operator", (), NOW) is None
    wish = desk("").wish(lying, "operator", (), LATER)
    assert wish is not None
    assert wish.given["department"] == MATTERS.matters["policy_question"].lead
    assert isinstance(desk().somewhere(Random(1)), tuple)
