"""The words of /scores, the four-part score. They come after those of `labels.py`, so what stands here counts."""

from __future__ import annotations

SCORE_WORDS: dict[str, tuple[str, str]] = {
    "title_scores": ("四维考评", "Four-part score"),
    "nav_scores": ("考评", "Scores"),
    "sc_h1": ("{days}：{n} 个得分对象，共 {total} 分", "{days}: {n} with points, {total} in all"),
    "sc_none": ("{days}：没有得分", "{days}: no points"),
    "sc_basis": (
        "得分随问随算，逐条出自留痕记录；更正也是一条留痕，写明理由。规则见 GRIDPOST_SCORE。",
        "Worked out from the trace when asked; each point names its act. A correction is an act too, with its reason.",
    ),
    "sc_person": ("人员", "People"),
    "sc_squad": ("中队", "Squads"),
    "sc_grid": ("网格", "Grids"),
    "sc_department": ("部门", "Departments"),
    "sc_who": ("对象", "Who"),
    "sc_total": ("总分", "Total"),
    "sc_points": ("条数", "Entries"),
    "sc_from": ("起", "From"),
    "sc_to": ("止", "To"),
    "sc_by": ("按", "By"),
    "sc_show": ("查看", "Show"),
    "sc_of": ("{name}的得分明细", "The points of {name}"),
    "sc_back": ("返回榜单", "Back to the list"),
    "sc_at": ("时间", "Time"),
    "sc_case": ("案件", "Case"),
    "sc_part": ("维度", "Part"),
    "sc_rule": ("规则", "Rule"),
    "sc_act": ("留痕编号", "Entry of the trace"),
    "sc_value": ("分", "Points"),
    "sc_correction": ("更正（{by}）：{text}", "Correction ({by}): {text}"),
    "sc_hidden": ("理由不公开", "reason not shown"),
}
