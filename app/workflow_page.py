"""docs/workflow.md, written from the table of acts: `python -m app.workflow_page` (`make docs`).

There is no second copy of the workflow: the script in Redis, the API, the buttons and this page read one table. A test
fails when the page is not what the table says.
"""

from __future__ import annotations

from pathlib import Path

from app.config import ROOT
from streams import workflow
from streams.model import State
from streams.workflow import ACTS, CLOCK_NAMES, LEVEL_NAMES, OVER, STATE_NAMES, Act, Goes

PAGE = Path("docs/workflow.md")
STEPS = (
    ("采集上报", "report"), ("信息核实", "verify"), ("确认受理", "accept"), ("分流交办", "dispatch"),
    ("跟踪督办", "follow"), ("结果反馈", "feed back"), ("核查结案", "check and close"), ("考核评价", "rate"),
)  # fmt: skip
ROLES = {
    "operator": ("值班员", "operator"), "supervisor": ("主管", "supervisor"),
    "administrator": ("管理员", "administrator"), "leader": ("领导", "leader"), "field": ("承办人", "patrol"),
    "department": ("部门", "department"), "rule": ("规则", "rule"), "lender": ("出借方", "lender"),
}  # fmt: skip
NEEDS = {
    "who": ("承办人或部门", "patrol or department"), "text": ("说明", "text"), "matter": ("事项", "matter"),
    "place": ("位置", "lon, lat"), "departments": ("部门（可多个）", "departments"),
    "department": ("部门", "department"), "limit": ("时限", "limit"), "into": ("并入的案件", "into"),
    "event": ("事件", "event"), "score": ("评分", "score"), "wanted": ("所申请的动作", "wanted"),
    "proof": ("照片（事项要求时）", "a picture, when the matter wants one"),
}  # fmt: skip
PATROL = {"bind": ("派出", "is bound"), "free": ("收回", "is freed"), "keep": ("不变", "stays")}
ASIDE = (State.SUSPENDED, State.REJECTED, State.MERGED)
HEAD = """# The workflow of a case 案件流程

Written by `make docs` from the table in [`streams/workflow.py`](../streams/workflow.py), which the script in Redis,
the HTTP API (`GET /api/v1/workflow`), the buttons of the pages and the replies from the field all obey.
本页由程序中的流程表生成；数据库脚本、接口、页面按钮与终端应答都执行同一张表。

A jump that the table does not allow is refused with the state, the act and the acts that are allowed; then nothing has
changed. Every act that is done leaves one entry in the log of its case and in the sealed trace ([trace](trace.md)).
表中没有的跳转一律拒绝，案件不变；每个动作都留一条日志，并进入封存链。
"""


def page() -> str:
    """The whole page."""
    parts = [HEAD, _diagram(), _states(), _acts(), _notes()]
    return "\n".join(parts)


def _pair(names: tuple[str, str] | None, fallback: str) -> str:
    return f"{names[0]} {names[1]}" if names else fallback


def _state(state: State) -> str:
    return f"{STATE_NAMES[state][0]} `{state.value}`"


def _diagram() -> str:
    """What moves a case from state to state; the side exits apart, so that both can be read."""
    main, side = dict[tuple[str, str], list[str]](), dict[tuple[str, str], list[str]]()
    for act in ACTS:
        for state in act.before if act.after is not Goes.SAME else ():
            to = "[*]" if act.after is Goes.PREVIOUS else act.after.value
            aside = act.side or state in ASIDE or act.after in ASIDE
            (side if aside else main).setdefault((state.value, to), []).append(f"{act.zh} {act.name}")
    steps = " → ".join(f"{number} {zh} {en}" for number, (zh, en) in enumerate(STEPS, 1))
    return "\n".join(
        ["## The eight steps 八步", "", f"{steps}.", "", *_mermaid({("[*]", "reported"): ["上报 report"], **main}), "",
         "### Side exits and ways back 旁路与恢复", "", *_mermaid(side), "",
         "Undoing a merging leads back to where the case was. 撤销并案回到并案前的状态。", ""]
    )  # fmt: skip


def _mermaid(edges: dict[tuple[str, str], list[str]]) -> list[str]:
    """A diagram of states with their Chinese names; acts with the same way share an arrow."""
    used = {name for edge in edges for name in edge}
    named = [f"    {state.value}: {zh} {state.value}" for state, (zh, _) in STATE_NAMES.items() if state.value in used]
    arrows = [f"    {before} --> {after}: {' / '.join(acts)}" for (before, after), acts in edges.items()]
    return ["```mermaid", "stateDiagram-v2", *named, *arrows, "```"]


def _states() -> str:
    rows = ["## States 状态", "", "| state | 中文 | English | open | acts that it allows |", "|---|---|---|---|---|"]
    for state, (zh, en) in STATE_NAMES.items():
        allowed = ", ".join(f"`{name}`" for name in workflow.allowed(state)) or "–"
        rows.append(f"| `{state.value}` | {zh} | {en} | {'' if state in OVER else '✓'} | {allowed} |")
    return "\n".join([*rows, ""])


def _acts() -> str:
    rows = [
        "## Acts 动作", "",
        "Who: "
        + " · ".join(f"{zh} {en} = `{name}`" for name, (zh, en) in ROLES.items() if _used(name))
        + ". `rule` is the centre itself; `field` acts by the replies of whoever is on the case.", "",
        "| step | act | from | to | who | needs | clocks | patrol | undo |", "|---|---|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    return "\n".join([*rows, *map(_row, sorted(ACTS, key=lambda act: act.step)), ""])


def _used(role: str) -> bool:
    return any(role in act.roles for act in ACTS)


def _row(act: Act) -> str:
    before = "<br>".join(_state(state) for state in act.before)
    after = {Goes.SAME: "同前 same", Goes.PREVIOUS: "原状态 where it was"}.get(act.after) if isinstance(
        act.after, Goes
    ) else _state(act.after)
    who = " ".join(ROLES.get(role, (role, role))[0] for role in act.roles)
    who += f"<br>{' '.join(f'`{role}`' for role in act.roles)}"
    needs = "<br>".join(_pair(NEEDS.get(need), need) for need in act.needs) or "–"
    undo = f"`{act.undo}`" if act.undo else "–"
    name = f"**{act.zh}** {act.en}<br>`{act.name}`" + ("<br>旁路 side exit" if act.side else "")
    patrol = _pair(PATROL.get(act.patrol), act.patrol)
    return f"| {act.step} | {name} | {before} | {after} | {who} | {needs} | {_clocks(act)} | {patrol} | {undo} |"


def _clocks(act: Act) -> str:
    said = []
    for zh, en, names in (("启动", "starts", act.starts), ("停止", "stops", act.stops), ("取消", "drops", act.cancels)):
        if names:
            which = "全部 all" if set(names) == set(CLOCK_NAMES) else ", ".join(
                _pair(CLOCK_NAMES[name], name) for name in names
            )
            said.append(f"{zh} {en} {which}")
    said += ["暂停 pauses 全部 all"] if act.pauses else []
    said += ["恢复 resumes 全部 all"] if act.resumes else []
    return "<br>".join(said) or "–"


def _notes() -> str:
    late = ", ".join(f"`{act.name}`" for act in ACTS if act.passed)
    levels = ", then ".join(
        f"{share} {zh} {en}" for share, (zh, en) in zip(("50 %", "80 %", "100 %", "200 %"), LEVEL_NAMES, strict=True)
    )
    sides = ", ".join(f"`{name}`" for name in workflow.SIDE_EXITS)
    return "\n".join(
        [
            "## What holds beside the table 表外规则", "",
            "- **Six fixes 六定**: `dispatch` needs grid, person, post, time limit, standard and responsibility; the",
            "  refusal names the missing ones. 未齐六定不能派遣，并说明缺哪几定。",
            f"- **Side exits 旁路** ({sides}) are done by those who approve them; others `ask`, and the request stands",
            "  in the case until it is done or refused. 旁路须由主管批准，其他人提出申请。",
            f"- **Late replies 迟到应答**: {late} of the running dispatch are noted when the case is further already,",
            "  and change nothing. A reply of another dispatch is refused. 迟到的应答只留痕，不改变案件。",
            f"- **Reminders 督办提醒**: {levels}, then every full limit more; each is noted once (`remind`).",
            "- **Joining 并入**: a repeated alert or report nearby joins an open case by itself (entry `join`);",
            "  `split` takes it out. `merge` writes `absorb` into the other case, `unmerge` writes `release`.",
            "- **One thing, one lead 一件事**: `handle` is refused while a called department has not finished.",
            "",
        ]
    )  # fmt: skip


def main() -> None:
    """Write the page."""
    (ROOT / PAGE).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
