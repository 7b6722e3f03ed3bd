"""The four-part score: each point names the act behind it, and what is wrong is put right by an act of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from streams import acts, checkpoint, corrections
from streams.acts import Asked
from streams.archive.follow import Keeper
from streams.archive.reading import Archive
from streams.archive.store import Store
from streams.codec import local_day, read_entry
from streams.corrections import Correction
from streams.desk import Desk
from streams.dispatch_queue import DispatchQueue
from streams.errors import BadSetting, Refused, RoleRefused
from streams.indicators.counting import Span, span
from streams.indicators.groups import Site
from streams.indicators.living import Living
from streams.indicators.rules import Rules, load_rules
from streams.indicators.scores import points_of, scores
from streams.kept import KeptTrace
from streams.matters import load_matters
from streams.model import Clock, Entry, State
from streams.proof import local_days, prove
from streams.snapshot import Snapshot
from streams.verify import Same
from tests.streams.archive.test_keeper import say
from tests.streams.desk import Watch, four_grids, make_desk, small_register
from tests.streams.indicators.kept import HOUR, ZERO, asked, case, handle, keep
from tests.streams.samples import SHANGHAI
from tests.streams.test_verify import Kept, again, told_of

DATA = Path(__file__).parents[3] / "data"
MINE = """
[[part]]
key = "post"
name = "岗位赋分"
name_en = "Post score"
weight = 2.0
[[part]]
key = "module"
name = "模块评分"
name_en = "Module score"
[[part]]
key = "team"
name = "组团积分"
name_en = "Team points"
[[part]]
key = "task_force"
name = "专班计分"
name_en = "Task-force points"
weight = 0.5
[[rule]]
key = "in_time"
part = "post"
name = "按时"
name_en = "In time"
act = "arrive"
to = "person"
clock = "arrive"
points = 3
[[rule]]
key = "late"
part = "post"
name = "超时"
name_en = "Late"
act = "arrive"
to = "person"
clock = "arrive"
late = true
points = -1
[[rule]]
key = "rated"
part = "module"
name = "好评"
name_en = "Rated well"
act = "rate"
to = "person"
scores = [5]
points = 4
[[rule]]
key = "team"
part = "team"
name = "结案"
name_en = "Closed"
act = "close"
to = "squad"
points = 1
[[rule]]
key = "checked_in"
part = "task_force"
name = "报到"
name_en = "Checked in"
act = "check_in"
to = "department"
clock = "check_in"
points = 6
"""


@pytest.fixture
def desk(queue: DispatchQueue, tmp_path: Path, watch: Watch) -> Desk:
    """A small site."""
    return make_desk(queue, tmp_path, watch)


def site(desk: Desk) -> Site:
    """What the groups follow from."""
    return Site(four_grids(), desk.matters, desk.register, desk.organisation)


def mine(desk: Desk, tmp_path: Path, text: str = MINE) -> Rules:
    """The rules of these tests."""
    path = tmp_path / "score.toml"
    path.write_text(text, encoding="utf-8")
    return load_rules(path, desk.matters)


def done(no: str, name: str, hour: float, **more: str) -> tuple[str, Entry]:
    """An act at an hour of the day."""
    return no, Entry(ZERO + int(hour * HOUR), "李队", "operator", name, "", "", 1, **more)


def test_each_point_is_traced_to_its_act(desk: Desk, tmp_path: Path) -> None:
    """By rule, weight and clock; what came too late to change anything, or of somebody unknown, earns nothing."""
    arrive = Clock("arrive", ZERO + 10 * HOUR, ZERO + 11 * HOUR)
    check = Clock("check_in", ZERO + 10 * HOUR, ZERO + 12 * HOUR, of="env")
    cases = [case("a", State.CLOSED, clocks=(arrive, *handle(17), check)), case("b", clocks=(arrive,))]
    trace = [
        done("a", "arrive", 10.5, patrol="P-1"), done("b", "arrive", 11.5, patrol="P-2"),
        done("b", "arrive", 10.7, patrol="P-2", detail="late"), done("b", "arrive", 10.8, patrol="stranger"),
        done("a", "check_in", 11, detail="env"), done("a", "close", 12, patrol="P-1"),
        done("a", "rate", 13, patrol="P-1", detail="5"), done("b", "rate", 13, patrol="P-2", detail="4"),
    ]  # fmt: skip
    archive = keep(tmp_path / "archive", [(ZERO + 14 * HOUR, each) for each in cases], trace)
    rules, of = mine(desk, tmp_path), site(desk)
    people = {one.who: one for one in scores(archive, asked(), of, rules, "person")}
    assert (people["P-1"].parts["post"], people["P-1"].parts["module"], people["P-1"].total) == (6.0, 4.0, 10.0)
    assert (people["P-2"].total, set(people)) == (-2.0, {"P-1", "P-2"})
    (force,) = scores(archive, asked(), of, rules, "department")
    assert (force.who, force.total) == ("env", 3.0)
    (squad,) = scores(archive, asked(), of, rules, "squad")
    assert (squad.who, squad.total, squad.parts["team"]) == ("Q1", 9.0, 1.0), "its own, and those of its people"
    for by in ("person", "squad", "department"):
        for one in scores(archive, asked(), of, rules, by):
            points = points_of(archive, asked(), of, rules, by, one.who)
            assert (len(points), sum(each.points for each in points)) == (one.points, one.total)
    first = points_of(archive, asked(), of, rules, "person", "P-1")[0]
    assert (first.id, first.no, first.act) == (f"{trace[0][1].at}-0", "a", "arrive")
    assert (first.rule, first.points) == ("in_time", 6)


def worked(desk: Desk, watch: Watch) -> Span:
    """A case from report to rating, by patrol P-1, through the real scripts; the span of its day."""
    say(desk, "report", "hotline", category="exposed_rubbish", text="垃圾", lon=119.2071, lat=34.9072)
    [no] = [one.no for one in desk.queue.open_cases()]
    for name, more in (
        ("verify", {}), ("accept", {}), ("dispatch", {"patrol": "P-1"}), ("arrive", {}), ("handle", {"text": "done"}),
        ("close", {}), ("rate", {"score": 5}),
    ):  # fmt: skip
        acts.do(desk, Asked(no=no, name=name, by="李队", role="supervisor", request=name, **more), watch.now)
    today = watch.now.astimezone(SHANGHAI).date()
    return span(today, today, SHANGHAI, watch.now)


CORRECTION = Correction(
    to="person", who="P-1", part="post", points=-2.5, text="错记一次到场", by="李队", role="supervisor", request="c-1",
    point="1-0", case="GP-1",
)  # fmt: skip


def test_a_correction_is_an_act_of_its_own(desk: Desk, watch: Watch, tmp_path: Path) -> None:
    """It counts with its reason, once, in the archive as in Redis; it is sealed, and the trace is proved with it."""
    of, rules, keys = worked(desk, watch), mine(desk, tmp_path), desk.queue.keys
    archive = Archive(Store(tmp_path / "kept", keys.site), SHANGHAI)
    before = scores(Living(desk.queue, archive), of, site(desk), rules, "person")[0]
    assert [corrections.correct(desk.queue, CORRECTION, watch.now) for _ in range(2)] == [1, 1]
    assert corrections.correct(desk.queue, replace(CORRECTION, request="c-2", points=1), watch.now) == 2
    desk.queue.seal(watch.now)
    keeper = Keeper(desk.queue, archive.store, Snapshot)
    keeper.take()
    keeper.commit(watch.now)
    for source in (Living(desk.queue, archive), archive):
        (found,) = scores(source, of, site(desk), rules, "person")
        assert (found.total, found.points) == (before.total - 1.5, before.points + 2)
        last = points_of(source, of, site(desk), rules, "person", "P-1")[-2]
        assert (last.rule, last.points, last.no) == ("correction", -2.5, "GP-1")
        assert (last.text, last.by) == ("错记一次到场", "李队")
    stream = desk.queue.redis.xrange(keys.acts)
    assert [read_entry(row[b"e"]).act for _, row in stream][-2:] == ["correct", "correct"]
    proof = prove(KeptTrace(desk.queue), watch.now, local_days(SHANGHAI))
    assert (proof.broken, proof.waiting) == (None, 0)
    assert local_day(watch.now, SHANGHAI) == of.first.isoformat()


@pytest.mark.parametrize(("wrong", "said"), [
    ({"to": "town"}, "to = 'town': use one of person"), ({"part": "x"}, "part = 'x'"), ({"points": 0.0}, "points = 0"),
    ({"points": float("nan")}, "points = nan"), ({"text": " "}, "needs its reason"), ({"who": ""}, "who is empty"),
])  # fmt: skip
def test_a_wrong_correction_is_refused(desk: Desk, watch: Watch, wrong: dict[str, object], said: str) -> None:
    """With the value and what would do; nothing is written."""
    with pytest.raises(Refused, match=said):
        corrections.correct(desk.queue, replace(CORRECTION, **wrong), watch.now)
    assert not desk.queue.redis.exists(desk.queue.keys.acts)


def test_only_a_supervisor_corrects(desk: Desk, watch: Watch) -> None:
    """Neither an operator nor a leader."""
    for role in ("operator", "leader", "field"):
        with pytest.raises(RoleRefused):
            corrections.correct(desk.queue, replace(CORRECTION, role=role), watch.now)


@pytest.mark.parametrize(("old", "new", "said"), [
    ('act = "arrive"', 'act = "arive"', "act = 'arive' is unknown"), ('key = "team"\nname', 'key = "tem"\nname', "tem"),
    ("scores = [5]", "scores = [6]", "scores"), ("late = true", "lat = true", "lat"),
    ('act = "rate"', 'act = "close"', "goes with act = 'rate'"),
    ('key = "module"\nname', 'key = "post"\nname', "twice"),
])  # fmt: skip
def test_wrong_rules_are_refused(desk: Desk, tmp_path: Path, old: str, new: str, said: str) -> None:
    """At start, naming the row and the value."""
    with pytest.raises(BadSetting, match=said):
        mine(desk, tmp_path, MINE.replace(old, new))


def test_the_rules_that_come_with_the_product_fit_its_catalogue() -> None:
    """All four parts have rules, for people, squads, grids and departments."""
    rules = load_rules(DATA / "score.toml", load_matters(DATA / "matters.toml"))
    assert {rule.part for rule in rules.rules.values()} == set(rules.parts)
    assert {rule.to for rule in rules.rules.values()} == {"person", "squad", "grid", "department"}
    assert small_register().patrols


def test_a_correction_comes_out_again(desk: Desk, watch: Watch, tmp_path: Path) -> None:
    """The calls of the journal, made once more elsewhere, write the same entries of the same score."""
    start = checkpoint.take(desk.queue.redis, desk.queue.keys)
    worked(desk, watch)
    corrections.correct(desk.queue, CORRECTION, watch.now)
    kept = Kept(desk.queue, start)
    assert [call.kind for call in kept.calls][-1] == "correct"
    found = again(desk, kept.stretch())
    assert isinstance(found, Same), told_of(found)
    assert found.acts == len(kept.acts)


def test_the_rules_of_the_release_go_with_any_catalogue(desk: Desk) -> None:
    """A town with matters of its own starts with the shipped rules; in rules of its own a wrong module is refused."""
    shipped = DATA / "score.toml"
    assert load_rules(shipped, desk.matters, shipped=True).rules
    with pytest.raises(BadSetting, match="is unknown; use one of"):
        load_rules(shipped, desk.matters)
