"""Mutual aid: a patrol of another site is lent, and nothing is left bound to nothing, whatever dies in between."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from streams import aid, ingest, mutual
from streams.acts import Asked
from streams.aid import AidState, Ask
from streams.dispatch_queue import connect
from streams.errors import (
    AidRefused,
    CaseTaken,
    JumpRefused,
    NoSuchAid,
    NoSuchCase,
    PatrolBusy,
    PatrolUnknown,
    Refused,
    RoleRefused,
)
from streams.model import State
from streams.mqtt import Message
from streams.mutual import Mutual
from streams.organisation import NO_ORGANISATION, Partner
from streams.watch import send_tasks
from tests.streams.aiding import Pair, act, opened, pair
from tests.streams.samples import fix


@pytest.fixture
def two(redis_url: str, tmp_path: Path) -> Iterator[Pair]:
    """A lender with P-1 and P-2, and a borrower, on one server."""
    redis = connect(redis_url)
    yield pair(redis, tmp_path)
    redis.close()


class Published:
    """Takes what the clock worker publishes: topic and payload. A stand-in for the broker."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes]] = []

    def send(self, topic: str, payload: bytes, *, timeout: float) -> None:
        self.sent.append((topic, payload))


def test_a_patrol_is_lent_used_and_returned(two: Pair) -> None:
    """Asked, approved, confirmed, firm; both see the same case; handled, it is free again."""
    no = opened(two.borrower)
    ask = two.ask(no, text="求援")
    assert two.approve(ask).state is AidState.RESERVED
    two.settle()
    case, lent = two.case(no), two.aid(ask)
    assert (case.state, case.person, case.aid) == (State.DISPATCHED, "王海", ask.id)
    assert case.patrol == f"{two.lender.site}/P-1"
    assert (lent.state, lent.patrol, lent.dispatch) == (AidState.LENT, "P-1", case.dispatch)
    row = two.patrol()
    assert (row["case"], row["sub"], row["dispatch"]) == (f"{two.borrower.site}/{no}", "way",
                                                          f"{two.borrower.site}/{case.dispatch}")  # fmt: skip
    act(two.borrower, no, "handle")
    two.settle()
    assert two.aid(ask).state is AidState.RETURNED
    row = two.patrol()
    assert row["case"] == ""
    assert "aid" not in row
    assert two.borrows.book(two.borrower.site).asks() == []


def test_every_step_leaves_its_entry_on_both_sides(two: Pair) -> None:
    """The borrower's case says who asked, who went and how it ended; the lender has a log of its own of the lend."""
    no = opened(two.borrower)
    two.lent(no)
    act(two.borrower, no, "withdraw")
    two.settle()
    theirs = [entry.act for entry in two.borrower.queue.log(no)]
    assert theirs[-4:] == ["aid_ask", "dispatch", "withdraw", "aid_over"]
    ours = two.lender.queue.log(f"lend:{two.borrower.site}/{no}")
    assert [(entry.act, entry.before) for entry in ours] == [
        ("aid_asked", ""), ("aid_reserved", "asked"), ("aid_lent", "reserved"), ("aid_returned", "lent"),
    ]  # fmt: skip
    assert (ours[0].by, ours[1].by) == (f"{two.borrower.site}/林晓东", "王海涛")
    assert two.lender.queue.seal(two.watch()) == len(ours)


def test_the_recommendation_shows_free_patrols_with_their_minutes(two: Pair) -> None:
    """The partner's patrols come by what their site publishes, best first; who is on a case is not offered."""
    no = opened(two.borrower)
    home = opened(two.lender)
    act(two.lender, home, "dispatch", patrol="P-2")
    ((site, offers),) = two.borrows.offers(two.case(no), two.watch())
    assert site == two.lender.site
    assert [(one.patrol.id, one.patrol.name, one.patrol.phone) for one in offers] == [("P-1", "王海", "")]
    assert offers[0].candidate.minutes


def test_who_may(two: Pair) -> None:
    """An operator asks, only a supervisor of the lender approves or refuses, and only of what is its own."""
    no = opened(two.borrower)
    ask = two.ask(no)
    for role in ("operator", "leader", "field"):
        with pytest.raises(RoleRefused):
            two.lends.approve(ask.id, by="x", role=role, now=two.watch())
        with pytest.raises(RoleRefused):
            two.lends.refuse(ask.id, by="x", role=role, now=two.watch())
    with pytest.raises(RoleRefused):
        two.borrows.ask(no, two.lender.site, by="x", role="leader", seen=3, now=two.watch())
    with pytest.raises(NoSuchAid):
        two.borrows.approve(ask.id, by="x", role="supervisor", now=two.watch())


def test_both_must_have_agreed(two: Pair) -> None:
    """A site that does not name us takes no ask, and a patrol is not lent beyond what was agreed."""
    no = opened(two.borrower)
    two.lends.book(two.lender.site).publish({}, ())
    with pytest.raises(Refused, match="does not name"):
        two.ask(no)
    with pytest.raises(Refused, match="no partner"):
        two.borrows.ask(no, "nowhere", by="x", role="operator", seen=3, now=two.watch())
    assert two.borrows.book(two.borrower.site).asks() == []


def test_no_more_than_agreed_are_lent(redis_url: str, tmp_path: Path) -> None:
    """The second is refused while the first is with them, and can go when it is back."""
    redis = connect(redis_url)
    two = pair(redis, tmp_path, lends=1)
    first, second = opened(two.borrower), opened(two.borrower, 1)
    two.lent(first)
    ask = two.ask(second)
    with pytest.raises(Refused, match="as many as"):
        two.approve(ask, "P-2")
    act(two.borrower, first, "withdraw")
    two.settle()
    assert two.approve(ask, "P-2").state is AidState.RESERVED
    redis.close()


def test_asking_twice_is_asking_once(two: Pair) -> None:
    """The same case, version and partner is the same ask; taking it again changes nothing."""
    no = opened(two.borrower)
    first, again = two.ask(no), two.ask(no)
    assert first.id == again.id
    assert len(two.lender.queue.log(f"lend:{two.borrower.site}/{no}")) == 1
    assert [entry.act for entry in two.borrower.queue.log(no)].count("aid_ask") == 1


def test_an_ask_names_the_version_it_saw(two: Pair) -> None:
    """Who saw an older version is told who was faster; a case that is not waiting asks for nobody."""
    no = opened(two.borrower)
    with pytest.raises(CaseTaken):
        two.borrows.ask(no, two.lender.site, by="x", role="operator", seen=2, now=two.watch())
    act(two.borrower, no, "dispatch", patrol="P-1")
    with pytest.raises(JumpRefused):
        two.ask(no)
    with pytest.raises(NoSuchCase):
        two.borrows.ask("GP-0", two.lender.site, by="x", role="operator", seen=2, now=two.watch())


def test_a_refusal_is_heard(two: Pair) -> None:
    """The borrower's case has the entry with the reason, its screens a notice; asking again is another aid."""
    no = opened(two.borrower)
    ask = two.ask(no)
    two.lends.refuse(ask.id, by="王海涛", role="supervisor", now=two.watch(), text="本镇有台风")
    two.lends.refuse(ask.id, by="王海涛", role="supervisor", now=two.watch(), text="本镇有台风")
    two.settle()
    assert two.aid(ask).state is AidState.REFUSED
    assert two.borrower.queue.log(no)[-1].text == "refused 本镇有台风"
    notices = [change.parts["notices"] for change in two.borrower.queue.changes("0-0", 0) if "notices" in change.parts]
    assert any("本镇有台风".encode() in notice for notice in notices)
    with pytest.raises(AidRefused):
        two.approve(ask)
    assert two.ask(no).id != ask.id


def test_a_reserved_patrol_is_busy_at_home_and_free_when_the_time_is_over(two: Pair) -> None:
    """The refusal names the partner's case; after a minute unconfirmed it counts as free, cleaned up or not."""
    no, home = opened(two.borrower), opened(two.lender)
    ask = two.ask(no)
    two.approve(ask)
    with pytest.raises(PatrolBusy) as busy:
        act(two.lender, home, "dispatch", patrol="P-1")
    assert busy.value.case == f"{two.borrower.site}/{no}"
    two.watch.later(59)
    with pytest.raises(PatrolBusy):
        act(two.lender, home, "dispatch", patrol="P-1")
    two.watch.later(1)
    act(two.lender, home, "dispatch", patrol="P-1")
    assert two.patrol()["case"] == home
    two.settle()
    assert two.patrol()["case"] == home
    assert two.aid(ask).state is AidState.LAPSED
    assert two.case(no).state is State.ACCEPTED


@pytest.mark.parametrize("side", ["lends", "borrows"])
def test_a_reservation_that_nobody_confirms_comes_free(two: Pair, side: str) -> None:
    """Whichever worker is alive, the patrol is free and the record says lapsed."""
    no = opened(two.borrower)
    ask = two.ask(no)
    two.approve(ask)
    two.watch.later(61)
    worker: Mutual = getattr(two, side)
    worker.look()
    assert two.patrol()["case"] == ""
    assert two.aid(ask).state is AidState.LAPSED
    two.settle()
    assert two.case(no).state is State.ACCEPTED


def test_an_approval_and_a_dispatch_at_home_race(two: Pair) -> None:
    """Whoever comes first has the patrol; the other is told so."""
    no, home = opened(two.borrower), opened(two.lender)
    ask = two.ask(no)
    act(two.lender, home, "dispatch", patrol="P-1")
    with pytest.raises(PatrolBusy) as busy:
        two.approve(ask)
    assert busy.value.case == home
    with pytest.raises(PatrolUnknown):
        two.approve(ask, "P-9")
    assert two.approve(ask, "").patrol == "P-2"  # the best that can go
    assert two.approve(ask, "").patrol == "P-2"  # and the same again
    with pytest.raises(AidRefused):
        two.approve(ask, "P-1")


def test_the_case_went_on_before_the_confirmation(two: Pair) -> None:
    """Somebody of the borrower's own was sent: the reservation ends at once, nobody is on two cases."""
    no = opened(two.borrower)
    ask = two.ask(no)
    two.approve(ask)
    act(two.borrower, no, "dispatch", patrol="P-1")
    two.lends.look()
    assert two.patrol()["case"] == ""
    two.settle()
    assert two.case(no).patrol == "P-1"
    assert two.aid(ask).state is AidState.LAPSED


def test_an_ask_is_taken_back(two: Pair) -> None:
    """Also a reserved one; not any more when somebody goes by it."""
    no = opened(two.borrower)
    ask = two.ask(no)
    two.approve(ask)
    two.borrows.cancel(ask.id, by="林晓东", role="operator", now=two.watch())
    assert two.aid(ask).state is AidState.LAPSED
    assert two.patrol()["case"] == ""
    with pytest.raises(NoSuchAid):
        two.borrows.cancel(ask.id, by="林晓东", role="operator", now=two.watch())
    again = two.lent(no)
    with pytest.raises(AidRefused):
        two.borrows.cancel(again.id, by="林晓东", role="operator", now=two.watch())
    assert two.case(no).state is State.DISPATCHED


def test_two_workers_confirm_once(two: Pair) -> None:
    """A second worker that decided the same and comes late does nothing more."""
    no = opened(two.borrower)
    ask = two.ask(no)
    two.approve(ask)
    plan = two.borrows.decide(ask, two.watch())
    two.borrows.look()
    two.borrows.carry_out(plan, two.watch())
    two.settle()
    assert two.case(no).version == 4
    assert two.aid(ask).state is AidState.LENT


@pytest.mark.parametrize("side", ["lends", "borrows"])
def test_a_crash_between_confirm_and_firm_is_finished_by_either(two: Pair, side: str) -> None:
    """The case is bound, the reservation ran out: while nobody took the patrol, it is lent."""
    no = opened(two.borrower)
    ask = two.ask(no)
    two.approve(ask)
    two.borrows.carry_out(two.borrows.decide(ask, two.watch()), two.watch())
    assert two.case(no).state is State.DISPATCHED
    assert two.aid(ask).state is AidState.RESERVED
    two.watch.later(600)
    worker: Mutual = getattr(two, side)
    worker.look()
    assert two.aid(ask).state is AidState.LENT
    assert "aid_until" not in two.patrol() or two.patrol()["aid_until"] == ""


def test_a_patrol_taken_at_home_after_its_time_is_withdrawn_from_the_case(two: Pair) -> None:
    """Bound, not firm, and sent at home: the case goes back to accepted by rule, the patrol never hears of it."""
    no, home = opened(two.borrower), opened(two.lender)
    ask = two.ask(no)
    two.approve(ask)
    two.borrows.carry_out(two.borrows.decide(ask, two.watch()), two.watch())
    two.watch.later(600)
    act(two.lender, home, "dispatch", patrol="P-1")
    broker = Published()
    send_tasks(two.borrower, broker, "w")
    assert broker.sent == []
    two.settle()
    assert two.case(no).state is State.ACCEPTED
    assert [entry.act for entry in two.borrower.queue.log(no)][-2:] == ["withdraw", "aid_over"]
    assert two.patrol()["case"] == home
    assert two.lent(no, "P-2").id != ask.id


def test_a_reply_comes_by_the_lenders_own_ingest(two: Pair) -> None:
    """What the patrol's device publishes on its own site's topic moves the borrower's case; a stranger's is buried."""
    no = opened(two.borrower)
    two.lent(no)
    case = two.case(no)
    body = {"dispatch": f"{two.borrower.site}/{case.dispatch}", "case": f"{two.borrower.site}/{no}", "act": "depart",
            "at": two.watch().isoformat()}  # fmt: skip
    messages = [
        Message(f"gridpost/{two.lender.site}/reply/{name}", msgspec.json.encode(body), two.watch())
        for name in ("P-1", "P-2")
    ]
    ingest.record(ingest.sort(messages, two.lender), two.lender)
    assert two.case(no).state is State.ON_THE_WAY
    assert two.borrower.queue.log(no)[-1].by == f"{two.lender.site}/P-1"
    (letter,) = two.lender.queue.dead()
    assert (letter.reason, letter.topic) == ("reply_refused", f"gridpost/{two.lender.site}/reply/P-2")


def test_a_patrol_that_reports_its_position_stays_lent(two: Pair) -> None:
    """Fixes go on at home: they neither free it nor make it arrive at a case of its own site."""
    no = opened(two.borrower)
    ask = two.lent(no)
    two.watch.later(30)
    two.lender.queue.record([fix("P-1", "f1", 10), fix("P-1", "f2", 20)], two.watch())
    assert two.patrol()["case"] == f"{two.borrower.site}/{no}"
    two.settle()
    assert two.aid(ask).state is AidState.LENT


def test_of_three_partners_the_first_sends(redis_url: str, tmp_path: Path) -> None:
    """A case asked of two lenders is sent once, and the other's patrol comes free."""
    redis = connect(redis_url)
    two = pair(redis, tmp_path)
    (tmp_path / "third").mkdir()
    other = pair(redis, tmp_path / "third")
    third, name = other.lender, two.borrower.site
    partner = Partner(name="三镇", name_en="Third", site=name, lends=1)
    third = dataclasses.replace(third, organisation=dataclasses.replace(NO_ORGANISATION, partners={name: partner}))
    known = {**two.borrower.organisation.partners, third.site: partner}
    borrower = dataclasses.replace(
        two.borrower, organisation=dataclasses.replace(NO_ORGANISATION, partners=known)
    )
    lends, borrows = Mutual(third), Mutual(borrower)
    lends.look()
    no = opened(borrower)
    asks = [
        borrows.ask(no, site, by="林晓东", role="operator", seen=3, now=two.watch())
        for site in (two.lender.site, third.site)
    ]
    for side, ask in zip((two.lends, lends), asks, strict=True):
        side.approve(ask.id, by="王海涛", role="supervisor", now=two.watch(), patrol="P-1")
    borrows.look()
    borrows.look()
    records = [borrows.book(ask.lender).get(ask.id) for ask in asks]
    assert sorted(record.state for record in records if record) == ["lapsed", "lent"]
    (winner,) = (record for record in records if record and record.state is AidState.LENT)
    assert two.case(no).patrol == f"{winner.lender}/P-1"
    held = [queue.patrols()["P-1"]["case"] for queue in (two.lender.queue, third.queue)]
    assert sorted(held) == ["", f"{name}/{no}"]
    redis.close()


def test_an_undelivered_ask_is_delivered_by_the_worker(two: Pair) -> None:
    """Whoever asked died before the lender heard of it."""
    no = opened(two.borrower)
    own = two.borrows.book(two.borrower.site)
    ask = own.ask(Ask(lender=two.lender.site, borrower=two.borrower.site, no=no, version=3, asked=1, by="林",
                      role="operator"), two.watch())  # fmt: skip
    assert two.lends.book(two.lender.site).get(ask.id) is None
    two.borrows.look()
    assert two.aid(ask).state is AidState.ASKED


def test_the_task_goes_to_the_lenders_topic_and_the_reply_comes_back(two: Pair) -> None:
    """Case and dispatch bear the borrower's name; the reply moves its case; late and doubled ones change nothing."""
    no = opened(two.borrower)
    ask = two.ask(no)
    two.approve(ask)
    two.borrows.carry_out(two.borrows.decide(ask, two.watch()), two.watch())
    broker = Published()
    send_tasks(two.borrower, broker, "w")
    ((topic, payload),) = broker.sent
    assert two.aid(ask).state is AidState.LENT  # sending has made it firm
    assert topic == f"gridpost/{two.lender.site}/task/P-1"
    task = msgspec.json.decode(payload)
    case = two.case(no)
    assert (task["case"], task["dispatch"]) == (f"{two.borrower.site}/{no}", f"{two.borrower.site}/{case.dispatch}")
    reply = Asked(no=task["case"], name="acknowledge", by="P-1", role="field", request="r1", patrol="P-1",
                  dispatch=task["dispatch"])  # fmt: skip
    mutual.answer(two.lender, reply, two.watch())
    assert two.case(no).state is State.ACKNOWLEDGED
    mutual.answer(two.lender, reply, two.watch())
    assert two.case(no).version == case.version + 1
    said = msgspec.structs.replace(reply, name="arrive", request="r2")
    mutual.answer(two.lender, said, two.watch())
    two.settle()
    assert two.patrol()["sub"] == "scene"
    mutual.answer(two.lender, msgspec.structs.replace(reply, name="handle", request="r3", text="好了"), two.watch())
    two.settle()
    assert two.case(no).state is State.HANDLED
    assert two.patrol()["case"] == ""
    for wrong in ("P-2", "P-1"):
        with pytest.raises(aid.ActRefused):
            mutual.answer(two.lender, msgspec.structs.replace(reply, by=wrong, patrol=wrong, name="decline", text="x",
                                                              request="r4"), two.watch())  # fmt: skip
    with pytest.raises(NoSuchCase):
        mutual.answer(two.lender, msgspec.structs.replace(reply, no="nowhere/GP-1"), two.watch())


def test_a_confirmation_that_comes_after_the_ask_was_taken_back_does_nothing(two: Pair) -> None:
    """The worker had decided to send, and slept: the script looks whether the ask still stands."""
    no = opened(two.borrower)
    ask = two.ask(no)
    two.approve(ask)
    plan = two.borrows.decide(ask, two.watch())
    two.borrows.cancel(ask.id, by="林晓东", role="operator", now=two.watch())
    two.borrows.carry_out(plan, two.watch())
    two.settle()
    assert two.case(no).state is State.ACCEPTED
    assert two.patrol()["case"] == ""


def test_an_ask_is_not_forgotten_while_its_case_is_bound(two: Pair) -> None:
    """One worker slept before it confirmed, another before it forgot: the case comes back all the same."""
    no = opened(two.borrower)
    ask = two.ask(no)
    two.approve(ask)
    confirm = two.borrows.decide(ask, two.watch())
    two.watch.later(61)
    two.lends.look()
    forget = two.borrows.decide(ask, two.watch())
    two.borrows.carry_out(confirm, two.watch())
    assert two.case(no).aid == ask.id
    two.borrows.carry_out(forget, two.watch())
    assert [each.id for each in two.borrows.book(two.borrower.site).asks()] == [ask.id]
    two.settle()
    assert two.case(no).state is State.ACCEPTED
    assert two.borrows.book(two.borrower.site).asks() == []
