"""What the inspector says of a case beside its steps: what can be done, the log in words, clocks, departments."""

from __future__ import annotations

import re

import msgspec
import pytest
from dash.development.base_component import Component

from app.labels import WORDS, Lang
from app.views import acts, case, departments, limits, log, standing
from app.views.look import Body, Look
from streams.model import Clock, Entry, Request, State, Task
from streams.workflow import ACTS, BY_NAME, SIDE_EXITS, STATE_NAMES
from tests.app.test_views import MINUTE, NOON, a_case, a_look, texts

HAN = re.compile(r"[\u4e00-\u9fff]")
BUTTONS = {"verify", "accept", "dispatch", "close", "rate"}
"""The next steps: they have the one button, not an entry of the menu."""
DETAILS = {
    "whistle": "police,market", "check_in": "police", "finish": "police", "dismiss": "police",
    "ask": "extend 1d work_day",
    "refuse": "suspend operator", "extend": "1d work_day asked by operator", "merge": "GP-1", "unmerge": "GP-1",
    "absorb": "GP-2", "release": "GP-2", "split": "GP-3", "join": "7-0", "suspend": " asked by operator",
}  # fmt: skip


def looked(lang: Lang = "zh", role: str = "supervisor", **fields: object) -> Look:
    """A look with the names that these tests need."""
    at = 0 if lang == "zh" else 1
    states = {state.value: names[at] for state, names in STATE_NAMES.items()}
    names = {
        "police": ("派出所", "Police")[at],
        "market": ("市场监管", "Market")[at],
        "G1": ("一网格", "Grid 1")[at],
        **states,
    }
    return msgspec.structs.replace(a_look(a_case(**fields), lang), names=names, role=role, now=NOON)


def test_a_case_without_a_grid_is_placed_before_anybody_is_sent() -> None:
    """The button leads to the map, not to a dispatch that cannot be; with a grid it is the dispatch."""
    assert acts.document(looked(state=State.ACCEPTED, grid=None, grids=()))["next"] == "place"
    assert acts.document(looked(state=State.ACCEPTED))["next"] == "dispatch"


def test_every_act_of_the_table_has_its_place_in_the_menu() -> None:
    """An act that is added to the table is found by a person, too: as a button, in the menu, or by the banner."""
    placed = {name for _, names in acts.GROUPS for name in names}
    assert {act.name for act in ACTS} == placed | BUTTONS | {"ask", "refuse"}
    assert all(f"usual_{name}" in WORDS for name in SIDE_EXITS)


@pytest.mark.parametrize("state", list(State))
def test_an_operator_may_ask_for_every_side_exit_that_the_state_allows(state: State) -> None:
    """What the role may not do is offered as asking; a supervisor does it; nobody asks twice."""
    open_to = {name for name in SIDE_EXITS if state in BY_NAME[name].before}
    asked = acts.document(looked(role="operator", state=state))["acts"]
    assert {name for name, one in asked.items() if one["ask"]} == open_to
    mine = acts.document(looked(state=state))["acts"]
    assert open_to <= set(mine)
    assert not any(one["ask"] for one in mine.values())
    waiting = looked(role="operator", state=state, request=Request("suspend", "operator", NOON))
    assert not any(one["ask"] for one in acts.document(waiting)["acts"].values())


def test_what_was_split_off_is_not_offered_again() -> None:
    """Of two events that joined, one is left to split off."""
    joined = [Entry(NOON, "D-1", "device", "join", "accepted", "accepted", 3, detail=f"{n}-0") for n in (1, 2)]
    look = msgspec.structs.replace(looked(events=2, split=("1-0",)), log=tuple(joined))
    assert [one["id"] for one in acts.document(look)["joined"]] == ["2-0"]


def test_who_decides_finds_what_was_asked_for_in_the_form() -> None:
    """Until when is given as the form takes it, in local time."""
    until = NOON + 24 * 60 * MINUTE
    asked = acts.document(looked(request=Request("suspend", "operator", NOON, until=until)))["request"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d", asked["until"])


def test_the_next_step_follows_the_eight() -> None:
    """One button for each state; a state that offers nothing to the role has none."""
    states = (
        "reported",
        "verified",
        "accepted",
        "dispatched",
        "on_scene",
        "handled",
        "closed",
        "suspended",
        "rejected",
    )
    steps = [acts.document(looked(state=State(each)))["next"] for each in states]
    assert steps == ["verify", "accept", "dispatch", "withdraw", "handle", "close", "rate", "resume", "restore"]
    assert acts.document(looked(role="leader"))["next"] is None


def test_a_form_asks_for_what_the_table_needs() -> None:
    """An extension needs reason and limit; so does asking; until when a case is suspended may be said."""
    extend = acts.document(looked())["acts"]["extend"]
    assert (extend["needs"], extend["usual"][0]) == (["text", "limit"], "现场情况复杂")
    suspend = acts.document(looked())["acts"]["suspend"]
    assert (suspend["needs"], suspend["more"], suspend["undo"]) == (["text"], ["until"], "resume")
    asked = acts.document(looked(role="operator"))["acts"]["suspend"]
    assert (asked["label"], asked["needs"], asked["more"], asked["undo"]) == ("申请缓办", ["text"], ["until"], "")


@pytest.mark.parametrize("name", [*BY_NAME, "report", "join", "absorb", "release"])
def test_every_entry_of_the_log_is_said_in_both_languages(name: str) -> None:
    """No code of an act, no bare detail; English is English."""
    entry = Entry(NOON, "supervisor", "supervisor", name, "", "", 3, text="", detail=DETAILS.get(name, ""))
    zh, en = (texts(log.line(entry, looked(lang))) for lang in ("zh", "en"))
    assert HAN.search(zh)
    assert not HAN.search(en)
    assert name not in zh
    assert not re.search(r"police|work_day|asked by|7-0", zh)


@pytest.mark.parametrize(
    ("name", "text", "zh", "en"),
    [
        ("aid_ask", "请带冲锋舟", "向songpu申请互助：请带冲锋舟", "Asked songpu for aid"),
        ("aid_cancel", "", "撤回对songpu的互助申请", "Took back the ask to songpu"),
        ("aid_over", "returned", "songpu的互助结束", "Aid of songpu over"),
        ("aid_over", "refused 人手不足", "songpu拒绝互助：人手不足", "songpu refused aid"),
        ("aid_over", "lapsed", "songpu的互助未成", "Aid of songpu came to nothing"),
    ],
)
def test_mutual_aid_is_said_in_words(name: str, text: str, zh: str, en: str) -> None:
    """By the partner's name where it has one, with how it ended; the reason stays."""
    entry = Entry(NOON, "supervisor", "supervisor", name, "", "", 3, text=text, detail="songpu.wanghai.7-0001.1")
    assert texts(log.line(entry, looked("zh"))).replace(" ", "").startswith(zh)
    assert texts(log.line(entry, looked("en"))).startswith(en)


def test_a_reminder_is_said_in_words() -> None:
    """Which clock, whose, and how much of it is over; a late reply says that it changed nothing."""
    said = {
        "respond 80": "响应时限已用 80%",
        "handle 100": "处置时限已到",
        "check_in:police 200": "派出所 报到时限超时 100%",
    }
    for text, words in said.items():
        entry = Entry(NOON, "clock", "rule", "remind", "", "", 3, text=text)
        assert words in texts(log.line(entry, looked()))
    late = Entry(NOON, "P-001", "field", "arrive", "", "", 3, detail="late")
    assert "未改动" in texts(log.line(late, looked()))


def test_clocks_run_stand_still_and_end() -> None:
    """A paused clock says what is left and does not count, a missed one says so, a guessed year is marked."""
    clocks = (
        Clock("respond", NOON, NOON + 30 * MINUTE, done=NOON + 31 * MINUTE),
        Clock("handle", NOON, NOON + 90 * MINUTE, paused=NOON + 30 * MINUTE, provisional=True),
        Clock("check_in", NOON, NOON + 60 * MINUTE, of="police"),
    )
    made = limits.section(looked(clocks=clocks, level=2, owner="centre"))
    said = texts(made)
    assert "超时 12:31" in said
    assert "暂停，剩 1 时 0 分" in said
    assert "暂定" in said
    assert "督办 主管" in said
    assert "报到" not in said
    assert "data-due" not in str(case.countdown(looked(clocks=clocks[1:2])).to_plotly_json())


def test_departments_show_their_parts_and_what_can_be_done() -> None:
    """Called: check in, finish or release; done: nothing; without a liaison a department says what is missing."""
    tasks = (Task("police", "called", NOON), Task("market", "done", NOON))
    shown = departments.called(looked(tasks=tasks))
    assert shown is not None
    assert "1 / 2 完成" in texts(shown)
    every = [each.to_plotly_json()["props"] for each in shown._traverse() if isinstance(each, Component)]
    assert [props["data-open"] for props in every if "data-open" in props] == ["check_in", "finish", "dismiss"]
    bodies = (Body("police", "派出所", "lead", "", ""), Body("market", "市场监管", "", "王某", "联络员"))
    look = msgspec.structs.replace(looked(), bodies=bodies)
    assert "缺定人" in texts(departments.choices(look))


def test_a_case_beside_the_steps_says_where_it_left_them() -> None:
    """Suspended before anybody was sent, it stands at step 4; merged, it names the other; rated, it shows the score."""
    left = Entry(NOON, "supervisor", "supervisor", "suspend", "accepted", "suspended", 4, text="等待天气")
    look = msgspec.structs.replace(looked(state=State.SUSPENDED, act="suspend", until=NOON + 90 * MINUTE), log=(left,))
    items = case.steps(look).children.children
    assert [item.className for item in items[2:5]] == ["done", "current aside-step", ""]
    assert "缓办至 13:30" in texts(standing.aside(look))
    assert "等待天气" in texts(standing.aside(look))
    assert "GP-9" in texts(standing.aside(looked(state=State.MERGED, into="GP-9")))
    assert "评价 4 星" in texts(standing.aside(looked(state=State.RATED, score=4)))


def test_a_request_is_decided_by_those_who_may() -> None:
    """Who asked, for what, how long and why; the two buttons only for approvers."""
    request = Request("extend", "operator", NOON, "1d work_day")
    asked = Entry(NOON, "operator", "operator", "ask", "", "", 4, text="须调用吊车", detail="extend 1d work_day")
    for role, decides in (("supervisor", True), ("operator", False)):
        made = standing.request(msgspec.structs.replace(looked(role=role, request=request), log=(asked,)))
        said = texts(made)
        assert "接线员 申请延期 1 工作日" in said
        assert "须调用吊车" in said
        assert ("批准 驳回" in said) is decides
