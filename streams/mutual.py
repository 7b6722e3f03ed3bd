"""Who does what of mutual aid, one site at its desk: asking, approving, and what the clock worker makes of the rest.

The steps and the table are in `aid.py`. A decision (`decide`) reads the lender's record first and the borrower's case
after it, and is carried out by one script that checks what it was made from; so a worker may die, or sleep, between any
two lines here.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

import msgspec

from streams import acts, workflow
from streams.acts import Asked
from streams.aid import BY_LENDER, RESERVED, Aid, AidBook, AidState, Ask, Stand, Step, published, stand, step
from streams.codec import millis
from streams.desk import Desk
from streams.dispatch_queue import Answered, DispatchQueue
from streams.errors import ActRefused, AidRefused, NoSuchAid, NoSuchCase, PatrolUnknown, Refused, RoleRefused
from streams.keys import Keys
from streams.model import Case, Patrol
from streams.recommend import Candidate, candidates, standing
from streams.sending import loads, ranked

log = logging.getLogger(__name__)
ROUNDS = 4
"""So many steps of one aid a worker does at one look: deliver to firm are two, withdraw to forget are two."""


class Plan(NamedTuple):
    """What is to be done with an aid, and from what it was decided."""

    step: Step
    ask: Ask
    aid: Aid | None = None
    case: Case | None = None


class Offer(NamedTuple):
    """One patrol of a partner that could go."""

    candidate: Candidate
    patrol: Patrol


class Mutual:
    """One site's part in mutual aid. Every call raises Unreachable when Redis does not answer."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._books = desk, {desk.site: AidBook(desk.queue)}
        self._own, self._published = self._books[desk.site], False

    def book(self, site: str) -> AidBook:
        """The aids in the keys of a site."""
        if site not in self._books:
            self._books[site] = AidBook(queue_of(self._desk, site))
        return self._books[site]

    def offers(self, case: Case, now: datetime) -> Iterator[tuple[str, list[Offer]]]:
        """Each partner that lends to us, with its patrols that can be sent to the case, best first; ways are straight
        times the detour, since no town knows the roads of another."""
        matter = self._desk.matters.matters.get(case.matter)
        for site in self._desk.organisation.partners:
            book = self.book(site)
            if not book.agreed().get(self._desk.site):
                continue
            load = loads(dataclasses.replace(self._desk, queue=book.queue), now)
            rows = book.queue.patrols()
            known = {name: found for name, row in rows.items() if (found := published(name, row))}
            stands = [standing(name, rows[name], patrol, load[name], now) for name, patrol in known.items()]
            ordered = candidates(case, stands, now, matter.skills if matter else ())
            yield site, [Offer(one, known[one.patrol]) for one in ordered if not one.excluded]

    def ask(
        self, no: str, lender: str, *, by: str, role: str, seen: int, now: datetime, wish: str = "", text: str = ""
    ) -> Ask:
        """Ask a partner for a patrol; the same case, version and partner again is the same ask. Raises ActRefused, or
        Refused when the partner is none."""
        _only(workflow.STAFF, role, no, "aid")
        if lender not in self._desk.organisation.partners:
            known = ", ".join(self._desk.organisation.partners) or "none is named in the organisation"
            raise Refused("unknown_partner", f"{lender!r} is no partner: use one of {known}")
        if self._desk.site not in self.book(lender).agreed():
            raise Refused(
                "not_agreed", f"{lender} does not name {self._desk.site} as a partner: it must add [[partner]] to its "
                "organisation and start its clock worker again",
            )  # fmt: skip
        ask = self._own.ask(
            Ask(lender=lender, borrower=self._desk.site, no=no, version=seen, asked=millis(now), by=by, role=role,
                wish=wish, text=text), now,
        )  # fmt: skip
        self.book(lender).lend("take", ask.id, now, ask=msgspec.to_builtins(ask))
        return ask

    def cancel(self, name: str, *, by: str, role: str, now: datetime, text: str = "") -> None:
        """Take an ask back; raises NoSuchAid, or AidRefused when somebody is sent by it: withdraw them instead."""
        ask = next((ask for ask in self._own.asks() if ask.id == name), None)
        if ask is None:
            raise NoSuchAid(name)
        _only(workflow.STAFF, role, ask.no, "aid")
        self._own.cancel(ask, by, role, text, now)
        self._carry_on(ask, now, everything=True)

    def approve(self, name: str, *, by: str, role: str, now: datetime, patrol: str = "") -> Aid:
        """Reserve a patrol of ours for a minute: the one that is named, else the one they wish, else the best that can
        go. Raises one of the ActRefused tree, or Refused when enough are lent; nothing changed then."""
        aid = self._lent_by_us(name, role)
        case = self.book(aid.borrower).queue.case(aid.no)
        again = aid.state is AidState.RESERVED and patrol in ("", aid.patrol)
        if case is None or (self._stand(aid, case) is not Stand.WAITS and not again):
            raise AidRefused(name, "approve", "no longer asked for")
        chosen = aid.patrol if again else patrol or self._choose(aid, case, now)
        known = self._desk.register.patrol(chosen)
        if known is None:
            raise PatrolUnknown(chosen)
        self._own.lend("reserve", name, now, by=by, role=role, patrol=known.id, name=known.name, post=known.post,
                       until_ms=millis(now + RESERVED))  # fmt: skip
        return self._own.get(name) or aid

    def refuse(self, name: str, *, by: str, role: str, now: datetime, text: str = "") -> None:
        """Say no to what is asked; raises NoSuchAid, RoleRefused or AidRefused."""
        aid = self._lent_by_us(name, role)
        if aid.state is not AidState.REFUSED:
            self._own.lend("end", name, now, **{"from": "asked"}, to="refused", by=by, role=role, text=text)

    def look(self) -> int:
        """What the clock worker does again and again: carry every aid of ours as far as it goes. Returns how many
        steps that took. Harmless to repeat; two may do it at once."""
        if not self._published:
            self._own.publish(self._desk.organisation.partners, self._desk.register.patrols.values())
            self._published = True
        now = self._desk.now()
        done = sum(self._carry_on(aid, now, everything=False) for aid in self._own.lending())
        return done + sum(self._carry_on(ask, now, everything=True) for ask in self._own.asks())

    def decide(self, ask: Ask, now: datetime) -> Plan:
        """What is to be done now; the lender is asked first (see the module)."""
        aid = self.book(ask.lender).get(ask.id)
        case = self.book(ask.borrower).queue.case(ask.no)
        return Plan(step(aid, case, self._stand(ask, case), now), ask, aid, case)

    def carry_out(self, plan: Plan, now: datetime) -> None:
        """Do what was decided. What has changed since is refused by the script, and decided anew at the next look."""
        kind, ask, aid, case = plan
        lender = self.book(ask.lender)
        try:
            match kind, aid, case:
                case Step.DELIVER, _, _:
                    self._deliver(ask, now)
                case Step.CONFIRM, Aid(), Case():
                    self._confirm(aid, case, now)
                case Step.FIRM, _, Case():
                    lender.lend("firm", ask.id, now, dispatch=case.dispatch)
                case Step.END, Aid(), _:
                    self._end(aid, "", now)
                case Step.ARRIVED, _, _:
                    lender.lend("arrived", ask.id, now)
                case Step.WITHDRAW, _, Case():
                    self._withdraw(ask, case, now)
                case Step.FORGET, _, _:
                    self._forget(ask, aid, now)
        except ActRefused as refused:
            log.info("aid %s, %s: %s", ask.id, kind, refused)

    def ready(self, task: dict[str, str], case: Case) -> bool:
        """Whether a task may go out: one for a partner's patrol only when that patrol is lent for certain."""
        if not case.aid or task["act"] != "assign":
            return True
        lender = self.book(task["patrol"].split("/")[0])
        try:
            lender.lend("firm", case.aid, self._desk.now(), dispatch=case.dispatch)
        except ActRefused as refused:
            log.info("task of %s not sent: %s", case.no, refused)
            return False
        return True

    def _carry_on(self, ask: Ask, now: datetime, *, everything: bool) -> int:
        for done in range(ROUNDS):
            plan = self.decide(ask, now)
            if plan.step is Step.NOTHING or not (everything or plan.step in BY_LENDER):
                return done
            self.carry_out(plan, now)
        return ROUNDS

    def _stand(self, ask: Ask, case: Case | None) -> Stand:
        return stand(ask, case, self.book(ask.borrower).stands(ask))

    def _deliver(self, ask: Ask, now: datetime) -> None:
        try:
            self.book(ask.lender).lend("take", ask.id, now, ask=_only_ask(ask))
        except Refused as refused:
            self._own.forget(ask, refused.text, f"{ask.lender} 未与本站约定互助。", refused.text, now)

    def _confirm(self, aid: Aid, case: Case, now: datetime) -> None:
        """The ordinary dispatch, by whoever asked, of the case as it was when it was asked."""
        guest = f"{aid.lender}/{aid.patrol}"
        asked = Asked(
            no=aid.no, name="dispatch", by=aid.by, role=aid.role, request=f"aid/{aid.id}", seen=aid.version,
            patrol=guest, text=aid.text,
        )  # fmt: skip
        act = acts.prepared(self._desk, workflow.BY_NAME["dispatch"], asked, case, now)
        try:
            self._desk.queue.act(act._replace(patrol=guest, person=aid.name, post=aid.post, aid=aid.id), now)
        except ActRefused as refused:
            self._end(aid, str(refused), now)

    def _end(self, aid: Aid, why: str, now: datetime) -> None:
        to = AidState.RETURNED if aid.state is AidState.LENT else AidState.LAPSED
        self.book(aid.lender).lend("end", aid.id, now, **{"from": aid.state.value}, to=to.value, text=why)

    def _withdraw(self, ask: Ask, case: Case, now: datetime) -> None:
        """The patrol is not there for us: the case goes back to those who dispatch."""
        text = f"互助 {ask.id} 已失效，{ask.lender} 的巡查员已另有任务"
        asked = Asked(no=ask.no, name="withdraw", by="rule", role="rule", request=f"aid/{ask.id}", seen=case.version,
                      text=text)  # fmt: skip
        acts.do(self._desk, asked, now)

    def _forget(self, ask: Ask, aid: Aid | None, now: datetime) -> None:
        how = aid.state if aid else AidState.LAPSED
        names = {AidState.RETURNED: ("结束", "over"), AidState.REFUSED: ("被拒绝", "refused")}
        zh, en = names.get(how, ("未成或已失效", "came to nothing"))
        why = aid.why if aid else ""
        self._own.forget(
            ask, f"{how} {why}".strip(), f"案件 {ask.no} 向 {ask.lender} 申请的互助{zh}。{why}",
            f"Aid of {ask.lender} with case {ask.no}: {en}. {why}".strip(), now,
        )  # fmt: skip

    def _lent_by_us(self, name: str, role: str) -> Aid:
        aid = self._own.get(name)
        if aid is None:
            raise NoSuchAid(name)
        _only(workflow.APPROVERS, role, f"{aid.borrower}/{aid.no}", "aid")
        return aid

    def _choose(self, aid: Aid, case: Case, now: datetime) -> str:
        """Whom they wish when it can go, else the best of ours, along straight lines: the case is not in our town."""
        ordered = ranked(dataclasses.replace(self._desk, roads=None), case, now)
        free = [one.patrol for one in ordered if not one.excluded]
        if not free:
            raise Refused("nobody_free", "none of our patrols can go now: name one, wait, or refuse")
        return aid.wish if aid.wish in free else free[0]


def queue_of(desk: Desk, site: str) -> DispatchQueue:
    """The queue of another site in the same Redis."""
    return DispatchQueue(desk.queue.redis, Keys(site), desk.calendar.tz, desk.calendar)


def task_topic(site: str, who: str) -> str:
    """Where a task is published: that of a partner's patrol, `<lender>/<patrol>`, on its own site's topic."""
    lender, _, patrol = who.rpartition("/")
    return f"gridpost/{lender or site}/task/{patrol}"


def answer(desk: Desk, asked: Asked, now: datetime) -> Answered:
    """A reply of our patrol about a partner's case, `<borrower>/<no>`: the same act at the borrower. Raises as
    `acts.do`."""
    borrower, _, no = asked.no.partition("/")
    if asked.role != "field" or borrower not in desk.organisation.partners:
        raise NoSuchCase(asked.no)
    guest = f"{desk.site}/{asked.by}"
    theirs = dataclasses.replace(desk, site=borrower, queue=queue_of(desk, borrower))
    said = msgspec.structs.replace(
        asked, no=no, by=guest, patrol=guest, dispatch=(asked.dispatch or "").removeprefix(f"{borrower}/")
    )
    return acts.do(theirs, said, now)


def _only(roles: tuple[str, ...], role: str, no: str, act: str) -> None:
    if role not in roles:
        raise RoleRefused(no, act, role, roles, False)


def _only_ask(ask: Ask) -> dict[str, object]:
    """The ask alone, also of a whole record."""
    return {name: getattr(ask, name) for name in Ask.__struct_fields__}
