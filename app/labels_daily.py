"""The words of /daily about what a day adds up to: the reconciliation, announcing first, the trace.

Apart from `labels.py` because they belong to one page. They come after it, so what stands here counts.
"""

from __future__ import annotations

DAILY_WORDS: dict[str, tuple[str, str]] = {
    "reconciled": ("流入对账", "Where the inflow went"),
    "reconciled_of": ("每件按截止时的状态计一次", "each case counted once, as it stood at the cut-off"),
    "reconciled_not": ("两边不等，请报告", "does not add up: please report this"),
    "sum_inflow": ("流入", "Inflow"),
    "sum_dispatched": ("已派遣", "dispatched"),
    "sum_waiting": ("待办", "waiting"),
    "sum_rejected": ("作废", "rejected"),
    "sum_merged": ("并案", "merged"),
    "announced_first": ("智能喊话", "Announced first"),
    "announced_of": ("不计入流入", "matters that announce first; not in the inflow"),
    "announced_alerts": ("先喊话事项的告警", "alerts"),
    "announced_said": ("已喊话", "announced"),
    "announced_settled": ("已劝离", "settled"),
    "announced_share": ("劝离率", "of the alerts"),
    "announced_none": ("当日没有这类事项的告警", "no alert of such a matter on this day"),
    "aside": ("未再推进", "not going on"),
    "aside_rejected": ("作废 {n}", "{n} rejected"),
    "aside_merged": ("并案 {n}", "{n} merged"),
    "aside_suspended": ("缓办 {n}", "{n} suspended"),
    "basis": (
        "口径：流入 {inflow} = 居民 {resident} + 村级 {village} + 设备转案 {device}；"
        "流入 {inflow} = 已派遣 {dispatched} + 待办 {waiting} + 作废 {rejected} + 并案 {merged}。",
        "Basis: inflow {inflow} = residents {resident} + villages {village} + devices {device}; "
        "inflow {inflow} = dispatched {dispatched} + waiting {waiting} + rejected {rejected} + merged {merged}.",
    ),
    "trace_seal": ("当日留痕封存码", "Seal of the day's trace"),
    "trace_seal_now": ("留痕封存码（至今，当日未完）", "Seal of the trace so far, the day still runs"),
    "trace_note": (
        "当日 {n} 条操作记录逐条相扣的 SHA-256 值。存下这一行，"
        "日后运行 gridpost cases verify --hash 即可证明当日记录未被改动。",
        "SHA-256 over the chain of the day's {n} log entries. Keep this line: with it, gridpost cases verify --hash "
        "later proves that nothing of the day was changed.",
    ),
    "trace_none": ("当日没有操作记录", "nothing was done on this day"),
    # the wall
    "waiting": ("待派", "To send"),
    "wall_above": ("督办：{role} {name}", "Up to {role} {name}"),
}
