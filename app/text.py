"""What the server says to people, in both languages.

One place, so that a refusal reads the same in a page, in the API and in a log. The pages show `zh` or `en`;
the API always gives both.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple
from zoneinfo import ZoneInfo

from streams.errors import (
    ActRefused,
    AidRefused,
    BadSetting,
    CaseTaken,
    DepartmentRefused,
    GridpostError,
    JumpRefused,
    NeedsMissing,
    NoSuchAid,
    NoSuchCase,
    NotJoined,
    PatrolBusy,
    PatrolUnknown,
    Refused,
    RequestOpen,
    RoleRefused,
    SixFixesMissing,
    TargetOver,
    TasksOpen,
    Unreachable,
    WrongPatrol,
)
from streams.workflow import BY_NAME, STATE_NAMES


class Text(NamedTuple):
    """One sentence in Chinese and in English."""

    zh: str
    en: str

    def in_(self, lang: str) -> str:
        """The sentence in `lang` (zh or en)."""
        return self.en if lang == "en" else self.zh


SIGN_IN_FIRST = Text("请先登录。", "Sign in first.")
SIGN_IN_FAILED = Text("用户名或密码不对。", "The name or the password is wrong.")
FOREIGN_ORIGIN = Text(
    "请求来自其他网站，未执行。", "The request came from another site, so it was not carried out."
)
NOT_ALLOWED = Text("您的角色不能执行这项操作。", "Your role may not do this.")
NOT_FOUND = Text("没有这个地址。", "There is nothing at this address.")
TOO_LARGE = Text("内容太大，未接收。", "The body is too large and was not taken.")
UNREACHABLE = Text(
    "数据库暂时连不上，没有改动任何内容；请稍后再试。",
    "The database cannot be reached right now; nothing was changed. Try again in a moment.",
)
SIX_FIXES = {
    "grid": Text("定格", "grid"),
    "person": Text("定人", "person"),
    "post": Text("定岗", "post"),
    "time limit": Text("定时", "time limit"),
    "standard": Text("定标", "standard"),
    "responsibility": Text("定责", "responsibility"),
}

NEEDS = {
    "who": Text("承办人", "who shall go"),
    "text": Text("原因或说明", "a reason"),
    "matter": Text("事项", "the matter"),
    "place": Text("位置", "the place"),
    "departments": Text("部门", "the departments"),
    "department": Text("部门", "the department"),
    "limit": Text("延长多久", "how much longer"),
    "into": Text("并入的案件", "the case to merge into"),
    "event": Text("要拆分的事件", "the event"),
    "score": Text("评分", "the score"),
    "proof": Text("处置后的图片", "a picture of the result"),
    "wanted": Text("申请的事项", "what is asked for"),
}

CANNOT_BE = {
    "unknown_matter": "事项目录里没有这一项，请从目录中选择",
    "two_receivers": "一次只能派给一名巡查员或一个部门，请只选一个",
    "impossible_place": "这个位置不存在，请重新选择",
    "outside": "这个位置不在任何网格内，请在网格范围内选择",
    "bad_limit": "这不是可用的时限，请写成“2天（工作日）”这样的时限，最长一年",
    "bad_score": "评分应为 1（差）到 5（优）",
    "bad_until": "缓办时间应晚于现在，且不超过一年",
    "unknown_department": "组织机构里没有这个部门，请从列表中选择",
    "unknown_partner": "没有这个互助单位，请从列表中选择",
    "nobody_free": "本单位现在没有可派的人，请指定一人、稍候，或者拒绝",
    "too_large": "内容太大，未接收",
}
"""Why something that a person gave on a page was not taken, in Chinese; the English sentence names the value too."""


def failed(error_id: str) -> Text:
    """What a user reads when something broke that nobody foresaw; the log has the rest under the same id."""
    return Text(
        f"出错了，已记录（编号 {error_id}）。请重试；如再出现，请把编号告诉管理员。",
        f"Something went wrong and was logged (id {error_id}). Try again; if it stays, tell the "
        "administrator the id.",
    )


def act_name(act: str) -> Text:
    """An act's name, or the word itself when the table does not know it."""
    row = BY_NAME.get(act)
    return Text(row.zh, row.en) if row else Text(act, act)


def state_name(state: str) -> Text:
    """A state's name, or the word itself when the table does not know it."""
    known = {one.value: names for one, names in STATE_NAMES.items()}
    return Text(*known.get(state, (state, state)))


NAMELESS: Mapping[str, Text] = MappingProxyType({})


def of_error(error: GridpostError, tz: ZoneInfo, named: Mapping[str, Text] = NAMELESS) -> Text:
    """What went wrong, in both languages; times are shown in `tz`. `named`: departments, by code."""
    match error:
        case CaseTaken():
            return _taken(error, tz, named.get(error.patrol, Text(error.patrol, error.patrol)))
        case NoSuchCase(no=no):
            return Text(f"没有编号为 {no} 的案件，请核对编号。", f"There is no case {no}; check the number.")
        case JumpRefused():
            return _jump(error)
        case PatrolBusy(patrol=patrol, case=case):
            return Text(
                f"{patrol} 正在处理案件 {case}，请另选一人，或先在那里撤回。",
                f"{patrol} is on case {case}; choose another, or withdraw there first.",
            )
        case PatrolUnknown(patrol=patrol):
            return Text(
                f"{patrol} 不在巡查员名册中，不能派遣；请先登记。",
                f"{patrol} is not a registered patrol and cannot be sent; register it first.",
            )
        case WrongPatrol(no=no, patrol=patrol):
            en = f"{patrol} is not on case {no}; nothing was changed."
            return Text(f"{patrol} 不在案件 {no} 上，未执行。", en)
        case SixFixesMissing(no=no, names=names):
            found = [SIX_FIXES.get(name, Text(name, name)) for name in names]
            return Text(
                f"案件 {no} 不能派遣：六定还缺{'、'.join(f.zh for f in found)}。",
                f"Case {no} cannot be dispatched: {', '.join(f.en for f in found)} missing of the six fixes.",
            )
        case NeedsMissing(no=no, act=act, names=names):
            needs = [NEEDS.get(name, Text(name, name)) for name in names]
            return Text(
                f"案件 {no} 的“{act_name(act).zh}”还缺：{'、'.join(n.zh for n in needs)}。",
                f"{act_name(act).en} of case {no} needs {', '.join(n.en for n in needs)}; give it.",
            )
        case RoleRefused(no=no, act=act, side=side):
            return Text(
                f"案件 {no} 的“{act_name(act).zh}”须由主管批准{'，您可以申请' if side else ''}。",
                f"{act_name(act).en} of case {no} is for a supervisor{'; you may ask for it' if side else ''}.",
            )
        case TasksOpen(no=no, departments=codes):
            open_ = [named.get(code, Text(code, code)) for code in codes]
            return Text(
                f"案件 {no} 不能反馈：{'、'.join(o.zh for o in open_)}还未完成协办；请等待，或取消协办。",
                f"Case {no} cannot be fed back: {', '.join(o.en for o in open_)} not finished; wait or release them.",
            )
        case DepartmentRefused(no=no, department=department, called=called):
            body = named.get(department, Text(department, department))
            return Text(
                f"{body.zh}{'已经' if called else '没有'}被叫到案件 {no}，未执行。",
                f"{body.en} was {'called to' if called else 'not called to'} case {no}"
                f"{' already' if called else ''}; nothing was changed.",
            )
        case TargetOver(no=no, target=target, state=state):
            return Text(
                f"案件 {no} 不能与 {target}（{state_name(state).zh}）并案，请另选未结的案件。",
                f"Case {no} cannot be merged with {target} ({state_name(state).en}); choose an open case.",
            )
        case RequestOpen(no=no, act="", by=""):
            return Text(f"案件 {no} 没有待批的申请。", f"Nothing is asked for on case {no}.")
        case RequestOpen(no=no, act=act, by=by):
            return Text(
                f"{by} 已对案件 {no} 申请“{act_name(act).zh}”，请先处理该申请。",
                f"{by} has asked for “{act_name(act).en}” of case {no} already; decide that first.",
            )
        case NotJoined(no=no):
            return Text(
                f"该事件没有并入案件 {no}，或已经拆分；请看案件记录。",
                f"That event did not join case {no}, or was split off already; look at its log.",
            )
        case NoSuchAid(aid=aid):
            return Text(f"没有编号为 {aid} 的互助。", f"There is no mutual aid {aid}; look at the list.")
        case AidRefused(aid=aid):
            return Text(f"互助 {aid} 已有变化，现在不能这样做。", str(error))
        case Unreachable():
            return UNREACHABLE
        case Refused(reason=reason, text=text):
            zh = CANNOT_BE.get(reason)
            said = f"未执行：{zh}。" if zh else f"内容不可用（{reason}）：{text}"
            return Text(said, f"This cannot be used ({reason}): {text}")
        case BadSetting() | ActRefused():
            return Text(f"未执行：{error}", str(error))
    return Text(f"未执行：{error}", str(error))


def _taken(error: CaseTaken, tz: ZoneInfo, to: Text) -> Text:
    at = f"{error.at.astimezone(tz):%H:%M:%S}"
    act = act_name(error.act)
    sent = error.act == "dispatch" and error.patrol
    zh = f"{act.zh}给 {to.zh}" if sent else act.zh
    en = f"{act.en} to {to.en}" if sent else act.en
    return Text(
        f"没有执行：{error.by} 已于 {at} 先行“{zh}”案件 {error.no}"
        f"（您看到第 {error.seen} 版，现为第 {error.version} 版）。请看最新状态。",
        f"Not done: {error.by} was faster on case {error.no} ({en}, {at}; you saw version {error.seen}, "
        f"it is now {error.version}). Look at the latest state.",
    )


def _jump(error: JumpRefused) -> Text:
    act, state = act_name(error.act), state_name(error.state)
    allowed = [act_name(name) for name in error.allowed]
    return Text(
        f"案件 {error.no} 现为“{state.zh}”，不能“{act.zh}”；"
        f"现在可以：{'、'.join(a.zh for a in allowed) or '无'}。",
        f"Case {error.no} is “{state.en}”, so “{act.en}” is not possible; possible now: "
        f"{', '.join(a.en for a in allowed) or 'nothing more'}.",
    )
