"""What the server says to people, in both languages.

One place, so that a refusal reads the same in a page, in the API and in a log. The pages show `zh` or `en`;
the API always gives both.
"""

from __future__ import annotations

from typing import NamedTuple
from zoneinfo import ZoneInfo

from streams.errors import (
    ActRefused,
    BadSetting,
    CaseTaken,
    GridpostError,
    JumpRefused,
    NoSuchCase,
    PatrolBusy,
    PatrolUnknown,
    Refused,
    SixFixesMissing,
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


def of_error(error: GridpostError, tz: ZoneInfo) -> Text:
    """What went wrong, in both languages; times are shown in `tz`."""
    match error:
        case CaseTaken():
            return _taken(error, tz)
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
        case Unreachable():
            return UNREACHABLE
        case Refused(reason=reason, text=text):
            return Text(f"内容不可用（{reason}）：{text}", f"This cannot be used ({reason}): {text}")
        case BadSetting() | ActRefused():
            return Text(f"未执行：{error}", str(error))
    return Text(f"未执行：{error}", str(error))


def _taken(error: CaseTaken, tz: ZoneInfo) -> Text:
    at = f"{error.at.astimezone(tz):%H:%M:%S}"
    act = act_name(error.act)
    sent = error.act == "dispatch" and error.patrol
    zh = f"{act.zh}给 {error.patrol}" if sent else act.zh
    en = f"{act.en} to {error.patrol}" if sent else act.en
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
