"""The table of docs/mutual-aid.md, cell by cell."""

from __future__ import annotations

import msgspec
import pytest

from streams import aid
from streams.aid import Aid, AidState, Ask, Stand, Step
from streams.codec import millis
from streams.model import Case, State
from tests.streams.samples import NOW, later

ASK = Ask(id="n.s.GP-1.1", lender="n", borrower="s", no="GP-1", version=3, asked=0, by="林", role="operator")
CASE = Case(no="GP-1", state=State.ACCEPTED, version=3, matter="fire", priority=1, origin="device", received=0)
BOUND = Case(no="GP-1", state=State.DISPATCHED, version=4, matter="fire", priority=1, origin="device", received=0,
             aid=ASK.id)  # fmt: skip
ON_SCENE = Case(no="GP-1", state=State.ON_SCENE, version=5, matter="fire", priority=1, origin="device", received=0,
                aid=ASK.id)  # fmt: skip
ENDED = (AidState.RETURNED, AidState.REFUSED, AidState.LAPSED)


def record(state: AidState, seconds: float = 60, arrived: int = 0) -> Aid:
    """The lender's record, with a reservation of so many seconds."""
    more = {"state": state, "patrol": "P-1", "until": millis(later(seconds)), "arrived": arrived}
    return msgspec.convert(msgspec.to_builtins(ASK) | more, Aid)


@pytest.mark.parametrize(
    ("aid_", "waits", "bound", "gone"),
    [
        (None, Step.DELIVER, Step.WITHDRAW, Step.FORGET),
        (record(AidState.ASKED), Step.NOTHING, Step.END, Step.END),
        (record(AidState.RESERVED), Step.CONFIRM, Step.FIRM, Step.END),
        (record(AidState.RESERVED, 10), Step.NOTHING, Step.FIRM, Step.END),
        (record(AidState.RESERVED, 0), Step.END, Step.FIRM, Step.END),
        (record(AidState.LENT), Step.END, Step.NOTHING, Step.END),
        *((record(state), Step.FORGET, Step.WITHDRAW, Step.FORGET) for state in ENDED),
    ],
)
def test_each_cell(aid_: Aid | None, waits: Step, bound: Step, gone: Step) -> None:
    """What a worker does for each state of the record and each stand of the case."""
    found = [aid.step(aid_, case, stand, NOW) for case, stand in
             ((CASE, Stand.WAITS), (BOUND, Stand.BOUND), (CASE, Stand.GONE))]  # fmt: skip
    assert found == [waits, bound, gone]


def test_arrival_is_mirrored_once_and_nobody_is_called_back_from_the_scene() -> None:
    """A case on scene is told to the lender once; the rule withdraws nobody of whom people say that they are there."""
    assert aid.step(record(AidState.LENT), ON_SCENE, Stand.BOUND, NOW) is Step.ARRIVED
    assert aid.step(record(AidState.LENT, arrived=1), ON_SCENE, Stand.BOUND, NOW) is Step.NOTHING
    assert aid.step(record(AidState.LAPSED), ON_SCENE, Stand.BOUND, NOW) is Step.NOTHING


def test_how_a_case_stands_to_an_ask() -> None:
    """Waiting is the version asked, while the ask stands; bound is this aid, while somebody is on it; else gone."""
    assert aid.stand(ASK, CASE, True) is Stand.WAITS
    assert aid.stand(ASK, CASE, False) is Stand.GONE
    assert aid.stand(ASK, BOUND, True) is Stand.BOUND
    assert aid.stand(msgspec.structs.replace(ASK, version=2), CASE, True) is Stand.GONE
    assert aid.stand(ASK, None, True) is Stand.GONE
