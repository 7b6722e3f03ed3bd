"""The proof of the trace: whatever is changed, taken out, slipped in or swapped is found and named first."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.codec import millis, read_entry, to_json
from streams.dispatch_queue import DispatchQueue
from streams.kept import KeptTrace
from streams.keys import CASE_DAYS
from streams.model import Entry
from streams.proof import CaseKept, Proof, local_days, prove, told
from streams.trace import DAY, NOTHING, Act, Sealed, chain, order
from tests.streams.samples import NOW as NOW_THERE
from tests.streams.samples import SHANGHAI, alert

NOW = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
DAY_OF = local_days(SHANGHAI)


class InMemory:
    """A trace as lists, which a test may bend."""

    def __init__(self, acts: list[Act], sealed: int, cases: dict[str, CaseKept]) -> None:
        self.acts_, self.cases_ = acts, cases
        chained = list(chain(NOTHING, acts[:sealed]))
        self.seals_ = [Sealed(act.id, value) for act, value in chained]
        self.head_: dict[str, str] = {}
        for act, value in chained:
            self.head_ |= {"id": act.id, "hash": value, DAY + DAY_OF(order(act.id)[0]): value}

    def acts(self, after: str) -> Iterator[Act]:
        return (act for act in self.acts_ if order(act.id) > order(after))

    def seals(self) -> Iterator[Sealed]:
        return iter(self.seals_)

    def head(self) -> Mapping[str, str]:
        return self.head_

    def cases(self) -> Iterator[str]:
        return iter([*self.cases_, *self.cases_])  # a scan may give a key twice

    def read(self, numbers: Sequence[str]) -> list[CaseKept]:
        return [self.cases_.get(no, CaseKept(no, "", "", [])) for no in numbers]

    def trim(self, count: int) -> None:
        """Forget the first entries and their seals, as a site does after 35 days."""
        gone = self.seals_[:count]
        self.acts_, self.seals_ = self.acts_[count:], self.seals_[count:]
        if gone:
            self.head_ |= {"from": gone[-1].id, "from_hash": gone[-1].hash}


@st.composite
def traces(draw: st.DrawFn, least: int = 2, start: timedelta = timedelta(days=3)) -> InMemory:
    """A clean trace of up to 14 acts on up to 4 cases over some days, all or some of it sealed."""
    at = millis(NOW - start)
    acts: list[Act] = []
    cases: dict[str, tuple[str, int, list[bytes]]] = {}
    for n in range(draw(st.integers(least, 14))):
        at += draw(st.integers(1, 5 * 3600 * 1000))
        no = f"GP-{draw(st.integers(1, 4))}"
        state, version, log = cases.get(no, ("", 0, []))
        moved = version == 0 or draw(st.booleans())
        after = f"s{n}" if moved else state
        version += moved
        entry = Entry(at, "wang", "operator", "act", state, after, version, text=draw(st.text(max_size=5)))
        acts.append(Act(f"{at}-0", no, to_json(entry)))
        cases[no] = (after, version, [*log, acts[-1].entry])
    sealed = draw(st.integers(0, len(acts)))
    return InMemory(acts, sealed, {no: CaseKept(no, s, str(v), log) for no, (s, v, log) in cases.items()})


def proof_of(kept: InMemory, **more: Any) -> Proof:
    return prove(kept, NOW, DAY_OF, **more)


def first(kept: InMemory) -> str:
    """The id under which the first break is named."""
    broken = proof_of(kept).broken
    assert broken is not None, "the break was not found"
    assert told(broken)
    return broken.id


def index(data: st.DataObject, length: int) -> int:
    return data.draw(st.integers(0, length - 1))


def flipped(data: st.DataObject, text: bytes) -> bytes:
    """The text with one byte otherwise."""
    n = index(data, len(text))
    return text[:n] + bytes([text[n] ^ data.draw(st.integers(1, 255))]) + text[n + 1 :]


@given(traces())
def test_a_clean_trace_holds(kept: InMemory) -> None:
    """Nothing was bent: every entry is counted, sealed or waiting, and the last hash is that of the last seal."""
    proof = proof_of(kept)
    assert proof.broken is None
    assert proof.entries == len(kept.acts_) == len(kept.seals_) + proof.waiting
    assert proof.cases == len(kept.cases_)
    assert proof.last.hash == (kept.seals_[-1].hash if kept.seals_ else NOTHING)
    assert proof.start is None


@given(traces(), st.data())
def test_a_changed_byte_of_an_entry_is_found(kept: InMemory, data: st.DataObject) -> None:
    """One byte of one entry of the stream, sealed or not."""
    n = index(data, len(kept.acts_))
    act = kept.acts_[n]
    kept.acts_[n] = act._replace(entry=flipped(data, act.entry))
    assert first(kept) == act.id


@given(traces(), st.data())
def test_an_entry_given_to_another_case_is_found(kept: InMemory, data: st.DataObject) -> None:
    """The number of the case is sealed too."""
    n = index(data, len(kept.acts_))
    kept.acts_[n] = kept.acts_[n]._replace(no="GP-9")
    proof = proof_of(kept)
    assert proof.broken is not None
    if n < len(kept.seals_):
        assert proof.broken.id == kept.acts_[n].id


@given(traces(), st.data())
def test_an_entry_taken_out_is_found(kept: InMemory, data: st.DataObject) -> None:
    """A sealed one is named by its seal, one that waits by its log."""
    n = index(data, len(kept.acts_))
    act = kept.acts_.pop(n)
    broken = proof_of(kept).broken
    assert broken is not None
    assert broken.id in (act.id, "", *(each.id for each in kept.acts_[n:] if each.no == act.no))
    if n < len(kept.seals_):
        assert broken.id == act.id
        assert "taken out" in broken.what


@given(traces(), st.data())
def test_an_entry_slipped_in_is_found(kept: InMemory, data: st.DataObject) -> None:
    """Between any two, or at either end."""
    n = data.draw(st.integers(0, len(kept.acts_)))
    model = kept.acts_[min(n, len(kept.acts_) - 1)]
    at = order(kept.acts_[n].id)[0] - 1 if n < len(kept.acts_) else order(model.id)[0] + 1
    new = Act(f"{at}-5", model.no, model.entry)
    kept.acts_.insert(n, new)
    name = first(kept)
    if n < len(kept.seals_):
        assert name == new.id


@given(traces(), st.data())
def test_swapped_entries_are_found(kept: InMemory, data: st.DataObject) -> None:
    """Two entries that changed places, ids staying where they were."""
    n, m = sorted((index(data, len(kept.acts_)), index(data, len(kept.acts_))))
    one, other = kept.acts_[n], kept.acts_[m]
    if one[1:] == other[1:] or (n >= len(kept.seals_) and one.no != other.no):
        return  # of entries that are not sealed yet only the order within a case is known
    kept.acts_[n] = one._replace(no=other.no, entry=other.entry)
    kept.acts_[m] = other._replace(no=one.no, entry=one.entry)
    assert first(kept) == one.id


@given(traces(), st.data())
def test_a_bent_seal_is_found(kept: InMemory, data: st.DataObject) -> None:
    """Changed, taken out, slipped in or swapped: the first concerned is named."""
    if len(kept.seals_) < 2:
        return
    n = index(data, len(kept.seals_))
    sealed = kept.seals_[n]
    match data.draw(st.sampled_from(["change", "take", "slip", "swap"])):
        case "change":
            kept.seals_[n] = sealed._replace(hash=sealed.hash[:-1] + ("0" if sealed.hash[-1] != "0" else "1"))
        case "take":
            kept.seals_.pop(n)
        case "slip":
            sealed = Sealed(f"{order(sealed.id)[0] - 1}-7", "f" * 64)
            kept.seals_.insert(n, sealed)
        case "swap":
            m = (n + 1) % len(kept.seals_)
            other = kept.seals_[m]
            kept.seals_[n], kept.seals_[m] = sealed._replace(hash=other.hash), other._replace(hash=sealed.hash)
            sealed = min(sealed, other, key=lambda each: order(each.id))
    assert first(kept) == sealed.id


@given(traces(), st.data())
def test_a_bent_log_is_found(kept: InMemory, data: st.DataObject) -> None:
    """An entry of a log changed, taken out, written twice or in another place."""
    n = index(data, len(kept.acts_))
    act = kept.acts_[n]
    log = list(kept.cases_[act.no].log)
    at = log.index(act.entry)
    match data.draw(st.sampled_from(["change", "take", "slip", "swap"])):
        case "change":
            log[at] = flipped(data, act.entry)
        case "take":
            log.pop(at)
        case "slip":
            log.insert(at, to_json(Entry(order(act.id)[0], "x", "operator", "act", "", "", 0)))
        case "swap" if len(log) > 1:
            other = (at + 1) % len(log)
            log[at], log[other] = log[other], log[at]
        case _:
            return
    kept.cases_[act.no] = kept.cases_[act.no]._replace(log=log)
    broken = proof_of(kept).broken
    assert broken is not None
    assert broken.no == act.no
    assert broken.id in ("", *(each.id for each in kept.acts_ if each.no == act.no))


@given(traces(), st.data())
def test_a_bent_case_is_found(kept: InMemory, data: st.DataObject) -> None:
    """A case that stands otherwise than its last act left it; the act is named."""
    no = data.draw(st.sampled_from(sorted(kept.cases_)))
    case = kept.cases_[no]
    state, version = data.draw(st.sampled_from([("closed", case.version), (case.state, "77"), ("", "")]))
    kept.cases_[no] = case._replace(state=state, version=version)
    broken = proof_of(kept).broken
    assert broken is not None
    assert broken.no == no
    assert "the case is" in broken.what


@given(traces(), st.data())
def test_a_forged_or_missing_head_is_found(kept: InMemory, data: st.DataObject) -> None:
    """The newest seal and the hashes of the days are held against the chain."""
    if not kept.seals_:
        return
    name = data.draw(st.sampled_from(sorted(kept.head_)))
    if data.draw(st.booleans()):
        del kept.head_[name]
    elif name == "id":
        kept.head_[name] = f"{order(kept.head_[name])[0] - 1}-0"
    else:
        kept.head_[name] = "e" * 64
    assert proof_of(kept).broken is not None


@given(traces(), st.data())
def test_the_end_cannot_be_cut_off(kept: InMemory, data: st.DataObject) -> None:
    """Entries taken out at the end with their seals, from the logs and from the cases too: the newest seal tells."""
    if not kept.seals_:
        return
    keep = index(data, len(kept.seals_))
    kept.cases_ = {}
    for act in kept.acts_[:keep]:
        entry, case = read_entry(act.entry), kept.cases_.get(act.no)
        kept.cases_[act.no] = CaseKept(
            act.no, entry.after, str(entry.version), [*(case.log if case else []), act.entry]
        )
    kept.acts_, kept.seals_ = kept.acts_[:keep], kept.seals_[:keep]
    broken = proof_of(kept).broken
    assert broken is not None
    assert broken.id == kept.head_["id"]


@given(traces(start=timedelta(days=CASE_DAYS + 2)), st.data())
def test_what_was_trimmed_by_age_is_no_break(kept: InMemory, data: st.DataObject) -> None:
    """Old entries go with their seals; the chain goes on from the seal that the site kept of them, and what is bent
    behind it is found as ever."""
    since = millis(NOW - timedelta(days=CASE_DAYS))
    old = [act for act in kept.acts_[: len(kept.seals_)] if order(act.id)[0] < since]
    if not old:
        return
    acts = kept.acts_
    kept.trim(len(old))
    left = data.draw(st.integers(0, len(old)))  # entries are trimmed by whole nodes, so some stay longer
    kept.acts_ = acts[left:]
    proof = proof_of(kept)
    assert proof.broken is None
    assert proof.start is not None
    assert proof.start.id == old[-1].id
    assert proof.older == len(old) - left
    if kept.seals_:
        n = index(data, len(kept.seals_))
        sealed = kept.seals_[n]
        kept.seals_[n] = sealed._replace(hash="d" * 64)
        assert first(kept) == sealed.id


@given(traces())
def test_young_entries_cannot_pass_for_trimmed(kept: InMemory) -> None:
    """Whoever takes out the first entries, seals too, and says they were trimmed is found by the logs."""
    if not kept.seals_:
        return
    kept.trim(1)
    assert proof_of(kept).broken is not None


@given(traces(), st.data())
def test_a_hash_on_paper_is_found_or_missed(kept: InMemory, data: st.DataObject) -> None:
    """The hash of any entry is found; one that stands nowhere is a break."""
    if not kept.seals_:
        return
    sealed = kept.seals_[index(data, len(kept.seals_))]
    proof = proof_of(kept, paper=sealed.hash)
    assert (proof.broken, proof.paper) == (None, sealed.id)
    broken = proof_of(kept, paper="a" * 64).broken
    assert broken is not None
    assert "no entry" in broken.what


@given(traces(), st.data())
def test_until_leaves_what_came_later_unjudged(kept: InMemory, data: st.DataObject) -> None:
    """A break behind the entry that is named does not count."""
    if len(kept.seals_) < 2:
        return
    n = data.draw(st.integers(1, len(kept.seals_) - 1))
    kept.acts_[n] = kept.acts_[n]._replace(entry=b"{}")
    assert proof_of(kept, until=kept.acts_[n - 1].id).broken is None
    assert proof_of(kept, until=kept.acts_[n].id).broken is not None


def test_a_case_that_expired_is_no_break() -> None:
    """A case closed more than 35 days ago is gone while the stream still has its last entries."""
    at = millis(NOW - timedelta(days=CASE_DAYS, hours=1))
    act = Act(f"{at}-0", "GP-1", to_json(Entry(at, "wang", "operator", "close", "handled", "closed", 9)))
    assert proof_of(InMemory([act], 1, {})).expired == 1
    young = Act(f"{millis(NOW)}-0", "GP-1", act.entry)
    assert first(InMemory([young], 1, {})) == young.id


def test_a_log_of_what_was_lent_has_no_case() -> None:
    """The lender logs about a partner's case that it does not keep; its entries are proved like all others."""
    at = millis(NOW - timedelta(hours=1))
    entry = Entry(at, "wang", "supervisor", "aid_reserved", "asked", "reserved", 1)
    act = Act(f"{at}-0", "lend:ganma/GP-1", to_json(entry))
    kept = InMemory([act], 1, {act.no: CaseKept(act.no, "", "", [act.entry])})
    assert proof_of(kept).broken is None
    kept.cases_[act.no] = CaseKept(act.no, "", "", [act.entry.replace(b"wang", b"li"), act.entry])
    assert proof_of(kept).broken is not None


class Growing(InMemory):
    """A site on which somebody acts between the reading of the stream and that of the logs."""

    def cases(self) -> Iterator[str]:
        at = millis(NOW)
        entry = to_json(Entry(at, "li", "operator", "close", "x", "closed", 99))
        self.acts_.append(Act(f"{at}-0", "GP-1", entry))
        self.cases_["GP-1"] = CaseKept("GP-1", "closed", "99", [*self.cases_["GP-1"].log, entry])
        return super().cases()


def test_a_site_that_goes_on_working_is_proved() -> None:
    """An act during the proof is no break."""
    at = millis(NOW - timedelta(hours=1))
    act = Act(f"{at}-0", "GP-1", to_json(Entry(at, "wang", "operator", "report", "", "x", 1)))
    assert prove(Growing([act], 1, {"GP-1": CaseKept("GP-1", "x", "1", [act.entry])}), NOW, DAY_OF).broken is None


def opened(queue: DispatchQueue, *names: str, east: float = 119.2) -> list[str]:
    """Cases far apart, each verified and accepted by rule: three entries each."""
    return [
        no for n, name in enumerate(names)
        for no in queue.record([alert(f"D-{name}", name, lon=east + n / 50)], NOW_THERE).opened
    ]  # fmt: skip


def test_a_real_site_holds_and_each_tampering_is_named(queue: DispatchQueue) -> None:
    """On a real server: clean; then a log, the stream and a case are bent by hand, and put back."""
    one, other = opened(queue, "a", "b")
    assert queue.seal(NOW_THERE) == 6
    kept, now, redis, keys = KeptTrace(queue), datetime.now(UTC), queue.redis, queue.keys
    proof = prove(kept, now, DAY_OF)
    assert (proof.broken, proof.entries, proof.cases, proof.waiting) == (None, 6, 2, 0)
    assert proof.last.hash == redis.hget(keys.seal, "hash").decode()  # type: ignore[union-attr]

    acts = queue.acts()
    redis.lset(keys.log(other), 1, acts[4].entry.decode().replace("rule", "wang"))
    broken = prove(kept, now, DAY_OF).broken
    assert broken is not None
    assert (broken.id, broken.no) == (acts[4].id, other)
    redis.lset(keys.log(other), 1, acts[4].entry.decode())

    redis.hset(keys.case(one), "state", "closed")
    broken = prove(kept, now, DAY_OF).broken
    assert broken is not None
    assert broken.id == acts[2].id
    redis.hset(keys.case(one), "state", "accepted")

    redis.xdel(keys.acts, acts[1].id)
    broken = prove(kept, now, DAY_OF).broken
    assert broken is not None
    assert (broken.id, broken.no) == (acts[1].id, one)
    assert "verify by rule" in told(broken)


def test_a_forged_log_without_entries_is_found(queue: DispatchQueue) -> None:
    """A case that somebody wrote into the database by hand has no entries in the stream."""
    opened(queue, "a")
    entry = to_json(Entry(millis(NOW), "x", "operator", "close", "", "closed", 1))
    queue.redis.hset(queue.keys.case("GP-X"), mapping={"state": "closed", "version": "1"})
    queue.redis.rpush(queue.keys.log("GP-X"), entry)
    broken = prove(KeptTrace(queue), datetime.now(UTC), DAY_OF).broken
    assert broken is not None
    assert broken.no == "GP-X"


def test_two_sealing_workers_seal_each_entry_once(queue: DispatchQueue) -> None:
    """Two workers at the same time, while entries come in: every entry has one seal, and the chain holds."""
    numbers = [f"n{n}" for n in range(40)]
    done, sealed = threading.Event(), list[int]()

    def work() -> None:
        while not done.is_set():
            sealed.append(queue.seal(NOW_THERE))

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    opened(queue, *numbers)
    done.set()
    for worker in workers:
        worker.join()
    sealed.append(queue.seal(NOW_THERE))
    acts = queue.acts()
    assert sum(sealed) == len(acts) == len(list(KeptTrace(queue).seals())) == 120
    assert prove(KeptTrace(queue), datetime.now(UTC), DAY_OF).broken is None


def test_a_worker_that_dies_before_it_wrote_leaves_the_work_to_the_next(queue: DispatchQueue) -> None:
    """What one worked out on an older newest seal is refused by the script; the next goes on behind the last."""
    opened(queue, "a")
    real, lost = queue._seal, list[tuple[str, bytes]]()

    class Killed(Exception):
        """The worker is gone between reckoning and writing."""

    def dies(prefix: str, arg: bytes) -> int:
        lost.append((prefix, arg))
        raise Killed

    queue._seal = dies  # type: ignore[assignment]
    with pytest.raises(Killed):
        queue.seal(NOW_THERE)
    queue._seal = real
    assert queue.seal(NOW_THERE) == 3
    assert real(*lost[0]) == 0  # the dead one's call arrives late: nothing is sealed twice
    opened(queue, "b", "c", east=120.2)
    assert queue.seal(NOW_THERE) == 6
    assert prove(KeptTrace(queue), datetime.now(UTC), DAY_OF).broken is None


def test_seals_are_trimmed_by_age_and_the_last_of_them_is_remembered(queue: DispatchQueue) -> None:
    """Sealing 36 days later takes away old seals; the chain then begins behind the newest of them."""
    opened(queue, "a")
    queue.seal(NOW_THERE)
    last = list(KeptTrace(queue).seals())[-1]
    later = datetime.now(UTC) + timedelta(days=CASE_DAYS + 1)
    opened(queue, "b", east=120.2)
    queue.seal(later)
    head = KeptTrace(queue).head()
    assert order(head["from"]) > order(last.id)  # all that was sealed by the server's clock is older than 35 days
    assert list(KeptTrace(queue).seals()) == []
    assert prove(KeptTrace(queue), later, DAY_OF).broken is None
