"""The words of the plan: who should go where, for all cases that wait."""

from __future__ import annotations

PLAN_WORDS: dict[str, tuple[str, str]] = {
    "plan": ("派遣方案", "Plan"),
    "plan_hint": ("为全部待派案件一起推荐最合适的人", "The best patrols for all waiting cases together"),
    "plan_title": ("派遣方案", "Who goes where"),
    "plan_wait": ("正在计算……", "Working it out…"),
    "plan_failed": ("没有得到服务器的回答，请再试一次。", "The server did not answer; try again."),
    "plan_text": (
        "为全部待派案件一起推荐：总的到场时间最短，紧急的和快超时的优先。去掉不同意的，再一起派遣。",
        "For all waiting cases together: the least time to arrive, urgent and nearly overdue ones first. Untick what "
        "you do not agree with, then send.",
    ),
    "plan_nothing": ("现在没有可以派遣的案件。", "There is nobody to send now."),
    "plan_left": ("{n} 件没有推荐", "{n} without anybody"),
    "plan_case": ("案件", "Case"),
    "plan_who": ("派谁", "Who"),
    "plan_arrives": ("到场", "Arrives in"),
    "plan_way": ("路程", "Way"),
    "plan_take": ("派遣案件 {no}", "Send for case {no}"),
    "plan_minutes": ("{n} 分钟", "{n} min"),
    "plan_m": ("{n} 米", "{n} m"),
    "plan_km": ("{n} 公里", "{n} km"),
    "plan_about": ("约 ", "about "),
    "plan_send": ("派遣 {n} 件", "Send {n}"),
    "plan_sending": ("正在派遣 {done} / {n}", "Sending {done} of {n}"),
    "plan_sent": ("已派", "Sent"),
    "plan_close": ("关闭", "Close"),
}
